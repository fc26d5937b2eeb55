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

from burnish.engine import matmul, ops
from burnish.engine.arch import Arch
from burnish.engine.attention import AttentionForm, packed_attention
from burnish.engine.flat import Flat
from burnish.engine.load import shapes
from burnish.engine.ops import Segment, Weight

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

Attend = Callable[[int, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""(layer, q [N, H, E], k [N, G, E], v [N, G, E]) -> [N, H, E]"""


@dataclass(frozen=True, slots=True)
class Block:
    """The weights of one layer."""

    input_norm: Weight
    qkv: Weight
    q_norm: Weight | None
    k_norm: Weight | None
    o: Weight
    mlp_norm: Weight
    gate_up: Weight
    down: Weight


SegmentTable = Mapping[str, Sequence[Segment]]
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

    def __init__(self, arch: Arch, *, device: torch.device, dtype: torch.dtype) -> None:
        self.arch, self.device, self.dtype = arch, device, dtype
        self.checkpointing = False
        self.frozen = True
        self.form = AttentionForm()
        self._tables = torch.zeros(0, 0)
        every = shapes(arch)
        self.master: Flat | None = Flat(every, device=device) if dtype == torch.float32 else None
        if self.master is not None:
            self.weights = self.master.views
        else:
            norms = {n: s for n, s in every.items() if n.endswith("norm")}
            rest = {n: s for n, s in every.items() if n not in norms}
            self.weights = Flat(rest, device=device, dtype=dtype).views | Flat(norms, device=device).views
        self.bind()

    @property
    def compiles(self) -> bool:
        """Whether passes should be laid out in few shapes."""
        return matmul.compiles(self.device, self.dtype)

    def unfreeze(self, source: Mapping[str, torch.Tensor] | None = None) -> Flat:
        """Float32 masters with gradients. In a lower compute precision `source` gives the exact weights to start from."""
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
            bias = f"{name}.bias"
            return Weight(data[name], grads.get(name), data.get(bias), grads.get(bias))

        self.blocks = [
            Block(
                input_norm=weight(f"layers.{i}.input_norm"),
                qkv=weight(f"layers.{i}.qkv"),
                q_norm=weight(f"layers.{i}.q_norm") if arch.qk_norm else None,
                k_norm=weight(f"layers.{i}.k_norm") if arch.qk_norm else None,
                o=weight(f"layers.{i}.o"),
                mlp_norm=weight(f"layers.{i}.mlp_norm"),
                gate_up=weight(f"layers.{i}.gate_up"),
                down=weight(f"layers.{i}.down"),
            )
            for i in range(arch.layers)
        ]
        self.norm = weight("norm")
        self.embedding = weight("embed")
        self.head = weight("embed" if arch.tied else "head")

    def pack(self, rows: int) -> tuple[list[Block], Weight]:
        """Blocks and head with copies of their matrices laid out for products with few rows. The weights must not change."""
        assert self.frozen, "packed copies do not follow training"

        def packed(weight: Weight) -> Weight:
            return replace(weight, packed=matmul.pack(weight.data, rows))

        blocks = [
            replace(b, qkv=packed(b.qkv), o=packed(b.o), gate_up=packed(b.gate_up), down=packed(b.down)) for b in self.blocks
        ]
        return blocks, packed(self.head)

    def rope_tables(self, positions_N: Int[Tensor, " N"]) -> tuple[Float[Tensor, "N 1 E"], Float[Tensor, "N 1 E"]]:
        """cos and sin [N, 1, E] at these positions, the first half of sin negated, as `ops.rope` reads them; computed once up to
        the largest position seen."""
        need = int(positions_N.max()) + 1 if positions_N.numel() else 1
        if self._tables.shape[0] != 2 or self._tables.shape[1] < need:
            size = max(need, min(self.arch.max_positions, 4096))
            frequencies = torch.tensor(self.arch.rope.inverse_frequencies(self.arch.head_dim), dtype=torch.float32)
            angles = torch.outer(torch.arange(size, dtype=torch.float32), frequencies)
            cos, sin = angles.cos(), angles.sin()
            self._tables = torch.stack([torch.cat((cos, cos), -1), torch.cat((-sin, sin), -1)]).to(self.device)
        rows = self._tables[:, positions_N].unsqueeze(2)
        return rows[0].to(self.dtype), rows[1].to(self.dtype)

    def embed(self, tokens_N: Int[Tensor, " N"]) -> Float[Tensor, "N D"]:
        """Token embeddings [N, D] in float32: where inputs enter, and where an image tower would join them."""
        return self.embedding.data[tokens_N].float()

    def block(
        self,
        layer: int,
        x_ND: Float[Tensor, "N D"],
        cos: Float[Tensor, "N 1 E"],
        sin: Float[Tensor, "N 1 E"],
        segments: SegmentTable,
        attend: Attend,
        blocks: Sequence[Block] | None = None,
        keep: Keep | None = None,
    ) -> Float[Tensor, "M D"]:
        """One layer: x + attention(norm(x)), then x + mlp(norm(x)).

        blocks: packed weights in place of the decoder's own. keep: positions to go on with after attention.
        """
        arch, b, prefix = self.arch, (blocks or self.blocks)[layer], f"layers.{layer}."
        n = x_ND.shape[0]
        h = ops.rms_norm(x_ND, b.input_norm, arch.norm_eps, self.dtype)
        qkv = ops.linear(h, b.qkv, segments.get(prefix + "qkv", ()))
        q, k, v = qkv.split([arch.q_width, arch.kv_width, arch.kv_width], -1)
        q, k = q.view(n, arch.heads, arch.head_dim), k.view(n, arch.kv_heads, arch.head_dim)
        if b.q_norm is not None and b.k_norm is not None:
            q = ops.rms_norm(q, b.q_norm, arch.norm_eps, self.dtype)
            k = ops.rms_norm(k, b.k_norm, arch.norm_eps, self.dtype)
        q, k = ops.rope(q, cos, sin), ops.rope(k, cos, sin)
        a = attend(layer, q, k, v.view(n, arch.kv_heads, arch.head_dim))
        if keep is not None:
            a, x_ND, segments, n = a[keep.positions], x_ND[keep.positions], keep.segments, len(keep.positions)
        x_ND = _add(x_ND, ops.linear(a.reshape(n, arch.q_width), b.o, segments.get(prefix + "o", ())))
        h = ops.rms_norm(x_ND, b.mlp_norm, arch.norm_eps, self.dtype)
        h = ops.swiglu(ops.linear(h, b.gate_up, segments.get(prefix + "gate_up", ())))
        return _add(x_ND, ops.linear(h, b.down, segments.get(prefix + "down", ())))

    def final_norm(self, x_ND: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
        """What the heads read, in float32."""
        return ops.rms_norm(x_ND, self.norm, self.arch.norm_eps, torch.float32)

    def forward_packed(self, x_ND: Float[Tensor, "N D"], lengths: Sequence[int], segments: SegmentTable) -> Float[Tensor, "N D"]:
        """Embedded inputs of sequences laid end to end -> hidden states after the final norm, [N, D] float32."""
        positions = torch.cat([torch.arange(n) for n in lengths]).to(self.device)
        cos, sin = self.rope_tables(positions)

        def attend(_: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            return packed_attention(q, k, v, lengths, self.form)

        for i in range(self.arch.layers):
            if self.checkpointing and torch.is_grad_enabled():
                x_ND = checkpoint(self.block, i, x_ND, cos, sin, segments, attend, use_reentrant=False)  # type: ignore[assignment]
            else:
                x_ND = self.block(i, x_ND, cos, sin, segments, attend)
        return self.final_norm(x_ND)
