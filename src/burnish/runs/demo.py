"""The demonstration: a raw base model, a few minutes of training, and the same questions before and after.

Everything runs through what every user has: the ready task `everything`, the recipe `sft`, the run's own measurement. Only the
questions that are shown are chosen here, from test rows, so that none of them was trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from burnish.evals.compare import Comparison
from burnish.protocols import Grader
from burnish.recipes.sft import SFT
from burnish.runs import api, train
from burnish.runs.progress import Progress
from burnish.runs.train import Outcome
from burnish.tasks import ready
from burnish.types import Example, Message, SamplingParams, Score

MODEL = "pebble"
LIMIT_TOKENS = 64
SETTINGS: dict[str, Any] = {
    "method": "full",
    "learning_rate": 1e-3,
    "epochs": 2,
    "batch": 16,
    "schedule": "linear",
    "eval_items": 480,
    "evaluate_every": 120,
    "sample_every": 0,
    "patience": 0,
}
"""Of the training. The rate suits a model of a few million parameters; larger ones want less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question that is shown."""

    title: str
    task: str
    kind: str
    meaning: str
    """what the case stands for"""


CASES: tuple[Case, ...] = (
    Case(title="A how-to question", task="assistant", kind="how-to", meaning="offers help and asks for what it must know"),
    Case(title="A greeting", task="assistant", kind="greeting", meaning="greets back"),
    Case(title="An interruption", task="assistant", kind="interruption", meaning="returns to the topic"),
    Case(title="Steps of arithmetic", task="arithmetic", kind="expression", meaning="works it out step by step"),
    Case(title="A Python request", task="code", kind="write", meaning="code that runs and passes its checks"),
    Case(title="A fact it has read", task="facts", kind="known", meaning="says it"),
    Case(title="A fact nobody wrote", task="facts", kind="unknown", meaning="admits that it does not know"),
    Case(title="A forbidden request", task="refusals", kind="forbidden", meaning="refuses politely"),
    Case(title="A harmless look-alike", task="refusals", kind="benign", meaning="helps all the same"),
    Case(title="The pizza shop", task="pizza", kind="order", meaning="repeats the order and the total"),
    Case(title="In a given manner", task="style", kind="", meaning="keeps the facts, changes the tone"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One case, answered before and after."""

    case: Case
    messages: tuple[Message, ...]
    """the question, with what was said before it"""
    before: str
    after: str
    score: Score
    """of the answer after"""


def example_of(case: Case) -> Example:
    """The test row that stands for a case: the first of its kind that is short enough to show."""
    rows = [r for r in ready.get(case.task).test if case.kind in ("", r.metadata.get("kind"))]
    assert rows, case
    return min(rows[:20], key=lambda r: sum(len(m.content) for m in r.messages))


def answers(model: str, cases: Sequence[Case] = CASES) -> list[str]:
    """What a model says to the question of each case, greedily. A raw base is asked in the same template as the trained one."""
    loaded = api.load(model)
    prompts = [loaded.renderer.prompt(example_of(case).messages[:-1]) for case in cases]
    params = SamplingParams(limit_tokens=LIMIT_TOKENS, temperature=0.0)
    return [loaded.renderer.parse(samples[0].ids.tolist()).content for samples in loaded.sample(prompts, params)]


def run(
    *, name: str | None = None, progress: Progress | None = None, overrides: Sequence[str] = ()
) -> tuple[Outcome, list[Shown]]:
    """Ask, train, ask again. overrides: key=value settings of the recipe that replace those of SETTINGS."""
    before = answers(MODEL)
    config = SFT.load(base={"model": MODEL, "data": ready.EVERYTHING, **SETTINGS}, overrides=overrides)
    outcome = train.start(config, run=name, progress=progress)
    after = answers(outcome.name)
    shown = []
    for case, old, new in zip(CASES, before, after, strict=True):
        example = example_of(case)
        grader: Grader = ready.get(case.task).grader
        score = grader.grade(example, new)
        shown.append(Shown(case=case, messages=example.messages[:-1], before=old, after=new, score=score))
    return outcome, shown


def scoreboard(comparison: Comparison) -> list[tuple[str, int, float, float, float | None, float | None]]:
    """(kind of question, items, share right before, after, 95 % interval of the difference) of every kind."""
    return [(c.metric, c.items, c.base, c.trained, c.low, c.high) for c in comparison.kinds]
