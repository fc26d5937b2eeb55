"""A model whose network transformers computes: the families that `engine/families.py` does not know.

Nothing is taken for granted of a network that is not ours. When it is opened, a few small passes find out whether it looks at
later tokens (then it is refused), whether sequences may share a batch, and whether its keys and values can be kept; where they
may not, sequences go through it one by one, and sampling computes the whole text anew for every token. Slower, and the same.
These passes are in float32 whatever is asked for, so that rounding hides nothing.

Weights are float32 and lie in one flat buffer (`Flat`), like our own; a lower compute precision is torch's autocast. Adapters are
added by hooks on the linear modules, so that the names of weights, and ties between them, stay as they are. Dropout is off.

Shapes: B sequences of a batch, T positions, P chosen positions, V vocabulary, D hidden, G key-value heads, E head dimension.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from burnish.engine.adapters import AdapterBank, pairs
from burnish.engine.arch import Arch
from burnish.engine.borrowed_files import load, refusing
from burnish.engine.device import exactly
from burnish.engine.flat import Flat
from burnish.errors import ModelRefused
from burnish.types import Route

_PROBE = 5
"""Tokens of the passes that find out what the network does."""
_ALIKE = 1e-3
"""By how much log-probabilities may differ between two ways of computing the same in float32; by this share of their standard
deviation where that is less than 1 (weights that are hardly trained)."""
LOGITS = 1 << 26
"""Logits of one unit of work or one batch, 256 MiB: here they are held for all of its positions at once."""

Past = tuple[torch.Tensor, np.ndarray]
"""Stored keys and values [layers, 2, B, G, T, E] of a batch, and how many of the T positions each sequence has."""
Low = tuple[torch.Tensor, torch.Tensor, float]
"""A [r, in], B [out, r], and what their product is multiplied by."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What a pass over a batch gave. kv: keys and values of the new positions, [layers, 2, B, G, T, E], where asked for."""

    logits: torch.Tensor
    """[B, T, V] in float32"""
    hidden: torch.Tensor
    """[B, T, D] in float32, what the head reads"""
    kv: torch.Tensor | None = None


