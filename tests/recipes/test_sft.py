"""The recipe alone: its denominator, its schedule, and that its loss is the same however the engine splits a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from burnish.connect import LocalModels
from burnish.engine.host import Host
from burnish.protocols import Policy
from burnish.recipes.sft import SFT, train
from burnish.recipes.training import ALL_TARGETS, Lora, mean_over_targets
from burnish.types import AdamParams, Datum, LoraSpec, LossResult, StepResult

CHOICES = {"device": "cpu", "threads": 1, "dtype": "float32", "matmul": "aten", "bmm_limit": 0, "unit_tokens": 1024}
PLAIN = AdamParams(learning_rate=1e3, beta1=0.0, beta2=0.0, eps=1e6, clip=0.0)
"""AdamW that moves each weight by a thousandth of its gradient: eps is far above every gradient."""


def config(**changes: object) -> SFT:
    return SFT.load(base={"model": "m", "data": "d", "learning_rate": 1e-2, "steps": 10, **changes})


def batch() -> list[Datum]:
    """Six rows of unequal length and unequal share of targets; some messages weigh half."""
    draw = np.random.default_rng(3)
    rows = []
    for length, targets in ((40, 3), (5, 4), (17, 1), (9, 8), (30, 2), (12, 6)):
        weights = np.zeros(length, np.float32)
        weights[-targets:] = draw.choice([0.5, 1.0], targets)
        rows.append(Datum.from_tokens(draw.integers(2, 250, length), weights))
    return rows


class Steps:
    """Implements protocols.Run: the given batches, and what the recipe logs of them."""

    def __init__(self, batches: Sequence[Sequence[Datum]]) -> None:
        self.batches, self.losses, self.updates = batches, [], []
        self.index, self.batch = 0, batches[0]

    def steps(self, n: int) -> Iterator[Steps]:
        assert n == len(self.batches)
        for index, batch in enumerate(self.batches):
            self.index, self.batch = index, batch
            yield self

    def log(self, result: LossResult | StepResult, **numbers: float) -> None:
        (self.losses if isinstance(result, LossResult) else self.updates).append(result)


def in_one_call(policy: Policy, data: Sequence[Datum]) -> float:
    return policy.forward_backward(data).result().loss


def one_by_one(policy: Policy, data: Sequence[Datum]) -> float:
    return sum(policy.forward_backward([d]).result().loss for d in data)


def in_two_calls(policy: Policy, data: Sequence[Datum]) -> float:
    first, second = policy.forward_backward(data[:2]), policy.forward_backward(data[2:])
    return first.result().loss + second.result().loss


def backwards(policy: Policy, data: Sequence[Datum]) -> float:
    return policy.forward_backward(data[::-1]).result().loss


def trained_once(
    model: Path, accumulate: Callable[[Policy, Sequence[Datum]], float], data: Sequence[Datum], *, unit_tokens: int = 1024
) -> tuple[float, float, dict[str, float]]:
    """(loss, gradient norm, largest change of each tensor) of one plain step of a full fine-tune."""
    engine = Host.open(model, choices={**CHOICES, "unit_tokens": unit_tokens})
    policy = Policy(engine, engine.create_full())
    loss = accumulate(policy, data)
    norm = policy.optim_step(PLAIN).result().grad_norm
    return loss, norm, dict(engine.inspect(policy.adapter))


@pytest.mark.parametrize(
    ("accumulate", "unit_tokens"),
    [(one_by_one, 1024), (in_two_calls, 1024), (backwards, 1024), (in_one_call, 16), (in_two_calls, 48)],
)
def test_check_15_loss_and_gradient_do_not_depend_on_the_split(tiny_model, accumulate, unit_tokens):
    data = mean_over_targets(batch())
    loss, norm, changes = trained_once(tiny_model, in_one_call, data)
    other_loss, other_norm, other = trained_once(tiny_model, accumulate, data, unit_tokens=unit_tokens)
    assert other_loss == pytest.approx(loss, rel=1e-5)
    assert other_norm == pytest.approx(norm, rel=1e-5)
    assert other == pytest.approx(changes, rel=1e-3, abs=2e-7)


def test_check_15_a_denominator_per_micro_batch_would_be_another_loss(tiny_model):
    """What the recipe must not do: the mean of each half's mean. That this differs shows that the test above can fail."""
    halves = [d for half in (batch()[:2], batch()[2:]) for d in mean_over_targets(half)]
    halves = [Datum(d.chunks, {**d.streams, "weights": d.streams["weights"] / 2}) for d in halves]
    right, wrong = (trained_once(tiny_model, in_one_call, data) for data in (mean_over_targets(batch()), halves))
    assert wrong[0] != pytest.approx(right[0], rel=1e-5)
    assert wrong[1] != pytest.approx(right[1], rel=0.01)


@pytest.mark.parametrize("scale", [1.0, 2.0, 0.25])
def test_check_45_the_denominator_is_counted_once(tiny_model, scale):
    """The recipe's reported loss is the mean over target tokens, whatever all weights are multiplied with."""
    engine = Host.open(tiny_model, choices=CHOICES)
    policy = Policy(engine, engine.create(LoraSpec(rank=4)))
    rows = [Datum(d.chunks, {**d.streams, "weights": d.streams["weights"] * scale}) for d in batch()]
    outputs = policy.forward(rows).result()
    lost = -sum(float(d.streams["weights"] @ o.logprobs) for d, o in zip(rows, outputs, strict=True))
    mean = lost / sum(float(d.streams["weights"].sum()) for d in rows)
    run = Steps([rows, rows[::-1]])
    train(config(steps=2, learning_rate=1e-30), LocalModels(policy), run)
    assert [r.loss for r in run.losses] == pytest.approx([mean, mean], rel=1e-5)
    assert run.updates[0].grad_norm == pytest.approx(run.updates[1].grad_norm, rel=1e-4)


def test_training_lowers_the_loss_and_takes_one_update_a_step(tiny_model):
    engine = Host.open(tiny_model, choices=CHOICES)
    policy = Policy(engine, engine.create(LoraSpec(rank=8)))
    run = Steps([batch()] * 12)
    train(config(steps=12, warmup=0.0), LocalModels(policy), run)
    assert run.losses[-1].loss < run.losses[0].loss - 1
    assert [r.weight_version for r in run.updates] == list(range(1, 13))


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_learning_rate_rises_to_its_peak_and_never_reaches_zero(schedule):
    c = config(schedule=schedule, warmup=0.2, steps=20, learning_rate=1.0)
    rates = [c.rate(i) for i in range(20)]
    assert rates[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert rates[4] == 1.0 == max(rates)
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[-1] > 0


def test_linear_schedule_is_a_line_and_cosine_is_half_way_down_in_the_middle():
    linear, cosine = (config(schedule=s, warmup=0.0, steps=10, learning_rate=1.0) for s in ("linear", "cosine"))
    assert [linear.rate(i) for i in range(10)] == pytest.approx([1 - i / 10 for i in range(10)])
    assert cosine.rate(5) == pytest.approx(0.5)


def test_adam_takes_its_numbers_from_the_config():
    c = config(beta1=0.8, beta2=0.95, eps=1e-6, weight_decay=0.1, clip=0.5, warmup=0.0)
    wanted = AdamParams(learning_rate=1e-2, beta1=0.8, beta2=0.95, eps=1e-6, weight_decay=0.1, clip=0.5)
    assert c.adam(0) == wanted


def test_targets_by_name():
    assert Lora().names() == ALL_TARGETS
    assert Lora(targets=("q", "v")).names() == ("q", "v")
