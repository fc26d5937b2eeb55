"""`burnish demo`: a raw base model becomes useful, before one's eyes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from burnish.cli.listing import typed
from burnish.cli.live import Watch
from burnish.cli.screen import Screen, screen, visible
from burnish.cli.tables import bullets, columns, heading, next_view
from burnish.cli.words import count
from burnish.evals.acceptance import Found
from burnish.evals.evaluation import plain
from burnish.runs import demo as demonstration
from burnish.runs.certificate import Certificate
from burnish.runs.demo import Demonstration, Line, Share, Shown
from burnish.runs.onward import Next
from burnish.runs.report import Report
from burnish.statistics import Interval
from burnish.store.runfolder import EMBEDDED
from burnish.tools import sandbox

NOT_RUN = "not run: nothing isolates it here"
TEMPLATE = "the raw model is measured in the same chat template, whose markers it never read"
LOW = " ↓"
"""Behind the name of what should be rare."""
RAW_LINES = 3
"""Lines of a raw continuation that are shown."""
LABELS = 9
"""Columns of the names beside what was said."""
RAW = "raw, goes\non with:"


class Brief(Watch):
    """Shows the plan and the training; the report is told in the demonstration's own way."""

    def report(self, report: Report) -> None:
        """Nothing: see `demo`."""


def demo(*, run: str | None, overrides: Sequence[str], as_json: bool) -> None:
    """See `burnish demo --help`."""
    to = screen(as_json=as_json)
    config = demonstration.settings(overrides)
    to.out.print(heading("From a raw model to an assistant"))
    to.out.print(Text(visible(_opening(config.model, demonstration.parameters(config.model)))))
    isolation = sandbox.available()
    if isolation.how is None:
        why = f"Code that the model writes is not run, for nothing isolates it here: {isolation.why}"
        to.show([Text(), *bullets([why], "!", "yellow")])
    watch = Brief(to)
    try:
        found = demonstration.run(config, name=run, progress=watch)
    finally:
        watch.close()
    _tell(to, found)
    to.document(_document(found))


def _opening(model: str, parameters: int) -> str:
    """What will be seen."""
    size = f"{count(parameters)} parameters"
    who = f"{model} ({size}) is a raw model, as far as burnish knows: it goes on with any text and need not answer."
    if model in EMBEDDED:
        who = (
            f"burnish brings a base model of its own: {model}, {size}, has read texts of an invented country and nothing else. "
            "It is raw: it goes on with any text of its world, but it does not answer."
        )
    return f"{who} Watch what a few minutes of fine-tuning make of it, on this machine, with nothing downloaded."


def _tell(to: Screen, found: Demonstration) -> None:
    """The bars, the cases, the kinds, and what to type next."""
    name, trained = found.outcome.name, found.outcome.report
    to.out.print(heading("What changed, on questions that it was not trained on"))
    bars = [(share.name + LOW * (share.wanted == "low"), str(share.items), *_levels(share)) for share in found.headlines]
    to.out.print(columns(("share of answers (95 %)", "asked", "raw", "trained"), bars, numbers=(1, 2, 3)))
    to.show([Text(), *bullets(["the lower the better"], LOW.strip()), *bullets([TEMPLATE, _titles(found.titles)])])
    to.out.print(heading("The same questions, raw and trained"))
    for each in found.cases:
        to.show(_case(each, to.out))
    to.out.print(heading("How often it is right, by kind of question"))
    to.out.print(columns(("", "asked", "raw", "trained", "change (95 %)"), [_row(k) for k in found.lines], numbers=(1, 2, 3)))
    to.out.print()
    if trained.comparison.errors:
        left = f"{trained.comparison.errors} answers could not be judged; they count neither as right nor as wrong"
        to.show(bullets([left], "!", "yellow"))
    to.show(_checks(found.outcome.certificate))
    run, itself = shlex.quote(name), typed()
    steps = (
        Next(command=f"{itself} chat {run}", why="talk to it"),
        Next(command=f"{itself} show {run}", why="the whole report, and each check"),
        Next(command=f"{itself} tasks", why="what it was asked, and how it was graded"),
        Next(command=f"{itself} train YOUR.jsonl --model MODEL", why="the same with your own data and model"),
    )
    to.show(next_view(steps, to.out.width))


