"""What the objectives of reinforcement learning are held to, and where.

    1  equal policies: every clipped objective is REINFORCE       test_grpo: on_its_own_answers_every_clipped_variant_is_reinforce
                                                                  test_losses: at_equal_policies_all_are_the_policy_gradient
                                                                  test_correction: where_both_agree_every_weight_is_exactly_one
    2  RLOO is G / (G - 1) of Dr.GRPO                             below; test_credit: leaving_one_out_is_the_centred_reward_scaled
    3  ratio 1.5: PPO 1.2 and no gradient, CISPO 1.28 and one     test_losses: clipping_golden_vectors
    4  scaled rewards ascend 2 arcsin sqrt p                      below
    5  lengths of 10 and 100                                      test_grpo: lengths_weigh_as_each_variant_says
    6  equal rewards: exactly no gradient                         test_credit: rewards_that_say_nothing_give_exactly_nothing
                                                                  test_grpo, test_turns: check_44
    7  gradients of KL estimators                                 test_losses: check_24; below, those that are not used
    8  a sampler whose weights are rounded                        test_correction: a_correction_takes_the_gradient_nearer_...
                                                                  test_grpo: a_correction_of_a_sampler_that_agrees_changes_nothing
    9  micro-batches and padding                                  test_grpo: the_denominators_do_not_see_how_a_batch_is_split
                                                                  and below
    10 each loss learns; wrong answers of Dr.GRPO do not grow     runs/test_grpo_run: every_variant_learns; below

Of turns (a hand-worked example, shaping, a chain of which two turns matter, masks): test_turns, and test_grpo's check_11.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from burnish.engine.decoder import Decoder
from burnish.engine.host import Host
from burnish.protocols import Policy
from burnish.recipes import credit, grpo
from burnish.recipes.grpo import GRPO, VARIANTS
from burnish.types import Datum, Example, LoraSpec, Rollout, Score, Segment

CHOICES = {"device": "cpu", "threads": 1, "dtype": "float32", "matmul": "aten", "bmm_limit": 0, "unit_tokens": 1024}


def config(**changes: Any) -> GRPO:
    return GRPO.load(base={"model": "m", "data": "d", "learning_rate": 1e-2, "steps": 10, "answer_tokens": 20, **changes})


def answers(rewards: Sequence[float], *, tokens: Sequence[int] = (2, 3, 5, 4, 6, 2, 7, 3)) -> list[Rollout]:
    """To one question of three tokens."""
    asked, made = np.array([1, 2, 3], np.int32), []
    for reward, n in zip(rewards, tokens, strict=True):
        ids = np.arange(4, 4 + n, dtype=np.int32)
        said = Segment(role="assistant", ids=ids, logprobs=np.full(n, -1.0, np.float32), turn=1)
        score = Score(value=reward, reason="")
        segments = (Segment(role="user", ids=asked), said)
        made.append(Rollout(example=Example(messages=()), segments=segments, answer="", stop_reason="stop", score=score))
    return made


def test_leaving_one_out_is_eight_sevenths_of_the_centred_reward() -> None:
    groups = [answers(np.random.default_rng(0).random(8).tolist())]
    left, centred = (
        [d.streams["advantages"] for part in grpo.datums(config(variant=v), groups) for d in part] for v in ("rloo", "dr_grpo")
    )
    for a, b in zip(left, centred, strict=True):
        np.testing.assert_allclose(a, b * np.float32(8 / 7), rtol=1e-6)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.8])
@pytest.mark.parametrize(
    ("baseline", "slope"),
    [
        ("group_scaled", lambda p: np.sqrt(p * (1 - p))),  # of 2 arcsin sqrt p
        ("leave_one_out", lambda p: p * (1 - p)),  # of p
        ("group", lambda p: p * (1 - p) * 255 / 256),
    ],
)
def test_what_a_bandit_ascends(p: float, baseline: credit.Baseline, slope: Any) -> None:
    """One arm pays 1 and is drawn with likelihood p = sigmoid(x): the gradient by x is that of the function named, within four
    standard errors of 400 groups of 256 (and one per cent, where a deviation is estimated). Scaling by it weighs a question by
    1 / sqrt(p (1 - p))."""
    rewards = (np.random.default_rng(int(100 * p)).random((400, 256)) < p).astype(np.float64)
    found = np.array([(a * (r - p)).mean() for a, r in zip(credit.advantages(list(rewards), baseline), rewards, strict=True)])
    assert abs(found.mean() - slope(p)) < 4 * found.std() / np.sqrt(len(found)) + 0.01 * slope(p) * (baseline == "group_scaled")


def test_check_24_which_kl_estimators_point_the_wrong_way() -> None:
    """Exact, by enumeration, why the penalty is r k3 with a gradient through r: as losses, k1 = l - ref has none in the mean and
    k3 alone has that of the forward KL(reference || pi); k2 = (l - ref)^2 / 2 would do as well."""
    draw = np.random.default_rng(0)
    theta, reference = draw.normal(0, 1, 5), draw.normal(0, 1, 5)
    pi, ref = (np.exp(x) / np.exp(x).sum() for x in (theta, reference))
    log_u = np.log(ref / pi)
    score = np.eye(5) - pi  # d log pi(x) / d theta, a row for each x

    def of(slope: np.ndarray) -> np.ndarray:
        """E[d loss / d l * d l / d theta]."""
        return (pi * slope) @ score

    def divergence(t: np.ndarray, *, forward: bool) -> float:
        p = np.exp(t) / np.exp(t).sum()
        return float((ref * np.log(ref / p)).sum() if forward else (p * np.log(p / ref)).sum())

    def numeric(*, forward: bool) -> np.ndarray:
        steps = 1e-6 * np.eye(5)
        return np.array([divergence(theta + h, forward=forward) - divergence(theta - h, forward=forward) for h in steps]) / 2e-6

    np.testing.assert_allclose(of(np.ones(5)), 0, atol=1e-15)  # k1
    np.testing.assert_allclose(of(-log_u), numeric(forward=False), atol=1e-8)  # k2
    np.testing.assert_allclose(of(1 - np.exp(log_u)), numeric(forward=True), atol=1e-8)  # k3
    k3 = np.expm1(log_u) - log_u
    np.testing.assert_allclose(of(k3 + 1 - np.exp(log_u)), numeric(forward=False), atol=1e-8)  # r k3, at r = 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradients_do_not_see_padding(variant: str, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs with gaps and round sizes, and those without, give the same gradient of answers of many lengths."""
    groups = [answers([1, 0, 0, 1, 0, 1, 1, 0]), answers([0, 0, 0, 1, 0, 0, 1, 0])]
    data = [d for part in grpo.datums(config(variant=variant), groups) for d in part]
    found = []
    for padded in (False, True):
        monkeypatch.setattr(Decoder, "compiles", padded)
        found.append(gradient(tiny_model, data, *config(variant=variant).loss))
    np.testing.assert_allclose(found[1], found[0], atol=2e-6 * np.abs(found[0]).max())


