"""Rows of the embedding and of the head that a vocabulary gains, and those that belong to an adapter.

A new token starts as the mean of what its text was before: of the rows of those pieces, in the embedding and in the head (Hewitt
2021, "Initializing new word embeddings for pretrained language models", takes the mean of all rows, and so does this where
there are no pieces). A mean of logits is at most the logarithm of the mean of their exponentials, so that a new token is
no likelier than its pieces are on average, and all others keep nearly the probabilities that they had.

An adapter's rows stand in the place of the base's, as with PEFT's `trainable_token_indices`.

Shapes: N packed positions, P positions whose logits are asked for, V vocabulary, K tokens of an adapter, D hidden.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from burnish.engine import matmul
from burnish.engine.arch import Arch
from burnish.engine.load import load_weights
from burnish.engine.ops import Weight
from burnish.errors import ModelRefused
from burnish.render.extend import NewToken

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from burnish.engine.quantised import Quantised

MATRICES = {"tokens.embed": "embed", "tokens.head": "head"}
"""An adapter's tensors -> the matrices whose rows they hold."""
NOISE = 0.1
"""Of how much rows differ, what is added to the mean of all of them."""


# -- a longer vocabulary --------------------------------------------------------------------------------------------------


def lengthened(arch: Arch, new: Sequence[NewToken]) -> Arch:
    """The architecture with room for these tokens: rows that no token of the tokenizer uses are taken first.

    Raises ModelRefused where a row would be added that no token fills, or one of an id that the tokenizer does not have.
    """
    added = [t for t in new if t.id >= arch.vocab]
    if [t.id for t in added] != list(range(arch.vocab, arch.vocab + len(added))):
        raise ModelRefused(
            "the new tokens leave rows without a token behind those that the model has",
            seen=f"the model has {arch.vocab:,} rows, new ids are {', '.join(str(t.id) for t in added[:5])}"
            + (", ..." if len(added) > 5 else ""),
            todo="train the rows of all ids behind the model's last, or use a tokenizer with as many ids as the model has rows",
        )
    nameless = [str(t.id) for t in added if not t.text]
    if nameless:
        raise ModelRefused(
            f"the adapter holds rows of {len(nameless)} tokens that neither the model nor the adapter's tokenizer has",
            seen=f"ids {', '.join(nameless[:5])}; the model has {arch.vocab:,} rows",
            todo="put the tokenizer that the adapter was trained with into its directory",
        )
    return replace(arch, vocab=arch.vocab + len(added))


def load_extended(
    directory: Path,
    stored: Arch,
    new: Sequence[NewToken],
    into: Mapping[str, torch.Tensor],
    held: Mapping[str, Quantised] = MappingProxyType({}),
    *,
    skip: Collection[str] = (),
) -> None:
    """Fill the internal tensors from the files of a base, whose own architecture is `stored`, and the rows of new tokens by the
    rule above; those that an adapter brought keep the rows that the files have for them, over which it was trained. held:
    matrices in fewer bits, among which embedding and head never are. skip: tensors that are not wanted. Raises ModelRefused as
    `load_weights` does."""
    matrices = [name for name in MATRICES.values() if name in into]
    load_weights(directory, stored, {**into, **{name: into[name][: stored.vocab] for name in matrices}}, held, skip=skip)
    for name in matrices:
        for token in (t for t in new if not t.brought or t.id >= stored.vocab):
            into[name][token.id] = _start(into[name], token, new[0].id)


def _start(matrix_VD: torch.Tensor, token: NewToken, old: int) -> torch.Tensor:
    if token.pieces:
        return matrix_VD[list(token.pieces)].float().mean(0).to(matrix_VD.dtype)
    rows = matrix_VD[:old].float()
    noise = torch.randn(rows.shape[1], generator=torch.Generator().manual_seed(token.id)).to(rows.device)
    return (rows.mean(0) + NOISE * rows.std(0) * noise).to(matrix_VD.dtype)


# -- rows of an adapter ---------------------------------------------------------------------------------------------------


