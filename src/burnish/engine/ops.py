"""The tensor functions of a block, each with its own backward where autograd's would cost memory or passes.

Shapes: N packed positions, D hidden, H heads, G key-value heads, E head dimension, F intermediate.
Weight gradients are added in place to the buffers of their owners (`Weight.grad`), never returned through autograd, so
that accumulation over units needs no second buffer and an untouched owner costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from burnish.engine import matmul, native
from burnish.engine.quantised import Quantised

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@dataclass(slots=True)
class Weight:
    """A matrix [out, in] (or vector) in compute precision, and where its gradient goes (None = frozen)."""

    data: torch.Tensor
    """empty where `held` stands for it"""
    grad: torch.Tensor | None = None
    bias: torch.Tensor | None = None
    bias_grad: torch.Tensor | None = None
    packed: torch.Tensor | None = None
    """a copy made by `matmul.pack`, used in place of `data` (only ever of weights that do not change)"""
    cap: float = 0.0
    """of a head: logits become cap tanh(logits / cap); 0 is none"""
    held: Quantised | None = None
    """the matrix in fewer bits (only ever of a frozen one)"""

    def nt(self, x: torch.Tensor) -> torch.Tensor:
        """x W^T [N, out]."""
        if self.held is not None:
            return self.held.nt(x)
        return matmul.nt(x, self.data) if self.packed is None else matmul.nt_packed(x, self.packed)

    def nn(self, g: torch.Tensor) -> torch.Tensor:
        """g W [N, in], the way back."""
        return matmul.nn(g, self.data) if self.held is None else self.held.nn(g)


@dataclass(slots=True)
class Factors:
    """One adapter's low-rank factors for one fused matrix.

    a [m r, in] stacks the A of the m targeted modules; b holds (first output column, B [out, r]) of each of them, in order.
    """

    a: torch.Tensor
    b: tuple[tuple[int, torch.Tensor], ...]
    scale: float
    a_grad: torch.Tensor | None = None
    b_grad: tuple[torch.Tensor, ...] = ()


@dataclass(slots=True)
class Segment:
    """The packed positions `rows` pass through `factors`, their product multiplied by `weight`."""

    factors: Factors
    weight: float
    rows: slice | torch.Tensor


@dataclass(slots=True)
class Group:
    """Rows of K adapters of one shape, which pass through all their factors at once. Nothing is trained through it.

    a [K, in, m r] and b (first output column, [K, r, out]) as in `Factors`, those of all adapters side by side. rows [K P]: which
    row stands at each of an adapter's P places; scale [K, P, 1] float32: what its product is multiplied by. taken [n]: the places
    at which a row stands; what is computed at the others is left there. None = all.
    """

    a: torch.Tensor
    b: tuple[tuple[int, torch.Tensor], ...]
    rows: torch.Tensor
    scale: torch.Tensor
    taken: torch.Tensor | None = None


Passage = Segment | Group


def _add_product(out: torch.Tensor, a: torch.Tensor, b: torch.Tensor, scale: float) -> None:
    """out += scale a b, in one pass unless products are compiled for each number of rows."""
    if matmul.compiles(out.device, out.dtype):
        out.add_(matmul.nn(a, b), alpha=scale)
    else:
        out.addmm_(a, b, alpha=scale)


def _low_rank(y: torch.Tensor, x: torch.Tensor, s: Segment) -> torch.Tensor:
    """Add one segment's low-rank product to y in place; returns x A^T [n, m r]."""
    x_rows = x[s.rows]
    h = matmul.nt(x_rows, s.factors.a)
    scale, start = s.factors.scale * s.weight, 0
    for column, b in s.factors.b:
        out, rank = b.shape
        part = h[:, start : start + rank]
        if isinstance(s.rows, slice):
            _add_product(y[s.rows, column : column + out], part, b.t(), scale)
        else:
            y[:, column : column + out].index_add_(0, s.rows, matmul.nt(part, b), alpha=scale)
        start += rank
    return h


def _low_rank_grouped(y: torch.Tensor, x: torch.Tensor, g: Group) -> None:
    """Add a group's low-rank products to y in place."""
    adapters, places, _ = g.scale.shape
    h = torch.bmm(x.index_select(0, g.rows).view(adapters, places, -1), g.a)
    h = (h * g.scale).to(h.dtype)
    rows = g.rows if g.taken is None else g.rows[g.taken]
    start = 0
    for column, b in g.b:
        _, rank, out = b.shape
        found = torch.bmm(h[:, :, start : start + rank], b).view(adapters * places, out)
        y[:, column : column + out].index_add_(0, rows, found if g.taken is None else found[g.taken])
        start += rank


