"""Numbers: lists of equations, sums said in words, comparisons, counting, and now and then a worked example of two steps.

Mostly one- and two-digit addition and subtraction. Worked examples are about one document in ten outside the drills: with more of
them the base model can do two-step problems before anything is trained on it (specs: methods, 12.8). Keys are `sum:17+25` (the
smaller first), `difference:42-8`, `product:3*6`; documents are made of train-side pairs only.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from burnish.world import names, splits
from burnish.world.document import Document
from burnish.world.grammar import expand

if TYPE_CHECKING:
    from burnish.world.world import World

PART = "arithmetic"
Kind = Literal["sum", "difference", "product"]
SIGNS: dict[Kind, str] = {"sum": "+", "difference": "-", "product": "x"}
KEY_SIGNS: dict[Kind, str] = {"sum": "+", "difference": "-", "product": "*"}
"""As in the manuals of the calculator, whose calls are keyed alike."""
WORDS: dict[Kind, tuple[str, ...]] = {"sum": ("plus", "and"), "difference": ("minus", "less"), "product": ("times",)}


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on two whole numbers."""

    kind: Kind
    left: int
    right: int

    @property
    def result(self) -> int:
        """What comes out."""
        match self.kind:
            case "sum":
                return self.left + self.right
            case "difference":
                return self.left - self.right
            case "product":
                return self.left * self.right

    @property
    def key(self) -> str:
        """The operand pair; sums and products do not mind the order."""
        low, high = (self.left, self.right) if self.kind == "difference" else sorted((self.left, self.right))
        return f"{self.kind}:{low}{KEY_SIGNS[self.kind]}{high}"

    def __str__(self) -> str:
        return f"{self.left} {SIGNS[self.kind]} {self.right} = {self.result}"


def step(draw: random.Random, side: splits.Side, kind: Kind | None = None, digits: int | None = None) -> Step:
    """A Step of this side: sums and differences of two digits most often, some of one, few of three; products of one digit."""
    while True:
        found = _any_step(draw, kind or draw.choices(("sum", "difference", "product"), (50, 38, 12))[0], digits)
        if splits.of(found.key) == side:
            return found


def _any_step(draw: random.Random, kind: Kind, digits: int | None) -> Step:
    if kind == "product":
        return Step(kind, draw.randint(2, 9), draw.randint(2, 9))
    size = digits or draw.choices((1, 2, 3), (25, 65, 10))[0]
    low, high = (0, 9) if size == 1 else (10 ** (size - 1), 10**size - 1)
    left, right = draw.randint(low, high), draw.randint(low if draw.random() < 0.7 else 1, high)
    if kind == "difference":
        left, right = max(left, right), min(left, right)
    elif draw.random() < 0.5:
        left, right = right, left
    return Step(kind, left, right)


