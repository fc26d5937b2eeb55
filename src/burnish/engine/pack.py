"""Packing: Datums into units of work of about fixed size, laid end to end.

Nothing is padded, but where products are compiled for each shape (`matmul.compiles`): there each sequence begins at a multiple of
ALIGN and the unit ends at a rounded size, so that few shapes occur. What lies between carries no loss, and nobody sees it: it
comes after its sequence, and attention is causal.

A unit holds whole sequences (and whole sets, for set-wise losses), so that results do not depend on where units are cut. Within
a unit the sequences of one route lie together, so that each adapter is one segment.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from burnish.engine import matmul
from burnish.engine.adapters import Rows, pairs
from burnish.errors import DataError, LossError
from burnish.types import Datum, Route, TokenChunk

ALIGN = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """Where sequences lie in a pack. lengths: what is laid end to end, gaps and the rest included. spans: the sequences."""

    lengths: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        return sum(self.lengths)

    def spread(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """The parts, one a sequence, at their places, and zeros between."""
        out = np.zeros((self.size, *parts[0].shape[1:]), dtype=parts[0].dtype)
        for (start, stop), part in zip(self.spans, parts, strict=True):
            out[start:stop] = part
        return out


def lay(sizes: Sequence[int], *, aligned: bool) -> Layout:
    """Lay sequences of these sizes end to end."""
    lengths = [aligned_size(n) for n in sizes] if aligned else list(sizes)
    starts = np.cumsum([0, *lengths]).tolist()
    spans = tuple((start, start + n) for start, n in zip(starts, sizes, strict=False))
    rest = matmul.rounded(starts[-1]) - starts[-1] if aligned else 0
    return Layout((*lengths, rest) if rest else tuple(lengths), spans)


def aligned_size(size: int) -> int:
    """The next multiple of ALIGN."""
    return -(-size // ALIGN) * ALIGN


@dataclass(frozen=True, slots=True)
class Unit:
    """Sequences of one pass. `order` holds their indices in the request, `rows` which positions take which route."""

    order: tuple[int, ...]
    tokens_N: torch.Tensor
    layout: Layout
    rows: tuple[Rows, ...]


def check_data(data: Sequence[Datum], vocab: int, max_positions: int) -> None:
    """Raises DataError for a Datum that the model cannot take."""
    if not data:
        raise DataError("there is nothing to compute: the list of data is empty")
    for i, datum in enumerate(data):
        length = datum.length
        if not 1 <= length <= max_positions:
            raise DataError(
                f"datum {i} does not fit the model",
                seen=f"{length} positions, the model takes 1 to {max_positions}",
                todo="cut the rows with limit_tokens",
            )
        for chunk in datum.chunks:
            if not isinstance(chunk, TokenChunk):
                raise DataError(f"datum {i} holds a {type(chunk).__name__}, this model takes tokens only")
            if chunk.tokens.size and not (chunk.tokens.min() >= 0 and chunk.tokens.max() < vocab):
                raise DataError(f"datum {i} holds token ids outside the vocabulary", seen=f"vocabulary of {vocab}")
        targets, weights = datum.streams.get("targets"), datum.streams.get("weights")
        if targets is not None and weights is not None and targets.shape != weights.shape:
            raise LossError(
                f"datum {i} needs one weight for each target", seen=f"targets {targets.shape}, weights {weights.shape}"
            )
        if targets is not None and targets.size and not (targets.min() >= 0 and targets.max() < vocab):
            raise DataError(f"datum {i} has target ids outside the vocabulary", seen=f"vocabulary of {vocab}")
        for name, stream in datum.streams.items():
            if name != "set" and len(stream) != length:
                raise LossError(f"stream {name!r} of datum {i} is not aligned", seen=f"{len(stream)} entries, {length} positions")
            if stream.dtype.kind == "f" and not np.isfinite(stream).all():
                raise LossError(f"stream {name!r} of datum {i} holds NaN or infinite values")


def _key(route: Route) -> tuple[tuple[str, float], ...]:
    return tuple((a.id, w) for a, w in pairs(route))


def make_units(
    data: Sequence[Datum],
    routes: Sequence[Route],
    unit_tokens: int,
    *,
    device: torch.device,
    sets: Sequence[int] | None = None,
    aligned: bool = False,
) -> list[Unit]:
    """Best-fit-decreasing packing into units of at most `unit_tokens` positions (a longer sequence or set is a unit alone).

    `sets[i]` names the set of datum i; a set is never split. aligned: see above.
    """
    groups: dict[int, list[int]] = {}
    for i in range(len(data)):
        groups.setdefault(i if sets is None else sets[i], []).append(i)
    unit_tokens = matmul.fitting(unit_tokens) if aligned else unit_tokens
    taken = [aligned_size(d.length) if aligned else d.length for d in data]
    sized = sorted(((sum(taken[i] for i in g), k) for k, g in enumerate(groups.values())), key=lambda x: (-x[0], x[1]))
    members = list(groups.values())
    bins: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (free positions, bin), sorted
    for size, k in sized:
        at = bisect_left(room, (size, -1))
        free, b = room.pop(at) if at < len(room) else (unit_tokens, len(bins))
        if b == len(bins):
            bins.append([])
        bins[b].extend(members[k])
        insort(room, (free - size, b))
    return [_unit(sorted(content, key=lambda i: (_key(routes[i]), i)), data, routes, device, aligned) for content in bins]


def _unit(order: Sequence[int], data: Sequence[Datum], routes: Sequence[Route], device: torch.device, aligned: bool) -> Unit:
    layout = lay([data[i].length for i in order], aligned=aligned)
    tokens = layout.spread([np.concatenate([c.tokens for c in data[i].chunks]).astype(np.int64) for i in order])
    rows: list[Rows] = []
    ends = [*(start for start, _ in layout.spans[1:]), layout.size]
    for i, (start, _), end in zip(order, layout.spans, ends, strict=True):
        if rows and _key(rows[-1].route) == _key(routes[i]):
            last = rows.pop()
            assert isinstance(last.rows, slice)
            rows.append(Rows(routes[i], slice(last.rows.start, end)))
        else:
            rows.append(Rows(routes[i], slice(start, end)))
    return Unit(tuple(order), torch.from_numpy(tokens).to(device), layout, tuple(rows))


def gather_streams(data: Sequence[Datum], unit: Unit, names: Sequence[str], device: torch.device) -> Mapping[str, torch.Tensor]:
    """The named streams of a unit's sequences at their positions, 0 between. Raises LossError for a missing one."""
    out = {}
    for name in names:
        for i in unit.order:
            if name not in data[i].streams:
                raise LossError(f"the loss reads the stream {name!r}, which datum {i} lacks", seen=", ".join(data[i].streams))
        parts = [np.asarray(data[i].streams[name]) for i in unit.order]
        shapes = {p.shape[1:] for p in parts}
        if len(shapes) > 1:
            raise LossError(f"the stream {name!r} has other shapes in some data than in others", seen=f"per position: {shapes}")
        joined = unit.layout.spread([p.astype(np.int64 if name == "targets" else np.float32) for p in parts])
        out[name] = torch.from_numpy(joined).to(device)
    return out
