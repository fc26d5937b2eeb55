"""Tools: the model calls what it may call, reads what comes back, and answers; an answer without a call is the end.

    ToolUse(tools=(calculator(),), limits=Limits(turns=4))

Several calls of one turn are all made, in order. Too many, or calls that make no sense, are answered with an error to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from burnish.tasks.environment import Environment, Limits, Schema, Turn, question_of
from burnish.tools.function import Calls, Tool, schema
from burnish.types import Example, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """A Setting: questions answered with these tools."""

    tools: tuple[Tool, ...]
    limits: Limits = field(default_factory=Limits)

    def open(self) -> Environment:
        return WithTools(self.tools, self.limits)


class WithTools(Environment):
    """One question, and the calls on the way to its answer. Tools keep no state of their own."""

    forks = True

    def __init__(self, tools: Sequence[Tool], limits: Limits) -> None:
        self._calls = Calls(tools, limits.calls)
        self._schemas = tuple(schema(tool) for tool in tools)

    @property
    def tools(self) -> Sequence[Schema]:
        return self._schemas

    @property
    def pays(self) -> bool:
        return False

    def start(self, example: Example) -> Sequence[Message]:
        return question_of(example)

    def step(self, message: Message) -> Turn:
        if not message.tool_calls:
            return Turn(done=True)
        return Turn(messages=self._calls.answer(message.tool_calls))

    def fork(self) -> WithTools:
        other = WithTools(self._calls.tools, Limits(calls=self._calls.limit))
        other._calls = replace(self._calls, names=list(self._calls.names))
        return other
