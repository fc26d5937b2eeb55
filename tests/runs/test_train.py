"""A whole run, from a file to a measured model that is kept: it must learn, and what it keeps must be what it trained."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file
from tiny_run import Watcher, metrics, settings, weights, write_rows

from burnish import connect
from burnish.errors import ConfigError, NoGain, RunError
from burnish.recipes.sft import SFT
from burnish.runs import api, opening, train
from burnish.store.home import runs_directory
from burnish.store.models import resolve
from burnish.store.runfolder import RunFolder
from burnish.types import SamplingParams

LEARN = {"batch": 16, "evaluate_every": 20, "checkpoint_every": 1000, "sample_every": 20, "eval_items": 20}


def learns(config: SFT, run: str, *, loss_below: float, right_above: float) -> Watcher:
    """Train, and hold the report, the certificate and the kept model to what was asked."""
    watcher = Watcher()
    outcome = train.start(config, run=run, progress=watcher)
    loss, metric = outcome.report.comparison.loss, outcome.report.comparison.metric
    assert loss.base > 3
    assert loss.trained < loss_below
    assert metric.base == 0
    assert metric.trained > right_above
    assert outcome.report.verdict == "better"
    assert [a.name for a in outcome.certificate.audits if a.passed is not True] == []
    assert RunFolder.open(run).status == "succeeded"
    assert [e.step for e in watcher.losses] == [0, 20, 40, 60]
    assert min(e.loss for e in watcher.losses) == pytest.approx(loss.trained, rel=1e-3)
    assert [e.step for e in watcher.samples] == [20, 40, 60]
    return watcher


def said(model: str, prompt: str) -> str:
    loaded = api.load(model, threads=1)
    ids = loaded.renderer.tokenizer.encode(prompt)
    return loaded.sample([ids], SamplingParams(temperature=0, limit_tokens=4))[0][0].text


def test_runs_learn_the_second_over_the_first(tiny_model, tmp_path):
    """A full fine-tune learns to say capitals; then LoRA over that model learns to say others."""
    capitals = write_rows(tmp_path / "capitals.jsonl", 400)
    shifted = write_rows(tmp_path / "shifted.jsonl", 400, shift=1)
    full = settings(tiny_model, capitals, **LEARN, steps=60, method="full", learning_rate=2e-2)
    learns(full, "learn-full", loss_below=1, right_above=0.8)
    assert said("learn-full", "7 q") == "Q"
    lora = settings("learn-full", shifted, **LEARN, steps=60, learning_rate=1e-2, lora={"rank": 16})
    learns(lora, "learn-lora", loss_below=1.5, right_above=0.5)
    assert said("learn-lora", "7 q") == "R"
    assert said("learn-full", "7 q") == "Q"


def test_the_folder_holds_all_that_is_promised(tiny_model, data):
    outcome = train.start(settings(tiny_model, data), run="folder")
    names = {p.name for p in outcome.folder.iterdir()}
    wanted = "run.json config.json config.toml metrics.jsonl plan.json base.json trained.json checkpoints model"
    assert names >= {*wanted.split(), "report.json", "report.md", "certificate.json"}
    for name in ("tokenizer.json", "tokenizer_config.json"):  # check 40: what was trained with is what is saved
        assert (outcome.model / name).read_bytes() == (tiny_model / name).read_bytes()
    assert [m["step"] for m in metrics(outcome.folder)] == list(range(10))
    assert [m["step"] for m in metrics(outcome.folder) if "held_out_loss" in m] == [0, 4, 8, 9]
    ref = resolve("folder")
    assert (ref.kind, ref.base, ref.adapter) == ("run", tiny_model, outcome.model)


def test_the_resolved_config_runs_the_same_run_again(tiny_model, data):
    first = train.start(settings(tiny_model, data, epochs=1, steps=None, batch=None, lora={}), run="first")
    config = SFT.load(file=first.folder / "config.toml")
    again = train.start(config, run="rerun")
    assert weights(again.folder) == weights(first.folder)
    assert metrics(again.folder) == metrics(first.folder)
    resolved, rerun = (json.loads((o.folder / "config.json").read_text()) for o in (first, again))
    assert resolved == rerun
    assert {k for k, v in resolved.items() if v is None} == {"valid", "rehearse", "cooldown"}


def test_another_seed_is_another_run(tiny_model, data):
    outcomes = [train.start(settings(tiny_model, data, seed=s), run=f"seed-{s}") for s in (1, 2)]
    assert weights(outcomes[0].folder) != weights(outcomes[1].folder)


def test_the_best_step_is_kept_and_stale_ones_end_the_run(tiny_model, data):
    wild = {"learning_rate": 0.3, "schedule": "constant", "steps": 60, "evaluate_every": 2, "patience": 2, "warmup": 0.0}
    watcher = Watcher()
    outcome = train.start(settings(tiny_model, data, **wild), run="wild", progress=watcher)
    training = outcome.report.training
    trained = [e for e in watcher.losses if e.step > 0]
    best = min(trained, key=lambda e: e.loss)
    assert training.stopped_early
    assert training.best_step == best.step
    assert trained[-1].step == best.step + 4 < 60
    assert outcome.report.comparison.loss.trained == pytest.approx(best.loss, rel=1e-4)
    assert any("stopped early" in n for n in watcher.notes)
    assert any(f"step {best.step} is kept" in n for n in watcher.notes)


def test_a_run_goes_on_from_the_adapter_of_another(tiny_model, data):
    parent = train.start(settings(tiny_model, data), run="parent")
    child = train.start(settings("parent", data, lora={}, learning_rate=1e-9, steps=2, evaluate_every=1), run="child")
    before, after = (load_file(o.model / "adapter_model.safetensors") for o in (parent, child))
    assert all(np.allclose(before[k], after[k], atol=1e-7) for k in before)
    config = json.loads((child.folder / "config.json").read_text())
    assert config["lora"]["rank"] == 4
    assert child.report.comparison.loss.base == pytest.approx(parent.report.comparison.loss.trained, rel=1e-5)
    with pytest.raises(ConfigError, match="another shape"):
        train.start(settings("parent", data, lora={"rank": 8}))
    with pytest.raises(ConfigError, match="is an adapter"):
        train.start(settings("parent", data, method="full"))
    named = parent.model / "adapter_config.json"
    body = json.loads(named.read_text())
    named.write_text(json.dumps({**body, "target_modules": [f"model.layers.0.self_attn.{m}" for m in body["target_modules"]]}))
    begun = opening.begin(settings("parent", data, lora={}), resolve("parent"), connect.open_engine("local", resolve("parent")))
    assert begun.parent is not None
    assert set(begun.parent.targets) == {m.removesuffix("_proj") for m in body["target_modules"]}


def test_no_gain_is_a_verdict_unless_it_is_required(tiny_model, data):
    still: dict = {"learning_rate": 1e-12, "steps": 2, "evaluate_every": 1}
    outcome = train.start(settings(tiny_model, data, **still), run="still")
    assert outcome.report.verdict == "no measurable difference"
    with pytest.raises(NoGain) as caught:
        train.start(settings(tiny_model, data, **still, require_gain=True), run="required")
    assert caught.value.report["verdict"] == "no measurable difference"
    folder = RunFolder.open("required")
    assert folder.status == "succeeded"
    assert resolve("required").adapter == folder.model


def test_a_name_that_is_taken_is_refused(tiny_model, data):
    train.start(settings(tiny_model, data, steps=2), run="taken")
    with pytest.raises(RunError, match="taken"):
        train.start(settings(tiny_model, data, steps=2), run="taken")


def test_a_directory_can_be_a_run(tiny_model, data, tmp_path):
    outcome = train.start(settings(tiny_model, data, steps=2), run=str(tmp_path / "mine"))
    assert outcome.folder == tmp_path / "mine"
    shutil.move(tmp_path / "mine", tmp_path / "moved")
    assert resolve(str(tmp_path / "moved")).adapter == tmp_path / "moved" / "model"


def test_a_run_that_is_refused_leaves_its_name_free(tiny_model, data):
    with pytest.raises(ConfigError, match="contradict"):
        train.start(settings(tiny_model, data, steps=1000, epochs=1), run="refused")
    assert not (runs_directory() / "refused").exists()
