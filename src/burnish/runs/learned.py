"""What a run that learned from its own answers did beyond its score: how it reads strictly and leniently, what several tries are
worth, each grader's part, what it says differently now, and whether its reward was gamed.

Greedy answers are those of the run's two measurements. Several tries are DRAWS answers to each of at most QUESTIONS held-out
questions at temperature 1, before and after. Habits compare the answers of the first steps with those of the last.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from burnish import statistics
from burnish.evals.evaluation import Evaluation
from burnish.runs.markdown import bullets, cell, rows_table
from burnish.runs.watches import soft
from burnish.runs.watches.seen import Seen
from burnish.runs.watches.tally import Finding, Tally, tallies_of
from burnish.runs.watches.watch import Judgement, Verdict
from burnish.tasks.graders import CONTAINS
from burnish.tasks.graders.appears import APPEARS
from burnish.tasks.graders.references import shown
from burnish.tasks.judging import PAID
from burnish.types import Example

QUESTIONS, DRAWS = 32, 8
PASSES = 0.5
"""Scores above this count as right where nothing watches, which knows what the rows' own answers get."""
CERTAIN = 3.0
"""z of words that are told as habits."""
FEWEST = 6
"""Questions from which on an interval is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One number before and after, over the same questions."""

    name: str
    base: float
    trained: float
    low: float | None
    """of the change, 95 %; None where there are too few questions to tell"""
    high: float | None
    items: int
    share: bool = True
    """of answers, shown in percent; else a mean of rewards"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What the report says of such a run."""

    verdict: Verdict
    said: str
    """the verdict in a sentence"""
    monitors: tuple[Finding, ...]
    readings: tuple[Reading, ...]
    habits: tuple[str, ...]
    """what it does differently, a sentence each"""

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> Learned:
        """The inverse of dataclasses.asdict, after JSON."""
        return Learned(
            verdict=body["verdict"],
            said=body["said"],
            monitors=tuple(Finding.from_json(f) for f in body["monitors"]),
            readings=tuple(Reading(**r) for r in body["readings"]),
            habits=tuple(body["habits"]),
        )

    def to_markdown(self) -> list[str]:
        """Sections of a Markdown document."""
        parts = ["## Was the reward earned?", f"**{self.verdict}.** {cell(self.said)}"]
        if self.monitors:
            rows = [(f.monitor, f.title, f.level, cell(f.words)) for f in self.monitors]
            parts.append(rows_table(("", "monitor", "level", "what it saw"), rows))
        if self.readings:
            parts += ["## Other readings", rows_table(("", "base", "trained", "change"), reading_rows(self))]
            parts.append(f"{cell(explained(self))}.")
        if self.habits:
            parts += ["## What it does differently", bullets(map(cell, self.habits))]
        return parts


def reading_rows(learned: Learned) -> list[tuple[str, str, str, str]]:
    """Rows of the table of readings: name and how many questions, base, trained, change with its 95 % interval."""
    found = []
    for r in learned.readings:
        form = ".1%" if r.share else ".2f"
        sure = "(too few to tell)" if r.low is None or r.high is None else f"({r.low:+{form}} to {r.high:+{form}})"
        found.append((f"{r.name} ({r.items})", f"{r.base:{form}}", f"{r.trained:{form}}", f"{r.trained - r.base:+{form}} {sure}"))
    return found


def explained(learned: Learned) -> str:
    """What stands in the table of readings."""
    told = {
        "lenient": "lenient: the right answer stands somewhere in the answer, in whatever form",
        "pass@1": "pass@k: at least one of k answers is right that are drawn at temperature 1",
        "grader": "grader: what each gives on its own",
        "paid": "paid by turns: what the environment gives on the way",
    }
    there = [words for name, words in told.items() if any(r.name.startswith(name) for r in learned.readings)]
    return "; ".join([*there, "in brackets, of how many questions"])


