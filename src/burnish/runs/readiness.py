"""Whether a model can learn from a task by trying: what a few groups of its answers are worth, before anything is trained.

A group whose answers are all worth the same teaches nothing. Where nearly all are like that, the task is too easy for the model,
or too hard to begin with, and a run would only cost time. So it would where answers differ a little, but even the best of them
earn next to nothing of what the rows' own answers earn: then there is something to learn, but not what the task asks for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from burnish.errors import TaskRefused
from burnish.protocols import Policy
from burnish.recipes import credit
from burnish.runs.asking import Asking
from burnish.statistics import pass_at_k
from burnish.tasks import prove
from burnish.tasks.rollout import Question

Verdict = Literal["ready", "too easy", "no signal", "the grader fails"]
QUESTIONS = 32
FLAT = 0.9
"""Share of groups without a difference from which on there is no signal."""
HOPE = 0.1
"""Part of the way from the least reward seen to that of the rows' own answers that the best answer to a question must come, in
the mean. For answers that are right or wrong this says the same as FLAT: a right one to a tenth of the questions."""
FAILS = 0.5
"""Share of answers that the grader cannot judge from which on it is no grader."""
PASSES = 0.5
"""Rewards above this count as right."""
STEP = 1 << 30
"""The answers are drawn as those of a step that no run reaches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What was seen. Shares are of answers, `flat` of groups."""

    questions: int
    samples: int
    reward: float
    """mean; NaN where the grader judged nothing"""
    rewards: tuple[float, ...]
    """its deciles, from the least to the largest"""
    pass_1: float
    pass_k: float
    """at least one of `samples` is right"""
    flat: float
    errors: float
    cut: float
    """answers that ran into the limit"""
    tokens: float
    """of an answer, in the mean"""
    seconds: float
    """of drawing and grading all of them"""
    best: float = float("nan")
    """mean over the questions whose own answers are known of the best of `samples`; NaN where there are none"""
    own: float = float("nan")
    """mean reward of the rows' own answers to these"""
    error: str = ""
    """why the first of those was not judged that were not"""

    @property
    def verdict(self) -> Verdict:
        """In a word."""
        if self.errors > FAILS:
            return "the grader fails"
        if self.flat < FLAT:
            return "no signal" if self.hopeless else "ready"
        return "too easy" if self.reward > PASSES else "no signal"

    @property
    def hopeless(self) -> bool:
        """Whether the best answers earn next to nothing beside the rows' own."""
        least = self.rewards[0] if self.rewards else float("nan")
        return self.own > least and self.best - least < HOPE * (self.own - least)

    @property
    def todo(self) -> str:
        """What to do where it is not ready."""
        return {
            "ready": "",
            "too easy": "take harder rows; the model needs no training on these",
            "no signal": "start with SFT on good answers (burnish train TASK --model MODEL), then use that run as MODEL; "
            "or take easier rows",
            "the grader fails": "see why with `burnish task check TASK`",
        }[self.verdict]

    @property
    def seen(self) -> str:
        """The numbers behind the verdict, in a sentence."""
        if self.errors == 1:
            answers = self.questions * self.samples
            return f"none of {answers} answers to {self.questions} questions could be judged: {self.error}"
        beside = f"; the best answers earn {self.best:.2g}, the rows' own {self.own:.2g}" if self.hopeless else ""
        return (
            f"{self.questions} questions answered {self.samples} times each: mean reward {self.reward:.3g}, right once "
            f"{self.pass_1:.0%}, right at least once in {self.samples} {self.pass_k:.0%}, no difference within {self.flat:.0%} "
            f"of the groups, {self.errors:.0%} not judged{beside}"
        )

    def insist(self, task: str) -> None:
        """Raises TaskRefused where the task is not ready."""
        if self.verdict != "ready":
            raise TaskRefused(f"{task} is refused: {self.verdict}", seen=self.seen, todo=self.todo)


def readiness(policy: Policy, asking: Asking, questions: Sequence[Question], *, samples: int) -> Readiness:
    """Draw and grade. questions: the first `QUESTIONS` of them are asked."""
    asked = questions[:QUESTIONS]
    started = time.perf_counter()
    groups = asking.silent().roll_out(policy, asked, STEP, samples=samples)
    seconds = time.perf_counter() - started
    rewards = [np.array([r.reward for r in group]) for group in groups]
    known = np.concatenate(rewards)
    judged = known[~np.isnan(known)]
    right = [(int((r > PASSES).sum()), int((~np.isnan(r)).sum())) for r in rewards]
    right = [(c, n) for c, n in right if n > 0]
    own = np.array([prove.worth_of_own(q.example, asking.grader, asking.setting) for q in asked])
    best = np.array([r[~np.isnan(r)].max(initial=-np.inf) for r in rewards])
    both = ~np.isnan(own) & np.isfinite(best)
    return Readiness(
        questions=len(asked),
        samples=samples,
        reward=float(judged.mean()) if len(judged) else float("nan"),
        rewards=tuple(np.quantile(judged, np.linspace(0, 1, 11)).tolist()) if len(judged) else (),
        pass_1=float(np.mean([c / n for c, n in right])) if right else float("nan"),
        pass_k=float(np.mean([pass_at_k(n, c, n) for c, n in right])) if right else float("nan"),
        flat=float(np.mean([credit.flat(r) for r in rewards])),
        errors=float(np.isnan(known).mean()),
        cut=float(np.mean([r.stop_reason == "length" for group in groups for r in group])),
        tokens=float(np.mean([r.drawn.sum() for group in groups for r in group])),
        seconds=seconds,
        best=float(best[both].mean()) if both.any() else float("nan"),
        own=float(own[both].mean()) if both.any() else float("nan"),
        error=next((r.score.error for group in groups for r in group if r.score.error), ""),
    )
