"""One config object is the file, the command line, the API body and the documentation.

A config is a frozen pydantic model; the docstring under each field documents it. Values come from a TOML file and
`key=value` overrides, later ones win, and every problem found is reported at once in our own words: which key, what
was seen, what is allowed, which valid key is nearest. Types are checked strictly (a number in quotes is text). A
field that may be None must default to None, because TOML cannot write None: that is what makes `load(to_toml(c)) ==
c` hold.
"""

from __future__ import annotations

import copy
import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Self, TypeVar, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from burnish import toml
from burnish.errors import ConfigError
from burnish.toml import Key

C = TypeVar("C", bound="Config")
SEEN_CHARS = 120
"""Of a value that a message shows."""
FEW = 16
"""Keys of a table that a message names all."""


class Config(BaseModel):
    """Base of every config. Unknown keys are refused; numbers must be finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, info in cls.model_fields.items():
            optional = NoneType in get_args(info.annotation)
            assert not optional or info.default is None, f"{cls.__name__}.{name} may be None, so it must default to None"

    @classmethod
    def load(cls, *, file: Path | None = None, overrides: Sequence[str] = (), base: Mapping[str, Any] | None = None) -> Self:
        """A config from `base` (plain values), then a TOML file, then `key=value` overrides; later ones win.

        An override's key is dotted (`lora.rank=8`), its value a TOML literal or else plain text; an empty value
        (`lora.rank=`) returns the key to its default. Tables are merged key by key. Raises ConfigError naming every
        problem.
        """
        values: dict[str, Any] = copy.deepcopy(dict(base or {}))
        origin: dict[Key, str] = {}
        problems: list[str] = []
        if file is not None:
            read = _read_toml(file, problems)
            _merge(cls, values, read)
            origin.update((key, f"in {file.name}") for key in _leaves(read))
        texts: dict[Key, str] = {}
        for override in overrides:
            _apply(override, values, texts, problems)
        if problems:
            raise _error(problems)
        origin.update((key, f"in {'.'.join(key)}={_cut(text)}") for key, text in texts.items())
        try:
            return _validate(cls, values, texts)
        except ValidationError as error:
            raise _error(_problems(cls, error, origin)) from None


# Reading


def _read_toml(file: Path, problems: list[str]) -> dict[str, Any]:
    try:
        text = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigError(
            f"the config file {file} cannot be read", seen=error.strerror or "", todo="give an existing TOML file"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"the config file {file} is not UTF-8", seen=f"byte {error.start}", todo="save it as UTF-8") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, place = toml.place(str(error), text)
        problems.append(f"{file} is not valid TOML at {place}: {reason}")
        return {}


def _merge(cls: type[Config], values: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Put `more` over `values`: tables of settings key by key, everything else whole."""
    for name, value in more.items():
        nested = _config_of(cls.model_fields[name].annotation) if name in cls.model_fields else None
        if nested and isinstance(value, dict) and isinstance(values.get(name), dict):
            _merge(nested, values[name], value)
        else:
            values[name] = value


def _leaves(table: Mapping[str, Any], prefix: Key = ()) -> Iterator[Key]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*prefix, name))
        yield (*prefix, name)


def _apply(override: str, values: dict[str, Any], texts: dict[Key, str], problems: list[str]) -> None:
    """Put one `key=value` into `values`, its text into `texts`."""
    name, equals, text = override.partition("=")
    key = toml.parse_key(name)
    if not equals or key is None:
        problems.append(f"`{override}` is not of the form key=value, such as lora.rank=8")
        return
    table = values
    for part in key[:-1]:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            problems.append(f"`{override}` cannot be set: {part} is {toml.literal(inner)}, not a table")
            return
        table = inner
    text = text.strip()
    if text:
        table[key[-1]] = toml.parse_value(text)
        texts[key] = text
    else:
        table.pop(key[-1], None)
        texts.pop(key, None)


