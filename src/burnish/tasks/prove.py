"""What a task proves about itself without any model: its graders let the given answers pass, and nothing that is none.

The answers that rows come with must be worth more than an empty one and than those of other rows; the same answer must always be
worth the same; and a grader must not fail. A reward that breaks these rules teaches something else than the task says.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from burnish.protocols import Grader
from burnish.tasks import probes
from burnish.tasks.probes.rows import own_answer
from burnish.tasks.rollout import grade
from burnish.tasks.task import Task
from burnish.types import Example, Score

ROWS = 48
"""Rows that are tried, of all splits."""
SHOWN = 3
PASSES = 0.5
"""An answer passes that is worth more than this part of the row's own."""
FORGIVEN = 0.05
"""Share of rows whose own answer another row's may pass for: some questions have the same answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One property, and whether it holds. examples: rows where it does not, in words."""

    name: str
    verdict: Literal["holds", "fails", "not checked"]
    detail: str
    todo: str = ""
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """All of them for one task."""

    task: str
    grader: str
    rows: int
    lines: tuple[Line, ...]
    seconds: float
    """of one grading, in the median"""

    @property
    def holds(self) -> bool:
        """Whether nothing fails."""
        return not any(line.verdict == "fails" for line in self.lines)


def audit(task: Task) -> probes.Audit:
    """Whether a task's rewards can be had without doing it: wrong answers of many kinds are graded."""
    setting = task.environment
    return probes.audit(
        (*task.train, *task.valid, *task.test),
        task.grader,
        environment=None if setting is None else setting.open,
        allowed=(task.means.allowed,),
        limit_tokens=task.limit_tokens,
    )


def prove(task: Task, *, rows: int = ROWS) -> Proof:
    """Try a task's grader on its own rows."""
    chosen = _spread((*task.train, *task.valid, *task.test), rows)
    known = [(e, own) for e in chosen if (own := own_answer(e)) is not None]
    seconds: list[float] = []

    def timed(example: Example, answer: str) -> Score:
        started = time.perf_counter()
        score = grade(task.grader, example, answer)
        seconds.append(time.perf_counter() - started)
        return score

    own = [timed(e, answer) for e, answer in known]
    lines = [
        _own(known, own, len(chosen)),
        _apart("the empty answer fails", known, own, [timed(e, "") for e, _ in known], [""] * len(known), 0.0),
        _others(task.grader, known, own),
        _same(known, own, [timed(e, answer) for e, answer in known]),
        _errors(known, own),
    ]
    return Proof(
        task=task.name,
        grader=task.grader.name,
        rows=len(chosen),
        lines=tuple(lines),
        seconds=float(np.median(seconds)) if seconds else 0.0,
    )


def _spread(examples: Sequence[Example], count: int) -> list[Example]:
    """So many of them, evenly over all."""
    if len(examples) <= count:
        return list(examples)
    return [examples[i] for i in np.linspace(0, len(examples) - 1, count).round().astype(int)]


def _row(example: Example, answer: str, score: Score) -> str:
    shown = answer if len(answer) <= 60 else answer[:59] + "…"
    return f"row {example.line}: {shown!r} is worth {score.value:.2g}: {score.reason}"


def _own(known: Sequence[tuple[Example, str]], own: Sequence[Score], rows: int) -> Line:
    name = "the rows' own answers pass"
    if not known:
        detail = "no row has an answer or a reference"
        return Line(
            name=name, verdict="not checked", detail=detail, todo="give some rows a reference, so that this can be checked"
        )
    judged = [(e, a, s) for (e, a), s in zip(known, own, strict=True) if s.error is None]
    if not judged:
        return Line(name=name, verdict="not checked", detail="the grader could judge none of them")
    best = max(s.value for _, _, s in judged)
    wrong = [each for each in judged if each[2].value <= PASSES * max(best, 0.0)]
    none = f"; {rows - len(known)} rows have none" if rows > len(known) else ""
    return Line(
        name=name,
        verdict="fails" if wrong else "holds",
        detail=f"{len(judged) - len(wrong)} of {len(judged)}{none}",
        todo="the grader refuses what the rows call right: mend one of them" if wrong else "",
        examples=tuple(_row(*w) for w in wrong[:SHOWN]),
    )


def _apart(
    name: str,
    known: Sequence[tuple[Example, str]],
    own: Sequence[Score],
    found: Sequence[Score],
    said: Sequence[str],
    allowed: float,
) -> Line:
    """Answers that must not pass for the row's own."""
    pairs = [
        (e, text, f, s)
        for (e, _), s, f, text in zip(known, own, found, said, strict=True)
        if s.error is None and f.error is None and s.value > 0
    ]
    wins = [(e, text, f) for e, text, f, s in pairs if f.value > PASSES * s.value]
    if not pairs:
        return Line(name=name, verdict="not checked", detail="no row's own answer passes")
    bad = len(wins) > allowed * len(pairs)
    return Line(
        name=name,
        verdict="fails" if bad else "holds",
        detail=f"it would pass in {len(wins)} of {len(pairs)} rows",
        todo="a model would learn to answer so: let the grader ask for more" if bad else "",
        examples=tuple(_row(*w) for w in wins[:SHOWN]) if bad else (),
    )


def _others(grader: Grader, known: Sequence[tuple[Example, str]], own: Sequence[Score]) -> Line:
    """Each row is answered with the answer of the row half a list away, where that is another one."""
    said = [known[(n + len(known) // 2) % len(known)][1] for n in range(len(known))] if known else []
    kept = [n for n, (_, answer) in enumerate(known) if said[n] != answer]
    some = [known[n] for n in kept]
    texts = [said[n] for n in kept]
    found = [grade(grader, e, text) for (e, _), text in zip(some, texts, strict=True)]
    return _apart("another row's answer fails", some, [own[n] for n in kept], found, texts, FORGIVEN)


def _same(known: Sequence[tuple[Example, str]], own: Sequence[Score], again: Sequence[Score]) -> Line:
    differ = [
        (e, a, t)
        for (e, a), s, t in zip(known, own, again, strict=True)
        if (s.error is None) != (t.error is None) or (s.error is None and s.value != t.value)
    ]
    return Line(
        name="the same answer is always worth the same",
        verdict="fails" if differ else ("holds" if known else "not checked"),
        detail=f"{len(differ)} of {len(known)} differ when graded twice",
        todo="take chance, time and order out of the grader" if differ else "",
        examples=tuple(_row(*d) for d in differ[:SHOWN]),
    )


def _errors(known: Sequence[tuple[Example, str]], own: Sequence[Score]) -> Line:
    failed = [(e, a, s) for (e, a), s in zip(known, own, strict=True) if s.error is not None]
    return Line(
        name="the grader does not fail",
        verdict="fails" if failed else ("holds" if known else "not checked"),
        detail=f"{len(failed)} of {len(known)} of the rows' own answers could not be judged",
        todo="see what it says, and mend the grader or the rows" if failed else "",
        examples=tuple(_row(*f) for f in failed[:SHOWN]),
    )
