"""The rows of one side, as tokens and as Datums: in memory, or on disk and read when they are asked for (store/tokenrows.py).

Whoever trains, plans or audits sees sequences and the sizes that were counted as the rows were made, and does not know which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import overload

import numpy as np

from burnish.errors import ConfigError
from burnish.render.renderer import Rendered, Renderer
from burnish.store.tokenrows import TokenRow, TokenRows
from burnish.types import Datum, Example

KEPT_FAULTY = 100
"""Faulty rows that are kept, to be shown."""


@dataclass(slots=True, kw_only=True)
class Sizes:
    """What is counted over the rows of a side. Lengths are in tokens, after cutting."""

    rows: int = 0
    tokens: int = 0
    target_tokens: int = 0
    cut_rows: int = 0
    cut_tokens: int = 0
    """beyond the longest length"""
    longest: int = 0
    longest_row: int = 0
    """index of the first row of that length"""
    longest_answer: int = 0
    """most target tokens of one row"""
    lengths: Counter[int] = field(default_factory=Counter)
    """how many rows have each length"""
    ends: set[int] = field(default_factory=set)
    """ids of the last trained token of every row that was not cut"""

    def add(self, row: Rendered) -> None:
        """Count the next row. It has a target, or only asks."""
        length, targets = len(row.ids), int((row.weights[1:] > 0).sum())
        if length > self.longest:
            self.longest, self.longest_row = length, self.rows
        self.rows += 1
        self.tokens += length
        self.target_tokens += targets
        self.longest_answer = max(self.longest_answer, targets)
        self.lengths[length] += 1
        if row.truncated:
            self.cut_rows += 1
            self.cut_tokens += row.truncated
        elif targets:
            self.ends.add(int(row.ids[np.flatnonzero(row.weights)[-1]]))

    @staticmethod
    def of(rows: Sequence[Rendered]) -> Sizes:
        """The sizes of these rows."""
        sizes = Sizes()
        for row in rows:
            sizes.add(row)
        return sizes

    def to_json(self) -> dict[str, object]:
        """Plain dicts, lists and numbers."""
        body: dict[str, object] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return body | {"lengths": sorted(self.lengths.items()), "ends": sorted(self.ends)}

    @staticmethod
    def from_json(body: Mapping[str, object]) -> Sizes:
        """The inverse of `to_json`, after JSON."""
        lengths, ends = body["lengths"], body["ends"]
        assert isinstance(lengths, list)
        assert isinstance(ends, list)
        return Sizes(**{**body, "lengths": Counter(dict(lengths)), "ends": set(ends)})  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Training or validation rows that carry loss, or only ask: the examples, as rendered, and as Datums with each token's own
    weight."""

    examples: tuple[Example, ...]
    """none where the rows are on disk"""
    rendered: Sequence[Rendered]
    data: Sequence[Datum]
    sizes: Sizes

    @staticmethod
    def of(examples: Sequence[Example], rendered: Sequence[Rendered]) -> Side:
        """A side of these rows, in memory."""
        data = tuple(Datum.from_tokens(r.ids, r.weights) for r in rendered)
        return Side(examples=tuple(examples), rendered=tuple(rendered), data=data, sizes=Sizes.of(rendered))

    @staticmethod
    def on_disk(rows: TokenRows, sizes: Sizes) -> Side:
        """A side of rows that were written. sizes: as counted then."""
        return Side(examples=(), rendered=DiskRows(rows), data=DiskData(rows), sizes=sizes)

    def __add__(self, other: Side) -> Side:
        """The rows of both, this side's first. Both are in memory."""
        return Side.of((*self.examples, *other.examples), (*self.rendered, *other.rendered))

    def head(self, n: int) -> Side:
        """The first n rows, in memory."""
        return self if n >= len(self.data) else Side.of(self.examples[:n], self.rendered[:n])

    def lines(self) -> Iterator[int]:
        """Of each row, where its example stands in its file."""
        return self.rendered.rows.lines() if isinstance(self.rendered, DiskRows) else iter([e.line for e in self.examples])

    @property
    def tokens(self) -> int:
        return self.sizes.tokens

    @property
    def target_tokens(self) -> int:
        return self.sizes.target_tokens


