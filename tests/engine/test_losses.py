"""Losses: worked examples, float64 gradient checks, and their gradients through a real model."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import make_data, open_host
from test_trainer import random_adapter, relative

from burnish.engine.decoder import Decoder
from burnish.engine.losses import SET_LOSSES, TOKEN_LOSSES
from burnish.errors import LossError
from burnish.types import Datum

L = torch.tensor([-1.0, -2.0], dtype=torch.float64)
S = {
    "weights": torch.tensor([1.0, 0.5], dtype=torch.float64),
    "logprobs": torch.tensor([-1.5, -1.0], dtype=torch.float64),
    "advantages": torch.tensor([1.0, -2.0], dtype=torch.float64),
    "returns": torch.tensor([0.0, 1.0], dtype=torch.float64),
    "reference": torch.tensor([-1.2, -2.5], dtype=torch.float64),
}
R = (math.exp(0.5), math.exp(-1.0))
WORKED = {
    "cross_entropy": 1.0 + 1.0,
    "importance_sampling": -(R[0] - 2 * R[1]),
    "ppo": -(1.2 - 2 * 0.8),  # min(r, 1.2) for A > 0; max(r, 0.8) for A < 0
    "cispo": -(1.2 * -1.0 * 1.0 + 0.8 * -2.0 * -2.0),
    "ppo_kl": -(1.2 - 2 * 0.8),  # kl is 0 by default
    "cispo_kl": -(1.2 * -1.0 * 1.0 + 0.8 * -2.0 * -2.0),
    "dro": -((-1.0 - 0.025 * 0.25) + (4.0 - 0.025 * 1.0)),
    "value_mse": 0.5 * (1.0 * 1.0 + 0.5 * 9.0),
}


@pytest.fixture(autouse=True, params=[False, True], ids=["dense", "gaps"])
def layout(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything here holds also where packs have gaps and round sizes (`engine.pack`)."""
    monkeypatch.setattr(Decoder, "compiles", request.param)


@pytest.mark.parametrize("name", list(TOKEN_LOSSES))
def test_worked_example(name: str) -> None:
    loss = TOKEN_LOSSES[name]
    assert float(loss.value(L, S, loss.defaults)) == pytest.approx(WORKED[name], rel=1e-12)


@pytest.mark.parametrize("name", [n for n in TOKEN_LOSSES if "cispo" not in n])  # whose gradient is not that of their value
def test_gradient_in_float64(name: str) -> None:
    loss = TOKEN_LOSSES[name]
    x = (L + 0.01).requires_grad_()
    assert torch.autograd.gradcheck(lambda l: loss.value(l, S, loss.defaults), (x,))


def test_cispo_gradient_is_the_clipped_ratio_times_the_advantage() -> None:
    loss, x = TOKEN_LOSSES["cispo"], L.clone().requires_grad_()
    (grad,) = torch.autograd.grad(loss.value(x, S, loss.defaults), x)
    assert grad.tolist() == pytest.approx([-1.2, 1.6])


def one(ratio: float, advantage: float, name: str = "ppo", **settings: float) -> tuple[float, float]:
    """Value and d value / d l of a loss at one token with this ratio, in the direction that is raised."""
    loss, l = TOKEN_LOSSES[name], torch.zeros(1, dtype=torch.float64, requires_grad=True)
    streams = {"logprobs": torch.tensor([-math.log(ratio)]), "advantages": torch.tensor([advantage])}
    value = -loss.value(l, streams, {**loss.defaults, **settings})
    (grad,) = torch.autograd.grad(value, l)
    return float(value.detach()), float(grad)


