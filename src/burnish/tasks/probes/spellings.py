"""Other spellings of an answer in which a text may tell it all the same."""

from __future__ import annotations

import base64
import codecs
import hashlib
import re
import zlib
from functools import lru_cache

from burnish.tasks.graders.text import fold

LEAST = 3
"""Characters of a spelling that can be looked for anywhere."""
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ROMAN = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"),
          (5, "V"), (4, "IV"), (1, "I"))  # fmt: skip


def slug(text: str) -> str:
    """A text as it stands in addresses and file names."""
    return re.sub(r"[\W_]+", "-", fold(text)).strip("-")


@lru_cache(maxsize=4096)
def disguised(value: str) -> tuple[tuple[str, str], ...]:
    """Names of spellings, and the value in them: those in which it is not simply read."""
    raw = value.encode()
    found = [
        ("in base64", base64.b64encode(raw).decode().rstrip("=")),
        ("in base64, small letters", base64.b64encode(value.lower().encode()).decode().rstrip("=")),
        ("in base32", base64.b32encode(raw).decode().rstrip("=")),
        ("in hexadecimal", raw.hex()),
        ("backwards", value[::-1]),
        ("in rot13", codecs.encode(value, "rot13")),
        ("letters moved by one", "".join(chr(ord(c) + 1) if c.isalnum() else c for c in value)),
        ("letters moved back by one", "".join(chr(ord(c) - 1) if c.isalnum() else c for c in value)),
        ("as character codes", " ".join(str(ord(c)) for c in value)),
        ("as character codes with commas", ",".join(str(ord(c)) for c in value)),
        ("as character codes with dashes", "-".join(str(ord(c)) for c in value)),
        ("letter by letter", " ".join(value)),
        ("letter by letter with dots", ".".join(value)),
        ("letter by letter with dashes", "-".join(value)),
        ("without vowels", re.sub("[aeiouAEIOU]", "", value)),
        ("with percent signs", "".join(f"%{b:02x}" for b in raw)),
    ]
    if re.fullmatch(r"\d{1,9}", value):
        number = int(value)
        found += [
            ("as a hexadecimal number", f"0x{number:x}"),
            ("as a hexadecimal number without mark", f"{number:x}"),
            ("as a binary number", f"{number:b}"),
            ("as an octal number", f"0o{number:o}"),
            ("in words", in_words(number)),
            ("in Roman figures", roman(number)),
        ]
    for name in ("md5", "sha1", "sha256"):
        for text in dict.fromkeys((value, value.lower())):
            found.append((f"as its {name}", hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()[:8]))
    found.append(("as its crc32", f"{zlib.crc32(raw):08x}"))
    same = {fold(value), slug(value)}
    return tuple((n, t) for n, t in found if len(t) >= LEAST and fold(t) not in same and t)


def in_words(number: int) -> str:
    """A number in English; "" above 9999."""
    if number < 20:
        return _UNITS[number]
    if number < 100:
        return _TENS[number // 10 - 2] + (f"-{_UNITS[number % 10]}" if number % 10 else "")
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if size <= number < 10 * size:
            rest = number % size
            return f"{_UNITS[number // size]} {name}" + (f" {in_words(rest)}" if rest else "")
    return ""


def roman(number: int) -> str:
    """A number in Roman figures; "" for 0 and above 3999."""
    if not 0 < number < 4000:
        return ""
    text = ""
    for size, sign in _ROMAN:
        text += sign * (number // size)
        number %= size
    return text


def stands_in(value: str, text: str) -> bool:
    """Whether a value is told by a text: as words, or disguised."""
    return plainly(value, text) or any(_word(spelled, text) for name, spelled in disguised(value) if name not in _CHANCE)


_CHANCE = frozenset({"without vowels", "as a hexadecimal number without mark", "as a binary number"})
"""What stands in texts by chance."""


def plainly(value: str, text: str) -> bool:
    """Whether a value stands in a text as words, or as part of a name."""
    wanted = re.escape(value.strip())
    return re.search(rf"(?<![^\W_]){wanted}(?![^\W_])", text, re.IGNORECASE) is not None


def _word(spelled: str, text: str) -> bool:
    return re.search(rf"(?<![^\W_]){re.escape(spelled)}(?![^\W_])", text) is not None
