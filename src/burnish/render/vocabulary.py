"""What stands in a tokenizer.json: the bytes of each token, and a variant in which special tokens cannot be typed.

In the published format a special token is found by its spelling, so a user who writes `<|im_end|>` ends the turn. Here
every control token is respelled as one private-use character (`guarded`). Text from users keeps the old spelling and is
encoded as ordinary text, in its context; text of templates is translated to the private characters first. On text
without such spellings both tokenizers give the same ids.

`continued` is the same tokenizer without the space that SentencePiece-style tokenizers put before a text: what is
needed to encode text that follows other tokens.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from burnish.errors import ModelRefused

FIRST_CONTROL = 0x10_8000
"""Private-use characters from here on spell control tokens; FIRST_HIDDEN on, spellings of them inside a message."""
FIRST_HIDDEN = 0x10_C000
LIMIT_CONTROLS = FIRST_HIDDEN - FIRST_CONTROL
LAST_RESERVED = 0x10_FFFD

Spec = dict[str, Any]
"""A parsed tokenizer.json."""


def steps(node: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """The parts of a normalizer, pre-tokenizer, decoder or post-processor, sequences opened."""
    if node is None:
        return
    if node["type"] == "Sequence":
        for key in ("normalizers", "pretokenizers", "decoders", "processors"):
            for inner in node.get(key, ()):
                yield from steps(inner)
    else:
        yield node


def tokens(spec: Spec) -> dict[int, str]:
    """Every token by id, added tokens included. Ids may have gaps."""
    vocab = spec["model"]["vocab"]
    pairs = enumerate(piece[0] for piece in vocab) if isinstance(vocab, list) else ((i, t) for t, i in vocab.items())
    return dict(pairs) | {t["id"]: t["content"] for t in spec.get("added_tokens") or ()}


def prefix_ids(spec: Spec) -> tuple[int, ...]:
    """Ids that the tokenizer's own post-processor writes before a text."""
    for step in steps(spec.get("post_processor")):
        if step["type"] == "TemplateProcessing":
            ids: list[int] = []
            for part in step["single"]:
                if "SpecialToken" not in part:
                    break
                ids += step["special_tokens"][part["SpecialToken"]["id"]]["ids"]
            return tuple(ids)
        if step["type"] in ("BertProcessing", "RobertaProcessing"):
            return (step["cls"][1],)
    return ()


def _bytes_of_characters() -> dict[str, int]:
    """GPT-2's table (Radford et al. 2019, encoder.py): each byte as a printable character, here inverted."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in plain]
    return {chr(b): b for b in plain} | {chr(256 + n): b for n, b in enumerate(rest)}


def token_bytes(spec: Spec) -> tuple[list[bytes], bool]:
    """The bytes that each token stands for, by id, and whether a decoded text loses one leading space.

    Raises ModelRefused for a decoder that is not byte-level, byte-fallback, Metaspace or absent.
    """
    decoder = list(steps(spec.get("decoder")))
    kinds = {step["type"] for step in decoder}
    added = {t["id"]: t["content"] for t in spec.get("added_tokens") or ()}
    known = {"ByteLevel", "Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"}
    if kinds - known:
        raise ModelRefused(
            "The tokenizer's decoder is not understood",
            seen=f"decoder {', '.join(sorted(kinds - known))}",
            todo="use a model with a byte-level or SentencePiece-style tokenizer",
        )
    of_character = _bytes_of_characters()
    fallback = "ByteFallback" in kinds

    def plain(token: str) -> bytes:
        if "ByteLevel" in kinds:
            if all(c in of_character for c in token):
                return bytes(of_character[c] for c in token)
            return token.encode()
        if fallback and len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
            return bytes([int(token[3:5], 16)])
        for step in decoder:
            if step["type"] == "Replace":
                token = token.replace(step["pattern"]["String"], step["content"])
            elif step["type"] == "Metaspace":
                token = token.replace(step["replacement"], " ")
        return (" " + token if not decoder else token).encode()

    strips = not decoder or any(
        (s["type"] == "Strip" and s["start"] > 0) or (s["type"] == "Metaspace" and s.get("prepend_scheme") != "never")
        for s in decoder
    )
    named = tokens(spec)
    table = [b""] * (max(named) + 1)
    for i, token in named.items():
        table[i] = added[i].encode() if i in added else plain(token)
    return table, strips


def guarded(spec: Spec, controls: Mapping[int, str]) -> Spec:
    """A tokenizer.json in which each control token (id to old spelling) is spelled as its private character."""
    new = copy.copy(spec) | {"truncation": None, "padding": None, "post_processor": None}
    respelled = {old: chr(FIRST_CONTROL + n) for n, old in enumerate(controls.values())}
    added = [dict(t) for t in spec.get("added_tokens") or ()]
    present = {t["id"] for t in added}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    added += [{"id": i, "content": old} | flags for i, old in controls.items() if i not in present]
    for token in added:
        token["content"] = respelled.get(token["content"], token["content"])
    new["added_tokens"] = sorted(added, key=lambda t: t["id"])
    model = dict(spec["model"])
    vocab = model["vocab"]
    if isinstance(vocab, list):
        model["vocab"] = [[respelled.get(piece, piece), score] for piece, score in vocab]
    else:
        model["vocab"] = {respelled.get(token, token): i for token, i in vocab.items()}
    if model.get("unk_token") in respelled:
        model["unk_token"] = respelled[model["unk_token"]]
    if model.get("merges"):
        model["merges"] = [m for m in model["merges"] if not _touches(m, respelled)]
    if "dropout" in model:
        model["dropout"] = None  # encoding is a function of the text
    return new | {"model": model}


def _touches(merge: str | list[str], respelled: Mapping[str, str]) -> bool:
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left in respelled or right in respelled or left + right in respelled


def continued(spec: Spec) -> Spec | None:
    """`spec` without a space put before the text; None when it puts none."""
    new = copy.deepcopy({key: spec.get(key) for key in ("normalizer", "pre_tokenizer")})
    changed = False
    if any(step["type"] == "Prepend" for step in steps(new["normalizer"])):
        kept = [step for step in steps(new["normalizer"]) if step["type"] != "Prepend"]
        new["normalizer"] = {"type": "Sequence", "normalizers": kept} if kept else None
        changed = True
    for step in steps(new["pre_tokenizer"]):
        assert isinstance(step, dict)
        if step["type"] == "Metaspace" and step.get("prepend_scheme", "always") != "never":
            step.pop("add_prefix_space", None)
            step["prepend_scheme"] = "never"
            changed = True
        if step["type"] == "ByteLevel" and step["add_prefix_space"]:
            step["add_prefix_space"] = False
            changed = True
    return spec | new if changed else None
