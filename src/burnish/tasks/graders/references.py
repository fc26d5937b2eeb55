"""What an answer is compared with: the accepted references of an example, and the Score of a grader that has none."""

from __future__ import annotations

import math

from burnish.tasks.convert import REFERENCES
from burnish.types import Example, Score


def references_of(example: Example) -> tuple[str, ...]:
    """All accepted answers, the main one first; empty where the example has none."""
    several = example.metadata.get(REFERENCES, ())
    listed = several if isinstance(several, (tuple, list)) else ()
    kept = tuple(r for r in (*listed, *(() if listed else (example.reference,))) if isinstance(r, str) and r.strip())
    return kept


PASSES, MISSES = "passes", "does not pass"


def passing(value: float, threshold: float | None) -> tuple[str, ...]:
    """The mark of a score with a threshold."""
    return () if threshold is None else (PASSES if value >= threshold else MISSES,)


def cannot_judge(why: str) -> Score:
    """The Score of a grader that failed: NaN, so that no mean can take it for a wrong answer."""
    return Score(value=math.nan, reason=why, error=why)


def shown(text: str, limit: int = 60) -> str:
    """A text in quotes for a reason, cut to a readable length."""
    text = " ".join(text.split())
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")
