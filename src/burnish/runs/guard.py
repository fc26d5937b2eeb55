"""What a run does about what its monitors say: a line for the user, an event in watches.jsonl, and the end of a run whose reward
is being gamed.

Each monitor speaks when it has something graver to say than before: a notice, an alarm, the end. Events of steps that a resumed
run does again are cut with them, and what was said before is not said again.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from burnish.errors import RewardGamed
from burnish.protocols import Policy
from burnish.recipes.grpo import GRPO
from burnish.runs.progress import Progress
from burnish.runs.watches.signs import Health
from burnish.runs.watches.tally import Finding, Level
from burnish.runs.watches.watch import WATCHES, Judgement, Watching
from burnish.store.runfolder import METRICS, RunFolder
from burnish.tasks import ready
from burnish.tasks.graders.references import shown
from burnish.types import Datum, Rollout

FAR = 16
"""Answers by which the distance from the start is estimated."""


class Guard:
    """The voice of the monitors of one run."""

    def __init__(
        self, watch: Watching, config: GRPO, folder: RunFolder, progress: Progress, start: Policy | None, since: int = 0
    ) -> None:
        """start: what the run started from, where it is kept. since: the step after which the task was last mended."""
        self.watch, self.config, self.folder, self.progress, self.start = watch, config, folder, progress, start
        self.told: dict[str, int] = {}
        """how grave a thing each monitor has said"""
        for line in folder.lines(WATCHES):
            if line["step"] > since:
                self.told[line["monitor"]] = max(_grave(line["level"], line["stops"]), self.told.get(line["monitor"], 0))
        self.health = Health()
        for line in folder.lines(METRICS):
            if line["step"] > 0:
                self.health.saw(line)
        if not self.told and watch.replays.blind:
            progress.note(f"whether answers are paid for being right cannot be tried on this task: {watch.replays.blind}")

    def after_step(self, step: int, groups: Sequence[Sequence[Rollout]], *, measured: bool) -> dict[str, float]:
        """The monitors' numbers for the line of a step (0 = before the first). measured: whether the gauge was read."""
        found = self.watch.numbers(step) if step else {}
        if held := sum(bool(r.held) for group in groups for r in group):
            found["held"] = float(held)
        if measured:
            found |= self.watch.note_held_out(step)
            if groups and self.start is not None:
                found["kl_start"] = distance(self.start, [r for group in groups for r in group][:: max(1, len(groups))])
        return found

    def speak(self, line: dict[str, Any], *, last: bool) -> None:
        """Say what is new after the step of a line of metrics.jsonl. Raises RewardGamed where the run should stop."""
        step = int(line["step"])
        judged = self.watch.judge(step, fully=last)
        for finding in judged.findings:
            self._say(step, finding)
        for name, words in self.health.saw(line):
            self._say(step, Finding(monitor=name, title=name, level="notice", words=words), warn=True)
        if judged.verdict == "gamed" and self.config.on_gaming == "stop":
            raise gamed(judged, self.config.data, self.folder.name)

    def judged(self) -> Judgement | None:
        """What all monitors say of the last step; None where there was none."""
        seen = self.watch.tallies
        return self.watch.judge(seen[-1].step, fully=True) if seen else None

    def clean_step(self, step: int) -> int:
        """See Watching."""
        return self.watch.clean_step(step)

    def _say(self, step: int, finding: Finding, *, warn: bool = False) -> None:
        before, now = self.told.get(finding.monitor, 0), _grave(finding.level, finding.stops)
        if now <= before:
            return
        self.told[finding.monitor] = now
        self.folder.append(WATCHES, {"step": step, **finding.to_json()})
        if before == _grave("alarm", False):  # how a run ends is said by its error
            return
        if warn:
            self.progress.warning(f"{finding.words} (step {step})")
            return
        hard = finding.monitor in ("M1", "M4", "M5", "M6")
        such = f", such as {', '.join(finding.strings)}" if finding.strings and hard else ""
        words = f"{finding.monitor}, {finding.title}, at step {step}: {finding.words}{such}"
        if finding.level == "alarm":
            self.progress.warning(
                f"{words}. The reward may be gamed. To do: {mending(finding, self.config.data, self.folder.name)}"
            )
        elif hard:
            held = "; from now on such answers teach nothing" if self.watch.holds else ""
            self.progress.warning(f"{words}{held}")
        else:
            self.progress.note(words)


def _grave(level: Level, stops: bool) -> int:
    return 3 if stops else ("quiet", "notice", "alarm").index(level)


def gamed(judged: Judgement, data: str, run: str) -> RewardGamed:
    """The error that ends a run."""
    why = [f for f in judged.findings if f.stops]
    first = next((f for f in why if f.exploit is not None), why[0])
    at = ""
    if first.first is not None:
        question, sample, turn = first.first
        at = f", first in step {first.since}, answer {sample + 1} to question {question + 1}, turn {turn}"
    said = f"; most often: {shown(first.exploit[1], 200)}" if first.exploit is not None else ""
    return RewardGamed(
        "the reward is being gamed",
        seen="; ".join(f"{f.monitor} {f.words}" for f in why) + at + said,
        todo=mending(first, data, run),
    )


def mending(finding: Finding, data: str, run: str) -> str:
    """What to do about a grader that can be gamed so."""
    mend = f"mend the grader: {finding.patch}" if finding.patch else "mend the grader"
    if ready.find(data) is None:
        return f"{mend}; see what was paid with `burnish show {run} --rollouts`"
    here = Path(data)
    named = here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here
    return f"{mend}; then see whether it holds with `burnish task check {shlex.quote(str(named))}`"


def distance(start: Policy, rollouts: Sequence[Rollout]) -> float:
    """KL(policy || start) in nats a token: the mean over the drawn tokens of at most FAR answers of exp(r) - 1 - r, r = log start
    - log policy (Schulman 2020, "k3")."""
    some = [r for r in rollouts if r.drawn[1:].any()][:FAR]
    if not some:
        return 0.0
    found = start.forward([Datum.from_tokens(r.ids, r.drawn.astype(np.float32)) for r in some]).result()
    parts = []
    for rollout, outputs in zip(some, found, strict=True):
        assert outputs.logprobs is not None
        drawn = rollout.drawn[1:]
        r = np.clip(outputs.logprobs.astype(np.float64)[drawn] - rollout.logprobs[1:][drawn], -30.0, 10.0)
        parts.append(np.expm1(r) - r)
    return float(np.concatenate(parts).mean())