class DiskRows(Sequence[Rendered]):
    """Rows on disk as they were rendered, without notes."""

    def __init__(self, rows: TokenRows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Rendered: ...
    @overload
    def __getitem__(self, index: slice) -> list[Rendered]: ...
    def __getitem__(self, index: int | slice) -> Rendered | list[Rendered]:
        found = self.rows[index]
        return [_rendered(row) for row in found] if isinstance(found, list) else _rendered(found)


class DiskData(Sequence[Datum]):
    """Rows on disk as Datums."""

    def __init__(self, rows: TokenRows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Datum: ...
    @overload
    def __getitem__(self, index: slice) -> list[Datum]: ...
    def __getitem__(self, index: int | slice) -> Datum | list[Datum]:
        found = self.rows[index]
        if isinstance(found, list):
            return [Datum.from_tokens(row.ids, row.weights) for row in found]
        return Datum.from_tokens(found.ids, found.weights)


def side_of(examples: Sequence[Example], rendered: Sequence[Rendered], name: str) -> tuple[Side, list[str]]:
    """The rows that can be trained on, and notes that count the others and what the renderer remarked."""
    remarks = Remarks(name)
    kept = [(e, r) for e, r in zip(examples, rendered, strict=True) if remarks.add(e, r)]
    return Side.of([e for e, _ in kept], [r for _, r in kept]), remarks.notes()


class Remarks:
    """Counts what the renderer remarked on the rows of a side, and the rows that it found faulty."""

    def __init__(self, name: str) -> None:
        self._name, self._remarks = name, Counter[str]()
        self._rows = self._faulty = 0
        self._first = ""
        self.left_out: list[Example] = []
        """the first `KEPT_FAULTY` of the faulty rows"""

    def add(self, example: Example, row: Rendered) -> bool:
        """Count the next row. Whether it can be trained on."""
        self._rows += 1
        if row.fault is None:
            self._remarks.update(row.notes)
            return True
        if not self._faulty:
            self._first = f"line {example.line}: {row.fault}"
        self._faulty += 1
        if len(self.left_out) < KEPT_FAULTY:
            self.left_out.append(example)
        return False

    def notes(self) -> list[str]:
        """In words."""
        notes = [f"{count} {self._name} rows: {remark}" for remark, count in self._remarks.most_common(5)]
        if self._faulty:
            notes.append(f"left out {self._faulty} of {self._rows} {self._name} rows; the first is {self._first}")
        return notes


def shuffled(examples: Sequence[Example], seed: int) -> list[Example]:
    """Rows that are measured, in a fixed order whose first n are a fair sample."""
    return [examples[i] for i in np.random.default_rng([seed, 1 << 20]).permutation(len(examples))]


def split_long(example: Example, renderer: Renderer, limit: int) -> list[Rendered]:
    """Rows of at most `limit` tokens; a longer text becomes several, each of which begins with the last token of the one before,
    so that every token but the first is a target once. Raises ConfigError for a row that is not plain text."""
    if example.form != "text":
        raise ConfigError(
            "only plain text can be split, and trained on whole",
            seen=f"a row of form {example.form!r} at line {example.line}",
            todo='use the recipe "sft" for conversations and answers, or set long_rows=cut',
        )
    row = renderer.render(example)
    if len(row.ids) <= limit or row.fault is not None:
        return [row]
    parts = []
    for start in range(0, len(row.ids) - 1, limit - 1):
        part = slice(start, start + limit)
        last = start + limit >= len(row.ids)
        parts.append(replace(row, ids=row.ids[part], weights=row.weights[part], message=row.message[part], goes_on=not last))
    return parts


def _rendered(row: TokenRow) -> Rendered:
    return Rendered(ids=row.ids, weights=row.weights, message=row.message, truncated=row.truncated, goes_on=row.goes_on)
