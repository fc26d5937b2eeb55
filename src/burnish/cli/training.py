"""`burnish train`, `plan` and `export`: from words on the command line to a config, and from an outcome to the screen."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from burnish.cli.live import Watch
from burnish.cli.screen import Screen, screen, visible
from burnish.cli.tables import certificate_view, next_view
from burnish.cli.words import size
from burnish.errors import UserError
from burnish.recipes.training import Training
from burnish.runs import methods
from burnish.runs import train as training
from burnish.runs.export import Form, export_run, next_step
from burnish.runs.gguf import Precision
from burnish.runs.train import Outcome
from burnish.tasks.formats import parse_mapping


@dataclass(frozen=True, slots=True)
class Given:
    """What stood on the command line."""

    data: str | None
    model: str | None
    valid: str | None
    config: Path | None
    recipe: str | None
    grader: str | None
    map: list[str] | None
    skip_bad_rows: bool
    require_gain: bool
    overrides: list[str] | None

    def words(self) -> list[str]:
        """The settings as key=value, options first. A first word that is a setting is not a data file."""
        pairs = {"data": self.data, "model": self.model, "valid": self.valid, "grader": self.grader}
        loose = list(self.overrides or ())
        if self.data is not None and "=" in self.data and not Path(self.data).exists():
            pairs["data"] = None
            loose.insert(0, self.data)
        options = [f"{key}={_text(value)}" for key, value in pairs.items() if value is not None]
        options += [f"map.{_text(role)}={_text(column)}" for role, column in parse_mapping(self.map or ()).items()]
        options += ["skip_bad_rows=true"] * self.skip_bad_rows + ["require_gain=true"] * self.require_gain
        return [*options, *loose]

    def read(self) -> Training:
        """The config: the file first, then what stood on the command line. Raises ConfigError naming every problem."""
        return methods.load(self.recipe, file=self.config, overrides=self.words())


def _text(value: str) -> str:
    """A TOML string, so that a model called 7 stays a text."""
    return json.dumps(value, ensure_ascii=False)


def train(given: Given, *, run: str | None, as_json: bool) -> None:
    """See `burnish train --help`."""
    to = screen(as_json=as_json)
    watch = Watch(to)
    try:
        outcome = training.start(given.read(), run=run, progress=watch)
    finally:
        watch.close()
    _finish(to, outcome)


def resume(given: Given, name: str, *, run: str | None, mended: bool, as_json: bool) -> None:
    """See `burnish train --help`. A resumed run takes nothing new: it ends as it would have."""
    if given.words() or given.config is not None or given.recipe is not None or run is not None:
        raise UserError(
            "a resumed run goes on with its own settings",
            seen=" ".join(given.words()) or "--run, --recipe or --config",
            todo="give --resume RUN alone",
        )
    to = screen(as_json=as_json)
    watch = Watch(to)
    try:
        outcome = training.resume(name, mended=mended, progress=watch)
    finally:
        watch.close()
    _finish(to, outcome)


def plan(given: Given, *, as_json: bool) -> None:
    """See `burnish plan --help`."""
    to = screen(as_json=as_json)
    watch = Watch(to)
    try:
        found = training.plan(given.read(), progress=watch)
    finally:
        watch.close()
    to.document(found.to_json())


def export(model: str, form: Form, out: Path, *, precision: Precision, force: bool, as_json: bool) -> None:
    """See `burnish export --help`."""
    to = screen(as_json=as_json)
    done = export_run(model, to=form, out=out, precision=precision, force=force)
    to.print(visible(f"{done.out}: {', '.join(done.files)} ({size(done.bytes)})"))
    to.print(visible(f"checked by opening it again: {done.check.detail}"))
    to.print(visible(f"next: {next_step(done, done.out.name)}"))
    to.document(done.to_json())


def _finish(to: Screen, outcome: Outcome) -> None:
    """What stands below the report: the certificate, where things lie, what to do next."""
    to.show([*certificate_view(outcome.certificate, brief=True), *next_view(outcome.report.next, to.out.width)])
    to.print(visible(f"run {outcome.name}: {outcome.folder}"))
    to.document(
        {
            "run": outcome.name,
            "folder": str(outcome.folder),
            "model": str(outcome.model),
            "verdict": outcome.report.verdict,
            "report": outcome.report.to_json(),
            "certificate": outcome.certificate.to_json(),
        }
    )
