"""`burnish show RUN --rollouts`: what a run that learns from its own answers wrote, what it got for it, and why."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.text import Text

from burnish.cli.screen import one_line, screen, visible
from burnish.cli.tables import columns, heading
from burnish.errors import RunError
from burnish.runs.asking import ROLLOUTS
from burnish.runs.watches.watch import HELD
from burnish.store.runfolder import RunFolder

QUESTIONS = 4
"""Questions of a step that are shown, those first whose answers were worth most differently."""
Line = dict[str, Any]


def show(name: str, step: int | None, *, every: bool, as_json: bool) -> None:
    """See `burnish show --help`."""
    to, run = screen(as_json=as_json), RunFolder.open(name)
    steps: set[int] = set()
    lines: list[Line] = []
    for line in run.lines(ROLLOUTS):  # which may be more than memory holds
        if line["step"] not in steps:
            steps.add(line["step"])
            lines = [] if step is None else lines
        if step is None or line["step"] == step:
            lines.append(line)
    if not steps:
        raise RunError(
            f"the run {run.name} wrote down no answers",
            seen=f"a run of the recipe {run.info.kind}",
            todo="runs of the recipe grpo do: burnish train TASK --model MODEL --recipe grpo",
        )
    step = max(steps) if step is None else step
    if step not in steps:
        raise RunError(f"no answers of step {step} are kept", seen=f"steps {min(steps)} to {max(steps)}", todo="give one of them")
    groups = [list(group) for _, group in groupby(lines, key=lambda line: line["place"])]
    shown = groups if every else sorted(groups, key=spread, reverse=True)[:QUESTIONS]
    known = [line["reward"] for line in lines if line["reward"] is not None]
    mean = f"mean reward {sum(known) / len(known):.3f}" if known else "no reward is known"
    same = sum(spread(group) == 0 for group in groups)
    to.out.print(heading(f"Step {step} of {run.name}"))
    to.print(f"  {len(lines)} answers to {len(groups)} questions, {mean}; {same} questions whose answers were worth the same")
    if held := sum("held" in line for line in lines):
        to.print(f"  {held} answers were held: {HELD}, so nothing was learned from them")
    for group in shown:
        to.out.print(Text(f"\n{one_line(group[0]['asked'], to.out.width - 2)}", style="bold"))
        if any(len(line.get("turns", ())) > 1 for line in group):
            for line in ranked(group):
                to.out.print(way(line, to.out.width))
        else:
            to.out.print(columns(("reward", "answer", "why", "tokens"), [row(line, to.out.width) for line in ranked(group)]))
    if len(shown) < len(groups):
        to.print(visible(f"\n{len(groups) - len(shown)} more: burnish show {run.name} --rollouts --step {step} --every"))
    to.document({"run": run.name, "step": step, "steps": sorted(steps), "rollouts": lines})


def spread(group: Sequence[Line]) -> float:
    """How far the rewards of a group lie apart."""
    known = [line["reward"] for line in group if line["reward"] is not None]
    return max(known) - min(known) if known else 0.0


def ranked(group: Sequence[Line]) -> list[Line]:
    """The best first; answers that the grader could not judge last."""
    return sorted(group, key=lambda line: float("-inf") if line["reward"] is None else line["reward"], reverse=True)


def row(line: Line, width: int) -> tuple[str, str, str, str]:
    """One answer in the table."""
    reward = "error" if line["reward"] is None else f"{line['reward']:.2f}"
    cut = " (cut)" if line["stop_reason"] == "length" else ""
    room = max(20, width - 34)
    said, why = one_line(line["answer"], room * 3 // 5), one_line(line["reason"], room * 2 // 5)
    held = " (held)" if line.get("held") else ""
    return reward, said or "(nothing)", why, f"{line['tokens']}{cut}{held}"


def way(line: Line, width: int) -> Text:
    """An answer that took several turns: what was said, called, read and paid, a line each."""
    reward, _, why, tokens = row(line, 2 * width)
    text = Text(f"{reward}  {one_line(why, width - 20)}  {tokens} tokens\n", style="bold")
    for n, turn in enumerate(line["turns"]):
        if n == 0 and "logprobs" not in turn:
            continue  # the question stands above
        told: list[tuple[str, str]] = []
        if "logprobs" not in turn:
            told.append(("reads", turn["content"]))
        else:
            told += [("says", turn["content"])] if turn["content"] or not turn["calls"] else []
            told += [("calls", call) for call in turn["calls"]]
            told += [("is paid", f"{turn['reward']:g}")] if turn.get("reward") else []
        for what, body in told:
            text.append(f"  {what:>7}  ", style="dim").append(f"{one_line(body, width - 12) or '(nothing)'}\n", style="not bold")
    return text
