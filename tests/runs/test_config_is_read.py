"""Check 42: every key of the config is read by a run, outside of the place that fills it in."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from tiny_run import Watcher, settings

from burnish.recipes.sft import SFT
from burnish.recipes.training import Lora
from burnish.runs import derive, train


@pytest.fixture
def read(monkeypatch) -> set[str]:
    """Names of settings as they are read, but for reads by runs/derive.py and by pydantic."""
    names: set[str] = set()
    for kind, prefix in ((SFT, ""), (Lora, "lora.")):

        def get(self: Any, name: str, prefix: str = prefix) -> Any:
            caller = sys._getframe(1).f_globals["__name__"]
            if caller.startswith("burnish.") and caller != derive.__name__:
                names.add(prefix + name)
            return object.__getattribute__(self, name)

        monkeypatch.setattr(kind, "__getattribute__", get)
    return names


def unread(kind: type[SFT], names: set[str]) -> set[str]:
    return {*kind.model_fields, *(f"lora.{n}" for n in Lora.model_fields)} - names


def test_check_42_every_key_is_read(tiny_model, data, read):
    train.start(settings(tiny_model, data, patience=1), run="read", progress=Watcher())
    assert unread(SFT, read) == set()


def test_check_42_a_key_that_nothing_reads_is_found(read):
    class Longer(SFT):
        forgotten: int = 3

    assert "forgotten" in unread(Longer, read)
