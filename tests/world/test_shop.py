from __future__ import annotations

import re

from language_checks import check, repeated, sample

from burnish.world import names, shop, splits
from burnish.world import shop_facts as facts


def test_the_shop_is_as_told() -> None:
    assert 10 <= len(facts.PIZZAS) <= 14
    assert all(0 < p.price < 20 for p in facts.PIZZAS)
    assert facts.TOWN in names.TOWNS
    assert set(facts.DELIVERY) <= set(names.TOWNS)
    assert len({p.name for p in facts.PIZZAS}) == len(facts.PIZZAS)
    assert facts.total((("Garden", 2), ("cider", 1))) == 19
    assert facts.spoken((("Garden", 2), ("cider", 2))) == "two Garden and two ciders"
    assert facts.hours("Tuesday") == "closed"


def test_orders_are_split() -> None:
    by_side = {side: set(facts.orders(side)) for side in ("train", "valid", "test")}
    assert not by_side["train"] & by_side["test"]
    assert len(by_side["test"]) > 100
    assert all(splits.of(facts.order_key(o)) == "valid" for o in by_side["valid"])


def test_pages_are_well_formed_and_varied() -> None:
    made = check(shop, name="shop", openings=120, duplicates=0.06)
    assert repeated(made) < 0.9


def test_totals_and_prices_on_pages_are_right() -> None:
    prices = {p.name: p.price for p in facts.PIZZAS} | facts.DRINKS
    slips = 0
    for document in check(shop, name="shop", openings=120, duplicates=0.06):
        for name, price in re.findall(r"(?:the|a|A|The) ([A-Z]\w+)[^.\n]*? (?:for|costs) (\d+) marks", document.text):
            if name in prices:
                assert prices[name] == int(price), document.text
        total = re.search(r"(?:Total: |Together |To pay: |Sum: )(\d+)", document.text)
        if not total or not any(k.startswith("order:") for k in document.keys):
            continue
        order = next(k for k in document.keys if k.startswith("order:")).removeprefix("order:")
        lower = {name.lower(): price for name, price in prices.items()}
        wanted = sum(int(part.split("-")[0]) * lower[part.split("-")[1]] for part in order.split("+"))
        assert int(total[1]) == wanted, document.text
        slips += 1
        if more := re.search(r"With delivery: (\d+)", document.text):
            assert int(more[1]) == wanted + 2
            assert f"sum:2+{wanted}" in document.keys
        for part in order.split("+"):
            count, item = part.split("-")
            assert count == "1" or f"product:2*{lower[item]}" in document.keys or f"product:{lower[item]}*2" in document.keys
    assert slips > 40


def test_guests_are_passers_by_and_come_when_the_shop_is_open() -> None:
    seen = 0
    for document in sample(shop, 1500):
        for given, family in re.findall(r"\b([A-Z][a-z]+) (?=([A-Z][a-z]+))", document.text):
            if given in names.GIVEN and family in names.FAMILY:
                seen += 1
                assert names.is_passer_by(given, family)
        assert "Tuesday, order" not in document.text
        assert "recipe of your" not in document.text
        assert not re.search(r"We said sorry, and[^.]*\byou\b", document.text)
        if found := re.search(r"(\w+day), order.*comes at (\d+)", document.text, re.DOTALL):
            first, last = facts.HOURS[found[1]] or (0, 0)
            assert first % 12 < int(found[2]) < last
    assert seen > 200


def test_hours_on_pages_are_right() -> None:
    for document in check(shop, name="shop", openings=120, duplicates=0.06):
        for day, said in re.findall(r"(?:^|\n| )(\w+day): (from \w+ to \d+|closed)", document.text):
            assert facts.hours(day) == said, document.text
