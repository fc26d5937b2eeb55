"""Python texts: every function, doctest, slip and correction does what is said of it, and requests are never followed by code."""

from __future__ import annotations

import ast
import doctest
import itertools
import random
import re
from collections import Counter
from typing import Any

import language_checks
import pytest

from burnish.world import code, code_requests, splits, world
from burnish.world.code_families import FAMILIES
from burnish.world.code_functions import Family, function, values

MADE = language_checks.sample(code, 400)


def defined(source: str, name: str) -> Any:
    """The function of that name after the source was run. All sources are our own."""
    space: dict[str, Any] = {}
    exec(source, space)
    return space[name]


def each_function(seed: int):
    draw = random.Random(seed)
    for family in FAMILIES.values():
        for constant in family.constants or (None,):
            yield function(family, draw, constant), draw


def test_documents():
    assert MADE[:50] == language_checks.sample(code, 50)
    assert MADE[:50] != language_checks.sample(code, 50, seed=4)
    for document in MADE:
        text = document.text
        assert document.part == "code"
        assert text.isascii()
        assert 15 <= len(text.split()) <= 180, text
        assert len(text) <= code.LONGEST_CHARACTERS
        assert not re.search(r'\{|\$|User:|Assistant:|""""|[ \t]$|\n{4}', text, re.MULTILINE), text
        assert all(splits.of(key) == "train" for key in document.keys), document.keys
    assert len({d.text for d in MADE}) >= 0.99 * len(MADE)
    assert len({d.text[:40] for d in MADE}) >= 0.5 * len(MADE)


def test_keys_are_spelled_as_promised():
    kinds = Counter(key.split(":")[0] for d in MADE for key in d.keys)
    assert set(kinds) == {"call", "family", "phrasing"}
    assert function(FAMILIES["double"], random.Random(0)).call_key((7,)) == "call:double:7"
    assert code.family_key(function(FAMILIES["add"], random.Random(0), 7)) == "family:add-7"


@pytest.mark.parametrize("body", [0, 1, 2])
def test_bodies_return_what_the_family_says(body: int):
    for made, draw in each_function(body):
        if body < len(made.family.bodies):
            called = defined(made.code(made.family.bodies[body], code.docstring(made)), made.name)
            for _ in range(4):
                given = values(made.family, draw)
                assert repr(called(*given)) == made.result(given), (made.id, given)


def test_slips_return_what_is_said_of_them():
    for made, draw in each_function(4):
        for wrong, truth in made.family.slips:
            called = defined(made.code(wrong), made.name)
            differ = 0
            for _ in range(60):
                given = values(made.family, draw)
                assert repr(called(*given)) == made.result(given, truth), (made.id, wrong, given)
                differ += made.result(given, truth) != made.result(given)
            assert differ, (made.id, wrong)


def test_doctests_are_true_and_named_by_the_keys():
    draw, count = random.Random(6), 0
    for maker in (code.files, code.sessions):
        for _ in range(60):
            text, keys = maker(draw)
            space: dict[str, Any] = {}
            if maker is code.files:
                exec(text, space)
            test = doctest.DocTestParser().get_doctest(text.replace('\n    """\n', "\n\n"), space, "text", None, None)
            ran = doctest.DocTestRunner(verbose=False).run(test, out=lambda _: None)
            assert ran.failed == 0, text
            calls = [e for e in test.examples if e.want]
            assert len({e.source for e in calls}) == len({k for k in keys if k.startswith("call:")}), text
            count += len(calls)
    assert count > 200


def test_corrections_go_from_wrong_to_right():
    draw = random.Random(7)
    for _ in range(80):
        text, keys = code.corrections(draw)
        parts = re.findall(r"^def .*(?:\n +.*)+", text, re.MULTILINE)
        assert len(parts) == 2, text
        (key,) = (k for k in keys if k.startswith("call:"))
        name, given = parts[0][4:].split("(")[0], ast.literal_eval(f"({key.split(':', 2)[2]},)")
        wrong, right = (repr(defined(part, name)(*given)) for part in parts)
        assert wrong != right
        between = text[len(parts[0]) : text.rindex("def ")]
        assert wrong in between
        assert right in between


def test_edits_change_how_and_not_what():
    draw = random.Random(8)
    for _ in range(60):
        text, _ = code.edits(draw)
        before, after = re.findall(r"^def .*(?:\n +.*)+", text, re.MULTILINE)
        assert before != after
        assert before.split("\n")[:2] == after.split("\n")[:2]
        if text.startswith("# long"):
            assert len(before) >= len(after)


def test_requests_are_never_followed_by_code():
    heads = re.compile("|".join(re.escape(w.split("{")[0]) for w in code_requests.WORDINGS if not w.startswith("{")))
    exercises = [d.text for d in MADE if any(k.startswith("phrasing:") for k in d.keys)]
    assert 0.1 < len(exercises) / len(MADE) < 0.35
    for text in exercises:
        assert "return " not in re.sub(r"(should|to|must) return ", "", text), text
        assert not re.search(r"^\W*def |:$|>>>", text, re.MULTILINE), text
    for document in MADE:
        if "def " in document.text:
            assert not heads.search(document.text), document.text


def test_requests():
    draw = random.Random(9)
    wordings: dict[str, set[str]] = {}
    for side in ("train", "valid", "test"):
        for family in itertools.islice(itertools.cycle(FAMILIES.values()), 3 * len(FAMILIES)):
            found = code.requests(family, draw, side)
            if found is None:
                assert not any(splits.of(f"family:{function(family, draw, c).id}") == side for c in family.constants)
                continue
            text, made, keys = found
            assert made.signature in text
            assert made.said in text
            assert text[-1] in ".?"
            assert not re.search(r"(give|gives|for|find) (whether|how)\b|  |\{", text), text
            assert all(splits.of(key) == side for key in keys)
            wordings.setdefault(side, set()).add(keys[0])
    assert {side: len(found) for side, found in wordings.items()} == {"train": 32, "valid": 2, "test": 3}
    assert len({key for found in wordings.values() for key in found}) == len(code_requests.WORDINGS)


def test_names_of_arguments_belong_together():
    draw = random.Random(10)
    seen = {function(FAMILIES["larger"], draw).arguments for _ in range(60)}
    assert seen == {("a", "b"), ("x", "y"), ("first", "second")}


def test_no_family_is_ambiguous():
    """Functions of one name that take the same things differ in what is said of them."""
    said: dict[tuple[str, str], str] = {}
    for family in FAMILIES.values():
        for name, says in itertools.product(_spelled(family, family.names), _spelled(family, family.says)):
            assert said.setdefault((name, says), family.id) == family.id, (name, says)


def _spelled(family: Family, templates: tuple[str, ...]) -> set[str]:
    constants = family.constants[:3] or (None,)
    made = [function(family, random.Random(0), c) for c in constants]
    kinds = tuple(kind for kind, _ in family.arguments)
    return {each.fill(t) + str(kinds) for each in made for t in templates}


def test_variety():
    assert language_checks.repeated(MADE) < 0.75
    assert len({k.split(":")[1].rsplit("-", 1)[0] for d in MADE for k in d.keys if k.startswith("call:")}) > 30
    assert world.make(0) is not None
