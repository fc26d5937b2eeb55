"""How the cost of burnish grows: with tokens, sequence length, rows decoded at once, adapters and vocabulary.

    python growth.py [--size S] [--repeats 3] [--no-page]

All in one process, on a CPU, on Llama models of the sizes of S and M; the points of an axis are measured in turns (first all of
them once, then all again, ...), so that a disturbance hits all of them, and the fewest seconds of a point count. Writes
`results/DATE-CPU-growth-SIZE.json`, and from it the table between the markers of docs/performance.md and the picture
docs/performance/growth-SIZE.svg, a line for each axis in a log-log chart, beside a dashed one for cost in proportion.
`python growth.py --render results/NAME.json` makes page and picture again. The exponent of a line is that of its last two
points: 1 is in proportion, 0 is free.
"""

from __future__ import annotations

import argparse
import atexit
import datetime
import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from measure import cpu_flags, cpu_name, machine_busy_s, own_busy_s, read_json

from burnish.engine import measure as engine_measure
from burnish.engine.fresh import Shape, write_fresh
from burnish.engine.host import Host
from burnish.store import machine
from burnish.types import AdamParams, Datum, LoraSpec, SamplingParams

HERE = Path(__file__).parent
SIZES = {
    "S": Shape(vocab=8192, hidden=384, layers=7, heads=6, kv_heads=2, wide=1152, positions=16384),
    "M": Shape(vocab=8192, hidden=768, layers=16, heads=12, kv_heads=4, wide=2304, positions=16384),
    "tiny": Shape(vocab=512, hidden=64, layers=2, heads=2, kv_heads=1, wide=128, positions=16384),
}
LENGTH, STEP_TOKENS, NEW, RANK = 256, 4096, 32, 16
"""Tokens of a sequence, of a training step, of an answer; rank of adapters: where an axis does not vary them."""
AXES: dict[str, tuple[str, tuple[int, ...]]] = {
    "tokens": ("tokens of a training step, in sequences of 256", (512, 1024, 2048, 4096, 8192)),
    "length": ("tokens of a sequence, 8,192 tokens a step", (64, 128, 256, 512, 1024, 2048, 4096, 8192)),
    "rows": ("answers decoded at once, 32 tokens each", (1, 2, 4, 8, 16, 32, 64)),
    "training adapters": ("adapters (LoRA, rank 16) in one batch of 16 sequences", (1, 2, 4, 8, 16)),
    "sampling adapters": ("adapters in one batch of 64 answers of 32 tokens", (1, 2, 4, 8, 16)),
    "vocabulary": ("tokens of the vocabulary, 2,048 tokens a training step", (1024, 4096, 16384, 65536, 131072)),
}
COLOURS = ("#2f6f4f", "#b5533c", "#3c5fb5", "#8a6d1f", "#7a3c8f", "#444444")

Work = Callable[[], None]