def _validate(cls: type[C], values: dict[str, Any], texts: Mapping[Key, str]) -> C:
    """Strict validation; an override that looks like a number or a list but belongs to a text field is text (`model=123`)."""
    try:
        return cls.model_validate_json(_json(values), strict=True)
    except ValidationError as error:
        wanted = {
            tuple(map(str, e["loc"])) for e in error.errors(include_url=False) if e["type"] in ("string_type", "literal_error")
        }
        as_text = [key for key in texts if key in wanted and not isinstance(_get(values, key), str)]
        if not as_text:
            raise
        for key in as_text:
            _get(values, key[:-1])[key[-1]] = texts[key]
        return cls.model_validate_json(_json(values), strict=True)


def _get(values: Any, key: Key) -> Any:
    for part in key:
        values = values[part]
    return values


def _json(values: Any) -> str:
    """Plain values as JSON; a config among them (`lora=Lora(rank=8)`) as what was set in it."""
    return json.dumps(
        values, default=lambda v: v.model_dump(mode="json", exclude_unset=True) if isinstance(v, Config) else str(v)
    )


# Saying what is wrong


def _error(problems: list[str]) -> ConfigError:
    if len(problems) == 1:
        return ConfigError(problems[0])
    listed = "\n".join(f"  - {p}" for p in problems)
    return ConfigError(f"{len(problems)} settings cannot be used:\n{listed}")


def _problems(cls: type[Config], error: ValidationError, origin: Mapping[Key, str]) -> list[str]:
    """One sentence for each key at fault, in our words."""
    found: dict[Key, str] = {}
    for fault in error.errors(include_url=False):
        key, info, owner = _find(cls, fault["loc"])
        kind, seen = fault["type"], fault["input"]
        shown = _shown(seen)
        told = tuple(part.partition("[")[0] for part in key)
        where = next((f" {origin[told[:n]]}" for n in range(len(told), 0, -1) if told[:n] in origin), "")
        name = ".".join(key)
        if kind == "extra_forbidden":
            sentence = f"{name} is not a setting (seen {shown}{where}; {_instead(cls, owner, key, seen)})"
        elif kind == "missing":
            doc = (info.description or "").split("\n")[0] if info else ""
            sentence = f"{name} is required and not set" + (f": {doc}" if doc else "")
        elif kind.startswith("union_tag"):
            said = fault.get("ctx", {})
            told_by = str(said["discriminator"]).strip("'")
            near = difflib.get_close_matches(str(said.get("tag", "")), kinds := _kinds(info), n=1)
            given = f"{shown}{where}; did you mean {toml.literal(near[0])}?" if near else f"{shown}{where}"
            sentence = f"{name}.{told_by} must be one of {', '.join(map(toml.literal, kinds))} (seen {given})"
        elif kind in ("value_error", "assertion_error"):
            said = str(fault.get("ctx", {}).get("error", ""))
            sentence = f"{name}: {said} (seen {shown}{where})" if key else said
        else:
            value = _seen(error, key, seen)
            allowed = f"must be {_describe(info)}" if info else "does not fit"
            if info and isinstance(value, dict) and _tables(info.annotation):
                allowed += f", each under [[{name}]]"
            inside = [str(part) for part in fault["loc"][len(key) :]]
            at = f" as {name}.{'.'.join(inside)}" if len(inside) > 1 and inside[0].isdigit() and value == seen else ""
            sentence = f"{name} {allowed} (seen {_shown(value)}{at}{where})"
        found.setdefault(key, sentence.rstrip("."))
    return list(found.values())


def _shown(value: Any) -> str:
    """A value as TOML, or its beginning."""
    return _cut(toml.literal(value))


def _cut(text: str) -> str:
    return text if len(text) <= SEEN_CHARS else text[:SEEN_CHARS] + "…"


