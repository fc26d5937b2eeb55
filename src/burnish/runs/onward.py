"""What to type after a run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from burnish.evals.compare import Comparison
from burnish.runs.learned import Learned


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """Something to type next."""

    command: str
    why: str


def what_next(
    run: str, comparison: Comparison, config: Mapping[str, Any], *, held_out_rows: int, learned: Learned | None = None
) -> tuple[Next, ...]:
    """Commands that make sense now, after a run with this resolved config. held_out_rows: those that could be measured. learned:
    of a run that learned from its own answers."""
    name = shlex.quote(run)
    first = () if learned is None else _watched(name, learned)
    alone = " (--to peft: the adapter alone)" if config["method"] == "lora" else ""
    steps = [
        Next(command=f"burnish chat {name}", why="talk to the trained model"),
        Next(command=f"burnish show {name}", why="this report again, with the certificate"),
        Next(command=f"burnish export {name} --to merged --out DIR", why=f"a model directory for other tools{alone}"),
    ]
    if comparison.verdict == "better" or (learned is not None and learned.verdict == "gamed"):
        return (*first, *steps)
    if comparison.verdict == "worse":
        less, fewer = ("epochs=1", "fewer epochs") if learned is None else ("steps=...", "fewer steps")
        why = f"a lower rate or {fewer}, if the answers side by side agree that it got worse"
        return (Next(command=f"burnish train ... learning_rate=... {less}", why=why), *first, *steps)
    change = comparison.changes[0] if comparison.changes else None
    if config["valid"] is not None:
        more, why = "--valid FILE", "a longer validation file, or train on more"
    elif config["valid_share"] is not None:
        more = f"valid_share={min(0.5, 2 * config['valid_share']):.2g}"
        why = f"hold out more rows ({more}), or train on more"
    elif config["eval_items"] < held_out_rows:  # a ready task, which brings its own splits
        more, why = f"eval_items={held_out_rows}", "measure all test rows of the task, or train for longer"
    else:
        longer = f"epochs={2 * config['epochs']}" if learned is None else f"steps={2 * config['steps']}"
        more, why = longer, "train for longer: all test rows of the task are measured already"
    if change is not None and change.detectable is not None:
        why += f": {change.items} held-out examples show no effect below {change.detectable:.2g}"
    return (*first, *steps, Next(command=f"burnish train ... {more}", why=why))


def _watched(name: str, learned: Learned) -> tuple[Next, ...]:
    """What a run that learned from its own answers makes one look at, or mend."""
    patch = next((f.patch for f in sorted(learned.monitors, key=lambda f: not f.stops) if f.patch), "")
    mend = f"mend the grader: {patch}" if patch else "mend the grader"
    if learned.verdict == "gamed":
        return (
            Next(command=f"burnish show {name} --rollouts", why="what was paid"),
            Next(command=f"burnish train --resume {name} --mended", why=f"{mend}; this then goes on from the last clean step"),
        )
    why = "what it wrote in training, and what that was worth"
    if learned.verdict == "suspicious":
        why = f"read what was paid before you trust the reward; then {mend}"
    return (Next(command=f"burnish show {name} --rollouts", why=why),)
