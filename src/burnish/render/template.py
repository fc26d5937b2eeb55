"""Chat templates: compiled sources, the plain one for models that have none, and messages as templates expect them.

Messages go to templates in the shape that `transformers` documents: dicts of role, content, tool_calls with
`function.name` and `function.arguments` as a mapping where the JSON is sound, and `reasoning_content`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from burnish.errors import DataError
from burnish.render import jinja
from burnish.types import Message, ToolCall

PLAIN_STOP = "\n[END]"
"""Ends an assistant turn of the plain template when the tokenizer has no end-of-sequence token."""

PLAIN = """\
{%- set names = {'system': 'System', 'developer': 'System', 'user': 'User', 'tool': 'Tool'} -%}
{%- set stop = eos_token if eos_token else '\\n[END]' -%}
{%- if tools -%}
Tools (to call one, write <tool_call>{"name": ..., "arguments": {...}}</tool_call>):
{%- for tool in tools %}{{ '\\n' + tool|tojson }}{% endfor %}{{ '\\n\\n' }}
{%- endif -%}
{%- for message in messages -%}
{%- if not loop.first %}{{ '\\n\\n' }}{% endif -%}
{%- if message.role == 'assistant' -%}
Assistant:
{%- if message.reasoning_content -%}
{{- ' <think>\\n' + message.reasoning_content|trim + '\\n</think>\\n\\n' + message.content|trim -}}
{%- elif message.content|trim %}{{ ' ' + message.content|trim }}{% endif -%}
{%- for call in message.tool_calls or [] -%}
{%- set written = {'name': call.function.name, 'arguments': call.function.arguments} -%}
{{- '\\n<tool_call>\\n' + written|tojson + '\\n</tool_call>' -}}
{%- endfor -%}
{{- stop -}}
{%- else -%}
{{- names[message.role] + ': ' + message.content|trim -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '\\n\\n' if messages }}{{ 'Assistant:' }}{% endif -%}
"""
"""The template of models that have none. It needs no special token and reads as a script of a conversation."""

REASONING_OPEN, REASONING_CLOSE = "<think>", "</think>"
CALL_OPEN, CALL_CLOSE = "<tool_call>", "</tool_call>"
COMPACT_CALL = "<|call|>"
"""Stands before a call in one line, `name(arguments)`, up to the next one or the end of the turn."""
ANSWER_MARKERS = (REASONING_OPEN, REASONING_CLOSE, CALL_OPEN, CALL_CLOSE)
"""What an assistant turn may hold as tokens of its own; all other special tokens in a message stay text."""


class ChatTemplate:
    """A compiled chat template. `origin` says where it was found; `hash` identifies its source."""

    def __init__(self, source: str, *, origin: str = "given", now: datetime | None = None) -> None:
        """Compile `source`; `now` is the moment that `strftime_now` tells (default: this one, for the object's life).

        Raises TemplateError when the source is not a template or spends memory or time without bound.
        """
        self.source, self.origin = source, origin
        self.hash = hashlib.sha256(source.encode()).hexdigest()[:16]
        self.now = now or datetime.now()
        self._environment = jinja.environment(source, self.now)
        if source != PLAIN:
            jinja.check_harmless(source)

    @property
    def tells_date(self) -> bool:
        """Whether the text depends on the day."""
        return "strftime_now" in self.source

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        add_generation_prompt: bool = False,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """The conversation as one text. Raises ConversationRefused or TemplateError."""
        given = {
            "messages": jinja.freeze(messages),
            "tools": jinja.freeze(tools) if tools else None,
            "documents": None,
            "add_generation_prompt": add_generation_prompt,
        }
        return jinja.render(self._environment, given | dict(variables or {}))


def as_template_dict(message: Message) -> dict[str, Any]:
    """A Message in the shape that chat templates read; unset fields are left out."""
    row: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.reasoning is not None:
        row["reasoning_content"] = message.reasoning
    if message.tool_calls:
        row["tool_calls"] = [_call_dict(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        row["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        row["name"] = message.name
    return row


def _call_dict(call: ToolCall) -> dict[str, Any]:
    arguments: Any = call.arguments
    try:
        parsed = json.loads(call.arguments)
    except ValueError:
        pass  # malformed arguments stay the text that the model wrote
    else:
        arguments = parsed if isinstance(parsed, dict) else call.arguments
    row: dict[str, Any] = {"type": "function", "function": {"name": call.name, "arguments": arguments}}
    return row | ({"id": call.id} if call.id is not None else {})


_ROLES = ("system", "developer", "user", "assistant", "tool")


def as_message(value: Message | Mapping[str, Any]) -> Message:
    """A Message, or any Mapping in OpenAI's shape read as one (check 12: a dict-like object counts as a dict)."""
    if isinstance(value, Message):
        return value
    role, content = value.get("role"), value.get("content")
    if role not in _ROLES:
        raise DataError("A message has no known role", seen=f"role {role!r}", todo=f"use one of {', '.join(_ROLES)}")
    if content is not None and not isinstance(content, str):
        raise DataError("A message's content is not text", seen=type(content).__name__, todo="give content as a string")
    calls = []
    for call in value.get("tool_calls") or ():
        function = call.get("function", call)
        arguments = function.get("arguments", {})
        text = arguments if isinstance(arguments, str) else json.dumps(jinja.freeze(arguments), ensure_ascii=False)
        calls.append(ToolCall(name=str(function.get("name", "")), arguments=text, id=call.get("id")))
    return Message(
        role=role,
        content=content or "",
        tool_calls=tuple(calls),
        tool_call_id=value.get("tool_call_id"),
        name=value.get("name"),
        reasoning=value.get("reasoning_content", value.get("reasoning")),
        weight=value.get("weight"),
    )
