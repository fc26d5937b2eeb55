"""Graders: each judges one answer against an example's reference and says why. See protocols.Grader.

A grader that cannot judge (no reference, or one it cannot read) returns a Score whose value is NaN and whose `error` is
set; it never returns 0 for its own failure.
"""

from __future__ import annotations

from difflib import get_close_matches

from burnish.errors import ConfigError
from burnish.protocols import Grader
from burnish.tasks.graders.asserts import TESTS
from burnish.tasks.graders.choose import choose
from burnish.tasks.graders.numeric import NUMERIC
from burnish.tasks.graders.text import CONTAINS, EXACT

__all__ = ["CONTAINS", "EXACT", "NAMES", "NUMERIC", "TESTS", "choose", "get"]

_GRADERS: dict[str, Grader] = {grader.name: grader for grader in (EXACT, CONTAINS, NUMERIC, TESTS)}
NAMES = tuple(_GRADERS)


def get(name: str) -> Grader:
    """The grader of that name. Raises ConfigError naming the nearest for an unknown one."""
    if name not in _GRADERS:
        near = get_close_matches(name, NAMES, n=1)
        todo = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(NAMES)}"
        raise ConfigError(f"There is no grader {name!r}", seen=name, todo=todo)
    return _GRADERS[name]
