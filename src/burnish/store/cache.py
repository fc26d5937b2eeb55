"""Small facts that are cheap to keep and costly to find again, in one JSON file each under BURNISH_HOME/cache.

A cache may be deleted, may be damaged and may be on a disk that cannot be written: then it is empty, and what it
would have said is found again. Two processes that write at once lose one of their facts, never the file.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from burnish.errors import DiskFull
from burnish.store.atomic import atomic_write_bytes
from burnish.store.home import cache_directory


def recall(name: str) -> dict[str, Any]:
    """All facts of the cache `name`."""
    try:
        value = json.loads((cache_directory() / f"{name}.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def remember(name: str, facts: dict[str, Any]) -> None:
    """Add facts to the cache `name`."""
    path = cache_directory() / f"{name}.json"
    text = json.dumps({**recall(name), **facts}, indent=1, sort_keys=True) + "\n"
    with suppress(OSError, DiskFull):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_bytes(path, text.encode())
