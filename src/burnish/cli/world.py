"""`burnish world build`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.text import Text

from burnish.cli.live import Watch
from burnish.cli.screen import Screen, screen
from burnish.cli.tables import bullets, columns, grid, heading
from burnish.evals.acceptance import Found
from burnish.runs import build as building
from burnish.runs.build import Built
from burnish.runs.build_chat import BAND, ONCE, SAMPLES, TASK


def build(preset: str, out: Path, *, seed: int, overrides: Sequence[str], as_json: bool) -> None:
    """See `burnish world build --help`."""
    to = screen(as_json=as_json)
    watch = Watch(to)
    try:
        built = building.build(preset, out, seed=seed, progress=watch, overrides=overrides)
    finally:
        watch.close()
    _tell(to, built)
    start = built.start
    to.document(
        {
            "model": str(built.model),
            "chat": None if built.chat is None else str(built.chat),
            "start": None if start is None else {**asdict(start), "in_band": start.in_band},
            "acceptance": [{**asdict(f), "holds": f.holds} for f in built.found],
            "ngram": [asdict(f) for f in built.ngram],
        }
    )


def _tell(to: Screen, built: Built) -> None:
    """What the models can do, and where they lie."""
    to.out.print(heading("What the raw model does"))
    rows = [_row(model, ngram) for model, ngram in zip(built.found, built.ngram, strict=True)]
    to.out.print(columns(("probe", "this model (95 %)", "5-gram", "wanted", ""), rows, numbers=(1, 2)))
    missed = [f.name for f in built.found if not f.holds]
    to.out.print()
    if missed:
        to.show(bullets([f"outside of what is wanted: {', '.join(missed)}"], "!", "yellow"))
    models = [("model", str(built.model))]
    if built.start is not None:
        start = built.start
        to.out.print(heading(f"Where reinforcement learning starts ({TASK}, drawn at temperature 1)"))
        wanted = (f"{BAND[0]:.0%} to {BAND[1]:.0%}", f"{ONCE:.0%} or more")
        shares = [("right (pass@1)", f"{start.pass_1:.0%}", wanted[0])]
        shares.append((f"once in {SAMPLES} (pass@{SAMPLES})", f"{start.pass_8:.0%}", wanted[1]))
        to.out.print(columns(("", "share", "wanted"), shares, numbers=(1,)))
        if not start.in_band:
            to.show([Text(), *bullets(["outside of what is wanted"], "!", "yellow")])
    if built.chat is not None:
        models.append(("chat model", str(built.chat)))
    to.out.print()
    to.out.print(grid(models))


def _row(model: Found, ngram: Found) -> tuple[str, ...]:
    low, high = model.wanted
    share = f"{model.share:.0%} ({model.low:.0%} to {model.high:.0%})"
    return model.name, share, f"{ngram.share:.0%}", f"{low:.0%} to {high:.0%}", "" if model.holds else "outside"
