"""Causal attention over packed sequences: none is padded to the longest, and no position ever sees another sequence.

Shapes: N packed positions, T positions of one sequence, B sequences of a batch, L positions of its longest, H heads, G key-value
heads, S = H / G heads that share one, E head dimension, b positions of a block of queries.
Three forms give the same numbers: "sdpa" (torch's fused kernel, one call a sequence) and "bmm" (batched products over blocks
of queries, each with the keys up to its end, so that what lies above the diagonal is hardly computed). In the bmm form sequences
of about the same length go together, in few sizes of batch, because an operation costs more than what it does for one of them;
shorter ones are filled up behind their end, where causal attention lets nobody see. It
keeps its softmax for backward, so its memory grows with length squared; which form is faster up to which length depends on the
machine and the precision and is measured (`engine/measure.py`).
The third is for GPUs, where a call costs more than what it computes: "sdpa" for all sequences of about one length at once, which
are filled up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

BLOCK = 128
"""Queries of one block."""
BATCH = 1024
"""Positions of one batch, at most: what it computes should stay in the cache."""


@dataclass(frozen=True, slots=True)
class AttentionForm:
    """Sequences of up to `bmm_limit` positions go through "bmm", longer ones through "sdpa"."""

    bmm_limit: int = 0
    together: bool = False
    """packs with a sequence longer than that go through "sdpa" whole, all sequences of about one length in one call"""


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


@dataclass(frozen=True, slots=True)
class _Batch:
    """Sequences that go through the products together. rows [B L]: their positions; behind an end, that of the end.

    sink: the same with position N behind an end. fill: the places behind an end. A batch of one is a slice without any.
    """

    count: int
    length: int
    rows: slice | torch.Tensor
    sink: torch.Tensor | None = None
    fill: torch.Tensor | None = None

    def take(self, x_NHE: torch.Tensor) -> torch.Tensor:
        """[B, L, H, E]; what stands behind an end has no effect wherever nothing is taken back from there."""
        if isinstance(self.rows, slice):
            return x_NHE[self.rows].unsqueeze(0)
        return x_NHE.index_select(0, self.rows).view(self.count, self.length, *x_NHE.shape[1:])

    def take_gradient(self, x_NHE: torch.Tensor) -> torch.Tensor:
        """[B, L, H, E], zero behind the ends."""
        taken = self.take(x_NHE)
        if self.fill is not None:
            taken.view(-1, *x_NHE.shape[1:]).index_fill_(0, self.fill, 0.0)
        return taken

    def put(self, x_BLHE: torch.Tensor, out: torch.Tensor) -> None:
        """Into out [N + 1, H, E]; what stands behind an end goes to the last row, which is for that."""
        if isinstance(self.rows, slice):
            out[self.rows].unsqueeze(0).copy_(x_BLHE)
        else:
            out.index_copy_(0, self.rows if self.sink is None else self.sink, x_BLHE.reshape(-1, *out.shape[1:]))


def _filled(length: int) -> int:
    """The length to which sequences of about this length are filled up: at most a quarter more, from 64 on."""
    step = 16 if length <= 128 else 32 if length <= 256 else 64 if length <= 512 else 128
    return -(-length // step) * step


@lru_cache(maxsize=16)
def _batches(lengths: tuple[int, ...], device: torch.device) -> tuple[_Batch, ...]:
    """The sequences of a pack in batches of 1, 2, 4, ... that are filled up to the same length, at most BATCH positions."""
    alike: dict[int, list[tuple[int, int]]] = {}
    for start, length in _spans(lengths):
        if length:
            alike.setdefault(_filled(length), []).append((start, length))
    found, total = [], sum(lengths)
    for size, spans in alike.items():
        while spans:
            count = 1 << (min(len(spans), max(1, BATCH // size)).bit_length() - 1)
            some, spans = spans[:count], spans[count:]
            found.append(_batch(some, size, total, device))
    return tuple(found)


def _batch(spans: Sequence[tuple[int, int]], size: int, total: int, device: torch.device) -> _Batch:
    """These sequences (start, length) of a pack of `total` positions, filled up to `size`."""
    if len(spans) == 1:
        ((start, length),) = spans
        return _Batch(1, length, slice(start, start + length))
    at = torch.arange(size)
    rows = torch.cat([start + at.clamp(max=length - 1) for start, length in spans]).to(device)
    sink = torch.cat([torch.where(at < length, start + at, total) for start, length in spans])
    fill = (sink == total).nonzero()[:, 0].to(device)
    return _Batch(len(spans), size, rows, sink.to(device), fill) if len(fill) else _Batch(len(spans), size, rows)


@dataclass(frozen=True, slots=True)
class _Filled:
    """The sequences of a pack by powers of two, each filled up to the longest of its kind, laid end to end.

    shapes: (sequences, length) of each kind. rows [M]: the position that stands at each place; behind an end, that of the end.
    fill: the places behind an end. places [N]: where each position stands.
    """

    shapes: tuple[tuple[int, int], ...]
    rows: torch.Tensor
    fill: torch.Tensor
    places: torch.Tensor


@lru_cache(maxsize=16)
def _fill_up(lengths: tuple[int, ...], device: torch.device) -> _Filled:
    alike: dict[int, list[tuple[int, int]]] = {}
    for start, length in _spans(lengths):
        if length:
            alike.setdefault(max(16, 1 << (length - 1).bit_length()), []).append((start, length))
    shapes = tuple((len(spans), max(n for _, n in spans)) for spans in alike.values())
    rows, real = [], []
    for spans, (_, size) in zip(alike.values(), shapes, strict=True):
        starts, counts = torch.tensor(spans).split(1, 1)
        at = torch.arange(size)
        rows.append((starts + torch.minimum(at, counts - 1)).view(-1))
        real.append((at < counts).view(-1))
    row, here = torch.cat(rows), torch.cat(real)
    places = torch.empty(sum(lengths), dtype=torch.long)
    places[row[here]] = here.nonzero()[:, 0]
    return _Filled(shapes, row.to(device), (~here).nonzero()[:, 0].to(device), places.to(device))


class _Move(torch.autograd.Function):
    """x[there]. Each row of x stands at `back`, so that the gradient goes back by index, too; the rows `without` get none."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, there: torch.Tensor, back: torch.Tensor, without: torch.Tensor | None) -> torch.Tensor:
        ctx.back, ctx.without = back, without
        return x.index_select(0, there)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        g = grads[0].index_select(0, ctx.back)
        return (g if ctx.without is None else g.index_fill_(0, ctx.without, 0.0)), None, None, None