def unit_room(vocab: int) -> int:
    """Positions whose logits are within LOGITS; 256 at least."""
    return max(256, LOGITS // vocab)


def leaf(data: torch.Tensor, grad: torch.Tensor | None) -> torch.Tensor:
    """A tensor whose gradient autograd adds to `grad`; as it is where there is none or none is computed."""
    if grad is None or not torch.is_grad_enabled():
        return data
    made = data.detach().requires_grad_()
    made.grad = grad
    return made


class Borrowed:
    """Weights and passes of such a model. What `Host` asks of a decoder has the same names as there."""

    compiles = False
    checkpointing = False

    def __init__(self, directory: Path, arch: Arch, *, device: torch.device, dtype: torch.dtype) -> None:
        self.device, self.dtype, self.frozen, self.depth = device, torch.float32, True, arch.layers
        self.model = load(directory).to(device)
        weights = dict(self.model.named_parameters())  # tied ones once
        order = sorted(weights, key=lambda name: weights[name].dim() < 2)  # vectors, which take no weight decay, come last
        self.master = Flat({name: tuple(weights[name].shape) for name in order}, device=device)
        for name, view in self.master.views.items():
            view.copy_(weights[name].data)
            weights[name].data = view
            weights[name].requires_grad_(False)
            if not torch.isfinite(view).all():
                raise ModelRefused("the weights hold NaN or infinite values", seen=name, todo="fetch the model again")
        self._parameters, self.weights = weights, self.master.views
        self.held: dict[str, Any] = {}  # nothing of it is held in fewer bits
        self._takes_positions = "position_ids" in inspect.signature(self.model.forward).parameters
        self._low: Mapping[str, Sequence[Low]] = {}
        self._read: torch.Tensor | None = None
        self._reached: set[str] = set()
        modules = dict(self.model.named_modules())
        for module in arch.modules:
            modules[module.path].register_forward_hook(self._adapting(module.path))
        self.model.get_output_embeddings().register_forward_pre_hook(self._noting)
        self.arch, self.padded, self.repeats = arch, True, True
        with refusing():
            self._prove(arch, dtype)
            self._find_repeats()

    # -- weights ------------------------------------------------------------------------------------------------------

    def unfreeze(self, source: Mapping[str, torch.Tensor] | None = None) -> Flat:
        """The weights, with gradients."""
        self.frozen = False
        self.master.need_grad()
        self.bind()
        self._find_repeats()
        return self.master

    def refresh(self) -> None:
        """Nothing is held in another precision."""

    def bind(self) -> None:
        """Have autograd add gradients to the flat buffer."""
        for name, parameter in self._parameters.items():
            parameter.requires_grad_(True)
            parameter.grad = self.master.grad_views[name]

    # -- passes -------------------------------------------------------------------------------------------------------

    def low_rank(self, bank: AdapterBank, route: Route) -> dict[str, list[Low]]:
        """What the adapters of a route add to each linear module."""
        found: dict[str, list[Low]] = {}
        for adapter, weight in pairs(route):
            if adapter.kind == "lora":
                for name, f in bank.get(adapter).factors.items():
                    ((_, b),) = f.b
                    low = (leaf(f.a, f.a_grad), leaf(b, f.b_grad[0] if f.b_grad else None), weight * f.scale)
                    found.setdefault(name, []).append(low)
        return found

    def run(
        self,
        tokens: Sequence[np.ndarray],
        low: Mapping[str, Sequence[Low]],
        *,
        past: Past | None = None,
        keep: bool = False,
    ) -> Passed:
        """One pass over sequences of tokens that begin at their first position, or behind `past` (then all of one length).

        Shorter sequences are filled up behind their end; what is stored of them is filled up in front. keep: whether keys and
        values of the new positions are wanted.
        """
        sizes = [len(t) for t in tokens]
        ids = torch.zeros(len(tokens), max(sizes), dtype=torch.int64)
        for row, own in zip(ids, tokens, strict=True):
            row[: len(own)] = torch.from_numpy(own.astype(np.int64))
        inputs: dict[str, Any] = {"input_ids": ids.to(self.device), "use_cache": keep or past is not None}
        width = 0
        if past is not None:
            stored, lengths = past
            assert len(set(sizes)) == 1, "sequences that go on do so by as many tokens each"
            width, behind = int(lengths.max()), torch.from_numpy(lengths.astype(np.int64))
            seen = torch.arange(width + sizes[0]) >= (width - behind)[:, None]
            inputs |= {"past_key_values": _cache(stored, lengths), "attention_mask": seen.long().to(self.device)}
            if self._takes_positions:
                inputs["position_ids"] = (behind[:, None] + torch.arange(sizes[0])).to(self.device)
        else:
            if len(set(sizes)) > 1:
                inputs["attention_mask"] = (torch.arange(max(sizes)) < torch.tensor(sizes)[:, None]).long().to(self.device)
            if keep:
                inputs["past_key_values"] = _empty_cache()
        self._low = low
        try:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
                out = self.model(**inputs)
        finally:
            hidden, self._low, self._read = self._read, {}, None
        assert hidden is not None, "the head was not reached"
        kv = None
        if keep:
            layers = out.past_key_values.layers
            kv = torch.stack([torch.stack([la.keys[:, :, width:], la.values[:, :, width:]]) for la in layers]).to(self.dtype)
        return Passed(out.logits.float(), hidden.float(), kv)

    def batches(self, sizes: Sequence[int]) -> list[list[int]]:
        """Which sequences go through together: those whose lengths round up to the same power of two, within LOGITS."""
        if not self.padded:
            return [[i] for i in range(len(sizes))]
        found: dict[int, list[int]] = {}
        for i, size in enumerate(sizes):
            found.setdefault((size - 1).bit_length(), []).append(i)
        batches = list[list[int]]()
        for group in found.values():
            room = max(1, LOGITS // (max(sizes[i] for i in group) * self.arch.vocab))
            batches += [group[i : i + room] for i in range(0, len(group), room)]
        return batches

    def backward(self, loss: torch.Tensor, gradient: torch.Tensor | None = None) -> None:
        """Add the gradient of what was computed to the buffers of its owners."""
        if loss.requires_grad:
            with exactly(self.device) if self.repeats else nullcontext():
                loss.backward(gradient)

    def _adapting(self, path: str) -> Any:
        def add(module: torch.nn.Module, args: tuple[torch.Tensor, ...], out: torch.Tensor) -> torch.Tensor:
            self._reached.add(path)
            for a, b, scale in self._low.get(path, ()):
                out = out + (F.linear(F.linear(args[0].to(a.dtype), a), b) * scale).to(out.dtype)
            return out

        return add

    def _noting(self, module: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        self._read = args[0]

    # -- what it does -------------------------------------------------------------------------------------------------

    def _prove(self, arch: Arch, dtype: torch.dtype) -> None:
        """Find out what may be assumed, and compute in `dtype` from then on. Raises ModelRefused for a network that sees later
        tokens, or changes its own weights."""
        draw = np.random.default_rng(0)
        long, short, more = (draw.integers(0, arch.vocab, n) for n in (_PROBE, _PROBE - 2, 3))
        before = self._norms()
        other = np.concatenate([long[:-1], (long[-1:] + 1) % arch.vocab])
        with torch.no_grad():
            alone, changed, cut = (self.run([t], {}).logits[0] for t in (long, other, short))
            if not self._alike(alone[:-1], changed[:-1]):
                raise ModelRefused(
                    "the model looks at later tokens, so it is no causal language model", todo="use another base model"
                )
            both = self.run([long, short], {}).logits
            self.padded = self._alike(both[0], alone) and self._alike(both[1, : len(short)], cut)
            self._keep_reached()
            self.arch = replace(self.arch, layers=0, kv_heads=1, head_dim=1)
            if self._caches():
                self._prove_cache(long, short, more)
            self.dtype = dtype
            if dtype != torch.float32:  # whether it goes through at all
                kv = self.run([long], {}, keep=self.caches).kv
                if kv is not None:
                    self.run([more], {}, past=(kv, np.array([len(long)])), keep=True)
        changed = [name for name, norm in self._norms().items() if norm != before[name]]
        if changed:
            raise ModelRefused(
                "the model changes its own weights when it computes", seen=", ".join(changed[:5]), todo="use another base model"
            )

    def _norms(self) -> dict[str, float]:
        with torch.no_grad():
            return {name: float(torch.linalg.vector_norm(view)) for name, view in self.weights.items()}

    def _find_repeats(self) -> None:
        """Find out whether all that a backward pass does has a form that repeats exactly on a GPU. While the weights are frozen
        only the way through the layers is tried, which needs no room for gradients."""
        if self.device.type == "cuda" and self.repeats:
            self.repeats = self._goes_back()

    def _goes_back(self) -> bool:
        def reach(module: torch.nn.Module, args: tuple[torch.Tensor, ...], out: torch.Tensor) -> None:
            out.requires_grad_()

        hook = self.model.get_input_embeddings().register_forward_hook(reach)
        try:
            with torch.enable_grad():
                loss = self.run([np.arange(_PROBE) % self.arch.vocab], {}).logits.sum()
            self.backward(loss)
        except RuntimeError as error:
            if "deterministic" not in str(error):
                raise
            return False
        finally:
            hook.remove()
            if self.master.grad is not None:
                self.master.grad.zero_()
        return True

    def _keep_reached(self) -> None:
        """Let adapters go only into modules that text reaches: some networks have towers for images, and some take a module's
        matrix and multiply with it themselves."""
        self.arch = replace(self.arch, modules=tuple(m for m in self.arch.modules if m.path in self._reached))
        if not self.arch.modules:
            raise ModelRefused("the model has no linear modules that an adapter could go into", todo="use another base model")

    def _prove_cache(self, long: np.ndarray, short: np.ndarray, more: np.ndarray) -> None:
        """Take over the shape of keys and values where sequences that go on behind them are what they are anew: together by one
        token, as they are drawn, and alone by several, as a long prompt comes in pieces."""
        first, second = (self.run([t], {}, keep=True).kv for t in (long, short))
        if first is None or second is None or first.shape[:4] != second.shape[:4]:
            return
        layers, _, _, heads, size, width = first.shape
        stored = first.new_zeros(layers, 2, 2, heads, size, width)
        stored[:, :, :1], stored[:, :, 1:, :, : len(short)] = first, second
        sizes = np.array([len(long), len(short)])
        together = self.run([more[:1], more[:1]], {}, past=(stored, sizes)).logits[:, 0]
        alone = self.run([more], {}, past=(first, sizes[:1])).logits[0]
        anew = [self.run([np.concatenate([t, more])], {}).logits[0, len(t) :] for t in (long, short)]
        if self._alike(together, torch.stack([a[0] for a in anew])) and self._alike(alone, anew[0]):
            self.arch = replace(self.arch, layers=layers, kv_heads=heads, head_dim=width)

    def _caches(self) -> bool:
        """Whether the network says that it keeps keys and values of every layer, and nothing else, all of one shape."""
        takes = "past_key_values" in inspect.signature(self.model.forward).parameters
        kinds = set(getattr(self.model.config.get_text_config(), "layer_types", None) or ())
        if not takes or getattr(self.model, "_is_stateful", False) or not kinds <= {"full_attention", "sliding_attention"}:
            return False
        cache = _empty_cache()
        self.model(input_ids=torch.zeros(1, 2, dtype=torch.int64, device=self.device), past_key_values=cache, use_cache=True)
        shapes = {t.shape if t is not None else None for layer in cache.layers for t in (layer.keys, layer.values)}
        return len(shapes) == 1 and None not in shapes

    def _alike(self, a: torch.Tensor, b: torch.Tensor) -> bool:
        """Whether logits mean the same; -inf is like -inf."""
        a, b = torch.log_softmax(a, -1), torch.log_softmax(b, -1)
        return torch.allclose(a, b, rtol=0.0, atol=_ALIKE * min(1.0, float(b[b.isfinite()].std())))

    @property
    def caches(self) -> bool:
        """Whether sampling keeps keys and values."""
        return self.arch.layers > 0


def _empty_cache() -> Any:
    """One that keeps every position: layers with a window mask what they do not see."""
    from transformers import DynamicCache

    return DynamicCache()


def _cache(stored: torch.Tensor, lengths: np.ndarray) -> Any:
    """Stored keys and values as transformers takes them: [B, G, T, E] a layer, each sequence's last position at the end."""
    width, cache = int(lengths.max()), _empty_cache()
    stored = stored[:, :, :, :, :width]
    if (lengths < width).any():
        at = np.maximum(np.arange(width) - (width - lengths)[:, None], 0)
        stored = stored.take_along_dim(torch.from_numpy(at).to(stored.device)[None, None, :, None, :, None], 4)
    for layer, (keys, values) in enumerate(stored):
        cache.update(keys, values, layer)
    return cache


@contextmanager
def plainly() -> Iterator[None]:
    """No gradients, and no tensors that cannot have any later: a network may keep what it makes here."""
    with torch.inference_mode(False), torch.no_grad():
        yield
