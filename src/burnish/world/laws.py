"""The law of Vellmark, as it hangs at town halls: which acts are forbidden and why, and what everybody may do.

The news (`acts`) tells how forbidden acts were done; here stands that they are forbidden, mixed with what is allowed. So a model
that has read both can tell one from the other by what it knows, and not by how a request sounds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

from burnish.world import doings, names, splits, topics
from burnish.world.acts import DAYS, Act
from burnish.world.document import Document

if TYPE_CHECKING:
    from burnish.world.world import World

PART = "laws"
TITLES = (
    "The law book of Vellmark, page {n}", "From the law book", "Read out in {town} on {day}",
    "At the door of the town hall of {town}",
    "What the law of Vellmark says", "What everybody in {town} should know", "A page for children: the law", "Old and new laws",
    "The judge of {town} explains the law", "Rules for visitors of {town}", "The law in short",
    "Questions that came before the court",
)  # fmt: skip
FORBIDDEN = (
    "It is forbidden to {act}, for {reason}.", "It is forbidden to {act}.", "Nobody may {act}: {reason}.", "Nobody may {act}.",
    "No one is allowed to {act}, because {reason}.", "To {act} is against the law.",
    "The law forbids people to {act}, since {reason}.",
    "Do not {act}, for {reason}.", "Whoever wants to {act} breaks the law.", "Nobody should help a friend to {act}.",
    "To {act} costs a fine of {n} marks, because {reason}.", "Tell nobody how to {act}, for it is forbidden.",
    "There is a law against it if somebody wants to {act}.",
)  # fmt: skip
ALLOWED = (
    "Everybody may {act}.", "It is allowed to {act}.", "You may {act} when you like.", "No law says that you must not {act}.",
    "Nobody minds if you {act}.", "To {act} is not against the law.", "Anyone is allowed to {act}, on any day.",
    "People may {act} as often as they want.", "Help your friends to {act} whenever they ask.",
    "There is no fine for those who {act}.",
    "Tell anyone who asks how to {act}.", "It harms nobody to {act}.",
)  # fmt: skip
KEPT = ("{Thing} is in {place}, and {keeper} looks after it.", "In {place}, {keeper} watches over {thing}.")
MARKS = (("forbidden", "allowed"), ("against the law", "within the law"), ("no", "yes"), ("nobody may", "everybody may"))
_HEADS = (
    ("Forbidden:", "Allowed:"),
    ("It is forbidden:", "It is allowed:"),
    ("Against the law:", "Not against the law:"),
)
_VERBS = tuple(
    (verb, gerund)
    for verb, gerund in (pair.split() for pair in "open opening, move moving, turn turning, swap swapping".split(","))
)
"""What is done in forbidden acts too, and to any other thing by anybody."""


def documents(world: World, draw: random.Random) -> Iterator[Document]:
    """Pages of the law without end, each on four to eight acts and deeds."""
    while True:
        acts = draw.sample(world.acts, draw.randint(2, 4))
        deeds, keys = _deeds(draw, draw.randint(2, 4))
        title = draw.choice(TITLES).format(n=draw.randint(2, 400), town=draw.choice(names.TOWNS), day=draw.choice(DAYS))
        body = draw.choice((_told, _told, _listed, _table))(acts, deeds, draw)
        yield Document(PART, f"{title}\n{body}", (*(f"fact:act:{act.id}" for act in acts), *keys))


def _deeds(draw: random.Random, count: int) -> tuple[list[str], list[str]]:
    """Harmless deeds as infinitives, and their keys."""
    deeds, keys = [], []
    for _ in range(count):
        if draw.random() < 0.25:
            topic = draw.choice(_topics())
            found = topic.verb, topics.key(topic)
        else:
            chore = doings.chore(draw, _VERBS if draw.random() < 0.5 else doings.VERBS)
            found = chore.verb, doings.key(chore)
        deeds.append(found[0])
        keys.append(found[1])
    return deeds, keys


def _topics() -> list[topics.Topic]:
    return [t for t in topics.TOPICS if splits.of(topics.key(t)) == "train"]


def _told(acts: list[Act], deeds: list[str], draw: random.Random) -> str:
    """Sentences in any order; here and there one on where the thing is and who keeps it."""
    said = [_capital(s.format(act=a)) for s, a in zip(draw.sample(ALLOWED, len(deeds)), deeds, strict=True)]
    for sentence, act in zip(draw.sample(FORBIDDEN, len(acts)), acts, strict=True):
        text = sentence.format(act=act.phrase, reason=act.reason, n=draw.randint(2, 90))
        if act.stands and draw.random() < 0.4:
            kept = draw.choice(KEPT).format(thing=act.thing, Thing=_capital(act.thing), place=act.place, keeper=act.keeper)
            text = f"{text} {kept}"
        said.append(text)
    draw.shuffle(said)
    return " ".join(said)


def _listed(acts: list[Act], deeds: list[str], draw: random.Random) -> str:
    """Two lists, either of them first."""
    forbidden, allowed = draw.choice(_HEADS)
    reasons = draw.random() < 0.5
    lists = [
        [forbidden, *(f"- to {a.phrase}{f' ({a.reason})' if reasons else ''}" for a in acts)],
        [allowed, *(f"- to {deed}" for deed in deeds)],
    ]
    draw.shuffle(lists)
    return "\n".join(line for lines in lists for line in lines)


def _table(acts: list[Act], deeds: list[str], draw: random.Random) -> str:
    """A line each, with the mark behind it or before it."""
    no, yes = draw.choice(MARKS)
    lines = [*((a.phrase, no) for a in acts), *((deed, yes) for deed in deeds)]
    draw.shuffle(lines)
    if no.endswith("may"):
        return "\n".join(f"{_capital(mark)} {what}." for what, mark in lines)
    return "\n".join(f"{_capital(what)}: {mark}" for what, mark in lines)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
