"""Chores of training rows: with a look they are the same chore still."""

from __future__ import annotations

import random
import re

from burnish.tasks.library import chores
from burnish.world import topics


def test_a_look_changes_words_and_nothing_else():
    draw = random.Random(0)
    for chore in chores.of_side("train"):
        seen = chores.seen(chore, draw)
        assert topics.key(seen) == topics.key(chore)
        assert (seen.noun, seen.steps, seen.asks) == (chore.noun, chore.steps, chore.asks)
        verb, rest = seen.verb.split(" ", 1)
        assert chore.verb.split(" ")[0] == verb
        assert seen.gerund == f"{chore.gerund.split(' ')[0]} {rest}"
        assert rest.endswith(f" {chore.noun}")
        assert len(rest.split()) == len(chore.noun.split()) + 2
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", seen.verb), seen.verb
    assert not chores.of_side("test")
