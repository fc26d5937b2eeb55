"""How sure a measurement is: intervals, paired tests, and what could have been seen at all.

Comparisons are paired: what counts is the difference per item, and where items belong together (same prompt, passage,
template) the cluster, not the item, is what was drawn (Miller 2024, "Adding Error Bars to Evals", arXiv 2411.00640).
Intervals are two-sided. Inputs are finite: an item whose score is missing is left out by the caller, on both sides,
never counted as 0. numpy only; quantiles of Student's t are computed here, from the incomplete beta function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

Numbers = Sequence[float] | np.ndarray


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its two-sided confidence interval."""

    estimate: float
    low: float
    high: float
    level: float
    """nominal coverage, such as 0.95"""
    method: str
    """in words"""
    n: int
    """items"""
    standard_error: float
    """of the estimate; for Wilson's interval, half its width over the normal quantile"""


@dataclass(frozen=True, slots=True)
class Equivalence:
    """The outcome of two one-sided tests at alpha. [low, high], of level 1 - 2 alpha, is inside the margin if
    `equivalent`."""

    estimate: float
    low: float
    high: float
    margin: float
    p_value: float
    equivalent: bool


# Proportions


def wilson(successes: float, n: int, level: float = 0.95) -> Interval:
    """Score interval of a proportion (Wilson 1927, JASA 22:209).

        (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)

    Unlike p +- z sqrt(p(1-p)/n) it stays within [0, 1] and covers near 0 and 1 and for few items. Assumes independent
    items, n > 0.
    """
    assert 0 <= successes <= n > 0, (successes, n)
    z, p = _z(level), successes / n
    scale = 1 + z * z / n
    middle = (p + z * z / (2 * n)) / scale
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / scale
    low, high = (0.0 if successes == 0 else middle - half), (1.0 if successes == n else middle + half)
    return Interval(p, low, high, level, "Wilson", n, half / z)


def pass_at_k(n: int, c: int, k: int) -> float:
    """Probability that one of k answers is right, from n answers of which c are (Chen et al. 2021, arXiv 2107.03374).

    1 - C(n-c, k) / C(n, k), which is unbiased; 1 - (1 - c/n)^k is not.
    """
    assert 0 <= c <= n >= k >= 1, (n, c, k)
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def mcnemar_exact(b: int, c: int) -> float:
    """Two-sided p-value that b and c are draws of one fair coin: items that only the first, or only the second, got
    right (McNemar 1947).

    Exact: twice the binomial tail, at most 1. Items that both or neither got right say nothing.
    """
    assert min(b, c) >= 0, (b, c)
    few, n = min(b, c), b + c
    if few == n - few:
        return 1.0
    return min(1.0, 2 * _beta(n - few, few + 1, 0.5))


def paired_proportions(b: int, c: int, n: int, level: float = 0.95) -> Interval:
    """Difference of two proportions over the same n items, (c - b) / n: b only the first got right, c only the second.

        p = (b + 1) / (n + 2), q = (c + 1) / (n + 2):    q - p +- z sqrt((p + q - (q - p)^2) / (n + 2))

    Wald's interval with one item more in each of the two cells (Bonett & Price 2012, J. Educ. Behav. Stat. 37:479): it
    covers for few items and does not shrink to a point where no item, or every one, differs. The estimate is the raw
    difference.
    """
    assert min(b, c) >= 0, (b, c)
    assert n >= max(1, b + c), (b, c, n)
    p, q = (b + 1) / (n + 2), (c + 1) / (n + 2)
    error = math.sqrt((p + q - (q - p) ** 2) / (n + 2))
    half = _z(level) * error
    low, high = max(-1.0, q - p - half), min(1.0, q - p + half)
    return Interval((c - b) / n, low, high, level, f"adjusted Wald over {n} items", n, error)


# Paired differences


def paired_mean_interval(a: Numbers, b: Numbers, level: float = 0.95) -> Interval:
    """Mean of a - b over paired items, with Student's t on n - 1 degrees of freedom (Student 1908). n >= 2."""
    d = _differences(a, b)
    error = float(d.std(ddof=1)) / math.sqrt(len(d))
    return _around(float(d.mean()), error, len(d) - 1, level, f"paired t over {len(d)} items", len(d))


