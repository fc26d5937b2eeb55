"""Which choices are fastest on this machine: threads, matmul route, attention form, unit size, precision. Measured once.

The answers are cached per machine by the caller (`store.machine`) and stored in every run, because a resumed run must use the
same ones to be bit-identical. Each probe takes a few hundred milliseconds; all of them together a few seconds.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from burnish.engine import heap, matmul, native, ops
from burnish.engine.attention import AttentionForm, packed_attention

CUDA_UNIT_WORK = 5e13
"""FLOPs of a unit of work on a GPU, at most where it is not already small: about 0.1 s, against which a call costs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the engine was told or found to be fastest."""

    device: str
    threads: int
    dtype: str
    """compute precision: "float32" or "bfloat16" (masters and optimiser stay float32)"""
    matmul: matmul.Route
    bmm_limit: int
    """sequences up to this length use the batched form of attention"""
    unit_tokens: int
    """positions of one unit of work"""
    kernels: native.Kernels = "torch"
    """what norms, SwiGLU and rotary embedding run in; runs of before there was a choice ran in torch"""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def cores() -> int:
    """Processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def machine_key() -> str:
    """Names what the measurements depend on: processor, cores, torch build."""
    capability = torch.backends.cpu.get_cpu_capability()
    name = torch.cuda.get_device_name(0) if torch.cuda.is_available() else _processor()
    return f"{name}|{capability}|cores={cores()}|torch={torch.__version__}|v9"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown processor"


