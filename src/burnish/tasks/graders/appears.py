"""APPEARS: a lenient reading, for what is reported beside a strict one: the right answer stands somewhere in the answer, whatever
its form. It is no reward: an answer that lists everything would have it.

A reference of many words is a whole answer, of which only the number that it may end in is looked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from burnish.tasks.convert import REFERENCES
from burnish.tasks.graders.numeric import NUMERIC
from burnish.tasks.graders.references import cannot_judge, references_of
from burnish.tasks.graders.text import CONTAINS
from burnish.types import Example, Score

WORDS = 5
"""Of a reference that is looked for as it stands, at most."""
_END = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?=[^\w]*$)")


@dataclass(frozen=True, slots=True)
class Appears:
    """1 where a reference stands in the answer as whole words, or the answer ends in it as a number."""

    name: str = "appears"
    concurrency: int = field(default=2, repr=False)

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0; NaN with `error` where the example has no reference that can be looked for."""
        looked = [r for r in map(looked_for, references_of(example)) if r is not None]
        if not looked:
            return cannot_judge("the example has no reference that could appear in an answer")
        short = replace(example, reference=looked[0], metadata={REFERENCES: tuple(looked)})
        found = CONTAINS.grade(short, answer)
        if found.value == 1:
            return found
        number = NUMERIC.grade(short, answer)
        return number if number.error is None else found


def looked_for(reference: str) -> str | None:
    """What of a reference must appear; None where it is a whole answer without a number at its end."""
    if len(reference.split()) <= WORDS:
        return reference
    end = _END.search(reference)
    return end[0] if end else None


APPEARS = Appears()