def cluster_interval(differences: Numbers, clusters: Iterable[Hashable], level: float = 0.95) -> Interval:
    """Mean of values (differences per item, or scores) that come in clusters.

        SE = sqrt(G/(G-1)) / n * sqrt(sum_g (sum_{i in g} (d_i - mean))^2)

    with t on G - 1 degrees of freedom for G >= 2 clusters (Liang & Zeger 1986; Miller 2024, section 2.2). Every item
    in a cluster of its own gives the paired t interval. Assumes clusters drawn independently; with fewer than about
    10, or one that holds most items, it is too narrow.
    """
    d = _finite(differences)
    codes, groups = _codes(clusters, len(d))
    mean = float(d.mean())
    sums = np.bincount(codes, weights=d - mean, minlength=groups)
    error = math.sqrt(groups / (groups - 1) * float(sums @ sums)) / len(d)
    return _around(mean, error, groups - 1, level, f"t over {groups} clusters of {len(d)} items", len(d))


def paired_bootstrap(
    a: Numbers,
    b: Numbers,
    statistic: Callable[[np.ndarray], float] | None = None,
    *,
    draws: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
    clusters: Iterable[Hashable] | None = None,
    weights: Numbers | None = None,
) -> Interval:
    """statistic(a) - statistic(b) under resampling of items, the same on both sides (Efron 1979).

    For metrics that are no mean over items, such as a ratio of sums.

    a, b: [n] or [n, columns], a row per item. statistic: of such rows, any number of them; None = the mean over rows,
    each counted by `weights` [n], positive (tokens of an item, for a mean over tokens), or alike. clusters: [n], drawn
    whole. The interval is the expanded percentile interval (Hesterberg 2015, arXiv 1411.5279, section 4): percentiles
    moved out so that for a mean it is as wide as Student's t, since plain percentiles cover too little for few items.
    """
    x, y = _finite(a), _finite(b)
    n = len(x)
    assert x.shape == y.shape, (x.shape, y.shape)
    codes, groups = _codes(range(n) if clusters is None else clusters, n)
    random = np.random.default_rng(seed)
    if statistic is None:
        counts = np.ones(n) if weights is None else _finite(weights)
        assert counts.shape == x.shape, (counts.shape, x.shape)
        assert (counts > 0).all(), "a weight is positive"
        estimate = float((counts * (x - y)).sum() / counts.sum())
        drawn = _bootstrap_means(x - y, counts, codes, groups, draws, random)
    else:
        assert weights is None, "a statistic does its own weighting"
        estimate = float(statistic(x) - statistic(y))
        order, sizes = np.argsort(codes, kind="stable"), np.bincount(codes)
        starts = np.cumsum(sizes) - sizes
        drawn = np.empty(draws)
        for i in range(draws):
            chosen = random.integers(0, groups, groups)
            lengths = sizes[chosen]
            offsets = np.repeat(starts[chosen] - (np.cumsum(lengths) - lengths), lengths)
            rows = order[offsets + np.arange(len(offsets))]
            drawn[i] = statistic(x[rows]) - statistic(y[rows])
    tail = NormalDist().cdf(-math.sqrt(groups / (groups - 1)) * t_quantile(0.5 + level / 2, groups - 1))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    over = f"{n} items" if clusters is None else f"{groups} clusters of {n} items"
    return Interval(estimate, float(low), float(high), level, f"paired bootstrap over {over}", n, float(drawn.std(ddof=1)))


