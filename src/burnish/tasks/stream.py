"""A data file of any size, read row by row: JSON lines, CSV, plain text and Parquet, told apart as sources.py does.

The file is read twice: once to see what all of it is (which shape most rows have, which rows are bad, what is held out), so
that nothing is written for data that cannot be trained on, and then for its Examples. Neither rows nor Examples are kept.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from burnish.errors import ConfigError, DataError
from burnish.tasks import parquet
from burnish.tasks.chat import Tally
from burnish.tasks.convert import convert
from burnish.tasks.files import check_file, readable, suffix_of
from burnish.tasks.formats import Census, Shape
from burnish.tasks.lines import lines
from burnish.tasks.rows import (
    CONTAINERS,
    JSON_SUFFIXES,
    TEXT_SUFFIXES,
    XML,
    BadRow,
    Documents,
    Item,
    RowFault,
    csv_rows,
    delimiter_of,
    documents,
    documents_of,
    is_empty,
    is_json,
    is_xml,
    json_lines,
    no_rows,
    no_text,
)
from burnish.tasks.sources import bad_rows, name_of, spelled, unread
from burnish.types import Example

GUESSED_ROWS = 1000
"""Rows from whose shape that of the file is guessed, so that it is mostly read twice and not three times."""
KEPT_BAD = 1000
"""Bad rows that are kept; the rest are counted."""
LIMIT_COLUMNS = 1000
"""Columns that are not trained on, as many as are named at most."""

Look = Callable[[Example, int], None]
"""Is shown an Example and its number."""
Kind = Literal["JSON lines", "CSV", "TSV", "text", "Parquet", "document"]
"""document: one JSON array or object, which is not read row by row."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is divided into rows."""

    path: Path
    kind: Kind
    delimiter: str = ","
    documents: Documents = "lines"

    def items(self, tally: Counter[str]) -> Iterator[Item]:
        """The rows one after another. tally: counts what was passed over. Raises DataError where the file cannot be read on."""
        match self.kind:
            case "Parquet":
                return parquet.rows_of(self.path)
            case "CSV" | "TSV":
                return csv_rows(lines(self.path), self.delimiter, self.path)
            case "text":
                return documents(lines(self.path, marked=self.documents == "marks"), self.documents)
            case _:
                return json_lines(lines(self.path), tally)

    @property
    def container(self) -> str:
        """The kind of file, in the words of sources.py."""
        return CONTAINERS[self.documents] if self.kind == "text" else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What one data file holds. `rows` counts the bad ones too; `bad` are the first `KEPT_BAD` of them."""

    layout: Layout
    shape: Shape
    mapped: bool
    format: str
    notes: tuple[str, ...]
    rows: int
    bad: tuple[BadRow, ...]
    bad_count: int

    def examples(self) -> Iterator[tuple[int, Example]]:
        """Number (from 0, bad rows counted) and Example of each row that can be trained on, in the order of the file."""
        tally: Tally = Counter()
        for number, item in enumerate(self.layout.items(tally)):
            found = item if isinstance(item, BadRow) else _example(item, self.layout, self.shape, self.mapped, tally)
            if not isinstance(found, BadRow):
                yield number, found

    def picked(self, numbers: Collection[int]) -> list[Example]:
        """The rows with these numbers, which can be trained on; the file is read up to the last of them."""
        tally: Tally = Counter()
        last = max(numbers, default=-1)
        picked = (item for n, item in enumerate(itertools.islice(self.layout.items(tally), last + 1)) if n in numbers)
        found = (i if isinstance(i, BadRow) else _example(i, self.layout, self.shape, self.mapped, tally) for i in picked)
        return [example for example in found if not isinstance(example, BadRow)]


def layout(path: str | Path) -> Layout:
    """How a file is divided. Raises DataError for one that is empty, or is no file of data."""
    path = Path(path)
    with readable(path):
        check_file(path)
    if parquet.is_parquet(path):
        return Layout(path, "Parquet")
    solid = [line for _, line in itertools.islice(((n, line) for n, line in lines(path) if line.strip()), 2)]
    if not solid:
        raise is_empty(path)
    suffix = suffix_of(path)
    if suffix in (".csv", ".tsv"):
        delimiter = delimiter_of(next((line for _, line in lines(path)), ""), suffix)
        return Layout(path, "TSV" if delimiter == "\t" else "CSV", delimiter=delimiter)
    first, more = solid[0].lstrip(), solid[1:]
    named_text = suffix in TEXT_SUFFIXES
    if not named_text and XML.match(first):
        raise is_xml(path, first[:60])
    if first[0] in "{[" and (is_json(first) or not named_text):
        one_a_line = is_json(first) and more if first[0] == "[" else is_json(first) or not more or more[0].lstrip()[0] == "{"
        return Layout(path, "JSON lines" if one_a_line else "document")
    if suffix in JSON_SUFFIXES:
        return Layout(path, "JSON lines")
    return Layout(path, "text", documents=documents_of(lines(path)))


def survey(found: Layout, mapping: Mapping[str, str] | None, *, skip_bad_rows: bool, look: Callable[[], Look]) -> Stream:
    """Read a file once to its end. look: makes what is shown every Example; the last one that was made has seen them all.

    Raises DataError for a file that cannot be read, is in no known format, or has bad rows (unless skipped); ConfigError for a
    wrong mapping.
    """
    where = str(found.path)
    shape = _guess(found, mapping)
    while True:
        reading = _Reading(found, shape, bool(mapping), look())
        census = reading.census
        if not reading.rows:
            raise _nothing(found)
        if not census.rows:
            raise bad_rows(where, reading.bad, reading.rows, only=True, count=reading.bad_count)
        before, shape = shape, census.mapped(mapping, where) if mapping else census.shape(where)
        if shape == before:
            break
    if reading.bad_count and (not skip_bad_rows or reading.bad_count == reading.rows):
        only = reading.bad_count == reading.rows
        raise bad_rows(where, reading.bad, reading.rows, only=only, count=reading.bad_count)
    notes = [*(f"{n} {words}" for words, n in reading.tally.items()), *unread(reading.columns)]
    if reading.bad_count:
        shown = spelled(reading.bad, reading.bad_count)
        notes.append(f"{reading.bad_count} of {reading.rows} rows were skipped, as asked: {shown}")
    return Stream(
        layout=found,
        shape=shape,
        mapped=bool(mapping),
        format=name_of(shape, census, found.container, plain=found.kind == "text"),
        notes=tuple(notes),
        rows=reading.rows,
        bad=tuple(reading.bad),
        bad_count=reading.bad_count,
    )


class _Reading:
    """One reading of a whole file: what its rows look like, and, as far as a shape is known, what is wrong with them."""

    def __init__(self, found: Layout, shape: Shape | None, mapped: bool, look: Look) -> None:
        self.census, self.tally, self.columns = Census(), Counter[str](), set[str]()
        self.rows = self.bad_count = 0
        self.bad: list[BadRow] = []
        for item in found.items(self.tally):
            self.rows += 1
            if not isinstance(item, BadRow):
                self.census.add(item[1])
                if shape is None:
                    continue
                item = _example(item, found, shape, mapped, self.tally)
            if isinstance(item, BadRow):
                self.bad_count += 1
                if len(self.bad) < KEPT_BAD:
                    self.bad.append(item)
                continue
            look(item, self.rows - 1)
            if len(self.columns) < LIMIT_COLUMNS:
                self.columns.update(item.metadata)


def _example(item: tuple[int, object], found: Layout, shape: Shape, mapped: bool, tally: Tally) -> Example | BadRow:
    line, value = item
    try:
        return convert(value, shape, mapped=mapped, tally=tally, source=str(found.path), line=line)
    except RowFault as fault:
        return BadRow(line, fault.fault, fault.remedy, "row" if found.kind == "Parquet" else "line")


def _guess(found: Layout, mapping: Mapping[str, str] | None) -> Shape | None:
    """The shape of the first rows; None where they have none."""
    census = Census()
    for item in itertools.islice(found.items(Counter()), GUESSED_ROWS):
        if not isinstance(item, BadRow):
            census.add(item[1])
    try:
        return None if not census.rows else census.mapped(mapping, "") if mapping else census.shape("")
    except (ConfigError, DataError):
        return None  # the whole file is looked at before anything is said


def _nothing(found: Layout) -> DataError:
    if found.kind == "Parquet":
        return parquet.no_rows(found.path)
    if found.kind == "text":
        return no_text(found.path)
    return no_rows(found.path, next((line for _, line in lines(found.path)), ""))
