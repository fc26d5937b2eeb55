"""PAID: nothing is said of answers, since the turns of the task's environment are paid."""

from __future__ import annotations

from dataclasses import dataclass, field

from burnish.types import Example, Score


@dataclass(frozen=True, slots=True)
class Paid:
    """0 for every answer: what a way is worth is what its turns were paid."""

    name: str = "environment"
    concurrency: int = field(default=2, repr=False)

    def grade(self, example: Example, answer: str) -> Score:
        """Score 0, which is added to what the turns were paid."""
        return Score(value=0.0, reason="the environment pays for turns, and nothing grades the answer")


PAID = Paid()
