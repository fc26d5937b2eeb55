"""The door through which data files enter: bytes on disk to text in memory, with every bound checked.

Compression is told by the first bytes, never by the name. A gzip file may not expand more than LIMIT_RATIO times once
it is past RATIO_FROM_BYTES (a decompression bomb does, text does not). Bytes that are not UTF-8 become lone surrogates
("surrogateescape"), so that a later step can name the row they stand in; a file full of such bytes is refused here.

`read_text` assumes that the text fits in memory (LIMIT_BYTES); lines.py does not.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from burnish.errors import DataError

LIMIT_BYTES = 2 << 30
"""of text, after decompression"""
RATIO_FROM_BYTES = 100_000_000
LIMIT_RATIO = 100

_MAGIC = (
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"PK\x03\x04", "a zip archive (or an Office document)"),
    (b"SQLite format 3", "an SQLite database"),
    (b"%PDF", "a PDF document"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89PNG", "a PNG image"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x1f\x8b", "gzip inside gzip"),
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x1b")) + b"\x7f"
SAMPLE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class TextFile:
    """One data file as text. `suffix` is lower case and the one under `.gz`; `sha256` is of the bytes on disk."""

    path: Path
    text: str
    suffix: str
    sha256: str


def read_text(path: Path) -> TextFile:
    """Read `path`, decompress and decode it. Raises DataError for everything that is not text of a bearable size."""
    raw = _bytes(path)
    body = _gunzip(raw, path) if raw[:2] == b"\x1f\x8b" else raw
    refuse_binary(body, path)
    text = body.decode("utf-8-sig", errors="surrogateescape")
    return TextFile(path, text, suffix_of(path), hashlib.sha256(raw).hexdigest())


def has_surrogates(text: str) -> bool:
    """Whether the text holds lone surrogates: bytes that were not UTF-8, or half of an escaped pair."""
    return not text.isascii() and _SURROGATE.search(text) is not None


TODO_FILE = "give the path of a data file (.jsonl, .json, .csv, .parquet or .txt, also .gz)"


def check_file(path: Path) -> None:
    """Raises DataError unless there is a regular file."""
    if path.is_dir():
        inside = sorted(p.name for p in path.iterdir())[:5]
        raise DataError(f"{path} is a directory", seen=", ".join(inside) or "nothing in it", todo=TODO_FILE)
    if not path.exists():
        raise DataError(f"No such data file: {path}", todo=f"{TODO_FILE}, or the name of a ready task (`burnish tasks`)")
    if not path.is_file():
        raise DataError(f"{path} is not a regular file", todo=TODO_FILE)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what goes wrong with reading a file, and with unpacking it, into DataError."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path} is a damaged gzip file",
            seen=str(error),
            todo="download or copy it again; `gzip -t FILE` must be silent",
        ) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read", seen=error.strerror or str(error), todo=TODO_FILE) from error


def _bytes(path: Path) -> bytes:
    with readable(path):
        check_file(path)
        if path.stat().st_size > LIMIT_BYTES:
            raise _too_large(path)
        return path.read_bytes()


def _gunzip(raw: bytes, path: Path) -> bytes:
    out = io.BytesIO()
    with readable(path), gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
        while chunk := stream.read(1 << 20):
            out.write(chunk)
            check_ratio(path, out.tell(), len(raw))
            if out.tell() > LIMIT_BYTES:
                raise _too_large(path)
    return out.getvalue()


def check_ratio(path: Path, unpacked: int, packed: int) -> None:
    """Raises DataError for a file that expands as a decompression bomb does."""
    if unpacked > RATIO_FROM_BYTES and unpacked > LIMIT_RATIO * packed:
        raise DataError(
            f"{path} expands more than {LIMIT_RATIO} times, as a decompression bomb does",
            seen=f"{unpacked:,} bytes out of {packed:,}",
            todo="if you trust it, decompress it yourself and give the plain file",
        )


def suffix_of(path: Path) -> str:
    """The suffix that says what is inside, in lower case: the one under `.gz`."""
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes[-1:] in ([".gz"], [".gzip"]):
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _too_large(path: Path) -> DataError:
    return DataError(
        f"{path} holds more than {LIMIT_BYTES >> 30} GiB of text",
        todo="set stream=true, which reads it row by row (JSON lines, CSV, Parquet or plain text), or train on a part",
    )


def refuse_binary(body: bytes, path: Path) -> None:
    """Raises DataError for what does not begin as text in UTF-8 does."""
    convert = "convert it to JSON lines: one JSON object a line, in UTF-8"
    for magic, name in _MAGIC:
        if body.startswith(magic):
            raise DataError(f"{path} is {name}, which this release does not read", todo=convert)
    if body[:2] in (b"\xff\xfe", b"\xfe\xff") or body[:4] == b"\x00\x00\xfe\xff":
        raise DataError(f"{path} is UTF-16 or UTF-32 text", todo="save it as UTF-8: `iconv -f UTF-16 -t UTF-8 FILE`")
    sample = body[:SAMPLE_BYTES]
    control = len(sample) - len(sample.translate(None, _CONTROL))
    foreign = len(_SURROGATE.findall(sample.decode("utf-8", errors="surrogateescape")))
    if control * 50 > len(sample) or foreign * 10 > len(sample):
        seen = f"{control + foreign} of its first {len(sample)} bytes are not UTF-8 text, beginning with {body[:8]!r}"
        raise DataError(f"{path} is not a text file", seen=seen, todo=convert)
