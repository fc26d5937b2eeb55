"""Pieces of Markdown that hold text from data and models: such text can neither break a table nor end a block, and its
control characters are spelled out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from burnish.evals.compare import Pair
from burnish.render.visible import visible

SHOWN_CHARACTERS = 800


def cell(text: str) -> str:
    """Text for a table cell or a list item: one line, markup characters escaped."""
    flat = visible(" ".join(text.split()))
    return "".join("\\" + c if c in "\\|<>*_`[]" else c for c in flat)


def code(text: str) -> str:
    """Text as code on one line."""
    flat = visible(" ".join(text.split())).replace("|", "\\|")
    return f"`{flat}`" if "`" not in flat else f"`` {flat} ``"


def block(text: str) -> str:
    """Text as an indented code block, cut to a readable length."""
    kept = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
    return "\n".join(f"    {line}" for line in visible(kept).splitlines()) or "    (empty)"


def bullets(lines: Iterable[str]) -> str:
    """A list. Lines are taken as they are."""
    return "\n".join(f"- {line}" for line in lines)


def rows_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table. Cells are taken as they are."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(c) for c in line) + " |" for line in lines)


def shown(pair: Pair) -> str:
    """One example with both answers."""
    place = f"{Path(pair.source).name}, line {pair.line}" if pair.source else f"example {pair.index + 1}"
    parts = [f"### {cell(place)}", "Prompt:", block(pair.prompt)]
    if pair.reference is not None:
        parts += ["Reference:", block(pair.reference)]
    for name, answer, reason, loss in (
        ("Base", pair.base, pair.base_reason, pair.base_loss),
        ("Trained", pair.trained, pair.trained_reason, pair.trained_loss),
    ):
        told = [] if loss is None else [f"loss {loss:.4f}"]
        told += [] if reason is None else [cell(reason)]
        parts.append(f"{name}{' (' + '; '.join(told) + ')' if told else ''}:")
        parts.append("    (not drawn)" if answer is None else block(answer))
    return "\n\n".join(parts)
