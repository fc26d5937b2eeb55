"""The Python interface: the commands' names, and no torch before it is needed."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest
from tiny_run import QUICK, Watcher

import burnish
from burnish.errors import ConfigError
from burnish.runs import api
from burnish.tasks import ready
from burnish.types import SamplingParams


def test_train_load_and_answer(tiny_model, data):
    outcome = api.train(data, tiny_model, run="api", **QUICK)
    model = api.load("api", threads=1)
    params = SamplingParams(limit_tokens=3, temperature=0)
    assert model.answer("hello", params=params).role == "assistant"
    assert api.generate("api", ["hello", "there"], params=params)[1][0].ids.shape <= (3,)
    measured = api.evaluate(data, "api", items=5, limit_tokens=2)
    assert len(measured.items) == 5
    assert outcome.name == "api"
    assert [run.name for run in api.list_runs()] == ["api"]
    told = api.show("api")
    assert told is not None
    assert told.verdict
    checked = api.data_check(data, tiny_model)
    assert sum(len(side.rendered) for side in (checked.train, checked.valid)) > 0
    api.remove("api")
    assert api.list_runs() == []


def test_a_ready_task_is_measured_by_its_name(tiny_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    task = ready.get("facts")
    told = Watcher()
    found = api.evaluate("facts", tiny_model, items=6, limit_tokens=2, progress=told)
    assert found.grader == task.grader.name
    assert [i.line for i in found.items] == [e.line for e in ready.evenly(task.test)[:6]]
    assert {i.source for i in found.items} == {"facts (test)"}
    assert Counter(i.kind for i in found.items) == {"known": 3, "unknown": 3}
    assert told.notes[0] == f"6 of {len(task.test)} rows, test rows of the task 'facts'"
    assert "of the task facts" in told.notes[1]
    again = api.evaluate("facts", tiny_model, items=1, grader="facts")
    assert (again.grader, again.limit_tokens) == ("facts", task.limit_tokens)
    assert api.evaluate("facts", tiny_model, items=1, limit_tokens=1, grader="none").grader is None
    with pytest.raises(ConfigError, match="brings its own rows"):
        api.evaluate("facts", tiny_model, mapping={"user": "q"})


def test_answers_to_a_file_have_a_little_more_room_than_its_own(tiny_model, data):
    assert api.evaluate(data, tiny_model, items=1).limit_tokens == 2 + api.ROOM


def test_settings_are_checked(tiny_model, data):
    with pytest.raises(ConfigError, match="learning_rate"):
        api.train(data, tiny_model, learning_rat=1)


def test_the_package_exports_the_names_and_imports_nothing_for_them():
    assert burnish.train is api.train
    code = "import sys, burnish; assert 'torch' not in sys.modules and 'pydantic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
