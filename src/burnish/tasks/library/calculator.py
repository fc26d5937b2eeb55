"""The task "calculator": a tool is there; use it for what is too large for the head, and for nothing else.

Large products, divisions and little stories of them need it: a small model cannot work them out. Small sums, numbers that stand
in the question and greetings do not. The training rows are conversations with the calls in them, so that a model can be started
on them before it learns by trying.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from burnish.tasks.environment import Limits
from burnish.tasks.graders.references import cannot_judge, shown
from burnish.tasks.graders.text import fold
from burnish.tasks.judging import TRANSCRIPT
from burnish.tasks.library.arithmetic import final_number
from burnish.tasks.task import Card, Means, Task
from burnish.tasks.tooluse import ToolUse
from burnish.tools.calculator import calc, calculator
from burnish.tools.function import schema
from burnish.types import Example, Message, Score, ToolCall
from burnish.world import names, splits
from burnish.world.arithmetic import THINGS, Step
from burnish.world.grammar import expand

if TYPE_CHECKING:
    from burnish.world.world import World

COUNTS: dict[splits.Side, dict[str, int]] = {
    "train": {"product": 500, "quotient": 250, "story": 300, "sum": 150, "fact": 200, "greeting": 100},
    "valid": {"product": 30, "quotient": 15, "story": 20, "sum": 12, "fact": 15, "greeting": 8},
    "test": {"product": 110, "quotient": 60, "story": 70, "sum": 50, "fact": 70, "greeting": 40},
}
NEEDED = ("product", "quotient", "story")
"""Kinds that need the tool."""
NEEDLESS, CALLED = 0.5, 0.3
"""What a right answer is worth after a call that was not needed, and a wrong one after a call that gave the right number."""
TOOL = calculator()
SETTING = ToolUse(tools=(TOOL,), limits=Limits(turns=3, calls=2))
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_UNDONE = re.compile(r"\d\s*[-+*/x]\s*\d[\d.]*\W*$")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_GREETS = re.compile(r"\b(hello|good (?:morning|day|evening)|welcome|greetings|thank)", re.IGNORECASE)


def make(world: World | None = None) -> Task:
    """The task; the seed of the world draws the rows."""
    seed = world.seed if world else 0
    train, valid, test = (rows_of(side, seed) for side in ("train", "valid", "test"))
    return Task(
        name="calculator", card=CARD, grader=RightMeans(), train=train, valid=valid, test=test, limit_tokens=48,
        environment=SETTING, means=Means(allowed="the calculator, for what is too large for the head; what the question says"),
    )  # fmt: skip


CARD = Card(
    title="A calculator at hand",
    about="Products of three by two digits, divisions and stories of them, which need the calculator; small sums, numbers that "
    "stand in the question, and greetings, which do not. A good answer calls the tool where it must, reads what comes back, and "
    "says the number.",
    data="Generated: operand pairs of valid and test are not in train, nor in the base's corpus. Phrasings are shared.",
    grading="The last number must be right; of a number from the question no other may stand beside it; a greeting must be "
    "returned and not said again as it was, without a number. A right answer is worth 1, after a call that was not needed 0.5; a "
    'wrong one after a call that gave the right number 0.3. Marks: "needed", "used", "used when needed", "used wrongly".',
    limits="One tool, one call, whole numbers. It does not show that a model writes longer expressions, or reads errors.",
)


@dataclass(frozen=True, slots=True)
class RightMeans:
    """1 for a right answer found with the right means."""

    name: str = "right-means"
    concurrency: int = field(default=2, repr=False)

    def grade(self, example: Example, answer: str) -> Score:
        """See the card. Calls are read from the transcript; an answer without one used no tool."""
        if example.reference is None:
            return cannot_judge("the example has no reference")
        needed = example.metadata.get("kind") in NEEDED
        told = example.metadata.get(TRANSCRIPT, ())
        used = any(m.get("tool_calls") for m in told)
        marks = ("needed",) * needed + ("used",) * used + ("used when needed",) * (needed and used)
        marks += ("used wrongly",) * (used and not needed)
        wrong = _wrong(example, answer)
        if not wrong:
            value = NEEDLESS if used and not needed else 1.0
            return Score(value=value, reason="right" + (", but the tool was not needed" if value < 1 else ""), marks=marks)
        gave = {m["content"] for m in told if m["role"] == "tool"}
        if needed and _number(example.reference) in gave:
            return Score(value=CALLED, reason=f"{wrong}; the tool gave it", marks=marks)
        return Score(value=0.0, reason=wrong, marks=marks)


def _number(text: str) -> str:
    return (_NUMBER.findall(text) or [""])[-1]


def _wrong(example: Example, answer: str) -> str:
    """What is wrong with an answer; empty where nothing is."""
    kind, reference = example.metadata.get("kind"), str(example.reference)
    answer = _GROUPED.sub("", answer)
    numbers = _NUMBER.findall(answer)
    if kind == "greeting":
        asked = next((fold(m.content) for m in example.messages if m.role == "user"), "")
        if fold(answer) and not re.search(r"\w", fold(answer).replace(asked, "")):
            return f"{shown(answer)} says again what was said"
        return "" if _GREETS.search(answer) and not numbers else f"{shown(answer)} returns no greeting"
    found, wanted = final_number(answer), _number(reference)
    if found is None:
        return f"there is no number in the answer {shown(answer)}"
    if _UNDONE.search(answer):
        return f"the answer {shown(answer)} ends with what is still to be worked out"
    if Fraction(found) != Fraction(wanted):
        return f"the final number {found} is not {wanted}"
    return "more than one number stands in the answer" if kind == "fact" and len(numbers) > 1 else ""


PRODUCTS = (
    "What is {a} * {b}?", "Work out {a} * {b}.", "How much is {a} times {b}?", "Multiply {a} by {b}.", "{a} * {b} =",
    "I need the product of {a} and {b}.", "{n} asks what {a} times {b} is.", "Tell me what {a} * {b} is.",
    "Calculate {a} times {b}.", "Could you do {a} * {b} for me?",
)  # fmt: skip
QUOTIENTS = (
    "What is {a} / {b}?", "Divide {a} by {b}.", "How many times does {b} go into {a}?", "Work out {a} / {b}.", "{a} / {b} =",
    "How much is {a} divided by {b}?", "{n} must divide {a} by {b}. What comes out?", "Calculate {a} / {b}.",
)  # fmt: skip
STORIES = (
    "{n} has {a} boxes with {b} {t} in each. How many {t} are there?",
    "A cart brings {a} sacks, each with {b} {t}. How many {t} are that?",
    "Each of {a} people buys {b} {t}. How many {t} do they buy?",
    "There are {a} rows of {b} {t}. How many {t} are there in all?",
    "A boat makes {a} trips and carries {b} {t} each time. How many {t} does it carry?",
)
SHARES = (
    "{a} {t} are shared among {b} people. How many does each get?",
    "{n} packs {a} {t} into {b} boxes, as many in each. How many?",
)  # fmt: skip
SUMS = (
    "What is {a} + {b}?", "How much is {a} plus {b}?", "{a} + {b} =", "What do {a} and {b} make?", "Add {a} and {b}.",
    "{n} has {a} {t} and gets {b} more. How many does {n} have?", "Tell me what {a} + {b} is.", "Work out {a} + {b}.",
)  # fmt: skip
FACTS = (
    "{n} has {a} {t} and {m} has {b}. How many does {w} have?",
    "The shop of {n} sold {a} {t}, that of {m} {b}. How many did {w} sell?",
    "{n} counted {a} {t}. {m} counted {b}. What did {w} count?", "{n} is at page {a} and {m} at page {b}. At which page is {w}?",
)  # fmt: skip
HELLOS = (
    "Good morning", "Good day", "Good evening", "Hello", "Hello there", "Greetings", "Hello again", "A good day to you",
    "Good morning to you", "A very good evening",
)  # fmt: skip
TAILS = ("", " This is {n}.", " I am {n}.", " {n} is here.", " My name is {n}.", " It is {n} again.")
BACK = ("Good day to you! How can I help?", "Hello! What can I do for you?", "Hello! How can I help you?")


def rows_of(side: splits.Side, seed: int = 0) -> tuple[Example, ...]:
    """The rows of a side, kinds in random order, no question twice."""
    draw = random.Random(f"calculator:{side}:{seed}")
    rows: dict[str, Example] = {}
    order = [kind for kind, count in COUNTS[side].items() for _ in range(count)]
    draw.shuffle(order)
    for kind in order:
        while True:
            example = _row(kind, side, draw)
            asked = example.messages[0].content
            if asked not in rows:
                rows[asked] = example
                break
    return tuple(rows.values())


def _row(kind: str, side: splits.Side, draw: random.Random) -> Example:
    while True:
        (n, m), t = draw.sample(names.GIVEN, 2), draw.choice(THINGS)
        words = {"n": n, "m": m, "t": t}
        if kind == "greeting":
            asked = expand(f"{draw.choice(HELLOS)}{draw.choice(('!', '.'))}{draw.choice(TAILS)}", draw, **words)
            words_of = re.sub(r"[^a-z]+", " ", asked.lower()).strip()
            key, expression, answer = f"greeting:{words_of}", None, draw.choice(BACK)
        elif kind == "fact":
            a, b = draw.sample(range(11, 999), 2)
            who, number = draw.choice(((n, a), (m, b)))
            asked = expand(draw.choice(FACTS), draw, a=str(a), b=str(b), w=who, **words)
            key, expression, answer = f"numbers:{a},{b}", None, f"The answer is {number}."
        else:
            asked, key, expression, answer = _sum(kind, draw, words)
        if splits.of(key) == side:
            break
    metadata: dict[str, Any] = {"kind": kind, "keys": [key]}
    messages = [Message(role="user", content=asked), Message(role="assistant", content=answer)]
    if expression is not None:
        call = ToolCall(name=TOOL.name, arguments=json.dumps({"expression": expression}))
        result = Message(role="tool", content=calc(expression), name=TOOL.name)
        messages[1:1] = [Message(role="assistant", tool_calls=(call,)), result]
    return Example(messages=tuple(messages), tools=(schema(TOOL),), reference=answer, metadata=metadata)


def _sum(kind: str, draw: random.Random, words: dict[str, str]) -> tuple[str, str, str | None, str]:
    """(question, key, what is to be called, answer)"""
    if kind == "sum":
        step = Step("sum", draw.randint(0, 10), draw.randint(0, 10))
        asked = expand(draw.choice(SUMS), draw, a=str(step.left), b=str(step.right), **words)
        return asked, step.key, None, f"The answer is {step.result}."
    small, large = draw.randint(12, 99), draw.randint(101, 999)
    shares = kind == "quotient" or (kind == "story" and draw.random() < 0.3)
    if shares:
        a, b, sign, key = small * large, draw.choice((small, small, large)), "/", f"product:{small}*{large}"
        forms = SHARES if kind == "story" else QUOTIENTS
    else:
        a, b, sign, key = large, small, "*", f"product:{small}*{large}"
        if draw.random() < 0.3:
            a, b = b, a
        forms = STORIES if kind == "story" else PRODUCTS
    expression = f"{a} {sign} {b}"
    asked = expand(draw.choice(forms), draw, a=str(a), b=str(b), **words)
    return asked, key, expression, f"The answer is {calc(expression)}."
