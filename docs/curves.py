"""Write docs/pebble/ from a finished `burnish world build`: the log of its pre-training, and the curves as a picture.

python docs/curves.py BUILD_DIR
"""

import json
import sys
from pathlib import Path
from statistics import fmean

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT, LEFT, TOP, GAP = 640, 220, 48, 24, 60
COLOURS = ("#2f6f4f", "#b5533c", "#3c5fb5", "#8a6d1f")
EVERY = 10
"""Steps of which the log keeps the mean."""


def line(points: list[tuple[float, float]], colour: str) -> str:
    """A curve through points on the picture."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline fill="none" stroke="{colour}" stroke-width="1.6" points="{path}"/>'


def panel(
    title: str, top: float, curves: dict[str, list[tuple[float, float]]], low: float, high: float, most: float
) -> list[str]:
    """One chart: named curves of (tokens, value) in a frame with its scale."""
    found = [f'<text x="{LEFT}" y="{top - 8}" class="title">{title}</text>']
    found.append(f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - 8}" height="{HEIGHT}" class="frame"/>')
    for i in range(5):
        value = low + (high - low) * i / 4
        y = top + HEIGHT * (1 - i / 4)
        found.append(f'<text x="{LEFT - 6}" y="{y + 4}" class="scale" text-anchor="end">{value:.2g}</text>')
    for i in range(5):
        x = LEFT + (WIDTH - LEFT - 8) * i / 4
        found.append(f'<text x="{x}" y="{top + HEIGHT + 14}" class="scale" text-anchor="middle">{most * i / 4 / 1e6:.1f}M</text>')
    for (name, points), colour, place in zip(curves.items(), COLOURS, range(4), strict=False):
        scaled = [
            (LEFT + (WIDTH - LEFT - 8) * x / most, top + HEIGHT * (1 - (min(max(y, low), high) - low) / (high - low)))
            for x, y in points
        ]
        found.append(line(scaled, colour))
        at = f'x="{WIDTH - 16}" y="{top + 16 + 14 * place}"'
        found.append(f'<text {at} class="name" fill="{colour}" text-anchor="end">{name}</text>')
    return found


def main(build: Path) -> None:
    """Read the run's metrics, write the log (means of EVERY steps) and the picture."""
    rows: list[dict] = []
    for reading in ("run", "again"):
        lines = (build / "work" / reading / "metrics.jsonl").read_text("utf-8").splitlines()
        before = rows[-1]["step"] if rows else 0
        rows += [row | {"step": row["step"] + before} for row in map(json.loads, lines)]
    out = HERE / "pebble"
    out.mkdir(exist_ok=True)
    tokens, log = 0, []
    held: list[tuple[float, float]] = []
    copying: dict[str, list[tuple[float, float]]] = {}
    loss: list[tuple[float, float]] = []
    block: list[dict] = []
    for row in rows:
        tokens += row.get("tokens", 0)
        block += [row] if "loss" in row else []
        watched = {k: v for k, v in row.items() if k.startswith("copying:") or k == "held_out_loss"}
        if "held_out_loss" in watched:
            held.append((tokens, watched["held_out_loss"]))
            for name, value in watched.items():
                if name.startswith("copying:"):
                    copying.setdefault(name.removeprefix("copying:"), []).append((tokens, value))
        if len(block) == EVERY or watched:
            mean = {"loss": round(fmean(r["loss"] for r in block), 4)} if block else {}
            loss += [(tokens, mean["loss"])] if mean else []
            log.append({"step": row["step"], "tokens": tokens, **mean, **{k: round(v, 4) for k, v in watched.items()}})
            block = []
    (out / "log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in log), "utf-8")
    second = TOP + HEIGHT + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {second + HEIGHT + 30}" font-family="sans-serif">',
        "<style>.title{font-size:13px}.scale,.name{font-size:11px}.frame{fill:#fff;stroke:#bbb}</style>",
        f'<rect width="{WIDTH}" height="{second + HEIGHT + 30}" fill="#fff"/>',
        *panel("loss, nats per token, over tokens read", TOP, {"training": loss, "held out": held}, 0, 6, tokens),
        *panel("copying, share of items right, over tokens read", second, copying, 0, 1, tokens),
        "</svg>",
    ]
    (out / "curves.svg").write_text("\n".join(parts) + "\n", "utf-8")
    print(f"{out}: {len(log)} lines, {tokens:,} tokens", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
