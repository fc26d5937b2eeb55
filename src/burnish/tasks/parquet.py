"""Parquet to rows, through pyarrow (the extra `parquet`): the columns of a file as the fields of JSON rows.

What JSON has no value for is spelled as JSON writers do (dates in ISO 8601, decimals as text); bytes and NaN make their row a bad
one.
"""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from burnish.errors import CapabilityMissing, DataError
from burnish.store.atomic import sha256
from burnish.tasks.files import LIMIT_BYTES
from burnish.tasks.rows import BadRow, Item, RowFault, Rows

MAGIC = b"PAR1"
_BATCH_ROWS = 128
_BUFFER_BYTES = 1 << 18


def is_parquet(path: Path) -> bool:
    """Whether a file begins as Parquet does, whatever its name."""
    try:
        if not path.is_file():  # a pipe would be read from
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False  # whoever opens it next says what is wrong


def read_rows(path: Path, *, limit_rows: int | None = None) -> tuple[Rows, str]:
    """The rows, numbered from 1, and the sha256 of the file.

    Raises CapabilityMissing without pyarrow, DataError for a damaged file, one without rows, or one of more than LIMIT_BYTES.
    """
    rows = Rows("Parquet", unit="row").take(rows_of(path, limit_bytes=LIMIT_BYTES), limit_rows)
    if not rows.items and not rows.bad:
        raise no_rows(path)
    if limit_rows is not None and len(rows.items) + len(rows.bad) >= limit_rows:
        rows.notes.append(f"only the first {limit_rows} rows were read (a limit was given)")
    return rows, sha256(path)


def rows_of(path: Path, *, limit_bytes: int | None = None) -> Iterator[Item]:
    """The rows from number 1 on, some of them in memory at a time. Raises as `read_rows` does; limit_bytes: at more than that."""
    pyarrow = _pyarrow(path)
    try:
        with pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
            if limit_bytes is not None:
                _check_size(path, file.metadata, limit_bytes)
            number = read = 0
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                read += batch.nbytes
                if limit_bytes is not None and read > limit_bytes:  # what the file says of its size is that of its encodings
                    raise _too_large(path, read)
                for row in range(batch.num_rows):
                    number += 1
                    try:
                        item: Item = number, _row(batch, row)
                    except RowFault as fault:
                        item = BadRow(number, fault.fault, fault.remedy, "row")
                    yield item
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def unpacked_bytes(path: Path) -> int:
    """Bytes of all columns before compression, as the file says: of their encodings, which may be smaller than their values.
    Raises as `rows_of` does."""
    pyarrow = _pyarrow(path)
    try:
        return _total_bytes(pyarrow.parquet.read_metadata(path))
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _pyarrow(path: Path) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise CapabilityMissing(
            f"{path} is a Parquet file, and pyarrow, which reads those, is not installed",
            seen=str(error),
            todo="pip install 'burnish[parquet]', or convert the file to JSON lines",
        ) from error
    return pyarrow


def no_rows(path: Path) -> DataError:
    return DataError(f"{path} is a Parquet file without rows", todo="give a file with at least two rows")


def _damaged(path: Path, error: Exception) -> DataError:
    seen = str(error).splitlines()[0][:300]
    return DataError(f"{path} is a damaged Parquet file", seen=seen, todo="download or copy it again")


def _total_bytes(metadata: Any) -> int:
    return sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))


def _check_size(path: Path, metadata: Any, limit_bytes: int) -> None:
    size = _total_bytes(metadata)
    if size > limit_bytes:
        raise _too_large(path, size)


def _too_large(path: Path, size: int) -> DataError:
    return DataError(
        f"{path} holds more than {LIMIT_BYTES >> 30} GiB of data",
        seen=f"{size:,} bytes when it is unpacked",
        todo="set stream=true, which reads it row by row, or train on a part",
    )


def _row(batch: Any, row: int) -> dict[str, Any]:
    """One row as JSON has it. Raises RowFault for what Python has no value for, too."""
    found = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            value = column[row].as_py()
        except (ValueError, OverflowError):  # no UTF-8, nanoseconds, years beyond Python's, an unknown time zone
            value = _as_text(column[row], name)
        found[str(name)] = _plain(value)
    return found


def _as_text(cell: Any, name: str) -> str:
    import pyarrow

    try:
        return str(cell.cast(pyarrow.string()).as_py())
    except (pyarrow.ArrowException, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0][:100]
        raise RowFault(f"column {name!r} cannot be read as text: {reason}", "store it as text (UTF-8)") from error


def _plain(value: Any) -> Any:
    """A value as JSON has it. Raises RowFault."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if not math.isfinite(value):
                raise RowFault(f"a number is {value}, which JSON does not have", "leave the row out, or the column empty")
            return value
        case dict():
            return {str(k): _plain(v) for k, v in value.items()}
        case list():
            if value and all(isinstance(v, tuple) and len(v) == 2 for v in value):  # a map
                return {str(k): _plain(v) for k, v in value}
            return [_plain(v) for v in value]
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case decimal.Decimal():
            return str(value)
        case bytes():
            raise RowFault("a column holds bytes, which are no text", "store text as strings (UTF-8)")
        case _:
            raise RowFault(f"a column holds values of the type {type(value).__name__}", "store text, numbers, lists or structs")
