"""Examples to a data file, in the OpenAI chat format that `tasks.sources` reads back as the same conversations."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from burnish.types import Example, Message, ToolCall


def write(path: Path, examples: Iterable[Example]) -> None:
    """One JSON line a row. Metadata and references are not written: what is read back has no more than the conversation."""
    path.write_text("".join(json.dumps(row(example), ensure_ascii=False) + "\n" for example in examples), encoding="utf-8")


def row(example: Example) -> dict[str, Any]:
    assert example.form == "chat", f"a row of the form {example.form!r} is no conversation"
    row: dict[str, Any] = {"messages": [_message(m) for m in example.messages]}
    return row | ({"tools": list(example.tools)} if example.tools else {})


def _message(message: Message) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        said["tool_calls"] = [_call(call) for call in message.tool_calls]
    optional = {name: getattr(message, name) for name in ("tool_call_id", "name", "reasoning", "weight")}
    return said | {name: value for name, value in optional.items() if value is not None}


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {**({} if call.id is None else {"id": call.id}), "type": "function", "function": function}
