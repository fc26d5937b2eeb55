"""The output head with its loss: in chunks of positions, only where something is asked, never the whole [N, V] at once.

Shapes: P chosen positions, V vocabulary, D hidden, K candidate targets of one position.
For token-wise losses one pass over the chunks gives value and gradient together: with p = softmax(logits) and g = d loss / d l,
d loss / d logits = sum_k g_k (onehot(target_k) - p).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from burnish.engine import matmul
from burnish.engine.ops import Weight
from burnish.engine.tokens import Patch, patch_logits, take_logits_gradient

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

CHUNK_ELEMENTS = 1 << 21
"""Logits held at a time: 8 MiB in float32, so that a chunk stays in cache."""
CUDA_CHUNK_ELEMENTS = 1 << 26
"""The same on a GPU, where a call costs more than what it computes: 256 MiB."""
HELD_ELEMENTS = 1 << 24
"""Gradients of logits that are kept in the compute precision before they are multiplied: adding to the head's gradient, which is
as large as the head, costs as much for a few positions as for many."""

RARE = 1e-30
"""Below this probability its logarithm is taken from the logits, since the probability itself loses digits."""

Slope = Callable[[slice, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""(positions of this chunk, l [C, K]) -> (loss sum, d loss / d l [C, K])"""


def chunks(count: int, vocab: int, device: torch.device, elements: int = 0) -> list[slice]:
    """Consecutive spans of positions, each of at most so many logits, in sizes for which products are compiled anyhow.

    elements: spans of as many chunks as fit into so many logits, and of one where none does.
    """
    size = max(32, matmul.fitting((CUDA_CHUNK_ELEMENTS if device.type == "cuda" else CHUNK_ELEMENTS) // vocab))
    if elements > size * vocab:
        size = matmul.fitting(size * (elements // (size * vocab)))
    return [slice(i, min(i + size, count)) for i in range(0, count, size)]


def logits_of(hidden_PD: Float[Tensor, "P D"], head: Weight, patches: Sequence[Patch] = ()) -> Float[Tensor, "P V"]:
    """[P, V] in float32. patches: adapters' own rows of the head, here and below."""
    hidden = hidden_PD.to(head.data.dtype)
    logits = head.nt(hidden).float()
    patch_logits(logits, hidden, patches)
    return _capped(logits, head)


def _capped(logits: torch.Tensor, head: Weight) -> torch.Tensor:
    """cap tanh(logits / cap) in place, where the head has a cap (Gemma 2, arXiv 2408.00118, section 2)."""
    return logits.div_(head.cap).tanh_().mul_(head.cap) if head.cap else logits


def target_logprobs(
    hidden_PD: Float[Tensor, "P D"], head: Weight, targets_PK: Int[Tensor, "P K"], patches: Sequence[Patch] = ()
) -> Float[Tensor, "P K"]:
    """Log-probabilities of the targets, [P, K], without gradient."""
    out = torch.empty(targets_PK.shape, dtype=torch.float32, device=hidden_PD.device)
    with torch.no_grad():
        for span in chunks(hidden_PD.shape[0], head.data.shape[0], hidden_PD.device):
            own = [p.at(span) for p in patches]
            out[span] = torch.log_softmax(logits_of(hidden_PD[span], head, own), -1).gather(1, targets_PK[span])
    return out


def loss_and_gradient(
    hidden_PD: Float[Tensor, "P D"],
    head: Weight,
    targets_PK: Int[Tensor, "P K"],
    slope: Slope,
    patches: Sequence[Patch] = (),
) -> tuple[float, Float[Tensor, "P K"], Float[Tensor, "P D"]]:
    """One pass over the chunks. Returns (loss sum, target log-probabilities [P, K], d loss / d hidden [P, D]).

    The head's own gradient, where it is trained, is added to its buffer.
    """
    total = 0.0
    logprobs = torch.empty(targets_PK.shape, dtype=torch.float32, device=hidden_PD.device)
    gradient = torch.empty_like(hidden_PD)
    vocab, device = head.data.shape[0], hidden_PD.device
    with torch.no_grad():
        for held in chunks(hidden_PD.shape[0], vocab, device, HELD_ELEMENTS):
            count = held.stop - held.start
            hidden = matmul.filled_up(hidden_PD[held].to(head.data.dtype))
            d_logits = hidden.new_empty(hidden.shape[0], vocab)
            d_logits[count:] = 0.0
            for part in chunks(count, vocab, device):
                span = slice(held.start + part.start, held.start + part.stop)
                targets, own = targets_PK[span], [p.at(span) for p in patches]
                logits = logits_of(hidden[part], head, own)
                bent = 1 - (logits / head.cap).square_() if head.cap else None  # d capped / d logits
                probabilities = torch.softmax(logits, -1, out=logits)
                chosen = probabilities.gather(1, targets)
                logprobs[span] = chosen.log()
                rare = (chosen < RARE).any(1).nonzero()[:, 0]
                if len(rare):
                    far = logits_of(hidden[part][rare], head, [p.at(rare) for p in own])
                    logprobs[span][rare] = torch.log_softmax(far, -1).gather(1, targets[rare])
                value, slopes = slope(span, logprobs[span])
                total += float(value)
                slope_CV = probabilities.mul_(-slopes.sum(1, keepdim=True)).scatter_add_(1, targets, slopes)
                d_logits[part] = slope_CV if bent is None else slope_CV.mul_(bent)
            more = take_logits_gradient(d_logits[:count], hidden[:count], [p.at(held) for p in patches]) if patches else ()
            gradient[held] = matmul.nn(d_logits, head.data)[:count]
            for change in more:
                gradient[held] += change
            if head.grad is not None:
                matmul.tn_add(head.grad, d_logits, hidden)
    return total, logprobs, gradient
