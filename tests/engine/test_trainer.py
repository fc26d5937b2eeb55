"""Loss and gradients: equal to transformers', independent of packing, split and order, exact in mixed batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import NATIVE, make_data, open_host
from reference_models import reference

from burnish.engine import matmul
from burnish.engine.host import Host
from burnish.engine.load import GROUPS, layout
from burnish.engine.pack import make_units
from burnish.errors import CapabilityMissing, DataError, Interrupted, LossError, NothingTrained
from burnish.types import AdamParams, Adapter, Datum, LoraSpec, SamplingParams, TokenChunk


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / b.norm())


def random_adapter(host: Host, **spec: object) -> Adapter:
    """An adapter whose B is not zero, so that everything about it can be seen."""
    adapter = host.create(LoraSpec(**spec))  # type: ignore[arg-type]
    slot = host.bank.get(adapter)
    generator = torch.Generator().manual_seed(slot.spec.seed)
    for name, view in slot.flat.views.items():
        if not name.endswith(".a"):
            view.normal_(0, 0.3, generator=generator)
    slot.refresh()
    return adapter


def transformers_gradient(name: str, data: list[Datum]) -> tuple[float, dict[str, torch.Tensor]]:
    model, total = reference(name), 0.0
    for datum in data:
        ids = torch.tensor(datum.chunks[0].tokens.astype(np.int64))[None]
        targets = torch.tensor(datum.streams["targets"].astype(np.int64))[:, None]
        logprobs = torch.log_softmax(model(ids).logits[0], -1).gather(1, targets)[:, 0]
        loss = -(logprobs * torch.tensor(datum.streams["weights"])).sum()
        loss.backward()
        total += loss.item()
    return total, {k: p.grad for k, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("name", ["qwen3-tied", "qwen3-untied-bias", "llama-biases"])
def test_gradients_equal_transformers(name: str, model_dirs: dict[str, Path]) -> None:
    data = make_data(6)
    host = open_host(model_dirs[name])
    full = host.create_full()
    result = host.forward_backward(data, route=full).result()
    loss, expected = transformers_gradient(name, data)
    assert result.loss == pytest.approx(loss, rel=1e-6)
    for piece in layout(host.arch):
        mine = host.full.flat.grad_views[piece.name][piece.start : piece.start + piece.shape[0]]
        assert relative(mine, expected[piece.hf_name]) < 1e-5, piece.hf_name


@pytest.mark.parametrize("changes", [{"bmm_limit": 64}, {"matmul": "onednn"}, NATIVE])
def test_other_routes_give_the_same_gradients(changes: dict[str, object], model_dirs: dict[str, Path]) -> None:
    data, grads = make_data(6), []
    for change in ({}, changes):
        host = open_host(model_dirs["qwen3-tied"], **change)
        host.forward_backward(data, route=host.create_full()).result()
        grads.append(host.full.flat.grad)
    matmul.use("aten")
    assert relative(grads[1], grads[0]) < 1e-5


def test_check_13_packed_equals_the_sum_of_separate_losses(model_dirs: dict[str, Path]) -> None:
    data = make_data(10)
    for bmm_limit in (0, 64):
        packed = open_host(model_dirs["qwen3-tied"], unit_tokens=10_000, bmm_limit=bmm_limit)
        alone = open_host(model_dirs["qwen3-tied"], bmm_limit=bmm_limit)
        a, b = packed.create_full(), alone.create_full()
        together = packed.forward_backward(data, route=a).result()
        losses = [alone.forward_backward([d], route=b).result().loss for d in data]
        assert together.loss == pytest.approx(sum(losses), rel=1e-6)
        assert relative(packed.full.flat.grad, alone.full.flat.grad) < 1e-5


def test_check_13_the_first_token_of_a_sequence_is_not_predicted_from_the_one_before(model_dirs: dict[str, Path]) -> None:
    """Changing one sequence of a pack changes nothing in its neighbours."""
    host = open_host(model_dirs["llama-tied-gqa"], unit_tokens=1000)
    data = make_data(3)
    before = host.forward(data).result()
    changed = [Datum((TokenChunk((data[0].chunks[0].tokens + 1) % 96),), data[0].streams), *data[1:]]
    after = host.forward(changed).result()
    assert not np.array_equal(before[0].logprobs, after[0].logprobs)
    assert np.array_equal(before[1].logprobs, after[1].logprobs)
    assert np.array_equal(before[2].logprobs, after[2].logprobs)


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_check_15_loss_and_gradient_do_not_depend_on_split_or_order(kind: str, model_dirs: dict[str, Path]) -> None:
    data = make_data(12)
    plans = [(64, [data]), (10_000, [data[::-1]]), (48, [data[:5], data[5:6], data[6:]]), (1, [data])]
    found = []
    for unit_tokens, calls in plans:
        host = open_host(model_dirs["qwen3-tied"], unit_tokens=unit_tokens)
        adapter = host.create_full() if kind == "full" else random_adapter(host, rank=4)
        loss = sum(host.forward_backward(call, route=adapter).result().loss for call in calls)
        found.append((loss, host._owner(adapter).flat.grad.clone()))
    for loss, gradient in found[1:]:
        assert loss == pytest.approx(found[0][0], rel=1e-6)
        assert relative(gradient, found[0][1]) < 1e-5


def test_check_45_losses_are_sums_scaled_once_by_the_callers_weights(model_dirs: dict[str, Path]) -> None:
    data = make_data(5)
    halved = [Datum(d.chunks, {**d.streams, "weights": d.streams["weights"] / 2}) for d in data]
    host = open_host(model_dirs["llama-tied-gqa"])
    full = host.create_full()
    whole = host.forward_backward(data, route=full).result().loss
    gradient = host.full.flat.grad.clone()
    host.clear_gradient(full)
    assert host.forward_backward(halved, route=full).result().loss == pytest.approx(whole / 2, rel=1e-6)
    assert relative(host.full.flat.grad * 2, gradient) < 1e-6


def test_mixed_adapters_equal_one_by_one(model_dirs: dict[str, Path]) -> None:
    data = make_data(12)
    host = open_host(model_dirs["qwen3-untied-bias"])
    a = random_adapter(host, rank=4, seed=1)
    b = random_adapter(host, rank=3, targets=("q", "down"), seed=2)
    routes = [a, b, None, ((a, 0.5), (b, 2.0))] * 3
    together = host.forward(data, route=routes).result()
    for datum, route, out in zip(data, routes, together, strict=True):
        assert np.abs(host.forward([datum], route=route).result()[0].logprobs - out.logprobs).max() < 1e-5
    trained = [a, b, ((a, 0.5), (b, 2.0))] * 4
    slots = [host.bank.get(a), host.bank.get(b)]
    host.forward_backward(data, route=trained).result()
    packed = [s.flat.grad.clone() for s in slots]
    host.clear_gradient(a)
    host.clear_gradient(b)
    for datum, route in zip(data, trained, strict=True):
        host.forward_backward([datum], route=route).result()
    for slot, gradient in zip(slots, packed, strict=True):
        assert relative(slot.flat.grad, gradient) < 1e-5


@pytest.mark.parametrize("targets", [("q", "k", "v", "o", "gate", "up", "down"), ("v", "up"), ("k", "o")])
def test_adapter_gradients_follow_from_those_of_the_merged_weights(
    targets: tuple[str, ...], model_dirs: dict[str, Path], tmp_path: Path
) -> None:
    """With W' = W + s B A: dB = s dW' A^T and dA = s B^T dW' (chain rule), whatever is fused with what."""
    data = make_data(4)
    host = open_host(model_dirs["qwen3-untied-bias"])
    adapter = random_adapter(host, rank=2, alpha=3.0, targets=targets)
    slot = host.bank.get(adapter)
    loss = host.forward_backward(data, route=adapter).result().loss
    host.export(tmp_path, adapter=adapter, form="merged", base="")
    merged = open_host(tmp_path)
    assert merged.forward_backward(data, route=merged.create_full()).result().loss == pytest.approx(loss, rel=1e-5)
    scale, seen = 3.0 / 2, 0
    for piece in layout(host.arch):
        layer, module = piece.name.split(".")[1:2], piece.hf_name.split(".")[-2].removesuffix("_proj")
        if module in targets and piece.hf_name.endswith("weight"):
            group = piece.name.split(".")[2]
            order = [m for m in GROUPS[group] if m in targets].index(module)
            d_weight = merged.full.flat.grad_views[piece.name][piece.start : piece.start + piece.shape[0]]
            rows = slice(2 * order, 2 * order + 2)
            a, b = slot.flat.views[f"{piece.name}.a"][rows], slot.flat.views[f"layers.{layer[0]}.{module}.b"]
            a_grad = slot.flat.grad_views[f"{piece.name}.a"][rows]
            assert relative(slot.flat.grad_views[f"layers.{layer[0]}.{module}.b"], scale * d_weight @ a.t()) < 1e-4
            assert relative(a_grad, scale * b.t() @ d_weight) < 1e-4
            seen += 1
    assert seen == 2 * len(targets)


