"""Keys and values of the sequences being sampled, and attention over them.

One tensor [layers, 2, rows, G, positions, E] holds every layer's keys and values; row r of it is row r of the decode batch,
so that attention reads plain slices. A finished row's place is taken by the last row, which is one strided copy. Rows and
positions grow by doubling. Positions beyond a row's length hold finite left-overs and are masked.

Shapes: R rows, T positions, L positions looked at, H heads, G key-value heads, E head dimension.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from burnish.engine.arch import Arch
from burnish.engine.sight import EVERYTHING, Sight, attention, seen

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

_SPAN_COST = 512
"""Calling the attention kernel once more costs about as much as reading this many positions of a row."""


def position_bytes(arch: Arch, dtype: torch.dtype) -> int:
    """Bytes of one position of one row over all layers."""
    return 2 * arch.layers * arch.kv_width * dtype.itemsize


class KVCache:
    """Which rows are in use, and how long they are, is the sampler's to know."""

    def __init__(self, arch: Arch, *, device: torch.device, dtype: torch.dtype) -> None:
        self.arch, self.device, self.dtype = arch, device, dtype
        self.release()

    def release(self) -> None:
        """Give the memory back; what was stored is lost."""
        self.data = torch.zeros(self.shape(0, 0), device=self.device, dtype=self.dtype)
        self.bias = torch.zeros(0, 0, device=self.device, dtype=self.dtype)

    def shape(self, rows: int, positions: int) -> tuple[int, ...]:
        return (self.arch.layers, 2, rows, self.arch.kv_heads, positions, self.arch.head_dim)

    @property
    def rows(self) -> int:
        return self.bias.shape[0]

    @property
    def positions(self) -> int:
        return self.bias.shape[1]

    @property
    def bytes(self) -> int:
        """Memory held."""
        return self.data.numel() * self.data.element_size() + self.bias.numel() * self.bias.element_size()

    def reserve(self, rows: int, positions: int, *, limit_rows: int, limit_positions: int, limit_cells: int) -> None:
        """Make room for this many rows of this many positions. Doubles, up to the limits; what rows 0..rows-1 hold stays.

        limit_cells: rows times positions to stay within, by giving back what is more than was asked for.
        """
        if rows <= self.rows and positions <= self.positions:
            return
        new_rows, new_positions = self.rows, self.positions
        if rows > self.rows:
            new_rows = max(rows, min(2 * self.rows, limit_rows))
        if positions > self.positions:
            new_positions = max(positions, min(2 * self.positions, limit_positions))
        if new_rows * new_positions > limit_cells:
            new_positions = max(positions, min(new_positions, limit_cells // new_rows))
            new_rows = max(rows, min(new_rows, limit_cells // new_positions))
        kept_rows, kept = min(self.rows, new_rows), min(self.positions, new_positions)
        data = torch.zeros(self.shape(new_rows, new_positions), device=self.device, dtype=self.dtype)
        data[:, :, :kept_rows, :, :kept] = self.data[:, :, :kept_rows, :, :kept]
        bias = torch.full((new_rows, new_positions), float("-inf"), device=self.device, dtype=self.dtype)
        bias[:kept_rows, :kept] = self.bias[:kept_rows, :kept]
        self.data, self.bias = data, bias

    def place(self, row: int, kv_L2GTE: Float[Tensor, "L 2 G T E"]) -> None:
        """Start a row with the keys and values of its first T positions."""
        length = kv_L2GTE.shape[3]
        self.data[:, :, row, :, :length] = kv_L2GTE
        self.bias[row, :length] = 0
        self.bias[row, length:] = float("-inf")

    def move(self, target: int, source: int, length: int) -> None:
        """Copy one row over another."""
        self.data[:, :, target, :, :length] = self.data[:, :, source, :, :length]
        self.bias[target] = self.bias[source]

    def read(self, row: int, length: int) -> Float[Tensor, "L 2 G T E"]:
        """A copy of a row's first positions, [layers, 2, G, T, E]."""
        return self.data[:, :, row, :, :length].clone()


class DecodeStep:
    """One more position for rows 0..R-1: stores its keys and values and attends over each row's own positions."""

    def __init__(self, cache: KVCache, lengths_R: np.ndarray, spans: list[tuple[int, int]]) -> None:
        """lengths_R: positions stored so far. The cache must have room for one more. spans: rows that share a call."""
        rows, groups, positions = len(lengths_R), cache.arch.kv_heads, cache.positions
        self.cache, self.groups, self.rows = cache, groups, rows
        first = (np.arange(rows)[:, None] * groups + np.arange(groups)) * positions
        self.at = torch.from_numpy((first + lengths_R[:, None]).reshape(-1)).to(cache.device)
        self.spans = [(a, b, int(lengths_R[a:b].max()) + 1) for a, b in spans]
        cache.bias.view(-1)[torch.from_numpy(np.arange(rows) * positions + lengths_R).to(cache.device)] = 0
        shared = cache.arch.heads // groups
        self.masks = [cache.bias[a:b, None, None, :size].expand(b - a, groups, shared, size) for a, b, size in self.spans]
        self.lengths = lengths_R
        self._near: dict[int, list[torch.Tensor]] = {}

    def _windowed(self, window: int) -> list[torch.Tensor]:
        """The masks of layers that see so many positions."""
        if window not in self._near:
            first = torch.from_numpy(self.lengths + 1 - window).to(self.cache.device)
            self._near[window] = [
                mask.masked_fill((torch.arange(size, device=first.device) < first[a:b, None])[:, None, None], float("-inf"))
                for (a, b, size), mask in zip(self.spans, self.masks, strict=True)
            ]
        return self._near[window]

    def attend(
        self,
        layer: int,
        q_RHE: Float[Tensor, "R H E"],
        k_RGE: Float[Tensor, "R G E"],
        v_RGE: Float[Tensor, "R G E"],
        sight: Sight = EVERYTHING,
    ) -> Float[Tensor, "R H E"]:
        """The decoder's `Attend`. The heads that share keys are handed to the kernel as so many query positions.

        More rows may be given than there are: those behind the last get zeros.
        """
        given, heads, width = q_RHE.shape
        keys, values = self.cache.data[layer, 0], self.cache.data[layer, 1]
        keys.view(-1, width).index_copy_(0, self.at, k_RGE[: self.rows].reshape(-1, width))
        values.view(-1, width).index_copy_(0, self.at, v_RGE[: self.rows].reshape(-1, width))
        q = q_RHE.view(given, self.groups, heads // self.groups, width)
        near = 0 < sight.window < int(self.lengths.max()) + 1
        outs = [
            attention(q[a:b], keys[a:b, :, :size], values[a:b, :, :size], mask, sight)
            for (a, b, size), mask in zip(self.spans, self._windowed(sight.window) if near else self.masks, strict=True)
        ]
        if given > self.rows:
            outs.append(q.new_zeros(given - self.rows, *q.shape[1:]))
        return (outs[0] if len(outs) == 1 else torch.cat(outs)).reshape(given, heads, width)


def plan_spans(lengths_R: np.ndarray) -> list[tuple[int, int]]:
    """Cut the rows into runs of similar length where padding all of them to the longest would cost more than the calls.

    All rows grow by one position a step, so a plan holds until rows join or leave.
    """
    rows = len(lengths_R)
    if rows * int(lengths_R.max()) - int(lengths_R.sum()) < 2 * _SPAN_COST:
        return [(0, rows)]
    best = np.zeros(rows + 1)  # best[b]: least cost of rows 0..b-1; from_[b]: where their last run begins
    from_ = np.zeros(rows + 1, dtype=np.int64)
    for b in range(1, rows + 1):
        tallest = np.maximum.accumulate(lengths_R[:b][::-1])[::-1]
        cost = best[:b] + tallest * np.arange(b, 0, -1) + _SPAN_COST
        from_[b] = int(cost.argmin())
        best[b] = cost[from_[b]]
    spans, stop = [], rows
    while stop:
        spans.append((int(from_[stop]), stop))
        stop = int(from_[stop])
    return spans[::-1]


def attend_after(
    q_THE: Float[Tensor, "T H E"],
    keys_GLE: Float[Tensor, "G L E"],
    values_GLE: Float[Tensor, "G L E"],
    sight: Sight = EVERYTHING,
) -> Float[Tensor, "T H E"]:
    """Causal attention of the last T of L positions over all of them (a prompt continued after stored positions)."""
    size, total = q_THE.shape[0], keys_GLE.shape[1]
    if sight.differs(total):
        return seen(q_THE, keys_GLE.transpose(0, 1), values_GLE.transpose(0, 1), sight)
    mask = torch.ones(size, total, dtype=torch.bool, device=q_THE.device).tril_(total - size)
    out = F.scaled_dot_product_attention(
        q_THE.transpose(0, 1)[None],
        keys_GLE[None],
        values_GLE[None],
        attn_mask=mask,
        enable_gqa=q_THE.shape[1] != keys_GLE.shape[0],
    )
    return out[0].transpose(0, 1)
