from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from task_checks import check, echoed, foreign, gold, kinds

from burnish.tasks.keys import digest, prompt_text
from burnish.tasks.leaks import find_leaks
from burnish.tasks.library import pizza
from burnish.tasks.task import Task
from burnish.types import Example
from burnish.world import shop_facts as shop

ITEMS = [p.name for p in shop.PIZZAS] + list(shop.DRINKS)
DAYS = "|".join(shop.HOURS)


@pytest.fixture(scope="module")
def task() -> Task:
    return pizza.make()


def test_rows_and_grader(task: Task) -> None:
    check(task)
    assert (len(task.train), len(task.valid), len(task.test)) == (930, 60, 300)
    assert kinds(task.test)["order"] >= 80
    assert next(iter(pizza.COUNTS["test"])) == "order"
    assert foreign(task) < 0.05
    assert echoed(task) == 0


def test_rows_are_the_same_each_time(task: Task) -> None:
    assert pizza.make().test == task.test


def test_totals_are_right(task: Task) -> None:
    for row in (*task.train, *task.test):
        if row.metadata["kind"] == "order":
            said = gold(row).lower()
            found = {i: re.search(rf"(one|two) {i.lower()}s?\b", said) for i in ITEMS}
            wanted = sum(shop.price(i) * (1 if m[1] == "one" else 2) for i, m in found.items() if m)
            assert f"{wanted} marks" in said, row
            assert f"{wanted} marks" in str(row.reference)
            assert "=" not in str(row.reference)
            assert (" + " in said) == (sum(map(bool, found.values())) == 2)
            assert not re.search("|".join(t for t in shop.DELIVERY if t != shop.TOWN), row.messages[0].content), row


def _denied(verb: str) -> Callable[[Example], str]:
    return lambda row: re.sub(rf"\b({verb})\b", r"\1 not", gold(row), count=1)


def _instead(pattern: str, put: str) -> Callable[[Example], str]:
    return lambda row: re.sub(pattern, put, gold(row))


def _more(said: str) -> Callable[[Example], str]:
    return lambda row: f"{gold(row)} {said}"


def _other_item(row: Example) -> str:
    return next(i for i in ITEMS if i.lower() not in gold(row).lower())


def _other_count(row: Example) -> str:
    """The first count is another, and the total is that of the right order."""
    return re.sub(r"\b(one|two)\b", lambda m: "two" if m[1].lower() == "one" else "one", gold(row), count=1, flags=re.IGNORECASE)


def _other_clause(row: Example) -> str:
    """The ideal answer to another trouble or wish."""
    others = [t.remedy for t in shop.TROUBLES] if row.metadata["kind"] == "complaint" else [r.offer for r in shop.RULES]
    own = row.metadata["clauses"][-1]
    return gold(row).replace(own, others[(others.index(own) + 1) % len(others)])


def _other_topping(row: Example) -> str:
    top = next(t for p in shop.PIZZAS for t in p.toppings if t not in gold(row))
    return f"{gold(row)[:-1]} and {top}."


def _unanswered(row: Example) -> str:
    """The last word of the answer, the last pizza, topping or price, is left out."""
    return re.sub(r"(?: and| on the)? \d* ?\w+\.$", ".", gold(row))


def _allowed(row: Example) -> str:
    """What the house does not do, it does."""
    statement, offer = row.metadata["clauses"]
    done = statement.replace("do not ", "").replace("cannot", "can").replace(" no ", " a ")
    return f"No problem, {done}, but {offer}."


def _not_so(row: Example) -> str:
    """The remedy or the offer is denied."""
    own = row.metadata["clauses"][-1]
    return gold(row).replace(own, f"it is not so that {own}")


def _refused_twice(row: Example) -> str:
    return f"I am sorry, it is not so that {row.metadata['clauses'][0]}, but {row.metadata['clauses'][1]}."


