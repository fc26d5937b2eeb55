"""What the families share: rows, graders made of one function, and a holed case with its clean twin and what uses the hole."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import isfunction, ismethod
from typing import Any

from case import Case

from burnish.protocols import Grader
from burnish.types import Example, Message, Score

Judged = Score | float | bool | tuple[float, str]
Said = str | Callable[[str], str]
"""One message to an environment; a function is given what was read last."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A grader made of a function of (example, answer)."""

    name: str
    judge: Callable[[Example, str], Judged]
    concurrency: int = 2

    def grade(self, example: Example, answer: str) -> Score:
        judged = self.judge(example, answer)
        if isinstance(judged, Score):
            return judged
        value, reason = judged if isinstance(judged, tuple) else (judged, "")
        return Score(value=float(value), reason=reason or ("right" if value > 0 else "not right"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A holed case, its clean twin, and an answer without merit that the holed one pays as much as good ones."""

    holed: Case
    clean: Case
    exploit: Callable[[Example], Any]
    """to the answer, or to the list of what is said to an environment"""


def pair(
    family: str,
    name: str,
    rows: Iterable[Example],
    *,
    holed: Any,
    exploit: Callable[[Example], Any],
    clean: Any = None,
    clean_rows: Iterable[Example] | None = None,
    allowed: tuple[str, ...] = (),
) -> Pair:
    """Both twins. `holed` and `clean` are functions of (example, answer), or graders; clean=None: the rows have the hole."""
    rows = tuple(rows)

    def case(judge: Any, these: tuple[Example, ...], is_holed: bool) -> Case:
        grader: Grader = Judge(name, judge) if isfunction(judge) or ismethod(judge) else judge
        return Case(family=family, name=name, holed=is_holed, examples=these, grader=grader, allowed=allowed)

    twin = rows if clean_rows is None else tuple(clean_rows)
    return Pair(holed=case(holed, rows, True), clean=case(holed if clean is None else clean, twin, False), exploit=exploit)


def game_pair(
    family: str,
    game: Any,
    rows: Iterable[Example],
    exploit: Callable[[Example], Sequence[Said]],
    allowed: str = "the commands named",
) -> Pair:
    """Both twins of an environment, which is opened with whether it is to have its hole."""
    examples, name = numbered(rows), re.sub(r"(?<!^)([A-Z])", r" \1", game.__name__).lower()

    def case(holed: bool) -> Case:
        opened = functools.partial(game, holed)
        return Case(
            family=family,
            name=name,
            holed=holed,
            examples=examples,
            grader=None,
            environment=opened,
            allowed=(allowed,),
        )

    return Pair(holed=case(True), clean=case(False), exploit=exploit)


def row(
    question: str,
    answer: str,
    *,
    reference: str | None = None,
    system: str | None = None,
    tools: Sequence[Mapping[str, Any]] = (),
    **metadata: Any,
) -> Example:
    """One question and a right answer to it; the reference is the answer where none is given."""
    said = [Message(role="system", content=system)] if system else []
    said += [Message(role="user", content=question), Message(role="assistant", content=answer)]
    known = answer if reference is None else reference
    return Example(messages=tuple(said), reference=known, metadata=metadata, tools=tuple(tools))


def numbered(rows: Iterable[Example]) -> tuple[Example, ...]:
    """The rows with their lines in a file."""
    return tuple(replace(each, line=n) for n, each in enumerate(rows, 1))


def asked(example: Example) -> str:
    """The last question."""
    return next(m.content for m in reversed(example.messages) if m.role == "user")


def stripped(example: Example) -> Example:
    """What a policy sees of an example: no answer, no reference, no metadata."""
    return replace(example, messages=example.messages[:-1], reference=None, metadata={})


def draws(seed: int, count: int = 24) -> Iterable[random.Random]:
    """A source of chance for each of `count` rows."""
    return (random.Random(1000 * seed + n) for n in range(count))


def ref(example: Example) -> str:
    """The reference, which every row here has."""
    assert example.reference is not None
    return example.reference