def opened(shape: Shape) -> Host:
    """An engine on random weights of that shape, with the machine's measured choices. Its files stay as long as this process,
    since a full fine-tune in bf16 takes its masters from them."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    write_fresh(Path(folder.name), shape, seed=0, copying=False)
    key = engine_measure.machine_key()
    measured = machine.load_measured(key)
    if measured is None:
        measured = engine_measure.measure()
        machine.save_measured(key, measured)
    return Host.open(Path(folder.name), measured=measured, device="cpu")


def rows(shape: Shape, count: int, length: int) -> list[Datum]:
    """So many sequences of random tokens, the loss on all of them."""
    draw = np.random.default_rng(count * 100_003 + length)
    weight = np.full(length, 1 / (count * length), dtype=np.float32)
    return [Datum.from_tokens(draw.integers(0, shape.vocab, length).astype(np.int32), weight) for _ in range(count)]


def step(host: Host, data: list[Datum], adapters: list) -> Work:
    """One optimiser step of every adapter, the rows dealt out among them."""
    routes = [adapters[n * len(adapters) // len(data)] for n in range(len(data))]

    def work() -> None:
        host.forward_backward(data, route=routes, loss="cross_entropy").result()
        for adapter in adapters:
            host.optim_step(AdamParams(learning_rate=1e-5, clip=1.0), adapter=adapter).result()

    return work


def answers(host: Host, shape: Shape, count: int, adapters: list | None = None) -> Work:
    """So many greedy answers of NEW tokens to prompts of 16."""
    draw = np.random.default_rng(count)
    prompts = [draw.integers(0, shape.vocab, 16).tolist() for _ in range(count)]
    routes = [adapters[n * len(adapters) // count] for n in range(count)] if adapters else None
    params = SamplingParams(limit_tokens=NEW, temperature=0.0, stop_ids=())

    def work() -> None:
        drawn = host.sample(prompts, params, route=routes).result()
        assert all(len(row[0].ids) == NEW for row in drawn)

    return work


def axis(name: str, points: tuple[int, ...], shape: Shape) -> Iterator[tuple[int, Work]]:
    """The work of every point of an axis; engines live as long as the iterator's values do."""
    match name:
        case "tokens" | "length":
            host = opened(shape)
            full = [host.create_full()]
            for n in points:
                count, length = (n // LENGTH, LENGTH) if name == "tokens" else (8192 // n, n)
                yield n, step(host, rows(shape, count, length), full)
        case "rows":
            host = opened(shape)
            for n in points:
                yield n, answers(host, shape, n)
        case "training adapters" | "sampling adapters":
            host = opened(shape)
            made = [host.create(LoraSpec(rank=RANK, seed=n)) for n in range(max(points))]
            for n in points:
                if name == "training adapters":
                    yield n, step(host, rows(shape, STEP_TOKENS // LENGTH, LENGTH), made[:n])
                else:
                    yield n, answers(host, shape, 64, made[:n])
        case "vocabulary":
            for n in points:
                wide = replace(shape, vocab=n)
                host = opened(wide)
                yield n, step(host, rows(wide, 8, LENGTH), [host.create_full()])
        case _:
            raise ValueError(name)


def measured(name: str, points: tuple[int, ...], shape: Shape, repeats: int) -> dict:
    """Fewest seconds of each point, all seconds, and how many cores others took meanwhile."""
    works = list(axis(name, points, shape))
    for _, work in works:
        work()  # compiles, and takes its memory
    busy, own, begin = machine_busy_s(), own_busy_s(), time.perf_counter()
    seconds: dict[int, list[float]] = {n: [] for n, _ in works}
    for _ in range(repeats):
        for n, work in works:
            start = time.perf_counter()
            work()
            seconds[n].append(time.perf_counter() - start)
    others = None
    if busy is not None:
        taken = (machine_busy_s() or 0.0) - busy - (own_busy_s() - own)
        others = max(0.0, taken) / (time.perf_counter() - begin)
    print(name, {n: round(min(s), 4) for n, s in seconds.items()}, flush=True)
    return {
        "points": list(seconds),
        "seconds": [min(s) for s in seconds.values()],
        "all": list(seconds.values()),
        "others": others,
    }


def exponent(axis: dict) -> float:
    """Of the line through its last two points."""
    (a, b), (s, t) = axis["points"][-2:], axis["seconds"][-2:]
    return math.log(t / s) / math.log(b / a)


def table(result: dict, name: str) -> str:
    """The Markdown of one result."""
    lines = ["| what grows | cost of a step or batch, seconds (by size) | exponent at the end |", "|---|---|---|"]
    for key, found in result["axes"].items():
        costs = ", ".join(f"{s:.3g} ({n:,})" for n, s in zip(found["points"], found["seconds"], strict=True))
        lines.append(f"| {AXES[key][0]} | {costs} | {exponent(found):.2f} |")
    for key, what in (("training adapters", "training"), ("sampling adapters", "sampling")):
        seconds = result["axes"][key]["seconds"]
        lines += ["", f"16 adapters in one batch against one, {what}: {seconds[0] / seconds[-1]:.2f} of the throughput."]
    known = [found["others"] for found in result["axes"].values() if found["others"] is not None]
    others = f"at most {max(known):.2f} cores" if known else "an unknown part of it"
    tail = f"{result['date']}, {result['cpu']} ({', '.join(result['instructions'])}), model {result['size']}, "
    tail += f"{result['threads']} threads, {result['dtype']} compute. Fewest seconds of {result['repeats']} turns; "
    tail += f"other processes took {others}. "
    return "\n".join([*lines, "", f"{tail}Every figure: `benchmarks/results/{name}`."])


def picture(result: dict) -> str:
    """A line for each axis: cost against size, both relative to the axis' first point."""
    width, height, left, top, right = 700, 420, 56, 36, 16
    most_x = max(f["points"][-1] / f["points"][0] for f in result["axes"].values())
    most_y = max(max(f["seconds"]) / f["seconds"][0] for f in result["axes"].values()) * 1.3
    least_y = min(min(f["seconds"]) / f["seconds"][0] for f in result["axes"].values()) / 1.3

    def at(x: float, y: float) -> tuple[float, float]:
        across = math.log(x) / math.log(most_x)
        up = math.log(y / least_y) / math.log(most_y / least_y)
        return left + (width - left - right) * across, top + height * (1 - up)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top + height + 44}" font-family="sans-serif">',
        "<style>text{font-size:11px;fill:#333}.title{font-size:13px}</style>",
        f'<rect width="{width}" height="{top + height + 44}" fill="#fff"/>',
        f'<text x="{left}" y="20" class="title">cost of a step or batch against its size, both relative to the smallest '
        f"(log-log), model {result['size']}</text>",
        f'<rect x="{left}" y="{top}" width="{width - left - right}" height="{height}" fill="none" stroke="#bbb"/>',
    ]
    for power in range(math.floor(math.log2(most_x)) + 1):
        x, y = at(2**power, least_y)
        parts.append(f'<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle">{2**power}</text>')
    for power in range(math.ceil(math.log2(least_y)), math.floor(math.log2(most_y)) + 1):
        x, y = at(1, 2.0**power)
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{2.0**power:g}</text>')
        parts.append(f'<line x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#eee"/>')
    end = min(most_x, most_y)
    (x1, y1), (x2, y2) = at(1, 1), at(end, end)
    parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#999" stroke-dasharray="5 4"/>')
    for place, ((name, found), colour) in enumerate(zip(result["axes"].items(), COLOURS, strict=True)):
        line = [
            at(n / found["points"][0], s / found["seconds"][0]) for n, s in zip(found["points"], found["seconds"], strict=True)
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in line)
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.8" points="{path}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{colour}"/>' for x, y in line]
        parts.append(f'<text x="{left + 12}" y="{top + 18 + 15 * place}" style="fill:{colour}">{name}</text>')
    parts.append(f'<text x="{left + 12}" y="{top + 18 + 15 * len(COLOURS)}">dashed: in proportion</text>')
    return "\n".join([*parts, "</svg>", ""])


def markers(page: Path, size: str) -> tuple[str, str]:
    """The lines between which the table of a model stands."""
    text = page.read_text(encoding="utf-8")
    begin, end = (f"<!-- {edge} growth {size} -->" for edge in ("begin", "end"))
    if text.count(begin) != 1 or text.count(end) != 1:
        raise SystemExit(f"{page.name} has no place for this table: it needs the lines {begin} and {end} (or give --no-page)")
    return begin, end


def render(result: dict, name: str) -> None:
    """Put table and picture where the page has them."""
    docs = HERE.parent / "docs"
    page = docs / "performance.md"
    text, (begin, end) = page.read_text(encoding="utf-8"), markers(page, result["size"])
    head, rest = text.split(begin)
    link = f"![cost against size, log-log](performance/growth-{result['size']}.svg)"
    page.write_text(f"{head}{begin}\n{link}\n\n{table(result, name)}\n{end}{rest.split(end)[1]}", encoding="utf-8")
    (docs / "performance").mkdir(exist_ok=True)
    (docs / "performance" / f"growth-{result['size']}.svg").write_text(picture(result), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="S")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--axes", default=",".join(AXES), help="some of them, comma-separated (with --no-page)")
    parser.add_argument("--no-page", action="store_true")
    parser.add_argument("--render", type=Path, metavar="RESULT")
    arguments = parser.parse_args()
    if arguments.render:
        render(read_json(arguments.render), arguments.render.name)
        return
    if not arguments.no_page:
        if arguments.axes != ",".join(AXES):
            parser.error("a page shows all axes: give --no-page with some of them")
        markers(HERE.parent / "docs" / "performance.md", arguments.size)
    os.environ.setdefault("BURNISH_HOME", str(HERE / ".cache" / "home"))
    shape = SIZES[arguments.size]
    host = opened(replace(shape, layers=1))
    result = {
        "what": "growth", "size": arguments.size, "date": str(datetime.date.today()),
        "cpu": cpu_name(), "instructions": cpu_flags(),
        "threads": host.choices.threads, "dtype": host.choices.dtype, "repeats": arguments.repeats,
        "axes": {name: measured(name, AXES[name][1], shape, arguments.repeats) for name in arguments.axes.split(",")},
    }  # fmt: skip
    slug = "-".join(part for part in "".join(c if c.isalnum() else " " for c in result["cpu"].lower().replace("(r)", "")).split())
    out = HERE / "results" / f"{result['date']}-{slug}-growth-{arguments.size}.json"
    if arguments.no_page:
        print(json.dumps({name: round(exponent(found), 2) for name, found in result["axes"].items()}))
        return
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(result) + "\n", encoding="utf-8")
    render(result, out.name)


if __name__ == "__main__":
    main()
