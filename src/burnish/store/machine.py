"""What was measured on this machine: the fastest threads, kernels, unit of work. Measured once per machine, by the
engine.

A run keeps its own copy of what it used, because a resumed run must use the same to be bit-identical; this cache only
saves time.
"""

from __future__ import annotations

from typing import Any

from burnish.store import cache

_NAME = "machine"


def load_measured(key: str) -> dict[str, Any] | None:
    """What was measured under `key` (it names all that the measurement depends on), or None."""
    found = cache.recall(_NAME).get(key)
    return found if isinstance(found, dict) else None


def save_measured(key: str, measured: dict[str, Any]) -> None:
    """Keep a measurement: JSON values only."""
    cache.remember(_NAME, {key: measured})