def test_check_34_every_adapter_tensor_gets_a_gradient_with_checkpointing(model_dirs: dict[str, Path]) -> None:
    data, gradients = make_data(6), []
    for checkpointing in (False, True):
        host = open_host(model_dirs["qwen3-tied"])
        host.decoder.checkpointing = checkpointing
        adapter = random_adapter(host, rank=4)
        host.forward_backward(data, route=adapter).result()
        slot = host.bank.get(adapter)
        assert all(float(g.abs().max()) > 0 for g in slot.flat.grad_views.values())
        gradients.append(slot.flat.grad.clone())
    assert torch.equal(gradients[0], gradients[1])


@pytest.mark.parametrize(("dtype", "bar"), [("float32", 1e-5), ("bfloat16", 0.02)])
def test_check_16_after_a_step_the_sampler_draws_from_the_stepped_adapter(
    dtype: str, bar: float, model_dirs: dict[str, Path]
) -> None:
    host = open_host(model_dirs["llama-tied-gqa"], dtype=dtype)
    adapter = random_adapter(host, rank=2)
    params = SamplingParams(limit_tokens=20, stop_ids=())

    def forward(ids: np.ndarray) -> np.ndarray:
        data = Datum.from_tokens([1, 2, 3, *ids], np.ones(3 + len(ids)))
        return host.forward([data], route=adapter).result()[0].logprobs[2:]

    before = host.sample([[1, 2, 3]], params, route=adapter).result()[0][0]
    host.forward_backward(make_data(6), route=adapter).result()
    host.optim_step(AdamParams(learning_rate=0.02), adapter=adapter).result()
    after = host.sample([[1, 2, 3]], params, route=adapter).result()[0][0]
    assert np.abs(forward(after.ids) - after.logprobs).mean() < bar
    assert np.abs(forward(before.ids) - before.logprobs).mean() > 5 * bar, "the step changed nothing that could be missed"
    assert (before.weight_version, after.weight_version) == (0, 1)


