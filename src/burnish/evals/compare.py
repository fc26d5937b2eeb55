"""Two measurements of the same examples, side by side: what changed, how sure that is, and what could have been seen at
all.

Every comparison is paired by example (Miller 2024, arXiv 2411.00640): the interval is of the difference, not of the two
levels. Held-out loss is a ratio of sums, so its interval resamples examples, whole (paired bootstrap, Efron 1979); a
metric's is of the mean difference per example, and where it is right or wrong the exact McNemar test goes with it.
Examples with the same prompt, or that name the same cluster, are one cluster (`Item.group`). The minimum detectable
effect is what this many examples would show in 4 of 5 tries (two-sided 5 %): a difference inside it is never called
better or worse, however small its p-value. That bar is stricter than Holm's correction for the two metrics compared
here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from burnish import statistics
from burnish.errors import ConfigError
from burnish.evals.evaluation import CLUSTER, Evaluation, Item, plain
from burnish.evals.summary import Latency, latency_of

Verdict = Literal["better", "worse", "no measurable difference"]
NO_DIFFERENCE: Verdict = "no measurable difference"
SHOWN = 5
"""Examples shown side by side, and most improved and most worsened."""
LOSS = "held-out loss"
LEAST_LOSS = 1e-3
"""Nats per token below which a change of loss is no effect, however regular: a tenth of a percent of perplexity. A step
too small to matter moves every example the same way, and its spread would call that a success."""
FEWEST = 6
"""Clusters below which no difference is claimed: fewer cannot reject at 5 % even if all of them change the same
way (sign test)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One metric, base against trained. Interval and effect are of `delta` = trained - base; None where one example is
    all."""

    metric: str
    base: float
    trained: float
    delta: float
    low: float | None
    high: float | None
    """95 % interval of `delta`"""
    detectable: float | None
    """minimum detectable effect: 80 % power, two-sided 5 %"""
    p_value: float | None
    """exact McNemar, where it applies"""
    items: int
    clusters: int
    """distinct prompts, or clusters where the rows name them"""
    left_out: int
    """examples without this metric on one side or both"""
    lower_is_better: bool
    verdict: Verdict
    method: str
    """of the interval, in words"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One example, answered by both."""

    index: int
    source: str
    line: int
    prompt: str
    reference: str | None
    base: str | None
    trained: str | None
    """the first answer of each; None where none was drawn"""
    base_value: float | None
    trained_value: float | None
    """mean score, None where nothing was graded"""
    base_reason: str | None
    trained_reason: str | None
    base_loss: float | None
    trained_loss: float | None
    """nats per target token"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What changed between two measurements of the same examples."""

    loss: Change | None
    metric: Change | None
    improved: tuple[Pair, ...]
    """most improved first"""
    worsened: tuple[Pair, ...]
    """most worsened first"""
    side_by_side: tuple[Pair, ...]
    """the first few with answers, good or bad"""
    base_latency: Latency | None
    trained_latency: Latency | None
    errors: int
    """answers of both sides that the grader could not judge"""
    kinds: tuple[Change, ...] = ()
    """the metric of each kind of question alone, named by it; empty where the rows name no more than one"""

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was compared, the one that decides first."""
        both = [c for c in (self.metric, self.loss) if c is not None]
        return tuple(sorted(both, key=lambda c: c.verdict == NO_DIFFERENCE))

    @property
    def verdict(self) -> Verdict:
        """Of the metric where it shows a difference, else of the held-out loss."""
        return self.changes[0].verdict if self.changes else NO_DIFFERENCE

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings."""
        return plain({"verdict": self.verdict, **asdict(self)})

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> Comparison:
        """The inverse of `to_json`."""
        fields: dict[str, Any] = {k: v for k, v in body.items() if k != "verdict"}
        for key, kind in (("loss", Change), ("metric", Change), ("base_latency", Latency), ("trained_latency", Latency)):
            fields[key] = None if fields[key] is None else kind(**fields[key])
        fields["kinds"] = tuple(Change(**c) for c in fields.get("kinds", ()))
        for key in ("improved", "worsened", "side_by_side"):
            fields[key] = tuple(Pair(**p) for p in fields[key])
        return Comparison(**fields)


