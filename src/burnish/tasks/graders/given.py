"""What a grader is given, as plain values: a row and an answer in the words of Python graders, of templates and of endpoints."""

from __future__ import annotations

import json
import math
from typing import Any

from burnish.types import Example

DEEPEST = 100
"""Levels of an answer's JSON; what is deeper is taken for no JSON, since readers of it, here and elsewhere, give up somewhere."""


def row_of(example: Example) -> dict[str, Any]:
    """A row as a grader written in Python sees it."""
    return {
        "messages": [{"role": m.role, "content": m.content} for m in example.messages],
        "reference": example.reference,
        "metadata": json.loads(json.dumps(dict(example.metadata), default=str)),
        "tools": [dict(t) for t in example.tools],
    }


def item_of(example: Example) -> dict[str, Any]:
    """A row as OpenAI's graders see it: its columns by name."""
    row = row_of(example)
    metadata = row.pop("metadata")
    kept = {k: v for k, v in row.items() if v not in (None, [])}
    return {**kept, **metadata}


def sample_of(answer: str) -> dict[str, Any]:
    """An answer as OpenAI's graders see it."""
    sample: dict[str, Any] = {"output_text": answer, "choices": [{"message": {"role": "assistant", "content": answer}}]}
    found = json_of(answer)
    return sample if found is None else {**sample, "output_json": found[0]}


def json_of(text: str) -> tuple[Any] | None:
    """The value that a text is as JSON, in a tuple; None where it is none, or one that could not be passed on: numbers beyond a
    float's range, half characters, more than DEEPEST levels."""
    try:
        value = json.loads(text, parse_constant=no_number, parse_float=finite)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return (value,) if shallow(value) else None


def no_number(text: str) -> Any:
    """For `parse_constant`. Raises ValueError."""
    raise ValueError(f"{text} is not JSON")


def finite(text: str) -> float:
    """For `parse_float`. Raises ValueError for a number beyond a float's range."""
    number = float(text)
    return number if math.isfinite(number) else no_number(text)


def shallow(value: Any) -> bool:
    """Whether a value has at most DEEPEST levels."""
    level = [value]
    for _ in range(DEEPEST):
        inner = [v.values() if isinstance(v, dict) else v for v in level if isinstance(v, (dict, list))]
        level = [each for values in inner for each in values]
        if not level:
            return True
    return False
