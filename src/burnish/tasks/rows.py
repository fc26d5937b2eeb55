"""Text to rows: JSON lines, JSON array, CSV, plain text. A row that cannot be parsed becomes a BadRow, no exception.
All but a JSON array come line by line, from a text in memory or from a file that is larger (stream.py).

Where a broken row leaves the rest of the file readable (JSON lines) it is collected; where it does not (the middle of a
JSON array, an unclosed CSV quote) the file is refused with the place. Lines end at "\\n" only: U+2028 and its like are
legal inside JSON strings.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from burnish.errors import DataError
from burnish.tasks.files import TextFile, has_surrogates

LIMIT_ROW_CHARACTERS = 64 << 20
LIMIT_DEPTH = 64
LIMIT_PARAGRAPH_LINES = 20
"""Plain text whose blank lines stand further apart than this on average is read line by line."""
DOCUMENT_MARK = "<|endoftext|>"
TOO_LARGE = ("the row is too large", f"keep a row under {LIMIT_ROW_CHARACTERS >> 20} million characters")
"""Fault and remedy."""

TEXT_SUFFIXES = (".txt", ".text", ".md")
JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
XML = re.compile(r"<(?:\?xml|!DOCTYPE|!--|[A-Za-z][\w:.-]*[\s/>])")
SOLID = re.compile(r"\S")


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be trained on. `line` is 1-based; `unit` says what it counts (array rows or physical lines)."""

    line: int
    fault: str
    remedy: str
    unit: Literal["line", "row"] = "line"

    def __str__(self) -> str:
        return f"{self.unit} {self.line}: {self.fault}"


Item = tuple[int, Any] | BadRow
"""One row of a file: its line and its value, or why it has none."""


class RowFault(Exception):
    """What is wrong with one row; caught by the reader, which knows its line."""

    def __init__(self, fault: str, remedy: str) -> None:
        super().__init__(fault)
        self.fault, self.remedy = fault, remedy


@dataclass(slots=True)
class Rows:
    """The rows of one file. `items` are (line, value): a dict or string where all is well, any JSON value otherwise."""

    container: str
    unit: Literal["line", "row"] = "line"
    items: list[tuple[int, Any]] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    plain: bool = False
    """plain text: the items are documents, not JSON strings"""

    def take(self, items: Iterable[Item], limit_rows: int | None) -> Rows:
        """Keep these rows, or the first of them."""
        for item in items:
            if limit_rows is not None and len(self.items) + len(self.bad) >= limit_rows:
                break
            if isinstance(item, BadRow):
                self.bad.append(item)
            else:
                self.items.append(item)
        return self


def parse_rows(file: TextFile, *, limit_rows: int | None = None) -> Rows:
    """Split a file into rows by what it looks like, its name breaking ties. Raises DataError if it has no rows."""
    first = SOLID.search(file.text)
    if first is None:
        raise is_empty(file.path)
    start, named_text = first.group(), file.suffix in TEXT_SUFFIXES
    if file.suffix in (".csv", ".tsv"):
        rows = _csv(file, limit_rows)
    elif not named_text and XML.match(file.text, first.start()):
        raise is_xml(file.path, file.text[first.start() : first.start() + 60].split("\n")[0])
    elif start == "{" and (not named_text or is_json(_first_line(file.text, first.start()))):
        rows = _json_objects(file, first.start(), limit_rows)
    elif start == "[" and (not named_text or is_json(file.text)):
        rows = _json_array(file, first.start(), limit_rows)
    elif file.suffix in JSON_SUFFIXES:
        rows = _json_lines(file, limit_rows)
    else:
        rows = _documents(file, limit_rows)
    if limit_rows is not None and len(rows.items) + len(rows.bad) >= limit_rows:
        rows.notes.append(f"only the first {limit_rows} rows were read (a limit was given)")
    return rows


def is_empty(path: Path) -> DataError:
    return DataError(f"{path} is empty", todo="give a file with at least two rows")


