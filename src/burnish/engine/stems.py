"""Beginnings that several sequences of a call share, each to be computed once: a prompt, and all answers to it.

What a position computes depends on the tokens up to it alone, so that equal beginnings give equal keys, values and outputs; what
differs comes after them. A pack is then [prompt | answer | answer | ...]: the positions of an answer go on behind the prompt, its
queries see the prompt's keys and its own, and the prompt's gradient is the sum over its answers. Shared are only positions that
carry no loss; the last one of a prompt does (it predicts the first token of the answer), so that every answer has its own.

Of all ways to share one beginning among some sequences, the one that saves most positions is taken. A sequence has one shared
beginning at most: what a few answers of a group have in common beyond the prompt is computed for each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

LEAST = 16
"""Tokens that sequences must have in common."""
WORTH = 8
"""One position in so many must be saved among sequences that share, because attention then goes in more parts."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The first `size` tokens are the same in all members, which are indices into the request, in its order."""

    size: int
    members: tuple[int, ...]


def find(
    tokens: Sequence[np.ndarray],
    keys: Sequence[Hashable],
    limit: Callable[[int], int],
    *,
    sets: Sequence[int] | None = None,
    step: int = 1,
) -> list[Shared]:
    """Which of these sequences share a beginning, in order of their first members.

    tokens: of each sequence [T], or [T, K] where more than the token must be the same. keys: sequences share only where these are
    equal, too. limit: how many positions a sequence may share. sets: the set of each sequence; members of one set share the same
    beginning, or none. step: sizes are multiples of it.
    """
    alike: dict[tuple[Hashable, bytes], list[int]] = {}
    for i, own in enumerate(tokens):
        if len(own) > LEAST:
            alike.setdefault((keys[i], own[:LEAST].tobytes()), []).append(i)
    found = []
    for some in alike.values():
        if len(some) > 1:
            found += _best(sorted(some, key=lambda i: (tokens[i].tobytes(), i)), tokens, limit, step)
    found = [s for s in (found if sets is None else _whole(found, sets)) if _pays(s, tokens)]
    return sorted(found, key=lambda s: s.members)


def _pays(shared: Shared, tokens: Sequence[np.ndarray]) -> bool:
    saved = shared.size * (len(shared.members) - 1)
    return saved * WORTH >= sum(len(tokens[i]) for i in shared.members) and saved > 0


@dataclass(slots=True)
class _Node:
    """Neighbours in the sorted order, from `first` on, with `size` tokens in common; what its parts would save."""

    size: int
    first: int
    saved: int
    parts: list[Shared]


def _best(ordered: Sequence[int], tokens: Sequence[np.ndarray], limit: Callable[[int], int], step: int) -> list[Shared]:
    """The groups of neighbours that save most. Walks the tree of common beginnings (Abouelhoda et al. 2004, algorithm 4.4): each
    of its nodes shares as a whole, or leaves it to its parts."""
    bounds = [limit(i) for i in ordered]
    stack = [_Node(0, 0, 0, [])]
    for at in range(1, len(ordered) + 1):
        size = 0
        if at < len(ordered):
            size = min(_common(tokens[ordered[at - 1]], tokens[ordered[at]]), bounds[at - 1], bounds[at])
            size = size // step * step if size >= LEAST else 0
        first, saved, parts = at - 1, 0, list[Shared]()
        while size < stack[-1].size:
            node = stack.pop()
            first, saved, parts = node.first, node.saved, node.parts
            whole = (at - first - 1) * node.size
            if whole >= saved:
                saved, parts = whole, [Shared(node.size, tuple(sorted(ordered[first:at])))]
            if size <= stack[-1].size:
                stack[-1].saved += saved
                stack[-1].parts += parts
        if size > stack[-1].size:
            stack.append(_Node(size, first, saved, parts))
    return stack[0].parts


def _common(a: np.ndarray, b: np.ndarray) -> int:
    """How many first tokens are the same."""
    size = min(len(a), len(b))
    differs = (a[:size] != b[:size]).reshape(size, -1).any(1)
    at = int(differs.argmax()) if size else 0
    return at if size and differs[at] else size


def _whole(found: Sequence[Shared], sets: Sequence[int]) -> list[Shared]:
    """Without the members of sets that do not lie in one group."""
    home = {i: n for n, s in enumerate(found) for i in s.members}
    homes: dict[int, set[int]] = {}
    for i, own in enumerate(sets):
        homes.setdefault(own, set()).add(home.get(i, -1))
    return [Shared(s.size, tuple(i for i in s.members if len(homes[sets[i]]) == 1)) for s in found]
