"""Drawing the next token: which distribution, and which of its tokens.

The distribution of a row: logits, plus bias, minus what a constraint forbids; divided by the temperature; then top-k (Fan et al.
2018, arXiv 1805.04833), top-p (Holtzman et al. 2020, arXiv 1904.09751) and min-p (Nguyen et al. 2024, arXiv 2407.01082), each on
what the one before has left, renormalised. Tokens of equal probability rank by id, so top_k = 1 is greedy.

The draw is the inverse of that distribution's cumulative sum at a uniform number that depends on (seed, prompt, sample,
token) and nothing else: a row draws the same token whatever shares its batch. The numbers come from SplitMix64 (Steele, Lea &
Flood 2014), used as a hash of a counter.

Shapes: R rows, V vocabulary, C candidates (the likeliest tokens of a row).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

_WORD = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_BLOCK = 64
"""Tokens summed at once by the inverse of the cumulative sum."""
_CANDIDATES = 128
"""How many of the likeliest tokens are looked at first for top-p; rows whose mass lies wider are sorted whole."""


def _mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _WORD
    return z ^ (z >> 31)


def row_key(seed: int, prompt: int, sample: int) -> int:
    """The 64 bits from which every draw of one sample follows."""
    key = 0
    for part in (seed, prompt, sample):
        key = _mix((key + part + _GOLDEN) & _WORD)
    return key


def uniforms(keys_R: np.ndarray, counts_R: np.ndarray) -> np.ndarray:
    """float64 [R] in [0, 1): the number for token `counts` of the sample with this key (both integers)."""
    z = keys_R.astype(np.uint64) + (counts_R.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """How each row of a batch is drawn; numpy arrays [R]."""

    temperature: np.ndarray
    top_k: np.ndarray
    top_p: np.ndarray
    min_p: np.ndarray

    def kinds(self, vocab: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row numbers that are greedy, that need no ranking of tokens, and that need one."""
        greedy = self.temperature == 0
        ranked = ~greedy & (((self.top_k > 0) & (self.top_k < vocab)) | (self.top_p < 1))
        return greedy.nonzero()[0], (~greedy & ~ranked).nonzero()[0], ranked.nonzero()[0]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One token a row: `logprobs` under the model's own distribution, `sampled_logprobs` under the one drawn from."""

    ids: np.ndarray
    logprobs: np.ndarray
    sampled_logprobs: np.ndarray


def draw(
    logits_RV: Float[Tensor, "R V"], allowed_RV: Float[Tensor, "R V"], shape: Shape, uniform_R: Float[np.ndarray, " R"]
) -> Drawn:
    """One token for every row.

    logits_RV: the model's, float32. allowed_RV: the same with biases added and forbidden tokens at -inf (the same tensor where
    nothing changes); every row must allow a token. uniform_R: float64 in [0, 1).
    """
    device, rows = logits_RV.device, logits_RV.shape[0]
    greedy, plain, ranked = shape.kinds(logits_RV.shape[1])
    if len(greedy) == rows:
        ids, drawn = _greedy(allowed_RV), torch.zeros(rows, device=device)
    else:
        ids = torch.empty(rows, dtype=torch.long, device=device)
        drawn = torch.zeros(rows, device=device)
        if len(greedy):
            at = torch.from_numpy(greedy).to(device)
            ids[at] = _greedy(allowed_RV[at])
        for numbers, pick in ((plain, _plain), (ranked, _ranked)):
            if len(numbers):
                at = torch.from_numpy(numbers).to(device)
                part = allowed_RV if len(numbers) == rows else allowed_RV[at]
                ids[at], drawn[at] = pick(part, _take(shape, numbers), torch.from_numpy(uniform_R[numbers]).to(device))
    own = torch.log_softmax(logits_RV, -1).gather(1, ids[:, None])[:, 0]  # half the time of logsumexp
    return Drawn(ids.cpu().numpy(), own.cpu().numpy(), drawn.cpu().numpy())


def _greedy(logits_RV: torch.Tensor) -> torch.Tensor:
    """The first of the largest logits. On the CPU numpy's argmax, which is vectorised where torch's is not (15 times faster)."""
    if logits_RV.device.type == "cpu":
        return torch.from_numpy(logits_RV.numpy().argmax(-1))
    return logits_RV.argmax(-1)


def _take(shape: Shape, rows: np.ndarray) -> Shape:
    return Shape(shape.temperature[rows], shape.top_k[rows], shape.top_p[rows], shape.min_p[rows])


def _heated(logits_RV: torch.Tensor, shape: Shape) -> torch.Tensor:
    if (shape.temperature == 1).all():
        return logits_RV
    return logits_RV / torch.from_numpy(shape.temperature).to(logits_RV.device, torch.float32)[:, None]


