"""Matrix products by the fastest exact route of this machine.

ATen sends float32 products to MKL, which on some processors reaches half of what oneDNN does with the same arithmetic.
`use` selects the route once per process; `engine/measure.py` finds out which one is faster. bfloat16 and CUDA products have one
route only.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F

Route = Literal["aten", "onednn"]
_route: Route = "aten"


def use(route: Route) -> None:
    """Select the route of float32 products on the CPU."""
    global _route
    if route == "onednn" and not onednn_available():
        raise ValueError("this build of torch has no oneDNN linear operator")
    _route = route


def current() -> Route:
    return _route


def onednn_available() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def _onednn(a: torch.Tensor) -> bool:
    return _route == "onednn" and a.dtype == torch.float32 and a.device.type == "cpu" and a.shape[0] > 0


def nt(a_NK: torch.Tensor, b_MK: torch.Tensor) -> torch.Tensor:
    """a b^T, [N, M]."""
    if _onednn(a_NK):
        return torch.ops.mkldnn._linear_pointwise(a_NK, b_MK, None, "none", [], "")
    return F.linear(a_NK, b_MK)


def can_pack(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether `pack` works here; bfloat16 matrices only on processors with the instructions that oneDNN asks for."""
    if device.type != "cpu" or not onednn_available() or not hasattr(torch.ops.mkldnn, "_reorder_linear_weight"):
        return False
    return dtype == torch.float32 or torch.ops.mkldnn._is_mkldnn_bf16_supported()


def pack(b_MK: torch.Tensor, rows: int) -> torch.Tensor:
    """A copy of b in the layout in which oneDNN multiplies it with about this many rows. Does not follow changes of b."""
    return torch.ops.mkldnn._reorder_linear_weight(b_MK, rows)


def nt_packed(a_NK: torch.Tensor, packed_b: torch.Tensor) -> torch.Tensor:
    """a b^T, [N, M], of a matrix made by `pack`: for few rows, faster by the reordering that every other call would do again."""
    return torch.ops.mkldnn._linear_pointwise(a_NK, packed_b, None, "none", [], "")


def nn(a_NK: torch.Tensor, b_KM: torch.Tensor) -> torch.Tensor:
    """a b, [N, M]."""
    if _onednn(a_NK):
        return torch.ops.mkldnn._linear_pointwise(a_NK, b_KM.t(), None, "none", [], "")
    return torch.mm(a_NK, b_KM)


def tn(a_NK: torch.Tensor, b_NM: torch.Tensor) -> torch.Tensor:
    """a^T b, [K, M]."""
    if _onednn(a_NK):
        return torch.ops.mkldnn._linear_pointwise(a_NK.t(), b_NM.t(), None, "none", [], "")
    return torch.mm(a_NK.t(), b_NM)


def tn_add(out_KM: torch.Tensor, a_NK: torch.Tensor, b_NM: torch.Tensor) -> None:
    """out += a^T b; out is float32 whatever the operands are."""
    if a_NK.dtype == out_KM.dtype and not _onednn(a_NK):
        out_KM.addmm_(a_NK.t(), b_NM)
    else:
        out_KM.add_(tn(a_NK, b_NM))
