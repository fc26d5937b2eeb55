"""What every generator of texts owes its readers; shared by the tests of the parts."""

from __future__ import annotations

import itertools
import random
import re
from types import ModuleType

from burnish.world import splits
from burnish.world import world as worlds
from burnish.world.document import Document


def sample(part: ModuleType, count: int, seed: int = 3) -> list[Document]:
    return list(itertools.islice(part.documents(worlds.make(0), random.Random(seed)), count))


def check(part: ModuleType, *, name: str, count: int = 400, openings: int, duplicates: float = 0.01) -> list[Document]:
    """Determinism, form, keys and variety of so many documents."""
    made = sample(part, count)
    assert made[:50] == sample(part, 50)
    assert made[:50] != sample(part, 50, seed=4)
    for document in made:
        text = document.text
        assert document.part == name
        assert text.isascii()
        assert 15 <= len(text.split()) <= 180, text
        assert not re.search(r"\{|\}|\[|\]|\||(?<=\S)  |User:|Assistant:", text), text
        assert not re.search(r"\ba [aeio]\w|\ban [bcdfgjklmnpqrstvwxyz]\w", text.replace("a one", "").replace("a once", "")), text
        assert not re.search(r" [,.;!?](\s|$)|\.\.(?!\.)(?<!\.\.\.)|[?!]\.", text.replace(" ... ", " ")), text
        assert all(splits.of(key) == "train" for key in document.keys), document.keys
    assert len({d.text for d in made}) >= (1 - duplicates) * count
    assert len({" ".join(d.text.split()[:4]) for d in made}) >= openings
    return made


def repeated(made: list[Document], words: int = 6) -> float:
    """Share of runs of so many words that stand elsewhere in the sample as well."""
    runs = [tuple(tokens[i : i + words]) for d in made if (tokens := d.text.split()) for i in range(len(tokens) - words)]
    counts: dict[tuple[str, ...], int] = {}
    for run in runs:
        counts[run] = counts.get(run, 0) + 1
    return sum(counts[r] > 1 for r in runs) / len(runs)
