"""Every reference model as a directory."""

from __future__ import annotations

from pathlib import Path

import pytest
from reference_models import VARIANTS, reference


@pytest.fixture(scope="session")
def model_dirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each variant saved as a Hugging Face directory."""
    root = tmp_path_factory.mktemp("models")
    for name in VARIANTS:
        reference(name).save_pretrained(root / name, safe_serialization=True)
    return {name: root / name for name in VARIANTS}
