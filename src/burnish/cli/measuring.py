"""`burnish eval`: a model measured on the answers of a data file."""

from __future__ import annotations

from collections.abc import Sequence

from burnish.cli.live import Watch
from burnish.cli.screen import one_line, screen
from burnish.cli.tables import bullets, grid, heading, summary_view
from burnish.errors import ConfigError
from burnish.evals.evaluate import evaluate as measure
from burnish.evals.evaluation import Item
from burnish.evals.summary import summarise
from burnish.protocols import Grader
from burnish.render.renderer import Renderer
from burnish.runs import api
from burnish.tasks import graders, ready, sources
from burnish.tasks.formats import parse_mapping
from burnish.types import Example

SHOWN = 5
"""Answers shown."""
ROOM = 64
"""Tokens that an answer may be longer than the longest one given."""


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
    as_json: bool,
) -> None:
    """See `burnish eval --help`."""
    to = screen(as_json=as_json)
    if samples > 1 and temperature == 0:
        raise ConfigError("several answers per row need a temperature", todo="give --temperature 1.0, or --samples 1")
    task = ready.find(data)
    if task is not None:
        examples, rows, notes = task.test[:limit_items], len(task.test), [f"test rows of the ready task {task.name!r}"]
        grader, why = (task.grader, f"of the task {task.name}") if grader_name is None else _grader(grader_name, examples)
        limit_tokens = limit_tokens or task.limit_tokens
    else:
        source = sources.read(data, mapping=parse_mapping(mapping or ()) or None, skip_bad_rows=skip_bad_rows)
        examples, rows, notes = source.examples[:limit_items], source.rows, [source.format, *source.notes]
        grader, why = _grader(grader_name, examples)
    loaded = api.load(model)
    watch = Watch(to)
    for line in (
        f"{len(examples)} of {rows} rows, {notes[0]}",
        *notes[1:],
        f"grader: {grader.name if grader else 'none'} ({why})",
    ):
        watch.note(line)
    try:
        found = measure(
            loaded.policy,
            loaded.renderer,
            examples,
            grader=grader,
            limit_tokens=limit_tokens or _longest_answer(loaded.renderer, examples) + ROOM,
            samples=samples,
            temperature=temperature,
            seed=seed,
            on_progress=lambda done, total: watch.evaluating(loaded.ref.name, done, total),
        )
    finally:
        watch.close()
    summary = summarise(found)
    to.show(summary_view(f"{loaded.ref.name} on {data}", summary))
    answered = [i for i in found.items if i.answers]
    if answered:
        to.out.print(heading("Some answers"))
        for item in answered[:SHOWN]:
            to.out.print(_item_view(item, to.out.width - 16))
            to.out.print()
    to.show(bullets([f"line {i.line}: {i.fault}" for i in found.items if i.fault][:SHOWN], "!", "yellow"))
    to.document({"model": loaded.ref.name, "data": data, "summary": summary.to_json(), "evaluation": found.to_json()})


def _grader(name: str | None, examples: Sequence[Example]) -> tuple[Grader | None, str]:
    if name is None:
        return graders.choose(examples)
    return (None if name == "none" else graders.get(name)), "as asked"


def _longest_answer(renderer: Renderer, examples: Sequence[Example]) -> int:
    """Most trained tokens of one row."""
    return max((int((renderer.render(e).weights > 0).sum()) for e in examples), default=0)


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
