"""Where ways through an environment are tried: whole ones, and ones that go on from a state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from burnish.errors import CallFailed
from burnish.protocols import Grader
from burnish.tasks.environment import Environment
from burnish.tasks.judging import grade, with_transcript
from burnish.tasks.probes.rows import Row
from burnish.types import Message

TURNS = 48
"""Steps of a way."""
LONGEST = 96
"""Steps of a known way."""
Action = str | Message
BROKEN = (CallFailed, ValueError, KeyError, TypeError, IndexError, AttributeError, ArithmeticError)
"""What an environment may raise that was not made for what it is told. One that breaks pays nothing."""


@dataclass(frozen=True, slots=True)
class Way:
    """What came of a sequence of actions. said: all that was read after each; paid: what each was paid."""

    reward: float
    start: str
    said: tuple[str, ...]
    paid: tuple[float, ...]
    ended: bool

    @property
    def steps(self) -> int:
        return len(self.said)


@dataclass(slots=True)
class Stage:
    """Plays ways, each once, and counts."""

    environment: Callable[[], Environment]
    grader: Grader | None
    count: int = 0
    seen: dict[tuple[int, tuple[Action, ...]], Way] = field(default_factory=dict)

    def play(self, row: Row, actions: Sequence[Action]) -> Way:
        """One way; its reward is NaN where the grader or the environment failed."""
        key = (id(row), tuple(actions))
        if key not in self.seen:
            self.count += 1
            self.seen[key] = self._play(row, key[1])
        return self.seen[key]

    def _play(self, row: Row, actions: tuple[Action, ...]) -> Way:
        environment = self.environment()
        said, paid, last, ended = list[str](), list[float](), "", False
        try:
            try:
                told = list(environment.start(row.example))
            except BROKEN:
                return Way(float("nan"), "", (), (), True)
            start = "\n".join(m.content for m in told)
            for action in actions[:LONGEST]:
                message = as_message(action)
                last = message.content or last
                try:
                    turn = environment.step(message)
                except BROKEN:
                    return Way(float("nan"), start, tuple(said), tuple(paid), True)
                paid.append(turn.reward)
                told += (message, *turn.messages)
                said.append("\n".join(m.content for m in turn.messages))
                if ended := turn.done:
                    break
        finally:
            environment.close()
        total = sum(paid)
        if self.grader is not None:
            score = grade(self.grader, with_transcript(row.example, told), last)
            total += score.value if score.error is None else float("nan")
        return Way(float(total), start, tuple(said), tuple(paid), ended)


@dataclass(slots=True)
class Point:
    """A state on a way. spent: steps of the environment that were taken to make points, counted by the one that began."""

    row: Row
    stage: Stage
    actions: tuple[Action, ...]
    environment: Environment
    pay: float
    said: str
    done: bool
    spent: list[int]
    opened: list[Environment]

    @classmethod
    def start(cls, row: Row, stage: Stage) -> Point:
        environment = stage.environment()
        said = "\n".join(m.content for m in environment.start(row.example))
        return cls(row, stage, (), environment, 0.0, said, False, [0], [environment])

    def after(self, action: Action) -> Point:
        """The state that an action leads to; this one stays."""
        actions = (*self.actions, action)
        if self.environment.forks:
            environment = self.environment.fork()
            self.spent[0] += 2
        else:
            environment = self.stage.environment()
            environment.start(self.row.example)
            for earlier in self.actions:
                environment.step(as_message(earlier))
            self.spent[0] += len(actions)
        self.opened.append(environment)
        try:
            turn = environment.step(as_message(action))
        except BROKEN:
            return Point(self.row, self.stage, actions, environment, 0.0, "", True, self.spent, self.opened)
        said = "\n".join(m.content for m in turn.messages)
        return Point(self.row, self.stage, actions, environment, turn.reward, said, turn.done, self.spent, self.opened)

    def key(self) -> str | None:
        return self.environment.state_key()

    def close(self) -> None:
        """Let go of all that was made from where this way began."""
        for environment in self.opened:
            environment.close()
        self.opened.clear()


def as_message(action: Action) -> Message:
    return action if isinstance(action, Message) else Message(role="assistant", content=action)


def text_of(action: Action) -> str:
    """An action in words."""
    if isinstance(action, str):
        return action
    calls = [f"{c.name}({c.arguments})" for c in action.tool_calls]
    return "\n".join([*([action.content] if action.content else []), *calls])


def plain(action: Action) -> str:
    """The same without what makes no difference."""
    return " ".join(text_of(action).lower().split())


def actions_of(row: Row, stage: Stage) -> tuple[Action, ...]:
    """The row's known way: its assistant messages, or its own answer where it has none. A message of several lines is as many
    actions, where they are paid the same one by one."""
    said = [m for m in row.example.messages if m.role == "assistant"]
    found: tuple[Action, ...] = tuple(m if m.tool_calls else m.content for m in said) or (row.own,)
    lines = tuple(
        line.strip() for a in found if isinstance(a, str) for line in (a.strip().splitlines() or [""]) if line.strip() or not a
    )
    if len(lines) <= len(found) or any(isinstance(a, Message) for a in found):
        return found
    whole, parted = stage.play(row, found).reward, stage.play(row, lines).reward
    return lines if parted == parted and not parted < whole - 1e-9 else found
