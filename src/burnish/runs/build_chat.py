"""`pebble-chat`: the base model after fine-tuning on every ready task, but only lightly on arithmetic.

It is where reinforcement learning starts from: right at two-step arithmetic in some of its answers, and in most questions once
in eight, so that there is something to reward and room to gain. How many arithmetic rows make it so is steep and differs from
base to base, so it is searched for by bisection.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from burnish import connect, statistics
from burnish.evals.evaluate import evaluate
from burnish.recipes.sft import SFT
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.runs import train
from burnish.runs.demo import SETTINGS
from burnish.runs.progress import Progress
from burnish.store.atomic import read_json, write_json
from burnish.store.models import resolve
from burnish.store.runfolder import RunFolder
from burnish.tasks import ready
from burnish.tasks.library.everything import mixed
from burnish.types import Example

TASK = "arithmetic"
BAND = (0.30, 0.45)
"""Share of right answers, drawn at temperature 1, that the model should have."""
ATTEMPTS = 5
ITEMS, SAMPLES = 150, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One fine-tuned model of the search."""

    rows: int
    """training rows of the task"""
    model: str
    pass_1: float
    """share of answers that are right"""
    pass_8: float
    """share of questions with a right answer among eight"""


def search(base: Path, work: Path, seed: int, say: Progress) -> Attempt:
    """The attempt whose share is in the band, or nearest to its middle. What is there from an earlier call is not made again."""
    low, high = 0, len(ready.get(TASK).train)
    rows, tried = 100, list[Attempt]()
    for _ in range(ATTEMPTS):
        tried.append(attempt(base, work, rows, seed, say))
        share = tried[-1].pass_1
        say.note(f"{rows} rows of {TASK}: right {share:.0%}, once in {SAMPLES} {tried[-1].pass_8:.0%}")
        if BAND[0] <= share <= BAND[1]:
            break
        low, high = (rows, high) if share < BAND[0] else (low, rows)
        if high - low < 8:
            break
        rows = (low + high) // 2
    middle = sum(BAND) / 2
    return min(tried, key=lambda a: abs(a.pass_1 - middle))


def attempt(base: Path, work: Path, rows: int, seed: int, say: Progress) -> Attempt:
    """Fine-tune with this many arithmetic rows, and measure."""
    work.mkdir(parents=True, exist_ok=True)
    path, measured = work / f"rows-{rows}", work / f"rows-{rows}.json"
    if measured.is_file():
        return Attempt(**read_json(measured))
    tasks = {name: ready.get(name) for name in ready.NAMES}
    sides = {
        "train": {n: t.train[:rows] if n == TASK else t.train for n, t in tasks.items()},
        "valid": {n: t.valid for n, t in tasks.items()},
    }
    for side, own in sides.items():
        _write(work / f"rows-{rows}.{side}.jsonl", mixed(own, side))
    if path.is_dir() and RunFolder.open(str(path)).status != "succeeded":
        train.resume(str(path), progress=say)
    elif not path.is_dir():
        settings = {**SETTINGS, "grader": "none", "eval_items": 100, "seed": seed, "model": str(base)}
        files = {key: str(work / f"rows-{rows}.{side}.jsonl") for key, side in (("data", "train"), ("valid", "valid"))}
        train.start(SFT.load(base={**settings, **files}), run=str(path), progress=say)
    pass_1, pass_8 = measure(path / "model", seed)
    found = Attempt(rows=rows, model=str(path / "model"), pass_1=pass_1, pass_8=pass_8)
    write_json(measured, asdict(found))
    return found


def measure(model: Path, seed: int) -> tuple[float, float]:
    """(pass@1, pass@8) on test rows of the task."""
    ref, task = resolve(str(model)), ready.get(TASK)
    policy = connect.open_policy(connect.open_engine("local", ref), ref)
    found = evaluate(
        policy,
        Renderer(Tokenizer.load(ref.base)),
        task.test[:ITEMS],
        grader=task.grader,
        limit_tokens=task.limit_tokens,
        samples=SAMPLES,
        temperature=1.0,
        seed=seed,
    )
    rights = [sum(v == 1.0 for v in item.scores) for item in found.items]
    share: Callable[[int], float] = lambda k: float(np.mean([statistics.pass_at_k(SAMPLES, c, k) for c in rights]))  # noqa: E731
    return share(1), share(SAMPLES)


def _write(path: Path, examples: tuple[Example, ...]) -> None:
    """The rows in the OpenAI chat format."""
    lines = []
    for example in examples:
        messages = [
            {"role": m.role, "content": m.content, **({} if m.weight is None else {"weight": m.weight})} for m in example.messages
        ]
        lines.append(json.dumps({"messages": messages}) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
