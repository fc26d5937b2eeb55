"""Formats: each detected and named, converted to the right messages; look-alikes refused; --map."""

import json
import re
from pathlib import Path

import pytest

from burnish.errors import ConfigError, DataError
from burnish.tasks.formats import ROLES, parse_mapping
from burnish.tasks.sources import read
from burnish.types import Message, ToolCall


@pytest.fixture
def load(tmp_path):
    def _load(*rows, **kwargs):
        path = tmp_path / "data.jsonl"
        path.write_text("\n".join(json.dumps(r) for r in rows))
        return read(path, **kwargs)

    return _load


def turns(example):
    return [(m.role, m.content) for m in example.messages]


CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    ("row", "name", "form", "expected"),
    [
        (
            {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
            "OpenAI chat (messages)",
            "chat",
            [("user", "q"), ("assistant", "a")],
        ),
        (
            {"prompt": "Once", "completion": " upon"},
            "prompt/completion (prompt, completion)",
            "completion",
            [("user", "Once"), ("assistant", " upon")],
        ),
        (
            {"system": "s", "prompt": "q", "completion": "a"},
            "prompt/completion (system, prompt, completion)",
            "chat",
            [("system", "s"), ("user", "q"), ("assistant", "a")],
        ),
        (
            {"prompt": [{"role": "user", "content": "q"}], "completion": [{"role": "assistant", "content": "a"}]},
            "prompt/completion messages (prompt, completion)",
            "chat",
            [("user", "q"), ("assistant", "a")],
        ),
        (
            {"question": "q", "answer": "a"},
            "question/answer (question, answer)",
            "chat",
            [("user", "q"), ("assistant", "a")],
        ),
        (
            {"question": "q", "context": "c", "answer": "a"},
            "question/answer (question, context, answer)",
            "chat",
            [("user", "c\n\nq"), ("assistant", "a")],
        ),
        (
            {"problem": "q", "level": "5", "solution": "a"},
            "problem/solution (problem, solution)",
            "chat",
            [("user", "q"), ("assistant", "a")],
        ),
        (
            {"instruction": "i", "input": "x", "output": "a"},
            "Alpaca (instruction, input, output)",
            "chat",
            [("user", "i\n\nx"), ("assistant", "a")],
        ),
        (
            {"instruction": "i", "input": "", "response": "a"},
            "Alpaca (instruction, input, response)",
            "chat",
            [("user", "i"), ("assistant", "a")],
        ),
        (
            {"instruction": "i", "context": "x", "response": "a", "category": "qa"},
            "Alpaca (instruction, context, response)",
            "chat",
            [("user", "i\n\nx"), ("assistant", "a")],
        ),
        (
            {"system_prompt": "s", "question": "q", "response": "a"},
            "question/response (system_prompt, question, response)",
            "chat",
            [("system", "s"), ("user", "q"), ("assistant", "a")],
        ),
        ({"input": "q", "output": "a"}, "input/output (input, output)", "chat", [("user", "q"), ("assistant", "a")]),
        (
            {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], "system": "s"},
            "ShareGPT (system, conversations)",
            "chat",
            [("system", "s"), ("user", "q"), ("assistant", "a")],
        ),
        (
            {"conversations": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
            "OpenAI chat (conversations)",
            "chat",
            [("user", "q"), ("assistant", "a")],
        ),
        ({"text": "t", "url": "u"}, "text (text)", "text", [("assistant", "t")]),
    ],
)
def test_each_format_is_named_and_converted(load, row, name, form, expected):
    source = load(row, row)
    assert source.format == name + ", JSON lines"
    assert {e.form for e in source.examples} == {form}
    assert turns(source.examples[0]) == expected


def test_unread_columns_are_kept_as_metadata_and_named(load):
    source = load({"question": "q", "answer": "a", "level": 5, "": "index"})
    assert source.examples[0].metadata == {"level": 5, "": "index"}
    assert "columns not trained on: (unnamed), level" in source.notes


def test_openai_chat_with_tools_weights_and_reasoning(load):
    row = {
        "messages": [
            {"role": "developer", "content": "d"},
            {"role": "user", "content": [{"type": "text", "text": "1+"}, {"type": "text", "text": "1?"}], "name": "bo"},
            {"role": "assistant", "content": None, "tool_calls": [CALL], "weight": 0},
            {"role": "tool", "tool_call_id": "c1", "content": "2"},
            {"role": "assistant", "content": "2", "weight": 0.5, "reasoning_content": "easy", "refusal": None},
        ],
        "tools": [TOOL],
        "parallel_tool_calls": False,
    }
    source = load(row)
    assert source.examples[0].messages == (
        Message(role="developer", content="d"),
        Message(role="user", content="1+1?", name="bo"),
        Message(role="assistant", tool_calls=(ToolCall(name="add", arguments='{"a": 1}', id="c1"),), weight=0.0),
        Message(role="tool", content="2", tool_call_id="c1"),
        Message(role="assistant", content="2", weight=0.5, reasoning="easy"),
    )
    assert source.examples[0].tools == (TOOL,)
    assert "1 rows with parallel_tool_calls, which training does not read" in source.notes
    assert "1 messages whose text parts were joined" in source.notes
    assert source.format == "OpenAI chat (messages, tools), JSON lines"


