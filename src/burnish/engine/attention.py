"""Causal attention over packed sequences: no padding, and no position ever sees another sequence.

Shapes: N packed positions, T positions of one sequence, H heads, G key-value heads, E head dimension.
Two forms give the same numbers: "sdpa" (torch's fused kernel, one call a sequence) and "bmm" (two batched products and a
softmax over groups of sequences of similar length). Which one is faster depends on length, precision and machine, and is
measured (`engine/measure.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F


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


def _bmm(q_THE: torch.Tensor, k_TGE: torch.Tensor, v_TGE: torch.Tensor, mask_TT: torch.Tensor) -> torch.Tensor:
    length, heads, width = q_THE.shape
    groups = k_TGE.shape[1]
    shared = heads // groups
    q = q_THE.view(length, groups, shared, width).permute(1, 2, 0, 3).reshape(groups, shared * length, width)
    scores = torch.bmm(q, k_TGE.permute(1, 2, 0)).view(groups * shared, length, length)
    weights = torch.softmax((scores * width**-0.5).add_(mask_TT), -1)
    out = torch.bmm(weights.view(groups, shared * length, length), v_TGE.transpose(0, 1))
    return out.view(groups, shared, length, width).permute(2, 0, 1, 3).reshape(length, heads, width)


def packed_attention(
    q_NHE: torch.Tensor,
    k_NGE: torch.Tensor,
    v_NGE: torch.Tensor,
    lengths: Sequence[int],
    form: AttentionForm,
) -> torch.Tensor:
    """softmax(q k^T / sqrt(E)) v within each sequence of the pack (Vaswani et al. 2017). Returns [N, H, E]."""
    sizes = list(lengths)
    mask: torch.Tensor | None = None
    outs = []
    for q, k, v in zip(q_NHE.split(sizes), k_NGE.split(sizes), v_NGE.split(sizes), strict=True):
        length = q.shape[0]
        if length <= form.bmm_limit:
            if mask is None:
                top = max(n for n in sizes if n <= form.bmm_limit)
                mask = torch.full((top, top), float("-inf"), device=q.device, dtype=q.dtype).triu_(1)
            outs.append(_bmm(q, k, v, mask[:length, :length]))
        else:
            outs.append(_sdpa(q, k, v))
    return torch.cat(outs)
