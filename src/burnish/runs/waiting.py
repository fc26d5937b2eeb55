"""Answers that wait to be learned from, as a checkpoint keeps them: exactly, so that a resumed run learns the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from burnish.tasks.rollout import Question
from burnish.types import Rollout, Score, Segment


def to_json(rollout: Rollout) -> dict[str, Any]:
    """An answer of one turn, without its question."""
    said, score = rollout.segments[-1], rollout.score
    assert said.logprobs is not None, "an answer ends with what the policy said"
    return {
        "ids": said.ids.tolist(),
        "logprobs": said.logprobs.tolist(),
        "version": said.weight_version,
        "answer": rollout.answer,
        "stop_reason": rollout.stop_reason,
        "value": None if score.error else score.value,
        "reason": score.reason,
        "error": score.error,
        "marks": list(score.marks),
        "parts": [[name, value if math.isfinite(value) else None] for name, value in score.parts],
    }


def rollout_of(question: Question, body: Mapping[str, Any]) -> Rollout:
    """The answer again, to its question."""
    said = Segment(
        role="assistant",
        ids=np.asarray(body["ids"], dtype=np.int32),
        logprobs=np.asarray(body["logprobs"], dtype=np.float32),
        turn=1,
        weight_version=int(body["version"]),
    )
    score = Score(
        value=float("nan") if body["value"] is None else float(body["value"]),
        reason=str(body["reason"]),
        error=body["error"],
        marks=tuple(body["marks"]),
        parts=tuple((str(name), math.nan if value is None else float(value)) for name, value in body["parts"]),
    )
    return Rollout(
        example=question.example,
        segments=(Segment(role="user", ids=np.asarray(question.ids, dtype=np.int32)), said),
        answer=str(body["answer"]),
        stop_reason=body["stop_reason"],
        score=score,
    )
