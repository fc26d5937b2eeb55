"""Matrix products by the fastest exact route of this machine.

ATen sends float32 products to MKL, which on some processors reaches half of what oneDNN does with the same arithmetic, and on
others more, above all where oneDNN must first copy a transposed operand. So each kind of product (`nt`, `nn`, `tn`) has its own
route; `engine/measure.py` finds out which ones are faster through oneDNN, and `use` selects them once per process. bfloat16 and
CUDA products have one route only.

oneDNN writes machine code for every new shape, which takes as long as some products (0.3 to 2 ms), and keeps a thousand of them.
So bfloat16 products on the CPU get a number of rows out of few (`rounded`): whoever lays out rows may as well lay out so many
(`pack.py` does), and where a number comes that is none of them, rows of zeros are added here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from burnish.errors import ConfigError

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

Route = str
"""Which kinds of product go through oneDNN: "aten" (none), "onednn" (all), or some, as in "onednn:nt,nn"."""

KINDS = ("nt", "nn", "tn")
CONVERTED = 1 << 18
"""Elements of a bfloat16 product that become float32 at a time, so that they are added while they are in the cache."""
_through_onednn: frozenset[str] = frozenset()


def route_of(kinds: frozenset[str]) -> Route:
    """The spelling of a route by which these kinds go through oneDNN."""
    if not kinds or kinds == frozenset(KINDS):
        return "onednn" if kinds else "aten"
    return "onednn:" + ",".join(k for k in KINDS if k in kinds)


def use(route: Route) -> None:
    """Select the route of float32 products on the CPU. Raises ConfigError for one that does not exist in this build of torch."""
    global _through_onednn
    name, colon, listed = route.partition(":")
    kinds = frozenset(listed.split(",") if colon else KINDS if name == "onednn" else ())
    if name not in ("aten", "onednn") or not kinds <= frozenset(KINDS) or (name == "aten" and colon):
        raise ConfigError(f"there is no matmul route {route!r}", todo='use "aten", "onednn" or some kinds, as in "onednn:nt,nn"')
    if kinds and not onednn_available():
        raise ConfigError("this build of torch has no oneDNN linear operator", seen=f"matmul route {route!r}", todo='use "aten"')
    _through_onednn = kinds


def current() -> Route:
    """The route in use."""
    return route_of(_through_onednn)


def onednn_available() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def _onednn(kind: str, a: torch.Tensor) -> bool:
    return kind in _through_onednn and a.dtype == torch.float32 and a.device.type == "cpu" and a.shape[0] > 0


def rounded(rows: int) -> int:
    """The next larger one of the few numbers of rows for which bfloat16 products are compiled."""
    step = _step(rows)
    return -(-rows // step) * step


def fitting(rows: int) -> int:
    """The largest of these numbers that is no larger."""
    return rows if rounded(rows) == rows else max(4, rows // _step(rows) * _step(rows))


def _step(rows: int) -> int:
    return 1 if rows <= 4 else 8 if rows <= 64 else 32 if rows <= 256 else 128


def compiles(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether products are compiled for each shape, so that few shapes should occur."""
    return dtype == torch.bfloat16 and device.type == "cpu"


def filled_up(a_NK: Float[Tensor, "N K"]) -> Float[Tensor, "M K"]:
    """a with rows of zeros up to the rounded number of rows, where products are compiled; else a itself."""
    rows = a_NK.shape[0]
    if not compiles(a_NK.device, a_NK.dtype) or (more := rounded(rows)) == rows:
        return a_NK
    out = a_NK.new_zeros(more, a_NK.shape[1])
    out[:rows] = a_NK
    return out


def _cut(out: torch.Tensor, rows: int) -> torch.Tensor:
    return out if out.shape[0] == rows else out[:rows]


def nt(a_NK: Float[Tensor, "N K"], b_MK: Float[Tensor, "M K"]) -> Float[Tensor, "N M"]:
    """a b^T, [N, M]."""
    if _onednn("nt", a_NK):
        return torch.ops.mkldnn._linear_pointwise(a_NK, b_MK, None, "none", [], "")
    return _cut(F.linear(filled_up(a_NK), b_MK), a_NK.shape[0])


def can_pack(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether `pack` works here; bfloat16 matrices only on processors with the instructions that oneDNN asks for."""
    if device.type != "cpu" or not onednn_available() or not hasattr(torch.ops.mkldnn, "_reorder_linear_weight"):
        return False
    return dtype == torch.float32 or torch.ops.mkldnn._is_mkldnn_bf16_supported()


def pack(b_MK: Float[Tensor, "M K"], rows: int) -> torch.Tensor:
    """A copy of b in the layout in which oneDNN multiplies it with about this many rows. Does not follow changes of b."""
    return torch.ops.mkldnn._reorder_linear_weight(b_MK, rows)


def nt_packed(a_NK: Float[Tensor, "N K"], packed_b: torch.Tensor) -> Float[Tensor, "N M"]:
    """a b^T, [N, M], of a matrix made by `pack`: for few rows, faster by the reordering that every other call would do again."""
    return _cut(torch.ops.mkldnn._linear_pointwise(filled_up(a_NK), packed_b, None, "none", [], ""), a_NK.shape[0])


def nn(a_NK: Float[Tensor, "N K"], b_KM: Float[Tensor, "K M"]) -> Float[Tensor, "N M"]:
    """a b, [N, M]."""
    if _onednn("nn", a_NK):
        return torch.ops.mkldnn._linear_pointwise(a_NK, b_KM.t(), None, "none", [], "")
    return _cut(torch.mm(filled_up(a_NK), b_KM), a_NK.shape[0])


def tn(a_NK: Float[Tensor, "N K"], b_NM: Float[Tensor, "N M"]) -> Float[Tensor, "K M"]:
    """a^T b, [K, M]."""
    if _onednn("tn", a_NK):
        return torch.ops.mkldnn._linear_pointwise(a_NK.t(), b_NM.t(), None, "none", [], "")
    return torch.mm(filled_up(a_NK).t(), filled_up(b_NM))


def tn_add(out_KM: Float[Tensor, "K M"], a_NK: Float[Tensor, "N K"], b_NM: Float[Tensor, "N M"]) -> None:
    """out += a^T b; out is float32 whatever the operands are."""
    if a_NK.dtype == out_KM.dtype and not _onednn("tn", a_NK):
        out_KM.addmm_(a_NK.t(), b_NM)
        return
    product = tn(a_NK, b_NM)
    if product.dtype == out_KM.dtype or out_KM.device.type != "cpu":
        out_KM.add_(product)
        return
    rows = max(1, CONVERTED // max(1, out_KM.shape[1]))  # on a CPU, torch converts all that it adds before it adds
    for some, more in zip(out_KM.split(rows), product.split(rows), strict=True):
        some.add_(more)
