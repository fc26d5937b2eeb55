"""Each audit passes on a sound model and fails when its bug is planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from burnish.engine.host import Host
from burnish.errors import CheckpointDamaged
from burnish.evals import audits
from burnish.protocols import Policy
from burnish.render.renderer import Renderer
from burnish.types import AdamParams, Datum, Example, LoraSpec, Message, SamplingParams

PARAMS = SamplingParams(limit_tokens=12, temperature=1.0, seed=5)


def prompts_of(renderer: Renderer, examples: list[Example]) -> list[list[int]]:
    return [renderer.prompt_of(e) for e in examples]


# -- mask picture ---------------------------------------------------------------------------------------------------------


def test_mask_picture_shows_the_answer_and_its_stop_token(renderer: Renderer, examples: list[Example]):
    audit = audits.mask_picture([renderer.render(e) for e in examples], renderer.tokenizer, renderer.stop_ids)
    assert audit.passed is True
    assert audit.value is not None
    assert 0 < audit.value < 1
    assert len(audit.extra["rows"]) == audits.PICTURED
    trained = ["".join(r["text"] for r in row if r["trained"]) for row in audit.extra["rows"]]
    assert trained == ["blue<|im_end|>", "green<|im_end|>", "white<|im_end|>"]


def test_mask_picture_of_several_turns_needs_every_stop_token(renderer: Renderer):
    turns = [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]
    row = renderer.render(Example(messages=tuple(Message(role=r, content=c) for r, c in turns)))  # type: ignore[arg-type]
    assert audits.mask_picture([row], renderer.tokenizer, renderer.stop_ids).passed is True
    first_stop = np.flatnonzero((row.weights != 0) & np.isin(row.ids, renderer.stop_ids))[0]
    weights = row.weights.copy()
    weights[first_stop] = 0
    assert audits.mask_picture([replace(row, weights=weights)], renderer.tokenizer, renderer.stop_ids).passed is False


@pytest.mark.parametrize(
    ("plant", "says"),
    [
        (lambda w: np.zeros_like(w), "no token"),
        (lambda w: np.ones_like(w), "every token"),
        (lambda w: np.where(np.arange(len(w)) == np.flatnonzero(w)[-1], 0, w).astype(np.float32), "stop token"),
    ],
)
def test_mask_picture_fails_for_a_planted_mask(renderer: Renderer, examples: list[Example], plant: Callable, says: str):
    rows = [replace(r, weights=plant(r.weights)) for r in map(renderer.render, examples)]
    audit = audits.mask_picture(rows, renderer.tokenizer, renderer.stop_ids)
    assert audit.passed is False
    assert says in audit.detail


def test_mask_picture_does_not_ask_a_cut_answer_for_its_stop_token(tiny_model: Path, renderer: Renderer, examples: list[Example]):
    row = Renderer(renderer.tokenizer, limit_tokens=len(renderer.render(examples[0]).ids) - 3).render(examples[0])
    assert row.truncated == 3
    assert audits.mask_picture([row], renderer.tokenizer, renderer.stop_ids).passed is True


def test_mask_picture_of_plain_text_may_train_everything(renderer: Renderer):
    row = renderer.render(Example(messages=(Message(role="assistant", content="plain text"),), form="text"))
    assert audits.mask_picture([row], renderer.tokenizer, renderer.stop_ids).passed is True


# -- sampler against trainer ----------------------------------------------------------------------------------------------


def test_check_16_sampler_holds_the_trainers_weights(trained: Policy, renderer: Renderer, examples: list[Example]):
    audit = audits.sampler_trainer_gap(trained, prompts_of(renderer, examples))
    assert audit.passed is True, audit.detail
    assert audit.extra["max"] <= 2e-5


def test_check_17_adapter_reaches_the_sampler(trained: Policy, renderer: Renderer, examples: list[Example]):
    prompts = prompts_of(renderer, examples)
    of_base = [s[0] for s in trained.engine.sample(prompts, PARAMS, route=None).result()]
    audit = audits.gap(trained, prompts, of_base)
    assert audit.passed is False, "answers of the bare base must not pass as the adapter's"


def test_check_22_first_step_ratio_is_one(trained: Policy, renderer: Renderer, examples: list[Example]):
    assert audits.sampler_trainer_gap(trained, prompts_of(renderer, examples)).extra["ratio_off_by"] < 1e-4


def test_check_23_stale_sampler_is_seen(trained: Policy, data: list[Datum], renderer: Renderer, examples: list[Example]):
    prompts = prompts_of(renderer, examples)
    drawn = [s[0] for s in trained.sample(prompts, PARAMS).result()]
    assert audits.gap(trained, prompts, drawn).passed is True
    trained.forward_backward(data).result()
    trained.optim_step(AdamParams(learning_rate=1e-3)).result()
    stale = audits.gap(trained, prompts, drawn)
    assert stale.passed is False
    assert stale.value is not None
    assert stale.bar is not None
    assert stale.value > stale.bar


def test_gap_with_nan_does_not_pass(trained: Policy, renderer: Renderer, examples: list[Example]):
    prompts = prompts_of(renderer, examples)[:1]
    drawn = [s[0] for s in trained.sample(prompts, PARAMS).result()]
    broken = [replace(s, logprobs=np.full_like(s.logprobs, np.nan)) for s in drawn]
    assert audits.gap(trained, prompts, broken).passed is False


def test_gap_without_tokens_is_not_checked(trained: Policy):
    assert audits.gap(trained, [], []).passed is None


# -- saving ---------------------------------------------------------------------------------------------------------------


def test_check_33_reloaded_adapter_equals_the_one_in_memory(
    trained: Policy, tiny_model: Path, open_host: Callable, data: list[Datum]
):
    assert trained.adapter is not None
    audit = audits.reload_equality(trained.engine, trained.adapter, open_host, tiny_model, data)
    assert audit.passed is True, audit.detail
    assert audit.value == 0.0


@pytest.mark.parametrize("form", ["state", "peft"])
def test_check_33_altered_file_is_seen(
    form: str, trained: Policy, tiny_model: Path, open_host: Callable, data: list[Datum], tmp_path: Path
):
    engine, adapter = trained.engine, trained.adapter
    assert adapter is not None
    if form == "state":
        engine.save(tmp_path, adapter=adapter, optimizer=False)
        file = tmp_path / "weights.safetensors"
    else:
        engine.export(tmp_path, adapter=adapter, form="peft", base=str(tiny_model))
        file = tmp_path / "adapter_model.safetensors"
    assert audits.reload_equality(engine, adapter, open_host, tiny_model, data, saved=[tmp_path]).passed is True
    tensors = load_file(file)
    name = next(n for n in tensors if n.endswith((".b", "lora_B.weight")))
    tensors[name] = tensors[name] * 1.01
    save_file(tensors, file, metadata={"format": "pt"})
    audit = audits.reload_equality(engine, adapter, open_host, tiny_model, data, saved=[tmp_path])
    assert audit.passed is False
    assert audit.value is not None
    assert audit.value > 0


def test_reload_of_nothing_fails(trained: Policy, tiny_model: Path, open_host: Callable, data: list[Datum], tmp_path: Path):
    assert trained.adapter is not None
    audit = audits.reload_equality(trained.engine, trained.adapter, open_host, tiny_model, data, saved=[tmp_path])
    assert audit.passed is False
    assert "neither" in audit.detail


def test_check_35_merged_model_equals_the_adapter(trained: Policy, open_host: Callable, data: list[Datum]):
    assert trained.adapter is not None
    audit = audits.merge_equality(trained.engine, trained.adapter, open_host, data)
    assert audit.passed is True, audit.detail
    assert audit.bar == 1e-4


def test_check_35_wrong_merge_is_seen(trained: Policy, tiny_model: Path, open_host: Callable, data: list[Datum]):
    """A merge that loses the adapter: what is reopened is the bare base."""
    assert trained.adapter is not None
    audit = audits.merge_equality(trained.engine, trained.adapter, lambda merged: open_host(tiny_model), data)
    assert audit.passed is False


def test_full_fine_tune_is_reloaded_and_merged(tiny_model: Path, open_host: Callable, data: list[Datum]):
    host: Host = open_host(tiny_model)
    adapter = host.create_full()
    host.forward_backward(data, route=adapter).result()
    host.optim_step(AdamParams(learning_rate=1e-3), adapter=adapter).result()
    assert audits.reload_equality(host, adapter, open_host, tiny_model, data).passed is True
    assert audits.merge_equality(host, adapter, open_host, data).passed is True
    assert audits.dead_adapter(host, adapter).passed is True


# -- what was trained -----------------------------------------------------------------------------------------------------


def test_check_34_every_trained_tensor_moves(trained: Policy, tiny_model: Path, open_host: Callable):
    assert trained.adapter is not None
    audit = audits.dead_adapter(trained.engine, trained.adapter)
    assert audit.passed is True, audit.detail
    assert audit.value == 1.0


def test_check_44_zero_adapter_is_seen(tiny_model: Path, open_host: Callable):
    host: Host = open_host(tiny_model)
    adapter = host.create(LoraSpec(rank=4))
    audit = audits.dead_adapter(host, adapter)
    assert audit.passed is False
    assert "all zero" in audit.detail
    assert {n for n in host.inspect(adapter) if n.endswith(".b")} == set(audit.extra["dead"])


def test_check_34_half_trained_adapter_names_the_dead_layer(trained: Policy, tmp_path: Path):
    engine, adapter = trained.engine, trained.adapter
    assert adapter is not None
    engine.save(tmp_path, adapter=adapter, optimizer=False)
    tensors = load_file(tmp_path / "weights.safetensors")
    dead = sorted(n for n in tensors if n.startswith("layers.1.") and n.endswith(".b"))
    save_file({n: np.zeros_like(t) if n in dead else t for n, t in tensors.items()}, tmp_path / "weights.safetensors")
    audit = audits.dead_adapter(engine, engine.load(tmp_path))
    assert audit.passed is False
    assert audit.extra["dead"] == dead
    assert "layers.1.q.b" in audit.detail


def test_check_34_factors_that_never_moved_are_seen_against_the_start(trained: Policy):
    engine, adapter = trained.engine, trained.adapter
    assert adapter is not None
    now = engine.inspect(adapter)
    start = {n: 0.0 if n.endswith(".b") else size * 0.9 for n, size in now.items()}
    assert audits.dead_adapter(engine, adapter, start=start).passed is True
    still = next(n for n in now if n.endswith(".a"))
    audit = audits.dead_adapter(engine, adapter, start={**start, still: now[still]})
    assert audit.passed is False
    assert audit.extra["dead"] == [still]


def test_check_34_one_step_alone_cannot_move_the_a_factors(tiny_model: Path, open_host: Callable, data: list[Datum]):
    host: Host = open_host(tiny_model)
    adapter = host.create(LoraSpec(rank=4))
    start = host.inspect(adapter)
    host.forward_backward(data, route=adapter).result()
    host.optim_step(AdamParams(learning_rate=1e-3), adapter=adapter).result()
    once = audits.dead_adapter(host, adapter, start=start, steps=1)
    assert once.passed is True, once.detail
    assert "A factors" in once.detail
    assert audits.dead_adapter(host, adapter, start=start, steps=2).passed is False


def test_check_39_resume_equality_compares_digests():
    assert audits.resume_equality("abc", lambda: "abc").passed is True
    other = audits.resume_equality("abc", lambda: "abd")
    assert other.passed is False
    assert "abd" in other.detail
    nothing = audits.resume_equality(None, lambda: "abc", why="the run has one step")
    assert (nothing.passed, nothing.detail) == (None, "the run has one step")

    def damaged() -> str:
        raise CheckpointDamaged("no checkpoint passes its manifest")

    assert audits.resume_equality("abc", damaged).passed is False
