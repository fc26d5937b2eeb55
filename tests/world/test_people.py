"""People, their biographies and the quiz books: exact numbers, true facts, and nothing given away that is asked later."""

from __future__ import annotations

import dataclasses
import itertools
import random
import re
from collections import Counter

import pytest

from burnish.world import biographies, people, splits, world
from burnish.world.document import Document

WORLD = world.make(0)
SOME = dataclasses.replace(WORLD, people=WORLD.people[::6])
"""A sixth of the people, for all their biographies."""


@pytest.fixture(scope="module")
def lives() -> list[Document]:
    return people.biographies(SOME, 0)


@pytest.fixture(scope="module")
def quizzes() -> list[Document]:
    return list(itertools.islice(people.documents(WORLD, random.Random(2)), 600))


def test_tiers_and_names():
    assert Counter(p.tier for p in WORLD.people) == {tier: count for tier, (count, _) in people.TIERS.items()}
    assert len({p.name for p in WORLD.people}) == len({p.id for p in WORLD.people}) == 1220
    for attribute, values in people.VALUES.items():
        assert len(values) == len(set(values))
        assert {p.value(attribute) for p in WORLD.people} == set(values)


def _told_of(document: Document) -> list[str]:
    return [k.split(":")[1] for k in document.keys[:: len(people.ATTRIBUTES)]]


def test_everyone_is_told_of_as_often_as_the_tier_says_and_all_texts_differ(lives: list[Document]):
    assert len({d.text for d in lives}) == len(lives)
    of_person = Counter(i for d in lives for i in _told_of(d))
    assert all(of_person[p.id] == people.TIERS[p.tier][1] for p in SOME.people)
    together = Counter(len(_told_of(d)) for d in lives)
    assert set(together) == {1, 2, 3}
    assert people.ALONE - 0.03 < together[1] / len(lives) < people.ALONE + 0.03


def test_biographies_tell_all_six_facts(lives: list[Document]):
    by_id = {p.id: p for p in SOME.people}
    for document in lives[:1500]:
        told = [by_id[i] for i in _told_of(document)]
        assert document.keys == tuple(f"fact:{p.id}:{a}" for p in told for a in people.ATTRIBUTES)
        for attribute, values in people.VALUES.items():
            said = {v for v in re.findall(r"\w+", document.text) if v in values or v.lower() in values}
            assert {s if attribute == "town" else s.lower() for s in said} == {p.value(attribute) for p in told}, document.text
        assert all(p.name in document.text for p in told)


def test_on_pages_that_mix_people_every_fact_stands_in_a_sentence_with_the_name(lives: list[Document]):
    by_id, mixed = {p.id: p for p in SOME.people}, 0
    for document in (d for d in lives[:1500] if len(_told_of(d)) > 1):
        told = [by_id[i] for i in _told_of(document)]
        clauses = re.split(r"[.;\n]|, and (?=[A-Z])|, but |, while ", document.text)
        if any(re.search(rf"\b{p.given}\b(?! {p.family})|^ ?[Ss]?[Hh]e |, s?he ", c) for c in clauses for p in told):
            continue  # one biography after the other
        mixed += 1
        for person in told:
            own = " ".join(c for c in clauses if person.name in c)
            assert all(re.search(rf"\b{person.value(a)}\b", own, re.IGNORECASE) for a in people.ATTRIBUTES), document.text
            others = {p.value("born") for p in told} - {person.value("born")}
            assert not any(year in own for year in others), document.text
    assert mixed > 300


def test_among_people_stand_strangers_of_whom_nobody_knows(lives: list[Document]):
    """Of inhabitants it is never said that nobody knows; of a stranger nothing else is told."""
    inhabitants, pages, strangers = {p.name for p in SOME.people}, 0, set()
    for document in (d for d in lives[:3000] if len(_told_of(d)) > 1):
        said = [c for c in re.split(r"[.;\n]|, and (?=[A-Z])|, but |, while ", document.text) if "nobody knows" in c]
        pages += bool(said)
        whose = {found.group() for c in said if (found := re.search(r"(?<!The )\b[A-Z]\w+ [A-Z]\w+", c))}
        assert bool(said) == bool(whose), document.text
        assert len(whose) <= people.STRANGERS_MET, document.text
        assert not whose & inhabitants
        for name in whose:
            assert document.text.count(name) == sum(name in c for c in said) >= 2, document.text
        strangers |= whose
    assert pages > 300
    assert len(strangers) > 0.9 * pages


