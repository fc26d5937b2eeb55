"""Pre-training without the house around it: `python examples/pretrain_bare.py MODEL DATA OUT`.

The whole method on one screen: every token of every text is a target; a long text is split into pieces that begin with the last
token of the one before; the learning rate rises, holds and falls. The twin of `burnish.recipes.pretrain`; a test asserts that
both give the same losses. Nothing is held out, measured or resumed.
"""

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from burnish.engine.host import Host
from burnish.render.tokenizer import Tokenizer
from burnish.tasks import sources
from burnish.types import AdamParams, Adapter, Datum

STEPS, BATCH, RATE, WARMUP, COOLDOWN, CONTEXT = 100, 16, 1e-3, 0.02, 0.2, 256


def load_rows(model: Path, data: Path) -> list[Datum]:
    """Every text of the data file between its beginning and end tokens, in pieces of at most CONTEXT tokens."""
    tokenizer = Tokenizer.load(model)
    rows = []
    for example in sources.read(data).examples:
        ids = [*tokenizer.prefix_ids, *tokenizer.encode(example.messages[0].content), tokenizer.eos_id]
        for start in range(0, len(ids) - 1, CONTEXT - 1):
            piece = np.asarray(ids[start : start + CONTEXT], dtype=np.int32)
            rows.append(Datum.from_tokens(piece, np.ones(len(piece), dtype=np.float32)))
    return rows


def train(host: Host, model: Adapter, rows: list[Datum], steps: int, batch: int, rate: float) -> Iterator[float]:
    """Train on the rows in their order, over and over; yields the mean loss per token of each step."""
    rising, falling = math.ceil(WARMUP * steps), round(COOLDOWN * steps)
    for step in range(steps):
        chosen = [rows[(step * batch + i) % len(rows)] for i in range(batch)]
        total = sum(float(d.streams["weights"].sum()) for d in chosen)
        data = [Datum(d.chunks, {**d.streams, "weights": (d.streams["weights"] / total).astype("float32")}) for d in chosen]
        yield host.forward_backward(data, route=model, loss="cross_entropy").result().loss
        now = rate * (step + 1) / (rising + 1) if step < rising else rate * min(1.0, (steps - step) / falling)
        host.optim_step(AdamParams(learning_rate=now, beta2=0.95, weight_decay=0.1), adapter=model).result()


def main(base: Path, data: Path, out: Path) -> None:
    """Train every weight, print the losses, and write a whole model."""
    host = Host.open(base)
    model = host.create_full()
    for step, loss in enumerate(train(host, model, load_rows(base, data), STEPS, BATCH, RATE), 1):
        print(f"step {step}/{STEPS}  loss {loss:.4f}")
    out.mkdir(parents=True)
    host.export(out, adapter=model, form="merged", base=str(base))
    Tokenizer.load(base).copy_to(out)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
