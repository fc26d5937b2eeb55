from __future__ import annotations

import re

from language_checks import check, repeated

from burnish.world import lists, people
from burnish.world import world as worlds

KEYED = re.compile(r"\n(Answers:|Answers|Key:|Key to the questions|For the teacher: answers|Solutions:)\n")


def test_lists_are_well_formed_and_varied() -> None:
    made = check(lists, name="lists", count=500, openings=250)
    assert repeated(made) < 0.7


def test_questions_follow_questions_and_few_lists_have_a_key() -> None:
    made = check(lists, name="lists", count=500, openings=200)
    keyed = [d for d in made if KEYED.search(d.text)]
    assert 0.08 < len(keyed) / len(made) < 0.22
    asking = [d for d in made if d.text.count("?") >= 2]
    assert len(asking) > 0.6 * len(made)


def test_answers_are_true_and_only_of_quizzed_people() -> None:
    world = worlds.make(0)
    quizzed = {people.quiz_key(p, a): p.value(a) for p, attributes in people.quizzed(world) for a in attributes}
    for document in check(lists, name="lists", count=500, openings=200):
        found = KEYED.search(document.text)
        if not found:
            continue
        answers = document.text[found.end() :]
        for key in document.keys:
            if key.startswith("quiz:"):
                assert quizzed[key] in answers, document.text
