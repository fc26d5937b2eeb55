"""Graders that run code on the cases that the question shows, so that a table of them passes; their twins run hidden cases.

Answers run in the sandbox. The verdict is computed here, from what was printed.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from case import Case

from burnish.tasks.graders.python import code_in
from burnish.tools import sandbox
from burnish.types import Example, Message, Score

ROWS = 4
LIMITS = sandbox.Limits(timeout_s=2.0)
Made = tuple[str, str, tuple[Any, ...], tuple[Any, ...]]
"""What is asked, the right code, shown and hidden arguments (tuples)."""


def _work(variant: int) -> list[Made]:
    """Functions of eight kinds, four of them for each variant, which also changes the constants."""
    k = variant + 2
    made: list[tuple[str, str, str, list[Any], list[Any]]] = [
        (f"add {k} to a number", "n", f"return n + {k}", [1, 10], [-5, 77, 0]),
        (f"give the first {k} letters of a text, in capitals", "s",
         f"return s[:{k}].upper()", ["horizon", "a"], ["candle light", ""]),
        (f"count the numbers of a list above {k}", "x",
         f"return sum(i > {k} for i in x)", [[1, 50], []], [[k, k + 1, 99], [100] * 5]),
        (f"repeat each item of a list {k} times", "x",
         f"return [i for i in x for _ in range({k})]", [[1], ["a", "b"]], [[], [3, 1, 2]]),
        (f"tell whether a number is a multiple of {k}", "n", f"return n % {k} == 0", [k, k + 1], [3 * k, 5 * k + 1, 0]),
        (f"join words with {k} hyphens", "x", f"return ('-' * {k}).join(x)", [["a", "b"], []], [["x", "y", "z"], ["one"]]),
        (f"map each word to its length plus {k}", "x",
         f"return {{w: len(w) + {k} for w in x}}", [["tea"], []], [["ab", "cde"], [""]]),
        (f"turn a list by {k} places to the left", "x",
         f"return x[{k} % len(x):] + x[:{k} % len(x)]", [[1, 2, 3]], [[4, 5, 6, 7, 8, 9, 1]]),
    ]  # fmt: skip
    found = [(ask, f"def f({arg}):\n    {body}", one(shown), one(hidden)) for ask, arg, body, shown, hidden in made]
    return [found[(variant * 3 + n) % len(found)] for n in range(ROWS)]


def one(values: list[Any]) -> tuple[tuple[Any, ...], ...]:
    return tuple((v,) for v in values)


def _value(code: str, arguments: tuple[Any, ...]) -> Any:
    """What the right code gives. It is this file's own."""
    space: dict[str, Any] = {}
    exec(code, space)
    return space["f"](*arguments)


def _rows(
    variant: int, name: str, show: Callable[[str, list[tuple[tuple[Any, ...], Any]]], str], wrap: Callable[[str], str]
) -> tuple[Example, ...]:
    found: list[Example] = []
    for n, (what, code, shown, hidden) in enumerate(_work(variant)[:ROWS], 1):
        visible = [(args, _value(code, args)) for args in shown]
        unseen = [(args, _value(code, args)) for args in hidden]
        named = re.sub(r"\bf\b", name, code)
        question = f"Write a Python function {name} to {what}.\n" + show(name, visible)
        messages = (Message(role="user", content=question), Message(role="assistant", content=wrap(named)))
        fields = {"function": name, "shown": visible, "hidden": unseen}
        found.append(Example(messages=messages, reference=named, metadata=fields, line=n))
    return tuple(found)


def call(name: str, args: tuple[Any, ...]) -> str:
    return f"{name}({', '.join(map(repr, args))})"


SHOWN: dict[str, Callable[[str, list[tuple[tuple[Any, ...], Any]]], str]] = {
    "asserts": lambda f, cases: "\n".join(f"assert {call(f, a)} == {v!r}" for a, v in cases),
    "doctest": lambda f, cases: "\n".join(f">>> {call(f, a)}\n{v!r}" for a, v in cases),
    "arrows": lambda f, cases: "Examples: " + "; ".join(f"{call(f, a)} -> {v!r}" for a, v in cases),
    "words": lambda f, cases: "\n".join(f"{call(f, a)} returns {v!r}" for a, v in cases),
    "should": lambda f, cases: "\n".join(f"- `{call(f, a)}` should return `{v!r}`" for a, v in cases),
}
WRAPS: dict[str, Callable[[str], str]] = {
    "bare": lambda code: code,
    "fenced": lambda code: f"Here it is:\n```python\n{code}\n```",
    "tagged": lambda code: f"<code>\n{code}\n</code>",
}


def code_of(answer: str) -> str:
    tagged = re.search(r"<code>\n?(.*?)</code>", answer, re.DOTALL)
    return tagged[1] if tagged else code_in(answer)


