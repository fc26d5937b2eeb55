"""A run's folder: what it is, where it stands, its configuration, its metrics line by line. The folder is the truth;
nothing else is kept of a run.

    run.json              what it is and its status            checkpoints/     see checkpoints.py
    config.json, .toml    the resolved configuration            model/           the result
    metrics.jsonl         one JSON object a line                lock             held by the process at work

A run has a name and lies under BURNISH_HOME, or it is a directory of the user's choice. The lock is flock(2): it goes
with its process, however that ends, so a run said to be running whose lock is free was interrupted.
"""

from __future__ import annotations

import errno
import itertools
import json
import math
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from burnish.config import Config, to_json, to_toml
from burnish.errors import RunError
from burnish.store import atomic, lock
from burnish.store.atomic import atomic_write_bytes, read_json, sweep, writable, write_json
from burnish.store.home import runs_directory

Status = Literal["created", "running", "succeeded", "failed", "interrupted", "gamed"]
SCHEMA = 1
EMBEDDED = ("pebble", "pebble-chat", "micro")
"""Names of the models in the package."""
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
METRICS = "metrics.jsonl"
_INFO, _LOCK = "run.json", "lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """run.json."""

    schema: int
    id: str
    """random, 16 hex digits"""
    name: str
    kind: str
    """the recipe"""
    created: str
    """ISO 8601, UTC"""
    status: Status
    """as last written; see RunFolder.status"""
    model: str | None = None
    """what the run starts from, as it was named"""
    base: str | None = None
    """the directory of its base weights"""
    fingerprint: str | None = None
    """of that directory (`models.fingerprint`)"""


class RunFolder:
    """One run on disk."""

    def __init__(self, path: Path, name: str) -> None:
        """Not checked; use `create` or `open`. `name` is what the user calls the run: its name, or its directory."""
        self.path, self.name = path, name

    @staticmethod
    def create(name_or_dir: str | None, kind: str, *, force: bool = False) -> RunFolder:
        """A new run. None = a fresh name, such as "sft-3". force: an existing run of that name is removed first.

        Raises RunError for a name that is malformed or taken, and for a directory that holds anything but a run.
        """
        if name_or_dir in EMBEDDED:
            raise RunError(
                f"{name_or_dir} is a model of the package, and as MODEL this name means that one",
                seen=f"models of the package: {', '.join(EMBEDDED)}",
                todo=f"choose another name, or give a directory as ./{name_or_dir}",
            )
        if name_or_dir is None:
            return next(run for n in itertools.count(1) if (run := _make(f"{kind}-{n}", kind)))
        made = _make(name_or_dir, kind)
        if made is None:
            path = locate(name_or_dir)
            if not (path / _INFO).is_file():
                raise RunError(
                    f"{name_or_dir} is not empty and holds no run",
                    seen=", ".join(sorted(p.name for p in path.iterdir())[:5]) if path.is_dir() else "a file",
                    todo="name an empty or a new directory",
                )
            if not force:
                raise RunError(
                    f"there is a run called {name_or_dir} already",
                    seen=f"status {RunFolder(path, name_or_dir).status}",
                    todo=f"go on with it (`burnish train --resume {name_or_dir}`), choose another name with --run, "
                    f"or remove it (`burnish runs rm {name_or_dir}`)",
                )
            RunFolder.open(name_or_dir).remove()
            made = _make(name_or_dir, kind)
            if made is None:
                raise RunError(f"{name_or_dir} was made anew by another process meanwhile", todo="choose another name with --run")
        return made

    @staticmethod
    def open(name_or_dir: str) -> RunFolder:
        """An existing run. Raises RunError when there is none."""
        path = locate(name_or_dir)
        if not (path / _INFO).is_file():
            names = [r.name for r in list_runs()]
            raise RunError(
                f"there is no run called {name_or_dir}", seen=f"runs: {', '.join(names) or 'none'}", todo="see `burnish runs`"
            )
        return RunFolder(path, _name_of(path))

    # What it is

    @property
    def info(self) -> RunInfo:
        """run.json. Raises RunError when it cannot be read by this version."""
        body = read_json(self.path / _INFO)
        known = {f.name for f in fields(RunInfo)}
        if not isinstance(body, dict) or body.get("schema") != SCHEMA or not set(body) <= known:
            raise RunError(
                f"{self.path / _INFO} was not written by this version of burnish",
                seen=f"schema {body.get('schema') if isinstance(body, dict) else body!r}, this version knows {SCHEMA}",
                todo="use the version that wrote it, or start a new run",
            )
        try:
            return RunInfo(**body)
        except TypeError as error:
            raise RunError(f"{self.path / _INFO} is incomplete", seen=str(error), todo="start a new run") from error

    def update(self, **changes: Any) -> None:
        """Write fields of run.json (`model`, `base`, `fingerprint`, `status`)."""
        write_json(self.path / _INFO, asdict(replace(self.info, **changes)))

    @property
    def status(self) -> Status:
        """The status as it is now: a run whose process is gone is "interrupted", whatever run.json still says."""
        written = self.info.status
        return "interrupted" if written == "running" and self.owner is None else written

    def set_status(self, status: Status) -> None:
        """Only by the holder of the lock."""
        self.update(status=status)

    def keep_config(self, config: Config) -> None:
        """Write the resolved configuration: config.json, and config.toml to run it again."""
        atomic_write_bytes(self.path / "config.json", to_json(config).encode())
        atomic_write_bytes(self.path / "config.toml", to_toml(config).encode())

    def config(self) -> dict[str, Any]:
        """The values of config.json. Raises RunError when it is missing or damaged."""
        return read_json(self.path / "config.json")

    @property
    def model(self) -> Path:
        """Where the result lies once there is one."""
        return self.path / "model"

    # Who works on it

    @property
    def owner(self) -> int | None:
        """The process that holds the lock, or None."""
        return lock.owner(self.path / _LOCK)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for this process; clean up what a killed one left half written. Raises RunError when another holds it."""
        with lock.held(self.path / _LOCK, f"the run {self.name}"):
            for directory in (self.path, self.path / "checkpoints"):
                sweep(directory)
            yield

    def remove(self) -> None:
        """Delete the run with everything in it. Raises RunError while a process works on it."""
        if self.path.is_symlink():
            raise RunError(f"{self.path} is a link to a run", todo="remove what it points to, by its own name")
        with self.lock():
            gone = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.removed")
            os.rename(self.path, gone)
        shutil.rmtree(gone)

    # Lines: of metrics and of whatever else a run writes down step by step

    def append(self, file: str, *lines: Mapping[str, Any]) -> None:
        """Append lines of JSON to a file. Numbers that are not finite become null, which JSON has no other word for."""
        path = self.path / file
        data = "".join(f"{_json(line)}\n" for line in lines).encode()
        with writable(path), open(path, "ab+") as opened:
            end = opened.seek(0, os.SEEK_END)
            if end and os.pread(opened.fileno(), 1, end - 1) != b"\n":
                opened.truncate(max((end for _, end in self._lines(file)), default=0))
            opened.write(data)

    def read(self, file: str) -> list[dict[str, Any]]:
        """Every whole line, as `lines`."""
        return list(self.lines(file))

    def lines(self, file: str) -> Iterator[dict[str, Any]]:
        """Every whole line, one at a time, as long as there are; a torn last one is left out. Raises RunError for a line in the
        middle that is not JSON."""
        for number, (line, _) in enumerate(self._lines(file), 1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise RunError(
                    f"{self.path / file} is damaged in line {number}",
                    seen=line[:80].decode(errors="replace"),
                    todo="delete that line",
                ) from error

    def cut(self, file: str, after_step: int) -> int:
        """Keep the lines up to a step (-1: none), for a run that goes on from there. Returns how many were cut.

        What follows the first line beyond the step is cut, and so is what follows a line that a power cut left
        unreadable: checkpoints bring their lines to the disk first (`sync`), so such a line is beyond the checkpoint.
        """
        path, kept, cut = self.path / file, 0, 0
        for line, end in self._lines(file):
            if cut or not _up_to(line, after_step):
                cut += 1
            else:
                kept = end
        if path.exists() and kept < path.stat().st_size:
            with writable(path):
                os.truncate(path, kept)
                atomic.fsync(path)
        return cut

    def append_metrics(self, line: Mapping[str, Any]) -> None:
        """Append a line to metrics.jsonl."""
        self.append(METRICS, line)

    def read_metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl."""
        return self.read(METRICS)

    def sync(self) -> None:
        """Bring the lines of every file to the disk."""
        for path in self.path.glob("*.jsonl"):
            atomic.fsync(path)

    def _lines(self, file: str) -> Iterator[tuple[bytes, int]]:
        """Whole lines, each with where it ends."""
        path, end = self.path / file, 0
        if not path.exists():
            return
        with open(path, "rb") as opened:
            for line in opened:
                end += len(line)
                if line.endswith(b"\n"):
                    yield line, end


def _up_to(line: bytes, step: int) -> bool:
    """Whether a line can be read, and is of this step or an earlier one."""
    try:
        return json.loads(line)["step"] <= step
    except (ValueError, KeyError, TypeError):
        return False


def _json(line: Mapping[str, Any]) -> str:
    try:
        return json.dumps(line, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(line), allow_nan=False)


def _finite(value: Any) -> Any:
    """The value with null for each number in it that is not finite, however deep."""
    if isinstance(value, Mapping):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def locate(name_or_dir: str) -> Path:
    """Where a run lies: a directory if it has a separator or begins with a dot, else a name under BURNISH_HOME.

    Raises RunError for a name that is neither, so that no name can lead out of BURNISH_HOME.
    """
    if os.sep in name_or_dir or name_or_dir.startswith("."):
        return Path(name_or_dir).absolute()
    if not NAME.fullmatch(name_or_dir):
        raise RunError(
            f"{name_or_dir!r} cannot be the name of a run",
            seen="a name has up to 64 of a-z 0-9 . _ - and begins with a letter or a digit",
            todo=f"choose such a name, or give a directory as ./{name_or_dir}",
        )
    return runs_directory() / name_or_dir


def _name_of(path: Path) -> str:
    return path.name if path.parent == runs_directory() else str(path)


def list_runs() -> list[RunFolder]:
    """Every run under BURNISH_HOME, oldest first. A run.json that cannot be read is listed last; its `info` raises."""
    parent = runs_directory()
    found = [RunFolder(p, p.name) for p in sorted(parent.iterdir()) if (p / _INFO).is_file()] if parent.is_dir() else []
    return sorted((r for r in found if NAME.fullmatch(r.name)), key=_age)


def _age(run: RunFolder) -> tuple[str, str]:
    try:
        return run.info.created, run.name
    except RunError:
        return "~", run.name


def _make(name_or_dir: str, kind: str) -> RunFolder | None:
    """Make a run at once, complete or not at all; None when its place is taken."""
    final = locate(name_or_dir)
    info = RunInfo(
        schema=SCHEMA,
        id=secrets.token_hex(8),
        name=_name_of(final),
        kind=kind,
        created=datetime.now(UTC).isoformat(timespec="microseconds"),
        status="created",
    )
    atomic.make_directory(final.parent)
    if final.exists() and (not final.is_dir() or any(final.iterdir())):
        return None
    partial = final.with_name(f".{final.name}.{secrets.token_hex(4)}.making")
    with writable(final, atomic.NO_PLACE):
        partial.mkdir()
    try:
        write_json(partial / _INFO, asdict(info))
        os.rename(partial, final)
        atomic.fsync(final.parent)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        return None  # another process was faster
    finally:
        if partial.exists():
            shutil.rmtree(partial)
    return RunFolder(final, info.name)
