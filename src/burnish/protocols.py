"""The verbs: what a recipe may ask of a model, wherever it runs.

A recipe holds a `Policy` (an engine and one route) and calls five verbs on it. Each returns a `Pending`: reading it as
blocking code is `.result()`; several may be in flight. Losses are named, and configured with numbers, so that a call can
cross a wire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np

from burnish.types import (
    AdamParams,
    Adapter,
    Datum,
    Example,
    LoraSpec,
    LossResult,
    Message,
    Outputs,
    Rollout,
    Route,
    Sample,
    SamplingParams,
    Score,
    StepResult,
)

T_co = TypeVar("T_co", covariant=True)


class Pending(Protocol[T_co]):
    """A result on its way. `result` drives the engine until it is there."""

    def result(self) -> T_co: ...
    def done(self) -> bool: ...
    def cancel(self) -> None: ...


class Constraint(Protocol):
    """Restricts one sampled row. `mask` returns bool [V] of allowed tokens (None = all); `accept` is told what was drawn."""

    def mask(self) -> np.ndarray | None: ...
    def accept(self, token: int) -> None: ...


OnToken = Callable[[int, int, int, str], None]
"""(prompt index, sample index, token id, newly finished text): called as tokens are drawn."""
OnSample = Callable[[int, int, Sample], None]
"""(prompt index, sample index, the answer): called as answers end, in the order in which they do."""


@runtime_checkable
class Engine(Protocol):
    """One host of one base model. `route` is one Route for every row, or a sequence with one Route per row."""

    @property
    def capabilities(self) -> frozenset[str]: ...
    @property
    def facts(self) -> Mapping[str, object]: ...
    def create(self, spec: LoraSpec) -> Adapter: ...
    def create_full(self) -> Adapter: ...
    def copy(self, adapter: Adapter, *, tokens: Sequence[int] = ()) -> Adapter:
        """A new adapter with the same parameters; it holds the rows of these tokens, too."""
        ...

    def free(self, adapter: Adapter) -> None: ...
    def forward(
        self, data: Sequence[Datum], *, route: Route | Sequence[Route], outputs: Sequence[str] = ("logprobs",)
    ) -> Pending[list[Outputs]]: ...
    def forward_backward(
        self,
        data: Sequence[Datum],
        *,
        route: Route | Sequence[Route],
        loss: str = "cross_entropy",
        loss_config: Mapping[str, float] | None = None,
    ) -> Pending[LossResult]: ...
    def optim_step(self, params: AdamParams, *, adapter: Adapter) -> Pending[StepResult]: ...
    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        params: SamplingParams | Sequence[SamplingParams],
        *,
        route: Route | Sequence[Route] = None,
        constraints: Sequence[Callable[[], Constraint] | None] | None = None,
        on_token: OnToken | None = None,
        on_sample: OnSample | None = None,
        tenant: str | None = None,
    ) -> Pending[list[list[Sample]]]:
        """tenant: a name lets prompts go on from stored conversations of that name; None reads and stores none, so that
        what is drawn depends on nothing that was sampled before."""
        ...

    def clear_gradient(self, adapter: Adapter) -> None: ...
    def save(self, path: Path, *, adapter: Adapter, optimizer: bool = True) -> None:
        """Write the adapter (or the full weights) and its optimiser state into an existing directory, exactly."""
        ...

    def load(self, path: Path, *, adapter: Adapter | None = None) -> Adapter:
        """Read what `save` wrote, or a PEFT directory, into a new slot, or in place into `adapter`."""
        ...

    def export(self, path: Path, *, adapter: Adapter, form: str, base: str) -> None:
        """Write a directory other tools load: form "peft" (adapter files naming `base`) or "merged" (a whole model)."""
        ...

    def digest(self, adapter: Adapter) -> str:
        """sha256 of the adapter's parameters, as they are in memory."""
        ...

    def inspect(self, adapter: Adapter) -> Mapping[str, float]:
        """Largest absolute value of each trained tensor (for a full fine-tune, and for each row of a token as
        `tokens.embed.ID` and `tokens.head.ID`: of the difference from the base)."""
        ...

    def lora_parameters(self, spec: LoraSpec) -> int:
        """Trainable parameters of an adapter of this shape over this base."""
        ...

    def memory(self) -> Mapping[str, int]:
        """Bytes held, by purpose: weights, adapters, gradients, optimizer, cache."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """An engine bound to one adapter: what a recipe calls `models.policy`."""

    engine: Engine
    adapter: Adapter | None

    def forward(self, data: Sequence[Datum], outputs: Sequence[str] = ("logprobs",)) -> Pending[list[Outputs]]:
        return self.engine.forward(data, route=self.adapter, outputs=outputs)

    def forward_backward(
        self, data: Sequence[Datum], loss: str = "cross_entropy", loss_config: Mapping[str, float] | None = None
    ) -> Pending[LossResult]:
        return self.engine.forward_backward(data, route=self.adapter, loss=loss, loss_config=loss_config)

    def optim_step(self, params: AdamParams) -> Pending[StepResult]:
        assert self.adapter is not None, "the bare base cannot be trained"
        return self.engine.optim_step(params, adapter=self.adapter)

    def sample(
        self, prompts: Sequence[Sequence[int]], params: SamplingParams | Sequence[SamplingParams]
    ) -> Pending[list[list[Sample]]]:
        return self.engine.sample(prompts, params, route=self.adapter)


class Models(Protocol):
    """The models of one run. `policy` is trained; `open` brings others (teacher, reward model, judge)."""

    @property
    def policy(self) -> Policy: ...
    @property
    def reference(self) -> Policy:
        """What the run started from, as it was then. Raises CapabilityMissing where it is not kept."""
        ...

    def open(self, ref: str, role: str) -> Policy: ...


class Step(Protocol):
    """One optimiser step as its recipe sees it."""

    @property
    def index(self) -> int:
        """Counts from 0."""
        ...

    @property
    def batch(self) -> Sequence[Datum]:
        """The rows of this step. Weights are each token's own; the recipe puts its denominator into them."""
        ...

    def roll_out(self, policy: Policy, *, samples: int, refill: int = 0) -> list[list[Rollout]]:
        """That many graded answers of the policy to each question of this step, where a run asks questions. refill: how often
        questions whose answers are all worth the same are replaced by others."""
        ...

    def log(self, result: LossResult | StepResult | None, **numbers: float) -> None:
        """Hand over what a verb returned, and numbers of the recipe's own, for the metrics line of this step."""
        ...

    def skip(self, why: str) -> None:
        """There is nothing to learn from in this step, so that no verb was called."""
        ...


