"""Rows with their trained tokens marked: the picture of what a run learns.

On a terminal a trained token has a green ground, elsewhere it stands in [[double brackets]]. A weight other than 0 and
1 is written behind its run as (x0.5). Boundaries are those of tokens, so a run that starts inside a character is seen
as well.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from rich.text import Text

from burnish.cli.screen import visible
from burnish.render.renderer import Rendered
from burnish.render.tokenizer import Tokenizer

TRAINED = "black on green"
LIMIT_TOKENS = 400
"""Tokens of one row that are shown; the rest is counted."""


def runs(row: Rendered) -> Iterator[tuple[int, int, float]]:
    """(first, end, weight) of neighbouring tokens with one weight. The first token is never a target."""
    weights = np.concatenate([[0.0], row.weights[1:]])
    edges = [0, *(np.flatnonzero(np.diff(weights)) + 1).tolist(), len(weights)]
    for first, end in itertools.pairwise(edges):
        yield first, end, float(weights[first])


def picture(row: Rendered, tokenizer: Tokenizer, *, colour: bool) -> Text:
    """One row, marked."""
    text = Text()
    for first, end, weight in runs(row):
        if first >= LIMIT_TOKENS:
            break
        words = visible(tokenizer.decode(row.ids[first : min(end, LIMIT_TOKENS)].tolist(), continues=first > 0))
        scale = "" if weight in (0.0, 1.0) else f"(x{weight:g})"
        if weight == 0:
            text.append(words, style="dim" if colour else "")
        elif colour:
            text.append(words.replace("\n", "⏎\n"), style=TRAINED).append(scale, style="green")
        else:
            text.append(f"[[{words}]]{scale}")
    if len(row.ids) > LIMIT_TOKENS:
        text.append(f" … and {len(row.ids) - LIMIT_TOKENS} more tokens", style="dim")
    return text
