"""Libraries that only some graders need: brought in when such a grader is made, and named where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from burnish.errors import ConfigError


def needed(module: str, extra: str, what: str) -> Any:
    """The module. Raises ConfigError naming the extra that brings it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        todo = f"pip install 'burnish[{extra}]'"
        raise ConfigError(f"{what} needs the library {module}, which is not installed", todo=todo) from None
