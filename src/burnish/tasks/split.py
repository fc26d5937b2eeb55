"""Hold out a validation split, by a hash of the prompt.

Rows with the same normalised opening (system and first user message; the text itself in form "text") are one group and
stay on one side, so that neither duplicates nor continuations of one conversation leak. Groups are taken in the order
of their hash with the seed, up to the wanted number of rows: the order of a group depends on nothing else, so adding
rows moves at most the groups at the boundary, and shuffling the file moves none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from burnish.errors import ConfigError, DataError
from burnish.tasks.keys import digest, opening_text
from burnish.types import Example

VALID_ROWS = 200
VALID_SHARE = 0.1
"""Held out by default: a tenth of the rows, at most 200 (which shows a paired effect of about 11 points)."""


@dataclass(frozen=True, slots=True)
class Split:
    """Both sides in the order of the file. `notes` says what was held out, and how."""

    train: tuple[Example, ...]
    valid: tuple[Example, ...]
    notes: tuple[str, ...]


def split(examples: Sequence[Example], *, fraction: float | None = None, seed: int = 0) -> Split:
    """Split into train and valid, both non-empty. `fraction` of the rows is held out (default min(10 %, 200 rows)).
    Raises DataError when fewer than two distinct prompts leave nothing to hold out, ConfigError for a bad fraction."""
    if fraction is not None and not 0 < fraction < 1:
        raise ConfigError("The held-out fraction must lie between 0 and 1", seen=str(fraction), todo="give 0.1, say")
    groups: dict[bytes, list[int]] = {}
    for i, example in enumerate(examples):
        groups.setdefault(digest(opening_text(example), seed), []).append(i)
    if len(groups) < 2:
        raise DataError(
            "Nothing can be held out: the file has fewer than two distinct prompts",
            seen=f"{len(examples)} rows, {len(groups)} distinct",
            todo="give a validation file of its own with --valid FILE, or more rows",
        )
    wanted = VALID_SHARE * len(examples) if fraction is None else fraction * len(examples)
    target = max(1, round(min(wanted, VALID_ROWS) if fraction is None else wanted))
    order = sorted(groups)
    held: list[int] = []
    taken = 0
    for key in order:
        if len(held) + len(groups[key]) <= target and taken < len(groups) - 1:
            held += groups[key]
            taken += 1
    if not held:  # every prompt stands in more rows than are wanted: hold out the rarest
        held = groups[min(order, key=lambda key: (len(groups[key]), key))]
        taken = 1
    chosen = set(held)
    train = tuple(e for i, e in enumerate(examples) if i not in chosen)
    valid = tuple(e for i, e in enumerate(examples) if i in chosen)
    prompts = f"{taken} of {len(groups)} distinct prompts"
    return Split(train, valid, (f"{len(valid)} of {len(examples)} rows ({prompts}) are held out, by hash",))
