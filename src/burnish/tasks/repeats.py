"""Rows that repeat an earlier one, and prompts with more than one answer, counted row by row.

Every prompt is looked at, or as many as a limit of memory allows: then those whose hash falls into a share of all hashes, which
is halved whenever their different rows become too many (distinct sampling: Gibbons 2001, VLDB). All rows of one prompt are in the
sample or none is, so what is said of the rows in it is exact, but for one thing: of a prompt with very many different rows the
first are kept alone, and repeats of the others are not seen (`capped`).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from burnish.tasks.keys import answer_text, digest, prompt_text
from burnish.types import Example

SHOWN_LINES = 10
CAP_SHARE = 10
"""Of one prompt at most a tenth of the limit is kept."""
_ALL = 1 << 64


@dataclass(slots=True)
class Marked:
    """How many rows something holds for, and the first of their lines."""

    count: int = 0
    _lines: list[int] = field(default_factory=list)

    def add(self, *lines: int) -> None:
        self.count += len(lines)
        self._keep(lines)

    def join(self, other: Marked) -> None:
        """Count the rows of another too."""
        self.count += other.count
        self._keep(other.lines)

    def _keep(self, lines: Iterable[int]) -> None:
        for line in lines:
            heapq.heappush(self._lines, -line)  # the largest comes first, and goes
            if len(self._lines) > SHOWN_LINES:
                heapq.heappop(self._lines)

    @property
    def lines(self) -> tuple[int, ...]:
        return tuple(sorted(-line for line in self._lines))


@dataclass(slots=True)
class _Prompt:
    """A prompt that stands in more than one row. answers: the first two that differ; capped: not all of its rows are in exact."""

    exact: set[bytes] = field(default_factory=set)
    answers: set[bytes] = field(default_factory=set)
    rows: Marked = field(default_factory=Marked)
    again: Marked = field(default_factory=Marked)
    capped: bool = False


_Once = tuple[bytes, bytes | None, int]
"""A prompt that stands in one row so far: hash of the whole row, of its answer as compared (None: text has none), line."""


class Repeats:
    """limit: different rows that are kept (as hashes), at most, and a tenth of it of one prompt; None = all."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit, self._below, self._kept = limit, _ALL, 0
        self.cap = None if limit is None else max(1, limit // CAP_SHARE)
        """different rows of one prompt that are kept"""
        self._prompts: dict[bytes, _Once | _Prompt] = {}

    def add(self, example: Example) -> None:
        """Look at the next row."""
        prompt, answer = prompt_text(example), answer_text(example)
        text = example.form == "text"
        key = _hash(prompt) if text else digest(prompt)
        if int.from_bytes(key[:8], "little") >= self._below:
            return
        row: _Once = (_hash(f"{len(prompt)} {prompt}{answer}"), None if text else digest(answer), example.line)
        before = self._prompts.get(key)
        if before is None:
            self._prompts[key] = row
            self._kept += 1
        else:
            if isinstance(before, tuple):
                once, before = before, _Prompt()
                self._prompts[key] = before
                _join(before, once, self.cap)
            kept = len(before.exact)
            _join(before, row, self.cap)
            self._kept += len(before.exact) - kept
        while self._limit is not None and self._kept > self._limit:
            self._halve()

    def _halve(self) -> None:
        self._below //= 2
        self._prompts = {k: v for k, v in self._prompts.items() if int.from_bytes(k[:8], "little") < self._below}
        self._kept = sum(1 if isinstance(entry, tuple) else len(entry.exact) for entry in self._prompts.values())

    @property
    def one_in(self) -> int:
        """The share of the prompts that are looked at is one in this many."""
        return _ALL // self._below

    @property
    def capped(self) -> int:
        """Prompts that have more than `cap` different rows: repeats of the later ones are not seen."""
        return sum(isinstance(entry, _Prompt) and entry.capped for entry in self._prompts.values())

    def found(self) -> tuple[int, Marked, Marked]:
        """How many rows were looked at, those that repeat an earlier one, and those whose prompt has other answers too."""
        seen, again, differ = 0, Marked(), Marked()
        for entry in self._prompts.values():
            if isinstance(entry, tuple):
                seen += 1
                continue
            seen += entry.rows.count
            again.join(entry.again)
            if len(entry.answers) > 1:
                differ.join(entry.rows)
        return seen, again, differ


def _join(prompt: _Prompt, row: _Once, cap: int | None) -> None:
    exact, answer, line = row
    prompt.rows.add(line)
    if exact in prompt.exact:
        prompt.again.add(line)
    elif cap is None or len(prompt.exact) < cap:
        prompt.exact.add(exact)
    else:
        prompt.capped = True
    if answer is not None and len(prompt.answers) < 2:
        prompt.answers.add(answer)


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
