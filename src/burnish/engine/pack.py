"""Packing: Datums into units of work of about fixed size, laid end to end without padding.

A unit holds whole sequences (and whole sets, for set-wise losses), so that results do not depend on where units are cut. Within
a unit the sequences of one route lie together, so that each adapter is one segment.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from burnish.engine.adapters import Rows, pairs
from burnish.errors import DataError, LossError
from burnish.types import Datum, Route, TokenChunk


@dataclass(frozen=True, slots=True)
class Unit:
    """Sequences of one pass. `order` holds their indices in the request."""

    order: tuple[int, ...]
    tokens_N: torch.Tensor
    lengths: tuple[int, ...]
    rows: tuple[Rows, ...]

    @property
    def offsets(self) -> list[int]:
        return [0, *np.cumsum(self.lengths).tolist()]


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
) -> list[Unit]:
    """Best-fit-decreasing packing into units of at most `unit_tokens` positions (a longer sequence or set is a unit alone).

    `sets[i]` names the set of datum i; a set is never split.
    """
    groups: dict[int, list[int]] = {}
    for i in range(len(data)):
        groups.setdefault(i if sets is None else sets[i], []).append(i)
    sized = sorted(((sum(data[i].length for i in g), k) for k, g in enumerate(groups.values())), key=lambda x: (-x[0], x[1]))
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
    return [_unit(sorted(content, key=lambda i: (_key(routes[i]), i)), data, routes, device) for content in bins]


def _unit(order: Sequence[int], data: Sequence[Datum], routes: Sequence[Route], device: torch.device) -> Unit:
    tokens = np.concatenate([c.tokens for i in order for c in data[i].chunks])
    lengths = tuple(data[i].length for i in order)
    rows: list[Rows] = []
    start = 0
    for i, length in zip(order, lengths, strict=True):
        if rows and _key(rows[-1].route) == _key(routes[i]):
            last = rows.pop()
            assert isinstance(last.rows, slice)
            rows.append(Rows(routes[i], slice(last.rows.start, start + length)))
        else:
            rows.append(Rows(routes[i], slice(start, start + length)))
        start += length
    return Unit(tuple(order), torch.from_numpy(tokens.astype(np.int64)).to(device), lengths, tuple(rows))


def gather_streams(
    data: Sequence[Datum], order: Sequence[int], names: Sequence[str], device: torch.device
) -> Mapping[str, torch.Tensor]:
    """The named streams of a unit's sequences, end to end. Raises LossError for a missing one."""
    out = {}
    for name in names:
        for i in order:
            if name not in data[i].streams:
                raise LossError(f"the loss reads the stream {name!r}, which datum {i} lacks", seen=", ".join(data[i].streams))
        parts = [np.asarray(data[i].streams[name]) for i in order]
        shapes = {p.shape[1:] for p in parts}
        if len(shapes) > 1:
            raise LossError(f"the stream {name!r} has other shapes in some data than in others", seen=f"per position: {shapes}")
        joined = np.concatenate(parts)
        out[name] = torch.from_numpy(joined.astype(np.int64 if name == "targets" else np.float32)).to(device)
    return out
