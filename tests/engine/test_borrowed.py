"""Models that transformers computes: the verbs give what transformers gives, and what our own engine gives of a family that both
know; sequences do not see each other; files load in the tools that they are for."""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from borrowed_models import BORROWED, GQA, SIZES, borrowed_reference, open_borrowed
from helpers import make_data, open_host
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from test_trainer import random_adapter, relative
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    BertLMHeadModel,
    Gemma3Config,
    Gemma3TextConfig,
    GraniteConfig,
    RwkvConfig,
    modeling_utils,
)

from burnish.engine import borrowed, borrowed_files, foreign
from burnish.engine.borrowed import Borrowed, Passed
from burnish.engine.borrowed_host import BorrowedHost, host_of
from burnish.engine.host import Host
from burnish.engine.prefill import Piece
from burnish.errors import CapabilityMissing, ConfigError, LossError, ModelRefused
from burnish.types import AdamParams, Adapter, Datum, LoraSpec, SamplingParams

NAMES = list(BORROWED)
STEP = AdamParams(learning_rate=1e-2)
SMOOTH = AdamParams(learning_rate=0.1, eps=1.0)
"""A step that does not make rounding of small gradients as large as any step, so that two engines may be compared."""


@pytest.fixture(scope="session")
def borrowed_dirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each of the models, saved."""
    root = tmp_path_factory.mktemp("borrowed")
    for name in NAMES:
        borrowed_reference(name).save_pretrained(root / name)
    return {name: root / name for name in NAMES}


def logprobs_by(model: torch.nn.Module, datum: Datum) -> torch.Tensor:
    """What transformers gives for one sequence alone."""
    ids = torch.from_numpy(datum.chunks[0].tokens.astype(np.int64))[None]
    targets = torch.from_numpy(datum.streams["targets"].astype(np.int64))[:, None]
    return torch.log_softmax(model(input_ids=ids).logits[0], -1).gather(1, targets)[:, 0]


def difference(host: Host, model: torch.nn.Module, data: list[Datum], adapter: Adapter | None = None) -> float:
    """Largest, of log-probabilities here and there."""
    outputs = host.forward(data, route=adapter).result()
    with torch.no_grad():
        return max(
            float((torch.from_numpy(o.logprobs) - logprobs_by(model, d)).abs().max()) for d, o in zip(data, outputs, strict=True)
        )


def whole(prompt: list[int], ids: np.ndarray) -> Datum:
    tokens = np.concatenate([prompt, ids]).astype(np.int32)
    return Datum.from_tokens(tokens, np.ones(len(tokens), np.float32))


# -- against transformers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_check_29_each_sequence_of_a_batch_is_what_transformers_gives_alone(name: str, borrowed_dirs: dict[str, Path]) -> None:
    host = open_borrowed(borrowed_dirs[name], unit_tokens=1000)
    assert max(Counter((d.length - 1).bit_length() for d in make_data(8)).values()) > 2  # some are filled up
    assert difference(host, borrowed_reference(name), make_data(8)) < 1e-5
    assert host.model.caches == (name != "mamba")


@pytest.mark.parametrize("name", NAMES)
def test_gradients_equal_transformers(name: str, borrowed_dirs: dict[str, Path]) -> None:
    data, model = make_data(5), borrowed_reference(name)
    host = open_borrowed(borrowed_dirs[name])
    result = host.forward_backward(data, route=host.create_full()).result()
    loss = sum(-(logprobs_by(model, d) * torch.from_numpy(d.streams["weights"])).sum() for d in data)
    loss.backward()
    assert result.loss == pytest.approx(loss.item(), rel=1e-6)
    largest = max(float(p.grad.norm()) for p in model.parameters())
    for key, p in model.named_parameters():
        mine = host.full.flat.grad_views[key]
        assert float((mine - p.grad).norm()) < 1e-5 * max(float(p.grad.norm()), 1e-3 * largest), key


@pytest.mark.parametrize("name", NAMES)
def test_check_16_17_22_what_is_drawn_has_the_probability_that_forward_gives(name: str, borrowed_dirs: dict[str, Path]) -> None:
    """Rows of different lengths, of an adapter, a mixture and the bare base, beyond the windows; then again after a step."""
    host = open_borrowed(borrowed_dirs[name])
    one, two = random_adapter(host, rank=4, seed=1), random_adapter(host, rank=2, seed=2)
    prompts, routes = [[1, 2, 3], [4, 5, 6, 7, 8, 9, 10], [11] * 12, [3]], [one, None, ((one, 0.5), (two, 0.5)), two]
    params = SamplingParams(limit_tokens=16, samples=2, stop_ids=(), top_logprobs=2, prompt_logprobs=True)
    drawn = host.sample(prompts, params, route=routes).result()

    def gaps() -> list[float]:
        """Largest difference from `forward`, for each prompt."""
        found = []
        for prompt, samples, route in zip(prompts, drawn, routes, strict=True):
            out = host.forward([whole(prompt, s.ids) for s in samples], route=route).result()
            mine = [np.concatenate([s.prompt_logprobs[1:], s.logprobs]) for s in samples]
            found.append(max(float(np.abs(m - o.logprobs).max()) for m, o in zip(mine, out, strict=True)))
        return found

    assert max(gaps()) < 1e-5
    assert all(tops[0][1] >= tops[1][1] for tops in drawn[0][0].top_logprobs)
    host.forward_backward(make_data(4), route=one).result()
    host.optim_step(STEP, adapter=one).result()
    stale = gaps()
    assert stale[0] > 0.01
    assert max(stale[1], stale[3]) < 1e-5, "another adapter and the base are as before"
    drawn = host.sample(prompts, params, route=routes).result()
    assert max(gaps()) < 1e-5


def test_check_16_the_sampler_draws_from_the_trained_base(borrowed_dirs: dict[str, Path]) -> None:
    host = open_borrowed(borrowed_dirs["gpt2"])
    full = host.create_full()
    prompt, params = [1, 2, 3], SamplingParams(limit_tokens=8, stop_ids=())
    before = host.sample([prompt], params, route=full).result()[0][0]
    host.forward_backward(make_data(4), route=full).result()
    host.optim_step(STEP, adapter=full).result()
    after = host.sample([prompt], params, route=full).result()[0][0]
    for sample, close in ((before, False), (after, True)):
        now = host.forward([whole(prompt, sample.ids)], route=full).result()[0].logprobs[-8:]
        assert (np.abs(now - sample.logprobs).max() < 1e-5) == close
    tied = host.model.model
    assert tied.lm_head.weight is tied.transformer.wte.weight
    assert after.weight_version == 1


def test_a_network_that_cannot_be_filled_up_goes_row_by_row(borrowed_dirs: dict[str, Path]) -> None:
    host, alone = open_borrowed(borrowed_dirs["gpt2"], unit_tokens=1000), open_borrowed(borrowed_dirs["gpt2"], unit_tokens=1000)
    alone.model.padded = False
    assert alone.model.batches([3, 4, 4]) == [[0], [1], [2]]
    data, params = make_data(6), SamplingParams(limit_tokens=10, temperature=0.0, stop_ids=())
    a, b = random_adapter(host, rank=4), random_adapter(alone, rank=4)
    assert host.forward_backward(data, route=a).result().loss == pytest.approx(
        alone.forward_backward(data, route=b).result().loss, rel=1e-6
    )
    assert relative(alone.bank.get(b).flat.grad, host.bank.get(a).flat.grad) < 1e-5
    prompts = [[1, 2, 3], [4, 5, 6, 7, 8, 9, 10]]
    for (x,), (y,) in zip(host.sample(prompts, params).result(), alone.sample(prompts, params).result(), strict=True):
        assert np.array_equal(x.ids, y.ids)


@pytest.mark.parametrize("name", ["falcon", "mamba"])
def test_long_prompts_in_pieces_and_stored_conversations_change_nothing(name: str, borrowed_dirs: dict[str, Path]) -> None:
    host = open_borrowed(borrowed_dirs[name])
    prompt, params = list(range(1, 81)), SamplingParams(limit_tokens=12, temperature=0.0, stop_ids=())
    (once,) = host.sample([prompt], params, tenant="t").result()[0]
    longer = [*prompt, *once.ids.tolist(), 5, 6]
    (again,) = host.sample([longer], params, tenant="t").result()[0]
    host.sampler().unit_tokens = 32
    (pieces,) = host.sample([longer], params).result()[0]
    assert np.array_equal(again.ids, pieces.ids)
    out = host.forward([whole(longer, again.ids)]).result()[0]
    assert np.abs(out.logprobs[-12:] - again.logprobs).max() < 1e-5


def test_what_is_stored_is_used_only_where_several_tokens_behind_it_are_right(
    borrowed_dirs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Borrowed.run

    def wrong(self: Borrowed, tokens: list[np.ndarray], low: object, *, past: object = None, keep: bool = False) -> Passed:
        passed = run(self, tokens, low, past=past, keep=keep)
        assert self.dtype == torch.float32
        if past is not None and len(tokens[0]) > 1:
            passed.logits[:, -1, 3] += 0.01
        return passed

    assert open_borrowed(borrowed_dirs["gpt2"]).model.caches
    monkeypatch.setattr(Borrowed, "run", wrong)
    assert not open_borrowed(borrowed_dirs["gpt2"]).model.caches


def test_logits_of_a_batch_are_bounded_and_not_kept(borrowed_dirs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(borrowed, "LOGITS", 96 * 16)
    host = open_borrowed(borrowed_dirs["mamba"])
    assert host.model.batches([5, 8, 7, 3, 6, 40]) == [[0, 1], [2, 4], [3], [5]]
    assert host.sampler().unit_tokens == 256
    for prompt in host.sampler().prepare([[1, 2, 3], [4, 5, 6]], SamplingParams(limit_tokens=2)).prompts:
        host.sampler()._prefill([Piece(prompt, 0, 3)])
        assert prompt.logits.untyped_storage().nbytes() == 96 * 4


def test_positions_end_where_long_rope_would_turn_them_all() -> None:
    factors = dict(short_factor=[1.0] * 4, long_factor=[2.0] * 4, rope_theta=1e4, original_max_position_embeddings=64)
    rope = {"rope_type": "longrope", **factors}
    assert borrowed_files.max_positions(GraniteConfig(**SIZES, **GQA)) == 256
    assert borrowed_files.max_positions(GraniteConfig(**SIZES, **GQA, rope_parameters=rope)) == 64
    kinds = {"full_attention": rope, "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}
    config = Gemma3TextConfig(**SIZES, **GQA, head_dim=8, rope_parameters=kinds)
    assert borrowed_files.max_positions(config) == 64


def test_gradients_that_cannot_repeat_exactly_are_computed_and_noted(
    borrowed_dirs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def strict(device: torch.device) -> Iterator[None]:
        raise RuntimeError("cumsum_cuda_kernel does not have a deterministic implementation")
        yield

    host = open_borrowed(borrowed_dirs["gpt2"])
    adapter = host.create_full()
    assert host.model._goes_back()
    assert not host.full.flat.grad.any(), "nothing is left of the try"
    before = host.facts["notes"]
    monkeypatch.setattr(borrowed, "exactly", strict)
    host.model.repeats = host.model._goes_back()
    assert not host.model.repeats
    assert "other bits" in host.facts["notes"][len(before)]
    assert host.forward_backward(make_data(2), route=adapter).result().loss > 0


def test_bfloat16_is_autocast_and_close(borrowed_dirs: dict[str, Path]) -> None:
    exact, rounded = open_borrowed(borrowed_dirs["gpt2"]), open_borrowed(borrowed_dirs["gpt2"], dtype="bfloat16")
    data, prompt = make_data(6), [1, 2, 3]
    a, b = random_adapter(exact, rank=4, alpha=4.0), random_adapter(rounded, rank=4, alpha=4.0)
    assert rounded.forward_backward(data, route=b).result().loss == pytest.approx(
        exact.forward_backward(data, route=a).result().loss, rel=0.02
    )
    assert relative(rounded.bank.get(b).flat.grad, exact.bank.get(a).flat.grad) < 0.05
    assert all(t.dtype == torch.float32 for t in rounded.model.weights.values())
    ((drawn,),) = rounded.sample([prompt], SamplingParams(limit_tokens=8, stop_ids=()), route=b).result()
    now = rounded.forward([whole(prompt, drawn.ids)], route=b).result()[0].logprobs[-8:]
    assert np.abs(now - drawn.logprobs).max() < 0.1


# -- against our own engine -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["llama-tied-gqa", "llama-biases", "qwen3-untied-bias"])
def test_every_verb_gives_what_our_own_engine_gives(name: str, model_dirs: dict[str, Path], tmp_path: Path) -> None:
    """Losses, gradients, steps, log-probabilities and greedy answers of one adapter, in both."""
    own, other, data = open_host(model_dirs[name]), open_borrowed(model_dirs[name]), make_data(8)
    adapter = random_adapter(own, rank=4, alpha=4.0, heads=("value", "score"))
    own.export(tmp_path, adapter=adapter, form="peft", base="b")
    same = other.load(tmp_path)
    assert other.lora_parameters(LoraSpec(rank=4)) == own.lora_parameters(LoraSpec(rank=4))
    for step in range(3):
        a, b = (h.forward_backward(data, route=r).result() for h, r in ((own, adapter), (other, same)))
        assert b.loss == pytest.approx(a.loss, rel=1e-5)
        for x, y in zip(a.logprobs, b.logprobs, strict=True):
            np.testing.assert_allclose(y, x, atol=1e-4)
        a, b = (h.optim_step(SMOOTH, adapter=r).result() for h, r in ((own, adapter), (other, same)))
        assert b.grad_norm == pytest.approx(a.grad_norm, rel=1e-4), step
    wanted = ("logprobs", "value", "score", "hidden")
    for x, y in zip(
        own.forward(data, route=adapter, outputs=wanted).result(),
        other.forward(data, route=same, outputs=wanted).result(),
        strict=True,
    ):
        for key in wanted:
            np.testing.assert_allclose(getattr(y, key), getattr(x, key), atol=1e-3 if key == "hidden" else 2e-4)
    prompts, greedy = [[1, 2, 3], [9] * 9, [40, 41]], SamplingParams(limit_tokens=20, temperature=0.0, stop_ids=())
    for (x,), (y,) in zip(
        own.sample(prompts, greedy, route=adapter).result(), other.sample(prompts, greedy, route=same).result(), strict=True
    ):
        assert np.array_equal(x.ids, y.ids)
        np.testing.assert_allclose(y.logprobs, x.logprobs, atol=2e-4)


def test_a_full_fine_tune_takes_the_steps_of_our_own_engine(model_dirs: dict[str, Path]) -> None:
    own, other, data = open_host(model_dirs["llama-tied-gqa"]), open_borrowed(model_dirs["llama-tied-gqa"]), make_data(8)
    routes = own.create_full(), other.create_full()
    decayed = AdamParams(learning_rate=0.1, eps=1.0, weight_decay=0.1)
    for _ in range(3):
        losses = [h.forward_backward(data, route=r).result().loss for h, r in zip((own, other), routes, strict=True)]
        assert losses[1] == pytest.approx(losses[0], rel=1e-4)
        norms = [h.optim_step(decayed, adapter=r).result().grad_norm for h, r in zip((own, other), routes, strict=True)]
        assert norms[1] == pytest.approx(norms[0], rel=1e-4)
    norm = own.full.flat.views["layers.1.mlp_norm"]
    np.testing.assert_allclose(other.full.flat.views["model.layers.1.post_attention_layernorm.weight"], norm, atol=1e-4)


@pytest.mark.parametrize("loss", ["dpo", "bradley_terry", "ppo", "value_mse"])
def test_losses_of_sets_and_heads_are_those_of_our_own_engine(loss: str, model_dirs: dict[str, Path], tmp_path: Path) -> None:
    own, other = open_host(model_dirs["llama-tied-gqa"]), open_borrowed(model_dirs["llama-tied-gqa"])
    adapter = random_adapter(own, rank=4, alpha=4.0, heads=("value", "score"))
    own.export(tmp_path, adapter=adapter, form="peft", base="b")
    same, draw, data = other.load(tmp_path), np.random.default_rng(0), []
    for i, d in enumerate(make_data(6)):
        extra = {k: draw.normal(size=d.length).astype(np.float32) for k in ("advantages", "returns")}
        extra["logprobs"] = draw.normal(-4.5, 0.1, d.length).astype(np.float32)
        data.append(Datum(d.chunks, {**d.streams, **extra, "set": np.array([i // 2], np.int32)}))
    a = own.forward_backward(data, route=adapter, loss=loss).result()
    b = other.forward_backward(data, route=same, loss=loss).result()
    assert b.loss == pytest.approx(a.loss, rel=1e-4)
    norms = [h.optim_step(STEP, adapter=r).result().grad_norm for h, r in ((own, adapter), (other, same))]
    assert norms[1] == pytest.approx(norms[0], rel=1e-4)


# -- files ----------------------------------------------------------------------------------------------------------------


def loaded(path: Path) -> torch.nn.Module:
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()


@pytest.mark.parametrize("kind", ["lora", "full"])
@pytest.mark.parametrize("name", NAMES)
def test_check_35_merged_model_equals_the_trained_one_in_transformers(
    name: str, kind: str, borrowed_dirs: dict[str, Path], tmp_path: Path
) -> None:
    host, data = open_borrowed(borrowed_dirs[name]), make_data(4)
    adapter = host.create_full() if kind == "full" else random_adapter(host, rank=4)
    before = host.forward(data).result() if kind == "lora" else None
    host.forward_backward(data, route=adapter).result()
    host.optim_step(STEP, adapter=adapter).result()
    host.export(tmp_path, adapter=adapter, form="merged", base="")
    assert difference(host, loaded(tmp_path), data, adapter) < 1e-4
    written, original = (load_file(p / "model.safetensors") for p in (tmp_path, borrowed_dirs[name]))
    assert {k: v.shape for k, v in written.items()} == {k: v.shape for k, v in original.items()}
    config, base = (json.loads((p / "config.json").read_text()) for p in (tmp_path, borrowed_dirs[name]))
    assert {**config, "torch_dtype": "float32"} == {**base, "torch_dtype": "float32"}
    again = open_borrowed(tmp_path)
    for x, y in zip(host.forward(data, route=adapter).result(), again.forward(data).result(), strict=True):
        np.testing.assert_allclose(y.logprobs, x.logprobs, atol=1e-4)
    if before is not None:
        after = host.forward(data).result()
        assert all(np.array_equal(x.logprobs, y.logprobs) for x, y in zip(before, after, strict=True)), "the base is as it was"


@pytest.mark.parametrize("name", NAMES)
def test_check_41_adapters_load_in_peft_and_come_from_there(name: str, borrowed_dirs: dict[str, Path], tmp_path: Path) -> None:
    host, data = open_borrowed(borrowed_dirs[name]), make_data(4)
    adapter = random_adapter(host, rank=4, alpha=6.0)
    (tmp_path / "ours").mkdir()
    host.export(tmp_path / "ours", adapter=adapter, form="peft", base=str(borrowed_dirs[name]))
    theirs = PeftModel.from_pretrained(borrowed_reference(name), tmp_path / "ours").eval()
    assert difference(host, theirs, data, adapter) < 1e-5

    targets = sorted({m.name for m in host.arch.modules})[:2]
    made = get_peft_model(
        borrowed_reference(name), LoraConfig(r=3, lora_alpha=5, target_modules=targets, init_lora_weights=False)
    )
    made.eval().save_pretrained(tmp_path / "theirs")
    read = host.load(tmp_path / "theirs")
    assert host.bank.get(read).spec.targets == tuple(targets)
    assert difference(host, made, data, read) < 1e-5


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_check_39_a_step_after_a_reload_gives_the_same_bits(kind: str, borrowed_dirs: dict[str, Path], tmp_path: Path) -> None:
    data, digests = make_data(6), []
    host = open_borrowed(borrowed_dirs["gpt2"])
    adapter = host.create_full() if kind == "full" else host.create(LoraSpec(rank=4, heads=("value",)))
    for step in range(4):
        if step == 2:
            host.save(tmp_path, adapter=adapter)
        host.forward_backward(data[step:], route=adapter).result()
        host.optim_step(STEP, adapter=adapter).result()
    digests.append(host.digest(adapter))
    fresh = open_borrowed(borrowed_dirs["gpt2"])
    again = fresh.load(tmp_path)
    for step in (2, 3):
        fresh.forward_backward(data[step:], route=again).result()
        fresh.optim_step(STEP, adapter=again).result()
    assert fresh.digest(again) == digests[0]
    moved = fresh.inspect(again)
    assert all(size > 0 for name, size in moved.items() if name != "head.value")


def test_targets_by_our_names_are_those_of_the_model(borrowed_dirs: dict[str, Path]) -> None:
    host = open_borrowed(borrowed_dirs["opt"])
    assert host.bank.get(host.create(LoraSpec(rank=2, targets=("q", "v")))).spec.targets == ("q_proj", "v_proj")
    assert "project_in" in host.bank.get(host.create(LoraSpec(rank=2))).spec.targets
    with pytest.raises(ConfigError, match=r"no linear modules of the name q.*c_attn, c_fc, c_proj"):
        open_borrowed(borrowed_dirs["gpt2"]).create(LoraSpec(rank=2, targets=("q",)))


def test_adapters_stay_out_of_matrices_that_the_network_multiplies_by_itself(borrowed_dirs: dict[str, Path]) -> None:
    names = {m.name for m in open_borrowed(borrowed_dirs["mamba"]).arch.modules}
    assert names - {"dt_proj"} == {"in_proj", "x_proj"}, "not out_proj, into which peft lets no adapter"
    calls = "dt_proj(" in inspect.getsource(inspect.getmodule(type(borrowed_reference("mamba"))))
    assert ("dt_proj" in names) == calls, "where the installed Mamba takes its weight without calling it, it is left alone"


def test_a_model_with_a_tower_for_images_is_trained_on_text(tmp_path: Path) -> None:
    """Adapters stay out of the tower, whose modules bear the names of those that text passes through."""
    sizes = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4)
    text = dict(**sizes, vocab_size=96, num_key_value_heads=2, head_dim=8, max_position_embeddings=256, sliding_window=16)
    images = dict(image_token_index=95, boi_token_index=94, eoi_token_index=93, mm_tokens_per_image=1)
    config = Gemma3Config(text_config=text, vision_config=dict(**sizes, image_size=28, patch_size=14), **images)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    model.save_pretrained(tmp_path / "base")
    host, data = open_borrowed(tmp_path / "base"), make_data(4, vocab=90)
    adapter = random_adapter(host, rank=2, alpha=2.0)
    assert len(host.arch.modules) == 14
    assert not any("vision" in m.path for m in host.arch.modules)
    (tmp_path / "peft").mkdir()
    host.export(tmp_path / "peft", adapter=adapter, form="peft", base="b")
    assert host.digest(host.load(tmp_path / "peft")) == host.digest(adapter)
    assert difference(host, PeftModel.from_pretrained(model, tmp_path / "peft").eval(), data, adapter) < 1e-5


# -- refusals -------------------------------------------------------------------------------------------------------------


def test_families_of_our_own_need_no_transformers(model_dirs: dict[str, Path], borrowed_dirs: dict[str, Path]) -> None:
    assert host_of(model_dirs["llama-tied-gqa"]) is Host
    assert host_of(borrowed_dirs["gpt2"]) is BorrowedHost


def test_without_transformers_the_error_says_how_to_get_it(
    borrowed_dirs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(borrowed_files, "find_spec", lambda name: None)
    with pytest.raises(ModelRefused, match=r"type 'gpt2'.*not installed.*llama.*pip install 'burnish\[transformers\]'"):
        host_of(borrowed_dirs["gpt2"])


def test_a_network_that_looks_ahead_is_refused(tmp_path: Path) -> None:
    sizes = dict(vocab_size=96, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48)
    BertLMHeadModel(BertConfig(**sizes)).save_pretrained(tmp_path)
    with pytest.raises(ModelRefused, match="later tokens"):
        open_borrowed(tmp_path)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"model_type": "nonesuch"}, "does not open this model.*nonesuch"),
        ({"model_type": "t5"}, "does not open this model as a causal language model"),
        ({"auto_map": {"AutoModelForCausalLM": "x.Y"}}, "never runs such code"),
        ({"quantization_config": {"bits": 4}}, "quantised"),
        ({"n_layer": 3}, "lack tensors.*transformer.h.2"),
        ({"n_layer": 1}, "tensors that the model does not have.*h.1"),
    ],
)
def test_what_is_not_understood_is_refused(change: dict[str, object], why: str, borrowed_dirs: dict[str, Path], tmp_path: Path):
    base = borrowed_dirs["gpt2"]
    (tmp_path / "config.json").write_text(json.dumps({**json.loads((base / "config.json").read_text()), **change}))
    (tmp_path / "model.safetensors").write_bytes((base / "model.safetensors").read_bytes())
    with pytest.raises(ModelRefused, match=why):
        open_borrowed(tmp_path)


def test_a_network_that_changes_its_own_weights_is_refused(tmp_path: Path) -> None:
    sizes = dict(vocab_size=96, hidden_size=32, num_hidden_layers=2, attention_hidden_size=32, intermediate_size=48)
    config = RwkvConfig(**sizes, rescale_every=1)
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(tmp_path)
    with pytest.raises(ModelRefused, match=r"changes its own weights.*blocks\.1\.attention\.output"):
        open_borrowed(tmp_path)


def test_old_transformers_are_refused(borrowed_dirs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(borrowed_files, "version", lambda name: "4.57.1")
    with pytest.raises(ModelRefused, match=r"older than version 5.*4\.57\.1"):
        host_of(borrowed_dirs["gpt2"])


@pytest.mark.parametrize("base", ["gpt2", "granite"])
def test_what_a_config_would_have_fetched_is_left_aside(
    base: str, borrowed_dirs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(*args: object, **more: object) -> None:
        raise AssertionError("a kernel of the hub was asked for")

    monkeypatch.setattr(modeling_utils, "lazy_import_flash_attention", fetch)
    config = json.loads((borrowed_dirs[base] / "config.json").read_text())
    asked = {"attn_implementation": "somebody/kernel", "experts_implementation": "somebody/experts"}
    (tmp_path / "config.json").write_text(json.dumps({**config, **asked}))
    (tmp_path / "model.safetensors").write_bytes((borrowed_dirs[base] / "model.safetensors").read_bytes())
    assert difference(open_borrowed(tmp_path), borrowed_reference(base), make_data(2)) < 1e-5
    assert len(foreign.logprobs(tmp_path, None, make_data(2))) == 2


def test_broken_weights_are_refused(borrowed_dirs: dict[str, Path], tmp_path: Path) -> None:
    base = borrowed_dirs["gpt2"]
    (tmp_path / "config.json").write_bytes((base / "config.json").read_bytes())
    tensors = load_file(base / "model.safetensors")
    tensors["transformer.ln_f.weight"][0] = float("nan")
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelRefused, match="NaN"):
        open_borrowed(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelRefused, match="pickle"):
        open_borrowed(tmp_path)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"target_modules": ["q_proj"]}, "does not have"),
        ({"use_dora": True}, "use_dora"),
        ({"target_modules": ["c_attn", "c_fc"]}, "no place for"),
        ({"r": 8}, "wrong shape"),
    ],
)
def test_adapters_that_would_compute_something_else_are_refused(
    change: dict[str, object], why: str, borrowed_dirs: dict[str, Path], tmp_path: Path
) -> None:
    host = open_borrowed(borrowed_dirs["gpt2"])
    host.export(tmp_path, adapter=random_adapter(host, rank=4), form="peft", base="b")
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps({**config, **change}))
    held = len(host.bank.slots)
    with pytest.raises(ModelRefused, match=why):
        host.load(tmp_path)
    assert len(host.bank.slots) == held


def test_what_an_engine_cannot_do_it_says(borrowed_dirs: dict[str, Path], tmp_path: Path) -> None:
    host = open_borrowed(borrowed_dirs["gpt2"])
    with pytest.raises(CapabilityMissing, match="bare base"):
        host.forward_backward(make_data(1), route=None)
    with pytest.raises(LossError, match="no output odd"):
        host.forward(make_data(1), outputs=("odd",)).result()
    with pytest.raises(CapabilityMissing, match="value head"):
        host.forward(make_data(1), route=host.create(LoraSpec(rank=2)), outputs=("value",)).result()
