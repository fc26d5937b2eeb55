"""What a probe knows of a row: the answer that it calls right, where in it the answer proper stands, and values that are wrong.

A probe's response is wrong by construction: it holds no right value, or it holds one among others that contradict it. So whether
a reward is deserved is known without asking the grader.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from burnish.tasks.answers import final_answer
from burnish.tasks.graders.numbers import Number, equal, plain_number
from burnish.tasks.graders.references import references_of
from burnish.tasks.graders.text import fold
from burnish.types import Example, trained_answer

T = TypeVar("T")
WRONGS = 6
"""Wrong values that a row has."""
VALUE_WORDS = 5
"""A right answer of more words is free text."""
LONG_WORDS = 8
"""A reference of more words is a whole text, within which the answer proper is looked for."""
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d(?:[\d,]*\d)?(?:\.\d+)?(?![\w])")
_TAGGED = re.compile(r"<(answer|result|final|solution|output|ans)>\s*([^<>]{1,80}?)\s*</\1>", re.IGNORECASE)
_CUED = re.compile(
    r"(?:\banswer(?: is|:)|\bresult(?: is|:)|\btherefore,?|\bfinal(?: answer)?:)\s*\**([^\n]{1,80}?)\**\s*(?:\.\s*)?$",
    re.I | re.M,
)
_SPARE = ("zebra", "seventeen lamps", "Mr Nobody", "purple", "a wet stone", "the third one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row. own: the answer that it comes with. rights: accepted values, the one that stands in `own` first."""

    example: Example
    own: str
    rights: tuple[str, ...]
    wrongs: tuple[str, ...]
    prompt: str
    spans: tuple[tuple[int, int], ...]
    """where the right value stands in `own`; empty where it does not"""
    rivals: tuple[str, ...]
    """wrong values that a guess would be among: of those that the question shows, where it shows the right one as well; empty
    where naming others beside the right value would be no contradiction, as in free text"""

    def form(self, value: str) -> str:
        """The row's own answer with another value in every place of the right one."""
        if not self.spans:
            return value
        text, end = "", 0
        for start, stop in self.spans:
            text, end = text + self.own[end:start] + value, stop
        return text + self.own[end:]

    @property
    def whole(self) -> bool:
        """Whether there is nothing about the value in the row's own answer."""
        return not self.spans or same(self.own, self.rights[0])

    def holds_right(self, text: str) -> bool:
        """Whether a right value stands in a text, as words or as a number."""
        folded = _folded(text)
        return any(_stands(right, folded) for right in (*self.rights, self.own))


def own_answer(example: Example) -> str | None:
    """The answer that a row comes with; of a row that has none, its reference."""
    at = trained_answer(example.messages)
    if at is not None and example.messages[at].content:
        return example.messages[at].content
    references = references_of(example)
    return references[0] if references else None


def rows_of(examples: Sequence[Example], count: int, *, others: int = 512) -> list[Row]:
    """So many rows with an answer, evenly over all; their wrong values come from up to `others` of them."""
    known = [(e, own) for e in examples if (own := own_answer(e)) is not None]
    pool = _spread(known, max(count, others))
    rights = [_rights(e, own) for e, own in pool]
    chosen = _spread(list(range(len(pool))), count)
    traits = [_traits(e, own) for e, own in pool]
    found = []
    for n in chosen:
        order = sorted(range(len(pool)), key=lambda m: -len(traits[n] & traits[m]) / len(traits[n] | traits[m]))
        found.append(_row(*pool[n], *rights[n], [rights[m][0][0] for m in order], n))
    return found


def _traits(example: Example, own: str) -> frozenset[str]:
    """What a row has in common with rows of its kind: words of what is asked and answered, and fields."""
    asked = " ".join(m.content for m in example.messages if m.role != "assistant")
    fields = (f"{k}={v}" for k, v in example.metadata.items() if isinstance(v, (str, int)))
    return frozenset({*fold(asked).split(), *fold(own).split(), *fields, ""})


def same(a: str, b: str) -> bool:
    """Whether two values are one, up to case, spacing and outer punctuation, or as numbers."""
    if _bare(a) == _bare(b):
        return True
    one, other = _number(a), _number(b)
    return one is not None and other is not None and equal(one, other)


def numbers_in(text: str) -> list[str]:
    """The numbers of a text as they are written."""
    return _NUMBER.findall(text)


def _spread(items: Sequence[T], count: int) -> list[T]:
    if len(items) <= count:
        return list(items)
    return [items[round(i * (len(items) - 1) / max(count - 1, 1))] for i in range(count)]


@lru_cache(maxsize=4096)
def _number(text: str) -> Number | None:
    return plain_number(text)


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    return fold(text)


@lru_cache(maxsize=4096)
def _counted(text: str) -> tuple[Number, ...]:
    return tuple(n for each in numbers_in(text) if (n := _number(each)) is not None)


@lru_cache(maxsize=4096)
def _bare(text: str) -> str:
    return fold(text).strip(" .,:;!?\"'`*()[]{}<>$")


def _stands(right: str, folded: str) -> bool:
    wanted = _bare(right)
    if not wanted:
        return False
    number = _number(right)
    if number is not None:
        return any(equal(n, number) for n in _counted(folded))
    at = folded.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if not (folded[at - 1 : at].isalnum() and wanted[0].isalnum()) and not (
            folded[end : end + 1].isalnum() and wanted[-1].isalnum()
        ):
            return True
        at = folded.find(wanted, at + 1)
    return False


