"""What a Python function says of itself: a JSON schema from signature and docstring, and its arguments read strictly from JSON.

The standard library alone, and nothing of burnish: this file's text also runs inside the sandbox, beside functions that nobody
has read, so that they are described and called there as any other.

Types: bool, int, float, str, None, list, tuple, dict with text keys, Literal, Optional and unions, enums, dataclasses; what has
no annotation takes any JSON. Docstrings: Google's ("Args:"), NumPy's ("Parameters" underlined), Sphinx's (":param x:") and plain
lines ("x: what it is").
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import re
import types
import typing

LIMIT_ARGUMENTS = 20_000
"""Characters of one call's arguments."""
_PLAIN = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", type(None): "null"}
_SECTIONS = re.compile(r"^(args|arguments|parameters|returns?|yields?|raises|examples?|notes?|see also)\s*:?\s*$", re.IGNORECASE)
_OF_ARGUMENTS = ("args", "arguments", "parameters")
_SPHINX = re.compile(r"^:param\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)$")
_NAMED = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*(:?)\s*(.*)$")


class Wrong(ValueError):
    """Arguments are not what a function takes. The message is for whoever called."""


def described(function: typing.Callable[..., typing.Any]) -> dict[str, typing.Any]:
    """{"name", "description", "parameters"} of a function. Raises TypeError for a parameter that JSON cannot give."""
    name, parameters = function.__name__, _parameters(function)
    text, about = read_docstring(inspect.getdoc(function) or "", list(parameters))
    properties = {}
    for key, (hint, default) in parameters.items():
        schema = schema_of(hint, f"{name}({key})")
        if key in about:
            schema = {**schema, "description": about[key]}
        if default is not inspect.Parameter.empty and default is not None:
            schema = {**schema, "default": default.value if isinstance(default, enum.Enum) else default}
        properties[key] = schema
    needed = [key for key, (_, default) in parameters.items() if default is inspect.Parameter.empty]
    schema = {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}
    return {"name": name, "description": text, "parameters": schema}


def arguments(function: typing.Callable[..., typing.Any], text: str) -> dict[str, typing.Any]:
    """The keyword arguments that a JSON text gives. Raises Wrong, which says what is not as it must be."""
    given, parameters = read_json(text), _parameters(function)
    if not isinstance(given, dict):
        raise Wrong(f"the arguments must be a JSON object, not {_seen(given)}")
    if unknown := [key for key in given if key not in parameters]:
        raise Wrong(f"there is no argument {unknown[0]!r}; it takes {', '.join(parameters) or 'none'}")
    for key, (_, default) in parameters.items():
        if key not in given and default is inspect.Parameter.empty:
            raise Wrong(f"the argument {key!r} is missing")
    return {key: value_of(parameters[key][0], value, key) for key, value in given.items()}


def read_json(text: str) -> typing.Any:
    """A JSON value: no key twice, no number that JSON does not have, neither too long nor too deep."""
    if len(text) > LIMIT_ARGUMENTS:
        raise Wrong(f"the arguments are {len(text)} characters long; at most {LIMIT_ARGUMENTS} are read")
    try:
        return json.loads(text, parse_float=_number, parse_constant=_no_constant, object_pairs_hook=_no_pairs)
    except Wrong:
        raise
    except RecursionError:
        raise Wrong("the arguments are nested too deeply") from None
    except ValueError as error:
        raise Wrong(f"the arguments are not JSON: {error}") from None


def text_of(value: typing.Any) -> str:
    """A result as the model reads it: texts as they are, everything else as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(_plainly(value), ensure_ascii=False, default=str)


def call(function: typing.Callable[..., typing.Any], text: str) -> tuple[bool, str]:
    """(whether it went well, result or what went wrong). What the function raises is what went wrong with this call."""
    try:
        return True, text_of(function(**arguments(function, text)))
    except Wrong as error:
        return False, str(error)
    except Exception as error:  # the tool's own code: what it raises is the answer to its call
        return False, f"{type(error).__name__}: {error}"


# -- types --------------------------------------------------------------------------------------------------------------


def schema_of(hint: typing.Any, where: str) -> dict[str, typing.Any]:
    """The JSON schema of a type."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if hint is typing.Any or hint is inspect.Parameter.empty:
        return {}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if origin is typing.Annotated:
        return schema_of(inside[0], where)
    if origin is typing.Literal:
        return {"enum": list(inside)}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [schema_of(each, where) for each in inside]}
    if hint in (list, tuple) or origin in (list, tuple):
        return {"type": "array", **({"items": schema_of(inside[0], where)} if _item(hint) else {})}
    if hint is dict or (origin is dict and inside[0] is str):
        return {"type": "object", **({"additionalProperties": schema_of(inside[1], where)} if inside else {})}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        fields, hints = dataclasses.fields(hint), typing.get_type_hints(hint)
        needed = [f.name for f in fields if _no_default(f)]
        properties = {f.name: schema_of(hints[f.name], f"{where}.{f.name}") for f in fields}
        return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}
    raise TypeError(f"{where} has the type {hint!r}, which JSON cannot give")


