"""Credit: from the rewards of answers to what every token's likelihood is multiplied by. numpy alone.

Rewards stand in groups: the answers to one question. An advantage says how much better an answer is than what it is compared
with (and, of an answer in several turns, `turns` which of them it is owed to); a share says how it is spread over its tokens, the
objective's denominator included, so that losses stay sums and nothing is divided later. Missing rewards (a grader's error) are
NaN: they count in no mean, and their answers teach nothing.

Shapes: B questions of G answers; n_i tokens of answer i that the model drew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

Baseline = Literal["group", "group_scaled", "leave_one_out", "batch_scaled"]
Spread = Literal["constant", "sequence", "tokens"]
EPS = 1e-4
"""Added to standard deviations, as in TRL."""


def advantages(rewards: Sequence[np.ndarray], baseline: Baseline) -> list[np.ndarray]:
    """The advantage of each answer, group by group; NaN where its reward is.

    group: r - mean (Dr.GRPO, Liu et al. 2025, arXiv 2503.20783). group_scaled: (r - mean) / (std + eps), std of G - 1 (GRPO,
    Shao et al. 2024, arXiv 2402.03300), which weighs questions by how rarely they are answered rightly. leave_one_out: r minus
    the mean of the others (RLOO, Ahmadian et al. 2024, arXiv 2402.14740), G / (G - 1) times `group`. batch_scaled: (r - mean) /
    (std + eps) over all groups (REINFORCE++, Hu 2025, arXiv 2501.03262).

    An answer that is compared with no other gets 0, and so do all of a group whose rewards are equal, exactly.
    """
    rewards = [np.asarray(r, dtype=np.float64) for r in rewards]
    if baseline == "batch_scaled":
        known = np.concatenate([r[~np.isnan(r)] for r in rewards]) if rewards else np.empty(0)
        if len(known) < 2 or np.ptp(known) == 0:
            return [np.where(np.isnan(r), np.nan, 0.0) for r in rewards]
        mean, std = known.mean(), known.std(ddof=1)
        return [(r - mean) / (std + EPS) for r in rewards]
    return [_of_group(r, baseline) for r in rewards]


def _of_group(rewards: np.ndarray, baseline: Baseline) -> np.ndarray:
    if flat(rewards):
        return np.where(np.isnan(rewards), np.nan, 0.0)
    known = rewards[~np.isnan(rewards)]
    centred = rewards - known.mean()
    if baseline == "group_scaled":
        return centred / (known.std(ddof=1) + EPS)
    if baseline == "leave_one_out":
        return centred * len(known) / (len(known) - 1)
    return centred


def flat(rewards: np.ndarray) -> bool:
    """Whether the rewards of a group say nothing about which answer is better: fewer than two are known, or all are equal."""
    known = rewards[~np.isnan(rewards)]
    return len(known) < 2 or bool(np.ptp(known) == 0)


def shares(lengths: Sequence[int], spread: Spread, *, limit_tokens: int) -> np.ndarray:
    """What the advantage of each answer is multiplied by at each of its tokens, float64 [answers].

    lengths: n_i of all N answers whose reward is known, each of all its turns. constant: 1 / (N L), L the longest answer allowed,
    so that no length weighs more (Dr.GRPO). sequence: 1 / (N n_i), the mean over answers of the mean over tokens (GRPO): a token
    of a short answer weighs more. tokens: 1 / sum n_i (DAPO, Yu et al. 2025, arXiv 2503.14476).
    """
    n = np.asarray(lengths, dtype=np.float64)
    if spread == "constant":
        return np.full(len(n), 1.0 / (len(n) * limit_tokens)) if len(n) else n
    if spread == "sequence":
        return 1.0 / (len(n) * np.maximum(n, 1.0)) if len(n) else n
    return np.full(len(n), 1.0 / max(n.sum(), 1.0)) if len(n) else n


def overlong(length: int, *, limit_tokens: int, margin: int) -> float:
    """What is added to the reward of a long answer: 0 up to margin tokens before the limit, then falling to -1 at it (DAPO, eq.
    13). margin 0 is off."""
    over = length - (limit_tokens - margin)
    return 0.0 if margin <= 0 or over <= 0 else -min(1.0, over / margin)
