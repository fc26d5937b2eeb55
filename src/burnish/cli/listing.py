"""`burnish runs`, `runs rm`, `show` and `machine`: what is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from burnish import connect
from burnish.cli.screen import screen, visible
from burnish.cli.tables import certificate_view, columns, grid, heading, next_view, report_view
from burnish.cli.words import significant
from burnish.errors import RunError
from burnish.runs import certificate, report
from burnish.store.runfolder import RunFolder, list_runs

STATUS = {"succeeded": "green", "failed": "red", "interrupted": "yellow", "running": "cyan", "created": ""}


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