def test_check_22_the_first_ratio_is_one(model_dirs: dict[str, Path]) -> None:
    """With behaviour log-probabilities from `forward`, the importance-weighted loss is exactly minus the advantages."""
    host = open_host(model_dirs["llama-tied-gqa"])
    adapter = random_adapter(host, rank=2)
    data = make_data(4)
    outs = host.forward(data, route=adapter).result()
    rl = [
        Datum(
            d.chunks,
            {"targets": d.streams["targets"], "logprobs": o.logprobs, "advantages": np.ones(d.length, np.float32)},
        )
        for d, o in zip(data, outs, strict=True)
    ]
    for loss in ("importance_sampling", "ppo"):
        result = host.forward_backward(rl, route=adapter, loss=loss).result()
        assert result.loss == pytest.approx(-sum(d.length for d in data), rel=1e-6)


def test_check_11_positions_of_weight_zero_add_no_gradient(model_dirs: dict[str, Path]) -> None:
    """What a tool or a user wrote (weight 0) may change what is read, never what is learnt at its own positions."""
    host = open_host(model_dirs["llama-tied-gqa"])
    full = host.create_full()
    ids = np.arange(20, dtype=np.int32)
    weights = np.zeros(19, np.float32)
    silent = Datum((TokenChunk(ids[:-1]),), {"targets": ids[1:], "weights": weights})
    assert host.forward_backward([silent], route=full).result().loss == 0
    assert not host.full.flat.grad.any()
    spoken = Datum((TokenChunk(ids[:-1]),), {"targets": ids[1:], "weights": np.where(np.arange(19) < 9, 1, 0).astype(np.float32)})
    host.forward_backward([spoken], route=full).result()
    cut = Datum((TokenChunk(ids[:9]),), {"targets": ids[1:10], "weights": np.ones(9, np.float32)})
    gradient = host.full.flat.grad.clone()
    host.clear_gradient(full)
    host.forward_backward([cut], route=full).result()
    assert relative(host.full.flat.grad, gradient) < 1e-6


