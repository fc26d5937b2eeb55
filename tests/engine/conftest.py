"""Every reference model as a directory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from reference_models import FAMILIES, VARIANTS, reference
from shapes import check_all

from burnish.engine import native


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """BURNISH_HOME of these tests: kernels are built there, once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BURNISH_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(autouse=True)
def kernels_in_torch() -> Iterator[None]:
    """Nothing is left behind by tests of the kernels in C."""
    yield
    native.use("torch")


def saved(names: Iterable[str], root: Path) -> dict[str, Path]:
    """Each of these models as a Hugging Face directory."""
    for name in names:
        reference(name).save_pretrained(root / name, safe_serialization=True)
    return {name: root / name for name in names}


@pytest.fixture(scope="session")
def model_dirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The variants of Llama and Qwen3, saved."""
    return saved(VARIANTS, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def family_dirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The other families, saved."""
    return saved(FAMILIES, tmp_path_factory.mktemp("families"))


@pytest.fixture(scope="session", autouse=True)
def shape_calls() -> Iterator[dict[str, int]]:
    """Every test of the engine runs with the shapes of its signatures checked; the counts of calls."""
    with pytest.MonkeyPatch.context() as patch:
        yield check_all(patch)
