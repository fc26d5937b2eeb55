"""The sampler: equal to transformers and to the trainer's forward pass, whatever shares the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from reference_models import VARIANTS, reference
from sampling import VOCAB, add_adapter, forward_logits, forward_logprobs, make_prompts, open_sampler, run, sample, shake

from burnish.engine.decoder import Decoder
from burnish.engine.sampler import Sampler
from burnish.errors import CapabilityMissing, ConfigError
from burnish.types import Route, Sample, SamplingParams

GREEDY = SamplingParams(limit_tokens=12, temperature=0.0, stop_ids=())
HOT = SamplingParams(limit_tokens=12, temperature=1.0, stop_ids=(), seed=5)


@pytest.fixture
def sampler(model_dirs: dict[str, Path]) -> Sampler:
    return open_sampler(model_dirs["qwen3-tied"])


def ids(samples: list[list[Sample]]) -> list[list[list[int]]]:
    return [[s.ids.tolist() for s in row] for row in samples]


@pytest.mark.parametrize("name", VARIANTS)
def test_greedy_equals_transformers_generate(name: str, model_dirs: dict[str, Path]) -> None:
    model, prompts = reference(name), make_prompts(5)
    drawn = sample(open_sampler(model_dirs[name]), prompts, GREEDY)
    for prompt, samples in zip(prompts, drawn, strict=True):
        out = model.generate(
            torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), max_new_tokens=12, do_sample=False,
            eos_token_id=None, pad_token_id=0,
        )  # fmt: skip
        assert samples[0].ids.tolist() == out[0, len(prompt) :].tolist()


@pytest.mark.parametrize("name", ["qwen3-tied", "llama-biases"])
def test_logprobs_equal_a_packed_forward(name: str, model_dirs: dict[str, Path]) -> None:
    sampler, prompts = open_sampler(model_dirs[name]), make_prompts(6)
    params = SamplingParams(limit_tokens=20, temperature=0.8, top_k=30, prompt_logprobs=True, top_logprobs=3, stop_ids=())
    for prompt, (one,) in zip(prompts, sample(sampler, prompts, params), strict=True):
        np.testing.assert_allclose(one.logprobs, forward_logprobs(sampler, prompt, one.ids), atol=1e-5)
        assert one.prompt_logprobs is not None
        assert np.isnan(one.prompt_logprobs[0])
        np.testing.assert_allclose(one.prompt_logprobs[1:], forward_logprobs(sampler, prompt[:1], prompt[1:]), atol=1e-5)
        every = torch.log_softmax(forward_logits(sampler, [*prompt, *one.ids.tolist()]), -1)
        for t, tops in enumerate(one.top_logprobs):
            values, columns = every[len(prompt) - 1 + t].topk(3)
            assert [i for i, _ in tops] == columns.tolist()
            np.testing.assert_allclose([v for _, v in tops], values, atol=1e-5)


def test_rows_alone_together_and_joining_late_draw_the_same(sampler: Sampler) -> None:
    prompts = make_prompts(9)
    params = [SamplingParams(limit_tokens=3 + 4 * i, seed=3, temperature=float(i % 2), stop_ids=()) for i in range(9)]
    together = sample(sampler, prompts, params)
    narrow = open_sampler_like(sampler, limit_rows=2, unit_tokens=8)
    assert ids(sample(narrow, prompts, params)) == ids(together)

    late: list[object] = []

    def join(step: int) -> None:
        if step % 3 == 0 and len(late) < 4:
            late.append(sampler.submit(make_prompts(3, seed=9), GREEDY))

    joined = run(sampler, sampler.submit(prompts, params), join)
    assert len(late) == 4
    assert ids(joined) == ids(together)
    for a, b in zip(joined, together, strict=True):
        np.testing.assert_allclose(a[0].logprobs, b[0].logprobs, atol=1e-5)


def open_sampler_like(sampler: Sampler, **settings: object) -> Sampler:
    """Another sampler over the same model and adapters."""
    settings = {"token_bytes": sampler._bytes, "end_ids": sampler.end_ids} | settings
    return Sampler(sampler.decoder, sampler.bank, **settings)  # type: ignore[arg-type]


def test_a_long_prompt_in_pieces_equals_one_pass(sampler: Sampler) -> None:
    prompts = make_prompts(3, low=60, high=120)
    params = SamplingParams(limit_tokens=8, temperature=0.0, prompt_logprobs=True, stop_ids=())
    whole, pieces = sample(sampler, prompts, params), sample(open_sampler_like(sampler, unit_tokens=16), prompts, params)
    assert ids(whole) == ids(pieces)
    for a, b in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(a[0].prompt_logprobs[1:], b[0].prompt_logprobs[1:], atol=1e-5)  # type: ignore[index]
        np.testing.assert_allclose(a[0].logprobs, b[0].logprobs, atol=1e-5)


def test_a_unit_of_work_is_bounded(sampler: Sampler) -> None:
    narrow = open_sampler_like(sampler, unit_tokens=16)
    request = narrow.submit([list(range(50)), [1] * 10, [2] * 10, [3]], GREEDY)
    sizes = []
    while not request.done:
        before = {p.index: p.done for p in request.prompts}
        narrow.step()
        sizes.append(sum(p.done - before[p.index] for p in request.prompts))
    assert [s for s in sizes if s] == [16, 16, 16, 12, 11]


def test_samples_of_one_prompt_share_its_prefill(sampler: Sampler) -> None:
    prompt = make_prompts(1, low=20)[0]
    params = SamplingParams(limit_tokens=6, samples=7, seed=2, stop_ids=())
    narrow = open_sampler_like(sampler, limit_rows=3)
    request = narrow.submit([prompt], params)
    prefills = 0
    while not request.done:
        before = request.prompts[0].done
        narrow.step()
        prefills += request.prompts[0].done > before
    assert prefills == 1
    drawn = request.results()[0]
    assert len({tuple(s.ids.tolist()) for s in drawn}) > 1
    for one in drawn:
        np.testing.assert_allclose(one.logprobs, forward_logprobs(sampler, prompt, one.ids), atol=1e-5)
    assert ids([drawn]) == ids(sample(sampler, [prompt], params))


def test_draws_depend_on_seed_prompt_and_sample_only(sampler: Sampler) -> None:
    prompt = make_prompts(1)[0]
    pair = sample(sampler, [prompt, prompt], HOT)
    assert ids(pair) == ids(sample(sampler, [prompt, prompt], HOT))
    assert ids(pair)[0] != ids(pair)[1], "the prompt's number is part of the draw"
    other = SamplingParams(limit_tokens=12, stop_ids=(), seed=6)
    assert ids(sample(sampler, [prompt], other))[0] != ids(pair)[0]
    crowd = sampler.submit(make_prompts(5, seed=4), HOT)
    assert ids(sample(sampler, [prompt, prompt], HOT)) == ids(pair)
    run(sampler, crowd)


def test_mixed_adapters_equal_separate_runs(sampler: Sampler) -> None:
    a, b = add_adapter(sampler, 1, rank=4), add_adapter(sampler, 2, rank=7)
    routes: list[Route] = [a, None, b, ((a, 0.5), (b, 0.25)), a, b, None]
    prompts = make_prompts(len(routes))
    together = sample(sampler, prompts, GREEDY, routes=routes)
    for i, (prompt, route) in enumerate(zip(prompts, routes, strict=True)):
        (alone,) = sample(sampler, [prompt], GREEDY, routes=[route])
        assert alone[0].ids.tolist() == together[i][0].ids.tolist()
        np.testing.assert_allclose(alone[0].logprobs, together[i][0].logprobs, atol=1e-5)
        np.testing.assert_allclose(together[i][0].logprobs, forward_logprobs(sampler, prompt, alone[0].ids, route), atol=1e-5)
    assert [s[0].adapter for s in together[:4]] == [a.id, None, b.id, f"{a.id}:0.5+{b.id}:0.25"]


def test_logit_bias_bends_the_draw_and_not_the_logprobs(sampler: Sampler) -> None:
    prompt = make_prompts(1)[0]
    params = SamplingParams(limit_tokens=6, temperature=0.0, stop_ids=(), logit_bias={7: 1e4})
    ((one,),) = sample(sampler, [prompt], params)
    assert one.ids.tolist() == [7] * 6
    np.testing.assert_allclose(one.logprobs, forward_logprobs(sampler, prompt, one.ids), atol=1e-5)
    first = sample(sampler, [prompt], GREEDY)[0][0].ids[0]
    banned = SamplingParams(limit_tokens=1, temperature=0.0, stop_ids=(), logit_bias={int(first): float("-inf")})
    assert sample(sampler, [prompt], banned)[0][0].ids[0] != first


def test_limit_zero_scores_the_prompt_alone(sampler: Sampler) -> None:
    prompt = make_prompts(1, low=9)[0]
    ((one,),) = sample(sampler, [prompt], SamplingParams(limit_tokens=0, prompt_logprobs=True))
    assert (len(one.ids), one.text, one.stop_reason) == (0, "", "length")
    np.testing.assert_allclose(one.prompt_logprobs[1:], forward_logprobs(sampler, prompt[:1], prompt[1:]), atol=1e-5)  # type: ignore[index]


def test_rows_that_do_not_fit_wait(sampler: Sampler) -> None:
    prompts = make_prompts(6, low=10, high=11)
    small = open_sampler_like(sampler, limit_positions=50)  # two rows of 10 + 12 positions
    most = 0

    def watch(_: int) -> None:
        nonlocal most
        most = max(most, len(small.batch.rows))

    drawn = run(small, small.submit(prompts, GREEDY), watch)
    assert most == 2
    assert ids(drawn) == ids(sample(sampler, prompts, GREEDY))


def test_bfloat16_follows_its_own_forward(model_dirs: dict[str, Path]) -> None:
    sampler, prompts = open_sampler(model_dirs["qwen3-tied"], dtype=torch.bfloat16), make_prompts(6)
    gaps = [
        np.abs(one.logprobs - forward_logprobs(sampler, prompt, one.ids)).mean()
        for prompt, (one,) in zip(prompts, sample(sampler, prompts, HOT), strict=True)
    ]
    assert np.mean(gaps) < 0.02


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": 1e-9}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"min_p": float("nan")}, "min_p"),
        ({"samples": 0}, "samples"),
        ({"limit_tokens": -1}, "limit_tokens"),
        ({"limit_tokens": 300}, "limit_tokens"),
        ({"stop": ("",)}, "stop"),
        ({"stop_ids": (VOCAB,)}, "stop_ids"),
        ({"logit_bias": {-1: 1.0}}, "logit_bias"),
        ({"logit_bias": {1: float("inf")}}, "logit_bias"),
        ({"top_logprobs": VOCAB + 1}, "top_logprobs"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(changes: dict, named: str, sampler: Sampler) -> None:
    with pytest.raises(ConfigError, match=named):
        sampler.submit([[1, 2]], SamplingParams(**changes))
    assert sampler.idle


def test_prompts_that_cannot_be_are_refused(sampler: Sampler) -> None:
    for prompts, what in (([[]], "empty"), ([[1], [VOCAB]], "prompt 1"), ([[-1]], "vocabulary"), ([[1] * 250], "do not fit")):
        with pytest.raises(ConfigError, match=what):
            sampler.submit(prompts, GREEDY)
    with pytest.raises(ConfigError, match="one for each"):
        sampler.submit([[1], [2]], [GREEDY])
    adapter = add_adapter(sampler, 1)
    sampler.bank.free(adapter)
    with pytest.raises(CapabilityMissing):
        sampler.submit([[1]], GREEDY, routes=adapter)


def test_a_diverged_model_is_an_error_of_its_request_alone(sampler: Sampler) -> None:
    broken = add_adapter(sampler, 1)
    sampler.bank.get(broken).flat.data.fill_(float("nan"))
    sound = sampler.submit([[1, 2, 3]], GREEDY)
    request = sampler.submit([[1, 2, 3]], GREEDY, routes=[broken])
    assert len(run(sampler, sound)[0][0].ids) == 12
    with pytest.raises(Exception, match="NaN or infinite"):
        request.results()


def test_memory_is_reported(sampler: Sampler) -> None:
    assert sampler.cache_bytes() == 0
    sample(sampler, make_prompts(4), GREEDY, tenant="t")
    packed = 4 * sampler.decoder.arch.matmul_parameters if sampler._packs else 0
    assert sampler.cache_bytes() == sampler.cache.bytes + sampler.prefixes.bytes + packed
    assert sampler.cache.bytes > 0
    assert sampler.prefixes.bytes > 0
    sampler.forget()
    assert sampler.prefixes.bytes == 0


# -- peers' silent bugs --------------------------------------------------------------------------------------------------


def test_check_16_sampler_holds_the_trainers_weights(sampler: Sampler) -> None:
    """After the base changes in place, the next sample's log-probabilities are the new forward's."""
    prompt = make_prompts(1)[0]
    before = sample(sampler, [prompt], HOT)[0][0]
    shake(sampler.decoder.unfreeze().views, 3)
    after = sample(sampler, [prompt], HOT)[0][0]
    np.testing.assert_allclose(after.logprobs, forward_logprobs(sampler, prompt, after.ids), atol=1e-5)
    assert np.abs(forward_logprobs(sampler, prompt, before.ids) - before.logprobs).max() > 0.01


def test_check_17_lora_reaches_the_sampler(sampler: Sampler) -> None:
    """An adapter with nonzero B changes what the sampler reports, to what the trainer's forward computes with it."""
    prompt, adapter = make_prompts(1)[0], add_adapter(sampler, 1)
    ((one,),) = sample(sampler, [prompt], HOT, routes=[adapter])
    np.testing.assert_allclose(one.logprobs, forward_logprobs(sampler, prompt, one.ids, adapter), atol=1e-5)
    assert np.abs(one.logprobs - forward_logprobs(sampler, prompt, one.ids)).max() > 0.01
    shake(sampler.bank.get(adapter).flat.views, 9)
    ((two,),) = sample(sampler, [prompt], HOT, routes=[adapter])
    np.testing.assert_allclose(two.logprobs, forward_logprobs(sampler, prompt, two.ids, adapter), atol=1e-5)


