"""The task code: requests are met by their ideal answers, hidden checks catch what is wrong, and nothing held out was read."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
import task_checks

from burnish.errors import SandboxMissing
from burnish.tasks.graders import python
from burnish.tasks.graders.python import RUNS, code_in
from burnish.tasks.keys import prompt_text
from burnish.tasks.library import code as task_room
from burnish.tools import sandbox
from burnish.types import Example, Message
from burnish.world import code, splits, world
from burnish.world.code_families import FAMILIES

TASK = task_room.make()
ROWS = {"train": TASK.train, "valid": TASK.valid, "test": TASK.test}
DOUBLE = Example(
    messages=(Message(role="user", content="Write double(n)."),), metadata={"checks": [["double(2)", "4"], ["double(-1)", "-2"]]}
)
needs_sandbox = pytest.mark.skipif(sandbox.available().how is None, reason=sandbox.available().why)


def results(answer: str, row: Example) -> list[str]:
    """What the row's calls return after the answer was run. All answers are our own."""
    space: dict[str, Any] = {}
    exec(answer, space)
    return [repr(eval(call, space)) for call, _ in row.metadata["checks"]]


def test_rows():
    assert {side: len(rows) for side, rows in ROWS.items()} == {"train": 1200, "valid": 60, "test": 300}
    assert task_room.make(world.make(1)).test != TASK.test
    for side, rows in ROWS.items():
        assert len({prompt_text(r) for r in rows}) == len(rows)
        assert task_checks.kinds(rows)["debug"] == len(rows) // 3
        for row in rows:
            asked, answer = (m.content for m in row.messages)
            assert all(splits.of(key) == side for key in row.metadata["keys"]), row
            assert (asked + answer).isascii()
            assert asked == asked.strip()
            assert not re.search(r"\{\w+\}|\$", asked + answer)
            assert len(asked) + len(answer) <= task_room.LONGEST_CHARACTERS
            assert row.reference == answer
            assert code_in(answer) == answer
    assert not {prompt_text(r) for r in TASK.train} & {prompt_text(r) for r in (*TASK.valid, *TASK.test)}


def test_ideal_answers_pass_and_slips_do_not():
    for row in itertools.chain(*ROWS.values()):
        checks = row.metadata["checks"]
        assert results(row.messages[1].content, row) == [wanted for _, wanted in checks], row
        assert len({wanted for _, wanted in checks}) > 1
        assert sum(key.startswith("call:") for key in row.metadata["keys"]) >= len(checks)
        if row.metadata["kind"] == "debug":
            assert results(code_in(row.messages[0].content), row) != [wanted for _, wanted in checks], row


def test_checks_catch_answers_that_ignore_the_request():
    for row in TASK.test:
        head = row.messages[1].content.split("\n")[0]
        wanted = [result for _, result in row.metadata["checks"]]
        arguments = re.findall(r"\w+", head.split("(")[1])
        for lazy in (*arguments, *wanted):
            assert results(f"{head}\n    return {lazy}", row) != wanted, (lazy, row)


def test_the_test_that_fails_is_told_truly():
    for row in itertools.chain(*ROWS.values()):
        if row.metadata["kind"] == "debug":
            asked = row.messages[0].content
            name = row.messages[1].content[4:].split("(")[0]
            source = code_in(asked)
            (call,) = re.findall(rf"(?<!def )(?<!\.)\b{name}\(.*?\)", asked)
            spaces: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
            exec(source, spaces[0])
            exec(row.messages[1].content, spaces[1])
            wrong, right = (repr(eval(call, space)) for space in spaces)
            assert wrong != right
            assert wrong in asked
            assert right in asked


def test_no_hidden_call_is_shown():
    for row in itertools.chain(*ROWS.values()):
        asked = row.messages[0].content
        assert not [call for call, _ in row.metadata["checks"] if call in asked], row


def test_rows_tell_what_is_held_out():
    """A constant that is held out stands in no training row; half of the test rows have one, and the card counts them."""
    assert not [row for row in TASK.train if task_room.HELD_OUT in row.metadata]
    functions = {key for row in TASK.train for key in row.metadata["keys"] if key.startswith("family:")}
    for row in (*TASK.valid, *TASK.test):
        constants = {key for key in row.metadata["keys"] if key.startswith("family:")}
        assert row.metadata[task_room.HELD_OUT] == ("constant" if constants else "phrasing"), row
        assert not constants & functions
    taught = {row.reference for row in TASK.train}
    constant = [row for row in TASK.test if row.metadata[task_room.HELD_OUT] == "constant"]
    again = [row for row in TASK.test if row.reference in taught]
    assert len(constant) >= 150
    assert not {row.reference for row in constant} & taught
    assert f"Of the 300 test rows {len(constant)} ask" in TASK.card.data
    assert f"{len(again)} test answers stand" in TASK.card.data


def test_clusters_are_families():
    for row in itertools.chain(*ROWS.values()):
        assert row.metadata["cluster"] in FAMILIES
        assert all(key.startswith(f"call:{row.metadata['cluster']}") for key in row.metadata["keys"] if key.startswith("call:"))
    assert len({row.metadata["cluster"] for row in TASK.test}) > 40


def test_held_out_wordings_are_several():
    for side, rows in ROWS.items():
        wordings = {key for row in rows for key in row.metadata["keys"] if key.startswith("phrasing:")}
        assert len(wordings) == {"train": 32 + 14, "valid": 2 + 2, "test": 3 + 4}[side]