class Run(Protocol):
    """Life support of a recipe: what it iterates over is logged, saved, evaluated, resumed and watched."""

    def steps(self, n: int) -> Iterator[Step]:
        """The steps that are still to do, of `n` in all."""
        ...


class Grader(Protocol):
    """Judges one answer. Every metric and every reward is one of these."""

    @property
    def name(self) -> str: ...
    @property
    def concurrency(self) -> int:
        """How many answers it may be given at once, each on a thread: two where this machine works, more where it waits for
        another."""
        ...

    def grade(self, example: Example, answer: str) -> Score: ...


@runtime_checkable
class Patient(Protocol):
    """A grader, a model that it asks, or a setting, that may take longer over one answer than others."""

    @property
    def limit_s(self) -> float:
        """Seconds by the clock that one answer may take, with every try and every wait between them."""
        ...


def patience_s(thing: object) -> float:
    """What it says that it may take; 0 where it says nothing."""
    return thing.limit_s if isinstance(thing, Patient) else 0.0


@dataclass(frozen=True, slots=True)
class Said:
    """What a model said when it was asked. note: what it took, for the end of a reason; error: why it said nothing."""

    text: str
    note: str = ""
    error: str | None = None


class Chat(Protocol):
    """A model that answers conversations, as a judge is asked, from several threads at once. It raises for no failure of its
    own."""

    def answer(self, messages: Sequence[Message]) -> Said: ...
