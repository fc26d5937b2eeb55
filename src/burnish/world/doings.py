"""Chores of no account, by the thousand: "carry the wet basket", of which people talk without telling how it is done.

Who has met some dozens of topics knows them by heart; who has met thousands of chores must take each from what was just said. A
chore has the shape of a topic without steps. None is about a thing that a held-out topic is about, so that those stay unread.
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
"""What can be done to any thing, with the gerund."""


@cache
def _nouns() -> tuple[str, ...]:
    held_out = {t.noun for t in topics.TOPICS if splits.of(topics.key(t)) != "train"}
    return tuple(noun for noun in NOUNS if noun not in held_out)


def chore(draw: random.Random) -> Topic:
    """One chore: a verb, at times a look, a thing."""
    verb, gerund = draw.choice(VERBS)
    noun = draw.choice(_nouns())
    article = draw.choice(("the", "the", "a", "this")) if noun not in ("bread", "honey", "soap") else "the"
    thing = f"{article} {draw.choice(LOOKS)} {noun}" if draw.random() < 0.5 else f"{article} {noun}"
    if article == "a" and thing[2] in "aeiou":
        thing = f"an {thing[2:]}"
    return Topic(f"{verb}-{noun}", f"{verb} {thing}", f"{gerund} {thing}", noun, (), ())
