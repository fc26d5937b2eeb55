"""What a step's numbers say about the health of a run that learns from its own answers: reward, entropy, length, distance from
the start, groups that teach nothing, cut and unjudged answers. Each says something once, when it has held for a few steps."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

HELD = 3
"""Steps in a row that a sign must hold for."""
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sign:
    """name: of the event. holds: of a step's line and of the first steps' means. words: what it means and what to do."""

    name: str
    holds: Callable[[Line, Line], bool]
    words: Callable[[Line, Line], str]


READ = "read some with `burnish show RUN --rollouts`"
SIGNS: tuple[Sign, ...] = (
    Sign(
        "reward down",
        lambda now, start: start.get("reward", 0.0) > 0.05 and now.get("reward", math.inf) < 0.2 * start["reward"],
        lambda now, start: (
            f"the reward has fallen from {start['reward']:.2f} at the start to {now['reward']:.2f}: what the model could do "
            "may be being lost (compare held-out reward); then lower learning_rate"
        ),
    ),
    Sign(
        "entropy",
        lambda now, start: "entropy" in now and now["entropy"] < min(0.02, 0.1 * start.get("entropy", 0.0)),
        lambda now, start: (
            f"answers are drawn almost without choice (entropy {now['entropy']:.2g} nats a token, "
            f"{start['entropy']:.2g} at the start): little more can be found by trying; lower learning_rate, or give kl a weight"
        ),
    ),
    Sign(
        "length up",
        lambda now, start: now.get("answer_tokens", 0.0) > 8 + 2.5 * start.get("answer_tokens", math.inf),
        lambda now, start: (
            f"answers have become long: {now['answer_tokens']:.0f} tokens, {start['answer_tokens']:.0f} at the start; {READ}"
        ),
    ),
    Sign(
        "length down",
        lambda now, start: start.get("answer_tokens", 0.0) > 8 and now.get("answer_tokens", 0.0) < 0.3 * start["answer_tokens"],
        lambda now, start: (
            f"answers have become short: {now['answer_tokens']:.0f} tokens, {start['answer_tokens']:.0f} at the start; {READ}"
        ),
    ),
    Sign(
        "far from the start",
        lambda now, start: now.get("kl_start", 0.0) > 1.0,
        lambda now, start: (
            f"the model is far from the one that it started as ({now['kl_start']:.2g} nats a token on its own "
            "answers): other things that it could do may be lost; give kl a weight, or lower learning_rate"
        ),
    ),
    Sign(
        "flat",
        lambda now, start: now.get("flat_groups", 0.0) >= 0.95,
        lambda now, start: f"{now['flat_groups']:.0%} of the questions teach nothing: their answers are all worth the same",
    ),
    Sign(
        "cut",
        lambda now, start: now.get("cut_answers", 0.0) > 0.5,
        lambda now, start: (
            f"{now['cut_answers']:.0%} of the answers run into the limit, and are judged by what was cut: raise answer_tokens"
        ),
    ),
    Sign(
        "grader",
        lambda now, start: now.get("grader_errors", 0.0) > 0.2,
        lambda now, start: f"the grader cannot judge {now['grader_errors']:.0%} of the answers; {READ}",
    ),
)
_NAMED = ("reward", "entropy", "answer_tokens", "flat_groups", "cut_answers", "grader_errors")


def signs(lines: Sequence[Line]) -> list[tuple[str, str]]:
    """Those that have held for HELD steps at the last of these steps (of metrics.jsonl, from step 1), by name and in words."""
    if len(lines) < 2 * HELD:
        return []
    first = lines[:HELD]
    start = {k: fmean(line[k] for line in first) for k in _NAMED if all(line.get(k) is not None for line in first)}
    recent = [{k: v for k, v in line.items() if isinstance(v, (int, float))} for line in lines[-HELD:]]
    return [(s.name, s.words(recent[-1], start)) for s in SIGNS if all(s.holds(now, start) for now in recent)]


class Health:
    """The signs of a run, line by line. It keeps the first lines and the last."""

    def __init__(self) -> None:
        self.first: list[Line] = []
        self.last: deque[Line] = deque(maxlen=HELD)
        self.distance: float | None = None

    def saw(self, line: Line) -> list[tuple[str, str]]:
        """What the signs say after the line of another step, from step 1."""
        self.distance = line["kl_start"] if line.get("kl_start") is not None else self.distance
        kept = {**line, "kl_start": self.distance}
        if len(self.first) < HELD:
            self.first.append(kept)
        else:
            self.last.append(kept)
        return signs([*self.first, *self.last])
