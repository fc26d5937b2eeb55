"""Credit: golden vectors of the advantage estimators and denominators."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.recipes import credit

NAN = float("nan")


def of(rewards: list[float], baseline: credit.Baseline) -> list[float]:
    return credit.advantages([np.array(rewards)], baseline)[0].tolist()


def test_worked_examples() -> None:
    assert of([1, 1, 1, 0], "group") == pytest.approx([0.25, 0.25, 0.25, -0.75])
    assert of([1, 1, 1, 0], "leave_one_out") == pytest.approx([1 / 3, 1 / 3, 1 / 3, -1.0])
    assert of([1, 1, 1, 0], "group_scaled") == pytest.approx([0.4999, 0.4999, 0.4999, -1.4997], abs=1e-4)
    found = credit.advantages([np.array([1.0, 0.0]), np.array([0.0, 0.0])], "batch_scaled")
    assert np.concatenate(found).tolist() == pytest.approx([1.4997, -0.4999, -0.4999, -0.4999], abs=1e-4)


@pytest.mark.parametrize("size", [2, 4, 8])
def test_leaving_one_out_is_the_centred_reward_scaled(size: int) -> None:
    rewards = np.random.default_rng(size).random(size)
    left, centred = (credit.advantages([rewards], k)[0] for k in ("leave_one_out", "group"))
    np.testing.assert_allclose(left, centred * size / (size - 1))
    np.testing.assert_allclose(left, [r - np.delete(rewards, i).mean() for i, r in enumerate(rewards)])


@pytest.mark.parametrize("baseline", ["group", "group_scaled", "leave_one_out", "batch_scaled"])
@pytest.mark.parametrize("rewards", [[0.1] * 7, [1.0, NAN], [NAN, NAN], [0.3]])
def test_rewards_that_say_nothing_give_exactly_nothing(baseline: credit.Baseline, rewards: list[float]) -> None:
    for reward, advantage in zip(rewards, of(rewards, baseline), strict=True):
        assert math.isnan(advantage) if math.isnan(reward) else advantage == 0.0
    assert credit.flat(np.array(rewards))


def test_an_error_of_the_grader_is_not_a_reward_of_zero() -> None:
    assert of([1.0, NAN, 0.0], "group")[::2] == pytest.approx([0.5, -0.5])
    assert math.isnan(of([1.0, NAN, 0.0], "leave_one_out")[1])
    assert not credit.flat(np.array([1.0, NAN, 0.0]))


@given(st.lists(st.lists(st.floats(-5, 5), min_size=2, max_size=6), min_size=1, max_size=5))
def test_groups_do_not_see_one_another(groups: list[list[float]]) -> None:
    together = credit.advantages([np.array(g) for g in groups], "group")
    for group, found in zip(groups, together, strict=True):
        np.testing.assert_allclose(found, of(group, "group"))
        assert abs(float(np.sum(found))) < 1e-9


def test_a_token_weighs_by_its_answers_length_only_where_it_should() -> None:
    lengths = [10, 100]
    assert credit.shares(lengths, "sequence", limit_tokens=200).tolist() == pytest.approx([1 / 20, 1 / 200])  # ten times as much
    assert credit.shares(lengths, "tokens", limit_tokens=200).tolist() == pytest.approx([1 / 110, 1 / 110])
    assert credit.shares(lengths, "constant", limit_tokens=200).tolist() == pytest.approx([1 / 400, 1 / 400])


@pytest.mark.parametrize("spread", ["constant", "sequence", "tokens"])
def test_no_answers_and_empty_ones_are_no_division_by_zero(spread: credit.Spread) -> None:
    assert len(credit.shares([], spread, limit_tokens=8)) == 0
    assert np.isfinite(credit.shares([0, 0], spread, limit_tokens=8)).all()


def test_the_penalty_of_long_answers() -> None:
    at = [credit.overlong(n, limit_tokens=100, margin=20) for n in (0, 80, 90, 100, 120)]
    assert at == pytest.approx([0, 0, -0.5, -1, -1])
    assert credit.overlong(100, limit_tokens=100, margin=0) == 0.0
