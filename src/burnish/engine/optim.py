"""AdamW on flat buffers (Loshchilov & Hutter 2019, arXiv 1711.05101), with the global gradient norm bound.

The fused kernel of torch does the arithmetic. Moments are flat buffers like the parameters; decay applies to what
lies in front (`decay_end`): matrices, but no vectors and no whole rows of tokens.
"""

from __future__ import annotations

import math

import torch

from burnish.engine import heap
from burnish.engine.flat import Flat
from burnish.errors import NothingTrained
from burnish.types import AdamParams


class Adam:
    """Optimiser state of one owner of parameters. Moments are allocated at the first step."""

    def __init__(self, flat: Flat, decay_end: int | None = None) -> None:
        self.flat, self.decay_end = flat, flat.size if decay_end is None else decay_end
        self.steps = 0
        self.moments: tuple[torch.Tensor, torch.Tensor] | None = None
        self._torch: torch.optim.AdamW | None = None

    def _build(self) -> torch.optim.AdamW:
        assert self.flat.grad is not None
        if self.moments is None:
            data = self.flat.data
            first, second = (heap.zeros(self.flat.size, device=data.device, dtype=data.dtype) for _ in range(2))
            self.moments = (first, second)
        spans = [s for s in (slice(0, self.decay_end), slice(self.decay_end, self.flat.size)) if s.stop > s.start]
        groups = []
        for span in spans:
            parameter = torch.nn.Parameter(self.flat.data[span])
            parameter.grad = self.flat.grad[span]
            groups.append({"params": [parameter], "decays": span.start == 0})
        adam = torch.optim.AdamW(groups, lr=0.0, fused=True)
        for group, span in zip(adam.param_groups, spans, strict=True):
            adam.state[group["params"][0]] = {
                "step": torch.tensor(float(self.steps), device=self.flat.data.device),
                "exp_avg": self.moments[0][span],
                "exp_avg_sq": self.moments[1][span],
            }
        return adam

    def step(self, params: AdamParams) -> float:
        """Clip, update, clear the gradient. Returns the norm before clipping.

        Raises NothingTrained and changes nothing where the gradient is NaN, infinite, or was never computed.
        """
        if self.flat.grad is None:
            raise NothingTrained(
                "an optimiser step was asked for, but no gradient was computed", todo="call forward_backward first"
            )
        norm = float(torch.linalg.vector_norm(self.flat.grad))
        if not math.isfinite(norm):
            self.flat.grad.zero_()
            raise NothingTrained(
                "the gradient is not finite, so the step was not taken and the weights are as before",
                seen=f"gradient norm {norm}",
                todo="lower learning_rate, or look for broken rows with `burnish data check`",
            )
        if params.clip > 0 and norm > params.clip:
            self.flat.grad.mul_(params.clip / norm)
        if self._torch is None:
            self._torch = self._build()
        for group in self._torch.param_groups:
            group["lr"], group["betas"], group["eps"] = params.learning_rate, (params.beta1, params.beta2), params.eps
            group["weight_decay"] = params.weight_decay if group["decays"] else 0.0
        self._torch.step()
        self.flat.grad.zero_()
        self.steps += 1
        return norm

    def reset(self) -> None:
        """Forget moments and steps, and gradients that were not applied."""
        self.steps, self.moments, self._torch = 0, None, None
        if self.flat.grad is not None:
            self.flat.grad.zero_()

    def restore(self, steps: int, first: torch.Tensor, second: torch.Tensor) -> None:
        """Take over saved state; shapes are those of the flat buffer."""
        self.steps = steps
        self.moments = (first.clone(), second.clone())
        self._torch = None
