"""Train on a small file, then under a limit of memory on a large one, in a process of its own: see test_bounded.py.

The limit is on data of this process (RLIMIT_DATA: heap and private mappings, whether resident or not), set to what it has after
the small run and a given number of bytes more.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from burnish.recipes.pretrain import Pretrain
from burnish.runs import train


def held_bytes() -> int:
    """Data of this process now."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))
    return int(line.split()[1]) * 1024


def main(model: str, small: str, large: str, more: int, stream: bool) -> None:
    common = {"model": model, "stream": stream, "steps": 4, "batch": 4, "limit_tokens": 200, "threads": 1, "learning_rate": 1e-3}
    common |= {"evaluate_every": 2, "sample_every": 0, "eval_items": 4, "eval_tokens": 4, "valid_share": 0.002}
    train.start(Pretrain.load(base={**common, "data": small}), run="small")
    before = held_bytes()
    if more:
        resource.setrlimit(resource.RLIMIT_DATA, (before + more, before + more))
    outcome = train.start(Pretrain.load(base={**common, "data": large}), run="large")
    plan = json.loads((outcome.folder / "plan.json").read_text())
    print(json.dumps({"rows": plan["rows"], "tokens": plan["tokens"], "steps": plan["steps"], "grown": held_bytes() - before}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), bool(int(sys.argv[5])))
