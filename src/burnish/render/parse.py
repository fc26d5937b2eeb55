"""A model's answer read back into a Message: reasoning apart from content, tool calls apart from both.

Three written forms of tool calls are known: Hermes and Qwen (`<tool_call>{json}</tool_call>`), Llama 3.1 (the whole
answer is one JSON object with name and parameters, after `<|python_tag|>` or bare), and one line for small models
(`<|call|>name(argument)`; see `compact_arguments`). A call whose JSON is malformed stays a call, with the text as written
for its arguments, so that whoever runs tools can answer with an error (check 14).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from burnish.render.template import CALL_CLOSE, CALL_OPEN, COMPACT_CALL, REASONING_CLOSE, REASONING_OPEN
from burnish.types import Message, ToolCall

CallForm = Literal["hermes", "llama", "compact"]

_NAME = re.compile(r'"name"\s*:\s*"((?:[^"\\]|\\.)*)"')
_ARGUMENTS = re.compile(r'"(arguments|parameters)"\s*:\s*')
_PYTHON_TAG = "<|python_tag|>"
_LLAMA_START = re.compile(r'\{\s*("type"\s*:\s*"function"\s*,\s*)?"name"\s*:\s*"[^"]*"\s*,\s*"(parameters|arguments)"\s*:')


def parse_answer(
    text: str, *, form: CallForm = "hermes", inside_reasoning: bool = False, tools: Sequence[Mapping[str, Any]] = ()
) -> Message:
    """Read an answer, stop token already removed. `inside_reasoning`: the prompt had opened the reasoning already. `tools`:
    what may be called, which the compact form needs to name the arguments.

    Never fails: what is not understood stays content, and a malformed call stays a call.
    """
    reasoning, rest = split_reasoning(text, inside=inside_reasoning)
    if form == "llama":
        content, calls = _llama_calls(rest)
    elif form == "compact":
        content, calls = _compact_calls(rest, tools)
    else:
        content, calls = _hermes_calls(rest)
    return Message(role="assistant", content=content, tool_calls=tuple(calls), reasoning=reasoning)


def split_reasoning(text: str, *, inside: bool = False) -> tuple[str | None, str]:
    """(reasoning or None, the rest). An empty block gives ""; one that was never closed takes all of the text."""
    opened = text.lstrip().startswith(REASONING_OPEN)
    body = text.lstrip()[len(REASONING_OPEN) :] if opened else text
    before, closed, after = body.partition(REASONING_CLOSE)
    if opened or inside:
        return (before.strip("\n"), after.lstrip("\n")) if closed else (body.strip("\n"), "")
    if closed and REASONING_OPEN not in before:  # the prompt held the opening marker
        return before.strip("\n"), after.lstrip("\n")
    return None, text


def _hermes_calls(text: str) -> tuple[str, list[ToolCall]]:
    content, *rest = text.split(CALL_OPEN)
    calls, tail = [], []
    for part in rest:
        body, _, after = part.partition(CALL_CLOSE)
        calls.append(read_call(body.strip()))
        tail.append(after.strip())
    if not calls:
        return text, []
    return "\n".join(piece for piece in (content.strip(), *tail) if piece), calls


def _llama_calls(text: str) -> tuple[str, list[ToolCall]]:
    content, tag, after = text.partition(_PYTHON_TAG)
    body = (after if tag else text).strip()
    if not _LLAMA_START.match(body):
        return text, []
    return (content.strip() if tag else ""), [read_call(body)]


def read_call(body: str) -> ToolCall:
    """One call from its JSON text. Arguments are the text as written; malformed JSON gives all of `body`."""
    value = _json(body)
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        key = "arguments" if "arguments" in value else "parameters"
        arguments = value.get(key, {})
        text = arguments if isinstance(arguments, str) else _as_written(body, key, arguments)
        call_id = value.get("id")
        return ToolCall(name=value["name"], arguments=text, id=call_id if isinstance(call_id, str) else None)
    named = _NAME.search(body)
    return ToolCall(name=named[1] if named else "", arguments=body)


def _as_written(body: str, key: str, value: object) -> str:
    """The part of `body` that holds the value of `key`."""
    decoder = json.JSONDecoder()
    for match in _ARGUMENTS.finditer(body):
        if match[1] == key:
            found, end = decoder.raw_decode(body, match.end())
            if found == value:
                return body[match.end() : end]
    return json.dumps(value, ensure_ascii=False)


_LINE = re.compile(r"([A-Za-z_][\w.-]*)[ \t]*\((.*)\)", re.DOTALL)


def _compact_calls(text: str, tools: Sequence[Mapping[str, Any]]) -> tuple[str, list[ToolCall]]:
    content, *bodies = text.split(COMPACT_CALL)
    known = {str(f.get("name")): f for f in (tool.get("function", tool) for tool in tools)}
    calls = []
    for body in map(str.strip, bodies):
        line = _LINE.fullmatch(body)
        if line is None:
            named = re.match(r"[A-Za-z_][\w.-]*", body)
            calls.append(ToolCall(name=named[0] if named else "", arguments=body))
        else:
            calls.append(ToolCall(name=line[1], arguments=compact_arguments(line[2], known.get(line[1]))))
    return (content.strip() if calls else text), calls


def compact_arguments(inside: str, function: Mapping[str, Any] | None) -> str:
    """The JSON of what stands in the brackets of a compact call: nothing, an object, the value of a function's only parameter
    (a text as it is, everything else as JSON), or the values of its parameters in order, as JSON."""
    bare, parameters = inside.strip(), (function or {}).get("parameters") or {}
    properties = dict(parameters.get("properties") or {})
    if not bare:
        return "{}"
    if isinstance(_json(bare), dict):
        return bare
    if len(properties) == 1:
        ((name, kind),) = properties.items()
        value = bare if kind.get("type") == "string" else _json(bare)
        return json.dumps({name: bare if value is None else value}, ensure_ascii=False)
    values = _json(f"[{bare}]")
    if values is not None and len(values) <= len(properties):
        return json.dumps(dict(zip(properties, values, strict=False)), ensure_ascii=False)
    return inside


def _json(text: str) -> Any:
    """A JSON value; None for what is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
