"""Environments: what a policy acts in, turn by turn. One object is one way through it, from `start` to a Turn that is done.

    reads = environment.start(example)
    while not done:
        message = what the policy says after what it has read
        turn = environment.step(message)          # what it reads next, what it is paid, whether that was all

An environment that can do more says so: `forks` where a copy can be taken in the middle, `state_key` where states can be told
apart, `tools` for what the policy may call. What it raises is its own failure: the way's score is an error, and never 0.

One that is written in Python against this class runs in this process, and nothing ends a `start` or `step` of it that hangs: a
run gives up waiting for the way (`judging.LIMIT_S`), but `prove.prove` and `prove.audit`, which try ways one by one, wait. Code
that may hang belongs into the task.py of a folder, which runs in the sandbox and is ended (`written`).

A way is worth what the task's grader says of its last answer (0 where nothing grades it) plus what its turns were paid.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from burnish.errors import CapabilityMissing
from burnish.types import Example, Message, trained_answer

Schema = Mapping[str, Any]
"""What a chat template is told of a tool: {"type": "function", "function": {"name", "description", "parameters"}}."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What an environment says to a message of the policy's."""

    messages: tuple[Message, ...] = ()
    """what the policy reads next, results of its tools or what a user says; none where the way is done"""
    reward: float = 0.0
    """what this turn is paid"""
    done: bool = False
    reason: str = ""
    """for the reward, or for the end, in words"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What ends a way that does not end itself."""

    turns: int = 8
    """answers of the policy"""
    calls: int = 16
    """of tools; further ones get an error to read"""
    tokens: int | None = None
    """of the whole conversation, what is read first included; None = what the model takes"""


class Environment(ABC):
    """One way through a task. The policy's seed is the only chance in it: the same messages must give the same turns."""

    forks: ClassVar[bool] = False
    """Whether `fork` works."""

    @property
    def tools(self) -> Sequence[Schema]:
        """What the policy may call, once started."""
        return ()

    @property
    def pays(self) -> bool:
        """Whether its turns may be paid; where not, all that a way is worth is what its answer is worth."""
        return True

    @abstractmethod
    def start(self, example: Example) -> Sequence[Message]:
        """What the policy reads first: a conversation up to where it speaks."""

    @abstractmethod
    def step(self, message: Message) -> Turn:
        """What becomes of what the policy said. A message that makes no sense is answered, not raised."""

    def fork(self) -> Environment:
        """A second way that goes on from the state of this one; neither knows of the other."""
        raise CapabilityMissing(f"the environment {type(self).__name__} cannot be forked", todo="use one that sets `forks`")

    def state_key(self) -> str | None:
        """Two ways whose keys are equal are in the same state, whatever led there. None = this environment does not say."""
        return None

    def close(self) -> None:  # noqa: B027 (most hold nothing)
        """Let go of what it holds. Called once, whatever happened."""


@runtime_checkable
class Setting(Protocol):
    """What a task has: how a way through it begins. Frozen, with a `repr` that tells all that decides (it is hashed)."""

    @property
    def limits(self) -> Limits: ...
    def open(self) -> Environment:
        """A new environment, not started."""
        ...


class OneAnswer(Environment):
    """The trivial environment: one answer, and the grader's word on it. What a task without an environment is."""

    @property
    def pays(self) -> bool:
        return False

    def start(self, example: Example) -> Sequence[Message]:
        return question_of(example)

    def step(self, message: Message) -> Turn:
        return Turn(done=True)


def question_of(example: Example) -> tuple[Message, ...]:
    """What an example asks: its messages up to the last of a user before the trained answer, so that a conversation in which
    tools are called is asked anew from the question on. Without a user, all before the first answer."""
    last = trained_answer(example.messages)
    before = example.messages if last is None else example.messages[:last]
    asked = next((n for n in range(len(before) - 1, -1, -1) if before[n].role == "user"), None)
    if asked is not None:
        return before[: asked + 1]
    first = next((n for n, m in enumerate(before) if m.role == "assistant"), len(before))
    return before[:first]
