"""The task "arithmetic": two-step sums and differences, as expressions and as little stories, answered with short steps.

The base has read plain equations and few worked examples, so that it can often do each step and seldom the two: what fine-tuning
begins here, reinforcement has room to finish. Products are left out: those of single digits are learned by heart, and a held-out
one was never read.
"""

from __future__ import annotations

import ast
import random
import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from burnish.tasks.graders.references import cannot_judge, references_of, shown
from burnish.tasks.task import Card, Task
from burnish.types import Example, Message, Score
from burnish.world import names, splits
from burnish.world.arithmetic import SIGNS, THINGS, Kind, Step, two_steps
from burnish.world.grammar import expand, sentence

if TYPE_CHECKING:
    from burnish.world.world import World

COUNTS: dict[splits.Side, int] = {"train": 4800, "valid": 100, "test": 400}
LARGEST = 60
"""No operand is larger, but for the result of the first step."""
_SMALL = tuple(thing for thing in THINGS if thing not in ("boats", "chairs"))
"""What can lie on a table or go in a box."""
_DIGITS = r"(?<![\d.])\d{1,12}(?:\.\d{1,6})?(?!\d)"
_TERM = rf"\(*-?{_DIGITS}\)*"
_SIDE = rf"{_TERM}(?: ?[-+*/] ?{_TERM})*"
_EQUATION = re.compile(rf"{_SIDE}(?: ?= ?{_SIDE})+")
_NUMBER = re.compile(rf"(?<![\w.])-{_DIGITS}|{_DIGITS}")
_MARKED = re.compile(rf"\banswer is:? *(?P<said>{_EQUATION.pattern}|-?{_DIGITS})", re.IGNORECASE)
_SIGNS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u00d7": "*", "\u00b7": "*", "\u00f7": "/"})
_SPELLED = (
    (re.compile(r"(?<=\d)(?: [a-z]{2,})? plus (?=\d)"), " + "),
    (re.compile(r"(?<=\d)(?: [a-z]{2,})? (?:minus|less) (?=\d)"), " - "),
    (re.compile(r"(?<=\d) ?(?:times|x) ?(?=\d)"), " * "),
    (re.compile(r"(?<=\d) and (?=\d+ (?:is|are|makes?|gives?|equals?) \d)"), " + "),
    (re.compile(r"(?<=\d) (?:is|are|makes?|gives?|equals?) (?=\d)"), " = "),
    (re.compile(r"(?<=\d) (?!plus|minus|less|times|and)[a-z]{2,}(?= [-+*/=] ?\d)"), ""),
)


def make(world: World | None = None, rows: int | None = None) -> Task:
    """The task. rows: how many training rows to take, all 4,800 unless given; fewer are the first of more."""
    seed = world.seed if world else 0
    counts = COUNTS if rows is None else {**COUNTS, "train": rows}
    train, valid, test = (rows_of(side, counts[side], seed) for side in ("train", "valid", "test"))
    return Task(name="arithmetic", card=CARD, grader=FinalNumber(), train=train, valid=valid, test=test, limit_tokens=72)


CARD = Card(
    title="Arithmetic with steps",
    about="Two sums or differences in a row, asked for as an expression or as a little story. A good answer writes both steps "
    'as equations, those of a story each after the clause that tells it, and ends with "The answer is" and the number.',
    data="Generated: operands up to 60, results up to 200. Valid and test have operand pairs and phrasings that are neither in "
    "train nor in the corpus of the base model; the clauses of their stories stand in stories of train with others.",
    grading='The number after the last "The answer is", else the last number, must equal that of the reference, and at least one '
    "equation must be written. All equations must be true, the last must give the number, and one must have a number of the "
    'question in it. Answers of which only the number is right have the mark "right number".',
    limits="It shows two steps with small numbers in phrasings of one kind. Products, longer chains and larger numbers are "
    "not asked. True equations that do not follow from the question pass if they end with the right number; "
    "words between them are not judged.",
)


@dataclass(frozen=True, slots=True)
class Equation:
    """What an answer sets equal: the text, and the value of each side (None where it has none, as with a zero divisor)."""

    text: str
    sides: tuple[Fraction | None, ...]

    @property
    def true(self) -> bool:
        """Whether all sides are one number."""
        return None not in self.sides and len(set(self.sides)) == 1


