"""Installed packages that a program may import: which files they are, with those of what they need."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from burnish.errors import UserError


@dataclass(frozen=True, slots=True)
class Packages:
    """`paths`: each file or folder beside which others lie that are not to be seen, by its name. `modules`: what is imported
    once, before the first program."""

    paths: dict[str, str]
    modules: list[str]


@functools.cache
def found(names: tuple[str, ...]) -> Packages:
    """The installed distributions of these names and, of what they require, what is installed, extras left out."""
    paths: dict[str, str] = {}
    modules: list[str] = []
    waiting, seen = [*names], set[str]()
    while waiting:
        name = waiting.pop(0)
        if (plain := _plain(name)) in seen:
            continue
        seen.add(plain)
        asked = name in names
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if asked:
                raise UserError(
                    f"The package {name!r} is to be importable in the sandbox, and is not installed here",
                    todo=f"`pip install {name}`, or leave it out of `packages`",
                ) from None
            continue  # for another system, or another Python
        tops = _tops(distribution)
        paths |= tops
        if asked:
            own = [module for top in tops if (module := _module(Path(tops[top])))]
            modules += [m for m in own if _plain(m) == plain] or own
        waiting += [
            match[0]
            for each in distribution.requires or []
            if not re.search(r";.*\bextra\s*==", each) and (match := re.match(r"[A-Za-z0-9._-]+", each))
        ]
    return Packages(paths, modules)


def _tops(distribution: metadata.Distribution) -> dict[str, str]:
    """What lies directly in the folder with the installed packages and belongs to this one."""
    files = distribution.files
    if not files:
        raise UserError(
            f"The package {distribution.name!r} does not say which files are its own",
            todo="install it from a wheel; one that is installed for editing cannot be given to the sandbox",
        )
    names = dict.fromkeys(file.parts[0] for file in files if file.parts[0] not in ("..", "__pycache__"))
    paths = {name: str(distribution.locate_file(name)) for name in names if not name.endswith(".pth")}
    return {name: path for name, path in paths.items() if Path(path).exists()}


def _module(path: Path) -> str:
    """The name under which it is imported; empty where it is not."""
    if path.is_dir():
        return path.name if path.name.isidentifier() and (path / "__init__.py").exists() else ""
    suffix = next((s for s in (".py", *EXTENSION_SUFFIXES) if path.name.endswith(s)), "")
    return path.name.removesuffix(suffix) if suffix else ""


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