def compare(base: Evaluation, trained: Evaluation, *, losses: bool = True) -> Comparison:
    """Compare two measurements of the same examples, made with the same settings. losses: whether the loss of the rows' own
    answers counts, which was not trained on by who learned from answers of its own.

    Raises ConfigError when they are of different examples, tokens, graders or sampling settings.
    """
    _check_same(base, trained)
    items = list(zip(base.items, trained.items, strict=True))
    pairs = [_pair(b, t) for b, t in items]
    gain = _gain if losses else _gain_of_score
    ranked = sorted(pairs, key=gain)
    return Comparison(
        loss=_loss_change(items) if losses else None,
        metric=_metric_change(items, base.grader, base.samples) if base.grader else None,
        improved=_first_of_each_prompt(p for p in reversed(ranked) if gain(p) > (0.0, 0.0)),
        worsened=_first_of_each_prompt(p for p in ranked if gain(p) < (0.0, 0.0)),
        side_by_side=_first_of_each_prompt(p for p in pairs if p.base is not None or p.trained is not None),
        base_latency=latency_of(base),
        trained_latency=latency_of(trained),
        errors=base.errors + trained.errors,
        kinds=_kinds(items, base.samples) if base.grader else (),
    )


def _kinds(items: Sequence[tuple[Item, Item]], samples: int) -> tuple[Change, ...]:
    """The change of the metric by kind of question, in the order of their names."""
    kinds = sorted({b.kind for b, _ in items if b.kind is not None})
    if len(kinds) < 2:
        return ()
    changes = (_metric_change([pair for pair in items if pair[0].kind == kind], kind, samples) for kind in kinds)
    return tuple(c for c in changes if c is not None)


