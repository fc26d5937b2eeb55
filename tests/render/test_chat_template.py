"""Templates: the text of transformers byte for byte, and nothing that a template could do to us."""

import time
from collections import UserDict
from datetime import datetime
from pathlib import Path

import pytest
from jinja2.exceptions import TemplateError as JinjaError
from render_models import KINDS, TEMPLATES, directory, renderer
from transformers import PreTrainedTokenizerFast
from transformers.utils.chat_template_utils import render_jinja_template

from burnish.errors import DataError, TemplateError
from burnish.render.jinja import ConversationRefused
from burnish.render.template import PLAIN, ChatTemplate, as_message, as_template_dict

CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": {"at": "sky <é>", "n": [1, 2.0, 2.5, None]}}}
LOOK = {
    "type": "function",
    "function": {
        "name": "look",
        "description": 'Look "there" & say.',
        "parameters": {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]},
    },
}
TALKS = {
    "one": [{"role": "user", "content": 'Hello <b>, it\'s "me"\n'}],
    "system": [{"role": "system", "content": " Be brief. "}, {"role": "user", "content": "Hi"}],
    "turns": [
        {"role": "user", "content": "What is it?"},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\n 42 \n"},
        {"role": "user", "content": "And\nnow?"},
        {"role": "assistant", "content": "43"},
    ],
    "tools": [
        {"role": "user", "content": "Look up"},
        {"role": "assistant", "content": "", "reasoning_content": "sky", "tool_calls": [CALL]},
        {"role": "tool", "content": '{"seen": "blüe"}', "name": "look", "tool_call_id": "c1"},
        {"role": "assistant", "content": "It is blue."},
        {"role": "user", "content": "Thanks"},
    ],
}
OPTIONS = {"date_string": "1 Jan 2025"}


def theirs(source, talk, tools, generate, **variables):
    """What transformers renders, or None where the template refuses."""
    try:
        return render_jinja_template([talk], tools, None, source, add_generation_prompt=generate, **variables)[0][0]
    except JinjaError:
        return None


def ours(template, talk, tools, generate, **variables):
    rows = [as_template_dict(as_message(m)) for m in talk]
    try:
        return template.render(rows, tools=tools, add_generation_prompt=generate, variables=variables)
    except ConversationRefused:
        return None


@pytest.mark.parametrize("talk", list(TALKS))
@pytest.mark.parametrize("name", [*TEMPLATES, "plain"])
def test_the_text_is_that_of_transformers(name, talk):
    source, bos, eos = TEMPLATES.get(name, (PLAIN, None, "</s>"))
    special = {k: v for k, v in (("bos_token", bos), ("eos_token", eos)) if v} | OPTIONS
    template = ChatTemplate(source)
    for tools in ([], [LOOK]):
        for generate in (False, True):
            expected = theirs(source, TALKS[talk], tools or None, generate, **special)
            assert ours(template, TALKS[talk], tools, generate, **special) == expected


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("name", list(TEMPLATES))
def test_the_ids_are_those_of_transformers(tmp_path, name, kind):
    source, bos, eos = TEMPLATES[name]
    path = directory(tmp_path, kind)
    library = PreTrainedTokenizerFast(
        tokenizer_file=str(path / "tokenizer.json"), bos_token=bos, eos_token=eos, chat_template=source
    )
    made = renderer(tmp_path, name, kind, **OPTIONS)
    for talk in TALKS.values():
        if talk[-1]["role"] == "assistant" or theirs(source, talk, None, True, bos_token=bos, eos_token=eos) is None:
            continue
        expected = library.apply_chat_template(talk, add_generation_prompt=True, return_dict=False, **OPTIONS)
        prefix = list(made.tokenizer.prefix_ids)
        if expected[: len(prefix)] != prefix:  # transformers leaves out the BOS of a template that forgets it
            expected = prefix + expected
        assert made.prompt(talk) == expected


