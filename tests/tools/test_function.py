"""Tools: schemas from signatures and docstrings, arguments read strictly, and every mistake of a call an answer to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest

from burnish.errors import ConfigError, SandboxMissing
from burnish.tools import signature
from burnish.tools.function import LIMIT_RESULT, Calls, function, schema
from burnish.types import ToolCall


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Place:
    town: str
    street: str = ""


def order(
    pizza: str,
    size: Literal["small", "large"],
    count: int = 1,
    to: Place | None = None,
    box: Colour = Colour.RED,
    extras: list[str] | None = None,
    prices: dict[str, float] | None = None,
    quick: bool = False,
) -> str:
    """Orders a pizza
    in one of two sizes.

    Args:
        pizza: Name of the pizza,
            as it stands on the card.
        size (str): How large: small or large.
        count: How many.

    Returns:
        size: what came of it.
    """
    return f"{count} {size} {pizza} in {box.name}{f' to {to.town}' if to else ''}{' +' + '+'.join(extras) if extras else ''}"


def test_a_schema_says_names_types_defaults_and_what_each_argument_is():
    about = schema(function(order))["function"]
    assert about["name"] == "order"
    assert about["description"] == "Orders a pizza in one of two sizes."
    parameters = about["parameters"]
    assert parameters["required"] == ["pizza", "size"]
    assert parameters["properties"]["pizza"] == {"type": "string", "description": "Name of the pizza, as it stands on the card."}
    assert parameters["properties"]["size"] == {"enum": ["small", "large"], "description": "How large: small or large."}
    assert parameters["properties"]["count"] == {"type": "integer", "description": "How many.", "default": 1}
    assert parameters["properties"]["box"] == {"enum": ["red", "blue"], "default": "red"}
    place = {
        "type": "object",
        "properties": {"town": {"type": "string"}, "street": {"type": "string"}},
        "required": ["town"],
        "additionalProperties": False,
    }
    assert parameters["properties"]["to"] == {"anyOf": [place, {"type": "null"}]}
    assert parameters["properties"]["prices"]["anyOf"][0] == {"type": "object", "additionalProperties": {"type": "number"}}
    json.dumps(about)


GOOGLE = """Does it.

Args:
    a: The first,
        at length.
    b (int, optional): The second.

Raises:
    a: no."""
NUMPY = """Does it.

Parameters
----------
a : str
    The first,
    at length.
b : int, optional
    The second.

Returns
-------
a"""
SPHINX = """Does it.

:param str a: The first,
    at length.
:param b: The second.
:returns: a: nothing."""
PLAIN = """Does it.

a: The first,
at length.
b: The second.

