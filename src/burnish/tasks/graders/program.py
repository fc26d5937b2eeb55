"""Calls: the user's own Python judges an answer, in the sandbox: what an answer holds cannot harm who grades it.

`grade(example, answer)` gets the row as a dict (messages, reference, metadata, tools) and the answer's text. It returns a number,
True or False, a pair of a number and a reason, or a dict with `value` and `reason`. What it prints is not what it says: that
comes back by a way of its own (`sandbox.session`). Each answer is judged in a new process, so that none can spoil the judgement
of the next. Whatever it raises is the grader's failure, never a score of 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from importlib import metadata
from typing import Literal

from burnish.errors import CallFailed, CallTookTooLong, ConfigError, SandboxMissing
from burnish.tasks.graders.given import item_of, row_of, sample_of
from burnish.tasks.graders.references import cannot_judge
from burnish.tools import sandbox
from burnish.types import Example, Score

TIMEOUT_S = 5.0
PACKAGES_BYTES = 2 << 30
"""Memory of a grader that imports packages: numpy alone reserves more than others use."""

_CALL = """
def burnish_judge(*given):
    found = {function}(*given)
    if isinstance(found, (list, tuple)): found = dict(zip(("value", "reason"), found))
    elif not isinstance(found, dict): found = dict(value=found)
    return [str(float(found["value"])), str(found.get("reason", ""))]
"""


@dataclass(frozen=True, slots=True)
class Calls:
    """What a function of this source says. Its directory is empty, and there is no network."""

    source: str
    function: str = "grade"
    timeout_s: float = TIMEOUT_S
    takes: Literal["example, answer", "sample, item"] = "example, answer"
    """what it is given; the second are those of OpenAI's graders"""
    packages: tuple[str, ...] = ()
    """what it may import beside the standard library"""
    name: str = "python"
    concurrency: int = field(default=2, repr=False)

    def __post_init__(self) -> None:
        for package in self.packages:
            try:
                metadata.distribution(package)
            except metadata.PackageNotFoundError:
                todo = f"pip install {package}, or take it out of packages"
                raise ConfigError(f"a grader needs the package {package}, which is not installed", todo=todo) from None

    def _limits(self) -> sandbox.Limits:
        memory = PACKAGES_BYTES if self.packages else sandbox.Limits().memory_bytes
        return sandbox.Limits(timeout_s=self.timeout_s, memory_bytes=memory)

    @property
    def limit_s(self) -> float:
        """By the clock, on a machine that is busy."""
        return sandbox.longest_s(self._limits(), packages=self.packages, session=True)

    def grade(self, example: Example, answer: str) -> Score:
        """The function's number and reason; NaN with `error` where it gave none."""
        given = (sample_of(answer), item_of(example)) if self.takes == "sample, item" else (row_of(example), answer)
        source = f"{self.source}\n{_CALL.format(function=self.function)}"
        try:
            with sandbox.session(source, limits=self._limits(), packages=self.packages) as task:
                said = task.call("burnish_judge", *given)
        except SandboxMissing as missing:
            return cannot_judge(str(missing))
        except CallTookTooLong:
            return cannot_judge(f"{self.function} gave nothing in {self.timeout_s:g} seconds")
        except CallFailed as failed:
            return cannot_judge(f"{self.function} failed: {failed.why}")
        try:
            value, reason = float(said[0]), str(said[1])
        except (TypeError, ValueError, LookupError):
            return cannot_judge(f"{self.function} failed: it says {said!r:.200}")
        if math.isfinite(value):
            return Score(value=value, reason=reason or f"{self.function} says {value:g}")
        return cannot_judge(f"{self.function} gave {value}, which is no number")