def test_clipping_golden_vectors() -> None:
    assert one(1.5, 1.0) == pytest.approx((1.2, 0.0))
    assert one(1.5, -1.0) == pytest.approx((-1.5, -1.5)), "the bound is on one side alone"
    assert one(1.5, 1.0, clip_high_threshold=1.28) == pytest.approx((1.28, 0.0))  # DAPO's clip-higher
    assert one(1.5, 1.0, "cispo", clip_high_threshold=1.28)[1] == pytest.approx(1.28), "no token loses its gradient"
    assert one(9.0, -1.0, dual_clip=3.0) == pytest.approx((-3.0, 0.0))
    assert one(2.0, -1.0, dual_clip=3.0) == pytest.approx((-2.0, -2.0))
    assert one(9.0, 1.0, dual_clip=3.0) == pytest.approx(one(9.0, 1.0))


def test_at_equal_policies_all_are_the_policy_gradient() -> None:
    a = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
    q = torch.tensor([-1.0, -0.1, -3.0], dtype=torch.float64)
    streams = {"advantages": a, "logprobs": q, "weights": torch.ones(3), "reference": q - 1}
    for name in ("importance_sampling", "ppo", "cispo", "ppo_kl", "cispo_kl"):
        l = q.clone().requires_grad_()
        (grad,) = torch.autograd.grad(TOKEN_LOSSES[name].value(l, streams, TOKEN_LOSSES[name].defaults), l)
        np.testing.assert_allclose(grad, -a, err_msg=name)


def test_check_24_the_kl_term_follows_the_reverse_kl() -> None:
    """Exact, by enumeration: E_q[d loss / d theta] over the tokens of a softmax policy equals d KL(pi || reference) / d theta."""
    theta = torch.tensor([0.3, -0.7, 1.1, 0.0], dtype=torch.float64, requires_grad=True)
    reference = torch.log_softmax(torch.tensor([1.0, 0.2, -0.5, 0.4], dtype=torch.float64), -1)
    log_pi = torch.log_softmax(theta, -1)
    (wanted,) = torch.autograd.grad((log_pi.exp() * (log_pi - reference)).sum(), theta, retain_graph=True)
    streams = {
        "logprobs": log_pi.detach(), "reference": reference, "weights": log_pi.detach().exp(), "advantages": torch.zeros(4),
    }  # fmt: skip
    value = TOKEN_LOSSES["ppo_kl"].value(log_pi, streams, {**TOKEN_LOSSES["ppo_kl"].defaults, "kl": 1.0})
    (found,) = torch.autograd.grad(value, theta)
    np.testing.assert_allclose(found, wanted, atol=1e-14)
    assert float(value.detach()) == pytest.approx(float((log_pi.exp() * (log_pi - reference)).sum().detach()))


def test_gspo_weighs_an_answer_by_its_whole_ratio() -> None:
    loss, q = SET_LOSSES["gspo"], torch.tensor([-1.0, -2.0, -3.0], dtype=torch.float64)

    def at(shift: float, advantage: float) -> tuple[float, list[float]]:
        l = (q + shift).requires_grad_()
        value = -loss.value([l], [{"logprobs": q, "advantages": torch.full((3,), advantage)}], loss.defaults)
        (grad,) = torch.autograd.grad(value, l)
        return float(value.detach()), grad.tolist()

    assert at(0.0, 2.0) == (pytest.approx(2.0), pytest.approx([2 / 3] * 3))
    assert at(math.log(1.01), 1.0) == (pytest.approx(1.0004, abs=1e-6), [0.0] * 3), "clipped as a whole"
    assert at(math.log(1.01), -1.0) == (pytest.approx(-1.01), pytest.approx([-1.01 / 3] * 3))


def test_dpo_worked_example_and_symmetry() -> None:
    loss = SET_LOSSES["dpo"]
    streams = [{"weights": torch.ones(2), "logprobs": torch.tensor([-1.0, -1.0])}] * 2
    l = [torch.tensor([-1.0, 0.0]), torch.tensor([-1.0, -2.0])]
    margin = 0.1 * (1.0 - -1.0)
    assert float(loss.value(l, streams, loss.defaults)) == pytest.approx(-math.log(1 / (1 + math.exp(-margin))), rel=1e-6)
    smooth = {"beta": 0.1, "label_smoothing": 0.5}
    assert float(loss.value(l, streams, smooth)) == pytest.approx(float(loss.value(l[::-1], streams, smooth)), rel=1e-6)


