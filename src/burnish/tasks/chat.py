"""One row's messages to Message records: OpenAI chat spelling (role, content) and ShareGPT spelling (from, value).

Everything that a trainer would otherwise do something surprising with is a RowFault: unknown roles, weights on other
roles than assistant, images, the legacy `function_call`. What is put up with is counted in `tally` and named in a note.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from burnish.tasks.files import has_surrogates
from burnish.tasks.rows import RowFault
from burnish.types import Message, Role, ToolCall

Tally = Counter[str]

_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_SPEAKERS: Mapping[str, Role] = {
    **_ROLES,
    "human": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bard": "assistant",
    "bing": "assistant",
    "model": "assistant",
    "observation": "tool",
    "function_response": "tool",
    "tool_response": "tool",
}
RESERVED = "\U00108000"
"""From here on characters mark control tokens while rendering (render/controls.py)."""
_REASONING = ("reasoning", "reasoning_content", "thinking")
_KNOWN = frozenset({"role", "from", "content", "value", "name", "tool_calls", "tool_call_id", "weight", *_REASONING})
_CALL = '{"id": "...", "type": "function", "function": {"name": "...", "arguments": "{...}"}}'
_LEGACY = f'write the call as "tool_calls": [{_CALL}], and its result as a message of role "tool"'


def text_of(value: Any, name: str) -> str:
    """A string that can be encoded. Raises RowFault for other types, null characters and broken Unicode."""
    if not isinstance(value, str):
        seen = "null" if value is None else type(value).__name__
        raise RowFault(f"{name} is {_article(seen)}, not text", f"write {name} as a string")
    if has_surrogates(value):
        raise RowFault(f"{name} holds broken Unicode (bytes that are not UTF-8, or half a pair)", "save it as UTF-8")
    if not value.isascii() and max(value) >= RESERVED:
        raise RowFault(f"{name} holds a private-use character from U+108000 on", "remove it: rendering reserves them")
    if "\0" in value:
        raise RowFault(f"{name} holds a null character", "remove the \\u0000")
    return value


def _article(type_name: str) -> str:
    names = {"NoneType": "null", "null": "null", "dict": "an object", "list": "a list", "int": "a number"}
    return names.get(type_name, {"float": "a number", "bool": "true or false"}.get(type_name, type_name))


def messages_of(turns: Any, column: str, tally: Tally) -> tuple[Message, ...]:
    """The messages of one conversation, each valid by itself. Raises RowFault naming the message's place."""
    if not isinstance(turns, list) or not turns:
        empty = isinstance(turns, list)
        raise RowFault(
            f"{column} is {'empty' if empty else 'not a list'}",
            'write a list such as [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]',
        )
    messages: list[Message] = []
    for i, turn in enumerate(turns):
        message = _message(turn, f"{column}[{i}]", tally)
        _check_tool(message, messages, f"{column}[{i}]")
        messages.append(message)
    return tuple(messages)


def check_conversation(messages: Sequence[Message], column: str = "messages", *, questions: bool = False) -> None:
    """Raise RowFault unless there is an answer, and it comes last. questions: or the user's question does."""
    if questions and messages[-1].role == "user":
        return
    if not any(m.role == "assistant" for m in messages):
        raise RowFault("no assistant message, so nothing to learn", "add the answer as a last message of the assistant")
    if messages[-1].role != "assistant":
        what = f"the last message of {column} is of the {messages[-1].role}, and nothing answers it"
        raise RowFault(what, "remove it, or add the assistant's answer; --recipe grpo learns from questions alone")


