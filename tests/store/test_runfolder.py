"""Names, locks, status, metrics of a run's folder."""

import json
import math
import os
import resource
import signal
import threading
from pathlib import Path

import pytest
from disk import dying

from burnish.config import Config
from burnish.errors import DiskFull, RunError, UserError
from burnish.store import lock
from burnish.store.runfolder import RunFolder, list_runs, locate


class Tiny(Config):
    rate: float = 0.1
    words: tuple[str, ...] = ()
    top: int | None = None


def test_fresh_names_count_up(home: Path):
    assert [RunFolder.create(None, "sft").name for _ in range(3)] == ["sft-1", "sft-2", "sft-3"]
    RunFolder.open("sft-2").remove()
    assert RunFolder.create(None, "dpo").name == "dpo-1"
    assert [r.name for r in list_runs()] == ["sft-1", "sft-3", "dpo-1"]
    assert sorted(p.name for p in (home / "runs").iterdir()) == ["dpo-1", "sft-1", "sft-3"]


def test_a_name_or_a_directory(tmp_path: Path, home: Path):
    named = RunFolder.create("my.run_2", "sft")
    assert named.path == home / "runs" / "my.run_2"
    placed = RunFolder.create(str(tmp_path / "some" / "where"), "sft")
    assert placed.path == tmp_path / "some" / "where"
    assert RunFolder.open(str(placed.path)).name == placed.name == str(placed.path)
    assert [r.name for r in list_runs()] == ["my.run_2"]
    info = named.info
    assert (info.name, info.kind, info.status, info.schema) == ("my.run_2", "sft", "created", 1)
    assert info.id != placed.info.id


@pytest.mark.parametrize("name", ["", "A", "-x", "_x", "a b", "a\n", "a\0b", "ä", "x" * 65, "~", "a\\b", "con:"])
def test_no_other_name(name: str):
    with pytest.raises(RunError, match="name of a run"):
        locate(name)


@pytest.mark.parametrize("name", ["..", "../x", "/etc", "a/../../x", "./a", ".hidden"])
def test_whatever_could_lead_elsewhere_is_a_directory_and_not_a_name(name: str, home: Path):
    assert home not in locate(name).parents


@pytest.mark.parametrize("name", ["pebble", "pebble-chat", "micro"])
def test_names_of_models_in_the_package_are_no_names_of_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(RunError, match="model of the package"):
        RunFolder.create(name, "sft")
    monkeypatch.chdir(tmp_path)
    assert RunFolder.create(f"./{name}", "sft").path == tmp_path / name


def test_taken_names_and_foreign_directories_are_refused(tmp_path: Path):
    RunFolder.create("one", "sft")
    with pytest.raises(RunError, match="--resume one") as caught:
        RunFolder.create("one", "sft")
    assert "runs rm one" in caught.value.todo
    before = RunFolder.open("one").info.id
    assert RunFolder.create("one", "sft", force=True).info.id != before

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for force in (False, True):
        with pytest.raises(RunError, match=r"holds no run.*thesis\.txt"):
            RunFolder.create(str(tmp_path / "mine"), "sft", force=force)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="a file"):
        RunFolder.create(str(tmp_path / "file"), "sft", force=True)
    (tmp_path / "empty").mkdir()
    assert RunFolder.create(str(tmp_path / "empty"), "sft").info.status == "created"


def test_many_at_once_get_different_runs():
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.extend(RunFolder.create(None, "sft").name for _ in range(5))) for _ in range(4)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(made)) == len(made) == 20 == len(list_runs())


def test_an_unknown_run_names_those_there_are():
    RunFolder.create("alpha", "sft")
    with pytest.raises(RunError, match="runs: alpha"):
        RunFolder.open("beta")


def test_a_second_process_is_refused_and_a_killed_one_leaves_no_lock(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lock, "PATIENCE_S", 0.05)
    run = RunFolder.create("one", "sft")
    assert run.owner is None
    with run.lock():
        run.set_status("running")
        assert run.status == "running"
        assert run.owner == os.getpid()

        def second() -> None:
            try:
                with RunFolder.open("one").lock():
                    os._exit(3)
            except RunError as error:
                os._exit(7 if str(os.getppid()) in error.seen else 4)

        assert dying(second) == 7
        with pytest.raises(RunError, match="in use"):
            run.remove()
    assert run.owner is None

    def killed() -> None:
        with run.lock():
            run.set_status("running")
            os.kill(os.getpid(), signal.SIGKILL)

    assert dying(killed) == -signal.SIGKILL
    assert run.info.status == "running"
    assert run.status == "interrupted"
    with run.lock():
        assert run.status == "running"
        run.set_status("succeeded")
    assert run.status == "succeeded"


def test_the_lock_cleans_up_what_a_killed_process_left(home: Path):
    run = RunFolder.create("one", "sft")
    (run.path / ".report.json.77-abc.partial").write_text("half")
    half = run.path / "checkpoints" / ".step-00000001.77-abc.partial"
    half.mkdir(parents=True)
    (half / "weights").write_text("half")
    with run.lock():
        assert not half.exists()
        assert sorted(p.name for p in run.path.iterdir()) == ["checkpoints", "lock", "run.json"]


