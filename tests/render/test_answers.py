"""Answers read back, and conversations that go on from sampled tokens."""

import json

import pytest
from render_models import TEMPLATES, assistant, chat, directory, plain, renderer, user

from burnish.errors import TemplateError
from burnish.render.parse import parse_answer
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.types import Message, ToolCall

CALL = '<tool_call>\n{"name": "look", "arguments": {"at":  "sky"}}\n</tool_call>'
LLAMA_CALL = '{"name": "look", "parameters": {"at":  "sky"}}'


def test_reasoning_content_and_calls_come_apart():
    message = parse_answer(f"<think>\nwhy\n</think>\n\nOne moment.\n{CALL}\n{CALL}")
    assert (message.reasoning, message.content) == ("why", "One moment.")
    assert message.tool_calls == (ToolCall(name="look", arguments='{"at":  "sky"}'),) * 2  # as it was written


@pytest.mark.parametrize(
    ("text", "inside", "reasoning", "content"),
    [
        ("plain", False, None, "plain"),
        ("<think>\n\n</think>\n\nx", False, "", "x"),
        ("why\n</think>\n\nx", True, "why", "x"),
        ("why\n</think>\n\nx", False, "why", "x"),
        ("<think>\nnever closed", False, "never closed", ""),
        ("never closed", True, "never closed", ""),
        ("say <think> and </think> aloud", False, None, "say <think> and </think> aloud"),
    ],
)
def test_reasoning_is_found_however_it_was_opened(text, inside, reasoning, content):
    message = parse_answer(text, inside_reasoning=inside)
    assert (message.reasoning, message.content) == (reasoning, content)


def test_llamas_form_of_calls():
    for text in (LLAMA_CALL, "<|python_tag|>" + LLAMA_CALL):
        message = parse_answer(text, form="llama")
        assert message.tool_calls == (ToolCall(name="look", arguments='{"at":  "sky"}'),)
        assert message.content == ""
    for text in ('{"name": "Lily"}', '{"a": 1}', "{"):
        assert parse_answer(text, form="llama") == Message(role="assistant", content=text)


@pytest.mark.parametrize(
    "body",
    [
        '{"name": "look", "arguments": {"at": "sky"',
        '{"name": "look", "arguments": {"at": sky}}',
        '{"name": "look" "arguments": 1}',
        "look(at=sky)",
        "[1, 2]",
        "",
        '{"name": 3}',
    ],
)
@pytest.mark.parametrize("closed", [True, False])
def test_check_14_a_malformed_call_stays_a_call(body, closed):
    message = parse_answer(f"Wait. <tool_call>{body}" + ("</tool_call>" if closed else ""))
    assert message.content == "Wait."
    (call,) = message.tool_calls
    assert call.arguments == body
    assert call.name == ("look" if '"look"' in body else "")


def test_check_14_malformed_llama_call_stays_a_call():
    text = '{"name": "look", "parameters": {"at": "sky"'
    assert parse_answer(text, form="llama").tool_calls == (ToolCall(name="look", arguments=text),)


def test_arguments_may_be_json_in_a_string_or_hidden_among_like_names():
    double = json.dumps({"name": "f", "arguments": '{"a": 1}'})
    nested = '{"x": {"arguments": 1}, "name": "f", "arguments":{"arguments":2}}'
    assert parse_answer(f"<tool_call>{double}</tool_call>").tool_calls[0].arguments == '{"a": 1}'
    assert parse_answer(f"<tool_call>{nested}</tool_call>").tool_calls[0].arguments == '{"arguments":2}'


@pytest.mark.parametrize("name", [*TEMPLATES, "plain", "plain without end"])
def test_an_answer_that_was_rendered_is_read_back(tmp_path, name):
    made = {"plain": lambda: plain(tmp_path, eos_token="</s>"), "plain without end": lambda: plain(tmp_path)}
    r = made[name]() if name in made else renderer(tmp_path, name)
    example = chat(user("What?"), assistant("It is\n42."))
    sampled = r.render(example).ids.tolist()[len(r.prompt_of(example)) :]
    message = r.parse(sampled)
    assert message.content == "It is\n42."
    assert not message.reasoning
    assert r.parse(sampled + r.tokenizer.encode(" and more")).content == "It is\n42."


