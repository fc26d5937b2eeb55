"""A 5-gram model, as the bar that a trained model must clear: what it gets right is known from the last four tokens alone.

Backs off to shorter contexts where a longer one was never seen ("stupid backoff", Brants et al. 2007, aclanthology D07-1090, with
the most frequent next token). A task that this model solves needs no understanding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

ORDER = 5
_LONGEST = 62
"""Bits that a context and the token after it may take together, packed into one whole number."""


class NGram:
    """Which token follows most often each context of 0 to `order - 1` tokens. Holds all contexts of millions of tokens."""

    def __init__(self, texts: Iterable[Sequence[int]], *, order: int = ORDER) -> None:
        """texts: token ids, each with the token that begins and ends a text; no context reaches beyond its text.

        Raises ValueError where there are so many different tokens that `order` of them do not fit into 62 bits.
        """
        rows = [np.asarray(ids, dtype=np.int64) for ids in texts]
        ids = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
        place = np.concatenate([np.arange(len(row)) for row in rows]) if rows else ids
        self.order = order
        self.bits = max(1, int(ids.max(initial=0)).bit_length())
        if self.bits * order > _LONGEST:
            raise ValueError(f"{order} tokens of {self.bits} bits each do not fit into {_LONGEST} bits")
        self._best = [self._counted(ids, place, length) for length in range(order)]

    def _counted(self, ids: np.ndarray, place: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
        """(contexts of this length in order, the likeliest token after each); ties go to the smallest token."""
        ends = np.flatnonzero((place >= length) & (place >= 1))
        packed = np.zeros(len(ends), dtype=np.int64)
        for back in range(length, -1, -1):
            packed = packed << self.bits | ids[ends - back]
        pairs, counts = np.unique(packed, return_counts=True)
        contexts = pairs >> self.bits
        order = np.lexsort((pairs, -counts, contexts))
        first = np.flatnonzero(np.diff(contexts[order], prepend=-1))
        return contexts[order][first], pairs[order][first] & ((1 << self.bits) - 1)

    def next(self, ids: Sequence[int]) -> int:
        """The likeliest next token. Raises ValueError where no text was read."""
        for length in range(min(self.order - 1, len(ids)), -1, -1):
            found = self._after(ids[len(ids) - length :])
            if found is not None:
                return found
        raise ValueError("a model of no text predicts nothing")

    def _after(self, context: Sequence[int]) -> int | None:
        packed = 0
        for token in context:
            if token >> self.bits:
                return None  # larger than any that was read
            packed = packed << self.bits | token
        contexts, tokens = self._best[len(context)]
        at = int(np.searchsorted(contexts, packed))
        return int(tokens[at]) if at < len(contexts) and contexts[at] == packed else None

    def go_on(self, ids: Sequence[int], *, limit_tokens: int, end: int) -> tuple[list[int], bool]:
        """(the likeliest continuation without the end token, whether it ended)."""
        row, start = list(ids), len(ids)
        for _ in range(limit_tokens):
            token = self.next(row)
            if token == end:
                return row[start:], True
            row.append(token)
        return row[start:], False
