"""APPEARS: a lenient reading, for what is reported beside a strict one: the right answer stands somewhere in the answer, whatever
its form. It is no reward: an answer that lists everything would have it."""

from __future__ import annotations

from dataclasses import dataclass, field

from burnish.tasks.graders.numeric import NUMERIC
from burnish.tasks.graders.text import CONTAINS
from burnish.types import Example, Score


@dataclass(frozen=True, slots=True)
class Appears:
    """1 where a reference stands in the answer as whole words, or the answer ends in it as a number."""

    name: str = "appears"
    concurrency: int = field(default=2, repr=False)

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0; NaN with `error` where the example has no reference."""
        found = CONTAINS.grade(example, answer)
        if found.error is not None or found.value == 1:
            return found
        number = NUMERIC.grade(example, answer)
        return number if number.error is None else found


APPEARS = Appears()