def pairs_of(count: int) -> list[Datum]:
    data = make_data(2 * count)
    extra = np.random.default_rng(5)
    return [
        Datum(
            d.chunks,
            {**d.streams, "logprobs": extra.normal(-4, 0.5, d.length).astype(np.float32), "set": np.array([i // 2], np.int32)},
        )
        for i, d in enumerate(data)
    ]


def test_set_wise_gradient_equals_autograd_through_the_whole_set(model_dirs: dict[str, Path]) -> None:
    """DPO through the engine = forward, d loss / d logprob, one weighted-likelihood backward."""
    data = pairs_of(3)
    host = open_host(model_dirs["qwen3-tied"], unit_tokens=50)
    a = random_adapter(host, rank=3)
    result = host.forward_backward(data, route=a, loss="dpo", loss_config={"beta": 0.3}).result()
    gradient = host.bank.get(a).flat.grad.clone()
    host.clear_gradient(a)
    outs = host.forward(data, route=a).result()
    l = [torch.tensor(o.logprobs).requires_grad_() for o in outs]
    streams = [{k: torch.tensor(d.streams[k]) for k in ("weights", "logprobs")} for d in data]
    config = {"beta": 0.3, "label_smoothing": 0.0}
    total = sum(SET_LOSSES["dpo"].value(l[i : i + 2], streams[i : i + 2], config) for i in (0, 2, 4))
    slopes = torch.autograd.grad(total, l)
    weighted = [
        Datum(d.chunks, {"targets": d.streams["targets"], "weights": -g.numpy()}) for d, g in zip(data, slopes, strict=True)
    ]
    host.forward_backward(weighted, route=a).result()
    assert result.loss == pytest.approx(float(total), rel=1e-5)
    assert relative(host.bank.get(a).flat.grad, gradient) < 1e-4


def test_sets_of_the_wrong_size_are_refused(model_dirs: dict[str, Path]) -> None:
    host = open_host(model_dirs["qwen3-tied"])
    a = random_adapter(host, rank=2)
    with pytest.raises(LossError, match="sets of 2"):
        host.forward_backward(pairs_of(2)[:3], route=a, loss="dpo").result()
    with pytest.raises(LossError, match="'set'"):
        host.forward_backward(make_data(2), route=a, loss="dpo").result()


def test_soft_targets_equal_a_sum_of_single_targets(model_dirs: dict[str, Path]) -> None:
    host = open_host(model_dirs["llama-tied-gqa"])
    full, datum = host.create_full(), make_data(1, low=10)[0]
    t = datum.length
    draw = np.random.default_rng(0)
    targets, weights = draw.integers(0, 96, (t, 3)).astype(np.int32), draw.random((t, 3)).astype(np.float32)
    soft = Datum(datum.chunks, {"targets": targets, "weights": weights})
    whole = host.forward_backward([soft], route=full).result()
    gradient = host.full.flat.grad.clone()
    host.clear_gradient(full)
    parts = [Datum(datum.chunks, {"targets": targets[:, k], "weights": weights[:, k]}) for k in range(3)]
    assert sum(host.forward_backward([p], route=full).result().loss for p in parts) == pytest.approx(whole.loss, rel=1e-5)
    assert whole.logprobs[0].shape == (t, 3)
    assert relative(host.full.flat.grad, gradient) < 1e-5


def test_heads_learn_and_belong_to_their_slot(model_dirs: dict[str, Path]) -> None:
    host = open_host(model_dirs["llama-tied-gqa"])
    a = random_adapter(host, rank=2, heads=("value", "score"))
    data = [
        Datum(d.chunks, {"returns": np.full(d.length, 2.0, np.float32), "weights": np.ones(d.length, np.float32)})
        for d in make_data(3)
    ]
    outs = host.forward(data, route=a, outputs=("value", "hidden", "score")).result()
    row = host.bank.get(a).flat.views["head.value"]
    assert np.allclose(outs[0].value, (torch.tensor(outs[0].hidden) @ row[0]).numpy(), atol=1e-5)
    result = host.forward_backward(data, route=a, loss="value_mse").result()
    assert result.loss == pytest.approx(sum(0.5 * ((o.value - 2.0) ** 2).sum() for o in outs), rel=1e-5)
    grads = host.bank.get(a).flat.grad_views
    expected = sum(((o.value - 2.0)[:, None] * o.hidden).sum(0) for o in outs)
    assert np.allclose(grads["head.value"][0].numpy(), expected, rtol=1e-4, atol=1e-4)
    assert not grads["head.score"].any()
    assert grads["layers.0.q.b"].any()


def test_reward_ranking_prefers_the_chosen(model_dirs: dict[str, Path]) -> None:
    host = open_host(model_dirs["llama-tied-gqa"])
    a = random_adapter(host, rank=2, heads=("score",))
    data = [Datum(d.chunks, {"set": d.streams["set"]}) for d in pairs_of(2)]
    scores = [o.score for o in host.forward(data, route=a, outputs=("score",)).result()]
    result = host.forward_backward(data, route=a, loss="bradley_terry").result()
    expected = sum(math.log1p(math.exp(-(scores[i] - scores[i + 1]))) for i in (0, 2))
    assert result.loss == pytest.approx(expected, rel=1e-5)
    assert host.bank.get(a).flat.grad_views["head.score"].any()


def test_very_unlikely_targets_keep_their_log_probability() -> None:
    """A probability under the smallest float32 still has a log-probability and a gradient."""
    from burnish.engine.head import loss_and_gradient, target_logprobs
    from burnish.engine.ops import Weight

    head = Weight(torch.tensor([[200.0], [0.0], [-1.0]]))
    hidden, targets = torch.tensor([[1.0], [0.001]]), torch.tensor([[1], [2]])
    _, found, gradient = loss_and_gradient(hidden, head, targets, lambda span, l: (-l.sum(), -torch.ones_like(l)))
    assert found[0, 0] == pytest.approx(-200.0)
    assert torch.allclose(found, target_logprobs(hidden, head, targets))
    assert gradient[0, 0] == pytest.approx(200.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("held", [1, 64 * 50, 96 * 50, 1 << 24])
def test_the_head_in_several_spans_is_the_head_in_one(dtype: torch.dtype, held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """237 positions in chunks of 32, of which one, two, three or all are multiplied together."""
    from burnish.engine import head as head_pass
    from burnish.engine.ops import Weight

    generator = torch.Generator().manual_seed(0)
    matrix, hidden = torch.randn(50, 16, generator=generator).to(dtype), torch.randn(237, 16, generator=generator)
    targets, scale = torch.randint(50, (237, 2), generator=generator), torch.rand(237, 2, generator=generator)
    monkeypatch.setattr(head_pass, "CHUNK_ELEMENTS", 32 * 50)
    monkeypatch.setattr(head_pass, "HELD_ELEMENTS", held)
    weight = Weight(matrix, torch.zeros(50, 16))

    def slope(span: slice, l: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return -(scale[span] * l).sum(), -scale[span]

    total, logprobs, gradient = head_pass.loss_and_gradient(hidden, weight, targets, slope)
    x, w = hidden.to(dtype).float().requires_grad_(), matrix.float().requires_grad_()
    wanted = (x @ w.t()).log_softmax(-1).gather(1, targets)
    loss = -(scale * wanted).sum()
    loss.backward()
    near = 1e-5 if dtype == torch.float32 else 1e-2
    assert total == pytest.approx(float(loss.detach()), rel=near)
    assert torch.allclose(logprobs, wanted.detach(), atol=10 * near)
    for mine, theirs in ((gradient, x.grad), (weight.grad, w.grad)):
        assert mine is not None
        assert theirs is not None
        assert float((mine - theirs).norm() / theirs.norm()) < near