@dataclass(frozen=True, slots=True)
class FinalNumber:
    """1 where the final number of an answer is that of the reference and true equations lead to it.

    Marks: "right number" where the number is right, whatever leads to it.
    """

    name: str = "final-number"
    concurrency: int = field(default=2, repr=False)

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0; NaN with `error` where the example has no reference with a number."""
        wanted = next((n for text in references_of(example) if (n := final_number(text)) is not None), None)
        if wanted is None:
            return cannot_judge("the example has no reference with a number in it")
        found = final_number(answer)
        if found is None:
            return Score(value=0.0, reason=f"there is no number in the answer {shown(answer)}")
        if Fraction(found) != Fraction(wanted):
            return Score(value=0.0, reason=f"the final answer {found} is not {wanted}")
        asked = next((m.content for m in reversed(example.messages) if m.role == "user"), "")
        fault = _fault(equations(answer), Fraction(found), asked)
        if fault:
            return Score(value=0.0, reason=f"the final answer {found} is right, but {fault}", marks=("right number",))
        reason = f"the final answer {found} equals the reference {wanted}, and true steps lead to it"
        return Score(value=1.0, reason=reason, marks=("right number",))


def _fault(steps: list[Equation], final: Fraction, asked: str) -> str:
    """What is wrong with the steps to a final number; empty where nothing is."""
    if not steps:
        return "no step is written as an equation"
    for step in steps:
        if not step.true:
            return f"{step.text} is not true"
    if steps[-1].sides[-1] != final:
        return f"the last step {steps[-1].text} does not give it"
    given = set(re.findall(_DIGITS, asked))
    if given and not given & set(re.findall(_DIGITS, " ".join(s.text for s in steps))):
        return "no step has a number of the question"
    return ""


def final_number(answer: str) -> str | None:
    """The number after the last "answer is", else the last number, as it is spelled; None where there is none. Of an equation
    after "answer is" it is the last side."""
    plain = _plain(answer)
    marked = list(_MARKED.finditer(plain))
    if not marked:
        return (_NUMBER.findall(plain) or [None])[-1]
    said = marked[-1]["said"]
    return _NUMBER.findall(said.rpartition("=")[2])[0]


def equations(answer: str) -> list[Equation]:
    """The equations of an answer that have an operation in them, in order; in signs or in words ("17 plus 25 is 42")."""
    chains = [m.group() for m in _EQUATION.finditer(_plain(answer))]
    return [Equation(c, tuple(map(_value, c.split("=")))) for c in chains if re.search(r"[\d)] ?[-+*/] ?[\d(]", c)]


def _plain(text: str) -> str:
    """Signs and words of calculation in one spelling, things that are counted left out."""
    text = text.translate(_SIGNS)
    for pattern, sign in _SPELLED:
        text = pattern.sub(sign, text)
    return text


def _value(side: str) -> Fraction | None:
    """The value of one side of an equation; None where it is no expression or divides by zero."""
    try:
        return _reckoned(ast.parse(side.strip(), mode="eval").body)
    except (SyntaxError, ZeroDivisionError):
        return None


def _reckoned(node: ast.expr) -> Fraction | None:
    match node:
        case ast.Constant(value=int() | float() as number):
            return Fraction(str(number))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _reckoned(operand)
            return None if inner is None else -inner
        case ast.BinOp(left=left, op=op, right=right):
            one, other = _reckoned(left), _reckoned(right)
            if one is None or other is None:
                return None
            match op:
                case ast.Add():
                    return one + other
                case ast.Sub():
                    return one - other
                case ast.Mult():
                    return one * other
                case ast.Div():
                    return one / other
    return None


EXPRESSIONS = (
    "What is {e}?", "Work out {e}.", "{e} =", "Calculate {e}.", "How much is {e}?", "Please work out {e}.",
    "What does {e} come to?", "Find {e}.", "What do you get for {e}?", "I need the result of {e}.", "Can you work out {e}?",
    "Tell me what {e} is.",
    "Solve {e}.", "{e} is what number?", "What number is {e}?", "Give me the result of {e}.", "Could you do {e} for me?",
    "Do this sum: {e}.", "{n} asks what {e} is.", "My sum is {e}. What is the result?", "Help me with {e}.", "Compute {e}.",
    "What is the value of {e}?", "The sum is {e}. How much is it?", "Which number do I get from {e}?",
    "I do not know {e}. What is it?", "Let us do {e}.", "On the board stands {e}. What is it?", "How much do we get for {e}?",
    "Tell me the result: {e}.", "Now {e}, please.", "{e}. What does it make?", "{n} cannot do {e}. Can you?",
    "Write down what {e} is.",
    "How much does {e} make?", "A quick one: {e}.", "Here is a sum: {e}. What comes out?", "Say what {e} is.",
    "The next one is {e}.",
    "Add it up or take it away: {e}.", "What comes out of {e}?", "I want to know {e}.", "{n} gave me {e}. How much is that?",
    "What would {e} be?",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """Where stories play: how they begin, what adds to the things, what takes from them, and what is asked in the end.

    The clauses of `gains` and `losses` have {x} for the number; {s} stands for who has the things: a name or pronoun.
    """

    start: str
    gains: tuple[str, ...]
    losses: tuple[str, ...]
    ends: tuple[str, ...]


SCENES = (
    Scene(
        "{n} has {a} {t}",
        ("{s} buys {x} more", "{s} gets {x} from {m}", "{s} finds {x}", "{s} wins {x}", "{m} gives {n} {x}",
         "{s} makes {x} more"),
        ("{s} gives away {x}", "{s} loses {x}", "{s} sells {x}", "{s} gives {x} to {m}", "{s} throws {x} away", "{m} takes {x}"),
        ("How many does {n} have now?", "How many does {n} have in the end?", "How many {t} does {n} have?",
         "So how many does {n} have?"),
    ),
    Scene(
        "{n} had {a} {t}",
        ("{s} bought {x} more", "{s} got {x} from {m}", "{s} found {x}", "{s} won {x}", "{m} brought {n} {x}",
         "{s} made {x} more"),
        ("{s} gave away {x}", "{s} lost {x}", "{s} sold {x}", "{s} gave {x} to {m}", "{m} took {x}", "{s} threw {x} away"),
        ("How many does {n} have now?", "How many did {n} have in the end?", "How many {t} does {n} have now?",
         "So how many did {n} have?"),
    ),
    Scene(
        "there are {a} {t} in a box",
        ("{n} puts in {x}", "{x} are added", "{m} brings {x} more", "{x} more go in", "{n} finds {x} for the box",
         "the box gets {x} new ones"),
        ("{n} takes out {x}", "{x} are taken away", "{m} takes {x}", "{x} are lost", "{n} carries off {x}", "{x} fall out"),
        ("How many are in the box now?", "How many {t} are in the box?", "How many are in the box in the end?",
         "So how many does the box hold?"),
    ),
    Scene(
        "a shop has {a} {t}",
        ("the shop gets {x} more", "a cart brings {x}", "{x} new ones come", "{n} brings {x}", "the shop buys {x}",
         "{x} are made there"),
        ("the shop sells {x}", "{n} buys {x} there", "{x} are sold on Monday", "{x} are thrown away", "the shop gives away {x}",
         "{x} go to the mill"),
        ("How many {t} does the shop have?", "How many are in the shop?", "How many does the shop have now?",
         "So how many are in the shop?"),
    ),
    Scene(
        "a boat carries {a} {t}",
        ("{x} are put on it", "{x} come on at the pier", "the boat takes on {x} more", "{n} brings {x}", "{x} are added",
         "the boat gets {x}"),
        ("{x} fall off", "{x} go off at the pier", "{n} takes {x}", "{x} are lost", "{x} go to the inn", "{m} carries off {x}"),
        ("How many does the boat carry now?", "How many {t} are on the boat?", "How many does the boat carry in the end?",
         "So how many are on the boat?"),
    ),
    Scene(
        "{a} {t} lie on the table",
        ("{n} lays down {x} more", "{x} are added", "{m} brings {x}", "{n} finds {x} more for it", "{x} come from the shelf",
         "{m} adds {x}"),
        ("{n} takes {x}", "{m} carries off {x}", "{x} are taken away", "{x} fall down", "{n} puts away {x}", "{x} are sold"),
        ("How many lie there now?", "How many {t} are on the table?", "How many lie there in the end?",
         "So how many are on the table?"),
    ),
)  # fmt: skip
TOLD = (
    "{start}. {one}, and {two}. {end}", "{start}. {one}. Then {two}. {end}", "{start}, {one} and {two}. {end}",
    "{start}. First {one}, then {two}. {end}", "Suppose that {start}, that {one} and that {two}. {end}",
)  # fmt: skip
_SIGNS_OF_TWO: tuple[tuple[Kind, Kind], ...] = (
    ("sum", "difference"), ("difference", "sum"), ("sum", "sum"), ("difference", "difference"),
)  # fmt: skip
STORIES: tuple[tuple[tuple[Kind, Kind], int, str, str], ...] = tuple(
    ((one, two), place, first, second)
    for place, scene in enumerate(SCENES)
    for one, two in _SIGNS_OF_TWO
    for first in (scene.gains if one == "sum" else scene.losses)
    for second in (scene.gains if two == "sum" else scene.losses)
    if first != second
)
"""Kinds of the two steps, the place of the scene, and the clauses that tell the steps. Every clause occurs in training stories;
which two stand together is held out."""


@dataclass(frozen=True, slots=True)
class Story:
    """A story with places for the numbers {a}, {b} and {c}, the things and two names."""

    kinds: tuple[Kind, Kind]
    """of its steps"""
    text: str
    clauses: tuple[str, str]
    """that tell the steps, as they stand in the text"""


def story(place: int, draw: random.Random) -> Story:
    """The story of that place in STORIES, told in one of several ways."""
    kinds, scene, one, two = STORIES[place]
    form, end = draw.choice(TOLD), draw.choice(SCENES[scene].ends)
    parts = {"start": SCENES[scene].start, "end": end}
    parts |= {"one": one.replace("{x}", "{b}"), "two": two.replace("{x}", "{c}")}
    for name, part in parts.items():
        who = "{n}" if name == "two" and "{m}" in one else draw.choice(("{n}", "{p}"))  # a pronoun might be of the other
        parts[name] = part.replace("{s}", who)
        form = form.replace(f"{{{name}}}", parts[name])
    return Story(kinds, form, (parts["one"], parts["two"]))


def phrasings(kind: Literal["expression", "story"], side: splits.Side) -> list[int]:
    """Places of the phrasings on a side, in EXPRESSIONS or STORIES."""
    return [n for n in range(len(EXPRESSIONS if kind == "expression" else STORIES)) if splits.of(_phrasing_key(kind, n)) == side]


def ideal(one: Step, two: Step, clauses: tuple[str, str] | None = None) -> str:
    """ "17 + 25 = 42. 42 - 8 = 34. The answer is 34.".

    Of a story each step follows the clause that tells it ("She sells 8: 42 - 8 = 34."): beside what happens, a small model sees
    whether it adds or takes away, and after the first number it does not (docs/world.md).
    """
    if clauses is None:
        return f"{one}. {two}. The answer is {two.result}."
    return f"{sentence(clauses[0])[:-1]}: {one}. {sentence(clauses[1])[:-1]}: {two}. The answer is {two.result}."


def _phrasing_key(kind: str, place: int) -> str:
    """Stories of the same clauses have the same key, in whichever order they are told."""
    if kind == "story":
        _, scene, *clauses = STORIES[place]
        every = (*SCENES[scene].gains, *SCENES[scene].losses)
        one, two = sorted(map(every.index, clauses))
        return f"phrasing:arithmetic-story:{scene}-{one}-{two}"
    return f"phrasing:arithmetic-{kind}:{place}"


def rows_of(side: splits.Side, count: int, seed: int = 0) -> tuple[Example, ...]:
    """So many distinct rows of a side, both kinds in random order; a smaller count gives the first of them."""
    draw = random.Random(f"arithmetic:{side}:{seed}")
    places: dict[Literal["expression", "story"], list[int]] = {
        "expression": phrasings("expression", side), "story": phrasings("story", side),
    }  # fmt: skip
    rows: dict[str, Example] = {}
    while len(rows) < count:
        kind: Literal["expression", "story"] = draw.choice(("expression", "story"))
        place = draw.choice(places[kind])
        told = story(place, draw) if kind == "story" else None
        signs, template = (told.kinds, told.text) if told else (draw.choice(_SIGNS_OF_TWO), EXPRESSIONS[place])
        one, two = two_steps(draw, side, *signs, most=LARGEST)
        (n, m), things = draw.sample(names.GIVEN, 2), draw.choice(_SMALL)
        words = {"a": str(one.left), "b": str(one.right), "c": str(two.right), "n": n, "m": m, "t": things, "p": names.pronoun(n)}
        words["e"] = f"{one.left} {SIGNS[one.kind]} {one.right} {SIGNS[two.kind]} {two.right}"
        asked = expand(template, draw, **words)
        first, second = (expand(clause, draw, **words) for clause in told.clauses) if told else ("", "")
        answer = ideal(one, two, (first, second) if told else None)
        keys = [one.key, two.key, _phrasing_key(kind, place)]
        messages = (Message(role="user", content=asked), Message(role="assistant", content=answer))
        rows.setdefault(asked, Example(messages=messages, reference=answer, metadata={"kind": kind, "keys": keys}))
    return tuple(rows.values())
