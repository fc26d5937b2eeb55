"""The folder of a server that has no namespace of its own: made, and removed though whoever made it was killed.

A folder is in use for as long as its lock (flock(2)) is held, which goes with the last process that holds it: burnish, or the
server that it has started. So no number of a process is compared with another, and a folder in use is never taken for a leftover,
also where several containers share the place.
"""

from __future__ import annotations

import fcntl
import functools
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from burnish.tools import sandbox_directory

PREFIX, LOCK = "burnish-sandbox-", "lock"
INSIDE = ("work", "packages")
"""The program's own directory, and the links to what it may import."""


def make() -> tuple[str, int]:
    """A new folder for temporary files, and an open file that keeps it: pass it to the server, and close it when it has ended."""
    sweep(tempfile.gettempdir())
    base = tempfile.mkdtemp(prefix=PREFIX)
    lock = os.open(f"{base}/{LOCK}.new", os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.rename(f"{base}/{LOCK}.new", f"{base}/{LOCK}")  # it is seen by its name only when it is held
    for name in INSIDE:
        os.mkdir(f"{base}/{name}", 0o755)
    os.chmod(f"{base}/{INSIDE[0]}", 0o700)
    os.chmod(base, 0o711)
    return base, lock


def remove(base: str) -> None:
    """Remove a folder in which no process works any more."""
    place, name = os.path.split(base)
    with _opened(os.path.realpath(place), None) as within, _opened(name, within) as here:
        _remove(here, within, name)


@functools.cache
def sweep(place: str) -> None:
    """Remove what was left in a place by processes of this user that were killed; once in each process."""
    with suppress(OSError), _opened(os.path.realpath(place), None) as within:
        for name in os.listdir(within):
            if name.startswith(PREFIX):
                with suppress(OSError):  # somebody else's, no folder, or another sweeps there as well
                    _sweep(within, name)


def _sweep(within: int, name: str) -> None:
    with _opened(name, within) as here:
        if os.fstat(here).st_uid != os.geteuid():
            return
        lock = os.open(LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=here)
        try:
            if stat.S_ISREG(os.fstat(lock).st_mode):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(here, within, name)
        finally:
            os.close(lock)


def _remove(here: int, within: int, name: str) -> None:
    """The lock goes last, so that what is removed in part is found again."""
    for part in INSIDE:
        with suppress(FileNotFoundError):
            sandbox_directory.remove(part, within=here)
    os.unlink(LOCK, dir_fd=here)
    os.rmdir(name, dir_fd=within)


@contextmanager
def _opened(name: str, within: int | None) -> Iterator[int]:
    """An open directory, by its own name and no link's."""
    file = os.open(name, sandbox_directory.DIRECTORY | os.O_CLOEXEC, dir_fd=within)
    try:
        yield file
    finally:
        os.close(file)
