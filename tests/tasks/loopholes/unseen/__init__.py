"""A second set of held-out loopholes: other subjects, other holes and other hands in the same five families.

What is found here measures what finds loopholes, so whoever writes that reads, runs and tunes against nothing of this folder.
"""

from case import Case

from . import figures, games, giveaways, programs, words
from .planting import Twins


def all_pairs() -> tuple[Twins, ...]:
    """Each holed case with its clean twin, and what uses the hole."""
    return (*figures.PAIRS, *words.PAIRS, *programs.PAIRS, *games.PAIRS, *giveaways.PAIRS)


def all_cases() -> tuple[Case, ...]:
    """The cases of all five families."""
    return (*figures.CASES, *words.CASES, *programs.CASES, *games.CASES, *giveaways.CASES)
