"""What a command tells the person who watches it: a handful of events, and an implementation that shows nothing.

The command line draws them; exporters (runs/exporters.py) send them elsewhere. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from burnish.evals.evaluate import Evaluation
    from burnish.runs.plan import Plan
    from burnish.runs.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEvent:
    """One finished optimiser step."""

    step: int
    """steps finished, from 1"""
    total: int
    loss: float
    """mean over the batch's target tokens, in nats"""
    learning_rate: float
    grad_norm: float
    tokens: int
    """positions computed in this step"""
    tokens_per_s: float
    seconds: float
    left_s: float
    """estimated seconds to the end of training, measurements of held-out loss included"""
    reward: float | None = None
    """mean of this step's graded answers, where the run learns from those"""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """what else the recipe logged"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossEvent:
    """What is measured on held-out rows during training. Step 0 is the model that the run starts from."""

    step: int
    loss: float
    best: bool
    """the best so far"""
    seconds: float
    words: str = "held-out loss"
    """what it is"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEvent:
    """An answer drawn from the model in training to a held-out prompt."""

    step: int
    prompt: str
    answer: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersEvent:
    """How far a run is with drawing and grading answers: those of a step, or to held-out questions. One for every answer."""

    step: int | None
    """from 1; None = held-out questions"""
    total: int
    """steps"""
    said: int
    judged: int
    of: int
    turn: int
    """that is drawn, of answers in several"""


class Progress(Protocol):
    """Receives the events of one command, in order."""

    def note(self, text: str) -> None:
        """Something worth a line."""
        ...

    def warning(self, text: str) -> None:
        """Something that the user should act on."""
        ...

    def plan(self, plan: Plan) -> None: ...
    def step(self, event: StepEvent) -> None: ...
    def loss(self, event: LossEvent) -> None: ...
    def sample(self, event: SampleEvent) -> None: ...

    def answers(self, event: AnswersEvent) -> None: ...

    def watched(self, step: int, numbers: Mapping[str, float]) -> None:
        """What the monitors measured of a finished step, after its event."""
        ...

    def evaluating(self, name: str, done: int, total: int) -> None:
        """`done` of `total` items of the evaluation called `name` ("base", "trained") are finished."""
        ...

    def evaluation(self, name: str, evaluation: Evaluation) -> None: ...
    def report(self, report: Report) -> None: ...

    def close(self) -> None:
        """No event follows. Called once, also after a failure."""
        ...


class Silent:
    """Shows nothing."""

    def note(self, text: str) -> None: ...
    def warning(self, text: str) -> None: ...
    def plan(self, plan: Plan) -> None: ...
    def step(self, event: StepEvent) -> None: ...
    def loss(self, event: LossEvent) -> None: ...
    def sample(self, event: SampleEvent) -> None: ...
    def answers(self, event: AnswersEvent) -> None: ...
    def watched(self, step: int, numbers: Mapping[str, float]) -> None: ...
    def evaluating(self, name: str, done: int, total: int) -> None: ...
    def evaluation(self, name: str, evaluation: Evaluation) -> None: ...
    def report(self, report: Report) -> None: ...
    def close(self) -> None: ...


class Several:
    """Passes every event on to each of several receivers, in order."""

    def __init__(self, receivers: Sequence[Progress]) -> None:
        self.receivers = tuple(receivers)

    def note(self, text: str) -> None:
        for r in self.receivers:
            r.note(text)

    def warning(self, text: str) -> None:
        for r in self.receivers:
            r.warning(text)

    def plan(self, plan: Plan) -> None:
        for r in self.receivers:
            r.plan(plan)

    def step(self, event: StepEvent) -> None:
        for r in self.receivers:
            r.step(event)

    def loss(self, event: LossEvent) -> None:
        for r in self.receivers:
            r.loss(event)

    def sample(self, event: SampleEvent) -> None:
        for r in self.receivers:
            r.sample(event)

    def answers(self, event: AnswersEvent) -> None:
        for r in self.receivers:
            r.answers(event)

    def watched(self, step: int, numbers: Mapping[str, float]) -> None:
        for r in self.receivers:
            r.watched(step, numbers)

    def evaluating(self, name: str, done: int, total: int) -> None:
        for r in self.receivers:
            r.evaluating(name, done, total)

    def evaluation(self, name: str, evaluation: Evaluation) -> None:
        for r in self.receivers:
            r.evaluation(name, evaluation)

    def report(self, report: Report) -> None:
        for r in self.receivers:
            r.report(report)

    def close(self) -> None:
        for r in self.receivers:
            r.close()
