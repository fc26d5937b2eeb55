"""`burnish data check`: what would be trained on, token by token, and what is wrong with it. No model runs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import typer
from rich.text import Text

from burnish.cli.marks import picture, runs
from burnish.cli.screen import Screen, screen, show_error
from burnish.cli.tables import bullets, grid, heading
from burnish.cli.training import Given
from burnish.cli.words import count, percent
from burnish.errors import UserError
from burnish.render.renderer import Rendered, Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.runs.prepare import Prepared, prepare
from burnish.runs.side import Side
from burnish.store.models import resolve
from burnish.tasks.check import Findings, TokenStatistics

MARKS = {"error": ("x", "bold red"), "warning": ("!", "yellow"), "note": ("·", "dim")}


def check(given: Given, *, rows: int, lines: Sequence[int] | None, as_json: bool) -> None:
    """See `burnish data check --help`. What must not be trained on is shown all the same; it is an error after that."""
    to = screen(as_json=as_json)
    config = given.read()
    ref = resolve(config.model)
    prepared = prepare(config, ref, refuse=False, say=lambda text: to.show(bullets([text])))
    tokenizer = prepared.renderer.tokenizer
    if lines:
        examples = [] if prepared.streamed else [*prepared.train.examples, *(e for e, _ in prepared.left_out)]
        source = examples[0].source if examples else str(Path(config.data))
        shown = [row for line in lines for row in _at(line, prepared, source)]
        if missing := sorted(set(lines) - {line for line, _ in shown}):
            raise UserError("no row that could be read starts at this line", seen=", ".join(map(str, missing)))
    else:
        left_out = [(e.line, r) for e, r in prepared.left_out]
        kept = ((line, side.rendered[i]) for side in (prepared.train, prepared.valid) for i, line in enumerate(side.lines()))
        order = (kept, left_out) if prepared.refusal is None else (left_out, kept)
        shown = list(itertools.islice(itertools.chain(*order), rows))
    facts = prepared.renderer.facts
    to.out.print(heading("Template"))
    to.out.print(grid([(k.replace("_", " "), _words(v)) for k, v in facts.items() if v not in ([], "", None)]))
    _show_rows(to, shown, tokenizer)
    _show_findings(to, prepared.findings, prepared.notes)
    refusal = prepared.refusal
    if refusal is not None:
        refusal.todo = "mend the rows that are shown, or leave them out"
        show_error(refusal, as_json=False)
    to.document(
        {
            **({} if refusal is None else {"error": refusal.to_json()}),
            "data": config.data,
            "model": ref.name,
            "format": prepared.format,
            "template": {k: list(v) if isinstance(v, tuple) else v for k, v in facts.items()},
            "notes": list(prepared.notes),
            "findings": [asdict(f) for f in prepared.findings.findings],
            "statistics": {
                name: _statistics(s) for name, s in (("train", prepared.findings.train), ("valid", prepared.findings.valid))
            },
            "rows": [_row(line, r, prepared.renderer) for line, r in shown],
            "bad_rows": [asdict(row) for row in prepared.bad],
        }
    )
    if refusal is not None:
        raise typer.Exit(refusal.exit_code)


def _at(line: int, prepared: Prepared, source: str) -> list[tuple[int, Rendered]]:
    """The rows of the data file that begin at a line, in all parts of the data."""
    train, valid = prepared.train, prepared.valid
    found = [train.rendered[i] for i, at in enumerate(train.lines()) if at == line and _is_of(train, i, source)]
    found += [r for e, r in zip(valid.examples, valid.rendered, strict=True) if e.source == source and e.line == line]
    found += [r for e, r in prepared.left_out if e.source == source and e.line == line]
    return [(line, row) for row in found]


def _is_of(side: Side, row: int, source: str) -> bool:
    """Whether a row is of the data file, and no text to rehearse; those are never on disk."""
    return not side.examples or side.examples[row].source == source


def _show_rows(to: Screen, shown: Sequence[tuple[int, Rendered]], tokenizer: Tokenizer) -> None:
    if not shown:
        return
    colour = to.out.is_terminal and not to.out.no_color
    how = "on green" if colour else "in [[double brackets]]"
    to.out.print(heading(f"Rows, with what is learned {how}"))
    for line, row in shown:
        learned = int((row.weights[1:] != 0).sum())
        cut = f", cut by {row.truncated}" if row.truncated else ""
        to.out.print(Text(f"\nline {line}: {len(row.ids)} tokens, {learned} learned{cut}", style="dim"))
        to.out.print(picture(row, tokenizer, colour=colour), soft_wrap=not colour)
        if row.fault:
            to.out.print(Text(f"  left out: {row.fault}", style="red"))
        for note in row.notes:
            to.out.print(Text(f"  {note}", style="yellow"))


def _show_findings(to: Screen, findings: Findings, notes: Sequence[str]) -> None:
    to.out.print(heading("Data"))
    for name, s in (("training", findings.train), ("validation", findings.valid)):
        if s is not None:
            words = (
                f"{count(s.rows)} rows, {count(s.tokens)} tokens, {count(s.trained)} learned "
                f"({percent(s.masked_share)} context only); "
                f"median {s.median:.0f}, 90 % up to {s.p90:.0f}, longest {s.longest}"
            )
            to.out.print(grid([(name, words)]))
    to.show(bullets(notes))
    to.out.print(heading("Findings"))
    for finding in findings.findings:
        mark, style = MARKS[finding.severity]
        to.show(bullets([str(finding)], mark, style))
    if not findings.findings:
        to.out.print(Text("  none", style="green"))


def _words(value: object) -> str:
    return ", ".join(repr(v) for v in value) if isinstance(value, (list, tuple)) else str(value)


def _statistics(s: TokenStatistics | None) -> dict[str, object] | None:
    return None if s is None else {**asdict(s), "masked_share": s.masked_share}


def _row(line: int, row: Rendered, renderer: Renderer) -> dict[str, object]:
    pieces = [
        {"text": renderer.tokenizer.decode(row.ids[a:b].tolist(), continues=a > 0), "tokens": b - a, "weight": weight}
        for a, b, weight in runs(row)
    ]
    return {
        "line": line,
        "tokens": len(row.ids),
        "cut": row.truncated,
        "pieces": pieces,
        "notes": list(row.notes),
        "fault": row.fault,
    }
