"""A way through an environment whose messages are given and not drawn: what a row shows, or what a check tries. It is judged as a
way that was drawn is, by the same grader, payments and limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from burnish.protocols import Grader
from burnish.tasks.environment import Environment, Setting, Turn
from burnish.tasks.judging import OUT_OF_TURNS, asked, failed, judge, step
from burnish.types import Example, Message, Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What came of it. turns: what the environment said to each message that was still taken."""

    score: Score
    turns: tuple[Turn, ...] = ()

    @property
    def read(self) -> tuple[Message, ...]:
        """All that was read after the start."""
        return tuple(m for turn in self.turns for m in turn.messages)


@dataclass(slots=True)
class _Going:
    """How far it came."""

    messages: list[Message] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)


def walk(setting: Setting, grader: Grader, example: Example, said: Iterable[Message]) -> Walk:
    """Say these messages, one a turn, until the environment ends the way or no turn is left. said may be endless; where it ends
    first, what was said last is judged."""
    environment, going = setting.open(), _Going()
    try:
        score = _score(environment, setting.limits.turns, grader, example, said, going)
    finally:
        environment.close()
    return Walk(score=score, turns=tuple(going.turns))


def _score(
    environment: Environment, limit: int, grader: Grader, example: Example, said: Iterable[Message], going: _Going
) -> Score:
    start = asked(lambda: tuple(environment.start(example)))
    if isinstance(start, str):
        return failed(start)
    going.messages += start
    answer, turn = "", Turn()
    for _, message in zip(range(limit), said, strict=False):
        turn = step(environment, message)
        if isinstance(turn, str):
            return failed(turn)
        answer = message.content
        going.turns.append(turn)
        going.messages += (message, *turn.messages)
        if turn.done:
            break
    paid = [turn.reward for turn in going.turns]
    return judge(grader, example, going.messages, answer, paid, marks=() if turn.done else (OUT_OF_TURNS,), reason=turn.reason)
