"""Rubric: several criteria, each met or not, and the share of their weights that is met. A criterion is judged by any grader."""

from __future__ import annotations

from dataclasses import dataclass

from burnish.protocols import Grader
from burnish.tasks.graders.several import altogether_s, least_concurrency, marks_of
from burnish.types import Example, Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One demand on an answer."""

    name: str
    grader: Grader
    weight: float = 1.0
    at_least: float = 1.0
    """the grader's value from which it is met"""


@dataclass(frozen=True, slots=True)
class Rubric:
    """The weights of the criteria that are met, over all weights."""

    criteria: tuple[Criterion, ...]
    name: str = "rubric"

    @property
    def concurrency(self) -> int:
        """As many as the least patient of its graders takes."""
        return least_concurrency(c.grader for c in self.criteria)

    @property
    def limit_s(self) -> float:
        """All of its graders, one after another."""
        return altogether_s(c.grader for c in self.criteria)

    def grade(self, example: Example, answer: str) -> Score:
        """The share that is met, and of each criterion why; NaN with `error` where one cannot be judged."""
        scores = [c.grader.grade(example, answer) for c in self.criteria]
        met = [s.error is None and s.value >= c.at_least for c, s in zip(self.criteria, scores, strict=True)]
        said = (
            f"{'?' if s.error is not None else '+' if m else '-'} {c.name} ({c.weight:g}): {s.reason}"
            for c, s, m in zip(self.criteria, scores, met, strict=True)
        )
        reason = "; ".join(said)
        parts = tuple(
            (c.name, float("nan") if s.error is not None else float(m))
            for c, s, m in zip(self.criteria, scores, met, strict=True)
        )
        marks = marks_of(scores)
        failed = next((f"{c.name}: {s.error}" for c, s in zip(self.criteria, scores, strict=True) if s.error is not None), None)
        if failed is not None:
            return Score(value=float("nan"), reason=reason, error=failed, marks=marks, parts=parts)
        value = sum(c.weight for c, m in zip(self.criteria, met, strict=True) if m) / sum(c.weight for c in self.criteria)
        return Score(value=value, reason=reason, marks=marks, parts=parts)
