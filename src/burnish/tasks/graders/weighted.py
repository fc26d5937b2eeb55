"""Weighted: several graders as one, the mean of their values by weight. Where one of them cannot judge, neither can all."""

from __future__ import annotations

from dataclasses import dataclass

from burnish.protocols import Grader
from burnish.tasks.graders.several import altogether_s, least_concurrency, marks_of
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
        return least_concurrency(self.graders)

    @property
    def limit_s(self) -> float:
        """All of its graders, one after another."""
        return altogether_s(self.graders)

    def grade(self, example: Example, answer: str) -> Score:
        """The mean, and each grader's reason."""
        scores = [g.grade(example, answer) for g in self.graders]
        reason = "; ".join(f"{g.name} {s.value:.2g}: {s.reason}" for g, s in zip(self.graders, scores, strict=True))
        parts = tuple((g.name, s.value) for g, s in zip(self.graders, scores, strict=True))
        marks = marks_of(scores)
        failed = next((s for s in scores if s.error is not None), None)
        if failed is not None:
            return Score(value=float("nan"), reason=reason, error=failed.error, marks=marks, parts=parts)
        total = sum(w * s.value for w, s in zip(self.weights, scores, strict=True))
        return Score(value=total / sum(self.weights), reason=reason, marks=marks, parts=parts)
