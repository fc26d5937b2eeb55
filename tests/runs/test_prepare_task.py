"""A ready task where a data file may stand: its own splits, its own grader, and no other validation rows."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny_run import settings, write_rows

from burnish.errors import ConfigError
from burnish.runs.prepare import Prepared, prepare
from burnish.store.models import resolve
from burnish.tasks import graders, ready
from burnish.tasks.keys import prompt_text
from burnish.types import Example

TASK = ready.get("refusals")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory in which no file has the name of a task."""
    monkeypatch.chdir(tmp_path)


def prepared(model: Path, data: str = "refusals", **changes: Any) -> Prepared:
    return prepare(settings(model, Path(data), **changes), resolve(str(model)))


@pytest.fixture(scope="module")
def whole(tiny_model: Path) -> Prepared:
    return prepared(tiny_model)


def test_sides_are_those_of_the_task(whole: Prepared):
    assert whole.test is not None
    assert whole.train.examples == TASK.train
    for side, rows in ((whole.valid, TASK.valid), (whole.test, TASK.test)):
        assert side.examples != rows  # shuffled
        assert sorted(side.examples, key=prompt_text) == sorted(rows, key=prompt_text)
    assert whole.measured is whole.test
    assert whole.valid_share is None
    trained = {prompt_text(e) for e in whole.train.examples}
    assert not trained & {prompt_text(e) for e in (*whole.valid.examples, *whole.test.examples)}


def test_the_grader_is_that_of_the_task(whole: Prepared, tiny_model: Path):
    assert whole.grader is TASK.grader
    assert "refusals" in whole.grader_why
    resolved = prepared(tiny_model, grader=TASK.grader.name)  # as a resolved config names it
    assert resolved.grader is TASK.grader
    assert resolved.grader_why == whole.grader_why
    asked = prepared(tiny_model, grader="contains")
    assert asked.grader is graders.CONTAINS
    assert prepared(tiny_model, grader="none").grader is None


def test_what_it_says_about_the_data(whole: Prepared):
    assert whole.fingerprints["data"] == ready.sha256(TASK)
    assert "valid" not in whole.fingerprints
    assert any(f"{len(TASK.valid)} rows to choose" in note and f"{len(TASK.test)} to measure" in note for note in whole.notes)
    assert "refusals" in whole.format
    assert whole.warnings == ()


def test_answers_are_what_is_learned(whole: Prepared):
    assert whole.test is not None
    for side in (whole.train, whole.valid, whole.test):
        for example, row in list(zip(side.examples, side.data, strict=True))[:20]:
            targets = row.streams["targets"][row.streams["weights"] > 0]
            assert whole.renderer.tokenizer.decode(targets.tolist()) == example.messages[-1].content + "<|im_end|>"


def test_the_seed_changes_the_order_of_what_is_measured_only(whole: Prepared, tiny_model: Path):
    other = prepared(tiny_model, seed=1)
    assert other.test is not None
    assert whole.test is not None
    assert other.train.examples == whole.train.examples
    assert other.test.examples != whole.test.examples
    assert other.fingerprints["data"] == whole.fingerprints["data"]


def test_other_splits_are_refused(tiny_model: Path, tmp_path: Path):
    rows = str(write_rows(tmp_path / "rows.jsonl", 12))
    refused: list[dict[str, Any]] = [{"valid": rows}, {"valid_share": 0.2}, {"map": {"prompt": "q", "completion": "a"}}]
    for changes in refused:
        with pytest.raises(ConfigError, match="brings its own splits"):
            prepared(tiny_model, **changes)


def kinds(rows: Sequence[Example]) -> Counter[str]:
    return Counter(row.metadata["kind"] for row in rows)


def test_any_number_of_measured_rows_holds_the_kinds_evenly(whole: Prepared):
    for n in (2, 20, 100):
        assert set(kinds(whole.measured.head(n).examples).values()) == {n // 2}
    assert kinds(whole.measured.examples) == kinds(TASK.test)
    few = dataclasses.replace(TASK, test=tuple(r for n, r in enumerate(TASK.test) if r.metadata["kind"] == "benign" or n < 9))
    rare = kinds(few.test)["forbidden"]
    assert 0 < rare < 9
    assert kinds(ready.evenly(few.test)[:30]) == {"forbidden": rare, "benign": 30 - rare}


def test_a_limit_for_training_cuts_nothing_that_is_measured(whole: Prepared, tiny_model: Path):
    cut = prepared(tiny_model, limit_tokens=90)
    assert cut.train.sizes.cut_tokens > whole.train.sizes.cut_tokens
    lengths = [[len(r.ids) for r in p.measured.rendered] for p in (whole, cut)]
    assert lengths[0] == lengths[1]
    assert max(lengths[1]) > 90
    example = next(e for e, r in zip(cut.measured.examples, cut.measured.rendered, strict=True) if len(r.ids) > 90)
    assert len(cut.renderer.render(example).ids) > 90


def test_test_rows_that_stand_in_the_training_rows_are_pointed_out(tiny_model: Path, monkeypatch: pytest.MonkeyPatch):
    asked = TASK.train[3].messages[-2]
    copied = dataclasses.replace(asked, content=asked.content.upper() + "!!")
    row = dataclasses.replace(TASK.test[7], messages=(*TASK.train[3].messages[:-2], copied, TASK.test[7].messages[-1]))
    leaky = dataclasses.replace(TASK, test=(*TASK.test[:7], row, *TASK.test[8:]))
    monkeypatch.setattr(ready, "get", lambda name: leaky)
    found = prepared(tiny_model)
    (warning,) = found.warnings
    assert warning.startswith(f"1 of {len(TASK.test)} prompts that are measured also stand in a training row")
    assert "line 8" in warning
    assert [f.name for f in found.findings.findings if f.severity == "warning"] == ["leaks"]


def test_a_folder_of_that_name_hides_no_task(tiny_model: Path, tmp_path: Path, whole: Prepared):
    (tmp_path / "refusals").mkdir()
    assert prepared(tiny_model).fingerprints == whole.fingerprints


def test_a_file_of_that_name_is_read_instead(tiny_model: Path, tmp_path: Path):
    write_rows(tmp_path / "rows.jsonl", 40).rename(tmp_path / "refusals")
    found = prepared(tiny_model)
    assert found.test is None
    assert found.measured is found.valid
    assert len(found.train.examples) + len(found.valid.examples) == 40
    assert found.fingerprints["data"] != ready.sha256(TASK)
