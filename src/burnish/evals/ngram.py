"""A 5-gram model, as the bar that a trained model must clear: what it gets right is known from the last four tokens alone.

Backs off to shorter contexts where a longer one was never seen ("stupid backoff", Brants et al. 2007, aclanthology D07-1090, with
the most frequent next token). A task that this model solves needs no understanding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

ORDER = 5


class NGram:
    """Counts of which token follows which 0 to `order - 1` tokens."""

    def __init__(self, texts: Iterable[Sequence[int]], *, order: int = ORDER) -> None:
        """texts: token ids, each with the token that begins and ends a text."""
        self.order = order
        counts: dict[tuple[int, ...], Counter[int]] = {}
        for ids in texts:
            row = tuple(ids)
            for i in range(1, len(row)):
                for length in range(min(order - 1, i) + 1):
                    counts.setdefault(row[i - length : i], Counter())[row[i]] += 1
        # Only the likeliest successor is ever asked for; ties go to the smallest id, so that counting order does not matter.
        self.best = {context: min(c.items(), key=lambda item: (-item[1], item[0]))[0] for context, c in counts.items()}

    def next(self, ids: Sequence[int]) -> int:
        """The likeliest next token."""
        for length in range(min(self.order - 1, len(ids)), -1, -1):
            found = self.best.get(tuple(ids[len(ids) - length :]))
            if found is not None:
                return found
        raise ValueError("a model of no text predicts nothing")

    def go_on(self, ids: Sequence[int], *, limit_tokens: int, end: int) -> tuple[list[int], bool]:
        """(the likeliest continuation without the end token, whether it ended)."""
        row, start = list(ids), len(ids)
        for _ in range(limit_tokens):
            token = self.next(row)
            if token == end:
                return row[start:], True
            row.append(token)
        return row[start:], False
