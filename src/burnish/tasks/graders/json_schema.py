"""JsonSchema: whether an answer is JSON that keeps to a schema (JSON Schema, the draft that it names, else 2020-12; library
`jsonschema`).

The JSON is the whole answer, else its last fenced block, else the last object or list in it that is JSON. A schema refers to
nothing outside of itself. Patterns in it run in linear time (re2), and one that re2 cannot read is refused.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from burnish.errors import ConfigError
from burnish.tasks.graders.given import finite, json_of, no_number, shallow
from burnish.tasks.graders.needs import needed
from burnish.tasks.graders.references import cannot_judge, shown
from burnish.types import Example, Score

LIMIT_CHARACTERS = 200_000
LIMIT_STARTS = 500
"""Opening brackets that are tried, from the last on."""
SHOWN = 3
_FENCED = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """1 where the answer's JSON is valid against the schema."""

    schema: str
    """as JSON text, keys sorted"""
    name: str = "json_schema"
    concurrency: int = field(default=2, repr=False)

    @staticmethod
    def of(schema: Mapping[str, Any], name: str = "json_schema") -> JsonSchema:
        """Raises ConfigError for what is no schema, or where `jsonschema` is not installed."""
        text = json.dumps(schema, sort_keys=True)
        _validator(text)
        return JsonSchema(text, name)

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0, with the path at fault."""
        if len(answer) > LIMIT_CHARACTERS:
            return Score(value=0.0, reason=f"the answer has {len(answer)} characters, too many to be read as JSON")
        found = json_in(answer)
        if found is None:
            return Score(value=0.0, reason=f"there is no JSON in the answer {shown(answer)}")
        value, where = found
        try:
            faults = sorted(_validator(self.schema).iter_errors(value), key=lambda e: list(map(str, e.absolute_path)))
        except RecursionError:
            return cannot_judge("the schema refers to itself without an end")
        if not faults:
            return Score(value=1.0, reason=f"{where} is valid")
        said = "; ".join(f"{fault.json_path}: {shown(fault.message, 120)[1:-1]}" for fault in faults[:SHOWN])
        more = f" and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        return Score(value=0.0, reason=f"{where} is not valid at {said}{more}")


def json_in(answer: str) -> tuple[Any, str] | None:
    """The JSON of an answer and where it stood; None where there is none."""
    whole = json_of(answer.strip())
    if whole is not None:
        return whole[0], "the answer"
    fenced = _FENCED.findall(answer)
    if fenced and (block := json_of(fenced[-1].strip())) is not None:
        return block[0], "the fenced block"
    last = _last(answer)
    return None if last is None else (last[0], "the last JSON in the answer")


def _last(answer: str) -> tuple[Any] | None:
    """The last object or list that is not inside another one."""
    decoder = json.JSONDecoder(parse_constant=no_number, parse_float=finite)
    closers = [m.end() for m in re.finditer(r"[}\]]", answer)]
    if not closers:
        return None
    found: tuple[Any] | None = None
    reach = 0
    for start in _starts(answer, closers[-1]):
        try:
            value, end = decoder.raw_decode(answer, start)
        except (ValueError, RecursionError):
            continue
        if not shallow(value):
            return None
        if found is None or end >= reach:  # the same value from further out
            found, reach = (value,), end
        else:
            break
    return found


def _starts(answer: str, end: int) -> Iterator[int]:
    starts = [m.start() for m in re.finditer(r"[{\[]", answer[:end])]
    yield from reversed(starts[-LIMIT_STARTS:])


@functools.lru_cache(maxsize=32)
def _validator(schema: str) -> Any:
    """A validator of this schema."""
    library = needed("jsonschema", "graders", "a grader of the kind json_schema")
    body = json.loads(schema)
    cls = library.validators.validator_for(body, default=library.Draft202012Validator)
    try:
        cls.check_schema(body)
    except library.SchemaError as error:
        raise ConfigError(
            "the schema is no JSON Schema", seen=f"{error.json_path}: {error.message[:200]}", todo="mend it"
        ) from None
    engine = None
    for key, value in _keys(body):
        if key == "$ref" and isinstance(value, str) and value.startswith("#/") and not _points(body, value):
            raise ConfigError("a schema refers to what is not in it", seen=f"{key}: {value}"[:200], todo="mend the reference")
        if key in ("$ref", "$dynamicRef") and isinstance(value, str) and not value.startswith("#"):
            todo = "write what it refers to into this schema, under $defs"
            raise ConfigError("a schema refers to nothing outside of itself", seen=f"{key}: {value}"[:200], todo=todo)
        if key == "patternProperties":
            todo = "name the properties, or check them with a grader of the kind python"
            raise ConfigError("a schema's patternProperties are not read", seen=str(value)[:200], todo=todo)
        if key == "pattern" and isinstance(value, str):
            engine = needed("re2", "graders", "a schema with a pattern")
            try:
                engine.compile(value)
            except engine.error as error:
                todo = "write it without back references and looking around"
                raise ConfigError(f"a schema's pattern cannot be read in linear time: {error}", seen=value, todo=todo) from None
    if engine is None:
        return cls(body)

    def matches(_: Any, pattern: str, found: Any, __: Any) -> Iterator[Any]:
        if isinstance(found, str) and engine.search(pattern, found) is None:
            yield library.ValidationError(f"{found!r} does not match {pattern!r}")

    return library.validators.extend(cls, {"pattern": matches})(body)


def _points(body: Any, reference: str) -> bool:
    """Whether a JSON pointer leads to something. A schema with `$id` inside may mean another place, which is looked for later."""
    if any(key == "$id" for key, _ in _keys(body)):
        return True
    for step in unquote(reference[2:]).split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(body, list) and name.isdigit() and int(name) < len(body):
            body = body[int(name)]
        elif isinstance(body, dict) and name in body:
            body = body[name]
        else:
            return False
    return True


def _keys(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key of a schema, however deep, with its value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)