WRONG: dict[str, dict[str, Callable[[Example], str]]] = {
    "order": {
        "an item more": lambda row: re.sub(r"^(Thank you\. So |That is )?", rf"\g<1>two {_other_item(row)} and ", gold(row)),
        "an item again": lambda row: f"{gold(row)} And one {row.metadata['keys'][-1].split('-')[-1].split('+')[-1]} more.",
        "another count": _other_count,
        "two totals": _more("Or 77 marks."),
        "two spelled totals": _more("Or twelve marks and fifty."),
        "another total": _instead(r"\d+ marks", "99 marks"),
        "other prices": _instead(r"\d+ \+ (\d+) = |(\d+ marks)", r"77 + \1 = \2"),
        "a bare number more": _more("It was 73."),
        "a denied total": _instead(r"(\d+ marks)", r"not \1"),
        "no total": _instead(r"\d+ marks", "a lot"),
        "the total alone": lambda row: re.findall(r"\d+ marks", gold(row))[-1],
    },
    "menu": {
        "two prices": _more("Or 5 marks. Or 17 marks."),
        "denied": lambda row: re.sub(r"\b(costs|is|has|we put|get)\b", r"\1 not", gold(row), count=1),
        "another item": lambda row: f"{gold(row)} So has the {_other_item(row)}.",
        "another topping": _other_topping,
        "the last thing left out": _unanswered,
    },
    "hours": {
        "from 9 to noon": _instead(r"from \w+ to \w+|closed", "open from 9 to noon"),
        "turned": _instead(r"from (\w+) to (\w+)|closed", r"from \2 to \1"),
        "denied": lambda row: re.sub(r"\b(open|closed)\b", r"not \1", gold(row)),
        "open for ever": lambda row: f"On {re.findall(DAYS, gold(row))[0]} we are never closed, come any time.",
        "open and closed": lambda row: f"{gold(row)} We are {'closed' if 'open' in gold(row) else 'open'}.",
        "a day more": lambda row: f"{gold(row)} And on {next(d for d in shop.HOURS if d not in gold(row))}.",
        "another hour": _instead(r"to (\d+)|closed", r"to 7"),
    },
    "complaint": {
        "a bag of words": lambda row: f"You will be sorry. No {' '.join(row.metadata['clauses'][0].split()[-2:])} for you.",
        "no apology": lambda row: re.split(r"(?<=\.) ", gold(row), maxsplit=1)[1],
        "no remedy": lambda row: gold(row).split(". ")[0] + ".",
        "not sorry": _denied("am|are"),
        "another remedy": _other_clause,
        "a denied remedy": _not_so,
        "two remedies": lambda row: f"{gold(row)} And {' and '.join(t.remedy for t in shop.TROUBLES[::3])}.",
        "words turned": lambda row: f"I am sorry. {' '.join(row.metadata['clauses'][0].split()[::-1])}.",
    },
    "rule": {
        "with the word": lambda row: f"No problem, you get it, with {row.metadata['clauses'][1].split()[-1]}.",
        "allowed": _allowed,
        "allowed kindly": lambda row: _allowed(row).replace("No problem", "I am sorry"),
        "allowed first": lambda row: f"Yes, of course. {gold(row)}",
        "no offer": lambda row: re.split(r",? [bB]ut ", gold(row))[0] + ".",
        "no refusal": lambda row: f"I am sorry, but {row.metadata['clauses'][1]}.",
        "another offer": _other_clause,
        "no such offer": _not_so,
        "refused twice": _refused_twice,
    },
}  # fmt: skip


