"""The keys, values and last logits of prompts: one packed pass, as in training, over pieces of them.

Shapes: N packed positions, G key-value heads, E head dimension.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from burnish.engine import head
from burnish.engine.adapters import AdapterBank, Rows, pairs
from burnish.engine.attention import packed_attention
from burnish.engine.decoder import Decoder, Keep
from burnish.engine.kvcache import attend_after
from burnish.engine.pack import lay
from burnish.engine.request import Prompt


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Positions start..stop-1 of a prompt, to be computed in one pass."""

    prompt: Prompt
    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start


def prefill(decoder: Decoder, bank: AdapterBank, pieces: Sequence[Piece]) -> None:
    """Compute the pieces and write what is found into their prompts: keys and values, log-probabilities, last logits."""
    device = decoder.device
    pieces = sorted(pieces, key=lambda p: repr(pairs(p.prompt.route)))
    layout, routes = lay([p.size for p in pieces], aligned=decoder.compiles), [p.prompt.route for p in pieces]
    tokens = layout.spread([p.prompt.tokens[p.start : p.stop] for p in pieces])
    places = layout.spread([np.arange(p.start, p.stop) for p in pieces])
    fresh = all(p.start == 0 for p in pieces)

    def attend(layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        for piece, (start, stop) in zip(pieces, layout.spans, strict=True):
            kv = piece.prompt.kv
            assert kv is not None
            kv[layer, 0, :, piece.start : piece.stop] = k[start:stop].transpose(0, 1)
            kv[layer, 1, :, piece.start : piece.stop] = v[start:stop].transpose(0, 1)
        if fresh:
            return packed_attention(q, k, v, layout.lengths, decoder.form, decoder.sight(layer))
        out = torch.zeros_like(q)  # what lies between pieces must be finite
        for piece, (start, stop) in zip(pieces, layout.spans, strict=True):
            kv = piece.prompt.kv
            assert kv is not None
            keys, values = kv[layer, :, :, : piece.stop]
            out[start:stop] = attend_after(q[start:stop], keys, values, decoder.sight(layer))
        return out

    # The last layer finishes each piece's last position, or all of them where the prompt is scored.
    counts = [1 if p.prompt.logprobs is None else p.size for p in pieces]
    ends = np.cumsum(counts).tolist()
    kept = np.concatenate([np.arange(stop - count, stop) for (_, stop), count in zip(layout.spans, counts, strict=True)])
    keep = Keep(torch.from_numpy(kept).to(device), bank.segments(routes, counts))
    patches = bank.patches(bank.rows(routes, layout.lengths[: len(pieces)]), layout.size)

    x = decoder.embed(torch.from_numpy(tokens).to(device), patches)
    turns = decoder.turns(torch.from_numpy(places).to(device))
    segments = bank.segments(routes, layout.lengths[: len(pieces)])
    for layer in range(decoder.arch.layers):
        last = layer == decoder.arch.layers - 1
        x = decoder.block(layer, x, turns, segments, attend, keep=keep if last else None)
    hidden = decoder.final_norm(x)
    lasts = bank.patches(bank.rows(routes, [1] * len(pieces)), len(pieces))
    logits = head.logits_of(hidden[[end - 1 for end in ends]], decoder.head, lasts)
    for i, (piece, end) in enumerate(zip(pieces, ends, strict=True)):
        prompt = piece.prompt
        if prompt.logprobs is not None:
            targets = prompt.tokens[piece.start + 1 : piece.stop + 1]
            at = hidden[end - piece.size : end - piece.size + len(targets)]
            own = bank.patches([Rows(prompt.route, slice(None))], len(targets))
            found = head.target_logprobs(at, decoder.head, torch.from_numpy(targets).to(device)[:, None], own)
            prompt.logprobs[piece.start + 1 : piece.start + 1 + len(targets)] = found[:, 0].cpu().numpy()
        prompt.done = piece.stop
        if prompt.done == len(prompt.tokens):
            prompt.logits = logits[i]
