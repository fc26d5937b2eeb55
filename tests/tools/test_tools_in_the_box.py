"""python and lookup: programs run in the sandbox, passages found by their rare words."""

import json

import pytest

from burnish.tools.lookup import Lookup, passages_of
from burnish.tools.python import Python


@pytest.mark.parametrize(
    ("code", "says", "failed"),
    [
        ("print(6 * 7)", "42\n", False),
        ("x = 1", "(it printed nothing)", False),
        ("print('before')\n1/0", "ZeroDivisionError: division by zero\nbefore\n", True),
        ("def", "SyntaxError", True),
        ("while True: pass", "more than 1 seconds", True),
        ("open('/etc/passwd')", "Error", True),
    ],
)
def test_python_gives_back_what_is_printed_or_went_wrong(code, says, failed):
    found = Python(timeout_s=1.0).call(json.dumps({"code": code}))
    assert found.failed == failed
    assert says in found.text
    assert found.text.startswith("error: ") == failed


def test_python_takes_code_and_nothing_else():
    assert "'code' is missing" in Python().call("{}").text
    assert Python().about["parameters"]["required"] == ["code"]


TEXT = "The market in Brack is held on Friday.\n\nBrack has 300 people.\n\nThe market in Vell is held on Monday."


def test_lookup_finds_passages_by_their_rare_words():
    tool = Lookup(passages_of(TEXT))
    assert tool.search("Vell market")[0] == "The market in Vell is held on Monday."
    assert tool.search("how many people") == ["Brack has 300 people."]
    assert tool.call('{"query": "dragons"}').text == "nothing found"
    assert tool.call('{"query": 3}').failed
    assert tool.search("BRACK people")[0] == "Brack has 300 people."


def test_a_lookup_says_what_it_holds():
    one, other = Lookup(["a b"]), Lookup(["a c"])
    assert repr(one) == repr(Lookup(["a b"]))
    assert repr(one) != repr(other)


def test_a_document_of_one_paragraph_is_its_lines():
    assert passages_of("one\ntwo\n\n") == ["one", "two"]
