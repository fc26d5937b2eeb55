"""Ways whose messages are given, and what a task with an environment proves about itself by them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from burnish.tasks.environment import Environment, Limits, Turn
from burnish.tasks.graders.paid import PAID
from burnish.tasks.library import calculator
from burnish.tasks.prove import audit, prove
from burnish.tasks.task import Card, Task
from burnish.tasks.tooluse import ToolUse
from burnish.tasks.walk import walk
from burnish.tools.function import function
from burnish.types import Example, Message, ToolCall

CARD = Card(title="t", about="a", data="d", grading="g", limits="l")
chance = itertools.count()


class Door(Environment):
    """Two doors stand in a row, each with a word of its own; the second word is paid."""

    def start(self, example: Example) -> Sequence[Message]:
        self.words, self.open = str(example.reference).splitlines(), 0
        return (Message(role="user", content=f"Doors: {' '.join(w[::-1] for w in self.words)}"),)

    def step(self, message: Message) -> Turn:
        if message.content == "break":
            raise ValueError("the doors are stuck")
        self.open += message.content == self.words[self.open]
        if self.open == len(self.words):
            return Turn(done=True, reward=1.0, reason="all doors are open")
        return Turn(messages=(Message(role="user", content=f"{self.open} open"),))


class Kind(Door):
    """Pays for coming."""

    def step(self, message: Message) -> Turn:
        return replace(super().step(message), reward=1.0)


class Moody(Door):
    """Says something else each time."""

    def step(self, message: Message) -> Turn:
        turn = super().step(message)
        return turn if turn.done else Turn(messages=(Message(role="user", content=f"{next(chance)} open"),))


@dataclass(frozen=True)
class Doors:
    make: Callable[[], Environment] = Door
    limits: Limits = field(default_factory=lambda: Limits(turns=4))

    def open(self) -> Environment:
        return self.make()


def row(n: int, *, said: str | None = None) -> Example:
    words = f"w{n}\nv{n}"
    messages = (Message(role="user", content=f"Doors {n}"), *([Message(role="assistant", content=said)] if said else []))
    return Example(messages=messages, reference=words, line=n)


def task(setting: Doors, **changes: object) -> Task:
    rows = tuple(row(n) for n in range(9))
    made = Task(name="doors", card=CARD, grader=PAID, train=rows, valid=rows, test=rows, limit_tokens=8, environment=setting)
    return replace(made, **changes)  # type: ignore[arg-type]


def verdicts(of: Task) -> dict[str, str]:
    return {line.name: line.verdict for line in prove(of).lines}


def says(*texts: str) -> list[Message]:
    return [Message(role="assistant", content=t) for t in texts]


def test_a_way_is_gone_and_judged_as_one_that_was_drawn():
    gone = walk(Doors(), PAID, row(1), says("w1", "v1", "never said"))
    assert gone.score.value == 1.0
    assert "all doors are open" in gone.score.reason
    assert [m.content for m in gone.read] == ["1 open"]
    short = walk(Doors(), PAID, row(1), says("w1"))
    assert (short.score.value, short.score.marks) == (0.0, ("out of turns",))
    long = walk(Doors(), PAID, row(1), itertools.repeat(says("x")[0]))
    assert len(long.turns) == 4
    broken = walk(Doors(), PAID, row(1), says("break"))
    assert broken.score.error is not None
    assert "stuck" in broken.score.error


def test_a_sound_environment_proves_itself_with_one_command_a_line():
    assert verdicts(task(Doors())) == {
        "the rows' own ways pass": "holds",
        "the rows' calls say what the rows say": "not checked",
        "saying nothing fails": "holds",
        "another row's way fails": "holds",
        "the same way always goes the same": "holds",
        "neither grader nor environment fails": "holds",
    }
    rows = tuple(
        replace(row(n), messages=(row(n).messages[0], *says(f"w{n}"), Message(role="user", content="1 open"), *says(f"v{n}")))
        for n in range(9)
    )
    assert verdicts(task(Doors(), train=rows, valid=rows, test=rows))["the rows' own ways pass"] == "holds", "a whole way each"


@pytest.mark.parametrize(
    ("make", "line"),
    [(Kind, "saying nothing fails"), (Moody, "the same way always goes the same")],
)
def test_an_environment_that_does_not_hold_is_named(make: Callable[[], Environment], line: str):
    found = verdicts(task(Doors(make)))
    assert found[line] == "fails"


def test_rows_that_lead_nowhere_and_environments_that_break_fail():
    wrong = tuple(replace(row(n), messages=(row(n).messages[0], *says("open up"))) for n in range(9))
    assert verdicts(task(Doors(), train=wrong, valid=wrong, test=wrong))["the rows' own ways pass"] == "fails"
    stuck = tuple(replace(row(n), messages=(row(n).messages[0], *says("break"))) for n in range(9))
    assert verdicts(task(Doors(), train=stuck, valid=stuck, test=stuck))["neither grader nor environment fails"] == "fails"


def test_calls_of_rows_have_to_work():
    found = prove(calculator.make(), rows=24)
    assert found.holds
    assert {line.verdict for line in found.lines} == {"holds"}

    def calc(formula: str) -> str:
        """Works out."""
        return formula

    other = ToolUse(tools=(function(calc),), limits=Limits(turns=3))
    proof = prove(replace(calculator.make(), environment=other), rows=24)
    lines = {line.name: line for line in proof.lines}
    assert lines["the rows' calls say what the rows say"].verdict == "fails"
    assert "there is no argument 'expression'" in lines["the rows' calls say what the rows say"].examples[0]


def test_a_hole_of_the_grader_is_found_beside_tools():
    @dataclass(frozen=True)
    class Loose:
        name: str = "loose"
        concurrency: int = 2

        def grade(self, example: Example, answer: str):
            return calculator.Score(value=float(bool(answer)), reason="something was said")

    found = audit(replace(calculator.make(), grader=Loose()))
    assert {f.family for f in found.gameable} >= {"P1", "P2"}


def test_what_a_row_says_is_tried_with_its_calls():
    call = ToolCall(name="calc", arguments='{"expression": "12 * 12"}')
    asked = Example(messages=(Message(role="user", content="12 * 12?"),), reference="144", metadata={"kind": "product"})
    said = (Message(role="assistant", tool_calls=(call,)), *says("144"))
    gone = walk(calculator.SETTING, calculator.RightMeans(), asked, said)
    assert gone.score.value == 1.0
    assert "used when needed" in gone.score.marks
