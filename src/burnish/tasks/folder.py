"""A task of the user's own: a folder with `task.toml`, rows, and, where a grader is written in Python, `task.py`.

What counts is what the files say: the digest is over every byte that decides what is asked and how it is judged.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from burnish.errors import ConfigError, DataError
from burnish.tasks import sources
from burnish.tasks.entries import files_of
from burnish.tasks.environment import Limits, Setting
from burnish.tasks.graders.make import make
from burnish.tasks.graders.paid import PAID
from burnish.tasks.manifest import CODE, FILE, Manifest
from burnish.tasks.split import split
from burnish.tasks.task import Card, Means, Task
from burnish.tasks.tooluse import ToolUse
from burnish.tasks.workspace import WorkspaceSetting
from burnish.tasks.written import Written, WrittenSetting, written
from burnish.tools.calculator import calculator
from burnish.tools.function import Tool
from burnish.tools.lookup import Lookup, passages_of
from burnish.tools.python import Python
from burnish.types import Example

HELD = 0.1
"""Share of the rows of `all` that is held out, twice."""


def is_task(path: Path) -> bool:
    """Whether a folder says that it is a task."""
    return (path / FILE).is_file()


def load(path: Path) -> Task:
    """The task of a folder. Raises ConfigError for a manifest that is wrong, DataError for rows that cannot be read."""
    manifest = Manifest.load(file=path / FILE)

    def read(name: str) -> str:
        return inside(path, name).read_text(encoding="utf-8")

    train, valid, test = _rows(path, manifest)
    card, setting = manifest.card, _environment(path, manifest)
    pays = isinstance(setting, WorkspaceSetting) or (isinstance(setting, WrittenSetting) and setting.has.environment)
    if not manifest.graders and not pays:
        todo = "add a [[graders]] entry, or a class Environment to task.py that pays for turns"
        raise ConfigError(f"nothing judges the answers of {manifest.name}", seen=f"no grader in {FILE}", todo=todo)
    return Task(
        name=manifest.name,
        card=Card(title=card.title, about=card.about, data=card.data, grading=card.grading, limits=card.limits),
        grader=make(manifest.graders, read) if manifest.graders else PAID,
        train=train,
        valid=valid,
        test=test,
        limit_tokens=manifest.limit_tokens,
        audit=make(manifest.audit, read) if manifest.audit else None,
        environment=setting,
        means=Means(allowed=manifest.means.allowed, forbidden=manifest.means.forbidden),
    )


def files(path: Path) -> list[str]:
    """The files of a task folder that decide what is asked and how it is judged: manifest, rows, documents and code."""
    manifest = Manifest.load(file=path / FILE)
    rows = manifest.rows
    names = [FILE, *(n for n in (rows.train, rows.valid, rows.test, rows.all) if n is not None)]
    names += [*manifest.tools.documents, *([manifest.workspace.file] if manifest.workspace.file is not None else [])]
    if (path / CODE).is_file():
        names.append(CODE)
    return names + [name for name in files_of((*manifest.graders, *manifest.audit)) if name not in names]


def digest(path: Path) -> str:
    """sha256 over the manifest, the rows and the code of a task folder."""
    found = hashlib.sha256()
    for name in files(path):
        body = inside(path, name).read_bytes()
        found.update(f"{name}\0{len(body)}\0".encode() + body)
    return found.hexdigest()


def inside(path: Path, name: str) -> Path:
    """A file of the folder. Raises ConfigError for one outside of it, or that is not there."""
    file = path / name
    if not file.resolve().is_relative_to(path.resolve()):
        raise ConfigError(f"{FILE} names a file outside of its folder", seen=name, todo="put the file into the task's folder")
    if not file.is_file():
        there = ", ".join(sorted(p.name for p in path.iterdir() if p.is_file()))
        raise ConfigError(f"{FILE} names a file that is not there", seen=f"{name}; the folder has {there}", todo="mend the name")
    return file


def _rows(path: Path, manifest: Manifest) -> tuple[tuple[Example, ...], tuple[Example, ...], tuple[Example, ...]]:
    """Training, validation and test rows; none of them empty."""
    rows = manifest.rows
    if rows.all is None:
        assert rows.train
        assert rows.valid
        assert rows.test
        found = [sources.read(inside(path, name), questions=True).examples for name in (rows.train, rows.valid, rows.test)]
    else:
        every = sources.read(inside(path, rows.all), questions=True).examples
        first = split(every, fraction=HELD, seed=0)
        second = split(first.train, fraction=HELD / (1 - HELD), seed=1)
        found = [second.train, second.valid, first.valid]
    train, valid, test = (tuple(side) for side in found)
    for name, side in (("train", train), ("valid", valid), ("test", test)):
        if not side:
            raise DataError(f"the task {manifest.name} has no {name} rows", seen=str(path), todo="add rows, or name other files")
    return train, valid, test


def _environment(path: Path, manifest: Manifest) -> Setting | None:
    """What the folder's answers are found in; None where each is one turn."""
    box: list[Tool] = []
    for name in manifest.tools.use:
        match name:
            case "calculator":
                box.append(calculator())
            case "python":
                box.append(Python(timeout_s=manifest.limits.step_s))
            case "lookup":
                texts = [inside(path, file).read_text(encoding="utf-8") for file in manifest.tools.documents]
                box.append(Lookup(tuple(passage for text in texts for passage in passages_of(text))))
    source = (path / CODE).read_text(encoding="utf-8") if (path / CODE).is_file() else ""
    has, own = written(source), manifest.limits
    limits = Limits(turns=own.turns, calls=own.calls, tokens=own.tokens)
    if manifest.workspace.file is not None:
        if box or has != Written(tools=False, environment=False):
            raise ConfigError(f"{manifest.name} has a workspace, and tools beside", todo="take one of them out")
        text = inside(path, manifest.workspace.file).read_text(encoding="utf-8")
        return WorkspaceSetting(text=text, limits=limits, timeout_s=own.step_s)
    if has != Written(tools=False, environment=False):
        packages = manifest.code.packages
        return WrittenSetting(source=source, has=has, box=tuple(box), limits=limits, timeout_s=own.step_s, packages=packages)
    return ToolUse(tools=tuple(box), limits=limits) if box else None