def _instead(cls: type[Config], owner: type[Config], key: Key, value: Any) -> str:
    """What was probably meant, and the keys that stand where the wrong one stood, those written alike first. Where these are
    many, as in a recipe, they are named only where none is near."""
    table, names = ".".join(key[:-1]), list(owner.model_fields)
    near = _nearest(owner, key[-1:], value) if "[" in table else _nearest(cls, key, value)
    meant = f"did you mean {near}?" if near and near != table else ""
    if not meant and not table:
        return f"the settings are {', '.join(f.path for f in fields_of(cls))}"
    if len(names) > FEW and meant:
        return meant
    alike = difflib.get_close_matches(key[-1].lower().replace("-", "_"), names, n=len(names), cutoff=0.5)
    there = ", ".join(dict.fromkeys([*alike, *names]))
    return f"{meant} {table or 'there'} {'has' if table else 'are'} {there}".lstrip()


def _find(cls: type[Config], loc: tuple[int | str, ...]) -> tuple[Key, FieldInfo | None, type[Config]]:
    """The key that a location of pydantic speaks of, without the branches of unions (a table in a list of them is `name[0]`), and
    the config that has it."""
    key: Key = ()
    owner = cls
    info: FieldInfo | None = None
    model: type[Config] | None = cls
    tables: Mapping[str, type[Config]] = {}
    for part in map(str, loc):
        if tables and part.isdigit():
            key = (*key[:-1], f"{''.join(key[-1:])}[{part}]")
            model, tables = (tables[""], {}) if "" in tables else (None, tables)
            continue
        if model is None and part in tables:
            model, tables = tables[part], {}
            continue
        if model is not None:
            info, owner = model.model_fields.get(part), model
        elif info is not None and get_origin(info.annotation) is dict:
            info = FieldInfo.from_annotation(get_args(info.annotation)[1])
        else:
            break
        key += (part,)
        model, tables = (_config_of(info.annotation), _tables(info.annotation)) if info else (None, {})
    return key, info, owner


def _kinds(info: FieldInfo | None) -> list[str]:
    return list(_tables(info.annotation)) if info else []


def _tables(annotation: Any) -> Mapping[str, type[Config]]:
    """What the tables of a list may be, by the word that tells them apart; by "" where there is one kind. Else empty."""
    if get_origin(annotation) not in (tuple, list):
        return {}
    inner = get_args(annotation)[0]
    if (one := _config_of(inner)) is not None:
        return {"": one}
    union, *more = get_args(inner) if get_origin(inner) is Annotated else (inner,)
    told_by = next((m.discriminator for m in more if isinstance(m, FieldInfo) and isinstance(m.discriminator, str)), None)
    kinds = get_args(union) if told_by is not None and _is_union(union) else ()
    return {str(word): kind for kind in kinds for word in get_args(kind.model_fields[told_by].annotation)}


def _seen(error: ValidationError, key: Key, fallback: Any) -> Any:
    """The whole value of a key, where a fault speaks of a part of it."""
    for fault in error.errors(include_url=False):
        loc = tuple(map(str, fault["loc"]))
        if (
            loc[: len(key)] == key
            and len(loc) <= len(key) + 1
            and not (len(loc) > len(key) and isinstance(fault["loc"][-1], int))
        ):
            return fault["input"]
    return fallback


def _nearest(cls: type[Config], key: Key, value: Any) -> str:
    """A path that is written alike, else one with a like last part (of a table: of what it holds); or ""."""
    names = sorted([".".join(path) for path in _paths(cls)], key=lambda name: name.count("."))
    asked = ".".join(key).lower().replace("-", "_")
    close = difflib.get_close_matches(asked, names, n=1, cutoff=0.6)
    if not close:
        last = {name.rpartition(".")[2]: name for name in reversed(names)}
        inner = [path[-1] for path in _leaves(value)] if isinstance(value, dict) else []
        for part in [asked.rpartition(".")[2], *inner]:
            close = close or [last[c] for c in difflib.get_close_matches(part, list(last), n=1, cutoff=0.6)]
    return close[0] if close else ""