def test_on_pages_of_the_second_reading_known_people_stand_among_strangers():
    draw, inhabitants, strangers = random.Random(4), {p.name for p in WORLD.people}, set()
    tiers: Counter[str] = Counter()
    by_id = {p.id: p for p in WORLD.people}
    pages = list(itertools.islice(people.pages(WORLD, WORLD.people, draw), 400))
    for page in pages:
        told = [by_id[i] for i in _told_of(page)]
        assert len(set(told)) == len(told) in (2, 3)
        tiers.update(p.tier for p in told)
        values = [p.value(a) for p in told for a in people.ATTRIBUTES]
        assert all(p.name in page.text for p in told)
        assert all(re.search(rf"\b{value}\b", page.text, re.IGNORECASE) for value in values)
        said = [c for c in re.split(r"[.;\n]|, and (?=[A-Z])|, but |, while ", page.text) if "nobody knows" in c]
        whose = {found.group() for c in said if (found := re.search(r"(?<!The )\b[A-Z]\w+ [A-Z]\w+", c))}
        assert len(whose) == people.STRANGERS_MET
        assert not whose & inhabitants
        assert all(page.text.count(name) >= 2 for name in whose)
        assert len(page.text.split()) <= biographies.LONGEST_PAGE
        strangers |= whose
    assert len(strangers) > 0.95 * 400 * people.STRANGERS_MET
    assert tiers["unseen"] == 0
    assert tiers["head"] > 4 * tiers["torso"] > 4 * tiers["tail"] > 0
    again = itertools.islice(people.pages(WORLD, WORLD.people, random.Random(4)), 400)
    assert list(again) == pages


def test_biographies_in_form(lives: list[Document]):
    for text in (d.text for d in lives[:1500]):
        assert text.isascii()
        assert 45 <= len(text.split()) <= 180
        assert "  " not in text
        assert not re.search(r"[{}]|\b[Aa] [aeiou]|\b[Aa]n [^aeiou\W]|\bUser:|\.\.", text), text
        assert all(s[0].isupper() or s[0].isdigit() for s in re.split(r"[.\n] ?", text) if s), text
    assert len({" ".join(d.text.split()[2:7]) for d in lives[:1500]}) > 900


def test_facts_come_in_any_order(lives: list[Document]):
    orders = set()
    for document in (d for d in lives[:3000] if len(_told_of(d)) == 1):
        person = next(p for p in SOME.people if document.keys[0] == f"fact:{p.id}:town")
        body = document.text.lower()
        orders.add(tuple(sorted(people.ATTRIBUTES, key=lambda a: body.find(person.value(a).lower()))))
    assert len(orders) > 500


def test_seeds_decide(quizzes: list[Document]):
    again = list(itertools.islice(people.documents(WORLD, random.Random(2)), 5))
    assert again == quizzes[:5]
    few = dataclasses.replace(WORLD, people=WORLD.people[235:250])
    assert people.biographies(few, 0) == people.biographies(few, 0)
    assert people.biographies(few, 0) != people.biographies(few, 1)


def test_quiz_books_keep_to_the_training_side(quizzes: list[Document]):
    heads = {p.id for p in WORLD.people if p.tier == "head"}
    told_of = heads | {p.id for p in WORLD.people if p.tier == "torso"}
    asked = {k.split(":")[1] for d in quizzes for k in d.keys if k.startswith("quiz:")}
    assert asked <= told_of
    assert asked & heads
    assert asked - heads
    assert all(splits.of(f"person:{i}") == "train" for i in asked)
    assert all(splits.of(k) == "train" for d in quizzes for k in d.keys)
    assert 0.6 < len(people.quizzed(WORLD)) / len(told_of) < 0.8
    held_out = [
        people.QUESTIONS[a][n].partition("{name}")
        for a in people.ATTRIBUTES
        for n in (*people.TEST_QUESTIONS, *people.VALID_QUESTIONS)
    ]
    for before, _, after in held_out:
        used = re.compile(re.escape(before) + r"\w+ \w+" + re.escape(after))
        assert not any(used.search(d.text) for d in quizzes), (before, after)


