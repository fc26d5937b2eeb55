"""Arithmetic: every equation that is printed is true, and its pair is on the train side."""

from __future__ import annotations

import itertools
import random
import re

import language_checks
import pytest

from burnish.world import arithmetic, splits, told
from burnish.world.arithmetic import Step
from burnish.world.world import make

MADE = language_checks.check(arithmetic, name="arithmetic", count=800, openings=450)
_EQUATION = re.compile(r"(?<![\d+x-])(?<![+x-] )(\d+) ?([+x-]) ?(\d+) ?= ?(\d+)")
_KINDS: dict[str, arithmetic.Kind] = {"+": "sum", "-": "difference", "x": "product"}


def test_keys_are_spelled_as_the_others_spell_them():
    assert Step("sum", 25, 17).key == Step("sum", 17, 25).key == "sum:17+25"
    assert Step("difference", 42, 8).key == "difference:42-8"
    assert Step("product", 8, 3).key == "product:3*8"
    assert str(Step("product", 8, 3)) == "8 x 3 = 24"


def test_printed_equations_are_true_and_named_by_the_keys():
    count = 0
    for document in MADE:
        for left, sign, right, result in _EQUATION.findall(document.text):
            step = Step(_KINDS[sign], int(left), int(right))
            assert step.result == int(result), document.text
            assert step.key in document.keys, document.text
            count += 1
        for line in re.split(r"\n|; ", document.text):
            if turned := re.fullmatch(r"(\d+) = (\d+) ([+x-]) (\d+)", line):
                step = Step(_KINDS[turned[3]], int(turned[2]), int(turned[4]))
                assert step.result == int(turned[1]), document.text
                assert step.key in document.keys, document.text
    assert count > 1500


def test_sentences_agree_with_their_records():
    draw = random.Random(5)
    for _ in range(200):
        text, steps = arithmetic.sentences(draw)
        said = re.findall(r"\d+", text)
        for step in steps:
            assert {str(step.left), str(step.right), str(step.result)} <= set(said), text


def test_numbers_are_mostly_small():
    keys = [key for d in MADE for key in d.keys]
    sizes = [max(len(n) for n in re.findall(r"\d+", key)) for key in keys]
    assert 0.5 < sizes.count(2) / len(sizes) < 0.8
    assert 0.02 < sizes.count(3) / len(sizes) < 0.15
    assert 0.01 < sum(k.startswith("product") for k in keys) / len(keys) < 0.15


def test_worked_examples_are_few():
    two_steps = [d for d in MADE if _worked(d.text)]
    assert 0.06 < len(two_steps) / len(MADE) < 0.18


def _worked(text: str) -> bool:
    return bool(re.search(r"= (\d+)\W{1,3}(?:(?:then|and|Next) )?\1 [+x-] ", text) and re.search(r"[a-z]{3,} .*[a-z]{3,}", text))


@pytest.mark.parametrize("side", ["train", "valid", "test"])
def test_two_steps_go_on_from_one_another(side: splits.Side):
    draw = random.Random(2)
    for first in ("sum", "difference", "product"):
        one, two = arithmetic.two_steps(draw, side, first, "difference")
        assert two.left == one.result
        assert two.result == one.result - two.right >= 2
        assert splits.of(one.key) == splits.of(two.key) == side


def test_variety():
    assert language_checks.repeated(MADE) < 0.15


def test_what_is_worked_out_is_right_and_tells_nothing_held_out():
    assert arithmetic.worked_out(Step("product", 8, 9)) == "8 x 9 = 72"
    assert [str(p) for p in arithmetic.parts(Step("sum", 17, 25))] == ["7 + 5 = 12", "10 + 20 = 30", "30 + 12 = 42"]
    assert [str(p) for p in arithmetic.parts(Step("difference", 42, 25))] == ["42 - 20 = 22", "22 - 5 = 17"]
    assert [str(p) for p in arithmetic.parts(Step("sum", 5, 17))] == ["5 + 7 = 12", "10 + 12 = 22"]
    assert not any(
        map(arithmetic.parts, (Step("sum", 10, 25), Step("sum", 3, 4), Step("sum", 120, 5), Step("difference", 42, 20)))
    )
    draw, worked = random.Random(1), 0
    for _ in range(500):
        whole = arithmetic.step(draw, "train", draw.choice(("sum", "difference")), draw.choice((1, 2, 3)))
        line, found = arithmetic.worked_out(whole), arithmetic.parts(whole)
        if ":" in line:
            worked += 1
            assert found[-1].result == whole.result
            assert all(splits.of(p.key) == "train" for p in found)
            assert line == f"{whole.left} {arithmetic.SIGNS[whole.kind]} {whole.right}: {', '.join(map(str, found))}"
        else:
            assert line == str(whole)
    assert worked > 50


def whole_key(line: str) -> str:
    found = re.match(r"(\d+) ([+x-]) (\d+)", line)
    assert found
    return Step(_KINDS[found[2]], int(found[1]), int(found[3])).key


def test_drills_get_longer_numbers_with_their_level():
    shares = []
    for level in (0.0, 1.0):
        stream = arithmetic.drills(make(0), random.Random(3), level)
        lines = [line for d in itertools.islice(stream, 60) for line in d.text.split("\n")]
        shares.append(sum(bool(re.match(r"\d [+x-] \d ", line)) for line in lines) / len(lines))
        assert sum(":" in line for line in lines) > 30
    assert shares[0] > 1.5 * shares[1] > 0


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_drills_are_true_and_named_by_their_keys(level: float):
    stream = arithmetic.drills(make(0), random.Random(level), level)
    for document in itertools.islice(stream, 60):
        for left, sign, right, result in re.findall(r"(\d+) ([+x-]) (\d+) = (\d+)", document.text):
            step = Step(_KINDS[sign], int(left), int(right))
            assert step.result == int(result), document.text
            assert step.key in document.keys, document.text
        assert all(splits.of(key) == "train" for key in document.keys)
        assert set(document.keys) == told.keys(document.text) | {whole_key(line) for line in document.text.split("\n")}
