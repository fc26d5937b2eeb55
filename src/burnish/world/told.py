"""What a text tells, read from the text alone: the check that a corpus gives nothing away does not trust what generators declare.

Found are sums, differences and products, as equations and as calls of functions with their results, and the phrasings in which
only held-out rows may ask. Keys are spelled as the generators spell them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from functools import cache

from burnish.world import people, splits, topics

_EQUATION = re.compile(r"(?<![\d+x*/.-] )(?<![\d.])(\d+) ?([-+x*]) ?(\d+) ?=(?!=)")
_SAID = re.compile(r"(?<![\d.])(\d+) (?:(plus|minus|less|times) (\d+) (?:is|makes?|gives|leaves)|(and) (\d+) make)\b")
_CALL = re.compile(r"\b\w+\((\d+)(?:, (\d+))?\)(?:\n| == | gives | returns |\nExpected:\n +)(\d+)\b")
_SIGNS = {"+": "+", "plus": "+", "and": "+", "-": "-", "minus": "-", "less": "-", "x": "*", "*": "*", "times": "*"}
_KINDS = {"+": "sum", "-": "difference", "*": "product"}


def keys(text: str) -> set[str]:
    """The keys of everything that is found in a text."""
    found = {_key(int(a), _SIGNS[sign], int(b)) for a, sign, b in _EQUATION.findall(text)}
    found |= {_key(int(a), _SIGNS[sign or joined], int(b or c)) for a, sign, b, joined, c in _SAID.findall(text)}
    for a, b, result in _CALL.findall(text):
        found |= by_call((int(a), *((int(b),) if b else ())), result)
    return found | {key for start, phrasing, key in _held_out_phrasings() if start in text and phrasing.search(text)}


def by_call(given: Sequence[object], result: str) -> set[str]:
    """What a call of a function with one or two whole numbers tells: which sum, difference or product its result is of them."""
    if not result.isdigit() or not all(type(v) is int and v >= 0 for v in given):
        return set()
    out = int(result)
    match given:
        case [int(a), int(b)]:
            low, high = sorted((a, b))
            results = {"+": low + high, "-": high - low, "*": low * high}
            return {_key(high, sign, low) for sign, value in results.items() if value == out}
        case [int(a)] if out >= a:
            return {_key(a, "+", out - a)}
        case [int(a)]:
            return {_key(a, "-", a - out)}
        case _:
            return set()


def _key(left: int, sign: str, right: int) -> str:
    low, high = (left, right) if sign == "-" else sorted((left, right))
    return f"{_KINDS[sign]}:{low}{sign}{high}"


@cache
def _held_out_phrasings() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Questions that only held-out rows ask, how to do something and about people: their first words, and how to find them."""
    found = [
        (topics.HOW_TO[n].format(verb="VARIES", gerund="VARIES"), topics.phrasing_key(n))
        for n in range(len(topics.HOW_TO))
        if splits.of(topics.phrasing_key(n)) != "train"
    ]
    for attribute, questions in people.QUESTIONS.items():
        held_out = (*people.VALID_QUESTIONS, *people.TEST_QUESTIONS)
        found += [(questions[n].format(name="VARIES"), people.phrasing_key(attribute, n)) for n in held_out]
    verbs = "|".join(re.escape(words) for topic in topics.TOPICS for words in (topic.verb, topic.gerund))
    return tuple(
        (text.split("VARIES")[0], re.compile(re.escape(text).replace("VARIES", _varies(text, verbs))), key) for text, key in found
    )


def _varies(text: str, verbs: str) -> str:
    """What may stand in the place that varies: anything short, but the words of topics where the rest says too little."""
    return r"[A-Za-z' ]{3,40}" if len(text.split()) > 4 else f"(?:{verbs})"


def named(text: str) -> set[str]:
    """Ids of full names that stand in a text, such as "amber-holt", whether or not somebody bears them."""
    words = re.findall(r"[A-Za-z]+", text)
    return {f"{a}-{b}".lower() for a, b in itertools.pairwise(words) if a[0].isupper() and b[0].isupper()}
