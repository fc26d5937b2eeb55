"""The rows being decoded, as columns: what every row needs at every step lies in arrays, so that a step is vectorised over rows.

Rows are dense: a row that ends is replaced by the last one. Only rows that are watched (streamed, stopped by strings,
constrained, or asked for the likeliest tokens) cost Python work at each token.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from burnish.engine.draw import Drawn, Shape
from burnish.engine.request import Prompt
from burnish.engine.stops import StopText
from burnish.protocols import Constraint

Tops = list[tuple[tuple[int, float], ...]]


@dataclass(slots=True, eq=False)
class Row:
    """One sample being drawn."""

    prompt: Prompt
    sample: int
    constraint: Constraint | None
    text: StopText | None
    """None: the text is made when the row ends"""
    tops: Tops = field(default_factory=list)

    @property
    def watched(self) -> bool:
        return self.text is not None or self.constraint is not None or self.prompt.params.top_logprobs > 0

    @property
    def bent(self) -> bool:
        """Whether the logits drawn from are not the model's own."""
        return self.constraint is not None or self.prompt.bias is not None


class Batch:
    """Columns of length `limit_rows`, of which the first `len(rows)` are in use."""

    def __init__(self, limit_rows: int) -> None:
        self.rows: list[Row] = []
        self.length = np.zeros(limit_rows, dtype=np.int64)
        """positions in the cache"""
        self.reach = np.zeros(limit_rows, dtype=np.int64)
        self.count = np.zeros(limit_rows, dtype=np.int64)
        """tokens drawn"""
        self.limit = np.zeros(limit_rows, dtype=np.int64)
        self.token = np.zeros(limit_rows, dtype=np.int64)
        """the last token drawn, not yet in the cache"""
        self.key = np.zeros(limit_rows, dtype=np.uint64)
        self.temperature = np.zeros(limit_rows)
        self.top_k = np.zeros(limit_rows, dtype=np.int64)
        self.top_p = np.zeros(limit_rows)
        self.min_p = np.zeros(limit_rows)
        self.stops = np.full((limit_rows, 1), -1, dtype=np.int64)
        self.ids = np.zeros((limit_rows, 1), dtype=np.int32)
        self.logprobs = np.zeros((limit_rows, 1), dtype=np.float32)
        self.sampled = np.zeros((limit_rows, 1), dtype=np.float32)

    def join(self, row: Row, stop_ids: tuple[int, ...]) -> None:
        """Add a row whose prompt is in the cache."""
        i, prompt = len(self.rows), row.prompt
        p = prompt.params
        self.rows.append(row)
        self.length[i], self.reach[i] = len(prompt.tokens), prompt.reach
        self.count[i], self.limit[i], self.key[i] = 0, p.limit_tokens, prompt.key(row.sample)
        self.temperature[i], self.top_k[i], self.top_p[i], self.min_p[i] = p.temperature, p.top_k, p.top_p, p.min_p
        self.stops = _widen(self.stops, len(stop_ids), -1)
        self.stops[i] = -1
        self.stops[i, : len(stop_ids)] = stop_ids
        for name in ("ids", "logprobs", "sampled"):
            setattr(self, name, _widen(getattr(self, name), p.limit_tokens, 0))

    def remove(self, i: int) -> int:
        """Take row i out; returns the row that took its place (i itself where it was the last)."""
        last = len(self.rows) - 1
        if i != last:
            self.rows[i] = self.rows[last]
            for column in (
                self.length, self.reach, self.count, self.limit, self.token, self.key, self.temperature, self.top_k,
                self.top_p, self.min_p, self.stops,
            ):  # fmt: skip
                column[i] = column[last]
            drawn = self.count[i]
            for column in (self.ids, self.logprobs, self.sampled):
                column[i, :drawn] = column[last, :drawn]
        self.rows.pop()
        return last

    def shape(self, span: slice) -> Shape:
        return Shape(self.temperature[span], self.top_k[span], self.top_p[span], self.min_p[span])

    def record(self, span: slice, drawn: Drawn) -> np.ndarray:
        """Write down one token for each row of the span; returns which rows it ended by id or by length, bool."""
        at = np.arange(span.start, span.stop)
        count = self.count[span]
        self.ids[at, count], self.logprobs[at, count], self.sampled[at, count] = drawn.ids, drawn.logprobs, drawn.sampled_logprobs
        self.token[span] = drawn.ids
        self.count[span] = count + 1
        return self.stopped(span) | (self.count[span] >= self.limit[span])

    def stopped(self, span: slice) -> np.ndarray:
        """Whether each row's last token is one of its stop ids."""
        return (self.stops[span] == self.token[span, None]).any(1)


def _widen(array: np.ndarray, width: int, fill: int) -> np.ndarray:
    if width <= array.shape[1]:
        return array
    wider = np.full((array.shape[0], max(width, 2 * array.shape[1])), fill, dtype=array.dtype)
    wider[:, : array.shape[1]] = array
    return wider
