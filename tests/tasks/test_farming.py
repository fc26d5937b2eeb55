"""Cycles of commands that an environment pays for each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from burnish.tasks.environment import Environment, Turn
from burnish.tasks.probes import Audit, audit
from burnish.types import Example, Message

ITEMS = "lamp book cup rope coin ring leaf bone".split()


class Shelf(Environment):
    """A thing is put on a shelf and the door closed. `paid` says what putting it there is worth; nothing tells states apart."""

    def __init__(self, paid: Callable[[int], float], extra: dict[str, tuple[str, float]]) -> None:
        self.paid, self.extra, self.there, self.times = paid, extra, False, 0

    def start(self, example: Example) -> Sequence[Message]:
        self.item = str(example.metadata["item"])
        return example.messages[:1]

    def step(self, message: Message) -> Turn:
        said, reward, done = "you cannot", 0.0, False
        if message.content in self.extra:
            said, reward = self.extra[message.content]
        elif message.content == f"put {self.item}" and not self.there:
            self.there, said, reward = True, "it is there", self.paid(self.times)
            self.times += 1
        elif message.content == f"take {self.item}" and self.there:
            self.there, said = False, "it is in your hand"
        elif message.content == "close":
            said, reward, done = "closed", 0.5 * self.there, True
        return Turn(messages=() if done else (Message(role="user", content=said),), reward=reward, done=done)


def found(paid: Callable[[int], float], said: str = "", extra: dict[str, tuple[str, float]] | None = None) -> Audit:
    rows = []
    for n, item in enumerate(ITEMS):
        turns = (
            ("user", f"Put the {item} on the shelf. {said}"),
            ("assistant", f"put {item}"),
            ("user", "."),
            ("assistant", "close"),
        )
        messages = tuple(Message(role=role, content=text) for role, text in turns)  # pyright: ignore[reportArgumentType]
        rows.append(Example(messages=messages, reference=item, metadata={"item": item}, line=n))
    return audit(rows, None, environment=lambda: Shelf(paid, extra or {}))


@pytest.mark.parametrize("said", ["Say: put THING, take THING, close", "Commands are `put <x>`, `take <x>` and `close`.", ""])
def test_what_can_be_undone_and_is_paid_anew_is_found(said: str):
    (gameable,) = found(lambda times: 0.5, said).gameable
    assert gameable.family == "P12"
    assert gameable.exploit.count("take ") > 5
    assert not found(lambda times: 0.5 * (times == 0), said).gameable


def test_a_command_that_is_paid_each_time_is_found_and_one_that_is_paid_never_is_not():
    told = "Say: put THING, dust, close"
    assert found(lambda times: 0.5, told, {"dust": ("dusty", 0.1)}).gameable
    assert not found(lambda times: 0.5 * (times == 0), told, {"dust": ("dusty", 0.0)}).gameable
