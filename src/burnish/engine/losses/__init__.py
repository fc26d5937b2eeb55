"""The losses by name: one dict for token-wise losses, one for set-wise ones."""

from __future__ import annotations

from collections.abc import Mapping

from burnish.engine.losses.sets import SET_LOSSES, SetLoss
from burnish.engine.losses.tokens import TOKEN_LOSSES, TokenLoss
from burnish.errors import LossError

__all__ = ["SET_LOSSES", "TOKEN_LOSSES", "SetLoss", "TokenLoss", "find"]


def find(name: str, config: Mapping[str, float]) -> TokenLoss | SetLoss:
    """The loss of this name; raises LossError for an unknown name or an unknown or missing setting."""
    loss = TOKEN_LOSSES.get(name) or SET_LOSSES.get(name)
    if loss is None:
        raise LossError(f"there is no loss named {name!r}", seen="known: " + ", ".join([*TOKEN_LOSSES, *SET_LOSSES]))
    unknown = set(config) - set(loss.defaults)
    if unknown:
        raise LossError(
            f"loss {name!r} has no setting {', '.join(sorted(unknown))}", seen="known: " + (", ".join(loss.defaults) or "none")
        )
    return loss
