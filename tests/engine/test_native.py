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
            assert torch.allclose(ops.swiglu(x).float(), y.float(), atol=2 * BAR[dtype])
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
def test_what_is_no_number_stays_none() -> None:
    native.use("native")
    x = drawn(3, 8)
    x[1, 2], x[2, 0] = float("nan"), float("inf")
    for dtype in DTYPES:
        assert ops.swiglu(x.to(dtype)).isnan().nonzero().tolist() == [[1, 2]]
        assert ops.rms_norm(x, Weight(torch.ones(8)), 1e-5, dtype)[1].isnan().all()


@pytest.mark.usefixtures("kernels")
def test_the_exponential_is_exact_and_the_same_in_every_column() -> None:
    """Whether vector instructions compute it or what is left over at the end of a row."""
    native.use("native")
    gates = torch.linspace(-87, 87, 40_001)
    ours = native.swiglu(torch.stack((gates, torch.ones_like(gates)), -1))[:, 0]
    exact = torch.nn.functional.silu(gates.double())
    assert ((ours - exact).abs() <= 3e-7 * exact.abs() + 1e-38).all()
    assert torch.equal(native.swiglu(torch.cat((gates, torch.ones_like(gates)))[None])[0], ours)


@pytest.mark.usefixtures("kernels")
def test_the_ends_of_the_range_are_those_of_torch() -> None:
    far = [-3e38, -1e30, -200.0, -88.5, 88.5, 200.0, 3e38, float("inf"), float("nan")]
    wide = torch.tensor([[*far, *[1.0] * len(far)]])

    def work() -> tuple[torch.Tensor, ...]:
        x = wide.clone().requires_grad_()
        y = ops.swiglu(x)
        y.backward(torch.ones_like(y))
        assert x.grad is not None
        return y.detach(), x.grad

    for theirs, ours in zip(*both(work), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-30, equal_nan=True), (ours, theirs)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.usefixtures("kernels")
def test_threads_share_large_matrices_out(threads: int) -> None:
    """And repeat their bits; an expanded gradient has rows that lie on one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:

        def work() -> tuple[torch.Tensor, ...]:
            weight = Weight(torch.linspace(0.5, 2, 96), torch.zeros(96))
            x = drawn(500, 96).requires_grad_()
            y = ops.rms_norm(x, weight, 1e-5, torch.float32)
            y.backward(torch.linspace(-1, 1, 96).expand(500, 96))
            gated = ops.swiglu(x)
            assert x.grad is not None
            assert weight.grad is not None
            return y.detach(), x.grad, weight.grad, gated.detach()

        same(work, 1e-5)
        assert all(torch.equal(a, b) for a, b in zip(work(), work(), strict=True))
    finally:
        torch.set_num_threads(before)


@pytest.mark.usefixtures("kernels")
def test_what_is_not_theirs_goes_through_torch() -> None:
    native.use("native")
    x, one = drawn(3, 8), Weight(torch.ones(8))
    assert not native.takes_norm(x, torch.ones(7), None, torch.float32)
    assert not native.takes_norm(x, torch.ones(8), torch.ones(8).double(), torch.float32)
    assert not native.takes_norm(x, torch.ones(8), None, torch.float16)
    assert not native.takes_norm(x.double(), torch.ones(8), None, torch.float32)
    assert not native.takes_gate(drawn(3, 7))
    assert not native.takes_gate(drawn(2, 3, 8))
    assert not native.takes_turn(drawn(2, 1, 7), drawn(2, 1, 7), drawn(2, 1, 7))
    assert not native.takes_turn(drawn(2, 1, 8), drawn(2, 1, 4), drawn(2, 1, 4))
    assert ops.rms_norm(x, one, 1e-5, torch.float16).dtype == torch.float16
    with pytest.raises(RuntimeError):
        ops.rms_norm(x, Weight(torch.ones(7)), 1e-5, torch.float32)
    for empty in (drawn(0, 8), drawn(0, 2, 8)):
        assert ops.rms_norm(empty, one, 1e-5, torch.float32).shape == empty.shape


@pytest.mark.usefixtures("kernels")
def test_other_defaults_of_torch_change_nothing() -> None:
    native.use("native")
    x, weight = drawn(3000, 8), Weight(torch.ones(8), torch.zeros(8))
    torch.set_default_dtype(torch.bfloat16)
    try:
        given = x.clone().requires_grad_()
        ops.rms_norm(given, weight, 1e-5, torch.float32).sum().backward()
        with torch.device("meta"):
            assert ops.swiglu(x).device.type == "cpu"
    finally:
        torch.set_default_dtype(torch.float32)
    assert given.grad is not None
    assert given.grad.isfinite().all()


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache of its own, and nothing known of what was built before."""
    monkeypatch.setenv("BURNISH_HOME", str(tmp_path))
    monkeypatch.setattr(native, "_loaded", native._loaded.__wrapped__)
    return tmp_path


@pytest.mark.usefixtures("kernels")
def test_a_damaged_library_is_built_again_and_one_of_others_is_not_run(elsewhere: Path) -> None:
    path = native._built()
    path.write_bytes(b"garbage")
    assert native.missing() == ""
    assert path.stat().st_size > 1000
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    path.chmod(0o666)
    assert "can be written by others" in native.missing()


@pytest.mark.usefixtures("kernels")
def test_what_was_built_is_used_when_the_compiler_is_gone(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    native._built()
    monkeypatch.setenv("PATH", str(elsewhere))
    assert native.missing() == ""


def test_without_a_compiler_it_is_said_and_torch_is_used(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(elsewhere))
    monkeypatch.delenv("CC", raising=False)
    if "Linux alone" in native.missing() or "OpenMP" in native.missing():
        pytest.skip(native.missing())
    assert "no C compiler" in native.missing()
    figures: dict[str, object] = {}
    assert measure.kernels(figures) is None  # not kept, since a compiler may come
    assert "no C compiler" in str(figures["kernels"])
    with pytest.raises(ConfigError, match=r"kernels in C.*no C compiler.*install a C compiler"):
        native.use("native")
    assert native.current() == "torch"


def test_a_compiler_that_fails_is_quoted_and_not_tried_again(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, fake = elsewhere / "calls", elsewhere / "cc"
    fake.write_text(f'#!/bin/sh\necho call >> {calls}\necho "no such header" >&2\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setenv("CC", str(fake))
    monkeypatch.setenv("PATH", "/nowhere")
    if "Linux alone" in native.missing() or "OpenMP" in native.missing():
        pytest.skip(native.missing())
    for _ in range(3):
        assert "no such header" in native.missing()
    assert calls.read_text().count("call") == 1


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("name", ["swiglu", "rope", "rms"])
def test_kernels_that_compute_something_else_are_not_taken(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    right = getattr(native, name)

    def wrong(*given: object) -> object:
        found = right(*given)
        return (found[0] * 1.01, found[1]) if name == "rms" else found * 1.01

    monkeypatch.setattr(native, name, wrong)
    figures: dict[str, object] = {}
    assert measure.kernels(figures) == "torch"
    assert "do not give what torch gives" in str(figures["kernels"])
    assert native.current() == "torch"


def test_they_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BURNISH_KERNELS", "torch")
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
    with pytest.raises(ConfigError, match="unset BURNISH_KERNELS"):
        native.use("native")
