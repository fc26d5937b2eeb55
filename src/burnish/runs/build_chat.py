"""`pebble-chat`: the base model after fine-tuning on every ready task, but only lightly on arithmetic.

It is where reinforcement learning starts from: right at two-step arithmetic in some of its answers, and in most questions once
in eight, so that there is something to reward and room to gain. How many arithmetic rows make it so is steep and differs from
base to base, so it is searched for by bisection, on validation rows; what is reported is then measured once, on test rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from burnish import connect, statistics
from burnish.evals.evaluate import evaluate
from burnish.recipes.sft import SFT
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.runs import train
from burnish.runs.progress import Progress
from burnish.store.atomic import read_json, write_json
from burnish.store.models import resolve
from burnish.store.runfolder import RunFolder
from burnish.tasks import ready, rehearsal
from burnish.tasks.library import arithmetic
from burnish.tasks.library.everything import TAKEN, mixed
from burnish.tasks.write import write
from burnish.types import Example

TASK = "arithmetic"
BAND = (0.30, 0.45)
"""Share of right answers, drawn at temperature 1, that the model should have."""
ONCE = 0.80
"""Share of questions that should be answered rightly at least once in SAMPLES."""
MARGIN = 0.03
"""By which the attempt that ends the search does better than ONCE on validation rows: those by which it is chosen flatter it."""
ATTEMPTS = 6
PASSES = 2
"""Over the rows of all other tasks. Those of arithmetic are read once: of as many steps, more problems seen once leave more
questions that are answered rightly at times than fewer seen twice (docs/world.md)."""
ITEMS, SAMPLES = 300, 8
SETTINGS: dict[str, Any] = {
    "method": "full",
    "rehearse": "world",
    "learning_rate": 1e-3,
    "epochs": 1,
    "batch": 16,
    "schedule": "linear",
    "grader": "none",
    "eval_items": 100,
    "sample_every": 0,
    "patience": 0,
}
"""Of the fine-tuning. They are the build's own, so that the same command gives the same model whatever a demonstration does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One fine-tuned model."""

    rows: int
    """training rows of the task"""
    model: str
    """its directory, relative to that of the search"""
    pass_1: float
    """share of answers that are right"""
    pass_8: float
    """share of questions with a right answer among eight"""

    @property
    def in_band(self) -> bool:
        """Whether reinforcement learning can start here."""
        return BAND[0] <= self.pass_1 <= BAND[1] and self.pass_8 >= ONCE


def search(base: Path, work: Path, seed: int, say: Progress) -> Attempt:
    """The attempt in the band, or the nearest to it, with its shares on test rows. What an earlier call left is used."""
    low, high = 0, TAKEN[TASK]
    rows, tried = 300, list[Attempt]()
    for _ in range(ATTEMPTS):
        tried.append(attempt(base, work, rows, seed, say))
        share = tried[-1].pass_1
        say.note(f"{rows} rows of {TASK}, on validation rows: {_told(tried[-1])}")
        lacks = tried[-1].pass_8 < ONCE + MARGIN
        if tried[-1].in_band and not lacks:
            break
        low, high = (rows, high) if share < BAND[0] or (share <= BAND[1] and lacks) else (low, rows)
        if high - low < 8:
            break
        rows = (low + high) // 2
    best = min(tried, key=_distance)
    chosen = tested(work, best, seed)
    say.note(f"{best.rows} rows of {TASK}, on test rows: {_told(chosen)}")
    if not chosen.in_band:
        say.warning(f"no start for reinforcement learning was found in its band ({_wanted()}): the nearest is taken")
    return chosen


def tested(work: Path, best: Attempt, seed: int) -> Attempt:
    """The chosen attempt with its shares on test rows, which had no part in choosing it. Measured once and kept."""
    measured = work / "chosen.json"
    if measured.is_file() and (found := Attempt(**read_json(measured))).rows == best.rows:
        return found
    pass_1, pass_8 = measure(work / best.model, ready.get(TASK).test[:ITEMS], seed)
    found = Attempt(rows=best.rows, model=best.model, pass_1=pass_1, pass_8=pass_8)
    write_json(measured, asdict(found))
    return found


