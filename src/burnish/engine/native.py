"""Row-wise functions of a block in C (`kernels.c`): RMS norm, SwiGLU and rotary embedding in one pass over memory each.

They are built once per machine with its own C compiler, kept in the cache, and used where they were built, give what torch gives
and were measured to be faster (`measure.py`); otherwise, and on GPUs, the same functions run in torch (`ops.py`). Without a
compiler nothing is missing but speed. `BURNISH_KERNELS=torch` leaves them out. What was built once is kept whatever becomes of
the compiler, because another would round otherwise.

Only on Linux: elsewhere the OpenMP of the compiler is not that of torch, and two of them in one process wait for each other.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Literal

import torch

from burnish.errors import ConfigError
from burnish.store.home import cache_directory

Kernels = Literal["torch", "native"]
SOURCE = Path(__file__).with_name("kernels.c")
FLAGS = ("-O3", "-fPIC", "-march=native", "-fopenmp", "-fno-math-errno", "-fno-trapping-math")
BUILD_S = 60
OFF = "BURNISH_KERNELS=torch"
_TYPES = (torch.float32, torch.bfloat16)
_SIGNATURES = {
    "burnish_rms": "pi ll p pi p lll f i",
    "burnish_rms_back": "pi pi ll p p p p p lll i",
    "burnish_swiglu": "pi p ll i",
    "burnish_swiglu_back": "pp i p ll i",
    "burnish_rope": "pi ll pp p lll f i",
}
_ARGUMENTS = {"p": ctypes.c_void_p, "i": ctypes.c_int, "l": ctypes.c_int64, "f": ctypes.c_float}
_in_use = False


class NotBuilt(Exception):
    """Why there are no kernels here, in words."""


def use(kernels: Kernels) -> None:
    """Select what row-wise functions run in. Raises ConfigError where "native" cannot be had here."""
    global _in_use
    if kernels == "native" and (why := missing()):
        todo = "unset BURNISH_KERNELS" if why == OFF else "install a C compiler (gcc) and call `burnish machine --again`"
        raise ConfigError(
            "the kernels in C, which a run was started with, cannot be had here",
            seen=why,
            todo=f"{todo}, or start anew: without them a run differs in the last bits",
        )
    _in_use = kernels == "native"


def current() -> Kernels:
    """What is in use."""
    return "native" if _in_use else "torch"


def missing() -> str:
    """Why the kernels cannot be used here; empty where they can. What failed once is not tried again, but by `forget`."""
    return OFF if os.environ.get("BURNISH_KERNELS") == "torch" else _loaded()[1]


def forget() -> None:
    """Try again to build what could not be built."""
    _loaded.cache_clear()
    try:
        for marker in _directory().glob("*.failed"):
            marker.unlink(missing_ok=True)
    except (OSError, RuntimeError):
        return


def digest() -> str:
    """Which kernels these are: bits depend on it."""
    return _loaded()[2]


# -- what they take -------------------------------------------------------------------------------------------------------


def takes(x: torch.Tensor) -> bool:
    """Whether it goes through the kernels: on a CPU, in a precision that they know, rows side by side.

    What is asked of tensors is spelled out here and below: a token of one row asks it a hundred times.
    """
    return _in_use and x.is_cpu and x.dtype in _TYPES and x.dim() in (2, 3) and (x.stride(-1) == 1 or x.shape[-1] == 1)


def takes_norm(x: torch.Tensor, weight: torch.Tensor, grad: torch.Tensor | None, dtype: torch.dtype) -> bool:
    """Whether x [*N, D] is normalised by them, with this weight [D], its gradient, and a result in this precision."""
    return takes(x) and dtype in _TYPES and _is_vector(weight, x.shape[-1]) and (grad is None or _is_vector(grad, x.shape[-1]))


def _is_vector(t: torch.Tensor, size: int) -> bool:
    return t.dtype is torch.float32 and t.dim() == 1 and t.shape[0] == size and t.is_contiguous()


def takes_gate(gate_up: torch.Tensor) -> bool:
    """Whether gate_up [N, 2 F] is gated by them."""
    return takes(gate_up) and gate_up.dim() == 2 and gate_up.is_contiguous() and gate_up.shape[-1] % 2 == 0


def takes_turn(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> bool:
    """Whether x [N, H, E] is turned by them as a whole by these [N, 1, E]."""
    if not (takes(x) and x.dim() == 3 and x.shape[-1] % 2 == 0):
        return False
    shape = (x.shape[0], 1, x.shape[-1])
    return cos.dtype == x.dtype == sin.dtype and cos.shape == shape == sin.shape and cos.is_contiguous() and sin.is_contiguous()


# -- functions ------------------------------------------------------------------------------------------------------------


def rms(x: torch.Tensor, weight: torch.Tensor, eps: float, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """x / rms(x) * weight over the last dimension of x [*N, D], and 1 / rms(x) [*N, 1] in float32."""
    out, rstd = x.new_empty(x.shape, dtype=dtype), x.new_empty((*x.shape[:-1], 1), dtype=torch.float32)
    n, m, d, outer, inner = _layout(x)
    _library().burnish_rms(
        x.data_ptr(), _half(x), outer, inner, weight.data_ptr(), out.data_ptr(), _half(out), rstd.data_ptr(), n, m, d, eps,
        torch.get_num_threads(),
    )  # fmt: skip
    return out, rstd


def rms_back(
    gy: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, rstd: torch.Tensor, weight_grad: torch.Tensor | None
) -> torch.Tensor:
    """The gradient of x, contiguous; that of the weight is added to `weight_grad`."""
    gy, gx, threads = gy.contiguous(), x.new_empty(x.shape), torch.get_num_threads()
    n, m, d, outer, inner = _layout(x)
    sums = x.new_empty(threads * d, dtype=torch.float32) if weight_grad is not None else None
    _library().burnish_rms_back(
        gy.data_ptr(), _half(gy), x.data_ptr(), _half(x), outer, inner, weight.data_ptr(), rstd.data_ptr(), gx.data_ptr(),
        None if weight_grad is None else weight_grad.data_ptr(), None if sums is None else sums.data_ptr(), n, m, d, threads,
    )  # fmt: skip
    return gx


def swiglu(gate_up: torch.Tensor) -> torch.Tensor:
    """silu(gate) * up of [N, 2 F]. Returns [N, F]."""
    rows, width = gate_up.shape
    out = gate_up.new_empty(rows, width // 2)
    _library().burnish_swiglu(gate_up.data_ptr(), _half(out), out.data_ptr(), rows, width // 2, torch.get_num_threads())
    return out


def swiglu_back(gate_up: torch.Tensor, gy: torch.Tensor) -> torch.Tensor:
    """The gradient of gate_up [N, 2 F]."""
    out, gy = torch.empty_like(gate_up), gy.contiguous()
    rows, width = gate_up.shape
    _library().burnish_swiglu_back(
        gate_up.data_ptr(), gy.data_ptr(), _half(out), out.data_ptr(), rows, width // 2, torch.get_num_threads()
    )
    return out


def rope(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, sign: float = 1.0) -> torch.Tensor:
    """x [N, H, E] turned by cos and sin [N, 1, E]; sign -1 turns back. Contiguous."""
    out = x.new_empty(x.shape)
    n, m, d, outer, inner = _layout(x)
    _library().burnish_rope(
        x.data_ptr(), _half(x), outer, inner, cos.data_ptr(), sin.data_ptr(), out.data_ptr(), n, m, d, sign,
        torch.get_num_threads(),
    )  # fmt: skip
    return out


def _half(x: torch.Tensor) -> int:
    return int(x.dtype == torch.bfloat16)


def _layout(x: torch.Tensor) -> tuple[int, int, int, int, int]:
    """n, m, d, and the strides of the first two: rows of [N, D] are one to each n."""
    if x.dim() == 2:
        return x.shape[0], 1, x.shape[1], x.stride(0), 0
    return x.shape[0], x.shape[1], x.shape[2], x.stride(0), x.stride(1)


# -- building -------------------------------------------------------------------------------------------------------------


def _library() -> ctypes.CDLL:
    library, why, _ = _loaded()
    assert library is not None, why
    return library


@cache
def _loaded() -> tuple[ctypes.CDLL | None, str, str]:
    """The kernels, built now or found in the cache; why there are none; and the digest of their file."""
    try:
        path = _built()
        try:
            library = _open(path)
        except OSError:  # damaged: it is built anew, once
            path.unlink(missing_ok=True)
            library = _open(path := _built())
        return library, "", hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except (OSError, RuntimeError, AttributeError, subprocess.SubprocessError, NotBuilt) as error:
        return None, str(error), ""


def _open(path: Path) -> ctypes.CDLL:
    before, library = set(_openmps()), ctypes.CDLL(str(path))
    if more := sorted(set(_openmps()) - before):
        raise NotBuilt(f"the kernels brought a second OpenMP into the process: {more[0]}")
    for name, letters in _SIGNATURES.items():
        function = getattr(library, name)
        function.argtypes = [_ARGUMENTS[letter] for letter in letters.replace(" ", "")]
        function.restype = None
    return library


def _directory() -> Path:
    return cache_directory() / "kernels"


def _built() -> Path:
    """The shared library of this source, processor and torch. Raises NotBuilt."""
    if sys.platform != "linux":
        raise NotBuilt(f"the kernels are built on Linux alone, and this is {sys.platform}")
    site = Path(torch.__file__).parent.parent
    openmps = [p for p in _openmps() if p.is_relative_to(site)] or _openmps()
    if len(openmps) != 1:
        raise NotBuilt(f"it is not clear which OpenMP of GNU torch uses: {', '.join(map(str, openmps)) or 'none is loaded'}")
    made_of = [SOURCE.read_text(encoding="utf-8"), *FLAGS, platform.machine(), _processor(), torch.__version__, str(openmps[0])]
    name = hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:24]
    directory = _directory()
    path, failed = directory / f"{name}.so", directory / f"{name}.failed"
    if path.is_file():
        return _trusted(path)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _trusted(directory)
    if failed.is_file():
        raise NotBuilt(failed.read_text(encoding="utf-8", errors="replace"))
    compilers = [shlex.split(os.environ.get("CC", "")), ["cc"], ["gcc"]]
    whys = []
    with tempfile.TemporaryDirectory(dir=directory) as work:
        for compiler in compilers:
            if compiler and shutil.which(compiler[0]):
                if not (why := _compiled(compiler, Path(work), openmps[0])):
                    os.replace(Path(work) / "kernels.so", path)
                    return path
                whys.append(why)
    if not whys:
        raise NotBuilt("there is no C compiler (cc or gcc)")
    failed.write_text(whys[0], encoding="utf-8")
    raise NotBuilt(whys[0])


def _trusted(path: Path) -> Path:
    """A file or directory that nobody else can write, since what lies there is run."""
    found = path.stat()
    if found.st_uid not in (os.getuid(), 0) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotBuilt(f"{path} can be written by others, and what lies there is run: make it yours alone (chmod go-w)")
    return path


def _compiled(compiler: list[str], work: Path, openmp: Path) -> str:
    """Compile and link, with the OpenMP that torch has loaded. Returns what went wrong, if anything did."""
    link = ["-shared", "-Wl,-z,defs", "kernels.o", "-o", "kernels.so", str(openmp), "-lm"]
    for arguments in ([*FLAGS, "-c", str(SOURCE), "-o", "kernels.o"], link):
        try:
            done = subprocess.run(
                [*compiler, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=BUILD_S, check=False, cwd=work
            )
        except (OSError, subprocess.SubprocessError) as error:
            return f"{compiler[0]} cannot be run: {error}"
        if done.returncode != 0:
            return f"{compiler[0]} says: {done.stderr.decode(errors='replace').strip()[:300]}"
    return ""


def _openmps() -> list[Path]:
    """Every GNU OpenMP that this process has loaded."""
    lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    return sorted({Path(line.split(maxsplit=5)[-1]) for line in lines if "/libgomp" in line})


def _processor() -> str:
    """What -march=native depends on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    return "|".join(next((line for line in lines if line.startswith(name)), "") for name in ("model name", "flags", "Features"))