def test_malformed_tool_arguments_are_kept_as_written(load):
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": '{"a": '}}
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [call]}]}
    example = load(row).examples[0]
    assert example.messages[1].tool_calls[0].arguments == '{"a": '
    assert example.reference is None


def test_tool_arguments_as_an_object_become_json_text(load):
    call = {"name": "add", "arguments": {"a": "é"}}
    source = load({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [call]}]})
    assert source.examples[0].messages[1].tool_calls == (ToolCall(name="add", arguments='{"a": "é"}'),)
    assert any("arguments were an object" in note for note in source.notes)


USER = {"role": "user", "content": "q"}
ANSWER = {"role": "assistant", "content": "a"}


@pytest.mark.parametrize(
    ("messages", "fault"),
    [
        ([], "messages is empty"),
        ("hello", "messages is not a list"),
        ([USER], "no assistant message"),
        ([USER, ANSWER, USER], "the last message of messages is of the user"),
        ([USER, ANSWER, "x"], "messages[2] is not an object"),
        ([USER, {"role": "bot", "content": "a"}], "messages[1] has the unknown role 'bot'"),
        ([USER, {"role": "Assistant", "content": "a"}], "messages[1] has the unknown role 'Assistant'"),
        ([USER, {"content": "a"}], "messages[1] has no role"),
        ([USER, {"role": "assistant"}], "messages[1] has no content"),
        ([USER, {"role": "assistant", "content": ""}], "messages[1] is an empty answer"),
        ([USER, {"role": "assistant", "content": 5}], "messages[1].content is a number, not text"),
        ([{"role": "user", "content": " "}, ANSWER], "messages[0] is an empty user message"),
        ([{**USER, "weight": 1}, ANSWER], "messages[0] has a weight, but is of the user"),
        ([USER, {**ANSWER, "weight": -1}], "messages[1] has the weight -1"),
        ([USER, {**ANSWER, "weight": True}], "messages[1] has the weight True"),
        ([USER, {**ANSWER, "weight": "0"}], "messages[1] has the weight '0'"),
        ([USER, {**ANSWER, "function_call": {"name": "f"}}], "messages[1] is a legacy function call"),
        ([USER, {"role": "function", "content": "2", "name": "f"}, ANSWER], "messages[1] is a legacy function call"),
        ([{**USER, "tool_calls": [CALL]}, ANSWER], "messages[0] has tool_calls, but is of the user"),
        ([USER, {**ANSWER, "tool_calls": [{"id": "c"}]}], "tool_calls holds something else than a call"),
        ([USER, {"role": "tool", "tool_call_id": "c9", "content": "2"}, ANSWER], "answers the tool call 'c9'"),
        ([{**USER, "reasoning": "hm"}, ANSWER], "messages[0] has reasoning, but is of the user"),
        ([{"role": "user", "content": [{"type": "image_url"}]}, ANSWER], "content part of type 'image_url'"),
    ],
)
def test_faulty_messages(load, messages, fault):
    with pytest.raises(DataError, match="line 2: ") as caught:
        load({"messages": [USER, ANSWER]}, {"messages": messages})
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"tools": "no json"}, "tools is text that is not JSON"),
        ({"tools": [{"name": "f"}]}, "tools holds something else"),
        ({"tools": {}}, "tools is not a list"),
        ({"functions": [{"name": "f"}]}, "legacy column 'functions'"),
    ],
)
def test_faulty_tools(load, row, fault):
    with pytest.raises(DataError) as caught:
        load({"messages": [USER, ANSWER], **row})
    assert fault in str(caught.value)


def test_an_empty_answer_that_is_not_trained_on_is_context(load):
    row = {"messages": [USER, {"role": "assistant", "content": "", "weight": 0}, USER, ANSWER]}
    assert load(row).examples[0].messages[1].weight == 0


def test_a_message_key_that_is_not_read_is_named(load):
    source = load({"messages": [USER, {**ANSWER, "mood": "calm"}]})
    assert "1 messages with a key that is not read: mood" in source.notes


def test_only_the_completion_of_message_lists_is_trained_on(load):
    row = {"prompt": [USER, ANSWER, USER], "completion": [ANSWER]}
    assert [m.weight for m in load(row).examples[0].messages] == [None, 0.0, None, None]


