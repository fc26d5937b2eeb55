"""Set-wise losses: each looks at the log-probabilities of a whole set of sequences (a pair, a group) at once.

The engine computes the log-probabilities, calls the loss on them, and turns d loss / d log-probability into one weighted
likelihood backward (exact, by the chain rule). Sets are named by the stream "set"; the order of Datums is the order in the set.

Shapes: S sequences of one set; sequence i has P_i positions that carry weight. L_i = sum_t w_t l_t.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

Streams = Mapping[str, torch.Tensor]
Config = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SetLoss:
    """`value(per-sequence l [P_i], per-sequence streams, config) -> scalar` for one set of `size` sequences (0 = any)."""

    value: Callable[[Sequence[Float[Tensor, " P_i"]], Sequence[Streams], Config], Float[Tensor, ""]]
    reads: tuple[str, ...]
    mask: str
    size: int
    defaults: Config = field(default_factory=dict)
    on: str = "logprobs"


def _sums(l: Sequence[torch.Tensor], s: Sequence[Streams]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Weighted sequence log-probabilities under the model and under the reference (`logprobs`)."""
    return [(x * y["weights"]).sum() for x, y in zip(l, s, strict=True)], [(y["logprobs"] * y["weights"]).sum() for y in s]


def _dpo(l: Sequence[Float[Tensor, " P_i"]], s: Sequence[Streams], c: Config) -> Float[Tensor, ""]:
    """- log sigmoid(beta ((L_w - ref_w) - (L_l - ref_l))) (Rafailov et al. 2023, arXiv 2305.18290, eq. 7).

    The chosen sequence comes first. With `label_smoothing` e, cDPO: (1 - e) and e weigh the two directions.
    """
    model, reference = _sums(l, s)
    margin = c["beta"] * ((model[0] - reference[0]) - (model[1] - reference[1]))
    smoothing = c["label_smoothing"]
    return -(1 - smoothing) * F.logsigmoid(margin) - smoothing * F.logsigmoid(-margin)


def _bradley_terry(scores: Sequence[Float[Tensor, " P_i"]], s: Sequence[Streams], c: Config) -> Float[Tensor, ""]:
    """- log sigmoid(score_chosen - score_rejected - margin), the reward-model loss (Christiano et al. 2017)."""
    return -F.logsigmoid(scores[0].sum() - scores[1].sum() - c["margin"])


def _gspo(l: Sequence[Float[Tensor, " P_i"]], s: Sequence[Streams], c: Config) -> Float[Tensor, ""]:
    """- min(s A, clip(s, low, high) A), s = exp(mean_t (l - q)): the ratio of a whole answer, its length taken out (GSPO, Zheng
    et al. 2025, arXiv 2507.18071, eq. 5 to 7). Every answer is a set of its own; A is the same at all its tokens."""
    ratio, a = torch.exp((l[0] - s[0]["logprobs"]).mean()), s[0]["advantages"][0]
    return -torch.minimum(ratio * a, ratio.clamp(c["clip_low_threshold"], c["clip_high_threshold"]) * a)


SET_LOSSES: Mapping[str, SetLoss] = {
    "dpo": SetLoss(_dpo, ("targets", "weights", "logprobs"), "weights", 2, {"beta": 0.1, "label_smoothing": 0.0}),
    "gspo": SetLoss(
        _gspo,
        ("targets", "logprobs", "advantages"),
        "advantages",
        1,
        {"clip_low_threshold": 1 - 3e-4, "clip_high_threshold": 1 + 4e-4},
    ),
    "bradley_terry": SetLoss(_bradley_terry, (), "", 2, {"margin": 0.0}, on="score"),
}
