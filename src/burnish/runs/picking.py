"""Which questions a step of a run asks that learns from its own answers.

Nothing is learned from a question whose answers are all worth the same: it is too easy for the model as it is, or too hard. Such
a question is passed over the next time, then, if it was still so, the next three times, seven, fifteen, up to 31. So time goes to
what can be learned now, nothing is given up for good, and what was too hard comes back as the model gets better: a difficulty
filter and a curriculum in one, without a threshold to set. With "even" all are asked equally often.

Deterministic: the questions of a step depend on the seed, and on which groups before it were flat. The state is a few numbers
and goes into checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from burnish.runs.order import Order

LONGEST = 5
"""2^5 - 1 = 31 times a question is passed over at most before it is asked again."""


@dataclass(slots=True, kw_only=True)
class Picking:
    """Goes through all questions in the order of the epochs. learnable: passes over those that teach nothing at present."""

    order: Order
    learnable: bool
    place: int = 0
    """how far it came, in epochs laid end to end"""
    flat: dict[int, list[int]] = field(default_factory=dict)
    """of questions that were flat when last asked: how often in a row, and how often they were passed over since"""
    passed: int = 0
    """questions passed over by the last `pick`"""

    def pick(self, count: int) -> list[int]:
        """The next so many questions; none twice, where there are enough. Where a whole epoch holds too few that may teach
        something, those that were passed over are asked after all."""
        found: list[int] = []
        rows, looked, self.passed = self.order.rows, 0, 0
        while len(found) < count:
            question = self._next()
            looked += 1
            if question in found and looked <= 2 * rows and len(found) < rows:
                continue
            if looked <= rows and self._resting(question):
                self.passed += 1
                continue
            found.append(question)
        return found

    def saw(self, question: int, *, flat: bool) -> None:
        """What came of asking it: whether its answers were all worth the same."""
        if flat:
            streak = self.flat[question][0] if question in self.flat else 0
            self.flat[question] = [min(streak + 1, LONGEST), 0]
        else:
            self.flat.pop(question, None)

    def to_json(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"place": self.place, "flat": {str(q): list(tally) for q, tally in self.flat.items()}}

    @classmethod
    def of(cls, order: Order, *, learnable: bool, kept: Mapping[str, Any] | None = None) -> Self:
        """At its beginning, or as `to_json` left it."""
        if kept is None:
            return cls(order=order, learnable=learnable)
        flat = {int(q): [int(n) for n in tally] for q, tally in kept["flat"].items()}
        return cls(order=order, learnable=learnable, place=int(kept["place"]), flat=flat)

    def _next(self) -> int:
        epoch, offset = divmod(self.place, self.order.rows)
        part, first = self.order.part(epoch, offset)
        self.place += 1
        return int(part[offset - first])

    def _resting(self, question: int) -> bool:
        tally = self.flat.get(question)
        if not self.learnable or tally is None or tally[1] >= 2 ** tally[0] - 1:
            return False
        tally[1] += 1
        return True