def token_shapes(arch: Arch, tokens: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Tensors of an adapter that holds the rows of these tokens: one where head and embedding are one matrix."""
    names = list(MATRICES)[: 1 if arch.tied else 2] if tokens else []
    return {name: (len(tokens), arch.hidden) for name in names}


@dataclass(frozen=True, slots=True)
class TokenRows:
    """The rows of one adapter, in compute precision, and where their gradients go."""

    ids_K: torch.Tensor
    place_V: torch.Tensor
    """id -> place among the rows, or -1"""
    embed: Weight
    head: Weight
    """the same as `embed` where the matrices are tied"""

    @staticmethod
    def of(
        tokens: Sequence[int], arch: Arch, data: Mapping[str, torch.Tensor], grads: Mapping[str, torch.Tensor]
    ) -> TokenRows | None:
        """Those of a slot with these views; None without tokens."""
        if not tokens:
            return None
        embed, head = (Weight(data[n], grads.get(n)) if n in data else None for n in MATRICES)
        assert embed is not None
        ids = torch.tensor(tokens, device=embed.data.device)
        place = torch.full((arch.vocab,), -1, device=ids.device)
        place[ids] = torch.arange(len(ids), device=ids.device)
        return TokenRows(ids, place, embed, head or embed)

    def fill(self, views: Mapping[str, torch.Tensor], weights: Mapping[str, torch.Tensor]) -> None:
        """The base's rows into the parameters of a slot."""
        for name, matrix in MATRICES.items():
            if name in views:
                views[name].copy_(weights[matrix][self.ids_K])


@dataclass(frozen=True, slots=True)
class Patch:
    """Packed positions that see the rows of one adapter."""

    rows: TokenRows
    where_N: torch.Tensor | None
    """bool; None = all positions"""

    def at(self, chosen: slice | torch.Tensor) -> Patch:
        """The same for some of the positions."""
        return self if self.where_N is None else Patch(self.rows, self.where_N[chosen])

    def places(self, tokens_N: torch.Tensor) -> torch.Tensor:
        """Of each position's token among the rows, or -1."""
        found = self.rows.place_V[tokens_N]
        return found if self.where_N is None else torch.where(self.where_N, found, -1)


def patch_embedded(
    x_ND: Float[Tensor, "N D"], tokens_N: Int[Tensor, " N"], patches: Sequence[Patch], scale: float
) -> Float[Tensor, "N D"]:
    """Embeddings, those of adapters' tokens in place."""
    for patch in patches:
        at = patch.places(tokens_N)
        own = patch.rows.embed.data[at.clamp(min=0)].float()
        x_ND = torch.where((at >= 0)[:, None], own.mul_(scale) if scale != 1 else own, x_ND)
    return x_ND


def add_embedded_gradient(
    tokens_N: Int[Tensor, " N"], gradient_ND: Float[Tensor, "N D"], patches: Sequence[Patch], scale: float
) -> None:
    """What `patch_embedded` passes back to the rows."""
    for patch in patches:
        if patch.rows.embed.grad is not None:
            at = patch.places(tokens_N)
            own = gradient_ND * (at >= 0)[:, None]
            patch.rows.embed.grad.index_add_(0, at.clamp(min=0), own, alpha=scale)


def patch_logits(logits_PV: Float[Tensor, "P V"], hidden_PD: Float[Tensor, "P D"], patches: Sequence[Patch]) -> None:
    """Logits, before any cap, those of adapters' tokens put in place. hidden is in the compute precision."""
    for patch in patches:
        ids = patch.rows.ids_K
        own = matmul.nt(hidden_PD, patch.rows.head.data).to(logits_PV.dtype)
        if patch.where_N is not None:
            own = torch.where(patch.where_N[:, None], own, logits_PV[:, ids])
        logits_PV[:, ids] = own


def take_logits_gradient(
    d_logits_PV: Float[Tensor, "P V"], hidden_PD: Float[Tensor, "P D"], patches: Sequence[Patch]
) -> list[Float[Tensor, "P D"]]:
    """d loss / d hidden by way of adapters' rows. Their part is taken out of the gradient of the logits, so that the base's
    head does not see it, and their own gradient is added to its buffer."""
    found = []
    for patch in patches:
        ids, head = patch.rows.ids_K, patch.rows.head
        own = d_logits_PV[:, ids]
        if patch.where_N is None:
            d_logits_PV[:, ids] = 0.0
        else:
            mine = patch.where_N[:, None]
            d_logits_PV[:, ids] = own.masked_fill(mine, 0.0)
            own = own.masked_fill(~mine, 0.0)
        if head.grad is not None:
            matmul.tn_add(head.grad, own, hidden_PD)
        found.append(matmul.nn(own, head.data))
    return found