def gradient(model: Path, data: Sequence[Datum], loss: str, settings: dict[str, float]) -> np.ndarray:
    engine = Host.open(model, choices=CHOICES)
    policy = Policy(engine, engine.create(LoraSpec(rank=4)))
    old = policy.forward(data).result()  # so that no ratio is far from 1
    data = [Datum(d.chunks, {**d.streams, "logprobs": np.asarray(o.logprobs)}) for d, o in zip(data, old, strict=True)]
    policy.forward_backward(data, loss, settings).result()
    assert policy.adapter is not None
    grad = engine.bank.get(policy.adapter).flat.grad
    assert grad is not None
    return grad.clone().numpy()


# -- the length of wrong answers --------------------------------------------------------------------------------------

LIMIT = 40


def growth_of_wrong_answers(variant: grpo.Variant, seed: int) -> float:
    """How many tokens longer wrong answers get in 60 steps of a policy in a table, which draws for each token whether it goes on,
    apart for right and wrong answers. Every second one is right whatever it does, so that length has no part in the reward."""
    draw, own, stop, lengths_of_wrong = np.random.default_rng(seed), VARIANTS[variant], np.full(2, -2.2), []
    for _ in range(60):
        q = 1 / (1 + np.exp(-stop))  # chance that a token of a wrong, a right answer is the last
        good = draw.integers(0, 2, (24, 8))
        lengths = np.minimum(draw.geometric(q[good]), LIMIT)
        lengths_of_wrong.append(lengths[good == 0].mean())
        advantages = np.concatenate(credit.advantages(list(good.astype(np.float64)), own.baseline))
        good, lengths = good.ravel(), lengths.ravel()
        weight = advantages * credit.shares(lengths.tolist(), own.spread, limit_tokens=LIMIT)
        ended = lengths < LIMIT
        slope = ended * (1 - q[good]) - (lengths - ended) * q[good]  # d log pi / d stop
        scale = 0.002 / np.average(np.abs(weight), weights=lengths)  # a token weighs the same in the mean, whatever the variant
        stop += scale * np.bincount(good, weights=weight * slope, minlength=2)
    return float(np.polyfit(np.arange(60), lengths_of_wrong, 1)[0] * 60)


def test_wrong_answers_do_not_grow_without_the_bias_of_length() -> None:
    grown = {v: [growth_of_wrong_answers(v, seed) for seed in range(3)] for v in ("grpo", "dr_grpo")}
    assert min(grown["grpo"]) > 1.0, grown
    assert all(b < a for a, b in zip(grown["grpo"], grown["dr_grpo"], strict=True)), grown
    assert abs(np.mean(grown["dr_grpo"])) < 0.5 * np.mean(grown["grpo"]), grown
