"""What makes two examples the same: the texts that splits, duplicate checks and leak checks compare.

Normalisation is Unicode NFKC, case folding, and runs of anything but letters and digits as one space, so that copies
that differ in spacing, case, quotes or final punctuation are one.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from burnish.types import Example, Message, asks_only

_BETWEEN = re.compile(r"[\W_]+")


def normalise(text: str) -> str:
    """The comparable form of a text; the text itself (stripped) where nothing of it is a letter or digit."""
    return _BETWEEN.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip() or text.strip()


def prompt_text(example: Example) -> str:
    """All that stands before the last message, roles and tool calls included; all of it in form "text", and where nothing is
    answered."""
    turns = example.messages if example.form == "text" or asks_only(example) else example.messages[:-1]
    return "\n".join(_spelled(m) for m in turns)


def answer_text(example: Example) -> str:
    """The last message, tool calls included; empty in form "text", and where nothing is answered: there all is prompt."""
    return "" if example.form == "text" or asks_only(example) else _spelled(example.messages[-1])


def opening_text(example: Example) -> str:
    """Up to the first user message: shared by a conversation and its continuations, which must not be split apart."""
    for i, message in enumerate(example.messages[:-1]):
        if message.role == "user":
            return "\n".join(_spelled(m) for m in example.messages[: i + 1])
    return prompt_text(example)


def asked_text(example: Example) -> str:
    """What the user wrote (not the system prompt, which rows share), or the whole text in form "text"."""
    role = "assistant" if example.form == "text" else "user"
    return "\n".join(m.content for m in example.messages if m.role == role)


def digest(text: str, seed: int = 0) -> bytes:
    """16 bytes that depend on the normalised text and the seed only, on every machine."""
    return hashlib.blake2b(normalise(text).encode(), digest_size=16, key=str(seed).encode()).digest()


def _spelled(message: Message) -> str:
    calls = "".join(f"\n{c.name}({c.arguments})" for c in message.tool_calls)
    return f"{message.role}: {message.content}{calls}"
