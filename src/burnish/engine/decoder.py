"""The decoder: one packed pass over many sequences, or one step over many cached rows, by the same blocks.

Shapes: N packed positions, D hidden, H heads, G key-value heads, E head dimension.
The residual stream is float32; matrices and what they multiply are in the compute precision. Float32 weights live in one flat
buffer (`Flat`); a full fine-tune trains that buffer (its masters), adapters leave the weights frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch.utils.checkpoint import checkpoint

from burnish.engine import matmul, ops, quantised
from burnish.engine.arch import Arch, Rope
from burnish.engine.attention import AttentionForm, packed_attention
from burnish.engine.blocked import Stem
from burnish.engine.experts import Mixture
from burnish.engine.flat import Flat
from burnish.engine.load import shapes
from burnish.engine.ops import Passage, Weight
from burnish.engine.sight import Sight
from burnish.engine.tokens import Patch, add_embedded_gradient, patch_embedded
from burnish.types import Quantize

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

Turns = Sequence[tuple[torch.Tensor, torch.Tensor] | None]
"""For each layer cos and sin [N, 1, E] of the positions, or None where nothing is turned."""
Attend = Callable[[int, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""(layer, q [N, H, E], k [N, G, E], v [N, G, E]) -> [N, H, E]"""


@dataclass(frozen=True, slots=True)
class Block:
    """The weights of one layer. Norms that the architecture does not have are None, and so is the MLP where experts are."""

    input_norm: Weight | None
    qkv: Weight
    q_norm: Weight | None
    k_norm: Weight | None
    sinks: Weight | None
    o: Weight
    attn_out_norm: Weight | None
    mlp_norm: Weight | None
    mlp: Mlp | None
    experts: Mixture | None
    mlp_out_norm: Weight | None


@dataclass(frozen=True, slots=True)
class Mlp:
    """A gated MLP."""

    gate_up: Weight
    down: Weight


SegmentTable = Mapping[str, Sequence[Passage]]
"""Fused matrix name ("layers.0.qkv") -> the adapter segments that pass through it. Empty = the bare base."""


def _add(residual_ND: torch.Tensor, change_ND: torch.Tensor) -> torch.Tensor:
    """residual + change in float32; in the buffer of the change where it is float32, since nothing else reads that."""
    return change_ND.add_(residual_ND) if change_ND.dtype == residual_ND.dtype else residual_ND + change_ND


@dataclass(frozen=True, slots=True)
class Keep:
    """Some of the packed positions, and the adapter segments that these alone pass through."""

    positions: torch.Tensor
    segments: SegmentTable


