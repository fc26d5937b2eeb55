"""The engine on a GPU: the numbers of the CPU, the same ones each time, and states that go from one to the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import make_data, open_host
from reference_models import FAMILIES, VARIANTS
from sampling import make_prompts

from burnish.engine.attention import AttentionForm, packed_attention
from burnish.engine.device import exactly
from burnish.engine.host import Host
from burnish.types import AdamParams, Adapter, Datum, LoraSpec, Outputs, Quantize, SamplingParams

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")]

CUDA = {"device": "cuda", "unit_tokens": 512}


def trained(host: Host, *, full: bool = False, steps: int = 3) -> tuple[Host, Adapter]:
    adapter = host.create_full() if full else host.create(LoraSpec(rank=4))
    for step in range(steps):
        host.forward_backward(make_data(12, seed=step), route=adapter).result()
        host.optim_step(AdamParams(learning_rate=1e-2), adapter=adapter).result()
    return host, adapter


def joined(outputs: list[Outputs]) -> np.ndarray:
    return np.concatenate([o.logprobs for o in outputs if o.logprobs is not None])


@pytest.mark.parametrize("variant", sorted(VARIANTS))
@pytest.mark.parametrize("full", [False, True])
def test_training_gives_the_numbers_of_the_cpu(model_dirs: dict[str, Path], variant: str, full: bool) -> None:
    found = []
    for changes in ({}, CUDA):
        host, adapter = trained(open_host(model_dirs[variant], **changes), full=full)
        found.append(joined(host.forward(make_data(6, seed=9), route=adapter).result()))
    assert np.abs(found[0] - found[1]).max() < 1e-3


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_families_give_the_numbers_of_the_cpu(family_dirs: dict[str, Path], name: str) -> None:
    found = []
    for changes in ({}, CUDA):
        host, adapter = trained(open_host(family_dirs[name], **changes), full=True)
        found.append(joined(host.forward(make_data(6, seed=9), route=adapter).result()))
    assert np.abs(found[0] - found[1]).max() < 1e-3


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_two_runs_are_the_same_bit_for_bit(model_dirs: dict[str, Path], dtype: str, full: bool) -> None:
    found = []
    for _ in range(2):
        host, adapter = trained(open_host(model_dirs["qwen3-tied"], **CUDA, dtype=dtype), full=full, steps=6)
        found.append(joined(host.forward(make_data(6, seed=9), route=adapter).result()))
    assert np.array_equal(found[0], found[1])


@pytest.mark.parametrize("full", [False, True])
def test_a_state_goes_to_the_cpu_and_back(model_dirs: dict[str, Path], tmp_path: Path, full: bool) -> None:
    directory = model_dirs["llama-tied-gqa"]
    host, adapter = trained(open_host(directory, **CUDA), full=full)
    host.save(tmp_path, adapter=adapter)
    found = []
    for changes in ({}, CUDA):
        other = open_host(directory, **changes)
        copy = other.load(tmp_path)
        other.forward_backward(make_data(12, seed=3), route=copy).result()
        other.optim_step(AdamParams(learning_rate=1e-2), adapter=copy).result()
        found.append(joined(other.forward(make_data(6, seed=9), route=copy).result()))
    assert np.abs(found[0] - found[1]).max() < 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attention_gives_the_numbers_of_the_cpu(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    lengths = (200, 210, 1, 130, 16, 0, 300, 64, 65)
    sides = [torch.randn(sum(lengths), heads, 32, generator=generator) for heads in (6, 3, 3)]
    slope = torch.randn(sum(lengths), 6, 32, generator=generator)
    found = []
    for device, kind in (("cpu", torch.float32), ("cuda", dtype)):
        q, k, v = (x.detach().to(device, kind).requires_grad_() for x in sides)
        out = packed_attention(q, k, v, lengths, AttentionForm(together=device == "cuda"))
        found.append([x.detach().float().cpu() for x in (out, *torch.autograd.grad((out * slope.to(out)).sum(), (q, k, v)))])
    for mine, theirs in zip(found[1], found[0], strict=True):
        assert float((mine - theirs).norm() / theirs.norm()) < (1e-5 if dtype == torch.float32 else 2e-2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_of_long_sequences_are_the_same_each_time(model_dirs: dict[str, Path], dtype: torch.dtype) -> None:
    """Over thousands of positions torch's kernels add in any order unless told not to."""
    device = torch.device("cuda")
    open_host(model_dirs["llama-tied-gqa"], **CUDA)  # asks for kernels that repeat exactly
    generator = torch.Generator().manual_seed(0)
    lengths = (2000, 1500, 700, 2048)
    sides = [torch.randn(sum(lengths), heads, 64, generator=generator).to(device, dtype) for heads in (6, 3, 3)]
    slope = torch.randn(sum(lengths), 6, 64, generator=generator).to(device, dtype)
    found = []
    for _ in range(4):
        q, k, v = (x.clone().requires_grad_() for x in sides)
        with exactly(device):
            (packed_attention(q, k, v, lengths, AttentionForm(together=True)) * slope).sum().backward()
        found.append((q.grad, k.grad, v.grad))
    for again in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], again, strict=True))


