"""One measurement in numbers: loss, perplexity, the metric with its interval, speed.

Intervals are 95 %: Wilson's for right or wrong with one answer per cluster, else Student's t over clusters of
examples with the same prompt (Miller 2024, arXiv 2411.00640). Errors of the grader are left out of the metric and
counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from burnish import statistics
from burnish.evals.evaluation import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Of drawing answers, with up to `evaluate.IN_FLIGHT` requests sharing the machine."""

    p50_s: float
    p95_s: float
    tokens_per_s: float
    """over all requests"""
    new_tokens: float
    """mean per answer"""
    answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One measurement in numbers; None where nothing was measured."""

    items: int
    faults: int
    """items whose loss or answers are missing"""
    target_tokens: float
    loss: float | None
    """nats per target token"""
    perplexity: float | None
    bits_per_token: float | None
    metric: str | None
    """the grader's name"""
    value: float | None
    """mean score"""
    low: float | None
    high: float | None
    graded: int
    """items with a score"""
    errors: int
    """answers that the grader could not judge; they are in no mean"""
    cut_answers: int
    """answers that reached the token limit instead of stopping"""
    latency: Latency | None
    marks: dict[str, int] = field(default_factory=dict)
    """what the grader saw beside the score, and in how many answers"""

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, numbers and strings."""
        return asdict(self)


def summarise(evaluation: Evaluation) -> Summary:
    """The numbers of one measurement."""
    items = evaluation.items
    tokens = math.fsum(i.target_tokens for i in items)
    loss = math.fsum(i.loss_sum for i in items) / tokens if tokens else None
    values = [(v, i.group) for i in items if (v := i.value) is not None]
    value = sum(v for v, _ in values) / len(values) if values else None
    interval = _interval(values)
    return Summary(
        items=len(items),
        faults=sum(i.fault is not None for i in items),
        target_tokens=tokens,
        loss=loss,
        perplexity=perplexity(loss),
        bits_per_token=None if loss is None else loss / math.log(2),
        metric=evaluation.grader,
        value=value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        graded=len(values),
        errors=evaluation.errors,
        cut_answers=sum(a.stop_reason == "length" for i in items for a in i.answers),
        latency=latency_of(evaluation),
        marks=dict(sorted(Counter(mark for i in items for a in i.answers if a.score for mark in a.score.marks).items())),
    )


def _interval(values: Sequence[tuple[float, str]]) -> statistics.Interval | None:
    """Of the mean of (value, group) pairs; None where one group has no spread to tell it from."""
    scores, groups = [v for v, _ in values], [g for _, g in values]
    distinct = len(set(groups))
    if scores and distinct == len(groups) and set(scores) <= {0.0, 1.0}:
        return statistics.wilson(sum(scores), len(scores))
    return statistics.cluster_interval(scores, groups) if distinct >= 2 else None


def perplexity(loss: float | None) -> float | None:
    """exp(loss), or None where it is beyond a float's range."""
    return math.exp(loss) if loss is not None and loss < 700 else None


def latency_of(evaluation: Evaluation) -> Latency | None:
    """Percentiles over all answers, or None without any."""
    answers = [a for i in evaluation.items for a in i.answers]
    if not answers:
        return None
    seconds = np.array([a.latency_s for a in answers])
    drawn = sum(a.new_tokens for a in answers)
    return Latency(
        p50_s=float(np.percentile(seconds, 50)),
        p95_s=float(np.percentile(seconds, 95)),
        tokens_per_s=drawn / evaluation.sampling_s if evaluation.sampling_s > 0 else 0.0,
        new_tokens=drawn / len(answers),
        answers=len(answers),
    )