def _filled_sdpa(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, lengths: tuple[int, ...]) -> torch.Tensor:
    """torch's fused kernel, one call for all sequences of about one length. Behind an end, causal attention lets nobody see."""
    filled, heads = _fill_up(lengths, q.device), q.shape[1]
    shared = heads != k.shape[1]
    if shared and q.dtype == torch.float32:  # the kernel that takes float32 takes no shared heads
        shared, times = False, heads // k.shape[1]
        k, v = k.repeat_interleave(times, 1), v.repeat_interleave(times, 1)
    sizes, outs = [count * length for count, length in filled.shapes], []
    sides = (_Move.apply(x, filled.rows, filled.places, None).split(sizes) for x in (q, k, v))
    for (count, length), *parts in zip(filled.shapes, *sides, strict=True):
        taken = (part.view(count, length, *part.shape[1:]).transpose(1, 2) for part in parts)
        out = F.scaled_dot_product_attention(*taken, is_causal=True, enable_gqa=shared)
        outs.append(out.transpose(1, 2).reshape(-1, *q.shape[1:]))
    return _Move.apply(torch.cat(outs), filled.places, filled.rows, filled.fill)  # type: ignore[no-any-return]


def _heads(x_BbHE: torch.Tensor, groups: int) -> torch.Tensor:
    """[B, b, H, E] -> [B G, S b, E]: the queries of the heads that share a key-value head, side by side."""
    batch, b, heads, width = x_BbHE.shape
    return x_BbHE.view(batch, b, groups, heads // groups, width).permute(0, 2, 3, 1, 4).reshape(batch * groups, -1, width)


def _unheads(x_RQE: torch.Tensor, out_BbHE: torch.Tensor, groups: int) -> None:
    """The inverse of `_heads`, into out."""
    batch, b, heads, width = out_BbHE.shape
    shape = (batch, b, groups, heads // groups, width)
    out_BbHE.view(shape).copy_(x_RQE.view(batch, groups, heads // groups, b, width).permute(0, 3, 1, 2, 4))


def _product(a: torch.Tensor, b: torch.Tensor, scale: float) -> torch.Tensor:
    out = torch.empty(a.shape[0], a.shape[1], b.shape[2], dtype=a.dtype, device=a.device)
    return torch.baddbmm(out, a, b, beta=0, alpha=scale, out=out)


class _Blocked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, lengths: tuple[int, ...]) -> torch.Tensor:
        groups, scale, batches = k.shape[1], q.shape[2] ** -0.5, _batches(lengths, q.device)
        out = torch.empty(q.shape[0] + 1, *q.shape[1:], dtype=q.dtype, device=q.device)
        size = min(BLOCK, max((batch.length for batch in batches), default=0))
        mask_bb = torch.full((size, size), float("-inf"), dtype=q.dtype, device=q.device).triu_(1)
        kept = []
        for batch in batches:
            queries, keys, values = batch.take(q), _heads(batch.take(k), groups), _heads(batch.take(v), groups)
            outs = torch.empty_like(queries)
            for first, last in _blocks(batch.length):
                b = last - first
                scores = _product(_heads(queries[:, first:last], groups), keys[:, :last].transpose(1, 2), scale)
                scores.view(scores.shape[0], -1, b, last)[..., first:].add_(mask_bb[:b, :b])
                weights = torch.softmax(scores, -1)
                _unheads(torch.bmm(weights, values[:, :last]), outs[:, first:last], groups)
                kept.append(weights)
            batch.put(outs, out)
        ctx.batches, ctx.scale = batches, scale
        ctx.save_for_backward(q, k, v, *kept)
        return out[:-1]

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, None]:
        q, k, v, *kept = ctx.saved_tensors
        g_out, groups, scale = grads[0], k.shape[1], ctx.scale
        g_q, g_k, g_v = (torch.empty(x.shape[0] + 1, *x.shape[1:], dtype=x.dtype, device=x.device) for x in (q, k, v))
        remaining = iter(kept)
        for batch in ctx.batches:
            queries, g_outs = batch.take(q), batch.take_gradient(g_out)
            keys, values = _heads(batch.take(k), groups), _heads(batch.take(v), groups)
            sum_k, sum_v, g_queries = torch.zeros_like(keys), torch.zeros_like(values), torch.empty_like(queries)
            for first, last in _blocks(batch.length):
                weights, g = next(remaining), _heads(g_outs[:, first:last], groups)
                sum_v[:, :last].baddbmm_(weights.transpose(1, 2), g)
                g_weights = torch.bmm(g, values[:, :last].transpose(1, 2))
                g_scores = torch.ops.aten._softmax_backward_data(g_weights, weights, -1, weights.dtype)
                _unheads(_product(g_scores, keys[:, :last], scale), g_queries[:, first:last], groups)
                sum_k[:, :last].baddbmm_(g_scores.transpose(1, 2), _heads(queries[:, first:last], groups), alpha=scale)
            batch.put(g_queries, g_q)
            for total, out in ((sum_k, g_k), (sum_v, g_v)):
                batch.put(total.view(batch.count, groups, batch.length, -1).transpose(1, 2), out)
        return g_q[:-1], g_k[:-1], g_v[:-1], None


def packed_attention(
    q_NHE: Float[Tensor, "N H E"],
    k_NGE: Float[Tensor, "N G E"],
    v_NGE: Float[Tensor, "N G E"],
    lengths: Sequence[int],
    form: AttentionForm,
) -> Float[Tensor, "N H E"]:
    """softmax(q k^T / sqrt(E)) v within each sequence of the pack (Vaswani et al. 2017). Returns [N, H, E]."""
    if max(lengths) <= form.bmm_limit:
        return _Blocked.apply(q_NHE, k_NGE, v_NGE, tuple(lengths))  # type: ignore[no-any-return]
    if form.together:
        return _filled_sdpa(q_NHE, k_NGE, v_NGE, tuple(lengths))
    sizes = list(lengths)
    outs = []
    for q, k, v in zip(q_NHE.split(sizes), k_NGE.split(sizes), v_NGE.split(sizes), strict=True):
        short = q.shape[0] <= form.bmm_limit
        outs.append(_Blocked.apply(q, k, v, (q.shape[0],)) if short else _sdpa(q, k, v))
    return torch.cat(outs)
