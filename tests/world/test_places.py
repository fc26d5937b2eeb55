"""Pages of places agree with the records, differ from one another, and keep their form."""

from __future__ import annotations

import itertools
import random
import re

from burnish.world import names, places, world

WORLD = world.make(0)
PAGES = list(itertools.islice(places.documents(WORLD, random.Random(3)), 2000))


def test_records():
    made = WORLD.places
    assert [t.name for t in made.towns] == list(names.TOWNS)
    assert (len(made.firms), len(made.products)) == (40, 40)
    assert len({f.name for f in made.firms}) == len({p.name for p in made.products}) == 40
    firms = {f.name: f for f in made.firms}
    assert all(firms[p.firm].kind == p.kind for p in made.products)


def test_pages_of_towns_are_true():
    towns = {t.name: t for t in WORLD.places.towns}
    seen = 0
    for page in PAGES:
        if len(page.keys) != 1 or not page.keys[0].startswith("fact:town:"):
            continue
        seen += 1
        town = towns[page.keys[0].split(":")[2].capitalize()]
        days = set(re.findall(r"\w+day\b", page.text)) & set(places.DAYS)
        assert days <= {town.market}
        assert set(re.findall(r"\b\d+00\b", page.text)) <= {str(town.people)}
        assert town.name in page.text
        other = [p for lies, ps in places.LIES.items() if lies != town.lies for p in ps]
        assert not any(f"{p}." in page.text for p in other)
    assert seen > 300


def test_prices_are_true():
    products = {p.name: p for p in WORLD.places.products}
    found = [(n, price) for page in PAGES for n, price in re.findall(r"sells the ([\w ]+) for (\d+) marks", page.text)]
    assert found
    assert all(products[n].price == int(price) for n, price in found)


def test_form_and_variety():
    for page in PAGES:
        assert page.text.isascii()
        assert 15 <= len(page.text.split()) <= 180, page.text
        assert "  " not in page.text
        assert not re.search(r"[{}]|\b[Aa] [aeiou]|\b[Aa]n [^aeiou\W]|\bUser:", page.text), page.text
    assert len({p.text for p in PAGES}) > 0.98 * len(PAGES)
    assert len({" ".join(p.text.split()[:4]) for p in PAGES}) > 500
