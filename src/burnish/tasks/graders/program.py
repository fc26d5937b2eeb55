"""Calls: the user's own Python judges an answer, in the sandbox: what an answer holds cannot harm who grades it.

`grade(example, answer)` gets the row as a dict (messages, reference, metadata, tools) and the answer's text. It returns a number,
True or False, a pair of a number and a reason, or a dict with `value` and `reason`. Lines that it prints itself are told apart by
a mark that is drawn anew for each call. Whatever it raises is the grader's failure, never a score of 0.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

from burnish.errors import SandboxMissing
from burnish.tasks.graders.references import cannot_judge
from burnish.tools import sandbox
from burnish.types import Example, Score

TIMEOUT_S = 5.0

_CALL = """
import json as _json
_found = {function}(_json.loads({example!r}), {answer!r})
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
    name: str = "python"

    def grade(self, example: Example, answer: str) -> Score:
        """The function's number and reason; NaN with `error` where it gave none."""
        mark = secrets.token_hex(8)
        call = _CALL.format(function=self.function, example=json.dumps(row_of(example)), answer=answer, mark=mark)
        try:
            ran = sandbox.run(f"{self.source}\n{call}", limits=sandbox.Limits(timeout_s=self.timeout_s))
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


def row_of(example: Example) -> dict[str, Any]:
    """A row as a grader written in Python sees it."""
    return {
        "messages": [{"role": m.role, "content": m.content} for m in example.messages],
        "reference": example.reference,
        "metadata": json.loads(json.dumps(dict(example.metadata), default=str)),
        "tools": [dict(t) for t in example.tools],
    }
