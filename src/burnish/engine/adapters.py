"""The adapter bank: any number of low-rank adapters over one frozen base (LoRA, Hu et al. 2021, arXiv 2106.09685).

y = W x + (alpha / r) B A x, for each targeted linear module. Every slot has its own rank, targets, heads, gradients and
optimiser state; a row of a batch names the (slot, weight) pairs that it passes through. Rows of one slot are one segment, so that
a batch over many adapters costs the base once and each adapter its own rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import torch

from burnish.engine.arch import Arch
from burnish.engine.flat import Flat
from burnish.engine.load import MODULES, groups, module_widths
from burnish.engine.ops import Factors, Segment, Weight
from burnish.engine.optim import Adam
from burnish.engine.tokens import Patch, TokenRows, token_shapes
from burnish.errors import CapabilityMissing, ConfigError
from burnish.types import Adapter, LoraSpec, Quantize, Route


@dataclass(frozen=True, slots=True)
class Site:
    """A matrix that adapters may go into. parts: (name, target, outputs) of the modules stacked in it, in order."""

    name: str
    inputs: int
    parts: tuple[tuple[str, str, int], ...]


def sites(arch: Arch) -> list[Site]:
    """The fused matrices of every layer; of a model that transformers computes, its linear modules as they are."""
    if arch.modules:
        return [Site(m.path, m.inputs, ((m.path, m.name, m.outputs),)) for m in arch.modules]
    widths = module_widths(arch)
    return [
        Site(f"layers.{i}.{group}", widths[modules[0]][1], tuple((f"layers.{i}.{m}", m, widths[m][0]) for m in modules))
        for i in range(arch.layers)
        for group, modules in groups(arch).items()
    ]


def slot_shapes(arch: Arch, spec: LoraSpec) -> dict[str, tuple[int, ...]]:
    """Tensors of one slot: per fused matrix the stacked A of its targeted modules, per module its B, per head one row, and the
    rows of tokens."""
    shapes: dict[str, tuple[int, ...]] = {}
    for site in sites(arch):
        targeted = [(name, outputs) for name, target, outputs in site.parts if target in spec.targets]
        if targeted:
            shapes[f"{site.name}.a"] = (len(targeted) * spec.rank, site.inputs)
            for name, outputs in targeted:
                shapes[f"{name}.b"] = (outputs, spec.rank)
    for head in spec.heads:
        shapes[f"head.{head}"] = (1, arch.hidden)
    return shapes | token_shapes(arch, spec.tokens)


def parameter_count(arch: Arch, spec: LoraSpec) -> int:
    """Trainable parameters of an adapter of this shape."""
    return sum(prod(s) for s in slot_shapes(arch, fitted(spec, arch)).values())


def check_spec(spec: LoraSpec, arch: Arch) -> None:
    """Raises ConfigError for a shape that cannot be, CapabilityMissing for one that this kind of model does not offer."""
    if spec.rank < 1 or not spec.targets:
        raise ConfigError("an adapter needs a rank of at least 1 and at least one target", seen=f"{spec}")
    if spec.tokens and arch.modules:
        raise CapabilityMissing(
            "an adapter of a model that transformers computes holds no rows of tokens",
            seen=f"{len(spec.tokens)} tokens, a model of type {arch.family!r}",
            todo="leave tokens out",
        )
    unknown = [t for t in spec.targets if t not in MODULES]
    if unknown and not arch.modules:
        raise ConfigError(f"unknown adapter targets: {', '.join(unknown)}", seen=f"known: {', '.join(MODULES)}")


def fitted(spec: LoraSpec, arch: Arch) -> LoraSpec:
    """All modules of an architecture where all were asked for: adapters do not go into experts. Raises ConfigError for some
    that it does not have."""
    if arch.modules:
        return replace(spec, targets=_by_their_names(spec.targets, arch))
    targets = tuple(t for t in spec.targets if t in module_widths(arch))
    if targets != spec.targets and set(spec.targets) != set(MODULES):
        missing = ", ".join(t for t in spec.targets if t not in targets)
        raise ConfigError("the model has experts, and adapters do not go into those", seen=missing, todo="target q, k, v or o")
    return replace(spec, targets=targets)


def _by_their_names(targets: Sequence[str], arch: Arch) -> tuple[str, ...]:
    """Targets as a model that transformers computes names them: q is its q_proj; all of ours are all of its."""
    names = sorted({m.name for m in arch.modules})
    if set(targets) == set(MODULES):
        return tuple(names)
    missing = [t for t in targets if t not in names and f"{t}_proj" not in names]
    if missing:
        raise ConfigError(
            f"the model has no linear modules of the name {', '.join(missing)}",
            seen=f"it has {', '.join(names)}",
            todo="leave lora.targets out, so that the adapter goes into all of them",
        )
    return tuple(n for n in names if n in targets or n.removesuffix("_proj") in targets)


class Slot:
    """One adapter: its parameters, what they are multiplied with, and its optimiser."""

    def __init__(self, adapter: Adapter, spec: LoraSpec, arch: Arch, *, device: torch.device, dtype: torch.dtype) -> None:
        self.adapter, self.spec, self.arch = adapter, spec, arch
        self.version = 0
        self.over: Quantize = "none"
        """how the base was held over which it was trained"""
        self.flat = Flat(slot_shapes(arch, spec), device=device)
        self._compute = Flat(self.flat.shapes, device=device, dtype=dtype) if dtype != torch.float32 else None
        rows = [self.flat.offsets[name] for name in token_shapes(arch, spec.tokens)]
        self.adam = Adam(self.flat, decay_end=min(rows, default=None))  # decay of whole rows would not lead to the base's
        self.factors: dict[str, Factors] = {}
        self.tokens: TokenRows | None = None
        self.bind()

    def initialise(self) -> None:
        """A uniform in +-1/sqrt(in) and B zero, as in PEFT; heads zero. Depends on spec.seed alone."""
        generator = torch.Generator().manual_seed(self.spec.seed)
        for name, view in self.flat.views.items():
            if name.endswith(".a"):
                bound = 1 / math.sqrt(view.shape[1])
                view.copy_(torch.empty(view.shape).uniform_(-bound, bound, generator=generator))
        self.refresh()

    def start_rows(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Give its tokens the rows that they have in the base."""
        if self.tokens is not None:
            self.tokens.fill(self.flat.views, weights)
            self.refresh()

    def need_grad(self) -> None:
        if self.flat.grad is None:
            self.flat.need_grad()
            self.bind()

    def refresh(self) -> None:
        """Copy changed parameters into the compute precision."""
        if self._compute is not None:
            self._compute.data.copy_(self.flat.data)

    def bind(self) -> None:
        data = self.flat.views if self._compute is None else self._compute.views
        grads, scale = self.flat.grad_views, self.spec.alpha / self.spec.rank
        for site in sites(self.arch):
            column, parts, part_grads = 0, [], []
            for name, _, outputs in site.parts:
                key = f"{name}.b"
                if key in data:
                    parts.append((column, data[key]))
                    if key in grads:
                        part_grads.append(grads[key])
                column += outputs
            if parts:
                key = f"{site.name}.a"
                self.factors[site.name] = Factors(data[key], tuple(parts), scale, grads.get(key), tuple(part_grads))
        self.tokens = TokenRows.of(self.spec.tokens, self.arch, data, grads)
        self.refresh()

    def head(self, name: str) -> Weight:
        """The head's row [1, D] in float32."""
        key = f"head.{name}"
        if key not in self.flat.views:
            raise CapabilityMissing(f"this adapter has no {name} head", todo=f"create it with heads=({name!r},)")
        return Weight(self.flat.views[key], self.flat.grad_views.get(key))


