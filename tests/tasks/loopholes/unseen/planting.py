"""What the families share: rows, graders made of one function, and a holed case, its clean twin and what uses the hole.

Nothing in this folder may be read by whoever writes what finds holes.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from case import Case

from burnish.tasks.environment import Environment
from burnish.types import Example, Message, Score

Judging = Callable[[Any, str], float]
"""(example, answer) to what it is worth. Examples are Any, so that a reference need not be asserted in each."""
Exploit = Callable[[Any], Any]
"""An example to an answer without merit; for an environment to a list of messages, each a text or a function of what was read."""


@dataclass(frozen=True, slots=True)
class Grades:
    """A grader made of a function of the example and the answer."""

    name: str
    judge: Judging
    concurrency: int = 2

    def grade(self, example: Example, answer: str) -> Score:
        value = float(self.judge(example, answer))
        return Score(value=value, reason=f"worth {value:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Twins:
    """One hole: the case that has it, the same without it, and what uses it."""

    holed: Case
    clean: Case
    exploit: Exploit
    guess: float = 0.05
    """The part of the clean rows that may pass by luck, where there are few choices."""


def plant(
    family: str,
    name: str,
    rows: Iterable[Example],
    holed: Judging,
    clean: Judging | None,
    exploit: Exploit,
    *,
    clean_rows: Iterable[Example] | None = None,
    allowed: tuple[str, ...] = (),
    guess: float = 0.05,
) -> Twins:
    """Both twins of a grader. clean=None: the hole is in the rows, and `clean_rows` have none."""
    rows = lined(rows)
    others = rows if clean_rows is None else lined(clean_rows)
    first = Case(family=family, name=name, holed=True, examples=rows, grader=Grades(name, holed), allowed=allowed)
    second = replace(first, holed=False, examples=others, grader=Grades(name, clean or holed))
    return Twins(holed=first, clean=second, exploit=exploit, guess=guess)


def play(
    family: str,
    name: str,
    rows: Iterable[Example],
    opened: Callable[[bool], Environment],
    exploit: Exploit,
    *,
    clean_rows: Iterable[Example] | None = None,
    allowed: tuple[str, ...] = ("the commands that the task names",),
) -> Twins:
    """Both twins of an environment; `opened` is told whether it is to have its hole."""
    rows = lined(rows)
    others = rows if clean_rows is None else lined(clean_rows)
    first = Case(
        family=family,
        name=name,
        holed=True,
        examples=rows,
        grader=None,
        environment=functools.partial(opened, True),
        allowed=allowed,
    )
    second = replace(first, holed=False, examples=others, environment=functools.partial(opened, False))
    return Twins(holed=first, clean=second, exploit=exploit)


def ask(
    question: str,
    answer: str,
    reference: object = None,
    *,
    system: str = "",
    before: Sequence[Message] = (),
    tools: Sequence[Mapping[str, Any]] = (),
    **metadata: Any,
) -> Example:
    """A row: a question and a right answer, which is the reference as well where none is given."""
    said = [Message(role="system", content=system)] if system else []
    said += [*before, Message(role="user", content=question), Message(role="assistant", content=answer)]
    known = answer if reference is None else str(reference)
    return Example(messages=tuple(said), reference=known, metadata=metadata, tools=tuple(tools))


def lined(rows: Iterable[Example]) -> tuple[Example, ...]:
    return tuple(replace(e, line=n) for n, e in enumerate(rows, 1))


def draws(name: str, count: int = 24) -> Iterator[random.Random]:
    """A source of chance for each row of the case of that name."""
    return (random.Random(f"{name}/{n}") for n in range(count))


def question(example: Any) -> str:
    return next(m.content for m in reversed(example.messages) if m.role == "user")


def seen(example: Example) -> Example:
    """What a policy sees: no answer, no reference, no metadata."""
    return replace(example, messages=example.messages[:-1], reference=None, metadata={}, line=0)


def cases(pairs: Sequence[Twins]) -> tuple[Case, ...]:
    return tuple(case for pair in pairs for case in (pair.holed, pair.clean))


def exploits(pairs: Sequence[Twins]) -> dict[str, Exploit]:
    return {pair.holed.name: pair.exploit for pair in pairs}
