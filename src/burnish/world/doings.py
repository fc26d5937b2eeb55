"""Chores of no account, by the thousand: "carry the wet basket", of which people talk without telling how it is done.

Who has met some dozens of topics knows them by heart; who has met thousands of chores must take each from what was just said. A
chore has the shape of a topic without steps. None is about a thing that a held-out topic is about, and none has a held-out key.
"""

from __future__ import annotations

import random
from functools import cache

from burnish.world import splits, topics
from burnish.world.pattern_words import LOOKS, NOUNS
from burnish.world.topics import Topic

VERBS: tuple[tuple[str, str], ...] = tuple(
    (verb, gerund)
    for verb, gerund in (
        pair.split()
        for pair in """
        carry carrying, clean cleaning, lift lifting, paint painting, sell selling, move moving, wash washing, mend mending,
        hide hiding, find finding, wrap wrapping, fetch fetching, dry drying, polish polishing, draw drawing, measure measuring,
        weigh weighing, store storing, cover covering, hang hanging, buy buying, choose choosing, lend lending, return returning,
        repair repairing, unpack unpacking, label labelling, count counting, replace replacing, tie tying, lower lowering,
        brush brushing, test testing, deliver delivering, decorate decorating, warm warming, catch catching, guard guarding,
        send sending, copy copying
        """.split(",")
    )
)
"""What can be done to most things, with the gerund."""


_FOODS = frozenset("bread cake cheese fish honey lemon onion pear pie soap".split())
"""Of which it would be odd to hear that they are mended or hung."""


@cache
def _nouns() -> tuple[str, ...]:
    return tuple(n for n in NOUNS if n not in _FOODS and not {n, f"{n}s", f"{n}es"} & topics.held_out_words())


def key(chore: Topic) -> str:
    """The key of asking for a chore, spelled as the ready tasks spell those of their harmless acts."""
    return f"benign:{chore.verb}".replace(" ", "-")


def chore(draw: random.Random, verbs: tuple[tuple[str, str], ...] = VERBS) -> Topic:
    """One chore: a verb, at times a look, a thing; never one whose key is held out."""
    while True:
        verb, gerund = draw.choice(verbs)
        noun = draw.choice(_nouns())
        article = draw.choice(("the", "the", "a", "this"))
        thing = f"{draw.choice(LOOKS)} {noun}" if draw.random() < 0.5 else noun
        if article == "a" and thing[0] in "aeiou":
            article = "an"
        found = Topic(f"{verb}-{noun}", f"{verb} {article} {thing}", f"{gerund} {article} {thing}", noun, (), ())
        if splits.of(key(found)) == "train":
            return found
