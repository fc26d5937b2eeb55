"""`burnish demo` on the smallest model of the package: one short training, told in every way."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from burnish.cli import demo as cli
from burnish.cli import listing
from burnish.cli.screen import Screen
from burnish.cli.words import count
from burnish.evals.evaluation import Evaluation
from burnish.runs import demo as demonstration
from burnish.runs import train
from burnish.runs.demo import CASES, KINDS, Shown
from burnish.runs.train import Outcome
from burnish.store.atomic import read_json
from burnish.tasks.graders import python
from burnish.tools import sandbox
from burnish.tools.sandbox import Available
from burnish.types import Message, Score

WORDS = ("demo", "model=micro", "steps=2", "eval_items=20", "eval_tokens=24")


@pytest.fixture(scope="module")
def told(home: Path, burnish) -> tuple[Any, Outcome]:
    """What `burnish demo --json` leaves where nothing isolates code, and the run that it made."""
    kept: list[Outcome] = []
    start = train.start

    def keep(*given: object, **settings: object) -> Outcome:
        kept.append(start(*given, **settings))  # pyright: ignore[reportArgumentType]
        return kept[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BURNISH_HOME", str(home))
        patch.setattr(sandbox, "available", lambda: Available(None, "the test says so"))
        patch.setattr(train, "start", keep)
        patch.setattr(python, "code_in", lambda answer: "def f(): pass")  # two steps teach no model to write any
        typed = burnish(*WORDS, "--run", "shown", "--json")
    assert typed.code == 0, typed.err
    return typed, kept[0]


def test_without_a_sandbox_the_document_says_what_was_not_run(told: tuple[Any, Outcome]):
    document = told[0].document
    assert document["run"] == "shown"
    (python,) = [c for c in document["cases"] if c["case"]["task"] == "code"]
    assert python["score"]["value"] is None
    assert python["score"]["error"]
    assert all(c["score"]["value"] in (0.0, 1.0) for c in document["cases"] if c is not python)
    board = {row["kind"]: row for row in document["scoreboard"]}
    assert set(board) == set(KINDS)
    assert document["titles"]["items"] == 100
    assert 0 <= document["titles"]["low"] <= document["titles"]["share"] <= document["titles"]["high"] <= 1
    assert [kind for kind, row in board.items() if row["after"] is None] == ["code: write", "code: debug"]


def test_headlines_are_those_of_the_kept_measurements(told: tuple[Any, Outcome]):
    typed, outcome = told
    first = typed.document["headlines"][0]
    items = Evaluation.from_json(read_json(outcome.folder / train.TRAINED)).items
    ended = [
        i.answers[0].stop_reason == "stop" and demonstration.in_form(i.answers[0].text)
        for i in items
        if "code" not in str(i.kind)
    ]
    assert first["items"] == len(ended)
    assert first["after"]["estimate"] == pytest.approx(sum(ended) / len(ended))


def test_raw_is_the_continuation_of_the_plain_question(told: tuple[Any, Outcome], burnish):
    case = told[0].document["cases"][0]
    words = ("generate", "micro", "--raw", "--prompt", case["messages"][0]["content"], "--limit-tokens", "24", "--json")
    assert burnish(*words).document["prompts"][0]["answers"][0]["text"] == case["raw"]


def test_in_a_pipe_it_is_plain_lines(told: tuple[Any, Outcome]):
    text = told[0].err
    opening, _, end = text.partition("What changed, on questions that it was not trained on")
    assert f"micro, {count(told[1].report.training.parameters)} parameters" in " ".join(opening.split())
    assert end.count(cli.NOT_RUN) == 3, "the case and both kinds"
    assert "could not be judged" in end
    assert "too few" in end
    assert cli.TEMPLATE in end
    assert all(f"{case.title}: should {case.meaning}" in end for case in CASES)
    assert not {"╭", "│"} & set(end)
    assert max(len(line.rstrip()) for line in end.splitlines()) <= 120
    assert [line for line in end.splitlines() if line.strip().startswith(f"{listing.typed()} chat shown ")]


def test_with_a_sandbox_ideal_answers_are_right_and_the_code_is_run(
    told: tuple[Any, Outcome], burnish, monkeypatch: pytest.MonkeyPatch
):
    if sandbox.available().how is None:
        pytest.skip("nothing isolates code on this machine")
    ideal = [demonstration.example_of(case).messages[-1].content for case in CASES]
    monkeypatch.setattr(train, "start", lambda *_, **__: told[1])
    monkeypatch.setattr(demonstration, "answers", lambda *_: ideal)
    typed = burnish(*WORDS)
    assert (typed.code, typed.err) == (0, "")
    cases = typed.out.partition("The same questions")[2].partition("How often it is right")[0]
    assert [line.strip() for line in cases.splitlines()].count("right") == len(CASES)
    assert cli.NOT_RUN not in typed.out


def test_other_data_is_refused(burnish):
    typed = burnish("demo", "data=mine.jsonl", "--json")
    assert typed.code == 2
    assert "burnish train mine.jsonl" in typed.document["error"]["todo"]


def test_at_80_columns_a_case_keeps_its_frame_and_few_lines_of_the_raw_model():
    out = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    code = "def double(x):\n    return x * 2"
    shown = Shown(
        case=CASES[4], messages=(Message(role="user", content="Show me double(x)."),), raw="word " * 100, trained=code,
        score=Score(value=1.0, reason="all 5 checks pass"),
    )  # fmt: skip
    Screen(out, out, False).show(cli._case(shown, out))
    assert isinstance(out.file, io.StringIO)
    lines = out.file.getvalue().splitlines()
    assert {len(line) for line in lines} == {80}
    assert sum("word" in line for line in lines) == cli.RAW_LINES
    assert sum("…" in line for line in lines) == 1
    after = [line.strip("│ ") for line in lines[-4:-1]]
    assert after == ["trained    def double(x):", "return x * 2", "right"]


def test_the_program_is_called_as_it_can_be_typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(listing.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert listing.typed() == "burnish"
    monkeypatch.setattr(listing.shutil, "which", lambda name: None)
    place = tmp_path / ".venv" / "bin"
    place.mkdir(parents=True)
    (place / "burnish").touch()
    monkeypatch.setattr(listing.sys, "executable", str(place / "python"))
    assert listing.typed() == str(place / "burnish")
    monkeypatch.chdir(tmp_path)
    assert listing.typed() == ".venv/bin/burnish"
    monkeypatch.setattr(listing.sys, "executable", str(tmp_path / "elsewhere" / "python"))
    assert listing.typed() == f"{tmp_path / 'elsewhere' / 'python'} -m burnish"
