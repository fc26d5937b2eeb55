"""Attention that does not see everything, or not as it is: sliding windows, and caps of scores.

A layer with a window sees its own position and those just before it (Beltagy et al. 2020, arXiv 2004.05150); a cap bends scores
so that none grows beyond it (Gemma 2, arXiv 2408.00118, section 2). Both are plain tensor operations with autograd's backward,
a block of queries at a time, and are entered only where a sequence is longer than the window, or scores have a cap.

Shapes: T query positions, L positions looked at (the last T of them are the queries'), H heads, G key-value heads, E head
dimension, B batch, S queries that share one head of keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

BLOCK = 512
"""Queries that are computed together: scores take BLOCK (BLOCK + window) numbers a head."""


@dataclass(frozen=True, slots=True)
class Sight:
    """window: positions seen, the own included; 0 is all. cap: of scores; 0 is none."""

    window: int = 0
    cap: float = 0.0


EVERYTHING = Sight()


def attention(
    q_BGSE: Float[Tensor, "B G S E"],
    k_BGLE: Float[Tensor, "B G L E"],
    v_BGLE: Float[Tensor, "B G L E"],
    mask: Float[Tensor, "#B #G #S L"] | None,
    cap: float,
) -> Float[Tensor, "B G S E"]:
    """softmax(cap tanh(q k^T / sqrt(E) / cap) + mask) v; torch's kernel where there is no cap. mask: 0 or -inf, added."""
    if not cap:
        return F.scaled_dot_product_attention(q_BGSE, k_BGLE, v_BGLE, attn_mask=mask)
    scores = torch.matmul(q_BGSE, k_BGLE.transpose(-1, -2)) * (q_BGSE.shape[-1] ** -0.5 / cap)
    scores = torch.tanh(scores) * cap
    weights = torch.softmax((scores if mask is None else scores + mask).float(), -1).to(q_BGSE.dtype)
    return torch.matmul(weights, v_BGLE)


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
        out = attention(q_GSE[None], keys[None, :, span], values[None, :, span], mask.repeat(shared, 1)[None, None], sight.cap)
        outs.append(out.view(groups, shared, stop - start, width).permute(2, 0, 1, 3).reshape(stop - start, heads, width))
    return torch.cat(outs)
