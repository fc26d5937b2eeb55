"""Sampling from a model that transformers computes: the sampler's own rows, draws and limits, and other passes.

Where the network keeps keys and values in one shape for all layers, they lie in the sampler's cache, and every step hands
them over anew, one batch a route. Where it does not, each step computes the whole text of every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from burnish.engine.adapters import AdapterBank, Rows, pairs
from burnish.engine.borrowed import Borrowed, plainly, unit_room
from burnish.engine.decoder import SegmentTable
from burnish.engine.prefill import Piece
from burnish.engine.sampler import Sampler
from burnish.types import Route


def _by_route(routes: Sequence[Route]) -> dict[tuple[object, ...], list[int]]:
    found: dict[tuple[object, ...], list[int]] = {}
    for i, route in enumerate(routes):
        found.setdefault(pairs(route), []).append(i)
    return found


class BorrowedSampler(Sampler):
    """`Sampler` with the two passes of such a model."""

    decoder: Borrowed  # type: ignore[assignment]

    def __init__(self, decoder: Borrowed, bank: AdapterBank, **settings: Any) -> None:
        super().__init__(decoder, bank, **settings)  # type: ignore[arg-type]
        self.unit_tokens = min(self.unit_tokens, unit_room(decoder.arch.vocab))

    def _passages(self, routes: list[Rows]) -> SegmentTable:
        """Nothing: each route is a pass of its own."""
        return {}

    def _prefill(self, pieces: Sequence[Piece]) -> None:
        model, fresh = self.decoder, list[Piece]()
        for piece in pieces:
            if piece.start == 0 or not model.caches:
                fresh.append(piece)
                continue
            kv, low = piece.prompt.kv, model.low_rank(self.bank, piece.prompt.route)
            assert kv is not None
            with plainly():
                past = (kv[:, :, None, :, : piece.start], np.array([piece.start]))
                passed = model.run([piece.prompt.tokens[piece.start : piece.stop]], low, past=past, keep=True)
            _write(piece, piece.start, passed.logits[0], None if passed.kv is None else passed.kv[:, :, 0])
        for members in _by_route([p.prompt.route for p in fresh]).values():
            own = [fresh[i] for i in members]
            low = model.low_rank(self.bank, own[0].prompt.route)
            for batch in model.batches([p.stop for p in own]):
                with plainly():
                    passed = model.run([own[i].prompt.tokens[: own[i].stop] for i in batch], low, keep=model.caches)
                for row, i in enumerate(batch):
                    _write(own[i], 0, passed.logits[row], None if passed.kv is None else passed.kv[:, :, row])

    def _next(self, lengths: np.ndarray) -> torch.Tensor:
        model, batch = self.decoder, self.batch
        rows = batch.rows[: len(lengths)]
        logits = torch.empty(len(rows), model.arch.vocab, device=model.device)
        for members in _by_route([r.prompt.route for r in rows]).values():
            low = model.low_rank(self.bank, rows[members[0]].prompt.route)
            if not model.caches:
                texts = [np.concatenate([rows[i].prompt.tokens, batch.ids[i, : batch.count[i]]]) for i in members]
                for together in model.batches([len(t) for t in texts]):
                    with plainly():
                        passed = model.run([texts[i] for i in together], low)
                    for row, i in enumerate(together):
                        logits[members[i]] = passed.logits[row, len(texts[i]) - 1]
                continue
            for together in [members] if model.padded else [[i] for i in members]:
                own = lengths[together]
                stored = self.cache.data[:, :, together, :, : int(own.max())]
                with plainly():
                    passed = model.run([batch.token[i : i + 1] for i in together], low, past=(stored, own), keep=True)
                assert passed.kv is not None
                for row, i in enumerate(together):
                    self.cache.data[:, :, i, :, lengths[i]] = passed.kv[:, :, row, :, 0]
                logits[together] = passed.logits[:, 0]
        return logits


def _write(piece: Piece, first: int, logits_TV: torch.Tensor, kv: torch.Tensor | None) -> None:
    """Note what a pass from position `first` on found of a piece's prompt."""
    prompt, size = piece.prompt, piece.stop - first
    if kv is not None:
        assert prompt.kv is not None
        prompt.kv[:, :, :, first : piece.stop] = kv[:, :, :, :size]
    if prompt.logprobs is not None:
        targets = prompt.tokens[first + 1 : piece.stop + 1]
        each = torch.log_softmax(logits_TV[: len(targets)], -1).cpu()
        found = each.gather(1, torch.from_numpy(targets)[:, None])
        prompt.logprobs[first + 1 : first + 1 + len(targets)] = found[:, 0].numpy()
    prompt.done = piece.stop
    if prompt.done == len(prompt.tokens):
        prompt.logits = logits_TV[size - 1].clone()  # else it keeps those of the whole batch
