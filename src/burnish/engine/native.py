"""Row-wise functions of a block in C (`kernels.c`): RMS norm, SwiGLU and rotary embedding in one pass over memory each.

They are built once per machine with its own C compiler, kept in the cache, and used where they were built, give what torch gives
and were measured to be faster (`measure.py`); otherwise, and on GPUs, the same functions run in torch (`ops.py`). Without a
compiler nothing is missing but speed. `BURNISH_KERNELS=torch` leaves them out.

The functions here are those of ops.py, of tensors on the CPU whose last dimension lies side by side.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Literal

import torch

from burnish.errors import ConfigError
from burnish.store.home import cache_directory

Kernels = Literal["torch", "native"]
SOURCE = Path(__file__).with_name("kernels.c")
FLAGS = ("-O3", "-fPIC", "-fno-math-errno", "-fno-trapping-math", "-fassociative-math", "-fno-signed-zeros")
"""Sums may be reordered; infinities and what is no number stay what they are."""
WIDEST = 16384
"""Numbers of a row, at most (kernels.c)."""
BUILD_S = 60
_TYPES = (torch.float32, torch.bfloat16)
_SIGNATURES = {
    "burnish_rms": "pi ll p pi p lll f",
    "burnish_rms_back": "pi pi ll p p p p p lll i",
    "burnish_swiglu": "pi p ll",
    "burnish_swiglu_back": "p p i p ll",
    "burnish_rope": "pi ll p p p lll f",
}
_in_use = False


class NotBuilt(Exception):
    """Why there are no kernels here, in words."""


def use(kernels: Kernels) -> None:
    """Select what row-wise functions run in. Raises ConfigError where "native" cannot be had here."""
    global _in_use
    if kernels == "native" and (why := missing()):
        raise ConfigError("the kernels in C, which a run was started with, cannot be had here", seen=why, todo=_INSTALL)
    _in_use = kernels == "native"


_INSTALL = "install a C compiler (gcc or clang), or start anew: without them a run differs in the last bits"


def current() -> Kernels:
    """What is in use."""
    return "native" if _in_use else "torch"


def missing() -> str:
    """Why the kernels cannot be used here; empty where they can."""
    if os.environ.get("BURNISH_KERNELS") == "torch":
        return "BURNISH_KERNELS=torch"
    try:
        _library()
    except NotBuilt as error:
        return str(error)
    return ""


def takes(*tensors: torch.Tensor) -> bool:
    """Whether these go through the kernels: on a CPU, in a precision that they know, rows side by side."""
    return _in_use and all(
        t.device.type == "cpu" and t.dtype in _TYPES and t.stride(-1) == 1 and t.shape[-1] <= WIDEST and t.dim() in (2, 3)
        for t in tensors
    )


def takes_weight(weight: torch.Tensor) -> bool:
    """Whether a norm's weight [D] is one that the kernels read."""
    return weight.dtype == torch.float32 and weight.is_contiguous()