def _message(turn: Any, place: str, tally: Tally) -> Message:
    if not isinstance(turn, dict):
        raise RowFault(f"{place} is not an object", 'write {"role": "...", "content": "..."}')
    if turn.get("function_call") is not None or turn.get("role") == "function" or turn.get("from") == "function_call":
        raise RowFault(f"{place} is a legacy function call", _LEGACY)
    speaker = turn.get("from") if "from" in turn and "role" not in turn else turn.get("role")
    roles = _SPEAKERS if "from" in turn else _ROLES
    key = speaker.lower() if isinstance(speaker, str) and "from" in turn else speaker
    if not isinstance(key, str) or key not in roles:
        fault = f"{place} has no role" if speaker is None else f"{place} has the unknown role {speaker!r}"
        raise RowFault(fault[:200], f"use one of {', '.join(_ROLES)}")
    role = roles[key]
    calls = _calls(turn.get("tool_calls"), place, role, tally)
    content = _content(turn.get("content", turn.get("value")), place, tally, may_be_null=bool(calls))
    reasoning = next((text_of(turn[k], f"{place}.{k}") for k in _REASONING if turn.get(k) is not None), None)
    if reasoning is not None and role != "assistant":
        raise RowFault(f"{place} has reasoning, but is of the {role}", "only the assistant reasons: remove it")
    weight = _weight(turn.get("weight"), role, place)
    if not content.strip() and not calls:
        if role == "assistant" and weight != 0:
            raise RowFault(f"{place} is an empty answer", "write the answer, remove the row, or give the message weight 0")
        if role == "user":
            raise RowFault(f"{place} is an empty user message", "write the question or remove the row")
    for unread in sorted(k for k, v in turn.items() if k not in _KNOWN and v is not None):
        tally[f"messages with a key that is not read: {unread}"] += 1
    return Message(
        role=role,
        content=content,
        tool_calls=calls,
        tool_call_id=_optional(turn.get("tool_call_id"), f"{place}.tool_call_id"),
        name=_optional(turn.get("name"), f"{place}.name"),
        reasoning=reasoning,
        weight=weight,
    )


def _optional(value: Any, name: str) -> str | None:
    return None if value is None else text_of(value, name)


def _content(value: Any, place: str, tally: Tally, *, may_be_null: bool) -> str:
    if value is None and may_be_null:
        return ""
    if isinstance(value, list):
        texts = []
        for part in value:
            kind = part.get("type") if isinstance(part, dict) else None
            if kind not in ("text", "input_text", "output_text"):
                what = f"{place} has a content part of type {str(kind)!r:.40}"
                raise RowFault(what, "only text is trained on in this release: remove the part or the row")
            texts.append(text_of(part.get("text"), f"{place}.text"))
        tally["messages whose text parts were joined"] += 1
        return "".join(texts)
    if value is None:
        raise RowFault(f"{place} has no content", 'add "content": "..."')
    return text_of(value, f"{place}.content")


def _weight(value: Any, role: Role, place: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise RowFault(f"{place} has the weight {value!r:.40}", "a weight is a number from 0 (context only) up; 1 is usual")
    if role != "assistant":
        raise RowFault(f"{place} has a weight, but is of the {role}", "only assistant messages are trained on: remove it")
    return float(value)


def _calls(value: Any, place: str, role: Role, tally: Tally) -> tuple[ToolCall, ...]:
    if value is None or value == []:
        return ()
    remedy = f"a tool call is {_CALL}"
    if role != "assistant":
        raise RowFault(f"{place} has tool_calls, but is of the {role}", "only the assistant calls tools")
    if not isinstance(value, list):
        raise RowFault(f"{place}.tool_calls is not a list", remedy)
    calls = []
    for call in value:
        inner = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
            raise RowFault(f"{place}.tool_calls holds something else than a call", remedy)
        arguments = inner.get("arguments", "{}")
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments, ensure_ascii=False)
            tally["tool calls whose arguments were an object, written as JSON text"] += 1
        calls.append(
            ToolCall(
                name=text_of(inner["name"], f"{place}.tool_calls.name"),
                arguments=text_of(arguments, f"{place}.tool_calls.arguments"),
                id=_optional(call.get("id"), f"{place}.tool_calls.id"),
            )
        )
    return tuple(calls)


def _check_tool(message: Message, before: Sequence[Message], place: str) -> None:
    if message.role != "tool":
        if message.tool_call_id is not None:
            raise RowFault(f"{place} has a tool_call_id, but is of the {message.role}", "only role tool has one")
        return
    if message.tool_call_id is None:
        return
    known = [c.id for m in before for c in m.tool_calls]
    if message.tool_call_id not in known:
        what = f"{place} answers the tool call {message.tool_call_id!r:.60}, which nobody made"
        raise RowFault(what, "use the id of a tool call made earlier in the conversation")


def tools_of(value: Any) -> tuple[Mapping[str, Any], ...]:
    """The tools that a row offers, as given. A JSON string of a list is read. Raises RowFault."""
    if value is None or value == "":
        return ()
    remedy = 'tools are [{"type": "function", "function": {"name": "...", "parameters": {...}}}]'
    if isinstance(value, str):
        try:
            value = json.loads(text_of(value, "tools"))
        except (ValueError, RecursionError):
            raise RowFault("tools is text that is not JSON", remedy) from None
    if not isinstance(value, list):
        raise RowFault("tools is not a list", remedy)
    for tool in value:
        inner = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
            raise RowFault("tools holds something else than a function", remedy)
        text_of(json.dumps(tool, ensure_ascii=False), "tools")
    return tuple(value)