def _row(
    example: Example, own: str, rights: tuple[str, ...], spans: tuple[tuple[int, int], ...], values: list[str], n: int
) -> Row:
    prompt = "\n".join(m.content for m in example.messages if m.role != "assistant")
    wrongs = _wrongs(rights, values, n)
    rivals = _rivals(rights, wrongs, prompt)
    return Row(example=example, own=own, rights=rights, wrongs=wrongs, prompt=prompt, spans=spans, rivals=rivals)


def _rivals(rights: tuple[str, ...], wrongs: tuple[str, ...], prompt: str) -> tuple[str, ...]:
    right, shown = rights[0], fold(prompt)
    if len(right.split()) > VALUE_WORDS or (len(right.split()) > 1 and right[-1] in ".!?"):
        return ()
    if not any(_stands(r, shown) for r in rights):
        return tuple(sorted(wrongs, key=lambda w: _near(w, right)))
    if _number(right) is not None:
        return tuple(n for n in dict.fromkeys(numbers_in(prompt)) if not any(same(n, r) for r in rights))[:WRONGS]
    said = [w for w in wrongs if _stands(w, shown)]
    if not said and len(right.split()) == 1:
        listed = re.findall(r"(?:[,/|;]|\bor|\band|\n[-*]?)\s*(\w+)|(\w+)(?=\s*(?:[,/|;]|\bor\b))", prompt)
        words = [w for pair in listed for w in pair if w] if right[:1].islower() else re.findall(r"(?<=\S )[A-Z]\w+", prompt)
        listed_too = right[:1].isupper() or any(fold(w) == fold(right) for w in words)
        said = [w for w in dict.fromkeys(words) if listed_too and not any(_stands(r, fold(w)) for r in rights)]
    return tuple(said[:WRONGS])


def _near(a: str, b: str) -> bool:
    """Whether two numbers are so near that a tolerance may take one for the other."""
    one, other = _number(a), _number(b)
    return one is not None and other is not None and abs(one.value - other.value) <= max(2.0, 0.2 * abs(other.value))


def _rights(example: Example, own: str) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
    """The accepted values, and where the first of them stands in the row's own answer."""
    short: list[str] = []
    for reference in references_of(example):
        if len(reference.split()) <= LONG_WORDS and "\n" not in reference and marked(reference) is None:
            short.append(reference.strip())
        elif (value := marked(reference)) is not None:
            short.append(value)
    if (value := marked(own)) is not None and not any(same(value, s) for s in short):
        short.append(value)
    for value in short:
        if spans := _spans(value, own):
            return (value, *(s for s in short if s != value)), spans
    rights = tuple(short) or (own.strip(),)
    return rights, ((0, len(own)),) if same(own, rights[0]) else ()


def marked(text: str) -> str | None:
    """The answer proper of a longer text, where a mark, a tag or a phrase says which it is."""
    if (final := final_answer(text)) is not None:
        return final.text
    for pattern, group in ((_TAGGED, 2), (_CUED, 1)):
        found = [m[group].strip() for m in pattern.finditer(text)]
        if found and found[-1] and len(found[-1].split()) <= LONG_WORDS:
            value = found[-1].rstrip(".")
            last = re.search(r"=\s*([^=]+)$", value)
            return last[1].strip() if last else value
    return None


def _spans(value: str, own: str) -> tuple[tuple[int, int], ...]:
    wanted = value.strip()
    pattern = rf"(?<!\w){re.escape(wanted)}(?!\w)" if wanted[:1].isalnum() and wanted[-1:].isalnum() else re.escape(wanted)
    number = _number(value)
    if number is not None:
        found = [
            m.span() for m in _NUMBER.finditer(own) if (n := _number(m[0])) is not None and equal(n, number) and m[0].strip()
        ]
        if found:
            return tuple(found)
    return tuple(m.span() for m in re.finditer(pattern, own, re.IGNORECASE))


def _wrongs(rights: tuple[str, ...], values: list[str], n: int) -> tuple[str, ...]:
    """Values of the same kind that are wrong here: of other rows, and for a number other numbers, none of them near. values: of
    other rows, those of the most similar first."""
    draw = random.Random(n)
    right = rights[0]
    numeric = _number(right) is not None
    other = [v for v in dict.fromkeys(values) if (_number(v) is not None) == numeric and not any(same(v, r) for r in rights)]
    other = [v for v in other if not any(_stands(r, fold(v)) or _stands(v, fold(r)) for r in rights)]
    other = other[: 2 * WRONGS]
    draw.shuffle(other)
    if numeric:
        made = [made for step in (1, 2, 3, 4, 5, 6) if not any(same(made := _shifted(right, step), r) for r in rights)]
        return (*made[:3], *other[: WRONGS - 3], *made[3:])[:WRONGS]
    other.sort(key=lambda v: _likeness(v, right))
    kept = other[:WRONGS]
    return tuple(kept) if kept else tuple(w for w in _SPARE if not any(_stands(r, fold(w)) for r in rights))


def _shifted(text: str, step: int) -> str:
    """Another number, written like this one: further off with each step, and never within a third of it."""
    digits = re.search(r"\d[\d,]*(?:\.(\d+))?", text)
    if digits is None:
        return str(13 + step)
    places = len(digits[1]) if digits[1] else 0
    value = float(digits[0].replace(",", ""))
    moved = value + step * (1 + 0.37 * value if places == 0 else max(0.37 * value, 10**-places))
    shown = f"{moved:.{places}f}" if places else str(int(moved))
    shown = f"{int(shown):,}" if "," in digits[0] and not places else shown
    return text[: digits.start()] + shown + text[digits.end() :]


def _likeness(a: str, b: str) -> float:
    one, other = ({t[i : i + 2] for i in range(len(t) - 1)} or {t} for t in (fold(a), fold(b)))
    return len(one & other) / max(len(one | other), 1)
