"""Stored keys and values of finished conversations, so that the next turn computes only what is new.

An entry is found by what its numbers depend on: the tokens, the route, the weight version of each adapter of the route, and the
tenant. Tokens are hashed in chained blocks (as in vLLM's automatic prefix caching), so the longest stored prefix is found in
one walk along the prompt; the last, partial block is compared token by token. Least recently used entries leave first.

Changed from vLLM: entries are whole sequences rather than pages, since the decode cache is not paged.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

_BLOCK = 16
Owner = tuple[object, ...]
"""(route and versions, tenant): entries of different owners never meet."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """`kv` is [layers, 2, G, T, E] for the T tokens."""

    tokens: np.ndarray
    kv: torch.Tensor
    blocks: tuple[bytes, ...]


class PrefixCache:
    """Bounded by `limit_positions` stored positions; 0 stores nothing."""

    def __init__(self, limit_positions: int) -> None:
        self.limit_positions = limit_positions
        self.clear()

    def clear(self) -> None:
        self.entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._by_block: dict[bytes, dict[bytes, None]] = {}
        self._by_last: dict[bytes, dict[bytes, None]] = {}
        self.positions = 0

    @property
    def bytes(self) -> int:
        """Memory held."""
        return sum(e.kv.numel() * e.kv.element_size() for e in self.entries.values())

    def find(self, owner: Owner, tokens: np.ndarray) -> torch.Tensor | None:
        """Keys and values of the longest stored prefix that leaves at least one token to compute, [layers, 2, G, T, E]."""
        holders: dict[bytes, None] = {}
        for block in _chain(owner, tokens[:-1]):
            found = self._by_block.get(block)
            if not found:
                break
            holders = found
        best: tuple[int, bytes] | None = None
        for name in holders:
            size = _common(self.entries[name].tokens, tokens[:-1])
            if best is None or size > best[0]:
                best = (size, name)
        if best is None:
            return None
        self.entries.move_to_end(best[1])
        return self.entries[best[1]].kv[:, :, :, : best[0]]

    def store(self, owner: Owner, tokens: np.ndarray, kv: torch.Tensor) -> None:
        """Keep a sequence; entries that it extends are dropped, as it answers for them."""
        blocks = tuple(_chain(owner, tokens))
        if not blocks or len(tokens) > self.limit_positions:
            return
        for name in [n for b in blocks for n in self._by_last.get(b, ())]:
            if _common(self.entries[name].tokens, tokens) == len(self.entries[name].tokens):
                self._drop(name)
        name = hashlib.blake2b(blocks[-1] + tokens.tobytes(), digest_size=16).digest()
        self.entries[name] = Entry(tokens, kv, blocks)
        self.positions += len(tokens)
        for block in blocks:
            self._by_block.setdefault(block, {})[name] = None
        self._by_last.setdefault(blocks[-1], {})[name] = None
        while self.positions > self.limit_positions:
            self._drop(next(iter(self.entries)))

    def _drop(self, name: bytes) -> None:
        entry = self.entries.pop(name)
        self.positions -= len(entry.tokens)
        for index, blocks in ((self._by_block, entry.blocks), (self._by_last, entry.blocks[-1:])):
            for block in blocks:
                index[block].pop(name)
                if not index[block]:
                    del index[block]


def _chain(owner: Owner, tokens: np.ndarray) -> Iterator[bytes]:
    """One hash for each full block of tokens, over the owner and all tokens up to the block's end."""
    state = hashlib.blake2b(repr(owner).encode(), digest_size=16)
    data = tokens.astype(np.int64, copy=False)
    for start in range(0, len(data) - _BLOCK + 1, _BLOCK):
        state.update(data[start : start + _BLOCK].tobytes())
        yield state.digest()


def _common(a: np.ndarray, b: np.ndarray) -> int:
    size = min(len(a), len(b))
    differs = a[:size] != b[:size]
    return int(differs.argmax()) if differs.any() else size