def test_remove_takes_the_folder_only(tmp_path: Path, home: Path):
    run = RunFolder.create("one", "sft")
    (tmp_path / "link").symlink_to(run.path)
    with pytest.raises(RunError, match="link"):
        RunFolder.open(str(tmp_path / "link")).remove()
    RunFolder.open("one").remove()
    assert not run.path.exists()
    assert list((home / "runs").iterdir()) == []


def test_run_json_of_another_version_is_refused_but_can_be_removed():
    run = RunFolder.create("one", "sft")
    body = json.loads((run.path / "run.json").read_text())
    for damage in ({**body, "schema": 2}, {**body, "colour": "red"}, {k: v for k, v in body.items() if k != "kind"}, []):
        (run.path / "run.json").write_text(json.dumps(damage))
        with pytest.raises(RunError, match=r"run\.json"):
            _ = RunFolder.open("one").info
    assert [r.name for r in list_runs()] == ["one"]
    RunFolder.open("one").remove()
    assert list_runs() == []


def test_update_keeps_the_rest():
    run = RunFolder.create("one", "sft")
    before = run.info
    run.update(model="org/name", fingerprint="ab")
    assert run.info.model == "org/name"
    assert (run.info.id, run.info.created, run.info.status) == (before.id, before.created, "created")


def test_config_is_kept_twice():
    run = RunFolder.create("one", "sft")
    config = Tiny(rate=1e-4, words=("a", 'b"'))
    run.keep_config(config)
    assert Tiny.model_validate(run.config()) == config
    assert Tiny.load(file=run.path / "config.toml") == config


def test_metrics_lines():
    run = RunFolder.create("one", "sft")
    assert run.read_metrics() == []
    for step in range(5):
        run.append_metrics({"step": step, "loss": float("nan") if step == 3 else 0.1 * step})
    assert [m["step"] for m in run.read_metrics()] == [0, 1, 2, 3, 4]
    assert run.read_metrics()[3]["loss"] is None
    assert run.read_metrics()[4]["loss"] == 0.4


def test_a_torn_last_line_is_tolerated_and_cut_by_the_next():
    run = RunFolder.create("one", "sft")
    for step in range(3):
        run.append_metrics({"step": step})
    path = run.path / "metrics.jsonl"
    with open(path, "a") as file:
        file.write('{"step": 3, "lo')
    assert len(run.read_metrics()) == 3
    run.append_metrics({"step": 3})
    assert [m["step"] for m in run.read_metrics()] == [0, 1, 2, 3]
    path.write_text('{"half')
    run.append_metrics({"step": 0})
    assert run.read_metrics() == [{"step": 0}]


def test_resume_cuts_what_follows_the_checkpoint():
    run = RunFolder.create("one", "sft")
    assert run.cut("metrics.jsonl", -1) == 0
    for step in range(6):
        run.append_metrics({"step": step})
    with open(run.path / "metrics.jsonl", "ab") as file:
        file.write(b"\0" * 20)
    assert run.cut("metrics.jsonl", 3) == 2
    assert [m["step"] for m in run.read_metrics()] == [0, 1, 2, 3]
    run.append_metrics({"step": 4})
    assert len(run.read_metrics()) == 5
    assert run.cut("metrics.jsonl", -1) == 5
    assert run.read_metrics() == []


def test_damage_in_the_middle_is_named_and_cut_on_resume():
    run = RunFolder.create("one", "sft")
    (run.path / "metrics.jsonl").write_text('{"step": 0}\n\0\0\0\n{"step": 2}\n')
    with pytest.raises(RunError, match="line 2"):
        run.read_metrics()
    assert run.cut("metrics.jsonl", 2) == 2
    assert run.read_metrics() == [{"step": 0}]


def test_a_run_where_none_can_be_is_the_users_error():
    with pytest.raises(UserError, match="cannot be written"):
        RunFolder.create("/proc/nothing", "sft")


def test_numbers_that_are_none_are_null_however_deep() -> None:
    folder = RunFolder.create(None, "sft")
    folder.append("lines.jsonl", {"a": math.nan, "parts": {"judge": math.inf}, "turns": [{"reward": -math.inf, "ids": (1, 2)}]})
    assert folder.read("lines.jsonl") == [{"a": None, "parts": {"judge": None}, "turns": [{"reward": None, "ids": [1, 2]}]}]


def test_a_full_disk_is_said_and_earlier_lines_stand():
    run = RunFolder.create("one", "grpo")
    run.append("watches.jsonl", {"step": 1, "monitor": "M6"})
    before = (run.path / "watches.jsonl").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, hard))
    try:
        with pytest.raises(DiskFull, match=r"watches\.jsonl"):
            run.append("watches.jsonl", {"step": 2, "monitor": "M6"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert run.read("watches.jsonl") == [{"step": 1, "monitor": "M6"}]
    run.append("watches.jsonl", {"step": 2, "monitor": "M6"})
    assert [e["step"] for e in run.read("watches.jsonl")] == [1, 2]
    assert run.cut("watches.jsonl", 1) == 1
    assert (run.path / "watches.jsonl").read_bytes() == before
