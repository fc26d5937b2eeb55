"""A tiny model that calls a tool in half of its answers learns by trying that the calls are what is paid for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tiny_run import metrics, settings

from burnish.runs import train
from burnish.runs.asking import ROLLOUTS
from burnish.tasks import ready
from burnish.tasks.environment import Limits
from burnish.tasks.judging import TRANSCRIPT
from burnish.tasks.task import Card, Task
from burnish.tasks.tooluse import ToolUse
from burnish.tools.function import function, schema
from burnish.types import Example, Message, Score, ToolCall

TEMPLATE = (
    "{% for t in tools or [] %}{{ '<|im_start|>tools\\n' + t.function.name + '<|im_end|>\\n' }}{% endfor %}"
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] }}"
    "{% for c in m['tool_calls'] or [] %}{{ '<|call|>' + c.function.name + '(' + c.function.arguments.at + ')' }}{% endfor %}"
    "{{ '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""ChatML that names the tools, with calls in one line."""


def up(at: str) -> str:
    """The capital of a letter."""
    return at.upper()


UP = function(up)


@dataclass(frozen=True)
class Looked:
    """1 for the capital that a tool gave; a guess is worth nothing."""

    name: str = "looked"
    concurrency: int = 2

    def grade(self, example: Example, answer: str) -> Score:
        said: list[Mapping[str, Any]] = example.metadata.get(TRANSCRIPT, [])
        looked = any(m["role"] == "tool" and m["content"] == example.reference for m in said)
        right = answer.strip() == example.reference
        return Score(value=float(right and looked), reason="right" if right else "wrong", marks=("looked",) * looked)


def row(n: int, *, calls: bool) -> Example:
    letter = "abcdefgh"[n % 8]
    asked, call = Message(role="user", content=f"{n} {letter}"), ToolCall(name="up", arguments=json.dumps({"at": letter}))
    told = Message(role="tool", content=letter.upper(), name="up")
    way = [Message(role="assistant", tool_calls=(call,)), told] if calls else []
    answer = Message(role="assistant", content=letter.upper() if calls else "?")
    return Example(messages=(asked, *way, answer), tools=(schema(UP),), reference=letter.upper(), line=n)


def lend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands for task folders: one to begin with, whose rows call in half of the cases, and one to learn from by trying."""
    begin = [row(n, calls=n % 2 == n // 8 % 2) for n in range(160)]
    ask = [row(n, calls=True) for n in range(200, 360)]
    card = Card(title="t", about="a", data="d", grading="g", limits="l")

    def task(name: str, rows: list[Example]) -> Task:
        return Task(
            name=name, card=card, grader=Looked(), limit_tokens=24, environment=ToolUse(tools=(UP,), limits=Limits(turns=2)),
            train=tuple(rows[:120]), valid=tuple(rows[120:140]), test=tuple(rows[140:]),
        )  # fmt: skip

    found = {"begin": task("begin", begin), "ask": task("ask", ask)}
    monkeypatch.setattr(ready, "find", found.get)


def test_calling_a_tool_is_learned_by_trying(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lend(monkeypatch)
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    named = json.loads((model / "tokenizer_config.json").read_text()) | {"chat_template": TEMPLATE}
    (model / "tokenizer_config.json").write_text(json.dumps(named))
    whole: dict[str, Any] = {"method": "full", "lora": None, "eval_tokens": 24, "sample_every": 0, "checkpoint_every": 50}
    learned = {"steps": 150, "batch": 16, "learning_rate": 8e-3, "evaluate_every": 150, "eval_items": 4}
    train.start(settings(model, Path("begin"), **whole, **learned), run="begun")
    asked = {
        "recipe": "grpo",
        "steps": 20,
        "batch": 12,
        "group": 8,
        "learning_rate": 2e-3,
        "evaluate_every": 20,
        "eval_items": 20,
    }
    outcome = train.start(settings("begun", Path("ask"), **whole, **asked), run="by-trying")
    lines = [json.loads(line) for line in (outcome.folder / ROLLOUTS).read_text().splitlines()]
    looked = [[("looked" in a["marks"]) for a in lines if a["step"] == step] for step in range(1, 21)]
    shares = [sum(found) / len(found) for found in looked]
    assert 0.2 < shares[0] < 0.8, shares
    assert min(shares[-3:]) > shares[0] + 0.3, shares
    rewards = [m["reward"] for m in metrics(outcome.folder)[1:]]
    assert min(rewards[-3:]) > rewards[0] + 0.25, rewards
    assert max(m["gap_max"] for m in metrics(outcome.folder) if "gap_max" in m) < 1e-4
    called = next(a for a in lines if "looked" in a["marks"])
    asked_, said, read, answered = called["turns"]
    assert (read["role"], "logprobs" in read, "logprobs" in asked_) == ("tool", False, False)
    assert said["calls"] == [f'up({{"at": "{read["content"].lower()}"}})']
    assert len(said["ids"]) + len(answered["ids"]) == called["tokens"]
    assert outcome.report.comparison.metric is not None
    assert outcome.report.verdict == "better"
    assert outcome.certificate.passed, outcome.certificate.failed
