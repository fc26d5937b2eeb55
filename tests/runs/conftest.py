"""A home for runs that is thrown away, with the machine's measurements given, and data to train on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_run import write_rows

from burnish.engine.measure import machine_key
from burnish.store import machine

MEASURED = {
    "threads": 1,
    "figures": {"fp32_gflops": 100, "bf16_gflops": 100},
    "matmul": "aten",
    "dtype": "float32",
    "bmm_limit": 0,
    "kernels": "torch",
}


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """BURNISH_HOME of these tests."""
    path = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BURNISH_HOME", str(path))
        machine.save_measured(machine_key(), MEASURED)
        yield path


@pytest.fixture(autouse=True)
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test of this directory finds its runs there."""
    monkeypatch.setenv("BURNISH_HOME", str(home))


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 rows of letters and their capitals."""
    return write_rows(tmp_path_factory.mktemp("data") / "letters.jsonl")
