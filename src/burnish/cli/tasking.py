"""`burnish task new`, `check`, `import` and `export`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from burnish.cli.screen import Screen, screen, visible
from burnish.cli.tables import bullets, columns, grid, heading
from burnish.errors import ConfigError, TaskRefused
from burnish.evals.evaluation import plain
from burnish.tasks import folder, openai_files, prove, ready, scaffold, single
from burnish.tasks.foreign import gymnasium, harbor, verifiers
from burnish.tasks.probes import Audit
from burnish.tasks.prove import Proof
from burnish.tasks.task import Task
from burnish.types import asks_only

MARKS = {"holds": "✓", "fails": "✗", "not checked": "·", "gameable": "✗", "loose": "~", "allowed": "~"}


def new(path: str, *, as_json: bool) -> None:
    """See `burnish task new --help`."""
    to = screen(as_json=as_json)
    made = scaffold.new(Path(path))
    to.print(visible(f"made {made}: a small task that works as it stands"))
    to.print(visible(f"  see {made}/task.toml, then: burnish task check {made}"))
    to.document({"folder": str(made), "files": sorted(p.name for p in made.iterdir())})


def bring(source: str, out: str, *, openai: Mapping[str, Any], gym: Mapping[str, Any], as_json: bool) -> None:
    """See `burnish task import --help`. Raises ConfigError for a source of no known kind, and for options of another kind."""
    to = screen(as_json=as_json)
    is_gym, is_harbor = source.startswith(gymnasium.PREFIX), Path(source).is_dir()
    others = {**({} if is_gym else gym), **({} if not (is_gym or is_harbor) else openai)}
    strange = [name for name, value in others.items() if value]
    if strange or (not (is_gym or is_harbor) and openai["grader"] is None):
        raise ConfigError(
            f"{source} cannot be imported so",
            seen=f"--{strange[0]}" if strange else "no --grader",
            todo="give a file for reinforcement fine-tuning with --grader, gym:MODULE:ENV_ID, or a folder of Harbor",
        )
    if is_gym:
        made = gymnasium.bring(source, Path(out), **_gym(gym))
    elif is_harbor:
        made = harbor.bring(Path(source), Path(out))
    else:
        made = openai_files.bring(Path(source), openai["grader"], Path(out), **{k: v for k, v in openai.items() if k != "grader"})
    only = asks_only(folder.load(made).train[0])
    to.print(visible(f"made {made}, of {source}"))
    if only and not is_gym:
        told = "no column is known to hold a good answer, so the rows only ask: --recipe grpo and eval can use them, and no"
        more = "grader can be checked on them. Where there is such a column, import again with --answer COLUMN"
        to.show(bullets([f"{told} {more}"]))
    to.print(visible(f"  say what it is in {made}/task.toml, then: burnish task check {made}"))
    files = sorted(p.name for p in made.iterdir())
    to.document({"folder": str(made), "files": files, "answered": not only})


def _gym(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a Gymnasium environment, read. Raises ConfigError for what is no KEY=VALUE."""
    found: dict[str, Any] = {}
    if given["rows"] is not None:
        found["rows"] = given["rows"]
    if given["actions"]:
        found["actions"] = [name.strip() for name in given["actions"].split(",")]
    for each in given["arguments"] or ():
        key, equals, value = each.partition("=")
        if not equals or not key.isidentifier():
            raise ConfigError("--with takes KEY=VALUE", seen=each, todo="write, say, --with is_slippery=false")
        try:
            read = json.loads(value)
        except ValueError:
            read = value
        found.setdefault("arguments", {})[key] = read
    return found


def take(name: str, out: str, *, to: str, as_json: bool) -> None:
    """See `burnish task export --help`. Raises ConfigError for what is no task folder."""
    path = Path(name)
    if not folder.is_task(path):
        raise ConfigError(
            f"{name} is no task folder, and only one can be exported",
            seen="a ready task is graded by code of this package"
            if ready.find(name) is not None
            else "there is no task.toml in it",
            todo="give a folder with a task.toml (`burnish task new DIR` makes one)",
        )
    show = screen(as_json=as_json)
    files, notes = (verifiers.take(path, Path(out)), []) if to == "verifiers" else openai_files.take(path, Path(out))
    names = [str(p.relative_to(out)) for p in files]
    show.print(visible(f"wrote {out} for {to}: {', '.join(names)}"))
    show.show(bullets(notes))
    show.document({"folder": out, "format": to, "files": names, "notes": notes})


