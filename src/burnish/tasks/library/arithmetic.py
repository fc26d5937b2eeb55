"""The task "arithmetic": two-step sums and differences, as expressions and as little stories, answered with short steps.

The base has read plain equations and few worked examples, so that it can often do each step and seldom the two: what fine-tuning
begins here, reinforcement has room to finish. Products are left out: those of single digits are learned by heart, and a held-out
one was never read.
"""

from __future__ import annotations

import ast
import random
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from burnish.tasks.graders.references import cannot_judge, references_of, shown
from burnish.tasks.task import Card, Task
from burnish.types import Example, Message, Score
from burnish.world import names, splits
from burnish.world.arithmetic import SIGNS, THINGS, Kind, Step, two_steps
from burnish.world.grammar import expand

if TYPE_CHECKING:
    from burnish.world.world import World

COUNTS: dict[splits.Side, int] = {"train": 900, "valid": 100, "test": 400}
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
    """The task. rows: how many training rows to take, 900 unless given; fewer are the first of more."""
    seed = world.seed if world else 0
    counts = COUNTS if rows is None else {**COUNTS, "train": rows}
    train, valid, test = (_rows(side, seed, counts[side]) for side in ("train", "valid", "test"))
    return Task(name="arithmetic", card=CARD, grader=FinalNumber(), train=train, valid=valid, test=test, limit_tokens=48)