def _bootstrap_means(
    d: np.ndarray, counts: np.ndarray, codes: np.ndarray, groups: int, draws: int, random: np.random.Generator
) -> np.ndarray:
    """Means of resampled clusters: [draws]. The total over the drawn clusters by the count of what is in them."""
    sums, sizes = np.bincount(codes, weights=d * counts), np.bincount(codes, weights=counts)
    found = []
    for start in range(0, draws, chunk := max(1, 2_000_000 // groups)):
        chosen = random.integers(0, groups, (min(chunk, draws - start), groups))
        found.append(sums[chosen].sum(1) / sizes[chosen].sum(1))
    return np.concatenate(found)


def _codes(clusters: Iterable[Hashable], n: int) -> tuple[np.ndarray, int]:
    """Clusters as numbers from 0, [n], and how many there are."""
    seen: dict[Hashable, int] = {}
    codes = np.array([seen.setdefault(c, len(seen)) for c in clusters])
    assert codes.shape == (n,), (codes.shape, n)
    assert len(seen) >= 2, "one cluster has no spread"
    return codes, len(seen)


def equivalence(a: Numbers, b: Numbers, margin: float, level: float = 0.95) -> Equivalence:
    """Is the mean of a - b within +- margin? Two one-sided t tests at 1 - level (Schuirmann 1987).

    "Did not get worse" is claimed from this, never from a difference that is not significant.
    """
    assert margin > 0, margin
    d = _differences(a, b)
    mean, error, df = float(d.mean()), float(d.std(ddof=1)) / math.sqrt(len(d)), len(d) - 1
    half = t_quantile(level, df) * error
    slack = margin - abs(mean)
    if error == 0:
        p = 0.0 if slack > 0 else 1.0
    else:
        p = t_cdf(-slack / error, df)
    return Equivalence(mean, mean - half, mean + half, margin, p, p < 1 - level)


# Planning and many tests


def minimum_detectable_effect(sd_of_differences: float, n: int, power: float = 0.8, level: float = 0.05) -> float:
    """The true mean difference that a two-sided test at `level` on n paired items finds with probability `power`.

    (z_{1 - level/2} + z_power) sd / sqrt(n)        2.8 sd / sqrt(n) for the defaults (Miller 2024, section 5)
    """
    assert sd_of_differences >= 0 < n, (n, sd_of_differences)
    normal = NormalDist()
    return (normal.inv_cdf(1 - level / 2) + normal.inv_cdf(power)) * sd_of_differences / math.sqrt(n)


def minimum_detectable_effect_binary(discordant_share: float, n: int, power: float = 0.8, level: float = 0.05) -> float:
    """The same where items are right or wrong and a share q of them differs between the two sides: 2.8 sqrt(q/n).

    sd = sqrt(q). An effect of d needs at least a share d of differing items, so q is taken as at least 2.8^2 / n, where both
    are equal: with fewer seen to differ, the formula alone would promise what no such sample can show.
    """
    assert 0 <= discordant_share <= 1, discordant_share
    least = minimum_detectable_effect(1.0, n, power, level) ** 2
    return minimum_detectable_effect(math.sqrt(max(discordant_share, least)), n, power, level)


def holm(pvalues: Numbers) -> np.ndarray:
    """p-values adjusted for being several, in their order (Holm 1979).

    Reject those at most the level: the chance of any false rejection stays below it, however the tests depend on one
    another.
    """
    p = _finite(pvalues)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted


# Student's t


def t_cdf(t: float, df: float) -> float:
    """P(T <= t) for Student's t."""
    tail = 0.5 * _beta(df / 2, 0.5, df / (df + t * t))
    return 1 - tail if t > 0 else tail


@lru_cache(maxsize=256)
def t_quantile(p: float, df: float) -> float:
    """The t with P(T <= t) = p, to the precision of floats, by bisection."""
    assert 0 < p < 1 <= df, (p, df)
    if p < 0.5:
        return -t_quantile(1 - p, df)
    low, high = 0.0, 1.0
    while t_cdf(high, df) < p:
        low, high = high, 2 * high
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if t_cdf(middle, df) < p else (low, middle)
    return middle


def _beta(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function I_x(a, b): continued fraction DLMF 8.17.22 by Lentz's method."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    tiny = 1e-300
    c, d, value = 1.0, 0.0, 1.0
    for m in range(100_000):
        if m == 0:
            step = 1.0
        elif m % 2:
            k = (m - 1) // 2
            step = -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1))
        else:
            k = m // 2
            step = k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k))
        d = 1 / ((1 + step * d) or tiny)
        c = (1 + step / c) or tiny
        value *= c * d
        if abs(c * d - 1) < 1e-15 and m > 0:
            return front * (value - 1)
    raise AssertionError(f"the continued fraction does not converge for {a}, {b}, {x}")


def _z(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2)


def _around(mean: float, error: float, df: int, level: float, method: str, n: int) -> Interval:
    half = t_quantile(0.5 + level / 2, df) * error
    return Interval(mean, mean - half, mean + half, level, method, n, error)


def _finite(values: Numbers) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    assert np.isfinite(array).all(), "a missing score is left out by the caller"
    return array


def _differences(a: Numbers, b: Numbers) -> np.ndarray:
    x, y = _finite(a), _finite(b)
    assert x.shape == y.shape, (x.shape, y.shape)
    assert x.size == len(x) >= 2, f"an interval of {x.shape} differences"
    return x - y
