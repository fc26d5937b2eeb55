"""What a command prints, and where: results on standard output, errors (and, with --json, progress too) on standard
error.

Text that came from data or from a model is shown with its control characters spelled out (`render.visible`). JSON needs
no such care: json.dumps escapes all of them.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.text import Text

from burnish.errors import BurnishError, NoGain
from burnish.render.visible import visible

PIPE_WIDTH = 120
"""Columns of a table that goes into a pipe or a file, unless COLUMNS says otherwise."""


def one_line(text: str, limit: int) -> str:
    """`text` on one line of at most `limit` characters, for a table's cell."""
    line = visible(text.replace("\n", "⏎").replace("\t", " "))
    return line if len(line) <= limit else line[: limit - 1] + "…"


@dataclass(frozen=True, slots=True)
class Screen:
    """Where this command writes. `as_json`: one JSON document is the last line of standard output."""

    out: Console
    """progress and results; standard error when `as_json`"""
    err: Console
    as_json: bool

    def print(self, *parts: object) -> None:
        """Results and progress: text is taken as it is, without markup, and must have gone through `visible`."""
        self.out.print(*parts, markup=False, highlight=False, soft_wrap=all(isinstance(p, str) for p in parts))

    def show(self, parts: Iterable[RenderableType]) -> None:
        """Views of tables.py, top to bottom. A Text that says `no_wrap` is one line however long, so that it can be copied."""
        for part in parts:
            whole = isinstance(part, Text) and part.no_wrap is True
            self.out.print(part, no_wrap=whole or None, crop=not whole, overflow="ignore" if whole else None)

    def document(self, value: Mapping[str, object]) -> None:
        """The command's result as JSON; does nothing unless --json was given."""
        if self.as_json:
            sys.stdout.write(json.dumps(value, allow_nan=False) + "\n")
            sys.stdout.flush()


def console(file: TextIO) -> Console:
    """A console on a stream; wide enough for tables when the stream is no terminal."""
    width = None if file.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(file=file, width=width, highlight=False, soft_wrap=False)


def screen(*, as_json: bool) -> Screen:
    """The screen of one command."""
    err = console(sys.stderr)
    return Screen(err if as_json else console(sys.stdout), err, as_json)


def show_error(error: BurnishError, *, as_json: bool) -> None:
    """A user's error: a panel on a terminal, plain lines elsewhere; with --json also a document on standard output."""
    to = screen(as_json=as_json)
    found: dict[str, object] = {"error": error.to_json()}
    if isinstance(error, NoGain) and error.report is not None:
        found["report"] = error.report
    to.document(found)
    parts = [("", error.what), ("seen: ", error.seen), ("to do: ", error.todo)]
    lines = [(label, visible(value)) for label, value in parts if value]
    if not to.err.is_terminal:
        to.err.print("\n".join(f"{label or 'error: '}{value}" for label, value in lines), markup=False, soft_wrap=True)
        return
    text = Text()
    for i, (label, value) in enumerate(lines):
        text.append("\n" if i else "")
        text.append(label, style="dim")
        text.append(value, style="" if i else "bold")
    to.err.print(Panel(text, title=f"error: {error.code}", title_align="left", border_style="red", padding=(0, 1)))