def test_check_38_tiny_updates_survive_bfloat16_compute(model_dirs: dict[str, Path]) -> None:
    """Masters are float32: twenty updates each too small for bfloat16 add up, and nothing is rounded to it on the way."""
    host = open_host(model_dirs["llama-tied-gqa"], dtype="bfloat16")
    full = host.create_full()
    data = make_data(2)
    before = host.full.flat.data.clone()
    for _ in range(20):
        host.forward_backward(data, route=full).result()
        host.optim_step(AdamParams(learning_rate=1e-6), adapter=full).result()
    moved = (host.full.flat.data - before).abs()
    assert 1e-5 < float(moved.median()) <= float(moved.max()) < 2.5e-5


def test_only_touched_slots_update(model_dirs: dict[str, Path]) -> None:
    host = open_host(model_dirs["llama-tied-gqa"])
    a, b = random_adapter(host, rank=2, seed=1), random_adapter(host, rank=2, seed=2)
    base, other = host.decoder.master.data.clone(), host.digest(b)
    first = host.digest(a)
    host.forward_backward(make_data(2), route=a).result()
    assert host.optim_step(AdamParams(learning_rate=1e-2), adapter=a).result().weight_version == 1
    assert host.digest(b) == other
    assert host.digest(a) != first
    assert torch.equal(host.decoder.master.data, base)


def test_adamw_equals_torch_and_clipping_bounds_the_norm(model_dirs: dict[str, Path]) -> None:
    host = open_host(model_dirs["qwen3-tied"])
    full, data = host.create_full(), make_data(3)
    matrices = [p.name for p in layout(host.arch) if len(p.shape) == 2]
    twin = {n: torch.nn.Parameter(v.clone()) for n, v in host.full.flat.views.items()}
    groups = [
        {"params": [p for n, p in twin.items() if n in matrices], "weight_decay": 0.1},
        {"params": [p for n, p in twin.items() if n not in matrices], "weight_decay": 0.0},
    ]
    adam = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95), eps=1e-8)
    for _ in range(3):
        host.forward_backward(data, route=full).result()
        for name, p in twin.items():
            p.grad = host.full.flat.grad_views[name].clone()
        norm = torch.nn.utils.clip_grad_norm_(list(twin.values()), 1.0)
        adam.step()
        params = AdamParams(learning_rate=1e-3, beta2=0.95, weight_decay=0.1, clip=1.0)
        assert host.optim_step(params, adapter=full).result().grad_norm == pytest.approx(float(norm), rel=1e-5)
    for name, p in twin.items():
        assert torch.allclose(host.full.flat.views[name], p, atol=2e-6), name


def test_check_44_a_broken_gradient_takes_no_step(model_dirs: dict[str, Path]) -> None:
    host = open_host(model_dirs["llama-tied-gqa"])
    adapter = random_adapter(host, rank=2)
    before = host.digest(adapter)
    with pytest.raises(NothingTrained, match="no gradient was computed"):
        host.optim_step(AdamParams(learning_rate=1.0), adapter=adapter).result()
    host.forward_backward(make_data(1), route=adapter).result()
    host.bank.get(adapter).flat.grad[0] = float("nan")
    with pytest.raises(NothingTrained, match="not finite"):
        host.optim_step(AdamParams(learning_rate=1.0), adapter=adapter).result()
    assert host.digest(adapter) == before


