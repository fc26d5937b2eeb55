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
kind = "exact"          # each kind has settings of its own: entries.py
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from burnish.config import Config
from burnish.tasks.entries import GraderEntry

FILE = "task.toml"
CODE = "task.py"


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


class CodeEntry(Config):
    """What task.py's tools and environment may use."""

    packages: tuple[str, ...] = ()
    """Installed packages that they may import, by the names that pip knows; the standard library is always there."""


class WorkspaceEntry(Config):
    """Files that the model works on with a shell, and the tests that judge what it leaves; made by an import."""

    file: str | None = None
    """A file of the folder with the workspaces of the rows, which name theirs in a column `workspace`."""


class LimitsEntry(Config):
    """What ends the way to an answer that takes several turns."""

    turns: Annotated[int, Field(ge=1)] = 8
    """Messages of the model."""
    calls: Annotated[int, Field(ge=0)] = 16
    """Calls of tools; further ones get an error to read."""
    tokens: Annotated[int, Field(ge=1)] | None = None
    """Of the whole conversation. By default what the model takes."""
    step_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Seconds of the processor for one call or step of task.py, or for one command in a workspace."""


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
    graders: tuple[GraderEntry, ...] = ()
    """What judges answers. The score is the weighted mean of theirs; none where an environment in task.py pays for turns."""
    audit: tuple[GraderEntry, ...] = ()
    """Graders that are never learned from: a run that is rewarded by `graders` is held against these, to see whether it has found
    a hole."""
    tools: ToolsEntry = ToolsEntry()
    """What the model may call."""
    code: CodeEntry = CodeEntry()
    """What task.py may use."""
    workspace: WorkspaceEntry = WorkspaceEntry()
    """What is worked on."""
    limits: LimitsEntry = LimitsEntry()
    """Of answers that take several turns."""
    means: MeansEntry = MeansEntry()
    """What an answer may be found with."""
