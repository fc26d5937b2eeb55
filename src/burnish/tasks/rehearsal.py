"""Rehearsal: plain texts among the training rows, so that what a model has read is not lost while it learns to answer.

A small model that is fine-tuned on questions alone forgets most of what they do not ask for; texts such as it has read before
keep it (docs/world.md has figures). Mixing data of pre-training into what follows: Ouyang et al. 2022, arXiv 2203.02155, section
3.5; the name: Robins 1995. Nothing is asked in such texts and nobody answers, so nothing is measured on them.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from pathlib import Path

from burnish.errors import DataError
from burnish.tasks import sources
from burnish.tasks.sources import Source
from burnish.types import Example, Message
from burnish.world import corpus, court, laws, people
from burnish.world import world as worlds
from burnish.world.document import Document
from burnish.world.world import World

WORLD = "world"
"""Stands for the texts that `of_world` makes, where no file of that name exists."""
PAGES, QUIZZES, LAWS, COURT = 850, 200, 100, 700
"""Pages of people, strangers among them, quiz books, pages of the law, and pages of what came before a judge."""
TEXTS = PAGES + QUIZZES + LAWS + COURT
WEIGHT = 0.5
"""Of each token of these texts, since they are longer than the answers that they stand among."""


def is_world(name: str) -> bool:
    """Whether a name stands for the texts of the World: a file of that name comes first."""
    return name == WORLD and not Path(name).is_file()


def read(name: str, *, skip_bad_rows: bool = False) -> Source:
    """The texts of a file, or those of the World. Raises DataError for one that holds anything but plain text."""
    if is_world(name):
        examples = of_world(worlds.make())
        digest = hashlib.sha256("\0".join(e.messages[0].content for e in examples).encode()).hexdigest()
        title = "texts of the World of the embedded models"
        return Source(path=Path(name), examples=examples, format=title, notes=(), bad=(), rows=len(examples), sha256=digest)
    source = sources.read(name, skip_bad_rows=skip_bad_rows)
    other = next((e for e in source.examples if e.form != "text"), None)
    if other is not None:
        raise DataError(
            "only plain text can be rehearsed",
            seen=f"{name} holds {source.format}",
            todo='give a text file, or rows of {"text": "..."}; conversations and answers belong in data',
        )
    return source


def of_world(world: World) -> tuple[Example, ...]:
    """Pages of the best-known people, quiz books, pages of the law and of the court, the same for the same World; none is of its
    corpus but by chance."""
    draw = random.Random(f"rehearsal:{world.seed}")
    known = [p for p in world.people if p.tier == "head"]
    pages = itertools.islice(people.pages(world, known, draw), PAGES)
    quizzes = itertools.islice(people.quiz_books(world, draw), QUIZZES)
    rules = (
        itertools.islice((page for page in part.documents(world, draw) if corpus.fits(page, world)), count)
        for part, count in ((laws, LAWS), (court, COURT))
    )
    return tuple(_row(document, line) for line, document in enumerate((*pages, *quizzes, *itertools.chain(*rules)), 1))


def _row(document: Document, line: int) -> Example:
    message = Message(role="assistant", content=document.text, weight=WEIGHT)
    return Example(messages=(message,), form="text", metadata={"keys": list(document.keys)}, source=WORLD, line=line)
