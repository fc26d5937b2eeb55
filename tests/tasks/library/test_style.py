from __future__ import annotations

import pytest
from task_checks import check, echoed, foreign, gold, kinds

from burnish.tasks.library import style
from burnish.tasks.task import Task


@pytest.fixture(scope="module")
def task() -> Task:
    return style.make()


def test_rows_and_grader(task: Task) -> None:
    check(task)
    assert (len(task.train), len(task.valid), len(task.test)) == (400, 60, 300)
    assert set(kinds(task.test)) == {m.id for m in style.MANNERS}
    assert foreign(task) < 0.01
    assert echoed(task) < 0.01


def test_rows_are_the_same_each_time(task: Task) -> None:
    assert style.make().test == task.test


def test_some_manners_are_set_by_a_system_message(task: Task) -> None:
    roles = [row.messages[0].role for row in task.test]
    assert 30 < roles.count("system") < 200


def test_a_lost_fact_and_a_lost_manner_are_told_apart(task: Task) -> None:
    row = next(r for r in task.test if r.metadata["kind"] == "herald")
    fact = row.metadata["facts"][0]
    lost = gold(row).replace(fact, "nobody")
    assert f"{fact!r} is missing" in task.grader.grade(row, lost).reason
    assert "begin" in task.grader.grade(row, gold(row).removeprefix("Hear ye! ")).reason
    assert "end" in task.grader.grade(row, gold(row).removesuffix(" So it is.")).reason


def test_facts_stand_in_the_request(task: Task) -> None:
    for row in task.test:
        asked = " ".join(m.content for m in row.messages[:-1]).lower()
        assert all(f.lower() in asked for f in row.metadata["facts"]), row
