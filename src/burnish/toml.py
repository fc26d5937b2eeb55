"""TOML as configs use it: the place of a syntax error, one key or value of a command line, and an exact writer.

Reading is tomllib's. Written are tables of plain values (TOML 1.0); what is written reads back equal, to the last bit of a float.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

Key = tuple[str, ...]
"""A key as its parts: ("lora", "rank")."""


def place(message: str, text: str) -> tuple[str, str]:
    """Split a message of tomllib into its reason and "line 2, column 5 (`the line`)"."""
    found = re.search(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    reason = message[: found.start()] if found else message
    lines = text.splitlines() or [""]
    if found and found[1]:
        line, column = int(found[1]), found[2]
    else:
        line, column = len(lines), str(len(lines[-1]) + 1)
    shown = lines[line - 1].strip() if line <= len(lines) else ""
    return reason, f"line {line}, column {column} (`{shown}`)"


def parse_key(name: str) -> Key | None:
    """The parts of a dotted key; None when it is none."""
    try:
        node: Any = tomllib.loads(f"{name} = 0") if "\n" not in name else None
    except tomllib.TOMLDecodeError:
        return None
    parts = []
    while isinstance(node, dict) and node:
        ((part, node),) = node.items()
        parts.append(part)
    return tuple(parts) or None


def parse_value(text: str) -> Any:
    """A TOML literal, or the text itself. Wrapped in an array, so that a comment or a second line is never swallowed."""
    try:
        parsed = tomllib.loads(f"x = [{text}]")
    except tomllib.TOMLDecodeError:
        return text
    plain = set(parsed) == {"x"} and len(parsed["x"]) == 1 and not text.endswith(",")
    return parsed["x"][0] if plain else text


def dumps(values: Mapping[str, Any]) -> str:
    """Nested tables of plain values as TOML: the values of a table first, then the tables in it."""
    return "\n".join(_lines(values, ())).lstrip("\n") + "\n"


def _lines(values: Mapping[str, Any], path: Key) -> Iterator[str]:
    tables = {k: v for k, v in values.items() if isinstance(v, dict)}
    for name, value in values.items():
        if name not in tables:
            yield f"{_key(name)} = {literal(value)}"
    for name, value in tables.items():
        inner = (*path, name)
        yield f"\n[{'.'.join(map(_key, inner))}]"
        yield from _lines(value, inner)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def literal(value: Any) -> str:
    """One value as an inline TOML literal; None, which has none, as the word nothing (for messages)."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case list() | tuple():
            return f"[{', '.join(map(literal, value))}]"
        case dict():
            return f"{{ {', '.join(f'{_key(str(k))} = {literal(v)}' for k, v in value.items())} }}" if value else "{}"
        case None:
            return "nothing"
    return str(value)


ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}


def _text(value: str) -> str:
    """A TOML basic string."""
    return '"' + "".join(ESCAPES.get(c) or (c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}") for c in value) + '"'
