"""The task `code`: small Python functions from a worded request, and functions with a planted slip to be put right.

An answer is judged by running it: in the sandbox, on calls that stand in neither the corpus nor the training rows, and what it
prints is compared outside, so that a program cannot pass by what it says about itself.
"""

from __future__ import annotations

import random
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from burnish.errors import SandboxMissing
from burnish.tasks.graders.references import cannot_judge, shown
from burnish.tasks.task import Card, Task
from burnish.tools import sandbox
from burnish.types import Example, Message, Score
from burnish.world import code, splits
from burnish.world.code_families import FAMILIES
from burnish.world.code_functions import Function
from burnish.world.world import World

LIMIT_TOKENS = 96
ROWS: dict[splits.Side, tuple[int, int]] = {"train": (334, 166), "valid": (40, 20), "test": (200, 100)}
"""Requests and slips of each split."""
CHECKS = 4
LIMITS = sandbox.Limits(timeout_s=2.0)
FIX: dict[splits.Side, tuple[str, ...]] = {
    "train": (
        "This function is wrong. Please put it right.\n{code}\n{failed}",
        "Fix this:\n{code}\n{failed}",
        "{code}\nWhat is wrong here? {failed} Please correct it.",
        "Please correct my function.\n{code}\n{failed}",
        "{failed} Repair the function:\n{code}",
        "My test fails: {failed}\n{code}",
        "Debug this function.\n{code}\n{failed}",
        "There is a mistake in this function. {failed}\n{code}",
    ),
    "valid": ("Find the mistake and mend it.\n{code}\n{failed}", "{code}\n{failed} Can you fix it?"),
    "test": (
        "Something is off in here:\n{code}\n{failed}",
        "{code}\nThis does not do what it should. {failed}",
        "Mend this function for me. {failed}\n{code}",
    ),
}
_DEF = re.compile(r"^(?:def|from|import) ", re.MULTILINE)
_FENCE = re.compile(r"```(?:python)?\n(.*?)(?:```|\Z)", re.DOTALL)

CARD = Card(
    title="Python and debugging",
    about="Write a small function from a request in words, or put a function with a slip right. A good answer is the code alone.",
    data="Functions of some 60 families with names, constants and arguments drawn. Held-out rows use other wordings, constants and "
    "calls than the corpus and the training rows.",
    grading=f"The code is run in a sandbox on {CHECKS} calls, and what it returns is compared with what is right. Its style is not "
    "looked at. Where nothing isolates a program, nothing is run and the answer counts neither as right nor as wrong.",
    limits="Every family of functions occurs in the corpus: it shows that code is written when asked for, not that new functions "
    "are invented.",
)


@dataclass(frozen=True, slots=True)
class Runs:
    """1 where the function in the answer returns what it must on every check."""

    name: str = "runs"

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0; NaN with `error` where nothing can be run here."""
        checks = example.metadata.get("checks")
        if not isinstance(checks, Sequence) or not checks:
            return cannot_judge("the row has no checks to run")
        source = code_of(answer)
        if source is None:
            return Score(value=0.0, reason=f"there is no function in the answer {shown(answer)}")
        mark = secrets.token_hex(8)  # so that what the code prints itself cannot be taken for a result
        calls = "".join(f"print({mark!r}, repr({call}))\n" for call, _ in checks)
        try:
            ran = sandbox.run(f"{source}\n\n{calls}", limits=LIMITS)
        except SandboxMissing as error:
            return cannot_judge(str(error))
        if ran.status == "refused":
            return cannot_judge(f"the sandbox did not run it: {ran.stderr[:200]}")
        got = [line.removeprefix(f"{mark} ") for line in ran.stdout.splitlines() if line.startswith(f"{mark} ")]
        for n, (call, wanted) in enumerate(checks):
            if n >= len(got):
                last = ran.stderr.strip().splitlines()[-1:] or [ran.status]
                return Score(value=0.0, reason=f"{call} did not return: {last[0]}")
            if got[n] != wanted:
                return Score(value=0.0, reason=f"{call} gives {got[n]}, not {wanted}")
        return Score(value=1.0, reason=f"all {len(checks)} checks pass")


def code_of(answer: str) -> str | None:
    """The code in an answer: what is fenced, else everything from the first line that begins a function; None without any."""
    fenced = _FENCE.search(answer)
    text = fenced[1] if fenced else answer
    found = _DEF.search(text)
    return text[found.start() :].rstrip() if found else None


def make(world: World | None = None) -> Task:
    """The task; rows are always the same."""
    seed = 0 if world is None else world.seed
    train, valid, test = (_rows(side, seed) for side in ("train", "valid", "test"))
    return Task(name="code", card=CARD, grader=Runs(), train=train, valid=valid, test=test, limit_tokens=LIMIT_TOKENS)


def _rows(side: splits.Side, seed: int) -> tuple[Example, ...]:
    draw = random.Random(f"code:{side}:{seed}")
    rows: dict[str, Example] = {}
    for kind, count in zip(("write", "debug"), ROWS[side], strict=True):
        made = 0
        while made < count:
            found = _write(draw, side) if kind == "write" else _debug(draw, side)
            if found is not None and found.messages[0].content not in rows:
                rows[found.messages[0].content] = found
                made += 1
    mixed = list(rows.values())
    draw.shuffle(mixed)
    return tuple(mixed)


def _write(draw: random.Random, side: splits.Side) -> Example | None:
    found = code.requests(draw.choice(list(FAMILIES.values())), draw, side)
    if found is None:
        return None
    asked, made, keys = found
    return _example("write", asked, made, keys, draw, side)


def _debug(draw: random.Random, side: splits.Side) -> Example | None:
    made = code.function_of(draw.choice(list(FAMILIES.values())), draw, side)
    found = None if made is None else code.slip(made, draw, side)
    if made is None or found is None:
        return None
    wrong, given, seen = found
    place = draw.randrange(len(FIX[side]))
    failed = f"{made.call(given)} gives {seen}, but should give {made.result(given)}."
    asked = FIX[side][place].format(code=made.code(wrong), failed=failed)
    keys = (f"phrasing:fix-{side}:{place}", made.call_key(given), *((code.family_key(made),) if made.family.constants else ()))
    return _example("debug", asked, made, keys, draw, side)


def _example(
    kind: Literal["write", "debug"], asked: str, made: Function, keys: Sequence[str], draw: random.Random, side: splits.Side
) -> Example | None:
    """A row with hidden checks; None where too few calls are of this side."""
    calls = code.calls(made, draw, CHECKS, side)
    if len(calls) < 2:
        return None
    answer = made.code(made.family.bodies[0])
    checks = [[made.call(given), made.result(given)] for given in calls]
    given_away = [*keys, *(made.call_key(given) for given in calls)]
    return Example(
        messages=(Message(role="user", content=asked), Message(role="assistant", content=answer)),
        reference=answer,
        metadata={"kind": kind, "keys": given_away, "checks": checks},
    )
