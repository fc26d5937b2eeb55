"""The models of a run, opened in this process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from burnish.connect import LocalModels, measured_here, open_engine, require
from burnish.engine import measure, native
from burnish.errors import CapabilityMissing, ConfigError, ModelNotFound
from burnish.protocols import Policy
from burnish.store.models import resolve

CHOICES = {
    "device": "cpu",
    "threads": 1,
    "dtype": "float32",
    "matmul": "aten",
    "bmm_limit": 96,
    "unit_tokens": 77,
    "kernels": "torch",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BURNISH_HOME", str(tmp_path))


def test_other_models_of_a_run_compute_as_its_policy_does(tiny_model: Path) -> None:
    """Threads and matrix kernels belong to the process: a teacher with other choices would change the policy's bits."""
    engine = open_engine("local", resolve(str(tiny_model)), choices=CHOICES)
    models = LocalModels(Policy(engine, None))
    teacher = models.open(str(tiny_model), "teacher")
    assert teacher.engine is not engine
    assert teacher.engine.facts["choices"] == CHOICES
    assert models.open(str(tiny_model), "judge").engine is teacher.engine, "one engine per base"
    with pytest.raises(ModelNotFound, match="the judge of this run cannot be opened"):
        models.open("no-such-model", "judge")


def test_places_and_capabilities_that_are_missing_are_named(tiny_model: Path) -> None:
    ref = resolve(str(tiny_model))
    with pytest.raises(ConfigError, match="'moon'"):
        open_engine("moon", ref)
    with pytest.raises(CapabilityMissing, match="does not offer vision"):
        require(open_engine("local", ref, choices=CHOICES), "sample", "vision")


def test_fewer_threads_are_believed_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that was busy while it was measured must not be slow for ever."""
    found: list[int] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})

    def busy(threads: int) -> None:
        monkeypatch.setattr(measure, "measure", lambda: found.append(threads) or {"threads": threads, "kernels": "torch"})

    busy(2)
    assert measured_here()["threads"] == 2
    busy(4)
    assert measured_here()["threads"] == 4
    busy(2)
    assert measured_here()["threads"] == 4
    assert measured_here(again=True)["threads"] == 2
    assert measured_here()["threads"] == 4, "once is not enough"
    assert measured_here(again=True)["threads"] == measured_here()["threads"] == 2
    assert found == [2, 4, 2, 2]


def test_kernels_are_measured_when_a_compiler_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "missing", lambda: "there is no C compiler")
    monkeypatch.setattr(measure, "measure", lambda: {"threads": 1, "figures": {"kernels": "there is no C compiler"}})
    monkeypatch.setattr(measure, "kernels", lambda figures: "native")
    assert "kernels" not in measured_here(again=True)
    assert "kernels" not in measured_here()
    monkeypatch.setattr(native, "missing", lambda: "")
    assert measured_here()["kernels"] == "native"
    assert measured_here()["figures"] == {}
