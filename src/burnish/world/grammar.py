"""Small grammar for generated text: alternatives in brackets, words in braces, and the articles put right afterwards.

`expand("[One|A] day {a} [met|saw] a {thing}.", draw, a="Mina", thing="owl")` may give "One day Mina saw an owl.". Brackets may
be nested, an alternative may be empty. Templates write "a" before any word; "an" is made of it where a vowel follows.
"""

from __future__ import annotations

import random
import re

_INNERMOST = re.compile(r"\[([^\[\]]*)\]")
_WORD = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=(?!one\b|once\b|us|uni)[AEIOUaeiou])")
_START = re.compile(r"(^|\n|[.!?] )([\"(]?)([a-z])")


def expand(template: str, draw: random.Random, /, **words: str) -> str:
    """Choose among the alternatives, put in the words, and set articles, capitals and spaces right."""
    found = 1
    while found:
        template, found = _INNERMOST.subn(lambda m: draw.choice(m[1].split("|")), template)
    assert "[" not in template, template
    return tidy(_WORD.sub(lambda m: words[m[1]], template))


def tidy(text: str) -> str:
    """Single spaces, none at the ends of lines or before stops; "an" before vowels; capitals at the start of sentences."""
    text = re.sub(r" +", " ", text)
    text = re.sub(r" ?\n ?", "\n", text).strip()
    text = re.sub(r" ([,.;!?](?:\s|$|\"))", r"\1", text)
    text = _ARTICLE.sub(r"\1n ", text)
    return _START.sub(lambda m: m[1] + m[2] + m[3].upper(), text)


def some(template: str) -> tuple[str, ...]:
    """The parts of a long list written with bars: "a lamp|a kite"."""
    return tuple(" ".join(part.split()) for part in template.split("|"))


def joined(parts: list[str] | tuple[str, ...], last: str = "and") -> str:
    """ "bread", "bread and jam", "bread, jam and tea"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def sentence(text: str) -> str:
    """A command or clause as a sentence: capital first, full stop last."""
    return text[0].upper() + text[1:] + "."
