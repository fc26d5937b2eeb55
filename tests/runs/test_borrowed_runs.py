"""Whole runs of a model that transformers computes: planned, trained, stopped and gone on with, certified, exported, asked."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from tiny_run import Watcher, metrics, settings, weights

from burnish.errors import CapabilityMissing, Interrupted
from burnish.runs import api, train
from burnish.runs.export import export_run
from burnish.store.atomic import read_json
from burnish.types import SamplingParams

SLOWER = "models of type 'gpt2' are computed by transformers"


@pytest.fixture(scope="module")
def whole(tiny_gpt2: Path, data: Path, home: Path) -> dict[str, train.Outcome]:
    """For each method a run that nothing interrupted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BURNISH_HOME", str(home))
        return {m: train.start(settings(tiny_gpt2, data, method=m), run=f"borrowed-{m}") for m in ("lora", "full")}


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_run_learns_and_its_certificate_passes(whole: dict[str, train.Outcome], method: str) -> None:
    outcome = whole[method]
    lines = [line["loss"] for line in metrics(outcome.folder) if "loss" in line]
    assert lines[-1] < 0.95 * lines[0]
    assert outcome.certificate.passed, outcome.certificate.failed
    checked = {a.name for a in outcome.certificate.audits if a.passed}
    assert {"sampler-trainer gap", "adapter reload equality", "merge equality", "resume equality", "dead adapter"} <= checked | (
        set() if method == "lora" else {"merge equality"}
    )
    plan = read_json(outcome.folder / "plan.json")
    assert any(SLOWER in warning for warning in plan["warnings"])
    assert plan["choices"]["dtype"] == "float32"
    assert any(SLOWER in warning for warning in outcome.report.warnings)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_check_39_a_stopped_run_goes_on_and_ends_with_the_same_bits(
    whole: dict[str, train.Outcome], tiny_gpt2: Path, data: Path, method: str
) -> None:
    stop = Watcher(lambda step: os.kill(os.getpid(), signal.SIGINT) if step == 5 else None)
    with pytest.raises(Interrupted):
        train.start(settings(tiny_gpt2, data, method=method), run=f"borrowed-stopped-{method}", progress=stop)
    assert any(SLOWER in note for note in stop.notes)
    again = train.resume(f"borrowed-stopped-{method}")
    assert weights(again.folder) == weights(whole[method].folder)
    assert metrics(again.folder) == metrics(whole[method].folder)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_check_35_exports_load_in_transformers_and_peft(whole: dict[str, train.Outcome], method: str, tmp_path: Path) -> None:
    done = export_run(whole[method].name, to="merged", out=tmp_path / "merged")
    assert done.check.passed
    assert "opened in transformers" in done.check.detail
    if method == "lora":
        done = export_run(whole[method].name, to="peft", out=tmp_path / "peft")
        assert done.check.passed
        assert "opened in peft" in done.check.detail
        with pytest.raises(CapabilityMissing, match="family gpt2 cannot be written as GGUF"):
            export_run(whole[method].name, to="gguf", out=tmp_path / "gguf")


def test_a_run_goes_on_from_an_earlier_adapter(whole: dict[str, train.Outcome], data: Path) -> None:
    second = train.start(settings(whole["lora"].name, data, lora=None, steps=3), run="borrowed-second")
    assert second.certificate.passed, second.certificate.failed
    assert read_json(second.model / "adapter_config.json")["target_modules"] == ["c_attn", "c_fc", "c_proj"]


def test_it_is_measured_and_asked(whole: dict[str, train.Outcome], data: Path) -> None:
    watch = Watcher()
    found = api.evaluate(data, whole["lora"].name, items=4, progress=watch)
    assert len(found.items) == 4
    assert any(SLOWER in note for note in watch.notes)
    assert api.generate(whole["full"].name, "3 a", params=SamplingParams(limit_tokens=8))[0][0].ids.size
