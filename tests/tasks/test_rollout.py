"""Grading drawn answers: errors are no zeros, what hangs is given up, and the order is that of the questions."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

from burnish.errors import Interrupted
from burnish.tasks import judging
from burnish.tasks.graders import EXACT
from burnish.tasks.graders.chat import RemoteChat
from burnish.tasks.graders.endpoint import Endpoint
from burnish.tasks.graders.judge import Judge
from burnish.tasks.graders.program import Calls
from burnish.tasks.graders.remote import Door
from burnish.tasks.graders.rubric import Criterion, Rubric
from burnish.tasks.graders.weighted import Weighted
from burnish.tasks.judging import Threads, grade, grade_all, limit_of
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


def test_a_grader_says_how_long_it_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "LIMIT_S", 0.05)
    gate = threading.Event()

    class Slow(By):
        limit_s = 20.0

    def does(answer: str) -> Score:
        gate.wait(0.3)
        return Score(value=1.0, reason="")

    assert [s.error for s in grade_all(By(does), [(ROW, "x")])] == ["the grader by took more than 0.05 seconds"]
    assert [s.value for s in grade_all(Slow(does), [(ROW, "x")])] == [1.0]
    gate.set()


def test_what_waits_for_others_is_waited_for_with_all_its_tries() -> None:
    door = Door(url="http://127.0.0.1:1/v1", timeout_s=100.0, retries=3)
    chat = RemoteChat(door=door, model="m")
    assert chat.limit_s == 4 * 100 + 3 * 20
    judge, pair = Judge(asks="?", chat=chat), Judge(asks="?", chat=chat, form="pairwise")
    assert (judge.limit_s, pair.limit_s) == (460, 920)
    rubric = Rubric((Criterion(name="a", grader=judge), Criterion(name="b", grader=judge), Criterion(name="c", grader=EXACT)))
    assert limit_of(Weighted((rubric, pair, EXACT), (1, 1, 1))) == 1840
    assert limit_of(EXACT) == judging.LIMIT_S
    assert limit_of(Judge(asks="?")) == judging.LIMIT_S, "a model that was not opened answers at once"
    assert Endpoint(door, rate_limit=0.5, concurrency=8).limit_s == 460 + 16
    assert limit_of(Calls("def grade(e, a): return 1", timeout_s=60.0)) > 10 * 60, "processor's time on a machine that is busy"


def test_nothing_begins_after_the_end() -> None:
    threads, gate, begun, done = Threads(workers=1), threading.Event(), threading.Event(), []
    first = threads.run(lambda: begun.set() or gate.wait(10))
    begun.wait(10)
    threads.run(lambda: done.append(1))
    threads.stop()
    gate.set()
    assert threads.wait(first)
    assert not done
