"""Factors of many adapters side by side, so that a decode step multiplies the rows of all of them in two products a matrix.

Rows of one adapter are a segment (`ops.Segment`), and a batch of few rows over many adapters is many small products, each of
which costs more to start than to compute. Here adapters of one shape stand in one batched product (as in Punica's SGMV, Chen et
al. 2023, arXiv 2310.18547, with places in place of offsets): every adapter has as many places as the fullest, and what is
computed at those that are left stays there. The copies stay as long as most of their adapters are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch

from burnish.engine import matmul
from burnish.engine.adapters import AdapterBank, Rows, Slot, pairs
from burnish.engine.ops import Factors, Group, Passage, Segment
from burnish.types import LoraSpec

LEAST = 3
"""Adapters of one shape that are worth a stack."""
UNEVEN = 2.0
"""An adapter with more than so many times the mean number of rows stays a segment: else all would get as many places."""
LIMIT_BYTES = 2 << 30
"""All stacks together; what would take more stays apart."""

_Shape = tuple[int, tuple[str, ...]]
"""Rank and targets."""


@dataclass(slots=True)
class _Use:
    """The rows of one adapter, each with the weight of its route."""

    slot: Slot
    rows: list[tuple[slice | torch.Tensor, float]] = field(default_factory=list)
    at: torch.Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    weights: torch.Tensor = field(default_factory=lambda: torch.empty(0))

    def lay(self) -> None:
        """Rows and weights as tensors on the CPU."""
        at = [torch.arange(r.start, r.stop) if isinstance(r, slice) else r.cpu() for r, _ in self.rows]
        self.at = torch.cat(at)
        self.weights = torch.cat([torch.full((len(a),), w) for a, (_, w) in zip(at, self.rows, strict=True)])

    def segments(self, name: str) -> Iterable[Segment]:
        return (Segment(self.slot.factors[name], weight, rows) for rows, weight in self.rows)


@dataclass(slots=True)
class _Stack:
    """The factors of some adapters, as they were at these versions."""

    slots: list[Slot]
    versions: list[int]
    factors: dict[str, tuple[torch.Tensor, tuple[tuple[int, torch.Tensor], ...]]]
    """matrix -> a and b of `ops.Group`"""

    def holds(self, slot: Slot) -> int | None:
        """Where an adapter stands, if it has not changed since."""
        for i, (own, version) in enumerate(zip(self.slots, self.versions, strict=True)):
            if own is slot:
                return i if version == slot.version else None
        return None

    @property
    def bytes(self) -> int:
        return len(self.slots) * _bytes(self.slots[0])


class Stacks:
    """The stacks of one sampler."""

    def __init__(self, bank: AdapterBank) -> None:
        self._bank = bank
        self._stacks: dict[_Shape, _Stack] = {}

    @property
    def bytes(self) -> int:
        return sum(stack.bytes for stack in self._stacks.values())

    def clear(self) -> None:
        """Forget the copies (weights changed in a way that versions do not show)."""
        self._stacks.clear()

    def table(self, rows: Sequence[Rows]) -> dict[str, Sequence[Passage]]:
        """As `AdapterBank.table`, with rows of adapters of one shape together where that is cheaper."""
        uses: dict[str, _Use] = {}
        for item in rows:
            for adapter, weight in pairs(item.route):
                if adapter.kind == "lora":
                    uses.setdefault(adapter.id, _Use(self._bank.get(adapter))).rows.append((item.rows, weight))
        shapes: dict[_Shape, list[_Use]] = {}
        for use in uses.values():
            shapes.setdefault(_shape(use.slot.spec), []).append(use)
        for gone in [shape for shape in self._stacks if len(shapes.get(shape, ())) < LEAST]:
            del self._stacks[gone]
        table: dict[str, list[Passage]] = {}
        for shape, alike in shapes.items():
            alone = self._grouped(shape, alike, table) if len(alike) >= LEAST else alike
            for use in alone:
                for name in use.slot.factors:
                    table.setdefault(name, []).extend(use.segments(name))
        return table  # type: ignore[return-value]

    def _grouped(self, shape: _Shape, alike: list[_Use], table: dict[str, list[Passage]]) -> list[_Use]:
        """Add groups to the table; returns the uses that are better off alone."""
        for use in alike:
            use.lay()
        most = UNEVEN * sum(len(use.at) for use in alike) / len(alike)
        together = [use for use in alike if len(use.at) <= most]
        stack = self._stack(shape, [use.slot for use in together]) if len(together) >= LEAST else None
        if stack is None:
            return alike
        places = max(len(use.at) for use in together)
        if matmul.compiles(self._bank.device, self._bank.dtype):
            places = matmul.rounded(places)
        at = torch.zeros(len(stack.slots), places, dtype=torch.long)
        scale = torch.zeros(len(stack.slots), places, 1)
        taken = torch.zeros(len(stack.slots), places, dtype=torch.bool)
        for use in together:
            place = stack.holds(use.slot)
            assert place is not None
            at[place, : len(use.at)] = use.at
            taken[place, : len(use.at)] = True
            scale[place, : len(use.at), 0] = use.weights * (use.slot.spec.alpha / use.slot.spec.rank)
        device = self._bank.device
        rows, scale = at.flatten().to(device), scale.to(device)
        some = None if bool(taken.all()) else taken.flatten().nonzero()[:, 0].to(device)
        for name, (a, b) in stack.factors.items():
            table.setdefault(name, []).append(Group(a, b, rows, scale, some))
        return [use for use in alike if len(use.at) > most]

    def _stack(self, shape: _Shape, slots: list[Slot]) -> _Stack | None:
        """A stack that holds these adapters: that of before while at least half of it is asked for. None where it would be too
        large."""
        known = self._stacks.get(shape)
        if known is not None and 2 * len(slots) >= len(known.slots) and all(known.holds(s) is not None for s in slots):
            return known
        self._stacks.pop(shape, None)  # its memory first
        room = (LIMIT_BYTES - self.bytes) // max(1, _bytes(slots[0]))
        if len(slots) > room:
            return None
        others = [] if known is None else [s for s in known.slots if s not in slots and known.holds(s) is not None]
        others = [s for s in others if self._bank.slots.get(s.adapter.id) is s]
        slots = slots + others[: min(len(slots), room - len(slots))]
        factors = {name: _stacked([s.factors[name] for s in slots]) for name in slots[0].factors}
        self._stacks[shape] = _Stack(slots, [s.version for s in slots], factors)
        return self._stacks[shape]


def _shape(spec: LoraSpec) -> _Shape:
    return spec.rank, tuple(sorted(spec.targets))


def _bytes(slot: Slot) -> int:
    """What an adapter takes in a stack."""
    return sum((f.a.numel() + sum(b.numel() for _, b in f.b)) * f.a.element_size() for f in slot.factors.values())


def _stacked(factors: list[Factors]) -> tuple[torch.Tensor, tuple[tuple[int, torch.Tensor], ...]]:
    """a and b of `ops.Group`, of the same matrix of K adapters."""
    a = torch.stack([f.a.detach().t() for f in factors])
    columns = [column for column, _ in factors[0].b]
    b = [torch.stack([f.b[n][1].detach().t() for f in factors]) for n in range(len(columns))]
    return a, tuple(zip(columns, b, strict=True))
