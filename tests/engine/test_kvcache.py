"""The decode cache and the stored conversations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from burnish.engine.arch import Arch
from burnish.engine.attention import AttentionForm, packed_attention
from burnish.engine.kvcache import DecodeStep, KVCache, attend_after, plan_spans, position_bytes
from burnish.engine.load import read_model
from burnish.engine.prefix import PrefixCache

CPU = torch.device("cpu")


@pytest.fixture
def arch(model_dirs: dict[str, Path]) -> Arch:
    return read_model(model_dirs["llama-tied-gqa"])[1]


def random(*size: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("split", [False, True])
def test_decode_attention_equals_packed_attention(arch: Arch, split: bool) -> None:
    lengths = [3, 17, 9]
    heads, groups, width = arch.heads, arch.kv_heads, arch.head_dim
    cache = KVCache(arch, device=CPU, dtype=torch.float32)
    cache.reserve(3, 20, limit_rows=8, limit_positions=64, limit_cells=8 * 64)
    for i, n in enumerate(lengths):
        cache.place(i, random(arch.layers, 2, groups, n, width, seed=i))
    q, k, v = random(3, heads, width, seed=7), random(3, groups, width, seed=8), random(3, groups, width, seed=9)
    spans = [(0, 1), (1, 3)] if split else [(0, 3)]
    before = cache.data.clone()
    out = DecodeStep(cache, np.array(lengths), spans).attend(1, q, k, v)
    for i, n in enumerate(lengths):
        keys = torch.cat([before[1, 0, i, :, :n].transpose(0, 1), k[i : i + 1]])
        values = torch.cat([before[1, 1, i, :, :n].transpose(0, 1), v[i : i + 1]])
        queries = torch.cat([torch.zeros(n, heads, width), q[i : i + 1]])
        expected = packed_attention(queries, keys, values, [n + 1], AttentionForm())[-1]
        torch.testing.assert_close(out[i], expected, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(cache.data[1, 0, i, :, n], k[i])


@pytest.mark.parametrize("spans", [[(0, 3)], [(0, 1), (1, 3)]])
def test_rows_beyond_those_in_use_get_zeros_and_leave_the_cache_alone(arch: Arch, spans: list[tuple[int, int]]) -> None:
    heads, groups, width, lengths = arch.heads, arch.kv_heads, arch.head_dim, np.array([3, 5, 2])
    outs, stored = [], []
    for given in (3, 8):
        cache = KVCache(arch, device=CPU, dtype=torch.float32)
        cache.reserve(4, 8, limit_rows=8, limit_positions=64, limit_cells=8 * 64)
        for i, n in enumerate([*lengths, 4]):
            cache.place(i, random(arch.layers, 2, groups, int(n), width, seed=i))
        q, k, v = random(8, heads, width, seed=7), random(8, groups, width, seed=8), random(8, groups, width, seed=9)
        outs.append(DecodeStep(cache, lengths, spans).attend(1, q[:given], k[:given], v[:given]))
        stored.append(cache.data)
    assert outs[1].shape == (8, heads, width)
    assert torch.equal(outs[1][:3], outs[0])
    assert not outs[1][3:].any()
    assert torch.equal(*stored)


def test_growth_and_moves_keep_what_is_stored(arch: Arch) -> None:
    cache = KVCache(arch, device=CPU, dtype=torch.float32)
    kv = random(arch.layers, 2, arch.kv_heads, 5, arch.head_dim)
    cache.reserve(1, 6, limit_rows=8, limit_positions=64, limit_cells=8 * 64)
    cache.place(0, kv)
    cache.reserve(3, 7, limit_rows=8, limit_positions=64, limit_cells=8 * 64)
    assert (cache.rows, cache.positions) == (3, 12)
    cache.move(2, 0, 5)
    torch.testing.assert_close(cache.read(2, 5), kv)
    assert cache.bias[2].isfinite().tolist() == [True] * 5 + [False] * 7
    assert cache.bytes == 3 * 12 * (position_bytes(arch, torch.float32) + 4)
    cache.reserve(100, 7, limit_rows=8, limit_positions=64, limit_cells=8 * 64)
    assert cache.rows == 100, "what is asked for is given, limits only bound the doubling"
    cache.release()
    assert cache.bytes == 0


def test_growth_in_one_direction_gives_back_the_other(arch: Arch) -> None:
    """Many short rows, then one long one: not as many rows as before, each as long as that one."""
    cache = KVCache(arch, device=CPU, dtype=torch.float32)
    cache.reserve(16, 8, limit_rows=16, limit_positions=64, limit_cells=128)
    kv = random(arch.layers, 2, arch.kv_heads, 5, arch.head_dim)
    cache.place(0, kv)
    cache.reserve(1, 40, limit_rows=16, limit_positions=64, limit_cells=128)
    assert (cache.rows, cache.positions) == (3, 40)
    torch.testing.assert_close(cache.read(0, 5), kv)
    cache.reserve(8, 10, limit_rows=16, limit_positions=64, limit_cells=128)
    assert (cache.rows, cache.positions) == (8, 16)
    torch.testing.assert_close(cache.read(0, 5), kv)


def test_a_continued_prompt_attends_as_if_computed_at_once(arch: Arch) -> None:
    heads, groups, width, total, start = arch.heads, arch.kv_heads, arch.head_dim, 11, 4
    q, k, v = random(total, heads, width), random(total, groups, width, seed=1), random(total, groups, width, seed=2)
    whole = packed_attention(q, k, v, [total], AttentionForm())
    part = attend_after(q[start:], k.transpose(0, 1), v.transpose(0, 1))
    torch.testing.assert_close(part, whole[start:], atol=1e-6, rtol=1e-5)


def test_spans_cover_all_rows_and_separate_long_from_short() -> None:
    assert plan_spans(np.array([5, 6, 7])) == [(0, 3)]
    spans = plan_spans(np.array([4000] * 3 + [60] * 40 + [900] * 2))
    assert spans == [(0, 3), (3, 43), (43, 45)]


def entry(tokens: np.ndarray, seed: int = 0) -> torch.Tensor:
    return random(1, 2, 1, len(tokens), 2, seed=seed)


def test_prefix_cache_finds_the_longest_prefix() -> None:
    cache = PrefixCache(1000)
    short, long = np.arange(40), np.concatenate([np.arange(50), np.arange(200, 230)])
    kv = entry(long, 1)
    cache.store(("a",), short, entry(short))
    cache.store(("a",), long, kv)
    prompt = np.concatenate([np.arange(50), np.arange(200, 205), [7, 7, 7]])
    found = cache.find(("a",), prompt)
    assert found is not None
    torch.testing.assert_close(found, kv[:, :, :, :55])
    assert cache.find(("a",), long).shape[3] == len(long) - 1, "one token is left to compute"  # type: ignore[union-attr]
    assert cache.find(("b",), prompt) is None
    assert cache.find(("a",), np.arange(10)) is None


def test_prefix_cache_is_bounded_and_forgets_the_least_recently_used() -> None:
    cache = PrefixCache(100)
    first, second, third = np.arange(0, 40), np.arange(100, 140), np.arange(200, 240)
    cache.store((), first, entry(first))
    cache.store((), second, entry(second))
    assert cache.find((), np.append(first, 1)) is not None
    cache.store((), third, entry(third))
    assert cache.positions == 80
    assert cache.find((), np.append(second, 1)) is None
    assert cache.find((), np.append(first, 1)) is not None
    assert cache.find((), np.append(third, 1)) is not None


def test_prefix_cache_keeps_one_entry_of_a_growing_conversation() -> None:
    cache = PrefixCache(1000)
    for size in (30, 60, 90, 90):
        cache.store((), np.arange(size), entry(np.arange(size)))
    assert (len(cache.entries), cache.positions) == (1, 90)
    cache.store((), np.arange(2000), entry(np.arange(2000)))
    assert cache.positions == 90, "a sequence beyond the limit is not stored"
