"""Measures ours and the peers side by side and writes the page's tables.

First a survey: every peer mode once, from which the fastest are taken (what is fastest depends on the processor: bf16 wins
where it has bf16 matrix instructions and loses badly where it has none). Then `--runs` rounds; in each round ours and the
chosen peers run one after the other, each in a fresh process, in an order that rotates from round to round. A ratio is
computed inside a round, between processes that ran within a minute or two of each other; the page shows the median of these
ratios.

Where the processor has no bf16 instructions, bf16 products are emulated, at about a seventh of the speed of fp32 ones. There the
bf16 modes are left out, except TRL as shipped, which is in the first two rounds only, for it takes minutes a step.

Before each process the machine must be quiet, and a process during which others took more than `--others` cores is run again
(twice at most, then kept and marked noisy).
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import models
from measure import cpu_flags, cpu_name, machine_busy_s, read_json
from page import write_page

HERE = Path(__file__).parent
TRL, TRL_GRPO, GENERATE, LLAMA = "peer_trl_sft.py", "peer_trl_grpo.py", "peer_transformers_generate.py", "peer_llama_cpp.py"
OURS = {
    "sft": ["ours.py", "sft"],
    "lora": ["ours.py", "sft", "--lora", "16"],
    "generate": ["ours.py", "generate"],
    "alone": ["ours.py", "generate", "--prompts", "1", "--repeats", "10"],
    "grpo": ["ours.py", "grpo", "--dtype", "fp32", "--warmup", "1", "--steps", "4"],
}
"""What is compared, and our side of it."""
STEPS = {"as-shipped": 4, "packing-bf16": 5, "grouped-fp32": 5, "padding-free-fp32": 5}
"""Measured steps of the slow modes (8 elsewhere), so that each takes 10 to 20 seconds on two cores."""


SLOW = ["--steps", "1", "--warmup", "1"]
"""Of TRL as shipped where bf16 is emulated."""


def has_bf16() -> bool:
    """Whether the processor multiplies bf16 numbers itself."""
    return any("bf16" in flag for flag in cpu_flags())


def peers(what: str) -> dict[str, list[str]]:
    """Name -> command line of every peer mode that makes sense on this processor."""
    if what == "sft":
        modes = ["as-shipped", "packing-bf16", "packing-fp32", "packing-640-fp32", "padding-free-fp32", "grouped-fp32"]
        known = {f"trl {m}": [TRL, "--mode", m, "--steps", str(STEPS.get(m, 8))] for m in modes}
        if not has_bf16():
            del known["trl packing-bf16"]
            known["trl as-shipped"] = [TRL, "--mode", "as-shipped", *SLOW]
        return known
    dtypes = ("float32", "bfloat16") if has_bf16() else ("float32",)
    if what == "lora":
        modes = ["packing-bf16"] * has_bf16() + ["packing-fp32", "packing-640-fp32", "grouped-fp32"]
        return {f"trl lora {m}": [TRL, "--lora", "16", "--mode", m, "--steps", str(STEPS.get(m, 8))] for m in modes}
    if what == "grpo":
        return {f"trl grpo {m}": [TRL_GRPO, "--mode", m] for m in ["fp32", *["bf16"] * has_bf16()]}
    ours = ["--prompts", "1", "--repeats", "10"] if what == "alone" else []
    theirs = {
        f"llama.cpp {'fp32' if d == 'float32' else 'bf16'}{' flash' * flash}": [LLAMA, "--dtype", d, *["--flash"] * flash, *ours]
        for d in ("float32", "bfloat16")
        for flash in (False, True)
        if importlib.util.find_spec("llama_cpp") is not None
    }
    if what == "alone":
        return theirs
    pairs = [(m, d) for m in ("dynamic", "static", "continuous") for d in dtypes]
    named = {f"transformers {m} {'fp32' if d == 'float32' else 'bf16'}": [GENERATE, "--mode", m, "--dtype", d] for m, d in pairs}
    return named | theirs


def wait_until_quiet(others: float, limit_s: float = 120) -> None:
    """Return once a second has passed in which the machine kept fewer than `others` cores busy, or after `limit_s`."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        before = machine_busy_s()
        if before is None:
            return
        time.sleep(1)
        if (machine_busy_s() or 0.0) - before < others:
            return


