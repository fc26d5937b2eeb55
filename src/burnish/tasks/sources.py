"""A user's data file to Examples: detect the format, name it, convert every row, and lose none in silence.

Either every row becomes an Example, or the rows that cannot are all reported with line, fault and remedy and nothing is
trained on; with `skip_bad_rows` they are left out, counted and kept in `Source.bad`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from burnish.errors import DataError
from burnish.store import hubdata
from burnish.tasks import parquet
from burnish.tasks.chat import Tally
from burnish.tasks.convert import REFERENCES, convert
from burnish.tasks.files import read_text
from burnish.tasks.formats import Census, Shape
from burnish.tasks.rows import BadRow, RowFault, Rows, parse_rows
from burnish.types import Example

SHOWN = 10
"""Bad rows spelled out in the error; the rest are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What one data file holds. `rows` counts the bad ones too; `sha256` is of the file as it lies on disk."""

    path: Path
    examples: tuple[Example, ...]
    format: str
    notes: tuple[str, ...]
    bad: tuple[BadRow, ...]
    rows: int
    sha256: str


def read(
    path: str | Path,
    *,
    mapping: Mapping[str, str] | None = None,
    skip_bad_rows: bool = False,
    limit_rows: int | None = None,
    questions: bool = False,
) -> Source:
    """Read a data file, or a dataset of the hub (`hubdata`). `mapping` assigns columns to roles (formats.ROLES). questions: rows
    may end with the user's message, for who draws the answers and has them graded. Raises DataError for a file that cannot be
    read, is in no known format, or has bad rows (unless skipped); ConfigError for a wrong mapping."""
    where = str(path)
    rows, digest = _of_hub(where, limit_rows) if hubdata.is_hub(where) else _rows(Path(path), limit_rows)
    if not rows.items:
        raise bad_rows(where, rows.bad, len(rows.bad), only=True)
    census = Census()
    for _, value in rows.items:
        census.add(value)
    shape = census.mapped(mapping, where) if mapping else census.shape(where)
    tally: Tally = Counter()
    examples: list[Example] = []
    bad = list(rows.bad)
    for line, value in rows.items:
        try:
            examples.append(
                convert(value, shape, mapped=bool(mapping), tally=tally, source=where, line=line, questions=questions)
            )
        except RowFault as fault:
            bad.append(BadRow(line, fault.fault, fault.remedy, rows.unit))
    bad.sort(key=lambda row: row.line)
    total = len(examples) + len(bad)
    if bad and (not skip_bad_rows or not examples):
        raise bad_rows(where, bad, total, only=not examples)
    columns = {k for e in examples for k in e.metadata}
    notes = [*rows.notes, *(f"{n} {words}" for words, n in tally.items()), *unread(columns)]
    if bad:
        notes.append(f"{len(bad)} of {total} rows were skipped, as asked: {spelled(bad, len(bad))}")
    return Source(
        path=Path(path),
        examples=tuple(examples),
        format=name_of(shape, census, rows.container, plain=rows.plain),
        notes=tuple(notes),
        bad=tuple(bad),
        rows=total,
        sha256=digest,
    )


def title(name: str) -> str:
    """What a data file, or a dataset of the hub, is called in few words."""
    return name if hubdata.is_hub(name) else Path(name).name


def _rows(path: Path, limit_rows: int | None) -> tuple[Rows, str]:
    """The rows of one file, and its sha256."""
    if parquet.is_parquet(path):
        return parquet.read_rows(path, limit_rows=limit_rows)
    file = read_text(path)
    return parse_rows(file, limit_rows=limit_rows), file.sha256


def _of_hub(name: str, limit_rows: int | None) -> tuple[Rows, str]:
    """The rows of a dataset's files, numbered through, and a sha256 over the commit and what the files hold."""
    found = hubdata.fetch(name)
    digest = hashlib.sha256(f"{found.spec}\n".encode())
    every: Rows | None = None
    for path in found.paths:
        before = 0 if every is None else len(every.items) + len(every.bad)
        rows, own = _rows(path, None if limit_rows is None else limit_rows - before)
        digest.update(own.encode())
        if every is None:
            every = rows
        else:
            every.items += [(before + line, value) for line, value in rows.items]
            every.bad += [replace(bad, line=before + bad.line) for bad in rows.bad]
        if limit_rows is not None and len(every.items) + len(every.bad) >= limit_rows:
            break
    assert every is not None
    every.notes.append(f"dataset {found.spec.id}, config {found.spec.config}, split {found.spec.split}, {found.spec.revision}")
    return every, digest.hexdigest()


def name_of(shape: Shape, census: Census, container: str, *, plain: bool) -> str:
    """The format of a file in words. plain: its rows are documents, not JSON strings."""
    if shape.kind == "string":
        return container if plain else f"{container} of strings"
    return f"{census.label(shape)}, {container}"


def unread(columns: set[str]) -> list[str]:
    """A note that names columns of metadata."""
    columns = columns - {REFERENCES}
    if not columns:
        return []
    named = ", ".join(k or "(unnamed)" for k in sorted(columns)[:8])
    more = f" and {len(columns) - 8} more" if len(columns) > 8 else ""
    return [f"columns not trained on: {named}{more}"]


def spelled(bad: Sequence[BadRow], count: int) -> str:
    """Lines and faults of the first of `count` bad rows; those with the same fault together."""
    alike: dict[tuple[str, str], list[str]] = {}
    for row in bad[:SHOWN]:
        alike.setdefault((row.unit, row.fault), []).append(str(row.line))
    shown = "; ".join(
        f"{unit}{'s' if len(lines) > 1 else ''} {', '.join(lines)}: {fault}" for (unit, fault), lines in alike.items()
    )
    return f"{shown}; and {count - SHOWN} more" if count > SHOWN else shown


def bad_rows(where: str, bad: Sequence[BadRow], total: int, *, only: bool, count: int | None = None) -> DataError:
    """The error for rows that cannot be trained on. only: there are no others; count: how many, if `bad` are but the first."""
    count = len(bad) if count is None else count
    remedies = list(dict.fromkeys(row.remedy for row in bad[:SHOWN]))
    skip = "" if only else "; or leave such rows out with --skip-bad-rows"
    what = f"{count} of {total} rows of {where} cannot be trained on"
    return DataError(what, seen=spelled(bad, count), todo="; ".join(remedies[:3]) + skip)
