"""Stop a run anywhere, go on, and end with the same bits: by Ctrl-C, by SIGKILL at steps and within writes, with a damaged
checkpoint, and never with other data."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from tiny_run import QUICK, Watcher, metrics, run_and_die, settings, weights, write_rows

from burnish.config import to_json
from burnish.errors import CheckpointDamaged, Interrupted, RunError
from burnish.recipes.sft import SFT
from burnish.runs import train
from burnish.store import checkpoints
from burnish.store.runfolder import RunFolder


@pytest.fixture(scope="module")
def whole(tiny_model, data, home):
    """For each method what a run that nothing interrupted ends with: tensors and metrics."""
    outcomes = {m: train.start(settings(tiny_model, data, method=m), run=f"whole-{m}") for m in ("lora", "full")}
    return {m: (weights(o.folder), metrics(o.folder)) for m, o in outcomes.items()}


@pytest.fixture(scope="module")
def killer():
    """Starts processes that will be killed, each from a clean one that has imported everything once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["burnish.runs.train", "burnish.engine.host"])
    return context


def interrupt_at(step: int, number: int = signal.SIGINT):
    return lambda now: os.kill(os.getpid(), number) if now == step else None


def same(folder, wanted) -> None:
    assert weights(folder) == wanted[0]
    assert metrics(folder) == wanted[1]
    assert RunFolder.open(str(folder)).status == "succeeded"


@pytest.mark.parametrize(
    ("method", "kills"),
    [
        ("lora", [("_write", 10), ("step", 1)]),  # while the plan is kept, then before the first checkpoint
        ("lora", [("step", 4), ("step", 3)]),  # between checkpoints, twice
        ("lora", [("_write", 17)]),  # within a checkpoint
        ("lora", [("_rename", 22)]),  # while the model is put in its place
        ("full", [("step", 9)]),  # after the last step, before it is saved
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(f"{point.strip('_')}{count}" for point, count in value),
)
def test_check_39_a_killed_run_ends_with_the_same_bits(whole, killer, tiny_model, data, home, request, method, kills):
    name = f"killed-{request.node.callspec.id}"
    config = to_json(settings(tiny_model, data, method=method))
    for point, count in kills:
        child = killer.Process(target=run_and_die, args=(str(home), config, name, point, count))
        child.start()
        child.join(120)
        assert child.exitcode == -signal.SIGKILL
        assert RunFolder.open(name).status == "interrupted"
    same(train.resume(name).folder, whole[method])


@pytest.mark.parametrize(("method", "number"), [("lora", signal.SIGINT), ("full", signal.SIGTERM)])
def test_check_39_a_stopped_run_finishes_its_step_and_ends_with_the_same_bits(whole, tiny_model, data, method, number):
    name = f"stopped-{method}"
    before = signal.getsignal(number)
    watcher = Watcher(interrupt_at(5, number))
    with pytest.raises(Interrupted, match=r"step 5 of 9 is kept.*burnish train --resume") as caught:
        train.start(settings(tiny_model, data, method=method), run=name, progress=watcher)
    assert caught.value.exit_code == 130
    assert signal.getsignal(number) is before
    folder = RunFolder.open(name)
    assert folder.status == "interrupted"
    newest = checkpoints.latest(folder)
    assert newest is not None
    assert newest.step == 5
    assert any("once more" in w for w in watcher.warnings)
    same(train.resume(name).folder, whole[method])


def test_a_run_on_a_ready_task_goes_on_and_runs_again_from_its_resolved_config(tiny_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = settings(tiny_model, Path("refusals"), steps=2, evaluate_every=1, checkpoint_every=1, eval_tokens=None)
    whole = train.start(config, run="task-whole")
    wanted = (weights(whole.folder), metrics(whole.folder))
    with pytest.raises(Interrupted, match="step 1 of 2"):
        train.start(config, run="task-stopped", progress=Watcher(interrupt_at(1)))
    outcome = train.resume("task-stopped")
    same(outcome.folder, wanted)
    resolved = RunFolder.open("task-stopped").config()
    assert (resolved["data"], resolved["grader"]) == ("refusals", "refusals")
    assert outcome.report.comparison.metric is not None
    assert outcome.report.comparison.metric.metric == "refusals"
    again = train.start(SFT.load(base=resolved), run="task-again")
    same(again.folder, wanted)
    items = [json.loads((o.folder / "base.json").read_text())["items"] for o in (whole, again)]
    assert [i["target_tokens"] for i in items[0]] == [i["target_tokens"] for i in items[1]]


def test_the_second_ctrl_c_stops_at_once(tiny_model, data):
    def twice(step: int) -> None:
        if step == 5:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match="the last checkpoint"):
        train.start(settings(tiny_model, data), run="at-once", progress=Watcher(twice))
    folder = RunFolder.open("at-once")
    newest = checkpoints.latest(folder)
    assert newest is not None
    assert newest.step == 4
    assert folder.status == "interrupted"


def stopped(tiny_model, data, name: str, **changes) -> RunFolder:
    with pytest.raises(Interrupted):
        train.start(settings(tiny_model, data, **changes), run=name, progress=Watcher(interrupt_at(7)))
    return RunFolder.open(name)


def damage(folder: RunFolder, step: int) -> None:
    file = next(checkpoints.path(folder, step).glob("*.safetensors"))
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)


