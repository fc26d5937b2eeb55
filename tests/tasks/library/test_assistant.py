from __future__ import annotations

import pytest
from task_checks import check, echoed, foreign, gold, kinds

from burnish.tasks.library import assistant
from burnish.tasks.task import Task


@pytest.fixture(scope="module")
def task() -> Task:
    return assistant.make()


def test_rows_and_grader(task: Task) -> None:
    check(task)
    assert (len(task.train), len(task.valid), len(task.test)) == (600, 80, 400)
    assert kinds(task.test)["how-to"] >= 100
    assert kinds(task.test)["interruption"] >= 100
    assert foreign(task) < 0.05
    assert echoed(task) < 0.02


def test_rows_are_the_same_each_time(task: Task) -> None:
    assert assistant.make().test == task.test


def test_interrupted_rows_come_back_to_the_topic(task: Task) -> None:
    for row in task.train:
        if row.metadata["kind"] == "interruption":
            assert [m.role for m in row.messages] == ["user", "assistant"] * 3
            assert any(word in gold(row) for word in row.metadata["topic"])
            assert not any(word in row.messages[-2].content for word in row.metadata["topic"])


@pytest.mark.parametrize(
    ("kind", "answer", "reason"),
    [
        ("how-to", "How do I mend a net?\nHow do I bake a cake?\nHow do I keep hens?\nHow do I sew?", "list"),
        ("how-to", "How do you like it? I can help you.", "name"),
        ("interruption", "Fine. And how are you today, my friend?", "name"),
        ("greeting", "I can help you with that, I think.", "name"),
    ],
)
def test_bad_answers_are_named(task: Task, kind: str, answer: str, reason: str) -> None:
    row = next(r for r in task.test if r.metadata["kind"] == kind and r.metadata["topic"])
    score = task.grader.grade(row, answer)
    assert score.value == 0.0
    assert reason in score.reason


def test_a_statement_alone_does_not_offer_help(task: Task) -> None:
    row = next(r for r in task.test if r.metadata["kind"] == "how-to")
    verb = row.metadata["topic"][1]
    assert "asking back" in task.grader.grade(row, f"I can help you {verb}.").reason
    assert task.grader.grade(row, f"I can help you {verb}. What do you have at home?").value == 1.0
