"""A whole run that learns from its own graded answers: it must raise the reward, keep every answer, and go on bit by bit."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from tiny_run import Watcher, metrics, run_and_die, settings, weights, write_rows

from burnish.errors import ConfigError, DataError, Interrupted, NothingTrained, TaskRefused
from burnish.runs import prepare, train
from burnish.runs.asking import ROLLOUTS
from burnish.types import Example, Score

ASK: dict[str, Any] = {
    "recipe": "grpo", "steps": 6, "batch": 4, "group": 6, "answer_tokens": 6, "eval_tokens": 6, "learning_rate": 2e-2,
    "evaluate_every": 3, "checkpoint_every": 2, "method": "full", "lora": None, "accept_gameable": True,  # capitals are no answer
}  # fmt: skip
ADAPTER: dict[str, Any] = {"method": "lora", "lora": {"rank": 16}, "learning_rate": 5e-2}


class Capitals:
    """The share of an answer's characters that are capital letters: something that any model can get more of."""

    name = "capitals"
    concurrency = 2

    def grade(self, example: Example, answer: str) -> Score:
        share = sum(c.isupper() for c in answer) / max(1, len(answer))
        return Score(value=share, reason=f"{share:.0%} are capitals", marks=("capital",) if share else ())


class Same:
    """Everything is worth the same."""

    name = "same"
    concurrency = 2

    def __init__(self, value: float) -> None:
        self.value = value

    def grade(self, example: Example, answer: str) -> Score:
        return Score(value=self.value, reason="as always")


class Half:
    """Every answer to an odd question is worth the same."""

    name = "half"
    concurrency = 2

    def grade(self, example: Example, answer: str) -> Score:
        odd = int(example.messages[0].content.split()[0]) % 2
        return Score(value=0.5, reason="odd") if odd else Capitals().grade(example, answer)


class Broken:
    """Fails at every other letter."""

    name = "broken"
    concurrency = 2

    def grade(self, example: Example, answer: str) -> Score:
        if len(answer) % 2:
            raise ValueError("cannot read this")
        return Capitals().grade(example, answer)


@pytest.fixture
def graded(monkeypatch: pytest.MonkeyPatch):
    """Grade by another grader than the data's."""

    def by(grader: Any) -> None:
        monkeypatch.setattr(prepare, "_grader", lambda *_: (grader, "of the test"))

    by(Capitals())
    return by


def answers(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / ROLLOUTS).read_text().splitlines()]


@pytest.mark.usefixtures("graded")
def test_a_run_raises_the_reward_and_says_how(tiny_model, tmp_path):
    watcher, rows = Watcher(), write_rows(tmp_path / "rows.jsonl", 400)
    config = settings(tiny_model, rows, **{**ASK, "steps": 30, "batch": 12, "group": 8, "eval_items": 20})
    outcome = train.start(config, run="capitals", progress=watcher)
    lines = metrics(outcome.folder)
    first, last = lines[1], lines[-1]
    assert last["reward"] > first["reward"] + 0.3
    assert outcome.report.comparison.metric.trained > outcome.report.comparison.metric.base + 0.3
    assert outcome.report.verdict == "better"
    assert [a.name for a in outcome.certificate.audits if a.passed is not True] == []
    assert max(line.get("gap_max", 0) for line in lines[1:]) < 1e-4, "the engine that trains is the engine that drew"
    assert last["entropy"] < first["entropy"]
    assert all(e.words == "held-out reward" for e in watcher.losses)
    kept = [e for e in watcher.losses if e.best][-1]
    assert outcome.report.training.best_step == kept.step
    assert outcome.report.training.curve[-1].reward == pytest.approx(last["reward"])
    assert "| step | reward | held-out reward |" in (outcome.folder / "report.md").read_text()


def questions(path: Path, count: int) -> Path:
    rows = ({"messages": [{"role": "user", "content": f"{n} and {n + 1}?"}], "wanted": n} for n in range(count))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.usefixtures("graded")
