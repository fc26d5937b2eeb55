"""The lenient reading: what counts as the right answer appearing."""

from __future__ import annotations

import pytest

from burnish.tasks.graders.appears import APPEARS
from burnish.types import Example, Message


@pytest.mark.parametrize(
    ("reference", "answer", "value"),
    [
        ("Paris", "It is paris, I think.", 1.0),
        ("Paris", "Parisian", 0.0),
        ("1234", "That makes 1,234", 1.0),
        ("54 - 39 = 15. 15 + 12 = 27. The answer is 27.", "27", 1.0),
        ("54 - 39 = 15. 15 + 12 = 27. The answer is 27.", "15", 0.0),
        ("the quick brown fox jumps over the dog", "the quick brown fox", None),
        ("in 1984 there was a book of that name", "1984", None),
    ],
)
def test_the_right_answer_appears(reference: str, answer: str, value: float | None):
    messages = (Message(role="user", content="?"), Message(role="assistant", content=reference))
    score = APPEARS.grade(Example(messages=messages, reference=reference), answer)
    assert (score.error is not None) if value is None else (score.value == value)
