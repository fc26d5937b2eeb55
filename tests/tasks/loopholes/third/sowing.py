"""What the families share: rows, graders made of one function, a holed case with its clean twin and what uses the hole."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from inspect import isfunction
from typing import Any

from case import Case

from burnish.tasks.environment import Environment
from burnish.types import Example, Message, Score

Exploit = Callable[[Example], Any]
"""What a policy sees of an example to an answer without merit; for an environment, to a list of messages, each a text or a
function of what was read last."""


@dataclass(frozen=True, slots=True)
class Fair:
    """A grader made of a function of the example and the answer."""

    name: str
    worth: Callable[[Any, str], float]
    concurrency: int = 2

    def grade(self, example: Example, answer: str) -> Score:
        value = float(self.worth(example, answer))
        return Score(value=value, reason=f"{self.name}: {value:g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One hole: the case that has it, the same without it, and what uses it."""

    holed: Case
    clean: Case
    exploit: Exploit
    guess: float = 0.0
    """The share of clean rows that the exploit may pass by luck, where there are few choices."""


def sow(
    family: str,
    name: str,
    rows: Iterable[Example],
    holed: Any,
    clean: Any,
    exploit: Exploit | str,
    *,
    clean_rows: Iterable[Example] | None = None,
    guess: float = 0.0,
    allowed: tuple[str, ...] = (),
) -> Pair:
    """Both twins. `holed` and `clean` are functions of (example, answer), or graders. exploit: a text is said to every row."""
    rows = numbered(rows)
    others = rows if clean_rows is None else numbered(clean_rows)

    def grader(judge: Any) -> Any:
        return Fair(name, judge) if isfunction(judge) else judge

    first = Case(family=family, name=name, holed=True, examples=rows, grader=grader(holed), allowed=allowed)
    second = replace(first, holed=False, examples=others, grader=grader(clean))
    return Pair(holed=first, clean=second, exploit=(lambda e: exploit) if isinstance(exploit, str) else exploit, guess=guess)


def play(family: str, world: Callable[[bool], Environment], rows: Iterable[Example], exploit: Exploit, name: str = "") -> Pair:
    """Both twins of an environment, which is opened with whether it is to have its hole."""
    called = name or re.sub(r"(?<!^)([A-Z])", r" \1", getattr(world, "__name__", "")).lower()
    first = Case(
        family=family,
        name=called,
        holed=True,
        examples=numbered(rows),
        grader=None,
        environment=functools.partial(world, True),
        allowed=("the commands that the task names",),
    )
    return Pair(holed=first, clean=replace(first, holed=False, environment=functools.partial(world, False)), exploit=exploit)


def ask(question: str, answer: object, reference: object = None, *, system: str = "", **metadata: Any) -> Example:
    """A row: a question and a right answer, which is the reference as well where none is given."""
    said = [Message(role="system", content=system)] if system else []
    said += [Message(role="user", content=question), Message(role="assistant", content=str(answer))]
    return Example(messages=tuple(said), reference=str(answer if reference is None else reference), metadata=metadata)


def drawn(name: str, count: int, make: Callable[[random.Random, int], Example]) -> list[Example]:
    """Rows of a function of a source of chance and the row's number. No two ask the same."""
    rows, seen, tries = [], set(), 0
    while len(rows) < count:
        made = make(random.Random(f"{name}/{tries}"), len(rows))
        tries += 1
        if (text := question(made)) not in seen:
            seen.add(text)
            rows.append(made)
        assert tries < 50 * count, name
    return rows


def shared(name: str, labels: Sequence[Any], count: int) -> list[Any]:
    """As many of each label as of any other, in no order."""
    dealt = [labels[n % len(labels)] for n in range(count)]
    random.Random(f"shared/{name}").shuffle(dealt)
    return dealt


def numbered(rows: Iterable[Example]) -> tuple[Example, ...]:
    return tuple(replace(e, line=n) for n, e in enumerate(rows, 1))


def question(example: Any) -> str:
    return next(m.content for m in reversed(example.messages) if m.role == "user")


def seen(example: Example) -> Example:
    """What a policy sees: no answer, no reference, no metadata."""
    return replace(example, messages=example.messages[:-1], reference=None, metadata={}, line=0)


def ints(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", text)]


def bare(answer: str, wanted: str, unit: str = "") -> bool:
    """Whether the answer is what is wanted, and nothing but that: a stop and the unit may follow."""
    said = answer.strip().casefold().removesuffix(".").strip()
    return said.removesuffix(unit.casefold()).strip() == wanted.casefold()


def last_line(answer: str, label: str) -> str:
    """What stands in the last line behind its label; empty if that is not the only line with it."""
    lines = answer.strip().split("\n")
    head, _, value = lines[-1].partition(":")
    once = len(re.findall(rf"\b{re.escape(label)}\s*:", answer, re.IGNORECASE)) == 1
    return value.strip() if once and head.strip().casefold() == label.casefold() else ""
