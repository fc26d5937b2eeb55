"""Every ready task by its name: splits share nothing, ideal answers pass and empty ones fail; and all of them as one."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter
from pathlib import Path

import pytest

from burnish.tasks import ready
from burnish.tasks.keys import digest, prompt_text
from burnish.tasks.library import everything
from burnish.tasks.task import Task
from burnish.types import Example

GRADED = 40
"""Rows of each side that are graded."""
RUN = 8
"""The same where grading runs code."""


def sides(task: Task) -> dict[str, tuple[Example, ...]]:
    return {"train": task.train, "valid": task.valid, "test": task.test}


@pytest.fixture(params=ready.NAMES)
def task(request: pytest.FixtureRequest) -> Task:
    return ready.get(request.param)


def test_rows_and_card(task: Task):
    assert ready.find(task.name) is task
    assert all(len(rows) >= 50 for rows in sides(task).values())
    assert len(task.train) >= 300
    assert all(getattr(task.card, f.name).strip() for f in dataclasses.fields(task.card))
    assert task.limit_tokens > 0
    for row in (*task.train, *task.valid, *task.test):
        assert row.form == "chat"
        assert row.messages[-1].role == "assistant"
        assert row.messages[-2].role == "user"


def test_sides_share_no_key(task: Task):
    keys = {side: {k for row in rows for k in row.metadata["keys"]} for side, rows in sides(task).items()}
    assert all(row.metadata["keys"] for rows in sides(task).values() for row in rows)
    for one, other in itertools.combinations(keys, 2):
        assert not keys[one] & keys[other], (one, other)


def test_sides_share_no_question(task: Task):
    asked = {side: {digest(prompt_text(row)): prompt_text(row) for row in rows} for side, rows in sides(task).items()}
    for one, other in itertools.combinations(asked, 2):
        assert not [asked[one][key] for key in asked[one].keys() & asked[other].keys()], (one, other)
    assert not {row.messages for row in task.train} & {row.messages for row in (*task.valid, *task.test)}


def test_ideal_answers_pass_and_empty_ones_fail(task: Task):
    for rows in sides(task).values():
        for row in rows[: RUN if task.name == "code" else GRADED]:
            score = task.grader.grade(row, row.messages[-1].content)
            assert (score.value, score.error) == (1.0, None), (score, row)
        for row in rows[:4]:
            empty = task.grader.grade(row, "")
            assert (empty.value, empty.error) == (0.0, None), (empty, row)


def test_a_file_of_that_name_comes_first_and_a_folder_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert ready.find("facts") is ready.get("facts")
    (tmp_path / "facts").write_text("{}\n")
    (tmp_path / "style").mkdir()
    assert ready.find("facts") is None
    assert ready.find("style") is ready.get("style")


def rows_of(kinds: str) -> list[Example]:
    return [Example(messages=(), metadata={"task": "letters", "kind": kind}, line=n) for n, kind in enumerate(kinds, 1)]


def test_rows_taken_evenly_hold_small_kinds_whole_and_share_the_rest():
    rows = rows_of("aaaaaaabbbbbbbccd")
    found = ready.evenly(rows)
    assert sorted(row.line for row in found) == list(range(1, 18))
    counts = {"a": 7, "b": 7, "c": 2, "d": 1}
    for n in range(len(rows) + 1):
        taken = Counter(row.metadata["kind"] for row in found[:n])
        most = max(taken.values(), default=0)
        assert all(taken[kind] >= min(whole, most - 1) for kind, whole in counts.items()), (n, taken)
    assert Counter(row.metadata["kind"] for row in found[:11]) == {"a": 4, "b": 4, "c": 2, "d": 1}
    for kind in counts:
        lines = [row.line for row in found if row.metadata["kind"] == kind]
        assert lines == sorted(lines)
    assert ready.evenly(found) == found


def test_rows_without_kinds_stay_in_order():
    rows = [Example(messages=(), line=n) for n in range(5)]
    assert ready.evenly(rows) == tuple(rows)


def test_kinds_of_different_tasks_are_different():
    rows = rows_of("aa")
    other = dataclasses.replace(rows[1], metadata={"task": "numbers", "kind": "a"})
    assert [ready.kind_of(r) for r in (rows[0], other, Example(messages=()))] == ["letters: a", "numbers: a", None]


@pytest.mark.parametrize("name", ["", "fact", "Facts", "facts.jsonl", "library", "os", "../facts", "refusal_phrases"])
def test_other_names_are_no_task(name: str):
    assert ready.find(name) is None


def test_the_digest_follows_the_rows():
    task = ready.get("facts")
    assert ready.sha256(task) == ready.sha256(dataclasses.replace(task))
    row = task.test[0]
    changed = (
        dataclasses.replace(row, reference="another"),
        dataclasses.replace(row, metadata={**row.metadata, "kind": "another"}),
        dataclasses.replace(row, messages=row.messages[:1]),
    )
    found = {ready.sha256(dataclasses.replace(task, test=(new, *task.test[1:]))) for new in changed}
    found.add(ready.sha256(dataclasses.replace(task, valid=(), test=(*task.valid, *task.test))))
    assert len(found | {ready.sha256(task)}) == 5


@pytest.fixture
def together() -> Task:
    """The task of all tasks."""
    return everything.make()


def test_everything_holds_every_row_once(together: Task):
    for side, rows in sides(together).items():
        own = {name: sides(ready.get(name))[side] for name in ready.NAMES}
        if side == "train":
            own = {name: found[: everything.TAKEN.get(name)] for name, found in own.items()}
        assert len(rows) == sum(map(len, own.values()))
        for name in ready.NAMES:
            assert {r.messages for r in rows if r.metadata["task"] == name} == {r.messages for r in own[name]}
    assert {r.metadata["task"] for r in together.train[:100]} == set(ready.NAMES)  # mixed
    assert together.limit_tokens == max(ready.get(name).limit_tokens for name in ready.NAMES)
    assert together.train == everything.make().train


def test_each_row_of_everything_is_judged_by_its_own_grader(together: Task):
    for name in ready.NAMES:
        rows = [row for row in together.test if row.metadata["task"] == name][:3]
        for row in rows:
            for answer in (row.messages[-1].content, "", "The answer is 17."):
                assert together.grader.grade(row, answer) == ready.get(name).grader.grade(row, answer)
    row = next(r for r in together.test if r.metadata["task"] == "facts")
    moved = dataclasses.replace(row, metadata={**row.metadata, "task": "arithmetic"})
    right = row.messages[-1].content
    assert together.grader.grade(row, right).reason != together.grader.grade(moved, right).reason


@pytest.mark.parametrize("task", [None, "everything", "nobody"])
def test_a_row_of_no_task_cannot_be_judged(together: Task, task: str | None):
    row = dataclasses.replace(together.test[0], metadata={"task": task})
    score = together.grader.grade(row, "anything")
    assert math.isnan(score.value)
    assert score.error
