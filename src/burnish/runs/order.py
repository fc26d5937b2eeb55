"""Which rows a step trains on: a function of the seed and the step, so that there is no position to save.

Every epoch is a permutation of all rows, drawn from (seed, epoch), or the rows as they stand; a step takes the next `batch`
rows of the epochs laid end to end.

Where there are more rows than `window`, the permutation is made of parts that fit in memory, and that read the disk in stretches:
the rows are cut into blocks as they stand, the blocks are shuffled, so many of them as a window holds are laid together, and the
rows of each window are shuffled. Rows from all over the data meet in a window, and which do changes from epoch to epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np

from burnish.recipes.training import Training

BLOCKS = 64
"""Blocks of a window, at least; of a window of fewer rows, as many as it has rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """rows: rows in the data. window: rows that are shuffled among one another; None = all. The last batch of the last epoch is
    short where they do not divide."""

    seed: int
    rows: int
    batch: int
    epochs: int
    shuffled: bool = True
    window: int | None = None

    @classmethod
    def of(cls, config: Training, rows: int) -> Self:
        """The order that a resolved config asks for."""
        assert config.batch
        assert config.epochs
        window = config.window
        return cls(
            seed=config.seed,
            rows=rows,
            batch=config.batch,
            epochs=config.epochs,
            shuffled=config.order == "shuffled",
            window=window if config.stream else None,
        )

    def part(self, epoch: int, offset: int) -> tuple[np.ndarray, int]:
        """Row indices of the window that holds place `offset` of an epoch, int64, and the place of the first of them."""
        if not self.shuffled:
            step = min(self.rows, self.window or self.rows)
            first = offset // step * step
            return np.arange(first, min(first + step, self.rows)), first
        if self.window is None or self.rows <= self.window:
            return _permuted(self.seed, epoch, self.rows), 0
        return _window(self.seed, epoch, self.rows, self.window, offset)

    def permutation(self, epoch: int, limit: int | None = None) -> np.ndarray:
        """Row indices of one epoch, or the first `limit` of them, int64 [rows or limit]."""
        wanted = self.rows if limit is None else min(limit, self.rows)
        parts, done = [], 0
        while done < wanted:
            part, _ = self.part(epoch, done)
            parts.append(part)
            done += len(part)
        return np.concatenate([np.zeros(0, np.int64), *parts])[:wanted]

    def rows_of(self, step: int) -> list[int]:
        """Row indices of one step (from 0)."""
        first = step * self.batch
        last = min(first + self.batch, self.epochs * self.rows)
        assert first < last, (step, self)
        found: list[int] = []
        while first < last:
            epoch, offset = divmod(first, self.rows)
            window, begin = self.part(epoch, offset)
            part = window[offset - begin : offset - begin + last - first]
            found += part.tolist()
            first += len(part)
        return found


@lru_cache(maxsize=2)
def _permuted(seed: int, epoch: int, rows: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(rows)


@lru_cache(maxsize=2)
def _blocks(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch, 1]).permutation(count)


def _window(seed: int, epoch: int, rows: int, window: int, offset: int) -> tuple[np.ndarray, int]:
    """The window around place `offset`, shuffled, and its first place. Every block has `size` rows, but for the last of the data,
    and every window `many` blocks, but for the last."""
    size = max(1, window // BLOCKS)
    many = window // size
    blocks = _blocks(seed, epoch, -(-rows // size))
    missing = len(blocks) * size - rows
    short = int(np.flatnonzero(blocks == len(blocks) - 1)[0])  # where the last block of the data came to stand
    block = offset // size if offset < (short + 1) * size - missing else (offset + missing) // size
    number = block // many
    first = number * many * size - (missing if short < number * many else 0)
    return _shuffled_window(seed, epoch, rows, size, many, number), first


@lru_cache(maxsize=2)
def _shuffled_window(seed: int, epoch: int, rows: int, size: int, many: int, number: int) -> np.ndarray:
    blocks = _blocks(seed, epoch, -(-rows // size))[number * many : (number + 1) * many]
    inside = np.concatenate([np.arange(b * size, min((b + 1) * size, rows)) for b in blocks.tolist()])
    return inside[np.random.default_rng([seed, epoch, 2, number]).permutation(len(inside))]
