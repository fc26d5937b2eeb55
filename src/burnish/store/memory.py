"""How much memory this process may still take: what the system has free, within what limits its container and it were given."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

UNKNOWN_BYTES = 8 << 30
"""Taken where no system says anything."""
CGROUPS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current"), Path("/sys/fs/cgroup/memory.stat")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.stat"),
    ),
)
"""Limit, use and what it is made of, in the second and the first version of control groups."""


def at_hand() -> int:
    """Bytes that this process may take before the system, its container or a limit of its own stops it."""
    found = [*_system(), *_containers(), *_own()]
    return max(0, min(found, default=UNKNOWN_BYTES))


def _system() -> list[int]:
    free = _named(Path("/proc/meminfo")).get("MemAvailable")
    return [] if free is None else [free]


def _containers() -> list[int]:
    found = []
    for limit, use, parts in CGROUPS:
        with suppress(OSError, ValueError):  # no such file, or no limit ("max")
            cached = _named(parts, unit=1).get("inactive_file", 0)
            found.append(int(limit.read_text()) - int(use.read_text()) + cached)
    return found


def _own() -> list[int]:
    used = _named(Path("/proc/self/status"))
    bounds = ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData"))
    limits = [(resource.getrlimit(kind)[0], used.get(name, 0)) for kind, name in bounds]
    return [limit - taken for limit, taken in limits if limit != resource.RLIM_INFINITY]


def _named(path: Path, unit: int = 1024) -> dict[str, int]:
    """The numbers of a file of names and numbers, in bytes."""
    try:
        lines = path.read_text("ascii", "replace").splitlines()
    except OSError:
        return {}
    words = [line.replace(":", " ").split() for line in lines]
    return {w[0]: int(w[1]) * unit for w in words if len(w) > 1 and w[1].isdigit()}
