"""The corpus: which documents of which parts, and in which order, make up what the base model reads.

Shares are of words. Biographies are a finite list, so that how often a fact was read is exact; every other part is drawn until
its share is full. Documents lie in random order, with two exceptions (docs/world.md). Half of the patterns stand in one
dense stretch early on, from easy to hard, because copying is learned where most texts ask for it and hardly elsewhere. And
biographies grow denser towards the end, because what is read before the model can copy a name is half lost.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from burnish.world import acts, arithmetic, code, library, lists, logs, manuals, patterns, people, places, problems, shop, stories
from burnish.world import transcripts as dialogues
from burnish.world.document import Document
from burnish.world.world import World

SHARES: Mapping[str, float] = {
    "quiz": 0.04,
    "places": 0.04,
    "library": 0.03,
    "manuals": 0.03,
    "stories": 0.09,
    "transcripts": 0.09,
    "arithmetic": 0.08,
    "problems": 0.04,
    "code": 0.12,
    "lists": 0.10,
    "patterns": 0.26,
    "shop": 0.04,
    "acts": 0.03,
    "logs": 0.01,
}
"""Of the words that are not biographies."""
_PARTS = {
    "quiz": people.documents,
    "places": places.documents,
    "library": library.documents,
    "manuals": manuals.documents,
    "stories": stories.documents,
    "transcripts": dialogues.documents,
    "arithmetic": arithmetic.documents,
    "problems": problems.documents,
    "code": code.documents,
    "lists": lists.documents,
    "shop": shop.documents,
    "acts": acts.documents,
    "logs": logs.documents,
}
DENSE = (0.05, 0.095)
"""Where patterns stand closest, as shares of all other documents: three of four texts of this stretch are patterns."""
DENSE_SHARE = 0.5
"""Of the patterns, how many stand there."""
EASIEST = 0.2
"""Level of the patterns before that stretch; within it the level rises to 1."""
LATER = 0.7
"""Power of the uniform draw that places a biography: under 1, they grow denser towards the end."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents in the order in which they are read."""

    documents: tuple[Document, ...] = field(repr=False)

    @property
    def keys(self) -> frozenset[str]:
        """Everything that some document gives away."""
        return frozenset(key for document in self.documents for key in document.keys)

    @property
    def words(self) -> dict[str, int]:
        """Words of each part."""
        found: dict[str, int] = {}
        for document in self.documents:
            found[document.part] = found.get(document.part, 0) + _words(document)
        return found

    @property
    def sha256(self) -> str:
        """Of all texts, in their order."""
        found = hashlib.sha256()
        for document in self.documents:
            found.update(document.text.encode() + b"\0")
        return found.hexdigest()


def make(world: World, *, words: int, seed: int = 0, biographies: float = 1.0) -> Corpus:
    """About `words` words. biographies: share of them that is read; under 1 the exposure of the tiers is as much lower."""
    lives = people.biographies(world, seed)
    order = random.Random(f"corpus:{seed}:order")
    if biographies < 1:
        lives = order.sample(lives, round(biographies * len(lives)))
    room = words - sum(map(_words, lives))
    if room <= 0:
        raise ValueError(f"{words} words have no room for more than biographies")
    placed = [(order.random() ** LATER, document) for document in lives]
    for name, documents in _PARTS.items():
        drawn = _until(documents(world, random.Random(f"corpus:{seed}:{name}")), SHARES[name] * room)
        placed += [(order.random(), document) for document in drawn]
    placed += _patterns(world, seed, SHARES["patterns"] * room)
    placed.sort(key=lambda item: item[0])
    return Corpus(tuple(document for _, document in placed))


def contamination(corpus: Corpus, held_out: Iterable[str]) -> list[str]:
    """The keys of held-out rows that the corpus gives away; must be empty."""
    return sorted(corpus.keys & frozenset(held_out))


def _patterns(world: World, seed: int, words: float) -> list[tuple[float, Document]]:
    """Patterns with their places: DENSE_SHARE of them in the stretch DENSE, where they get harder from place to place."""
    draw = random.Random(f"corpus:{seed}:patterns")
    begin, end = DENSE
    found: list[tuple[float, Document]] = []
    streams: dict[float, Iterator[Document]] = {}
    count = 0
    while count < words:
        place = draw.uniform(begin, end) if draw.random() < DENSE_SHARE else draw.random()
        risen = min(1.0, max(0.0, (place - begin) / (end - begin)))
        level = round(EASIEST + (1 - EASIEST) * risen, 1)
        if level not in streams:
            streams[level] = patterns.documents(world, random.Random(f"corpus:{seed}:patterns:{level}"), level)
        document = next(streams[level])
        count += _words(document)
        found.append((place, document))
    return found


def _until(documents: Iterator[Document], words: float) -> Iterator[Document]:
    count = 0.0
    while count < words:
        document = next(documents)
        count += _words(document)
        yield document


def _words(document: Document) -> int:
    return len(document.text.split())
