"""Hold out a validation split, by a hash of the prompt.

Rows with the same normalised opening (system and first user message; the text itself in form "text") are one group and
stay on one side, so that neither duplicates nor continuations of one conversation leak. Groups are taken in the order
of their hash with the seed, up to the wanted number of rows: the order of a group depends on nothing else, so adding
rows moves at most the groups at the boundary, and shuffling the file moves none.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from burnish.errors import ConfigError, DataError
from burnish.tasks.keys import digest, opening_text
from burnish.types import Example

VALID_ROWS = 200
VALID_SHARE = 0.1
"""Held out by default: a tenth of the rows, at most 200 (which shows a paired effect of about 11 points)."""


@dataclass(frozen=True, slots=True)
class Split:
    """Both sides in the order of the file. `notes` says what was held out, and how."""

    train: tuple[Example, ...]
    valid: tuple[Example, ...]
    notes: tuple[str, ...]


class Openings:
    """The rows that share each opening.

    limit_rows: keep the openings with the smallest hashes only, as many as about so many rows have. Those are the ones that are
    held out; what does not fit among them (openings that stand in many rows) is passed over, as without a limit.
    """

    def __init__(self, seed: int, limit_rows: int | None = None) -> None:
        self.rows = 0
        self._seed, self._limit = seed, limit_rows
        self._groups: dict[bytes, list[int]] = {}
        self._largest: list[tuple[int, bytes]] = []
        """a heap of the keys that are kept, the largest hash first"""
        self._kept = 0
        self._below: bytes | None = None
        """openings with this hash or a larger one are not kept any more"""

    def add(self, example: Example, row: int) -> None:
        """Look at the next row, which has this number."""
        self.rows += 1
        key = digest(opening_text(example), self._seed)
        if self._below is not None and key >= self._below:
            return
        if key not in self._groups:
            self._groups[key] = []
            if self._limit is not None:
                heapq.heappush(self._largest, (-int.from_bytes(key), key))
        if self._limit is None or len(self._groups[key]) <= self._limit:
            self._groups[key].append(row)
            self._kept += 1
        while self._limit is not None and self._kept > self._limit and len(self._groups) > 2:
            _, self._below = heapq.heappop(self._largest)
            self._kept -= len(self._groups.pop(self._below))

    @property
    def distinct(self) -> int | None:
        """How many openings there are; None where not all were kept."""
        return len(self._groups) if self._below is None else None

    def hold_out(self, fraction: float | None) -> tuple[list[int], int]:
        """The rows to hold out, and how many openings they have. Raises DataError where nothing can be held out."""
        groups = self._groups
        if len(groups) < 2:
            raise DataError(
                "Nothing can be held out: the file has fewer than two distinct prompts",
                seen=f"{self.rows} rows, {len(groups)} distinct",
                todo="give a validation file of its own with --valid FILE, or more rows",
            )
        target = wanted(self.rows, fraction)
        order = sorted(groups)
        held: list[int] = []
        taken = 0
        for key in order:
            if len(held) + len(groups[key]) <= target and (self.distinct is None or taken < len(groups) - 1):
                held += groups[key]
                taken += 1
        if not held:  # every prompt stands in more rows than are wanted: hold out the rarest
            held = groups[min(order, key=lambda key: (len(groups[key]), key))]
            taken = 1
            if self._limit is not None and len(held) > self._limit:
                raise DataError(
                    "Nothing can be held out: every prompt stands in very many rows",
                    seen=f"{self.rows} rows, over {self._limit} of one prompt",
                    todo="give a validation file of its own with --valid FILE",
                )
        return held, taken


def wanted(rows: int, fraction: float | None) -> int:
    """How many of so many rows are to be held out."""
    share = VALID_SHARE * rows if fraction is None else fraction * rows
    return max(1, round(min(share, VALID_ROWS) if fraction is None else share))


def held_out(held: int, rows: int, taken: int, distinct: int | None) -> str:
    """What was held out, in words."""
    prompts = f"{taken} of {distinct} distinct prompts" if distinct is not None else f"{taken} distinct prompts"
    return f"{held} of {rows} rows ({prompts}) are held out, by hash"


def split(examples: Sequence[Example], *, fraction: float | None = None, seed: int = 0) -> Split:
    """Split into train and valid, both non-empty. `fraction` of the rows is held out (default min(10 %, 200 rows)).
    Raises DataError when fewer than two distinct prompts leave nothing to hold out, ConfigError for a bad fraction."""
    if fraction is not None and not 0 < fraction < 1:
        raise ConfigError("The held-out fraction must lie between 0 and 1", seen=str(fraction), todo="give 0.1, say")
    openings = Openings(seed)
    for i, example in enumerate(examples):
        openings.add(example, i)
    held, taken = openings.hold_out(fraction)
    chosen = set(held)
    train = tuple(e for i, e in enumerate(examples) if i not in chosen)
    valid = tuple(e for i, e in enumerate(examples) if i in chosen)
    return Split(train, valid, (held_out(len(valid), len(examples), taken, openings.distinct),))
