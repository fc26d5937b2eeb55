from __future__ import annotations

import re

import pytest
from task_checks import check, echoed, foreign, gold, kinds

from burnish.tasks.library import pizza
from burnish.tasks.task import Task
from burnish.world import shop_facts as shop


@pytest.fixture(scope="module")
def task() -> Task:
    return pizza.make()


def test_rows_and_grader(task: Task) -> None:
    check(task)
    assert (len(task.train), len(task.valid), len(task.test)) == (500, 60, 300)
    assert kinds(task.test)["order"] >= 80
    assert foreign(task) < 0.05
    assert echoed(task) < 0.02


def test_rows_are_the_same_each_time(task: Task) -> None:
    assert pizza.make().test == task.test


def test_totals_are_right(task: Task) -> None:
    items = [p.name for p in shop.PIZZAS] + list(shop.DRINKS)
    for row in task.test:
        if row.metadata["kind"] == "order":
            said = gold(row).lower()
            found = {i: re.search(rf"(one|two) {i.lower()}s?\b", said) for i in items}
            wanted = sum(shop.price(i) * (1 if m[1] == "one" else 2) for i, m in found.items() if m)
            assert f"{wanted} marks" in said, row


def test_wrong_price_topping_and_total_fail(task: Task) -> None:
    priced = next(r for r in task.test if "costs" in gold(r) and "mark" in gold(r))
    assert task.grader.grade(priced, re.sub(r"\d+ marks?", "17 marks", gold(priced))).value == 0.0
    topped = next(r for r in task.test if gold(r).startswith("The") and " has " in gold(r))
    assert "wrong here" in task.grader.grade(topped, gold(topped)[:-1] + ", crab and nuts.").reason
    ordered = next(r for r in task.test if r.metadata["kind"] == "order")
    assert "missing" in task.grader.grade(ordered, re.sub(r"\d+ marks", "99 marks", gold(ordered))).reason


def test_facts_of_the_held_out_rows_are_taught(task: Task) -> None:
    taught = " ".join(gold(r) for r in task.train)
    for row in task.test:
        if row.metadata["kind"] in ("complaint", "rule", "hours"):
            fact = re.split(r"Of course |By our rule |I am sorry, |Sadly |But ", gold(row))[-1]
            assert fact[1:] in taught, row
