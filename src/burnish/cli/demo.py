"""`burnish demo`: a raw base model becomes useful, before one's eyes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from burnish.cli.live import Watch
from burnish.cli.screen import Screen, screen, visible
from burnish.cli.tables import certificate_view, columns, heading
from burnish.runs import demo as demonstration
from burnish.runs.demo import Shown
from burnish.runs.report import Report
from burnish.tools import sandbox

OPENING = """burnish brings a base model of its own, pebble: 2.8 million parameters that have read texts of an invented country,
and nothing else. It is raw: it knows things and can go on with any text of its world, but it does not answer. Watch what
a few minutes of fine-tuning make of it, on this machine, with nothing downloaded."""


class Brief(Watch):
    """Shows the plan and the training; the report is told in the demonstration's own way."""

    def report(self, report: Report) -> None:
        """Nothing: see `demo`."""


def demo(*, run: str | None, overrides: Sequence[str], as_json: bool) -> None:
    """See `burnish demo --help`."""
    to = screen(as_json=as_json)
    to.out.print(heading("From a raw model to an assistant"))
    to.print(visible(" ".join(OPENING.split())) if not to.out.is_terminal else visible(OPENING))
    isolation = sandbox.available()
    if isolation.how is None:
        to.print(visible(f"Code that the model writes is not run here, for nothing isolates it: {isolation.why}"))
    watch = Brief(to)
    try:
        outcome, shown = demonstration.run(name=run, progress=watch, overrides=overrides)
    finally:
        watch.close()
    to.out.print(heading("The same questions, before and after"))
    for each in shown:
        to.out.print(_view(each, to))
    board = demonstration.scoreboard(outcome.report.comparison)
    to.out.print(heading("How often it is right, on questions that it was not trained on"))
    rows = [
        (name, str(items), f"{before:.0%}", f"{after:.0%}", _interval(low, high))
        for name, items, before, after, low, high in board
    ]
    to.out.print(columns(("kind of question", "items", "raw", "trained", "change (95 %)"), rows, numbers=(1, 2, 3)))
    to.show(certificate_view(outcome.certificate))
    to.out.print(heading("What next"))
    to.print(visible(f"  burnish chat {outcome.name}                        talk to it"))
    to.print(visible(f"  burnish show {outcome.name}                        the whole report"))
    to.print(visible("  burnish tasks                              what it was asked, and how it was graded"))
    to.print(visible("  burnish train YOUR.jsonl --model MODEL     the same with your own data and model"))
    to.document(
        {
            "run": outcome.name,
            "model": str(outcome.model),
            "verdict": outcome.report.verdict,
            "cases": [{**asdict(s), "score": asdict(s.score)} for s in shown],
            "scoreboard": [dict(zip(("kind", "items", "before", "after", "low", "high"), row, strict=True)) for row in board],
            "report": outcome.report.to_json(),
        }
    )


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:+.0%} to {high:+.0%}"


def _view(shown: Shown, to: Screen) -> Panel | Group:
    """One case: what was asked, what came before and after training."""
    lines = []
    for message in shown.messages:
        lines.append(Text(visible(f"{message.role}: {message.content}"), style="dim"))
    right = shown.score.value == 1.0
    mark = "" if shown.score.error else "  (right)" if right else f"  ({shown.score.reason})"
    lines += [
        Text.assemble(("before  ", "dim"), visible(_short(shown.before))),
        Text.assemble(
            ("after   ", "bold green" if right else "bold yellow"), visible(_short(shown.after)), (visible(mark), "dim")
        ),
    ]
    title = f"{shown.case.title}: {shown.case.meaning}"
    body = Group(*lines)
    if to.out.is_terminal:
        return Panel(body, title=Text(title), title_align="left", border_style="dim", padding=(0, 1))
    return Group(Text(f"\n{title}"), body)


def _short(text: str) -> str:
    """A raw model's continuation can be long; what it does shows in a few lines."""
    lines = text.strip().split("\n")
    return "\n        ".join([*lines[:6], *(["..."] if len(lines) > 6 else [])]) or "(nothing)"