@dataclass(frozen=True, slots=True)
class Rows:
    """Packed positions that share one route."""

    route: Route
    rows: slice | torch.Tensor


class AdapterBank:
    """The slots of one host."""

    def __init__(self, arch: Arch, *, device: torch.device, dtype: torch.dtype) -> None:
        self.arch, self.device, self.dtype = arch, device, dtype
        self.slots: dict[str, Slot] = {}
        self._count = 0

    def new(self, spec: LoraSpec) -> Slot:
        """An empty slot (all zero); `initialise` or a load fills it."""
        check_spec(spec, self.arch)
        spec = fitted(spec, self.arch)
        self._count += 1
        adapter = Adapter(id=f"lora-{self._count}", kind="lora")
        slot = Slot(adapter, spec, self.arch, device=self.device, dtype=self.dtype)
        self.slots[adapter.id] = slot
        return slot

    def copy(self, source: Slot, weights: Mapping[str, torch.Tensor], tokens: Sequence[int] = ()) -> Slot:
        """A new slot with the same parameters and a fresh optimiser, and with the rows of these tokens of the base, too."""
        more = [t for t in tokens if t not in source.spec.tokens]
        slot = self.new(replace(source.spec, tokens=tuple(sorted((*source.spec.tokens, *more)))))
        slot.over = source.over
        slot.start_rows(weights)
        at = [slot.spec.tokens.index(t) for t in source.spec.tokens]
        for name, view in source.flat.views.items():
            mine = slot.flat.views[name]
            if name.startswith("tokens."):
                mine[at] = view
            else:
                mine.copy_(view)
        slot.refresh()
        return slot

    def get(self, adapter: Adapter) -> Slot:
        slot = self.slots.get(adapter.id)
        if slot is None:
            raise CapabilityMissing(
                f"adapter {adapter.id!r} is not in this host", todo="it was freed, or belongs to another model"
            )
        return slot

    def free(self, adapter: Adapter) -> None:
        self.get(adapter)
        del self.slots[adapter.id]

    def table(self, rows: Iterable[Rows]) -> dict[str, Sequence[Segment]]:
        """Fused matrix name -> segments, for packed positions and the routes that they take."""
        table: dict[str, list[Segment]] = {}
        for item in rows:
            for adapter, weight in pairs(item.route):
                if adapter.kind == "lora":
                    for name, factors in self.get(adapter).factors.items():
                        table.setdefault(name, []).append(Segment(factors, weight, item.rows))
        return table  # type: ignore[return-value]

    def patches(self, rows: Sequence[Rows], size: int) -> tuple[Patch, ...]:
        """The rows of tokens that adapters of these routes hold, and at which of `size` packed positions."""
        found = []
        for item in rows:
            for adapter, _ in pairs(item.route):
                own = self.get(adapter).tokens if adapter.kind == "lora" else None
                if own is not None:
                    where = None
                    if len(rows) > 1:
                        where = torch.zeros(size, dtype=torch.bool, device=self.device)
                        where[item.rows] = True
                    found.append(Patch(own, where))
        return tuple(found)

    def segments(self, routes: Sequence[Route], sizes: Sequence[int]) -> dict[str, Sequence[Segment]]:
        """The table for packed rows of these sizes."""
        return self.table(self.rows(routes, sizes))

    def rows(self, routes: Sequence[Route], sizes: Sequence[int]) -> list[Rows]:
        """What packed rows of these sizes take; a route's rows are a slice where they lie together, else an index."""
        found: dict[Route, list[torch.Tensor]] = {}
        start = 0
        for route, size in zip(routes, sizes, strict=True):
            found.setdefault(route, []).append(torch.arange(start, start + size))
            start += size
        rows = []
        for route, spans in found.items():
            at = torch.cat(spans)
            first, last = int(at[0]), int(at[-1])
            together = last - first == len(at) - 1
            rows.append(Rows(route, slice(first, last + 1) if together else at.to(self.device)))
        return rows


def pairs(route: Route) -> tuple[tuple[Adapter, float], ...]:
    """A route as (adapter, weight) pairs; the bare base has none."""
    if route is None:
        return ()
    if isinstance(route, Adapter):
        return ((route, 1.0),)
    return route
