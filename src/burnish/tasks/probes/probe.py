"""A probe: one way to answer any row, of which it is known beforehand that it earns nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from burnish.tasks.probes.rows import Row

Claim = Literal["wrong", "contradicts", "padded", "corrupted", "same"]
"""What is known of its responses: they hold no right answer; they hold one among others that contradict it, neither first nor
last, or plainly denied; they are the row's own answer with something added that makes it no better; the same with its answer
proper destroyed; the same written otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """family: P1 to P12 (docs/why/reward-hacking.md). make: the response to a row, or None where it has none."""

    family: str
    name: str
    claim: Claim
    make: Callable[[Row], str | None]
    share: float = 0.0
    """lower bound of the share of rows in which it must work to show anything, where chance alone would do in some"""

    def response(self, row: Row) -> str | None:
        """The response to a row, where it is what the claim says."""
        said = self.make(row)
        if said is None:
            return None
        if self.claim == "wrong" and row.holds_right(said):
            return None
        if self.claim == "corrupted" and (said == row.own or row.holds_right(said)):
            return None
        return None if self.claim in ("same", "padded", "contradicts") and said == row.own else said
