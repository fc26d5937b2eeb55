"""Causal attention over packed sequences: none is padded to the longest, and no position ever sees another sequence.

Shapes: N packed positions, T positions of one sequence, H heads, G key-value heads, E head dimension.
Three forms give the same numbers: "sdpa" (torch's fused kernel, one call a sequence) and "bmm" (batched products, `blocked.py`),
which is faster up to a length that depends on the machine and the precision and is measured (`engine/measure.py`).
The third is for GPUs, where a call costs more than what it computes: "sdpa" for all sequences of about one length at once, which
are filled up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from burnish.engine.blocked import Blocked, Stem, spans_of
from burnish.engine.sight import EVERYTHING, Sight, seen

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


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
    for start, length in spans_of(lengths):
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


def _after_stems(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    lengths: tuple[int, ...],
    form: AttentionForm,
    sight: Sight,
    stems: tuple[Stem, ...],
) -> torch.Tensor:
    """Attention over a pack in which some sequences share their beginning: by batched products, or piece by piece."""
    stem_of = {start: stem for stem in stems for start, _ in stem.branches}
    longest = max(n + (stem_of[a].size if a in stem_of else 0) for a, n in spans_of(lengths))
    if longest <= form.bmm_limit and not sight.differs(longest):
        return Blocked.apply(q, k, v, lengths, stems)  # type: ignore[no-any-return]
    outs = []
    for a, n in spans_of(lengths):
        own, stem = slice(a, a + n), stem_of.get(a)
        if stem is not None:
            keys, values = (torch.cat([x[stem.start : stem.start + stem.size], x[own]]) for x in (k, v))
            outs.append(seen(q[own], keys, values, sight))
        elif n:
            outs.append(seen(q[own], k[own], v[own], sight) if sight.differs(n) else _sdpa(q[own], k[own], v[own]))
    return torch.cat(outs)


def packed_attention(
    q_NHE: Float[Tensor, "N H E"],
    k_NGE: Float[Tensor, "N G E"],
    v_NGE: Float[Tensor, "N G E"],
    lengths: Sequence[int],
    form: AttentionForm,
    sight: Sight = EVERYTHING,
    stems: tuple[Stem, ...] = (),
) -> Float[Tensor, "N H E"]:
    """softmax(q k^T / sqrt(E)) v within each sequence of the pack (Vaswani et al. 2017). Returns [N, H, E].

    sight: a window or a cap of scores, where the layer has one; it costs nothing where no sequence is longer than the window.
    stems: which of the pieces that lie end to end are beginnings of which others.
    """
    if stems:
        return _after_stems(q_NHE, k_NGE, v_NGE, tuple(lengths), form, sight, stems)
    if sight.differs(max(lengths)):
        spans = spans_of(lengths)
        return torch.cat([seen(q_NHE[a : a + n], k_NGE[a : a + n], v_NGE[a : a + n], sight) for a, n in spans if n])
    if max(lengths) <= form.bmm_limit:
        return Blocked.apply(q_NHE, k_NGE, v_NGE, tuple(lengths))  # type: ignore[no-any-return]
    if form.together:
        return _filled_sdpa(q_NHE, k_NGE, v_NGE, tuple(lengths))
    parts: list[tuple[int, ...]] = []  # short sequences that follow each other, or a long one
    for short, group in groupby(lengths, lambda length: length <= form.bmm_limit):
        run = tuple(group)
        parts += [run] if short else [(length,) for length in run]
    sizes, outs = [sum(part) for part in parts], []
    for part, q, k, v in zip(parts, q_NHE.split(sizes), k_NGE.split(sizes), v_NGE.split(sizes), strict=True):
        outs.append(Blocked.apply(q, k, v, part) if part[0] <= form.bmm_limit else _sdpa(q, k, v))
    return torch.cat(outs)
