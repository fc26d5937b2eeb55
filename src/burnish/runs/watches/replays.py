"""Grading answers where they cannot be right: what is paid there is paid for something else than the answer.

M6 replays a paid answer as the answer to two other rows that ask for something else. M5 asks a few questions with a wrong
expected answer, that of another row. The policy never sees what is expected, so a canary needs no question of its own: its
answers are graded a second time, and that grade teaches nothing. An independent grader (the task's `[[audit]]`, else whether the
row's reference appears) judges the same answers for M1.

Whether this can tell anything is tried on the rows' own answers first: a grader that pays them for other rows as well does not
look at the reference, or has a hole that `task check` shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from burnish.protocols import Grader
from burnish.tasks.graders import CONTAINS, EXACT, NUMERIC
from burnish.tasks.graders.appears import APPEARS
from burnish.tasks.graders.references import references_of
from burnish.tasks.graders.text import fold
from burnish.tasks.judging import grade_all, with_transcript
from burnish.tasks.prove import own_answer
from burnish.tasks.rollout import seed_of
from burnish.types import Example, Rollout

POOL = 512
"""Rows that answers are replayed against."""
TRIED = 24
"""Rows whose own answers are tried first."""
REPLAYED = 64
"""Paid answers of a step that are replayed, and that are audited by a grader that may be slow."""
OTHERS = 2
"""Rows that a paid answer is replayed against: to pass for one may be chance."""
ANSWERS = 20
"""Different answers that the rows must have for canaries: of few, what is wrong here is often expected there."""
CANARIES = 0.04
"""Share of questions that are canaries as well."""
PAYS = 0.8
"""Share of the rows' own answers that must be paid for a grader to be understood, and of others' that must not."""
HALF = 0.5
"""An answer is paid that gets more than this part of what the rows' own answers get."""


def audit_for(grader: Grader, named: Grader | None) -> Grader | None:
    """The independent grader: the task's own, else whether the reference appears in the answer; None for a grader that asks for
    that itself."""
    if named is not None:
        return named
    return None if grader in (EXACT, CONTAINS, NUMERIC) else APPEARS


@dataclass(frozen=True, slots=True, kw_only=True)
class Replays:
    """How the answers of one run are graded again."""

    grader: Grader
    audit: Grader | None
    named: bool
    """whether the task names the independent grader, so that what it says is the last word"""
    pool: tuple[Example, ...]
    accepted: tuple[frozenset[str], ...]
    """what each row of the pool accepts"""
    seed: int
    bar: float
    """an answer that gets more is paid"""
    blind: str
    """why replays can tell nothing; empty where they can"""
    no_canaries: str
    """why canaries can tell nothing"""
    cheap: bool
    """whether the audit is one of the package's, which judge thousands of answers a second"""

    @property
    def different(self) -> int:
        """Answers that the pool accepts, each once."""
        return len({a for accepted in self.accepted for a in accepted})

    def asked(self, question: int) -> bool:
        """Whether a question is a canary."""
        return not self.no_canaries and seed_of(self.seed, question, 5) % 1000 < 1000 * CANARIES

    def moved(self, example: Example, question: int, step: int) -> list[Example]:
        """OTHERS other rows that ask for something else, or as many as there are."""
        start = seed_of(self.seed, question, step, 6) % max(1, len(self.pool))
        taken, found = answers(example), []
        for n in range(len(self.pool)):
            at = (start + n) % len(self.pool)
            if self.accepted[at] and not self.accepted[at] & taken:
                found.append(self.pool[at])
                taken = taken | self.accepted[at]
            if len(found) == OTHERS:
                break
        return found

    def grade(self, items: Sequence[tuple[int, Rollout]], step: int) -> list[dict[str, float]]:
        """Of (question, rollout) each, what it gets when graded again: `moved`, `canary`, `audit`. What was not tried or failed
        is left out."""
        questions = {question: rollout.example for question, rollout in items}
        asked = [question for question, _ in items]
        paid = [n for n, (_, rollout) in enumerate(items) if rollout.reward > self.bar]
        again: list[tuple[int, str, Example]] = []
        if not self.blind:
            others = {q: self.moved(e, q, step) for q, e in questions.items()}
            for n in _first_of_each(paid, asked, REPLAYED):
                rows = others[asked[n]]
                again += [(n, "moved", row) for row in rows] if len(rows) == OTHERS else []
            wrong = {q: expecting(e, rows[0]) for q, e in questions.items() if self.asked(q) and (rows := self.moved(e, q, 0))}
            again += [(n, "canary", wrong[q]) for n, q in enumerate(asked) if q in wrong]
        audits: list[tuple[int, str, Example]] = []
        if self.audit is not None:
            judged = range(len(items)) if self.cheap else _first_of_each(paid, asked, REPLAYED)
            known = {q for q, e in questions.items() if self.named or answers(e)}
            audits = [(n, "audit", items[n][1].example) for n in judged if asked[n] in known]
        found: list[dict[str, float]] = [{} for _ in items]
        failed: set[tuple[int, str]] = set()
        for grader, tries in ((self.grader, again), (self.audit, audits)):
            if grader is None or not tries:
                continue
            scores = grade_all(grader, [(_as_answered(e, items[n][1]), items[n][1].answer) for n, _, e in tries])
            for (n, name, _), score in zip(tries, scores, strict=True):
                if score.error is not None:
                    failed.add((n, name))
                else:
                    found[n][name] = min(score.value, found[n].get(name, math.inf))
        return [{k: v for k, v in f.items() if (n, k) not in failed} for n, f in enumerate(found)]


