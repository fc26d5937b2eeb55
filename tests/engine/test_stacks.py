"""Rows of many adapters decoded through one stack of their factors: equal to the trainer's forward pass, adapter by adapter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sampling import add_adapter, forward_logprobs, make_prompts, open_sampler, run, sample, shake

from burnish.engine import stacks
from burnish.engine.ops import Group, Segment
from burnish.engine.sampler import Sampler
from burnish.errors import BurnishError
from burnish.types import Adapter, LoraSpec, Route, SamplingParams

GREEDY = SamplingParams(limit_tokens=10, temperature=0.0, stop_ids=())


@pytest.fixture
def sampler(model_dirs: dict[str, Path]) -> Sampler:
    return open_sampler(model_dirs["qwen3-tied"])


def partial(sampler: Sampler, seed: int, alpha: float) -> Adapter:
    """An adapter in the first and the last module of a stacked matrix, and in one that stands alone."""
    slot = sampler.bank.new(LoraSpec(rank=4, alpha=alpha, seed=seed, targets=("q", "v", "down")))
    slot.initialise()
    shake(slot.flat.views, seed)
    slot.refresh()
    return slot.adapter


def test_a_mixed_batch_equals_the_forward_pass_of_each_adapter(sampler: Sampler) -> None:
    full = [add_adapter(sampler, seed) for seed in range(1, 5)]
    some = [partial(sampler, seed, alpha=float(4 * seed)) for seed in range(1, 4)]
    lone = add_adapter(sampler, 9, rank=7)
    routes: list[Route] = [
        full[0], some[1], None, full[2], lone, full[1], ((full[0], 0.5), (full[3], 0.25)), some[0], full[0], some[2], full[1],
        None, ((some[0], 2.0), (lone, 0.5), (full[2], 1.0)), full[3],
    ]  # fmt: skip
    prompts = make_prompts(len(routes))
    params = [SamplingParams(limit_tokens=4 + n, temperature=0.0, stop_ids=()) for n in range(len(routes))]
    request = sampler.submit(prompts, params, routes=routes)
    grouped = 0

    def count(step: int) -> None:
        nonlocal grouped
        grouped += sampler.stacks.bytes > 0

    for prompt, route, (one,) in zip(prompts, routes, run(sampler, request, count), strict=True):
        np.testing.assert_allclose(one.logprobs, forward_logprobs(sampler, prompt, one.ids.tolist(), route), atol=1e-5)
    assert grouped > 5, "the rows were not decoded through a stack"


def test_a_stack_follows_its_adapters(sampler: Sampler) -> None:
    made = [add_adapter(sampler, seed) for seed in range(1, 5)]
    prompts = make_prompts(4)
    before = sample(sampler, prompts, GREEDY, routes=list(made))
    slot = sampler.bank.get(made[2])
    shake(slot.flat.views, 77)
    slot.refresh()
    slot.version += 1
    after = sample(sampler, prompts, GREEDY, routes=list(made))
    for n, (prompt, route) in enumerate(zip(prompts, made, strict=True)):
        same = np.array_equal(before[n][0].ids, after[n][0].ids) and np.allclose(before[n][0].logprobs, after[n][0].logprobs)
        assert same == (n != 2)
        np.testing.assert_allclose(
            after[n][0].logprobs, forward_logprobs(sampler, prompt, after[n][0].ids.tolist(), route), atol=1e-5
        )
    shake(slot.flat.views, 78)  # as when another state is loaded, whose version may be the same
    slot.refresh()
    sampler.forget()
    ((loaded,),) = sample(sampler, prompts, GREEDY, routes=list(made))[2:3]
    np.testing.assert_allclose(loaded.logprobs, forward_logprobs(sampler, prompts[2], loaded.ids.tolist(), made[2]), atol=3e-5)


def kinds(sampler: Sampler, routes: list[Route]) -> tuple[int, int]:
    """Groups and segments of a matrix for rows of these routes."""
    table = sampler.stacks.table(sampler.bank.rows(routes, [1] * len(routes)))
    found = table.get("layers.0.qkv", ())
    return sum(isinstance(p, Group) for p in found), sum(isinstance(p, Segment) for p in found)


def test_few_adapters_and_crowded_ones_stay_segments(sampler: Sampler) -> None:
    made: list[Route] = [add_adapter(sampler, seed) for seed in range(1, 7)]
    assert kinds(sampler, made[:2]) == (0, 2)
    assert kinds(sampler, made) == (1, 0)
    assert kinds(sampler, [*made, *made[:1] * 20]) == (1, 1), "twenty-one rows of one adapter would be everybody's places"


def test_a_stack_lasts_while_half_of_it_is_asked_for(sampler: Sampler, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Route] = [add_adapter(sampler, seed) for seed in range(1, 13)]
    assert sampler.stacks.bytes == 0
    kinds(sampler, made[:8])
    (stack,) = sampler.stacks._stacks.values()
    kinds(sampler, made[4:8])
    assert list(sampler.stacks._stacks.values()) == [stack]
    kinds(sampler, made[5:8])
    (smaller,) = sampler.stacks._stacks.values()
    assert smaller is not stack
    assert sampler.stacks.bytes < stack.bytes
    kinds(sampler, made[:2])
    assert sampler.stacks.bytes == 0, "what nobody asks for is let go"
    monkeypatch.setattr(stacks, "LIMIT_BYTES", 1000)
    assert kinds(sampler, made) == (0, 12)


def test_an_adapter_that_is_broken_harms_nobody_else(sampler: Sampler) -> None:
    """Not from an empty place, nor from one that nobody asks for."""
    made = [add_adapter(sampler, seed) for seed in range(1, 6)]
    prompts = make_prompts(6)
    routes: list[Route] = [made[0], made[0], made[1], made[2], made[3], None]
    before = sample(sampler, prompts, GREEDY, routes=routes)
    kinds(sampler, list(made))  # the fifth stands in the stack, too
    for broken in made[3:]:
        slot = sampler.bank.get(broken)
        slot.flat.data.fill_(float("nan"))
        slot.refresh()
        slot.version += 1
    table = sampler.stacks.table(sampler.bank.rows([*made, made[0]], [1] * 6))
    assert any(isinstance(p, Group) and p.taken is not None for p in table["layers.0.qkv"])
    with pytest.raises(BurnishError, match="NaN or infinite"):
        sample(sampler, prompts, GREEDY, routes=routes)
    request = [sampler.submit([p], GREEDY, routes=[r]) for p, r in zip(prompts, routes, strict=True)]
    for n in (0, 1, 2, 3, 5):
        ((one,),) = run(sampler, request[n])
        assert one.ids.tolist() == before[n][0].ids.tolist()
        np.testing.assert_allclose(one.logprobs, before[n][0].logprobs, atol=1e-5)


def test_in_bfloat16_it_stays_near_the_forward_pass(model_dirs: dict[str, Path]) -> None:
    sampler = open_sampler(model_dirs["qwen3-tied"], dtype=torch.bfloat16)
    made = [add_adapter(sampler, seed) for seed in range(1, 5)]
    prompts = make_prompts(4)
    for prompt, route, (one,) in zip(prompts, made, sample(sampler, prompts, GREEDY, routes=list(made)), strict=True):
        np.testing.assert_allclose(one.logprobs, forward_logprobs(sampler, prompt, one.ids.tolist(), route), atol=0.1)
