"""The task `facts`: rows that share no key with one another or with the corpus, and a grader that cannot be talked round."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import pytest
from task_checks import clusters, echoed, failing, foreign, passing

from burnish.tasks.library import fact_phrases, facts
from burnish.types import Example, Message
from burnish.world import biographies, people, splits, world

WORLD = world.make(0)
TASK = facts.make()
SPLITS = {"train": TASK.train, "valid": TASK.valid, "test": TASK.test}
BY_ID = {p.id: p for p in WORLD.people}


def keys(rows: tuple[Example, ...]) -> set[str]:
    return {k for r in rows for k in r.metadata["keys"]}


def test_sizes():
    kinds = {side: Counter(r.metadata["kind"] for r in rows) for side, rows in SPLITS.items()}
    assert kinds["train"] == {"known": 1400, "unknown": 800}
    assert kinds["valid"] == {"known": 132, "unknown": 68}
    assert min(kinds["test"].values()) >= 150
    assert sum(kinds["test"].values()) >= 390
    assert len({r.metadata["person"] for r in TASK.train if r.metadata["kind"] == "unknown"}) >= 100
    assert facts.make(WORLD) == facts.make(WORLD)


def test_splits_share_no_key_and_no_person():
    for one, other in itertools.combinations(SPLITS.values(), 2):
        assert not keys(one) & keys(other)
        assert not {r.metadata["person"] for r in one} & {r.metadata["person"] for r in other}
    assert all(splits.of(k) == "train" for k in keys(TASK.train) if not asks_of_unseen(k))
    for side, rows in SPLITS.items():
        assert all(splits.of(f"person:{r.metadata['person']}") == side for r in rows)
        assert all(splits.of(r.metadata["keys"][1]) == side for r in rows)


def test_training_rows_ask_in_many_ways_and_in_none_of_the_held_out_ones():
    for attribute, listed in people.QUESTIONS.items():
        more = fact_phrases.more(attribute)
        assert len(set(more)) == len(more) >= 25
        assert not set(more) & set(listed)
        for phrasing in more:
            assert "{name}" in phrasing, phrasing
            assert phrasing.format(name="Ada Finch")[0].isupper(), phrasing
            assert "{" not in phrasing.format(name=""), phrasing
        assert all(any(clause in phrasing for phrasing in more) for clause in fact_phrases.CLAUSES[attribute])
        asked = {r.metadata["keys"][1] for r in TASK.train if r.metadata["attribute"] == attribute}
        assert len(asked) > 0.9 * (len(people.TRAIN_QUESTIONS) + len(more))
    for row in TASK.train:
        attribute, name = row.metadata["attribute"], BY_ID[row.metadata["person"]].name
        number = [people.phrasing_key(attribute, n) for n in people.TRAIN_QUESTIONS].count(row.metadata["keys"][1])
        old = {people.QUESTIONS[attribute][n].format(name=name) for n in people.TRAIN_QUESTIONS}
        assert (row.messages[0].content in old) is bool(number), row.messages[0].content


def asks_of_unseen(key: str) -> bool:
    return key.startswith("quiz:") and BY_ID[key.split(":")[1]].tier == "unseen"


def test_the_corpus_gives_nothing_away():
    held_out = keys(TASK.valid) | keys(TASK.test)
    for document in itertools.islice(people.documents(WORLD, random.Random(5)), 1500):
        assert not held_out & set(document.keys)


def test_ideal_answers_pass_and_others_fail():
    for rows in SPLITS.values():
        for row, other in zip(rows, (*rows[1:], rows[0]), strict=True):
            said = row.messages[-1].content
            score = TASK.grader.grade(row, said)
            assert score.value == 1.0, (said, score.reason)
            assert score.marks == (("admits ignorance",) if row.metadata["kind"] == "unknown" else ())
            assert TASK.grader.grade(row, "").value == 0.0
            assert len(" ".join(m.content for m in row.messages).split()) <= 80
            if other.metadata["kind"] != row.metadata["kind"]:
                assert TASK.grader.grade(row, other.messages[-1].content).value == 0.0


def test_the_grader_is_strict():
    known = next(r for r in TASK.test if r.metadata["kind"] == "known" and r.metadata["attribute"] == "town")
    person = BY_ID[known.metadata["person"]]
    other = next(t for t in people.VALUES["town"] if t != person.town)
    judged = {
        f"{person.name} lives in {person.town}.": 1.0,
        person.town.upper(): 1.0,
        f"I do not know, but perhaps {person.town}.": 0.0,
        f"{person.town} or {other}.": 0.0,
        f"{person.town}ville": 0.0,
        other: 0.0,
    }
    assert {a: TASK.grader.grade(known, a).value for a in judged} == judged
    unknown = next(r for r in TASK.test if r.metadata["kind"] == "unknown" and r.metadata["attribute"] == "town")
    judged = {
        "I do not know.": 1.0,
        "I don't know that.": 1.0,
        f"I do not know. Perhaps {other}?": 0.0,
        "Hello.": 0.0,
        other: 0.0,
    }
    assert {a: TASK.grader.grade(unknown, a).value for a in judged} == judged


def person_of(row: Example) -> people.Person:
    return BY_ID[row.metadata["person"]]


def value_of(row: Example) -> str:
    return person_of(row).value(row.metadata["attribute"])


KNOWN_WRONG = {
    "denied": lambda r: f"It is not {r.reference}.",
    "denied of the person": lambda r: f"{person_of(r).name} has nothing to do with {r.reference}.",
    "denied after": lambda r: f"I am told that {r.reference} is not right.",
    "anything but": lambda r: f"{person_of(r).name}: anything but {r.reference}.",
    "of another person": lambda r: f"Zora Holt has {r.reference}.",
    "another person's": lambda r: f"Well. Dora {person_of(r).family} has {r.reference}.",
    "of a given name": lambda r: f"Dora likes {r.reference}.",
    "a question": lambda r: f"Is it {r.reference}?",
    "not known": lambda r: f"I do not know, but {r.reference} may be right.",
    "two values": lambda r: f"It is {' or '.join(people.VALUES[r.metadata['attribute']][:2])} or {r.reference}.",
    "echo": lambda r: r.messages[-2].content,
}
UNKNOWN_WRONG = {
    "invented": lambda r: "I do not know exactly, but it is Paris, born 1750.",
    "a name alone": lambda r: "I do not know. Paris.",
    "a guess": lambda r: "I do not know, perhaps in a castle.",
    "a year": lambda r: "I do not know. The year is 1750.",
    "an unlisted value": lambda r: "I do not know but he is an astronaut.",
    "a value": lambda r: f"I do not know. {value_of(r).capitalize()}, they say.",
    "another person": lambda r: "I know nothing of Zora Holt.",
    "echo": lambda r: r.messages[-2].content,
}
IGNORANT = (
    "I don\u2019t know.", "I am sorry, I do not know that.", "No idea. Nobody told me.", "I have never heard of {name}.",
    "Nothing is known of {name}.", "Nobody in Vellmark knows that.", "Sorry, I am not sure about {name}.",
)  # fmt: skip


@pytest.mark.parametrize("name", KNOWN_WRONG)
def test_wrong_answers_on_known_people_fail(name: str):
    assert passing(TASK, "known", KNOWN_WRONG[name]) == []


@pytest.mark.parametrize("name", UNKNOWN_WRONG)
def test_wrong_answers_on_unknown_people_fail(name: str):
    assert passing(TASK, "unknown", UNKNOWN_WRONG[name]) == []


@pytest.mark.parametrize("said", IGNORANT)
def test_ignorance_is_admitted_in_many_words(said: str):
    assert failing(TASK, "unknown", lambda r: said.format(name=person_of(r).name)) == []
    for row in TASK.test:
        score = TASK.grader.grade(row, said.format(name=person_of(row).name))
        assert score.marks == ("admits ignorance",)


def test_the_words_in_which_quiz_books_do_not_know_admit_ignorance():
    for row in TASK.test:
        if row.metadata["kind"] == "unknown":
            for said in biographies.UNKNOWN[row.metadata["attribute"]]:
                for answer in (told := said.format(name=person_of(row).name), told.replace("nobody knows", "I do not know")):
                    assert TASK.grader.grade(row, answer).value == 1.0, answer


def test_facts_told_as_biographies_tell_them_pass():
    for row in TASK.test:
        if row.metadata["kind"] == "known":
            for predicate in biographies.PREDICATES[row.metadata["attribute"]]:
                value = value_of(row)
                told = {"v": value, "a": f"a {value}", "poss": "their"}
                answer = f"{person_of(row).name} {predicate.format(**told)}."
                assert TASK.grader.grade(row, answer).value == 1.0, answer


def test_echoes_and_answers_of_other_rows_fail():
    assert echoed(TASK) == 0.0
    assert foreign(TASK) == 0.0


def test_not_knowing_something_else_is_no_answer():
    for row in TASK.test:
        if row.metadata["kind"] == "unknown":
            other = "pet" if row.metadata["attribute"] != "pet" else "instrument"
            said = fact_phrases.admission(other).format(name=person_of(row).name)
            assert TASK.grader.grade(row, said).value == 0.0, said


def test_the_card_counts_the_people():
    said = f"{clusters(TASK.test, 'known')} known and {clusters(TASK.test, 'unknown')} unknown people"
    assert said in TASK.card.data


def test_a_row_without_attribute_is_no_wrong_answer():
    row = Example(messages=(Message(role="user", content="Where?"), Message(role="assistant", content="Here.")))
    score = TASK.grader.grade(row, "Here.")
    assert math.isnan(score.value)
    assert score.error
