"""Calls: the user's own Python judges an answer, in the sandbox: what an answer holds cannot harm who grades it.

`grade(example, answer)` gets the row as a dict (messages, reference, metadata, tools) and the answer's text. It returns a number,
True or False, a pair of a number and a reason, or a dict with `value` and `reason`. Lines that it prints itself are told apart by
a mark that is drawn anew for each call. Whatever it raises is the grader's failure, never a score of 0.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from importlib import metadata
from typing import Literal

from burnish.errors import ConfigError, SandboxMissing
from burnish.tasks.graders.given import item_of, row_of, sample_of
from burnish.tasks.graders.references import cannot_judge
from burnish.tools import sandbox
from burnish.types import Example, Score

TIMEOUT_S = 5.0
PACKAGES_BYTES = 2 << 30
"""Memory of a grader that imports packages: numpy alone reserves more than others use."""

_CALL = """
import json as _json
_found = {function}({arguments})
if isinstance(_found, (list, tuple)): _found = dict(zip(("value", "reason"), _found))
elif not isinstance(_found, dict): _found = dict(value=_found)
print("\\n{mark}" + _json.dumps(dict(value=float(_found["value"]), reason=str(_found.get("reason", "")))), flush=True)
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

    def grade(self, example: Example, answer: str) -> Score:
        """The function's number and reason; NaN with `error` where it gave none."""
        mark = secrets.token_hex(8)
        if self.takes == "sample, item":
            arguments = f"_json.loads({json.dumps(sample_of(answer))!r}), _json.loads({json.dumps(item_of(example))!r})"
        else:
            arguments = f"_json.loads({json.dumps(row_of(example))!r}), {answer!r}"
        call = _CALL.format(function=self.function, arguments=arguments, mark=mark)
        try:
            ran = sandbox.run(f"{self.source}\n{call}", limits=self._limits(), packages=self.packages)
        except SandboxMissing as missing:
            return cannot_judge(str(missing))
        line = next((text.removeprefix(mark) for text in ran.stdout.splitlines() if text.startswith(mark)), None)
        if line is not None:
            found = json.loads(line)
            value = float(found["value"])
            if value == value and abs(value) != float("inf"):
                return Score(value=value, reason=found["reason"] or f"{self.function} says {value:g}")
            return cannot_judge(f"{self.function} gave {value}, which is no number")
        if ran.status == "timeout":
            return cannot_judge(f"{self.function} gave nothing in {self.timeout_s:g} seconds")
        why = (ran.stderr.strip().splitlines() or [f"it ended as {ran.status}"])[-1]
        return cannot_judge(f"{self.function} failed: {why}")