def replays_of(grader: Grader, named: Grader | None, examples: Sequence[Example], seed: int) -> Replays:
    """How answers are graded again, after a trial on the rows' own answers."""
    pool = _spread(examples, POOL)
    audit = audit_for(grader, named)
    made = Replays(
        grader=grader,
        audit=audit,
        named=named is not None,
        pool=pool,
        accepted=tuple(map(answers, pool)),
        seed=seed,
        bar=HALF,
        blind="",
        no_canaries="",
        cheap=named is None,
    )
    bar, blind = _tried(made)
    few = f"the rows have only {made.different} different answers" if made.different < ANSWERS else ""
    return replace(made, bar=bar, blind=blind, no_canaries=blind or few or _tried_canaries(made, bar))


def _as_answered(row: Example, rollout: Rollout) -> Example:
    """The row as a grader gets it that may look at how the answer came about."""
    return with_transcript(row, rollout.messages) if rollout.messages else row


def _tried(made: Replays) -> tuple[float, str]:
    """What a paid answer gets more than, and why replays can tell nothing, from what the rows' own answers get."""
    tried = [(e, own) for e in _spread(made.pool, TRIED) if (own := own_answer(e)) is not None and answers(e)]
    if len(tried) < OTHERS + 1:
        return HALF, "the rows have no reference"
    others = [(own, made.moved(e, n, 0)) for n, (e, own) in enumerate(tried)]
    if not any(len(rows) == OTHERS for _, rows in others):
        return HALF, f"the rows have only {made.different} different answers"
    moved = [(row, own) for own, rows in others for row in rows]
    own = [s.value for s in grade_all(made.grader, tried) if s.error is None]
    elsewhere = [s.value for s in grade_all(made.grader, moved) if s.error is None]
    bar = HALF * sum(own) / len(own) if own and sum(own) > 0 else HALF
    if sum(v > bar for v in own) < PAYS * len(tried):  # the rows' own answers are not in the form that is paid
        return HALF, ""
    still = sum(v > bar for v in elsewhere) / max(1, len(elsewhere))
    return bar, f"the grader pays the rows' own answers for other rows too ({still:.0%})" if still > 1 - PAYS else ""


def _tried_canaries(made: Replays, bar: float) -> str:
    """Why canaries can tell nothing: right answers are paid beside a wrong expectation, so that the grader reads the question."""
    tried = [(e, own) for e in _spread(made.pool, TRIED) if (own := own_answer(e)) is not None and answers(e)]
    wrong = [(expecting(e, rows[0]), own) for n, (e, own) in enumerate(tried) if (rows := made.moved(e, n, 0))]
    paid = [s.value > bar for s in grade_all(made.grader, wrong) if s.error is None]
    still = sum(paid) / max(1, len(paid))
    return f"the grader pays right answers where another row's is expected ({still:.0%})" if still > 1 - PAYS else ""


def expecting(example: Example, other: Example) -> Example:
    """The question of a row with all that is expected of another: its answer, its reference, and its metadata, where some graders
    find what they compare with."""
    said = own_answer(other) or ""
    messages = tuple(replace(m, content=said) if m.role == "assistant" and m.weight != 0 else m for m in example.messages)
    return replace(other, messages=messages)


def answers(example: Example) -> frozenset[str]:
    """What a row accepts, so that it can be told from what others do."""
    return frozenset(fold(r) for r in references_of(example))


def _spread(rows: Sequence[Example], limit: int) -> tuple[Example, ...]:
    """At most so many, evenly."""
    if len(rows) <= limit:
        return tuple(rows)
    return tuple(rows[n * len(rows) // limit] for n in range(limit))


def _first_of_each(chosen: Sequence[int], groups: Sequence[int], limit: int) -> list[int]:
    """At most so many of the chosen, one of every group before a second of any."""
    seen: dict[int, int] = {}
    ranked = []
    for n in chosen:
        seen[groups[n]] = rank = seen.get(groups[n], -1) + 1
        ranked.append((rank, n))
    return sorted(n for _, n in sorted(ranked)[:limit])
