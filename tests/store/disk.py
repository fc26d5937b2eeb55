"""A disk that fails at the n-th operation: with an error, with the death of the process, or with the power."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from burnish.store import atomic

OPERATIONS = ("_write", "fsync", "_rename", "remove_tree")


class Disk:
    """Counts the operations of `atomic` and calls `fail` before the n-th (and, with `forever`, before each one after it)."""

    def __init__(self, fail_at: int, fail: Callable[[], None], *, forever: bool = False) -> None:
        self.fail_at, self.fail, self.forever = fail_at, fail, forever
        self.count = 0
        self.synced: set[int] = set()
        """inodes whose content is on the disk"""
        self.undo: list[tuple[Path, Path, bytes | None]] = []
        """renames that are not yet on the disk, with the content of a file that was replaced"""

    def install(self, patch: Callable[[object, str, object], None]) -> None:
        """patch: setattr, or that of a MonkeyPatch."""
        for name in OPERATIONS:
            patch(atomic, name, self._counted(name, getattr(atomic, name)))

    def _counted(self, name: str, original: Callable[..., None]) -> Callable[..., None]:
        def operation(*paths_or_data: object) -> None:
            self.count += 1
            if self.count == self.fail_at or (self.forever and self.count > self.fail_at):
                self.fail()
            if name == "_rename":
                source, target = paths_or_data
                assert isinstance(source, Path)
                assert isinstance(target, Path)
                self.undo.append((source, target, target.read_bytes() if target.is_file() else None))
            original(*paths_or_data)
            if name == "fsync":
                (path,) = paths_or_data
                assert isinstance(path, Path)
                self.synced.add(path.stat().st_ino)
                self.undo = [u for u in self.undo if path != u[1].parent]

        return operation

    def lose_power(self, root: Path, before: set[int]) -> None:
        """What was never fsynced is gone: renames are undone, files and directories made since `before` are empty."""
        for source, target, replaced in reversed(self.undo):
            os.replace(target, source)
            if replaced is not None:
                target.write_bytes(replaced)
        for path in sorted(root.rglob("*"), reverse=True):
            if path.stat().st_ino in before | self.synced:
                continue
            if path.is_dir():
                shutil.rmtree(path)
                path.mkdir()
            else:
                path.write_bytes(b"")


def inodes(root: Path) -> set[int]:
    return {p.stat().st_ino for p in root.rglob("*")}


def dying(work: Callable[[], None]) -> int:
    """Do the work in a child process and return its exit code; the parent waits."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
