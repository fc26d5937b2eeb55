"""Rendered rows on disk: written one after another, read by number, never all in memory.

    tokens   ids of all rows end to end, int32                    runs    what neighbouring tokens share (RUN), run by run
    index    where each row begins, and what is told of it (ROW); one more entry says where the last one ends

Rows are read by position (pread) from open files rather than mapped into memory: what was read is not counted as this
process's, a file that was cut gives an error instead of a signal, and files that are removed meanwhile can be read on.
"""

from __future__ import annotations

import hashlib
import os
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, overload

import numpy as np

from burnish.errors import RunError
from burnish.store import atomic

RUN = np.dtype([("tokens", "<i4"), ("weight", "<f4"), ("message", "<i2")])
ROW = np.dtype([("token", "<i8"), ("run", "<i8"), ("line", "<i8"), ("truncated", "<i4"), ("goes_on", "<i1")])
TOKEN = np.dtype("<i4")
_FILES = ("tokens", "runs", "index")
_BUFFER_BYTES = 1 << 20
_LOOK_ROWS = 1 << 14
"""Entries of the index that are looked at together."""


class TokenRow:
    """One row as it was written: ids int32 [n], weights float32 [n], message int16 [n]; see render's Rendered."""

    __slots__ = ("goes_on", "ids", "line", "message", "truncated", "weights")

    def __init__(
        self, ids: np.ndarray, weights: np.ndarray, message: np.ndarray, *, line: int, truncated: int, goes_on: bool
    ) -> None:
        self.ids, self.weights, self.message = ids, weights, message
        self.line, self.truncated, self.goes_on = line, truncated, goes_on


class TokenWriter:
    """Writes the files of a new directory, which is whole when the context ends. Errors of the disk come as OSError."""

    def __init__(self, directory: Path) -> None:
        self._files: list[BinaryIO] = [open(directory / name, "xb", buffering=0) for name in _FILES]  # noqa: SIM115
        self._buffers = [bytearray() for _ in _FILES]
        self._tokens = self._runs = self.rows = 0
        self.written_bytes = 0
        """and what waits to be written"""
        self.digest = hashlib.sha256()
        """over length, ids and weights of every row, as `row_bytes` gives them"""

    def add(self, row: TokenRow) -> None:
        """Append a row."""
        change = (row.weights[1:] != row.weights[:-1]) | (row.message[1:] != row.message[:-1])
        starts = np.concatenate([[0], np.flatnonzero(change) + 1]) if len(row.ids) else np.zeros(0, np.int64)
        runs = np.zeros(len(starts), RUN)
        runs["tokens"] = np.diff(np.append(starts, len(row.ids)))
        runs["weight"], runs["message"] = row.weights[starts], row.message[starts]
        self.digest.update(row_bytes(row.ids, row.weights))
        self._put(2, self._entry(row.line, row.truncated, row.goes_on))
        self._put(0, row.ids.astype(TOKEN).tobytes())
        self._put(1, runs.tobytes())
        self._tokens += len(row.ids)
        self._runs += len(runs)
        self.rows += 1

    def _entry(self, line: int, truncated: int, goes_on: bool) -> bytes:
        return np.array((self._tokens, self._runs, line, truncated, goes_on), ROW).tobytes()

    def _put(self, which: int, data: bytes) -> None:
        buffer = self._buffers[which]
        buffer += data
        self.written_bytes += len(data)
        if len(buffer) >= _BUFFER_BYTES:
            self._flush(which)

    def _flush(self, which: int) -> None:
        atomic.append(self._files[which], bytes(self._buffers[which]))
        self._buffers[which].clear()

    def __enter__(self) -> TokenWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write what is left, unless the directory is given up."""
        try:
            if kind is None:
                self._put(2, self._entry(0, 0, False))
                for which in range(len(_FILES)):
                    self._flush(which)
        finally:
            for file in self._files:
                file.close()


def row_bytes(ids: np.ndarray, weights: np.ndarray) -> bytes:
    """What stands for a row in a digest over rows: whatever changes its tokens or weights changes it."""
    return len(ids).to_bytes(4, "little") + ids.tobytes() + weights.tobytes()


class TokenRows(Sequence[TokenRow]):
    """The rows of a directory that a TokenWriter wrote. Raises RunError for files that were cut or cannot be read."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            self._tokens, self._runs, self._index = (_open(self, directory / name) for name in _FILES)
            self._rows = os.fstat(self._index).st_size // ROW.itemsize - 1
        except OSError as error:
            raise RunError(f"the rows in {directory} cannot be read", seen=str(error), todo=_AGAIN) from error

    def __len__(self) -> int:
        return self._rows

    @overload
    def __getitem__(self, index: int) -> TokenRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[TokenRow]: ...
    def __getitem__(self, index: int | slice) -> TokenRow | list[TokenRow]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._rows))]
        if not -self._rows <= index < self._rows:
            raise IndexError(index)
        here, after = self._read(self._index, ROW, index % self._rows, 2)
        ids = self._read(self._tokens, TOKEN, int(here["token"]), int(after["token"] - here["token"]))
        runs = self._read(self._runs, RUN, int(here["run"]), int(after["run"] - here["run"]))
        return TokenRow(
            ids.astype(np.int32),
            np.repeat(runs["weight"], runs["tokens"]),
            np.repeat(runs["message"], runs["tokens"]),
            line=int(here["line"]),
            truncated=int(here["truncated"]),
            goes_on=bool(here["goes_on"]),
        )

    def lines(self) -> Iterator[int]:
        """The line of each row in its file."""
        for first in range(0, self._rows, _LOOK_ROWS):
            yield from self._read(self._index, ROW, first, min(_LOOK_ROWS, self._rows - first))["line"].tolist()

    def _read(self, file: int, kind: np.dtype, first: int, count: int) -> np.ndarray:
        size, at = count * kind.itemsize, first * kind.itemsize
        try:
            data = os.pread(file, size, at)
        except OSError as error:
            raise RunError(f"the rows in {self._directory} cannot be read", seen=str(error), todo=_AGAIN) from error
        if len(data) != size:
            raise RunError(f"the rows in {self._directory} were cut", seen=f"{len(data)} of {size} bytes", todo=_AGAIN)
        return np.frombuffer(data, kind)


_AGAIN = "remove that directory: its rows are made again from the data"


def _open(owner: TokenRows, path: Path) -> int:
    file = os.open(path, os.O_RDONLY)
    weakref.finalize(owner, os.close, file)
    return file