def test_fewer_rows_are_the_first_of_more():
    fewer = task_room.make(rows=50)
    assert fewer.train == TASK.train[:50]
    assert (fewer.valid, fewer.test) == (TASK.valid, TASK.test)


def test_held_out_keys_are_not_in_the_corpus():
    held_out = {key for row in (*TASK.valid, *TASK.test) for key in row.metadata["keys"]}
    read = itertools.islice(code.documents(world.make(0), random.Random(0)), 300)
    assert not held_out & {key for document in read for key in document.keys}


@needs_sandbox
def test_grader_on_rows():
    for row in TASK.test[:12]:
        assert RUNS.grade(row, row.messages[1].content).value == 1.0
        assert RUNS.grade(row, row.messages[0].content).value == 0.0


def _family(row: Example) -> str:
    return row.metadata["cluster"]


def _by_heart(row: Example) -> str:
    """Knows the one call that stands in the question, or else the first hidden one."""
    head = row.messages[1].content.split("\n")[0]
    shown = re.findall(
        r"should be ([^,]+)|make it (.+)\?|Expected: (.+)|wanted: (.+)|where (.+) is expected", row.messages[0].content
    )
    known = next((each for found in shown for each in found if each), row.metadata["checks"][0][1])
    return f"{head}\n    return {known}"


WRONG: dict[str, Callable[[Example], str]] = {
    "another function": lambda row: next(r for r in TASK.test if _family(r) != _family(row)).messages[1].content,
    "only the head": lambda row: row.messages[1].content.split("\n")[0] + "\n    pass",
    "code in words": lambda row: f"{row.messages[1].content.split(chr(10))[0][4:-1]} is what you want.",
    "printed, not returned": lambda row: re.sub(r"return (.+)", r"print(\1)", row.messages[1].content),
    "the call that is shown": _by_heart,
}  # fmt: skip


@needs_sandbox
@pytest.mark.parametrize("attack", WRONG)
def test_wrong_answers_fail(attack: str):
    for row in TASK.test[:8]:
        assert RUNS.grade(row, WRONG[attack](row)).value == 0.0, row


@needs_sandbox
@pytest.mark.parametrize(
    ("answer", "value", "reason"),
    [
        ("def double(n):\n    return n * 2", 1.0, "all 2 checks"),
        ("Here it is:\n```python\nimport math\n\ndef double(n):\n    return n + n\n```\nIt adds n twice.", 1.0, "all 2 checks"),
        ("Sure.\nimport operator\n\ndef double(n):\n    return operator.mul(n, 2)\n\nThis doubles n.", 1.0, "all 2 checks"),
        ("def double(n):\n    print('double(2)', 5)\n    return n * 2", 1.0, "all 2 checks"),
        ("def double(n):\n    return abs(n) * 2", 0.0, "double(-1) gives 2, not -2"),
        ("def double(n):\n    return n * 2.0", 0.0, "double(2) gives 4.0, not 4"),
        ("def twice(n):\n    return n * 2", 0.0, "double(2) gives nothing: NameError"),
        ("def double(n)\n    return n * 2", 0.0, "double(2) gives nothing: SyntaxError"),
        ("def double(n):\n    return n * 2 if n > 0 else 1 // 0", 0.0, "double(-1) gives nothing: ZeroDivisionError"),
        ("def double(n):\n    print('4')\n    raise SystemExit(0)", 0.0, "double(2) gives nothing: the program ended"),
        ("return n * 2", 0.0, "no line that starts with `def`"),
        ("", 0.0, "no line that starts with `def`"),
    ],
)  # fmt: skip
def test_grader(answer: str, value: float, reason: str):
    score = RUNS.grade(DOUBLE, answer)
    assert (score.value, score.error) == (value, None)
    assert reason in score.reason


@needs_sandbox
def test_grader_stops_what_does_not_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(python, "LIMITS", sandbox.Limits(timeout_s=0.2))
    score = RUNS.grade(DOUBLE, "def double(n):\n    while n < 3:\n        pass")
    assert score.value == 0.0
    assert score.reason == "double(2) gives nothing in 0.2 seconds"


@needs_sandbox
def test_results_do_not_enter_the_program():
    """What a call must return cannot be found by the code that is judged."""
    checks = [["secret()", "'a line\\nand \"quotes\"'"]]
    row = Example(messages=DOUBLE.messages, metadata={"checks": checks})
    assert RUNS.grade(row, "def secret():\n    return 'a line\\nand \"quotes\"'").value == 1.0
    assert "quotes" not in python._program("def secret():\n    return 1", ["secret()"], "mark")


def test_grader_says_when_it_cannot_judge(monkeypatch: pytest.MonkeyPatch):
    for checks in (None, [], "double(2)", [["double(2)"]]):
        score = RUNS.grade(Example(messages=(), metadata={"checks": checks}), "def double(n):\n    return n * 2")
        assert math.isnan(score.value)
        assert score.error

    def nowhere(source: str, *, limits: sandbox.Limits) -> sandbox.Ran:
        raise SandboxMissing("Nothing isolates here", seen="nothing", todo="nothing")

    monkeypatch.setattr(sandbox, "run", nowhere)
    score = RUNS.grade(DOUBLE, "def double(n):\n    return n * 2")
    assert math.isnan(score.value)
    assert "Nothing isolates" in (score.error or "")
