"""Check 31: the grader of numbers, which rewards are made of, is audited by a second implementation that shares no code with it.

Right answers are written in the ways in which people write them; the second implementation reads them with Python's fractions and
a grammar of its own.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from fractions import Fraction

import pytest

from burnish.tasks.graders import get
from burnish.types import Example, Message

WAYS = {
    "plain": "{n}",
    "in a sentence": "So the answer is {n}.",
    "marked": "First 3 + 4 = 7.\n#### {n}",
    "boxed": "We get \\boxed{{{n}}} in 2 steps",
    "of dollars": "It costs ${n}.",
    "bold": "The total is **{n}**",
    "with a unit": "They walk {n} km",
    "as an equation": "x = {n}",
    "after working": "12 - 5 = 7, and then 7 is not the end: {n}",
}
FORMS = ("whole", "thousands", "decimal", "fraction", "negative", "zeros")
RATE = 0.02
"""Of right answers that may count as wrong."""


def written(value: Fraction, form: str) -> str | None:
    """The number in this form; None where it has none."""
    whole = value.denominator == 1
    if form == "thousands":
        return f"{int(value):,}" if whole and abs(value) >= 1000 else None
    if form == "zeros":
        return f"{int(value)}.00" if whole else None
    if form == "fraction":
        return None if whole else f"{value.numerator}/{value.denominator}"
    if form == "decimal":
        return None if whole else f"{float(value):g}"
    return str(int(value)) if whole and (value < 0) == (form == "negative") else None


def second(answer: str) -> Fraction | None:
    """The number that an answer ends with or marks, read another way."""
    marked = re.findall(r"####\s*(\S+)|\\boxed\{([^}]*)\}", answer)
    text = next(filter(None, marked[-1])) if marked else answer
    found = re.findall(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+|/\d+)?", text)
    return Fraction(found[-1].replace(",", "")) if found else None


def cases(seed: int) -> list[tuple[str, str, Fraction, str]]:
    """(way, form, value, answer)"""
    draw, made = random.Random(seed), []
    for way, template in WAYS.items():
        for form in FORMS:
            for _ in range(12):
                value = Fraction(
                    draw.choice((1, 7, 40, 1234, 25000, -3, -450)) * draw.randint(1, 9), draw.choice((1, 1, 1, 2, 4, 5))
                )
                text = written(value, form)
                if text is not None:
                    made.append((way, form, value, template.format(n=text)))
    return made


def example(value: Fraction) -> Example:
    reference = str(int(value)) if value.denominator == 1 else f"{float(value):g}"
    return Example(messages=(Message(role="user", content="?"), Message(role="assistant", content="!")), reference=reference)


@pytest.mark.parametrize("seed", range(3))
def test_check_31_the_grader_of_numbers_agrees_with_a_second_implementation(seed: int) -> None:
    grader, missed, passed, made = get("numeric"), Counter[str](), Counter[str](), cases(seed)
    assert len(made) > 200
    for way, form, value, answer in made:
        assert second(answer) == value, (answer, "the second implementation reads what was written")
        if grader.grade(example(value), answer).value != 1:
            missed[f"{way}, {form}: {answer}"] += 1
        for wrong in (value + 1, -value, value * 10):
            if grader.grade(example(wrong), answer).value != 0:
                passed[f"{way}, {form}: {answer} for {wrong}"] += 1
    assert not passed, passed
    assert missed.total() <= RATE * len(made), (missed.total() / len(made), missed)
