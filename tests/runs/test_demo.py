"""The demonstration: what it shows are held-out rows of the kinds that it names, and it tells what the run found."""

from __future__ import annotations

import pytest

from burnish.recipes.sft import SFT
from burnish.runs import demo
from burnish.runs.demo import CASES, Case
from burnish.tasks import ready


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.title)
def test_a_case_is_a_held_out_row_of_its_kind(case: Case):
    task, example = ready.get(case.task), demo.example_of(case)
    assert example in task.test
    assert case.kind in ("", example.metadata.get("kind"))
    if case.task != "code":  # judged by running it, which is tested with the task
        assert task.grader.grade(example, example.messages[-1].content).value == 1.0


def test_the_settings_are_those_of_the_recipe():
    config = SFT.load(base={"model": demo.MODEL, "data": ready.EVERYTHING, **demo.SETTINGS}, overrides=["steps=3", "epochs="])
    assert (config.method, config.steps, config.epochs) == ("full", 3, None)


def test_every_task_is_shown_or_scored():
    assert {c.task for c in CASES} == set(ready.NAMES)
