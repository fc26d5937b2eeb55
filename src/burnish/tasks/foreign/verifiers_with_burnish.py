"""How a task of burnish's grades an answer, by burnish itself: its graders need the sandbox, a library, or a judge."""

import functools
import math
from pathlib import Path
from typing import Any

from burnish.render.template import as_message
from burnish.tasks import folder
from burnish.tasks.judging import grade
from burnish.types import Example


class CannotJudge(Exception):
    """The grader failed. That is no score, and never 0."""


@functools.cache
def _task() -> Any:
    return folder.load(Path(__file__).parent / "task")


def score(row: dict[str, Any], answer: str) -> tuple[float, dict[str, float]]:
    """What an answer to a row is worth, and the values of the graders of which that is made. Raises CannotJudge."""
    messages = tuple(as_message(m) for m in row["messages"])
    example = Example(messages=messages, reference=row["reference"], metadata=row["metadata"])
    found = grade(_task().grader, example, answer)
    if found.error is not None or not math.isfinite(found.value):
        raise CannotJudge(found.error or f"the grader gave {found.value}, which is no number")
    return found.value, dict(found.parts)
