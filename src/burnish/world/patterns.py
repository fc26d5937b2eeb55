"""What teaches copying: spans that come again, tables that are looked up, passages that are quoted, names with what they have.

Copying (induction) is learned late and suddenly, and from nothing but sequences in which it pays: so each document brings things
that cannot be known from anywhere else and says them again. `level` leads from easy (few symbols, short spans, many repeats) to
hard (all words, long spans and tables, things between). Keys: a table line is `pair:KEY=VALUE`, a span `span:TEXT`; what the gate
asks for (`lookup_items`, `span_items`) is of the test side.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from burnish.world import pattern_tables as tables
from burnish.world import pattern_texts as texts
from burnish.world import splits
from burnish.world.document import Document
from burnish.world.pattern_words import KINDS, about_tokens, distinct

if TYPE_CHECKING:
    from burnish.world.world import World

PART = "patterns"
Maker = Callable[[random.Random, float], tuple[str, tuple[str, ...]]]

ALPHABETS = (
    ("word", 8), ("word", 6), ("noun", 3), ("name", 3), ("town", 2), ("letter", 4), ("capital", 2), ("number", 3), ("digit", 2),
    ("syllable", 5), ("invented", 3), ("code", 2), ("family", 1), ("thing", 1), ("place", 1),
)  # fmt: skip
"""Kinds of tokens and how often each is drawn."""
BREAKS = ("\n", "\n", "\n", " / ", "; ", ". ", " - ", ", ", "\n\n", " and again ", "\nAgain: ", " = ", "\n- ", "\n* ", " ... ")
TITLES = ("", "", "", "", "", "", "Say after me:\n", "Repeat:\n", "Copy each line:\n", "Song\n", "Rows\n", "Count out:\n",
          "Practice:\n", "The same again:\n", "Chorus\n")  # fmt: skip
FILLERS = (
    "Now something else.", "So far, so good.", "Let us go on.", "Here is a pause.", "The clock strikes.", "And then?",
    "Once more.", "Listen well.", "Turn the page.", "That was that.", "Back to the start.", "Do you remember?", "It goes on.",
    "Where were we?",
)  # fmt: skip


def documents(world: World, draw: random.Random, level: float) -> Iterator[Document]:
    """Texts that repeat themselves, without end. level: 0.0 short and easy, 1.0 long and hard (up to about 230 tokens)."""
    assert 0.0 <= level <= 1.0, level
    makers: list[Maker] = [repeats, repeats, pieces, turns, tables.lookups, tables.lookups, tables.lookups, texts.holders,
                           texts.quotation, texts.lists]  # fmt: skip
    if level < 0.3:
        makers += [repeats, repeats, turns, tables.lookups]
    while True:
        text, keys = draw.choice(makers)(draw, level * draw.uniform(0.4, 1.0))
        if 15 <= len(text.split()) <= 180 and about_tokens(text) <= 240 and all(splits.of(key) == "train" for key in keys):
            yield Document(PART, text, keys)


def alphabet(draw: random.Random, level: float) -> Callable[[], str]:
    """What draws the tokens of one document: from 8 to 20 symbols, or at higher levels also from all of a kind."""
    kinds, weights = zip(*ALPHABETS, strict=True)
    kind = draw.choices(kinds, weights)[0]
    if draw.random() < 0.25 + 0.5 * level:
        if draw.random() < 0.2:
            others = draw.sample(kinds, 2)
            return lambda: KINDS[draw.choice((kind, *others))](draw)
        return lambda: KINDS[kind](draw)
    symbols = distinct(kind, draw.randint(8, 20), draw)
    return lambda: draw.choice(symbols)


def span(token: Callable[[], str], draw: random.Random, level: float) -> list[str]:
    """Some tokens in a row: 3 to 6 at level 0, 6 to 24 at level 1."""
    return [token() for _ in range(draw.randint(round(3 + 3 * level), round(6 + 18 * level)))]


def repeats(draw: random.Random, level: float) -> tuple[str, tuple[str, ...]]:
    """One span several times, the same mark between; sometimes a remark comes in between, sometimes the last one breaks off."""
    glue = draw.choice((" ", " ", " ", " ", ", ", "-"))
    said = glue.join(span(alphabet(draw, level), draw, level))
    cost = about_tokens(said)
    most = max(2, min(9, round((50 + 150 * level) / cost)))
    between = draw.choice([b for b in BREAKS if b != glue])
    count = draw.randint(max(2, most - 2), most) if level < 0.5 else draw.randint(2, most)
    said_again = [said] * count
    text = said
    for again in said_again[1:]:
        aside = between + draw.choice(FILLERS) if between.startswith("\n") and draw.random() < 0.3 * level else ""
        text += aside + between + again
    return (draw.choice(TITLES) + text).strip(), (f"span:{said}",)


def turns(draw: random.Random, level: float) -> tuple[str, tuple[str, ...]]:
    """Two to four spans that come in any order, each several times, so that the first token tells which is meant."""
    token = alphabet(draw, level)
    found = [" ".join(span(token, draw, level * 0.6)) for _ in range(draw.randint(2, 2 + round(2 * level)))]
    between = draw.choice(BREAKS)
    text, last = between.join(found), found[-1]
    room = 60 + 150 * level
    while about_tokens(text) + about_tokens(last) < room:
        last = draw.choice(found)
        text += between + last
    return draw.choice(TITLES) + text, tuple(f"span:{said}" for said in found)


def pieces(draw: random.Random, level: float) -> tuple[str, tuple[str, ...]]:
    """A row of tokens, then pieces out of it, from anywhere."""
    token = alphabet(draw, level)
    whole = [token() for _ in range(draw.randint(8 + round(12 * level), 12 + round(24 * level)))]
    title, mark = draw.choice((("", ""), ("", ""), ("All: ", "From it: "), ("The row: ", "A piece: "), ("Text: ", "Part: "),
                               ("Whole: ", "... "), ("", "- "), ("", "Look: ")))  # fmt: skip
    lines = [title + " ".join(whole)]
    room = 70 + 140 * level
    while about_tokens("\n".join(lines)) < room:
        length = draw.randint(3, 5 + round(6 * level))
        start = draw.randrange(len(whole) - length)
        lines.append(mark + " ".join(whole[start : start + length]))
    return "\n".join(lines), (f"span:{' '.join(whole)}",)


def lookup_items(draw: random.Random, pairs: int = 8) -> tuple[str, str]:
    """A table with one question about it for the gate: a prompt, and the answer, which goes on right where the prompt ends."""
    return tables.item(draw, pairs)


def span_items(draw: random.Random) -> tuple[str, str]:
    """A span of words that begins a second time, and how it must go on (right where the prompt ends, the blank included)."""
    while True:
        kind = draw.choice(("word", "word", "noun", "syllable", "name", "letter"))
        said = [KINDS[kind](draw) for _ in range(draw.randint(8, 14))]
        if len(set(said)) == len(said) and splits.of(f"span:{' '.join(said)}") == "test":
            known = draw.randint(2, 4)
            between = draw.choice(("\n", "; ", " / "))
            return " ".join(said) + between + " ".join(said[:known]), " " + " ".join(said[known:])
