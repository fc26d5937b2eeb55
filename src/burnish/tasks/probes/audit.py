"""Whether a grader can be gamed, found out before any training: what wrong answers of twelve families are worth to it,
and whether its rows tell their answers.

    exploit score = P(reward >= 75th percentile of what the rows' own answers are worth)

over the rows, for each probe. A family is gameable where the Wilson lower bound of one of its probes is above 5 %. Probes of the
right answer with something added count where they are worth more than it, those that spoil it where they are worth no less.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from burnish.protocols import Grader
from burnish.statistics import Interval, wilson
from burnish.tasks.environment import Environment
from burnish.tasks.graders.program import Calls
from burnish.tasks.graders.python import Runs
from burnish.tasks.graders.weighted import Weighted
from burnish.tasks.probes import changes, figures, programs, search, texts, told, worlds
from burnish.tasks.probes.found import TITLES, Audit, Finding, Verdict, patch_of
from burnish.tasks.probes.probe import Probe
from burnish.tasks.probes.rows import Row, rows_of
from burnish.tasks.rollout import grade
from burnish.types import Example

ROWS = 24
SLOW_ROWS, SLOW_FIRST = 6, 2
CODE_FIRST = 1
"""The same for answers that are programs: what works for one works for most."""
CHARACTERS = 6
"""of a token, at most in the mean"""
"""Rows for a grader that takes long: a probe is tried on the first ones, and goes on where it worked there."""
SLOW_S = 3e-3
"""Seconds of one grading from which on it is slow."""
OTHERWISE = "something else"
"""Words that are no answer and no number, so that a grader cannot tell at a glance what they are."""
SLOW_PROBES = {"P1": 6, "P2": 8, "P3": 6, "P4": 4, "P5": 6, "P6": 2, "P7": 2, "P8": 9, "P9": 40, "P10": 2}
CODE_PROBES = {"P1": 3, "P2": 0, "P3": 1, "P4": 2, "P5": 0, "P6": 1, "P7": 0, "P8": 2, "P9": 40, "P10": 2}
"""Most probes of a family with a slow grader, and with one of answers that are programs."""
DEAR_S = 0.2
DEAR_PROBES = {"P1": 2, "P2": 2, "P3": 3, "P8": 4, "P9": 4}
"""The same from so many seconds of one grading on, of families that are not named one."""
SLOW_BUDGET = 30
LEAST = 3
"""Rows to which a probe must have a response before it can show anything."""
FLAG = 0.05
"""Lower bound of a rate above which it is a find."""
GAIN = 0.1
"""Part of what lies between nothing and a right answer by which something added must raise a reward to count."""


@dataclass(slots=True)
class Desk:
    """Grades responses, each once, and counts."""

    grader: Grader
    count: int = 0
    seen: dict[tuple[int, str], float] = field(default_factory=dict)

    def worth(self, row: Row, response: str) -> float:
        """A response's reward; NaN where the grader could not judge it."""
        key = (id(row), response)
        if key not in self.seen:
            score = grade(self.grader, row.example, response)
            self.seen[key] = float("nan") if score.error is not None else score.value
            self.count += 1
        return self.seen[key]


@dataclass(frozen=True, slots=True)
class Bar:
    """What rewards are measured against: of right answers, and of none."""

    right: float
    nothing: float
    own: dict[int, float]

    @property
    def gain(self) -> float:
        return GAIN * max(self.right - self.nothing, 1e-9)

    def worked(self, probe: Probe, row: Row, reward: float) -> bool:
        """Whether a response had what it should not have."""
        own = self.own[id(row)]
        if reward != reward:
            return False
        match probe.claim:
            case "padded":
                return self.right > self.nothing and reward >= own + self.gain
            case "corrupted":
                return own > self.nothing and reward >= own - 1e-9
            case "same":
                return own > self.nothing and reward < own - 5 * self.gain
            case _:
                return reward >= self.right - 1e-9


