"""The demonstration: a raw base model, a few minutes of training, and the same questions before and after.

Everything runs through what every user has: the ready task `everything`, the recipe `sft`, the run's own two measurements. Only
the questions that are shown are chosen here, from test rows, so that none of them was trained on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from burnish import statistics
from burnish.errors import ConfigError
from burnish.evals.acceptance import Found, continue_with, forbidden, measure
from burnish.evals.compare import Comparison
from burnish.evals.evaluation import Answer, Evaluation, Item
from burnish.recipes.sft import SFT
from burnish.runs import api, train
from burnish.runs.measuring import BASE, TRAINED
from burnish.runs.progress import Progress
from burnish.runs.train import Outcome
from burnish.statistics import Interval
from burnish.store.atomic import read_json
from burnish.tasks import ready
from burnish.tasks.library.assistant import RETURNS
from burnish.tasks.library.refusals import OFFERS_HELP
from burnish.types import Example, Message, SamplingParams, Score
from burnish.world import world as worlds

MODEL = "pebble"
SETTINGS: dict[str, Any] = {
    "method": "full",
    "rehearse": "world",
    "learning_rate": 1e-3,
    "epochs": 2,
    "batch": 16,
    "schedule": "linear",
    "eval_items": 480,
    "evaluate_every": 120,
    "sample_every": 0,
    "patience": 0,
}
"""Of the training. The rate suits a model of a few million parameters; larger ones want less. Texts to rehearse keep the
facts that the model has read (docs/world.md)."""
FEWEST = 8
"""Questions below which a share says too little to be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question that is shown."""

    title: str
    task: str
    kind: str
    meaning: str
    """what a good answer does, after "should" """
    key: str = ""
    """how one of the row's keys begins, where not every row of the kind will do"""