def _paths(cls: type[Config], prefix: Key = ()) -> Iterator[Key]:
    """The key of every setting and of every table of settings."""
    for name, info in cls.model_fields.items():
        yield (*prefix, name)
        if nested := _config_of(info.annotation):
            yield from _paths(nested, (*prefix, name))


# Documentation


@dataclass(frozen=True, slots=True)
class FieldDoc:
    """One setting as the documentation shows it."""

    path: str
    """dotted, as in an override"""
    type: str
    """what is allowed, in words"""
    default: str | None
    """as TOML; None = no default: required, or left out and derived"""
    doc: str
    required: bool


def fields_of(cls: type[Config], prefix: Key = (), defaults: Config | None = None) -> list[FieldDoc]:
    """Every setting of a config, those of nested configs included, in the order of the source."""
    found: list[FieldDoc] = []
    for name, info in cls.model_fields.items():
        value = getattr(defaults, name) if defaults is not None else info.get_default(call_default_factory=True)
        nested = _config_of(info.annotation)
        if nested:
            found += fields_of(nested, (*prefix, name), value if isinstance(value, Config) else None)
            continue
        required = info.is_required() and defaults is None
        default = None if required or value is None else toml.literal(_plain(value))
        found.append(FieldDoc(".".join((*prefix, name)), _describe(info), default, info.description or "", required))
    return found


def _config_of(annotation: Any) -> type[Config] | None:
    """The config class of a field that is a table of settings (or may be left out)."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, Config) else None
    inner = [_config_of(a) for a in get_args(annotation) if a is not NoneType] if _is_union(annotation) else []
    return inner[0] if len(inner) == 1 else None


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, UnionType)


WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path", date: "a date"}


def _describe(info: FieldInfo) -> str:
    return _words(info.annotation, info.metadata)


def _words(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """What a type allows, in words: "a whole number of at least 1"."""
    arguments, origin = get_args(annotation), get_origin(annotation)
    if origin is Annotated:
        inner = [m for a in arguments[1:] for m in (a.metadata if isinstance(a, FieldInfo) else [a])]
        return _words(arguments[0], [*inner, *metadata])
    if _is_union(annotation):
        return " or ".join(dict.fromkeys(_words(a, metadata) for a in arguments if a is not NoneType))
    if origin is Literal:
        return ("one of " if len(arguments) > 1 else "") + ", ".join(toml.literal(a) for a in arguments)
    if origin in (tuple, list, set, frozenset):
        return f"a list of {_plural(_words(arguments[0]))}"
    if origin is dict:
        return "a table" if arguments[1] is Any else f"a table whose values are {_plural(_words(arguments[1]))}"
    if _config_of(annotation):
        return "a table of settings"
    return WORDS.get(annotation, str(getattr(annotation, "__name__", annotation))) + _bounds(metadata)


def _plural(words: str) -> str:
    return {
        "a whole number": "whole numbers",
        "a number": "numbers",
        "a path": "paths",
        "a table of settings": "tables of settings",
    }.get(words, words)


def _bounds(metadata: Sequence[Any]) -> str:
    parts = []
    for m in metadata:
        match m:
            case annotated_types.Ge():
                parts.append(f"of at least {m.ge}")
            case annotated_types.Gt():
                parts.append(f"above {m.gt}")
            case annotated_types.Le():
                parts.append(f"of at most {m.le}")
            case annotated_types.Lt():
                parts.append(f"below {m.lt}")
    return " " + " and ".join(parts) if parts else ""


# Writing


def to_json(config: Config) -> str:
    """The config as JSON, every key written."""
    return json.dumps(config.model_dump(mode="json"), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def to_toml(config: Config) -> str:
    """The config as TOML; keys that are None are left out. Exact: `load` of it gives an equal config."""
    return toml.dumps(config.model_dump(mode="json", exclude_none=True))


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
