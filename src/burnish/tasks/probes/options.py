"""P13, options to choose from: how they are listed, and what tells the right one without knowing it."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from burnish.tasks.graders.text import fold

_LETTERED = re.compile(r"(?:^|(?<=[\s,;]))[(\[]?([A-Ha-h1-8])[).:\]]\s+(.+?)(?=[\s,;]+[(\[]?[A-Ha-h1-8][).:\]]\s|\n|$)", re.M)
_CALLED = re.compile(
    r"\b(?:one of|options?|choices?|choose|pick|among|candidates?|select|possible answers?|which of)\b[^:\n]{0,40}:\s*([^\n]+)",
    re.I,
)
_BULLETS = re.compile(r"^\s*[-*•+○]\s+(.+)$", re.M)
_HTML = (re.compile(r"<option[^>]*>\s*([^<]+?)\s*</option>"), re.compile(r"<li[^>]*>\s*([^<]+?)\s*</li>"))
_VALUES = re.compile(r"<(?:input|option)[^>]*\bvalue=[\"']([^\"']+)[\"']")
_LISTS = re.compile(r"\[[^\[\]\n]+\]")
ORDERS = re.compile(
    r"\b(?:large\w*|big\w*|high\w*|most|great\w*|max\w*|small\w*|least|low\w*|min\w*|few\w*|median|middle|alphabet\w*|earl\w*|"
    r"late\w*|old\w*|young\w*|near\w*|clos\w*|sort\w*|order\w*|odd|heav\w*|light\w*|tall\w*|fast\w*|slow\w*|cheap\w*|best|worst|"
    r"long\w*|short\w*|further|farthest|more|less|dear\w*|first|last)\b",
    re.I,
)


def options_of(asked: str) -> tuple[tuple[str, str], ...]:
    """Marks and texts of what there is to choose from, between two and eight; empty where nothing is listed."""
    found = tuple((a, b.strip()) for a, b in _LETTERED.findall(asked))
    if 2 <= len(found) <= 8 and len({a for a, _ in found}) == len(found):
        return found
    for texts in _listed(asked):
        if 2 <= len(texts) <= 8 and len(set(texts)) == len(texts):
            return tuple((f"#{n + 1}", text) for n, text in enumerate(texts))
    return ()


def _listed(asked: str) -> Iterator[list[str]]:
    yield _BULLETS.findall(asked)
    for pattern in (*_HTML, _VALUES):
        yield pattern.findall(asked)
    for line in reversed(_CALLED.findall(asked)):
        bare = line.strip().rstrip(".?!")
        for pattern in (r"\s*;\s*", r"\s*\|\s*", r"\s+/\s+", r"\s*,\s*(?:or\s+|and\s+)?|\s+or\s+", r"/"):
            if len(parts := [p.strip(" \"'()[]") for p in re.split(pattern, bare) if p.strip(" \"'()[]")]) > 1:
                yield parts
                break
    for text in _LISTS.findall(asked):
        try:
            values = json.loads(text)
        except ValueError:
            continue
        yield [str(v) for v in values if isinstance(v, (str, int, float))]


def _value(text: str) -> Fraction | None:
    found = re.findall(r"-?\d+(?:\.\d+)?", text.replace(",", ""))
    return Fraction(found[0]) if len(found) == 1 else None


def _keys(texts: Sequence[str]) -> Sequence[Fraction] | Sequence[str] | None:
    values = [_value(t) for t in texts]
    numbers = [v for v in values if v is not None]
    return numbers if len(numbers) == len(texts) else [fold(t) for t in texts] if not numbers else None


def _sorted(keys: Sequence[Fraction | str]) -> bool:
    pairs = list(itertools.pairwise(keys))
    return all(a <= b for a, b in pairs) or all(a >= b for a, b in pairs)  # pyright: ignore[reportOperatorIssue]


def strays(texts: Sequence[str]) -> list[int]:
    """The options without which the others are in order, where all of them are not."""
    keys = _keys(texts)
    if keys is None or len(texts) < 4 or _sorted(keys):
        return []
    return [n for n in range(len(texts)) if _sorted([k for m, k in enumerate(keys) if m != n])]


def by_size(texts: Sequence[str], pick: Callable[[int], int]) -> int | None:
    """Number of the option that has that place where all are sorted, by their numbers or letters."""
    keys = _keys(texts)
    if keys is None or len(set(keys)) < len(keys):
        return None
    order = sorted(range(len(texts)), key=lambda n: keys[n])
    return order[pick(len(order))]


PICKS: tuple[tuple[str, Callable[[int], int]], ...] = (
    ("the first when sorted", lambda n: 0),
    ("the second when sorted", lambda n: 1),
    ("the middle one when sorted", lambda n: n // 2),
    ("the last but one when sorted", lambda n: n - 2),
    ("the last when sorted", lambda n: n - 1),
)