def _low_rank_backward(gx: torch.Tensor | None, gy: torch.Tensor, x: torch.Tensor, h: torch.Tensor, s: Segment) -> None:
    f, scale = s.factors, s.factors.scale * s.weight
    gh = torch.empty_like(h)
    gy_rows = gy[s.rows]
    start = 0
    for i, (column, b) in enumerate(f.b):
        out, rank = b.shape
        g = gy_rows[:, column : column + out]
        gh[:, start : start + rank] = matmul.nn(g, b)
        if f.b_grad:
            f.b_grad[i].add_(matmul.tn(g, h[:, start : start + rank]), alpha=scale)
        start += rank
    gh.mul_(scale)
    if f.a_grad is not None:
        f.a_grad.add_(matmul.tn(gh, x[s.rows]))
    if gx is not None:
        if isinstance(s.rows, slice):
            _add_product(gx[s.rows], gh, f.a, 1.0)
        else:
            gx.index_add_(0, s.rows, matmul.nn(gh, f.a))


def _product(x: torch.Tensor, weight: Weight) -> torch.Tensor:
    y = weight.nt(x)
    if weight.bias is not None:
        y += weight.bias
    return y


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: Weight, segments: Sequence[Segment]) -> torch.Tensor:
        y = _product(x, weight)
        hidden = [_low_rank(y, x, s) for s in segments]
        trains = weight.grad is not None or any(s.factors.a_grad is not None for s in segments)
        ctx.weight, ctx.segments, ctx.trains = weight, segments, trains
        ctx.save_for_backward(*([x, *hidden] if trains else hidden))
        return y

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, None, None]:
        gy = grads[0]
        weight, saved = ctx.weight, list(ctx.saved_tensors)
        x = saved.pop(0) if ctx.trains else gy.new_empty(0)
        if weight.grad is not None:
            matmul.tn_add(weight.grad, gy, x)
        if weight.bias_grad is not None:
            weight.bias_grad.add_(gy.sum(0))
        gx = weight.nn(gy) if ctx.needs_input_grad[0] else None
        for h, s in zip(saved, ctx.segments, strict=True):
            _low_rank_backward(gx, gy, x, h, s)
        return gx, None, None


def linear(x_ND: Float[Tensor, "N D"], weight: Weight, segments: Sequence[Passage] = ()) -> Float[Tensor, "N M"]:
    """x W^T + bias, plus each segment's low-rank product. The one place where weights meet activations.

    Here and below, no autograd function is entered where no gradient can follow: entering one costs more than a small product.
    """
    if not torch.is_grad_enabled():
        y = _product(x_ND, weight)
        for passage in segments:
            _low_rank(y, x_ND, passage) if isinstance(passage, Segment) else _low_rank_grouped(y, x_ND, passage)
        return y
    return _Linear.apply(x_ND, weight, segments)  # type: ignore[no-any-return]


