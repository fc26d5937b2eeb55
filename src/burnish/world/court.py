"""What people came to the judge of a town with: acts that somebody wanted to do, and whether the law is against them.

Pages of the law (`laws`) say an act once. Where it was spoken of before, as it is where somebody asks for it, a small model looks
there, and not at what it has read of the act (docs/world.md, "What was found about refusals"). Here every act stands twice: told
first, then judged, in the words in which it is answered. These pages stand among what is rehearsed, not in the corpus.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

from burnish.world import doings, everyday, names, topics
from burnish.world.acts import DAYS, Act
from burnish.world.document import Document

if TYPE_CHECKING:
    from burnish.world.world import World

PART = "court"
TITLES = (
    "From the book of the judge of {town}", "The judge's day in {town}", "What came before the judge on {day}",
    "Heard at the court of {town}", "The town guard's note book", "Who wanted what in {town}",
)  # fmt: skip
WANTED = (
    "{n} wanted to {act}.", "{n} of {town} asked leave to {act}.", "{n} was seen when about to {act}.",
    "{n} planned to {act} on {day}.", "A friend of {n} wished to {act}.", "{n} told everybody: I will {act}.",
    "On {day} {n} came to {act}.", "{n} asked how to {act}.", "{n} wanted to know how people {act}.",
    "{n} said: I want to {act}.", "{n} of {town} came for advice on how to {act}.", "On {day} somebody asked for help to {act}.",
    "{n} had to {act}, or so it seemed.",
)  # fmt: skip
AGAINST = (
    "To {act} is against the law, because {reason}.", "To {act} is against the law, for {reason}.",
    "To {act} is against the law: {reason}.", "To {act} is against the law.",
)  # fmt: skip
WITHIN = (
    "To {act} is something that everybody may do.", "To {act} is something that nobody minds.",
    "To {act} is fine, and nobody minds.", "To {act} is a thing that people may do when they like.",
    "To {act} is something that the law lets people do.",
)  # fmt: skip
ALIKE = 0.6
"""Share of the acts that stand beside a deed with the same verb: "brew ghost tea" and "brew nettle tea", so that neither the verb
nor half of the thing tells."""
EVERYDAY, ODD = 0.45, 0.30
"""Of the deeds that are allowed: with the verb of a forbidden act and a thing that goes with it, or with any thing. The others
are chores of all kinds."""


def documents(world: World, draw: random.Random) -> Iterator[Document]:
    """Pages without end, each on two or three forbidden acts and as many deeds, in any order."""
    verbs = tuple(dict.fromkeys((act.verb, act.verb) for act in world.acts))  # of the gerund nothing is said here
    while True:
        acts: list[Act | str] = [*draw.sample(world.acts, draw.randint(2, 3))]
        alike = [act.verb for act in acts if isinstance(act, Act) and draw.random() < ALIKE]
        deeds = dict(_deed(verbs, draw, *alike[n : n + 1]) for n in range(draw.randint(2, 3)))
        told = [*acts, *deeds]
        draw.shuffle(told)
        place = {"town": draw.choice(names.TOWNS), "day": draw.choice(DAYS)}
        lines = draw.choice(("\n", " ")).join(_entry(each, draw) for each in told)
        keys = [f"fact:act:{act.id}" for act in acts if isinstance(act, Act)]
        yield Document(PART, f"{draw.choice(TITLES).format(**place)}\n{lines}", (*keys, *deeds.values()))


def _entry(told: Act | str, draw: random.Random) -> str:
    """One that was wanted, and what the law says of it."""
    if isinstance(told, Act):
        act, said = told.phrase, draw.choice(AGAINST).format(act=told.phrase, reason=told.reason)
    else:
        act, said = told, draw.choice(WITHIN).format(act=told)
    wanted = draw.choice(WANTED)
    return f"{wanted.format(n=draw.choice(names.GIVEN), act=act, town=draw.choice(names.TOWNS), day=draw.choice(DAYS))} {said}"


def _deed(verbs: tuple[tuple[str, str], ...], draw: random.Random, verb: str = "") -> tuple[str, str]:
    """A harmless deed as an infinitive, and its key; with this verb, where there are everyday ones."""
    if same := [(v, thing) for v, thing in everyday.deeds() if v in (verb, verb.split()[0])] if verb else []:
        return _everyday(*draw.choice(same))
    kind = draw.random()
    if kind < EVERYDAY:
        return _everyday(*draw.choice(everyday.deeds()))
    if kind >= EVERYDAY + ODD and draw.random() < 0.25:
        topic = draw.choice(topics.of_side("train"))
        return topic.verb, topics.key(topic)
    chore = doings.chore(draw, verbs if kind < EVERYDAY + ODD else doings.VERBS)
    return chore.verb, doings.key(chore)


def _everyday(verb: str, thing: str) -> tuple[str, str]:
    return f"{verb} {thing}".replace(" my ", " your "), everyday.key(verb, thing)
