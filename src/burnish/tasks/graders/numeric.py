"""NUMERIC: the number an answer ends with against the reference number.

The answer's number is the one in its final-answer mark (`#### 42`, `\\boxed{42}`) where it has one, else the one after its last
"answer is" or "answer:" (of an equation there, its last side), or alone on a line after `####`, else its last number: "the answer
is 13, not 12" says 13. Whole numbers must be equal, others to 1e-6 relative. Numbers are read by numbers.py, which states the
grammar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from burnish.tasks.answers import final_answer
from burnish.tasks.graders.numbers import Number, equal, first_number, last_number, plain_number
from burnish.tasks.graders.references import cannot_judge, references_of, shown
from burnish.types import Example, Score


@dataclass(frozen=True, slots=True)
class Numeric:
    """1 where the answer's final number is the reference."""

    name: str = "numeric"
    concurrency: int = field(default=2, repr=False)

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0; NaN with `error` where the example has no reference, or one that is not a number."""
        references = references_of(example)
        if not references:
            return cannot_judge("the example has no reference to compare with")
        wanted = [n for n in map(reference_number, references) if n is not None]
        if not wanted:
            return cannot_judge(f"the reference {shown(references[0])} is not a number")
        final = final_answer(answer)
        if final is not None:
            got, where = plain_number(final.text), f"the final answer in {final.mark}"
            if got is None:
                return Score(value=0.0, reason=f"{where}, {shown(final.text)}, is not a number")
        else:
            got, where = stated_number(answer), "the number that it says is the answer"
            if got is None:
                got, where = last_number(answer), "the last number"
            if got is None:
                return Score(value=0.0, reason=f"there is no number in {shown(answer)}")
        right = any(equal(got, n) for n in wanted)
        return Score(value=float(right), reason=f"{where} is {got.text}, the reference {wanted[0].text}")


def stated_number(answer: str) -> Number | None:
    """The number that an answer says is its answer, or None where it says none."""
    said = re.split(r"\banswer(?:\s+is\b|\s*:)", answer, flags=re.IGNORECASE)
    if len(said) < 2:
        alone = [n for text in re.findall(r"^####([^#\n]+)$", answer, re.MULTILINE) if (n := plain_number(text)) is not None]
        return alone[-1] if alone else None
    line = said[-1].strip().partition("\n")[0]
    return first_number(line.rpartition("=")[2]) or first_number(line)


def reference_number(reference: str) -> Number | None:
    """The number that a reference stands for: marked, or the whole of it apart from a unit."""
    final = final_answer(reference)
    return plain_number(final.text if final is not None else reference)


NUMERIC = Numeric()