def check(name: str, model: str | None, *, grader: str | None, skip_bad_rows: bool, samples: int, as_json: bool) -> None:
    """See `burnish task check --help`. Raises TaskRefused where the task does not hold."""
    from burnish.runs.judges import judged

    to, task = screen(as_json=as_json), judged(single.named(name, grader, skip_bad_rows=skip_bad_rows))
    proof, audit = prove.prove(task), prove.audit(task)
    _show(to, task, proof)
    _show_audit(to, audit)
    holds = proof.holds and not audit.gameable
    document: dict[str, object] = {
        "task": task.name,
        "proof": plain(asdict(proof)),
        "audit": plain(asdict(audit)),
        "holds": holds,
    }
    verdict = None
    if model is not None and holds:
        from burnish.runs import api

        verdict = api.task_check(name, model, grader=grader, skip_bad_rows=skip_bad_rows, samples=samples)
        to.out.print(heading(f"With {visible(model)}"))
        to.out.print(
            grid(
                [
                    ("verdict", verdict.verdict),
                    ("", verdict.seen),
                    ("rewards", " ".join(f"{r:.2g}" for r in verdict.rewards) + "  (deciles)"),
                    ("answers", f"{verdict.tokens:.0f} tokens on average, {verdict.cut:.0%} cut at the limit"),
                    ("time", f"{verdict.seconds:.1f} s for {verdict.questions * verdict.samples} answers"),
                    *([("to do", verdict.todo)] if verdict.todo else []),
                ]
            )
        )
        document["readiness"] = plain(asdict(verdict) | {"verdict": verdict.verdict})
    to.document(document)
    if not proof.holds:
        failed = [line for line in proof.lines if line.verdict == "fails"]
        raise TaskRefused(
            f"the task {task.name} does not hold; it is not so that: {', '.join(line.name for line in failed)}",
            seen=failed[0].detail,
            todo=failed[0].todo,
        )
    audit.insist(f"the task {task.name}")
    if verdict is not None:
        verdict.insist(f"the task {task.name} with {model}")


def _show_audit(to: Screen, audit: Audit) -> None:
    """A line for each family that was tried; what passed for an answer, as it was graded; and what to change."""
    tried = [f for f in audit.findings if f.verdict != "not checked"]
    said = f"{audit.graded} answers graded for {audit.rows} rows" + (f"; {audit.note}" if audit.note else "")
    to.out.print(heading("Can it be gamed?"))
    to.out.print(grid([("tried", said)]))
    if not tried:
        return
    to.out.print(
        columns(("", "", "what", "seen"), [(MARKS[f.verdict], f.family, f.title, f.detail or f"{f.tried} tried") for f in tried])
    )
    for found in (*audit.gameable, *(f for f in tried if f.verdict == "allowed")):
        allowed = " (the task allows it)" if found.verdict == "allowed" else ""
        to.show(
            bullets(
                [
                    f"the grader can be gamed so{allowed}: {found.exploit!r} is worth {found.reward:.3g}, asked {found.asked!r}",
                    f"to do: {found.patch}",
                ],
                mark="!",
                style="yellow",
            )
        )


def _show(to: Screen, task: Task, proof: Proof) -> None:
    rows = f"{len(task.train)} to train on, {len(task.valid)} to choose by, {len(task.test)} to report"
    to.out.print(heading(f"{visible(task.card.title)}"))
    graded = f"{proof.grader}, {1000 * proof.seconds:.2g} ms an answer"
    to.out.print(
        grid([("task", task.name), ("rows", rows), ("grader", graded), ("tried", f"on {proof.rows} rows, without a model")])
    )
    to.out.print(columns(("", "what", "seen"), [(MARKS[line.verdict], line.name, line.detail) for line in proof.lines]))
    for line in proof.lines:
        if line.verdict == "fails":
            to.show(bullets([f"{line.name}: {line.todo}", *line.examples], mark="!", style="yellow"))
