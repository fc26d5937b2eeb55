"""The record of one model measured on held-out examples. It round-trips through JSON, so that a run stores the base's
measurement once and compares with it after any number of resumes.

A Score with `error` is neither right nor wrong: it is counted as an error and left out of every mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from burnish.types import Score, StopReason

FORMAT = 1
CLUSTER = "cluster:"
"""What the group of a row begins with that names its cluster; the hash of a prompt never does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One sampled answer."""

    text: str
    stop_reason: StopReason
    new_tokens: int
    """tokens drawn, the stop token included"""
    latency_s: float
    """from the request to its last token, with up to IN_FLIGHT requests sharing the machine"""
    score: Score | None
    """None where nothing was graded"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One held-out example, measured."""

    index: int
    source: str
    line: int
    """in the source file"""
    group: str
    """Items that share it are one cluster: what the row names as its cluster in its metadata (a string, such as the person asked
    about), after CLUSTER, else the hash of the normalised prompt"""
    prompt: str
    """what is shown as the question"""
    reference: str | None
    loss_sum: float
    """nats: minus the weighted sum of the target tokens' log-probabilities"""
    target_tokens: float
    """sum of the target weights: the number of target tokens where all weigh 1"""
    prompt_tokens: int
    """0 where nothing was sampled"""
    answers: tuple[Answer, ...]
    fault: str | None
    """why the loss or the answers are missing"""
    kind: str | None = None
    """which kind of question it is, where the rows say so"""

    @property
    def loss(self) -> float:
        """Mean nats per target token; NaN without targets."""
        return self.loss_sum / self.target_tokens if self.target_tokens else math.nan

    @property
    def scores(self) -> tuple[float, ...]:
        """Values of the scores that are no errors."""
        return tuple(a.score.value for a in self.answers if a.score is not None and a.score.error is None)

    @property
    def value(self) -> float | None:
        """Mean score over this item's answers, so that several answers of one prompt never count as several prompts."""
        return sum(self.scores) / len(self.scores) if self.scores else None

    @property
    def errors(self) -> tuple[str, ...]:
        """What graders said when they failed."""
        return tuple(a.score.error for a in self.answers if a.score is not None and a.score.error is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Every item of one measurement, and how it was made."""

    items: tuple[Item, ...]
    grader: str | None
    limit_tokens: int
    samples: int
    temperature: float
    seed: int
    loss_s: float
    """seconds of the forward passes"""
    sampling_s: float
    """seconds of drawing all answers"""

    @property
    def errors(self) -> int:
        """Answers that the grader could not judge."""
        return sum(len(i.errors) for i in self.items)

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings; NaN and infinity as null."""
        return {"format": FORMAT, **plain(asdict(self))}

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> Evaluation:
        """The inverse of `to_json`. Assumes a document that this version wrote."""
        assert body["format"] == FORMAT, body["format"]
        items = tuple(
            Item(**{**i, "loss_sum": _number(i["loss_sum"]), "answers": tuple(_answer(a) for a in i["answers"])})
            for i in body["items"]
        )
        return Evaluation(**{**{k: v for k, v in body.items() if k != "format"}, "items": items})


def _answer(body: Mapping[str, Any]) -> Answer:
    score = body["score"]
    if score is not None:
        parts = tuple((str(name), _number(value)) for name, value in score.get("parts", ()))
        score = Score(**{**score, "value": _number(score["value"]), "marks": tuple(score.get("marks", ())), "parts": parts})
    return Answer(**{**body, "score": score})


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def plain(value: Any) -> Any:
    """A value made of dicts, sequences, numbers and strings as JSON can hold it: NaN and infinity become null."""
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