def is_xml(path: Path, seen: str) -> DataError:
    todo = 'convert it to JSON lines, one object a line: {"question": "...", "answer": "..."}'
    return DataError(f"{path} is XML (or HTML), which is not read", seen=seen, todo=todo)


def parse_json(text: str) -> Any:
    """One JSON value, strictly: no NaN, no key twice, at most LIMIT_DEPTH deep. Raises RowFault."""
    if len(text) > LIMIT_ROW_CHARACTERS:
        size = f"{len(text) >> 20} million characters"
        raise RowFault(f"the row is too large ({size})", f"keep a row under {LIMIT_ROW_CHARACTERS >> 20} million")
    value, end = _decode(text, 0)
    rest = SOLID.search(text, end)
    if rest is not None:
        column = rest.start() + 1
        raise RowFault(f"more text after the JSON value, at column {column}", "write one JSON object a line")
    return value


def _decode(text: str, at: int) -> tuple[Any, int]:
    solid = SOLID.search(text, at)
    begin = solid.start() if solid else at
    try:
        value, end = _DECODER.raw_decode(text, begin)
    except json.JSONDecodeError as error:
        where = f"column {error.colno}" if "\n" not in text else f"line {error.lineno}, column {error.colno}"
        raise RowFault(f"invalid JSON at {where}: {error.msg}", _json_remedy(text, error.pos)) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:  # an integer of thousands of digits
        raise RowFault(f"invalid JSON: {str(error).split(';')[0]}", "write such a number as a string") from None
    brackets = text.count("{", begin, end) + text.count("[", begin, end)
    if brackets > LIMIT_DEPTH and _deeper(value, LIMIT_DEPTH):
        raise _too_deep()
    return value, end


def _too_deep() -> RowFault:
    return RowFault(f"JSON nested more than {LIMIT_DEPTH} deep", "flatten the row to columns of text or to messages")


def _json_remedy(text: str, at: int) -> str:
    if text[at : at + 1] == "'":
        return "JSON wants double quotes; write the file with json.dumps, not str()"
    if at >= len(text.rstrip()):
        return "the row is cut off: write it again, on one line"
    return "correct the row; a JSON writer such as json.dumps gets quotes and escapes right"


def _constant(name: str) -> Any:
    raise RowFault(f"{name} is not valid JSON", "write null, or leave the column out")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [k for k, _ in pairs]
        twice = next(k for k in found if keys.count(k) > 1)
        raise RowFault(f"the key {twice!r} appears twice in one object", "keep one of them")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)


def _deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [c for v in level if isinstance(v, (dict, list)) for c in (v.values() if isinstance(v, dict) else v)]
    return any(isinstance(v, (dict, list)) for v in level)


def is_json(text: str) -> bool:
    try:
        parse_json(text)
    except RowFault:
        return False
    return True


def _first_line(text: str, at: int) -> str:
    end = text.find("\n", at)
    return text[at:] if end < 0 else text[at:end]


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        yield number, line.removesuffix("\r")


def json_lines(lines: Iterable[tuple[int, str]], tally: Counter[str]) -> Iterator[Item]:
    """A JSON value a line. tally: counts blank lines between rows, by the words of the note."""
    blank = 0
    for number, line in lines:
        if not line.strip():
            blank += 1
            continue
        if blank:
            tally["blank lines between rows were passed over"] += blank
            blank = 0
        try:
            yield number, parse_json(line)
        except RowFault as fault:
            yield _bad_line(number, line, fault)


def _json_lines(file: TextFile, limit_rows: int | None) -> Rows:
    tally: Counter[str] = Counter()
    rows = Rows("JSON lines").take(json_lines(_lines(file.text), tally), limit_rows)
    rows.notes += [f"{n} {words}" for words, n in tally.items()]
    return rows


