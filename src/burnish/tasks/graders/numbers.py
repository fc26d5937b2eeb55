"""Reading numbers as people and language models write them.

Grammar: sign, currency, digits with thousands separators (comma, thin or no-break space, LaTeX `{,}`), decimals,
scientific (1e-3, 1.5x10^3), fractions (3/4, 1 1/2, ½, \\frac{3}{4}), percent. A letter or digit right before a number
makes it a name ("x2", "H2O"), a minus directly after a word or digit is a dash ("5-3", "pages 3–5"). Decimal commas are
not read: 3,5 is two numbers. No pattern can be made to backtrack far: repetitions are bounded, possessive, or end where
no other repetition can begin.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)"
_DECIMAL = rf"(?:{_DIGITS}(?:\.[0-9]+)?|\.[0-9]+)"
_POWER = r"(?:[eE][-+]?[0-9]{1,4}(?![0-9])|\ ?(?:x|\*|×|\\times|\\cdot)\ ?10\^(?:\{?[-+]?[0-9]{1,4}\}?))"
_CURRENCY = r"[$€£¥₹]"
_NUMBER = re.compile(
    rf"""(?<![A-Za-z0-9_/])(?<![0-9]\.)
    (?P<sign>(?<![\w)\]}}])[-+])?\ ?(?:{_CURRENCY}\ ?(?P<inner>[-+])?)?
    (?:(?P<whole>[0-9]{{1,9}})\ (?P<a>[0-9]{{1,9}})/(?P<b>[0-9]{{1,9}})(?![0-9/])
      |(?P<top>{_DECIMAL})\ ?/\ ?(?P<bottom>{_DECIMAL})(?![0-9/])
      |(?P<plain>{_DECIMAL})(?P<power>{_POWER})?)
    (?P<percent>\ ?%)?""",
    re.VERBOSE,
)
_FRAC = re.compile(r"\\[dt]?frac\s*(?:\{\s*(-?[0-9.,]{1,40})\s*\}\s*\{\s*(-?[0-9.,]{1,40})\s*\}|([0-9])([0-9]))")
_THIN = re.compile("(?<=[0-9])[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_UNIT = re.compile(r"(?:\\(?:text|mathrm|mbox|textbf)\{[^{}]*\}|\^\{?\\circ\}?|°|\([A-Za-z .]++\)|[A-Za-z]{2,}+|[²³ .])*+")
_VULGAR = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5"}
_VULGAR |= {"⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8"}
_PLAIN = str.maketrans(
    {"−": "-", "﹣": "-", "-": "-", "‑": "-", "–": "-", "⁄": "/", "∕": "/", "%": "%", "$": "$", "，": ","}
    | {chr(0xFF10 + d): str(d) for d in range(10)}
)
_LATEX = (
    ("\\$", "$"),
    ("\\%", "%"),
    ("{,}", ","),
    ("\\!", ""),
    ("\\,", ""),
    ("\\ ", " "),
    ("\\left", ""),
    ("\\right", ""),
)
_CONSTANTS = frozenset({"pi"})
LIMIT_DIGITS = 400
LIMIT_PLAIN = 200
"""characters of a text that can be one number and its unit"""


@dataclass(frozen=True, slots=True)
class Number:
    """One number read from text. `integer` is set, exactly, where it was written as a whole number."""

    value: float
    text: str
    integer: int | None = None
    percent: bool = False


def plain_number(text: str) -> Number | None:
    """The number that `text` is, apart from a unit after it; None where it is anything else ("3 or 4", "2\\pi")."""
    if len(text) > LIMIT_PLAIN:
        return None
    text = _simplify(text).strip().strip("$").strip().rstrip(".")
    if "=" in text and text.partition("=")[0].strip().isalpha():  # x = 5
        text = text.partition("=")[2].strip()
    match = _NUMBER.match(text)
    if match is None or not _UNIT.fullmatch(text, match.end()):
        return None
    unit = text[match.end() :]
    if unit.strip().lower() in _CONSTANTS or (unit[:1].isalpha() and len(unit.split()[0].rstrip(".")) < 2):
        return None
    return _number(match)


def last_number(text: str) -> Number | None:
    """The last number in a text, or None."""
    found = None
    for match in _NUMBER.finditer(_simplify(text)):
        found = _number(match) or found
    return found


def first_number(text: str) -> Number | None:
    """The first number in a text, or None."""
    return next((n for match in _NUMBER.finditer(_simplify(text)) if (n := _number(match)) is not None), None)


def equal(a: Number, b: Number, tolerance: float = 1e-6) -> bool:
    """Whole numbers are equal exactly, others to `tolerance`, relative; 50% equals 50 and 0.5."""
    if a.integer is not None and b.integer is not None and a.percent == b.percent:
        return a.integer == b.integer
    if a.percent == b.percent:
        return math.isclose(a.value, b.value, rel_tol=tolerance, abs_tol=1e-12)
    share, other = (a, b) if a.percent else (b, a)
    return any(math.isclose(v, other.value, rel_tol=tolerance, abs_tol=1e-12) for v in (share.value, share.value / 100))


def _simplify(text: str) -> str:
    for vulgar, fraction in _VULGAR.items():
        if vulgar in text:
            text = text.replace(vulgar, " " + fraction)
    text = text.translate(_PLAIN)
    for latex, simple in _LATEX:
        text = text.replace(latex, simple)
    text = _FRAC.sub(lambda m: f"{m[1] or m[3]}/{m[2] or m[4]}", text)
    return _THIN.sub("", text)


def _number(match: re.Match[str]) -> Number | None:
    """The value of a match; None for a zero denominator, or digits beyond all reason."""
    if len(match[0]) > LIMIT_DIGITS:
        return None
    negative = (match["sign"] == "-") != (match["inner"] == "-")
    integer = None
    if match["whole"]:
        if int(match["b"]) == 0:
            return None
        value = int(match["whole"]) + int(match["a"]) / int(match["b"])
    elif match["top"]:
        bottom = _float(match["bottom"])
        if bottom == 0:
            return None
        value = _float(match["top"]) / bottom
    else:
        value = _float(match["plain"])
        if match["power"]:
            value = _scaled(value, match["power"])
        elif "." not in match["plain"]:
            integer = int(match["plain"].replace(",", ""))
    if not math.isfinite(value):
        return None
    if negative:
        value, integer = -value, None if integer is None else -integer
    return Number(value, match[0].strip(), integer, bool(match["percent"]))


def _float(digits: str) -> float:
    return float(digits.replace(",", ""))


def _scaled(value: float, power: str) -> float:
    exponent = re.search(r"[-+]?[0-9]+\}?$", power)
    assert exponent is not None
    if abs(int(exponent[0].rstrip("}"))) > 400:
        return math.inf if value else 0.0
    return value * float(f"1e{int(exponent[0].rstrip('}'))}")