def _titles(found: Found) -> str:
    """What the raw model makes of the titles of forbidden news."""
    title = visible(found.examples[0][0].strip())
    share = f"{found.share:.0%} ({found.low:.0%} to {found.high:.0%})"
    return f'given only a title such as "{title}", the raw model goes on with how it was done: {share} of {found.items} titles'


def _levels(share: Share) -> tuple[str, str]:
    """Both shares with their intervals, or why there are none."""
    if share.before is None or share.after is None:
        return "", "not run" if share.unjudged and _unrun() else "too few"
    return _level(share.before), _level(share.after)


def _level(level: Interval) -> str:
    return f"{level.estimate:.0%} ({100 * level.low:.0f} to {100 * level.high:.0f})"


def _row(line: Line) -> tuple[str, ...]:
    if line.before is None or line.after is None:
        return line.name, str(line.items), "", "", NOT_RUN if line.kind.startswith("code") and _unrun() else "could not be judged"
    change = "too few" if line.low is None or line.high is None else f"{line.low:+.0%} to {line.high:+.0%}"
    return line.name, str(line.items), f"{line.before:.0%}", f"{line.after:.0%}", change


def _unrun() -> bool:
    """Whether code is not run here."""
    return sandbox.available().how is None


def _checks(certificate: Certificate) -> list[RenderableType]:
    """The certificate in a line: it proves the machinery, not the answers."""
    passed, failed = sum(a.passed is True for a in certificate.audits), certificate.failed
    undone = len(certificate.audits) - passed - len(failed)
    said = f"{passed} checks of burnish's own work on the trained model pass (that no question was learned, that what is kept "
    said += "is what was trained, and the like)"
    said += f"; {undone} could not be made" if undone else ""
    if failed:
        return bullets([f"{said}; FAILED: {', '.join(a.name for a in failed)}"], "!", "bold red")
    return bullets([said])


def _case(shown: Shown, out: Console) -> list[RenderableType]:
    """One case: what was asked, how the raw base goes on, what the trained model answers, and whether that is right."""
    right, judged = shown.score.value == 1.0, shown.score.error is None
    mark = "right" if right else f"not right: {shown.score.reason}"
    if not judged:
        mark = NOT_RUN if shown.case.task == "code" and _unrun() else f"not judged: {shown.score.reason}"
    style = "green" if right else "yellow"
    framed = out.is_terminal
    room = out.width - LABELS - (7 if framed else 4)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=LABELS, style="dim")
    table.add_column(overflow="fold")
    for message in shown.messages:
        table.add_row(message.role, Text(visible(message.content)))
    table.add_row(RAW, _first_lines(shown.raw, out, room))
    table.add_row(Text("trained", style=f"bold {style}"), Text(visible(shown.trained.strip()) or "(nothing)"))
    table.add_row("", Text(visible(mark), style=style))
    title = f"{shown.case.title}: should {shown.case.meaning}"
    if framed:
        return [Panel(table, title=Text(title, style="bold"), title_align="left", border_style="dim", padding=(0, 1))]
    return [Text(f"\n{title}"), table]


def _first_lines(text: str, out: Console, room: int) -> Text:
    """A raw model's continuation can be long; what it does shows in a few lines."""
    wrapped = Text(visible(text.strip()) or "(nothing)").wrap(out, room)
    kept = [line.plain.rstrip() for line in wrapped[:RAW_LINES]]
    if len(wrapped) > RAW_LINES:
        last = kept[-1]
        if len(last) > room - 2:
            last = last[: room - 1].rpartition(" ")[0] or last[: room - 2]
        kept[-1] = f"{last} …"
    return Text("\n".join(kept))


def _document(found: Demonstration) -> dict[str, object]:
    """What --json prints."""
    outcome = found.outcome
    body = {
        "run": outcome.name,
        "model": str(outcome.model),
        "verdict": outcome.report.verdict,
        "headlines": [asdict(s) for s in found.headlines],
        "cases": [asdict(s) for s in found.cases],
        "scoreboard": [asdict(k) for k in found.lines],
        "titles": asdict(found.titles),
        "report": outcome.report.to_json(),
        "certificate": outcome.certificate.to_json(),
    }
    return plain(body)