def _bad_line(number: int, line: str, fault: RowFault) -> BadRow:
    if "\0" in line:
        return BadRow(number, "the row holds null bytes", "remove them: `tr -d '\\000'`")
    if has_surrogates(line):
        return BadRow(number, f"bytes that are not UTF-8; {fault.fault}", "save the file as UTF-8")
    return BadRow(number, fault.fault, fault.remedy)


def _json_objects(file: TextFile, at: int, limit_rows: int | None) -> Rows:
    """JSON lines, or one object written over several lines."""
    line = _first_line(file.text, at)
    next_solid = SOLID.search(file.text, at + len(line))
    if is_json(line) or next_solid is None or next_solid.group() == "{":
        return _json_lines(file, limit_rows)
    try:
        value = parse_json(file.text[at:])
    except RowFault as fault:
        raise DataError(
            f"{file.path} is neither JSON lines nor one JSON document",
            seen=fault.fault,
            todo="write one JSON object a line, or one JSON array of objects",
        ) from None
    rows = Rows("one JSON object", unit="row", items=[(1, value)])
    return rows


def _json_array(file: TextFile, at: int, limit_rows: int | None) -> Rows:
    rows, text, position, number = Rows("JSON array", unit="row"), file.text, at + 1, 0
    if "\n" in text.strip() and is_json(_first_line(text, at)):
        return _json_lines(file, limit_rows)  # a list on every line: each is refused as a row, with its line
    while True:
        solid = SOLID.search(text, position)
        if solid is None:
            raise _broken_array(file, number + 1, position, "the array is not closed; the file is cut off")
        if solid.group() == "]":
            break
        if number:
            if solid.group() != ",":
                raise _broken_array(file, number, solid.start(), "expected ',' or ']' after the row")
            position = solid.end()
        number += 1
        if limit_rows is not None and number > limit_rows:
            return rows
        try:
            value, end = _decode(text, position)
        except RowFault as fault:
            raise _broken_array(file, number, position, fault.fault, fault.remedy) from None
        if end - position > LIMIT_ROW_CHARACTERS:
            rows.bad.append(BadRow(number, *TOO_LARGE, "row"))
        else:
            rows.items.append((number, value))
        position = end
    rest = SOLID.search(text, solid.end())
    if rest is not None:
        raise _broken_array(file, number, rest.start(), "more text after the array's end")
    if number == 0:
        raise DataError(f"{file.path} is an empty JSON array", todo="give a file with at least two rows")
    return rows


def _broken_array(file: TextFile, number: int, at: int, fault: str, remedy: str = "") -> DataError:
    if "line" not in fault:
        fault = f"line {file.text.count(chr(10), 0, at) + 1}: {fault}"
    return DataError(
        f"{file.path} is a JSON array that breaks at row {number}",
        seen=fault,
        todo=remedy or "write it again with a JSON writer; JSON lines (one object a line) survive a broken row",
    )


def delimiter_of(header_line: str, suffix: str) -> str:
    """What stands between the cells of a CSV file."""
    if suffix == ".tsv" or ("\t" in header_line and "," not in header_line):
        return "\t"
    return ";" if "," not in header_line and ";" in header_line else ","


def csv_rows(lines: Iterable[tuple[int, str]], delimiter: str, path: Path) -> Iterator[Item]:
    """CSV with a header. Quoting is read strictly: a stray quote would swallow rows. Raises DataError for one, and for a header
    that names a column twice."""
    # The limit is process-wide and 128 KiB by default; ours holds while this file is read.
    before = csv.field_size_limit(LIMIT_ROW_CHARACTERS)
    reader = csv.reader((line + "\n" for _, line in lines), delimiter=delimiter, strict=True)
    try:
        header = next(reader)
        twice = sorted({h for h in header if header.count(h) > 1})
        if twice:
            raise DataError(f"{path} names a column twice", seen=", ".join(map(repr, twice)), todo="rename one")
        begin = reader.line_num + 1
        for cells in reader:
            line, begin = begin, reader.line_num + 1
            if not any(c.strip() for c in cells):
                continue
            if len(cells) != len(header):
                fault = f"{len(cells)} cells where the header names {len(header)}"
                yield BadRow(line, fault, 'put cells that hold commas or line ends in "double quotes"')
            else:
                yield line, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise DataError(
            f"{path} is CSV that breaks near line {reader.line_num}",
            seen=str(error),
            todo='double a quote inside a quoted cell (""), and close every quote',
        ) from error
    finally:
        csv.field_size_limit(before)