def _normalise(x: torch.Tensor, weight: Weight, eps: float, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    if native.takes_norm(x, weight.data, weight.grad, dtype):
        return native.rms(x, weight.data, eps, dtype)
    x32 = x.float()
    rstd = torch.linalg.vector_norm(x32, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(eps).rsqrt_()
    return torch.mul(x32, rstd).mul_(weight.data).to(dtype), rstd


class _RMSNorm(torch.autograd.Function):
    """With n = x / rms(x), g the output's gradient and w the weight:

    d x = rstd (g w - n mean(g w n)), d w = sum over rows of g n. Both sums come from one product t = g x, by two
    matrix-vector products, so that few passes over memory are made.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: Weight, eps: float, dtype: torch.dtype) -> torch.Tensor:
        out, rstd = _normalise(x, weight, eps, dtype)
        ctx.save_for_backward(x, rstd)
        ctx.weight = weight
        return out

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        x, rstd = ctx.saved_tensors
        weight = ctx.weight
        if native.takes(grads[0]) and native.takes_norm(x, weight.data, weight.grad, grads[0].dtype):
            return native.rms_back(grads[0], x, weight.data, rstd, weight.grad), None, None, None
        gy, x32 = grads[0].float(), x.float()
        t = gy * x32
        flat, rstd_1 = t.view(-1, t.shape[-1]), rstd.view(-1)
        if weight.grad is not None:
            weight.grad.addmv_(flat.t(), rstd_1)
        slope = torch.mv(flat, weight.data).mul_(rstd_1).mul_(rstd_1).mul_(rstd_1).div_(-x.shape[-1])
        torch.mul(gy, weight.data, out=t).mul_(rstd).addcmul_(x32, slope.view(rstd.shape))
        return t.to(x.dtype), None, None, None


def rms_norm(x: Float[Tensor, "*N D"], weight: Weight, eps: float, dtype: torch.dtype) -> Float[Tensor, "*N D"]:
    """x / rms(x) * weight over the last dimension, computed in float32 (Zhang & Sennrich 2019, arXiv 1910.07467)."""
    if not torch.is_grad_enabled():
        return _normalise(x, weight, eps, dtype)[0]
    return _RMSNorm.apply(x, weight, eps, dtype)  # type: ignore[no-any-return]


def _rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """(x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin) over the two halves of the last dimension; the first half of `sin` is
    negative. On whole heads, because a loop over half of one is too short for vector instructions."""
    if native.takes_turn(x, cos, sin):
        return native.rope(x, cos, sin)
    half = x.shape[-1] // 2
    turned = torch.cat((x[..., half:], x[..., :half]), -1)
    return torch.mul(x, cos).addcmul_(turned, sin)


class _Rope(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(cos, sin)
        return _rotate(x, cos, sin)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        if native.takes_turn(grads[0], cos, sin):
            return native.rope(grads[0], cos, sin, -1.0), None, None
        return _rotate(grads[0], cos, -sin), None, None


def rope(
    x_NHE: Float[Tensor, "N H E"], cos_N1E: Float[Tensor, "N 1 T"], sin_N1E: Float[Tensor, "N 1 T"]
) -> Float[Tensor, "N H E"]:
    """Rotary embedding (Su et al. 2021, arXiv 2104.09864), half-split convention; cos and sin are [N, 1, T], as
    `Decoder.turns` gives them; where they are narrower than a head, its other dimensions stay as they are."""
    turned = cos_N1E.shape[-1]
    if turned < x_NHE.shape[-1]:
        return torch.cat((rope(x_NHE[..., :turned], cos_N1E, sin_N1E), x_NHE[..., turned:]), -1)
    if not torch.is_grad_enabled():
        return _rotate(x_NHE, cos_N1E, sin_N1E)
    return _Rope.apply(x_NHE, cos_N1E, sin_N1E)  # type: ignore[no-any-return]


def _gate(gate_up: torch.Tensor) -> torch.Tensor:
    if native.takes_gate(gate_up):
        return native.swiglu(gate_up)
    width = gate_up.shape[-1] // 2
    return F.silu(gate_up[:, :width]).mul_(gate_up[:, width:])


class _SwiGLU(torch.autograd.Function):
    """In torch silu(gate) is kept for backward: computing the exponential again costs more than the memory."""

    @staticmethod
    def forward(ctx: Any, gate_up: torch.Tensor) -> torch.Tensor:
        if native.takes_gate(gate_up):
            ctx.save_for_backward(gate_up)
            return native.swiglu(gate_up)
        width = gate_up.shape[-1] // 2
        silu = F.silu(gate_up[:, :width])
        ctx.save_for_backward(gate_up, silu)
        return silu * gate_up[:, width:]

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
        gate_up, *kept = ctx.saved_tensors
        if not kept:
            return native.swiglu_back(gate_up, grads[0])
        silu = kept[0]
        gy, width = grads[0], gate_up.shape[-1] // 2
        out = torch.empty_like(gate_up)
        torch.mul(gy, silu, out=out[:, width:])
        torch.ops.aten.silu_backward.grad_input(gy * gate_up[:, width:], gate_up[:, :width], grad_input=out[:, :width])
        return out


def clamped_swiglu(gate_up_N2F: Float[Tensor, "N W"], sharpness: float, limit: float) -> Float[Tensor, "N W//2"]:
    """(up + 1) gate sigmoid(sharpness gate), gate kept below the limit, up within it on both sides (gpt-oss). Returns [N, F]."""
    width = gate_up_N2F.shape[-1] // 2
    gate, up = gate_up_N2F[:, :width].clamp(max=limit), gate_up_N2F[:, width:].clamp(-limit, limit)
    return (up + 1) * gate * torch.sigmoid(sharpness * gate)


class _GeGLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate_up: torch.Tensor) -> torch.Tensor:
        width = gate_up.shape[-1] // 2
        ctx.save_for_backward(gate_up)
        return F.gelu(gate_up[:, :width], approximate="tanh").mul_(gate_up[:, width:])

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
        (gate_up,) = ctx.saved_tensors
        gy, width = grads[0], gate_up.shape[-1] // 2
        gate, out = gate_up[:, :width], torch.empty_like(gate_up)
        torch.mul(gy, F.gelu(gate, approximate="tanh"), out=out[:, width:])
        out[:, :width] = torch.ops.aten.gelu_backward(gy * gate_up[:, width:], gate, approximate="tanh")
        return out


def geglu(gate_up_N2F: Float[Tensor, "N W"]) -> Float[Tensor, "N W//2"]:
    """gelu(gate) * up with the tanh approximation of GELU (Shazeer 2020, arXiv 2002.05202). Returns [N, F]."""
    return _GeGLU.apply(gate_up_N2F)  # type: ignore[no-any-return]


def swiglu(gate_up_N2F: Float[Tensor, "N W"]) -> Float[Tensor, "N W//2"]:
    """silu(gate) * up (Shazeer 2020, arXiv 2002.05202); the two halves lie side by side. Returns [N, F]."""
    if not torch.is_grad_enabled():
        return _gate(gate_up_N2F)
    return _SwiGLU.apply(gate_up_N2F)  # type: ignore[no-any-return]
