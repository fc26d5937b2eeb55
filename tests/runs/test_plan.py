"""A plan says what will happen, and changes nothing."""

from __future__ import annotations

import json
import shutil

import pytest
from safetensors.numpy import load_file, save_file
from tiny_run import settings

from burnish.connect import open_engine
from burnish.recipes.sft import SFT
from burnish.runs import opening, train
from burnish.runs.order import Order
from burnish.runs.plan import COMPILED, COMPILED_A_SIZE, COMPILED_BYTES, compiled_bytes, complete, make_plan
from burnish.runs.prepare import prepare
from burnish.store.models import resolve
from burnish.store.runfolder import list_runs
from burnish.types import AdamParams


@pytest.mark.parametrize("method", ["lora", "full"])
def test_probing_changes_nothing(tiny_model, data, method):
    config, ref = settings(tiny_model, data, method=method), resolve(str(tiny_model))
    prepared = prepare(config, ref)
    engine = open_engine("local", ref, threads=1)
    begun = opening.begin(config, ref, engine)
    rows = prepared.train.data[:4]
    before = engine.forward(rows, route=begun.adapter).result()
    held = engine.memory()["adapters"]
    derivation = complete(config, prepared, engine, start=begun.adapter)
    plan = make_plan(derivation, prepared, engine, ref, start=begun.adapter, full=method == "full")
    after = engine.forward(rows, route=begun.adapter).result()
    assert all((a.logprobs == b.logprobs).all() for a, b in zip(before, after, strict=True))
    assert engine.memory()["adapters"] == held
    assert (plan.trainable == plan.parameters) == (method == "full")
    if method == "full":  # no gradient is left for the first step
        assert engine.optim_step(AdamParams(learning_rate=0.1), adapter=begun.adapter).result().grad_norm == 0


def test_the_sums_are_those_of_the_rows(tiny_model, data):
    plan = train.plan(settings(tiny_model, data))
    prepared = prepare(plan.config, resolve(str(tiny_model)))
    lengths = [len(r.ids) for r in prepared.train.rendered]
    order = Order(seed=0, rows=len(lengths), batch=4, epochs=plan.config.epochs)
    assert plan.tokens == sum(lengths)
    assert plan.total_tokens == sum(lengths[i] - 1 for s in range(9) for i in order.rows_of(s))
    assert plan.masked_share == pytest.approx(1 - 2 * len(lengths) / sum(lengths))
    assert plan.total_s == pytest.approx(plan.train_s + plan.evaluate_s)
    assert min(plan.train_s, plan.evaluate_s, plan.memory_bytes, plan.disk_bytes, plan.tokens_per_s) > 0


def test_a_huge_batch_is_not_probed_whole(tiny_model, data):
    """A hundred thousand rows a step: the plan says what that costs, and does not pay it."""
    plan = train.plan(settings(tiny_model, data, steps=3, batch=100_000))
    assert plan.train_s > 20
    assert plan.total_tokens == pytest.approx(300_000 * plan.tokens / plan.rows, rel=0.3)


def test_a_plan_is_json_and_its_config_runs(tiny_model, data):
    runs = len(list_runs())
    plan = train.plan(settings(tiny_model, data))
    body = json.loads(json.dumps(plan.to_json()))
    assert SFT.load(base=body["config"]) == plan.config
    assert {d["key"] for d in body["derived"]} >= {"epochs", "grader", "valid_share", "limit_tokens"}
    assert len(list_runs()) == runs


def test_a_stop_token_that_cannot_be_learned_is_said(tiny_model, data, tmp_path):
    """The end token's embedding is that of two others: an adapter over this base could never make it likelier than they are."""
    model = shutil.copytree(tiny_model, tmp_path / "twins")
    tensors = load_file(model / "model.safetensors")
    tensors["model.embed_tokens.weight"][[7, 9]] = tensors["model.embed_tokens.weight"][258]
    save_file(tensors, model / "model.safetensors", metadata={"format": "pt"})
    said = {m: [w for w in train.plan(settings(model, data, method=m)).warnings if "from 2 other" in w] for m in ("lora", "full")}
    assert len(said["lora"]) == 1
    assert "<|im_end|>" in said["lora"][0]
    assert said["full"] == []
    assert not any("other tokens" in w for w in train.plan(settings(tiny_model, data)).warnings)


def test_drawing_in_float32_compiles_products_for_every_number_of_answers_left():
    def held(drawn: int, *, exact: bool = True) -> int:
        return compiled_bytes(exact=exact, lengths=[9, 17, 18], steps=50, drawn_rows=drawn)

    assert held(0) == 0
    assert held(40) == 200 * COMPILED_BYTES
    assert held(384) == held(10_000) == COMPILED * COMPILED_BYTES, "no more are kept"
    assert held(0, exact=False) == 2 * COMPILED_A_SIZE * COMPILED_BYTES
    assert held(40, exact=False) == (2 * COMPILED_A_SIZE + 25) * COMPILED_BYTES
