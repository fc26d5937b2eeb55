"""Writing that a crash cannot leave half done.

A file is written beside its place, fsynced and renamed over it; the directory is fsynced, so that the new name
survives a power cut. A directory is written the same way, with a manifest (size and sha256 of every file) by which
`verify` later finds any change. The pattern is that of SQLite's and LevelDB's commit; Pillai et al. 2014 ("All File
Systems Are Not Created Equal") show what goes wrong without each fsync.

Every write, fsync and rename goes through the functions under "Operations", so that tests can fail each of them
in turn. Assumes a POSIX file system.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from safetensors import SafetensorError

from burnish.errors import DiskFull, RunError, UserError

MANIFEST = "manifest.json"
FORMAT = 1
_PARTIAL, _REPLACED = ".partial", ".replaced"


# Operations


def _write(path: Path, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)


def append(file: BinaryIO, data: bytes) -> None:
    """Write to a file that is open without a buffer of its own, all of it."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def fsync(path: Path) -> None:
    """Bring a file, or the names in a directory, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename(source: Path, target: Path) -> None:
    os.replace(source, target)


def remove_tree(path: Path) -> None:
    shutil.rmtree(path)


# Files


def make_directory(path: Path) -> None:
    """Make a directory and those above it, where they are missing; their names are on the disk afterwards. Raises UserError
    where that cannot be."""
    with writable(path, NO_PLACE):
        if not path.is_dir():
            make_directory(path.parent)
            path.mkdir(exist_ok=True)
            fsync(path.parent)


FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
NO_PLACE = FORBIDDEN | {errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP}
"""What the system says where a new directory cannot be made; EEXIST: a file has its name."""


@contextmanager
def writable(path: Path, refusals: frozenset[int] = FORBIDDEN) -> Iterator[None]:
    """Turn "no space left", also as safetensors says it, into DiskFull, and `refusals` into UserError; both say what to do."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        found = re.search(r"\(os error (\d+)\)", str(error)) if isinstance(error, SafetensorError) else None
        number = error.errno if isinstance(error, OSError) else int(found[1]) if found else None
        if number in refusals:
            raise UserError(
                f"{path} cannot be written",
                seen=str(error),
                todo="choose a place that you may write to, with --run or --out, or with BURNISH_HOME for everything",
            ) from error
        if number not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise DiskFull(
            f"there is no space left to write {path}",
            seen=os.strerror(number),
            todo="free some space (`burnish runs rm` removes old runs), then try again or resume; nothing earlier is lost",
        ) from error


def atomic_write_bytes(path: Path, data: bytes) -> None:
    """Replace a file's content: afterwards it is the old or the new one, never a mixture. Raises DiskFull."""
    partial = _beside(path)
    with writable(path):
        try:
            _write(partial, data)
            fsync(partial)
            _rename(partial, path)
            fsync(path.parent)
        finally:
            partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file. Numbers must be finite."""
    atomic_write_bytes(path, (json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """A JSON file's value. Raises RunError when it cannot be read."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        todo = "restore the file, or remove its run"
        raise RunError(f"{path} cannot be read", seen=error.strerror or "", todo=todo) from error
    except ValueError as error:
        raise RunError(f"{path} is not valid JSON", seen=str(error), todo="restore the file, or remove its run") from error


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{_PARTIAL}")


# Directories


@contextmanager
def atomic_directory(final: Path) -> Iterator[Path]:
    """Gives a temporary sibling of `final` to fill. On a clean exit its files are fsynced, listed in a manifest, and
    it is renamed to `final`.

    On an error it is removed and `final` is as before. An existing `final` is replaced: until the new one has its
    place the old one lies beside it, and `recover` brings it back after a crash between the two renames. Raises
    DiskFull.
    """
    make_directory(final.parent)
    recover(final)
    partial, replaced = _beside(final), _replaced(final)
    with writable(final):
        try:
            partial.mkdir()
            yield partial
            _write(partial / MANIFEST, _serialise(describe(partial)))
            for path in sorted(partial.rglob("*")):
                fsync(path)
            fsync(partial)
            if final.exists():
                _rename(final, replaced)
            _rename(partial, final)
            fsync(final.parent)
        finally:
            if partial.exists():
                remove_tree(partial)
            recover(final)


def _replaced(final: Path) -> Path:
    return final.with_name(f".{final.name}{_REPLACED}")


def recover(final: Path) -> None:
    """Finish or undo a replacement of `final` that a crash cut short."""
    replaced = _replaced(final)
    if replaced.exists():
        if final.exists():
            remove_tree(replaced)
        else:
            _rename(replaced, final)


def sweep(parent: Path) -> None:
    """Recover every replacement in a directory, and remove what killed writers left there. Only its one writer may call this."""
    for replaced in sorted(parent.glob(f".*{_REPLACED}")):
        recover(replaced.with_name(replaced.name.removeprefix(".").removesuffix(_REPLACED)))
    for partial in sorted(parent.glob(f".*{_PARTIAL}")):
        if partial.is_dir():
            remove_tree(partial)
        else:
            partial.unlink()


# Manifests


def describe(directory: Path) -> dict[str, Any]:
    """Size and sha256 of every file below a directory, but for the manifest."""
    files = {}
    for path in sorted(p for p in directory.rglob("*") if not p.is_dir()):
        name = path.relative_to(directory).as_posix()
        if name != MANIFEST:
            files[name] = {"size": path.stat().st_size, "sha256": sha256(path)}
    return {"format": FORMAT, "files": files}


def sha256(path: Path) -> str:
    """sha256 of a file's bytes, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(directory: Path) -> list[str]:
    """What is wrong with a directory that `atomic_directory` wrote; empty = it is exactly what was written."""
    try:
        raw = (directory / MANIFEST).read_bytes()
    except OSError:
        return [f"{MANIFEST} is missing"]
    try:
        manifest = json.loads(raw)
    except ValueError:
        return [f"{MANIFEST} is not valid JSON"]
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or not isinstance(manifest.get("files"), dict):
        return [f"{MANIFEST} is not of format {FORMAT}"]
    listed: Mapping[str, Any] = manifest["files"]
    found = describe(directory)["files"]
    faults = [f"{name} is missing" for name in listed if name not in found]
    faults += [f"{name} is not in the manifest" for name in found if name not in listed]
    faults += [f"{name} has changed" for name in listed if name in found and listed[name] != found[name]]
    if not faults and raw != _serialise(manifest):
        faults = [f"{MANIFEST} has changed"]
    return faults


def _serialise(manifest: Mapping[str, Any]) -> bytes:
    return (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()
