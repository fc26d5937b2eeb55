"""Numbers as people read them."""

from __future__ import annotations


def count(n: float) -> str:
    """12, 1,234, 56.7k, 1.2M, 3.4B."""
    if abs(n) < 10_000:
        return f"{n:,.0f}"
    for size, letter in ((1e9, "B"), (1e6, "M")):
        if abs(n) >= size:
            return f"{n / size:.1f}{letter}"
    return f"{n / 1e3:.1f}k"


def duration(seconds: float) -> str:
    """0.4 s, 12 s, 3m05s, 2h10m."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def size(n: float) -> str:
    """Bytes: 512 B, 1.5 kB, 20.1 MB, 3.0 GB."""
    for unit, letter in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n >= unit:
            return f"{n / unit:.1f} {letter}"
    return f"{n:.0f} B"


def percent(share: float) -> str:
    """0.1234 -> 12.3 %."""
    return f"{100 * share:.1f} %"


def significant(x: float) -> str:
    """Three significant digits, without an exponent where that is readable: 0.0003, 2.31, 120."""
    if x == 0 or 1e-4 <= abs(x) < 1e5:
        return f"{x:.3g}" if abs(x) < 100 else f"{x:.0f}"
    return f"{x:.2e}"
