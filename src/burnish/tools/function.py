"""Tools: what a model may call, as typed Python functions. The schema comes from signature and docstring (`signature`).

    def weather(town: str, day: Literal["today", "tomorrow"] = "today") -> str:
        \"\"\"What the weather is like.

        Args:
            town: Name of the town.
        \"\"\"

    tool = function(weather)
    tool.call('{"town": "Brack"}').text

A call that makes no sense (bad JSON, an unknown tool, arguments of the wrong type, one too many) is no exception: the model reads
what was wrong with it. What a function raises is read as well; only burnish's own errors (a sandbox that cannot run anything)
end the way, as they say nothing about the call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from burnish.errors import BurnishError, ConfigError
from burnish.tools import signature
from burnish.types import Message, ToolCall

LIMIT_RESULT = 4_000
"""Characters of one result that the model reads."""
_NO_TEXT = re.compile("[\ud800-\udfff\U00108000-\U0010ffff]")
ERROR = "error: "
"""What the text of a failed call begins with."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call, as the model reads it."""

    text: str
    failed: bool = False


class Tool(Protocol):
    """What can be called by name. `about` is {"name", "description", "parameters"}, as in OpenAI's function tools."""

    @property
    def name(self) -> str: ...
    @property
    def about(self) -> Mapping[str, Any]: ...
    def call(self, arguments: str) -> Result:
        """arguments: the JSON text as the model wrote it. Raises BurnishError alone."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Function:
    """A Python function of this process as a tool."""

    function: Callable[..., Any]
    about: Mapping[str, Any]
    limit: int = LIMIT_RESULT
    """characters of a result"""

    @property
    def name(self) -> str:
        return str(self.about["name"])

    def __repr__(self) -> str:
        return f"Function({dict(self.about)!r}, {self.limit})"

    def call(self, arguments: str) -> Result:
        """What the function returns as text, or what was wrong."""
        try:
            return result(True, signature.text_of(self.function(**signature.arguments(self.function, arguments))), self.limit)
        except signature.Wrong as error:
            return result(False, f"{self.name}: {error}", self.limit)
        except BurnishError:
            raise
        except Exception as error:  # what a tool raises is the answer to its call
            return result(False, f"{type(error).__name__}: {error}", self.limit)


def function(of: Callable[..., Any], *, limit: int = LIMIT_RESULT) -> Function:
    """A typed function as a tool. Raises ConfigError for one whose arguments cannot be given as JSON."""
    try:
        return Function(of, signature.described(of), limit)
    except (TypeError, NameError) as error:
        raise ConfigError(f"{of.__name__} cannot be a tool: {error}", todo="annotate its arguments with types of JSON") from None


def schema(tool: Tool) -> dict[str, Any]:
    """A tool as chat templates and OpenAI's requests have it."""
    return {"type": "function", "function": dict(tool.about)}


def result(good: bool, text: str, limit: int) -> Result:
    """A result cut to `limit` characters; what failed begins with ERROR. What is no text (half a surrogate pair, the last private
    plane, which tokenizers mark with) is written as U+FFFD."""
    text = _NO_TEXT.sub("\ufffd", text)
    if len(text) > limit:
        text = f"{text[:limit]}\n[cut: {len(text) - limit} more characters]"
    return Result(text if good else ERROR + text, not good)


@dataclass(slots=True)
class Calls:
    """Calls of one conversation: each is answered, in order, and at most `limit` are made."""

    tools: Sequence[Tool]
    limit: int
    made: int = 0
    failed: int = 0
    names: list[str] = field(default_factory=list)
    """of the tools that were called, in order"""

    def answer(self, calls: Sequence[ToolCall]) -> tuple[Message, ...]:
        """A tool's message for each call."""
        return tuple(self._one(call) for call in calls)

    def _one(self, call: ToolCall) -> Message:
        found = self._result(call)
        self.failed += found.failed
        return Message(role="tool", content=found.text, name=call.name or None, tool_call_id=call.id)

    def _result(self, call: ToolCall) -> Result:
        known = {tool.name: tool for tool in self.tools}
        if self.made >= self.limit:
            return result(False, f"no more than {self.limit} calls can be made: answer without", LIMIT_RESULT)
        self.made += 1
        self.names.append(call.name)
        if call.name not in known:
            asked = f"there is no tool {call.name[:60]!r}" if call.name else "this call names no tool"
            return result(False, f"{asked}; there is {', '.join(known)}", LIMIT_RESULT)
        return known[call.name].call(call.arguments)
