"""The tokenizer of a run: the model's own, or that with the new tokens of the config.

Tokens that the adapter of an earlier run brought stay; those of the config come after them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from burnish.engine.families import FAMILIES, read_arch
from burnish.errors import CapabilityMissing, ConfigError
from burnish.recipes.training import Training
from burnish.render.extend import Extension, NewToken, extend, of_adapter
from burnish.render.renderer import Rendered
from burnish.render.tokenizer import Tokenizer
from burnish.store.atomic import read_json
from burnish.store.models import ModelRef

SHOWN = 5
"""Tokens that a note names."""


def vocabulary_of(config: Training, ref: ModelRef) -> tuple[Tokenizer, Extension | None, list[str]]:
    """The tokenizer to render with, what the base's vocabulary gains by it, and notes.

    Raises ConfigError for new tokens that cannot be, or a file of them that cannot be read, CapabilityMissing for a base that
    transformers computes.
    """
    brought = None if ref.adapter is None else of_adapter(ref.base, ref.adapter)
    tokenizer = Tokenizer.load(ref.tokenizer) if brought is None else brought.tokenizer
    asked = asked_for(config)
    if not asked:
        return tokenizer, brought, []
    family = read_json(ref.base / "config.json").get("model_type")
    if family not in FAMILIES:
        raise CapabilityMissing(
            "a model that transformers computes gains no new tokens here",
            seen=f"new_tokens = {_named(asked)}; a model of type {family!r}",
            todo="leave new_tokens out, so that their text stays the pieces that it is, or use a model of another family",
        )
    longer, new, notes = extend(tokenizer, asked, base=ref.base)
    if not new:
        return tokenizer, brought, list(notes)
    before = () if brought is None else brought.tokens
    extension = Extension(directory=ref.base, tokenizer=longer, tokens=(*before, *new))
    return longer, extension, [*notes, *_described(new, ref)]


def asked_for(config: Training) -> tuple[str, ...]:
    """The new tokens that a config names, or that stand in its file, one a line; empty lines of a file count as nothing."""
    if not isinstance(config.new_tokens, str):
        return config.new_tokens
    path = Path(config.new_tokens)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the file of new tokens {path} cannot be read",
            seen=error.strerror or "" if isinstance(error, OSError) else "it is not UTF-8",
            todo="""give a text file with one token a line, or a list: new_tokens='["<think>", "</think>"]'""",
        ) from error
    return tuple(line for line in text.replace("\r\n", "\n").split("\n") if line)


def digest(config: Training) -> dict[str, str]:
    """The fingerprint of the new tokens, by which a resumed run knows that they are the same; none without."""
    asked = asked_for(config)
    return {"new tokens": hashlib.sha256("\n".join(asked).encode()).hexdigest()} if asked else {}


def met(new: Sequence[NewToken], rows: Iterable[Rendered]) -> set[int]:
    """The ids of those new tokens that some row holds."""
    found: set[int] = set()
    if new:
        for row in rows:
            found.update(row.ids[row.ids >= new[0].id].tolist())
    return found


def unseen(new: Sequence[NewToken], met: Collection[int]) -> list[str]:
    """A warning about new tokens that no training row holds: nothing teaches what they mean."""
    absent = [t.text for t in new if t.id not in met]
    if not absent:
        return []
    return [
        f"{len(absent)} of {len(new)} new tokens stand in no training row, so nothing teaches what they mean: {_named(absent)}. "
        "A token is found as it is spelled, capitals and all, in what the chat template leaves of a row."
    ]


def _described(new: Sequence[NewToken], ref: ModelRef) -> list[str]:
    stored = read_arch(read_json(ref.base / "config.json")).vocab
    rows = max(stored, new[0].id)  # with those of the adapter that the run goes on from
    added = max(0, new[-1].id + 1 - rows)
    ids = f"id {new[0].id}" if len(new) == 1 else f"ids {new[0].id} to {new[-1].id}"
    spare = len(new) - added
    held = f"; of its unused rows the embedding gives {spare}, and {added} {'is' if added == 1 else 'are'} added to its {rows:,}"
    notes = [f"{len(new)} new token{'' if len(new) == 1 else 's'} ({_named([t.text for t in new])}), {ids}{held}"]
    notes.append("the base is measured with the new tokens, too, whose rows nothing has trained there: part of a gain is theirs")
    control = [t.text for t in new if t.control]
    if control:
        notes.append(f"the chat template writes {_named(control)}: control tokens, which no message can spell")
    return notes


def _named(texts: Sequence[str]) -> str:
    return ", ".join(map(repr, texts[:SHOWN])) + (f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else "")
