"""Corrections for a sampler that differs: golden vectors, and what they do to the gradient of a policy that can be enumerated."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from burnish.recipes import correction
from burnish.recipes.correction import BOUNDS, Correction

KINDS: tuple[Correction, ...] = ("tokens", "mask_tokens", "sequence", "mask_sequence", "geometric")
VOCABULARY, LENGTH = 4, 3


def test_golden_vectors() -> None:
    trainer, sampler = np.log([0.5, 0.5, 0.9, 0.1]), np.log([0.5, 0.1, 0.95, 0.3])
    w = [1.0, 5.0, 0.9 / 0.95, 1 / 3]
    whole = math.prod(w)  # 1.579
    assert correction.weights(trainer, sampler, "none").tolist() == [1.0] * 4
    assert correction.weights(trainer, sampler, "tokens") == pytest.approx([1.0, 2.0, w[2], w[3]])
    assert correction.weights(trainer, sampler, "mask_tokens") == pytest.approx([1.0, 0.0, w[2], 0.0])
    assert correction.weights(trainer, sampler, "sequence") == pytest.approx([whole] * 4)
    assert correction.weights(trainer, sampler, "mask_sequence") == pytest.approx([whole] * 4)
    assert correction.weights(trainer, sampler, "geometric") == pytest.approx([whole**0.25] * 4)
    twice = np.tile(trainer, 3), np.tile(sampler, 3)  # 3.94 in all
    assert correction.weights(*twice, "sequence") == pytest.approx([3.0] * 12)
    assert correction.weights(*twice, "mask_sequence").tolist() == [0.0] * 12
    assert correction.weights(twice[1], twice[0], "mask_sequence").tolist() == [0.0] * 12
    assert correction.weights(*twice, "geometric") == pytest.approx([whole**0.25] * 12), "does not grow with the length"


@pytest.mark.parametrize("kind", KINDS)
def test_where_both_agree_every_weight_is_exactly_one(kind: Correction) -> None:
    logprobs = np.log(np.random.default_rng(0).random(50)).astype(np.float32)
    assert correction.weights(logprobs, logprobs, kind).tolist() == [1.0] * 50
    assert len(correction.weights(logprobs[:0], logprobs[:0], kind)) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_weights_stay_within_their_bounds(kind: Correction) -> None:
    draw, (low, high) = np.random.default_rng(1), BOUNDS[kind]
    for scale in (0.1, 1.0, 100.0):
        w = correction.weights(draw.normal(0, scale, 40), draw.normal(0, scale, 40), kind)
        assert ((w == 0) | (w >= low)).all()
        assert (w <= high).all()


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def quantised(x: np.ndarray, steps: int) -> np.ndarray:
    scale = np.abs(x).max() / steps
    return np.round(x / scale) * scale


@pytest.mark.parametrize("steps", [127, 7, 2])  # int8, int4, and coarser
def test_a_correction_takes_the_gradient_nearer_to_that_of_the_policy(steps: int) -> None:
    """Exact, over all 64 answers of three tokens of a policy whose weights the sampler holds rounded: || E_mu[w A d log pi] -
    E_pi[A d log pi] ||. The ratio of a whole answer takes all of it away as long as nothing is cut, those of tokens most."""
    draw = np.random.default_rng(steps)
    theta = draw.normal(0, 1.5, (LENGTH, VOCABULARY))
    pi, mu = softmax(theta), softmax(quantised(theta, steps))
    answers = list(itertools.product(range(VOCABULARY), repeat=LENGTH))
    worth = draw.normal(0, 1, len(answers))
    worth -= sum(w * math.prod(pi[t, x] for t, x in enumerate(a)) for w, a in zip(worth, answers, strict=True))

    def gradient(kind: Correction | None) -> np.ndarray:
        """Under mu with these weights; of None, under pi without."""
        total = np.zeros_like(theta)
        for answer, advantage in zip(answers, worth, strict=True):
            own, drawn = (np.array([p[t, x] for t, x in enumerate(answer)]) for p in (pi, mu))
            w = np.ones(LENGTH) if kind is None else correction.weights(np.log(own), np.log(drawn), kind)
            of_pi = np.eye(VOCABULARY)[list(answer)] - pi
            total += (own if kind is None else drawn).prod() * advantage * w[:, None] * of_pi
        return total

    wanted = gradient(None)
    bias = {kind: float(np.linalg.norm(gradient(kind) - wanted)) for kind in ("none", *KINDS)}
    assert bias["none"] > 0
    assert bias["tokens"] < bias["none"], bias
    assert bias["sequence"] < 1e-12 or steps == 2, bias
    assert bias["geometric"] < bias["none"], bias


def test_how_far_apart_they_are() -> None:
    trainer, sampler = np.array([-1.0, -2.0, -1.0]), np.array([-1.0, -1.5, -1.2])
    found = correction.mismatch(trainer, sampler)
    assert found["gap"] == pytest.approx(0.7 / 3)
    assert found["gap_max"] == pytest.approx(0.5)
    assert found["sampler_kl"] == pytest.approx((math.exp(-0.5) - 1 + 0.5 + math.exp(0.2) - 1 - 0.2) / 3)
    assert correction.mismatch(trainer[:0], sampler[:0]) == {}
    assert math.isnan(correction.mismatch(np.array([math.nan]), sampler[:1])["gap"])


def test_the_divergence_is_that_of_sampler_and_policy() -> None:
    draw = np.random.default_rng(3)
    pi, mu = (softmax(draw.normal(0, 1, 6)) for _ in range(2))
    drawn = draw.choice(6, p=mu, size=200_000)
    found = correction.mismatch(np.log(pi)[drawn], np.log(mu)[drawn])["sampler_kl"]
    assert found == pytest.approx(float((mu * np.log(mu / pi)).sum()), rel=0.02)


def test_which_share_the_weights_leave() -> None:
    assert correction.effective_share(np.ones(7)) == 1.0
    assert correction.effective_share(np.array([1.0, 0, 0, 0])) == 0.25
    assert math.isnan(correction.effective_share(np.zeros(3)))
