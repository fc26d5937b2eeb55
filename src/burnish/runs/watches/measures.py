"""The statistics of the monitors: change points, slopes, words that became frequent, two samples apart. numpy alone.

Every function is pure. What it is given is counted by its caller, missing scores left out.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from burnish.statistics import Interval, t_quantile

_PIECE = re.compile(r"\w+|[^\w\s]")
LONGEST = 3
"""Words of an n-gram."""
FEATURES = 1024
"""Of hashed n-grams."""


class Excursion(NamedTuple):
    """Where a cumulative sum stands, and since when it has been above 0."""

    height: float
    start: int | None
    """index of the first point of the present excursion; None where there is none"""


def rate_cusum(counts: Sequence[tuple[float, float]], base: float, raised: float) -> list[Excursion]:
    """One-sided cumulative sum of log-likelihood ratios of k events in n, rate `raised` against `base` (Page 1954, Biometrika
    41:100), after each point.

        S = max(0, S + k log(raised / base) + (n - k) log((1 - raised) / (1 - base)))

    In a stream of independent trials at the base rate a sum passes h once in at least e^h trials in the mean.
    """
    assert 0 < base < raised < 1, (base, raised)
    up, down = math.log(raised / base), math.log((1 - raised) / (1 - base))
    return _climb(k * up + (n - k) * down for k, n in counts)


def shift_cusum(values: Sequence[float], *, slack: float = 0.5) -> list[Excursion]:
    """One-sided cumulative sum of standardised values less a slack of half the shift that matters: S = max(0, S + z - slack)."""
    return _climb(v - slack for v in values)


def _climb(steps: Iterable[float]) -> list[Excursion]:
    found, height, start = [], 0.0, None
    for index, step in enumerate(steps):
        start = index if height == 0 else start
        height = max(0.0, height + step)
        start = start if height > 0 else None
        found.append(Excursion(height, start))
    return found


def slope(values: Sequence[float], level: float = 0.95) -> Interval | None:
    """Change per point of a straight line through equally spaced values (least squares), with Student's t on n - 2; None of
    fewer than 4."""
    n = len(values)
    if n < 4:
        return None
    y, x = np.asarray(values, dtype=np.float64), np.arange(n) - (n - 1) / 2
    rate = float(x @ y / (x @ x))
    rest = y - y.mean() - rate * x
    error = math.sqrt(float(rest @ rest) / (n - 2) / float(x @ x))
    half = t_quantile(0.5 + level / 2, n - 2) * error
    return Interval(rate, rate - half, rate + half, level, f"least squares over {n} points", n, error)


def partial_correlation(x: np.ndarray, y: np.ndarray, given: np.ndarray, level: float = 0.95) -> Interval | None:
    """Correlation of x and y, [n] each, with what `given`, [n, columns], says of both taken out, by least squares; interval by
    Fisher's z. None where one of them does not vary beyond it, or n is too small."""
    n, columns = len(x), given.shape[1]
    if n - columns - 3 < 8:
        return None
    design = np.column_stack([np.ones(n), given])
    a, b = (v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (np.asarray(x, float), np.asarray(y, float)))
    norm = math.sqrt(float(a @ a) * float(b @ b))
    if norm < 1e-12 * n:
        return None
    r = float(np.clip(a @ b / norm, -0.999999, 0.999999))
    error = 1 / math.sqrt(n - columns - 3)
    half = t_quantile(0.5 + level / 2, 10_000) * error
    low, high = math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)
    return Interval(r, low, high, level, "Fisher's z", n, error)


def ngrams(text: str) -> set[str]:
    """The n-grams of one to three words and signs of a text, each once, in small letters."""
    pieces = _PIECE.findall(text.lower())
    return {" ".join(pieces[i : i + n]) for n in range(1, LONGEST + 1) for i in range(len(pieces) - n + 1)}


class Enriched(NamedTuple):
    """An n-gram that became frequent. Shares are of answers."""

    text: str
    z: float
    now: float
    start: float


