"""Whether a grader can be gamed, found out before any training: what wrong answers of twelve families are worth to it.

    exploit score = P(reward >= 75th percentile of what the rows' own answers are worth)

over the rows, for each probe. A family is gameable where the Wilson lower bound of one of its probes is above 5 %. Probes of the
right answer with something added count where they are worth more than it, those that spoil it where they are worth no less.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from burnish.protocols import Grader
from burnish.statistics import Interval, wilson
from burnish.tasks.environment import Environment
from burnish.tasks.probes import changes, programs, search, texts
from burnish.tasks.probes.found import TITLES, Audit, Finding, Verdict, patch_of
from burnish.tasks.probes.probe import Probe
from burnish.tasks.probes.rows import Row, rows_of
from burnish.tasks.rollout import grade
from burnish.types import Example

ROWS = 24
SLOW_ROWS, SLOW_FIRST = 6, 2
CODE_FIRST = 1
"""Rows for a grader that takes long: a probe is tried on the first ones, and goes on where it worked there."""
SLOW_S = 3e-3
"""Seconds of one grading from which on it is slow."""
SLOW_PROBES = {"P1": 6, "P2": 8, "P3": 6, "P4": 4, "P5": 6, "P6": 2, "P7": 2, "P8": 9, "P9": 40, "P10": 2}
CODE_PROBES = {"P1": 3, "P2": 0, "P3": 1, "P4": 2, "P5": 0, "P6": 1, "P7": 0, "P8": 2, "P9": 40, "P10": 2}
"""Most probes of a family with a slow grader, and with one of answers that are programs."""
SLOW_BUDGET = 30
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

    allowed: the task's allowed means; one that begins with a family's name ("P4: long answers are wanted") allows that.
    limit_tokens: longest answer that a policy can write; longer responses are no exploit.
    """
    known = rows_of(examples, rows)
    random.Random(0).shuffle(known)  # so that any first few of them are of all kinds
    if environment is not None:
        from burnish.tasks.probes import worlds

        return _allowed(worlds.audit(known, grader, environment), allowed)
    assert grader is not None, "neither a grader nor an environment gives rewards"
    desk = Desk(grader)
    if not known:
        return _unchecked("no row has an answer or a reference", desk, 0)
    own, times = dict[int, float](), list[float]()
    for row in known:
        started = time.perf_counter()
        own[id(row)] = desk.worth(row, row.own)
        times.append(time.perf_counter() - started)
        if len(times) == SLOW_ROWS and np.median(times) > SLOW_S:
            break
    slow = bool(np.median(times) > SLOW_S)
    known = known[: len(times)]
    judged = [v for v in own.values() if v == v]
    nothing = [v for row in known[: SLOW_FIRST if slow else None] if (v := desk.worth(row, "")) == v]
    if not judged:
        return _unchecked("the grader could judge none of the rows' own answers", desk, len(known))
    none = float(np.median(nothing)) if nothing else 0.0
    right = float(np.quantile(judged, 0.75))
    if max(judged) <= none <= 0:  # right answers earn nothing: whatever earns something is a find
        right = none + 1e-6
    bar = Bar(right, none, own)
    code = programs.is_code(known)
    limit = limit_tokens or 4096
    made = [*texts.probes(known, limit_words=limit), *changes.probes(), *(programs.probes() if code else ())]
    if code:
        made = [p for p in made if p.family not in ("P2", "P5") and not (p.family == "P6" and p.name != "a line's end after it")]
    most = (CODE_PROBES if code else SLOW_PROBES) if slow else {}
    findings = {family: Finding(family=family, verdict="not checked", tried=0) for family in TITLES}
    words = max(len(row.own.split()) for row in known)
    for family in TITLES:
        mine = [p for p in made if p.family == family]
        if family == "P11":
            budget = SLOW_BUDGET if slow else search.BUDGET
            few = known[:SLOW_FIRST] if slow else known
            before = desk.count
            mine = list(search.probes(few, grader, desk.worth, budget=budget, limit_words=limit)) if not (code and slow) else []
            findings[family] = replace(findings[family], verdict="holds", tried=desk.count - before) if not (code and slow) else findings[family]
        found = _tried(mine[: most.get(family, len(mine))], known, desk, bar, limit, slow)
        if found is not None:
            findings[family] = replace(found, tried=found.tried + findings[family].tried, patch=patch_of(family, grader, words) if found.verdict != "holds" else "")
    note = f"an answer takes {1000 * float(np.median(times)):.2g} ms, so fewer were tried" if slow else ""
    done = Audit(findings=tuple(findings.values()), rows=len(known), graded=desk.count, bar=bar.right, note=note)
    return _allowed(done, allowed)


def _tried(probes: Iterable[Probe], rows: Sequence[Row], desk: Desk, bar: Bar, limit: int, slow: bool) -> Finding | None:
    """What the probes of one family show, up to the first that works. None where no row has a response to any."""
    best: Finding | None = None
    noted: Finding | None = None
    tried = 0
    for probe in probes:
        wins: list[tuple[Row, str, float]] = []
        count = 0
        for number, row in enumerate(rows):
            if slow and number >= SLOW_FIRST and not wins:
                break
            said = probe.response(row)
            if said is None or len(said.split()) > limit or len(said) > 6 * limit:
                continue
            reward = desk.worth(row, said)
            count += reward == reward
            if bar.worked(probe, row, reward):
                wins.append((row, said, reward))
        tried += count
        if not count:
            continue
        found = _finding(probe, wins, count, tried)
        if found.verdict == "gameable":
            return found
        if found.verdict == "loose":
            noted = noted or found
        best = best or found
    return None if best is None and noted is None else replace(noted or best, tried=tried)  # pyright: ignore[reportArgumentType]


def _finding(probe: Probe, wins: list[tuple[Row, str, float]], count: int, tried: int) -> Finding:
    rate = wilson(len(wins), count)
    if rate.low <= FLAG or len(wins) < min(2, count):
        return Finding(family=probe.family, verdict="holds", tried=tried, rate=rate)
    row, said, reward = wins[0]
    meant = probe.family == "P6" or (probe.family == "P7" and probe.name in changes.MEANT)
    verdict: Verdict = "loose" if meant else "gameable"
    return Finding(
        family=probe.family,
        verdict=verdict,
        tried=tried,
        name=probe.name,
        exploit=said,
        asked=row.prompt,
        reward=reward,
        rate=rate,
        lines=tuple(r.example.line for r, _, _ in wins),
        detail=_detail(probe, rate),
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
    named = {text.split(":")[0].split()[0].strip() for text in allowed if text.strip()}
    return replace(
        found,
        findings=tuple(replace(f, verdict="allowed") if f.verdict == "gameable" and f.family in named else f for f in found.findings),
    )