def test_check_29_a_row_does_not_see_beyond_its_own_positions(model_dirs: dict[str, Path]) -> None:
    """Short rows beside long ones, in places of the cache that longer rows have left."""
    sampler = open_sampler(model_dirs["qwen3-tied"], limit_rows=4)
    params = SamplingParams(limit_tokens=6, stop_ids=())
    sample(sampler, make_prompts(4, low=40, high=60, seed=1), params)
    prompts = make_prompts(2, high=6) + make_prompts(2, low=20, high=30)
    for prompt, (drawn,) in zip(prompts, sample(sampler, prompts, params), strict=True):
        logprobs = torch.log_softmax(forward_logits(sampler, [*prompt, *drawn.ids.tolist()[:-1]]), -1)[len(prompt) - 1 :]
        own = logprobs[torch.arange(6), torch.from_numpy(drawn.ids).long()]
        assert np.abs(own.numpy() - drawn.logprobs).max() < 1e-5


@pytest.mark.parametrize("gaps", [False, True])
def test_check_19_stored_prefixes_are_keyed_by_weight_version(
    sampler: Sampler, gaps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second turn reuses the first only with the same adapter, version and tenant, and then changes nothing."""
    monkeypatch.setattr(Decoder, "compiles", gaps)
    adapter, versions = add_adapter(sampler, 1), {"now": 0}
    first_turn = make_prompts(1, low=40, high=41)[0]

    def ask(prompt: list[int], *, route: Route = adapter, tenant: str | None = "t") -> tuple[int, Sample]:
        request = sampler.submit(
            [prompt], GREEDY, routes=[route], version_of=lambda r: versions["now"] if r else 0, tenant=tenant
        )
        reused = -1

        def look(_: int) -> None:
            nonlocal reused
            if reused < 0:
                reused = hits[-1]

        hits: list[int] = []
        begin = sampler._begin

        def counting(p: object) -> None:
            begin(p)  # type: ignore[arg-type]
            hits.append(p.done)  # type: ignore[attr-defined]

        sampler._begin = counting  # type: ignore[method-assign]
        ((one,),) = run(sampler, request, look)
        sampler._begin = begin  # type: ignore[method-assign]
        return reused, one

    _, answer = ask(first_turn)
    assert answer.weight_version == 0
    second_turn = [*first_turn, *answer.ids.tolist(), 3, 4, 5]
    stored = len(first_turn) + len(answer.ids) - 1
    assert ask(second_turn, tenant="other")[0] == 0
    assert ask(second_turn, tenant=None)[0] == 0
    assert ask(second_turn, route=None)[0] == 0
    reused, one = ask(second_turn)
    assert reused == stored
    np.testing.assert_allclose(one.logprobs, forward_logprobs(sampler, second_turn, one.ids, adapter), atol=1e-5)

    shake(sampler.bank.get(adapter).flat.views, 5)
    versions["now"] = 1
    reused, one = ask(second_turn)
    assert (reused, one.weight_version) == (0, 1)
    np.testing.assert_allclose(one.logprobs, forward_logprobs(sampler, second_turn, one.ids, adapter), atol=1e-5)
    sampler.bank.free(adapter)
    replacement = add_adapter(sampler, 8)
    assert replacement.id != adapter.id
    assert ask(second_turn, route=replacement)[0] == 0


def test_check_20_temperature_is_applied_to_the_logits(sampler: Sampler) -> None:
    """sampled_logprobs at T are those of log_softmax(logits / T); logprobs stay at T = 1."""
    prompts = make_prompts(4)
    params = SamplingParams(limit_tokens=10, temperature=0.6, stop_ids=(), seed=1)
    for prompt, (one,) in zip(prompts, sample(sampler, prompts, params), strict=True):
        logits = forward_logits(sampler, [*prompt, *one.ids.tolist()])[len(prompt) - 1 : -1]
        at = torch.from_numpy(one.ids.astype(np.int64))[:, None]
        heated = torch.log_softmax(logits / 0.6, -1).gather(1, at)[:, 0]
        np.testing.assert_allclose(one.sampled_logprobs, heated, atol=2e-5)
        np.testing.assert_allclose(one.logprobs, torch.log_softmax(logits, -1).gather(1, at)[:, 0], atol=1e-5)


def test_the_cache_stays_within_its_bound(model_dirs: dict[str, Path]) -> None:
    """Many short rows, then a long one: the rows that are no longer needed are given back, not lengthened."""
    sampler = open_sampler(model_dirs["qwen3-tied"], limit_positions=300)
    for prompts, limit in ((make_prompts(60), 2), (make_prompts(1), 200), (make_prompts(60), 2)):
        before = [s.ids.tolist() for (s,) in sample(sampler, prompts, SamplingParams(limit_tokens=limit, stop_ids=()))]
        assert sampler.cache.rows * sampler.cache.positions <= 300
        fresh = open_sampler(model_dirs["qwen3-tied"])
        assert [s.ids.tolist() for (s,) in sample(fresh, prompts, SamplingParams(limit_tokens=limit, stop_ids=()))] == before
