"""One process at a time: a lock file held with flock(2), which goes with its process however that ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from burnish.errors import RunError

PATIENCE_S = 0.5
"""How long `held` waits out another process that only looks whether the lock is free."""


@contextmanager
def held(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file, made where missing. Raises RunError, which names `what` it guards, when another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _claim(descriptor, what)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def owner(path: Path) -> int | None:
    """The process that holds a lock file, or None; 0 where it has not said yet who it is."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        written = os.pread(descriptor, 32, 0).strip()
        return int(written) if written.isdigit() else 0
    finally:
        os.close(descriptor)


def _claim(descriptor: int, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
    raise RunError(
        f"{what} is in use by another process",
        seen=f"process {os.pread(descriptor, 32, 0).decode(errors='replace').strip() or 'unknown'}",
        todo="wait until it has ended, or stop it",
    )
