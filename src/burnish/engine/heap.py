"""Memory that was freed stays with the process, where glibc would hand it back and fetch it again in every layer.

By default glibc takes large tensors straight from the system and returns them when they are freed; each page of the next one is
then found missing, and cleared, at its first touch. On a small model that costs a training step a tenth to a quarter of its time.
The price is that a process keeps up to HELD bytes that it no longer needs.
"""

from __future__ import annotations

import ctypes
import os
import sys

HELD = 1 << 30
"""Bytes at the end of the heap that are not given back."""
LARGEST = 32 << 20
"""Tensors above so many bytes still come from the system, one by one: glibc allows no more."""
AHEAD = 64 << 20
"""Bytes that are asked for beyond what is needed."""
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_VARIABLES = {"MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_THRESHOLD_"}


def keep() -> bool:
    """Ask glibc for this, for the process. Returns whether it was done: not where there is another C library, nor where the user
    has set one of these thresholds in the environment."""
    chosen = _VARIABLES & set(os.environ) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    library = ctypes.CDLL(None) if sys.platform.startswith("linux") and not chosen else None
    if library is None or not hasattr(library, "gnu_get_libc_version"):
        return False
    settings = ((_MMAP_THRESHOLD, LARGEST), (_TRIM_THRESHOLD, HELD), (_TOP_PAD, AHEAD))
    return all(library.mallopt(name, value) == 1 for name, value in settings)