def build(
    *,
    base: Evaluation,
    trained: Evaluation,
    examples: Sequence[Example],
    draws: tuple[Evaluation, Evaluation] | None,
    rollouts: Iterable[Mapping[str, Any]],
    judged: Judgement | None,
    events: Sequence[Mapping[str, Any]],
    gamed: str | None,
    bar: float = PASSES,
    since: int = 0,
) -> Learned:
    """Put it together. examples: those of the measurements, by index. rollouts, events: the lines of rollouts.jsonl and
    watches.jsonl. judged: None where nothing watched. gamed: what was seen when the run stopped. bar: what is worth more counts
    as right. since: the step after which the task was last mended."""
    tallies = tallies_of(rollouts, bar)
    held = sum(t.held for t in tallies if t.step > since)
    verdict, said = _verdict(judged, [e for e in events if e["step"] > since], held, gamed)
    return Learned(
        verdict=verdict,
        said=said,
        monitors=judged.findings if judged else (),
        readings=(*_lenient(base, trained, examples), *(_tries(*draws, bar) if draws else ()), *_parts(base, trained)),
        habits=tuple(habits(tallies)),
    )


def _verdict(judged: Judgement | None, events: Sequence[Mapping[str, Any]], held: int, gamed: str | None) -> tuple[Verdict, str]:
    if gamed is not None:
        return "gamed", gamed
    if judged is None:
        return "unknown", "Nothing looked (on_gaming is off)."
    alarms = [e for e in events if e["level"] == "alarm"]
    kept = f" From {held} answers that were surely exploits nothing was learned." if held else ""
    if alarms or held or judged.verdict != "clean":
        first = alarms[0] if alarms else None
        sound = "A hole was found and used."
        if first is not None:
            sound = f"{first['monitor']} sounded at step {first['step']}: {first['words']}."
        return "suspicious", f"{sound}{kept} Read answers with `burnish show RUN --rollouts` before you trust the reward."
    blind = {f.monitor: f"{f.monitor} {f.words}" for f in judged.blind}
    if {"M1", "M5", "M6"} <= set(blind):
        return "unknown", f"None of the monitors that can tell could: {'; '.join(blind.values())}."
    rest = f" What could not be tried: {'; '.join(blind.values())}." if blind else ""
    return "clean", f"Nothing suggests that answers were paid for something else than what the task asks.{rest}"


def _reading(name: str, base: Sequence[float], trained: Sequence[float], groups: Sequence[str]) -> Reading:
    change, low, high = [b - a for a, b in zip(base, trained, strict=True)], None, None
    if len(set(groups)) >= FEWEST:
        if len(set(groups)) == len(groups) and set(base) | set(trained) <= {0.0, 1.0}:
            found = statistics.paired_proportions(sum(c < 0 for c in change), sum(c > 0 for c in change), len(change))
        else:
            found = statistics.cluster_interval(change, groups)
        low, high = found.low, found.high
    return Reading(
        name=name, base=float(np.mean(base)), trained=float(np.mean(trained)), low=low, high=high, items=len(change),
        share=all(0 <= v <= 1 for v in (*base, *trained)),
    )  # fmt: skip


def _lenient(base: Evaluation, trained: Evaluation, examples: Sequence[Example]) -> list[Reading]:
    """How often the right answer appears at all; nothing where that is what the grader asks, or where no row says what is
    right."""
    if base.grader in (CONTAINS.name, APPEARS.name):
        return []
    both = []
    for a, b in zip(base.items, trained.items, strict=True):
        if a.answers and b.answers:
            scores = [APPEARS.grade(examples[i.index], i.answers[0].text) for i in (a, b)]
            if all(s.error is None for s in scores):
                both.append((scores[0].value, scores[1].value, a.group))
    if not both or not any(x or y for x, y, _ in both):
        return []
    return [_reading("lenient: answer appears", [x for x, _, _ in both], [y for _, y, _ in both], [g for *_, g in both])]


