"""All monitors of one run: what they have seen, what they say after a step, and which answers teach nothing.

The state is what rollouts.jsonl and metrics.jsonl hold, so a resumed run reads it back and goes on as it would have. `judge` is a
function of the steps up to one, and of nothing else: a step that is done again finds the same.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from burnish.runs.watches import hard, soft
from burnish.runs.watches.replays import Replays
from burnish.runs.watches.seen import Seen, asked_in
from burnish.runs.watches.tally import BLIND, Finding, Tally, add, tallies_of, tally
from burnish.tasks.judging import grade_all
from burnish.tasks.probes.exploits import patch_for
from burnish.tasks.prove import own_answer
from burnish.tasks.rollout import Question
from burnish.types import Rollout

HELD = "paid for something else than the answer"
WATCHES = "watches.jsonl"
"""What the monitors said, a line for each time one of them had something new."""
EVERY = 5
"""Steps after which the monitors that only describe are asked again."""
Verdict = Literal["clean", "unknown", "suspicious", "gamed"]
"""unknown: nothing looked, or none of the monitors that can tell could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What all monitors say after a step."""

    step: int
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """In a word: gamed where a run should stop, suspicious where an alarm sounds."""
        if any(f.stops for f in self.findings):
            return "gamed"
        return "suspicious" if any(f.level == "alarm" for f in self.findings) else "clean"

    @property
    def since(self) -> int | None:
        """The first step that an alarm concerns."""
        return min((f.since for f in self.findings if f.level == "alarm" and f.since is not None), default=None)

    @property
    def blind(self) -> tuple[Finding, ...]:
        """Those that could tell nothing."""
        return tuple(f for f in self.findings if f.words.startswith(BLIND))

    def of(self, monitor: str) -> Finding | None:
        """What one monitor says, if it was asked."""
        return next((f for f in self.findings if f.monitor == monitor), None)


class Watching:
    """The monitors of one run. `holds`: whether answers that are surely exploits teach nothing."""

    def __init__(self, replays: Replays, *, holds: bool) -> None:
        self.replays, self.holds = replays, holds
        self.tallies: list[Tally] = []
        self.held_out: dict[int, tuple[float, float, float]] = {}
        """(reward, audit, standard error of their difference) of each measurement, by step"""
        self.own = tuple(own for e in replays.pool if (own := own_answer(e)) is not None)
        self.measured: tuple[float, float, float] | None = None
        """the last measurement, before its step is known"""

    # What is seen

    def look(
        self, questions: Sequence[Question], groups: Sequence[Sequence[Rollout]], step: int, *, place: int = 0
    ) -> tuple[list[list[Rollout]], list[Seen]]:
        """The groups of a request of a step (from 1), with those answers held that teach nothing, and what was seen of all, in
        order. place: of the first question. What earlier requests of the same step saw has no part in it."""
        flat = [(p, q, n, r) for p, (q, g) in enumerate(zip(questions, groups, strict=True), place) for n, r in enumerate(g)]
        again = self.replays.grade([(q.index, r) for _, q, _, r in flat], step)
        seen = [
            Seen(
                step=step,
                place=p,
                question=q.index,
                sample=n,
                asked=asked_in(q.example),
                answer=r.answer,
                reward=r.reward,
                tokens=int(r.drawn.sum()),
                reference=q.example.reference,
                turns=max(1, sum(s.logprobs is not None for s in r.segments)),
                calls=_calls(r),
                moved=more.get("moved"),
                canary=more.get("canary"),
                audit=more.get("audit"),
            )
            for (p, q, n, r), more in zip(flat, again, strict=True)
        ]
        flagged = self.flagged(tally(seen, self.replays.bar)) if seen else set()
        seen = [replace(s, held=HELD) if (s.place, s.sample) in flagged else s for s in seen]
        held = iter([replace(r, held=s.held) for (_, _, _, r), s in zip(flat, seen, strict=True)])
        return [[next(held) for _ in group] for group in groups], seen

    def flagged(self, now: Tally) -> set[tuple[int, int]]:
        """Place and sample of the answers of a step that are exploits, once it is sure that there is something to exploit."""
        if not self.holds:
            return set()
        before = self._until(now.step - 1)
        found: set[tuple[int, int]] = set()
        streams = [(hard.EXPLOITS, now.exploits)]
        if self.replays.named:
            streams.append((hard.WRONG, now.wrong))
        for stream, events in streams:
            if events and hard.course([*before, now], stream).level != "quiet":
                found |= {(s.place, s.sample) for s in events}
        return found

    def keep(self, step: int, seen: Sequence[Seen], *, begins: bool = True) -> None:
        """Remember what was seen in a step. begins: whether this was its first request."""
        last = self.tallies[-1] if self.tallies else None
        before = last.seen if last is not None and last.step == step and not begins else ()
        if seen:
            add(self.tallies, tally([*before, *seen], self.replays.bar))

    def measure(self, drawn: Sequence[Rollout]) -> None:
        """Hold answers to held-out questions against the independent grader."""
        if self.replays.audit is None:
            return
        scores = grade_all(self.replays.audit, [(r.example, r.answer) for r in drawn])
        both = np.array(
            [(r.reward, s.value) for r, s in zip(drawn, scores, strict=True) if s.error is None and r.score.error is None]
        )
        if len(both) >= 2:
            reward, audit = both.mean(axis=0)
            error = float((both[:, 0] - both[:, 1]).std(ddof=1)) / math.sqrt(len(both))
            self.measured = (float(reward), float(audit), error)

    def note_held_out(self, step: int) -> dict[str, float]:
        """The numbers of the last measurement of held-out questions, which is that of this step; none where nothing audits."""
        if self.measured is None:
            return {}
        self.held_out[step] = self.measured
        _, audit, error = self.measured
        self.measured = None
        return {"held_out_audit": audit, "held_out_audit_error": error}

    def restore(self, rollouts: Iterable[Mapping[str, Any]], metrics: Iterable[Mapping[str, Any]], *, since: int = 0) -> None:
        """Read back what was seen after step `since`, when the task was last mended."""
        self.tallies = tallies_of(rollouts, self.replays.bar, since=since)
        self.held_out = {
            m["step"]: (_number(m["held_out_reward"]), _number(m["held_out_audit"]), _number(m["held_out_audit_error"]))
            for m in metrics
            if "held_out_audit" in m and (m["step"] > since or since == 0)
        }

    # What is said

    def judge(self, step: int, *, fully: bool = False) -> Judgement:
        """What the monitors say after a step; those that only describe every few steps, or where asked for `fully`."""
        tallies = self._until(step)
        if not tallies:
            return Judgement(step=step, findings=())
        held = [self.held_out[s] for s in sorted(self.held_out) if s <= step]
        audit = self.replays.audit
        found = [
            hard.divergence(tallies, held, named=self.replays.named, audit=audit.name if audit else None),
            soft.sameness(tallies),
            hard.canaries(tallies, self.replays.no_canaries),
            hard.replays(tallies, self.replays.blind),
        ]
        if fully or step % EVERY == 0:
            found += [soft.drift(tallies), soft.words(tallies), soft.two_samples(tallies, self.own)]
        found = [replace(f, patch=self._patch(*f.exploit)) if f.exploit is not None else f for f in found]
        return Judgement(step=step, findings=tuple(sorted(found, key=lambda f: f.monitor)))

    def _patch(self, asked: str, exploit: str) -> str:
        """What would mend the grader."""
        return patch_for(exploit, asked, self.replays.grader, self.replays.pool)

    def clean_step(self, step: int) -> int:
        """The last step before anything that may turn out to be the beginning of gaming: what a run could go back to."""
        tallies, last = self._until(step), step
        streams = [hard.EXPLOITS, hard.CANARIES]
        streams += [hard.WRONG] if self.replays.audit is not None else []
        for stream in streams:
            c = hard.course(tallies, stream)
            if c.since is not None:
                last = min(last, c.since - 1)
        return last

    def numbers(self, step: int) -> dict[str, float]:
        """What a metrics line says: shares of the paid answers, where they were tried."""
        t = self.tallies[-1]
        assert t.step == step, (t.step, step)
        found = {}
        for name, k, n in (
            ("paid_elsewhere", len(t.exploits), t.replayed),
            ("paid_canaries", len(t.canaries), t.asked),
            ("paid_and_wrong", len(t.wrong), t.audited),
        ):
            if n:
                found[name] = k / n
        return found if math.isnan(t.audit) else {**found, "audit": t.audit}

    def _until(self, step: int) -> list[Tally]:
        return self.tallies[: bisect_right(self.tallies, step, key=lambda t: t.step)]


def _calls(rollout: Rollout) -> int:
    """Of tools by the policy, in a way through an environment."""
    drawn = sum(s.logprobs is not None for s in rollout.segments)
    said = [m for m in rollout.messages if m.role == "assistant"]
    return sum(len(m.tool_calls) for m in said[max(0, len(said) - drawn) :])


def _number(value: float | None) -> float:
    return math.nan if value is None else value
