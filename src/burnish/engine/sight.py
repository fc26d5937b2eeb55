"""Attention that does not see everything, or not as it is: sliding windows, caps of scores, and sinks.

A layer with a window sees its own position and those just before it (Beltagy et al. 2020, arXiv 2004.05150); a cap bends scores
so that none grows beyond it (Gemma 2, arXiv 2408.00118, section 2); a sink is a learned score of each head beside those of the
positions, to which attention may go and from which nothing comes (Xiao et al. 2023, arXiv 2309.17453; gpt-oss). All are plain
tensor operations, a block of queries at a time, entered only where a sequence is longer than the window, or scores have a cap or
a sink.

Shapes: T query positions, L positions looked at (the last T of them are the queries'), H heads, G key-value heads, E head
dimension, B batch, S queries that share one head of keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from burnish.engine.ops import Weight

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

BLOCK = 512
"""Queries that are computed together: scores take BLOCK (BLOCK + window) numbers a head."""


@dataclass(frozen=True, slots=True)
class Sight:
    """window: positions seen, the own included; 0 is all. cap: of scores; 0 is none. sinks [H]: None is none."""

    window: int = 0
    cap: float = 0.0
    sinks: Weight | None = None

    def differs(self, length: int) -> bool:
        """Whether attention over so many positions is other than plain causal attention."""
        return self.cap > 0 or self.sinks is not None or 0 < self.window < length


EVERYTHING = Sight()


class _SoftmaxBeside(torch.autograd.Function):
    """softmax over scores [B, G, S, L] and a sink of each head, without the sink's own share. Rows S are those of one head after
    the other."""

    @staticmethod
    def forward(ctx: Any, scores: torch.Tensor, sinks: Weight) -> torch.Tensor:
        groups, rows = scores.shape[1:3]
        heads = sinks.data.float().view(groups, -1)
        sink = heads.repeat_interleave(rows // heads.shape[1], 1)[..., None]
        most = torch.maximum(scores.amax(-1, keepdim=True), sink)
        weights, beside = torch.exp(scores - most), torch.exp(sink - most)
        total = weights.sum(-1, keepdim=True) + beside
        weights, beside = weights / total, beside / total
        ctx.save_for_backward(weights, beside)
        ctx.sinks, ctx.heads = sinks, heads.shape
        return weights

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        weights, beside = ctx.saved_tensors
        mean = (grads[0] * weights).sum(-1, keepdim=True)
        if ctx.sinks.grad is not None:
            slope = (-beside * mean).sum(0).view(*ctx.heads, -1).sum(-1)
            ctx.sinks.grad.add_(slope.view(-1))
        return weights * (grads[0] - mean), None


def attention(
    q_BGSE: Float[Tensor, "B G S E"],
    k_BGLE: Float[Tensor, "B G L E"],
    v_BGLE: Float[Tensor, "B G L E"],
    mask: Float[Tensor, "#B #G #S L"] | None,
    sight: Sight,
) -> Float[Tensor, "B G S E"]:
    """softmax(bent(q k^T / sqrt(E)) + mask) v, beside the sinks; torch's kernel where there are neither. mask: 0 or -inf, added.

    The rows S are those of one head that shares the keys after the other.
    """
    if not sight.cap and sight.sinks is None:
        return F.scaled_dot_product_attention(q_BGSE, k_BGLE, v_BGLE, attn_mask=mask)
    scores = torch.matmul(q_BGSE, k_BGLE.transpose(-1, -2)).float() * q_BGSE.shape[-1] ** -0.5
    if sight.cap:
        scores = torch.tanh(scores / sight.cap) * sight.cap
    if mask is not None:
        scores = scores + mask
    weights = torch.softmax(scores, -1) if sight.sinks is None else _SoftmaxBeside.apply(scores, sight.sinks)
    return torch.matmul(weights.to(q_BGSE.dtype), v_BGLE)  # type: ignore[union-attr]


def seen(
    q_THE: Float[Tensor, "T H E"], k_LGE: Float[Tensor, "L G E"], v_LGE: Float[Tensor, "L G E"], sight: Sight
) -> Float[Tensor, "T H E"]:
    """Causal attention of the last T of L positions of one sequence, within the window and with the cap."""
    (size, heads, width), (total, groups) = q_THE.shape, k_LGE.shape[:2]
    before, shared = total - size, heads // groups
    keys, values, outs = k_LGE.transpose(0, 1), v_LGE.transpose(0, 1), []
    for start in range(0, size, BLOCK):
        stop = min(start + BLOCK, size)
        low = max(0, before + start + 1 - sight.window) if sight.window else 0
        at_query = torch.arange(before + start, before + stop, device=q_THE.device)[:, None]
        at_key = torch.arange(low, before + stop, device=q_THE.device)
        hidden = at_key > at_query
        if sight.window:
            hidden |= at_key <= at_query - sight.window
        mask = torch.zeros(hidden.shape, dtype=q_THE.dtype, device=q_THE.device).masked_fill_(hidden, float("-inf"))
        q_GSE = q_THE[start:stop].view(stop - start, groups, shared, width).permute(1, 2, 0, 3).reshape(groups, -1, width)
        span = slice(low, before + stop)
        out = attention(q_GSE[None], keys[None, :, span], values[None, :, span], mask.repeat(shared, 1)[None, None], sight)
        outs.append(out.view(groups, shared, stop - start, width).permute(2, 0, 1, 3).reshape(stop - start, heads, width))
    return torch.cat(outs)
