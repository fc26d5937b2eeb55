"""Tables that are looked up: a few lines of key and value, then the same pairs again, asked for in one of many wordings."""

from __future__ import annotations

import random

from burnish.world import splits
from burnish.world.pattern_words import about_tokens, distinct

LINES = ("{k}: {v}", "{k}: {v}", "{k}: {v}", "{k} = {v}", "{k} - {v}", "{k} is {v}", "{k} has {v}", "{k}, {v}", "{k} {v}",
         "- {k}: {v}", "{k} -> {v}", "* {k} {v}", "{k} gets {v}", "{k} ({v})", "The {k} is {v}.",
         "{k} goes with {v}.")  # fmt: skip
"""How one line of a table is written."""
ASKED = (
    "{k}: {v}", "{k}: {v}", "{k}? {v}", "Look up {k}: {v}", "See above, {k} is {v}", "What stands beside {k}? {v}.",
    "Find {k}: {v}", "{k} is {v}.", "As we saw, {k} is {v}.", "For {k} we read {v}.", "{k} again: {v}",
    "The line of {k} says {v}.", "At {k} stands {v}.", "Beside {k} we find {v}.", "With {k} goes {v}.", "{k} was {v}.",
    "To {k} belongs {v}.", "Search {k}\nFound: {v}", "Get {k}: {v}", "Q: {k} A: {v}", "And {k}? {v}.",
    "The value of {k} is {v}.", "{k} had {v}, as the table says.", "{k}, we know, is {v}.", "(see {k}: {v})",
    "In the row of {k} there is {v}.", "Who looks for {k} finds {v}.", "{k} -> {v}", "Go to {k}. It says {v}.",
)  # fmt: skip
"""How a pair is said again. All but a few tell the key first, so that the value follows from it."""
BACKWARDS = ("{v} belongs to {k}.", "{v} stands at {k}.", "{v}? {k}.", "Which one is {v}? {k}.", "We find {v} at {k}.")
HEADS = (
    "", "", "", "", "Table\n", "List\n", "Index\n", "Prices\n", "Seats\n", "Rooms\n", "Places\n", "Results\n", "Names\n",
    "Notes\n", "Keys\n", "Who has what\n", "Register\n", "Boxes\n", "Numbers of the day\n", "From the notebook:\n",
    "Here is a table.\n", "Learn this:\n", "Dictionary\n", "Points\n", "Directory\n",
)  # fmt: skip
MIDDLES = ("", "", "", "", "Lookups\n", "Now look up:\n", "Answers\n", "Again:\n", "In another order:\n", "Then we asked.\n",
           "Test\n", "Use the table.\n", "Looked up:\n", "Without looking:\n", "---\n")  # fmt: skip
REMARKS = (
    "The table was made in spring and hangs beside the door.", "Nobody has changed a line since then.",
    "Copy it before you leave.", "Each line stands for itself.", "The order means nothing.",
    "It was written by hand and checked twice.", "Do not lose it.", "More lines may follow next week.",
    "It is kept in the drawer of the clerk.", "Ask if a line is hard to read.",
)  # fmt: skip
KEY_KINDS = ("name", "name", "name", "noun", "word", "word", "town", "code", "number", "invented", "letter", "capital", "person",
             "place", "syllable", "thing")  # fmt: skip
VALUE_KINDS = ("noun", "word", "word", "number", "number", "town", "name", "thing", "thing", "invented", "code", "letter",
               "digit", "place", "syllable", "person", "phrase", "phrase")  # fmt: skip


def lookups(draw: random.Random, level: float) -> tuple[str, tuple[str, ...]]:
    """A table of 2 to 4 pairs (level 0) or 5 to 10 (level 1), then every pair in random order, as often as there is room."""
    pairs = _pairs(draw, draw.randint(2 + round(3 * level), 4 + round(6 * level)), "train")
    line = draw.choice(LINES)
    between = "\n" if draw.random() < 0.85 or line.endswith((".", ",")) else draw.choice(("; ", ", ", " / "))
    text = draw.choice(HEADS) + between.join(line.format(k=k, v=v) for k, v in pairs)
    if draw.random() < 0.4 * level:
        text += "\n" + draw.choice(REMARKS)
    count = draw.choice((1, 1, 2, 3) if level < 0.5 else (1, 2, 3, 4))
    wordings = [draw.choice((line, *ASKED)) for _ in range(count)]
    if draw.random() < 0.1:
        wordings.append(draw.choice(BACKWARDS))
    text += "\n" + draw.choice(MIDDLES)
    joint = "\n" if draw.random() < 0.8 else " "
    text += joint.join(_asked(pairs, wordings, joint, draw, about_tokens(text), 70 + 150 * level))
    return text, tuple(_key(*pair) for pair in pairs)


def item(draw: random.Random, pairs: int) -> tuple[str, str]:
    """A table of test-side pairs, some of them looked up in one of the wordings above, and the value asked for last."""
    found = _pairs(draw, pairs, "test")
    ask = draw.choice(("{k}: {v}", "Look up {k}: {v}", "{k}? {v}", "See above, {k} is {v}", "For {k} we read {v}."))
    shown = draw.sample(found, 2)
    wanted = draw.choice([pair for pair in found if pair not in shown])
    lines = [f"{k}: {v}" for k, v in found] + [ask.format(k=k, v=v) for k, v in shown]
    return "\n".join([*lines, ask.partition(" {v}")[0].format(k=wanted[0])]), " " + wanted[1]


def _pairs(draw: random.Random, count: int, side: splits.Side) -> list[tuple[str, str]]:
    """Distinct keys with values that differ too, all of one side."""
    key_kind, value_kind = draw.choice(KEY_KINDS), draw.choice(VALUE_KINDS)
    while value_kind == key_kind:
        value_kind = draw.choice(VALUE_KINDS)
    found: dict[str, str] = {}
    while len(found) < count:
        # Letters and digits run short where only one side of the split is left; then another kind goes on.
        keys, values = distinct(key_kind, count, draw), distinct(value_kind, count, draw)
        draw.shuffle(values)
        for key, value in zip(keys, values, strict=False):
            if splits.of(_key(key, value)) == side and value not in found.values() and key not in found:
                found[key] = value
        if len(found) < count and draw.random() < 0.1:
            value_kind = draw.choice(("noun", "number", "word"))
    return list(found.items())[:count]


def _asked(
    pairs: list[tuple[str, str]], wordings: list[str], joint: str, draw: random.Random, used: int, room: float
) -> list[str]:
    lines: list[str] = []
    while True:
        for key, value in draw.sample(pairs, len(pairs)):
            line = draw.choice(wordings).format(k=key, v=value)
            if joint == " " and line[-1] not in ".)":
                line += "."
            used += about_tokens(line) + 1
            if lines and used > room and len(lines) >= min(len(pairs), 3):
                return lines
            lines.append(line)


def _key(key: str, value: str) -> str:
    return f"pair:{key}={value}"
