"""All families of Python functions that stand in the corpus and are asked for in the task "code", by their ids."""

from __future__ import annotations

from collections.abc import Mapping

from burnish.world import code_families_numbers, code_families_texts
from burnish.world.code_functions import Family

FAMILIES: Mapping[str, Family] = {each.id: each for each in (*code_families_numbers.FAMILIES, *code_families_texts.FAMILIES)}
