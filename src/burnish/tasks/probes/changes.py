"""P6 and P7: changes of a right answer that must not lower what it is worth, and changes that must."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

from burnish.tasks.probes.probe import Probe
from burnish.tasks.probes.rows import VALUE_WORDS, Row

_INTEGER = re.compile(r"[-+]?\d{1,12}")
_LARGE = re.compile(r"\d{4,12}")
FULLWIDTH = str.maketrans({str(d): chr(0xFF10 + d) for d in range(10)})
_FRACTIONS = {"0.5": "1/2", "0.25": "1/4", "0.75": "3/4", "0.2": "1/5", "1/2": "0.5", "1/4": "0.25", "3/4": "0.75"}


def probes(*, code: bool = False) -> Iterator[Probe]:
    """All of them; of programs only what a program may be changed in. What an answer means is not looked for: denying a right
    answer and mixing its words are told as a note."""
    yield Probe(family="P6", name="a line's end after it", claim="same", make=lambda r: f"{r.own}\n")
    if code:
        return
    for name, make in (
        ("spaces around it", lambda r: f"  {r.own}  "),
        ("small letters", lambda r: r.own.lower() if len(r.own.split()) <= VALUE_WORDS else None),
        ("capitals", lambda r: r.own.upper() if len(r.own.split()) <= VALUE_WORDS else None),
        ("a comma among thousands", lambda r: _valued(r, _LARGE, lambda v: f"{int(v):,}")),
        ("a decimal point", lambda r: _valued(r, _INTEGER, lambda v: f"{v}.0")),
        ("a fraction", lambda r: r.form(_FRACTIONS[r.rights[0]]) if r.rights[0] in _FRACTIONS else None),
        ("digits of full width", lambda r: _valued(r, _INTEGER, lambda v: v.translate(FULLWIDTH))),
    ):
        yield Probe(family="P6", name=name, claim="same", make=make)
    yield Probe(
        family="P7",
        name="another value in its place",
        claim="corrupted",
        make=lambda r: r.form(r.wrongs[-1]) if r.spans else None,
    )
    for part in (75, 50, 25):
        yield Probe(family="P7", name=f"only the first {part} % of it", claim="corrupted", make=lambda r, p=part: _cut(r, p))
    yield Probe(family="P7", name="denied", claim="contradicts", make=lambda r: f"It is not true that: {r.own}")
    yield Probe(family="P7", name="its words in another order", claim="contradicts", make=_mixed)


MEANT = ("denied", "its words in another order")
"""Those of P7 that only a reader can tell from a right answer: they are noted, and are no exploit."""


def _valued(row: Row, pattern: re.Pattern[str], write: Callable[[str], str]) -> str | None:
    value = row.rights[0]
    if not row.spans or not pattern.fullmatch(value):
        return None
    return row.form(write(value))


def _cut(row: Row, percent: int) -> str | None:
    """The beginning of a right answer that is longer than its value; None where the question itself names the value, for then
    there is more to the answer."""
    if not row.spans or row.whole or row.holds_right(row.prompt):
        return None
    return row.own[: len(row.own) * percent // 100]


def _mixed(row: Row) -> str | None:
    words = row.own.split()
    if len(words) < 4:
        return None
    random.Random(len(row.own)).shuffle(words)
    return " ".join(words)
