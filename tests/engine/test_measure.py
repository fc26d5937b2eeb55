"""Measured choices: complete, stable when given, and on a GPU the same numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers import CHOICES, open_host

from burnish.engine import matmul, measure
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
