"""The progress of a run as people watch it: one live line on a terminal, plain lines elsewhere. Implements
runs.progress.Progress.

The live line holds what changes all the time; what is worth keeping (a held-out loss, a sample, a note) is printed
above it and stays.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.live import Live
from rich.text import Text

from burnish.cli.screen import Screen, one_line, visible
from burnish.cli.words import count, duration
from burnish.runs.progress import AnswersEvent, LossEvent, SampleEvent, StepEvent

if TYPE_CHECKING:
    from burnish.evals.evaluation import Evaluation
    from burnish.runs.plan import Plan
    from burnish.runs.report import Report

LINES = 20
"""Progress lines of a whole run where there is no live line."""
REDRAW_S = 0.1
"""Seconds between two looks at answers that are drawn."""
BAR = 20
"""Columns of the bar, where the terminal has room for it."""


class Watch:
    """Draws the events of one command on its screen."""

    def __init__(self, screen: Screen) -> None:
        self.screen, self.out = screen, screen.out
        self.live: Live | None = None
        self.held_out: float | None = None
        self.shown_share = -1.0
        self.beside = ""
        """what the last step showed that stands beside the answers of the next"""
        self.drawn_at = 0.0

    def note(self, text: str) -> None:
        self._above(Text(visible(text), style="dim"))

    def warning(self, text: str) -> None:
        self._above(Text.assemble(("! ", "yellow"), visible(text)))

    def plan(self, plan: Plan) -> None:
        from burnish.cli.tables import plan_view

        self._above(*plan_view(plan))

    def step(self, event: StepEvent) -> None:
        held = "" if self.held_out is None else f"  held-out {self.held_out:.3f}"
        now = f"loss {event.loss:.3f}" if event.reward is None else f"reward {event.reward:.3f}{_asked(event.numbers)}"
        words = (
            f"step {event.step:>{len(str(event.total))}}/{event.total}  {now}{held}  "
            f"{count(event.tokens_per_s)} tok/s  {duration(event.left_s)} left"
        )
        self.beside = f"  {now.split('  ')[0]}  {duration(event.left_s)} left"
        self._now(words, event.step, event.total, lines=LINES)

    def loss(self, event: LossEvent) -> None:
        self.held_out = event.loss
        said = "before training" if event.step == 0 else ("best so far" if event.best else "not better")
        self._above(Text(f"{event.words} at step {event.step}: {event.loss:.4f}  ({said})", style="cyan" if event.best else ""))

    def sample(self, event: SampleEvent) -> None:
        room = max(20, (self.out.width - 24) // 2)
        self._above(
            Text.assemble(
                (f"sample at step {event.step}: ", "dim"),
                one_line(event.prompt, room),
                (" → ", "dim"),
                (one_line(event.answer, room) or "(nothing)", "green"),
            )
        )

    def answers(self, event: AnswersEvent) -> None:
        """Only where there is a live line, and a few times a second."""
        if not self.out.is_terminal or (time.monotonic() - self.drawn_at < REDRAW_S and event.judged < event.of):
            return
        self.drawn_at = time.monotonic()
        what = "held-out questions" if event.step is None else f"step {event.step:>{len(str(event.total))}}/{event.total}"
        turn = f", turn {event.turn}" if event.turn > 1 else ""
        words = f"{what}  drawing {event.said}/{event.of}, graded {event.judged}{turn}{self.beside}"
        self._redraw(words, event.judged / max(event.of, 1))

    def watched(self, step: int, numbers: Mapping[str, float]) -> None:
        """What of it is worth a line comes as a note or a warning."""

    def evaluating(self, name: str, done: int, total: int) -> None:
        self._now(f"measuring {name}: {done}/{total}", done, total, lines=4)

    def evaluation(self, name: str, evaluation: Evaluation) -> None:
        self._still()

    def report(self, report: Report) -> None:
        from burnish.cli.tables import report_view

        self._still()
        self.screen.show(report_view(report, self.out.width))

    def close(self) -> None:
        self._still()

    def _above(self, *parts: object) -> None:
        """Print what stays, above the live line."""
        for part in parts:
            self.out.print(part)

    def _now(self, words: str, done: int, total: int, *, lines: int) -> None:
        """What is true at this moment: redrawn on a terminal, about `lines` times in all elsewhere."""
        if self.out.is_terminal:
            self._redraw(words, done / max(total, 1))
            return
        share = done / max(total, 1)
        if share < self.shown_share:  # another activity began
            self.shown_share = -1.0
        if share - self.shown_share >= 1 / lines or (share >= 1 > self.shown_share):
            self.shown_share = share
            self.out.print(Text(words))

    def _redraw(self, words: str, share: float) -> None:
        if self.live is None:
            self.live = Live(console=self.out, transient=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
            self.live.start()
        line = Text(words, no_wrap=True, overflow="ellipsis")
        if self.out.width >= len(words) + BAR + 4:
            full = round(BAR * min(share, 1.0))
            line = Text.assemble(("━" * full, "green"), ("━" * (BAR - full), "grey37"), "  ", line)
        self.live.update(line, refresh=True)

    def _still(self) -> None:
        """No live line until the next event."""
        if self.live is not None:
            self.live.stop()
            self.live = None
        self.shown_share = -1.0


def _asked(numbers: Mapping[str, float]) -> str:
    """What stands beside the reward of a step: how many groups taught nothing, and what went wrong."""
    told = f"  flat {numbers['flat_groups']:.0%}" if "flat_groups" in numbers else ""
    told += f"  gap {numbers['gap']:.1g}" if "gap" in numbers else ""
    for name, words in (("cut_answers", "cut"), ("grader_errors", "not judged")):
        told += f"  {words} {numbers[name]:.0%}" if numbers.get(name) else ""
    return told
