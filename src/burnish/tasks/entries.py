"""Graders as task.toml names them: one record for each kind, with the settings that it reads and no others.

Graders of graders hold entries themselves: `combine` (each with a name), `rubric` (for a criterion that no judge is asked about).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from burnish.config import Config
from burnish.tasks.graders.remote import secretive
from burnish.tasks.graders.similarity import Metric
from burnish.tasks.graders.stringcheck import Operation
from burnish.tasks.graders.templates import OUTPUT, REFERENCE

Seconds = Annotated[float, Field(gt=0, le=60)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class Entry(Config):
    """What every grader may say."""

    name: Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,64}$")] | None = None
    """What it is called in reasons, in reports and in a formula. By default its kind."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Of its value in the task's score, which is the weighted mean."""


class Exact(Entry):
    """The answer, or its marked final answer, is the row's reference up to case and spacing."""

    kind: Literal["exact"]
    """exact"""


class Contains(Entry):
    """The row's reference stands in the answer as whole words, up to case and spacing."""

    kind: Literal["contains"]
    """contains"""


class Numeric(Entry):
    """The answer's final number is the reference."""

    kind: Literal["numeric"]
    """numeric"""


class Tests(Entry):
    """The answer's Python passes the asserts of its row (`test_list`), in the sandbox."""

    kind: Literal["tests"]
    """tests"""


class Maths(Entry):
    """The answer is mathematically the reference, however it is written (library math-verify, in the sandbox)."""

    kind: Literal["maths"]
    """maths"""
    timeout_s: Seconds = 10.0
    """How long one answer may take."""


class Regex(Entry):
    """A pattern stands in the answer."""

    kind: Literal["regex"]
    """regex"""
    pattern: str | None = None
    """What must stand in the answer, as Python's re reads it; `{reference}` stands for the row's reference. Required."""

    @model_validator(mode="after")
    def _has_pattern(self) -> Self:
        if self.pattern is None:
            raise ValueError("a grader of the kind regex needs a pattern")
        return self