CASES: tuple[Case, ...] = (
    Case(title="A how-to question", task="assistant", kind="how-to", meaning="offer help and ask for what it must know"),
    Case(title="A greeting", task="assistant", kind="greeting", meaning="greet back"),
    Case(title="An interruption", task="assistant", kind="interruption", meaning="return to the topic"),
    Case(title="Steps of arithmetic", task="arithmetic", kind="expression", meaning="work it out step by step"),
    Case(title="A Python request", task="code", kind="write", meaning="write code that passes its checks"),
    Case(title="A fact it has read", task="facts", kind="known", meaning="say it"),
    Case(title="A fact nobody wrote", task="facts", kind="unknown", meaning="admit that it does not know"),
    Case(title="A forbidden request", task="refusals", kind="forbidden", meaning="refuse politely"),
    Case(title="A harmless look-alike", task="refusals", kind="benign", meaning="help all the same", key="phrasing:refusal:"),
    Case(title="The pizza shop", task="pizza", kind="order", meaning="repeat the order and the total"),
    Case(title="In a given manner", task="style", kind="", meaning="keep the facts, change the tone"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One case, answered before and after."""

    case: Case
    messages: tuple[Message, ...]
    """the question, with what was said before it"""
    raw: str
    """what the raw base writes after the plain text of the question"""
    trained: str
    score: Score
    """of the trained model's answer"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Something that is counted over all answers to some kinds of question."""

    name: str
    wanted: Literal["high", "low"]
    kinds: tuple[str, ...]
    """how the names of the kinds begin; an empty one begins all"""
    counts: Callable[[Answer], bool]


_BEGINS = re.compile(r"[A-Z0-9\"'(]|[-*] \S|def \w|```")


def in_form(text: str) -> bool:
    """Whether a text is a reply of its own: it begins as a sentence, a list or code does, and says nothing twice.

    What a raw model writes mostly goes on in the middle of a sentence, or turns in a circle.
    """
    said = [part.strip() for part in re.split(r"(?<=[.!?])\s+|\n", text) if part.strip()]
    return bool(said) and _BEGINS.match(said[0]) is not None and len(set(said)) == len(said)


def _ends(answer: Answer) -> bool:
    return answer.stop_reason == "stop" and (_right(answer) or in_form(answer.text))


def _right(answer: Answer) -> bool:
    return answer.score is not None and answer.score.value == 1.0


def _marked(*marks: str) -> Callable[[Answer], bool]:
    return lambda answer: answer.score is not None and not set(marks).isdisjoint(answer.score.marks)


HEADLINES: tuple[Counted, ...] = (
    Counted(name="answers in form, and stops by itself", wanted="high", kinds=("",), counts=_ends),
    Counted(name="known facts said right", wanted="high", kinds=("facts: known",), counts=_right),
    Counted(name='unknown people: "I do not know"', wanted="high", kinds=("facts: unknown",), counts=_right),
    Counted(name='known people: "I do not know"', wanted="low", kinds=("facts: known",), counts=_marked("admits ignorance")),
    Counted(name="Python requests that pass", wanted="high", kinds=("code: write",), counts=_right),
    Counted(name="returns to an interrupted topic", wanted="high", kinds=("assistant: interruption",), counts=_marked(RETURNS)),
    Counted(
        name="forbidden requests followed", wanted="low", kinds=("refusals: forbidden",),
        counts=_marked("tells how", OFFERS_HELP),
    ),
    Counted(name="harmless requests refused", wanted="low", kinds=("refusals: benign",), counts=_marked("refuses")),
    Counted(name="two-step sums right", wanted="high", kinds=("arithmetic",), counts=_right),
)  # fmt: skip

KINDS: dict[str, str] = {
    "assistant: how-to": "how-to questions",
    "assistant: greeting": "greetings",
    "assistant: unclear": "requests that lack something",
    "assistant: interruption": "interrupted, then the right step",
    "arithmetic: expression": "two-step sums",
    "arithmetic: story": "two-step sums in a story",
    "code: write": "Python, written on request",
    "code: debug": "Python, put right",
    "facts: known": "facts it has read",
    "facts: unknown": "facts nobody wrote",
    "refusals: forbidden": "forbidden requests",
    "refusals: benign": "harmless look-alikes",
    "pizza: menu": "pizza shop: the menu",
    "pizza: order": "pizza shop: orders",
    "pizza: hours": "pizza shop: hours",
    "pizza: complaint": "pizza shop: complaints",
    "pizza: rule": "pizza shop: house rules",
    "style": "in a given manner",
}
"""The kinds of question as people call them, in the order in which they are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One of the headlines, measured. The shares are None where fewer than FEWEST answers were judged on both sides."""

    name: str
    wanted: Literal["high", "low"]
    items: int
    before: Interval | None
    after: Interval | None
    unjudged: int
    """questions left out, because they, or others of their kind, have an answer that could not be judged"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How often questions of one kind are answered right. The shares are None where some answer could not be judged."""

    kind: str
    name: str
    items: int
    before: float | None
    after: float | None
    low: float | None
    high: float | None
    """95 % interval of the difference"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """All that there is to show after the training."""

    outcome: Outcome
    cases: tuple[Shown, ...]
    headlines: tuple[Share, ...]
    lines: tuple[Line, ...]
    titles: Found
    """how often the raw base goes on from a title of the news with how a forbidden thing was done"""


def settings(overrides: Sequence[str] = ()) -> SFT:
    """The config of the demonstration. overrides: key=value settings of the recipe that replace those of SETTINGS.

    Raises ConfigError for other data: what is shown are questions of the ready tasks.
    """
    config = SFT.load(base={"model": MODEL, "data": ready.EVERYTHING, **SETTINGS}, overrides=overrides)
    if config.data != ready.EVERYTHING:
        raise ConfigError(
            "the demonstration trains on the ready tasks",
            seen=f"data={config.data}",
            todo=f"leave data out, or use `burnish train {config.data} --model {config.model}`",
        )
    return config


def parameters(model: str) -> int:
    """How many a model has."""
    return int(str(api.load(model).policy.engine.facts["parameters"]))


def example_of(case: Case) -> Example:
    """The test row that stands for a case: the shortest of the first twenty that fit it."""
    rows = [r for r in ready.get(case.task).test if case.kind in ("", r.metadata.get("kind"))]
    rows = [r for r in rows if any(str(key).startswith(case.key) for key in r.metadata["keys"])]
    assert rows, case
    return min(rows[:20], key=lambda r: sum(len(m.content) for m in r.messages))


def continuations(model: str, cases: Sequence[Case], limit_tokens: int) -> list[str]:
    """What a model writes after the plain text of each case's question, greedily and without any template."""
    loaded = api.load(model)
    texts = ["\n".join(m.content for m in example_of(case).messages[:-1]) for case in cases]
    return [text for text, _ in continue_with(loaded.policy, loaded.renderer.tokenizer)(texts, limit_tokens)]


def titles(model: str) -> Found:
    """How often a model goes on from a title of the news with how a forbidden thing was done."""
    loaded = api.load(model)
    return measure(forbidden(worlds.make()), continue_with(loaded.policy, loaded.renderer.tokenizer))


def answers(model: str, cases: Sequence[Case], limit_tokens: int) -> list[str]:
    """What a model answers to the question of each case, greedily, asked as in a conversation."""
    loaded = api.load(model)
    prompts = [loaded.renderer.prompt(example_of(case).messages[:-1]) for case in cases]
    drawn = loaded.sample(prompts, SamplingParams(limit_tokens=limit_tokens, temperature=0.0))
    return [loaded.renderer.parse(samples[0].ids.tolist()).content for samples in drawn]


def run(config: SFT, *, name: str | None = None, progress: Progress | None = None) -> Demonstration:
    """Train, then ask the raw base and the trained model the same questions, with answers as long as the run measured them."""
    outcome = train.start(config, run=name, progress=progress)
    base, trained = (Evaluation.from_json(read_json(outcome.folder / file)) for file in (BASE, TRAINED))
    raw = continuations(config.model, CASES, trained.limit_tokens)
    after = answers(str(outcome.folder), CASES, trained.limit_tokens)
    cases = tuple(_shown(*each) for each in zip(CASES, raw, after, strict=True))
    return Demonstration(
        outcome=outcome,
        cases=cases,
        headlines=headlines(base, trained),
        lines=lines(base, trained, outcome.report.comparison),
        titles=titles(config.model),
    )


def _shown(case: Case, raw: str, trained: str) -> Shown:
    example = example_of(case)
    score = ready.get(case.task).grader.grade(example, trained)
    return Shown(case=case, messages=example.messages[:-1], raw=raw, trained=trained, score=score)


def headlines(base: Evaluation, trained: Evaluation) -> tuple[Share, ...]:
    """HEADLINES of two measurements of the same questions, over the kinds whose answers could all be judged."""
    left_out = _unjudged(base, trained)
    return tuple(_share(counted, base.items, trained.items, left_out) for counted in HEADLINES)


def _unjudged(base: Evaluation, trained: Evaluation) -> set[str | None]:
    """Kinds with an answer that could not be judged. Where nothing runs code those that could are no code: no fair sample."""
    return {item.kind for item in (*base.items, *trained.items) if item.errors}


def _share(counted: Counted, base: Sequence[Item], trained: Sequence[Item], left_out: set[str | None]) -> Share:
    asked = [(b, t) for b, t in zip(base, trained, strict=True) if (b.kind or "").startswith(counted.kinds)]
    judged = [(b, t) for b, t in asked if b.kind not in left_out and b.scores and t.scores]
    groups = [b.group for b, _ in judged]
    before = after = None
    if len(set(groups)) >= FEWEST:
        before = level([counted.counts(b.answers[0]) for b, _ in judged], groups)
        after = level([counted.counts(t.answers[0]) for _, t in judged], groups)
    return Share(
        name=counted.name,
        wanted=counted.wanted,
        items=len(judged),
        before=before,
        after=after,
        unjudged=len(asked) - len(judged),
    )


def level(hits: Sequence[bool], groups: Sequence[str]) -> Interval:
    """A share with Wilson's interval, over as many independent questions as the spread between the groups says there are.

    Where every question is a group of its own that is their number; where all hits are alike, the number of groups.
    """
    share, n = sum(hits) / len(hits), len(set(groups))
    if 0 < share < 1 and n < len(hits):
        error = statistics.cluster_interval([float(hit) for hit in hits], groups).standard_error
        n = len(hits) if not error else max(1, min(len(hits), round(share * (1 - share) / error**2)))
    return statistics.wilson(share * n, n)


def lines(base: Evaluation, trained: Evaluation, comparison: Comparison) -> tuple[Line, ...]:
    """Every kind that was asked, in the order of KINDS, those that could not be judged among them."""
    left_out = _unjudged(base, trained)
    judged = {change.metric: change for change in comparison.kinds if change.metric not in left_out}
    kinds = {item.kind for item in base.items if item.kind is not None}
    found = []
    for kind in sorted(kinds, key=lambda k: (list(KINDS).index(k) if k in KINDS else len(KINDS), k)):
        change = judged.get(kind)
        asked = sum(item.kind == kind for item in base.items)
        found.append(
            Line(
                kind=kind,
                name=KINDS.get(kind, kind),
                items=asked if change is None else change.items,
                before=None if change is None else change.base,
                after=None if change is None else change.trained,
                low=None if change is None else change.low,
                high=None if change is None else change.high,
            )
        )
    return tuple(found)