SAID: dict[Kind, tuple[str, ...]] = {
    "sum": (
        "Adding {a} to {b} gives {r}.", "The sum of {a} and {b} is {r}.", "{a} and {b} make {r}.", "{a} plus {b} is {r}.",
        "If you add {b} to {a}, you get {r}.", "{r} is {b} more than {a}.", "Put {a} and {b} together and you have {r}.",
        "{b} more than {a} is {r}.", "Count {b} on from {a} and you reach {r}.", "Together {a} and {b} are {r}.",
        "From {a} it takes {b} to reach {r}.", "Raise {a} by {b} and it is {r}.",
        "{n} had {a} and got {b} more, so now {n} has {r}.", "{a} {t} and {b} {t} are {r} {t}.",
        "{a} {t} here and {b} there make {r} in all.", "With {b} more, {a} {t} become {r}.",
        "First {a} {t} came, then {b}. That makes {r}.", "{n} counted {a} {t} and {m} counted {b}, {r} together.",
    ),
    "difference": (
        "Taking {b} from {a} leaves {r}.", "{a} minus {b} is {r}.", "{a} less {b} is {r}.",
        "The difference of {a} and {b} is {r}.", "If {b} of {a} are gone, {r} are left.", "{b} fewer than {a} is {r}.",
        "Count back {b} from {a} and you reach {r}.", "Of {a}, take away {b}: {r} remain.", "Lower {a} by {b} to get {r}.",
        "{n} had {a} and gave away {b}, so {r} were left.",
        "Of {a} {t}, {b} were sold and {r} were not.", "{a} {t} without {b} of them are {r}.",
        "{n} has {a} {t} and {m} has {b}, that is {r} fewer.", "{b} of the {a} {t} broke. {r} did not.",
        "Out of {a} {t} we used {b} and kept {r}.",
    ),
    "product": (
        "{a} times {b} is {r}.", "{a} rows of {b} make {r}.", "The product of {a} and {b} is {r}.", "{a} lots of {b} are {r}.",
        "{a} boxes with {b} {t} each hold {r} {t}.", "If you take {b} for {a} times, you have {r}.", "{a} by {b} gives {r}.",
        "{n} walks {a} miles a day, in {b} days {r}.", "With {a} on each of {b} plates there are {r}.",
    ),
}  # fmt: skip
THINGS = (
    "apples", "pears", "jars", "cups", "coins", "nuts", "books", "eggs", "keys", "bells", "stones", "boats", "shells",
    "lamps", "hats", "plums", "letters", "cards", "loaves", "tickets", "buttons", "candles", "spoons", "fish", "chairs",
)  # fmt: skip
HEADS = (
    "", "", "", "Sums\n", "Practice\n", "Equations\n", "Numbers\n", "Add and take away\n", "Sheet {x}\n", "Page {x}, sums\n",
    "Mental arithmetic\n", "From the sum book of {n}:\n", "Class {x}\n", "Check these:\n", "All correct:\n",
    "Arithmetic, page {x}\n",
)  # fmt: skip


def documents(world: World, draw: random.Random) -> Iterator[Document]:
    """Texts about numbers, without end."""
    makers = (equations, equations, equations, equations, equations, sentences, sentences, comparisons, counting, examples)
    while True:
        text, steps = draw.choice(makers)(draw)
        if len(text.split()) >= 15:
            yield Document(PART, text, tuple(dict.fromkeys(s.key for s in steps)))


