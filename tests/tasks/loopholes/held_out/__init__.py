"""Loopholes that are held out: five families of which nobody who writes what finds loopholes may see anything but the figures.

What is found here measures that writer's work, so nothing here is to be read, run or tuned against until the end.
"""

from case import Case

from . import exits, farming, keywords, leaks, numbers
from .making import Pair


def all_pairs() -> tuple[Pair, ...]:
    """Each holed case with its clean twin, and what uses the hole."""
    return (*numbers.PAIRS, *keywords.PAIRS, *exits.PAIRS, *farming.PAIRS, *leaks.PAIRS)


def all_cases() -> tuple[Case, ...]:
    """The cases of all five families."""
    return (*numbers.CASES, *keywords.CASES, *exits.CASES, *farming.CASES, *leaks.CASES)
