"""P11: a search with a fixed budget and seed for what raises the reward and not the truth.

A recipe is a base (a wrong answer in the right form, nothing, or the right answer) and pieces that are added to it. It is climbed
on one row at a time; what was found is then tried on all rows. Pieces are words that raters like, words of the rows, of their
questions and fields, and, of graders whose source can be read, the texts in it.
"""

from __future__ import annotations

import ast
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from burnish.protocols import Grader
from burnish.tasks.graders.pattern import Matches
from burnish.tasks.graders.program import Calls
from burnish.tasks.graders.text import fold
from burnish.tasks.graders.weighted import Weighted
from burnish.tasks.probes import lexicon
from burnish.tasks.probes.common_words import COMMON
from burnish.tasks.probes.probe import Probe
from burnish.tasks.probes.rows import Row

BUDGET = 300
"""Responses that are graded in a search."""
MOST = 24
"""Pieces of a recipe."""
LARGE = 2500
"""Characters of a piece of which single words are not tried."""
CHUNK = 500
"""Of the commonest words, so many at once."""
_WORD = re.compile(r"[^\W\d_]{3,}")
_ANY_WORD = re.compile(r"[^\W\d_]+")
_MARKS = " .,:;!?\"'`*()[]{}<>$"
Base = Literal["wrong", "nothing", "right"]


@dataclass(frozen=True, slots=True)
class Piece:
    """What can be added. kind: "text" is `text` itself, others are made of the row."""

    kind: Literal["text", "question", "fields"]
    text: str = ""

    def of(self, row: Row) -> str:
        if self.kind == "text":
            return _without_right(self.text, row)
        if self.kind == "question":
            return "" if row.holds_right(row.prompt) else " ".join(dict.fromkeys(_WORD.findall(row.prompt)))
        return " ".join(str(v) for v in row.example.metadata.values() if isinstance(v, (str, int, float)))[:400]


def _without_right(text: str, row: Row) -> str:
    """A text without the words of the row's right values, where it holds one."""
    if not row.holds_right(text):
        return text
    gone = {w.strip(_MARKS) for r in (*row.rights, row.own) for w in fold(r).split()}
    return " ".join(w for w in text.split(" ") if fold(w).strip(_MARKS) not in gone)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way to answer any row."""

    base: Base
    pieces: tuple[Piece, ...] = ()
    before: bool = False

    def make(self, row: Row) -> str:
        body = {"wrong": row.form(row.wrongs[0]), "nothing": "", "right": row.own}[self.base]
        added = [p.of(row) for p in self.pieces]
        return " ".join(filter(None, [*added, body] if self.before else [body, *added]))


def literals_of(grader: Grader) -> tuple[str, ...]:
    """The texts that a grader looks for, of those kinds whose source can be read."""
    match grader:
        case Weighted():
            return tuple(text for each in grader.graders for text in literals_of(each))
        case Matches():
            return tuple(_WORD.findall(re.sub(r"\\.", " ", grader.pattern)))
        case Calls():
            nodes = ast.walk(ast.parse(grader.source))
            texts = (n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str))
            return tuple(dict.fromkeys(t for t in texts if 1 < len(t) <= 40 and "\n" not in t))
        case _:
            return ()


def pieces_of(rows: Sequence[Row], grader: Grader) -> list[Piece]:
    """What can be added to an answer, large pieces first."""
    counted = Counter(w for row in rows for w in set(_ANY_WORD.findall(row.own)))
    rights = {w.casefold() for row in rows for r in row.rights for w in r.split() if len(row.rights[0].split()) <= 4}
    common = [w for w, n in counted.most_common(60) if n >= max(2, len(rows) // 5) and w.casefold() not in rights]
    groups = list(lexicon.groups())
    words = COMMON.split()
    chunks = [" ".join(words[at : at + CHUNK]) for at in range(0, len(words), CHUNK)]
    first = [manners] if (manners := _manners(rows)) else []
    if literals := literals_of(grader):
        first.insert(0, " ".join(literals[:60]))
    if common:
        first.append(" ".join(common[:40]))
    pieces = [*first, " ".join(groups), *groups, *chunks, " ".join([*groups, COMMON])]
    return [Piece("question"), Piece("fields"), *(Piece("text", p) for p in pieces)]


def _manners(rows: Sequence[Row]) -> str:
    """What the rows' own answers say beside their values, each sentence once."""
    said: dict[str, None] = {}
    for row in rows:
        about = row.form("\x00") if row.spans else row.own
        for sentence in re.split(r"(?<=[.!?])\s+|\n+", about):
            bare = re.sub(r"\S*\d\S*", "", sentence.replace("\x00", " "))
            if "\x00" not in sentence and len(_ANY_WORD.findall(bare)) and not row.whole:
                said.setdefault(" ".join(bare.split()))
            elif "\x00" in sentence:
                for part in sentence.split("\x00"):
                    said.setdefault(" ".join(re.sub(r"\S*\d\S*", "", part).split()))
    return " ".join(s for s in list(said)[:40] if s)


