"""Drawing: the filters against a plain reference, frequencies, ties, and the counter-based uniform numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from burnish.engine.draw import Shape, draw, inverse_cdf, largest, row_key, uniforms


def shape(rows: int, **settings: float) -> Shape:
    full = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0} | settings
    return Shape(
        np.full(rows, full["temperature"]),
        np.full(rows, int(full["top_k"])),
        np.full(rows, full["top_p"]),
        np.full(rows, full["min_p"]),
    )


def reference(
    logits: np.ndarray, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0
) -> np.ndarray:
    """The distribution drawn from, written as plainly as possible (float64 [V])."""
    heated = logits.astype(np.float64) / temperature
    p = np.exp(heated - heated.max())
    p /= p.sum()
    order = sorted(range(len(p)), key=lambda i: (-p[i], i))
    if top_k:
        p[order[top_k:]] = 0
        p /= p.sum()
    mass, kept = 0.0, []
    for i in order:
        if mass >= top_p:
            break
        kept.append(i)
        mass += p[i]
    p[[i for i in order if i not in kept]] = 0
    p[p < min_p * p.max()] = 0
    return p / p.sum()


CASES = [
    {},
    {"temperature": 0.5},
    {"temperature": 2.0},
    {"top_k": 1},
    {"top_k": 7},
    {"top_k": 500},
    {"top_p": 0.3},
    {"top_p": 0.9},
    {"top_p": 0.9, "temperature": 5.0},
    {"min_p": 0.2},
    {"min_p": 1.0},
    {"top_k": 20, "top_p": 0.8, "min_p": 0.1, "temperature": 1.3},
]


@pytest.mark.parametrize("vocab", [50, 1000])
@pytest.mark.parametrize("settings", CASES, ids=str)
def test_draws_follow_the_filtered_distribution(settings: dict[str, float], vocab: int) -> None:
    count = 4000
    logits = np.random.default_rng(3).normal(0, 2, vocab).astype(np.float32)
    logits[[4, 9]] = logits[[17, 30]]  # equal logits
    expected = reference(logits, **settings)  # type: ignore[arg-type]
    rows = torch.from_numpy(logits).expand(count, vocab)
    uniform = (np.arange(count) + 0.5) / count  # a grid: frequencies are then exact to 1 / count a token
    drawn = draw(rows, rows, shape(count, **settings), uniform)
    seen = np.bincount(drawn.ids, minlength=vocab) / count
    assert np.abs(seen - expected).max() <= 1.01 / count
    np.testing.assert_allclose(drawn.sampled_logprobs, np.log(expected[drawn.ids]), atol=2e-5)
    own = torch.log_softmax(torch.from_numpy(logits), -1).numpy()
    np.testing.assert_allclose(drawn.logprobs, own[drawn.ids], atol=1e-5)


def test_frequencies_over_seeds_pass_a_chi_square() -> None:
    """5000 samples with keys of their own: the statistic of 20 cells stays below its 99.9 % point, 45.3."""
    logits = np.random.default_rng(5).normal(0, 1, 21).astype(np.float32)
    count = 5000
    keys = np.array([row_key(11, 0, s) for s in range(count)], dtype=np.uint64)
    rows = torch.from_numpy(logits).expand(count, 21)
    drawn = draw(rows, rows, shape(count), uniforms(keys, np.zeros(count, dtype=np.int64)))
    expected = reference(logits) * count
    statistic = ((np.bincount(drawn.ids, minlength=21) - expected) ** 2 / expected).sum()
    assert statistic < 45.3


def test_rows_of_all_kinds_in_one_batch_equal_rows_alone() -> None:
    rng = np.random.default_rng(1)
    logits = torch.from_numpy(rng.normal(0, 2, (9, 600)).astype(np.float32))
    mixed = Shape(
        np.array([0, 1, 0.7, 1, 1, 2, 1, 0, 1.5]),
        np.array([0, 0, 0, 5, 0, 50, 0, 3, 0]),
        np.array([1, 1, 1, 1, 0.5, 0.9, 0.999, 1, 1]),
        np.array([0, 0, 0.1, 0, 0, 0.05, 0, 0, 0.9]),
    )
    uniform = rng.random(9)
    together = draw(logits, logits, mixed, uniform)
    for i in range(9):
        one = Shape(*(a[i : i + 1] for a in (mixed.temperature, mixed.top_k, mixed.top_p, mixed.min_p)))
        alone = draw(logits[i : i + 1], logits[i : i + 1], one, uniform[i : i + 1])
        assert alone.ids[0] == together.ids[i]
        assert alone.sampled_logprobs[0] == pytest.approx(together.sampled_logprobs[i], abs=1e-6)


def test_greedy_takes_the_lowest_of_equal_tokens() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0, 3.0], [2.0, 2.0, 2.0, 2.0]])
    drawn = draw(logits, logits, shape(2, temperature=0.0), np.array([0.9, 0.9]))
    assert drawn.ids.tolist() == [1, 0]
    assert drawn.sampled_logprobs.tolist() == [0.0, 0.0]


def test_forbidden_tokens_are_never_drawn() -> None:
    logits = torch.randn(200, 130, generator=torch.Generator().manual_seed(0))
    allowed = logits.clone()
    allowed[:, 3:] = float("-inf")
    uniform = np.linspace(0, 1 - 1e-16, 200)
    for settings in ({}, {"top_k": 20}, {"top_p": 0.99}, {"min_p": 0.01}, {"temperature": 0.0}):
        drawn = draw(logits, allowed, shape(200, **settings), uniform)
        assert drawn.ids.max() <= 2
        assert np.isfinite(drawn.sampled_logprobs).all()


def test_inverse_cdf_never_takes_a_token_of_weight_zero() -> None:
    weights = torch.zeros(5, 200)
    weights[:, [70, 150]] = torch.tensor([0.25, 0.75])
    ids, total = inverse_cdf(weights, torch.tensor([0.0, 0.2499, 0.25, 0.9, 1 - 2**-53], dtype=torch.float64))
    assert ids.tolist() == [70, 70, 150, 150, 150]
    assert total.tolist() == [1.0] * 5


def test_largest_ranks_equal_values_by_column() -> None:
    values = torch.tensor([[1.0, 5, 5, 5, 0, 5], [1.0, 2, 3, 4, 5, 6]])
    top, ids = largest(values, 2)
    assert ids.tolist() == [[1, 2], [5, 4]]
    assert top.tolist() == [[5, 5], [6, 5]]


def test_uniform_numbers_depend_on_each_of_seed_prompt_sample_and_token() -> None:
    base = row_key(1, 2, 3)
    others = [row_key(2, 2, 3), row_key(1, 3, 3), row_key(1, 2, 4), row_key(2, 1, 3), row_key(-1, 2, 3), row_key(1 << 70, 2, 3)]
    assert len({base, *others}) == 7
    keys = np.array([base] * 3, dtype=np.uint64)
    numbers = uniforms(keys, np.arange(3))
    assert len(set(numbers.tolist())) == 3
    assert numbers[1] == uniforms(keys[:1], np.array([1]))[0]


def test_uniform_numbers_are_the_published_splitmix64() -> None:
    """First outputs of SplitMix64 from state 0 (reference implementation by Vigna)."""
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    numbers = uniforms(np.zeros(3, dtype=np.uint64), np.arange(3))
    assert numbers.tolist() == [(z >> 11) * 2.0**-53 for z in expected]