def test_wrong_requests_are_refused_with_the_reason(model_dirs: dict[str, Path]) -> None:
    host = open_host(model_dirs["llama-tied-gqa"])
    adapter = random_adapter(host, rank=2)
    data = make_data(1)
    with pytest.raises(LossError, match="no loss named"):
        host.forward_backward(data, route=adapter, loss="cross-entropy").result()
    with pytest.raises(LossError, match="no setting beta"):
        host.forward_backward(data, route=adapter, loss_config={"beta": 1.0}).result()
    with pytest.raises(LossError, match="'logprobs'"):
        host.forward_backward(data, route=adapter, loss="ppo").result()
    with pytest.raises(CapabilityMissing, match="bare base"):
        host.forward_backward(data, route=None).result()
    with pytest.raises(DataError, match="outside the vocabulary"):
        host.forward([Datum((TokenChunk(np.array([96], np.int32)),), {"targets": np.array([1], np.int32)})]).result()
    narrow = Datum((TokenChunk(np.array([1, 2], np.int32)),), {"targets": np.ones((2, 2), np.int32), "weights": np.ones(2)})
    with pytest.raises(LossError, match="one weight for each target"):
        host.forward_backward([narrow], route=adapter).result()
    wide = Datum(narrow.chunks, {**narrow.streams, "weights": np.ones((2, 2))})
    with pytest.raises(LossError, match="other shapes"):
        host.forward_backward([wide, *data], route=adapter).result()
    with pytest.raises(DataError, match="does not fit"):
        host.forward([Datum.from_tokens(np.zeros(300, np.int32), np.ones(300))]).result()
    with pytest.raises(DataError, match="empty"):
        host.forward([]).result()
    with pytest.raises(CapabilityMissing, match="owns its host"):
        host.create_full()
    host.free(adapter)
    with pytest.raises(CapabilityMissing, match="not in this host"):
        host.forward(data, route=adapter).result()
    full = host.create_full()
    with pytest.raises(CapabilityMissing, match="no bare base"):
        host.forward(data, route=None).result()
    assert host.forward(data, route=full).result()[0].logprobs is not None


def test_requests_interleave_and_keep_their_order(model_dirs: dict[str, Path]) -> None:
    """Two tenants in flight at once get what they would get alone; a step waits for the gradients before it."""
    data = make_data(8)

    def run(overlap: bool) -> tuple[str, str]:
        host = open_host(model_dirs["llama-tied-gqa"], unit_tokens=32)
        a, b = random_adapter(host, rank=2, seed=1), random_adapter(host, rank=2, seed=2)
        pending = []
        for adapter in (a, b):
            pending += [host.forward_backward(data[:4], route=adapter), host.forward_backward(data[4:], route=adapter)]
            pending += [host.optim_step(AdamParams(learning_rate=1e-2), adapter=adapter)]
            if not overlap:
                for p in pending:
                    p.result()
        for p in reversed(pending):
            p.result()
        return host.digest(a), host.digest(b)

    assert run(True) == run(False)


def test_a_cancelled_request_leaves_no_gradient(model_dirs: dict[str, Path]) -> None:
    host = open_host(model_dirs["llama-tied-gqa"], unit_tokens=16)
    adapter = random_adapter(host, rank=2)
    job = host.forward_backward(make_data(8), route=adapter)
    host.queue.turn()
    assert host.bank.get(adapter).flat.grad.any()
    job.cancel()
    with pytest.raises(Interrupted):
        job.result()
    assert not host.bank.get(adapter).flat.grad.any()


def test_same_seed_same_bits(model_dirs: dict[str, Path]) -> None:
    def run() -> str:
        host = open_host(model_dirs["qwen3-tied"])
        adapter = host.create(LoraSpec(rank=4, seed=3))
        for k in range(3):
            host.forward_backward(make_data(6, seed=k), route=adapter).result()
            host.optim_step(AdamParams(learning_rate=1e-2), adapter=adapter).result()
        return host.digest(adapter)

    assert run() == run()


def test_packing_wastes_little_and_loses_nothing() -> None:
    draw = np.random.default_rng(0)
    data = [Datum.from_tokens(np.zeros(n, np.int32), np.ones(n)) for n in draw.integers(5, 600, 500)]
    units = make_units(data, [None] * 500, 1024, device=torch.device("cpu"))
    assert sorted(i for u in units for i in u.order) == list(range(500))
    assert max(u.layout.size for u in units) <= 1024
    assert len(units) <= 1.02 * sum(d.length for d in data) / 1024 + 1