def takes_turn(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> bool:
    """Whether x [N, H, E] is turned as a whole by these [N, 1, E]."""
    shape = (x.shape[0], 1, x.shape[-1])
    return x.dim() == 3 and all(t.dtype == x.dtype and t.shape == shape and t.is_contiguous() for t in (cos, sin))


# -- functions ------------------------------------------------------------------------------------------------------------


def rms(x: torch.Tensor, weight: torch.Tensor, eps: float, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """x / rms(x) * weight over the last dimension of x [*N, D], and 1 / rms(x) [*N, 1]."""
    out, rstd = torch.empty(x.shape, dtype=dtype), torch.empty((*x.shape[:-1], 1))
    n, m, d, outer, inner = _layout(x)
    _library().burnish_rms(
        x.data_ptr(), _half(x), outer, inner, weight.data_ptr(), out.data_ptr(), _half(out), rstd.data_ptr(), n, m, d, eps
    )
    return out, rstd


def rms_back(
    gy: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, rstd: torch.Tensor, weight_grad: torch.Tensor | None
) -> torch.Tensor:
    """The gradient of x, contiguous; that of the weight is added to `weight_grad`."""
    gy, gx, threads = gy.contiguous(), torch.empty(x.shape, dtype=x.dtype), torch.get_num_threads()
    n, m, d, outer, inner = _layout(x)
    sums = torch.empty(threads * d) if weight_grad is not None else None
    _library().burnish_rms_back(
        gy.data_ptr(), _half(gy), x.data_ptr(), _half(x), outer, inner, weight.data_ptr(), rstd.data_ptr(), gx.data_ptr(),
        None if weight_grad is None else weight_grad.data_ptr(), None if sums is None else sums.data_ptr(), n, m, d, threads,
    )  # fmt: skip
    return gx


def swiglu(gate_up: torch.Tensor) -> torch.Tensor:
    """silu(gate) * up of [N, 2 F], contiguous. Returns [N, F]."""
    rows, width = gate_up.shape
    out = gate_up.new_empty(rows, width // 2)
    _library().burnish_swiglu(gate_up.data_ptr(), _half(out), out.data_ptr(), rows, width // 2)
    return out


def swiglu_back(gate_up: torch.Tensor, gy: torch.Tensor) -> torch.Tensor:
    """The gradient of gate_up [N, 2 F]."""
    out, gy = torch.empty_like(gate_up), gy.contiguous()
    rows, width = gate_up.shape
    _library().burnish_swiglu_back(gate_up.data_ptr(), gy.data_ptr(), _half(out), out.data_ptr(), rows, width // 2)
    return out


def rope(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, sign: float = 1.0) -> torch.Tensor:
    """x [N, H, E] turned by cos and sin [N, 1, E], contiguous and in the precision of x; sign -1 turns back. Contiguous."""
    out = torch.empty(x.shape, dtype=x.dtype)
    n, m, d, outer, inner = _layout(x)
    _library().burnish_rope(x.data_ptr(), _half(x), outer, inner, cos.data_ptr(), sin.data_ptr(), out.data_ptr(), n, m, d, sign)
    return out


def _half(x: torch.Tensor) -> int:
    return int(x.dtype == torch.bfloat16)


def _layout(x: torch.Tensor) -> tuple[int, int, int, int, int]:
    """n, m, d, and the strides of the first two: rows of [N, D] are one to each n."""
    if x.dim() == 2:
        return x.shape[0], 1, x.shape[1], x.stride(0), 0
    return x.shape[0], x.shape[1], x.shape[2], x.stride(0), x.stride(1)


# -- building -------------------------------------------------------------------------------------------------------------


@cache
def _library() -> ctypes.CDLL:
    """The kernels, built now or found in the cache. Raises NotBuilt."""
    try:
        library = _loaded(_built())
        for name, letters in _SIGNATURES.items():
            getattr(library, name).argtypes = [_ARGUMENTS[letter] for letter in letters.replace(" ", "")]
            getattr(library, name).restype = None
    except (OSError, AttributeError, subprocess.SubprocessError) as error:
        raise NotBuilt(f"the kernels could not be built or loaded: {error}") from error
    return library


def _loaded(path: Path) -> ctypes.CDLL:
    """A file of the cache that is damaged is built anew, once."""
    try:
        return ctypes.CDLL(str(path))
    except OSError:
        path.unlink(missing_ok=True)
        return ctypes.CDLL(str(_built()))


_ARGUMENTS = {"p": ctypes.c_void_p, "i": ctypes.c_int, "l": ctypes.c_int64, "f": ctypes.c_float}


def _built() -> Path:
    """The shared library of this source, compiler, processor and torch."""
    compiler = next(
        (found for name in (os.environ.get("CC"), "cc", "gcc", "clang") if name and (found := shutil.which(name))), None
    )
    if compiler is None:
        raise NotBuilt("there is no C compiler (cc, gcc or clang)")
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, timeout=BUILD_S, check=True).stdout
    threads = sorted((Path(torch.__file__).parent / "lib").glob("libgomp*"))
    made_of = [SOURCE.read_text(encoding="utf-8"), version, *FLAGS, _processor(), torch.__version__, *map(str, threads)]
    directory = cache_directory() / "kernels"
    path = directory / f"{hashlib.sha256(chr(0).join(made_of).encode()).hexdigest()[:24]}.so"
    if path.is_file():
        return path
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as work:
        _compile(compiler, Path(work), threads)
        os.replace(Path(work) / "kernels.so", path)
    return path


def _compile(compiler: str, work: Path, threads: list[Path]) -> None:
    """Compile and link. Threads are those of torch's own OpenMP, because two of them in one process wait for each other."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([compiler, *arguments], capture_output=True, text=True, timeout=BUILD_S, check=False, cwd=work)

    compiled = run(*FLAGS, "-march=native", "-fopenmp", "-c", str(SOURCE), "-o", "kernels.o")
    if compiled.returncode != 0:
        raise NotBuilt(f"{compiler} says: {compiled.stderr.strip()[:300]}")
    openmp = [str(threads[0])] if threads else ["-fopenmp"]
    linked = run("-shared", "kernels.o", "-o", "kernels.so", *openmp, "-lm")
    if linked.returncode != 0:
        raise NotBuilt(f"{compiler} says: {linked.stderr.strip()[:300]}")


def _processor() -> str:
    """What -march=native depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return "|".join(next((line for line in lines if line.startswith(name)), "") for name in ("model name", "flags", "Features"))
