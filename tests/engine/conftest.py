"""Every reference model as a directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from reference_models import FAMILIES, VARIANTS, reference
from shapes import check_all


@pytest.fixture(scope="session")
def model_dirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each variant saved as a Hugging Face directory."""
    root = tmp_path_factory.mktemp("models")
    for name in VARIANTS:
        reference(name).save_pretrained(root / name, safe_serialization=True)
    return {name: root / name for name in VARIANTS}


@pytest.fixture(scope="session")
def family_dirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each of the other families saved as a Hugging Face directory."""
    root = tmp_path_factory.mktemp("families")
    for name in FAMILIES:
        reference(name).save_pretrained(root / name, safe_serialization=True)
    return {name: root / name for name in FAMILIES}


@pytest.fixture(scope="session", autouse=True)
def shape_calls() -> Iterator[dict[str, int]]:
    """Every test of the engine runs with the shapes of its signatures checked; the counts of calls."""
    with pytest.MonkeyPatch.context() as patch:
        yield check_all(patch)
