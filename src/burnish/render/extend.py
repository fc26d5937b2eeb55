"""A vocabulary with new tokens: the tokenizer that has them, and what each of them was to the old one.

A new token is a plain one: it is found wherever its spelling stands, in what a user types too, and is one id there, as Qwen's
`<think>` is. Only what the chat template itself writes, as conversations of known contents show, and what is spelled like a
marker becomes a control token, which no message can forge (see `controls`); but for the markers that an answer may hold
(`template.ANSWER_MARKERS`), which stay plain. Ids follow the last of the old tokenizer, so that those of the old tokens, the
template and all that they mean stay as they are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.errors import ConfigError, DataError, ModelRefused, TemplateError
from burnish.render.controls import check_text
from burnish.render.template import ANSWER_MARKERS, PLAIN, ChatTemplate
from burnish.render.tokenizer import Tokenizer
from burnish.store.atomic import read_json

LIMIT_TOKENS = 10_000
"""New tokens of one model: each is looked for in every text, and costs a row that must be learned."""
LIMIT_CHARACTERS = 128
TRAINED = "trainable_token_indices"
"""Of adapter_config.json: the ids whose rows an adapter holds."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """One token that a base does not have."""

    id: int
    text: str
    """empty where no tokenizer says it"""
    pieces: tuple[int, ...]
    """what its text was to the old tokenizer; empty where that did not know it either"""
    control: bool = False
    brought: bool = False
    """by an adapter, which was trained over the row that the base's files have for this id, if they have one"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """A base's vocabulary with new tokens. In ascending order of ids; the pieces of a token may be new ones before it."""

    directory: Path
    """of the base"""
    tokenizer: Tokenizer
    tokens: tuple[NewToken, ...]

    @property
    def ids(self) -> tuple[int, ...]:
        """Of the new tokens."""
        return tuple(t.id for t in self.tokens)


def extend(
    tokenizer: Tokenizer, texts: Sequence[str], *, base: Path | None = None
) -> tuple[Tokenizer, tuple[NewToken, ...], tuple[str, ...]]:
    """A tokenizer with `texts` as new tokens, these, and notes about those that it has already.

    base: the directory of the model's configs; None = the tokenizer's. Raises ConfigError for what cannot be a token of its own,
    naming every such text, and for ids that the configs give a meaning; TemplateError for a template that cannot be compiled.
    """
    _check_texts(texts)
    old = {t["content"]: t["id"] for t in _spec(tokenizer).get("added_tokens") or ()}
    known = [t for t in texts if t in old]
    notes = [f"{len(known)} of the new tokens are in the vocabulary already: {_listed(known)}"] if known else []
    texts = [t for t in texts if t not in old]
    if not texts:
        return tokenizer, (), tuple(notes)
    _check_against(tokenizer, texts)
    _check_ids(base or tokenizer.directory, range(tokenizer.vocab_size, tokenizer.vocab_size + len(texts)))
    written = _written(tokenizer)
    found, unknown = [], _unknown(tokenizer)
    for i, text in enumerate(texts, tokenizer.vocab_size):
        pieces = tuple(tokenizer.encode(text, continues=True))
        control = text not in ANSWER_MARKERS and _is_marker(text) and text in written
        found.append(NewToken(i, text, () if unknown & set(pieces) else pieces, control))
    longer = tokenizer.with_files(_files(tokenizer, found))
    _prove(longer, found)
    return longer, tuple(found), tuple(notes)


def of_adapter(base: Path, adapter: Path) -> Extension | None:
    """What an adapter's files add to the vocabulary of its base; None where they add nothing.

    They say which rows the adapter holds; those beyond the base's tokenizer are of new tokens, which the adapter's own names.
    """
    trained = read_json(adapter / "adapter_config.json").get(TRAINED)
    listed = list(trained.values()) if isinstance(trained, dict) else [trained or []]
    ids = {i for some in listed if isinstance(some, list) for i in some if isinstance(i, int)}
    if not ids or not (base / "tokenizer.json").is_file():
        return None
    old = Tokenizer.load(base)
    own = Tokenizer.load(adapter) if (adapter / "tokenizer.json").is_file() else old
    tokens, unknown = [], _unknown(old)
    for i in sorted(i for i in ids if i >= old.vocab_size):
        text = own.token_bytes[i].decode("utf-8", errors="replace") if i < own.vocab_size else ""
        pieces = tuple(old.encode(text, continues=True)) if text else ()
        tokens.append(NewToken(i, text, () if unknown & set(pieces) else pieces, i in own.controls, brought=True))
    return Extension(directory=base, tokenizer=own, tokens=tuple(tokens)) if tokens else None


_CONTENT = "qprobeq"
_CALL = {"id": "abcdefghi", "type": "function", "function": {"name": _CONTENT, "arguments": {_CONTENT: _CONTENT}}}
_TOOL = {"type": "function", "function": {"name": _CONTENT, "description": _CONTENT, "parameters": {"type": "object"}}}
_USER, _ANSWER = ({"role": role, "content": _CONTENT} for role in ("user", "assistant"))
_CALLED = {"role": "assistant", "content": "", "tool_calls": [_CALL]}
_RESULT = {"role": "tool", "content": _CONTENT, "name": _CONTENT, "tool_call_id": "abcdefghi"}
_CONVERSATIONS = (
    [_USER],
    [_USER, _ANSWER],
    [_USER, {**_ANSWER, "reasoning_content": _CONTENT}],
    [{"role": "system", "content": _CONTENT}, _USER, _ANSWER, _USER],
    [{"role": "developer", "content": _CONTENT}, _USER, _ANSWER],
    [_USER, _CALLED, _RESULT],
    [_USER, _CALLED, _RESULT, _ANSWER],
)


def _written(tokenizer: Tokenizer) -> str:
    """What the templates write around the contents of messages, in conversations of every kind that they take."""
    found = []
    for source in filter(None, (tokenizer.template or PLAIN, tokenizer.tool_template)):
        template = ChatTemplate(source)
        for messages in _CONVERSATIONS:
            for tools in ((), (_TOOL,)):
                for asks in (False, True):
                    try:
                        text = template.render(
                            messages, tools=tools, add_generation_prompt=asks, variables=tokenizer.special_names
                        )
                    except TemplateError:
                        continue  # a conversation that this template does not take
                    found.append(text.replace(_CONTENT, "\n"))
    return "\n".join(found)


def _is_marker(text: str) -> bool:
    return len(text) > 2 and text[0] in "<[|" and text[-1] in ">]|"


def _spec(tokenizer: Tokenizer) -> dict[str, Any]:
    return dict(tokenizer.changed.get("tokenizer.json") or read_json(tokenizer.directory / "tokenizer.json"))


def _unknown(tokenizer: Tokenizer) -> set[int]:
    """Ids that stand for what the tokenizer does not know."""
    model = _spec(tokenizer)["model"]
    vocab, named = model["vocab"], model.get("unk_token")
    by_name = vocab.get(named) if isinstance(vocab, dict) else None
    return {i for i in (tokenizer.unk_id, model.get("unk_id"), by_name) if i is not None}


def _files(tokenizer: Tokenizer, new: Sequence[NewToken]) -> dict[str, dict[str, Any]]:
    """The files that say which tokens there are, with the new ones: those of the tokenizer that do so now."""
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    spec = _spec(tokenizer)
    added = [{"id": t.id, "content": t.text, **flags, "special": t.control} for t in new]
    changed = {"tokenizer.json": {**spec, "added_tokens": [*(spec.get("added_tokens") or ()), *added]}}
    config = _own(tokenizer, "tokenizer_config.json")
    if "added_tokens_decoder" in config:
        more = {str(a["id"]): {k: v for k, v in a.items() if k != "id"} for a in added}
        changed["tokenizer_config.json"] = {**config, "added_tokens_decoder": {**config["added_tokens_decoder"], **more}}
    older = _own(tokenizer, "added_tokens.json")
    if older:
        changed["added_tokens.json"] = {**older, **{t.text: t.id for t in new}}
    return changed


def _own(tokenizer: Tokenizer, name: str) -> dict[str, Any]:
    path = tokenizer.directory / name
    return dict(tokenizer.changed.get(name) or (read_json(path) if path.is_file() else {}))


def _check_texts(texts: Sequence[str]) -> None:
    """Raises ConfigError for what is no token anywhere."""
    if len(texts) > LIMIT_TOKENS:
        raise ConfigError(
            f"{len(texts):,} new tokens are too many",
            seen=f"at most {LIMIT_TOKENS:,}",
            todo="a model of another language needs another tokenizer, and pre-training with it",
        )
    faults = [f"{_shown(t)}: {why}" for t in dict.fromkeys(texts) if (why := _fault(t))]
    faults += [f"{_shown(t)}: it is given {n} times" for t, n in Counter(texts).items() if n > 1]
    _refuse(faults)


def _fault(text: str) -> str:
    if not text.strip():
        return "it is empty, or nothing but space"
    if text != text.strip():
        return "space at its ends would never be found where a text begins or ends; leave it out"
    if len(text) > LIMIT_CHARACTERS:
        return f"it has {len(text)} characters, at most {LIMIT_CHARACTERS} are taken"
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        return "it holds a control character"
    try:
        check_text(text)
    except DataError as error:
        return f"it holds a character that cannot be encoded ({error.seen})"
    return ""


def _check_against(tokenizer: Tokenizer, texts: Sequence[str]) -> None:
    """Raises ConfigError for what this tokenizer cannot gain."""
    bytes_of = {data: i for i, data in reversed(list(enumerate(tokenizer.token_bytes)))}
    faults = []
    for text in texts:
        if text.encode() in bytes_of:
            faults.append(f"{_shown(text)}: it is an ordinary piece of the vocabulary already (id {bytes_of[text.encode()]})")
        elif spelled := tokenizer.controls.spelled_in(text):
            faults.append(f"{_shown(text)}: it holds the control token {_shown(spelled[0])}")
    _refuse(faults)


def _check_ids(base: Path, ids: range) -> None:
    """Raises ConfigError where a config of the model gives one of these ids a meaning, such as that of an end token."""
    for name in ("config.json", "generation_config.json"):
        body = read_json(base / name) if (base / name).is_file() else {}
        for part in (body, body.get("text_config")):
            for key, value in part.items() if isinstance(part, dict) else ():
                listed = value if isinstance(value, list) else [value]
                taken = [i for i in listed if isinstance(i, int) and i in ids] if key.endswith("_token_id") else []
                if taken:
                    raise ConfigError(
                        f"a new token would get id {taken[0]}, which {name} of the model names as {key}",
                        seen=f"{key} {json.dumps(value)}; the tokenizer has {ids.start:,} ids, and new ones follow",
                        todo=f"in a copy of the model, take {key} out of {name}, or name an id that its tokenizer has",
                    )


def _refuse(faults: Sequence[str]) -> None:
    if faults:
        more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise ConfigError(
            f"{len(faults)} of the new tokens cannot be tokens of their own",
            seen="; ".join(faults[:5]) + more,
            todo="correct or leave them out of new_tokens",
        )


def _prove(tokenizer: Tokenizer, new: Sequence[NewToken]) -> None:
    """Each new token must be one id wherever it stands. Raises ModelRefused for a tokenizer that finds it otherwise."""
    for token in new:
        text = f"{token.text}\n{token.text}"  # a line's end is no part of a token, so that none may overlap
        found = tokenizer.encode(text, parse_special=True)
        if found.count(token.id) != 2 or tokenizer.token_bytes[token.id] != token.text.encode():
            raise ModelRefused(
                f"the tokenizer does not find the new token {_shown(token.text)}",
                seen=f"{text!r} is {found}, the token would be id {token.id}",
                todo="choose another spelling",
            )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(map(_shown, texts[:5])) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")
