"""The kernels in C: the numbers of torch there and back, whatever the layout, and clear words where they cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from burnish.engine import measure, native, ops
from burnish.engine.ops import Weight
from burnish.errors import ConfigError

DTYPES = (torch.float32, torch.bfloat16)
BAR = {torch.float32: 1e-5, torch.bfloat16: 1e-2}


@pytest.fixture
def kernels() -> Iterator[None]:
    if why := native.missing():
        pytest.skip(why)
    yield
    native.use("torch")


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def both(work: Callable[[], tuple[torch.Tensor, ...]]) -> list[tuple[torch.Tensor, ...]]:
    found = []
    for name in ("torch", "native"):
        native.use(name)  # type: ignore[arg-type]
        found.append(work())
    return found


def same(work: Callable[[], tuple[torch.Tensor, ...]], bar: float) -> None:
    for theirs, ours in zip(*both(work), strict=True):
        assert ours.dtype == theirs.dtype
        assert (ours.float() - theirs.float()).abs().max() <= bar * theirs.float().abs().max()


@pytest.mark.parametrize("width", [5, 32, 130])
@pytest.mark.parametrize("out", DTYPES)
@pytest.mark.parametrize("given", DTYPES)
@pytest.mark.usefixtures("kernels")
def test_rms_norm(given: torch.dtype, out: torch.dtype, width: int) -> None:
    """Of rows, and of heads that are a part of wider rows; the weight's gradient is added to what is there."""
    wide, slope = drawn(37, 4 + 5 * width + 3).to(given), torch.linspace(-1, 2, width)
    for heads in (False, True):

        def work(heads: bool = heads) -> tuple[torch.Tensor, ...]:
            weight = Weight(torch.linspace(0.5, 2, width), torch.ones(width))
            source = wide.clone().requires_grad_()
            x = source[:, 4 : 4 + 5 * width].view(37, 5, width) if heads else source[:, :width]
            y = ops.rms_norm(x, weight, 1e-5, out)
            (y.float() * slope).sum().backward()
            assert source.grad is not None
            assert weight.grad is not None
            return y.detach(), source.grad, weight.grad

        same(work, BAR[torch.bfloat16] if torch.bfloat16 in (given, out) else BAR[torch.float32])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.usefixtures("kernels")
def test_swiglu(dtype: torch.dtype) -> None:
    wide, slope = (4 * drawn(33, 70)).to(dtype), torch.linspace(-1, 2, 35)

    def work() -> tuple[torch.Tensor, ...]:
        x = wide.clone().requires_grad_()
        y = ops.swiglu(x)
        (y.float() * slope).sum().backward()
        assert x.grad is not None
        with torch.no_grad():
            assert torch.equal(ops.swiglu(x), y) or dtype == torch.bfloat16
        return y.detach(), x.grad

    same(work, BAR[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.usefixtures("kernels")
def test_rope(dtype: torch.dtype) -> None:
    """Of heads in wider rows; and where only the first half of a head is turned, which goes through torch for its rest."""
    wide, angles = drawn(37, 8 + 160).to(dtype), drawn(37, 1, 16)
    cos, sin = torch.cat((angles.cos(),) * 2, -1).to(dtype), torch.cat((-angles.sin(), angles.sin()), -1).to(dtype)
    for heads, width in ((5, 32), (2, 64)):

        def work(heads: int = heads, width: int = width) -> tuple[torch.Tensor, ...]:
            source = wide.clone().requires_grad_()
            y = ops.rope(source[:, 8 : 8 + heads * width].view(37, heads, width), cos, sin)
            (y.float() * torch.linspace(-1, 2, width)).sum().backward()
            assert source.grad is not None
            return y.detach(), source.grad

        same(work, BAR[dtype])


@pytest.mark.usefixtures("kernels")
def test_rows_do_not_depend_on_their_neighbours() -> None:
    """Large enough that threads share them out."""
    native.use("native")
    x, weight = drawn(400, 96), Weight(torch.rand(96, generator=torch.Generator().manual_seed(1)))
    whole = ops.rms_norm(x, weight, 1e-5, torch.float32)
    assert all(torch.equal(ops.rms_norm(x[n : n + 1], weight, 1e-5, torch.float32), whole[n : n + 1]) for n in (0, 7, 399))
    assert torch.equal(ops.swiglu(x)[17:18], ops.swiglu(x[17:18]))


@pytest.mark.usefixtures("kernels")
def test_what_is_no_number_stays_none_and_large_numbers_are_kept() -> None:
    native.use("native")
    x = drawn(3, 8)
    x[1, 2], x[2, 0] = float("nan"), float("inf")
    for dtype in DTYPES:
        assert ops.swiglu(x.to(dtype)).isnan().nonzero().tolist() == [[1, 2]]
        assert ops.rms_norm(x, Weight(torch.ones(8)), 1e-5, dtype)[1].isnan().all()
    far = torch.tensor([[200.0, -200.0, 1e30, -1e30, 1.0, 1.0, 1.0, 1.0]])
    assert torch.allclose(ops.swiglu(far), torch.tensor([[200.0, 0.0, 1e30, 0.0]]), atol=1e-5)


@pytest.mark.usefixtures("kernels")
def test_a_damaged_library_is_built_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BURNISH_HOME", str(tmp_path))
    path = native._built()
    path.write_bytes(b"garbage")
    assert native._loaded(path).burnish_rms
    assert path.stat().st_size > 1000
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_without_a_compiler_it_is_said_and_torch_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(native, "_library", native._library.__wrapped__)  # nothing that was found before
    assert "no C compiler" in native.missing()
    figures: dict[str, object] = {}
    assert measure._best_kernels(torch.float32, figures) == "torch"
    assert "no C compiler" in str(figures["kernels"])
    with pytest.raises(ConfigError, match=r"kernels in C.*no C compiler.*install a C compiler"):
        native.use("native")
    assert native.current() == "torch"


def test_a_compiler_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "cc"
    fake.write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "no such header" >&2\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setenv("CC", str(fake))
    monkeypatch.setenv("BURNISH_HOME", str(tmp_path))
    monkeypatch.setattr(native, "_library", native._library.__wrapped__)
    assert "no such header" in native.missing()


@pytest.mark.usefixtures("kernels")
def test_kernels_that_compute_something_else_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    right = native.swiglu
    monkeypatch.setattr(native, "swiglu", lambda gate_up: right(gate_up) * 1.01)
    figures: dict[str, object] = {}
    assert measure._best_kernels(torch.float32, figures) == "torch"
    assert figures["kernels"] == "those in C do not give what torch gives"
    assert native.current() == "torch"


def test_they_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BURNISH_KERNELS", "torch")
    assert native.missing() == "BURNISH_KERNELS=torch"
    found = {
        "figures": {"fp32_gflops": 1},
        "threads": 1,
        "matmul": "aten",
        "dtype": "float32",
        "bmm_limit": 0,
        "kernels": "native",
    }
    choices = measure.choose(found, device="cpu", dtype="auto", threads=None, unit_tokens=None, work_per_token=1e8)
    assert choices.kernels == "torch"
