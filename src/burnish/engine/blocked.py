"""Causal attention by batched products over blocks of queries, each with the keys up to its end.

What lies above the diagonal is hardly computed. Sequences of about the same length go together, in few sizes of batch, because an
operation costs more than what it does for one of them; shorter ones are filled up behind their end, where causal attention lets
nobody see. Everything is brought into the order of the products by one gather for the whole pack, and back by another. Softmax is
kept for backward, so memory grows with length squared. Sequences that share their beginning go through with its keys before their
own; its gradient is the sum of theirs.

Shapes: N packed positions, B sequences of a batch, L positions of its longest, H heads, G key-value heads, S = H / G heads that
share one, E head dimension, b positions of a block of queries, Q and K rows [E] of queries and keys in the order of the products.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from burnish.engine import matmul

BLOCK = 128
"""Queries of one block."""
BATCH = 1024
"""Positions of one batch, at most: what it computes should stay in the cache."""


def spans_of(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(start, length) of each sequence of a pack."""
    start = 0
    for length in lengths:
        yield start, length
        start += length


@dataclass(frozen=True, slots=True)
class Stem:
    """Positions of a pack with which several sequences begin. branches: (start, length) of what follows them in each of these."""

    start: int
    size: int
    branches: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Block:
    """Queries from position `first` to `last` of each sequence of a batch: rows of Q, as [B G, S b, E]."""

    first: int
    last: int
    rows: slice


@dataclass(frozen=True, slots=True)
class _Batch:
    """Sequences that go through the products together. keys: their rows of K, as [B G, L, E]. stem: the positions whose keys come
    first in each of them; their queries come elsewhere."""

    pairs: int
    """B G"""
    length: int
    keys: slice
    stem: slice
    blocks: tuple[_Block, ...]


@dataclass(frozen=True, slots=True)
class _Order:
    """Where each row [E] of a pack stands in the order of the products; behind the end of a sequence stands its last row again.

    queries [Q], keys [K]: the row of the pack (N H of queries, N G of keys) that stands at each place. query_places [N H],
    key_places [N G]: the way back; of keys that are shared, to where they stand for their own queries. filled: the places of
    queries behind an end, if there are any.
    """

    batches: tuple[_Batch, ...]
    queries: torch.Tensor
    keys: torch.Tensor
    query_places: torch.Tensor
    key_places: torch.Tensor
    filled: torch.Tensor | None


