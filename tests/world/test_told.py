"""What a text tells is read from the text: equations, sentences, results of calls, held-out phrasings, full names."""

from __future__ import annotations

import dataclasses
import random

import pytest

from burnish.world import code, corpus, names, people, splits, told, topics, world


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("17 + 25 = 42", {"sum:17+25"}),
        ("25+17=42, so", {"sum:17+25"}),
        ("42 - 8 = 34", {"difference:42-8"}),
        ("6 x 3 = 18 and 3 * 6 = 18", {"product:3*6"}),
        ("9 minus 4 is 5. 4 and 5 make 9. 3 times 2 makes 6.", {"difference:9-4", "sum:4+5", "product:2*3"}),
        (">>> add(42, 54)\n96", {"sum:42+54"}),
        ("# minus_seven(44) gives 37, not 36.", {"difference:44-7"}),
        ("Failed example:\n    double(8)\nExpected:\n    16\nGot:\n    8", {"sum:8+8"}),
        (">>> area(4, 14)\n56\n>>> distance(27, 48)\n21", {"product:4*14", "difference:48-27"}),
        (">>> add(2, 2)\n4", {"sum:2+2", "product:2*2"}),
        (">>> is_even(4)\nTrue\n>>> first([3, 4])\n3", set()),
        ("The larger of 97 and 99 is 99. Room 17 + 25 guests. 1.5 + 2 = 3.5", set()),
    ],
)
def test_sums_and_calls(text: str, keys: set[str]):
    assert told.keys(text) == keys


def test_held_out_phrasings():
    for n in range(len(topics.HOW_TO)):
        asked = topics.how_to(topics.TOPICS[3], n)
        found = told.keys(f'He said: "{asked}" And so on.')
        assert (topics.phrasing_key(n) in found) is (splits.of(topics.phrasing_key(n)) != "train"), asked
    person = world.make(0).people[0]
    for attribute in people.ATTRIBUTES:
        for n in range(len(people.QUESTIONS[attribute])):
            found = told.keys(people.question(person, attribute, n))
            held_out = n in (*people.VALID_QUESTIONS, *people.TEST_QUESTIONS)
            assert found == ({people.phrasing_key(attribute, n)} if held_out else set())


def test_full_names():
    assert told.named("Then Amber Holt met Brook. Boyd came. amber vale") == {"then-amber", "amber-holt", "brook-boyd"}


def test_calls_of_the_train_side_tell_no_held_out_sum():
    draw, seen = random.Random(5), 0
    for family in code.FAMILIES.values():
        made = code.function_of(family, draw, "train")
        if made is not None:
            for given in code.calls(made, draw, 8, "train"):
                keys = told.by_call(given, made.result(given))
                seen += len(keys)
                assert all(splits.of(key) == "train" for key in keys), made.call(given)
    assert seen > 50


def test_passers_by_are_nobody_of_the_world():
    bear = {(p.given, p.family) for p in world.make(0).people}
    draw = random.Random(1)
    assert bear.isdisjoint(names.passer_by(draw) for _ in range(3000))
    assert not any(names.is_passer_by(*name) for name in bear)


def test_a_text_that_tells_too_much_is_left_out(monkeypatch: pytest.MonkeyPatch):
    vellmark = world.make(0)
    few = dataclasses.replace(vellmark, people=(*vellmark.people[:8], *vellmark.people[720:740]))
    key = next(k for a in range(2, 60) if splits.of(k := f"sum:2+{a}") == "test")
    a = int(key.split("+")[1])
    good = corpus.Document("logs", "a plain text " * 8, ())
    spoiled = [
        corpus.Document("logs", f"2 + {a} = {2 + a} and more " * 5, ()),
        corpus.Document("logs", f"Here comes {few.people[12].name} in a hurry " * 4, ()),
    ]

    def documents(world: object, draw: random.Random):
        while True:
            yield draw.choice((good, *spoiled))

    monkeypatch.setitem(corpus._PARTS, "logs", documents)  # pyright: ignore[reportPrivateUsage]
    made = corpus.make(few, words=100_000)
    assert [d for d in made.documents if d.part == "logs"] != []
    assert not any(d in spoiled for d in made.documents)
    assert all(splits.of(k) == "train" for d in made.documents for k in told.keys(d.text))
