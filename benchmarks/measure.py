"""What every measured process reports: one JSON line with its figures, settings and versions, and how quiet the machine was."""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import time
from importlib import metadata
from pathlib import Path

PACKAGES = ("torch", "transformers", "trl", "peft", "datasets", "accelerate", "numpy", "tokenizers", "llama-cpp-python",
            "torchtune", "llamafactory")  # fmt: skip


class Stopwatch:
    """Wall time of a span, own CPU time in it (all threads), and how many cores other processes or the hypervisor took
    meanwhile (None where unknown)."""

    def start(self) -> None:
        _settle()
        self._busy, self._own, self._begin = machine_busy_s(), own_busy_s(), time.perf_counter()

    def stop(self) -> None:
        _settle()
        self.elapsed_s = time.perf_counter() - self._begin
        busy, self.own_cpu_s = machine_busy_s(), own_busy_s() - self._own
        self.others_cores = None
        if busy is not None and self._busy is not None:
            self.others_cores = round(max(0.0, busy - self._busy - self.own_cpu_s) / self.elapsed_s, 2)


def _settle() -> None:
    """Wait for what a GPU, if there is one, has been given to do."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.synchronize()


def machine_busy_s() -> float | None:
    """CPU seconds spent by all cores on anything but idling since boot, time stolen by the hypervisor included."""
    if not Path("/proc/stat").exists():
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def own_busy_s() -> float:
    times = os.times()
    return times.user + times.system


def report(watch: Stopwatch, **figures: object) -> None:
    """Print one JSON line: the figures, then peak resident memory, threads, quietness and versions."""
    torch = sys.modules.get("torch")  # loading it here would be in the memory of those that have none
    gpu = torch is not None and torch.cuda.is_available()
    line = {
        **figures,
        **(
            {"gpu": torch.cuda.get_device_name(0), "peak_gpu_mb": torch.cuda.max_memory_allocated() >> 20}
            if torch and gpu
            else {}
        ),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "threads": figures.get("threads", torch.get_num_threads() if torch else os.cpu_count()),
        "own_cpu_s": round(watch.own_cpu_s, 2),
        "others_cores": watch.others_cores,
        "loadavg_1m": round(os.getloadavg()[0], 2),
        "versions": {
            **{name: metadata.version(name) for name in PACKAGES if _is_there(name)},
            "python": platform.python_version(),
        },
    }
    print(json.dumps(line), flush=True)


def _is_there(package: str) -> bool:
    try:
        return bool(metadata.version(package))
    except metadata.PackageNotFoundError:
        return False


def cpu_name() -> str:
    """The processor's model name and number of cores."""
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return f"{line.split(':', 1)[1].strip()}, {os.cpu_count()} cores"
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def cpu_flags() -> list[str]:
    """Which of the instruction sets that matter to matrix products the processor has."""
    wanted = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")
    info = Path("/proc/cpuinfo").read_text().split() if Path("/proc/cpuinfo").exists() else []
    return [flag for flag in wanted if flag in info]


def read_json(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))