def measure(command: list[str], arguments: argparse.Namespace, *extra: str) -> dict:
    """Run one process on a quiet machine and return the JSON line that it printed."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "src"), "TOKENIZERS_PARALLELISM": "false"}
    line: dict = {}
    for _ in range(3):
        wait_until_quiet(arguments.others)
        done = subprocess.run(
            [sys.executable, *command, "--root", str(arguments.root), "--size", arguments.size, *extra],
            cwd=HERE,
            env=environment,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
        line = json.loads(done.stdout.splitlines()[-1])
        line["noisy"] = (line["others_cores"] or 0.0) > arguments.others
        if not line["noisy"]:
            break
    print(f"  {line['tokens_per_s']:8.0f} tokens/s  {'(noisy)' if line['noisy'] else ''}", flush=True)
    return line


def compare(what: str, arguments: argparse.Namespace) -> dict:
    """Survey the peers, then alternate. Returns {"survey", "rounds", "equal_answers"}."""
    known = peers(what)
    survey = {}
    for name, command in known.items():
        if name == "trl as-shipped":  # is compared whatever its speed
            continue
        print(f"survey  {name}", flush=True)
        survey[name] = measure(command, arguments)
    ranked = sorted(survey, key=lambda name: survey[name]["tokens_per_s"], reverse=True)
    chosen = fastest(ranked)
    if what == "sft":
        chosen.append("trl as-shipped")
    sides = {"burnish": OURS[what], **{name: known[name] for name in chosen}}
    rounds = []
    for i in range(arguments.runs):
        names = [n for n in sides if n != "trl as-shipped" or has_bf16() or i < 2]
        figures = {}
        for name in names[i % len(names) :] + names[: i % len(names)]:
            print(f"round {i + 1}  {name}", flush=True)
            extra = ["--answers", str(answers_file(arguments.root, name))] if what in ("generate", "alone") else []
            figures[name] = measure(sides[name], arguments, *extra)
        rounds.append(figures)
    outcome: dict = {"survey": survey, "rounds": rounds}
    if what in ("generate", "alone"):
        drawn = {name: read_json(answers_file(arguments.root, name)) for name in sides}
        outcome["equal_answers"] = {name: share_equal(drawn["burnish"], drawn[name]) for name in chosen}
    outcome["summary"] = summary(rounds)
    return outcome


def fastest(ranked: list[str]) -> list[str]:
    """The two fastest modes; of llama.cpp and transformers the fastest of each, and llama.cpp in bf16, by which aims are set."""
    if not any(name.startswith("llama.cpp") for name in ranked):
        return ranked[:2]
    first = [next((n for n in ranked if n.startswith(who)), "") for who in ("transformers", "llama.cpp", "llama.cpp bf16")]
    return list(dict.fromkeys(name for name in first if name))


def answers_file(root: Path, name: str) -> Path:
    return root / f"answers-{slug(name)}.json"


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower().replace("(r)", "")).strip("-")


def share_equal(ours: list[list[int]], theirs: list[list[int]]) -> float:
    """Share of tokens that both drew, counted in each answer up to the first that differs."""
    same = 0
    for a, b in zip(ours, theirs, strict=True):
        same += next((i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y), len(a))
    return same / sum(map(len, ours))


def summary(rounds: list[dict]) -> dict[str, dict]:
    """Per side: median and range of tokens/s, memory, and ours divided by it within each round."""
    table = {}
    for name in rounds[0]:
        own = [figures for figures in rounds if name in figures]
        speeds = [figures[name]["tokens_per_s"] for figures in own]
        ratios = [figures["burnish"]["tokens_per_s"] / figures[name]["tokens_per_s"] for figures in own]
        table[name] = {
            "tokens_per_s": median(speeds),
            "range": [min(speeds), max(speeds)],
            "peak_rss_mb": median(figures[name]["peak_rss_mb"] for figures in own),
            "ratio": median(ratios),
            "ratio_range": [min(ratios), max(ratios)],
            "rounds": len(own),
            "noisy_rounds": sum(figures[name]["noisy"] for figures in own),
        }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=HERE / ".cache", help="where models and data are made")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=list(OURS))
    parser.add_argument("--size", choices=sorted(models.SIZES), default="S")
    parser.add_argument("--others", type=float, default=0.25, help="cores that other processes may take during a run")
    parser.add_argument("--no-page", action="store_true", help="leave docs/performance.md as it is")
    arguments = parser.parse_args()

    arguments.root = arguments.root.resolve()
    subprocess.run([sys.executable, "models.py", "--root", arguments.root, "--size", arguments.size], cwd=HERE, check=True)
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": {"cpu": cpu_name(), "instructions": cpu_flags()},
        "size": arguments.size,
        "data": read_json(arguments.root / "facts.json"),
    }
    for what in [arguments.only] if arguments.only else list(OURS):
        if not peers(what):
            print(f"left out: {what}, for which no peer is installed")
            continue
        result[what] = compare(what, arguments)
    name = f"{result['date']}-{slug(cpu_name())}-{arguments.size}{'-' + arguments.only if arguments.only else ''}.json"
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / name).write_text(json.dumps(result, indent=1) + "\n")
    print(f"written: results/{name}")
    if not arguments.no_page:
        write_page(HERE.parent / "docs" / "performance.md", result, name)


if __name__ == "__main__":
    main()
