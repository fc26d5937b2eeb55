"""TESTS: runs an answer's Python in the sandbox against the row's asserts, as MBPP and its kin write them.

    assert min_cost([[1, 2], [4, 8]], 1, 1) == 9

The assert itself never runs where the answer does: `min_cost(...)` is called there, what it returned is written down, and whether
that equals 9 is decided here. So an answer cannot read what it should return, and an object that is equal to everything is equal
to nothing. An assert of another form (`assert is_close(f(2), 4)`) can only be evaluated whole, beside the answer; such rows are
as trustworthy as the answer is honest, and `task check` says how many there are.

The asserts stand in `metadata["test_list"]`, more that are never shown in `challenge_test_list`; `test_imports` (a list) goes
before the answer's code, `test_setup_code` (a text) after it.
"""

from __future__ import annotations

import ast
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from burnish.errors import SandboxMissing
from burnish.tasks.graders import python
from burnish.tasks.graders.references import cannot_judge, shown
from burnish.tools import sandbox
from burnish.types import Example, Score

TEST_LIST = "test_list"
"""Key in an example's metadata."""
_PLAIN = """
def {name}(value, deep=40):
    for kind in (bool, int, float, complex, str, bytes):
        if isinstance(value, kind): return kind.__repr__(value) if type(value) is not kind else repr(value)
    if value is None or deep == 0: return repr(value)
    one = lambda each: {name}(each, deep - 1)
    if isinstance(value, dict): return "{{" + ", ".join(one(k) + ": " + one(v) for k, v in value.items()) + "}}"
    if isinstance(value, tuple): return "(" + ", ".join(map(one, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, (set, frozenset)): return "{{" + ", ".join(map(one, value)) + "}}" if value else "set()"
    if isinstance(value, list): return "[" + ", ".join(map(one, value)) + "]"
    return repr(value)
"""


@dataclass(frozen=True, slots=True)
class Test:
    """One assert: what is evaluated beside the answer, and what it must give."""

    call: str
    wanted: str
    """a Python literal"""
    whole: bool = False
    """the assert is of another form, and evaluated whole"""
    same: bool = False
    """it must be the very value ("is"): 1 is not True"""


@dataclass(frozen=True, slots=True)
class Passes:
    """1 where every assert of the row holds for the answer's code."""

    name: str = "tests"
    concurrency: int = field(default=2, repr=False)

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0; NaN with `error` where the example has no asserts, one cannot be read, or nothing can be run here."""
        try:
            tests = tests_of(example)
        except SyntaxError as fault:
            return cannot_judge(f"a test of the row cannot be read: {fault.msg}")
        if not tests:
            return cannot_judge(f'the example has no tests: a list of asserts in metadata["{TEST_LIST}"]')
        code = code_in(answer)
        if not code:
            return Score(value=0.0, reason="the answer is empty")
        mark, plain = secrets.token_hex(8), f"plain_{secrets.token_hex(4)}"
        asked = (
            f"print('\\n{mark}', {n}, {plain}({test.call}).encode('unicode_escape').decode(), flush=True)"
            for n, test in enumerate(tests)
        )
        program = "\n".join((_imports(example), code, _setup(example), _PLAIN.format(name=plain), *asked, ""))
        try:
            ran = sandbox.run(program, limits=python.LIMITS)
        except SandboxMissing as missing:
            return cannot_judge(str(missing))
        if ran.status == "refused":
            return cannot_judge(f"the sandbox did not run it: {ran.stderr.strip()}")
        found = python.found(ran.stdout, mark)
        for number, test in enumerate(tests):
            if number not in found:
                return Score(value=0.0, reason=python.broken(ran, test.call))
            got = found[number].encode().decode("unicode_escape")
            if got != test.wanted if test.same else not equal(got, test.wanted):
                what = "does not hold" if test.whole else f"gives {shown(got)[1:-1]}, not {test.wanted}"
                return Score(value=0.0, reason=f"{shown(test.call)[1:-1]} {what}")
        return Score(value=1.0, reason=f"all {len(tests)} tests pass")


def tests_of(example: Example) -> list[Test]:
    """The asserts of a row, those that were shown and those that were not. Raises SyntaxError for one that is no Python."""
    lines = [*_listed(example.metadata, TEST_LIST), *_listed(example.metadata, "challenge_test_list")]
    return [test for line in lines for test in _read(line)]


def code_in(answer: str) -> str:
    """The code of an answer: all of it where that is Python, constants and imports included; else what `python.code_in` finds."""
    text = answer.replace("\r\n", "\n").strip()
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return python.code_in(text) or text
    return text


def _imports(example: Example) -> str:
    return "\n".join(_listed(example.metadata, "test_imports"))


def _setup(example: Example) -> str:
    text = example.metadata.get("test_setup_code")
    return text if isinstance(text, str) else ""


def equal(got: str, wanted: str) -> bool:
    """Whether two literals are equal as Python values; of what is no literal, whether they are written alike."""
    try:
        return bool(ast.literal_eval(got) == ast.literal_eval(wanted))
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return got == wanted


def _listed(metadata: Mapping[str, Any], key: str) -> list[str]:
    found = metadata.get(key)
    return [str(each) for each in found] if isinstance(found, Sequence) and not isinstance(found, str) else []


def _read(line: str) -> list[Test]:
    body = ast.parse(line.strip()).body
    if not all(isinstance(each, ast.Assert) for each in body):
        raise SyntaxError(f"{line.strip()[:60]!r} is no assert")
    return [_test(each.test) for each in body if isinstance(each, ast.Assert)]


def _test(asked: ast.expr) -> Test:
    if isinstance(asked, ast.Compare) and len(asked.ops) == 1 and isinstance(asked.ops[0], (ast.Eq, ast.Is)):
        sides = asked.left, asked.comparators[0]
        for call, literal in (sides, sides[::-1]):
            if _literal(literal) and not _literal(call):
                return Test(ast.unparse(call), ast.unparse(literal), same=isinstance(asked.ops[0], ast.Is))
    if isinstance(asked, ast.UnaryOp) and isinstance(asked.op, ast.Not):
        return Test(f"not ({ast.unparse(asked.operand)})", "True", whole=True)
    return Test(f"bool({ast.unparse(asked)})", "True", whole=True)


def _literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    return True


TESTS = Passes()
