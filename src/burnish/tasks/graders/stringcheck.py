"""Check: one text compared with another, letter by letter: OpenAI's `string_check`.

eq and ne ask whether the texts are the same, like and ilike whether the reference stands in the input, ilike whatever the case.
Nothing is normalised; `exact` and `contains` are kinder to spaces and case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from burnish.tasks.graders.references import shown
from burnish.tasks.graders.templates import TO_REFERENCE, WHOLE, Missing, Template, values_of
from burnish.types import Example, Score

Operation = Literal["eq", "ne", "like", "ilike"]
_SAYS = {"eq": "is", "ne": "is not", "like": "has", "ilike": "has, whatever the case,"}
_DENIES = {"eq": "is not", "ne": "is", "like": "does not have", "ilike": "does not have, whatever the case,"}


@dataclass(frozen=True, slots=True)
class Check:
    """1 where the comparison holds."""

    operation: Operation = "eq"
    input: Template = WHOLE
    reference: Template = TO_REFERENCE
    name: str = "string_check"
    concurrency: int = field(default=2, repr=False)

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0; NaN with `error` where a template asks for what the row lacks."""
        try:
            values = values_of(example, answer)
            left, right = self.input.fill(values), self.reference.fill(values)
        except Missing as missing:
            return missing.score()
        match self.operation:
            case "eq":
                holds = left == right
            case "ne":
                holds = left != right
            case "like":
                holds = right in left
            case "ilike":
                holds = right.lower() in left.lower()
        says = (_SAYS if holds else _DENIES)[self.operation]
        return Score(value=float(holds), reason=f"{shown(left)} {says} {shown(right)}")