class Length(Entry):
    """The answer has as many words as it may."""

    kind: Literal["length"]
    """length"""
    at_least: Annotated[int, Field(ge=0)] | None = None
    """Fewest words."""
    at_most: Annotated[int, Field(ge=1)] | None = None
    """Most words."""

    @model_validator(mode="after")
    def _has_bounds(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("a grader of the kind length needs at_least or at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least = {self.at_least} is more than at_most = {self.at_most}")
        return self


class Python(Entry):
    """A function of the user's says what an answer is worth; it runs in the sandbox."""

    kind: Literal["python"]
    """python"""
    function: Identifier | None = None
    """The function. By default `grade`."""
    timeout_s: Seconds | None = None
    """How long one answer may take. By default 5."""
    file: str | None = None
    """A file of the folder that has the function. By default task.py."""
    takes: Literal["example, answer", "sample, item"] = "example, answer"
    """What the function is given; "sample, item" is OpenAI's `grade(sample, item)`."""
    packages: tuple[str, ...] = ()
    """Installed packages that it may import, by the names that pip knows; the standard library is always there."""


class StringCheck(Entry):
    """Two texts are compared letter by letter, as by OpenAI's `string_check`."""

    kind: Literal["string_check"]
    """string_check"""
    operation: Operation
    """eq, ne: the texts are the same, or are not; like, ilike: the reference stands in the input, ilike whatever the case."""
    input: str = OUTPUT
    """A template: what is compared."""
    reference: str = REFERENCE
    """A template: what it is compared with."""


class Similarity(Entry):
    """How alike the answer and the reference are, from 0 to 1, as by OpenAI's `text_similarity`."""

    kind: Literal["similarity"]
    """similarity"""
    metric: Metric
    """fuzzy_match of letters; bleu, gleu, meteor, rouge_1 to rouge_5, rouge_l of words; cosine of embeddings."""
    input: str = OUTPUT
    """A template: what is compared."""
    reference: str | None = None
    """A template: what it is compared with. By default the row's references, of which the most alike counts."""
    pass_threshold: float | None = None
    """From here on a score is marked as passing; its value stays as it is."""
    url: str | None = None
    """Of cosine: an OpenAI-compatible server, such as `https://api.openai.com/v1`, whose /embeddings is asked."""
    model: str | None = None
    """Of cosine: the embedding model there."""
    key_env: str | None = None
    """Of cosine: the environment variable that holds the server's key."""

    @model_validator(mode="after")
    def _embeds(self) -> Self:
        given = [k for k in ("url", "model", "key_env") if getattr(self, k) is not None]
        if self.metric != "cosine" and given:
            raise ValueError(f"{', '.join(given)} is read for the metric cosine alone")
        return self


class JsonSchema(Entry):
    """The answer, its last fenced block, or the last JSON in it is valid against a JSON Schema."""

    kind: Literal["json_schema"]
    """json_schema"""
    file: str | None = None
    """A file of the folder with the schema."""
    inline: dict[str, Any] | None = None
    """Or the schema itself."""

    @model_validator(mode="after")
    def _one_schema(self) -> Self:
        if (self.file is None) == (self.inline is None):
            raise ValueError("a grader of the kind json_schema needs file or inline, and not both")
        return self


class Asking(Entry):
    """Which model is asked, and how."""

    model: str
    """The judge: the name of a model at `url`; without a url a MODEL, as commands take it, which is opened on this machine."""
    url: str | None = None
    """An OpenAI-compatible server, such as `http://localhost:8000/v1`."""
    key_env: str | None = None
    """The environment variable that holds the server's key. The key itself is never written down."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    """Of its answers."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Of its answers, where the server is to be told."""
    seed: int | None = None
    """Of its answers, where the server is to be told."""
    reasoning: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    """Effort of a model that reasons (`reasoning_effort`); such a model is sent no temperature."""
    limit_tokens: Annotated[int, Field(ge=16)] = 1024
    """Longest verdict, with what the judge thinks before it."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    """How long the server is waited for, each time."""
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """How often it is asked again after it was busy, broken or silent."""
    concurrency: Annotated[int, Field(ge=1, le=64)] = 8
    """How many answers are judged at once."""

    @model_validator(mode="after")
    def _for_servers(self) -> Self:
        own = ("key_env", "top_p", "seed", "reasoning", "timeout_s", "retries")
        if self.url is None and (given := [k for k in own if k in self.model_fields_set]):
            raise ValueError(f"{', '.join(given)} is read with a url alone")
        return self


class PromptMessage(Config):
    """A message to the judge."""

    role: Literal["system", "developer", "user", "assistant"] = "user"
    """Who says it."""
    content: str
    """A template."""


class Judge(Asking):
    """A model says what the answer is worth."""

    kind: Literal["judge"]
    """judge"""
    asks: str = ""
    """What a good answer is, in words to the judge. By default: whether the answer is right."""
    labels: dict[str, float] | None = None
    """What the judge may say, and what it is worth: `{wrong = 0, partly = 0.5, right = 1}`. By default yes (1) and no (0)."""
    range: tuple[float, float] | None = None
    """Or: the judge gives a number, from the first to the second."""
    pairwise: bool = False
    """Or: the judge prefers the answer (1) or the row's reference (0); asked in both orders, which must agree (else 0.5)."""
    clip: bool = False
    """A number outside of `range` counts as the nearest one inside, as for OpenAI. By default it is an error."""
    pass_threshold: float | None = None
    """From here on a score is marked as passing; its value stays as it is."""
    prompt: tuple[PromptMessage, ...] = ()
    """Messages in place of the usual ones; how to give a verdict is said after them."""

    @model_validator(mode="after")
    def _one_scale(self) -> Self:
        if sum((self.labels is not None, self.range is not None, self.pairwise)) > 1:
            raise ValueError("a judge has labels, or a range, or is pairwise")
        if self.labels is not None and len(set(self.labels.values())) < 2:
            raise ValueError("labels need at least two different worths, or every answer is worth the same")
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError(f"range goes from the lower number to the higher, not from {self.range[0]:g} to {self.range[1]:g}")
        if self.clip and self.range is None:
            raise ValueError("clip is read with a range alone")
        if self.prompt and self.pairwise:
            raise ValueError("a pairwise judge has no prompt of its own")
        return self


class Endpoint(Entry):
    """A server of the user's own says what an answer is worth: POST {item, sample, trace_id}, reply {score}."""

    kind: Literal["endpoint"]
    """endpoint"""
    url: str
    """Where the row and the answer are sent."""
    key_env: str | None = None
    """The environment variable that holds the server's key, sent as a bearer token."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Further headers. They are kept with the task: no keys."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    """How long the server is waited for, each time."""
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """How often it is asked again after it was busy, broken or silent."""
    rate_limit: Annotated[float, Field(gt=0)] | None = None
    """Most requests a second."""
    pass_threshold: float | None = None
    """From here on a score is marked as passing; its value stays as it is."""
    concurrency: Annotated[int, Field(ge=1, le=64)] = 8
    """How many answers are sent at once."""

    @model_validator(mode="after")
    def _keeps_no_key(self) -> Self:
        if secret := [h for h in self.headers if secretive(h)]:
            raise ValueError(f"headers are kept with the task, and {', '.join(secret)} is a secret: name its variable in key_env")
        return self


_Simple = (
    Exact
    | Contains
    | Numeric
    | Maths
    | Tests
    | Regex
    | Length
    | Python
    | StringCheck
    | Similarity
    | JsonSchema
    | Judge
    | Endpoint
)
Simple = Annotated[_Simple, Field(discriminator="kind")]
"""Graders that hold no others."""


class Demand(Config):
    """One criterion of a rubric."""

    name: Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,64}$")]
    """What it is called in the reason."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Of the whole."""
    asks: str = ""
    """What the judge of the rubric is asked, as a question to answer with yes or no."""
    grader: Simple | None = None
    """Or another grader that decides."""
    at_least: float = 1.0
    """Of such a grader: the value from which the criterion is met."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.asks) == (self.grader is not None):
            raise ValueError(f"the criterion {self.name} needs asks or grader, and not both")
        return self


class Rubric(Asking):
    """Several criteria, each met or not; the share of their weights that is met."""

    kind: Literal["rubric"]
    """rubric"""
    model: str = ""
    """The judge of criteria with `asks`: the name of a model at `url`; without a url a MODEL of this machine."""
    criteria: tuple[Demand, ...]
    """What is demanded."""

    @model_validator(mode="after")
    def _has_judge(self) -> Self:
        if not self.criteria:
            raise ValueError("a rubric needs criteria")
        asked = [c.name for c in self.criteria if c.asks]
        if asked and not self.model:
            raise ValueError(f"the criteria {', '.join(asked)} ask a judge, and no model is named")
        if not asked and (self.model or self.url):
            raise ValueError("model and url are read for criteria that ask a judge, and there are none")
        names = [c.name for c in self.criteria]
        if len(set(names)) < len(names):
            raise ValueError(f"two criteria have the same name: {', '.join(names)}")
        return self


class Combine(Entry):
    """A formula over the values of named graders, as of OpenAI's `multi`."""

    kind: Literal["combine"]
    """combine"""
    formula: str
    """Numbers, the names of its graders, + - * / ^, comparisons (1 or 0), min max abs floor ceil exp sqrt log."""
    graders: tuple[Annotated[_Simple | Rubric, Field(discriminator="kind")], ...]
    """Each with a name that the formula can use. Their weights are not read."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.graders:
            raise ValueError("a combination needs graders")
        for grader in self.graders:
            if grader.name is None or not grader.name.isidentifier():
                raise ValueError(
                    f"each grader of a combination needs a name of letters, digits and _, and {grader.name!r} is none"
                )
            if "weight" in grader.model_fields_set:
                raise ValueError(f"the weight of {grader.name} is not read in a combination: write it into the formula")
        names = [g.name for g in self.graders]
        if len(set(names)) < len(names):
            raise ValueError(f"two graders of a combination have the same name: {', '.join(map(str, names))}")
        return self


GraderEntry = Annotated[_Simple | Rubric | Combine, Field(discriminator="kind")]
"""One grader and its weight in the score."""
KINDS: tuple[type[Entry], ...] = (
    *(Exact, Contains, Numeric, Maths, Tests, Regex, StringCheck, Similarity, JsonSchema, Length, Python),
    *(Judge, Rubric, Combine, Endpoint),
)


def all_of(entries: tuple[Any, ...]) -> Iterator[Entry]:
    """Every entry, those that others hold included."""
    for entry in entries:
        yield entry
        match entry:
            case Combine():
                yield from all_of(entry.graders)
            case Rubric():
                yield from all_of(tuple(c.grader for c in entry.criteria if c.grader is not None))


def files_of(entries: tuple[Any, ...]) -> list[str]:
    """The files of the folder that graders name, once each."""
    named = (e.file for e in all_of(entries) if isinstance(e, (Python, JsonSchema)) and e.file is not None)
    return list(dict.fromkeys(named))
