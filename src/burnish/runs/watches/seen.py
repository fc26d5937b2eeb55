"""One answer as the monitors see it: what is kept of it in rollouts.jsonl, so that a resumed run sees the same."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from burnish.types import Example


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An answer to a question, and what it got: NaN where the grader failed. Of the other grades None = not tried, or failed."""

    step: int
    """from 1"""
    place: int
    """of the question in its step"""
    question: int
    sample: int
    answer: str
    reward: float
    tokens: int
    asked: str = ""
    """the question, or what was said last in it"""
    reference: str | None = None
    moved: float | None = None
    """the least of what it gets as the answer to other rows, which ask for something else"""
    canary: float | None = None
    """what it gets where the row expects a wrong answer"""
    audit: float | None = None
    """what the independent grader gives"""
    turns: int = 1
    """of the policy"""
    calls: int = 0
    """of tools, in all turns; those of one answer stand in it"""
    held: str = ""
    """why nothing was learned from it"""

    @staticmethod
    def of(line: Mapping[str, Any]) -> Seen:
        """From a line of rollouts.jsonl."""
        known: dict[str, Any] = {k: line.get(k) for k in ("reference", "moved", "canary", "audit")}
        reward = math.nan if line["reward"] is None else float(line["reward"])
        numbers: dict[str, Any] = {k: int(line[k]) for k in ("step", "place", "question", "sample", "tokens")}
        said = [turn for turn in line.get("turns", ()) if turn["role"] == "assistant"]
        calls = sum(len(turn.get("calls", ())) for turn in said)
        return Seen(
            answer=line["answer"],
            asked=line.get("asked", ""),
            reward=reward,
            **numbers,
            **known,
            turns=max(1, len(said)),
            calls=calls,
            held=line.get("held", ""),
        )

    def more(self) -> dict[str, Any]:
        """What a line of rollouts.jsonl has for the monitors' sake. Numbers that are not there are left out."""
        own = {k: getattr(self, k) for k in ("reference", "moved", "canary", "audit")}
        return {k: v for k, v in own.items() if v is not None} | ({"held": self.held} if self.held else {})


def asked_in(example: Example) -> str:
    """What a user said last in it."""
    return next((m.content for m in reversed(example.messages) if m.role == "user"), "")


def normal(text: str) -> str:
    """A text by which answers are the same: NFC, case folded, white space collapsed, without signs at its ends."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split()).strip(".,;:!?\"'`*_ ")