def _tries(base: Evaluation, trained: Evaluation, bar: float) -> list[Reading]:
    """pass@1 and pass@k of several draws."""
    rows = []
    for a, b in zip(base.items, trained.items, strict=True):
        n = min(len(a.scores), len(b.scores))
        if n:
            counts = [sum(v > bar for v in i.scores[:n]) for i in (a, b)]
            rows.append((n, *counts, a.group))
    if not rows:
        return []
    groups, k = [g for *_, g in rows], max(n for n, *_ in rows)
    one = [[row[side] / row[0] for row in rows] for side in (1, 2)]
    several = [[statistics.pass_at_k(row[0], row[side], row[0]) for row in rows] for side in (1, 2)]
    return [
        _reading(f"pass@1 of {k} draws", one[0], one[1], groups),
        _reading(f"pass@{k}", several[0], several[1], groups),
    ]


def _parts(base: Evaluation, trained: Evaluation) -> list[Reading]:
    """Each grader's part of the score."""
    found: dict[str, list[tuple[float, float, str]]] = {}
    for a, b in zip(base.items, trained.items, strict=True):
        scores = [i.answers[0].score if i.answers else None for i in (a, b)]
        if scores[0] is None or scores[1] is None:
            continue
        after = dict(scores[1].parts)
        for name, value in scores[0].parts:
            if name in after and not math.isnan(value) and not math.isnan(after[name]):
                found.setdefault(name, []).append((value, after[name], a.group))
    return [
        _reading(
            "paid by turns" if name == PAID else f"grader {name}",
            [x for x, _, _ in rows],
            [y for _, y, _ in rows],
            [g for *_, g in rows],
        )
        for name, rows in found.items()
    ]


def habits(tallies: Sequence[Tally]) -> list[str]:
    """What answers of the last steps do that those of the first did not, in a few sentences with numbers."""
    if not tallies:
        return []
    now, start = soft.now_and_start(tallies)
    after, before = [s for t in now for s in t.seen], [s for t in start for s in t.seen]
    if now[0].step <= start[-1].step:
        return []
    found = []
    a, b = (float(np.mean([s.tokens for s in side])) for side in (after, before))
    if max(a, b) > 1.15 * min(a, b) + 0.5:
        found.append(f"Answers are {'longer' if a > b else 'shorter'}: {a:.1f} tokens in the mean, {b:.1f} at the start.")
    for name, noun in (("tags and markup", "pieces of markup"), ("tool calls", "tool calls")):
        feature = soft.FEATURES[name]
        a, b = (float(np.mean([feature(s) for s in side])) for side in (after, before))
        if abs(a - b) >= 0.1:
            found.append(f"There are {a:.2f} {noun} in an answer, {b:.2f} at the start.")
    openings = [Counter(" ".join(s.answer.split()[:3]) for s in side) for side in (after, before)]
    text, count = openings[0].most_common(1)[0]
    a, b = count / len(after), openings[1][text] / len(before)
    if text and a - b >= 0.2:
        found.append(f"{a:.0%} of the answers begin with {shown(text)}, {b:.0%} at the start.")
    a, b = (_different(side) for side in (after, before))
    if abs(a - b) >= 0.1:
        found.append(f"Of the answers to a question {a:.0%} are different from one another, {b:.0%} at the start.")
    words = [e for e in soft.enriched(tallies) if e.z >= CERTAIN and e.now - e.start >= 0.2]
    if words:
        told = ", ".join(f"{shown(e.text)} ({e.now:.0%}, {e.start:.0%} of all answers at the start)" for e in words)
        found.append(f"Paid answers now say {told}.")
    return found or ["In length, markup, calls, openings and words, answers are much as they were."]


def _different(seen: Sequence[Seen]) -> float:
    """Share of different answers among those to one question, in the mean."""
    groups: dict[tuple[int, int], list[str]] = {}
    for s in seen:
        groups.setdefault((s.step, s.place), []).append(s.answer)
    return float(np.mean([len(set(g)) / len(g) for g in groups.values()]))