def card(name: str, chosen: Attempt, seed: int) -> str:
    """The model card."""
    state = "within" if chosen.in_band else "**outside**"
    return "\n".join(
        [
            f"# {name}-chat",
            "",
            f"`{name}` after fine-tuning on the training rows of every ready task, but only {chosen.rows} of those of `{TASK}`,",
            f"with {rehearsal.TEXTS:,} texts on people and the law among them, so that what",
            "was read is not lost (`rehearse=world`):",
            f"a starting point for reinforcement learning. On {ITEMS} test rows of that task, which had no part in choosing the",
            f"number, {_told(chosen)}.",
            f"That is {state} the band that leaves it something to find and room to gain ({_wanted()}).",
            "",
            f"Made by `burnish world build`, seed {seed}.",
            "",
        ]
    )


def _told(found: Attempt) -> str:
    once = f"{found.pass_8:.0%} of the questions at least once in {SAMPLES}"
    return f"{found.pass_1:.0%} of the answers drawn at temperature 1 are right, and {once}"


def _wanted() -> str:
    return f"{BAND[0]:.0%} to {BAND[1]:.0%}, and at least {ONCE:.0%}"


def _distance(found: Attempt) -> tuple[float, float]:
    """How much both shares lack to what is wanted, then how far the first is from the middle of its band."""
    lacks = max(0.0, BAND[0] - found.pass_1, found.pass_1 - BAND[1]) + max(0.0, ONCE + MARGIN - found.pass_8)
    return lacks, abs(found.pass_1 - sum(BAND) / 2)


def attempt(base: Path, work: Path, rows: int, seed: int, say: Progress) -> Attempt:
    """Fine-tune with this many arithmetic rows, and measure on validation rows."""
    work.mkdir(parents=True, exist_ok=True)
    name = f"rows-{rows}"
    path, measured = work / name, work / f"{name}.json"
    if measured.is_file():
        return Attempt(**read_json(measured))
    tasks = {task: ready.get(task) for task in ready.NAMES}
    sides = {
        "train": {n: t.train[:rows] if n == TASK else PASSES * t.train for n, t in tasks.items()},
        "valid": {n: t.valid for n, t in tasks.items()},
    }
    if path.is_dir() and RunFolder.open(str(path)).status != "succeeded":
        train.resume(str(path), progress=say)
    elif not path.is_dir():
        for side, own in sides.items():
            write(work / f"{name}.{side}.jsonl", mixed(own, side))
        files = {key: str(work / f"{name}.{side}.jsonl") for key, side in (("data", "train"), ("valid", "valid"))}
        train.start(SFT.load(base={**SETTINGS, "seed": seed, "model": str(base), **files}), run=str(path), progress=say)
    pass_1, pass_8 = measure(path / "model", arithmetic.rows_of("valid", ITEMS), seed)
    found = Attempt(rows=rows, model=f"{name}/model", pass_1=pass_1, pass_8=pass_8)
    write_json(measured, asdict(found))
    return found


def measure(model: Path, rows: Sequence[Example], seed: int) -> tuple[float, float]:
    """(pass@1, pass@8) on rows of the task."""
    ref, task = resolve(str(model)), ready.get(TASK)
    found = evaluate(
        connect.open_policy(connect.open_engine("local", ref), ref),
        Renderer(Tokenizer.load(ref.base)),
        rows,
        grader=task.grader,
        limit_tokens=task.limit_tokens,
        samples=SAMPLES,
        temperature=1.0,
        seed=seed,
    )
    rights = [sum(v == 1.0 for v in item.scores) for item in found.items]
    return _pass_at(rights, 1), _pass_at(rights, SAMPLES)


def _pass_at(rights: Sequence[int], k: int) -> float:
    return float(np.mean([statistics.pass_at_k(SAMPLES, right, k) for right in rights]))
