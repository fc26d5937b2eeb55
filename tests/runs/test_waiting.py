"""Answers that wait in a checkpoint come back exactly, those that could not be judged as well."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np

from burnish.runs import waiting
from burnish.tasks.rollout import Question
from burnish.types import Example, Message, Rollout, Score, Segment

EXAMPLE = Example(messages=(Message(role="user", content="?"),), reference="!")
QUESTION = Question(index=3, example=EXAMPLE, ids=(5, 6))


def rollout(score: Score) -> Rollout:
    logprobs = np.array([-0.1, -1e-7, -30.000001], dtype=np.float32)
    said = Segment(role="assistant", ids=np.array([7, 8, 9], np.int32), logprobs=logprobs, turn=1, weight_version=12)
    asked = Segment(role="user", ids=np.array(QUESTION.ids, dtype=np.int32))
    return Rollout(example=EXAMPLE, segments=(asked, said), answer="a\n\u2028", stop_reason="length", score=score)


def back(of: Rollout) -> Rollout:
    return waiting.rollout_of(QUESTION, json.loads(json.dumps(waiting.to_json(of), allow_nan=False)))


def test_an_answer_comes_back_bit_by_bit() -> None:
    score = Score(value=0.1 + 0.2, reason="r", marks=("used",), parts=(("exact", 1.0), ("judge", 0.3)))
    one, other = rollout(score), back(rollout(score))
    assert other.score == score
    for a, b in zip(one.segments, other.segments, strict=True):
        assert (a.ids.tobytes(), a.role, a.turn, a.weight_version) == (b.ids.tobytes(), b.role, b.turn, b.weight_version)
        assert (a.logprobs is None) == (b.logprobs is None)
        assert a.logprobs is None or a.logprobs.tobytes() == b.logprobs.tobytes()  # type: ignore[union-attr]
    assert replace(other, segments=one.segments) == one


def test_what_a_part_of_the_grader_could_not_judge_stays_unknown() -> None:
    found = back(rollout(Score(value=math.nan, reason="no", error="judge: busy", parts=(("exact", 1.0), ("judge", math.nan)))))
    assert found.score.error == "judge: busy"
    assert math.isnan(found.score.value)
    assert found.score.parts[0] == ("exact", 1.0)
    assert math.isnan(found.score.parts[1][1])
