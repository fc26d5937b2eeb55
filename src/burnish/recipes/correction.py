"""Corrections for a sampler that is not quite the policy it samples for: rounded otherwise, quantised, or elsewhere. numpy alone.

Three policies: mu drew, pi_old is the trainer's at the same weights, pi is the one being trained. The objective's ratio is
pi / pi_old; each token's advantage is multiplied by a weight made of w_t = pi_old / mu, which carries no gradient:

    tokens           min(w_t, C)                      truncated importance sampling (Ionides 2008; for engines Yao et al. 2025)
    mask_tokens      w_t, but 0 outside [c, C]        masked: what was too unlikely on either side teaches nothing
    sequence         min(prod_t w_t, C)               unbiased but for the bound; of long answers few are left
    mask_sequence    prod_t w_t, but 0 outside [c, C]
    geometric        min((prod_t w_t)^(1/n), C)       which does not grow with the length n

Denominators stay as they are: what is masked counts as an answer that teaches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

Correction = Literal["none", "tokens", "mask_tokens", "sequence", "mask_sequence", "geometric"]
BOUNDS: Mapping[Correction, tuple[float, float]] = {
    "tokens": (0.0, 2.0),
    "mask_tokens": (0.5, 2.0),
    "sequence": (0.0, 3.0),
    "mask_sequence": (1 / 3, 3.0),
    "geometric": (0.0, 2.0),
}
"""c and C of each."""


def weights(trainer: np.ndarray, sampler: np.ndarray, kind: Correction) -> np.ndarray:
    """The weight of each drawn token of one answer, float64 [n], of its log-probabilities under pi_old and under mu, [n]."""
    if kind == "none":
        return np.ones(len(trainer))
    apart, (low, high) = trainer.astype(np.float64) - sampler, BOUNDS[kind]
    if "sequence" in kind:
        apart = np.full(len(apart), apart.sum())
    elif kind == "geometric":
        apart = np.full(len(apart), apart.mean() if len(apart) else 0.0)
    w = np.exp(np.clip(apart, -20.0, 20.0))
    return np.where((w < low) | (w > high), 0.0, w) if kind.startswith("mask") else np.minimum(w, high)


def mismatch(trainer: np.ndarray, sampler: np.ndarray) -> dict[str, float]:
    """How far pi_old is from mu over drawn tokens, in nats: the alarm for most silent failures, from a wrong mask to stale
    weights.

    gap, gap_max: mean and largest |log pi_old - log mu|. sampler_kl: KL(mu || pi_old) a token, as the mean of w - 1 - log w,
    which has that expectation and is never negative (Schulman 2020). Nothing of no tokens; NaN where one is not finite.
    """
    if not len(trainer):
        return {}
    apart = trainer.astype(np.float64) - sampler
    divergence = np.expm1(np.clip(apart, -20.0, 20.0)) - apart
    return {"gap": float(np.abs(apart).mean()), "gap_max": float(np.abs(apart).max()), "sampler_kl": float(divergence.mean())}


def effective_share(ratios: np.ndarray) -> float:
    """(sum w)^2 / (n sum w^2): which share of the tokens the weights leave; 1 where all weigh the same, NaN of none."""
    w = np.asarray(ratios, dtype=np.float64)
    return float(w.sum() ** 2 / (len(w) * (w**2).sum())) if len(w) and (w**2).sum() > 0 else float("nan")
