"""Endpoint: a server of the user's own scores an answer: POST {"item", "sample", "trace_id"}, and it replies {"score":
NUMBER}, as in Azure's `endpoint` grader. `reason` (a text) may stand beside the score.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from dataclasses import dataclass, field
from threading import Lock

from burnish.tasks.graders.given import item_of, sample_of
from burnish.tasks.graders.references import cannot_judge, passing, shown
from burnish.tasks.graders.remote import Door, Failed, post
from burnish.types import Example, Score

LIMIT_BYTES = 1 << 20
"""Of a request."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the server says."""

    door: Door
    pass_threshold: float | None = None
    rate_limit: float | None = None
    """calls a second at most"""
    name: str = "endpoint"
    concurrency: int = field(default=8, repr=False)
    _pace: _Pace = field(default_factory=lambda: _Pace(), repr=False, compare=False)

    @property
    def limit_s(self) -> float:
        """As the server, after all that are asked at once had their turn."""
        return self.door.limit_s + (0.0 if self.rate_limit is None else self.concurrency / self.rate_limit)

    def grade(self, example: Example, answer: str) -> Score:
        """The server's number; NaN with `error` where it gave none."""
        item, sample = item_of(example), sample_of(answer)
        trace = hashlib.sha256(json.dumps([item, answer], sort_keys=True).encode()).hexdigest()[:32]
        body = {"item": item, "sample": sample, "trace_id": trace}
        if len(json.dumps(body)) > LIMIT_BYTES:
            return cannot_judge(f"the row and the answer have more than {LIMIT_BYTES} bytes, which is more than is sent")
        if self.rate_limit is not None:
            self._pace.wait(1 / self.rate_limit)
        reply = post(self.door, "", body)
        if isinstance(reply, Failed):
            return cannot_judge(reply.why)
        value = reply.body.get("score") if isinstance(reply.body, dict) else None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return cannot_judge(f"{self.door.url} gave no score: {shown(str(reply.body))}{reply.shown}")
        said = reply.body.get("reason")
        reason = said if isinstance(said, str) and said else f"the server says {value:g}"
        return Score(value=float(value), reason=reason + reply.shown, marks=passing(value, self.pass_threshold))


class _Pace:
    """Keeps calls apart."""

    def __init__(self) -> None:
        self._lock, self._next = Lock(), 0.0

    def wait(self, apart_s: float) -> None:
        """Until it is this call's turn."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + apart_s
        time.sleep(turn - now)