def _rate(work: Callable[[], object], repeats: int = 7) -> float:
    """Fewest seconds of one call, after one warm-up: on a shared machine the quickest run is the least disturbed one."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def measure() -> dict[str, Any]:
    """Run the probes on the CPU. Returns figures (GFLOP/s, microseconds) and the choices that follow from them."""
    heap.keep()
    generator = torch.Generator().manual_seed(0)
    x, w = torch.randn(1024, 768, generator=generator), torch.randn(1536, 768, generator=generator)
    work = 2 * 1024 * 768 * 1536 / 1e9
    before = matmul.current()
    figures: dict[str, Any] = {}
    threads = _best_threads(x, w, figures)
    torch.set_num_threads(threads)
    route = _best_route(x, w, torch.randn(1024, 1536, generator=generator), figures)
    matmul.use(before)
    xb, wb = x.bfloat16(), w.bfloat16()
    figures["bf16_gflops"] = round(work / _rate(lambda: torch.nn.functional.linear(xb, wb), 3))
    dtype = "bfloat16" if figures["bf16_gflops"] > 1.5 * figures["fp32_gflops"] else "float32"
    precision = torch.bfloat16 if dtype == "bfloat16" else torch.float32
    limit = 0
    for length in (64, 128, 256, 512, 1024):
        form = {"sdpa": math.inf, "bmm": math.inf}
        q = torch.randn(1024, 8, 64, generator=generator).to(precision).requires_grad_()
        k = torch.randn(1024, 4, 64, generator=generator).to(precision).requires_grad_()
        for _ in range(3):
            for name, bmm_limit in (("sdpa", 0), ("bmm", length)):

                def attend(q: torch.Tensor = q, k: torch.Tensor = k, limit: int = bmm_limit, length: int = length) -> None:
                    packed_attention(q, k, k, [length] * (1024 // length), AttentionForm(limit)).sum().backward()

                form[name] = min(form[name], _rate(attend, 2))
        figures[f"attention_{length}_us"] = {k: round(v * 1e6) for k, v in form.items()}
        if form["bmm"] < form["sdpa"]:
            limit = length
        else:
            break
    found = {"figures": figures, "threads": threads, "matmul": route, "dtype": dtype, "bmm_limit": limit}
    fastest = kernels(figures)
    return found if fastest is None else {**found, "kernels": fastest}


def _best_threads(x: torch.Tensor, w: torch.Tensor, figures: dict[str, Any]) -> int:
    """All cores, unless fewer are clearly faster (two hardware threads that share one core, or a container's quota)."""
    count = cores()
    seconds = {}
    for threads in sorted({count, max(1, count // 2)}, reverse=True):
        torch.set_num_threads(threads)
        seconds[threads] = _rate(lambda: matmul.nt(x, w))
        figures[f"fp32_{threads}_threads_us"] = round(seconds[threads] * 1e6)
    return min(seconds, key=lambda t: seconds[t] * (1.0 if t == count else 1.3))


def _best_route(x: torch.Tensor, w: torch.Tensor, g: torch.Tensor, figures: dict[str, Any]) -> matmul.Route:
    """Which kinds of product are faster through oneDNN. The routes take turns, so that a disturbance hits both."""
    out = torch.zeros_like(w)
    work = 2 * x.shape[0] * w.shape[0] * w.shape[1] / 1e9
    products = {"nt": lambda: matmul.nt(x, w), "nn": lambda: matmul.nn(g, w), "tn": lambda: matmul.tn_add(out, g, x)}
    seconds = {(route, kind): math.inf for route in ("aten", "onednn") for kind in matmul.KINDS}
    for _ in range(6):
        for route in ("aten", "onednn") if matmul.onednn_available() else ("aten",):
            matmul.use(route)
            for kind, product in products.items():
                seconds[route, kind] = min(seconds[route, kind], _rate(product, 2))
    figures["fp32_kinds_gflops"] = {f"{r}:{k}": round(work / s) for (r, k), s in seconds.items() if s < math.inf}
    kinds = frozenset(k for k in matmul.KINDS if seconds["onednn", k] < 0.93 * seconds["aten", k])
    figures["fp32_gflops"] = round(3 * work / sum(min(seconds["aten", k], seconds["onednn", k]) for k in matmul.KINDS))
    return matmul.route_of(kinds)


def kernels(figures: dict[str, Any]) -> native.Kernels | None:
    """Those in C, where they give what torch gives, in both precisions, and take less time there and back; the two take turns.
    None where there are none in C, which may change: it is not to be kept."""
    if why := native.missing():
        figures["kernels"] = why
        return None
    before = native.current()
    seconds: dict[native.Kernels, float] = {"torch": math.inf, "native": math.inf}
    try:
        for precision in (torch.float32, torch.bfloat16):
            work, found = _row_wise(precision), {}
            for _ in range(3):
                for name in seconds:
                    native.use(name)
                    seconds[name] = min(seconds[name], _rate(work, 2)) if precision == torch.float32 else seconds[name]
                    found[name] = work()
            bar = 1e-4 if precision == torch.float32 else 3e-2
            for theirs, ours in zip(found["torch"], found["native"], strict=True):
                if not torch.allclose(theirs, ours, rtol=bar, atol=bar * float(theirs.abs().max())):
                    figures["kernels"] = f"those in C do not give what torch gives in {precision}"
                    return "torch"
    finally:
        native.use(before)
    figures["kernels_us"] = {name: round(s * 1e6) for name, s in seconds.items()}
    return "native" if seconds["native"] < seconds["torch"] else "torch"


def _row_wise(precision: torch.dtype) -> Callable[[], list[torch.Tensor]]:
    """All that the kernels do, there and back, on rows and on heads in wider rows: what comes out, and gradients."""
    generator = torch.Generator().manual_seed(0)
    weight, head = ops.Weight(torch.rand(512, generator=generator) + 0.5), ops.Weight(torch.rand(64, generator=generator) + 0.5)
    x = torch.randn(256, 512, generator=generator).requires_grad_()
    wide = torch.randn(256, 1024, generator=generator).to(precision).requires_grad_()
    angles = torch.randn(256, 1, 32, generator=generator)
    cos = torch.cat((angles.cos(), angles.cos()), -1).to(precision)
    sin = torch.cat((-angles.sin(), angles.sin()), -1).to(precision)

    def work() -> list[torch.Tensor]:
        x.grad = wide.grad = None
        weight.grad, head.grad = torch.zeros(512), torch.zeros(64)
        heads = ops.rms_norm(wide[:, 128:640].view(256, 8, 64), head, 1e-5, precision)
        outs = [ops.rms_norm(x, weight, 1e-5, precision), ops.swiglu(wide), ops.rope(heads, cos, sin)]
        torch.autograd.backward(outs, [torch.ones_like(out) for out in outs])
        return [t.detach().float() for t in (*outs, x.grad, wide.grad, weight.grad, head.grad) if t is not None]

    return work


def choose(
    measured: dict[str, Any] | None,
    *,
    device: str,
    dtype: str,
    threads: int | None,
    unit_tokens: int | None,
    work_per_token: float,
    fits: Callable[[int, str], bool] = lambda tokens, dtype: True,
) -> Choices:
    """Complete the caller's wishes ("auto", None) from the measurements.

    work_per_token: matmul FLOPs of one token forward and backward, from which the unit size follows: about 0.15 s of work, but
    at least what keeps matrix products efficient; bfloat16 products want more rows. fits: whether a unit of so many positions has
    room on the device, in that precision.
    """
    if device == "cuda":
        chosen = "bfloat16" if dtype == "auto" else dtype
        sizes = (s for s in (65536, 32768, 16384) if s * work_per_token <= CUDA_UNIT_WORK)
        size = next((s for s in sizes if fits(s, chosen)), 8192)
        return Choices(
            device=device,
            threads=threads or cores(),
            dtype=chosen,
            matmul="aten",
            bmm_limit=0,
            unit_tokens=unit_tokens or size,
        )
    assert measured is not None
    figures = measured["figures"]
    chosen = measured["dtype"] if dtype == "auto" else dtype
    speed = figures["bf16_gflops"] if chosen == "bfloat16" else figures["fp32_gflops"]
    fitting = int(0.15 * 0.6 * speed * 1e9 / max(work_per_token, 1))
    least = 2048 if chosen == "bfloat16" else 1024
    size = next((s for s in (4096, 2048) if s <= fitting), least)
    return Choices(
        device=device,
        threads=threads or measured["threads"],
        dtype=chosen,
        matmul=measured["matmul"],
        bmm_limit=measured["bmm_limit"],
        unit_tokens=unit_tokens or size,
        kernels="native" if measured.get("kernels") == "native" and not native.missing() else "torch",
    )