def test_white_space_that_the_template_puts_around_answers_is_not_content(tmp_path):
    source = (
        "{% for m in messages %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + m.content + ' [/INST]' }}"
        "{% else %}{{ ' ' + m.content + ' ' + eos_token }}{% endif %}{% endfor %}"
    )
    r = Renderer(Tokenizer.load(directory(tmp_path, template=source, bos_token="<s>", eos_token="</s>")))
    example = chat(user("What?"), assistant("It is."), user("And?"), assistant("42."))
    sampled = r.render(example).ids.tolist()[len(r.prompt_of(example)) :]
    assert r.tokenizer.decode(sampled, continues=True) == " 42. </s>"
    assert r.parse(sampled).content == "42."


def test_an_answer_with_a_call_is_read_back(tmp_path):
    answer = assistant("One moment.", reasoning="why", tool_calls=(ToolCall(name="look", arguments='{"at": "sky"}'),))
    for r in (renderer(tmp_path, "qwen"), plain(tmp_path, eos_token="</s>")):
        example = chat(user("What?"), answer)
        assert r.parse(r.render(example).ids.tolist()[len(r.prompt_of(example)) :]) == answer
    llama = renderer(tmp_path, "llama3")
    example = chat(user("What?"), assistant("", tool_calls=answer.tool_calls))
    assert llama.parse(llama.render(example).ids.tolist()[len(llama.prompt_of(example)) :]) == example.messages[-1]


@pytest.mark.parametrize("name", [*TEMPLATES, "plain", "plain without end"])
@pytest.mark.parametrize("stopped", [True, False])
def test_check_21_a_conversation_goes_on_from_the_very_tokens_that_were_sampled(tmp_path, name, stopped):
    made = {"plain": lambda: plain(tmp_path, eos_token="</s>"), "plain without end": lambda: plain(tmp_path)}
    r = made[name]() if name in made else renderer(tmp_path, name)
    first = [user("What?")]
    prompt = r.prompt(first)
    # An answer split into tokens as no encoder would split it.
    odd = [i for c in "It is 42." for i in r.tokenizer.encode(c, continues=True)]
    assert odd != r.tokenizer.encode("It is 42.", continues=True)
    stop = list(r.stop_ids[-1:]) or r.tokenizer.encode("\n[END]", continues=True)
    if name == "glm":
        stop = [i for i in r.stop_ids if r.tokenizer.decode([i]) == "<|user|>"]
    ids = prompt + odd + (stop if stopped else [])
    longer = r.extend(ids, [*first, r.parse(odd)], [user("And now?")])
    assert longer[: len(ids)] == ids
    text = r.tokenizer.decode(longer, continues=True)
    expected = r.tokenizer.decode(r.prompt([*first, assistant("It is 42."), user("And now?")]), continues=True)
    opened = "<think>\n" if name == "r1" else ""  # history hides what the first prompt opened
    lead = {"mistral": " ", "plain": " ", "plain without end": " ", "glm": "\n"}.get(name, "")
    assert text.replace("It is 42.", lead + "It is 42.", 1) == expected.replace("<|Assistant|>It", f"<|Assistant|>{opened}It")


def test_check_21_results_of_tools_follow_the_sampled_call(tmp_path):
    for name in ("qwen", "glm", "llama3"):
        r = renderer(tmp_path, name)
        asked = [user("Look")]
        call = assistant("", tool_calls=(ToolCall(name="look", arguments='{"at": "sky"}'),))
        ids = r.render(chat(*asked, call)).ids.tolist()
        ids = ids[: max(n for n, i in enumerate(ids) if i in r.stop_ids) + 1]
        longer = r.extend(ids, [*asked, call], [Message(role="tool", content="blue")])
        assert longer[: len(ids)] == ids
        added = r.tokenizer.decode(longer[len(ids) :], continues=True)
        assert "blue" in added
        assert not added.startswith(("<|im_end|>", "<|observation|>", "<|eot_id|>"))


def test_check_21_a_template_that_hides_calls_cannot_go_on(tmp_path):
    call = assistant("", tool_calls=(ToolCall(name="look", arguments="{}"),))
    source = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    r = Renderer(Tokenizer.load(directory(tmp_path, template=source, eos_token="</s>")))
    with pytest.raises(TemplateError, match="no end"):
        r.extend([1, 2], [user("a"), call], [Message(role="tool", content="c")])