def test_a_damaged_checkpoint_is_passed_over_and_said(whole, tiny_model, data):
    folder = stopped(tiny_model, data, "damaged")
    damage(folder, 7)
    watcher = Watcher()
    train.resume("damaged", progress=watcher)
    assert any("step 7 is damaged" in w for w in watcher.warnings)
    assert watcher.steps[0].step == 7  # the newest sound one is of step 6
    same(folder.path, whole["lora"])


def test_a_run_without_a_sound_checkpoint_says_so(tiny_model, data):
    folder = stopped(tiny_model, data, "all-damaged")
    for step in checkpoints.steps(folder):
        damage(folder, step)
    with pytest.raises(CheckpointDamaged, match="no checkpoint"):
        train.resume("all-damaged")


def test_a_run_does_not_go_on_with_other_data(tiny_model, tmp_path):
    data = write_rows(tmp_path / "rows.jsonl")
    stopped(tiny_model, data, "other-data")
    before = data.read_bytes()
    write_rows(data, 61)
    with pytest.raises(RunError, match="data and rows changed"):
        train.resume("other-data")
    data.write_bytes(before)
    assert train.resume("other-data").report.training.steps == 9


def test_a_run_goes_on_from_elsewhere_with_the_texts_that_it_began_with(tiny_model, data, tmp_path, monkeypatch):
    texts = tmp_path / "texts.txt"
    texts.write_text("a text to rehearse\n" * 3)
    monkeypatch.chdir(tmp_path)
    stopped(tiny_model, data, "texts", rehearse="texts.txt")
    monkeypatch.chdir("/")
    before = texts.read_bytes()
    texts.write_text("another\n")
    with pytest.raises(RunError, match="rehearse and rows changed"):
        train.resume("texts")
    texts.write_bytes(before)
    assert train.resume("texts").report.training.steps == 9


def test_a_run_goes_on_with_the_choices_that_it_began_with(tiny_model, data):
    folder = stopped(tiny_model, data, "choices")
    plan = json.loads((folder.path / "plan.json").read_text())
    assert plan["choices"]["threads"] == QUICK["threads"]
    plan["choices"]["unit_tokens"] = 512
    (folder.path / "plan.json").write_text(json.dumps(plan))
    seen = []
    original = train.connect.open_engine

    def opened(*arguments, **options):
        seen.append(options.get("choices"))
        return original(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train.connect, "open_engine", opened)
        train.resume("choices")
    assert seen[0]["unit_tokens"] == 512


def test_a_finished_run_only_tells_again(tiny_model, data):
    first = train.start(settings(tiny_model, data), run="finished")
    watcher = Watcher()
    again = train.resume("finished", progress=watcher)
    assert not watcher.steps
    assert again.report.comparison.to_json() == first.report.comparison.to_json()
    assert weights(again.folder) == weights(first.folder)
