"""A model's tokenizer: the directory read at the door, text to ids, ids to bytes, and nothing guessed.

Reads tokenizer.json with tokenizer_config.json, special_tokens_map.json, generation_config.json, config.json and
chat_template.jinja beside it, as the Hugging Face layout has them. Changed from `transformers`: encoding never adds a
token, and never reads a special token out of the text unless asked to; padding plays no part anywhere (check 3).
Assumes that the ids of tokenizer.json are those of the embedding.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tokenizers

from burnish.errors import ModelRefused
from burnish.render import vocabulary
from burnish.render.controls import Controls, check_text

FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "additional_chat_templates/tool_use.jinja",
    "generation_config.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
)
"""What belongs to a tokenizer in a model directory; only tokenizer.json must be there."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tokenizer:
    """Text to token ids and back. Made by `Tokenizer.load`."""

    directory: Path
    bos_id: int | None
    eos_ids: tuple[int, ...]
    """Every id that ends a text; the first (the tokenizer's own) is the one to write."""
    pad_id: int | None
    unk_id: int | None
    prefix_ids: tuple[int, ...]
    """What stands before a raw text for this tokenizer: usually BOS or nothing."""
    token_bytes: list[bytes] = field(repr=False)
    """The bytes of each id; special tokens as they are spelled; gaps are empty."""
    special_names: Mapping[str, str]
    """bos_token, eos_token, ...: the spellings that templates may write."""
    template: str | None = field(repr=False)
    """Source of the model's chat template."""
    tool_template: str | None = field(repr=False)
    """Source of another template for conversations with tools, if the model has one."""
    template_origin: str | None
    """The file that the template stands in."""
    fingerprint: str
    """sha256 over the tokenizer's files, 16 hex digits."""
    notes: tuple[str, ...]
    """What a user should know, such as two templates that disagree."""
    controls: Controls = field(repr=False)
    strips_space: bool
    plain: tokenizers.Tokenizer = field(repr=False)
    continued: tokenizers.Tokenizer = field(repr=False)
    changed: Mapping[str, Mapping[str, Any]] = field(repr=False)
    """JSON files that are others than the directory's: of a tokenizer that was extended (see `extend`)."""

    @staticmethod
    def load(directory: Path | str) -> Tokenizer:
        """Read the tokenizer of a model directory. Raises ModelRefused when it is missing or not understood."""
        return _load(Path(directory), {})

    def with_files(self, changed: Mapping[str, Mapping[str, Any]]) -> Tokenizer:
        """The tokenizer that it would be with these JSON files in place of the directory's."""
        return _load(self.directory, {**self.changed, **changed})

    @property
    def vocab_size(self) -> int:
        """Number of ids, gaps included. A model's embedding may be larger, never smaller."""
        return len(self.token_bytes)

    @property
    def eos_id(self) -> int | None:
        """The id to write at the end of a text."""
        return self.eos_ids[0] if self.eos_ids else None

    @property
    def adds_bos(self) -> bool:
        """Whether a raw text starts with BOS for this tokenizer."""
        return self.bos_id is not None and self.bos_id in self.prefix_ids

    def encode(self, text: str, *, parse_special: bool = False, continues: bool = False) -> list[int]:
        """Ids of `text`, without BOS or EOS. Special tokens spelled in it count as such only with `parse_special`.

        `continues`: the text follows other tokens, so no space is put before it.
        """
        check_text(text)
        marked = self.controls.mark(text) if parse_special else text
        return (self.continued if continues else self.plain).encode(marked, add_special_tokens=False).ids

    def encode_marked(self, marked: str, *, continues: bool = False) -> tuple[list[int], list[int]]:
        """Ids of a marked text (see `controls`) and, for each, the index of the first character it stands for."""
        encoding = (self.continued if continues else self.plain).encode(marked, add_special_tokens=False)
        return encoding.ids, [start for start, _ in encoding.offsets]

    def decode(self, ids: Iterable[int], *, skip_special: bool = False, continues: bool = False) -> str:
        """Text of `ids`; bytes that are not UTF-8 become U+FFFD.

        `skip_special` leaves control tokens out; `continues` keeps the leading space of ids that follow others.
        """
        kept = (int(i) for i in ids)
        data = b"".join(self.token_bytes[i] for i in kept if not (skip_special and i in self.controls))
        text = data.decode("utf-8", errors="replace")
        return text[1:] if self.strips_space and not continues and text.startswith(" ") else text

    def stream(self) -> TextStream:
        """A decoder for tokens that arrive one by one."""
        return TextStream(self.token_bytes)

    def copy_to(self, directory: Path) -> None:
        """Copy the tokenizer's files, byte for byte (check 40); those of an extended one that changed are written anew."""
        for name in FILES:
            if name in self.changed:
                (directory / name).write_bytes(_as_file(self.changed[name]))
            elif (self.directory / name).is_file():
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.directory / name, directory / name)


