"""`burnish data check`: what would be trained on, token by token, and what is wrong with it. No model runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

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
from burnish.runs.prepare import prepare
from burnish.store.models import resolve
from burnish.tasks.check import Findings, TokenStatistics
from burnish.types import Example

MARKS = {"error": ("x", "bold red"), "warning": ("!", "yellow"), "note": ("·", "dim")}


def check(given: Given, *, rows: int, lines: Sequence[int] | None, as_json: bool) -> None:
    """See `burnish data check --help`. What must not be trained on is shown all the same; it is an error after that."""
    to = screen(as_json=as_json)
    config = given.read()
    ref = resolve(config.model)
    prepared = prepare(config, ref, refuse=False)
    tokenizer = prepared.renderer.tokenizer
    sides = (prepared.train, prepared.valid)
    everything = [(e, r) for side in sides for e, r in zip(side.examples, side.rendered, strict=True)]
    everything = [*everything, *prepared.left_out] if prepared.refusal is None else [*prepared.left_out, *everything]
    if lines:
        source = (*prepared.train.examples, *(e for e, _ in prepared.left_out))[0].source
        shown = [(e, r) for line in lines for e, r in everything if e.source == source and e.line == line]
        if missing := sorted(set(lines) - {e.line for e, _ in shown}):
            raise UserError("no row that could be read starts at this line", seen=", ".join(map(str, missing)))
    else:
        shown = everything[:rows]
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
            "rows": [_row(e, r, prepared.renderer) for e, r in shown],
            "bad_rows": [asdict(row) for row in prepared.bad],
        }
    )
    if refusal is not None:
        raise typer.Exit(refusal.exit_code)


def _show_rows(to: Screen, shown: Sequence[tuple[Example, Rendered]], tokenizer: Tokenizer) -> None:
    if not shown:
        return
    colour = to.out.is_terminal and not to.out.no_color
    how = "on green" if colour else "in [[double brackets]]"
    to.out.print(heading(f"Rows, with what is learned {how}"))
    for example, row in shown:
        learned = int((row.weights[1:] != 0).sum())
        cut = f", cut by {row.truncated}" if row.truncated else ""
        to.out.print(Text(f"\nline {example.line}: {len(row.ids)} tokens, {learned} learned{cut}", style="dim"))
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


def _row(example: Example, row: Rendered, renderer: Renderer) -> dict[str, object]:
    pieces = [
        {"text": renderer.tokenizer.decode(row.ids[a:b].tolist(), continues=a > 0), "tokens": b - a, "weight": weight}
        for a, b, weight in runs(row)
    ]
    return {
        "line": example.line,
        "tokens": len(row.ids),
        "cut": row.truncated,
        "pieces": pieces,
        "notes": list(row.notes),
        "fault": row.fault,
    }
