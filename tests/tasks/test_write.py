"""What is written is read back as the same conversations."""

from pathlib import Path

import pytest

from burnish.tasks import ready, sources
from burnish.tasks.write import write
from burnish.types import Example, Message, ToolCall

TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}
CALLED = Example(
    messages=(
        Message(role="system", content="Count \u00fc\u2028well."),
        Message(role="user", content="What is 1 + 2?"),
        Message(
            role="assistant",
            reasoning="A sum.",
            tool_calls=(ToolCall(name="add", arguments='{"a": 1, "b": 2}', id="c1"),),
            weight=0,
        ),
        Message(role="tool", content="3", tool_call_id="c1", name="add"),
        Message(role="assistant", content="It is 3."),
    ),
    tools=(TOOL,),
)


@pytest.mark.parametrize("rows", [(CALLED,), ready.get("assistant").train[:40]], ids=["tools", "assistant"])
def test_a_conversation_comes_back(rows: tuple[Example, ...], tmp_path: Path) -> None:
    write(tmp_path / "rows.jsonl", rows)
    found = sources.read(tmp_path / "rows.jsonl").examples
    assert [(e.messages, e.tools) for e in found] == [(e.messages, e.tools) for e in rows]


def test_plain_text_is_no_conversation(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no conversation"):
        write(tmp_path / "rows.jsonl", [Example(messages=(Message(role="assistant", content="x"),), form="text")])