class TextStream:
    """Turns tokens into text as they come; holds back the bytes of an unfinished character."""

    def __init__(self, token_bytes: Sequence[bytes]) -> None:
        self._token_bytes = token_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, token: int) -> str:
        """The text that this token completes; may be empty."""
        return self._decoder.decode(self._token_bytes[token])

    def flush(self) -> str:
        """What is left at the end: U+FFFD for an unfinished character."""
        return self._decoder.decode(b"", final=True)


def _load(directory: Path, changed: Mapping[str, Mapping[str, Any]]) -> Tokenizer:
    spec = dict(changed["tokenizer.json"]) if "tokenizer.json" in changed else _read_spec(directory)
    config, names_file = _read(directory, "tokenizer_config.json"), _read(directory, "special_tokens_map.json")
    named = vocabulary.tokens(spec)
    id_of = {token: i for i, token in named.items()}
    notes: list[str] = []

    special_names: dict[str, str] = {}
    for key in ("bos_token", "eos_token", "pad_token", "unk_token"):
        value = config.get(key) or names_file.get(key)
        spelling = value.get("content") if isinstance(value, dict) else value
        if spelling and spelling not in id_of:
            notes.append(f"{key} {spelling!r} is not in tokenizer.json and is left out")
        elif spelling:
            special_names[key] = spelling
    ids = {key: id_of[spelling] for key, spelling in special_names.items()}
    bos_id = ids.get("bos_token")
    eos_ids = _eos_ids(directory, ids.get("eos_token"), named, notes)

    prefix = vocabulary.prefix_ids(spec)
    asked = config.get("add_bos_token")
    if asked is False and bos_id in prefix:
        notes.append("tokenizer_config.json says add_bos_token=false; the post-processor's BOS is not written")
        prefix = tuple(i for i in prefix if i != bos_id)
    elif asked is True and bos_id is not None and bos_id not in prefix:
        prefix = (bos_id, *prefix)

    added = spec.get("added_tokens") or ()
    control_ids = {t["id"] for t in added if t.get("special")} | set(eos_ids) | set(ids.values()) | set(prefix)
    words = {t["id"] for t in added if t.get("single_word")}  # these match by their neighbours; left as they are
    controls = Controls({i: named[i] for i in sorted(control_ids - words)})
    table, strips = vocabulary.token_bytes(spec)
    for i, spelling in controls.spelling_of.items():
        table[i] = spelling.encode()
    plain, continued = _build(spec, controls)
    template, tool_template, origin = _templates(directory, config, notes)
    return Tokenizer(
        directory=directory,
        bos_id=bos_id,
        eos_ids=eos_ids,
        pad_id=ids.get("pad_token"),
        unk_id=ids.get("unk_token"),
        prefix_ids=prefix,
        token_bytes=table,
        special_names=special_names,
        template=template,
        tool_template=tool_template,
        template_origin=origin,
        fingerprint=_fingerprint(directory, changed),
        notes=tuple(notes),
        controls=controls,
        strips_space=strips,
        plain=plain,
        continued=continued,
        changed=changed,
    )


