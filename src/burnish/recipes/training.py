"""What every recipe shares that trains on the rows of a file: its settings, and the mean over target tokens.

Optimiser: AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101). Low-rank adapters: Hu et al. 2021, arXiv 2106.09685; their defaults
after Schulman et al. 2025, "LoRA Without Regret".
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from burnish.config import Config
from burnish.types import AdamParams, Datum, Quantize

Target = Literal["q", "k", "v", "o", "gate", "up", "down"]
ALL_TARGETS: tuple[Target, ...] = ("q", "k", "v", "o", "gate", "up", "down")
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Lora(Config):
    """The shape of the adapter that is trained when `method` is "lora"."""

    rank: Positive | None = None
    """Columns of each factor. Derived: 32, more when the answers hold more bits than the adapter can."""
    alpha: Annotated[float, Field(gt=0)] = 32.0
    """The adapter's output is multiplied by alpha / rank, which keeps the best learning rate independent of the rank."""
    targets: Literal["all"] | tuple[Target, ...] = "all"
    """Linear layers that get an adapter. "all" is best: attention alone is worse even at equal parameters."""

    def names(self) -> tuple[Target, ...]:
        """The targets by name."""
        return ALL_TARGETS if isinstance(self.targets, str) else self.targets


class Training(Config):
    """Settings of a recipe that trains on rows. Only `model` and `data` are required; what is None is derived and printed with
    its reason."""

    recipe: str
    """The method that this file configures."""
    model: str
    """What to start from: a model directory, a model of the package, a run, or a hub id."""
    data: str
    """The file with the training rows, a dataset of the hub (hub:OWNER/NAME), or the name of a ready task."""
    valid: str | None = None
    """A file to validate on, or a dataset of the hub. Without one, rows of `data` are held out by hash of the prompt."""
    valid_share: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of the rows that is held out. Derived: a tenth, at most 200 rows."""
    map: Annotated[dict[str, str], Field(default_factory=dict)]
    """Which column plays which role, for files whose columns have other names."""
    rehearse: str | None = None
    """A file of plain text that is trained on among the rows, so that what the model has read is not lost; nothing is measured on
    it. "world": texts such as the models of the package have read."""
    new_tokens: str | tuple[str, ...] = ()
    """Tokens that the vocabulary gains, each one id wherever it stands: a list, or a text file with one a line."""
    skip_bad_rows: bool = False
    """Leave out rows that cannot be trained on, and count them, instead of stopping."""

    stream: bool | None = None
    """Read and render the training file row by row and keep the rows as tokens on disk, for data that is larger than memory.
    Derived from the size of the file and the memory at hand."""
    window: Positive = 65_536
    """Rows that are shuffled among one another where they are streamed; fewer of them have the order of rows in memory."""
    long_rows: Literal["cut", "split"] = "cut"
    """What becomes of a training row longer than `limit_tokens`: its end is cut off, or plain text is split into several."""
    order: Literal["shuffled", "file"] = "shuffled"
    """Whether each pass takes the rows in an order of its own, or as they stand in the file."""
    date: datetime.date | None = None
    """What templates that tell the date are told. Derived: today."""

    method: Literal["lora", "full"] = "lora"
    """Train an adapter over the frozen model, or every weight of the model."""
    lora: Lora = Lora()
    """The adapter's shape."""
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    """Peak learning rate. Derived from the model's family and width, and from the method."""
    schedule: Literal["linear", "cosine", "constant", "wsd"] = "linear"
    """How the learning rate falls from its peak to zero; "wsd" holds it until the last `cooldown` of the steps."""
    warmup: Share = 0.03
    """Share of the steps over which the learning rate rises."""
    cooldown: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of the steps over which the learning rate falls, where the schedule is "wsd". Derived: a fifth."""
    batch: Positive | None = None
    """Sequences per optimiser step. Derived: at most 32, fewer when that would leave too few steps."""
    epochs: Positive | None = None
    """Passes over the data. Derived: up to 3, more for very little data; early stopping ends them sooner."""
    steps: Positive | None = None
    """Optimiser steps. Derived from epochs and batch; if given, it decides instead of epochs."""
    limit_tokens: Annotated[int, Field(ge=8)] | None = None
    """Longest sequence; what is longer is cut, and said. Derived: the longest row, up to the model's limit."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Decoupled weight decay."""
    clip: Annotated[float, Field(ge=0)] = 1.0
    """Bound on the global gradient norm; 0 turns it off."""
    beta1: Share = 0.9
    """Adam: decay of the mean of gradients."""
    beta2: Share = 0.999
    """Adam: decay of the mean of squared gradients."""
    eps: Annotated[float, Field(gt=0)] = 1e-8
    """Adam: added to the denominator."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Decides the held-out rows, their order in training, and the adapter's start."""

    evaluate_every: Positive | None = None
    """Steps between two measurements of held-out loss. Derived: about ten in a run."""
    patience: Annotated[int, Field(ge=0)] = 3
    """Stop after this many measurements of held-out loss in a row without a new best; 0 never stops. The best step is kept."""
    checkpoint_every: Positive | None = None
    """Steps between two checkpoints. Derived from what a checkpoint and a step cost."""
    sample_every: Annotated[int, Field(ge=0)] | None = None
    """Steps between two sampled answers shown; 0 shows none. Derived: at every second measurement."""
    eval_items: Positive | None = None
    """Held-out rows that are measured. Derived: at most 200."""
    eval_tokens: Positive | None = None
    """Longest answer drawn when measuring. Derived from the answers in the data."""
    grader: str | None = None
    """What judges answers: exact, contains, numeric, maths, a likeness such as rouge_l, or none. Derived from the data."""
    require_gain: bool = False
    """End with an error when no measurable gain is found."""

    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the arithmetic. "auto" is what was measured to be faster here, on a GPU bfloat16; weights that are trained
    stay float32."""
    quantize: Quantize | None = None
    """Hold the matrices of the frozen model in fewer bits while an adapter is trained over it (QLoRA): "int8" halves them, "nf4"
    makes a quarter of them and is meant for a GPU. Derived: none, or what the adapter that the run continues was trained over."""
    device: str = "auto"
    """Where to compute."""
    threads: Positive | None = None
    """Threads of the arithmetic. Derived by measuring once per machine."""
    report_to: tuple[Literal["tensorboard", "trackio", "wandb"], ...] = ()
    """Also send the metrics there; each needs its extra installed."""

    @model_validator(mode="after")
    def _cooldown_is_read(self) -> Self:
        if self.cooldown is not None and self.schedule != "wsd":
            raise ValueError(f'cooldown = {self.cooldown} is read only where schedule = "wsd", and it is "{self.schedule}"')
        return self

    @model_validator(mode="after")
    def _quantised_is_frozen(self) -> Self:
        if self.method == "full" and self.quantize not in (None, "none"):
            raise ValueError(
                f'quantize = "{self.quantize}" holds matrices rounded, and method = "full" would train them, mostly by less than '
                'what they are rounded by; use method = "lora", or leave quantize out'
            )
        return self

    def rate(self, index: int) -> float:
        """Learning rate of step `index` (from 0). The last step's is small but never zero, so no step is wasted."""
        assert self.learning_rate is not None, "the config is not resolved"
        assert self.steps is not None, "the config is not resolved"
        rising = math.ceil(self.warmup * self.steps)
        if index < rising:
            return self.learning_rate * (index + 1) / (rising + 1)
        left = (self.steps - index) / (self.steps - rising)
        if self.schedule == "linear":
            return self.learning_rate * left
        if self.schedule == "cosine":
            return self.learning_rate * 0.5 * (1 - math.cos(math.pi * left))
        if self.schedule == "wsd":
            assert self.cooldown is not None, "the config is not resolved"
            return self.learning_rate * min(1.0, (self.steps - index) / max(1, round(self.cooldown * self.steps)))
        return self.learning_rate

    def adam(self, index: int) -> AdamParams:
        """The optimiser's numbers at step `index`."""
        return AdamParams(
            learning_rate=self.rate(index),
            beta1=self.beta1,
            beta2=self.beta2,
            eps=self.eps,
            weight_decay=self.weight_decay,
            clip=self.clip,
        )


def mean_over_targets(batch: Sequence[Datum]) -> list[Datum]:
    """Divide every weight by the batch's whole target weight, so that the engine's sum is the mean over target tokens."""
    total = sum(float(d.streams["weights"].sum(dtype="float64")) for d in batch)
    assert total > 0, "a batch without targets"
    return [Datum(d.chunks, {**d.streams, "weights": (d.streams["weights"] / total).astype("float32")}) for d in batch]