def test_questions_that_nobody_answered_are_learned_from(tiny_model, tmp_path):
    rows = questions(tmp_path / "rows.jsonl", 400)
    outcome = train.start(
        settings(tiny_model, rows, **{**ASK, "steps": 15, "batch": 12, "group": 8, "eval_items": 20}), run="questions"
    )
    assert outcome.report.comparison.metric.trained > outcome.report.comparison.metric.base + 0.1
    assert outcome.report.verdict == "better"
    assert [a.name for a in outcome.certificate.audits if a.passed is False] == []
    with pytest.raises(DataError, match="no assistant message"):
        train.start(settings(tiny_model, rows), run="untrainable")
    (tmp_path / "task.toml").write_text(
        'schema_version = 1\nname = "t"\n[card]\ntitle = "T"\nabout = "A"\n[rows]\nall = "rows.jsonl"\n'
        '[[graders]]\nkind = "regex"\npattern = "[A-Z]"\n'
    )
    with pytest.raises(DataError, match=r"rows of .* only ask.*400 of 400 rows.*--recipe grpo"):
        train.start(settings(tiny_model, tmp_path), run="untrainable")


@pytest.mark.usefixtures("graded")
def test_every_answer_is_kept_with_its_reason(tiny_model, data):
    outcome = train.start(settings(tiny_model, data, **ASK), run="kept-answers")
    found = answers(outcome.folder)
    assert len(found) == 6 * 4 * 6
    assert [a["step"] for a in found] == sorted(a["step"] for a in found)
    for answer in found:
        wanted = sum(c.isupper() for c in answer["answer"]) / max(1, len(answer["answer"]))
        assert answer["reward"] == pytest.approx(wanted)
        assert answer["reason"].endswith("are capitals")
        assert answer["tokens"] <= 6
    by_step = [sum(a["reward"] for a in found if a["step"] == s) / 24 for s in range(1, 7)]
    assert [m["reward"] for m in metrics(outcome.folder)[1:]] == pytest.approx(by_step)


@pytest.mark.usefixtures("graded")
@pytest.mark.parametrize(
    "changes",
    [{"variant": v} for v in ("grpo", "dapo", "gspo", "cispo", "rloo", "reinforce++")]
    + [{"updates": 3}, ADAPTER, {"kl": 0.01, **ADAPTER}, {"variant": "cispo", "kl": 0.01, **ADAPTER}],
    ids=lambda c: "-".join(f"{k}-{v}" for k, v in c.items() if k in ("variant", "updates", "kl", "method")),
)
def test_every_variant_learns(tiny_model, data, changes):
    outcome = train.start(settings(tiny_model, data, **{**ASK, "steps": 20, "batch": 8, **changes}))
    rewards = [m["reward"] for m in metrics(outcome.folder)[1:]]
    gain = (sum(rewards[-4:]) - sum(rewards[:4])) / 4
    assert gain > (0.03 if changes.get("method") else 0.2), rewards
    assert [a.name for a in outcome.certificate.audits if a.passed is False] == []


@pytest.mark.usefixtures("graded")
def test_a_heavy_penalty_keeps_the_policy_where_it_started(tiny_model, data):
    own = {**ASK, **ADAPTER, "steps": 20, "batch": 8}
    free, held = (train.start(settings(tiny_model, data, **own, kl=kl), run=f"held-{kl}") for kl in (0.0, 100.0))
    rise = [metrics(o.folder)[-1]["reward"] - metrics(o.folder)[1]["reward"] for o in (free, held)]
    assert rise[0] > rise[1] + 0.03, rise


def die_in_run(home: str, config: str, run: str, count: int) -> None:
    prepare._grader = lambda *_: (Capitals(), "of the test")
    run_and_die(home, config, run, "step", count)


@pytest.mark.usefixtures("graded")
@pytest.mark.parametrize(("count", "ahead"), [(1, 0), (3, 0), (4, 0), (3, 1)])
def test_check_18_a_killed_run_goes_on_bit_by_bit_answers_included(tiny_model, data, home, count, ahead):
    config = settings(tiny_model, data, **{**ASK, "ahead": ahead})
    whole = train.start(config, run=f"whole-{count}-{ahead}")
    name = f"killed-{count}-{ahead}"
    process = multiprocessing.get_context("spawn").Process(
        target=die_in_run, args=(str(home), config.model_dump_json(), name, count)
    )
    process.start()
    process.join()
    assert process.exitcode == -9
    resumed = train.resume(name)
    assert weights(resumed.folder) == weights(whole.folder)
    assert metrics(resumed.folder) == metrics(whole.folder)
    assert answers(resumed.folder) == answers(whole.folder)


