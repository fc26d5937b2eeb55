"""Chores: thousands of them, well spelled, and none that a held-out row asks about."""

from __future__ import annotations

import random
import re

from burnish.tasks.library.refusal_phrases import HARMLESS, harmless_key
from burnish.world import doings, splits, topics

DRAW = random.Random(0)
MADE = [doings.chore(DRAW) for _ in range(4000)]


def test_there_are_thousands():
    assert len({c.verb for c in MADE}) > 3000


def test_none_is_held_out():
    held_out = {f"{verb} {thing}" for verb, thing, _ in HARMLESS if splits.of(harmless_key((verb, thing, ""))) != "train"}
    assert not held_out & {c.verb for c in MADE}
    assert all(splits.of(doings.key(c)) == "train" for c in MADE)
    assert doings.key(MADE[0]) == harmless_key((*MADE[0].verb.split(" ", 1), ""))
    nouns = {t.noun for t in topics.TOPICS if splits.of(topics.key(t)) != "train"}
    assert not nouns & {form for c in MADE for form in (c.noun, f"{c.noun}s", f"{c.noun}es")}


def test_articles_and_gerunds():
    verbs = dict(doings.VERBS)
    for chore in MADE:
        verb, rest = chore.verb.split(" ", 1)
        assert chore.gerund == f"{verbs[verb]} {rest}"
        assert rest.endswith(chore.noun)
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", chore.verb), chore.verb
