"""The World: all records of Vellmark, made once for a seed and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from burnish.world import acts, library, people, places


@dataclass(frozen=True, slots=True)
class World:
    """What is true in Vellmark. The shop has constant data of its own and is not in here."""

    seed: int
    people: tuple[people.Person, ...]
    places: places.Places
    library: tuple[library.Function, ...]
    acts: tuple[acts.Act, ...]


@lru_cache(maxsize=4)
def make(seed: int = 0) -> World:
    """The World of a seed, always the same. Quick (well under a second), and kept."""
    return World(seed=seed, people=people.make(seed), places=places.make(seed), library=library.make(seed), acts=acts.make(seed))