def _build(spec: vocabulary.Spec, controls: Controls) -> tuple[tokenizers.Tokenizer, tokenizers.Tokenizer]:
    guarded = vocabulary.guarded(spec, controls.spelling_of)
    following = vocabulary.continued(guarded)
    try:
        plain = tokenizers.Tokenizer.from_str(json.dumps(guarded))
        continued = plain if following is None else tokenizers.Tokenizer.from_str(json.dumps(following))
    except Exception as error:  # the only type that the tokenizers library raises
        raise _broken("tokenizer.json is not understood by the tokenizers library", str(error)) from error
    for i in controls.spelling_of:
        if plain.token_to_id(controls.mark_of(i)) != i:
            raise _broken("tokenizer.json gives a special token two ids", f"{controls.spelling_of[i]!r}, id {i}")
    return plain, continued


def _read_spec(directory: Path) -> vocabulary.Spec:
    path = directory / "tokenizer.json"
    if not path.is_file():
        if (directory / "tokenizer.model").is_file():
            raise ModelRefused(
                "This model has only a SentencePiece tokenizer.model",
                seen=f"no tokenizer.json in {directory}",
                todo="convert it once with transformers: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)",
            )
        raise ModelRefused(
            "This model has no tokenizer",
            seen=f"no tokenizer.json in {directory}",
            todo="copy tokenizer.json and tokenizer_config.json from the model that it was made from",
        )
    spec = _read(directory, "tokenizer.json")
    model = spec.get("model")
    if not isinstance(model, dict) or not model.get("vocab"):
        raise _broken("tokenizer.json holds no vocabulary", f"keys {', '.join(spec) or 'none'}")
    return spec


def _broken(what: str, seen: str) -> ModelRefused:
    return ModelRefused(what, seen=seen[:300], todo="download the file again, or export it with transformers")


def _read(directory: Path, name: str) -> dict[str, Any]:
    """One JSON object of the directory; empty when the file is absent."""
    path = directory / name
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _broken(f"{name} is not JSON", str(error)) from error
    if not isinstance(value, dict):
        raise _broken(f"{name} is not a JSON object", type(value).__name__)
    return value


def _eos_ids(directory: Path, own: int | None, named: Mapping[int, str], notes: list[str]) -> tuple[int, ...]:
    """The tokenizer's own EOS first, then those of generation_config.json, then config.json's."""
    found = [] if own is None else [own]
    for name in ("generation_config.json", "config.json"):
        value = _read(directory, name).get("eos_token_id")
        for i in value if isinstance(value, list) else [value]:
            if i is None or i in found:
                continue
            if i in named:
                found.append(i)
            else:
                notes.append(f"eos_token_id {i} of {name} is not in tokenizer.json and is left out")
    return tuple(found)


def _templates(directory: Path, config: Mapping[str, Any], notes: list[str]) -> tuple[str | None, str | None, str | None]:
    """(default source, source for tools, file): the jinja file wins over tokenizer_config.json (check 40)."""
    listed = config.get("chat_template")
    if isinstance(listed, list):
        by_name = {entry["name"]: entry["template"] for entry in listed}
    else:
        by_name = {"default": listed} if listed else {}
    tool = directory / "additional_chat_templates/tool_use.jinja"
    tool_source = tool.read_text(encoding="utf-8") if tool.is_file() else by_name.get("tool_use")
    default, origin = by_name.get("default"), "tokenizer_config.json"
    older = _read(directory, "chat_template.json").get("chat_template")
    if default is None and older:
        default, origin = older, "chat_template.json"
    path = directory / "chat_template.jinja"
    if path.is_file():
        source = path.read_text(encoding="utf-8")
        if default is not None and default != source:
            notes.append(f"chat_template.jinja and {origin} disagree; chat_template.jinja is used")
        default, origin = source, "chat_template.jinja"
    return default, tool_source, origin if default is not None else None


def _as_file(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _fingerprint(directory: Path, changed: Mapping[str, Mapping[str, Any]]) -> str:
    digest = hashlib.sha256()
    for name in FILES:
        path = directory / name
        if name in changed or path.is_file():
            content = _as_file(changed[name]) if name in changed else path.read_bytes()
            digest.update(f"{name}\0".encode() + hashlib.sha256(content).digest())
    return digest.hexdigest()[:16]
