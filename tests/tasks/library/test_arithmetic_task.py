"""The task arithmetic: rows are true, splits share nothing with one another or the corpus, the grader reads the final number."""

from __future__ import annotations

import itertools
import math
import random
import re

import pytest
import task_checks

from burnish.tasks.library import arithmetic as task_room
from burnish.types import Example, Message
from burnish.world import arithmetic, problems, world

TASK = task_room.make()
ROW = Example(messages=(Message(role="user", content="What is 17 + 25 - 8?"),), reference="34")


def test_rows():
    task_checks.check(TASK, longest=60)
    assert (len(TASK.train), len(TASK.valid), len(TASK.test)) == (4800, 100, 400)
    assert task_room.make() == TASK
    assert task_room.make(world.make(1)).test != TASK.test
    for rows in (TASK.train, TASK.valid, TASK.test):
        kinds = task_checks.kinds(rows)
        assert set(kinds) == {"expression", "story"}
        assert min(kinds.values()) > 0.35 * len(rows)


def test_steps_are_true_and_stand_in_the_question():
    for row in (*TASK.train, *TASK.valid, *TASK.test):
        asked, answer = row.messages[0].content, row.messages[1].content
        step, told = r"(\d+) ([+-]) (\d+) = (\d+)", r"((?:[^:.]+: )?)"
        found = re.fullmatch(rf"{told}{step}\. {told}{step}\. The answer is (\d+)\.", answer)
        assert found, answer
        before, a, sign, b, middle, between, again, other, c, result, final = found.groups()
        assert int(middle) == int(a) + (int(b) if sign == "+" else -int(b))
        assert int(result) == int(middle) + (int(c) if other == "+" else -int(c))
        assert (middle, result) == (again, final)
        assert sorted(re.findall(r"\d+", asked)) == sorted((a, b, c)), asked
        if row.metadata["kind"] == "expression":
            assert f"{a} {sign} {b} {other} {c}" in asked
            assert (before, between) == ("", "")
        else:
            for clause, number in ((before, b), (between, c)):
                assert clause.removesuffix(": ").lower() in asked.lower(), (clause, asked)
                assert re.search(rf"\b{number}\b", clause), clause


def test_every_side_has_phrasings_of_both_kinds():
    for kind in ("expression", "story"):
        assert len(task_room.phrasings(kind, "train")) >= 20
        assert len(task_room.phrasings(kind, "valid")) >= 2
        assert len(task_room.phrasings(kind, "test")) >= 5
    signs = {task_room.STORIES[n][0] for n in task_room.phrasings("story", "test")}
    assert len(signs) == 4


def test_clauses_of_held_out_stories_stand_in_training_stories_with_others():
    stories = {
        side: [task_room.STORIES[n][1:] for n in task_room.phrasings("story", side)] for side in ("train", "valid", "test")
    }
    taught = {(scene, clause) for scene, *clauses in stories["train"] for clause in clauses}
    for side in ("valid", "test"):
        assert all((scene, clause) in taught for scene, *clauses in stories[side] for clause in clauses)
        assert not {(s, frozenset(c)) for s, *c in stories[side]} & {(s, frozenset(c)) for s, *c in stories["train"]}
    for scene in task_room.SCENES:
        for gains in (True, False):
            assert all("{x}" in clause for clause in (scene.gains if gains else scene.losses))
        assert not set(scene.gains) & set(scene.losses)


def test_fewer_rows_are_the_first_of_more():
    assert task_room.make(rows=120).train == TASK.train[:120]
    assert task_room.make(rows=120).test == TASK.test
    assert task_room.make(rows=4840).train[:4800] == TASK.train


def test_held_out_keys_are_not_in_the_corpus():
    held_out = {key for row in (*TASK.valid, *TASK.test) for key in row.metadata["keys"]}
    for part in (arithmetic, problems):
        read = itertools.islice(part.documents(world.make(0), random.Random(0)), 200)
        assert not held_out & {key for document in read for key in document.keys}


def test_other_answers_fail():
    assert task_checks.foreign(TASK) < 0.05
    assert task_checks.echoed(TASK) < 0.05


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("17 + 25 = 42. 42 - 8 = 34. The answer is 34.", 1.0),
        ("17 + 25 = 42. 42 - 8 = 34", 1.0),
        ("42-8=34.", 1.0),
        ("17 + 25 - 8 = 34", 1.0),
        ("(17 + 25) - 8 = 34", 1.0),
        ("34 = 42 - 8. The answer is 34.", 1.0),
        ("The answer is 17 + 25 - 8 = 34.", 1.0),
        ("17 \u2212 8 = 9. 9 + 25 = 34. The answer is 34.", 1.0),
        ("17 plus 25 is 42. 42 minus 8 is 34. The answer is 34.", 1.0),
        ("17 and 25 make 42, 42 less 8 is 34.", 1.0),
        ("17 apples + 25 apples = 42 apples. 42 apples - 8 = 34 apples. The answer is 34 apples.", 1.0),
        ("17 + 20 = 37. 37 + 5 = 42. 42 - 8 = 34. So the answer is 34.", 1.0),
        ("42 - 8 = 34. The answer is 33. No, the answer is 34.", 1.0),
        ("34", 0.0),
        ("the answer is: 34 apples, after 2 steps", 0.0),
        ("The answer is 34. 34 + 1 = 35.", 0.0),
        ("The answer is 30 + 4 = 34.", 0.0),
        ("17 + 25 = 41. 42 - 8 = 34. The answer is 34.", 0.0),
        ("17 + 25 = 42 - 8 = 34. The answer is 34.", 0.0),
        ("17 + 25 = 42. The answer is 34.", 0.0),
        ("17 / 0 = 34. The answer is 34.", 0.0),
    ],
)
def test_grader_wants_the_number_and_true_steps(answer: str, value: float):
    score = TASK.grader.grade(ROW, answer)
    assert (score.value, score.marks) == (value, ("right number",)), score.reason
    assert "34" in score.reason


@pytest.mark.parametrize(
    "answer",
    ["17 + 25 = 42. 42 - 8 = 34. The answer is 33. 34", "The answer is 344.", "The answer is -34.", "The answer is 3.4",
     "I do not know.", "", "17 + 25 = 42.", "9" * 5000],
)  # fmt: skip
def test_grader_fails_wrong_numbers(answer: str):
    score = TASK.grader.grade(ROW, answer)
    assert (score.value, score.marks) == (0.0, ())


@pytest.mark.parametrize("text", ["The answer is 30 + 4 = 34.", "30 + 4 = 34", "the answer is: 34 of 40", "34."])
def test_the_final_number_is_the_result_of_an_equation(text: str):
    assert task_room.final_number(text) == "34"


WRONG = {
    "the number alone": lambda r: task_room.final_number(r.reference) or "",
    "the sentence alone": lambda r: r.reference.split(". ")[-1],
    "a first step that is not true": lambda r: re.sub(r"(\d+ [+-] )", r"1\1", r.reference, count=1),
    "the second step turned": lambda r: r.reference.replace("+", "#").replace("-", "+").replace("#", "-"),
    "the first step alone": lambda r: r.reference.split(". ")[0] + ".",
    "another number": lambda r: r.reference.removesuffix(".") + "0.",
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("kind", ["expression", "story"])
def test_wrong_answers_fail(kind: str, name: str):
    assert task_checks.passing(TASK, kind, WRONG[name]) == []


def test_grader_says_when_it_cannot_judge():
    score = TASK.grader.grade(Example(messages=(), reference="none"), "34")
    assert math.isnan(score.value)
    assert score.error
