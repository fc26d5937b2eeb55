"""task.toml: what a task folder says about itself. The schema is versioned and apart from what is done with it.

schema_version = 1
name = "capitals"
limit_tokens = 32

[card]
title = "Capitals"
about = "..."          # and data, grading, limits

[rows]
train = "train.jsonl"
valid = "valid.jsonl"
test = "test.jsonl"    # or: all = "rows.jsonl", which is split by hash

[[graders]]
kind = "exact"
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from burnish.config import Config

FILE = "task.toml"
CODE = "task.py"

Kind = Literal["exact", "contains", "numeric", "regex", "length", "python"]


class CardText(Config):
    """What a user should know before trusting the task's number. Each is a sentence or two of plain words."""

    title: str
    """The task in a few words."""
    about: str
    """What is asked, and what a good answer looks like."""
    data: str = ""
    """Where the rows come from, and how the splits differ from one another."""
    grading: str = ""
    """What the graders check, and what they cannot see."""
    limits: str = ""
    """What a good number here does not show."""


class RowFiles(Config):
    """Where the rows are, in any format that a data file may have; paths are within the folder."""

    train: str | None = None
    """Rows to train on."""
    valid: str | None = None
    """Rows by which the best step is chosen."""
    test: str | None = None
    """Rows that are reported."""
    all: str | None = None
    """Rows of one file, split by hash of what is asked: a tenth each to choose by and to report."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        apart = [self.train, self.valid, self.test]
        if (self.all is None) == any(p is None for p in apart) and not (self.all is None and all(apart)):
            raise ValueError("rows needs train, valid and test, or all")
        if self.all is not None and any(apart):
            raise ValueError("rows has either all, or train, valid and test")
        return self


class GraderEntry(Config):
    """One grader and its weight in the score."""

    kind: Kind
    """exact, contains and numeric compare with the row's reference; regex looks for a pattern; length checks bounds; python calls
    `grade` of task.py in the sandbox."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Of its value in the task's score, which is the weighted mean."""
    pattern: str | None = None
    """Of regex: what must stand in the answer, as Python's re reads it; `{reference}` stands for the row's reference."""
    at_least: Annotated[int, Field(ge=0)] | None = None
    """Of length: fewest words."""
    at_most: Annotated[int, Field(ge=1)] | None = None
    """Of length: most words."""
    function: str | None = None
    """Of python: the function of task.py. By default `grade`."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] | None = None
    """Of python: how long one answer may take. By default 5."""

    @model_validator(mode="after")
    def _reads_what_is_given(self) -> Self:
        own = {"regex": ("pattern",), "length": ("at_least", "at_most"), "python": ("function", "timeout_s")}.get(self.kind, ())
        given = [k for k in ("pattern", "at_least", "at_most", "function", "timeout_s") if getattr(self, k) is not None]
        if unread := [k for k in given if k not in own]:
            raise ValueError(f"{', '.join(unread)} is not read by a grader of the kind {self.kind}")
        if self.kind == "regex" and self.pattern is None:
            raise ValueError("a grader of the kind regex needs a pattern")
        if self.kind == "length" and not given:
            raise ValueError("a grader of the kind length needs at_least or at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least = {self.at_least} is more than at_most = {self.at_most}")
        return self


class ToolsEntry(Config):
    """What the model may call while it looks for an answer, beside the functions in `tools` of task.py."""

    use: tuple[Literal["calculator", "python", "lookup"], ...] = ()
    """Tools in the box: an exact calculator, programs run in the sandbox, and a search through `documents`."""
    documents: tuple[str, ...] = ()
    """Text files of the folder that lookup searches."""

    @model_validator(mode="after")
    def _documents_are_read(self) -> Self:
        if ("lookup" in self.use) != bool(self.documents):
            raise ValueError("lookup searches documents: give both or neither")
        return self


class LimitsEntry(Config):
    """What ends the way to an answer that takes several turns."""

    turns: Annotated[int, Field(ge=1)] = 8
    """Messages of the model."""
    calls: Annotated[int, Field(ge=0)] = 16
    """Calls of tools; further ones get an error to read."""
    tokens: Annotated[int, Field(ge=1)] | None = None
    """Of the whole conversation. By default what the model takes."""
    step_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Seconds of the processor for one call or step of task.py."""


class MeansEntry(Config):
    """What an answer may be found with, in words: what goes beyond, however good the score, is not what was wanted."""

    allowed: str = ""
    """Such as "the calculator, and what the question says"."""
    forbidden: str = ""
    """Such as "reading the hidden tests"."""


class Manifest(Config):
    """task.toml."""

    schema_version: Literal[1]
    """Version of this format."""
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    """What the task is called."""
    limit_tokens: Annotated[int, Field(ge=1)] = 256
    """Longest answer that is drawn."""
    card: CardText
    """What the task is about."""
    rows: RowFiles
    """Where its rows are."""
    graders: Annotated[tuple[GraderEntry, ...], Field(min_length=0)] = ()
    """What judges answers. The score is the weighted mean of theirs; none where an environment in task.py pays for turns."""
    audit: tuple[GraderEntry, ...] = ()
    """Graders that are never learned from: a run that is rewarded by `graders` is held against these, to see whether it has found
    a hole."""
    tools: ToolsEntry = ToolsEntry()
    """What the model may call."""
    limits: LimitsEntry = LimitsEntry()
    """Of answers that take several turns."""
    means: MeansEntry = MeansEntry()
    """What an answer may be found with."""
