"""Combine: a formula over the values of named graders, as OpenAI's `multi`. Where one of them cannot judge, neither can all."""

from __future__ import annotations

import math
from dataclasses import dataclass

from burnish.protocols import Grader
from burnish.tasks.graders.formula import Formula
from burnish.tasks.graders.references import cannot_judge
from burnish.tasks.graders.several import altogether_s, least_concurrency, marks_of
from burnish.types import Example, Score


@dataclass(frozen=True, slots=True)
class Combine:
    """What the formula makes of its graders' values, each called by its name."""

    formula: Formula
    graders: tuple[Grader, ...]
    name: str = "combine"

    @property
    def concurrency(self) -> int:
        """As many as the least patient of its graders takes."""
        return least_concurrency(self.graders)

    @property
    def limit_s(self) -> float:
        """All of its graders, one after another."""
        return altogether_s(self.graders)

    def grade(self, example: Example, answer: str) -> Score:
        """The formula's number, and each grader's reason; NaN with `error` where it has none, such as a division by zero."""
        scores = [(g.name, g.grade(example, answer)) for g in self.graders]
        reason = "; ".join(f"{name} {s.value:.2g}: {s.reason}" for name, s in scores)
        parts = tuple((name, s.value) for name, s in scores)
        marks = marks_of([s for _, s in scores])
        failed = next((f"{name}: {s.error}" for name, s in scores if s.error is not None), None)
        if failed is None:
            try:
                value = self.formula.of({name: s.value for name, s in scores})
                failed = None if math.isfinite(value) else f"{self.formula.text} is {value}, which is no number"
            except (ArithmeticError, ValueError) as error:
                value, failed = math.nan, f"{self.formula.text} has no value: {error}"
            if failed is None:
                return Score(value=value, reason=f"{self.formula.text} = {value:.4g}; {reason}", marks=marks, parts=parts)
        found = cannot_judge(failed)
        return Score(value=found.value, reason=f"{failed}; {reason}", error=failed, marks=marks, parts=parts)
