"""Questions that tell their answers, and those that are to be read."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable

import pytest

from burnish.tasks.graders import EXACT
from burnish.tasks.probes import audit
from burnish.tasks.probes.rows import rows_of
from burnish.tasks.probes.spellings import disguised, in_words, roman, stands_in
from burnish.tasks.probes.told import Told, told
from burnish.types import Example, Message

TOWNS = "Oslo Rome Madrid Tokyo Lima Cairo Nairobi Havana Vienna Athens Warsaw Lisbon Dublin Prague Sofia Tunis".split()
LANDS = "Norway Italy Spain Japan Peru Egypt Kenya Cuba Austria Greece Poland Portugal Ireland Czechia Bulgaria Tunisia".split()


def example(asked: str, said: str, system: str = "") -> Example:
    before = [Message(role="system", content=system)] if system else []
    return Example(
        messages=(*before, Message(role="user", content=asked), Message(role="assistant", content=said)), reference=said
    )


def of(ask: Callable[[str, str, random.Random], str]) -> Told | None:
    rows = [example(ask(land, town, random.Random(town)), town) for land, town in zip(LANDS, TOWNS, strict=True)]
    return told(rows_of(rows, 24))


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("ask", "where"),
    [
        (lambda land, town, d: f"Capital of {land}?\n(answer: {town})", "after 'answer'"),
        (lambda land, town, d: f"<!-- {town} -->\nCapital of {land}?", "after '<!--'"),
        (lambda land, town, d: f"Capital of {land}?\n<img src='x/{town.lower()}.png'>", "part of a name"),
        (lambda land, town, d: f"Capital of {land}? id={encoded(town)}", "in base64"),
        (lambda land, town, d: f"Capital of {land}? [{town[::-1]}]", "backwards"),
        (lambda land, town, d: f"Peru: Lima\n{land}: {town}\nCuba: Havana\n{land}:", "the question itself"),
        (lambda land, town, d: f'{{"q": "capital of {land}?", "gold": "{town}"}}', "after 'gold'"),
    ],
)
def test_what_gives_an_answer_away_is_named(ask: Callable[[str, str, random.Random], str], where: str):
    found = of(ask)
    assert found is not None
    assert where in found.name
    assert found.rate.low > 0.6


@pytest.mark.parametrize(
    "ask",
    [
        lambda land, town, d: f"Capital of {land}?",
        lambda land, town, d: f"Capital of {land}?\n(answer: {d.choice(TOWNS)})",
        lambda land, town, d: f"Name: {d.random()}\nPhone: {d.random()}\nCity: {town}\nIn which city is that?",
        lambda land, town, d: f"What is {town[::-1]} backwards? (row {d.random()})",
        lambda land, town, d: f"Decode {encoded(town)}, message {d.random()}.",
        lambda land, town, d: f"Which host is in https://{town.lower()}.example/{d.randint(1, 99)}?",
        lambda land, town, d: f"{land} is large and {town} is its capital. What is the capital of {land}?",
        lambda land, town, d: f"What is the first of these: {town}, {', '.join(d.sample(TOWNS, 3))}?",
    ],
)
def test_what_is_to_be_read_or_decoded_is_no_leak(ask: Callable[[str, str, random.Random], str]):
    assert of(ask) is None


def choices(
    order: Callable[[random.Random, str], list[str]], look: Callable[[str, bool], str] = lambda o, right: o
) -> Told | None:
    rows = []
    for land, town in zip(LANDS, TOWNS, strict=True):
        options = order(random.Random(land), town)
        text = "\n".join(f"{a}) {look(o, o == town)}" for a, o in zip("ABCD", options, strict=True))
        rows.append(example(f"Capital of {land}?\n{text}", "ABCD"[options.index(town)]))
    return told(rows_of(rows, 24))


def mixed(draw: random.Random, town: str) -> list[str]:
    return draw.sample([town, *draw.sample([t for t in TOWNS if t != town], 3)], 4)


def test_options_that_are_known_by_their_place_length_or_look():
    assert choices(mixed) is None
    second = choices(lambda d, town: [o := mixed(d, town), o.remove(town), o.insert(1, town)][0])
    assert second is not None
    assert "'b'" in second.name or "number 2" in second.name
    longer = choices(mixed, lambda o, right: f"{o}, a very old town" if right else o)
    assert longer is not None
    assert "option" in longer.name


def test_an_audit_names_what_is_told_and_a_task_may_allow_it():
    rows = [example(f"Capital of {land}? key: {town}", town) for land, town in zip(LANDS, TOWNS, strict=True)]
    found = {f.family: f for f in audit(rows, EXACT).findings}["P13"]
    assert (found.verdict, found.reward, len(found.lines)) == ("gameable", 1.0, 16)
    assert "key" in found.detail
    assert not audit(rows, EXACT, allowed=("P13: the key may be read",)).gameable


def test_spellings():
    assert (in_words(0), in_words(342), in_words(7019)) == ("zero", "three hundred forty-two", "seven thousand nineteen")
    assert (roman(1994), roman(4), roman(0)) == ("MCMXCIV", "IV", "")
    spelled = dict(disguised("2024"))
    assert spelled["in base64"] == "MjAyNA"
    assert spelled["as a hexadecimal number"] == "0x7e8"
    assert stands_in("Oslo", "it is T3Nsbw")
    assert not stands_in("Oslo", "it is Osloer")


def sums(ask: Callable[[int, int, random.Random], str], right: Callable[[int, int], int] = lambda a, b: a * b) -> Told | None:
    rows = []
    for n in range(24):
        draw = random.Random(n)
        a, b = draw.randint(12, 60), draw.randint(7, 60)
        rows.append(example(ask(a, b, draw), str(right(a, b))))
    return told(rows_of(rows, 24))


MILL = "A mill turns {} times a minute. How often in {} minutes?"


@pytest.mark.parametrize(
    ("ask", "where"),
    [
        (lambda a, b, d: f"Item 4711-{a * b}. {MILL.format(a, b)}", "part 2"),
        (lambda a, b, d: f"Sheet {a * b + 1000}: {MILL.format(a, b)}", "1 n - 1000"),
        (lambda a, b, d: f"Ticket {a * b:04X}. {MILL.format(a, b)}", "base 16"),
        (lambda a, b, d: f"folio {a} of 9, drawer {a * b - a}. {MILL.format(a, b)}", "the sum of"),
        (lambda a, b, d: f"{MILL.format(a, b)} Serial no. {str(a * b)[::-1]}", "backwards"),
        (lambda a, b, d: f"{MILL.format(a, b)} In whole turns, such as {a * b}.", "such as"),
        (lambda a, b, d: f"Example. {MILL.format(a, b)} -> {a * b}\nNow you. {MILL.format(a, b)} ->", "the question itself"),
        (lambda a, b, d: f"{MILL.format(a, b)}\n{'-' * (a * b % 7)}{'-' * (a * b - a * b % 7)}", "dashes"),
    ],
)
def test_what_follows_from_what_stands_beside_a_question(ask: Callable[[int, int, random.Random], str], where: str):
    found = sums(ask)
    assert found is not None
    assert where in found.name


@pytest.mark.parametrize(
    "ask",
    [
        lambda a, b, d: f"Item 4711-{d.randint(84, 3600)}. {MILL.format(a, b)}",
        lambda a, b, d: f"Box {a} has {b} rows. What is {a} times {b}?",
        lambda a, b, d: f"[{a} x {b}] Work this out.",
        lambda a, b, d: f"Name: N{d.randint(1, 99)}\nItem: {a}\nCopies: {b}\nTask: multiply item and copies.",
        lambda a, b, d: f"What is the ticket number? Ticket {a * b}, seat {d.randint(1, 50)}, row {d.randint(1, 50)}.",
        lambda a, b, d: f"{MILL.format(a, b)} (In whole turns, such as {d.randint(84, 3600)}.)",
    ],
)
def test_numbers_that_are_to_be_computed_with_or_copied_are_no_leak(ask: Callable[[int, int, random.Random], str]):
    assert sums(ask) is None


def test_an_initial_of_each_line_may_spell_the_answer():
    def lines(word: str) -> str:
        return "\n".join(f"{c.upper()}ot far." for c in word)

    rows = [example(f"{lines(town)}\nCapital of {land}?", town) for land, town in zip(LANDS, TOWNS, strict=True)]
    others = [example(f"{lines(t)}\nCapital of {land}?", town) for land, town, t in zip(LANDS, TOWNS, TOWNS[::-1], strict=True)]
    found = told(rows_of(rows, 24))
    assert found is not None
    assert told(rows_of(others, 24)) is None


FRUIT = "apple pear plum fig lemon cherry melon quince".split()


@pytest.mark.parametrize(
    ("ask", "right"),
    [
        (lambda some: f"How many fruits are listed: {' '.join(some)}", lambda some: str(len(some))),
        (lambda some: "How many points has the list?\n" + "\n".join(f"- {s}" for s in some), lambda some: str(len(some))),
        (lambda some: f"Which word is in bold? {' '.join(some[:-1])} **{some[-1]}**", lambda some: some[-1]),
        (lambda some: f"What is the function called? `{some[0]}` is what {some[-1]} names.", lambda some: some[0]),
    ],
)
def test_what_is_to_be_counted_or_read_off_is_no_leak(ask: Callable[[list[str]], str], right: Callable[[list[str]], str]):
    rows = []
    for n in range(24):
        draw = random.Random(n)
        some = draw.sample(FRUIT, draw.randint(2, 8))
        rows.append(example(ask(some), right(some)))
    assert told(rows_of(rows, 24)) is None
