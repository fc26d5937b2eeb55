"""Control tokens and the text around them: who wrote a `<|im_end|>`, the template or a user?

A marked text has a private-use character wherever a control token stands; the same spelling typed into a message stays
ordinary text. The way of a conversation: `hide` in the messages, render, `mark`, `reveal`; the result goes to the
tokenizer that `vocabulary.guarded` makes. (transformers 5 sanitises control tokens in a similar way, by paired markers
around them; one character instead of three leaves a template's string functions as they are.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from burnish.errors import DataError
from burnish.render.vocabulary import FIRST_CONTROL, FIRST_HIDDEN, LAST_RESERVED

_CONTROL = re.compile(f"[{chr(FIRST_CONTROL)}-{chr(FIRST_HIDDEN - 1)}]")
_HIDDEN = re.compile(f"[{chr(FIRST_HIDDEN)}-{chr(LAST_RESERVED)}]")
_UNSAFE = re.compile(f"[\ud800-\udfff{chr(FIRST_CONTROL)}-{chr(LAST_RESERVED)}]")


class Controls:
    """The control tokens of one tokenizer: id to spelling, and the marked texts made with them."""

    def __init__(self, spelling_of: Mapping[int, str]) -> None:
        self.spelling_of = dict(spelling_of)
        self._ids = list(self.spelling_of)
        self._spellings = list(self.spelling_of.values())
        self._index = {spelling: n for n, spelling in enumerate(self._spellings)}
        longest_first = sorted(self._spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")

    def __contains__(self, token: object) -> bool:
        return token in self.spelling_of

    def mark(self, text: str) -> str:
        """Each control token's spelling replaced by its private character."""
        return self._pattern.sub(lambda m: chr(FIRST_CONTROL + self._index[m[0]]), text)

    def hide(self, text: str, allowed: Sequence[str] = ()) -> str:
        """Control tokens' spellings in a message put out of reach of `mark`, except those `allowed`."""
        check_text(text)
        return self._pattern.sub(lambda m: m[0] if m[0] in allowed else chr(FIRST_HIDDEN + self._index[m[0]]), text)

    def reveal(self, marked: str) -> str:
        """What `hide` took out put back as ordinary text."""
        return _HIDDEN.sub(lambda m: self._spellings[ord(m[0]) - FIRST_HIDDEN], marked)

    def spell(self, marked: str) -> str:
        """A marked text as people write it."""
        return _CONTROL.sub(lambda m: self._spellings[ord(m[0]) - FIRST_CONTROL], marked)

    def mark_of(self, token: int) -> str:
        """The private character of one control token."""
        return chr(FIRST_CONTROL + self._index[self.spelling_of[token]])

    def at(self, marked: str, index: int) -> int | None:
        """The id of the control token at this character of a marked text, or None (also for an empty text)."""
        n = ord(marked[index]) - FIRST_CONTROL if marked else -1
        return self._ids[n] if 0 <= n < len(self._ids) else None

    def last_before(self, marked: str, end: int) -> int:
        """Index of the last control token before character `end`, or 0."""
        return max((m.start() for m in _CONTROL.finditer(marked, 0, end)), default=0)

    def spelled_in(self, text: str) -> list[str]:
        """The control tokens whose spelling occurs in a message."""
        return sorted({m[0] for m in self._pattern.finditer(text)})


def check_text(text: str) -> None:
    """Raises DataError for characters that no tokenizer can take, or that are reserved here."""
    if found := _UNSAFE.search(text):
        raise DataError(
            "A text holds a character that cannot be encoded",
            seen=f"U+{ord(found[0]):04X} at character {found.start()}",
            todo="remove it: half a surrogate pair, or a private-use character from U+108000 on, is not text",
        )
