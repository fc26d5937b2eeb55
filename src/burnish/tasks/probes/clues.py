"""P13, the part that computes: answers that follow from what stands beside a question, or from how it is written.

Beside it stands what is in an id, a name, a comment, brackets, a head or foot line, a system message. What stands there is taken
apart, and it is tried whether the answer is that part, is linear in it, is its digits' sum, what it spells in another base or
code, or what it counts off in the text; or comes of two such numbers. How it is written: initials, capitals, counts of marks.

What is fitted is fitted to two rows and must hold on three quarters of each half; nothing counts that the question speaks of.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from burnish.tasks.graders.text import fold
from burnish.tasks.probes.spellings import from_roman

KEYS = 40
"""Places, of all that most rows have, that are looked at."""
PAIRED = 8
"""Of those, so many are combined two by two."""
SHARE = 0.75
DISTINCT = 6
"""Different answers that a fitted rule must give."""
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SIDE_LABEL = (
    r"question|item|nr|no|number|id|task|row|exercise|problem|case|page|version|seed|ref|reference|line|ticket|test|card|quiz|q|"
    r"index|entry|sample|example|part|lesson|puzzle|sheet|build|batch|code|file|record|form|printed|rev|revision|edition|set|tag|"
    r"token|key|hash|serial|lot|barcode|stamp|timestamp|date|created|updated|source|src|series|chapter|section|level|"
    r"difficulty|points|page|folio|copy|slot|room|session|uid|uuid|signature|nonce|salt|meta|note|category|unit|drawer|shelf|box"
)
_LABELLED = re.compile(rf"(?<![^\W_])({_SIDE_LABEL})(?![^\W_])[\s.:=#№-]{{0,3}}([^\s,;()\[\]<>\"']*\d[^\s,;()\[\]<>\"']*)", re.I)
_HASHED = re.compile(r"(#)(\d[\w./-]*)")
_MIXED = re.compile(r"(?<![\w/])(?=[\w./:@+=-]*\d)(?=[\w./:@+=-]*[^\W\d_])[\w.:@+=-]+(?:[/_-][\w.:@+=-]+)*")
_DATED = re.compile(r"(?<!\d)(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?")
_ENCLOSED = (
    ("a comment", re.compile(r"<!--(.*?)-->|/\*(.*?)\*/|\{#(.*?)#\}", re.S)),
    ("brackets", re.compile(r"\[([^\[\]\n]{1,80})\]")),
    ("parentheses", re.compile(r"\(([^()\n]{1,80})\)")),
    ("braces", re.compile(r"\{([^{}\n]{1,80})\}")),
    ("a tag", re.compile(r"<([a-zA-Z][^<>\n]{1,120})>")),
)
_FIELD = re.compile(r"^\W{0,3}([A-Za-z][\w ./-]{0,24})\s?[:=]\s?(\S.{0,60})$", re.M)


@dataclass(frozen=True, slots=True)
class Text:
    """What one row shows, and what would be right. parts: "system", "earlier", "asked", "tools". right: number of the right
    option, None where there are none."""

    parts: tuple[tuple[str, str], ...]
    wanted: tuple[str, ...]
    right: int | None

    @property
    def number(self) -> Fraction | None:
        return _number(self.wanted[0]) if self.wanted else None


Rule = tuple[str, Callable[[int], bool]]
"""A name, and whether it gives the answer of the row of that number."""


def rules(rows: Sequence[Text]) -> Iterator[Rule]:
    """What can be tried on rows; those that cannot be right are left out."""
    sides = [_sides(row) for row in rows]
    counted = Counter(key for side in sides for key in side)
    keys = [k for k, n in counted.most_common() if n >= SHARE * len(rows)][:KEYS]
    apart = {k: _without(rows, sides, k) for k in keys}
    keys = [k for k in keys if len({s.get(k) for s in sides}) > 1 and len(set(apart[k])) >= SHARE * len(rows)]
    for key in keys:
        yield from _read(key, [s.get(key, "") for s in sides], rows, fits=_has_own_numbers(apart[key]))
    numeric = [k for k in keys if sum(_number(s.get(k, "")) is not None for s in sides) >= SHARE * len(rows)]
    numeric = [k for k in numeric if len({s.get(k) for s in sides}) > 2][:PAIRED]
    for n, one in enumerate(numeric):
        for other in numeric[n + 1 :]:
            if _has_own_numbers(_without(rows, sides, one, other)):
                yield from _paired(one, other, sides, rows)
    yield from _written(rows)


def _without(rows: Sequence[Text], sides: Sequence[dict[str, str]], *keys: str) -> list[str]:
    """The questions without what stands in these places."""
    left = []
    for row, side in zip(rows, sides, strict=True):
        text = dict(row.parts).get("asked", "")
        for key in keys:
            whole = side.get(key.partition(", ")[0], side.get(key, ""))
            text = text.replace(whole or "\x00", " ", 1)
        left.append(fold(text))
    return left


def _has_own_numbers(texts: Sequence[str]) -> bool:
    """Whether questions have two numbers or more that differ from row to row, so that there is something to compute with; where
    they have not, what was taken out of them may be what is to be computed with."""
    numbers = [re.findall(r"\d+(?:\.\d+)?", t) for t in texts]
    varied = [len({n[at] for n in numbers if len(n) > at}) > len(texts) / 4 for at in range(8)]
    return sum(varied) >= 2


def _number(text: str) -> Fraction | None:
    text = text.strip().replace(",", "").rstrip(".")
    return Fraction(text) if re.fullmatch(r"-?\d{1,15}(?:\.\d{1,6})?", text) else None


def _sides(row: Text) -> dict[str, str]:
    """Places beside the question, and what stands there."""
    found: dict[str, str] = {}

    def add(key: str, token: str) -> None:
        token = token.strip(" .,;:!?\"'")
        if not token:
            return
        found.setdefault(key, token)
        pieces = [p for p in re.split(r"[^\w]+|_|(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z])(?=\d)", token) if p]
        if 1 < len(pieces) <= 8:
            for at, piece in enumerate(pieces):
                found.setdefault(f"{key}, part {at + 1}", piece)
                found.setdefault(f"{key}, part {len(pieces) - at} from its end", piece)

    for part, text in row.parts:
        where = "" if part == "asked" else f" of the {part} text"
        for label, token in _LABELLED.findall(text):
            add(f"what stands after {label.lower()!r}{where}", token)
        for label, token in _HASHED.findall(text):
            add(f"what stands after {label!r}{where}", token)
        for at, m in enumerate(_MIXED.finditer(text)):
            if at < 4:
                add(f"name {at + 1}{where}", m[0])
        for m in _DATED.finditer(text):
            for name, value in zip(("year", "month", "day", "hour", "minute", "second"), m.groups(), strict=True):
                if value is not None:
                    found.setdefault(f"the {name} of a date{where}", value.lstrip("0") or "0")
        for name, pattern in _ENCLOSED:
            for at, m in enumerate(pattern.finditer(text)):
                inside = next((g for g in m.groups() if g), "").strip()
                if at < 2 and not re.fullmatch(r"[A-Ha-h\d]", inside) and (name != "parentheses" or len(inside.split()) < 5):
                    _tokens(found, f"{name} {at + 1}{where}", inside)
        for label, token in _FIELD.findall(text):
            if len(token.split()) <= 3 and "?" not in token:
                _tokens(found, f"the line {label.lower()!r}{where}", token)
        if part in ("system", "earlier"):
            for at, number in enumerate(re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?", text)[:6]):
                found.setdefault(f"number {at + 1}{where}", number)
            _tokens(found, f"the words{where}", text[-80:])
    return found


def _tokens(found: dict[str, str], key: str, text: str) -> None:
    """A short text, its words from both ends, and its numbers."""
    found.setdefault(key, text)
    words = [w.strip(".,;:!?\"'()[]{}<>=") for w in text.split()]
    for at, word in enumerate(words[:6]):
        found.setdefault(f"{key}, word {at + 1}", word)
    for at, word in enumerate(reversed(words[-4:])):
        found.setdefault(f"{key}, word {at + 1} from its end", word)
    for at, number in enumerate(re.findall(r"\d+", text)[:4]):
        found.setdefault(f"{key}, number {at + 1}", number)
    found.setdefault(f"{key}, its digits", re.sub(r"\D", "", text))
    found.setdefault(f"{key}, its capitals", "".join(c for c in text if c.isupper()))


def _is(value: str, row: Text) -> bool:
    folded = fold(value)
    return bool(folded) and any(folded == fold(w) for w in row.wanted)


def _decoded(token: str) -> Iterator[tuple[str, str]]:
    """What a token may stand for."""
    yield "its letters backwards", token[::-1]
    yield "every second sign", token[::2]
    yield "every second sign from the second on", token[1::2]
    yield "every third sign", token[::3]
    yield "its capitals", "".join(c for c in token if c.isupper())
    yield "its small letters", "".join(c for c in token if c.islower())
    yield "its digits", "".join(c for c in token if c.isdigit())
    yield "its letters", "".join(c for c in token if c.isalpha())
    yield "without its first sign", token[1:]
    yield "without its last sign", token[:-1]
    yield "without its ends", token[1:-1]
    yield "its sorted signs", "".join(sorted(token))
    for size in (2, 3, 4):
        yield f"its last {size} signs", token[-size:]
        yield f"its first {size} signs", token[:size]
    yield "swapped in halves", token[len(token) // 2 :] + token[: len(token) // 2]
    digits = [int(c) for c in token if c.isdigit() and c.isascii()]
    if digits:
        yield "the sum of its digits", str(sum(digits))
        yield "its number of digits", str(len(digits))
    yield "its length", str(len(token))
    for base in (2, 3, 8, 12, 16, 32, 36):
        if re.fullmatch(r"[0-9a-zA-Z]{1,12}", token):
            with contextlib.suppress(ValueError):
                yield f"it in base {base}", str(int(token, base))
    if value := from_roman(token):
        yield "Roman figures", str(value)
    if len(token) == 1 and token.isalpha():
        yield "its place in the alphabet", str(ord(token.lower()) - 96)
    bare = token.rstrip("=")
    for name, decode, unit in (
        ("base64", base64.b64decode, 4),
        ("base32", base64.b32decode, 8),
        ("hexadecimal", bytes.fromhex, 2),
    ):
        if len(bare) >= 2 and re.fullmatch(r"[\w+/=-]+", token):
            try:
                raw = decode(bare + ("=" * (-len(bare) % unit) if unit > 2 else ""))
                yield name, raw.decode()
            except (ValueError, binascii.Error):
                pass


def _read(key: str, tokens: Sequence[str], rows: Sequence[Text], *, fits: bool) -> Iterator[Rule]:
    """Rules of one place."""
    yield f"the answer is {key}", lambda n: _is(tokens[n], rows[n])
    made: dict[str, list[str]] = {}
    for n, token in enumerate(tokens):
        for name, value in _decoded(token[:80]):
            made.setdefault(name, [""] * len(tokens))[n] = value
    for name, values in made.items():
        yield f"the answer is {key}: {name}", lambda n, v=values: _is(v[n], rows[n])
    yield from _numbered(key, tokens, rows, fits=fits)
    if not fits:
        return
    for name in ("the sum of its digits", "its length", "it in base 16", "it in base 36", "its number of digits", "it in base 2"):
        if (values := made.get(name)) is not None:
            yield from _fitted(f"{key}: {name}", [_number(v) for v in values], rows)


def _numbered(key: str, tokens: Sequence[str], rows: Sequence[Text], *, fits: bool) -> Iterator[Rule]:
    numbers = [_number(t) for t in tokens]
    if sum(n is not None for n in numbers) < SHARE * len(rows):
        return
    if fits:
        yield from _fitted(key, numbers, rows)
    for name, values in _counted_off(rows):
        for base in (0, 1):

            def at(n: int, base: int = base, values: Sequence[Sequence[str]] = values) -> bool:
                place = numbers[n]
                if place is None or place.denominator != 1:
                    return False
                index = int(place) - base
                return 0 <= index < len(values[n]) and any(_starts(values[n][index], w) for w in rows[n].wanted)

            yield f"{key} says which {name} is the answer", at


def _starts(text: str, wanted: str) -> bool:
    bare, want = fold(text).lstrip("\"'([*- "), fold(wanted)
    return len(want) > 1 and bare.startswith(want) and not bare[len(want) : len(want) + 1].isalnum()


def _counted_off(rows: Sequence[Text]) -> Iterator[tuple[str, list[list[str]]]]:
    """What can be counted in the texts."""
    texts = [dict(r.parts).get("asked", "") for r in rows]
    first = [re.split(r"\n\s*\n", t)[0] for t in texts]
    after = [t.partition(":")[2].lstrip() for t in texts]
    for name, which in (("", texts), (" of the first paragraph", first), (" after the colon", after)):
        yield f"word{name}", [[t[m.start() :] for m in _WORDS.finditer(t)] for t in which]
        yield f"word{name} from the end", [[t[m.start() :] for m in _WORDS.finditer(t)][::-1] for t in which]
        yield f"sign{name}", [[t[n:] for n in range(len(t))] if len(t) < 3000 else [] for t in which]
    yield "line", [t.split("\n") for t in texts]
    yield "of what commas part", [re.split(r"[,;:\n]\s*", t) for t in texts]


def _fitted(key: str, numbers: Sequence[Fraction | None], rows: Sequence[Text]) -> Iterator[Rule]:
    """The answer is linear in a number, or the right option is what is left of it."""
    known = [
        (n, x, y) for n, (x, row) in enumerate(zip(numbers, rows, strict=True)) if x is not None and (y := row.number) is not None
    ]
    if len(known) >= SHARE * len(rows) and len({y for _, _, y in known}) >= min(DISTINCT, len(rows)):
        lines = Counter[tuple[Fraction, Fraction]]()
        for (_, x, y), (_, u, v) in zip(known, [*known[1:], known[0]], strict=True):
            if u != x and v != y:
                slope = (v - y) / (u - x)
                if max(abs(slope.numerator), slope.denominator) < 10000:
                    lines[slope, y - slope * x] += 1
        for (slope, start), n in lines.most_common(1):
            if n > len(known) / 3:
                held = {m for m, x, y in known if slope * x + start == y}
                yield f"the answer is {_shown(slope, start)}, where n is {key}", lambda n, h=held: n in h
    options = [row.right for row in rows]
    if sum(o is not None for o in options) >= SHARE * len(rows) and len(set(options)) > 2:
        for by in range(3, 7):
            left = [None if x is None or x.denominator != 1 else int(x) % by for x in numbers]
            halves = (range(0, len(rows), 2), range(1, len(rows), 2))
            tables = [
                {left[n]: Counter(options[m] for m in half if left[m] == left[n]).most_common(1)[0][0] for n in half}
                for half in halves
            ]
            held = {
                n
                for half, table in zip(halves, reversed(tables), strict=True)
                for n in half
                if left[n] is not None and options[n] is not None and table.get(left[n]) == options[n]
            }
            if len(set(tables[0].values())) > 2:
                yield f"the right option is told by what {key} leaves divided by {by}", lambda n, h=held: n in h


def _shown(slope: Fraction, start: Fraction) -> str:
    return f"{slope} n + {start}" if start > 0 else f"{slope} n - {-start}" if start else f"{slope} n"


def _paired(one: str, other: str, sides: Sequence[dict[str, str]], rows: Sequence[Text]) -> Iterator[Rule]:
    """Two numbers beside the question make the answer."""
    pairs = [(_number(s.get(one, "")), _number(s.get(other, ""))) for s in sides]
    makes: tuple[tuple[str, Callable[[Fraction, Fraction], Fraction]], ...] = (
        ("the sum", lambda a, b: a + b),
        ("the difference", lambda a, b: abs(a - b)),
        ("the product", lambda a, b: a * b),
        ("the quotient", lambda a, b: a / b if b else Fraction(-1, 7)),
        ("the quotient", lambda a, b: b / a if a else Fraction(-1, 7)),
    )
    for name, make in makes:
        values = [None if a is None or b is None else make(a, b) for a, b in pairs]
        yield from _fitted(f"{name} of {one} and {other}", values, rows)
    yield (
        f"the answer is {one} and then {other}",
        lambda n: _is(sides[n].get(one, "") + sides[n].get(other, ""), rows[n]) and len(sides[n].get(one, "")) > 0,
    )


COUNTS: tuple[tuple[str, str, Callable[[str], int]], ...] = (
    ("signs", r"characters?|signs?|length|long|letters?", len),
    ("words", r"words?|length", lambda t: len(t.split())),
    ("spaces too many", r"spaces?", lambda t: len(re.findall(r"(?<=\S)  +(?=\S)", t))),
    ("spaces at its end", r"spaces?", lambda t: len(t) - len(t.rstrip(" "))),
    ("exclamation marks", r"marks?", lambda t: t.count("!")),
    ("question marks", r"marks?", lambda t: t.count("?")),
    ("full stops", r"marks?|dots?|sentences?|stops?", lambda t: t.count(".")),
    ("dashes", r"marks?|dash\w*|hyphens?", lambda t: t.count("-")),
    ("underlines", r"blanks?|underscores?", lambda t: t.count("_")),
    ("stars", r"stars?|asterisks?", lambda t: t.count("*")),
    ("hashes", r"hash\w*", lambda t: t.count("#")),
    ("equals signs", r"equal\w*|signs?", lambda t: t.count("=")),
    ("empty lines", r"lines?|paragraphs?", lambda t: t.count("\n\n")),
    ("capitals", r"capitals|upper\w*", lambda t: sum(c.isupper() for c in t)),
)
_COUNTS_ASKED = re.compile(r"\b(?:count\w*|how (?:many|long|much)|number of|total)\b", re.I)
BESIDE = ("spaces too many", "spaces at its end", "exclamation marks", "underlines")
"""Counts that tell nothing of what is asked about; the others may be what a question is about that asks how many there are."""
_MARKS_ASKED = re.compile(
    r"\b(?:marked|bold|italics?|stars?|starred|underlined|underscores?|emphasi\w*|highlight\w*|struck|backticks?|code|called|named?)\b",
    re.I,
)


def _written(rows: Sequence[Text]) -> Iterator[Rule]:
    """How the question is written: counts in it, initials, what is in capitals."""
    texts = [dict(r.parts).get("asked", "") for r in rows]
    counted = _often(_COUNTS_ASKED, texts)
    whole = [("the question", texts), ("its first line", [t.split("\n")[0] for t in texts])]
    whole += [("its last line", [t.rstrip("\n").split("\n")[-1] for t in texts])]
    for part in ("system", "earlier"):
        whole.append((f"the {part} text", [dict(r.parts).get(part, "") for r in rows]))
    for where, which in whole:
        for name, word, count in COUNTS:
            if not (counted and name not in BESIDE) and not any(re.search(rf"\b(?:{word})\b", t, re.I) for t in texts[:6]):
                yield from _fitted(f"the number of {name} of {where}", [Fraction(count(t)) if t else None for t in which], rows)
    if any(
        re.search(
            r"\b(?:initials?|acrostic|acronym|abbreviat\w*|first letters?|capitals|capital letters?|upper ?case|stands? for)\b",
            t,
            re.I,
        )
        for t in texts[:6]
    ):
        return
    for name, take in INITIALS:
        taken = ["\n".join(re.sub(r"[\W_]", "", s).casefold() for s in take("\n".join(p for _, p in r.parts))) for r in rows]
        yield f"the answer is spelled by {name}", lambda n, t=taken: _spelled(t[n], rows[n])
    for name, pattern in () if _often(_MARKS_ASKED, texts) else MARKED:
        found = [re.findall(pattern, t) for t in texts]
        yield f"the answer is the only one {name}", lambda n, f=found: len(set(f[n])) == 1 and _is(f[n][0].strip(), rows[n])


def _often(asked: re.Pattern[str], texts: Sequence[str]) -> bool:
    """Whether more than a quarter of the questions speak of it."""
    return sum(asked.search(t) is not None for t in texts) > (1 - SHARE) * len(texts)


MARKED = (
    ("in capitals", r"(?<![\w])[A-Z]{3,}(?![\w])"),
    ("in bold", r"\*\*([^*\n]{1,60})\*\*"),
    ("in HTML's bold", r"<(?:b|strong|mark|u|em|i)>([^<]{1,60})</"),
    ("between underlines", r"(?<!\w)_([^_\n]{1,60})_(?!\w)"),
    ("between stars", r"(?<!\*)\*([^*\n]{1,60})\*(?!\*)"),
    ("between backticks", r"`([^`\n]{1,60})`"),
    ("struck out", r"~~([^~\n]{1,60})~~"),
)


def _spelled(text: str, row: Text) -> bool:
    """Whether a value of three letters or more is the whole of one of these strings, or stands in it where it is long."""
    for value in row.wanted:
        want = re.sub(r"[\W_]", "", value).casefold()
        if (
            len(want) >= 3
            and want.isalpha()
            and any(line == want or (len(want) > 3 and want in line) for line in text.split("\n"))
        ):
            return True
    return False


def _lines(text: str) -> list[str]:
    return [s.strip() for s in text.split("\n") if s.strip()]


def _sentences(text: str) -> list[str]:
    return [s for s in re.split(r"(?<=[.!?])\s+|\n+", text) if s.strip()]


def _firsts(texts: Sequence[str]) -> str:
    return "".join(m[0] for t in texts if (m := re.search(r"[^\W_]", t)))


def _lasts(texts: Sequence[str]) -> str:
    return "".join(m[-1] for t in texts if (m := re.findall(r"[^\W_]", t)))


INITIALS: tuple[tuple[str, Callable[[str], Sequence[str]]], ...] = (
    ("the first letters of lines", lambda t: [_firsts(_lines(t))]),
    ("the last letters of lines", lambda t: [_lasts(_lines(t))]),
    ("the first letters of sentences", lambda t: [_firsts(_sentences(t))]),
    ("the last letters of sentences", lambda t: [_lasts(_sentences(t))]),
    ("the first letters of words", lambda t: [_firsts(s.split()) for s in (*_sentences(t), *_lines(t), t)]),
    ("the last letters of words", lambda t: [_lasts(s.split()) for s in (*_sentences(t), *_lines(t), t)]),
    ("capitals", lambda t: ["".join(c for c in s if c.isupper()) for s in (*_lines(t), t)]),
    ("capitals within words", lambda t: ["".join(re.findall(r"(?<=[a-z])[A-Z]", t))]),
    ("letters in brackets", lambda t: ["".join(re.findall(r"[(\[](\w)[)\]]", t))]),
    ("marked letters", lambda t: ["".join(re.findall(r"\*+(\w)\*+", t)), "".join(re.findall(r"_(\w)_", t))]),
    ("letters in bold", lambda t: ["".join(re.findall(r"<(?:b|i|u|em|strong|mark)>(\w)</", t))]),
    ("the first letters of words backwards", lambda t: [_firsts(s.split())[::-1] for s in (*_sentences(t), t)]),
    ("the first letters of lines backwards", lambda t: [_firsts(_lines(t))[::-1]]),
)
