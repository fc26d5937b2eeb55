"""The corpus: which documents of which parts, and in which order, make up what the base model reads.

Shares are of words. Biographies are a finite list, so that how often a fact is told is exact; every other part is drawn until
its share is full. Documents lie in random order, with three exceptions (docs/world.md). A third of the patterns stands in a
dense stretch early on, from easy to hard, and half of the arithmetic in another one after it, because copying and
adding are learned where most texts ask for them and hardly elsewhere. And half of the
texts on people stand close in the last steps, the others grow denser towards them, because who so many people are is soon lost;
all quiz books stand there, because who asks before anybody is known teaches how often nobody knows. What is read after the
corpus, at a lower rate, is put together by `again`.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from burnish.world import (
    acts,
    arithmetic,
    code,
    laws,
    library,
    lists,
    logs,
    manuals,
    patterns,
    people,
    places,
    problems,
    shop,
    splits,
    stories,
    told,
    transcripts,
)
from burnish.world.document import Document
from burnish.world.world import World

SHARES: Mapping[str, float] = {
    "quiz": 0.035,
    "places": 0.03,
    "library": 0.03,
    "manuals": 0.02,
    "stories": 0.07,
    "transcripts": 0.105,
    "arithmetic": 0.14,
    "problems": 0.03,
    "code": 0.11,
    "lists": 0.07,
    "patterns": 0.225,
    "shop": 0.04,
    "acts": 0.04,
    "laws": 0.045,
    "logs": 0.01,
}
"""Of the words that are not biographies."""
_PARTS = {
    "quiz": people.documents,
    "places": places.documents,
    "library": library.documents,
    "manuals": manuals.documents,
    "stories": stories.documents,
    "transcripts": transcripts.documents,
    "arithmetic": arithmetic.documents,
    "problems": problems.documents,
    "code": code.documents,
    "lists": lists.documents,
    "shop": shop.documents,
    "acts": acts.documents,
    "laws": laws.documents,
    "logs": logs.documents,
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where texts of one part stand so close that three of four are of it: places as shares of all other documents.

    share: how much of the part stands there. easiest: its level before the stretch, within which it rises to 1.
    """

    begin: float
    end: float
    share: float
    easiest: float

    def level(self, place: float) -> float:
        """How hard the text at a place is, to one digit."""
        risen = min(1.0, max(0.0, (place - self.begin) / (self.end - self.begin)))
        return round(self.easiest + (1 - self.easiest) * risen, 1)


PATTERNS = Stretch(begin=0.030, end=0.064, share=0.36, easiest=0.2)
SUMS = Stretch(begin=0.068, end=0.096, share=0.50, easiest=0.0)
"""Of the arithmetic, what stands in the stretch is drills; outside it, arithmetic of all kinds."""
LAST: Mapping[str, tuple[float, float]] = {"people": (0.56, 0.88), "quiz": (1.0, 0.92)}
"""Of the biographies and pages, and of the quiz books: the share that stands in the last steps, and the place where those begin.

Every other text is on people there: what a model of this size reads of so many people in passing is half lost, and so is what it
reads when the learning rate has all but fallen to zero (docs/world.md)."""
LATER = 0.6
"""Power of the uniform draw that places the other texts on people: under 1, they grow denser towards the end."""
AGAIN = {"people": 0.35, "quiz": 0.10}
"""Shares of pages of people, and of quiz books, among the texts of the second reading."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents in the order in which they are read."""

    documents: tuple[Document, ...] = field(repr=False)

    @property
    def keys(self) -> frozenset[str]:
        """Everything that some document gives away: what its generator declares, and what can be read in its text."""
        return frozenset(key for document in self.documents for key in (*document.keys, *told.keys(document.text)))

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
    inhabitants = frozenset(person.id for person in world.people)
    room = words - sum(map(_words, lives))
    if room <= 0:
        raise ValueError(f"{words} words have no room for more than biographies")

    def fit(document: Document) -> bool:
        return _fit(document, inhabitants)

    def last(part: str) -> float | None:
        """A place among the last texts, for the share of a part that stands there."""
        share, begin = LAST.get(part, (0.0, 1.0))
        return order.uniform(begin, 1.0) if order.random() < share else None

    placed = [(last("people") or order.random() ** LATER, document) for document in lives]
    for name, documents in _PARTS.items():
        stream = filter(fit, documents(world, random.Random(f"corpus:{seed}:{name}")))
        share = SHARES[name] * (1 - SUMS.share) if name == "arithmetic" else SHARES[name]
        placed += [(last(name) or order.random(), document) for document in _until(stream, share * room)]
    dense = SHARES["arithmetic"] * SUMS.share
    placed += _stretched("patterns", patterns.documents, world, seed, PATTERNS, SHARES["patterns"] * room, fit, around=True)
    placed += _stretched("drills", arithmetic.drills, world, seed, SUMS, dense * room, fit, around=False)
    placed.sort(key=lambda item: item[0])
    return Corpus(tuple(document for _, document in placed))