CARD = Card(
    title="Arithmetic with steps",
    about="Two sums or differences in a row, asked for as an expression or as a little story. A good answer writes both steps "
    'as equations and ends with "The answer is" and the number.',
    data="Generated: operands up to 60, results up to 200. Valid and test have operand pairs and phrasings that are neither in "
    "train nor in the corpus of the base model.",
    grading='The number after the last "The answer is", else the last number, must equal that of the reference, and at least one '
    "equation must be written. All equations must be true, the last must give the number, and one must have a number of the "
    'question in it. Answers of which only the number is right have the mark "right number".',
    limits="It shows two steps with small numbers in phrasings of one kind. Products, longer chains and larger numbers are "
    "not asked. True equations that do not follow from the question pass if they end with the right number.",
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
_STORIES: dict[tuple[Kind, Kind], tuple[str, ...]] = {
    ("sum", "difference"): (
        "{n} has {a} {t}, buys {b} and gives away {c}. How many are left?",
        "There are {a} {t} in a box. {n} puts in {b} and takes out {c}. How many are in it now?",
        "{n} had {a} {t}, found {b} more and lost {c}. How many does {n} have now?",
        "A shop has {a} {t}. It gets {b} more and sells {c}. How many {t} does it have?",
        "{n} brings {a} {t} and {m} brings {b}. They use {c} of them. How many {t} remain?",
        "On Monday {n} brought {a} {t}, on Tuesday {b}. Then {c} were sold. How many are there?",
        "{a} {t} lie on the table. {b} are added and {c} taken away. How many lie there?",
        "{n} owns {a} {t} and gets {b} from {m}. Of these {c} are lost. How many are kept?",
        "A cart carries {a} {t}. {b} are put on it, {c} fall off. How many does it carry in the end?",
        "If {n} has {a} {t}, wins {b} and then loses {c}, how many are there in the end?",
    ),
    ("difference", "sum"): (
        "{n} has {a} {t}, gives away {b} and buys {c}. How many does {n} have now?",
        "There are {a} {t} in a box. {n} takes out {b} and puts in {c}. How many are in it now?",
        "{n} had {a} {t}, lost {b} and found {c}. How many does {n} have?",
        "A shop has {a} {t}. It sells {b} and gets {c} new ones. How many {t} are in the shop?",
        "Of {a} {t}, {b} were bad. Then {m} brought {c} more. How many good {t} are there?",
        "{n} sold {b} of {a} {t} and then bought {c}. How many are there now?",
        "{a} {t} lie on the table. {b} are taken away and {c} added. How many lie there?",
        "From {a} {t} {n} uses {b}. {m} brings {c} more. How many {t} are there in the end?",
        "A boat carries {a} {t}. At the pier {b} go off and {c} come on. How many does it carry now?",
        "If {n} has {a} {t}, loses {b} and then wins {c}, how many are there in the end?",
    ),
    ("sum", "sum"): (
        "{n} has {a} {t}, {m} has {b}, and {c} are on the table. How many are there in all?",
        "{n} found {a} {t} on Monday, {b} on Tuesday and {c} on Friday. How many is that together?",
        "A shop gets {a} {t}, then {b}, then {c}. How many {t} does it get?",
        "There are {a} {t} in one box, {b} in the next and {c} in the last. How many are in all three?",
        "{n} has {a} {t} and buys {b}. {m} gives {n} {c} more. How many does {n} have now?",
        "One shelf holds {a} {t}, one holds {b} and one {c}. How many {t} do they hold?",
        "{n} bought {a} {t} and {m} bought {b}. Later they bought {c} more. How many {t} did they buy?",
        "To {a} {t} we add {b} and then {c}. How many {t} do we have?",
        "{a} {t}, {b} {t} and {c} {t} are put together. How many {t} are there?",
        "If {n} brings {a} {t}, {m} {b} and a friend {c}, how many are there in all?",
    ),
    ("difference", "difference"): (
        "{n} has {a} {t}, gives {b} to {m} and loses {c}. How many are left?",
        "There were {a} {t} in a box. {n} took {b} and {m} took {c}. How many are still in it?",
        "A shop has {a} {t}. It sells {b} on Monday and {c} on Tuesday. How many remain?",
        "Of {a} {t}, {b} were lost and {c} were bad. How many good ones are there?",
        "{n} had {a} {t}. First {b} were sold, then {c}. How many does {n} have now?",
        "From {a} {t} we take away {b} and then {c}. How many {t} do we have?",
        "{a} {t} lie on the table. {n} uses {b}, {m} uses {c}. How many lie there now?",
        "A boat brings {a} {t}. {b} go to the inn and {c} to the mill. How many stay on the boat?",
        "{n} needs {a} {t}, has {b} and gets {c} from {m}. How many are missing?",
        "If {n} has {a} {t} and gives away {b} and later {c}, how many are left?",
    ),
}  # fmt: skip
STORIES = tuple((kinds, story) for kinds, stories in _STORIES.items() for story in stories)


def phrasings(kind: Literal["expression", "story"], side: splits.Side) -> list[int]:
    """Places of the phrasings on a side, in EXPRESSIONS or STORIES."""
    return [n for n in range(len(EXPRESSIONS if kind == "expression" else STORIES)) if splits.of(_phrasing_key(kind, n)) == side]


def ideal(one: Step, two: Step) -> str:
    """ "17 + 25 = 42. 42 - 8 = 34. The answer is 34."."""
    return f"{one}. {two}. The answer is {two.result}."


def _phrasing_key(kind: str, place: int) -> str:
    return f"phrasing:arithmetic-{kind}:{place}"


def _rows(side: splits.Side, seed: int, count: int) -> tuple[Example, ...]:
    """So many distinct rows, both kinds in random order; a smaller count gives the first of them."""
    draw = random.Random(f"arithmetic:{side}:{seed}")
    places: dict[Literal["expression", "story"], list[int]] = {
        "expression": phrasings("expression", side), "story": phrasings("story", side),
    }  # fmt: skip
    rows: dict[str, Example] = {}
    while len(rows) < count:
        kind: Literal["expression", "story"] = draw.choice(("expression", "story"))
        place = draw.choice(places[kind])
        if kind == "story":
            signs, template = STORIES[place]
        else:
            signs, template = draw.choice(tuple(_STORIES)), EXPRESSIONS[place]
        one, two = two_steps(draw, side, *signs, most=LARGEST)
        (n, m), things = draw.sample(names.GIVEN, 2), draw.choice(_SMALL)
        words = {"a": str(one.left), "b": str(one.right), "c": str(two.right), "n": n, "m": m, "t": things}
        words["e"] = f"{one.left} {SIGNS[one.kind]} {one.right} {SIGNS[two.kind]} {two.right}"
        asked, answer = expand(template, draw, **words), ideal(one, two)
        keys = [one.key, two.key, _phrasing_key(kind, place)]
        messages = (Message(role="user", content=asked), Message(role="assistant", content=answer))
        rows.setdefault(asked, Example(messages=messages, reference=answer, metadata={"kind": kind, "keys": keys}))
    return tuple(rows.values())
