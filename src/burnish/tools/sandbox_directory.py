"""A program's own directory on the disk: how full it is, and its removal whatever the program has made of it.

It may hold chains of directories deeper than any path is long, directories closed to everyone, and links to anywhere.
So nothing here follows a link, recurses, or trusts a mode. The sandbox's server runs this file as well, so it imports nothing
of burnish.
"""

from __future__ import annotations

import errno
import os

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
ENTRIES = 2_000
"""Files and directories that one program may have at a time."""


def fuller_than(directory: str, limit_bytes: int) -> bool:
    """Whether the files take more than this on disk or are too many; also true of what is too deep to look at."""
    total, number, waiting = 0, 0, [directory]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    number += 1
                    facts = entry.stat(follow_symlinks=False)
                    total += facts.st_blocks * 512
                    if number > ENTRIES or total > limit_bytes + (1 << 20):
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except FileNotFoundError:
            continue  # removed by the program meanwhile
        except OSError:  # closed, or the name is too long
            return True
    return False


def remove(directory: str, *, within: int | None = None) -> None:
    """Remove a directory in which no process works any more. within: an open directory that its path begins at."""
    empty(directory, within=within)
    os.rmdir(directory, dir_fd=within)


def empty(directory: str, *, within: int | None = None) -> None:
    """Remove all that is in it, stepping down and up by one open descriptor. Raises OSError where the way up leads elsewhere than
    the way down, because something is moved meanwhile."""
    here = os.open(directory, DIRECTORY, dir_fd=within)
    try:
        way = [("", _clear(here), _place(here))]  # down to here: a name, the directories in it that are still to go, which it is
        while way:
            name, waiting, _ = way[-1]
            if waiting:
                below = waiting.pop()
                here = _step(here, below)
                os.fchmod(here, 0o700)
                way.append((below, _clear(here), _place(here)))
            else:
                way.pop()
                if way:
                    here = _step(here, "..")
                    if _place(here) != way[-1][2]:
                        raise OSError(errno.EBUSY, "a directory was moved while it was emptied", name)
                    os.rmdir(name, dir_fd=here)
    finally:
        os.close(here)


def _step(here: int, name: str) -> int:
    try:
        there = os.open(name, DIRECTORY, dir_fd=here)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=here)
        there = os.open(name, DIRECTORY, dir_fd=here)
    os.close(here)
    return there


def _place(directory: int) -> tuple[int, int]:
    found = os.fstat(directory)
    return found.st_dev, found.st_ino


def _clear(here: int) -> list[str]:
    """Remove all but directories; their names."""
    with os.scandir(here) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in found:
        if not is_directory:
            os.unlink(name, dir_fd=here)
    return [name for name, is_directory in found if is_directory]
