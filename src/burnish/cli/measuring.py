"""`burnish eval`: a model measured on the answers of a data file or a ready task."""

from __future__ import annotations

from collections.abc import Sequence

from burnish.cli.live import Watch
from burnish.cli.screen import one_line, screen
from burnish.cli.tables import bullets, grid, heading, summary_view
from burnish.errors import ConfigError
from burnish.evals.evaluation import Item
from burnish.evals.summary import summarise
from burnish.runs import api
from burnish.tasks.formats import parse_mapping
from burnish.types import Quantize

SHOWN = 5
"""Answers shown."""


def evaluate(
    data: str,
    model: str,
    *,
    mapping: Sequence[str] | None,
    skip_bad_rows: bool,
    grader_name: str | None,
    limit_items: int | None,
    limit_tokens: int | None,
    samples: int,
    temperature: float,
    seed: int,
    quantize: Quantize | None,
    as_json: bool,
) -> None:
    """See `burnish eval --help`."""
    to = screen(as_json=as_json)
    if samples > 1 and temperature == 0:
        raise ConfigError("several answers per row need a temperature", todo="give --temperature 1.0, or --samples 1")
    watch = Watch(to)
    try:
        found = api.evaluate(
            data,
            model,
            grader=grader_name,
            items=limit_items,
            limit_tokens=limit_tokens,
            samples=samples,
            temperature=temperature,
            seed=seed,
            mapping=parse_mapping(mapping or ()) or None,
            skip_bad_rows=skip_bad_rows,
            quantize=quantize,
            progress=watch,
        )
    finally:
        watch.close()
    summary = summarise(found)
    to.show(summary_view(f"{model} on {data}", summary))
    answered = [i for i in found.items if i.answers]
    if answered:
        to.out.print(heading("Some answers"))
        for item in answered[:SHOWN]:
            to.out.print(_item_view(item, to.out.width - 16))
            to.out.print()
    to.show(bullets([f"line {i.line}: {i.fault}" for i in found.items if i.fault][:SHOWN], "!", "yellow"))
    to.document({"model": model, "data": data, "summary": summary.to_json(), "evaluation": found.to_json()})


def _item_view(item: Item, room: int):
    answer = item.answers[0]
    score = (
        ""
        if answer.score is None
        else f"{answer.score.value:g}: {answer.score.reason}"
        if answer.score.error is None
        else answer.score.error
    )
    rows = [(f"line {item.line}", one_line(item.prompt, room)), ("answer", one_line(answer.text.strip(), room) or "(nothing)")]
    rows += [("wanted", one_line(item.reference, room))] if item.reference is not None else []
    return grid([*rows, *([("score", score)] if score else [])])
