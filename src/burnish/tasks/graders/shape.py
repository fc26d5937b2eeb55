"""Length: whether an answer has as many words as it may. Alone it is no judge of anything; beside another grader it keeps answers
from growing or from being nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from burnish.types import Example, Score


@dataclass(frozen=True, slots=True)
class Length:
    """1 where the answer has at least and at most so many words."""

    at_least: int = 0
    at_most: int | None = None
    name: str = "length"
    concurrency: int = field(default=2, repr=False)

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0."""
        words = len(answer.split())
        if words < self.at_least:
            return Score(value=0.0, reason=f"{words} words, at least {self.at_least} are wanted")
        if self.at_most is not None and words > self.at_most:
            return Score(value=0.0, reason=f"{words} words, at most {self.at_most} are wanted")
        return Score(value=1.0, reason=f"{words} words")
