"""Which rows a step trains on: a function of the seed and the step, so that there is no position to save.

Every epoch is a permutation of all rows, drawn from (seed, epoch), or the rows as they stand; a step takes the next `batch`
rows of the epochs laid end to end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """rows: rows in the data. The last batch of the last epoch is short where they do not divide."""

    seed: int
    rows: int
    batch: int
    epochs: int
    shuffled: bool = True

    def permutation(self, epoch: int) -> np.ndarray:
        """Row indices of one epoch, int64 [rows]."""
        if not self.shuffled:
            return np.arange(self.rows)
        return np.random.default_rng([self.seed, epoch]).permutation(self.rows)

    def rows_of(self, step: int) -> list[int]:
        """Row indices of one step (from 0)."""
        first = step * self.batch
        last = min(first + self.batch, self.epochs * self.rows)
        assert first < last, (step, self)
        found: list[int] = []
        while first < last:
            epoch, offset = divmod(first, self.rows)
            part = self.permutation(epoch)[offset : offset + last - first]
            found += part.tolist()
            first += len(part)
        return found
