"""The recipes by name, and from what a user gave to the config of the right one."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from burnish import toml
from burnish.errors import ConfigError
from burnish.protocols import Models, Run
from burnish.recipes import grpo, pretrain, sft
from burnish.recipes.grpo import GRPO
from burnish.recipes.pretrain import Pretrain
from burnish.recipes.sft import SFT
from burnish.recipes.training import Training


@dataclass(frozen=True, slots=True)
class Method:
    """A recipe: its config and its loop."""

    config: type[Training]
    train: Callable[[Any, Models, Run], None]
    asks: bool = False
    """whether it learns from graded answers of its own, and not from rows"""


METHODS: dict[str, Method] = {
    "sft": Method(SFT, sft.train),
    "pretrain": Method(Pretrain, pretrain.train),
    "grpo": Method(GRPO, grpo.train, asks=True),
}


def load(
    recipe: str | None = None,
    *,
    file: Path | None = None,
    overrides: Sequence[str] = (),
    base: Mapping[str, Any] | None = None,
) -> Training:
    """The config of `recipe`; where None, of the recipe that an override, the file or `base` names, else of "sft".

    Raises ConfigError for a recipe that does not exist, and for every setting that is wrong.
    """
    name = recipe or _named(file, overrides, base or {}) or "sft"
    if name not in METHODS:
        near = get_close_matches(name, METHODS, n=1)
        todo = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(METHODS)}"
        raise ConfigError(f"there is no recipe {name!r}", seen=name, todo=todo)
    return METHODS[name].config.load(file=file, overrides=overrides, base=base)


def asks(config: Training) -> bool:
    """Whether the config's recipe learns from graded answers of its own."""
    return METHODS[config.recipe].asks


def train(config: Training, models: Models, run: Run) -> None:
    """Run the loop of the config's recipe."""
    METHODS[config.recipe].train(config, models, run)


def _named(file: Path | None, overrides: Sequence[str], base: Mapping[str, Any]) -> str | None:
    for override in reversed(overrides):
        key, _, text = override.partition("=")
        if key.strip() == "recipe":
            return str(toml.parse_value(text.strip()))
    if file is not None:
        try:
            found = tomllib.loads(file.read_bytes().decode("utf-8")).get("recipe")
        except (OSError, ValueError):  # Config.load says what is wrong with the file
            found = None
        if isinstance(found, str):
            return found
    found = base.get("recipe")
    return found if isinstance(found, str) else None