class Decoder:
    """Weights and the passes over them. No state between passes."""

    def __init__(self, arch: Arch, *, device: torch.device, dtype: torch.dtype, quantize: Quantize = "none") -> None:
        self.arch, self.device, self.dtype = arch, device, dtype
        self.checkpointing = False
        self.frozen = True
        self.form = AttentionForm()
        self._tables: dict[Rope, torch.Tensor] = {}
        every = shapes(arch)
        fewer = quantised.names(every) if quantize != "none" else []
        self.held = {n: quantised.empty(quantize, every.pop(n), device) for n in fewer}
        self.master: Flat | None = Flat(every, device=device) if dtype == torch.float32 and not self.held else None
        if self.master is not None:
            self.weights = self.master.views
        else:
            norms = {n: s for n, s in every.items() if n.endswith(("norm", "sinks"))}
            rest = {n: s for n, s in every.items() if n not in norms}
            self.weights = Flat(rest, device=device, dtype=dtype).views | Flat(norms, device=device).views
        self.bind()

    @property
    def compiles(self) -> bool:
        """Whether passes should be laid out in few shapes."""
        return matmul.compiles(self.device, self.dtype)

    @property
    def shares(self) -> bool:
        """Whether a beginning that sequences have in common is computed once. On a GPU, where sequences go through attention
        together, it is not."""
        return not self.form.together

    def unfreeze(self, source: Mapping[str, torch.Tensor] | None = None) -> Flat:
        """Float32 masters with gradients. In a lower compute precision `source` gives the exact weights to start from."""
        assert not self.held, "a quantised base is never trained"
        self.frozen = False
        if self.master is None:
            assert source is not None, "masters cannot be had from rounded weights"
            self.master = Flat(shapes(self.arch), device=self.device)
            for name, view in self.master.views.items():
                view.copy_(source[name])
        self.master.need_grad()
        self.refresh()
        self.bind()
        return self.master

    def refresh(self) -> None:
        """Copy changed masters into the compute precision, where that is another one."""
        if self.master is not None and self.weights is not self.master.views:
            for name, weight in self.weights.items():
                weight.copy_(self.master.views[name])

    def bind(self) -> None:
        """Point every Weight at its data and, where the base is trained, at its gradient."""
        arch, data = self.arch, self.weights
        grads: Mapping[str, torch.Tensor] = self.master.grad_views if self.master is not None else {}

        def weight(name: str) -> Weight:
            bias, held = f"{name}.bias", self.held.get(name)
            own = data[name] if held is None else torch.empty(0, device=self.device, dtype=self.dtype)
            return Weight(own, grads.get(name), data.get(bias), grads.get(bias), held=held)

        def norm(name: str) -> Weight | None:
            return weight(name) if name in data else None

        self.blocks = [
            Block(
                input_norm=norm(f"layers.{i}.input_norm"),
                qkv=weight(f"layers.{i}.qkv"),
                q_norm=norm(f"layers.{i}.q_norm"),
                k_norm=norm(f"layers.{i}.k_norm"),
                sinks=norm(f"layers.{i}.sinks"),
                o=weight(f"layers.{i}.o"),
                attn_out_norm=norm(f"layers.{i}.attn_out_norm"),
                mlp_norm=norm(f"layers.{i}.mlp_norm"),
                mlp=None if arch.experts else Mlp(weight(f"layers.{i}.gate_up"), weight(f"layers.{i}.down")),
                experts=Mixture.of(arch, f"layers.{i}.experts", weight) if arch.experts else None,
                mlp_out_norm=norm(f"layers.{i}.mlp_out_norm"),
            )
            for i in range(arch.layers)
        ]
        self.norm = weight("norm")
        self.embedding = weight("embed")
        self.head = replace(weight("embed" if arch.tied else "head"), cap=arch.logit_cap)

    def pack(self, rows: int) -> tuple[list[Block], Weight]:
        """Blocks and head with copies of their matrices laid out for products with few rows. The weights must not change."""
        assert self.frozen, "packed copies do not follow training"

        def packed(weight: Weight) -> Weight:
            if weight.held is not None:
                return weight
            return replace(weight, packed=matmul.pack(weight.data, rows))

        def packed_mlp(mlp: Mlp | None) -> Mlp | None:
            return None if mlp is None else Mlp(packed(mlp.gate_up), packed(mlp.down))

        blocks = [replace(b, qkv=packed(b.qkv), o=packed(b.o), mlp=packed_mlp(b.mlp)) for b in self.blocks]
        return blocks, packed(self.head)

    def turns(self, positions_N: Int[Tensor, " N"]) -> Turns:
        """For each layer cos and sin [N, 1, E] at these positions, the first half of sin negated, as `ops.rope` reads them."""
        arch = self.arch
        found = {rope: self._turned(rope, positions_N) for rope in (arch.rope, arch.window_rope) if rope is not None}

        def turn(layer: int) -> tuple[torch.Tensor, torch.Tensor] | None:
            if layer in arch.unturned:
                return None
            return found[arch.window_rope if arch.window_rope is not None and arch.window(layer) else arch.rope]

        return [turn(layer) for layer in range(arch.layers)]

    def _turned(self, rope: Rope, positions_N: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """cos and sin at these positions; computed once up to the largest position seen."""
        need = int(positions_N.max()) + 1 if positions_N.numel() else 1
        table = self._tables.get(rope)
        if table is None or table.shape[1] < need:
            size = max(need, min(self.arch.max_positions, 4096))
            frequencies = torch.tensor(rope.inverse_frequencies(self.arch.rotary or self.arch.head_dim), dtype=torch.float32)
            angles = torch.outer(torch.arange(size, dtype=torch.float32), frequencies)
            cos, sin = angles.cos() * rope.attention_factor, angles.sin() * rope.attention_factor
            table = torch.stack([torch.cat((cos, cos), -1), torch.cat((-sin, sin), -1)]).to(self.device)
            self._tables[rope] = table
        rows = table[:, positions_N].unsqueeze(2)
        return rows[0].to(self.dtype), rows[1].to(self.dtype)

    def embed(self, tokens_N: Int[Tensor, " N"], patches: Sequence[Patch] = ()) -> Float[Tensor, "N D"]:
        """Token embeddings [N, D] in float32: where inputs enter, and where an image tower would join them.

        patches: adapters' own rows, of the positions that take these adapters.
        """
        found = self.embedding.data[tokens_N].float()
        found = found.mul_(self.arch.embed_scale) if self.arch.embed_scale != 1 else found
        return patch_embedded(found, tokens_N, patches, self.arch.embed_scale)

    def add_embedding_gradient(
        self, tokens_N: Int[Tensor, " N"], gradient_ND: Float[Tensor, "N D"], patches: Sequence[Patch] = ()
    ) -> None:
        """What `embed` passes back, where the embedding or an adapter's rows are trained."""
        add_embedded_gradient(tokens_N, gradient_ND, patches, self.arch.embed_scale)
        if self.embedding.grad is not None:
            self.embedding.grad.index_add_(0, tokens_N, gradient_ND, alpha=self.arch.embed_scale)

    def block(
        self,
        layer: int,
        x_ND: Float[Tensor, "N D"],
        turns: Turns,
        segments: SegmentTable,
        attend: Attend,
        blocks: Sequence[Block] | None = None,
        keep: Keep | None = None,
    ) -> Float[Tensor, "M D"]:
        """One layer: x + attention(norm(x)), then x + mlp(norm(x)); some families have norms behind attention and MLP, too.

        blocks: packed weights in place of the decoder's own. keep: positions to go on with after attention.
        """
        arch, b, prefix = self.arch, (blocks or self.blocks)[layer], f"layers.{layer}."
        n = x_ND.shape[0]
        qkv = ops.linear(self._normed(x_ND, b.input_norm), b.qkv, segments.get(prefix + "qkv", ()))
        q, k, v = qkv.split([arch.q_width, arch.kv_width, arch.kv_width], -1)
        if arch.qk_norm == "all":
            q, k = self._normed(q, b.q_norm), self._normed(k, b.k_norm)
        q, k = q.view(n, arch.heads, arch.head_dim), k.view(n, arch.kv_heads, arch.head_dim)
        if arch.qk_norm == "head":
            q, k = self._normed(q, b.q_norm), self._normed(k, b.k_norm)
        turn = turns[layer]
        if turn is not None:
            q, k = ops.rope(q, *turn), ops.rope(k, *turn)
        if arch.q_factor != 1:
            q = q * arch.q_factor
        a = attend(layer, q, k, v.view(n, arch.kv_heads, arch.head_dim))
        if keep is not None:
            a, x_ND, segments, n = a[keep.positions], x_ND[keep.positions], keep.segments, len(keep.positions)
        change = ops.linear(a.reshape(n, arch.q_width), b.o, segments.get(prefix + "o", ()))
        x_ND = _add(x_ND, self._normed_out(change, b.attn_out_norm))
        h = self._normed(x_ND, b.mlp_norm)
        if b.mlp is None:
            assert b.experts is not None
            change = b.experts(h, self.gated)
        else:
            h = self.gated(ops.linear(h, b.mlp.gate_up, segments.get(prefix + "gate_up", ())))
            change = ops.linear(h, b.mlp.down, segments.get(prefix + "down", ()))
        return _add(x_ND, self._normed_out(change, b.mlp_out_norm))

    def gated(self, gate_up: Float[Tensor, "N W"]) -> Float[Tensor, "N W//2"]:
        """act(gate) * up of a matrix that holds both side by side."""
        arch = self.arch
        if arch.activation == "clamped":
            return ops.clamped_swiglu(gate_up, arch.sharpness, arch.clamp)
        return ops.swiglu(gate_up) if arch.activation == "silu" else ops.geglu(gate_up)

    def _normed(self, x: torch.Tensor, norm: Weight | None) -> torch.Tensor:
        """What matrices read: normalised where there is a norm, in the compute precision."""
        return x.to(self.dtype) if norm is None else ops.rms_norm(x, norm, self.arch.norm_eps, self.dtype)

    def _normed_out(self, change: torch.Tensor, norm: Weight | None) -> torch.Tensor:
        """What is added to the residual stream."""
        return change if norm is None else ops.rms_norm(change, norm, self.arch.norm_eps, torch.float32)

    def sight(self, layer: int) -> Sight:
        """What the attention of a layer sees."""
        return Sight(self.arch.window(layer), self.arch.attention_cap, self.blocks[layer].sinks)

    def final_norm(self, x_ND: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
        """What the heads read, in float32."""
        return ops.rms_norm(x_ND, self.norm, self.arch.norm_eps, torch.float32)

    def forward_packed(
        self, x_ND: Float[Tensor, "N D"], lengths: Sequence[int], segments: SegmentTable, stems: tuple[Stem, ...] = ()
    ) -> Float[Tensor, "N D"]:
        """Embedded inputs of sequences laid end to end -> hidden states after the final norm, [N, D] float32.

        stems: which of them are the shared beginnings of which others.
        """
        positions = torch.cat([torch.arange(n) for n in lengths])
        for stem in stems:
            for start, length in stem.branches:
                positions[start : start + length] += stem.size
        turns = self.turns(positions.to(self.device))

        def attend(layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            return packed_attention(q, k, v, lengths, self.form, self.sight(layer), stems)

        for i in range(self.arch.layers):
            if self.checkpointing and torch.is_grad_enabled():
                x_ND = checkpoint(self.block, i, x_ND, turns, segments, attend, use_reentrant=False)  # type: ignore[assignment]
            else:
                x_ND = self.block(i, x_ND, turns, segments, attend)
        return self.final_norm(x_ND)
