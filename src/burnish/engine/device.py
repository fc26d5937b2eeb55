"""Where tensors are: which device a wish means, how much room it has, and kernels that repeat exactly on a GPU."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from burnish.engine.arch import Arch


def device_of(wish: str) -> str:
    """The device that "auto" means on this machine; any other wish as it is."""
    return wish if wish != "auto" else "cuda" if torch.cuda.is_available() else "cpu"


def available_memory(device: str) -> int:
    """Bytes free on the device (on the CPU: what the kernel says is available)."""
    if device == "cuda":
        return torch.cuda.mem_get_info()[0]
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 8 << 30


def is_short(arch: Arch, tokens: int, device: str, dtype: str) -> bool:
    """Whether the activations of one unit of so many positions would take more than half of what is free."""
    size = 2 if dtype == "bfloat16" else 4
    filled = size * (3 * arch.q_width + 4 * arch.kv_width) if device == "cuda" else 0  # attention takes copies there
    if arch.experts:
        filled += (
            arch.experts.chosen * (3 * size + 4) * arch.hidden + 4 * size * arch.mlp_width
        )  # gathered inputs, outputs, gates
    if arch.attention_cap or arch.sinks:
        filled += 12 * arch.heads * min(tokens, arch.max_positions)  # scores, what bends them, weights
    per_token = 8 * arch.hidden * 4 + size * (3 * arch.q_width + 4 * arch.kv_width + 5 * arch.mlp_width) + filled
    return arch.layers * per_token * tokens > 0.5 * available_memory(device)


def repeat_exactly() -> None:
    """Have CUDA's kernels add in the same order every time, for this process: otherwise no two runs would be the same.

    What has no such kernel (sums over a vocabulary, in draws) goes on as it is; `exactly` is stricter, for gradients.
    """
    if not torch.cuda.is_initialized():  # else it may be too late: it is read when the first product is computed
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    warnings.filterwarnings("ignore", message=".*deterministic", category=UserWarning, module="burnish")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cuda.enable_cudnn_sdp(False)  # it prepares each new shape anew, for longer than a step takes


@contextmanager
def exactly(device: torch.device) -> Iterator[None]:
    """Where `repeat_exactly` was called, an error instead of a warning for what cannot repeat exactly.

    The backward passes of torch's fused attention add in a fixed order under this mode alone.
    """
    asked = torch.is_deterministic_algorithms_warn_only_enabled() and "CUBLAS_WORKSPACE_CONFIG" in os.environ
    if device.type != "cuda" or not asked:
        yield
        return
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(True, warn_only=True)
