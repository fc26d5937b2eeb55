"""Every test of the store has a BURNISH_HOME of its own."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BURNISH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test can see whether bytes reached the platter; `disk.Disk` counts what was brought there instead."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