class Tiring(Capitals):
    """Judges so many answers, and then finds all alike."""

    def __init__(self, left: int) -> None:
        self.left = left

    def grade(self, example: Example, answer: str) -> Score:
        self.left -= 1
        return super().grade(example, answer) if self.left >= 0 else Score(value=0.0, reason="as always")


@pytest.mark.parametrize(("value", "verdict", "todo"), [(0.0, "no signal", "start with SFT"), (1.0, "too easy", "harder rows")])
def test_a_task_that_teaches_nothing_is_refused_by_name(tiny_model, data, graded, value, verdict, todo):
    graded(Same(value))
    with pytest.raises(TaskRefused, match=verdict) as caught:
        train.start(settings(tiny_model, data, **{**ASK, "steps": 12}), run=f"same-{value}")
    assert todo in caught.value.todo
    assert "no difference within 100%" in caught.value.seen
    assert caught.value.exit_code == 2


def test_a_task_of_which_only_crumbs_are_earned_is_refused_as_one_without_a_signal(tiny_model, data, graded):
    class Crumbs(Capitals):
        def grade(self, example: Example, answer: str) -> Score:
            right = answer == example.messages[-1].content
            return Score(value=1.0 if right else 0.06 * super().grade(example, answer).value, reason="crumbs")

    graded(Crumbs())
    with pytest.raises(TaskRefused, match="no signal") as caught:
        train.start(settings(tiny_model, data, **ASK), run="crumbs")
    assert "the rows' own 1" in caught.value.seen
    assert "start with SFT" in caught.value.todo


def test_a_grader_that_mostly_fails_is_refused(tiny_model, data, graded):
    class Never(Capitals):
        def grade(self, example: Example, answer: str) -> Score:
            raise OSError("no route to the judge")

    graded(Never())
    with pytest.raises(TaskRefused, match="the grader fails"):
        train.start(settings(tiny_model, data, **ASK), run="never")


@pytest.mark.usefixtures("home", "graded")
def test_a_task_whose_grader_can_be_gamed_is_refused_by_name(tiny_model: Path, data: Path):
    with pytest.raises(TaskRefused, match="the grader can be gamed so") as refused:
        train.start(settings(tiny_model, data, **{**ASK, "accept_gameable": False}), run="gameable-task")
    assert "accept_gameable=true" in str(refused.value.todo)


def test_no_signal_from_some_step_on_ends_the_run(tiny_model, data, graded):
    graded(Tiring(6 + 24 + 6 + 150))  # what the plan, the base and most of the trial ask; nothing is left for the steps
    with pytest.raises(NothingTrained, match="no signal") as caught:
        train.start(settings(tiny_model, data, **{**ASK, "steps": 12}), run="tiring")
    assert "start with SFT" in caught.value.todo


def test_errors_of_the_grader_are_counted_and_no_zeros(tiny_model, data, graded):
    graded(Broken())
    outcome = train.start(settings(tiny_model, data, **{**ASK, "steps": 3}), run="broken-grader")
    found = answers(outcome.folder)
    broken = [a for a in found if a["reward"] is None]
    assert broken
    assert all("cannot read this" in a["reason"] for a in broken)
    for step, line in enumerate(metrics(outcome.folder)[1:], 1):
        own = [a["reward"] for a in found if a["step"] == step]
        assert line["grader_errors"] == pytest.approx(own.count(None) / len(own))
        assert line["reward"] == pytest.approx(sum(r for r in own if r is not None) / (len(own) - own.count(None)))


def test_without_a_grader_there_is_nothing_to_learn_from(tiny_model, data, graded):
    graded(None)
    with pytest.raises(ConfigError, match="nothing grades"):
        train.start(settings(tiny_model, data, **ASK), run="ungraded")


def test_dapo_asks_others_in_place_of_flat_questions(tiny_model, tmp_path, graded):
    graded(Half())
    config = settings(
        tiny_model, write_rows(tmp_path / "rows.jsonl", 60), **{**ASK, "variant": "dapo", "curriculum": "even", "batch": 6}
    )
    outcome = train.start(config, run="refilled", progress=Watcher())
    lines, said = metrics(outcome.folder)[1:], answers(outcome.folder)
    for line in lines:
        step = [a for a in said if a["step"] == line["step"]]
        asked = {a["place"]: a["question"] for a in step}
        assert line["asked"] == len(asked) > 6, "some were flat"
        assert line["flat_groups"] == 0
        assert line["taught"] <= 6 * 6
        assert sorted(asked) == list(range(len(asked))), "every answer has its place"
    assert outcome.certificate.passed


