"""What every measured process reports: one JSON line with its figures, settings and versions."""

from __future__ import annotations

import json
import os
import platform
import resource
from importlib import metadata
from pathlib import Path

PACKAGES = ("torch", "transformers", "trl", "peft", "datasets", "accelerate", "numpy", "tokenizers")


def report(**figures: object) -> None:
    """Print one JSON line: the figures, then peak resident memory, threads, load and versions."""
    import torch

    line = {
        **figures,
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "threads": torch.get_num_threads(),
        "loadavg_1m": os.getloadavg()[0],
        "versions": {name: metadata.version(name) for name in PACKAGES} | {"python": platform.python_version()},
    }
    print(json.dumps(line), flush=True)


def cpu_name() -> str:
    """The processor's model name, and which fast paths it has."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    fields = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    named = {key.strip(): value.strip() for key, value in fields.items()}
    flags = set(named.get("flags", "").split())
    paths = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16") if flag in flags]
    return f"{named.get('model name', platform.processor())}, {os.cpu_count()} cores ({', '.join(paths)})"


def read_json(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))
