"""Answers in Python against the asserts that rows come with: what holds is right, and nothing else is."""

from __future__ import annotations

import json

import pytest

from burnish.tasks import graders, sources
from burnish.tasks.graders import asserts
from burnish.tasks.graders.asserts import TESTS, equal
from burnish.tools import sandbox
from burnish.types import Example, Message

ROW = {
    "text": "Write a function to double a number.",
    "code": "TWO = 2\r\ndef double(n):\r\n  return TWO * n",
    "task_id": 7,
    "test_setup_code": "",
    "test_list": ["assert double(2) == 4", "assert 6 == double(3)"],
    "challenge_test_list": ["assert double(0.5) == 1"],
}
boxed = pytest.mark.skipif(not sandbox.available(), reason="the sandbox does not run here")


def example(*tests: str, setup: str = "") -> Example:
    return Example(messages=(Message(role="user", content="?"),), metadata={"test_list": list(tests), "test_setup_code": setup})


def value(row: Example, answer: str) -> float:
    score = TESTS.grade(row, answer)
    assert score.error is None, score.error
    return score.value


def test_rows_of_mbpp_are_read_with_one_test_shown(tmp_path):
    path = tmp_path / "mbpp.jsonl"
    path.write_text("".join(json.dumps({**ROW, "task_id": n}) + "\n" for n in range(3)))
    source = sources.read(path)
    asked = source.examples[0].messages[0].content
    assert asked == f"{ROW['text']}\n\nYour code should pass this test:\nassert double(2) == 4"
    assert "double(3)" not in asked
    assert source.format == "MBPP (text, code), JSON lines"
    assert graders.choose(source.examples)[0] is TESTS
    assert [t.call for t in asserts.tests_of(source.examples[0])] == ["double(2)", "double(3)", "double(0.5)"]


def test_a_row_whose_tests_are_missing_is_a_bad_row(tmp_path):
    path = tmp_path / "mbpp.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in (ROW, ROW, {**ROW, "test_list": [3]})))
    assert sources.read(path, skip_bad_rows=True).bad[0].line == 3


def test_what_an_assert_says_is_taken_apart():
    assert asserts.tests_of(example("assert f([1, 2]) == [2, 1]")) == [asserts.Test("f([1, 2])", "[2, 1]")]
    assert asserts.tests_of(example("assert f(1) is True")) == [asserts.Test("f(1)", "True", same=True)]
    assert asserts.tests_of(example("assert close(f(1), 2.5)")) == [asserts.Test("bool(close(f(1), 2.5))", "True", whole=True)]
    assert asserts.tests_of(example("assert not f(1)")) == [asserts.Test("not (f(1))", "True", whole=True)]


@boxed
def test_the_rows_own_answer_passes_and_a_corrupted_one_fails(tmp_path):
    path = tmp_path / "mbpp.jsonl"
    path.write_text(json.dumps(ROW) + "\n")
    row = sources.read(path).examples[0]
    own = row.messages[-1].content
    assert value(row, own) == 1
    assert value(row, f"Here it is:\n```python\n{own}\n```\nIt doubles.") == 1
    assert value(row, own.replace("TWO * n", "TWO * n + 1")) == 0
    assert value(row, "") == value(row, "def double(n): return n") == 0


@boxed
def test_values_are_compared_as_python_does():
    row = example("assert f(0) == (1, 2)", "assert f(1) == {'a': [1.0]}", "assert f(2) == set()", "assert f(3) == 2")
    kinds = "from collections import Counter, namedtuple\nP = namedtuple('P', 'x y')\n"
    answer = f"{kinds}def f(n): return [P(1, 2), dict(a=[1]), frozenset(), 2.0][n]"
    assert value(row, answer) == 1
    assert value(row, answer.replace("P(1, 2)", "[1, 2]")) == 0, "a list is no tuple"


@boxed
@pytest.mark.parametrize(
    "cheat",
    [
        "class E:\n def __eq__(self, other): return True\ndef f(n): return E()",
        "class E(int):\n def __repr__(self): return '4'\ndef f(n): return E(3)",
        "class E(str):\n def __repr__(self): return '4'\ndef f(n): return E()",
        "import sys\ndef f(n): sys.exit(0)",
        "import os\ndef f(n): os._exit(0)",
        "def f(n): print('passed'); return None",
        "import builtins\nbuiltins.repr = lambda v: '4'\ndef f(n): return 3",
    ],
)
def test_an_answer_cannot_talk_itself_right(cheat):
    assert value(example("assert f(2) == 4", "assert f(3) == 6"), cheat) == 0


@boxed
def test_setup_goes_after_the_answer():
    row = example("assert f(root) == 3", setup="root = Node(3)")
    assert value(row, "class Node:\n    def __init__(self, v): self.v = v\n\ndef f(node):\n    return node.v") == 1


def test_what_cannot_be_judged_is_an_error_and_no_zero():
    assert TESTS.grade(example(), "def f(): pass").error is not None
    assert TESTS.grade(example("print(3)"), "def f(): pass").error is not None
    assert TESTS.grade(example("assert f( == 3"), "def f(): pass").error is not None


def test_literals_are_equal_by_value():
    assert equal("1", "1.0")
    assert equal("{'b': 2, 'a': 1}", "{'a': 1, 'b': 2}")
    assert not equal("'1'", "1")
    assert equal("<object>", "<object>")
    assert not equal("<object>", "1")


@boxed
def test_is_means_the_very_value():
    row = example("assert f(3) is True", "assert g() is None")
    assert value(row, "def f(n): return n > 2\ndef g(): pass") == 1.0
    assert value(row, "def f(n): return 1\ndef g(): pass") == 0.0
    assert value(example("assert f(3) == True"), "def f(n): return 1") == 1.0
