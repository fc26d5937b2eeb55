"""Weighted: several graders as one, the mean of their values by weight. Where one of them cannot judge, neither can all."""

from __future__ import annotations

from dataclasses import dataclass

from burnish.protocols import Grader, patience_s
from burnish.types import Example, Score


@dataclass(frozen=True, slots=True)
class Weighted:
    """The weighted mean of graders. Their own values stand in `Score.parts`."""

    graders: tuple[Grader, ...]
    weights: tuple[float, ...]
    name: str = "weighted"

    @property
    def concurrency(self) -> int:
        """As many as the least patient of its graders takes."""
        return min(g.concurrency for g in self.graders)

    @property
    def limit_s(self) -> float:
        """All of its graders, one after another."""
        return sum(patience_s(g) for g in self.graders)

    def grade(self, example: Example, answer: str) -> Score:
        """The mean, and each grader's reason."""
        scores = [g.grade(example, answer) for g in self.graders]
        reason = "; ".join(f"{g.name} {s.value:.2g}: {s.reason}" for g, s in zip(self.graders, scores, strict=True))
        parts = tuple((g.name, s.value) for g, s in zip(self.graders, scores, strict=True))
        marks = tuple(dict.fromkeys(mark for s in scores for mark in s.marks))
        failed = next((s for s in scores if s.error is not None), None)
        if failed is not None:
            return Score(value=float("nan"), reason=reason, error=failed.error, marks=marks, parts=parts)
        total = sum(w * s.value for w, s in zip(self.weights, scores, strict=True))
        return Score(value=total / sum(self.weights), reason=reason, marks=marks, parts=parts)