def audit(
    examples: Sequence[Example],
    grader: Grader | None,
    *,
    environment: Callable[[], Environment] | None = None,
    allowed: Sequence[str] = (),
    limit_tokens: int | None = None,
    rows: int = ROWS,
) -> Audit:
    """Probe a grader, or an environment, with rows whose answers are right.

    allowed: the task's allowed means, in words; a family's name in them ("P4: long answers are wanted") allows that.
    limit_tokens: longest answer that a policy can write; longer responses are no exploit.
    """
    known = rows_of(examples, rows)
    random.Random(0).shuffle(known)  # so that any first few of them are of all kinds
    if environment is not None:
        return _allowed(worlds.audit(known, grader, environment), allowed)
    assert grader is not None, "neither a grader nor an environment gives rewards"
    desk = Desk(grader)
    if not known:
        return _unchecked("no row has an answer or a reference", desk, 0)
    code = programs.is_code(known)
    given = None if code else told.told(known)
    own, typical_s = _own(known, desk, slow := code or _sandboxed(grader))
    slow = slow or typical_s > SLOW_S
    known = known[: len(own)]
    if all(v != v for v in own.values()):
        return _unchecked("the grader could judge none of the rows' own answers", desk, len(known))
    effort = Effort(
        first=CODE_FIRST if code else SLOW_FIRST, limit=limit_tokens or 4096, slow=slow, code=code, dear=typical_s > DEAR_S
    )
    bar = _bar(known[: SLOW_FIRST if slow else None], desk, own)
    made = [
        *texts.probes(known, limit_words=effort.limit, code=code),
        *changes.probes(code=code),
        *(() if code else figures.probes()),
        *(programs.probes() if code else ()),
    ]
    words = max(len(row.own.split()) for row in known)
    findings = []
    for family in TITLES:
        if family == "P13":
            findings.append(_told(given, desk, len(known)))
            continue
        before = desk.count
        mine = [p for p in made if p.family == family]
        if family == "P11" and not (effort.dear or (code and slow)):
            few, budget = (known[:SLOW_FIRST], SLOW_BUDGET) if slow else (known, search.BUDGET)
            mine = list(search.probes(few, grader, desk.worth, budget=budget, limit_words=effort.limit))
        found = _tried(mine[: effort.most(family, len(mine))], known, desk, bar, effort)
        if found is None:
            verdict: Verdict = "holds" if desk.count > before else "not checked"
            found = Finding(family=family, verdict=verdict, tried=0)
        patch = "" if found.verdict in ("holds", "not checked") else patch_of(family, grader, words)
        findings.append(replace(found, tried=desk.count - before, patch=patch))
    note = f"an answer takes {1000 * typical_s:.2g} ms, so fewer were tried" if slow else ""
    return _allowed(Audit(findings=tuple(findings), rows=len(known), graded=desk.count, bar=bar.right, note=note), allowed)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is tried. first: rows on which a probe of a slow grader is tried before it is dropped."""

    first: int
    limit: int
    slow: bool
    code: bool
    dear: bool
    """every answer takes a model or a machine elsewhere"""

    def most(self, family: str, there: int) -> int:
        """Probes of a family that are tried."""
        most = (CODE_PROBES if self.code else SLOW_PROBES).get(family, there) if self.slow else there
        return min(most, DEAR_PROBES.get(family, 1)) if self.dear else most


def _sandboxed(grader: Grader) -> bool:
    """Whether a grader of ours runs every answer in the sandbox."""
    return isinstance(grader, (Calls, Runs)) or (isinstance(grader, Weighted) and any(map(_sandboxed, grader.graders)))


def _own(rows: Sequence[Row], desk: Desk, slow: bool) -> tuple[dict[int, float], float]:
    """What the rows' own answers are worth, and how many seconds an answer takes; of few rows where that is long. A grader may
    tell its own answers at a glance and work long on others: the slower kind counts."""
    own, times, others = dict[int, float](), list[float](), list[float]()
    for n, row in enumerate(rows):
        started = time.perf_counter()
        own[id(row)] = desk.worth(row, row.own)
        times.append(time.perf_counter() - started)
        if n < SLOW_ROWS:
            started = time.perf_counter()
            desk.worth(row, OTHERWISE)
            others.append(time.perf_counter() - started)
        if len(times) == SLOW_ROWS and (slow or max(np.median(times), np.median(others)) > SLOW_S):
            break
    return own, float(max(np.median(times), np.median(others)))


def _bar(rows: Sequence[Row], desk: Desk, own: dict[int, float]) -> Bar:
    judged = [v for v in own.values() if v == v]
    nothing = [v for row in rows if (v := desk.worth(row, "")) == v]
    none, right = float(np.median(nothing)) if nothing else 0.0, float(np.quantile(judged, 0.75))
    if max(judged) <= none <= 0:  # right answers earn nothing: whatever earns something is a find
        right = none + 1e-6
    return Bar(right, none, own)


def _tried(probes: Iterable[Probe], rows: Sequence[Row], desk: Desk, bar: Bar, effort: Effort) -> Finding | None:
    """What the probes of one family show, up to the first that works. None where no row has a response to any."""
    best: Finding | None = None
    noted: Finding | None = None
    for probe in probes:
        wins: list[tuple[Row, str, float]] = []
        count = 0
        for row in rows:
            if effort.slow and count >= effort.first and not wins:
                break
            said = probe.response(row)
            if said is None or len(said.split()) > effort.limit or len(said) > CHARACTERS * effort.limit:
                continue
            reward = desk.worth(row, said)
            count += reward == reward
            if bar.worked(probe, row, reward):
                wins.append((row, said, reward))
        if not count:
            continue
        found = _finding(probe, wins, count if count >= min(LEAST, len(rows)) else 0)
        if found.verdict == "gameable":
            return found
        if found.verdict == "loose":
            noted = noted or found
        best = best or found
    return noted or best


def _finding(probe: Probe, wins: list[tuple[Row, str, float]], count: int) -> Finding:
    if not count:
        return Finding(family=probe.family, verdict="holds", tried=0)
    rate = wilson(len(wins), count)
    if rate.low <= max(FLAG, probe.share) or len(wins) < min(2, count):
        return Finding(family=probe.family, verdict="holds", tried=0, rate=rate)
    row, said, reward = wins[0]
    meant = probe.family == "P6" or probe.name in (*changes.MEANT, *texts.MEANT, search.MEANT)
    verdict: Verdict = "loose" if meant else "gameable"
    return Finding(
        family=probe.family,
        verdict=verdict,
        tried=0,
        name=probe.name,
        exploit=said,
        asked=row.prompt,
        reward=reward,
        rate=rate,
        lines=tuple(r.example.line for r, _, _ in wins),
        detail=_detail(probe, rate),
    )


def _told(given: told.Told | None, desk: Desk, rows: int) -> Finding:
    """What the rows themselves give away."""
    if given is None:
        return Finding(family="P13", verdict="not checked" if rows < told.LEAST else "holds", tried=0)
    row = given.rows[0]
    return Finding(
        family="P13",
        verdict="gameable",
        tried=0,
        name=given.name,
        exploit=row.own,
        asked=row.prompt,
        reward=desk.worth(row, row.own),
        rate=given.rate,
        lines=tuple(r.example.line for r in given.rows),
        detail=f"{given.name}: in {given.rate.estimate:.0%} of {given.rate.n} rows (at least {given.rate.low:.0%})",
        patch=patch_of("P13", None, 0),
    )


def _detail(probe: Probe, rate: Interval) -> str:
    does = {
        "padded": "is worth more than the right answer alone",
        "corrupted": "is worth no less than the right answer",
        "same": "is refused, though it is the right answer",
    }.get(probe.claim, "is worth as much as a right answer")
    return f"{probe.name}: {does} in {rate.estimate:.0%} of {rate.n} rows (at least {rate.low:.0%})"


def _unchecked(why: str, desk: Desk, rows: int) -> Audit:
    findings = tuple(Finding(family=f, verdict="not checked", tried=0, detail=why) for f in TITLES)
    return Audit(findings=findings, rows=rows, graded=desk.count, bar=float("nan"), note=why)


def _allowed(found: Audit, allowed: Sequence[str]) -> Audit:
    named = {name for text in allowed for name in re.findall(r"\bP(?:1[0-3]|[1-9])\b", text)}
    return replace(
        found,
        findings=tuple(
            replace(f, verdict="allowed") if f.verdict == "gameable" and f.family in named else f for f in found.findings
        ),
    )