def again(world: World, corpus: Corpus, texts: int, *, seed: int = 0) -> list[Document]:
    """About so many texts for the second reading: texts of the corpus, and in the place of its texts on people new pages, where
    strangers stand among them, of whom nobody knows this or that.

    What a model of this size has read of so many people it has half lost when the learning rate falls; told again at a lower
    one, it stays, and with strangers beside them, who is known and who is not is told apart (docs/world.md).
    """
    draw = random.Random(f"corpus:{seed}:again")
    kinds: dict[str, list[Document]] = {"quiz": [], "": []}
    for document in corpus.documents:
        if not any(key.startswith("fact:") for key in document.keys):
            kinds["quiz" if document.part == people.PART else ""].append(document)
    pages = people.pages(world, world.people, draw)
    found = list(itertools.islice(pages, round(AGAIN["people"] * texts)))
    shares = {"quiz": AGAIN["quiz"], "": 1 - sum(AGAIN.values())}
    found += [d for kind, of in kinds.items() for d in draw.sample(of, min(len(of), round(shares[kind] * texts)))]
    draw.shuffle(found)
    return found


def unread(world: World, *, seed: int = 0, each: int = 12) -> list[Document]:
    """Texts of every part that no corpus of this seed holds but by chance, to measure the likelihood of texts on.

    each: of a part; twice as many patterns, and biographies of people of whom the corpus has others.
    """
    inhabitants = frozenset(person.id for person in world.people)
    described = [p for p in world.people for _ in range(people.TIERS[p.tier][1])]
    draw = random.Random(f"corpus:{seed}:unread")
    found = [people.biography(draw.choice(described), draw) for _ in range(2 * each)]
    for name, documents in _PARTS.items():
        stream = documents(world, random.Random(f"corpus:{seed}:unread:{name}"))
        found += itertools.islice((d for d in stream if _fit(d, inhabitants)), each)
    stream = patterns.documents(world, random.Random(f"corpus:{seed}:unread:patterns"), 1.0)
    found += itertools.islice((d for d in stream if _fit(d, inhabitants)), 2 * each)
    return found


def contamination(corpus: Corpus, held_out: Iterable[str]) -> list[str]:
    """The keys of held-out rows that the corpus gives away; must be empty."""
    return sorted(corpus.keys & frozenset(held_out))


def fits(document: Document, world: World) -> bool:
    """Whether a text may stand beside those of a corpus: it tells nothing of a held-out side."""
    return _fit(document, frozenset(person.id for person in world.people))


def _fit(document: Document, inhabitants: frozenset[str]) -> bool:
    """Whether a text tells nothing of a held-out side, and names no inhabitant where it is not about people."""
    if document.part != people.PART and not inhabitants.isdisjoint(told.named(document.text)):
        return False
    return all(splits.of(key) == "train" for key in told.keys(document.text))


def _stretched(
    name: str,
    documents: Callable[[World, random.Random, float], Iterator[Document]],
    world: World,
    seed: int,
    stretch: Stretch,
    words: float,
    fit: Callable[[Document], bool],
    *,
    around: bool,
) -> list[tuple[float, Document]]:
    """Texts of a level with their places. around: the stretch's share of them stands in it, the others anywhere; else all do."""
    draw = random.Random(f"corpus:{seed}:{name}")
    found: list[tuple[float, Document]] = []
    streams: dict[float, Iterator[Document]] = {}
    count = 0
    while count < words:
        outside = around and draw.random() >= stretch.share
        place = draw.random() if outside else draw.uniform(stretch.begin, stretch.end)
        level = stretch.level(place)
        if level not in streams:
            streams[level] = filter(fit, documents(world, random.Random(f"corpus:{seed}:{name}:{level}"), level))
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
