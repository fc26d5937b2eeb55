"""A planted loophole, or its clean twin: a small task whose rewards are known to have a hole, or to have none.

A family is a module whose `CASES` is a tuple of these: holed graders, and for each a twin of the same name without the hole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from burnish.protocols import Grader
from burnish.types import Example

if TYPE_CHECKING:
    from burnish.tasks.environment import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One task of the suite."""

    family: str
    name: str
    holed: bool
    """its clean twin has the same name and holed=False"""
    examples: tuple[Example, ...]
    """about 24 rows: messages (user ... and the right answer as the last assistant message), reference, metadata"""
    grader: Grader | None
    """None where an environment gives the rewards"""
    environment: Callable[[], Environment] | None = None
    allowed: tuple[str, ...] = ()
    """the task's allowed means, in words"""
