"""What graders that are made of others have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from burnish.protocols import Grader, patience_s
from burnish.types import Score


def least_concurrency(graders: Iterable[Grader]) -> int:
    """As many answers at once as the least patient of them takes."""
    return min(g.concurrency for g in graders)


def altogether_s(graders: Iterable[Grader]) -> float:
    """How long one answer may take all of them, one after another, in seconds."""
    return sum(map(patience_s, graders))


def marks_of(scores: Sequence[Score]) -> tuple[str, ...]:
    """What any of them saw, each once."""
    return tuple(dict.fromkeys(mark for s in scores for mark in s.marks))
