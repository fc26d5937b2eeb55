"""Memory that was freed stays with the process, in large pages, where glibc would hand it back and fetch it again in every layer.

By default glibc takes large tensors straight from the system and returns them when they are freed; each page of the next one is
then found missing, and cleared, at its first touch. On a small model that costs a training step about a tenth of its time. Pages
of 4 KiB cost another tenth: a pass over a few megabytes looks up more of them than the processor remembers. The price is that a
process keeps memory that it no longer needs, at the end of its heap up to HELD bytes.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
from functools import cache
from pathlib import Path

import torch

HELD = 1 << 30
"""Bytes at the end of the heap that are not given back."""
LARGEST = 32 << 20
"""Tensors above so many bytes still come from the system, one by one: glibc allows no more."""
AHEAD = 1 << 30
"""Bytes of addresses that are asked for beyond what is needed, so that their pages can be chosen before they are touched."""
AHEAD_LIMITED = 64 << 20
"""The same where the process may not have as many addresses as it likes."""
LARGE_PAGE = 2 << 20
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_NAMES = ("trim_threshold", "top_pad", "mmap_threshold")
_MADV_HUGEPAGE = 14


@cache
def _is_glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None)
    library.sbrk.argtypes, library.sbrk.restype = [ctypes.c_ssize_t], ctypes.c_size_t
    library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    library.free.argtypes, library.free.restype = [ctypes.c_void_p], None
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return library


def _may_reserve() -> bool:
    """Whether addresses cost nothing: no bound on them, memory enough, and a system that promises more of it than it has."""
    if os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") < 4 * AHEAD:
        return False
    bounds = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
    strict = Path("/proc/sys/vm/overcommit_memory")
    return all(bound == resource.RLIM_INFINITY for bound in bounds) and (
        not strict.is_file() or strict.read_text().strip() != "2"
    )


def keep() -> bool:
    """Ask glibc for this, for the process. Returns whether it was done: not where there is another C library, nor where the user
    has set one of these thresholds in the environment."""
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    chosen = any(f"malloc.{name}" in tunables or f"MALLOC_{name.upper()}_" in os.environ for name in _NAMES)
    if chosen or not _is_glibc():
        return False
    ahead = AHEAD if _may_reserve() else AHEAD_LIMITED
    settings = ((_MMAP_THRESHOLD, LARGEST), (_TRIM_THRESHOLD, HELD), (_TOP_PAD, ahead))
    if not all(_library().mallopt(name, value) == 1 for name, value in settings):
        return False
    _library().free(_library().malloc(LARGEST - LARGE_PAGE))  # the heap grows, by what is ahead too
    _asked_for[0] = -(-_begin() // LARGE_PAGE) * LARGE_PAGE
    use_large_pages()
    return True


def use_large_pages() -> None:
    """After `keep`: ask for large pages for what the heap has grown by since the last call, which costs a microsecond where that
    is nothing. Pages that are in use stay as they are, and so does everything where the system has no such pages."""
    begin = _asked_for[0]
    if begin and (top := int(_library().sbrk(0))) != begin:
        if top > begin:
            _library().madvise(begin, top - begin, _MADV_HUGEPAGE)
        _asked_for[0] = top


def zeros(size: int, *, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """A tensor [size] of zeros that is to stay: one that is too large for the heap lies in large pages, too."""
    out = torch.empty(size, device=device, dtype=dtype)
    if out.device.type == "cpu" and out.nbytes > LARGEST and _is_glibc():
        begin = -(-out.data_ptr() // LARGE_PAGE) * LARGE_PAGE
        _library().madvise(begin, out.data_ptr() + out.nbytes - begin, _MADV_HUGEPAGE)
    return out.zero_()


_asked_for = [0]
"""Up to which address; 0 = `keep` was not called, or in vain."""


def _begin() -> int:
    """Where the heap begins; the end of memory where it has none."""
    maps = Path("/proc/self/maps")
    for line in maps.read_text("ascii", "replace").splitlines() if maps.is_file() else ():
        if line.endswith("[heap]"):
            return int(line.split("-")[0], 16)
    return 1 << 62
