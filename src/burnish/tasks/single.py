"""A data file as a task: its rows, held out as a run holds them out, and a grader that is named beside it."""

from __future__ import annotations

from pathlib import Path

from burnish.errors import ConfigError
from burnish.store import hubdata
from burnish.tasks import graders, ready, sources
from burnish.tasks.split import split
from burnish.tasks.task import Card, Task

LIMIT_TOKENS = 512
"""Longest answer that a run draws on a file, where the model has the room."""


def named(name: str, grader: str | None, *, skip_bad_rows: bool = False) -> Task:
    """The task `name`: a folder, a ready one, or a data file together with the grader of that name.

    Raises ConfigError for what is none of them, and for a grader beside a task that has its own; DataError for a file that cannot
    be read."""
    task = ready.find(name)
    if task is not None:
        if grader is not None:
            todo = "leave --grader out, or change the task's own in its task.toml"
            raise ConfigError(f"the task {task.name} has a grader of its own", seen=f"--grader {grader}", todo=todo)
        return task
    if not (hubdata.is_hub(name) or Path(name).is_file()):
        if grader is not None:
            raise ConfigError(f"there is no data file {name}", seen=f"--grader {grader}", todo="give a file, with its whole path")
        return ready.need(name)
    if grader is None:
        raise ConfigError(
            f"{name} is a data file, and nothing says how its answers are graded",
            seen="no --grader",
            todo=f"add --grader NAME: one of {', '.join(graders.NAMES)}; or make a task folder (`burnish task new DIR`)",
        )
    return of_file(name, grader, skip_bad_rows=skip_bad_rows)


def of_file(name: str, grader: str, *, skip_bad_rows: bool = False) -> Task:
    """See the module. Half of the held-out rows are chosen by, the others measured, as in runs with --recipe grpo."""
    judge, source = graders.get(grader), sources.read(name, questions=True, skip_bad_rows=skip_bad_rows)
    sides = split(source.examples)
    valid, test = sides.valid[::2], sides.valid[1::2]
    title = sources.title(name)
    data = f"{title}: {len(source.examples)} rows, {source.format}"
    card = Card(title=title, about="", data=data, grading=judge.name, limits="")
    return Task(
        name=Path(name).stem if Path(name).is_file() else title,
        card=card,
        grader=judge,
        train=sides.train,
        valid=valid,
        test=test,
        limit_tokens=LIMIT_TOKENS,
    )
