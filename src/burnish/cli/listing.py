"""`burnish runs`, `runs rm`, `show`, `tasks` and `machine`: what is remembered, and what there is."""

from __future__ import annotations

import difflib
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from burnish import connect
from burnish.cli.screen import Screen, screen, visible
from burnish.cli.tables import certificate_view, columns, grid, heading, next_view, report_view
from burnish.cli.words import significant
from burnish.errors import RunError, UserError
from burnish.runs import certificate, report
from burnish.runs.onward import Next
from burnish.store.runfolder import RunFolder, list_runs
from burnish.tasks import ready
from burnish.tasks.task import Task
from burnish.types import Example

STATUS = {"succeeded": "green", "failed": "red", "interrupted": "yellow", "gamed": "red", "running": "cyan", "created": ""}
EXAMPLES = 2
"""Rows that a task's card shows."""


def typed() -> str:
    """How this program is called by who reads what it prints: by its name where that is found, else by its place."""
    if shutil.which("burnish"):
        return "burnish"
    beside, here = Path(sys.executable).parent / "burnish", Path.cwd()
    if not beside.is_file():
        return f"{shlex.quote(sys.executable)} -m burnish"
    return shlex.quote(str(beside.relative_to(here) if beside.is_relative_to(here) else beside))


def runs(*, as_json: bool) -> None:
    """See `burnish runs --help`."""
    to = screen(as_json=as_json)
    found = [_row(run) for run in reversed(list_runs())]
    if found:
        rows = [[r[n] or "" for n in ("name", "status", "verdict", "created", "model")] for r in found]
        to.out.print(columns(("run", "status", "verdict", "made (UTC)", "from"), rows))
    else:
        to.print("there are no runs yet: burnish train DATA --model MODEL")
    to.document({"runs": found})


def _row(run: RunFolder) -> dict[str, str | None]:
    """One run in the list. A folder that this version cannot read is listed as such, so that it can be removed."""
    try:
        info = run.info
        told = report.read(run.path) if run.status == "succeeded" else None
    except RunError as error:
        return {
            "name": run.name,
            "status": "unreadable",
            "verdict": None,
            "created": "",
            "model": error.what,
            "folder": str(run.path),
        }
    return {
        "name": run.name,
        "status": run.status,
        "verdict": told.verdict if told else None,
        "created": info.created[:16].replace("T", " "),
        "model": info.model,
        "folder": str(run.path),
    }


def remove(names: Sequence[str], *, as_json: bool) -> None:
    """See `burnish runs rm --help`. Every name is looked up before anything is removed."""
    to = screen(as_json=as_json)
    found = [RunFolder.open(name) for name in dict.fromkeys(names)]
    for run in found:
        run.remove()
        to.print(visible(f"removed {run.name}"))
    to.document({"removed": [run.name for run in found]})


def show(name: str, *, as_json: bool) -> None:
    """See `burnish show --help`."""
    to = screen(as_json=as_json)
    run = RunFolder.open(name)
    info, told, audited = run.info, report.read(run.path), certificate.read(run.path)
    facts = [
        ("run", f"{run.name} ({run.status})"),
        ("made", f"{info.created} UTC"),
        ("from", info.model or ""),
        ("folder", str(run.path)),
    ]
    to.out.print(grid(facts))
    if told is None:
        lines = run.read_metrics()
        if lines:
            last = ", ".join(f"{k} {significant(v)}" for k, v in lines[-1].items() if isinstance(v, (int, float)))
            to.out.print(heading("Last step"))
            to.print(visible(f"  {last}"))
        if run.status == "interrupted":
            to.print(f"  go on: burnish train --resume {run.name}")
        if run.status == "gamed":
            to.print(f"  its reward was gamed; when the grader is mended: burnish train --resume {run.name} --mended")
    to.show(
        [
            *(report_view(told, to.out.width) if told else []),
            *(certificate_view(audited) if audited else []),
            *(next_view(told.next, to.out.width) if told else []),
        ]
    )
    to.document(
        {
            **asdict(info),
            "status": run.status,
            "folder": str(run.path),
            "report": told.to_json() if told else None,
            "certificate": audited.to_json() if audited else None,
        }
    )


def tasks(name: str | None, *, as_json: bool) -> None:
    """See `burnish tasks --help`."""
    to = screen(as_json=as_json)
    names = (*ready.NAMES, *ready.WITH_TOOLS, ready.EVERYTHING)
    if name is None:
        _list(to, [ready.get(each) for each in names])
    elif name in names:
        _tell(to, ready.get(name))
    else:
        near = difflib.get_close_matches(name, names, 1)
        todo = f"did you mean {near[0]}? " if near else ""
        raise UserError(f"there is no ready task {name!r}", todo=f"{todo}`burnish tasks` lists them: {', '.join(names)}")


def _list(to: Screen, found: Sequence[Task]) -> None:
    """A line a task."""
    rows = [(t.name, *(str(len(side)) for side in (t.train, t.valid, t.test)), t.card.title) for t in found]
    to.out.print(heading("Ready tasks, and their rows"))
    to.out.print(columns(("task", "train", "valid", "test", "what"), rows, numbers=(1, 2, 3)))
    more = Next(command=f"{typed()} tasks facts", why="all about one, with two of its rows")
    to.show(next_view((more, *_uses("facts")), to.out.width))
    to.document({"tasks": [_facts(t) for t in found]})


def _tell(to: Screen, task: Task) -> None:
    """All about one task."""
    card, rows = task.card, _facts(task)["rows"]
    sizes = ", ".join(f"{count} {side}" for side, count in rows.items())
    told = [("asks", card.about), ("rows", sizes), ("data", card.data), ("graded", card.grading), ("limits", card.limits)]
    to.show([heading(f"{task.name}: {card.title}"), grid(told)])
    examples = _examples(task)
    for example in examples:
        kind = ready.kind_of(example)
        to.show([heading(f"A test row{f' ({kind})' if kind else ''}"), grid([(m.role, m.content) for m in example.messages])])
    to.show(next_view(_uses(task.name), to.out.width))
    shown = [[{"role": m.role, "content": m.content} for m in e.messages] for e in examples]
    to.document({**_facts(task), "examples": shown})


def _uses(name: str) -> tuple[Next, ...]:
    """What can be typed with a task's name."""
    return (
        Next(command=f"{typed()} data check {name} --model pebble", why="what is learned of each row, token by token"),
        Next(command=f"{typed()} train {name} --model pebble", why="train on it, and measure"),
    )


def _examples(task: Task) -> list[Example]:
    """The first test rows, each of another kind where the task has several."""
    first: dict[object, Example] = {}
    for example in task.test:
        first.setdefault((example.metadata.get("task"), example.metadata.get("kind")), example)
        if len(first) == EXAMPLES:
            return list(first.values())
    return list(task.test[:EXAMPLES])


def _facts(task: Task) -> dict[str, Any]:
    """What --json tells of a task."""
    rows = {"train": len(task.train), "valid": len(task.valid), "test": len(task.test)}
    return {"name": task.name, "card": asdict(task.card), "grader": task.grader.name, "rows": rows}


def machine(*, again: bool, as_json: bool) -> None:
    """See `burnish machine --help`."""
    to = screen(as_json=as_json)
    measured = connect.measured_here(again=again)
    chosen = [(k, str(v)) for k, v in measured.items() if k != "figures"]
    to.out.print(heading("Chosen on this machine"))
    to.out.print(grid(chosen))
    to.out.print(heading("Measured"))
    to.out.print(grid([(k, str(v)) for k, v in measured.get("figures", {}).items()]))
    to.document(dict(measured))