def test_flat_questions_are_passed_over(tiny_model, tmp_path, graded):
    graded(Half())
    rows = write_rows(tmp_path / "rows.jsonl", 40)
    for curriculum in ("learnable", "even"):
        config = settings(tiny_model, rows, **{**ASK, "steps": 12, "batch": 8, "curriculum": curriculum})
        lines = metrics(train.start(config, run=f"picked-{curriculum}", progress=Watcher()).folder)[1:]
        flat = sum(line["flat_groups"] for line in lines[6:])
        assert (flat < 2) == (curriculum == "learnable"), [line["flat_groups"] for line in lines]


def test_answers_drawn_ahead_are_one_step_older_and_are_learned_from(tiny_model, tmp_path, graded):
    rows = write_rows(tmp_path / "rows.jsonl", 400)
    config = settings(tiny_model, rows, **{**ASK, "ahead": 1, "steps": 30, "batch": 12, "group": 8, "eval_items": 20})
    outcome = train.start(config, run="ahead", progress=Watcher())
    lines = metrics(outcome.folder)
    assert lines[-1]["reward"] > lines[1]["reward"] + 0.3
    assert all(line["gap"] < 1e-5 for line in lines[1:-1]), "of what was just drawn, with the weights that drew it"
    assert [a["step"] for a in answers(outcome.folder)] == sorted(a["step"] for a in answers(outcome.folder))
    drawn = {(a["step"], a["place"]): a["turns"][0]["ids"] for a in answers(outcome.folder) if a["sample"] == 0}
    at_once = train.start(settings(tiny_model, rows, **{**ASK, "batch": 12, "group": 8, "eval_items": 20}), run="not-ahead")
    same = {(a["step"], a["place"]): a["turns"][0]["ids"] for a in answers(at_once.folder) if a["sample"] == 0}
    assert [drawn[1, n] for n in range(12)] == [same[1, n] for n in range(12)], "the first step is the same"
    assert [drawn[3, n] for n in range(12)] != [same[3, n] for n in range(12)]
    assert outcome.certificate.passed, outcome.certificate.failed


@pytest.mark.usefixtures("graded")
def test_a_run_that_ends_in_the_middle_leaves_no_thread_behind(tiny_model, data):
    def fails(step: int) -> None:
        raise LookupError(f"step {step}")

    with pytest.raises(LookupError, match="step 1"):
        train.start(settings(tiny_model, data, **{**ASK, "ahead": 1}), run="ends", progress=Watcher(fails))
    judges = [t for t in threading.enumerate() if t.name.startswith("judge-")]
    for thread in judges:
        thread.join(10)
    assert not any(t.is_alive() for t in judges)


@pytest.mark.parametrize("other", [{"refill": 2}, {"correction": "tokens"}])
def test_what_cannot_be_drawn_ahead_is_refused(tiny_model, data, other):
    with pytest.raises(ConfigError, match="ahead"):
        settings(tiny_model, data, **{**ASK, "ahead": 1, **other})


class Hangs(Capitals):
    """Stops the run by two Ctrl-C while it grades, and then hangs."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher, self.ended, self.once = watcher, threading.Event(), threading.Lock()

    def grade(self, example: Example, answer: str) -> Score:
        if len(self.watcher.steps) == 3 and self.once.acquire(blocking=False):
            os.kill(os.getpid(), signal.SIGINT)
            while not any("stopping after this step" in w for w in self.watcher.warnings):
                self.ended.wait(0.01)
            os.kill(os.getpid(), signal.SIGINT)
            self.ended.wait(60)
        return super().grade(example, answer)


def test_ctrl_c_while_a_grader_hangs_ends_at_once_and_the_run_goes_on_as_it_would_have(tiny_model, data, graded):
    config = settings(tiny_model, data, **ASK)
    graded(Capitals())
    whole = train.start(config, run="not-stopped")
    watcher = Watcher()
    grader = Hangs(watcher)
    graded(grader)
    with pytest.raises(Interrupted):
        train.start(config, run="stopped", progress=watcher)
    assert not grader.ended.is_set(), "nobody waited for it"
    grader.ended.set()
    graded(Capitals())
    again = train.resume("stopped")
    assert weights(again.folder) == weights(whole.folder)
    assert (again.folder / ROLLOUTS).read_bytes() == (whole.folder / ROLLOUTS).read_bytes()
