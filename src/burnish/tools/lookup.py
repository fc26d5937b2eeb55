"""lookup: finds lines of documents that a task brings. Ranked by BM25 (Robertson & Zaragoza 2009): rare words weigh most."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from burnish.tools import signature
from burnish.tools.function import LIMIT_RESULT, Result, result

K, B = 1.2, 0.75
"""Of BM25: how fast further mentions of a word stop counting, and how far long passages are held against."""
FOUND = 3
"""Passages of one answer."""
_WORD = re.compile(r"\w+")


def lookup(query: str) -> str:
    """Searches the documents of this task and returns the passages that fit best.

    Args:
        query: A few words to look for.
    """
    raise AssertionError("described here, run by `Lookup`")


@dataclass(frozen=True, slots=True, repr=False)
class Lookup:
    """The tool over these passages, each a short text."""

    passages: Sequence[str]
    found: int = FOUND
    limit: int = LIMIT_RESULT
    about: Mapping[str, Any] = field(default_factory=lambda: signature.described(lookup))
    _words: list[Counter[str]] = field(init=False)
    _in: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        words = [Counter(_words(p)) for p in self.passages]
        object.__setattr__(self, "_words", words)
        object.__setattr__(self, "_in", Counter(word for each in words for word in each))

    def __repr__(self) -> str:
        over = hashlib.sha256("\0".join(self.passages).encode()).hexdigest()
        return f"Lookup({len(self.passages)} passages, sha256 {over[:16]}, {self.found}, {self.limit})"

    @property
    def name(self) -> str:
        return "lookup"

    def call(self, arguments: str) -> Result:
        """The passages that fit best, one after the other."""
        try:
            query = signature.arguments(lookup, arguments)["query"]
        except signature.Wrong as error:
            return result(False, f"{self.name}: {error}", self.limit)
        best = self.search(query)
        return result(True, "\n".join(best) if best else "nothing found", self.limit)

    def search(self, query: str) -> list[str]:
        """Passages with a word of the query in them, the best first, of equals the earlier."""
        wanted, size = set(_words(query)), sum(sum(w.values()) for w in self._words) / max(1, len(self.passages))
        scores = [self._score(wanted, words, size) for words in self._words]
        ranked = sorted((n for n, s in enumerate(scores) if s > 0), key=lambda n: (-scores[n], n))
        return [self.passages[n] for n in ranked[: self.found]]

    def _score(self, wanted: set[str], words: Counter[str], size: float) -> float:
        total, length = 0.0, sum(words.values())
        for word in sorted(wanted & words.keys()):  # sorted: sums of floats depend on the order
            rare = math.log(1 + (len(self.passages) - self._in[word] + 0.5) / (self._in[word] + 0.5))
            total += rare * words[word] * (K + 1) / (words[word] + K * (1 - B + B * length / size))
        return total


def passages_of(text: str) -> list[str]:
    """A document as passages: its paragraphs, or where it has only one, its lines."""
    parts = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    return parts if len(parts) > 1 else [line.strip() for line in text.splitlines() if line.strip()]


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
