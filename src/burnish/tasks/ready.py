"""Tasks by name: the ready ones, and folders of the user's own. A task stands wherever a data file may: `burnish train facts
--model pebble`."""

from __future__ import annotations

import hashlib
import importlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from burnish.errors import ConfigError
from burnish.tasks import folder
from burnish.tasks.task import Task
from burnish.types import Example

NAMES: tuple[str, ...] = ("assistant", "facts", "arithmetic", "code", "style", "refusals", "pizza")
"""Each is a file of tasks/library."""
WITH_TOOLS: tuple[str, ...] = ("calculator",)
"""Likewise; what a model may call there is not there in the others, so they are not mixed with those."""
EVERYTHING = "everything"
"""All of them in one."""


def find(name: str) -> Task | None:
    """The task of a folder, or the ready task of that name; None where there is neither, or where a file of that name exists.
    Folders without a task.toml hide no ready task."""
    if folder.is_task(Path(name)):
        return _of_folder(str(Path(name).resolve()), folder.digest(Path(name)))
    return get(name) if name in (*NAMES, *WITH_TOOLS, EVERYTHING) and not Path(name).is_file() else None


def need(name: str) -> Task:
    """As `find`. Raises ConfigError for what is no task."""
    task = find(name)
    if task is None:
        raise ConfigError(
            f"there is no task {name}",
            seen=f"ready tasks: {', '.join((*NAMES, *WITH_TOOLS))}",
            todo="give one of them, or a folder with a task.toml (`burnish task new DIR` makes one)",
        )
    return task


@lru_cache(maxsize=4)
def _of_folder(path: str, digest: str) -> Task:
    """The task of a folder as it is now."""
    return folder.load(Path(path))


@lru_cache(maxsize=16)
def get(name: str) -> Task:
    """The ready task of that name, made once."""
    task = importlib.import_module(f"burnish.tasks.library.{name}").make()
    assert isinstance(task, Task)
    assert task.name == name, task.name
    return replace(task, **{side: _numbered(name, side, getattr(task, side)) for side in ("train", "valid", "test")})


def _numbered(name: str, side: str, rows: tuple[Example, ...]) -> tuple[Example, ...]:
    """The rows with a place that messages can name, as lines of a file have one."""
    return tuple(replace(row, source=f"{name} ({side})", line=n) for n, row in enumerate(rows, 1))


def kind_of(example: Example) -> str | None:
    """The task and the kind of question that a row names, as a title of both."""
    named = [str(example.metadata[k]) for k in ("task", "kind") if isinstance(example.metadata.get(k), str)]
    return ": ".join(named) or None


def evenly(examples: Sequence[Example]) -> tuple[Example, ...]:
    """The rows in an order whose every beginning holds as equal a number of each kind as there can be: small kinds whole, while
    large ones share what is left. Rows of one kind stay in their order."""
    seen: Counter[str | None] = Counter()
    turns: list[tuple[int, int]] = []
    for index, example in enumerate(examples):
        kind = kind_of(example)
        turns.append((seen[kind], index))
        seen[kind] += 1
    return tuple(examples[index] for _, index in sorted(turns))


def sha256(task: Task) -> str:
    """Of every row of a task, in order, and of how answers are judged, as far as the grader's settings say."""
    found = hashlib.sha256(repr(task.grader).encode())
    if task.audit is not None:
        found.update(repr(task.audit).encode())
    if task.environment is not None:
        found.update(repr(task.environment).encode())
    for side in (task.train, task.valid, task.test):
        for example in side:
            said = [(m.role, m.content, m.weight, *m.tool_calls) for m in example.messages]
            found.update(repr((said, example.reference, sorted(example.metadata.items()))).encode())
        found.update(b"\0")
    return found.hexdigest()
