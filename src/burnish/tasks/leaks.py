"""Validation prompts that stand in the training rows.

Two measures, over words as normalised by keys.py: a run of 13 words shared with one training row (GPT-3, Brown et al.
2020, appendix C), and runs of 8 words shared with one training row that cover at least half of the prompt (Tulu 3,
Lambert et al. 2024). As in GPT-3, runs that stand in more than 10 training rows are boilerplate and do not count.
Changed: both sides are rows of one task, so prompts are compared with whole rows (without system prompts), not pages.

Runs are compared by a 64-bit polynomial hash, vectorised over many training rows; paraphrases are not found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from burnish.tasks.keys import asked_text, digest, normalise, prompt_text
from burnish.types import Example

LONG_RUN = 13
SHORT_RUN = 8
COVERAGE = 0.5
BOILERPLATE_ROWS = 10

_BASE = np.uint64(0x9E3779B97F4A7C15)


class Leak(NamedTuple):
    """Validation row `valid` and the training row `train` that gives it away, as indices."""

    valid: int
    train: int
    kind: Literal["prompt", "run", "coverage"]


def find_leaks(train: Sequence[Example], valid: Sequence[Example]) -> list[Leak]:
    """At most one Leak per validation row, the plainest kind first: the same prompt, a long run, short runs."""
    search = LeakSearch(valid)
    search.add(train)
    return search.found()


class LeakSearch:
    """The same, where the training rows come some at a time and are not kept but for those that share runs."""

    def __init__(self, valid: Sequence[Example]) -> None:
        self._prompts: dict[bytes, list[int]] = defaultdict(list)
        for j, example in enumerate(valid):
            self._prompts[digest(prompt_text(example))].append(j)
        self._exact: dict[int, Leak] = {}
        self._number: dict[str, int] = {}
        number = self._number
        self._wanted = [[number.setdefault(w, len(number) + 1) for w in normalise(asked_text(e)).split()] for e in valid]
        self._hashes = [_hash(np.asarray(words, np.uint64)) for words in self._wanted]
        self._runs = np.unique(np.concatenate(self._hashes)) if self._hashes else np.zeros(0, np.uint64)
        self._rows: dict[int, list[int]] = defaultdict(list)
        """of a run, by hash: the training rows that hold it, up to one more than make it boilerplate"""
        self._words: dict[int, np.ndarray] = {}
        """of these rows"""
        self._seen = 0

    def add(self, train: Sequence[Example]) -> None:
        """Look at the next training rows; they are numbered on from those before."""
        for i, example in enumerate(train, self._seen):
            for j in self._prompts.get(digest(prompt_text(example)), ()):
                self._exact.setdefault(j, Leak(j, i, "prompt"))
        if self._runs.size and train:
            number = self._number
            words = [[number.get(w, 0) for w in normalise(_said(e)).split()] for e in train]
            for run, i in _shared(words, self._runs):
                rows = self._rows[run]
                if len(rows) <= BOILERPLATE_ROWS:
                    rows.append(self._seen + i)
                    self._words.setdefault(self._seen + i, np.asarray(words[i], np.int32))
        self._seen += len(train)

    def found(self) -> list[Leak]:
        """The leaks among all rows so far."""
        leaks = dict(self._exact)
        for j, (words, runs) in enumerate(zip(self._wanted, self._hashes, strict=True)):
            starts: dict[int, list[int]] = defaultdict(list)
            for start, run in enumerate(runs.tolist()):
                rows = self._rows.get(run, ())
                for i in rows if len(rows) <= BOILERPLATE_ROWS else ():
                    starts[i].append(start)
            found = [leak for i, at in starts.items() if (leak := _leak(j, i, at, words, self._words[i].tolist()))]
            for leak in sorted(found, key=lambda leak: (leak.kind != "run", leak.train))[:1]:
                leaks.setdefault(j, leak)
        return [leaks[j] for j in sorted(leaks)]


def _said(example: Example) -> str:
    return "\n".join(m.content for m in example.messages if m.role in ("user", "assistant"))


def _hash(words: np.ndarray) -> np.ndarray:
    """uint64 [n] word numbers to the hashes of their runs of SHORT_RUN, [n - SHORT_RUN + 1] (empty when n is less)."""
    runs = max(0, len(words) - SHORT_RUN + 1)
    total = np.zeros(runs, np.uint64)
    for k in range(SHORT_RUN):
        total = total * _BASE + words[k : k + runs]
    return total


def _shared(train: Sequence[Sequence[int]], wanted: np.ndarray) -> list[tuple[int, int]]:
    """(hash, row) of the wanted runs (sorted) that stand in training rows, each pair once."""
    runs = _hash(np.fromiter((w for words in train for w in words), np.uint64))
    row = np.repeat(np.arange(len(train)), [len(words) for words in train])
    inside = row[: len(runs)] == row[SHORT_RUN - 1 :][: len(runs)]  # a run does not go on into the next row
    at = np.searchsorted(wanted, runs).clip(max=len(wanted) - 1)
    hit = inside & (wanted[at] == runs)
    pairs = np.unique(np.stack([at[hit], row[: len(runs)][hit]]), axis=1)
    return [(int(wanted[which]), i) for which, i in pairs.T.tolist()]


def _leak(j: int, i: int, starts: Sequence[int], words: Sequence[int], train: Sequence[int]) -> Leak | None:
    """What the runs at `starts` of prompt j, shared with training row i, amount to."""
    inside = f" {' '.join(map(str, train))} "
    known = set(starts)
    for start in starts:
        whole = range(start, start + LONG_RUN - SHORT_RUN + 1)
        if known.issuperset(whole) and f" {' '.join(map(str, words[start : start + LONG_RUN]))} " in inside:
            return Leak(j, i, "run")
    covered = {position for start in starts for position in range(start, start + SHORT_RUN)}
    return Leak(j, i, "coverage") if len(covered) >= COVERAGE * len(words) else None
