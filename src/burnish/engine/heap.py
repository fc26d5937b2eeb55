"""Memory that was freed stays with the process, where glibc would hand it back and fetch it again in every layer.

By default glibc takes large tensors straight from the system and returns them when they are freed; each page of the next one is
then found missing, and cleared, at its first touch. On a small model that costs a training step about a tenth of its time.
The price is that a process keeps memory that it no longer needs, at the end of its heap up to HELD bytes.
"""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache

HELD = 1 << 30
"""Bytes at the end of the heap that are not given back."""
LARGEST = 32 << 20
"""Tensors above so many bytes still come from the system, one by one: glibc allows no more."""
AHEAD = 64 << 20
"""Bytes that are asked for beyond what is needed."""
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_NAMES = ("trim_threshold", "top_pad", "mmap_threshold")


@cache
def _is_glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"


def keep() -> bool:
    """Ask glibc for this, for the process. Returns whether it was done: not where there is another C library, nor where the user
    has set one of these thresholds in the environment."""
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    chosen = any(f"malloc.{name}" in tunables or f"MALLOC_{name.upper()}_" in os.environ for name in _NAMES)
    if chosen or not _is_glibc():
        return False
    library = ctypes.CDLL(None)
    settings = ((_MMAP_THRESHOLD, LARGEST), (_TRIM_THRESHOLD, HELD), (_TOP_PAD, AHEAD))
    return all(library.mallopt(name, value) == 1 for name, value in settings)
