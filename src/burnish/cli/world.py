"""`burnish world build` and `burnish tasks`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from burnish.cli.live import Watch
from burnish.cli.screen import screen
from burnish.cli.tables import columns, grid, heading
from burnish.cli.words import count
from burnish.evals.acceptance import Found
from burnish.runs import build as building
from burnish.tasks import ready


def build(preset: str, out: Path, *, seed: int, overrides: Sequence[str], as_json: bool) -> None:
    """See `burnish world build --help`."""
    to = screen(as_json=as_json)
    watch = Watch(to)
    try:
        built = building.build(preset, out, seed=seed, progress=watch, overrides=overrides)
    finally:
        watch.close()
    to.out.print(heading("What the raw model does"))
    rows = [_row(model, ngram) for model, ngram in zip(built.found, built.ngram, strict=True)]
    to.out.print(columns(("probe", "this model (95 %)", "5-gram", "wanted", ""), rows, numbers=(1, 2)))
    to.print(f"model: {built.model}")
    if built.chat is not None:
        to.print(f"model: {built.chat}")
    to.document(
        {
            "model": str(built.model),
            "chat": None if built.chat is None else str(built.chat),
            "acceptance": [asdict(f) for f in built.found],
            "ngram": [asdict(f) for f in built.ngram],
        }
    )


def _row(model: Found, ngram: Found) -> tuple[str, ...]:
    low, high = model.wanted
    share = f"{model.share:.0%} ({model.low:.0%} to {model.high:.0%})"
    return model.name, share, f"{ngram.share:.0%}", f"{low:.0%} to {high:.0%}", "" if model.holds else "outside"


def tasks(*, as_json: bool) -> None:
    """See `burnish tasks --help`."""
    to = screen(as_json=as_json)
    found = [ready.get(name) for name in (*ready.NAMES, ready.EVERYTHING)]
    for task in found:
        card = task.card
        to.out.print(heading(f"{task.name}: {card.title}"))
        sizes = f"{count(len(task.train))} train, {count(len(task.valid))} validation, {count(len(task.test))} test"
        to.out.print(
            grid([("asks", card.about), ("rows", sizes), ("data", card.data), ("graded", card.grading), ("limits", card.limits)])
        )
    to.document(
        {
            "tasks": [
                {
                    "name": t.name,
                    "card": asdict(t.card),
                    "grader": t.grader.name,
                    "rows": {"train": len(t.train), "valid": len(t.valid), "test": len(t.test)},
                }
                for t in found
            ]
        }
    )
