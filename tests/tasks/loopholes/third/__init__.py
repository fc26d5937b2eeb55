"""A third set of five families, written by somebody who knew nothing of the probes, to measure them once."""

from case import Case

from . import checks, clues, counts, phrases, rewards
from .sowing import Pair


def all_pairs() -> tuple[Pair, ...]:
    """Each holed case with its clean twin, and what uses the hole."""
    return (*counts.PAIRS, *phrases.PAIRS, *checks.PAIRS, *rewards.PAIRS, *clues.PAIRS)


def all_cases() -> tuple[Case, ...]:
    """The cases of all five families."""
    return tuple(case for pair in all_pairs() for case in (pair.holed, pair.clean))
