"""Where state lives: BURNISH_HOME, else the XDG data directory (XDG Base Directory Specification 0.8). Asking makes nothing."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """`$BURNISH_HOME`, else `$XDG_DATA_HOME/burnish`, else `~/.local/share/burnish`.

    A relative XDG_DATA_HOME is not read, as its specification demands.
    """
    own = os.environ.get("BURNISH_HOME")
    if own:
        return Path(own).expanduser().absolute()
    data = Path(os.environ.get("XDG_DATA_HOME") or "")
    return (data if data.is_absolute() else Path.home() / ".local" / "share") / "burnish"


def runs_directory() -> Path:
    """Where runs with a name lie."""
    return home() / "runs"


def cache_directory() -> Path:
    """What can be deleted at any time."""
    return home() / "cache"
