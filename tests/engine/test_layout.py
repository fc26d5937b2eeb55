"""Where products are compiled for each shape, packs have gaps and round sizes: nothing that comes out may tell."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import make_data, open_host
from sampling import make_prompts, open_sampler, sample

from burnish.engine import matmul, pack
from burnish.engine.decoder import Decoder
from burnish.types import Datum, LoraSpec, Route, SamplingParams

GREEDY = SamplingParams(limit_tokens=24, temperature=0.0, stop_ids=())


@pytest.fixture
def aligned(monkeypatch: pytest.MonkeyPatch):
    def on() -> None:
        monkeypatch.setattr(Decoder, "compiles", True)

    return on


def test_few_sizes_occur() -> None:
    sizes = [matmul.rounded(n) for n in range(1, 2049)]
    assert all(size >= n for n, size in enumerate(sizes, 1))
    assert len(set(sizes)) < 40
    assert sizes == sorted(sizes)
    for n in range(1, 2049):
        fits = matmul.fitting(n)
        assert matmul.rounded(fits) == fits
        assert fits <= max(4, n)
        assert n < 8 or fits > n / 2


def test_aligned_units_hold_no_more_than_they_may() -> None:
    draw = np.random.default_rng(0)
    data = [Datum.from_tokens(np.zeros(n, np.int32), np.ones(n)) for n in draw.integers(5, 600, 200)]
    units = pack.make_units(data, [None] * 200, 1000, device=torch.device("cpu"), aligned=True)
    assert sorted(i for u in units for i in u.order) == list(range(200))
    assert max(u.layout.size for u in units) <= 1000
    assert len({u.layout.size for u in units}) < 8
    for unit in units:
        last = unit.rows[-1].rows
        assert isinstance(last, slice)
        assert last.stop == unit.layout.size


def test_sequences_begin_at_round_places_and_nothing_overlaps() -> None:
    draw = np.random.default_rng(0)
    for _ in range(50):
        own = draw.integers(1, 200, draw.integers(1, 9)).tolist()
        layout = pack.lay(own, aligned=True)
        assert [stop - start for start, stop in layout.spans] == own
        assert all(start % pack.ALIGN == 0 for start, _ in layout.spans)
        assert all(a <= b for (_, a), (b, _) in itertools.pairwise(layout.spans))
        assert layout.size == matmul.rounded(layout.size) >= layout.spans[-1][1]
        assert pack.lay(own, aligned=False).lengths == tuple(own)


@pytest.mark.parametrize("name", ["llama-tied-gqa", "qwen3-tied"])
@pytest.mark.parametrize("who", ["full", "lora", "two"])
def test_training_is_the_same(name: str, who: str, model_dirs: dict[str, Path], aligned) -> None:
    data, found = make_data(9, seed=4), []
    for change in (lambda: None, aligned):
        change()
        host = open_host(model_dirs[name])
        routes: Route | list[Route]
        if who == "full":
            routes = host.create_full()
        else:
            adapters = [host.create(LoraSpec(rank=4, seed=s)) for s in (1, 2)]
            for adapter in adapters:
                draw = torch.Generator().manual_seed(5)
                flat = host.bank.get(adapter).flat.data
                flat.copy_(0.1 * torch.randn(flat.shape, generator=draw))
                host.bank.get(adapter).refresh()
            routes = adapters[0] if who == "lora" else [adapters[n % 2] for n in range(len(data))]
        result = host.forward_backward(data, route=routes).result()
        outs = host.forward(data, route=routes).result()
        flats = [host.full.flat] if who == "full" else [host.bank.get(a).flat for a in adapters[: 1 + (who == "two")]]
        found.append((result, outs, [flat.grad.clone() for flat in flats]))
    (plain, outs, gradients), (other, other_outs, other_gradients) = found
    assert other.loss == pytest.approx(plain.loss, rel=1e-6)
    assert other.metrics["positions:sum"] == plain.metrics["positions:sum"]
    for a, b in zip(plain.logprobs, other.logprobs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    for a, b in zip(outs, other_outs, strict=True):
        np.testing.assert_allclose(a.logprobs, b.logprobs, atol=1e-5)
    for a, b in zip(gradients, other_gradients, strict=True):
        assert float(a.abs().max()) > 0
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5 * float(a.abs().max()))


def test_sampling_is_the_same(model_dirs: dict[str, Path], aligned) -> None:
    prompts, drawn = make_prompts(7), []
    for change in (lambda: None, aligned):
        change()
        sampler = open_sampler(model_dirs["qwen3-tied"])
        drawn.append([[one.ids.tolist() for one in row] for row in sample(sampler, prompts, GREEDY)])
    assert drawn[0] == drawn[1]


def test_products_in_bfloat16_have_their_own_rows_only() -> None:
    draw = torch.Generator().manual_seed(0)
    a, b, g = (torch.randn(*size, generator=draw).bfloat16() for size in ((37, 24), (16, 24), (37, 16)))
    for got, want in (
        (matmul.nt(a, b), a.float() @ b.float().t()),
        (matmul.nn(a, b.t().contiguous()), a.float() @ b.float().t()),
        (matmul.tn(a, g), a.float().t() @ g.float()),
    ):
        assert got.shape == want.shape
        torch.testing.assert_close(got.float(), want, rtol=0.02, atol=0.1)
    if matmul.can_pack(a.device, a.dtype):
        packed = matmul.nt_packed(a, matmul.pack(b, 64))
        torch.testing.assert_close(packed.float(), a.float() @ b.float().t(), rtol=0.02, atol=0.1)
