"""Maths: whether an answer and the reference are the same mathematics, written differently: 1/2 and 0.5, (x+1)^2 and x^2 + 2x
+ 1.

Numbers are compared here. What they do not decide is put to `math-verify` (Kydlicek et al.; the extra `math`) in the sandbox:
it works with sympy, which can be made to run for ever, or to run code. Of the answer the marked final answer counts (`#### x`,
`\\boxed{x}`), else what math-verify takes out of the whole of it.
"""

from __future__ import annotations

import importlib.util
import json
import secrets
from dataclasses import dataclass, field

from burnish.errors import ConfigError, SandboxMissing
from burnish.tasks.answers import final_answer
from burnish.tasks.graders.numbers import equal, plain_number
from burnish.tasks.graders.references import cannot_judge, references_of, shown
from burnish.tasks.graders.text import fold
from burnish.tools import sandbox
from burnish.types import Example, Score

PACKAGES = ("math-verify",)
LIMIT_CHARACTERS = 4000
"""Of an answer that is put to math-verify: the end of a longer one."""
_PROGRAM = """
import json
from math_verify import parse, verify
from math_verify.parser import ExprExtractionConfig, LatexExtractionConfig
kinds = (LatexExtractionConfig(), ExprExtractionConfig())
def read(text, marked):
    found = parse("$" + text + "$", kinds, parsing_timeout=None) if marked else []
    found = found or parse(text, kinds, parsing_timeout=None)
    return found if any(not isinstance(each, str) for each in found) else []
answer = read({answer!r}, {marked!r})
wanted = [read(text, True) for text in {references!r}]
same = [bool(w) and bool(answer) and verify(w, answer, timeout_seconds=None) for w in wanted]
found = [any(same), str(answer[0]) if answer else None, [str(w[0]) if w else None for w in wanted]]
print("\\n{mark}" + json.dumps(found), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Maths:
    """1 where the answer is mathematically the reference."""

    timeout_s: float = 10.0
    name: str = "maths"
    concurrency: int = field(default=2, repr=False)

    def __post_init__(self) -> None:
        if importlib.util.find_spec("math_verify") is None:
            raise ConfigError(
                "a grader of the kind maths needs the library math-verify, which is not installed",
                todo="pip install 'burnish[math]', or use the kind numeric where answers are numbers",
            )

    @property
    def limit_s(self) -> float:
        """By the clock, on a machine that is busy."""
        return sandbox.longest_s(self._limits(), packages=PACKAGES)

    def _limits(self) -> sandbox.Limits:
        return sandbox.Limits(timeout_s=self.timeout_s, memory_bytes=1 << 30)

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0; NaN with `error` where there is no reference, or one that is no mathematics, or it takes too long."""
        references = references_of(example)
        if not references:
            return cannot_judge("the example has no reference to compare with")
        final = final_answer(answer)
        said = answer[-LIMIT_CHARACTERS:] if final is None else final.text
        wanted = [found.text if (found := final_answer(r)) is not None else r for r in references]
        if fold(said) in map(fold, wanted):
            return Score(value=1.0, reason=f"{shown(said)} is written as the reference is")
        if (decided := _numbers(said, wanted)) is not None:
            return decided
        if not said.strip():
            return Score(value=0.0, reason="the answer is empty")
        mark = secrets.token_hex(8)
        source = _PROGRAM.format(answer=said, marked=final is not None, references=wanted, mark=mark)
        try:
            ran = sandbox.run(source, limits=self._limits(), packages=PACKAGES)
        except SandboxMissing as missing:
            return cannot_judge(str(missing))
        line = next((text.removeprefix(mark) for text in ran.stdout.splitlines() if text.startswith(mark)), None)
        if line is None:
            last = (ran.stderr.strip().splitlines() or [f"it ended as {ran.status}"])[-1]
            why = f"it took more than {self.timeout_s:g} seconds" if ran.status == "timeout" else last
            return cannot_judge(f"math-verify could not compare {shown(said[-200:])} with {shown(wanted[0])}: {why}")
        same, read, meant = json.loads(line)
        if not any(meant):
            return cannot_judge(f"math-verify reads no mathematics in the reference {shown(wanted[0])}")
        if read is None:
            return Score(value=0.0, reason=f"math-verify reads no mathematics in the answer {shown(said[-200:])}")
        verb = "is" if same else "is not"
        return Score(
            value=float(same), reason=f"{shown(read)[1:-1]} {verb} {shown(next(m for m in meant if m))[1:-1]}, by math-verify"
        )


def _numbers(said: str, wanted: list[str]) -> Score | None:
    """What plain numbers decide: equal ones are, and different whole numbers are not."""
    got, meant = plain_number(said), [plain_number(w) for w in wanted]
    if got is None or any(n is None for n in meant):
        return None
    known = [n for n in meant if n is not None]
    if any(equal(got, n) for n in known):
        return Score(value=1.0, reason=f"{got.text} is the reference {known[0].text}")
    if got.integer is not None and all(n.integer is not None for n in known):
        return Score(value=0.0, reason=f"{got.text} is not the reference {known[0].text}")
    return None
