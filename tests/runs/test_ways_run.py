"""Runs on a task with an environment: turns are learned from, kept, resumed bit by bit, measured, and shown."""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_run import metrics, run_and_die, settings, weights, write_rows

from burnish.evals.evaluation import Evaluation
from burnish.runs import train
from burnish.runs.asking import ROLLOUTS
from burnish.tasks import ready, sources
from burnish.tasks.environment import Environment, Limits, Turn, question_of
from burnish.tasks.task import Card, Task
from burnish.types import Example, Message, Score

ASK: dict[str, Any] = {
    "recipe": "grpo", "steps": 6, "batch": 4, "group": 6, "answer_tokens": 6, "eval_tokens": 6, "learning_rate": 2e-2,
    "evaluate_every": 3, "checkpoint_every": 2, "method": "full", "lora": None,
}  # fmt: skip


def capitals(text: str) -> float:
    return sum(c.isupper() for c in text) / max(1, len(text))


class Shout(Environment):
    """Twice the model is asked to shout: the first time the turn is paid, the second time the grader pays."""

    forks = True

    def start(self, example: Example) -> Sequence[Message]:
        self.turn = 0
        return question_of(example)

    def step(self, message: Message) -> Turn:
        self.turn += 1
        if self.turn == 2:
            return Turn(done=True)
        return Turn(messages=(Message(role="user", content="Louder"),), reward=capitals(message.content))

    def state_key(self) -> str | None:
        return f"turn {self.turn}"

    def fork(self) -> Shout:
        return copy.copy(self)


@dataclass(frozen=True)
class Shouting:
    limits: Limits = field(default_factory=Limits)

    def open(self) -> Environment:
        return Shout()


class Capitals:
    name = "capitals"
    concurrency = 2

    def __repr__(self) -> str:
        return "Capitals()"

    def grade(self, example: Example, answer: str) -> Score:
        return Score(value=capitals(answer), reason="as many are capitals")


def task_of(rows: Path) -> Task:
    """A task of these rows, as a folder or a ready task would be."""
    found = sources.read(rows).examples
    found = tuple(
        Example(messages=(Message(role="user", content=e.messages[0].content), e.messages[1]), reference="x") for e in found
    )
    third = len(found) // 3
    card = Card(title="t", about="a", data="d", grading="g", limits="l")
    return Task(
        name="shouting", card=card, grader=Capitals(), limit_tokens=6, environment=Shouting(),
        train=found[:third], valid=found[third : 2 * third], test=found[2 * third :],
    )  # fmt: skip


def lend(rows: Path) -> None:
    """Stands for a task folder in this process."""
    ready.find = lambda name: task_of(rows) if name == "shouting" else None  # type: ignore[assignment]


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = write_rows(tmp_path / "rows.jsonl", 90)
    monkeypatch.setattr(ready, "find", ready.find)
    lend(path)
    return path


def answers(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / ROLLOUTS).read_text().splitlines()]


def stopping(tiny_model: Path, rows: Path) -> Path:
    """The tiny model, after it has learned to stop: what is cut ends its way."""
    if (kept := train_home("stopping")).is_dir():
        return kept
    short = rows.with_name("short.jsonl")
    lines = [
        {
            "messages": [
                {"role": "user", "content": str(n)},
                {"role": "assistant", "content": chr((97 if n % 4 else 65) + n * 7 % 26)},
            ]
        }
        for n in range(60)
    ]
    short.write_text("".join(json.dumps(line) + "\n" for line in lines))
    config = settings(tiny_model, short, steps=30, batch=8, learning_rate=2e-2, method="full", lora=None, grader="none")
    train.start(config, run="stopping")
    return kept


def train_home(run: str) -> Path:
    return Path(os.environ["BURNISH_HOME"]) / "runs" / run / "model"


@pytest.mark.usefixtures("home")
def test_a_run_over_several_turns_learns_and_keeps_what_was_said(tiny_model: Path, rows: Path) -> None:
    base = stopping(tiny_model, rows)
    outcome = train.start(settings(base, Path("shouting"), **{**ASK, "steps": 16, "batch": 6, "group": 8}), run="shout")
    lines = metrics(outcome.folder)
    assert lines[-1]["reward"] > lines[1]["reward"] + 0.3, [line.get("reward") for line in lines]
    assert max(line.get("gap_max", 0) for line in lines[1:]) < 1e-4
    found = answers(outcome.folder)
    several = [a for a in found if sum("logprobs" in t for t in a["turns"]) == 2]
    assert several
    for a in several:
        asked, first, told, second = a["turns"]
        assert (told["role"], told["content"]) == ("user", "Louder")
        assert (first["state"], second["state"]) == ("turn 0", "turn 1")
        assert first["reward"] == pytest.approx(capitals(first["content"]))
        assert a["reward"] == pytest.approx(first["reward"] + capitals(second["content"]))
        assert a["answer"] == second["content"]
        assert asked["content"]
        assert len(first["ids"]) == len(first["logprobs"])
        assert a["logprob"] == pytest.approx(sum(np.float32(x) for x in (*first["logprobs"], *second["logprobs"])), abs=1e-4)
    trained = Evaluation.from_json(json.loads((outcome.folder / "trained.json").read_text()))
    assert trained.items[0].answers[0].score is not None
    assert [a.name for a in outcome.certificate.audits if a.passed is False] == []


def die_in_run(home: str, rows: str, config: str, run: str, count: int) -> None:
    lend(Path(rows))
    run_and_die(home, config, run, "step", count)


def test_check_18_a_killed_run_over_several_turns_goes_on_bit_by_bit(tiny_model: Path, rows: Path, home: Path) -> None:
    config = settings(stopping(tiny_model, rows), Path("shouting"), **ASK)
    whole = train.start(config, run="whole-ways")
    arguments = (str(home), str(rows), config.model_dump_json(), "killed", 3)
    process = multiprocessing.get_context("spawn").Process(target=die_in_run, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == -9
    resumed = train.resume("killed")
    assert weights(resumed.folder) == weights(whole.folder)
    assert metrics(resumed.folder) == metrics(whole.folder)
    assert answers(resumed.folder) == answers(whole.folder)
    assert any(len(a["turns"]) == 4 for a in answers(whole.folder))


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("credit", ["values", "anchors"])
def test_a_step_is_done_again_whatever_credit_it_took(tiny_model: Path, rows: Path, credit: str) -> None:
    config = settings(stopping(tiny_model, rows), Path("shouting"), **{**ASK, "steps": 2, "credit": credit})
    outcome = train.start(config, run=f"by-{credit}")
    (again,) = [a for a in outcome.certificate.audits if a.name == "resume equality"]
    assert again.passed, again.detail
    values = [t.get("value") for a in answers(outcome.folder) for t in a["turns"] if "logprobs" in t]
    assert any(v is not None for v in values) == (credit == "values")
