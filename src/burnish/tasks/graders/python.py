"""RUNS: runs an answer's Python in the sandbox and compares what hidden calls return with what they must return.

The calls and their results stand in the row's `metadata["checks"]`, pairs of an expression and the `repr` it must have. All calls
of an answer are made in one process. The results never enter it: they are compared here, so that an answer cannot read them.
Lines that the answer prints itself are told apart by a mark that is drawn anew for each run.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from burnish.errors import SandboxMissing
from burnish.tasks.graders.references import cannot_judge, shown
from burnish.tools import sandbox
from burnish.types import Example, Score

CHECKS = "checks"
"""Key in an example's metadata."""
_FENCED = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
_GOES_ON = re.compile(r"\s|def |async def |class |@|import |from \S+ import |#|[)\]}]|\Z")
_BEFORE = re.compile(r"@|import |from \S+ import |\s*$")
LIMITS = sandbox.Limits(timeout_s=2.0)


@dataclass(frozen=True, slots=True)
class Runs:
    """1 where every hidden call of the answer's code returns what it must."""

    name: str = "runs"
    concurrency: int = field(default=2, repr=False)

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0; NaN with `error` where the example has no checks or nothing can be run here."""
        checks = checks_of(example)
        if not checks:
            return cannot_judge('the example has no checks: pairs of an expression and its result in metadata["checks"]')
        code = code_in(answer)
        if not code:
            return Score(value=0.0, reason=f"there is no line that starts with `def` in the answer {shown(answer)}")
        mark = secrets.token_hex(8)
        try:
            ran = sandbox.run(_program(code, [call for call, _ in checks], mark), limits=LIMITS)
        except SandboxMissing as missing:
            return cannot_judge(str(missing))
        if ran.status == "refused":
            return cannot_judge(f"the sandbox did not run it: {ran.stderr.strip()}")
        seen = found(ran.stdout, mark)
        for number, (call, wanted) in enumerate(checks):
            if number not in seen:
                return Score(value=0.0, reason=broken(ran, call))
            if seen[number] != wanted.encode("unicode_escape").decode():
                return Score(value=0.0, reason=f"{call} gives {shown(seen[number])[1:-1]}, not {wanted}")
        return Score(value=1.0, reason=f"all {len(checks)} checks pass")


def checks_of(example: Example) -> list[tuple[str, str]]:
    """The checks of an example as pairs of expression and result; empty where it has none, or where one is no such pair."""
    listed = example.metadata.get(CHECKS)
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        return []
    pairs = [tuple(each) for each in listed if isinstance(each, Sequence) and not isinstance(each, str)]
    kept = [(str(each[0]), str(each[1])) for each in pairs if len(each) == 2]
    return kept if len(kept) == len(listed) else []


def code_in(answer: str) -> str:
    """The code of an answer: its first fenced block with a `def`, else from the first line that starts with `def` (with
    the imports above it) to the first line that cannot belong to definitions. Empty where there is no such line."""
    for fenced in _FENCED.findall(answer):
        if re.search(r"^def ", fenced, re.MULTILINE):
            return fenced.rstrip()
    lines = answer.splitlines()
    start = next((n for n, line in enumerate(lines) if line.startswith("def ")), len(lines))
    end = next((n for n in range(start, len(lines)) if not _GOES_ON.match(lines[n])), len(lines))
    while 0 < start < len(lines) and _BEFORE.match(lines[start - 1]):
        start -= 1
    return "\n".join(lines[start:end]).strip()


def _program(code: str, calls: list[str], mark: str) -> str:
    """The answer, then a line of output for each call: the mark, the call's number and what it returned."""
    asked = (
        f"print('\\n{mark}', {n}, repr({call}).encode('unicode_escape').decode(), flush=True)" for n, call in enumerate(calls)
    )
    return "\n".join((code, "", *asked, ""))


def found(stdout: str, mark: str) -> dict[int, str]:
    """What each call returned, by its number."""
    return {int(number): seen for number, seen in re.findall(rf"^{mark} ([0-9]{{1,9}}) (.*)$", stdout, re.MULTILINE)}


def broken(ran: sandbox.Ran, call: str) -> str:
    """Why a call was never made, or never came back."""
    if ran.status == "timeout":
        return f"{call} gives nothing in {LIMITS.timeout_s:g} seconds"
    if ran.status == "memory":
        return f"{call} gives nothing: it needs too much memory"
    last = (ran.stderr.strip().splitlines() or ["the program ended before"])[-1]
    return f"{call} gives nothing: {shown(last)[1:-1]}"


RUNS = Runs()