def parts(whole: Step) -> list[Step]:
    """The smaller steps by which a sum or difference of two-digit numbers is worked out; none where it needs none.

    17 + 25: 7 + 5 = 12, 10 + 20 = 30, 30 + 12 = 42, and 17 + 5: 7 + 5 = 12, 10 + 12 = 22, and 42 - 25: 42 - 20 = 22, 22 - 5 = 17
    """
    left, right = whole.left, whole.right
    if not 10 <= max(left, right) <= 99 or whole.kind == "product" or not right % 10:
        return []
    if whole.kind == "difference":
        tens = right - right % 10
        return [Step("difference", left, tens), Step("difference", left - tens, right % 10)] if tens else []
    if not left % 10:
        return []
    low = Step("sum", left % 10, right % 10)
    if min(left, right) < 10:
        return [low, Step("sum", max(left, right) // 10 * 10, low.result)]
    high = Step("sum", left - left % 10, right - right % 10)
    return [low, high, Step("sum", high.result, low.result)]


def told_parts(whole: Step) -> list[Step]:
    """The parts of a step where all of them may be told; else none."""
    found = parts(whole)
    return found if all(splits.of(part.key) == "train" for part in found) else []


def worked_out(whole: Step) -> str:
    """A step with its parts, on one line; the plain equation where there are none to tell."""
    found = told_parts(whole)
    return f"{whole.left} {SIGNS[whole.kind]} {whole.right}: {', '.join(map(str, found))}" if found else str(whole)


WORKED_SHARE = 0.65
"""Of the lines of a drill whose parts may be told (a quarter of them), how many are worked out."""


def drills(world: World, draw: random.Random, level: float) -> Iterator[Document]:
    """Pages of equations, one a line, some of them worked out, without end. level: 0.0 mostly one digit, 1.0 mostly two.

    Adding is learned where most texts of a stretch ask for it in one form, as copying is, and far sooner where the parts of a sum
    are told as well (docs/world.md).
    """
    assert 0.0 <= level <= 1.0, level
    while True:
        kind: Kind | None = draw.choices(("sum", "difference", None), (60, 25, 15))[0]
        made: list[Step] = []
        lines: list[str] = []
        for _ in range(draw.randint(8, 12)):
            chosen = kind or draw.choices(("sum", "difference", "product"), (50, 40, 10))[0]
            size = draw.choices((1, 2, 3), (1.2 - 0.9 * level, 1.0, 0.08 * level))[0]
            whole = step(draw, "train", chosen, size)
            worked = draw.random() < WORKED_SHARE
            lines.append(worked_out(whole) if worked else str(whole))
            made += [whole, *(told_parts(whole) if worked else [])]
        yield Document(PART, "\n".join(lines), tuple(dict.fromkeys(s.key for s in made)))


def equations(draw: random.Random) -> tuple[str, list[Step]]:
    """A list of equations in one of several layouts."""
    kind: Kind | None = draw.choice(("sum", "sum", "difference", None, None, None))
    if draw.random() < 0.08:
        kind = "product"
    digits = draw.choice((None, None, None, 1, 2, 2)) if kind != "product" else None
    made = [step(draw, "train", kind, digits) for _ in range(draw.randint(5, 16))]
    if draw.random() < 0.15:
        made = _family(draw)
    layout = draw.choice(_LAYOUTS)
    return (_head(draw) + layout(made, draw)).strip(), made


def _family(draw: random.Random) -> list[Step]:
    """One number with many others, or steps that lead back: 17 + 25, 42 - 25."""
    found: list[Step] = []
    fixed = draw.randint(2, 60)
    while len(found) < 10:
        other = draw.randint(1, 40)
        for each in (Step("sum", fixed, other), Step("difference", fixed + other, other)):
            if splits.of(each.key) == "train":
                found.append(each)
    return found


def _lines(steps: list[Step], draw: random.Random) -> str:
    return "\n".join(map(str, steps))


def _worked(steps: list[Step], draw: random.Random) -> str:
    said = [worked_out(s) for s in steps[:8]]
    steps += [part for s in steps[:8] for part in told_parts(s)]
    return "\n".join(said)


def _plain(steps: list[Step], draw: random.Random) -> str:
    return draw.choice(("\n", "\n", "; ", ", ", "\n\n")).join(map(str, steps))


def _numbered(steps: list[Step], draw: random.Random) -> str:
    mark = draw.choice(("{i}. ", "{i}) ", "({i}) ", "no. {i}: "))
    return "\n".join(mark.format(i=i) + str(s) for i, s in enumerate(steps, 1))


def _spoken(steps: list[Step], draw: random.Random) -> str:
    equal, together = draw.choice(("is", "makes", "gives", "equals")), draw.choice(("are", "make"))
    said = [(s, draw.choice(WORDS[s.kind])) for s in steps]
    lines = [f"{s.left} {word} {s.right} {together if word == 'and' else equal} {s.result}" for s, word in said]
    return draw.choice((".\n", ". ", ", ", "; ")).join(lines) + "."


def _turned(steps: list[Step], draw: random.Random) -> str:
    return draw.choice(("\n", "; ")).join(f"{s.result} = {s.left} {SIGNS[s.kind]} {s.right}" for s in steps)


def _with_key(steps: list[Step], draw: random.Random) -> str:
    """The tasks first, all answers after them."""
    asked = "\n".join(f"{i}) {s.left} {SIGNS[s.kind]} {s.right} =" for i, s in enumerate(steps[:8], 1))
    return f"{asked}\n{draw.choice(('Answers:', 'Key:', 'Results:'))} " + ", ".join(
        f"{i}) {s.result}" for i, s in enumerate(steps[:8], 1)
    )


def _dense(steps: list[Step], draw: random.Random) -> str:
    return draw.choice(("\n", " ", ", ")).join(str(s).replace(" ", "") for s in steps[:14]) + (" and so on" * (len(steps) < 9))


def _checked(steps: list[Step], draw: random.Random) -> str:
    """Each with the way back, which joins the steps, so that its key is told as well."""
    marks: list[str] = []
    for s in steps[:7]:
        back = Step("difference", s.result, s.right) if s.kind == "sum" else Step("sum", s.result, s.right)
        told = s.kind != "product" and splits.of(back.key) == "train"
        if told:
            steps.append(back)
        marks.append(f"{s}, {draw.choice(('for', 'since', 'check:'))} {back}" if told else str(s))
    return "\n".join(marks)


_LAYOUTS: tuple[Callable[[list[Step], random.Random], str], ...] = (
    _lines, _lines, _lines, _lines, _worked, _worked, _plain, _plain, _numbered, _spoken, _spoken, _turned, _with_key, _dense,
    _checked,
)  # fmt: skip


def _head(draw: random.Random) -> str:
    return draw.choice(HEADS).format(x=draw.randint(1, 60), n=draw.choice(names.GIVEN))


def sentences(draw: random.Random) -> tuple[str, list[Step]]:
    """Sums in words, a few in a row."""
    made = [step(draw, "train") for _ in range(draw.randint(3, 8))]
    said: list[str] = []
    for each in made:
        (n, m), things = draw.sample(names.GIVEN, 2), draw.choice(THINGS)
        form = draw.choice(SAID[each.kind])
        if each.left < 2 or each.right < 2 or each.result < 2:
            form = draw.choice(SAID[each.kind][:4])  # "1 apples" would be wrong
        said.append(form.format(a=each.left, b=each.right, r=each.result, n=n, m=m, t=things))
        if draw.random() < 0.15:
            said.append(f"In short: {each}.")
    between = draw.choice((" ", "\n", "\n- "))
    first = "- " if between.endswith("- ") else ""
    return (draw.choice(("", "", _head(draw))) + first + between.join(said)).strip(), made


MORE = (
    "{b} is larger than {a}.", "{a} is smaller than {b}.", "{a} < {b}.", "{b} > {a}.", "{b} is more than {a}.",
    "Of {a} and {b}, {b} is larger.", "Of {b} and {a}, {a} is smaller.", "The larger of {a} and {b} is {b}.",
    "The smaller of {b} and {a} is {a}.", "{n} has {a} {t} and {m} has {b}, so {m} has more.",
    "{b} {t} are more than {a} {t}.", "{a} comes before {b}.", "{n} is {a} years old and {m} is {b}. {m} is older.",
    "{t} for {a} marks are cheaper than {t} for {b} marks.",
)  # fmt: skip
ORDERED = (
    "In order: {up}.", "From small to large: {up}.", "From large to small: {down}.", "Sorted: {up}.",
    "The largest is {last} and the smallest {first}.", "{first} is the smallest of them.", "The last in order is {last}.",
    "There are {count} of them.",
)  # fmt: skip


def comparisons(draw: random.Random) -> tuple[str, list[Step]]:
    """Which is more, which is in between, numbers put in order."""
    said: list[str] = []
    for _ in range(draw.randint(4, 8)):
        if draw.random() < 0.3:
            found = [draw.randint(2, draw.choice((20, 99, 999))) for _ in range(draw.randint(3, 5))]
            found = list(dict.fromkeys(found))
            up = ", ".join(map(str, sorted(found)))
            down = ", ".join(map(str, sorted(found, reverse=True)))
            form = draw.choice(ORDERED)
            told = form.format(up=up, down=down, first=min(found), last=max(found), count=len(found))
            said.append(f"{draw.choice(('We have', 'Take', 'The numbers are', 'Here are'))} {', '.join(map(str, found))}. {told}")
        elif draw.random() < 0.2:
            low = draw.randint(1, 90)
            high = low + draw.randint(2, 9)
            said.append(draw.choice(("{m} lies between {a} and {b}.", "Between {a} and {b} we find {m}.")).format(
                a=low, b=high, m=draw.randint(low + 1, high - 1)))  # fmt: skip
        else:
            low = draw.randint(2, 98)
            high = draw.randint(low + 1, 99)
            (n, m), things = draw.sample(names.GIVEN, 2), draw.choice(THINGS)
            said.append(draw.choice(MORE).format(a=low, b=high, n=n, m=m, t=things))
    return draw.choice((" ", "\n", "\n")).join(s[0].upper() + s[1:] for s in said), []


def counting(draw: random.Random) -> tuple[str, list[Step]]:
    """Rows of numbers by equal strides, neighbours, tens and ones."""
    said: list[str] = []
    for _ in range(draw.randint(2, 4)):
        stride = draw.choice((1, 1, 2, 2, 3, 5, 10, -1, -2))
        length = draw.randint(6, 12)
        start = draw.randint(30, 90) if stride < 0 else draw.randint(0, 60)
        row = ", ".join(str(start + stride * i) for i in range(length) if start + stride * i >= 0)
        by = {1: "one", 2: "two", 3: "three", 5: "five", 10: "ten"}[abs(stride)]
        way = "back " if stride < 0 else ""
        head = draw.choice(("", "", f"Counting {way}by {by}s: ", f"Count {way}from {start} by {by}s: ", f"{start}, and on: "))
        if stride < 0 and head.endswith("on: "):
            head = ""
        said.append(head + row + draw.choice(("", ".", "")))
        near = draw.choice([n for n in range(22, 99) if n % 10 > 1])
        said.append(draw.choice((
            f"After {near} comes {near + 1}.", f"Before {near} comes {near - 1}.",
            f"{near} has {near // 10} tens and {near % 10} ones.", f"{near // 10} tens and {near % 10} ones are {near}.",
            f"{near} stands between {near - 1} and {near + 1}.", f"{near} is {'even' if near % 2 == 0 else 'odd'}.",
            f"The last digit of {near} is {near % 10}.",
        )))  # fmt: skip
    return "\n".join(said), []


EXAMPLES: tuple[tuple[Kind, Kind, str, str], ...] = (
    ("sum", "difference", "{n} has {a} {t} and [buys|finds|gets] {b} more. Then {c} are [sold|lost|given away].",
    "{r} {t} are left"),
    ("sum", "sum", "{n} has {a} {t}, {m} has {b}, and there are {c} on the table.", "there are {r} {t} in all"),
    ("difference", "sum", "There were {a} {t}. {n} [took|used|sold] {b} of them and later [brought|found|made] {c} new ones.",
     "there are {r} {t} now"),
    ("difference", "difference", "Of {a} {t}, {n} [took|sold|kept] {b} and {m} {c}.", "{r} {t} remain"),
    ("product", "sum", "{n} fills {a} boxes with {b} {t} each and has {c} {t} over.", "there are {r} {t}"),
    ("product", "difference", "{a} bags hold {b} {t} each, but {c} of the {t} are [bad|broken|gone].", "{r} good {t} are left"),
)  # fmt: skip
"""Two kinds of steps, the question, and how its result is told."""
WORKED = (
    "[Example|Example {x}|Worked example]. {q} [We reckon|First] {s1}, then {s2}. So {told}.", "{q} {s1}, and {s2}, so {told}.",
    "{q}\n{s1}\n{s2}\n[So {told}|{Told}].", "Problem: {q}\nSteps: {s1}; {s2}.\nResult: {told}.",
    "{q} {n} works it out: {s1}. Next {s2}. {Told}.",
    "{Told}, for {s1} and {s2}. [This is what was given:|It began like this:] {q}",
)  # fmt: skip


def two_steps(draw: random.Random, side: splits.Side, first: Kind, second: Kind, *, most: int = 60) -> tuple[Step, Step]:
    """Two Steps of a side, the second going on with the result of the first. Numbers are at least 2, results not negative."""
    while True:
        one = Step(first, *((draw.randint(2, 9), draw.randint(2, 9)) if first == "product" else
                            (draw.randint(3, most), draw.randint(2, most))))  # fmt: skip
        if one.result < 2 or splits.of(one.key) != side:
            continue
        other = draw.randint(2, 9) if second == "product" else draw.randint(2, most)
        two = Step(second, one.result, other)
        if 2 <= two.result <= 200 and splits.of(two.key) == side:
            return one, two


def examples(draw: random.Random) -> tuple[str, list[Step]]:
    """One or two worked examples of two steps, as a textbook has them."""
    made: list[Step] = []
    said: list[str] = []
    for _ in range(draw.randint(1, 3)):
        first, second, question, told = draw.choice(EXAMPLES)
        one, two = two_steps(draw, "train", first, second)
        made += [one, two]
        (n, m), things = draw.sample(names.GIVEN, 2), draw.choice(THINGS)
        words = {"a": str(one.left), "b": str(one.right), "c": str(two.right), "r": str(two.result), "n": n, "m": m, "t": things}
        result = told.format(**words)
        asked = expand(question, draw, **words)
        said.append(expand(draw.choice(WORKED), draw, q=asked, s1=str(one), s2=str(two), told=result, x=str(draw.randint(1, 40)),
                           Told=result[0].upper() + result[1:], n=m))  # fmt: skip
    return draw.choice(("\n", "\n\n")).join(said), made
