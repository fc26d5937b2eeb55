"""The one record that every part of the world hands to the corpus."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """One text of the corpus. `part` is the module that made it; `keys` name all that it gives away (see docs/world.md)."""

    part: str
    text: str
    keys: tuple[str, ...] = ()
