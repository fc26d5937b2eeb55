"""What a run is steered by while it trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from burnish.protocols import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """What is measured on held-out rows during training, and by which the best step is chosen. Runs are of one gauge."""

    name: str
    """its key in metrics.jsonl"""
    words: str
    measure: Callable[[Policy], float]
    higher: bool = False
    """whether more of it is better"""

    def better(self, value: float, than: float | None) -> bool:
        """Whether a value is better than the best so far, of which there may be none."""
        return than is None or (value > than if self.higher else value < than)