def enriched(
    now: Counter[str], answers_now: int, start: Counter[str], answers_start: int, *, prior: float = 500.0
) -> list[Enriched]:
    """n-grams by how much likelier they are now than at the start, the most certain first (Monroe, Colaresi & Quinn 2008,
    Political Analysis 16:372, eq. 16 and 22).

        delta_w = log (y_w + a_w) / (n + a - y_w - a_w) - log (y'_w + a_w) / (m + a - y'_w - a_w)
        z_w = delta_w / sqrt(1 / (y_w + a_w) + 1 / (y'_w + a_w))

    The Dirichlet prior a_w is that of both together, `prior` counts in all, so that rare words are not surprising.
    now, start: in how many answers each n-gram stands.
    """
    n, m = sum(now.values()), sum(start.values())
    if not n or not m:
        return []
    found = []
    for text, y in now.items():
        other = start.get(text, 0)
        a = prior * (y + other) / (n + m)
        odds = math.log((y + a) / (n + prior - y - a)) - math.log((other + a) / (m + prior - other - a))
        z = odds / math.sqrt(1 / (y + a) + 1 / (other + a))
        if z > 0:
            found.append(Enriched(text, z, y / answers_now, other / answers_start))
    return sorted(found, key=lambda e: (-e.z, -len(e.text), e.text))


def distinct(found: Sequence[Enriched], limit: int) -> list[Enriched]:
    """The first few, without those that stand in one that is kept, or hold one."""
    kept: list[Enriched] = []
    for e in found:
        if not any(f" {e.text} " in f" {k.text} " or f" {k.text} " in f" {e.text} " for k in kept):
            kept.append(e)
        if len(kept) == limit:
            break
    return kept


def auroc(positive: np.ndarray, negative: np.ndarray, level: float = 0.95) -> Interval:
    """The chance that a score of the first kind is above one of the second, ties half, with the interval of Hanley & McNeil
    1982, Radiology 143:29."""
    p, q = len(positive), len(negative)
    assert p >= 2 <= q, (p, q)
    both = np.concatenate([positive, negative])
    order = both.argsort(kind="stable")
    ranks = np.empty(p + q)
    ranks[order] = np.arange(1, p + q + 1)
    for value in np.unique(both):
        tied = both == value
        ranks[tied] = ranks[tied].mean()
    a = float((ranks[:p].sum() - p * (p + 1) / 2) / (p * q))
    one, two = a / (2 - a), 2 * a * a / (1 + a)
    error = math.sqrt(max(0.0, (a * (1 - a) + (p - 1) * (one - a * a) + (q - 1) * (two - a * a)) / (p * q)))
    half = t_quantile(0.5 + level / 2, 10_000) * error
    return Interval(a, max(0.0, a - half), min(1.0, a + half), level, "Hanley and McNeil", p + q, error)


def hashed(texts: Sequence[str]) -> np.ndarray:
    """Which n-grams stand in each text, [texts, FEATURES] of 0 and 1, rows of length 1 (CRC-32 says where)."""
    found = np.zeros((len(texts), FEATURES))
    for row, text in zip(found, texts, strict=True):
        row[[zlib.crc32(g.encode()) % FEATURES for g in ngrams(text)]] = 1.0
    return found / np.maximum(1.0, np.linalg.norm(found, axis=1, keepdims=True))


def apart(positive: Sequence[str], negative: Sequence[str], *, rounds: int = 60) -> Interval:
    """How well a classifier tells the texts apart that it was not shown: the AUROC of ridge logistic regression on hashed
    n-grams, each half judged by what the other taught (Lopez-Paz & Oquab 2017, arXiv 1610.06545). 0.5 is not at all."""
    x = np.concatenate([hashed(positive), hashed(negative)])
    y = np.repeat([1.0, 0.0], [len(positive), len(negative)])
    fold = np.concatenate([np.arange(len(positive)) % 2, np.arange(len(negative)) % 2])
    scores = np.empty(len(y))
    for side in (0, 1):
        shown, judged = fold != side, fold == side
        scores[judged] = x[judged] @ _logistic(x[shown], y[shown], rounds)
    halves = [auroc(scores[(y == 1) & (fold == s)], scores[(y == 0) & (fold == s)]) for s in (0, 1)]
    mean, error = sum(h.estimate for h in halves) / 2, math.hypot(*(h.standard_error for h in halves)) / 2
    half = t_quantile(0.975, 10_000) * error
    return Interval(mean, max(0.0, mean - half), min(1.0, mean + half), 0.95, "two halves", len(y), error)


def _logistic(x: np.ndarray, y: np.ndarray, rounds: int, ridge: float = 1e-3) -> np.ndarray:
    """Weights of logistic regression without an intercept, which an order does not need, by gradient descent."""
    weights, centred = np.zeros(x.shape[1]), y.mean()
    balance = np.where(y == 1, 0.5 / max(centred, 1e-9), 0.5 / max(1 - centred, 1e-9)) / len(y)
    for _ in range(rounds):
        wrong = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30))) - y
        weights -= 4.0 * (x.T @ (wrong * balance) + ridge * weights)
    return weights
