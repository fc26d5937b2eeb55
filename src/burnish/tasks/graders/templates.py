"""Texts with places in them, `{{ item.answer }}`, as in OpenAI's graders: filled from the row (`item`) and the answer
(`sample`).

A place is a path and nothing else (names, `[0]`, `["key"]`): no expression, filter or statement, so there is nothing in it to
run. What a path does not find is never an empty text. Values that are not text are written as JSON.

`item` has the row's further columns, with its `messages`, `reference` and `tools` where no column is called so. `sample` has
`output_text`, `output_json` (where the answer is JSON) and `choices`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from burnish.errors import ConfigError
from burnish.tasks.graders.given import item_of, sample_of
from burnish.tasks.graders.references import cannot_judge
from burnish.types import Example, Score

OUTPUT = "{{sample.output_text}}"
"""The whole answer."""
REFERENCE = "{{item.reference}}"

_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_STEP = r"""\.[A-Za-z_]\w*|\[[0-9]{1,6}\]|\["[^"\]]*"\]|\['[^'\]]*'\]"""
_PATH = re.compile(rf"\s*(item|sample)((?:{_STEP})+)\s*")
_SAMPLE = ("output_text", "output_json", "choices")

Path = tuple[str | int, ...]
"""Where a value is: the namespace, then keys and indices."""


class Missing(Exception):
    """A place for which there is no value. Its text is a sentence."""

    def __init__(self, why: str, *, in_answer: bool) -> None:
        super().__init__(why)
        self.why, self.in_answer = why, in_answer

    def score(self, least: float = 0.0) -> Score:
        """What the answer lacks is the answer's fault and worth the least; what the row lacks is the grader's failure."""
        return Score(value=least, reason=self.why) if self.in_answer else cannot_judge(self.why)


@dataclass(frozen=True, slots=True)
class Template:
    """A text with places. `parts` are literal texts and paths in turn."""

    text: str
    parts: tuple[str | Path, ...]

    @staticmethod
    def parse(text: str) -> Template:
        """Raises ConfigError for a place that is no path, or asks for what there is not."""
        parts: list[str | Path] = []
        at = 0
        for place in _PLACE.finditer(text):
            parts += [text[at : place.start()], _path(place[1])]
            at = place.end()
        if "{%" in text or "{#" in text:
            raise ConfigError("a template has places alone, no statements", seen=text[:200], todo="write {{ item.NAME }}")
        return Template(text, (*parts, text[at:]))

    def fill(self, values: Mapping[str, Any], shown: Callable[[Path, str], str] = lambda path, text: text) -> str:
        """The text with its values. `shown` may change what is put in. Raises Missing."""
        return "".join(p if isinstance(p, str) else shown(p, _text(_found(values, p))) for p in self.parts)

    def whole(self) -> Path | None:
        """The path that is all of this text, if one is."""
        paths = [p for p in self.parts if not isinstance(p, str)]
        return paths[0] if len(paths) == 1 and not any(isinstance(p, str) and p.strip() for p in self.parts) else None


def values_of(example: Example, answer: str) -> dict[str, Any]:
    """What places are filled from: `item` and `sample`."""
    return {"item": item_of(example), "sample": sample_of(answer)}


def _path(place: str) -> Path:
    match = _PATH.fullmatch(place)
    if match is None:
        todo = "write item.NAME or sample.output_text, with [0] and .NAME for what is inside"
        raise ConfigError("a place in a template is no path", seen="{{" + place[:80] + "}}", todo=todo)
    steps: list[str | int] = []
    for step in re.findall(_STEP, match[2]):
        inner = step[1:] if step[0] == "." else step[1:-1]
        steps.append(inner if step[0] == "." else int(inner) if inner.isdigit() else inner[1:-1])
    if match[1] == "sample" and steps[0] not in _SAMPLE:
        raise ConfigError(
            f"graders are not given sample.{steps[0]}: an answer is a text",
            seen=f"known: {', '.join(_SAMPLE)}",
            todo="use one of them",
        )
    return (match[1], *steps)


def _found(values: Mapping[str, Any], path: Path) -> Any:
    value: Any = values
    for n, step in enumerate(path):
        inner: Any = step
        at = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if not at and not (isinstance(value, dict) and step in value):
            where = ".".join(map(str, path[:n])) or "the row"
            names = f"; it has {', '.join(map(str, list(value)[:12]))}" if isinstance(value, dict) and value else ""
            why = "; the answer is not JSON" if path[:2] == ("sample", "output_json") and n == 1 else names
            said = f"there is no {'.'.join(map(str, path))}: {where} has no {step}{why}"
            raise Missing(said, in_answer=path[0] == "sample")
        value = value[inner]
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


WHOLE, TO_REFERENCE = Template.parse(OUTPUT), Template.parse(REFERENCE)