def test_sharegpt_speakers(load):
    spoken = [("system", "s"), ("Human", "q"), ("gpt", "a"), ("observation", "o"), ("bard", "b")]
    source = load({"id": 1, "conversations": [{"from": f, "value": v} for f, v in spoken]})
    assert [m.role for m in source.examples[0].messages] == ["system", "user", "assistant", "tool", "assistant"]
    with pytest.raises(DataError, match="legacy function call"):
        load({"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": "{}"}]})
    with pytest.raises(DataError, match="unknown role 'narrator'"):
        load({"conversations": [{"from": "human", "value": "q"}, {"from": "narrator", "value": "x"}]})


def test_system_in_some_rows_makes_every_row_a_chat(load):
    rows = [{"prompt": "q", "completion": "a"}, {"prompt": "q", "completion": "a"}]
    source = load(*rows, {"system": "s", "prompt": "q", "completion": "a"})
    assert [e.form for e in source.examples] == ["chat"] * 3
    assert source.examples[2].messages[0].content == "s"
    assert "system" not in source.examples[2].metadata


@pytest.mark.parametrize(
    ("answer", "reference", "mark"),
    [
        ("2 + 2 = <<2+2=4>>4\n#### 4", "4", "####"),
        ("so\n#### 1,200 \n", "1,200", "####"),
        ("so $x = \\boxed{\\frac{3}{4}}$.", "\\frac{3}{4}", "\\boxed"),
        ("first \\boxed{1}, then $\\boxed{x^{2}}$", "x^{2}", "\\boxed"),
        ("thus $\\boxed 7$.", "7", "\\boxed"),
        ("#### A heading\n\nwith text under it", "#### A heading\n\nwith text under it", None),
        ("##### 5", "##### 5", None),
        ("unclosed \\boxed{1", "unclosed \\boxed{1", None),
        ("plain", "plain", None),
    ],
)
def test_final_answers_become_the_reference_and_the_answer_stays_whole(load, answer, reference, mark):
    source = load({"question": "q", "answer": answer})
    assert source.examples[0].messages[1].content == answer
    assert source.examples[0].reference == reference
    noted = [n for n in source.notes if "marked final answer" in n]
    assert noted == ([f"1 answers with a marked final answer ({mark}): graders compare with that"] if mark else [])


def test_a_final_answer_column_beside_the_solution_is_the_reference(load):
    example = load({"problem": "q", "solution": "long \\boxed{9}", "answer": "5"}).examples[0]
    assert (example.messages[1].content, example.reference) == ("long \\boxed{9}", "5")


def test_lists_of_answers_train_the_first_and_accept_all(load):
    source = load({"question": "q", "answer": ["NYC", "New York", "NYC"]}, {"question": "r", "answer": 4})
    assert turns(source.examples[0])[1] == ("assistant", "NYC")
    assert source.examples[0].metadata["references"] == ("NYC", "New York")
    assert turns(source.examples[1])[1] == ("assistant", "4")
    assert "1 answers that are lists: the first is trained on, any is right when graded" in source.notes
    assert "1 answers that are numbers, written as text" in source.notes


@pytest.mark.parametrize(
    ("row", "what", "todo"),
    [
        ({"prompt": "q", "chosen": "a", "rejected": "b"}, "preference pairs", "--map user=prompt --map assistant=chosen"),
        ({"chosen": "a", "rejected": "b"}, "preference pairs (chosen, rejected)", "--map text=chosen"),
        ({"instruction": "i", "output_1": "a", "output_2": "b"}, "preference pairs (output_1", "assistant=output_1"),
        ({"prompt": "q", "completion": "a", "label": False}, "rated answers", "whose label is true"),
        ({"instruction": "i", "instances": [{"input": "", "output": "a"}]}, "self-instruct", "one row per instance"),
        ({"title": "t", "paragraphs": [{"qas": []}]}, "SQuAD", "one row per question"),
        ({"data": [{"paragraphs": []}]}, "SQuAD", "one row per question"),
        ({"question": [[{"role": "user"}]], "function": []}, "BFCL", '"messages"'),
        ({"question": "q", "choices": ["a", "b"], "answer": 1}, "multiple-choice rows (choices)", "into the question"),
        ({"question": "q", "A": "a", "B": "b", "answer": "A"}, "multiple-choice rows (A, B)", "into the question"),
        ({"text": "t", "code": "c"}, "columns that may be its answer: code", "--map user=text --map assistant=code"),
        ({"prompt": "q"}, "no column known to hold its answer", "--map user=prompt --map assistant=COLUMN"),
        ({"goal": "q", "target": "a"}, "no known format has the columns goal, target", "user=goal --map assistant=target"),
        ({"Body": "b", "Question": "q", "Answer": 1.0}, "no known format", "user=Body+Question"),
        ({"a": {"b": {"c": 1}}, "d": [1]}, "(a, d: nested)", "flatten"),
        ({"instruction": "i", "output": "a", "response": "b"}, "could be the answer: output, response", "assistant=output"),
        ({"question": "q", "answer": "a", "problem": "p", "solution": "s"}, "more than one format", "--map"),
        ({}, "empty object", "write rows"),
    ],
)
def test_look_alikes_are_refused_with_a_remedy(load, row, what, todo):
    with pytest.raises(DataError) as caught:
        load(row, row)
    assert what in caught.value.seen
    assert todo in caught.value.todo


