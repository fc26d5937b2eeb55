"""Similar: how alike the answer and the reference are, by one of the measures of `likeness`: OpenAI's `text_similarity`.

Likeness is not truth: "The answer is not 7" is very much like "The answer is 7". `cosine` asks an embedding model behind a URL.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from burnish.errors import ConfigError
from burnish.tasks.graders.likeness import LIBRARIES, MEASURES, cosine
from burnish.tasks.graders.needs import needed
from burnish.tasks.graders.references import cannot_judge, passing, references_of, shown
from burnish.tasks.graders.remote import Door, Failed, post
from burnish.tasks.graders.templates import WHOLE, Missing, Template, values_of
from burnish.types import Example, Score

Metric = Literal[
    "fuzzy_match", "bleu", "gleu", "meteor", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l", "cosine"
]


@dataclass(frozen=True, slots=True)
class Similar:
    """The measure of the answer against the reference, from 0 to 1 (cosine: from -1); of several references the most alike."""

    metric: Metric
    input: Template = WHOLE
    reference: Template | None = None
    """None = the references of the row"""
    pass_threshold: float | None = None
    """from here on the score is marked as passing; its value stays"""
    door: Door | None = None
    """of an embedding model, for cosine"""
    model: str = ""
    name: str = "similarity"
    concurrency: int = field(default=2, repr=False)

    def __post_init__(self) -> None:
        if self.metric == "cosine" and self.door is None:
            raise ConfigError(
                "the metric cosine compares embeddings, and no embedding model is named",
                todo="give url and model of one (OpenAI's /embeddings), or take another metric, such as rouge_l",
            )
        if self.metric in LIBRARIES:
            needed(LIBRARIES[self.metric], "graders", f"the metric {self.metric}")

    @property
    def limit_s(self) -> float:
        """As the server of its embeddings."""
        return 0.0 if self.door is None else self.door.limit_s

    def grade(self, example: Example, answer: str) -> Score:
        """Score from 0 to 1; NaN with `error` where there is no reference, or no embedding."""
        try:
            values = values_of(example, answer)
            said = self.input.fill(values)
            wanted = references_of(example) if self.reference is None else (self.reference.fill(values),)
        except Missing as missing:
            return missing.score()
        if not wanted:
            return cannot_judge("the example has no reference to compare with")
        found = self._cosines(said, wanted) if self.door is not None else [MEASURES[self.metric](said, w) for w in wanted]
        if isinstance(found, Failed):
            return cannot_judge(found.why)
        value = max(found)
        if not math.isfinite(value):
            return cannot_judge("an embedding is 0 everywhere, so that it has no direction")
        best, marks = wanted[found.index(value)], passing(value, self.pass_threshold)
        return Score(value=value, reason=f"{self.metric} of {shown(said)} and {shown(best)} is {value:.3g}", marks=marks)

    def _cosines(self, said: str, wanted: tuple[str, ...]) -> list[float] | Failed:
        assert self.door is not None
        reply = post(self.door, "/embeddings", {"model": self.model, "input": [said, *wanted]})
        if isinstance(reply, Failed):
            return reply
        vectors = _vectors(reply.body, 1 + len(wanted))
        if vectors is None:
            return Failed(f"{self.door.url} gave no embeddings: {shown(str(reply.body))}")
        return [cosine(vectors[0], v) for v in vectors[1:]]


def _vectors(body: Any, count: int) -> list[list[float]] | None:
    """The vectors of an OpenAI-style reply in the order of the request, all of one length."""
    listed = body.get("data") if isinstance(body, dict) else None
    if not isinstance(listed, list) or len(listed) != count or not all(isinstance(each, dict) for each in listed):
        return None
    found = [each.get("embedding") for each in sorted(listed, key=lambda each: each.get("index", 0))]
    numbers = all(isinstance(v, list) and v and all(isinstance(x, (int, float)) for x in v) for v in found)
    return found if numbers and len({len(v) for v in found}) == 1 else None
