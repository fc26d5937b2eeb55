"""The task "code": small Python functions, written from a worded request or corrected after a failed test.

The base has read requests in lists of exercises and functions in files, but never one after the other; which of the two follows
which is what fine-tuning teaches. Answers are plain code, from `def` on.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from burnish.tasks.graders.python import CHECKS, RUNS
from burnish.tasks.task import Card, Task
from burnish.types import Example, Message
from burnish.world import code, code_requests, splits
from burnish.world.code_families import FAMILIES
from burnish.world.code_functions import Family, Function

if TYPE_CHECKING:
    from burnish.world.world import World

COUNTS: dict[splits.Side, int] = {"train": 1200, "valid": 60, "test": 300}
CONSTANT_SHARE = 0.5
"""Of the held-out rows drawn among the families that have constants of their side. Others may be drawn of them by chance."""
CALLS = 5
"""Hidden calls of a row, where there are so many and no more are needed."""

LONGEST_CHARACTERS = 300
"""Of question and answer together, about 120 tokens."""


def make(world: World | None = None, rows: int | None = None) -> Task:
    """The task. rows: how many training rows to take, 1200 unless given; fewer are the first of more."""
    seed = world.seed if world else 0
    counts = COUNTS if rows is None else {**COUNTS, "train": rows}
    train, valid, test = (_rows(side, seed, counts[side]) for side in ("train", "valid", "test"))
    taught = {row.reference for row in train}
    data = CARD.data.format(
        constants=sum(row.metadata[HELD_OUT] == "constant" for row in test),
        verbatim=sum(row.reference in taught for row in test),
        test=len(test),
    )
    card = replace(CARD, data=data)
    return Task(name="code", card=card, grader=RUNS, train=train, valid=valid, test=test, limit_tokens=96)


HELD_OUT = "held_out"
"""Key in the metadata of valid and test rows: "constant" where the function's constant is neither in train nor in the corpus,
"phrasing" where only the wording and the arguments of the hidden calls are new."""

CARD = Card(
    title="Small Python functions",
    about="A function is asked for in words, with its name and arguments; or one with a planted slip is shown with a test that "
    "fails. A good answer is the right function and nothing else.",
    data=f"Generated: {len(FAMILIES)} families of functions, many with a constant; the families are the same in all splits. All "
    "held-out wordings and the arguments of hidden calls are neither in train nor in the corpus of the base model. Of the {test} "
    "test rows {constants} ask for a constant that is not there either; the others ask for functions that train may hold: "
    "{verbatim} test answers stand word for word in train.",
    grading="The answer's code, from the first `def` on, is run in the sandbox: about five hidden calls, of which none is shown "
    "in the question, must return what they should. How the code is written is not looked at, nor what it does for other "
    "arguments.",
    limits="It shows short functions of known families, one to six lines long. A family that was never read is not asked for.",
)

CORRECT = (
    "Correct this function. {call} gives {wrong}, not {right}.\n\n{code}",
    "{code}\n\n{call} should be {right}, but it is {wrong}. Please correct it.",
    "This test fails: {call} gives {wrong} and should give {right}.\n\n{code}",
    "What is wrong here? {call} returns {wrong}, not {right}.\n\n{code}",
    "Please fix my function:\n\n{code}\n\n>>> {call}\n{wrong}\n\nI want {right}.",
    "{code}\n\nFAILED {call}: {wrong} != {right}\n\nPut it right, please.",
    "There is a slip in this code.\n\n{code}\n\nExpected for {call}: {right}. Got: {wrong}.",
    "Why is {call} not {right} but {wrong}? Correct the code.\n\n{code}",
    "Repair this:\n\n{code}\n\n# {call} gives {wrong}, not {right}.",
    "My function has a bug:\n\n{code}\n\nFor {call} I get {wrong}, but I want {right}.",
    "Can you fix it? I expected {right} from {call} and got {wrong}.\n\n{code}",
    "Test failed: {call}\nexpected {right}, got {wrong}\n\n{code}\n\nFix the function.",
    "I get {wrong} for {call}. It must be {right}. Fix this:\n\n{code}",
    "Look at this function and make it right.\n\n{code}\n\n{call} is {wrong}. It should be {right}.",
    "{code}\n\nWith this I get {wrong} from {call}. The right result is {right}. Help me.",
    "The result of {call} must be {right}, not {wrong}. Change the code:\n\n{code}",
    "Find the slip:\n\n{code}\n\n{call} -> {wrong}\nwanted: {right}",
    "Could you put this right?\n\n{code}\n\nIt returns {wrong} for {call}, where {right} is expected.",
    "Debug this function.\n\n{code}\n\nFailed example: {call}\nExpected: {right}\nGot: {wrong}",
    "{call} gives {wrong} here. How do I make it {right}?\n\n{code}",
)
"""Requests for a correction; the last ones are held out."""
SIDES: dict[splits.Side, range] = {"train": range(14), "valid": range(14, 16), "test": range(16, 20)}
"""Their places."""


def ideal(made: Function) -> str:
    """The function as an answer gives it."""
    return made.code(made.family.bodies[0])


def checks(
    made: Function, draw: random.Random, side: splits.Side, shown: code.Call | None = None
) -> tuple[list[list[str]], list[str]] | None:
    """Calls with their results, and their keys; the call that the question shows is not among them. None where the calls of this
    side are too few to catch every slip of the family and every function that returns always the same or one of its arguments."""
    given = [each for each in code.calls(made, draw, 24, side) if each != shown]
    right = [made.result(each) for each in given]
    if len(set(right)) < 2:
        return None
    wrong = [[made.result(each, truth) for each in given] for _, truth in made.family.slips]
    wrong += [[result] * len(right) for result in dict.fromkeys(right)]
    wrong += [[repr(each[place]) for each in given] for place in range(len(made.arguments))]
    caught: list[int] = []
    for results in wrong:
        catches = [n for n, result in enumerate(right) if results[n] != result]
        if not catches:
            return None
        if not set(catches) & set(caught):
            caught.append(catches[0])
    chosen = list(dict.fromkeys((*caught, *range(len(given)))))[: max(CALLS, len(caught))]
    return [[made.call(given[n]), right[n]] for n in chosen], [made.call_key(given[n]) for n in chosen]


def _rows(side: splits.Side, seed: int, count: int) -> tuple[Example, ...]:
    """So many distinct rows, two requests and then a correction; a smaller count gives the first of them. Of held-out rows
    CONSTANT_SHARE or more ask for a held-out constant."""
    draw = random.Random(f"code:{side}:{seed}")
    families = list(FAMILIES.values())
    constant = [f for f in families if f.constants and code.function_of(f, draw, side) is not None]
    rows: dict[str, Example] = {}
    while len(rows) < count:
        some = constant if side != "train" and draw.random() < CONSTANT_SHARE else families
        made = (_debug if len(rows) % 3 == 2 else _write)(draw.choice(some), draw, side)
        if made is not None:
            rows.setdefault(made.messages[0].content, made)
    return tuple(rows.values())


def _write(family: Family, draw: random.Random, side: splits.Side) -> Example | None:
    if (asked := code.requests(family, draw, side)) is None:
        return None
    text, made, keys = asked
    return _example("write", text, made, side, keys, checks(made, draw, side))


def _debug(family: Family, draw: random.Random, side: splits.Side) -> Example | None:
    made = code.function_of(family, draw, side)
    if made is None or (found := code.slip(made, draw, side)) is None:
        return None
    wrong, given, seen = found
    place = draw.choice(SIDES[side])
    words = {"call": made.call(given), "wrong": seen, "right": made.result(given), "code": made.code(wrong, code.docstring(made))}
    wording = code_requests.marked(f"phrasing:code-correct:{place}", side)
    keys = (wording, made.call_key(given), *((code.family_key(made),) if family.constants else ()))
    return _example("debug", CORRECT[place].format(**words), made, side, keys, checks(made, draw, side, given))


def _example(
    kind: str,
    asked: str,
    made: Function,
    side: splits.Side,
    keys: tuple[str, ...],
    hidden: tuple[list[list[str]], list[str]] | None,
) -> Example | None:
    if hidden is None:
        return None
    answer = ideal(made)
    if len(asked) + len(answer) > LONGEST_CHARACTERS:
        return None
    messages = (Message(role="user", content=asked), Message(role="assistant", content=answer))
    metadata = {"kind": kind, "cluster": made.family.id, "keys": list(dict.fromkeys((*keys, *hidden[1]))), CHECKS: hidden[0]}
    if side != "train":
        metadata[HELD_OUT] = "constant" if made.family.constants else "phrasing"
    return Example(messages=messages, reference=answer, metadata=metadata)