@pytest.mark.parametrize(
    ("mapping", "form", "expected", "reference"),
    [
        ({"prompt": "a", "completion": "b"}, "completion", [("user", "x"), ("assistant", "y")], "y"),
        ({"user": "a", "assistant": "b"}, "chat", [("user", "x"), ("assistant", "y")], "y"),
        (
            {"user": "a", "assistant": "b", "system": "c", "reference": "d"},
            "chat",
            [("system", "z"), ("user", "x"), ("assistant", "y")],
            "4",
        ),
        ({"user": "c + a", "assistant": "d"}, "chat", [("user", "z\nx"), ("assistant", "4")], "4"),
        ({"text": "a"}, "text", [("assistant", "x")], None),
        ({"messages": "m"}, "chat", [("user", "q"), ("assistant", "a")], "a"),
    ],
)
def test_map(load, mapping, form, expected, reference):
    row = {"a": "x", "b": "y", "c": "z", "d": 4, "m": [USER, ANSWER]}
    source = load(row, mapping=mapping)
    assert source.format == f"columns as mapped: {', '.join(f'{r}={c}' for r, c in _in_order(mapping))}, JSON lines"
    example = source.examples[0]
    assert (example.form, turns(example), example.reference) == (form, expected, reference)


def _in_order(mapping):
    order = ["prompt", "completion", "user", "assistant", "system", "text", "reference", "messages", "tools"]
    return sorted(mapping.items(), key=lambda item: order.index(item[0]))


@pytest.mark.parametrize(
    ("mapping", "error", "words"),
    [
        ({"uesr": "a", "assistant": "b"}, ConfigError, "did you mean 'user'"),
        ({"user": "a"}, ConfigError, "does not say what is trained"),
        ({"prompt": "a", "assistant": "b"}, ConfigError, "does not say what is trained"),
        ({"user": "a", "assistant": "bb"}, DataError, "no column 'bb'"),
        ({"user": "a", "assistant": "a+b"}, ConfigError, "takes one column"),
    ],
)
def test_map_refuses(load, mapping, error, words):
    with pytest.raises(error) as caught:
        load({"a": "x", "b": "y"}, mapping=mapping)
    assert words in str(caught.value)


def test_map_needs_columns_and_a_row_without_one_is_bad(load, tmp_path):
    with pytest.raises(DataError, match="line 2: no column 'b'"):
        load({"a": "x", "b": "y"}, {"a": "x"}, mapping={"user": "a", "assistant": "b"})
    path = tmp_path / "a.txt"
    path.write_text("one\ntwo\n")
    with pytest.raises(DataError, match="no columns to map"):
        read(path, mapping={"text": "a"})


def test_parse_mapping():
    assert parse_mapping(["user=goal", "assistant = target"]) == {"user": "goal", "assistant": "target"}
    assert parse_mapping(["prompt=goal,completion=target"]) == {"prompt": "goal", "completion": "target"}
    for wrong in (["user"], ["user="], ["=a"], ["user=a", "user=b"]):
        with pytest.raises(ConfigError):
            parse_mapping(wrong)


REFERENCE = (Path(__file__).parents[2] / "docs" / "reference" / "data-formats.md").read_text()
SHOWN = re.findall(r"^\| ([^|]+) \| `([\[{].*[\]}])` \| ([^|]+) \|$", REFERENCE.split("### Chat")[0], re.MULTILINE)


@pytest.mark.parametrize(("name", "row", "becomes"), SHOWN)
def test_the_rows_of_the_reference_page_are_read_as_it_says(tmp_path, name, row, becomes):
    path = tmp_path / "a.json"
    path.write_text(row if row.startswith("[") else f"[{row}]")
    source = read(path)
    first = "JSON array of strings" if name == "strings" else name.split(", ")[0]
    assert source.format.startswith(first)
    form = "chat" if becomes.startswith("a chat") else "text" if becomes.startswith("text") else "completion"
    assert {e.form for e in source.examples} == {form}


def test_the_reference_page_shows_every_format_and_role():
    assert len(SHOWN) == 10
    assert all(f"`{role}`" in REFERENCE for role in ROLES)