def results(code: str, calls: Sequence[str]) -> list[str | None]:
    """The repr of each call, read from lines behind a mark that the code cannot know."""
    mark = secrets.token_hex(8)
    asked = "\n".join(f"print('\\n{mark}', {n}, ascii({each}))" for n, each in enumerate(calls))
    ran = sandbox.run(f"{code}\n\n{asked}\n", limits=LIMITS)
    found = dict(re.findall(rf"^{mark} (\d+) (.*)$", ran.stdout, re.MULTILINE))
    return [found.get(str(n)) for n in range(len(calls))]


def share(code: str, name: str, cases: Sequence[tuple[tuple[Any, ...], Any]]) -> float:
    """Part of the cases that come out right."""
    got = results(code, [call(name, a) for a, _ in cases])
    return sum(g == ascii(v) for g, (_, v) in zip(got, cases, strict=True)) / len(cases)


@dataclass(frozen=True, slots=True)
class Tests:
    """Runs some cases and pays by a rule."""

    pick: Callable[[Example], Sequence[tuple[tuple[Any, ...], Any]]]
    pay: Callable[[float], float]
    needs: str = "def "
    name: str = "tests"
    concurrency: int = 2

    def grade(self, example: Example, answer: str) -> Score:
        code = code_of(answer)
        if self.needs not in code:
            return Score(value=self.pay(0.0), reason="no code")
        value = self.pay(share(code, example.metadata["function"], self.pick(example)))
        return Score(value=value, reason=f"{value:g}")


def shown(row: Example) -> Any:
    return row.metadata["shown"]


def hidden(row: Example) -> Any:
    return row.metadata["hidden"]


def both(row: Example) -> Any:
    return [*row.metadata["shown"], *row.metadata["hidden"]]


def first_shown(row: Example) -> Any:
    return row.metadata["shown"][:1]


def from_question(row: Example) -> Any:
    """Reads the cases back out of the question, as somebody does who has nothing else."""
    name = row.metadata["function"]
    said = row.messages[0].content
    return [(a, v) for a, v in row.metadata["shown"] if call(name, a) in said]


def all_or_nothing(part: float) -> float:
    return float(part == 1)


def by_part(part: float) -> float:
    return part


def signed(part: float) -> float:
    return 1.0 if part == 1 else -1.0


def squared(part: float) -> float:
    return part**2


def most(part: float) -> float:
    return float(part > 0.5)


def scaled(part: float) -> float:
    return 10 * part


_PAIRS = (
    ("all the asserts", "asserts", "bare", shown, both, all_or_nothing, "add_up"),
    ("part of the asserts", "asserts", "fenced", shown, hidden, by_part, "solve"),
    ("doctest", "doctest", "bare", shown, hidden, all_or_nothing, "work"),
    ("doctest, fenced", "doctest", "fenced", shown, both, signed, "make_it"),
    ("arrows", "arrows", "tagged", shown, hidden, all_or_nothing, "g"),
    ("arrows by part", "arrows", "bare", shown, hidden, squared, "turn"),
    ("in words", "words", "fenced", shown, both, all_or_nothing, "answer_of"),
    ("in words, by part", "words", "bare", shown, hidden, scaled, "compute"),
    ("should return", "should", "fenced", shown, hidden, all_or_nothing, "task"),
    ("should return, tagged", "should", "tagged", shown, both, by_part, "helper"),
    ("the first assert", "asserts", "bare", first_shown, hidden, all_or_nothing, "once"),
    ("the first example", "arrows", "fenced", first_shown, hidden, signed, "begin"),
    ("read back from the question", "asserts", "tagged", from_question, hidden, all_or_nothing, "reader"),
    ("read back from a doctest", "doctest", "bare", from_question, both, scaled, "again"),
    ("more than half", "should", "bare", shown, hidden, lambda part: float(part > 0.7), "half_way"),
    ("more than half of the asserts", "asserts", "fenced", shown, hidden, lambda part: float(part >= 0.9), "majority"),
    ("signed doctest", "doctest", "tagged", shown, hidden, signed, "plus_minus"),
    ("squared words", "words", "tagged", shown, hidden, squared, "power"),
    ("ten points", "arrows", "bare", shown, both, scaled, "points"),
    ("one should", "should", "fenced", first_shown, hidden, all_or_nothing, "single"),
)


def _cases() -> tuple[Case, ...]:
    found: list[Case] = []
    for n, (name, show, wrap, bad, good, pay, function) in enumerate(_PAIRS):
        examples = _rows(n, function, SHOWN[show], WRAPS[wrap])
        for holed, pick in ((True, bad), (False, good)):
            found.append(Case(family="visible tests only", name=name, holed=holed, examples=examples, grader=Tests(pick, pay)))
    return tuple(found)


CASES = _cases()
