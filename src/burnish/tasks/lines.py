"""The lines of a text file of any size, of which one is in memory at a time; packed with gzip or not.

As files.py, which takes a text whole: lines end at "\\n" only, bytes that are not UTF-8 become lone surrogates, what is not text
or expands as a decompression bomb does is refused.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from burnish.errors import DataError
from burnish.tasks.files import SAMPLE_BYTES, check_ratio, readable, refuse_binary
from burnish.tasks.rows import DOCUMENT_MARK, LIMIT_ROW_CHARACTERS

LIMIT_LINE_BYTES = 4 * LIMIT_ROW_CHARACTERS + 4
"""A longer line is given only so far, which is more than any row may have."""


def lines(path: Path, *, marked: bool = False) -> Iterator[tuple[int, str]]:
    """(number from 1, text) of each line. marked: a line may hold several documents, so that none is given only so far.

    Raises DataError for what cannot be read as text, and for a marked line that is too long.
    """
    with readable(path), _opened(path) as file:
        refuse_binary(file.read(SAMPLE_BYTES), path)
    with readable(path), _opened(path) as file:
        packed, number, read = path.stat().st_size, 0, 0
        while line := file.readline(LIMIT_LINE_BYTES):
            number += 1
            read += len(line)
            check_ratio(path, read, packed)
            if len(line) == LIMIT_LINE_BYTES and not line.endswith(b"\n"):
                if marked:
                    raise DataError(
                        f"line {number} of {path} is too long to be read in parts",
                        seen=f"more than {LIMIT_LINE_BYTES:,} bytes",
                        todo=f"put a line end after each {DOCUMENT_MARK}",
                    )
                while (rest := file.readline(1 << 20)) and not rest.endswith(b"\n"):
                    pass
            text = line.decode("utf-8-sig" if number == 1 else "utf-8", errors="surrogateescape")
            yield number, text.removesuffix("\n").removesuffix("\r")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if packed:
            with gzip.GzipFile(fileobj=raw) as file:
                yield file  # pyright: ignore[reportReturnType]
        else:
            yield raw
