"""Measured choices: complete, stable when given, and on a GPU the same numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers import CHOICES, open_host

from burnish.engine import head, matmul, measure
from burnish.engine.device import device_of, exactly
from burnish.engine.host import Host
from burnish.errors import ConfigError


def test_measurement_leads_to_complete_choices() -> None:
    found = measure.measure()
    assert found["figures"]["fp32_gflops"] > 0
    for dtype in ("auto", "float32", "bfloat16"):
        choices = measure.choose(found, device="cpu", dtype=dtype, threads=None, unit_tokens=None, work_per_token=1e8)
        assert choices.threads >= 1
        assert choices.unit_tokens >= 1024
        assert choices.dtype in ("float32", "bfloat16")
        assert dtype in ("auto", choices.dtype)
    before = matmul.current()
    matmul.use(found["matmul"])
    assert matmul.current() == found["matmul"]
    matmul.use(before)


@pytest.mark.parametrize("kinds", [(), ("nt",), ("nn", "tn"), matmul.KINDS])
def test_each_kind_of_product_has_its_own_route(kinds: tuple[str, ...]) -> None:
    a, b, before = torch.randn(6, 4), torch.randn(5, 4), matmul.current()
    matmul.use(matmul.route_of(frozenset(kinds)))
    try:
        assert {k for k in matmul.KINDS if matmul._onednn(k, a)} == set(kinds)
        assert torch.allclose(matmul.nt(a, b), a @ b.T, atol=1e-5)
        assert torch.allclose(matmul.nn(a, b.T.contiguous()), a @ b.T, atol=1e-5)
        assert torch.allclose(matmul.tn(a, a), a.T @ a, atol=1e-5)
    finally:
        matmul.use(before)


@pytest.mark.parametrize("route", ["mkl", "onednn:", "onednn:nt,nx", "aten:nt"])
def test_unknown_matmul_routes_are_refused(route: str) -> None:
    with pytest.raises(ConfigError, match="matmul route"):
        matmul.use(route)


def test_given_choices_are_taken_as_they_are(model_dirs: dict[str, Path]) -> None:
    host = open_host(model_dirs["llama-tied-gqa"], unit_tokens=37, bmm_limit=9)
    assert host.facts["choices"] == {**CHOICES, "unit_tokens": 37, "bmm_limit": 9}
    assert torch.get_num_threads() == 1


def test_unknown_devices_and_precisions_are_refused(model_dirs: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="device is"):
        Host.open(model_dirs["llama-tied-gqa"], device="tpu")
    with pytest.raises(ConfigError, match="dtype"):
        Host.open(model_dirs["llama-tied-gqa"], dtype="float8")


@pytest.mark.parametrize(
    ("work", "room", "size"),
    [(4e7, 1 << 20, 65536), (4e7, 40_000, 32768), (1.2e9, 1 << 20, 32768), (6e9, 1 << 20, 8192), (4e7, 10, 8192)],
)
def test_units_on_a_gpu_are_as_large_as_work_and_memory_allow(work: float, room: int, size: int) -> None:
    asked: list[str] = []

    def fits(tokens: int, dtype: str) -> bool:
        asked.append(dtype)
        return tokens <= room

    found = measure.choose(None, device="cuda", dtype="auto", threads=3, unit_tokens=None, work_per_token=work, fits=fits)
    assert (found.unit_tokens, found.dtype, found.threads, found.device) == (size, "bfloat16", 3, "cuda")
    assert set(asked) <= {"bfloat16"}
    given = measure.choose(None, device="cuda", dtype="float32", threads=None, unit_tokens=77, work_per_token=work)
    assert (given.unit_tokens, given.dtype) == (77, "float32")


def test_auto_is_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert device_of("auto") == device
        assert device_of("cpu") == "cpu"


def test_a_run_begun_on_a_gpu_says_so_where_there_is_none(model_dirs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="started on one"):
        open_host(model_dirs["llama-tied-gqa"], device="cuda")


def test_logits_come_in_larger_chunks_on_a_gpu() -> None:
    cpu, cuda = (head.chunks(100_000, 2048, torch.device(name)) for name in ("cpu", "cuda"))
    assert len(cuda) < len(cpu)
    for spans, limit in ((cpu, head.CHUNK_ELEMENTS), (cuda, head.CUDA_CHUNK_ELEMENTS)):
        assert [s.start for s in spans[1:]] == [s.stop for s in spans[:-1]]
        assert (spans[0].start, spans[-1].stop) == (0, 100_000)
        assert max(s.stop - s.start for s in spans) * 2048 <= limit


def test_gradients_are_computed_strictly_where_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[tuple[bool, bool]] = []
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda on, warn_only=False: modes.append((on, warn_only)))
    with exactly(torch.device("cuda")):
        assert modes == [], "nobody asked"
    monkeypatch.setattr(torch, "is_deterministic_algorithms_warn_only_enabled", lambda: True)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with exactly(torch.device("cpu")):
        assert modes == []

    def fail() -> None:
        with exactly(torch.device("cuda")):
            assert modes == [(True, False)]
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert modes == [(True, False), (True, True)], "as before, also where it fails"