More."""


@pytest.mark.parametrize("doc", [GOOGLE, NUMPY, SPHINX, PLAIN])
def test_docstrings_are_read_in_every_common_style(doc):
    text, about = signature.read_docstring(doc, ["a", "b"])
    assert text == ("Does it. More." if doc == PLAIN else "Does it.")
    assert about == {"a": "The first, at length.", "b": "The second."}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"pizza": "Roma", "size": "small"}, "1 small Roma in RED"),
        ({"pizza": "Roma", "size": "large", "count": 3, "to": {"town": "Brack"}, "box": "blue"}, "3 large Roma in BLUE to Brack"),
        (
            {"pizza": "Roma", "size": "small", "to": None, "extras": ["ham"], "prices": {"a": 1, "b": 2.5}},
            "1 small Roma in RED +ham",
        ),
    ],
)
def test_right_arguments_arrive_as_their_types(arguments: dict[str, Any], said: str):
    found = function(order).call(json.dumps(arguments))
    assert (found.text, found.failed) == (said, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("{", "not JSON"),
        ("", "not JSON"),
        ("[1]", "must be a JSON object, not [1]"),
        ('{"size": "small"}', "'pizza' is missing"),
        ('{"pizza": "R", "size": "small", "colour": 1}', "no argument 'colour'"),
        ('{"pizza": 3, "size": "small"}', "pizza must be a text, not 3"),
        ('{"pizza": "R", "size": "huge"}', "size must be one of 'small', 'large', not \"huge\""),
        ('{"pizza": "R", "size": "small", "count": "2"}', 'count must be a whole number, not "2"'),
        ('{"pizza": "R", "size": "small", "count": true}', "count must be a whole number, not true"),
        ('{"pizza": "R", "size": "small", "count": 2.0}', "count must be a whole number, not 2.0"),
        ('{"pizza": "R", "size": "small", "quick": 1}', "quick must be true or false, not 1"),
        ('{"pizza": "R", "size": "small", "box": "green"}', "box must be one of 'red', 'blue'"),
        ('{"pizza": "R", "size": "small", "to": {"street": "x"}}', "to.town is missing"),
        ('{"pizza": "R", "size": "small", "to": {"town": "B", "x": 1}}', "to has no 'x'"),
        ('{"pizza": "R", "size": "small", "extras": ["a", 2]}', "extras[1] must be a text, not 2"),
        ('{"pizza": "R", "size": "small", "prices": {"a": NaN}}', "NaN is no number"),
        ('{"pizza": "R", "size": "small", "prices": {"a": 1e999}}', "too large a number"),
        ('{"pizza": "R", "pizza": "S", "size": "small"}', "stands twice"),
        ("[" * 9_000 + "]" * 9_000, "too deeply"),
        ('{"pizza": "' + "x" * 30_000 + '", "size": "small"}', "characters long"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_told_to_the_model(arguments: str, said: str):
    found = function(order).call(arguments)
    assert found.failed
    assert found.text.startswith("error: order: ")
    assert said in found.text


def test_what_a_function_raises_is_read_and_what_burnish_raises_is_not():
    def divide(a: float, b: float) -> float:
        return a / b

    def broken(a: int) -> int:
        raise SandboxMissing("no sandbox")

    assert function(divide).call('{"a": 1, "b": 0}').text == "error: ZeroDivisionError: float division by zero"
    assert function(divide).call('{"a": 1, "b": 2}').text == "0.5"
    with pytest.raises(SandboxMissing):
        function(broken).call('{"a": 1}')


def test_results_are_texts_of_bounded_length():
    def give(what: str) -> Any:
        return {"place": Place("Brack"), "list": [1, None], "long": "x" * 10_000}.get(what, True)

    tool = function(give)
    assert tool.call('{"what": "place"}').text == '{"town": "Brack", "street": ""}'
    assert tool.call('{"what": "list"}').text == "[1, null]"
    assert tool.call('{"what": "other"}').text == "true"
    assert tool.call('{"what": "long"}').text == "x" * LIMIT_RESULT + "\n[cut: 6000 more characters]"


def star(*values: int) -> int:
    return sum(values)


def odd(value: complex) -> int:
    return 0


@pytest.mark.parametrize("bad", [star, odd])
def test_functions_that_json_cannot_call_are_refused(bad):
    with pytest.raises(ConfigError, match="cannot be a tool"):
        function(bad)


def test_calls_are_answered_in_order_and_up_to_a_limit():
    def double(number: int) -> int:
        """Twice a number."""
        return 2 * number

    calls = Calls([function(double)], limit=4)
    asked = [ToolCall(name="double", arguments=f'{{"number": {n}}}', id=f"c{n}") for n in (1, 2)]
    answers = calls.answer([*asked, ToolCall(name="triple", arguments="{}"), ToolCall(name="", arguments="rubbish")])
    assert [a.content for a in answers] == [
        "2", "4", "error: there is no tool 'triple'; there is double", "error: this call names no tool; there is double",
    ]  # fmt: skip
    assert [a.tool_call_id for a in answers] == ["c1", "c2", None, None]
    assert all(a.role == "tool" for a in answers)
    assert "no more than 4 calls" in calls.answer(asked)[0].content
    assert (calls.made, calls.failed) == (4, 4)


def test_the_text_of_signature_works_without_burnish():
    """It is what runs in the sandbox."""
    source = Path(signature.__file__).read_text()
    assert "import burnish" not in source
    assert "from burnish" not in source


def test_what_a_model_reads_is_always_text():
    def echo(text: str) -> str:
        return text

    assert function(echo).call('{"text": "a\\ud800b\\udbe0\\udc00"}').text == "a\ufffdb\ufffd"