def _first_of_each_prompt(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
    """SHOWN of them, no prompt twice."""
    kept: dict[str, Pair] = {}
    for pair in pairs:
        kept.setdefault(pair.prompt, pair)
        if len(kept) == SHOWN:
            break
    return tuple(kept.values())


def _check_same(base: Evaluation, trained: Evaluation) -> None:
    settings = ("grader", "limit_tokens", "samples", "temperature", "seed")
    odd = [f"{s}: {getattr(base, s)} and {getattr(trained, s)}" for s in settings if getattr(base, s) != getattr(trained, s)]
    if odd:
        raise ConfigError(
            "the two measurements were made differently", seen="; ".join(odd), todo="measure both with the same settings"
        )
    if [i.group for i in base.items] != [i.group for i in trained.items]:
        raise ConfigError(
            "the two measurements are of different examples",
            seen=f"{len(base.items)} and {len(trained.items)} items",
            todo="measure both on the same held-out rows",
        )


def _pair(b: Item, t: Item) -> Pair:
    def first(item: Item) -> tuple[str | None, str | None]:
        if not item.answers:
            return None, None
        score = item.answers[0].score
        return item.answers[0].text, None if score is None else score.reason

    (base, base_reason), (trained, trained_reason) = first(b), first(t)
    return Pair(
        index=b.index,
        source=b.source,
        line=b.line,
        prompt=b.prompt,
        reference=b.reference,
        base=base,
        trained=trained,
        base_value=b.value,
        trained_value=t.value,
        base_reason=base_reason,
        trained_reason=trained_reason,
        base_loss=b.loss if b.target_tokens else None,
        trained_loss=t.loss if t.target_tokens else None,
    )


def _gain(pair: Pair) -> tuple[float, float]:
    """How much an example improved: its score first, then the fall of its loss."""
    scored = pair.base_value is not None and pair.trained_value is not None
    value = pair.trained_value - pair.base_value if scored else 0.0  # type: ignore[operator]
    lossy = pair.base_loss is not None and pair.trained_loss is not None
    return value, pair.base_loss - pair.trained_loss if lossy else 0.0  # type: ignore[operator]


def _gain_of_score(pair: Pair) -> tuple[float, float]:
    """How much the score of an example rose."""
    return _gain(pair)[0], 0.0


def _loss_change(items: Sequence[tuple[Item, Item]]) -> Change | None:
    """Difference of the token-weighted mean losses, over the examples that have one on both sides."""
    kept = [(b, t) for b, t in items if b.target_tokens and b.target_tokens == t.target_tokens]
    if not kept:
        return None
    before, after = np.array([b.loss for b, _ in kept]), np.array([t.loss for _, t in kept])
    tokens = np.array([b.target_tokens for b, _ in kept])
    groups = [b.group for b, _ in kept]
    interval = detectable = None
    if len(set(groups)) >= FEWEST:
        interval = statistics.paired_bootstrap(after, before, weights=tokens, clusters=groups)
        detectable = max(LEAST_LOSS, statistics.minimum_detectable_effect(interval.standard_error, 1))
    levels = float(before @ tokens / tokens.sum()), float(after @ tokens / tokens.sum())
    return _change(LOSS, *levels, interval, detectable, groups, len(items) - len(kept), lower_is_better=True)


def _metric_change(items: Sequence[tuple[Item, Item]], name: str, samples: int) -> Change | None:
    """Difference of the mean scores, over the examples that were judged on both sides."""
    kept = [(bv, tv, b.group) for b, t in items if (bv := b.value) is not None and (tv := t.value) is not None]
    if not kept:
        return None
    before, after = np.array([k[0] for k in kept]), np.array([k[1] for k in kept])
    groups = [k[2] for k in kept]
    differences, clusters = after - before, len(set(groups))
    binary = samples == 1 and bool(np.isin(np.concatenate([before, after]), (0.0, 1.0)).all())
    interval = detectable = p_value = None
    if binary and clusters == len(groups):
        p_value = statistics.mcnemar_exact(int((differences < 0).sum()), int((differences > 0).sum()))
    if clusters >= FEWEST:
        interval, detectable = _score_spread(differences, groups, clusters, binary=binary)
    levels = float(before.mean()), float(after.mean())
    left_out = len(items) - len(kept)
    return _change(name, *levels, interval, detectable, groups, left_out, lower_is_better=False, p_value=p_value)


def _score_spread(
    differences: np.ndarray, groups: Sequence[str], clusters: int, *, binary: bool
) -> tuple[statistics.Interval, float | None]:
    """Interval and detectable effect of a mean difference of scores; the effect is None where nothing tells the spread."""
    alike = bool((differences == differences[0]).all())
    if binary and (clusters == len(differences) or alike):
        lost, gained = int((differences < 0).sum()), int((differences > 0).sum())
        if alike:  # copies of a prompt that all changed alike say no more than one of them
            lost, gained = min(lost, clusters), min(gained, clusters)
        interval = statistics.paired_proportions(lost, gained, clusters)
        return interval, statistics.minimum_detectable_effect_binary((lost + gained) / clusters, clusters)
    interval = statistics.cluster_interval(differences, groups)
    error = _null_error(differences, groups)
    if binary:
        return interval, statistics.minimum_detectable_effect_binary(min(1.0, error**2 * clusters), clusters)
    return interval, statistics.minimum_detectable_effect(error, 1) if error else None


def _null_error(differences: np.ndarray, groups: Sequence[str]) -> float:
    """Standard error of a mean difference if it were 0: sqrt(sum_g (sum_i d_i)^2) / n.

    For right or wrong and distinct prompts that is sqrt(q / n), q the share that differs. Unlike the spread around the
    mean it is not 0 when every example changes the same way, as happens with few of them.
    """
    codes = np.unique(np.asarray(groups), return_inverse=True)[1].ravel()
    sums = np.bincount(codes, weights=differences)
    return math.sqrt(float(sums @ sums)) / len(differences)


def _change(
    metric: str,
    base: float,
    trained: float,
    interval: statistics.Interval | None,
    detectable: float | None,
    groups: Sequence[str],
    left_out: int,
    *,
    lower_is_better: bool,
    p_value: float | None = None,
) -> Change:
    delta, clusters = trained - base, len(set(groups))
    verdict: Verdict = NO_DIFFERENCE
    if interval is not None and detectable is not None:
        outside = not interval.low <= 0 <= interval.high and abs(delta) >= detectable
        if outside and (p_value is None or p_value < 0.05):
            verdict = "better" if (delta < 0) == lower_is_better else "worse"
    what = "cluster" if any(g.startswith(CLUSTER) for g in groups) else "distinct prompt"
    few = f"no interval: {clusters} {what}{'s are' if clusters != 1 else ' is'} too few"
    return Change(
        metric=metric,
        base=base,
        trained=trained,
        delta=delta,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        detectable=detectable,
        p_value=p_value,
        items=len(groups),
        clusters=clusters,
        left_out=left_out,
        lower_is_better=lower_is_better,
        verdict=verdict,
        method=interval.method if interval else few,
    )