def value_of(hint: typing.Any, value: typing.Any, where: str) -> typing.Any:
    """A JSON value as the type has it; nothing is taken for something else. Raises Wrong."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if hint is typing.Any or hint is inspect.Parameter.empty:
        return value
    if hint is float and type(value) is int:
        return float(value)
    if hint in _PLAIN:
        if type(value) is not hint:
            raise Wrong(f"{where} must be {_NAMES[hint]}, not {_seen(value)}")
        return value
    if origin is typing.Annotated:
        return value_of(inside[0], value, where)
    if origin is typing.Literal:
        return _one_of({each: each for each in inside}, value, where)
    if origin in (typing.Union, types.UnionType):
        return _first_of(inside, value, where)
    if hint in (list, tuple) or origin in (list, tuple):
        if not isinstance(value, list):
            raise Wrong(f"{where} must be a list, not {_seen(value)}")
        found = [value_of(inside[0], v, f"{where}[{n}]") for n, v in enumerate(value)] if _item(hint) else value
        return tuple(found) if tuple in (hint, origin) else found
    if hint is dict or origin is dict:
        if not isinstance(value, dict):
            raise Wrong(f"{where} must be an object, not {_seen(value)}")
        return {k: value_of(inside[1], v, f"{where}.{k}") for k, v in value.items()} if inside else value
    if issubclass(hint, enum.Enum):
        return _one_of({member.value: member for member in hint}, value, where)
    return _record(hint, value, where)


def _item(hint: typing.Any) -> bool:
    """Whether a list's type says what is in it, one type for all. Raises TypeError for a tuple of several types."""
    inside = typing.get_args(hint)
    if typing.get_origin(hint) is tuple and not (len(inside) == 2 and inside[1] is ...):
        raise TypeError(f"{hint!r} has places of different types: use a dataclass, or tuple[T, ...]")
    return bool(inside)


def _one_of(choices: typing.Mapping[typing.Any, typing.Any], value: typing.Any, where: str) -> typing.Any:
    for choice, member in choices.items():
        if type(value) is type(choice) and value == choice:
            return member
    raise Wrong(f"{where} must be one of {', '.join(map(repr, choices))}, not {_seen(value)}")


def _first_of(hints: typing.Sequence[typing.Any], value: typing.Any, where: str) -> typing.Any:
    wrong = []
    for hint in sorted(hints, key=lambda h: h is float and type(value) is int):
        try:
            return value_of(hint, value, where)
        except Wrong as error:
            wrong.append(str(error))
    raise Wrong(" or ".join(wrong))


def _record(hint: typing.Any, value: typing.Any, where: str) -> typing.Any:
    if not isinstance(value, dict):
        raise Wrong(f"{where} must be an object, not {_seen(value)}")
    fields, hints = {f.name: f for f in dataclasses.fields(hint)}, typing.get_type_hints(hint)
    if unknown := [key for key in value if key not in fields]:
        raise Wrong(f"{where} has no {unknown[0]!r}; it has {', '.join(fields)}")
    if missing := [name for name, f in fields.items() if _no_default(f) and name not in value]:
        raise Wrong(f"{where}.{missing[0]} is missing")
    return hint(**{key: value_of(hints[key], v, f"{where}.{key}") for key, v in value.items()})


def _no_default(field: dataclasses.Field[typing.Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _parameters(function: typing.Callable[..., typing.Any]) -> dict[str, tuple[typing.Any, typing.Any]]:
    """Each parameter's (type, default). Raises TypeError for one that cannot be given by name."""
    hints, found = typing.get_type_hints(function, include_extras=True), {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{function.__name__}({parameter}) cannot be given by name: name each argument of a tool")
        found[name] = (hints.get(name, inspect.Parameter.empty), parameter.default)
    return found


def _plainly(value: typing.Any) -> typing.Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value.value if isinstance(value, enum.Enum) else value


def _number(text: str) -> float:
    if abs(number := float(text)) == float("inf"):
        raise Wrong(f"{text[:20]} is too large a number")
    return number


def _no_constant(name: str) -> typing.Any:
    raise Wrong(f"{name} is no number of JSON")


def _no_pairs(pairs: list[tuple[str, typing.Any]]) -> dict[str, typing.Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Wrong("a name stands twice in one object")
    return found


def _seen(value: typing.Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


# -- docstrings ---------------------------------------------------------------------------------------------------------


def read_docstring(doc: str, names: typing.Sequence[str]) -> tuple[str, dict[str, str]]:
    """(what a function does, what is said of each of these parameters)."""
    lines, about, text = doc.splitlines(), dict[str, list[str]](), list[str]()
    section, current, depth, typed = "", "", 0, False
    for n, line in enumerate(lines):
        bare, indent = line.strip(), len(line) - len(line.lstrip())
        underlined = n + 1 < len(lines) and bool(re.fullmatch(r"-{3,}", lines[n + 1].strip()))
        if re.fullmatch(r"-{3,}", bare):
            continue
        if (head := _SECTIONS.match(bare)) and (bare.endswith(":") or underlined):
            section, current, typed = head[1].lower(), "", underlined
        elif sphinx := _SPHINX.match(bare):
            current, depth = sphinx[1], indent
            about[current] = [sphinx[2]]
        elif bare.startswith(":"):
            section, current = bare, ""
        elif (named := _NAMED.match(bare)) and _begins(named, names, section, bare, typed):
            current, depth = named[1], indent
            about[current] = [] if typed else [named[3]]  # after NumPy's colon stands the type
        elif current and bare and (indent > depth or not section):
            about[current].append(bare)
        elif not bare or indent <= depth:
            current = ""
            text += [bare] if not section else []
        elif not section:
            text.append(bare)
    known = {name: " ".join(filter(None, parts)).strip() for name, parts in about.items() if name in names}
    return re.sub(r"\s*\n\s*", " ", "\n".join(text).strip()), {name: said for name, said in known.items() if said}


def _begins(named: re.Match[str], names: typing.Sequence[str], section: str, bare: str, typed: bool) -> bool:
    """Whether a line begins what is said of a parameter: in a section of them, or "name: ..." in plain text."""
    if named[1] not in names:
        return False
    if section in _OF_ARGUMENTS:
        return bool(named[2]) or (typed and bare == named[1])
    return not section and bare.startswith(f"{named[1]}: ")
