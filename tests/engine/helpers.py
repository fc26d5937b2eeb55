"""Small builders shared by the engine's tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from burnish.engine import native
from burnish.engine.host import Host
from burnish.engine.measure import Choices
from burnish.types import Datum, Quantize

CHOICES = Choices(device="cpu", threads=1, dtype="float32", matmul="aten", bmm_limit=0, unit_tokens=64).to_json()
NATIVE = {"kernels": "native"}


def open_host(directory: Path, *, quantize: Quantize = "none", **changes: object) -> Host:
    """A host with fixed choices, so that nothing is measured in tests. Kernels in C need a C compiler."""
    if changes.get("kernels") == "native" and (why := native.missing()):
        pytest.skip(why)
    return Host.open(directory, choices={**CHOICES, **changes}, checkpointing=False, quantize=quantize)


def make_data(count: int, *, vocab: int = 96, seed: int = 0, low: int = 3, high: int = 40) -> list[Datum]:
    """Random sequences of different lengths; about half of the positions carry (different) weights."""
    draw = np.random.default_rng(seed)
    data = []
    for _ in range(count):
        ids = draw.integers(0, vocab, draw.integers(low, high))
        weights = draw.random(len(ids)).astype(np.float32) * (draw.random(len(ids)) < 0.5)
        weights[-1] = 1.0
        data.append(Datum.from_tokens(ids, weights))
    return data
