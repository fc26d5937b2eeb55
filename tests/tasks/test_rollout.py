"""Grading drawn answers: errors are no zeros, what hangs is given up, and the order is that of the questions."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

from burnish.errors import Interrupted
from burnish.tasks import judging
from burnish.tasks.judging import Threads, grade
from burnish.types import Example, Message, Score

ROW = Example(messages=(Message(role="user", content="?"),))


class By:
    name = "by"
    concurrency = 2

    def __init__(self, does: object) -> None:
        self.does = does

    def grade(self, example: Example, answer: str) -> Score:
        return self.does(answer)  # type: ignore[operator]


def raises(error: BaseException) -> By:
    def does(answer: str) -> Score:
        raise error

    return By(does)


def test_check_30_what_a_grader_raises_is_an_error_and_no_zero() -> None:
    score = grade(raises(ValueError("not mine")), ROW, "x")
    assert math.isnan(score.value)
    assert "not mine" in (score.error or "")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.float64("nan")])
def test_a_score_that_is_no_number_is_an_error(value: float) -> None:
    score = grade(By(lambda answer: Score(value=value, reason="")), ROW, "x")
    assert "no number" in (score.error or "")


def test_an_interrupt_is_no_failure_of_the_grader() -> None:
    with pytest.raises(Interrupted):
        grade(raises(Interrupted("stopped")), ROW, "x")


def test_answers_are_graded_in_any_order_and_told_in_theirs() -> None:
    gate = threading.Event()

    def does(answer: str) -> Score:
        if answer == "0":
            gate.wait(10)
        if answer == "5":
            gate.set()
        return Score(value=float(answer), reason="")

    threads = Threads()
    futures = [threads.run(lambda n=n: grade(By(does), ROW, str(n))) for n in range(9)]
    found = [threads.wait(f) for f in futures]
    threads.stop()
    assert [score.value for score in found if score] == list(range(9))


def test_what_hangs_is_given_up_and_the_others_are_graded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "LIMIT_S", 0.2)
    hang = threading.Event()
    threads = Threads(workers=2)
    futures = [threads.run(lambda n=n: hang.wait(30) if n < 2 else n) for n in range(5)]
    found = [threads.wait(f) for f in futures]
    threads.stop()
    hang.set()
    assert found[:2] == [None, None]
    assert found[2:] == [2, 3, 4], "whoever hangs is replaced"


def test_nothing_begins_after_the_end() -> None:
    threads, gate, begun, done = Threads(workers=1), threading.Event(), threading.Event(), []
    first = threads.run(lambda: begun.set() or gate.wait(10))
    begun.wait(10)
    threads.run(lambda: done.append(1))
    threads.stop()
    gate.set()
    assert threads.wait(first)
    assert not done
