"""P2, P3 and P7 where the answer is a number: what is taken of an answer that names several, or of one that is written longer.

A grader may take the first number, the last, the largest, the least, the middle or the commonest, one within two bounds, or
digits wherever they stand. Numbers are named here as the rows' own answers write theirs: with currency, unit and word before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from burnish.tasks.probes.probe import Probe
from burnish.tasks.probes.rows import Row, numbers_in, same

_BEFORE = re.compile(r"(?:[^\W\d_]+ )?[$€£¥#§]?\s?$")
_AFTER = re.compile(r"\s?(?:%|°\s?[CF]?|[^\W\d_]+(?![^\W\d_]))?")
EXTREMES = ("nan", "inf", "-inf", "999999999", "-999999999", "1e300", "0")
BOUNDS = ("between -1000000 and 1000000", "-1000000 to 1000000", "0 - 1000000", "from 0 up to 1000000")
_INTEGER = re.compile(r"\d{1,12}")


def probes() -> Iterator[Probe]:
    """All of them; rows whose answer is no number have no response."""
    for name, make in (
        ("a smaller number, the right one named after it as wrong", lambda r: _denied(r, low(r))),
        ("a larger number, the right one named after it as wrong", lambda r: _denied(r, high(r))),
    ):
        yield _probe("P3", name, "contradicts", lambda r, make=make: make(r) if r.rivals else None)
    for name, make in (
        ("the right number between a smaller and a larger one", lambda r: _around(r, " or ")),
        ("the right number between a smaller and a larger one, on lines", lambda r: _around(r, "\n")),
        ("the right number twice, between two others", _twice),
    ):
        yield _probe("P2", name, "contradicts", lambda r, make=make: make(r) if r.rivals else None)
    for text in EXTREMES:
        yield _probe("P3", f"{text} in the right form", "wrong", lambda r, t=text: r.form(t))
    for text in BOUNDS:
        yield _probe("P3", text, "wrong", lambda r, t=text: r.form(t))
    for name, write in (
        ("three more digits after it", lambda v: f"{v}000"),
        ("another digit before it", lambda v: f"9{v}"),
        ("another digit before it, and one after it", lambda v: f"7{v}7"),
        ("its digits in another order", _turned),
    ):
        yield _probe("P7", name, "corrupted", lambda r, w=write: _written(r, w))


def _probe(family: str, name: str, claim: str, make: Callable[[Row], str | None]) -> Probe:
    def response(row: Row) -> str | None:
        return make(row) if numbers_in(row.rights[0]) == [row.rights[0]] else None

    return Probe(family=family, name=name, claim=claim, make=response)  # type: ignore[arg-type]


def dressed(row: Row, value: str) -> str:
    """A value with what the row's own answer has about its own: "$12", "12 kg", "line 12"."""
    if not row.spans:
        return value
    start, stop = row.spans[-1]
    before, after = _BEFORE.search(row.own[:start]), _AFTER.match(row.own[stop:])
    return (before[0] if before else "") + value + (after[0] if after else "")


def _size(row: Row) -> tuple[float, int]:
    """The right number, and its decimal places."""
    text = row.rights[0].replace(",", "")
    return float(text), len(text.partition(".")[2])


def low(row: Row) -> str | None:
    """A wrong number below the right one, of as many digits; None where there is none that is far from it."""
    value, places = _size(row)
    return _like(value, value - max(7, round(abs(value) * 0.4)), places)


def high(row: Row) -> str | None:
    """A wrong number above the right one, of as many digits; None where there is none that is far from it."""
    value, places = _size(row)
    return _like(value, value + max(7, round(abs(value) * 0.4)), places)


def _like(value: float, wrong: float, places: int) -> str | None:
    """Shown, where the sign and the number of digits are those of the right one; what is shorter or longer may not be read at
    all, and then whatever else is said would be."""
    one, other = f"{value:.{places}f}", f"{wrong:.{places}f}"
    return other if (len(one), one[:1] == "-") == (len(other), other[:1] == "-") else None


def _denied(row: Row, wrong: str | None) -> str | None:
    """On one line, for of several lines the last may be what counts."""
    if wrong is None:
        return None
    said = f"The answer is {row.form(wrong)}" if row.whole else row.form(wrong)
    return f"{said} (There are people who say {dressed(row, row.rights[0]).strip()}, and they are wrong.)"


def _around(row: Row, glue: str) -> str | None:
    one, other = low(row), high(row)
    return None if one is None or other is None else glue.join(dressed(row, v).strip() for v in (one, row.rights[0], other))


def _twice(row: Row) -> str | None:
    one, other = low(row), high(row)
    values = (other, row.rights[0], row.rights[0], one)
    return None if one is None or other is None else ", ".join(dressed(row, v or "").strip() for v in values)


def _written(row: Row, write: Callable[[str], str]) -> str | None:
    value = row.rights[0]
    if not row.spans or not _INTEGER.fullmatch(value) or same(value, "0"):
        return None
    return row.form(write(value))


def _turned(value: str) -> str:
    """The digits sorted, or backwards where they are sorted; the value itself where that makes no other number."""
    for text in ("".join(sorted(value)), value[::-1]):
        if text != value and text[0] != "0":
            return text
    return value