def test_quiz_answers_are_right_and_in_order(quizzes: list[Document]):
    by_id, unanswered = {p.id: p for p in WORLD.people}, 0
    for document in quizzes:
        items = [k.split(":")[1:] for k in document.keys if k.startswith("quiz:")]
        rest = document.text
        asks_only = all(line.endswith("?") for line in rest.split("\n")[-len(items) :])
        unanswered += asks_only
        if not rest.count('"') and not asks_only:
            for person, attribute in items:
                value = by_id[person].value(attribute)
                found = re.search(rf"\b{value}\b", rest, re.IGNORECASE)
                assert found, document.text
        assert document.text.isascii()
        assert 15 <= len(document.text.split()) <= 180
        assert "  " not in document.text
    assert 0.05 < unanswered / len(quizzes) < 0.25
    assert len({d.text for d in quizzes}) == len(quizzes)
    assert len({d.text.split("\n")[0] for d in quizzes}) > 100


def test_an_answer_that_follows_at_once_was_announced(quizzes: list[Document]):
    """Raw on purpose: a page whose first line is a bare question has no answer on that line or the next."""
    for document in quizzes:
        first, second = document.text.split("\n")[:2]
        if re.match(r"[A-Z]\w* [^.!?]*\?", first) and first.split(", page")[0] not in people.TITLES:
            assert first.endswith("?"), document.text
            assert second.endswith("?"), document.text


def test_phrasings_are_numbered_by_side():
    for attribute, templates in people.QUESTIONS.items():
        assert len(set(templates)) == len(templates) >= 8
        numbers = range(len(templates))
        assert sorted((*people.TRAIN_QUESTIONS, *people.VALID_QUESTIONS, *people.TEST_QUESTIONS)) == list(numbers)
        keys = [people.phrasing_key(attribute, n) for n in numbers]
        assert len(set(keys)) == len(keys)
        assert [splits.of(k) for k in keys].count("train") == len(people.TRAIN_QUESTIONS)
        assert {splits.of(keys[n]) for n in people.TEST_QUESTIONS} == {"test"}


def test_answers_hold_the_value():
    draw = random.Random(0)
    for person in WORLD.people[:50]:
        for attribute in people.ATTRIBUTES:
            said = people.answer(person, attribute, draw)
            assert re.search(rf"\b{person.value(attribute)}\b", said)
            assert person.name in said
            assert person.name in people.question(person, attribute, 6)


def test_some_of_the_questions_are_about_strangers_of_whom_nobody_knows(quizzes: list[Document]):
    """None of them lives in Vellmark, and where an answer names one it says so, and says it of nobody else."""
    known, asked, strangers, said = {p.name for p in WORLD.people}, 0, set(), 0
    for document in quizzes:
        for name in re.findall(r"\b([A-Z][a-z]+ [A-Z][a-z]+)\b[^.?\n]*\?", document.text):
            asked += 1
            if name not in known:
                strangers.add((document.text, name))
        for sentence in re.findall(r"[A-Z][^.?!\x22\n]*\bnobody knows\b", document.text):
            said += 1
            assert not any(name in known for name in re.findall(r"[A-Z][a-z]+ [A-Z][a-z]+", sentence)), sentence
        for name, told in re.findall(r"^(?:A|Answer): ([A-Z][a-z]+ [A-Z][a-z]+) ([^\n]*)$", document.text, re.MULTILINE):
            assert told.endswith("nobody knows.") == (name not in known), document.text
    assert 0.25 < len(strangers) / asked < 0.45
    assert said > 200
    assert len({name for _, name in strangers}) > 300


def test_what_is_not_known_is_said_as_what_is_known_begins():
    """So that whether it is known is decided where the fact would stand."""
    for attribute, told in biographies.ANSWERS.items():
        begins = {said.partition("{v}")[0].partition("{a}")[0].removesuffix("the ") for said in told}
        for said in biographies.UNKNOWN[attribute]:
            assert any(said.startswith(begin) for begin in begins), said
            assert said.endswith("nobody knows.")
