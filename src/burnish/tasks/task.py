"""A Task: what is asked, what a good answer is, and how it is judged. One Task serves evaluation, fine-tuning and reinforcement.

Rows are Examples of form "chat". A row's `reference` is what its grader compares with, `metadata["keys"]` what it would give away
(see docs/world.md), `metadata["kind"]` which kind of question it is, where a task has several.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from burnish.protocols import Grader
from burnish.tasks.environment import Setting
from burnish.types import Example


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a user should know before trusting a task's number. Each is a sentence or two of plain words."""

    title: str
    about: str
    """what is asked, and what a good answer looks like"""
    data: str
    """where the rows come from, and how the splits differ from one another"""
    grading: str
    """what the grader checks, and what it cannot see"""
    limits: str
    """what a good number here does not show"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What an answer may be found with, in words; each may be empty."""

    allowed: str = ""
    forbidden: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Rows in three splits that share no key, and their grader. `train` is trained on, `valid` chosen by, `test` reported."""

    name: str
    card: Card
    grader: Grader
    train: tuple[Example, ...] = field(repr=False)
    valid: tuple[Example, ...] = field(repr=False)
    test: tuple[Example, ...] = field(repr=False)
    limit_tokens: int
    """longest answer that is drawn"""
    environment: Setting | None = None
    """in which an answer is found, over several turns and with tools; None = an answer is one turn"""
    audit: Grader | None = None
    """independent of the grader and never learned from: what a run that learns from the grader is held against"""
    means: Means = Means()
    """what an answer may be found with"""
