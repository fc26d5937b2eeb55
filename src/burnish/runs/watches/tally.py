"""What the monitors count of one step's answers, and what a monitor says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal

import numpy as np

from burnish.runs.watches.seen import Seen

BLIND = "could tell nothing"
"""How a monitor's words begin that could not look."""
Level = Literal["quiet", "notice", "alarm"]
BASE_PAID, BASE_STEPS = 96, 5
"""The start of a run, against which the rest is held: the first steps with so many paid answers, but no more steps than that."""
WINDOW = 3
"""Steps that are now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One step."""

    step: int
    seen: tuple[Seen, ...]
    paid: tuple[Seen, ...]
    """both empty of steps that are neither the start nor now"""
    exploits: tuple[Seen, ...]
    """paid answers that are paid for other rows, too"""
    canaries: tuple[Seen, ...]
    """answers that are paid where the row expects something wrong"""
    wrong: tuple[Seen, ...]
    """paid answers that the independent grader finds wrong"""
    replayed: int
    """paid answers that were replayed"""
    asked: int
    """answers to canaries"""
    canary_questions: tuple[float, float]
    """the share of the answers to each that is paid, summed; how many there are"""
    audited: int
    """paid answers that were audited"""
    reward: float
    """mean"""
    audit: float
    """mean of the independent grader, over what it judged"""
    held: int
    """answers that nothing was learned from"""


def tally(seen: Sequence[Seen], bar: float) -> Tally:
    """Count the answers of one step. bar: what a paid answer gets more than."""
    known = [s for s in seen if not math.isnan(s.reward)]
    paid = tuple(s for s in known if s.reward > bar)
    replayed = [s for s in paid if s.moved is not None]
    audited = [s for s in paid if s.audit is not None]
    audits = [s.audit for s in seen if s.audit is not None]
    canaries = [s for s in seen if s.canary is not None]
    by_question: dict[int, list[bool]] = {}
    for s in canaries:
        by_question.setdefault(s.place, []).append(s.canary is not None and s.canary > bar)
    return Tally(
        step=seen[0].step,
        seen=tuple(seen),
        paid=paid,
        exploits=tuple(s for s in replayed if s.moved is not None and s.moved > bar),
        canaries=tuple(s for s in canaries if s.canary is not None and s.canary > bar),
        wrong=tuple(s for s in audited if s.audit is not None and s.audit <= 0.5),
        replayed=len(replayed),
        asked=len(canaries),
        canary_questions=(sum(sum(met) / len(met) for met in by_question.values()), float(len(by_question))),
        audited=len(audited),
        reward=float(np.mean([s.reward for s in known])) if known else math.nan,
        audit=float(np.mean(audits)) if audits else math.nan,
        held=sum(bool(s.held) for s in seen),
    )


def tallies_of(lines: Iterable[Mapping[str, Any]], bar: float, *, since: int = 0) -> list[Tally]:
    """Count the answers of every step after `since` from the lines of rollouts.jsonl, which may be more than memory holds."""
    found: list[Tally] = []
    for step, some in groupby(lines, key=lambda line: line["step"]):
        if step > since:
            add(found, tally([Seen.of(line) for line in some], bar))
    return found


def add(tallies: list[Tally], one: Tally) -> None:
    """Put a step behind the others, or in place of the last one. The answers of steps that are neither the start nor now are
    let go, but for those that count against the run."""
    if tallies and tallies[-1].step == one.step:
        tallies.pop()
    assert not tallies or tallies[-1].step < one.step, "steps come in order"
    tallies.append(one)
    if len(tallies) > BASE_STEPS + WINDOW:
        past = len(tallies) - WINDOW - 1
        tallies[past] = replace(tallies[past], seen=(), paid=())


def start_of(tallies: Sequence[Tally]) -> int:
    """How many of the first steps are the start."""
    paid = 0
    for n, t in enumerate(tallies[:BASE_STEPS], 1):
        paid += len(t.paid)
        if paid >= BASE_PAID:
            return n
    return min(BASE_STEPS, len(tallies))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a monitor says after a step."""

    monitor: str
    """M1 to M7"""
    title: str
    level: Level
    words: str
    """a sentence with its numbers"""
    value: float | None = None
    bar: float | None = None
    """what the value is held against"""
    since: int | None = None
    """the first step that it concerns"""
    strings: tuple[str, ...] = ()
    """what the answers in question have in common, or say"""
    first: tuple[int, int, int] | None = None
    """question, sample and turn of the first of them"""
    stops: bool = False
    """whether so much of what is paid is concerned that learning on would make it worse"""
    exploit: tuple[str, str] | None = None
    """of an alarm, the most frequent of the answers in question, after what it answers"""
    patch: str = ""
    """of an alarm, what would mend the grader"""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        body = {k: getattr(self, k) for k in ("monitor", "title", "level", "words", "value", "bar", "since", "stops", "patch")}
        lists = {k: None if (v := getattr(self, k)) is None else list(v) for k in ("strings", "first", "exploit")}
        return {**body, **lists}

    @staticmethod
    def from_json(body: dict[str, Any]) -> Finding:
        """The inverse of `to_json`."""
        tuples = {k: None if body.get(k) is None else tuple(body[k]) for k in ("strings", "first", "exploit")}
        return Finding(**{**body, **tuples})
