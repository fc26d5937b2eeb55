"""Matches: whether a pattern stands in the answer. It runs in linear time (re2) where that is installed and reads the pattern,
else in the sandbox under a time limit, since Python's own engine can take forever on an answer made for it.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field
from typing import Any

from burnish.errors import ConfigError
from burnish.tasks.graders.program import Calls
from burnish.tasks.graders.references import cannot_judge, references_of, shown
from burnish.types import Example, Score

PLACE = "{reference}"
_SEARCH = """
import re
def grade(example, answer):
    return float(re.search({pattern!r}, answer, re.MULTILINE) is not None)
"""


@dataclass(frozen=True, slots=True)
class Matches:
    """1 where the pattern stands somewhere in the answer; "{reference}" in it stands for the row's reference, taken literally."""

    pattern: str
    name: str = "regex"
    concurrency: int = field(default=2, repr=False)

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern.replace(PLACE, "x"))
        except re.error as error:
            todo = "write it as Python's re reads it"
            raise ConfigError(f"the pattern cannot be read: {error}", seen=self.pattern, todo=todo) from None

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0; NaN with `error` where the pattern needs a reference that the row lacks, or takes too long."""
        patterns = [self.pattern]
        if PLACE in self.pattern:
            patterns = [self.pattern.replace(PLACE, re.escape(r)) for r in references_of(example)]
            if not patterns:
                return cannot_judge("the example has no reference, and the pattern asks for one")
        for pattern in patterns:
            found = _found(pattern, answer)
            if isinstance(found, Score):
                return found
            if found:
                return Score(value=1.0, reason=f"the answer matches {pattern!r}")
        return Score(value=0.0, reason=f"the answer {shown(answer)} does not match {' or '.join(map(repr, patterns))}")


def _found(pattern: str, answer: str) -> bool | Score:
    """Whether a pattern stands in a text, or why that cannot be said."""
    engine = _engine()
    if engine is not None:
        try:
            return engine.search(f"(?m){pattern}", answer) is not None
        except engine.error:  # what linear time cannot do, such as a back reference
            pass
    score = Calls(_SEARCH.format(pattern=pattern), timeout_s=2.0).grade(Example(messages=()), answer)
    return score if score.error is not None else score.value == 1.0


def _engine() -> Any:
    try:
        return importlib.import_module("re2")
    except ModuleNotFoundError:
        return None
