"""Small word problems over graphs of dependencies, after iGSM (Ye et al. 2024, arXiv 2407.20311), of shops, gardens and boats.

Each problem has owners of one sort of thing; some amounts are given, the others depend on them ("5 more than", "twice as many
as", "as many as both together"). The sentences stand in any order and some are not needed. Mostly they are exercises without
solution; about one document in seven is a problem of one or two steps, worked out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from burnish.world import names, splits
from burnish.world.arithmetic import Step
from burnish.world.document import Document
from burnish.world.grammar import expand, some, tidy

if TYPE_CHECKING:
    from burnish.world.world import World

PART = "problems"
LIMIT = 150
"""No amount is larger."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a problem plays: who or what can own things, how that is said, the things, and what they are packed in."""

    owners: tuple[str, ...]
    """empty for people"""
    verb: str
    base: str
    """the verb as it follows "does" or "do"; `verb` is for one owner"""
    things: tuple[str, ...]
    boxes: tuple[str, ...]


SETTINGS = (
    Setting((), "has", "have", some("jars|eggs|apples|loaves|cups|candles|books|coins|pies|nuts"), some("crate|box|basket|bag")),
    Setting((), "has", "have", some("stamps|shells|buttons|cards|stones|pencils|rings|keys"), some("box|tin|bag|case")),
    Setting(
        some("the red boat|the blue boat|the old ferry|the long boat|the white boat|the fog ship"), "carries", "carry",
        some("barrels|crates|fish|ropes|lamps|sacks|nets|guests"), some("row|stack"),
    ),
    Setting(
        some("the north bed|the south bed|the long bed|the corner bed|the bed by the wall|the bed by the gate"), "has", "have",
        some("roses|beans|onions|tulips|herbs|cabbages"), some("row|patch"),
    ),
    Setting(
        some("the top shelf|the middle shelf|the low shelf|the shop window|the long table|the back room"), "holds", "hold",
        some("cups|pots|bowls|hats|lamps|books|jugs|clocks"), some("row|box|stack"),
    ),
    Setting(
        some("the bakery|the mill|the book shop|the inn|the school|the harbour"), "orders", "order",
        some("chairs|lamps|plates|sacks|baskets|candles|brooms"), some("cart|box|bundle"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Amount:
    """How many things one owner has: given as a number, or by `equation` from the amounts of `needs`."""

    owner: str
    number: int
    said: str
    """the sentence that tells it"""
    needs: tuple[int, ...] = ()
    """places of the amounts it depends on, all before its own"""
    equation: Step | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """The amounts in order of dependence, the sentences in the order in which they are told, and the amount that is asked for."""

    amounts: tuple[Amount, ...]
    told: tuple[str, ...]
    question: str
    asked: int
    verb: str
    thing: str

    @property
    def answer(self) -> int:
        """The number asked for."""
        return self.amounts[self.asked].number

    @property
    def steps(self) -> tuple[Amount, ...]:
        """The amounts to be worked out, in order; the last is the one asked for."""
        return tuple(self.amounts[place] for place in sorted(_needed(self.amounts, self.asked)) if self.amounts[place].equation)

    @property
    def keys(self) -> tuple[str, ...]:
        """The operands of every step."""
        return tuple(dict.fromkeys(a.equation.key for a in self.steps if a.equation))

    @property
    def text(self) -> str:
        """All that is told, then the question."""
        return " ".join((*self.told, self.question))


_GIVEN = ("{O} {v} {n} {t}.", "{O} {v} {n} {t}.", "The number of {t} that {o} {v} is {n}.", "{O} {v} just {n} {t}.")
_MORE = ("{O} {v} {n} more {t} than {p}.", "{O} {v} {n} {t} more than {p}.", "Compared with {p}, {o} {v} {n} more {t}.")
_FEWER = ("{O} {v} {n} fewer {t} than {p}.", "{O} {v} as many {t} as {p}, less {n}.", "Compared with {p}, {o} {v} {n} fewer {t}.")
_BOTH = ("{O} {v} as many {t} as {p} and {q} together.", "Put {p} and {q} together, and {o} {v} just as many {t}.")
_BETWEEN = ("{O} {v} as many {t} as {p} {v} more than {q}.", "{p} {v} more {t} than {q}, and {o} {v} just the difference.")
_TIMES = ("{O} {v} {k} as many {t} as {p}.", "{O} {v} {k} the number of {t} that {p} {v}.")
_PACKED = (
    "{O} {v} {n} {boxes} of {k} {t} each.", "Each {box} holds {k} {t}. {O} {v} {n} {boxes}.",
    "{O} {v} {t} in {n} {boxes}, with {k} in each {box}.", "There are {k} {t} in a {box}, and {o} {v} {n} {boxes}.",
)  # fmt: skip
_ASK = (
    "How many {t} does {o} {b}?", "How many {t} does {o} {b}?", "What is the number of {t} that {o} {v}?",
    "Find out how many {t} {o} {v}.", "Work out how many {t} {o} {v}.",
)  # fmt: skip
_FACTOR = {2: "twice", 3: "three times", 4: "four times", 5: "five times"}
_INTROS = some(
    """Problems|Word problems|Problems for {day}|Exercises|Lesson {n}|Page {n}|Think before you write.|Read well, then count.|
    From the school of {town}|Write down the number.|For the older children|More problems|Who can find it?|Sheet {n}"""
)
_LEADS = some("Solution:|Answer:|We count:|It goes like this:|Let us see.|How to find it:|Step by step:|Worked out:")
_STEPS = ("{O} {v} {e} {t}.", "For {o} it is {e}.", "{e}, so {o} {v} {n} {t}.", "{O} {v} {e}.", "{e} for {o}.")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


def make(draw: random.Random, operations: int, *, side: splits.Side = "train") -> Problem:
    """One problem that takes exactly so many operations; all its operand pairs are of the side."""
    while True:
        setting = draw.choice(SETTINGS)
        thing = draw.choice(setting.things)
        count = operations + draw.choice((1, 1, 2))
        owners = draw.sample(setting.owners or names.GIVEN, min(count + 1, 6))
        amounts = _graph(setting, thing, owners, operations, draw, side)
        if amounts is None:
            continue
        asked = draw.choice([n for n, a in enumerate(amounts) if a.equation])
        if sum(amounts[n].equation is not None for n in _needed(amounts, asked)) != operations:
            continue
        told = [a.said for a in amounts]
        if draw.random() < 0.6:
            draw.shuffle(told)
        words = {"t": thing, "v": setting.verb, "b": setting.base, "o": amounts[asked].owner}
        return Problem(amounts, tuple(told), expand(draw.choice(_ASK), draw, **words), asked, setting.verb, thing)


def documents(world: World, draw: random.Random) -> Iterator[Document]:
    """Exercise lists, and now and then one problem with its solution, without end."""
    del world  # the people of these problems are nobody in particular
    while True:
        if draw.random() < 0.14:
            problem = make(draw, draw.choice((1, 1, 2)))
            text, keys = f"{problem.text}{draw.choice((' ', chr(10)))}{solution(problem, draw)}", problem.keys
        else:
            text, keys = _exercises(draw)
        if 15 <= len(text.split()) <= 140:
            yield Document(PART, text, keys)


def solution(problem: Problem, draw: random.Random) -> str:
    """The steps in order, each as an equation, and the result."""
    parts = []
    for step in problem.steps:
        assert step.equation
        words = {"O": _capital(step.owner), "o": step.owner, "v": problem.verb, "t": problem.thing, "n": str(step.number)}
        parts.append(expand(draw.choice(_STEPS), draw, e=str(step.equation), **words))
    return tidy(f"{draw.choice(_LEADS)} {' '.join(parts)}")


def _exercises(draw: random.Random) -> tuple[str, tuple[str, ...]]:
    problems = [make(draw, draw.choices((1, 2, 3, 4), (45, 30, 15, 10))[0]) for _ in range(draw.choice((1, 2, 2, 3, 3, 4)))]
    mark = draw.choice(("{n}. ", "{n}) ", "({n}) ", "- ", "")) if len(problems) > 1 else ""
    lines = [mark.format(n=n) + problem.text for n, problem in enumerate(problems, 1)]
    if draw.random() < 0.5:
        words = {"day": draw.choice(_DAYS), "n": str(draw.randint(2, 99)), "town": draw.choice(names.TOWNS)}
        lines.insert(0, draw.choice(_INTROS).format(**words))
    return "\n".join(lines), tuple(dict.fromkeys(key for problem in problems for key in problem.keys))


def _needed(amounts: tuple[Amount, ...], asked: int) -> set[int]:
    """Places of all amounts that the one asked for depends on, itself included."""
    found, rest = set[int](), [asked]
    while rest:
        place = rest.pop()
        if place not in found:
            found.add(place)
            rest += amounts[place].needs
    return found


def _graph(
    setting: Setting, thing: str, owners: list[str], operations: int, draw: random.Random, side: splits.Side
) -> tuple[Amount, ...] | None:
    """Amounts for the owners: some given, `operations` (or one more) derived; None where the numbers lead nowhere."""
    derived = min(operations + (draw.random() < 0.25), len(owners) - 1)
    if derived < operations:
        return None
    kinds = ["given", *draw.sample(["derived"] * derived + ["given"] * (len(owners) - 1 - derived), len(owners) - 1)]
    if operations == 1 and draw.random() < 0.3:
        kinds = ["packed", *["given"] * draw.choice((0, 0, 1))]
    amounts: list[Amount] = []
    for owner, kind in zip(owners, kinds, strict=False):
        for _ in range(12):
            amount = _amount(setting, thing, owner, kind, amounts, draw)
            fits = 2 <= amount.number <= LIMIT and (amount.equation is None or splits.of(amount.equation.key) == side)
            if fits:
                amounts.append(amount)
                break
        else:
            return None
    return tuple(amounts)


def _amount(setting: Setting, thing: str, owner: str, kind: str, before: list[Amount], draw: random.Random) -> Amount:
    """One amount that is given, packed in boxes, or derived from those before it; it may be out of bounds."""
    words = {"o": owner, "O": _capital(owner), "v": setting.verb, "t": thing}
    number = draw.randint(2, 9) if draw.random() < 0.4 else draw.randint(10, 60)
    if kind == "given":
        return Amount(owner, number, expand(draw.choice(_GIVEN), draw, n=str(number), **words))
    if kind == "packed":
        many, each, box = draw.randint(2, 9), draw.randint(2, 9), draw.choice(setting.boxes)
        words |= {"n": str(many), "k": str(each), "box": box, "boxes": f"{box}{'es' if box.endswith(('x', 'ch')) else 's'}"}
        equation = Step("product", many, each)
        return Amount(owner, equation.result, expand(draw.choice(_PACKED), draw, **words), (), equation)
    # The newest amounts are the likeliest to be used again, so that chains grow long.
    place = len(before) - 1 if draw.random() < 0.6 else draw.randrange(len(before))
    left = before[place]
    way = draw.choice(("more", "more", "fewer", "fewer", "times", "both", "between"))
    if way in ("both", "between") and len(before) > 1:
        other = draw.choice([n for n in range(len(before)) if n != place])
        right = before[other]
        if way == "between" and left.number < right.number:
            left, right = right, left
        equation = Step("sum" if way == "both" else "difference", left.number, right.number)
        said = expand(draw.choice(_BOTH if way == "both" else _BETWEEN), draw, p=left.owner, q=right.owner, **words)
        return Amount(owner, equation.result, tidy(said), (place, other), equation)
    if way == "times" and left.number <= 9:
        factor = draw.choice((2, 2, 3, 4, 5))
        said = expand(draw.choice(_TIMES), draw, k=_FACTOR[factor], p=left.owner, **words)
        return Amount(owner, left.number * factor, said, (place,), Step("product", left.number, factor))
    more = draw.random() < 0.5
    said = expand(draw.choice(_MORE if more else _FEWER), draw, n=str(number), p=left.owner, **words)
    equation = Step("sum" if more else "difference", left.number, number)
    return Amount(owner, equation.result, said, (place,), equation)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