def _plain(logits_RV: torch.Tensor, shape: Shape, uniform_R: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw without ranking: at most min-p, which is a bound on each token alone."""
    weights = torch.softmax(_heated(logits_RV, shape), -1)
    if (shape.min_p > 0).any():
        bound = torch.from_numpy(shape.min_p).to(weights.device, torch.float32)[:, None] * weights.amax(-1, keepdim=True)
        weights.masked_fill_(weights < bound, 0)
    ids, total = inverse_cdf(weights, uniform_R)
    return ids, weights.gather(1, ids[:, None])[:, 0].double().div_(total).log_().float()


def inverse_cdf(
    weights_RV: Float[Tensor, "R V"], uniform_R: Float[Tensor, " R"]
) -> tuple[Int[Tensor, " R"], Float[Tensor, " R"]]:
    """The first token at which the cumulative sum of the weights passes uniform * total; and the totals (float64 [R]).

    In two levels, blocks of tokens and then the tokens of one block, so that no cumulative sum runs over the vocabulary. A token
    of weight 0 is never drawn.
    """
    rows, vocab = weights_RV.shape
    if vocab % _BLOCK:
        weights_RV = F.pad(weights_RV, (0, -vocab % _BLOCK))
    blocks = weights_RV.view(rows, -1, _BLOCK)
    sums = blocks.sum(-1).double().cumsum(-1)
    total = sums[:, -1]
    target = uniform_R * total
    block = _first_above(sums, target)
    before = torch.where(block > 0, sums.gather(1, (block - 1).clamp_(min=0)[:, None])[:, 0], 0.0)
    inside = blocks[torch.arange(rows, device=block.device), block].double().cumsum_(-1)
    return block * _BLOCK + _first_above(inside, target - before), total


def _first_above(sums_RC: torch.Tensor, target_R: torch.Tensor) -> torch.Tensor:
    """First column whose sum exceeds the target; where rounding leaves none, the last column that added anything."""
    above = torch.minimum(target_R, torch.nextafter(sums_RC[:, -1], torch.zeros_like(target_R)))
    return (sums_RC > above[:, None]).int().argmax(-1)


def _ranked(logits_RV: torch.Tensor, shape: Shape, uniform_R: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw among the likeliest tokens (top-k, top-p, then min-p)."""
    heated = _heated(logits_RV, shape)
    vocab, device = heated.shape[1], heated.device
    limit_k = np.where((shape.top_k > 0) & (shape.top_k < vocab), shape.top_k, vocab)
    closed = limit_k < vocab  # rows that top-k bounds; the others end where top-p does
    first = min(vocab, max(int(limit_k[closed].max(initial=1)), 1 if closed.all() else _CANDIDATES))
    normaliser = torch.logsumexp(heated, -1)
    values, ids = largest(heated, first)
    reached = (values.double() - normaliser[:, None]).exp().sum(-1) >= torch.from_numpy(shape.top_p).to(device)
    done = reached | torch.from_numpy(closed).to(device)
    chosen = torch.empty(len(limit_k), dtype=torch.long, device=device)
    logprobs = torch.empty(len(limit_k), device=device)
    for part in (done.nonzero()[:, 0], (~done).nonzero()[:, 0]):
        if len(part):
            numbers = part.cpu().numpy()
            found = (values[part], ids[part]) if done[part[0]] else largest(heated[part], vocab)
            chosen[part], logprobs[part] = _among(
                *found, normaliser[part], limit_k[numbers], closed[numbers], _take(shape, numbers), uniform_R[part]
            )
    return chosen, logprobs


def _among(
    values_RC: torch.Tensor,
    ids_RC: torch.Tensor,
    normaliser_R: torch.Tensor,
    limit_k: np.ndarray,
    closed: np.ndarray,
    shape: Shape,
    uniform_R: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    device = values_RC.device

    def column(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(device)[:, None]

    weights = (values_RC.double() - normaliser_R[:, None]).exp_()
    weights.masked_fill_(torch.arange(values_RC.shape[1], device=device) >= column(limit_k), 0)
    weights /= torch.where(column(closed), weights.sum(-1, keepdim=True), 1.0)
    before = weights.cumsum(-1) - weights
    weights.masked_fill_(before >= column(shape.top_p), 0)
    weights.masked_fill_(weights < column(shape.min_p) * weights[:, :1], 0)
    sums = weights.cumsum(-1)
    place = _first_above(sums, uniform_R * sums[:, -1])[:, None]
    return ids_RC.gather(1, place)[:, 0], (weights.gather(1, place)[:, 0] / sums[:, -1]).log().float()


def largest(values_RV: Float[Tensor, "R V"], k: int) -> tuple[Float[Tensor, "R k"], Int[Tensor, "R k"]]:
    """The k largest values of each row and their columns, by (value falling, column rising). Both [R, k]."""
    if k == values_RV.shape[1]:
        return torch.sort(values_RV, dim=-1, descending=True, stable=True)
    top, ids = torch.topk(values_RV, k + 1, dim=-1)
    equal = ((top[:, 1:] == top[:, :-1]) & (top[:, 1:] > float("-inf"))).any(-1)
    if equal.any():  # topk does not say which of several equal values it takes
        values, columns = torch.sort(values_RV[equal], dim=-1, descending=True, stable=True)
        top[equal], ids[equal] = values[:, : k + 1], columns[:, : k + 1]
    return top[:, :k], ids[:, :k]
