"""Send the numbers of a run to TensorBoard, trackio or Weights & Biases. Each is an extra; the run folder stays the truth.

An exporter is a Progress that forwards numbers. The package that it needs is imported when the exporter is opened, never before.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from burnish.errors import CapabilityMissing
from burnish.runs.progress import LossEvent, Progress, Silent, StepEvent

Send = Callable[[Mapping[str, float], int], None]
"""(numbers by name, step)"""


class Numbers(Silent):
    """Forwards the numbers of steps, of their monitors, and of measurements of held-out loss or reward."""

    def __init__(self, send: Send, close: Callable[[], None]) -> None:
        self._send, self._close = send, close

    def step(self, event: StepEvent) -> None:
        numbers = {
            "train/loss": event.loss,
            "train/learning_rate": event.learning_rate,
            "train/grad_norm": event.grad_norm,
            "train/tokens_per_s": event.tokens_per_s,
        }
        numbers |= {f"train/{name}": value for name, value in event.numbers.items() if math.isfinite(value)}
        self._send(numbers, event.step)

    def watched(self, step: int, numbers: Mapping[str, float]) -> None:
        known = {f"watch/{name}": value for name, value in numbers.items() if math.isfinite(value)}
        if known:
            self._send(known, step)

    def loss(self, event: LossEvent) -> None:
        self._send({event.words.replace("held-out ", "held_out/"): event.loss}, event.step)

    def close(self) -> None:
        self._close()


def check_installed(names: Sequence[str]) -> None:
    """Raises CapabilityMissing where the package of an exporter that `report_to` names is not installed."""
    for name in names:
        _need(name)


def open_exporters(names: Sequence[str], folder: Path, name: str, config: Mapping[str, Any]) -> list[Progress]:
    """The exporters that `report_to` names, for the run `name`. Raises CapabilityMissing as `check_installed` does."""
    return [_tensorboard(folder) if n == "tensorboard" else _tracker(n, name, config) for n in names]


def _tensorboard(folder: Path) -> Numbers:
    """Event files in the run folder, under tensorboard/."""
    writer = _need("tensorboard.summary").Writer(str(folder / "tensorboard"))

    def send(numbers: Mapping[str, float], step: int) -> None:
        for key, value in numbers.items():
            writer.add_scalar(key, value, step)

    return Numbers(send, writer.close)


def _tracker(package: str, name: str, config: Mapping[str, Any]) -> Numbers:
    """trackio and wandb share an interface: init, log, finish."""
    module = _need(package)
    module.init(project="burnish", name=name, config=dict(config))
    return Numbers(lambda numbers, step: module.log(dict(numbers), step=step), module.finish)


def _need(module: str) -> Any:
    extra = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise CapabilityMissing(
            f"report_to names {extra}, which is not installed",
            seen=str(error),
            todo=f"pip install 'burnish[{extra}]', or leave it out",
        ) from error
