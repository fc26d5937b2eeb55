"""What a grader is given, as plain values: a row and an answer in the words of Python graders, of templates and of endpoints."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from burnish.types import Example


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
    with contextlib.suppress(ValueError, RecursionError):
        sample["output_json"] = json.loads(answer)
    return sample
