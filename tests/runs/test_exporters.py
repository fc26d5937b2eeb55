"""Exporters forward numbers, and say what is missing."""

from __future__ import annotations

import pytest

from burnish.errors import CapabilityMissing
from burnish.runs.exporters import Numbers, check_installed, open_exporters
from burnish.runs.progress import LossEvent, Several, Silent, StepEvent


def test_numbers_go_on_with_their_step():
    sent, closed = [], []
    several = Several([Silent(), Numbers(lambda numbers, step: sent.append((dict(numbers), step)), lambda: closed.append(True))])
    several.step(
        StepEvent(
            step=3, total=9, loss=1.5, learning_rate=0.1, grad_norm=2.0, tokens=8, tokens_per_s=4.0, seconds=2.0, left_s=1.0
        )
    )
    several.loss(LossEvent(step=4, loss=1.25, best=True, seconds=0.1))
    several.watched(4, {"paid_elsewhere": 0.5, "audit": float("nan")})
    several.watched(5, {})
    several.note("not a number")
    several.close()
    assert sent == [
        ({"train/loss": 1.5, "train/learning_rate": 0.1, "train/grad_norm": 2.0, "train/tokens_per_s": 4.0}, 3),
        ({"held_out/loss": 1.25}, 4),
        ({"watch/paid_elsewhere": 0.5}, 4),
    ]
    assert closed == [True]


@pytest.mark.parametrize("name", ["tensorboard", "trackio", "wandb"])
def test_a_package_that_is_missing_is_named(name, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(CapabilityMissing, match=rf"burnish\[{name}\]"):
        open_exporters([name], tmp_path, "run", {})
    with pytest.raises(CapabilityMissing, match=name):
        check_installed([name])
    check_installed([])