def _filled(length: int) -> int:
    """The length to which sequences of about this length are filled up: at most a quarter more, from 64 on."""
    step = 16 if length <= 128 else 32 if length <= 256 else 64 if length <= 512 else 128
    return -(-length // step) * step


def _together(spans: Iterable[tuple[int, int]], few: bool, before: int) -> Iterator[tuple[list[tuple[int, int]], int]]:
    """The sequences at these places in batches of 1, 2, 4, ... of at most BATCH positions, and the length to fill each up to.

    few: whether each shape is compiled, so that sequences that go alone are filled up, too. before: shared positions of each.
    """
    alike: dict[int, list[tuple[int, int]]] = {}
    for start, length in spans:
        if length:
            alike.setdefault(_filled(length), []).append((start, length))
    for size, waiting in alike.items():
        while waiting:
            count = 1 << (min(len(waiting), max(1, BATCH // (before + size))).bit_length() - 1)
            some, waiting = waiting[:count], waiting[count:]
            yield some, size if few or count > 1 else some[0][1]


@lru_cache(maxsize=16)
def _order(
    lengths: tuple[int, ...], stems: tuple[Stem, ...], groups: int, shared: int, device: torch.device, few: bool
) -> _Order:
    batches: list[_Batch] = []
    queries, keys, query_real, key_real = [], [], [], []  # of each batch, or block of one
    at_query = at_key = 0
    group_G11, shared_S1 = torch.arange(groups).view(-1, 1, 1), torch.arange(shared).view(-1, 1)
    branches = {start for stem in stems for start, _ in stem.branches}
    alone = [span for span in spans_of(lengths) if span[0] not in branches]
    nothing = Stem(0, 0, ())
    batched = [(nothing, *b) for b in _together(alone, few, 0)]
    batched += [(stem, *b) for stem in stems for b in _together(stem.branches, few, stem.size)]
    for stem, some, own in batched:
        start_B1, count_B1 = torch.tensor(some).split(1, 1)
        step_L, length = torch.arange(own), stem.size + own
        position_BL = start_B1 + torch.minimum(step_L, count_B1 - 1)
        real_BL = step_L < count_B1
        if stem.size:
            position_BL = torch.cat([torch.arange(stem.start, stem.start + stem.size).expand(len(some), -1), position_BL], 1)
            real_BL = torch.cat([torch.zeros(len(some), stem.size, dtype=torch.bool), real_BL], 1)
        rows_BGL = position_BL[:, None] * groups + group_G11[:, :, 0]
        keys.append(rows_BGL.reshape(-1))
        key_real.append(real_BL[:, None].expand(rows_BGL.shape).reshape(-1))
        blocks = []
        for first in range(stem.size, length, BLOCK):
            last = min(first + BLOCK, length)
            rows_BGSb = position_BL[:, None, None, first:last] * (groups * shared) + group_G11 * shared + shared_S1
            queries.append(rows_BGSb.reshape(-1))
            query_real.append(real_BL[:, None, None, first:last].expand(rows_BGSb.shape).reshape(-1))
            blocks.append(_Block(first, last, slice(at_query, at_query + rows_BGSb.numel())))
            at_query += rows_BGSb.numel()
        rows = slice(at_key, at_key + rows_BGL.numel())
        batches.append(_Batch(len(some) * groups, length, rows, slice(stem.start, stem.start + stem.size), tuple(blocks)))
        at_key += rows_BGL.numel()
    none, total = torch.empty(0, dtype=torch.long), sum(lengths)
    query, key = torch.cat([none, *queries]), torch.cat([none, *keys])
    real_q, real_k = (torch.cat([none.bool(), *real]) for real in (query_real, key_real))
    filled = (~real_q).nonzero()[:, 0]
    return _Order(
        tuple(batches),
        query.to(device),
        key.to(device),
        _places(query, real_q, total * groups * shared).to(device),
        _places(key, real_k, total * groups).to(device),
        filled.to(device) if len(filled) else None,
    )


def _places(rows: torch.Tensor, real: torch.Tensor, count: int) -> torch.Tensor:
    """For each of `count` rows, the place at which it stands."""
    places = torch.empty(count, dtype=torch.long)
    places[rows[real]] = real.nonzero()[:, 0]
    return places


def _gather(x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """The rows [E] of x, its other dimensions taken as one, at these places."""
    return x.reshape(-1, x.shape[-1]).index_select(0, rows)


def _product(a: torch.Tensor, b: torch.Tensor, scale: float, out: torch.Tensor) -> torch.Tensor:
    return torch.baddbmm(out, a, b, beta=0, alpha=scale, out=out)


def _add_stems(gradient_NGE: torch.Tensor, g_keys: torch.Tensor, batches: Sequence[_Batch]) -> torch.Tensor:
    """The gradient of a pack's keys (or values), to which is added what comes back from sequences that go on behind a stem."""
    _, groups, width = gradient_NGE.shape
    for batch in batches:
        size = batch.stem.stop - batch.stem.start
        if size:
            of_each = g_keys[batch.keys].view(-1, groups, batch.length, width)[:, :, :size]
            gradient_NGE[batch.stem] += of_each.sum(0).transpose(0, 1)
    return gradient_NGE


class Blocked(torch.autograd.Function):
    """softmax(q k^T / sqrt(E)) v within each sequence: q [N, H, E], k and v [N, G, E], lengths, stems -> [N, H, E]."""

    @staticmethod
    def forward(
        ctx: Any,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        lengths: tuple[int, ...],
        stems: tuple[Stem, ...] = (),
    ) -> torch.Tensor:
        groups, width, scale = k.shape[1], q.shape[2], q.shape[2] ** -0.5
        order = _order(lengths, stems, groups, q.shape[1] // groups, q.device, matmul.compiles(q.device, q.dtype))
        queries, keys, values = _gather(q, order.queries), _gather(k, order.keys), _gather(v, order.keys)
        outs = torch.empty_like(queries)
        size = min(BLOCK, max((batch.length for batch in order.batches), default=0))
        mask_bb = torch.full((size, size), float("-inf"), dtype=q.dtype, device=q.device).triu_(1)
        kept = []
        for batch in order.batches:
            shape = (batch.pairs, -1, width)
            keys_L, values_L = keys[batch.keys].view(shape), values[batch.keys].view(shape)
            for block in batch.blocks:
                first, last, queries_b = block.first, block.last, queries[block.rows].view(shape)
                b = last - first
                scores = queries_b.new_empty(batch.pairs, queries_b.shape[1], last)
                _product(queries_b, keys_L[:, :last].transpose(1, 2), scale, scores)
                scores.view(batch.pairs, -1, b, last)[..., first:].add_(mask_bb[:b, :b])
                weights = torch.softmax(scores, -1)
                torch.bmm(weights, values_L[:, :last], out=outs[block.rows].view(shape))
                kept.append(weights)
        ctx.order, ctx.scale, ctx.shapes = order, scale, (q.shape, k.shape)
        ctx.save_for_backward(queries, keys, values, *kept)
        return _gather(outs, order.query_places).view(q.shape)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, None, None]:
        queries, keys, values, *kept = ctx.saved_tensors
        order, scale = ctx.order, ctx.scale
        g_outs = _gather(grads[0], order.queries)
        if order.filled is not None:
            g_outs.index_fill_(0, order.filled, 0.0)
        g_queries, g_keys, g_values = torch.empty_like(queries), torch.empty_like(keys), torch.empty_like(values)
        remaining = iter(reversed(kept))
        for batch in reversed(order.batches):
            shape = (batch.pairs, -1, queries.shape[-1])
            keys_L, values_L = keys[batch.keys].view(shape), values[batch.keys].view(shape)
            sum_k, sum_v = g_keys[batch.keys].view(shape), g_values[batch.keys].view(shape)
            for block in reversed(batch.blocks):  # the last one reaches all keys, so that nothing needs to be zero before it
                last, kept_before = block.last, 0.0 if block is batch.blocks[-1] else 1.0
                weights, g, queries_b = next(remaining), g_outs[block.rows].view(shape), queries[block.rows].view(shape)
                sum_v[:, :last].baddbmm_(weights.transpose(1, 2), g, beta=kept_before)
                g_weights = torch.bmm(g, values_L[:, :last].transpose(1, 2))
                g_scores = torch.ops.aten._softmax_backward_data(g_weights, weights, -1, weights.dtype)
                _product(g_scores, keys_L[:, :last], scale, g_queries[block.rows].view(shape))
                sum_k[:, :last].baddbmm_(g_scores.transpose(1, 2), queries_b, beta=kept_before, alpha=scale)
        query_shape, key_shape = ctx.shapes
        return (
            _gather(g_queries, order.query_places).view(query_shape),
            _add_stems(_gather(g_keys, order.key_places).view(key_shape), g_keys, order.batches),
            _add_stems(_gather(g_values, order.key_places).view(key_shape), g_values, order.batches),
            None,
            None,
        )