FEATURES = """{%- macro twice(m, sep='-') -%}{{ m.role ~ sep ~ m.role }}{%- endmacro -%}
{%- set ns = namespace(n=0, last='') -%}
{%- for m in messages[::-1] -%}
    {%- if m.role == 'tool' %}{% continue %}{% endif -%}
    {%- if loop.index0 > 3 %}{% break %}{% endif -%}
    {%- set ns.n = ns.n + 1 -%}{%- set ns.last = m['content'].split('</think>')[-1].lstrip('\\n') | trim -%}
    {{ twice(m, sep='/') }}|{{ loop.first }}{{ loop.previtem is defined }}|{{ m.name is defined }}|
{%- endfor %}
{{ ns.n }} {{ ns.last }} {{ messages[1:3] | length }} {{ messages[-1].content[:2] }} {{ none is none }} {{ true }}
{{ {'b': 1, 'a': [1, 2.5, none, true, '<é"&\\'>']} | tojson }} {{ {'x': {'y': [1, {}]}} | tojson(indent=2) }}
{{ ['a', 'b'] | join(', ') }} {{ 'abc'.startswith('ab') }} {{ 'x' in 'xyz' }} {{ messages | map(attribute='role') | list }}
{%- for k, v in {'q': 1, 'p': 'z'}.items() %} {{ k }}={{ v }}{% endfor %}
{%- for k, v in messages[0] | items %} {{ k }}={{ v }}{% endfor %}
{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | first }}
{% generation %}{% set inner = 1 %}  kept {% endgeneration %}
{{- inner is defined }} {{ missing | default('none') }} {{ 'a' if missing else 'b' }} {{ messages[0].content is string }}
{{ messages is sequence }}{{ 'a' is sequence }}{{ messages[0] is mapping }} {{ '%s!' | format('hi') }} {{ 7 // 2 }}{{ 7 % 4 }}
{# a comment #}
  {% if messages | length > 1 and not missing %}
  indented
  {% endif %}
last
"""


def test_the_language_of_templates_is_that_of_transformers():
    talk = TALKS["tools"]
    assert ours(ChatTemplate(FEATURES), talk, [], False) == theirs(FEATURES, talk, None, False)


def test_the_documented_plain_template_is_the_one_in_use():
    documented = Path(__file__).parents[2] / "docs" / "reference" / "chat-templates.md"
    assert f"```jinja\n{PLAIN}```" in documented.read_text(encoding="utf-8")


def test_the_date_is_read_once_and_can_be_given():
    template = ChatTemplate("{{ strftime_now('%d %b %Y') }}", now=datetime(2024, 7, 26))
    assert template.tells_date
    assert template.render([]) == "26 Jul 2024"


BOMBS = {
    "loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "doubling": "{% set n = namespace(a='x') %}{% for i in range(70) %}{% set n.a = n.a ~ n.a %}{% endfor %}",
    "replacing": "{% set b = 'b' * 100000 %}{{ ('a' * 100000) | replace('a', b) | length }}",
    "recursion": "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(1) }}",
    "growing": "{% for i in range(70) %}{% set _ = messages.extend(messages) %}{% endfor %}",
}


@pytest.mark.parametrize("bomb", list(BOMBS))
def test_a_template_that_would_not_end_or_fill_the_memory_is_refused_soon(bomb):
    began = time.process_time()
    with pytest.raises(TemplateError) as caught:
        ChatTemplate(BOMBS[bomb]).render([{"role": "user", "content": "x"}])
    assert caught.value.todo
    assert time.process_time() - began < 10


ESCAPES = [
    "{{ ''.__class__.__mro__ }}",
    "{{ messages.__class__.__base__.__subclasses__() }}",
    "{{ messages[0].__init__.__globals__ }}",
    "{{ raise_exception.__globals__ }}",
    "{{ strftime_now.__globals__['os'] }}",
    "{{ messages[0].keys.__self__ }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{% include '/etc/hostname' %}",
    "{% import 'os' as os %}{{ os }}",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_a_template_reaches_nothing_of_python(source):
    try:
        text = ChatTemplate(source).render([{"role": "user", "content": "x"}])
    except TemplateError:
        return
    assert text == ""


@pytest.mark.parametrize("change", ["messages[0].update({'role': 'x'})", "messages.append(1)", "messages[0].pop('role')"])
def test_a_template_cannot_change_what_it_reads(change):
    talk = [{"role": "user", "content": "x"}]
    with pytest.raises(TemplateError, match="change"):
        ChatTemplate("{{ " + change + " }}").render(talk)
    assert talk == [{"role": "user", "content": "x"}]


def test_errors_name_the_place_and_the_remedy():
    with pytest.raises(TemplateError, match="line 2") as caught:
        ChatTemplate("a\n{{ nope(").render([])
    assert "chat_template.jinja" in caught.value.todo
    with pytest.raises(ConversationRefused, match="not like this"):
        ChatTemplate("{{ raise_exception('not like this') }}").render([])


def test_any_mapping_is_a_mapping_to_a_template():
    rows = [UserDict({"role": "user", "content": "hi", "extra": UserDict({"a": (1, 2)})})]
    assert ChatTemplate("{{ messages[0].extra | tojson }}{{ messages[0].role }}").render(rows) == '{"a": [1, 2]}user'
    with pytest.raises(DataError, match="not JSON"):
        ChatTemplate("{{ messages }}").render([{"role": "user", "content": object()}])


def test_malformed_arguments_go_to_the_template_as_text():
    raw = as_message({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"a": '}}]})
    assert as_template_dict(raw)["tool_calls"][0]["function"]["arguments"] == '{"a": '
    sound = as_message({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"a": 1}'}}]})
    assert as_template_dict(sound)["tool_calls"][0]["function"]["arguments"] == {"a": 1}
