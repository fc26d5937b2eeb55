"""Graders: each judges one answer against an example's reference and says why. See protocols.Grader.

A grader that cannot judge (no reference, or one it cannot read) returns a Score whose value is NaN and whose `error` is
set; it never returns 0 for its own failure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from typing import get_args

from burnish.errors import ConfigError
from burnish.protocols import Grader
from burnish.tasks.graders.asserts import TESTS
from burnish.tasks.graders.choose import choose
from burnish.tasks.graders.maths import Maths
from burnish.tasks.graders.numeric import NUMERIC
from burnish.tasks.graders.similarity import Metric, Similar
from burnish.tasks.graders.text import CONTAINS, EXACT

__all__ = ["CONTAINS", "EXACT", "NAMES", "NUMERIC", "TESTS", "choose", "get"]

_GRADERS: Mapping[str, Callable[[], Grader]] = {
    **{grader.name: partial(lambda g: g, grader) for grader in (EXACT, CONTAINS, NUMERIC, TESTS)},
    "maths": Maths,
    **{metric: partial(Similar, metric, name=metric) for metric in get_args(Metric) if metric != "cosine"},
}
NAMES = tuple(_GRADERS)


def get(name: str) -> Grader:
    """The grader of that name. Raises ConfigError naming the nearest for an unknown one, or the library that it needs."""
    if name not in _GRADERS:
        near = get_close_matches(name, NAMES, n=1)
        todo = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(NAMES)}"
        raise ConfigError(f"There is no grader {name!r}", seen=name, todo=todo)
    return _GRADERS[name]()
