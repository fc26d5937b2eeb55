"""Small builders shared by the sampler's tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from burnish.engine import head
from burnish.engine.adapters import AdapterBank, Rows
from burnish.engine.decoder import Decoder
from burnish.engine.load import load_weights, read_model
from burnish.engine.request import Request
from burnish.engine.sampler import Sampler
from burnish.types import Adapter, LoraSpec, Route, Sample, SamplingParams

VOCAB = 96
TOKEN_BYTES = [bytes([i + 32]) for i in range(95)] + ["é".encode()[:1]]
"""Tokens 0..94 are the printable characters, 95 is half a character."""
CPU = torch.device("cpu")


def open_sampler(directory: Path, *, dtype: torch.dtype = torch.float32, **settings: object) -> Sampler:
    _, arch = read_model(directory)
    decoder = Decoder(arch, device=CPU, dtype=dtype)
    load_weights(directory, arch, decoder.weights)
    bank = AdapterBank(arch, device=CPU, dtype=dtype)
    settings = {"token_bytes": TOKEN_BYTES, "end_ids": ()} | settings
    return Sampler(decoder, bank, **settings)  # type: ignore[arg-type]


def add_adapter(sampler: Sampler, seed: int, rank: int = 4) -> Adapter:
    """An adapter whose B is not zero."""
    slot = sampler.bank.new(LoraSpec(rank=rank, seed=seed))
    slot.initialise()
    shake(slot.flat.views, seed)
    slot.refresh()
    return slot.adapter


def shake(views: dict[str, torch.Tensor], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for view in views.values():
        view.add_(torch.randn(view.shape, generator=generator), alpha=0.1)


def run(sampler: Sampler, request: Request, each_step: Callable[[int], None] | None = None) -> list[list[Sample]]:
    for n in range(10_000):
        if request.done:
            return request.results()
        sampler.step()
        if each_step is not None:
            each_step(n)
    raise AssertionError("the sampler does not come to an end")


def sample(
    sampler: Sampler, prompts: Sequence[Sequence[int]], params: SamplingParams | list[SamplingParams], **more: object
) -> list[list[Sample]]:
    return run(sampler, sampler.submit(prompts, params, **more))  # type: ignore[arg-type]


def make_prompts(count: int, *, seed: int = 0, low: int = 2, high: int = 24) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, VOCAB, rng.integers(low, high)).tolist() for _ in range(count)]


def forward_logits(sampler: Sampler, ids: Sequence[int], route: Route = None) -> torch.Tensor:
    """Logits [T, V] of a packed forward pass, the way the trainer computes them."""
    decoder = sampler.decoder
    table = sampler.bank.table([Rows(route, slice(0, len(ids)))])
    with torch.no_grad():
        hidden = decoder.forward_packed(decoder.embed(torch.tensor(ids)), [len(ids)], table)
        return head.logits_of(hidden, decoder.head)


def forward_logprobs(sampler: Sampler, prompt: Sequence[int], ids: Sequence[int], route: Route = None) -> np.ndarray:
    """Log-probabilities of an answer's tokens by a packed forward pass."""
    every = [*prompt, *map(int, ids)]
    logprobs = torch.log_softmax(forward_logits(sampler, every, route), -1)
    at = torch.arange(len(prompt) - 1, len(every) - 1)
    return logprobs[at, torch.tensor(every[len(prompt) :])].numpy()
