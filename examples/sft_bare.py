"""Supervised fine-tuning without the house around it: `python examples/sft_bare.py MODEL DATA OUT`.

The whole method on one screen: render rows with their masks, divide each weight by the batch's whole target weight
(losses are sums), step, export. The twin of `burnish.recipes.sft`; a test asserts that both give the same losses.
Nothing is held out, measured or resumed.
"""

import math
import sys
from collections.abc import Iterator
from pathlib import Path

from burnish.engine.host import Host
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.tasks import sources
from burnish.types import AdamParams, Adapter, Datum, LoraSpec

STEPS, BATCH, RATE, WARMUP = 100, 16, 5e-3, 0.03


def load_rows(model: Path, data: Path) -> list[Datum]:
    """Every row of the data file as tokens, with weight 1 where the assistant speaks."""
    renderer = Renderer(Tokenizer.load(model), limit_tokens=256)
    rendered = [renderer.render(example) for example in sources.read(data).examples]
    return [Datum.from_tokens(r.ids, r.weights) for r in rendered if r.fault is None]


def train(host: Host, adapter: Adapter, rows: list[Datum], steps: int, batch: int, rate: float) -> Iterator[float]:
    """Train on the rows in their order, over and over; yields the mean loss per target token of each step."""
    rising = math.ceil(WARMUP * steps)
    for step in range(steps):
        chosen = [rows[(step * batch + i) % len(rows)] for i in range(batch)]
        total = sum(float(d.streams["weights"].sum()) for d in chosen)
        data = [Datum(d.chunks, {**d.streams, "weights": (d.streams["weights"] / total).astype("float32")}) for d in chosen]
        yield host.forward_backward(data, route=adapter, loss="cross_entropy").result().loss
        now = rate * (step + 1) / (rising + 1) if step < rising else rate * (steps - step) / (steps - rising)
        host.optim_step(AdamParams(learning_rate=now), adapter=adapter).result()


def main(model: Path, data: Path, out: Path) -> None:
    """Train, print the losses, and write a PEFT adapter."""
    host = Host.open(model)
    adapter = host.create(LoraSpec(rank=32, alpha=32.0))
    for step, loss in enumerate(train(host, adapter, load_rows(model, data), STEPS, BATCH, RATE), 1):
        print(f"step {step}/{STEPS}  loss {loss:.4f}")
    out.mkdir(parents=True)
    host.export(out, adapter=adapter, form="peft", base=str(model))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
