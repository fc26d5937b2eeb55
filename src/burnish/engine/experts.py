"""Mixtures of experts: each token passes through the few MLPs that its router chooses (Fedus et al. 2021, arXiv 2101.03961).

Tokens of one expert lie together for its products, so that an expert costs what its own tokens cost. The weights of those
chosen are computed in float32. No loss that balances experts is added.

Shapes: N tokens, D hidden, F width of an expert, E experts, C chosen ones of a token.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from burnish.engine import ops
from burnish.engine.arch import Arch
from burnish.engine.ops import Weight

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


def _part(weight: Weight, index: int, rows: int) -> Weight:
    """One expert's rows of a stacked matrix, and of its gradient."""
    span = slice(index * rows, (index + 1) * rows)
    parts = (weight.data, weight.grad, weight.bias, weight.bias_grad)
    held = None if weight.held is None else weight.held[span]
    return Weight(*(None if part is None else part[span] for part in parts), held=held)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Mixture:
    """The experts of one layer."""

    router: Weight
    gate_up: tuple[Weight, ...]
    down: tuple[Weight, ...]
    chosen: int
    normalised: bool

    @classmethod
    def of(cls, arch: Arch, name: str, weight: Callable[[str], Weight]) -> Mixture:
        """weight: the tensor of a name, with its gradient."""
        assert arch.experts is not None
        count, gate_up, down = range(arch.experts.count), weight(f"{name}.gate_up"), weight(f"{name}.down")
        return cls(
            weight(f"{name}.router"),
            tuple(_part(gate_up, e, 2 * arch.intermediate) for e in count),
            tuple(_part(down, e, arch.hidden) for e in count),
            arch.experts.chosen,
            arch.experts.normalised,
        )

    def __call__(self, x_ND: Float[Tensor, "N D"], gated: Callable[[torch.Tensor], torch.Tensor]) -> Float[Tensor, "N D"]:
        """The weighted sum of the chosen experts' outputs, in float32."""
        weights_NE = torch.softmax(ops.linear(x_ND, self.router).float(), -1)
        weights_NC, experts_NC = weights_NE.topk(self.chosen, -1)
        if self.normalised:
            weights_NC = weights_NC / weights_NC.sum(-1, keepdim=True)
        order = experts_NC.reshape(-1).argsort(stable=True)
        counts = torch.bincount(experts_NC.reshape(-1), minlength=len(self.down)).tolist()
        tokens, share = order // self.chosen, weights_NC.reshape(-1)[order]
        parts = []
        for expert, rows in enumerate(tokens.split(counts)):
            if len(rows):
                h = gated(ops.linear(x_ND[rows], self.gate_up[expert]))
                parts.append(ops.linear(h, self.down[expert]))
        out = torch.cat(parts).float() * share[:, None]
        return torch.zeros(x_ND.shape, device=x_ND.device).index_add(0, tokens, out)
