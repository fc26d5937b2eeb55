"""Data that the tiny model can learn in a few dozen steps, settings of a run that is over in a moment, and ways to end one."""

from __future__ import annotations

import json
import os
import signal
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from burnish.recipes.training import Training
from burnish.runs import methods, train
from burnish.runs.progress import LossEvent, SampleEvent, Silent, StepEvent
from burnish.store import atomic

QUICK: dict[str, Any] = {
    "steps": 9,
    "batch": 4,
    "learning_rate": 5e-3,
    "evaluate_every": 4,
    "checkpoint_every": 3,
    "sample_every": 4,
    "eval_items": 6,
    "eval_tokens": 4,
    "patience": 0,
    "lora": {"rank": 4},
    "threads": 1,
}
TIMES = ("seconds", "tokens_per_s")
"""Keys of a metrics line that differ from run to run."""


def write_rows(path: Path, count: int = 60, *, shift: int = 0) -> Path:
    """Prompt/completion rows: after a number comes a letter, and the answer is the capital `shift` letters further on."""
    rows = []
    for n in range(count):
        letter = string.ascii_lowercase[n * 7 % 26]
        rows.append({"prompt": f"{n} {letter}", "completion": string.ascii_uppercase[(n * 7 + shift) % 26]})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def settings(model: Path | str, data: Path, **changes: Any) -> Training:
    """Of the recipe that `recipe` names, by default fine-tuning."""
    given = {"model": str(model), "data": str(data), **QUICK, **changes}
    return methods.load(base={k: v for k, v in given.items() if v is not None})


class Watcher(Silent):
    """Remembers events; calls `at_step` at each."""

    def __init__(self, at_step: Callable[[int], None] = lambda step: None) -> None:
        self.at_step = at_step
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.steps: list[StepEvent] = []
        self.losses: list[LossEvent] = []
        self.samples: list[SampleEvent] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def step(self, event: StepEvent) -> None:
        self.steps.append(event)
        self.at_step(event.step)

    def loss(self, event: LossEvent) -> None:
        self.losses.append(event)

    def sample(self, event: SampleEvent) -> None:
        self.samples.append(event)


def weights(folder: Path) -> dict[str, bytes]:
    """The kept model's tensors, as bytes."""
    (file,) = (folder / "model").glob("*.safetensors")
    return {name: tensor.tobytes() for name, tensor in load_file(file).items()}


def metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl, without what differs from run to run."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in TIMES} for line in lines]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run_and_die(home: str, config: str, run: str, point: str, count: int) -> None:
    """Start a run (or go on with it) in this process and kill it at the `count`-th `point`: "step", or an operation on files."""
    os.environ["BURNISH_HOME"] = home
    seen = 0

    def at(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == count:
            die()

    if point != "step":
        plain = getattr(atomic, point)

        def counted(*arguments: Any) -> None:
            at()
            plain(*arguments)

        setattr(atomic, point, counted)
    watcher = Watcher(at if point == "step" else lambda step: None)
    if (Path(home) / "runs" / run).is_dir():
        train.resume(run, progress=watcher)
    else:
        train.start(methods.load(base=json.loads(config)), run=run, progress=watcher)
