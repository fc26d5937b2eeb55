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


_MORSE = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. "
    "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----."
).split()
MORSE = dict(zip("abcdefghijklmnopqrstuvwxyz0123456789", _MORSE, strict=True))
_SPOKEN = (
    "alfa bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec romeo sierra tango "
    "uniform victor whiskey xray yankee zulu"
).split()
_LEET = str.maketrans("aeiostAEIOST", "431057431057")
_BRAILLE = dict(zip("abcdefghijklmnopqrstuvwxyz", "⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵", strict=True))


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
    found += _letters(value) if re.fullmatch(r"[A-Za-z][A-Za-z ]{2,30}", value) else []
    found += [
        ("in base64 of its base64", base64.b64encode(base64.b64encode(raw)).decode().rstrip("=")),
        ("in base64, backwards", base64.b64encode(raw).decode()[::-1]),
        ("in base85", base64.b85encode(raw).decode()),
        ("in binary character codes", " ".join(f"{b:08b}" for b in raw)),
        ("as HTML's character codes", "".join(f"&#{ord(c)};" for c in value)),
        ("as Python's character codes", "".join(f"\\u{ord(c):04x}" for c in value)),
        ("in hexadecimal character codes", " ".join(f"{b:02x}" for b in raw)),
        ("in hexadecimal with marks", "".join(f"\\x{b:02x}" for b in raw)),
        ("letter by letter with slashes", "/".join(value)),
        ("letter by letter with stars", "*".join(value)),
        ("letter by letter with underlines", "_".join(value)),
        ("letter by letter with commas", ", ".join(value)),
        ("letter by letter with bars", "|".join(value)),
        ("each sign twice", "".join(c + c for c in value)),
        ("in Morse code", " ".join(MORSE.get(c, "/") for c in value.lower())),
        ("in wide signs", "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in value)),
        ("with signs that are not seen", "\u200b".join(value)),
    ]
    if re.fullmatch(r"\d{1,9}", value):
        number = int(value)
        found += [
            ("as a hexadecimal number in capitals", f"{number:X}"),
            ("as an octal number without mark", f"{number:o}"),
            ("as a binary number with mark", f"0b{number:b}"),
            ("in words with and", in_words(number).replace("hundred ", "hundred and ")),
            ("in words without dash", in_words(number).replace("-", " ")),
            ("digit by digit in words", " ".join(_UNITS[int(c)] for c in value)),
            ("its digits as letters", "".join("abcdefghij"[int(c)] for c in value)),
            ("its digits as letters from one on", "".join("jabcdefghi"[int(c)] for c in value)),
            ("in Roman figures, small", roman(number).lower()),
            ("as a hexadecimal number", f"0x{number:x}"),
            ("as a hexadecimal number without mark", f"{number:x}"),
            ("as a binary number", f"{number:b}"),
            ("as an octal number", f"0o{number:o}"),
            ("in words", in_words(number)),
            ("in Roman figures", roman(number)),
        ]
    for name in ("md5", "sha1", "sha256", "sha512", "sha224", "blake2b"):
        for text in dict.fromkeys((value, value.lower(), value.upper(), f"{value}\n")):
            found.append((f"as its {name}", hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()[:8]))
    found += [("as its crc32", f"{zlib.crc32(raw):08x}"), ("as its adler32", f"{zlib.adler32(raw):08x}")]
    found += [("as its crc32 in decimals", f"{zlib.crc32(raw)}")]
    same = {fold(value), slug(value)}
    return tuple((n, t) for n, t in found if len(t) >= LEAST and fold(t) not in same and t)


def _letters(value: str) -> list[tuple[str, str]]:
    """Spellings of what is letters."""
    low = value.lower()
    places = [str(ord(c) - 96) for c in low if c != " "]
    found = [(f"letters moved by {by}", "".join(_moved(c, by) for c in value)) for by in range(1, 26) if by != 13]
    found += [("letters from the other end of the alphabet", "".join(_turned(c) for c in value))]
    found += [(f"places in the alphabet, parted by {glue!r}", glue.join(places)) for glue in (" ", "-", ",", ", ", ".", "/")]
    found += [("in spelling words", " ".join(_SPOKEN[ord(c) - 97] for c in low if c != " "))]
    found += [("in digits for letters", value.translate(_LEET)), ("in Braille", "".join(_BRAILLE.get(c, " ") for c in low))]
    found += [("with its first letter last", value[1:] + value[0]), ("with its last letter first", value[-1] + value[:-1])]
    found += [("in pig Latin", low[1:] + low[0] + "ay")]
    return found


def _moved(c: str, by: int) -> str:
    if not c.isalpha():
        return c
    first = 65 if c.isupper() else 97
    return chr((ord(c) - first + by) % 26 + first)


def _turned(c: str) -> str:
    return chr(155 - ord(c)) if c.isupper() else chr(219 - ord(c)) if c.islower() else c


def from_roman(text: str) -> int:
    """The number that Roman figures stand for; 0 for what are none."""
    value, rest = 0, text.upper()
    for size, sign in _ROMAN:
        while rest.startswith(sign):
            value, rest = value + size, rest[len(sign) :]
    return value if not rest and roman(value) == text.upper() else 0


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


_CHANCE = frozenset(
    {
        "without vowels",
        "as a hexadecimal number without mark",
        "as a binary number",
        "as a hexadecimal number in capitals",
        "as an octal number without mark",
        "its digits as letters",
        "its digits as letters from one on",
        "in Roman figures, small",
        "with its first letter last",
        "with its last letter first",
    }
)
"""What stands in texts by chance."""


def plainly(value: str, text: str) -> bool:
    """Whether a value stands in a text as words, or as part of a name."""
    wanted = re.escape(value.strip())
    return re.search(rf"(?<![^\W_]){wanted}(?![^\W_])", text, re.IGNORECASE) is not None


def _word(spelled: str, text: str) -> bool:
    return re.search(rf"(?<![^\W_]){re.escape(spelled)}(?![^\W_])", text) is not None