def test_greedy_answers_are_those_of_the_cpu(model_dirs: dict[str, Path]) -> None:
    params = SamplingParams(limit_tokens=12, temperature=0.0, stop_ids=())
    found = []
    for changes in ({}, CUDA):
        host, adapter = trained(open_host(model_dirs["qwen3-tied"], **changes), steps=2)
        answers = host.sample(make_prompts(9), params, route=adapter).result()
        found.append([one.ids.tolist() for row in answers for one in row])
    assert found[0] == found[1]


@pytest.mark.parametrize("shape", [{}, {"top_k": 20}, {"top_p": 0.9}, {"min_p": 0.05}])
def test_drawn_answers_are_the_same_each_time_with_the_logprobs_of_training(
    model_dirs: dict[str, Path], shape: dict[str, float]
) -> None:
    params = SamplingParams(limit_tokens=20, temperature=0.9, stop_ids=(), seed=5, **shape)
    prompts, found = make_prompts(9), []
    for _ in range(2):
        host, adapter = trained(open_host(model_dirs["qwen3-tied"], **CUDA), steps=2)
        found.append([row[0] for row in host.sample(prompts, params, route=adapter).result()])
    assert [one.ids.tolist() for one in found[0]] == [one.ids.tolist() for one in found[1]]
    for prompt, one in zip(prompts, found[1], strict=True):
        data = Datum.from_tokens(np.array([*prompt, *one.ids]), np.ones(len(prompt) + len(one.ids), np.float32))
        (again,) = host.forward([data], route=adapter).result()
        assert again.logprobs is not None
        np.testing.assert_allclose(one.logprobs, again.logprobs[-len(one.ids) :], atol=1e-4)


@pytest.mark.parametrize("quantize", ["int8", "nf4"])
def test_quantised_bases_train_and_draw_as_on_the_cpu(quantize: Quantize, model_dirs: dict[str, Path]) -> None:
    """The same rounded weights, so the same training; and answers with the log-probabilities of training."""
    found = []
    for changes in ({}, CUDA):
        host, adapter = trained(open_host(model_dirs["qwen3-tied"], quantize=quantize, **changes))
        whole = {name: held.whole(torch.float32).cpu() for name, held in host.decoder.held.items()}
        found.append((whole, joined(host.forward(make_data(6, seed=9), route=adapter).result())))
    assert all(torch.equal(found[1][0][name], matrix) for name, matrix in found[0][0].items())
    np.testing.assert_allclose(found[1][1], found[0][1], atol=2e-3)
    prompts, params = make_prompts(5), SamplingParams(limit_tokens=12, temperature=1.0, stop_ids=(), seed=3)
    host, adapter = trained(open_host(model_dirs["qwen3-tied"], quantize=quantize, **CUDA))
    for prompt, (one,) in zip(prompts, host.sample(prompts, params, route=adapter).result(), strict=True):
        data = Datum.from_tokens(np.array([*prompt, *one.ids]), np.ones(len(prompt) + len(one.ids), np.float32))
        (again,) = host.forward([data], route=adapter).result()
        assert again.logprobs is not None
        np.testing.assert_allclose(one.logprobs, again.logprobs[-len(one.ids) :], atol=1e-4)


@pytest.mark.parametrize("quantize", ["int8", "nf4"])
def test_training_over_a_quantised_base_in_bfloat16_is_the_same_each_time(
    quantize: Quantize, model_dirs: dict[str, Path]
) -> None:
    digests = []
    for _ in range(2):
        host, adapter = trained(open_host(model_dirs["qwen3-tied"], quantize=quantize, **CUDA, dtype="bfloat16"))
        digests.append(host.digest(adapter))
    assert digests[0] == digests[1]