@pytest.mark.parametrize(("kind", "attack"), [(kind, attack) for kind, attacks in WRONG.items() for attack in attacks])
def test_wrong_answers_fail(task: Task, kind: str, attack: str) -> None:
    rows = [row for row in task.test if row.metadata["kind"] == kind]
    for row in rows:
        wrong = WRONG[kind][attack](row)
        assert wrong != gold(row)
        assert task.grader.grade(row, wrong).value == 0.0, (attack, wrong, gold(row))


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("order", lambda said: said.replace("one ", "1 ").replace("two ", "2 ")),
        ("order", lambda said: re.sub(r"\d+ \+ \d+ = ", "", said)),
        ("order", lambda said: f"Good evening! {said} Thank you."),
        ("hours", lambda said: said.replace("noon", "12").replace(" to ", " until ")),
        ("complaint", lambda said: said.replace("I am very sorry.", "I am very sorry for this,")),
        ("rule", lambda said: said.replace(" do not ", " don't ").replace("Sadly", "No, sadly")),
        ("menu", str.lower),
    ],
)
def test_right_answers_in_other_words_pass(task: Task, kind: str, change: Callable[[str], str]) -> None:
    for row in task.test:
        if row.metadata["kind"] == kind:
            score = task.grader.grade(row, change(gold(row)))
            assert score.value == 1.0, (score.reason, change(gold(row)))


def test_goat_cheese_is_no_cheese(task: Task) -> None:
    row = next(r for r in task.test if "goat cheese, honey and nuts" in gold(r))
    assert task.grader.grade(row, gold(row).replace("goat cheese", "cheese")).value == 0.0
    assert task.grader.grade(row, gold(row).replace("goat cheese", "goat cheese, cheese")).value == 0.0
    asked = [r.metadata["cluster"] for r in (*task.train, *task.test) if r.metadata["cluster"].startswith("has:")]
    assert {"has:bacon", "has:ham"} <= set(asked)
    assert not {"has:cheese", "has:peppers"} & set(asked)


def test_guests(task: Task) -> None:
    """They are not of the staff, bring no dog of somebody else, and complain in good time."""
    for row in (*task.train, *task.valid, *task.test):
        asked = row.messages[0].content
        assert not re.search(rf"\b({'|'.join(shop.STAFF)})\b", asked), asked
        assert not re.search(r"friend wants .*\bmy\b|\b[Ww]e\b.*\bmy dog", asked), asked
        assert not re.search(r"(Yesterday|Last night|On Friday) (this|.*not even warm|.*drink)", asked), asked
        assert asked[0].isupper() or asked[0].isdigit(), asked


def test_no_question_stands_in_train(task: Task) -> None:
    taught = {digest(prompt_text(row)) for row in task.train}
    assert not [row for row in (*task.valid, *task.test) if digest(prompt_text(row)) in taught]
    assert not [leak for leak in find_leaks(task.train, task.test) if leak.kind == "prompt"]


def test_card_tells_how_many_answers_stand_in_train(task: Task) -> None:
    taught = {gold(row) for row in task.train}
    again = [row for row in task.test if gold(row) in taught]
    assert f"{len(again)} of 300 test answers" in task.card.limits
    assert "none of them orders" in task.card.limits
    assert not [row for row in again if row.metadata["kind"] == "order"]


def test_clusters_are_of_one_thing(task: Task) -> None:
    rows = (*task.train, *task.valid, *task.test)
    fewest = {"order": 18, "menu": 40, "hours": 7, "complaint": 10, "rule": 14}
    for kind, least in fewest.items():
        assert len({r.metadata["cluster"] for r in rows if r.metadata["kind"] == kind}) >= least, kind
    said: dict[str, set[str]] = {}
    for row in rows:
        if row.metadata["kind"] in ("complaint", "rule"):
            said.setdefault(row.metadata["cluster"], set()).add(row.metadata["clauses"][-1])
    assert all(len(clauses) == 1 for clauses in said.values())


def test_facts_of_the_held_out_rows_are_taught(task: Task) -> None:
    taught = " ".join(gold(r) for r in task.train)
    for row in task.test:
        if row.metadata["kind"] in ("complaint", "rule", "hours"):
            fact = re.split(r"Of course |By our rule |I am sorry, |Sadly |But ", gold(row))[-1]
            assert fact[1:] in taught, row