def no_rows(path: Path, header_line: str) -> DataError:
    return DataError(f"{path} has a header and no rows", seen=header_line[:80], todo="add rows")


def _csv(file: TextFile, limit_rows: int | None) -> Rows:
    header_line = _first_line(file.text, 0)
    delimiter = delimiter_of(header_line, file.suffix)
    rows = Rows("TSV" if delimiter == "\t" else "CSV")
    rows.take(csv_rows(_lines(file.text.rstrip("\r\n")), delimiter, file.path), limit_rows)
    if not rows.items and not rows.bad:
        raise no_rows(file.path, header_line)
    return rows


Documents = Literal["marks", "paragraphs", "lines"]
"""What stands between the documents of a plain text."""
CONTAINERS: dict[Documents, str] = {
    "marks": f"plain text, documents separated by {DOCUMENT_MARK}",
    "paragraphs": "plain text, one document per paragraph (blank lines between)",
    "lines": "plain text, one document per line",
}


def documents_of(lines: Iterable[tuple[int, str]]) -> Documents:
    """How a plain text is divided: by <|endoftext|> marks, else by blank lines, else one document a line."""
    solid = paragraphs = 0
    before = ""
    for _, line in lines:
        if DOCUMENT_MARK in line:
            return "marks"
        line = line.strip()
        solid += bool(line)
        paragraphs += bool(line) and not before
        before = line
    return "lines" if paragraphs < 2 or solid > LIMIT_PARAGRAPH_LINES * paragraphs else "paragraphs"


def documents(lines: Iterable[tuple[int, str]], how: Documents) -> Iterator[Item]:
    """The documents of a plain text, each with its first line."""
    if how == "lines":
        for number, line in lines:
            if line.strip():
                yield (number, line) if len(line) <= LIMIT_ROW_CHARACTERS else BadRow(number, *TOO_LARGE)
    elif how == "marks":
        yield from _blocks(((n, part) for n, line in lines for part in _marked(line)), DOCUMENT_MARK)
    else:
        yield from _blocks(lines, "")


def no_text(path: Path) -> DataError:
    return DataError(f"{path} holds no text but separators", todo="give a file with at least two documents")


def _documents(file: TextFile, limit_rows: int | None) -> Rows:
    how = documents_of(_lines(file.text))
    rows = Rows(CONTAINERS[how], plain=True).take(documents(_lines(file.text), how), limit_rows)
    if not rows.items and not rows.bad:
        raise no_text(file.path)
    return rows


def _marked(line: str) -> list[str]:
    parts = line.split(DOCUMENT_MARK)
    return [p for i, part in enumerate(parts) for p in ((DOCUMENT_MARK, part) if i else (part,))]


def _blocks(lines: Iterable[tuple[int, str]], separator: str) -> Iterator[Item]:
    """(first line, text) of the runs between separators; blank runs are none."""
    run: list[tuple[int, str]] = []
    size = first = 0
    for number, line in itertools.chain(lines, [(0, separator)]):
        if line.strip() != separator:
            size += len(line) + 1
            if not first and line.strip():
                first = number
            if size <= LIMIT_ROW_CHARACTERS:
                run.append((number, line))
            continue
        if first and size > LIMIT_ROW_CHARACTERS:
            yield BadRow(first, *TOO_LARGE)
        elif first:
            solid = [i for i, (_, part) in enumerate(run) if part.strip()]
            yield first, "\n".join(part for _, part in run[solid[0] : solid[-1] + 1])
        run, size, first = [], 0, 0
