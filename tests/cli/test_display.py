"""What people see: the live line fits its terminal, plain lines are few, tables fit 80 columns, weights are marked."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from burnish.cli import live, words
from burnish.cli.live import LINES, Watch
from burnish.cli.marks import picture, runs
from burnish.cli.screen import Screen
from burnish.cli.tables import certificate_view, next_view, plan_view, report_view, summary_view
from burnish.evals.summary import Summary
from burnish.render.renderer import Rendered
from burnish.render.tokenizer import Tokenizer
from burnish.runs import certificate, report
from burnish.runs.progress import AnswersEvent, LossEvent, SampleEvent, StepEvent


def step(n: int, total: int) -> StepEvent:
    return StepEvent(
        step=n,
        total=total,
        loss=2.5,
        learning_rate=1e-3,
        grad_norm=1.0,
        tokens=900,
        tokens_per_s=12345.6,
        seconds=0.1,
        left_s=75.0,
    )


def watch(*, terminal: bool, width: int = 80) -> tuple[Watch, io.StringIO]:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, color_system=None)
    return Watch(Screen(console, console, False)), file


def test_plain_progress_is_about_twenty_lines_however_long_the_run():
    shown, file = watch(terminal=False)
    for n in range(1, 1001):
        shown.step(step(n, 1000))
    shown.close()
    lines = file.getvalue().splitlines()
    assert LINES <= len(lines) <= LINES + 2
    assert lines[-1].startswith("step 1000/1000  loss 2.500")
    assert "1m15s left" in lines[0]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_live_line_fits_its_terminal(width: int):
    shown, file = watch(terminal=True, width=width)
    shown.loss(LossEvent(step=0, loss=3.0, best=False, seconds=0.1))
    for n in range(1, 4):
        shown.step(step(n, 3))
    shown.sample(SampleEvent(step=3, prompt="p" * 200, answer="a\x1b[2J" * 50, reference="r"))
    shown.close()
    text = file.getvalue()
    assert "\x1b[2J" not in text
    assert "step 3/3" in text
    pieces = [p for line in text.split("\n") for p in line.split("\r")]
    visible = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", p) for p in pieces]
    assert max(len(p) for p in visible) <= width


def test_answers_are_counted_in_the_live_line_and_nowhere_else(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "REDRAW_S", 0.0)
    for terminal in (True, False):
        shown, file = watch(terminal=terminal, width=100)
        shown.step(replace(step(1, 3), reward=0.25))
        before = file.getvalue()
        shown.answers(AnswersEvent(step=2, total=3, said=120, judged=96, of=384, turn=1))
        shown.answers(AnswersEvent(step=2, total=3, said=384, judged=384, of=384, turn=2))
        shown.answers(AnswersEvent(step=None, total=3, said=10, judged=4, of=40, turn=1))
        said = file.getvalue().removeprefix(before)
        if not terminal:
            assert said == ""
            continue
        assert "step 2/3  drawing 120/384, graded 96  reward 0.250  1m15s left" in said
        assert "step 2/3  drawing 384/384, graded 384, turn 2  reward" in said
        assert "held-out questions  drawing 10/40, graded 4" in said
        shown.close()


def test_an_activity_after_another_is_shown_from_its_start():
    shown, file = watch(terminal=False)
    for name in ("base", "trained"):
        for n in range(1, 101):
            shown.evaluating(name, n, 100)
    assert [line.split(":")[0] for line in file.getvalue().splitlines()][::5] == ["measuring base", "measuring trained"]


@pytest.mark.parametrize("width", [80, 120])
def test_report_and_plan_fit_the_terminal(width: int, trained, burnish, tiny_model: Path, data: Path):
    folder = Path(trained.document["folder"])
    told, audited = report.read(folder), certificate.read(folder)
    assert told is not None
    assert audited is not None
    file = io.StringIO()
    console = Console(file=file, width=width)
    for part in (*report_view(told, width), *certificate_view(audited), *next_view(told.next, width)):
        console.print(part)
    text = file.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert told.headline in " ".join(text.split())
    assert text.count("pass") >= 1
    assert all(step.command in text and step.why in " ".join(text.replace("\n      ", " ").split()) for step in told.next)


def test_plan_fits_the_terminal(tiny_model: Path, data: Path):
    from burnish.runs import api

    made = api.plan(data, tiny_model, epochs=1)
    file = io.StringIO()
    console = Console(file=file, width=80)
    for part in plan_view(made):
        console.print(part)
    assert max(map(len, file.getvalue().splitlines())) <= 80
    assert all(d.key in file.getvalue() for d in made.derived)


@pytest.mark.parametrize(("bounds", "words"), [((None, None), "too few for an interval"), ((0.2, 0.8), "20.0 % to 80.0 %")])
def test_a_score_without_an_interval_says_why(bounds: tuple[float | None, float | None], words: str):
    numbers = {"faults": 0, "target_tokens": 0.0, "loss": None, "perplexity": None, "bits_per_token": None, "latency": None}
    low, high = bounds
    told = Summary(**numbers, items=8, metric="m", value=0.5, low=low, high=high, graded=8, errors=0, cut_answers=0)
    file = io.StringIO()
    for part in summary_view("m", told):
        Console(file=file, width=100).print(part)
    assert words in file.getvalue()


def row(text: str, weights: list[float], tokenizer: Tokenizer) -> Rendered:
    ids = np.asarray(tokenizer.encode(text), np.int32)
    return Rendered(ids=ids, weights=np.asarray(weights, np.float32), message=np.zeros(len(ids), np.int16))


def test_marks_follow_the_weights_and_never_the_first_token(tiny_model: Path):
    tokenizer = Tokenizer.load(tiny_model)
    rendered = row("abcdef", [1, 0, 1, 1, 0.5, 0], tokenizer)
    assert list(runs(rendered)) == [(0, 2, 0.0), (2, 4, 1.0), (4, 5, 0.5), (5, 6, 0.0)]
    assert picture(rendered, tokenizer, colour=False).plain == "ab[[cd]][[e]](x0.5)f"
    assert picture(rendered, tokenizer, colour=True).plain == "abcde(x0.5)f"


def test_numbers_as_people_read_them():
    assert [words.count(n) for n in (7, 9999, 12345, 1.2e6, 3.4e9)] == ["7", "9,999", "12.3k", "1.2M", "3.4B"]
    assert [words.duration(s) for s in (0.44, 12, 185, 7800)] == ["0.4 s", "12 s", "3m05s", "2h10m"]
    assert [words.size(n) for n in (512, 1500, 2.01e7, 3e9)] == ["512 B", "1.5 kB", "20.1 MB", "3.0 GB"]
    assert [words.significant(x) for x in (0.0003, 2.314, 120.4, 0, 1e-9)] == ["0.0003", "2.31", "120", "0", "1.00e-09"]
