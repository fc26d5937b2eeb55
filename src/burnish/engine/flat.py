"""Many named tensors in one flat buffer, with a gradient buffer of the same layout.

One buffer means one fused optimiser call, one norm, one copy, and one tensor in a checkpoint. Views keep the names.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import torch

from burnish.engine import heap

_ALIGN = 16
"""Elements; every view starts on a 64-byte boundary, so that kernels round alike wherever a tensor lies."""


class Flat:
    """A flat float32 buffer with named views. `grad` exists from the first `need_grad` on."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], *, device: torch.device, dtype: torch.dtype = torch.float32):
        self.shapes = dict(shapes)
        self.offsets: dict[str, int] = {}
        size = 0
        for name, shape in self.shapes.items():
            self.offsets[name] = size
            size += -(-prod(shape) // _ALIGN) * _ALIGN
        self.size = size
        self.data = heap.zeros(size, device=device, dtype=dtype)
        self.grad: torch.Tensor | None = None
        self.views = self.split(self.data)
        self.grad_views: dict[str, torch.Tensor] = {}

    def split(self, buffer: torch.Tensor) -> dict[str, torch.Tensor]:
        """Named views of a buffer with this layout."""
        return {n: buffer[o : o + prod(self.shapes[n])].view(self.shapes[n]) for n, o in self.offsets.items()}

    def need_grad(self) -> None:
        if self.grad is None:
            self.grad = heap.zeros(self.size, device=self.data.device, dtype=self.data.dtype)
            self.grad_views = self.split(self.grad)
