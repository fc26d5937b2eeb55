"""Token-wise losses: each is a sum over positions of a function of that position's log-probability alone.

They split anywhere. Denominators are the caller's: they sit in `weights` or `advantages`.

Notation: l = log pi(target) under the trained model, q = log-probability under the policy that sampled (`logprobs`), A =
`advantages`, w = `weights`, r = exp(l - q). Shapes: P positions (those that carry loss), K candidate targets.

Worked example, all losses at r = 1: l = q = [-1, -2], A = [1, -1], w = [1, 0.5]:
cross_entropy = 1*1 + 0.5*2 = 2; importance_sampling = -(1 - 1) = 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

Streams = Mapping[str, torch.Tensor]
Config = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TokenLoss:
    """`value(l [P] or [P, K], streams, config) -> scalar sum`. `mask` names the stream whose nonzero entries carry loss."""

    value: Callable[[Float[Tensor, " P *K"], Streams, Config], Float[Tensor, ""]]
    reads: tuple[str, ...]
    mask: str
    defaults: Config = field(default_factory=dict)
    on: str = "logprobs"
    """what is fed as the first argument: "logprobs", or "value" for losses of a value head"""


def _cross_entropy(l: Float[Tensor, " P *K"], s: Streams, c: Config) -> Float[Tensor, ""]:
    """- sum w l. With [P, K] targets: soft targets, one weight a candidate."""
    return -(s["weights"] * l).sum()


def _importance_sampling(l: Float[Tensor, " P *K"], s: Streams, c: Config) -> Float[Tensor, ""]:
    """- sum r A: the unclipped off-policy policy gradient."""
    return -(torch.exp(l - s["logprobs"]) * s["advantages"]).sum()


def _ppo(l: Float[Tensor, " P *K"], s: Streams, c: Config) -> Float[Tensor, ""]:
    """- sum min(r A, clip(r, low, high) A) (Schulman et al. 2017, arXiv 1707.06347, eq. 7), bounds on the ratio itself.

    With `dual_clip` d > 1 an answer that was worse than expected costs at most d A a token, however much likelier it has become
    (Ye et al. 2020, arXiv 1912.09729).
    """
    r, a = torch.exp(l - s["logprobs"]), s["advantages"]
    gain = torch.minimum(r * a, r.clamp(c["clip_low_threshold"], c["clip_high_threshold"]) * a)
    if c["dual_clip"] > 0:
        gain = torch.where(a < 0, torch.maximum(gain, c["dual_clip"] * a), gain)
    return -gain.sum()


def _cispo(l: Float[Tensor, " P *K"], s: Streams, c: Config) -> Float[Tensor, ""]:
    """- sum stopgrad(clip(r, low, high)) l A (MiniMax-M1, arXiv 2506.13585): every token keeps a gradient."""
    r = torch.exp(l - s["logprobs"]).clamp(c["clip_low_threshold"], c["clip_high_threshold"]).detach()
    return -(r * l * s["advantages"]).sum()


def _kl(l: Float[Tensor, " P *K"], s: Streams, c: Config) -> Float[Tensor, ""]:
    """kl sum w r k3, k3 = u - 1 - log u, u = exp(reference - l): an estimate of KL(model || reference) whose gradient is that of
    the reverse KL, since r carries one (k3 alone would follow the forward KL; Liu et al. 2025, arXiv 2510.01555)."""
    log_u = s["reference"] - l
    return c["kl"] * (s["weights"] * torch.exp(l - s["logprobs"]) * (torch.expm1(log_u) - log_u)).sum()


def _ppo_kl(l: Float[Tensor, " P *K"], s: Streams, c: Config) -> Float[Tensor, ""]:
    """`ppo`, and `kl` times the KL divergence from `reference`, weighted by `weights`."""
    return _ppo(l, s, c) + _kl(l, s, c)


def _cispo_kl(l: Float[Tensor, " P *K"], s: Streams, c: Config) -> Float[Tensor, ""]:
    """`cispo`, and `kl` times the KL divergence from `reference`, weighted by `weights`."""
    return _cispo(l, s, c) + _kl(l, s, c)


def _dro(l: Float[Tensor, " P *K"], s: Streams, c: Config) -> Float[Tensor, ""]:
    """- sum (l A - beta / 2 (l - q)^2) (Richemond et al. 2024, arXiv 2405.19107)."""
    return -(l * s["advantages"] - 0.5 * c["beta"] * (l - s["logprobs"]).square()).sum()


def _value_mse(v: Float[Tensor, " P *K"], s: Streams, c: Config) -> Float[Tensor, ""]:
    """1/2 sum w (v - returns)^2, for the value head of a slot."""
    return 0.5 * (s["weights"] * (v - s["returns"]).square()).sum()


_BOUNDS: Config = {"clip_low_threshold": 0.8, "clip_high_threshold": 1.2}
_POLICY = ("targets", "logprobs", "advantages")
_WITH_KL = (*_POLICY, "reference", "weights")

TOKEN_LOSSES: Mapping[str, TokenLoss] = {
    "cross_entropy": TokenLoss(_cross_entropy, ("targets", "weights"), "weights"),
    "importance_sampling": TokenLoss(_importance_sampling, _POLICY, "advantages"),
    "ppo": TokenLoss(_ppo, _POLICY, "advantages", {**_BOUNDS, "dual_clip": 0.0}),
    "cispo": TokenLoss(_cispo, _POLICY, "advantages", _BOUNDS),
    "ppo_kl": TokenLoss(_ppo_kl, _WITH_KL, "weights", {**_BOUNDS, "dual_clip": 0.0, "kl": 0.0}),
    "cispo_kl": TokenLoss(_cispo_kl, _WITH_KL, "weights", {**_BOUNDS, "kl": 0.0}),
    "dro": TokenLoss(_dro, _POLICY, "advantages", {"beta": 0.05}),
    "value_mse": TokenLoss(_value_mse, ("returns", "weights"), "weights", on="value"),
}
