"""The task calculator: rows are true, splits share no operands, and the grader sees which means were used."""

from __future__ import annotations

from dataclasses import replace

import pytest
import task_checks

from burnish.tasks.environment import question_of
from burnish.tasks.judging import with_transcript
from burnish.tasks.keys import prompt_text
from burnish.tasks.library import calculator as room
from burnish.tasks.prove import audit, prove
from burnish.tools.calculator import calc
from burnish.types import Example, Message, ToolCall
from burnish.world import splits, world

TASK = room.make()


def row(kind: str) -> Example:
    return next(r for r in TASK.test if r.metadata["kind"] == kind)


def test_rows():
    assert room.make() == TASK
    assert room.make(world.make(1)).test != TASK.test
    for side, rows in (("train", TASK.train), ("valid", TASK.valid), ("test", TASK.test)):
        assert task_checks.kinds(rows) == room.COUNTS[side]
        assert len({prompt_text(r) for r in rows}) == len(rows)
        for example in rows:
            assert all(splits.of(k) == side for k in example.metadata["keys"])
            assert all(m.content.isascii() and m.content == m.content.strip() for m in example.messages)
            gold = task_checks.gold(example)
            assert TASK.grader.grade(with_transcript(example, example.messages), gold).value == 1.0, example
            assert TASK.grader.grade(example, "").value == 0.0
            calls = [c for m in example.messages for c in m.tool_calls]
            assert len(calls) == (example.metadata["kind"] in room.NEEDED)
            for call in calls:
                result = example.messages[2].content
                assert room.TOOL.call(call.arguments).text == result
                assert result in gold
                assert result.isdigit()
            assert question_of(example) == example.messages[:1]
    assert task_checks.foreign(TASK) < 0.05
    assert task_checks.passing(TASK, "fact", lambda r: r.messages[0].content) == []
    assert prove(TASK, rows=60).holds


def told(example: Example, answer: str, *results: str):
    calls = [Message(role="assistant", tool_calls=(ToolCall(name="calc", arguments="{}"),))] if results else []
    said = [
        *question_of(example),
        *calls,
        *(Message(role="tool", content=r) for r in results),
        Message(role="assistant", content=answer),
    ]
    return TASK.grader.grade(with_transcript(example, said), answer)


def test_what_a_needed_call_is_worth():
    example = row("product")
    a, b = [int(x) for x in example.metadata["keys"][0].removeprefix("product:").split("*")]
    right = str(a * b)
    score = told(example, f"The answer is {right}.", right)
    assert (score.value, score.marks) == (1.0, ("needed", "used", "used when needed"))
    score = told(example, "The answer is 7.", right)
    assert score.value == room.CALLED
    assert told(example, "The answer is 7.", "7").value == 0.0
    score = told(example, f"{a} * {b} = {right}")
    assert (score.value, score.marks) == (1.0, ("needed",)), "right is right"


@pytest.mark.parametrize("kind", ["sum", "fact", "greeting"])
def test_a_needless_call_costs_half(kind: str):
    example = row(kind)
    gold = task_checks.gold(example)
    score = told(example, gold, "3")
    assert (score.value, score.marks) == (room.NEEDLESS, ("used", "used wrongly"))
    assert told(example, gold).marks == ()
    assert told(example, "7654321", "3").value == 0.0


def test_who_says_a_greeting_again_returns_none():
    example = row("greeting")
    asked = example.messages[0].content
    for said in (asked, f"{asked} {asked}", asked.upper()):
        assert told(example, said).value == 0.0
    assert told(example, "Hello! What can I do for you?").value == 1.0


def test_a_comma_among_thousands_is_no_other_number():
    example = next(r for r in TASK.test if r.metadata["kind"] == "product" and len(task_checks.gold(r)) > 19)
    number = task_checks.gold(example).removeprefix("The answer is ").removesuffix(".")
    assert told(example, f"The answer is {int(number):,}.", number).value == 1.0


def test_a_number_that_is_still_to_be_worked_with_is_no_answer():
    example = row("product")
    right = task_checks.gold(example).removeprefix("The answer is ").removesuffix(".")
    for said, value in ((f">>> calc(375 * {right})", 0.3), (f"12 * 375 = {right}", 1.0), (f"375*{right}.", 0.3)):
        assert told(example, said, right).value == value


def test_nothing_is_had_without_doing_it():
    assert not audit(TASK).gameable


def test_without_a_reference_nothing_is_judged():
    assert TASK.grader.grade(replace(row("sum"), reference=None), "3").error


def test_its_calls_are_within_the_tool():
    assert calc("999 * 99") == "98901"
