"""One step of a run as its recipe sees it: its rows, or the questions that it asks, and the numbers that are left of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from burnish.errors import NothingTrained
from burnish.protocols import Policy
from burnish.recipes import credit
from burnish.runs.asking import Asking
from burnish.runs.picking import Picking
from burnish.tasks.rollout import Question
from burnish.types import Datum, LossResult, Rollout, StepResult


class Questioner:
    """What a run asks, step by step. rounds: what the present step asked, by place among all questions."""

    def __init__(self, asking: Asking, questions: Sequence[Question], picking: Picking) -> None:
        self.asking, self.questions, self.picking = asking, questions, picking
        self.batch = picking.order.batch
        self.rounds: list[list[int]] = []

    def begin(self) -> None:
        """A step begins."""
        self.rounds = []

    def pick(self, count: int) -> list[int]:
        """The next questions."""
        self.rounds.append(self.picking.pick(count))
        return self.rounds[-1]

    def saw(self, question: int, *, flat: bool) -> None:
        """Whether its answers were all worth the same."""
        self.picking.saw(question, flat=flat)


class Again(Questioner):
    """Asks what a step asked before, leaving no trace."""

    def __init__(self, one: Questioner, rounds: Sequence[Sequence[int]]) -> None:
        super().__init__(one.asking.silent(), one.questions, one.picking)
        self._left: Iterator[Sequence[int]] = iter(rounds)
        self.batch = len(rounds[0])

    def pick(self, count: int) -> list[int]:
        """As then, whatever `count`."""
        return list(next(self._left))

    def saw(self, question: int, *, flat: bool) -> None:
        """Known already."""


class RunningStep:
    """Implements protocols.Step, of a run on rows or of one that asks."""

    def __init__(self, index: int, rows: Sequence[Datum], asks: Questioner | None = None) -> None:
        self.index, self.batch, self.asks = index, rows, asks
        self.loss: float | None = None
        self.grad_norm: float | None = None
        self.numbers: dict[str, float] = {}
        self.everything: list[list[Rollout]] = []
        """what was drawn"""
        self.skipped = ""
        """why there was nothing to learn from"""
        self.tokens = sum(d.length for d in rows)
        self.target_tokens = sum(int((d.streams["weights"] > 0).sum()) for d in rows)

    def roll_out(self, policy: Policy, *, samples: int, refill: int = 0) -> list[list[Rollout]]:
        """Graded answers to the questions of this step. With refill, questions whose answers were all worth the same are replaced
        by others, up to so many times (dynamic sampling, Yu et al. 2025, arXiv 2503.14476)."""
        asks = self.asks
        assert asks is not None, "this run asks nothing"
        asks.begin()
        kept: list[list[Rollout]] = []
        flat: list[list[Rollout]] = []
        self.everything = everything = []
        for again in range(refill + 1):
            chosen = asks.pick(asks.batch - len(kept))
            questions = [asks.questions[n] for n in chosen]
            groups = asks.asking.roll_out(policy, questions, self.index, samples=samples, again=again, place=len(everything))
            everything += groups
            for question, group in zip(chosen, groups, strict=True):
                same = credit.flat(np.array([r.reward for r in group]))
                asks.saw(question, flat=same)
                (flat if same else kept).append(group)
            if len(kept) == asks.batch:
                break
        self.tokens = sum(len(r.ids) for group in everything for r in group)
        self.target_tokens = sum(int(r.drawn.sum()) for group in everything for r in group)
        if asks.picking.learnable:
            self.numbers["passed_over"] = float(asks.picking.passed)
        if refill:
            self.numbers["asked"] = float(len(everything))
        return (kept or flat) if refill else everything

    def skip(self, why: str) -> None:
        """Nothing is learned from this step."""
        self.loss, self.grad_norm, self.skipped = 0.0, 0.0, why

    def log(self, result: LossResult | StepResult | None, **numbers: float) -> None:
        """Raises NothingTrained for a loss that is not finite, before an optimiser step could spread it."""
        if isinstance(result, LossResult):
            self.loss = (self.loss or 0.0) + result.loss
            if not math.isfinite(self.loss):
                raise NothingTrained(
                    f"the loss of step {self.index + 1} is not finite; the step was not taken and the weights are as before",
                    seen=f"loss {self.loss}",
                    todo="lower learning_rate, or look for broken rows with `burnish data check`",
                )
        elif result is not None:
            self.grad_norm = result.grad_norm
        self.numbers.update(numbers)


class Once:
    """Implements protocols.Run for one step, without life support."""

    def __init__(self, index: int, rows: Sequence[Datum], asks: Questioner | None = None) -> None:
        self.index, self.rows, self.asks = index, rows, asks

    def steps(self, n: int) -> Iterator[RunningStep]:
        """The one step, whatever n."""
        yield RunningStep(self.index, self.rows, self.asks)
