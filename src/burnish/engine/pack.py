"""Packing: Datums into units of work of about fixed size, laid end to end.

Nothing is padded, but where products are compiled for each shape (`matmul.compiles`): there each sequence begins at a multiple of
ALIGN and the unit ends at a rounded size, so that few shapes occur. What lies between carries no loss, and nobody sees it: it
comes after its sequence, and attention is causal.

A unit holds whole sequences (and whole sets, for set-wise losses), so that results do not depend on where units are cut. Within
a unit the sequences of one route lie together, so that each adapter is one segment.

A beginning that sequences share (`stems.py`) lies before those of them that are in the unit, once; a group that does not fit into
a unit is cut, and its beginning computed in each.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from burnish.engine import matmul, stems
from burnish.engine.adapters import Rows, pairs
from burnish.engine.blocked import Stem
from burnish.engine.stems import Shared
from burnish.errors import DataError, LossError
from burnish.types import Datum, Route, TokenChunk

ALIGN = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """Where sequences lie in a pack. lengths: what is laid end to end, gaps and the rest included. spans: the sequences, without
    what they share. heads: where lies what each of them shares; nothing is (0, 0)."""

    lengths: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    heads: tuple[tuple[int, int], ...]
    stems: tuple[Stem, ...] = ()

    @property
    def size(self) -> int:
        return sum(self.lengths)

    def spread(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """The parts, one a sequence, at their places, and zeros between."""
        out = np.zeros((self.size, *parts[0].shape[1:]), dtype=parts[0].dtype)
        for (start, stop), (first, last), part in zip(self.spans, self.heads, parts, strict=True):
            out[first:last], out[start:stop] = part[: last - first], part[last - first :]
        return out

    def parts(self, array: np.ndarray) -> list[np.ndarray]:
        """The way back: copies of what stands at the places of each sequence."""
        return [
            np.concatenate([array[first:last], array[start:stop]])
            for (start, stop), (first, last) in zip(self.spans, self.heads, strict=True)
        ]


def lay(sizes: Sequence[int], *, aligned: bool, heads: Sequence[tuple[int, int]] = ()) -> Layout:
    """Lay sequences of these sizes end to end.

    heads: for each sequence the number of its group and how much of it is shared there, (-1, 0) where nothing is; a group follows
    one another. Where aligned, what is shared must be a multiple of ALIGN.
    """
    lengths, spans, places, found = list[int](), list[tuple[int, int]](), list[tuple[int, int]](), list[Stem]()
    at, last, place, branches = 0, -1, (0, 0), list[tuple[int, int]]()
    for n, size in enumerate(sizes):
        group, shared = heads[n] if heads else (-1, 0)
        if group != last:
            if branches:
                found.append(Stem(place[0], place[1] - place[0], tuple(branches)))
            last, place, branches = group, (at, at + shared) if shared else (0, 0), []
            if shared:
                lengths.append(shared)
                at += shared
        own = aligned_size(size - shared) if aligned else size - shared
        lengths.append(own)
        spans.append((at, at + size - shared))
        places.append(place)
        if shared:
            branches.append((at, own))
        at += own
    if branches:
        found.append(Stem(place[0], place[1] - place[0], tuple(branches)))
    rest = matmul.rounded(at) - at if aligned else 0
    return Layout((*lengths, rest) if rest else tuple(lengths), tuple(spans), tuple(places), tuple(found))


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


def tokens_of(datum: Datum) -> np.ndarray:
    """[T] of a Datum that holds tokens only."""
    chunks = [c.tokens for c in datum.chunks if isinstance(c, TokenChunk)]
    return chunks[0] if len(chunks) == 1 else np.concatenate(chunks)


def shared_beginnings(
    data: Sequence[Datum],
    routes: Sequence[Route],
    limit: Callable[[int], int],
    *,
    sets: Sequence[int] | None = None,
    aligned: bool = False,
    targets: bool = False,
) -> list[Shared]:
    """What may be computed once; see `stems.find`. targets: these must be the same, too."""
    if len(data) < 2:
        return []
    tokens, keys = [tokens_of(d) for d in data], [_key(r) for r in routes]
    if targets:
        wanted = [d.streams.get("targets") for d in data]
        if any(t is None or t.shape[1:] != wanted[0].shape[1:] for t in wanted):  # type: ignore[union-attr]
            return []  # which `gather_streams` refuses
        tokens = [np.column_stack([own, t]) for own, t in zip(tokens, wanted, strict=True)]  # type: ignore[list-item]
    return stems.find(tokens, keys, limit, sets=sets, step=ALIGN if aligned else 1)


def make_units(
    data: Sequence[Datum],
    routes: Sequence[Route],
    unit_tokens: int,
    *,
    device: torch.device,
    sets: Sequence[int] | None = None,
    aligned: bool = False,
    shared: Sequence[Shared] = (),
) -> list[Unit]:
    """Best-fit-decreasing packing into units of at most `unit_tokens` positions (a longer sequence or set is a unit alone).

    `sets[i]` names the set of datum i; a set is never split. aligned: see above. shared: beginnings that are computed once; those
    that share them come first, group by group, in units of up to a quarter more, so that few groups are cut, and of half a unit
    beside a longer beginning.
    """
    unit_tokens = matmul.fitting(unit_tokens) if aligned else unit_tokens
    head_of = {i: (n, s.size) for n, s in enumerate(shared) for i in s.members}
    groups: dict[int, list[int]] = {}
    for i in range(len(data)):
        groups.setdefault(i if sets is None else sets[i], []).append(i)
    own = [d.length - head_of.get(i, (0, 0))[1] for i, d in enumerate(data)]
    taken = [aligned_size(n) if aligned else n for n in own]
    bins: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (free positions, bin), sorted
    if shared:
        together: list[list[list[int]]] = [[] for _ in shared]
        for members in groups.values():
            if members[0] in head_of:
                together[head_of[members[0]][0]].append(members)
        bins, room = _fill(shared, together, taken, unit_tokens)
    members = [g for g in groups.values() if g[0] not in head_of]
    sized = sorted(((sum(taken[i] for i in g), k) for k, g in enumerate(members)), key=lambda x: (-x[0], x[1]))
    for size, k in sized:
        at = bisect_left(room, (size, -1))
        free, b = room.pop(at) if at < len(room) else (unit_tokens, len(bins))
        if b == len(bins):
            bins.append([])
        bins[b].extend(members[k])
        insort(room, (free - size, b))
    place = [shared[head_of[i][0]].members[0] if i in head_of else i for i in range(len(data))]
    return [
        _unit(sorted(content, key=lambda i: (_key(routes[i]), place[i], i)), data, routes, device, aligned, head_of)
        for content in bins
    ]


def _fill(
    shared: Sequence[Shared], together: Sequence[Sequence[list[int]]], taken: Sequence[int], unit_tokens: int
) -> tuple[list[list[int]], list[tuple[int, int]]]:
    """Units of sequences that share, one group after the other: (their contents, (free positions, unit)).

    A group begins in the room that the one before left if it fits there, or at least as much of it as its beginning is long. What
    is left of one may go a quarter beyond the limit rather than be cut. together: the sets of each group, in order.
    """
    bins, free, more = list[list[int]](), list[int](), unit_tokens // 4

    def fitting(ends: np.ndarray, room: int) -> int:
        """How many of the next sets go into so much room."""
        return len(ends) if ends[-1] <= room + more else int(np.searchsorted(ends, room, "right"))

    for group, waiting in zip(shared, together, strict=True):
        sizes, at = [sum(taken[i] for i in members) for members in waiting], 0
        while at < len(waiting):
            ends = np.cumsum(sizes[at:])
            fit = fitting(ends, free[-1] - group.size) if bins else 0
            if not fit or (ends[fit - 1] < group.size and at + fit < len(waiting)):
                bins.append([])
                free.append(max(unit_tokens, group.size + unit_tokens // 2))
                fit = max(1, fitting(ends, free[-1] - group.size))
            bins[-1].extend(i for members in waiting[at : at + fit] for i in members)
            free[-1] = min(free[-1], unit_tokens) - group.size - int(ends[fit - 1])
            at += fit
    return bins, sorted((n, b) for b, n in enumerate(free) if n > 0)


def _unit(
    order: Sequence[int],
    data: Sequence[Datum],
    routes: Sequence[Route],
    device: torch.device,
    aligned: bool,
    head_of: Mapping[int, tuple[int, int]],
) -> Unit:
    there = Counter(head_of[i][0] for i in order if i in head_of)
    heads = [head_of[i] if i in head_of and there[head_of[i][0]] > 1 else (-1, 0) for i in order]
    layout = lay([data[i].length for i in order], aligned=aligned, heads=heads)
    tokens = layout.spread([tokens_of(data[i]).astype(np.int64) for i in order])
    rows: list[Rows] = []
    first_of = {stem.branches[0][0]: stem.start for stem in layout.stems}
    starts = [first_of.get(start, start) for start, _ in layout.spans]
    for i, start, end in zip(order, starts, [*starts[1:], layout.size], strict=True):
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
