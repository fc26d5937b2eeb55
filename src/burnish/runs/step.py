"""One step of a run as its recipe sees it: its rows, or the questions that it asks, and the numbers that are left of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from burnish.errors import NothingTrained
from burnish.protocols import Policy
from burnish.recipes import credit
from burnish.recipes.grpo import gap_now
from burnish.runs import waiting
from burnish.runs.asking import Asking
from burnish.runs.picking import Picking
from burnish.tasks.rollout import Drawing, Question
from burnish.types import Datum, LossResult, Rollout, Sample, StepResult

COMPARED = 8
"""Answers drawn ahead whose log-probabilities are computed at once, for the gap of sampler and trainer."""


class Questioner:
    """What a run asks, step by step. rounds: what the present step asked, by place among all questions."""

    def __init__(self, asking: Asking, questions: Sequence[Question], picking: Picking) -> None:
        self.asking, self.questions, self.picking = asking, questions, picking
        self.batch = picking.order.batch
        self.rounds: list[list[int]] = []
        self.ahead: Ahead | None = None

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
    """Asks what a step asked before, leaving no trace. drawn: its answers, where they were drawn ahead."""

    def __init__(self, one: Questioner, rounds: Sequence[Sequence[int]], drawn: Mapping[str, Any] | None = None) -> None:
        super().__init__(replace(one.asking, folder=None), one.questions, one.picking)
        self._left: Iterator[Sequence[int]] = iter(rounds)
        self.batch = len(rounds[0])
        if one.ahead is not None:
            self.ahead = Ahead(steps=0, kept=drawn)

    def pick(self, count: int) -> list[int]:
        """As then, whatever `count`."""
        return list(next(self._left))

    def saw(self, question: int, *, flat: bool) -> None:
        """Known already."""


class Ahead:
    """Answers that are drawn a step before they are learned from, and graded meanwhile. steps: of the run. kept: those that a
    checkpoint found waiting."""

    def __init__(self, *, steps: int, kept: Mapping[str, Any] | None = None) -> None:
        self.steps = steps
        self._kept = kept
        self._chosen: list[int] = []
        self._drawing: Drawing | None = None
        self._groups: list[list[Rollout]] | None = None

    def draw(self, asks: Questioner, policy: Policy, index: int, samples: int) -> None:
        """Draw the answers of step `index`, unless they wait already."""
        if self._kept is not None:
            self._chosen = [int(n) for n in self._kept["chosen"]]
            asks.rounds.append(self._chosen)
            told = zip(self._chosen, self._kept["groups"], strict=True)
            self._groups = [[waiting.rollout_of(asks.questions[n], each) for each in group] for n, group in told]
            self._kept = None
        elif self._drawing is None and self._groups is None:
            self._chosen = asks.pick(asks.batch)
            self._drawing = asks.asking.draw(policy, [asks.questions[n] for n in self._chosen], index, samples=samples)

    def take(self) -> tuple[list[int], list[list[Rollout]]]:
        """What waits, when it is graded."""
        chosen, groups = self._chosen, self._graded()
        self._drawing = self._groups = None
        return chosen, groups

    def to_json(self) -> dict[str, Any] | None:
        """What waits, for a checkpoint; None where nothing does."""
        if self._drawing is None and self._groups is None:
            return None
        return {"chosen": self._chosen, "groups": [[waiting.to_json(r) for r in group] for group in self._graded()]}

    def let_go(self) -> None:
        """The run ends: nobody waits for what is being graded."""
        if self._drawing is not None:
            self._drawing.stop()
            self._drawing = None

    def some(self, asks: Questioner) -> list[tuple[Sequence[int], Sample]]:
        """A few of those that were just drawn: to a question each, what was said."""
        samples = self._drawing.samples if self._drawing else ()
        return [(asks.questions[n].ids, said[0]) for n, said in zip(self._chosen[:COMPARED], samples, strict=False)]

    def _graded(self) -> list[list[Rollout]]:
        if self._groups is None:
            assert self._drawing is not None, "nothing was drawn"
            self._groups, self._drawing = self._drawing.finish(), None
        return self._groups


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
        if asks.ahead is not None:
            return self._ahead(asks, asks.ahead, policy, samples)
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
                _tell(asks, question, group)
                (flat if same else kept).append(group)
            if len(kept) == asks.batch:
                break
        self._count(asks)
        if refill:
            self.numbers["asked"] = float(len(everything))
        return (kept or flat) if refill else everything

    def _ahead(self, asks: Questioner, ahead: Ahead, policy: Policy, samples: int) -> list[list[Rollout]]:
        """The answers that were drawn before the last step was learned from; those of the next step are drawn now."""
        ahead.draw(asks, policy, self.index, samples)
        chosen, drawn = ahead.take()
        asks.rounds = [chosen]
        for question, group in zip(chosen, drawn, strict=True):
            _tell(asks, question, group)
        self.everything = asks.asking.tell([asks.questions[n] for n in chosen], drawn, self.index)
        self._count(asks)
        if self.index + 1 < ahead.steps:
            ahead.draw(asks, policy, self.index + 1, samples)
            asks.rounds = [chosen]
            self.log(None, **gap_now(policy, ahead.some(asks)))
        return self.everything

    def _count(self, asks: Questioner) -> None:
        self.tokens = sum(len(r.ids) for group in self.everything for r in group)
        self.target_tokens = sum(int(r.drawn.sum()) for group in self.everything for r in group)
        if asks.picking.learnable:
            self.numbers["passed_over"] = float(asks.picking.passed)

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


def _tell(asks: Questioner, question: int, group: Sequence[Rollout]) -> None:
    """Whether a question taught something; where fewer than two of its answers could be judged, nobody knows."""
    rewards = np.array([r.reward for r in group])
    if (~np.isnan(rewards)).sum() > 1:
        asks.saw(question, flat=credit.flat(rewards))


class Once:
    """Implements protocols.Run for one step, without life support."""

    def __init__(self, index: int, rows: Sequence[Datum], asks: Questioner | None = None) -> None:
        self.index, self.rows, self.asks = index, rows, asks

    def steps(self, n: int) -> Iterator[RunningStep]:
        """The one step, whatever n."""
        yield RunningStep(self.index, self.rows, self.asks)
