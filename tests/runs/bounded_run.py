"""Train on a large file with little more memory than a small one takes, in a process of its own: see test_bounded.py.

The rows of the large file are made under a limit on data of this process (RLIMIT_DATA: heap and private mappings, whether
resident or not): what it has when it has made those of the small file, and a given number of bytes more. The training that
follows has no such limit, because the kernels of torch do not bear one; what counts there is the most that was ever resident.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from burnish.recipes.pretrain import Pretrain
from burnish.runs import train
from burnish.runs.prepare import prepare
from burnish.store.models import resolve


def status(name: str) -> int:
    """Bytes of this process: VmData, its data now, or VmHWM, the most that was ever resident."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def main(model: str, small: str, large: str, more: int, stream: bool) -> None:
    common = {"model": model, "stream": stream, "steps": 4, "batch": 4, "limit_tokens": 128, "threads": 1, "dtype": "float32"}
    common |= {"evaluate_every": 2, "sample_every": 0, "eval_items": 4, "eval_tokens": 4, "valid_share": 0.002}
    prepare(Pretrain.load(base={**common, "data": small}), resolve(model))
    held = status("VmData")
    config = Pretrain.load(base={**common, "data": large})
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (held + more, hard))
    prepare(config, resolve(model))
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    outcome = train.start(config, run="large")
    plan = json.loads((outcome.folder / "plan.json").read_text())
    found = {name: plan[name] for name in ("rows", "tokens", "steps")}
    print(json.dumps({**found, "peak": status("VmHWM")}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), bool(int(sys.argv[5])))
