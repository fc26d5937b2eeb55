"""Causal attention over packed sequences: no padding to the longest, and no position ever sees another sequence.

Shapes: N packed positions, T positions of one sequence, H heads, G key-value heads, S = H / G heads that share one, E head
dimension, b positions of a block of queries, L keys that a block sees.
Two forms give the same numbers: "sdpa" (torch's fused kernel, one call a sequence) and "bmm" (batched products over blocks
of queries, each with the keys up to its end, so that what lies above the diagonal is hardly computed). The bmm form
keeps its softmax for backward, so its memory grows with length squared; which one is faster up to which length depends on the
machine and the precision and is measured (`engine/measure.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

BLOCK = 128
"""Queries of one block."""


@dataclass(frozen=True, slots=True)
class AttentionForm:
    """Sequences of up to `bmm_limit` positions go through "bmm", longer ones through "sdpa"."""

    bmm_limit: int = 0


def _sdpa(q_THE: torch.Tensor, k_TGE: torch.Tensor, v_TGE: torch.Tensor) -> torch.Tensor:
    out = F.scaled_dot_product_attention(
        q_THE.transpose(0, 1)[None],
        k_TGE.transpose(0, 1)[None],
        v_TGE.transpose(0, 1)[None],
        is_causal=True,
        enable_gqa=q_THE.shape[1] != k_TGE.shape[1],
    )
    return out[0].transpose(0, 1)


def _spans(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(start, length) of each sequence of a pack."""
    start = 0
    for length in lengths:
        yield start, length
        start += length


def _blocks(length: int) -> Iterator[tuple[int, int]]:
    """First and last + 1 position of each block of queries."""
    for first in range(0, length, BLOCK):
        yield first, min(first + BLOCK, length)


def _group(x_bHE: torch.Tensor, groups: int) -> torch.Tensor:
    """[b, H, E] -> [G, S b, E]: the queries of the heads that share a key-value head, side by side."""
    b, heads, width = x_bHE.shape
    return x_bHE.view(b, groups, heads // groups, width).permute(1, 2, 0, 3).reshape(groups, -1, width)


def _ungroup(x_GRE: torch.Tensor, out_bHE: torch.Tensor) -> None:
    """The inverse of `_group`, into out."""
    groups, rows, width = x_GRE.shape
    b = out_bHE.shape[0]
    out_bHE.view(b, groups, rows // b, width).copy_(x_GRE.view(groups, rows // b, b, width).permute(2, 0, 1, 3))


def _product(a: torch.Tensor, b: torch.Tensor, scale: float) -> torch.Tensor:
    out = torch.empty(a.shape[0], a.shape[1], b.shape[2], dtype=a.dtype, device=a.device)
    return torch.baddbmm(out, a, b, beta=0, alpha=scale, out=out)


class _Blocked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        groups, scale = k.shape[1], q.shape[2] ** -0.5
        out = torch.empty(q.shape, dtype=q.dtype, device=q.device)
        size = min(BLOCK, max(lengths))
        mask_bb = torch.full((size, size), float("-inf"), dtype=q.dtype, device=q.device).triu_(1)
        kept = []
        for start, length in _spans(lengths):
            for first, last in _blocks(length):
                b, rows, keys = last - first, slice(start + first, start + last), slice(start, start + last)
                scores = _product(_group(q[rows], groups), k[keys].permute(1, 2, 0), scale)
                scores.view(groups, -1, b, last)[..., first:].add_(mask_bb[:b, :b])
                weights = torch.softmax(scores, -1)
                _ungroup(torch.bmm(weights, v[keys].transpose(0, 1)), out[rows])
                kept.append(weights)
        ctx.lengths, ctx.scale = lengths, scale
        ctx.save_for_backward(q, k, v, *kept)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, None]:
        q, k, v, *kept = ctx.saved_tensors
        g_out, groups, scale = grads[0].contiguous(), k.shape[1], ctx.scale
        g_q, g_k, g_v = (torch.empty(x.shape, dtype=x.dtype, device=x.device) for x in (q, k, v))
        remaining = iter(kept)
        for start, length in _spans(ctx.lengths):
            sum_k, sum_v = (k.new_zeros(groups, length, k.shape[2]) for _ in range(2))
            for first, last in _blocks(length):
                weights, rows, keys = next(remaining), slice(start + first, start + last), slice(start, start + last)
                g = _group(g_out[rows], groups)
                sum_v[:, :last].baddbmm_(weights.transpose(1, 2), g)
                g_weights = torch.bmm(g, v[keys].permute(1, 2, 0))
                g_scores = torch.ops.aten._softmax_backward_data(g_weights, weights, -1, weights.dtype)
                _ungroup(_product(g_scores, k[keys].transpose(0, 1), scale), g_q[rows])
                sum_k[:, :last].baddbmm_(g_scores.transpose(1, 2), _group(q[rows], groups), alpha=scale)
            whole = slice(start, start + length)
            g_k[whole], g_v[whole] = sum_k.transpose(0, 1), sum_v.transpose(0, 1)
        return g_q, g_k, g_v, None


def packed_attention(
    q_NHE: torch.Tensor,
    k_NGE: torch.Tensor,
    v_NGE: torch.Tensor,
    lengths: Sequence[int],
    form: AttentionForm,
) -> torch.Tensor:
    """softmax(q k^T / sqrt(E)) v within each sequence of the pack (Vaswani et al. 2017). Returns [N, H, E]."""
    if max(lengths) <= form.bmm_limit:
        return _Blocked.apply(q_NHE, k_NGE, v_NGE, tuple(lengths))  # type: ignore[no-any-return]
    sizes = list(lengths)
    outs = []
    for q, k, v in zip(q_NHE.split(sizes), k_NGE.split(sizes), v_NGE.split(sizes), strict=True):
        short = q.shape[0] <= form.bmm_limit
        outs.append(_Blocked.apply(q, k, v, (q.shape[0],)) if short else _sdpa(q, k, v))
    return torch.cat(outs)