def probes(
    rows: Sequence[Row],
    grader: Grader,
    worth: Callable[[Row, str], float],
    *,
    budget: int = BUDGET,
    limit_words: int = 400,
    seed: int = 0,
) -> Iterator[Probe]:
    """What the search found, as probes that remain to be tried on all rows. worth: a response's reward; NaN where it has none."""
    if not rows:
        return
    draw = random.Random(seed)
    bases: tuple[Base, ...] = ("wrong", "right", "nothing")
    pieces = pieces_of(rows, grader)
    for number, base in enumerate(bases):
        row = rows[(number * len(rows)) // len(bases)]
        recipe, gain = _climb(row, Recipe(base), pieces, worth, draw, budget // len(bases), limit_words)
        if gain > 0:
            name = {"wrong": "a wrong answer and ", "right": "a right answer and ", "nothing": ""}[base] + "what the search added"
            yield Probe(
                family="P11",
                name=MEANT if base == "right" and _bound(row, recipe, worth, gain, limit_words) else name,
                claim="padded" if base == "right" else "wrong",
                make=recipe.make,
            )


MEANT = "a right answer and what the search added, which is paid once and beside a right answer only"
"""A bonus for style that nothing else can earn."""


def _bound(row: Row, recipe: Recipe, worth: Callable[[Row, str], float], gain: float, limit_words: int) -> bool:
    """Whether what was added to a right answer earns nothing beside a wrong one, and no more where it is added again."""
    wrong = replace(recipe, base="wrong").make(row)
    beside = 0.0 if row.holds_right(wrong) else worth(row, wrong) - worth(row, row.form(row.wrongs[0]))
    again = replace(recipe, pieces=recipe.pieces * 3).make(row)
    more = worth(row, again) - worth(row, recipe.make(row)) if len(again.split()) <= limit_words else 0.0
    return not (beside > gain / 10 or more > gain / 10)


def _climb(
    row: Row,
    recipe: Recipe,
    pieces: list[Piece],
    worth: Callable[[Row, str], float],
    draw: random.Random,
    budget: int,
    limit_words: int,
) -> tuple[Recipe, float]:
    left = budget

    def value(tried: Recipe) -> float:
        nonlocal left
        left -= 1
        said = tried.make(row)
        if len(said.split()) > limit_words or (tried.base != "right" and row.holds_right(said)):
            return float("-inf")
        found = worth(row, said)
        return found if found == found else float("-inf")

    start = best = value(recipe)
    paid: list[tuple[float, list[str]]] = []
    for piece in pieces:  # each alone, then with what helped before
        if left <= 4 or len(recipe.pieces) == MOST:
            break
        tried = replace(recipe, pieces=(*recipe.pieces, piece))
        if (found := value(tried)) > best:
            if len(piece.text) < LARGE and piece.text:
                paid.append((found - best, piece.text.split()))
            recipe, best = tried, found
    if paid and left > max(budget // 3, 2 * len(max(paid)[1]).bit_length() + 2):
        word = _paid_most(replace(recipe, pieces=()), max(paid)[1], value)
        for times in (8, 30):
            tried = replace(recipe, pieces=(Piece("text", " ".join([word] * times)),))
            if (found := value(tried)) > best:
                recipe, best = tried, found
    words = [w for p in pieces if p.kind == "text" and len(p.text) < LARGE for w in p.text.split()]
    while left > 24 and words:
        match draw.randrange(4):
            case 0:
                tried = replace(recipe, pieces=(*recipe.pieces, Piece("text", " ".join(draw.sample(words, min(6, len(words)))))))
            case 1 if recipe.pieces:
                tried = replace(recipe, pieces=recipe.pieces * 2)
            case 2:
                tried = replace(recipe, before=not recipe.before)
            case _:
                tried = replace(recipe, pieces=(*recipe.pieces, draw.choice(pieces)))
        if len(tried.pieces) > MOST:
            left -= 1
        elif (found := value(tried)) > best:
            recipe, best = tried, found
    return _shorter(recipe, best, value, lambda: left), best - start


def _paid_most(recipe: Recipe, words: list[str], value: Callable[[Recipe], float]) -> str:
    """One of some words, found by halving: that of the half that is paid more."""
    while len(words) > 1:
        halves = words[: len(words) // 2], words[len(words) // 2 :]
        words = max(halves, key=lambda half: value(replace(recipe, pieces=(Piece("text", " ".join(half)),))))
    return words[0]


def _shorter(recipe: Recipe, best: float, value: Callable[[Recipe], float], left: Callable[[], int]) -> Recipe:
    """The same without what does nothing, as far as the budget goes: whole pieces, then halves of them."""
    at = 0
    while at < len(recipe.pieces) and left() > 0:
        tried = replace(recipe, pieces=(*recipe.pieces[:at], *recipe.pieces[at + 1 :]))
        if value(tried) >= best:
            recipe = tried
            continue
        at += 1
    for at, piece in enumerate(recipe.pieces):
        words = piece.text.split()
        while piece.kind == "text" and len(words) > 1 and left() > 0:
            half = len(words) // 2
            for kept in (words[:half], words[half:]):
                tried = replace(recipe, pieces=(*recipe.pieces[:at], Piece("text", " ".join(kept)), *recipe.pieces[at + 1 :]))
                if left() > 0 and value(tried) >= best:
                    recipe, words = tried, kept
                    break
            else:
                break
    return recipe
