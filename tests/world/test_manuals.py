"""Calls in manuals give true results, and sums of the training side only."""

from __future__ import annotations

import itertools
import random
import re

from burnish.world import manuals, splits, world

WORLD = world.make(0)
PAGES = list(itertools.islice(manuals.documents(WORLD, random.Random(3)), 2000))
SUM = re.compile(r"calc\((\d+) ([-+*]) (\d+)\)(?: ->| gives| and you get:| is answered with:| comes back as:) (\d+)")


def test_sums_are_right_and_of_the_training_side():
    seen = 0
    for page in PAGES:
        for left, sign, right, result in SUM.findall(page.text):
            seen += 1
            a, b = int(left), int(right)
            assert int(result) == {"+": a + b, "-": a - b, "*": a * b}[sign] >= 0
            key = f"difference:{a}-{b}" if sign == "-" else f"{manuals.OPERATIONS[sign]}:{min(a, b)}{sign}{max(a, b)}"
            assert key in page.keys
        assert all(splits.of(k) == "train" for k in page.keys if not k.startswith("fact:"))
    assert seen > 1000


def test_every_call_is_answered():
    for page in PAGES:
        calls = re.findall(
            r"\b(?:calc|search|clock)\([^)]*\)(.*)", page.text.replace(" you get:", " and you get:").replace("and and", "and")
        )
        assert all(re.match(r" (?:->|gives|and you get:|is answered with:|comes back as:) \S", c) for c in calls), page.text


def test_the_search_tells_the_truth():
    towns = {t.name: t for t in WORLD.places.towns}
    found = [f for p in PAGES for f in re.findall(r"The market in (\w+) is held on (\w+)", p.text)]
    assert found
    assert all(towns[name].market == day for name, day in found)


def test_form_and_variety():
    for page in PAGES:
        assert page.text.isascii()
        assert 15 <= len(page.text.split()) <= 180
        assert "  " not in page.text
        assert not re.search(r"[{}]|\bUser:", page.text), page.text
    assert len({p.text for p in PAGES}) > 0.99 * len(PAGES)
    assert [p.text for p in itertools.islice(manuals.documents(WORLD, random.Random(3)), 5)] == [p.text for p in PAGES[:5]]
