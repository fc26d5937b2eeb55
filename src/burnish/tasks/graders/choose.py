"""Which grader fits a task, from its references alone, with the reason in words."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from burnish.protocols import Grader
from burnish.tasks.answers import final_answer
from burnish.tasks.graders.asserts import TEST_LIST, TESTS
from burnish.tasks.graders.numeric import NUMERIC, reference_number
from burnish.tasks.graders.references import references_of
from burnish.tasks.graders.text import CONTAINS, EXACT
from burnish.types import Example, asks_only

NUMERIC_SHARE = 0.9
SHORT_WORDS = 5
"""References of at most this many words (median) can be compared word by word."""


def choose(examples: Sequence[Example]) -> tuple[Grader | None, str]:
    """The grader for these examples, or None where only the held-out loss can tell; and why."""
    if all(e.form == "text" for e in examples):
        return None, "plain text has no question and no answer: the held-out loss is the measure"
    tested = sum(bool(e.metadata.get(TEST_LIST)) for e in examples)
    if tested >= NUMERIC_SHARE * len(examples):
        return TESTS, f"{tested} of {len(examples)} rows come with tests of the answer's code"
    judged = [(e, references_of(e)[0]) for e in examples if references_of(e)]
    if len(judged) < NUMERIC_SHARE * len(examples):
        return (
            None,
            f"only {len(judged)} of {len(examples)} rows have an answer in words: the held-out loss is the measure",
        )
    numbers = sum(reference_number(r) is not None for _, r in judged)
    if numbers >= NUMERIC_SHARE * len(judged):
        return NUMERIC, f"{numbers} of {len(judged)} references are numbers"
    words = statistics.median(len(r.split()) for _, r in judged)
    if words > SHORT_WORDS:
        return None, f"the answers are free text ({words:g} words in the median): the held-out loss is the measure"
    inside = sum(_is_part(e, r) for e, r in judged)
    if inside > len(judged) / 2:
        return CONTAINS, f"the references are short ({words:g} words in the median) and given apart from longer answers"
    return EXACT, f"the references are short ({words:g} words in the median)"


def _is_part(example: Example, reference: str) -> bool:
    """Whether the reference is less than the answer that is trained on, and not marked in it."""
    answer = example.messages[-1].content
    return not asks_only(example) and answer.strip() != reference.strip() and final_answer(answer) is None
