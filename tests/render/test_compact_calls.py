"""Calls in one line: what a learned tokenizer's template writes is read back, with and without sense."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from burnish.render.learn import TEMPLATE, TOOL_FILE, learn_bpe
from burnish.render.parse import compact_arguments, parse_answer
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.types import Example, Message, ToolCall


def tool(name: str, **properties: str) -> dict:
    kinds = {key: {"type": kind} for key, kind in properties.items()}
    return {"type": "function", "function": {"name": name, "description": f"Does {name}.", "parameters": {"properties": kinds}}}


CALC, MOVE, CLOCK = tool("calc", expression="string"), tool("move", x="integer", y="integer"), tool("clock")


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    path = tmp_path_factory.mktemp("learned")
    learn_bpe(["calc(17 * 4) is 68. The clock says what it says."] * 40, path, vocab=340, positions=128)
    return Renderer(Tokenizer.load(path))


@pytest.mark.parametrize(
    ("inside", "about", "arguments"),
    [
        ("17 * 4", CALC, {"expression": "17 * 4"}),
        ('{"expression": "1"}', CALC, {"expression": "1"}),
        ("", CLOCK, {}),
        (" ", CALC, {}),
        ("3, 4", MOVE, {"x": 3, "y": 4}),
        ("3", MOVE, {"x": 3}),
        ("4", tool("double", n="integer"), {"n": 4}),
        ("four", tool("double", n="integer"), {"n": "four"}),
    ],
)
def test_what_stands_in_brackets_names_its_arguments(inside: str, about: dict, arguments: dict) -> None:
    assert json.loads(compact_arguments(inside, about["function"])) == arguments


@pytest.mark.parametrize(("inside", "about"), [("3, north", MOVE), ("1, 2, 3", MOVE)])
def test_what_cannot_be_named_stays_as_written(inside: str, about: dict) -> None:
    assert compact_arguments(inside, about["function"]) == inside


@pytest.mark.parametrize(
    ("text", "content", "calls"),
    [
        ("<|call|>calc(17 * 4)", "", [("calc", '{"expression": "17 * 4"}')]),
        ("I will see.<|call|>calc((1))<|call|>clock()", "I will see.", [("calc", '{"expression": "(1)"}'), ("clock", "{}")]),
        ("<|call|>calc 17", "", [("calc", "calc 17")]),
        ("<|call|>", "", [("", "")]),
        ("<|call|>nope(3)", "", [("nope", "3")]),
        (" no call", " no call", []),
    ],
)
def test_check_14_lines_are_read_and_malformed_ones_stay_calls(text: str, content: str, calls: list) -> None:
    found = parse_answer(text, form="compact", tools=[CALC, CLOCK])
    assert (found.content, [(c.name, c.arguments) for c in found.tool_calls]) == (content, calls)


def test_a_call_is_written_as_it_is_read_and_its_result_carries_no_loss(renderer: Renderer) -> None:
    asked = Message(role="user", content="17 * 4?")
    calls = [ToolCall(name="calc", arguments='{"expression": "17 * 4"}'), ToolCall(name="move", arguments='{"x": 1, "y": 2}')]
    said, results = Message(role="assistant", tool_calls=tuple(calls)), [Message(role="tool", content=c) for c in ("68", "ok")]
    trace = Example(messages=(asked, said, *results, Message(role="assistant", content="It is 68.")), tools=(CALC, MOVE))
    row = renderer.render(trace)
    assert row.fault is None
    text = renderer.tokenizer.decode(row.ids.tolist())
    assert text == (
        "<|end|><|system|>calc(expression): Does calc.\nmove(x, y): Does move.<|end|><|user|>17 * 4?<|end|><|assistant|>"
        '<|call|>calc(17 * 4)<|call|>move({"x": 1, "y": 2})<|end|><|tool|>68<|end|><|tool|>ok<|end|><|assistant|>It is 68.<|end|>'
    )
    learned = renderer.tokenizer.decode([i for i, w in zip(row.ids.tolist(), row.weights, strict=True) if w])
    assert learned == '<|call|>calc(17 * 4)<|call|>move({"x": 1, "y": 2})<|end|>It is 68.<|end|>'
    prompt = renderer.prompt([asked], [CALC, MOVE])
    sampled = row.ids.tolist()[len(prompt) :]
    end = sampled.index(renderer.stop_ids[0]) + 1
    assert renderer.parse(sampled[:end], [CALC, MOVE]) == said
    longer = renderer.extend([*prompt, *sampled[:end]], [asked, said], results, [CALC, MOVE])
    assert longer == row.ids.tolist()[: len(longer)]
    assert renderer.why_no_tools() == ""


def test_without_tools_nothing_is_written_otherwise_than_before(renderer: Renderer) -> None:
    assert renderer.template.source == TEMPLATE
    row = renderer.render(Example(messages=(Message(role="user", content="Hi"), Message(role="assistant", content="Hello"))))
    assert renderer.tokenizer.decode(row.ids.tolist()) == "<|end|><|user|>Hi<|end|><|assistant|>Hello<|end|>"


@pytest.mark.parametrize("name", ["pebble", "pebble-chat", "micro"])
def test_the_models_of_the_package_write_tools(name: str) -> None:
    import burnish

    directory = Path(burnish.__file__).parent / "models" / name
    assert (directory / TOOL_FILE).is_file()
    assert Renderer(Tokenizer.load(directory)).why_no_tools() == ""
