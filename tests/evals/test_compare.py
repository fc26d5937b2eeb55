"""Comparison of measurements made by hand: verdicts, intervals, clusters, words."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from burnish.errors import ConfigError
from burnish.evals.compare import FEWEST, NO_DIFFERENCE, Comparison, compare
from burnish.evals.evaluation import CLUSTER, Answer, Evaluation, Item
from burnish.evals.sentences import change_sentence, latency_sentence, verdict_sentence
from burnish.types import Score


def measurement(
    losses: np.ndarray, values: np.ndarray | None = None, *, tokens: np.ndarray | None = None, groups: list[str] | None = None
) -> Evaluation:
    """losses: nats per token of each item. values: scores, NaN = the grader failed."""
    n = len(losses)
    tokens = np.full(n, 10.0) if tokens is None else tokens
    items = []
    for i in range(n):
        answers: tuple[Answer, ...] = ()
        if values is not None:
            value = float(values[i])
            score = Score(value=value, reason=f"scored {value}", error="failed" if math.isnan(value) else None)
            answers = (Answer(text=f"answer {value}", stop_reason="stop", new_tokens=3, latency_s=0.1 + 0.01 * i, score=score),)
        items.append(
            Item(
                index=i,
                source="rows.jsonl",
                line=i + 1,
                group=groups[i] if groups else str(i),
                prompt=f"question {i}",
                reference="r",
                loss_sum=float(losses[i] * tokens[i]),
                target_tokens=float(tokens[i]),
                prompt_tokens=4,
                answers=answers,
                fault=None,
            )
        )
    return Evaluation(
        items=tuple(items),
        grader=None if values is None else "exact",
        limit_tokens=8,
        samples=1,
        temperature=0.0,
        seed=0,
        loss_s=1.0,
        sampling_s=1.0,
    )


def draws(n: int = 200, seed: int = 0) -> np.random.Generator:
    return np.random.default_rng([n, seed])


def test_a_clear_fall_of_loss_is_better_and_its_mirror_worse():
    draw = draws()
    base = measurement(3 + draw.normal(0, 0.3, 200))
    trained = measurement(np.array([i.loss for i in base.items]) - 0.2 + draw.normal(0, 0.1, 200))
    there, back = compare(base, trained), compare(trained, base)
    assert (there.verdict, back.verdict) == ("better", "worse")
    change = there.loss
    assert change is not None
    assert change.low is not None
    assert change.high is not None
    assert change.low < change.delta < change.high < 0
    assert change.delta == pytest.approx(-0.2, abs=0.03)
    assert verdict_sentence(there).startswith("Better: held-out loss went from")
    assert verdict_sentence(back).startswith("Worse")


def test_loss_is_weighted_by_tokens():
    tokens = np.array([1.0] * 10 + [1000.0] * 10)
    base = measurement(np.full(20, 2.0), tokens=tokens)
    trained = measurement(np.array([3.0] * 10 + [1.9] * 10), tokens=tokens)
    change = compare(base, trained).loss
    assert change is not None
    assert change.delta == pytest.approx((10 * 1.0 - 10000 * 0.1) / 10010)


def test_better_is_never_said_inside_the_noise():
    """A model against itself under noise: "better" or "worse" is rare, and the words follow the verdict."""
    draw = draws(60)
    called = 0
    for _ in range(30):
        base = 2 + draw.normal(0, 0.5, 60)
        noise = base + draw.normal(0, 0.2, 60)
        result = compare(measurement(base), measurement(noise))
        assert result.loss is not None
        assert result.loss.detectable is not None
        called += result.verdict != NO_DIFFERENCE
        sentence = verdict_sentence(result) + change_sentence(result.loss)
        assert ("better" in sentence.lower()) == (result.verdict == "better")
        if abs(result.loss.delta) < result.loss.detectable:
            assert result.verdict == NO_DIFFERENCE
    assert called <= 1


def test_effect_between_interval_and_detectable_is_not_called():
    """2.3 standard errors: the interval excludes zero, but the effect is below what is detectable."""
    d = draws(400).normal(0, 1, 400)
    d = (d - d.mean()) / d.std(ddof=1) - 2.3 / math.sqrt(400)
    base = np.full(400, 5.0)
    change = compare(measurement(base), measurement(base + d)).loss
    assert change is not None
    assert change.high is not None
    assert change.detectable is not None
    assert change.high < 0
    assert abs(change.delta) < change.detectable
    assert change.verdict == NO_DIFFERENCE


def test_a_regular_but_tiny_change_is_not_called():
    draw = draws(100)
    base = 3 + draw.normal(0, 0.5, 100)
    change = compare(measurement(base), measurement(base - 1e-5)).loss
    assert change is not None
    assert change.high is not None
    assert change.high < 0
    assert (change.verdict, change.detectable) == (NO_DIFFERENCE, 1e-3)


def test_metric_of_right_and_wrong_has_mcnemar_and_the_specs_detectable_effect():
    n = 200
    before = np.array([0.0] * 100 + [1.0] * 100)
    after = before.copy()
    after[:60] = 1.0
    change = compare(measurement(np.ones(n), before), measurement(np.ones(n), after)).metric
    assert change is not None
    assert (change.base, change.trained, change.verdict) == (0.5, 0.8, "better")
    assert change.p_value == pytest.approx(2 * 0.5**60)
    assert change.detectable == pytest.approx(2.8 * math.sqrt(0.3 / n), rel=1e-3)


def test_no_discordant_items_is_no_difference():
    values = np.array([0.0, 1.0] * 20)
    change = compare(measurement(np.ones(40), values), measurement(np.ones(40), values)).metric
    assert change is not None
    assert (change.delta, change.p_value, change.verdict) == (0.0, 1.0, NO_DIFFERENCE)
    assert change.low == pytest.approx(-change.high)  # type: ignore[operator]
    assert change.high == pytest.approx(1.96 * math.sqrt(2 / 42 / 42), rel=1e-3), (
        "no change in 40 examples does not exclude a small one"
    )
    assert change.detectable == pytest.approx(7.849 / 40, rel=1e-3)


def test_copies_that_change_alike_count_once():
    groups = [str(i // 5) for i in range(40)]
    change = compare(measurement(np.ones(40), np.zeros(40), groups=groups), measurement(np.ones(40), np.ones(40), groups=groups))
    once = compare(measurement(np.ones(8), np.zeros(8)), measurement(np.ones(8), np.ones(8)))
    assert change.metric is not None
    assert once.metric is not None
    assert (change.metric.low, change.metric.detectable) == (once.metric.low, once.metric.detectable)


def test_scores_between_zero_and_one_have_a_t_interval():
    draw = draws(50)
    before = draw.random(50) / 2
    change = compare(measurement(np.ones(50), before), measurement(np.ones(50), before + draw.normal(0.2, 0.1, 50))).metric
    assert change is not None
    assert change.p_value is None
    assert (change.verdict, change.delta) == ("better", pytest.approx(0.2, abs=0.05))
    same = compare(measurement(np.ones(50), before), measurement(np.ones(50), before)).metric
    assert same is not None
    assert same.detectable is None, "no spread was seen: what could be detected is unknown"
    assert same.verdict == NO_DIFFERENCE


@pytest.mark.parametrize("n", [1, 2, FEWEST - 1])
def test_few_prompts_never_show_a_difference(n: int):
    result = compare(measurement(np.full(n, 5.0), np.zeros(n)), measurement(np.full(n, 1.0), np.ones(n)))
    assert result.verdict == NO_DIFFERENCE
    assert "cannot show" in verdict_sentence(result)
    assert result.loss is not None
    assert result.loss.low is None


def test_repeated_prompts_are_clusters():
    """One prompt in twenty copies is one observation: copies must not make a difference significant."""
    draw = draws(12)
    before, d = np.full(12, 3.0), draw.normal(-0.1, 0.2, 12)
    once = compare(measurement(before), measurement(before + d)).loss
    copies = [str(i) for i in range(12) for _ in range(20)]
    many = compare(measurement(np.repeat(before, 20), groups=copies), measurement(np.repeat(before + d, 20), groups=copies)).loss
    assert once is not None
    assert many is not None
    assert (many.items, many.clusters) == (240, 12)
    assert many.high - many.low == pytest.approx(once.high - once.low, rel=0.1)  # type: ignore[operator]
    assert many.verdict == once.verdict == NO_DIFFERENCE
    naive = compare(measurement(np.repeat(before, 20)), measurement(np.repeat(before + d, 20))).loss
    assert naive is not None
    assert naive.verdict == "better", "the planted bug: copies taken for observations"


def test_repeated_prompts_rule_out_mcnemar():
    groups = [str(i // 2) for i in range(40)]
    values = np.array([0.0, 1.0] * 20)
    change = compare(measurement(np.ones(40), values, groups=groups), measurement(np.ones(40), 1 - values, groups=groups)).metric
    assert change is not None
    assert change.p_value is None
    assert change.verdict == NO_DIFFERENCE


def test_check_30_errors_are_left_out_on_both_sides():
    before, after = np.array([1.0] * 10), np.array([1.0] * 10)
    after[0] = math.nan
    result = compare(measurement(np.ones(10), before), measurement(np.ones(10), after))
    assert result.metric is not None
    assert (result.metric.delta, result.metric.items, result.metric.left_out, result.errors) == (0.0, 9, 1, 1)
    assert "1 examples left out" in change_sentence(result.metric)


def test_metric_decides_and_a_contradicting_loss_is_said():
    n = 200
    draw = draws(n)
    base = 2 + draw.normal(0, 0.1, n)
    worse_loss = base + 0.5 + draw.normal(0, 0.1, n)
    before, after = np.zeros(n), np.array([1.0] * 150 + [0.0] * 50)
    result = compare(measurement(base, before), measurement(worse_loss, after))
    assert result.verdict == "better"
    assert "But the held-out loss says otherwise" in verdict_sentence(result)
    same = compare(measurement(base, before), measurement(worse_loss, before))
    assert same.verdict == "worse", "where the metric shows nothing, the loss decides"


def test_most_improved_and_worsened_are_named():
    losses = np.full(20, 2.0)
    after = losses + np.linspace(-1, 1, 20)
    before_values, after_values = np.zeros(20), np.zeros(20)
    before_values[5], after_values[12] = 1.0, 1.0
    result = compare(measurement(losses, before_values), measurement(after, after_values))
    assert [p.index for p in result.improved][:3] == [12, 0, 1], "a risen score first, then the fall of loss"
    assert [p.index for p in result.worsened][:3] == [5, 19, 18]
    assert result.improved[0].trained_reason == "scored 1.0"
    assert [p.index for p in result.side_by_side] == [0, 1, 2, 3, 4]


def test_a_prompt_is_shown_once():
    base, trained = measurement(np.full(30, 2.0), np.zeros(30)), measurement(np.full(30, 1.0), np.zeros(30))
    base, trained = (
        replace(e, items=tuple(replace(i, prompt=f"question {i.index // 10}") for i in e.items)) for e in (base, trained)
    )
    result = compare(base, trained)
    for shown in (result.improved, result.side_by_side):
        assert sorted(p.prompt for p in shown) == ["question 0", "question 1", "question 2"]


def test_nothing_that_got_worse_is_listed_as_improved():
    result = compare(measurement(np.full(8, 2.0)), measurement(np.full(8, 2.5)))
    assert result.improved == ()
    assert len(result.worsened) == 5


def test_different_examples_or_settings_are_refused():
    one = measurement(np.ones(5))
    with pytest.raises(ConfigError, match="different examples"):
        compare(one, measurement(np.ones(4)))
    with pytest.raises(ConfigError, match="different examples"):
        compare(one, replace(one, items=tuple(reversed(one.items))))
    with pytest.raises(ConfigError, match="limit_tokens: 8 and 9"):
        compare(one, replace(one, limit_tokens=9))


def test_nothing_to_compare_is_said():
    empty = replace(measurement(np.ones(2)), items=())
    result = compare(empty, empty)
    assert result.verdict == NO_DIFFERENCE
    assert "Nothing could be compared" in verdict_sentence(result)
    assert "not measured" in latency_sentence(result)


def test_latency_is_of_both_sides():
    result = compare(measurement(np.ones(10), np.ones(10)), measurement(np.ones(10), np.ones(10)))
    assert result.base_latency is not None
    assert result.base_latency.p50_s == pytest.approx(0.145)
    assert result.base_latency.tokens_per_s == pytest.approx(30.0)
    assert "0.145 s to 0.145 s" in latency_sentence(result)


def test_json_round_trip():
    draw = draws(30)
    base = measurement(2 + draw.normal(0, 0.1, 30), (draw.random(30) < 0.5).astype(float))
    result = compare(base, measurement(1.5 + draw.normal(0, 0.1, 30), (draw.random(30) < 0.5).astype(float)))
    body = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert body["verdict"] == result.verdict
    assert Comparison.from_json(body) == result


@pytest.mark.parametrize(("group", "words"), [("", "3 distinct prompts are too few"), (CLUSTER, "3 clusters are too few")])
def test_too_few_of_what_is_said(group: str, words: str):
    groups = [f"{group}{i % 3}" for i in range(30)]
    found = compare(measurement(np.full(30, 2.0), groups=groups), measurement(np.ones(30), groups=groups))
    assert found.loss is not None
    assert (found.loss.low, found.loss.clusters, found.loss.verdict) == (None, 3, NO_DIFFERENCE)
    assert words in found.loss.method


def of_kinds(evaluation: Evaluation, kinds: Sequence[str | None]) -> Evaluation:
    return replace(evaluation, items=tuple(replace(i, kind=k) for i, k in zip(evaluation.items, kinds, strict=True)))


def test_each_kind_of_question_is_compared_alone():
    kinds = ["sums", "facts"] * 20
    before, after = np.zeros(40), np.array([1.0, 0.0] * 20)
    base, trained = (of_kinds(measurement(np.ones(40), values), kinds) for values in (before, after))
    found = compare(base, trained)
    assert [(c.metric, c.items, c.base, c.trained, c.verdict) for c in found.kinds] == [
        ("facts", 20, 0.0, 0.0, NO_DIFFERENCE),
        ("sums", 20, 0.0, 1.0, "better"),
    ]
    assert Comparison.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert Evaluation.from_json(json.loads(json.dumps(base.to_json()))) == base


@pytest.mark.parametrize("kinds", [[None] * 12, ["sums"] * 12])
def test_rows_of_one_kind_are_not_listed_by_kind(kinds):
    base = of_kinds(measurement(np.ones(12), np.zeros(12)), kinds)
    assert compare(base, base).kinds == ()
