"""Runs over a quantised base: what they record, resume, certify and export, and what they refuse."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_run import Watcher, metrics, settings, weights

from burnish import connect
from burnish.engine.host import Host
from burnish.engine.load import load_weights, shapes
from burnish.errors import CapabilityMissing, ConfigError, Interrupted
from burnish.evals import audits
from burnish.protocols import Policy
from burnish.runs import api, certificate, train
from burnish.runs.export import export_run, next_step
from burnish.runs.plan import choices_of
from burnish.runs.train import Outcome
from burnish.store.models import ModelRef, resolve
from burnish.types import Datum

IDS = np.random.default_rng(1).integers(0, 256, 40).astype(np.int32)
DATA = [Datum.from_tokens(IDS, np.ones(len(IDS)))]


@pytest.fixture(scope="module")
def outcome(tiny_model: Path, data: Path, home: Path) -> Outcome:
    return train.start(settings(tiny_model, data, quantize="int8"), run="int8")


def logprobs(ref: ModelRef) -> np.ndarray:
    policy = connect.open_policy(connect.open_engine("local", ref, threads=1), ref)
    return audits.logprobs_of(policy.engine, DATA, policy.adapter)[0]


def test_a_run_over_a_quantised_base_is_recorded_and_certified(outcome: Outcome):
    assert [(a.name, a.passed) for a in outcome.certificate.audits if a.passed is not True] == []
    assert json.loads((outcome.folder / "config.json").read_text())["quantize"] == "int8"
    plan = json.loads((outcome.folder / "plan.json").read_text())
    assert plan["saved_bytes"] == 4 * plan["parameters"] - plan["weights_bytes"] > 0
    assert "quantize" not in {d["key"] for d in plan["derived"]}
    assert resolve("int8").quantize == "int8"
    loaded = api.load("int8", threads=1)
    assert loaded.policy.engine.facts["quantize"] == "int8"
    with pytest.raises(ConfigError, match="in int8"):
        api.load("int8", quantize="none")


def test_nothing_is_saved_where_nothing_is_quantised(tiny_model: Path, data: Path):
    plan = train.plan(settings(tiny_model, data))
    assert (plan.config.quantize, plan.saved_bytes) == ("none", 0)
    assert api.load(tiny_model, quantize="nf4", threads=1).policy.engine.facts["quantize"] == "nf4"


def test_nf4_on_a_cpu_says_that_answers_are_slow(tiny_model: Path, data: Path):
    assert any("int8" in w for w in train.plan(settings(tiny_model, data, quantize="nf4")).warnings)
    assert not any("int8" in w for w in train.plan(settings(tiny_model, data, quantize="int8")).warnings)


def test_a_whole_model_is_not_trained_in_fewer_bits(tiny_model: Path, data: Path):
    with pytest.raises(ConfigError, match="rounded"):
        settings(tiny_model, data, quantize="int8", method="full")
    assert settings(tiny_model, data, quantize="none", method="full").method == "full"


def test_check_39_a_stopped_run_over_a_quantised_base_ends_with_the_same_bits(outcome: Outcome, tiny_model: Path, data: Path):
    watcher = Watcher(lambda step: os.kill(os.getpid(), signal.SIGINT) if step == 5 else None)
    with pytest.raises(Interrupted):
        train.start(settings(tiny_model, data, quantize="int8"), run="stopped-int8", progress=watcher)
    again = train.resume("stopped-int8")
    assert weights(again.folder) == weights(outcome.folder)
    assert metrics(again.folder) == metrics(outcome.folder)


def test_a_run_goes_on_over_the_base_of_the_adapter_that_it_continues(outcome: Outcome, data: Path):
    quick = {"steps": 2, "evaluate_every": 1, "lora": {}}
    child = train.start(settings(outcome.name, data, **quick), run="child-int8")
    plan = json.loads((child.folder / "plan.json").read_text())
    assert {d["key"]: d["value"] for d in plan["derived"]}["quantize"] == "int8"
    assert resolve(child.name).quantize == "int8"
    with pytest.raises(ConfigError, match="over a base in int8"):
        train.start(settings(outcome.name, data, quantize="nf4", **quick), run="child-nf4")


def test_check_35_exports_are_what_was_trained_over_the_quantised_base(outcome: Outcome, tmp_path: Path):
    trained = logprobs(resolve(outcome.name))
    merged = export_run(outcome.name, to="merged", out=tmp_path / "merged")
    np.testing.assert_allclose(logprobs(resolve(str(merged.out))), trained, atol=1e-4)
    assert "opened in transformers" in merged.check.detail
    peft = export_run(outcome.name, to="peft", out=tmp_path / "peft")
    assert json.loads((peft.out / "export.json").read_text())["quantize"] == "int8"
    assert "as it was held in int8" in peft.check.detail
    assert "in int8" in next_step(peft, "mine")
    np.testing.assert_array_equal(logprobs(resolve(str(peft.out))), trained)
    with pytest.raises(CapabilityMissing, match="int8"):
        export_run(outcome.name, to="vllm", out=tmp_path / "vllm")


def opened(outcome: Outcome) -> tuple[Policy, ModelRef]:
    ref = resolve(outcome.name)
    return connect.open_policy(connect.open_engine("local", ref, threads=1), ref), ref


def test_check_35_a_merge_into_the_unquantised_base_is_seen(outcome: Outcome, monkeypatch: pytest.MonkeyPatch):
    policy, ref = opened(outcome)
    assert policy.adapter is not None
    fresh = certificate.opener(choices_of(policy.engine), base=ref)
    assert audits.merge_equality(policy.engine, policy.adapter, fresh, DATA).passed is True

    def unquantised(self: Host) -> dict[str, torch.Tensor]:
        views = {n: torch.zeros(s) for n, s in shapes(self.arch).items()}
        load_weights(self.directory, self.arch, views)
        return views

    monkeypatch.setattr(Host, "_exact_base", unquantised)
    assert audits.merge_equality(policy.engine, policy.adapter, fresh, DATA).passed is False


def test_check_35_a_fresh_host_that_holds_the_base_otherwise_is_seen(outcome: Outcome):
    policy, ref = opened(outcome)
    assert policy.adapter is not None
    for base, passed in ((ref, True), (None, False)):
        fresh = certificate.opener(choices_of(policy.engine), base=base)
        found = audits.reload_equality(policy.engine, policy.adapter, fresh, ref.base, DATA, saved=[outcome.model])
        assert found.passed is passed, found.detail
