"""Judges of this machine: opened when first asked, asked together, and an error where they say nothing that can be read."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from burnish.errors import ModelNotFound
from burnish.runs import judges
from burnish.runs.judges import LocalChat, judged, with_models
from burnish.store.models import resolve
from burnish.tasks.graders import EXACT
from burnish.tasks.graders.judge import Judge
from burnish.tasks.graders.weighted import Weighted
from burnish.tasks.task import Card, Task
from burnish.types import Example, Message


def ask(n: int) -> list[Message]:
    return [Message(role="user", content=f"{n}?")]


def test_questions_of_many_threads_are_few_requests_with_the_answers_of_each(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = judges._Model(resolve(str(tiny_model)))
    chat = LocalChat(model, limit_tokens=12, temperature=0.0)
    alone = [chat.answer(ask(n)) for n in range(6)]
    assert len({said.text for said in alone}) > 1
    batches: list[int] = []
    draw = model._draw
    monkeypatch.setattr(model, "_draw", lambda batch: (batches.append(len(batch)), draw(batch)))
    monkeypatch.setattr(judges, "GATHER_S", 0.2)
    start = threading.Barrier(6)

    def together(n: int) -> object:
        start.wait()
        return chat.answer(ask(n))

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(together, range(6))) == alone
    assert sum(batches) == 6
    assert len(batches) <= 2


def test_what_a_small_model_says_is_no_verdict_and_a_long_question_has_no_room(tiny_model: Path) -> None:
    model = judges._Model(resolve(str(tiny_model)))
    short = LocalChat(model, limit_tokens=4, temperature=0.0).answer(ask(1))
    assert short.error is None or "was cut after 4 tokens" in short.error
    row = Example(messages=(Message(role="user", content="?"),), reference="4")
    score = Judge(asks="?", chat=LocalChat(model, limit_tokens=16, temperature=0.0)).grade(row, "4")
    assert score.error is not None
    assert "no room" in score.error
    assert model._policy is not None, "opened by the first question"


def test_a_failure_reaches_everyone_who_asked(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = judges._Model(resolve(str(tiny_model)))

    def broken() -> None:
        raise MemoryError("none left")

    monkeypatch.setattr(model, "_open", broken)
    monkeypatch.setattr(judges, "GATHER_S", 0.2)
    chat, start = LocalChat(model, limit_tokens=4, temperature=0.0), threading.Barrier(3)

    def together(n: int) -> str:
        start.wait()
        try:
            return str(chat.answer(ask(n)).error)
        except MemoryError as error:
            return str(error)

    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(together, range(3)))
    assert all(s == "none left" or "failed on a request of" in s for s in said)


def test_tasks_get_models_for_their_judges_and_others_stay_as_they_are(tiny_model: Path) -> None:
    assert with_models(EXACT) is EXACT
    local = Judge(asks="?", model=str(tiny_model))
    card = Card(title="T", about="A", data="", grading="", limits="")
    task = Task(
        name="t", card=card, grader=Weighted((EXACT, local), (1, 1)), train=(), valid=(), test=(), limit_tokens=8, audit=local
    )
    found = judged(task)
    assert isinstance(found.grader, Weighted)
    (_, inside), audit = found.grader.graders, found.audit
    assert isinstance(inside, Judge)
    assert isinstance(audit, Judge)
    assert isinstance(inside.chat, LocalChat)
    assert isinstance(audit.chat, LocalChat)
    assert inside.chat.model is audit.chat.model, "one model, opened once"
    with pytest.raises(ModelNotFound):
        with_models(replace(local, model="no-such-model"))
