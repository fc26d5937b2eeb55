"""A beginning that sequences share is computed once: nothing that comes out may tell."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import make_data, open_host
from reference_models import FAMILIES

from burnish.engine import matmul, stems
from burnish.engine.attention import AttentionForm, packed_attention
from burnish.engine.blocked import BLOCK, Stem
from burnish.engine.decoder import Decoder
from burnish.engine.host import Host
from burnish.engine.ops import Weight
from burnish.engine.pack import make_units, shared_beginnings
from burnish.engine.sight import EVERYTHING, Sight
from burnish.types import AdamParams, Adapter, Datum, LoraSpec, LossResult, Route, TokenChunk

Shares = Callable[[bool], list[int]]


@pytest.fixture
def shares(monkeypatch: pytest.MonkeyPatch) -> Shares:
    """Call it to have beginnings shared or not; what it gives back fills up with the positions of each pass."""
    plain = Decoder.forward_packed

    def switch(on: bool) -> list[int]:
        passes: list[int] = []

        def counted(self, x, *rest):
            passes.append(x.shape[0])
            return plain(self, x, *rest)

        monkeypatch.setattr(Decoder, "shares", on)
        monkeypatch.setattr(Decoder, "forward_packed", counted)
        return passes

    return switch


def answers(prompts: Sequence[int] = (40, 25, 3), group: int = 5, *, seed: int = 0, most: int = 20) -> list[Datum]:
    """`group` answers to each of some prompts of so many tokens, with what every loss reads, and one row beside them."""
    draw, data = np.random.default_rng(seed), list[Datum]()
    for number, size in enumerate(prompts):
        prompt = draw.integers(0, 96, size)
        for _ in range(group):
            ids = np.concatenate([prompt, draw.integers(0, 96, draw.integers(1, most))])
            drawn = (np.arange(1, len(ids)) >= size).astype(np.float32)
            streams = {"targets": ids[1:].astype(np.int32), "set": np.array([number], np.int32)}
            for name in ("weights", "advantages", "returns"):
                streams[name] = (drawn * draw.normal(1, 1, len(ids) - 1)).astype(np.float32)
            streams["logprobs"] = (drawn * draw.normal(-4.5, 0.3, len(ids) - 1)).astype(np.float32)
            data.append(Datum((TokenChunk(ids[:-1].astype(np.int32)),), streams))
    alone = {**data[-1].streams, "set": data[0].streams["set"]}
    data.insert(2, Datum((TokenChunk(draw.integers(0, 96, len(alone["targets"])).astype(np.int32)),), alone))
    return data


def paired(data: Sequence[Datum]) -> list[Datum]:
    """The data as pairs of preference data, by neighbours; with the log-probabilities of a reference."""
    draw, pairs = np.random.default_rng(9), list[Datum]()
    for n, d in enumerate(data[: len(data) // 2 * 2]):
        more = {"set": np.array([n // 2], np.int32), "reference": draw.normal(-4, 1, d.length).astype(np.float32)}
        pairs.append(Datum(d.chunks, {**d.streams, **more}))
    return pairs


def random_adapter(host: Host, **spec: object) -> Adapter:
    adapter = host.create(LoraSpec(**spec))  # type: ignore[arg-type]
    slot = host.bank.get(adapter)
    for view in slot.flat.views.values():
        view.normal_(0, 0.1, generator=torch.Generator().manual_seed(slot.spec.seed))
    slot.refresh()
    return adapter


def trained(host: Host, who: str, data: Sequence[Datum], loss: str, config: dict[str, float]) -> tuple[LossResult, torch.Tensor]:
    """The result, and all gradients in one line."""
    routes: Route | list[Route]
    if who == "full":
        routes = host.create_full()
        flats = [host.full.flat]
    else:
        adapters = [random_adapter(host, rank=3, seed=s, heads=("value", "score")) for s in (1, 2)]
        routes = adapters[0] if who == "lora" else [adapters[n % 2] for n in range(len(data))]
        if who == "mixed":
            routes = [((adapters[0], 0.5), (adapters[1], 2.0))] * len(data)
        flats = [host.bank.get(a).flat for a in adapters]
    result = host.forward_backward(data, route=routes, loss=loss, loss_config=config).result()
    return result, torch.cat([flat.grad.flatten() for flat in flats if flat.grad is not None])


def assert_same(found: Sequence[tuple[LossResult, torch.Tensor]], *, bar: float) -> None:
    (result, gradient), (other, other_gradient) = found
    assert other.loss == pytest.approx(result.loss, rel=bar)
    assert float(gradient.norm()) > 0
    assert float((gradient - other_gradient).norm() / gradient.norm()) < bar
    assert other.metrics["positions:sum"] == result.metrics["positions:sum"]
    for a, b in zip(result.logprobs, other.logprobs, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=10 * bar)


# -- what is shared ---------------------------------------------------------------------------------------------------


def rows(*parts: Sequence[int]) -> list[np.ndarray]:
    return [np.asarray(p, dtype=np.int32) for p in parts]


HEAD = list(range(20))


def found(tokens: Sequence[np.ndarray], limits: Sequence[int] | None = None, **more: object) -> list[tuple[int, tuple[int, ...]]]:
    keys = more.pop("keys", [0] * len(tokens))
    limit = (lambda i: len(tokens[i]) - 1) if limits is None else (lambda i: limits[i])
    return [(s.size, s.members) for s in stems.find(tokens, keys, limit, **more)]  # type: ignore[arg-type]


def test_answers_share_their_prompt_and_not_only_what_all_prompts_begin_with() -> None:
    questions = [[50 + n] * 30 for n in range(3)]
    tokens = rows(*[[*HEAD, *q, 60 + n, 7] for q in questions for n in range(4)])
    assert found(tokens) == [(50, (0, 1, 2, 3)), (50, (4, 5, 6, 7)), (50, (8, 9, 10, 11))]
    mixed = [tokens[n] for n in (0, 4, 8, 1, 5, 9)]
    assert found(mixed) == [(50, (0, 3)), (50, (1, 4)), (50, (2, 5))]


def test_what_is_common_to_all_is_shared_where_that_saves_more() -> None:
    tokens = rows(*[[*HEAD, *HEAD, n // 2, n] for n in range(8)])
    assert found(tokens) == [(40, tuple(range(8)))]


def test_positions_that_carry_loss_are_not_shared_and_short_beginnings_are_not_worth_it() -> None:
    tokens = rows([*HEAD, 5, 6], [*HEAD, 5, 7], [*HEAD, 5, 8])
    assert found(tokens, [19, 21, 20]) == [(19, (0, 1, 2))]
    assert found(tokens, [19, 21, 15]) == [(19, (0, 1))]
    assert found(tokens, step=8) == [(16, (0, 1, 2))]
    assert found(tokens, keys=[0, 1, 0]) == [(20, (0, 2))] or found(tokens, keys=[0, 1, 0]) == [(21, (0, 2))]
    assert found(rows(*[[*HEAD[:10], n, *HEAD] for n in range(4)])) == []
    assert found(rows(*[[*HEAD, n, *[n] * 500] for n in range(4)])) == []
    assert found(rows(HEAD, HEAD)) == [(19, (0, 1))]
    assert found(rows([1], [1], [])) == []


def test_the_best_way_to_share_is_found() -> None:
    """Against all ways to cut the sorted rows into runs, each of which shares what it has in common."""
    draw = np.random.default_rng(0)
    for _ in range(60):
        tokens = rows(*[[*HEAD, *draw.integers(0, 2, 12)] for _ in range(7)])
        ordered = sorted(range(7), key=lambda i: (tokens[i].tobytes(), i))

        def saved(run: Sequence[int], tokens: list[np.ndarray] = tokens) -> int:
            common = next((n for n in range(31) if len({int(tokens[i][n]) for i in run}) > 1), 31)
            return common * (len(run) - 1)

        cuts = itertools.chain.from_iterable(itertools.combinations(range(1, 7), n) for n in range(7))
        best = max(sum(saved(ordered[a:b]) for a, b in itertools.pairwise((0, *cut, 7))) for cut in cuts)
        assert sum(size * (len(members) - 1) for size, members in found(tokens)) == best


def test_a_set_shares_one_beginning_or_none() -> None:
    other = list(range(30, 50))
    tokens = rows([*HEAD, 1], [*HEAD, 2], [*other, 1], [*other, 2], [*other, 3])
    assert found(tokens, sets=[0, 0, 1, 1, 2]) == [(20, (0, 1)), (20, (2, 3, 4))]
    assert found(tokens, sets=[0, 1, 1, 2, 2]) == [(20, (3, 4))]


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("prompts", [(60,) * 16, (700, 90, 20, 400), (3000,)])
def test_units_hold_every_sequence_once_and_no_more_than_they_may(prompts: tuple[int, ...], aligned: bool) -> None:
    data = answers(prompts, 8, most=90) + make_data(20, high=200)
    shared = shared_beginnings(data, [None] * len(data), lambda i: data[i].length - 20, aligned=aligned)
    units = make_units(data, [None] * len(data), 1024, device=torch.device("cpu"), aligned=aligned, shared=shared)
    assert sorted(i for u in units for i in u.order) == list(range(len(data)))
    longest = max(s.size for s in shared)
    whole = sum(d.length for d in data)
    for unit in units:
        assert unit.layout.size <= matmul.rounded(max(1024, longest + 512) + 256)
        tokens = unit.tokens_N.numpy()
        for i, part in zip(unit.order, unit.layout.parts(tokens), strict=True):
            assert np.array_equal(part, data[i].chunks[0].tokens)
        assert unit.rows[0].rows == slice(0, unit.layout.size)
    assert sum(u.layout.size for u in units) < 0.75 * whole


def test_rows_without_a_common_beginning_are_packed_as_ever() -> None:
    data = make_data(50, high=60)
    assert shared_beginnings(data, [None] * 50, lambda i: data[i].length - 1) == []


# -- attention --------------------------------------------------------------------------------------------------------


def plain(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, sight: Sight) -> torch.Tensor:
    """Of one sequence, [T, H, E]."""
    k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], 1) for x in (k, v))
    scores = torch.einsum("thd,shd->hts", q, k) * q.shape[-1] ** -0.5
    scores = sight.cap * torch.tanh(scores / sight.cap) if sight.cap else scores
    distance = torch.arange(len(q))[:, None] - torch.arange(len(q))
    scores = scores.masked_fill((distance < 0) | ((distance >= sight.window) if sight.window else False), float("-inf"))
    if sight.sinks is not None:
        scores = torch.cat([scores, sight.sinks.data[:, None, None].expand(-1, len(q), 1)], -1)
    return torch.einsum("hts,shd->thd", scores.softmax(-1)[..., : len(q)], v)


SIGHTS = [EVERYTHING, Sight(window=30), Sight(cap=1.5), Sight(sinks=Weight(torch.linspace(-1, 1, 6)))]


@pytest.mark.parametrize(
    ("sight", "limit", "compiles"),
    [(EVERYTHING, 0, False), (EVERYTHING, 40, False), (EVERYTHING, 10_000, True), *((s, 10_000, False) for s in SIGHTS)],
)
@pytest.mark.parametrize(("dtype", "bar"), [(torch.float32, 2e-6), (torch.float64, 1e-10)])
def test_attention_behind_a_shared_beginning_equals_that_of_whole_sequences(
    dtype: torch.dtype, bar: float, sight: Sight, limit: int, compiles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sight.sinks is not None and dtype == torch.float64:
        bar = 1e-6  # sinks are computed in float32
    if sight.cap and dtype == torch.float64:
        bar = 1e-6  # and so are caps
    monkeypatch.setattr(matmul, "compiles", lambda device, dtype: compiles)
    pieces = [24, 9, BLOCK + 5, 9, 11, 1, 40, BLOCK + 8, 16, 17, 30, 0]
    starts = np.cumsum([0, *pieces]).tolist()
    at = list(zip(starts, pieces, strict=False))
    lying = (Stem(0, 24, tuple(at[1:6])), Stem(starts[7], pieces[7], tuple(at[8:11])))
    n, draw = sum(pieces), torch.Generator().manual_seed(0)
    q, k, v, slope = (torch.randn(n, h, 16, generator=draw, dtype=dtype) for h in (6, 2, 2, 6))
    for x in (q, k, v):
        x.requires_grad_()
    wanted = torch.zeros_like(q)
    stem_of = {start: s for s in lying for start, _ in s.branches}
    for start, size in at:
        before = torch.arange(stem_of[start].start, stem_of[start].start + stem_of[start].size) if start in stem_of else None
        own = torch.arange(start, start + size)
        every = own if before is None else torch.cat([before, own])
        wanted = wanted.index_put((own,), plain(q[every], k[every], v[every], sight)[len(every) - size :])
    out = packed_attention(q, k, v, pieces, AttentionForm(limit), sight, lying)
    assert float((out - wanted).norm() / wanted.norm()) < bar
    for mine, theirs in zip(
        torch.autograd.grad((out * slope).sum(), (q, k, v)), torch.autograd.grad((wanted * slope).sum(), (q, k, v)), strict=True
    ):
        assert float((mine - theirs).norm() / theirs.norm()) < bar


# -- training ---------------------------------------------------------------------------------------------------------

LOSSES = {
    "ppo": {"clip_low_threshold": 0.2, "clip_high_threshold": 5.0},
    "gspo": {"clip_low_threshold": 0.2, "clip_high_threshold": 5.0},
    "cross_entropy": {},
    "value_mse": {},
}


@pytest.mark.parametrize("unit_tokens", [64, 10_000])
@pytest.mark.parametrize(
    ("who", "loss"), [("full", "ppo"), ("full", "gspo"), ("lora", "value_mse"), ("two", "ppo"), ("mixed", "cross_entropy")]
)
@pytest.mark.parametrize("form", [{}, {"bmm_limit": 128}])
def test_losses_and_gradients_are_the_same(
    who: str, loss: str, unit_tokens: int, form: dict[str, int], model_dirs: dict[str, Path], shares: Shares
) -> None:
    data, got, sizes = answers(), [], []
    if loss == "gspo":
        data = [Datum(d.chunks, {**d.streams, "set": np.array([n], np.int32)}) for n, d in enumerate(data)]
    for on in (False, True):
        passes = shares(on)
        host = open_host(model_dirs["qwen3-tied"], unit_tokens=unit_tokens, **form)
        got.append(trained(host, who, data, loss, LOSSES[loss]))
        sizes.append(sum(passes))
    assert_same(got, bar=2e-6 if who == "full" else 5e-6)  # as far as the forms of attention are from one another
    assert sizes[1] < (0.9 if who == "two" or unit_tokens == 64 else 0.65) * sizes[0]


def test_pairs_share_and_are_never_cut(model_dirs: dict[str, Path], shares: Shares) -> None:
    data, got = paired([d for n, d in enumerate(answers((40, 30), 6)) if n != 2]), []
    for on in (False, True):
        passes = shares(on)
        host = open_host(model_dirs["llama-tied-gqa"], unit_tokens=100)
        got.append((*trained(host, "lora", data, "dpo", {}), sum(passes)))
    assert_same([g[:2] for g in got], bar=5e-6)
    assert got[1][2] < 0.8 * got[0][2]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_shares(name: str, family_dirs: dict[str, Path], shares: Shares) -> None:
    data, got, sizes = answers(group=3), [], []
    for on in (False, True):
        passes = shares(on)
        host = open_host(family_dirs[name], unit_tokens=200, bmm_limit=128)
        got.append(trained(host, "full", data, "cross_entropy", {}))
        sizes.append(sum(passes))
    assert_same(got, bar=1e-5 if name in ("gemma2", "gemma3", "gpt-oss") else 3e-6)
    assert sizes[1] < 0.8 * sizes[0]


def test_forward_gives_every_position_of_every_row(model_dirs: dict[str, Path], shares: Shares) -> None:
    data, got = answers(), []
    for on in (False, True):
        passes = shares(on)
        host = open_host(model_dirs["qwen3-untied-bias"])
        adapter = random_adapter(host, rank=3, seed=1, heads=("value", "score"))
        outs = host.forward(data, route=adapter, outputs=("logprobs", "value", "score", "hidden")).result()
        got.append((outs, sum(passes)))
    assert got[1][1] < 0.8 * got[0][1]
    for datum, a, b in zip(data, got[0][0], got[1][0], strict=True):
        assert b.logprobs.shape == (datum.length,)
        for name in ("logprobs", "value", "score", "hidden"):
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=2e-5, atol=2e-5)


def test_forward_shares_no_log_probability_of_another_target(model_dirs: dict[str, Path], shares: Shares) -> None:
    data = answers((40,), 4)
    other = data[1].streams["targets"].copy()
    other[5] = (other[5] + 1) % 96
    data[1] = Datum(data[1].chunks, {**data[1].streams, "targets": other})
    shares(True)
    host = open_host(model_dirs["llama-tied-gqa"])
    for datum, out in zip(data, host.forward(data).result(), strict=True):
        np.testing.assert_allclose(out.logprobs, host.forward([datum]).result()[0].logprobs, atol=2e-5)


@pytest.mark.parametrize(("dtype", "bar"), [("float32", 5e-6), ("bfloat16", 0.02)])
def test_packs_with_gaps_share_as_well(
    dtype: str, bar: float, model_dirs: dict[str, Path], shares: Shares, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, got, sizes = answers(), [], []
    monkeypatch.setattr(Decoder, "compiles", True)
    for on in (False, True):
        passes = shares(on)
        host = open_host(model_dirs["qwen3-tied"], dtype=dtype, unit_tokens=512, bmm_limit=128)
        got.append(trained(host, "two", data, "ppo", LOSSES["ppo"]))
        sizes.append(sum(passes))
    assert_same(got, bar=bar)
    assert sizes[1] < sizes[0]


def test_recomputing_activations_changes_no_bit(model_dirs: dict[str, Path]) -> None:
    got = []
    for checkpointing in (False, True):
        host = open_host(model_dirs["qwen3-tied"], bmm_limit=128)
        host.decoder.checkpointing = checkpointing
        got.append(trained(host, "lora", answers(), "ppo", LOSSES["ppo"])[1])
    assert torch.equal(*got)


def test_the_same_steps_give_the_same_bits(model_dirs: dict[str, Path]) -> None:
    def run() -> str:
        host = open_host(model_dirs["qwen3-tied"], bmm_limit=128)
        adapter = random_adapter(host, rank=3, seed=1)
        for n in range(3):
            host.forward_backward(answers(seed=n), route=adapter, loss="ppo", loss_config=LOSSES["ppo"]).result()
            host.optim_step(AdamParams(learning_rate=1e-2), adapter=adapter).result()
        return host.digest(adapter)

    assert run() == run()
