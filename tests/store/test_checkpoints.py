"""A checkpoint is whole or it is not used."""

import os
import random
from pathlib import Path

import pytest
from disk import Disk, dying, inodes

from burnish.errors import CheckpointDamaged, DiskFull
from burnish.store import atomic, checkpoints
from burnish.store.runfolder import RunFolder


def weights(step: int) -> bytes:
    return random.Random(f"step {step}").randbytes(200)


def save(run: RunFolder, step: int, **settings: int | None) -> Path:
    def write(path: Path) -> None:
        (path / "weights.safetensors").write_bytes(weights(step))
        (path / "optimizer.safetensors").write_bytes(weights(-step))

    return checkpoints.save(run, step, write, {"step": step, "seen": [step] * 3}, **settings)


def newest(run: RunFolder) -> int | None:
    """The step of the newest sound checkpoint; fails on one that is not exactly as saved."""
    found = checkpoints.latest(run)
    if found is None:
        return None
    assert found.state == {"step": found.step, "seen": [found.step] * 3}
    assert (found.path / "weights.safetensors").read_bytes() == weights(found.step)
    assert (found.path / "optimizer.safetensors").read_bytes() == weights(-found.step)
    return found.step


def test_the_last_two_and_the_best_are_kept():
    run = RunFolder.create("one", "sft")
    assert checkpoints.latest(run) is None
    for step in range(1, 7):
        save(run, step, best=2 if step >= 2 else None)
    assert checkpoints.steps(run) == [2, 5, 6]
    assert checkpoints.at(run, 2).state["step"] == 2
    save(run, 7, keep=1, best=6)
    assert checkpoints.steps(run) == [6, 7]
    assert newest(run) == 7


def test_steps_of_an_abandoned_future_go_and_do_not_push_out_the_good():
    run = RunFolder.create("one", "sft")
    for step in (10, 20, 30, 40):
        save(run, step)
    for step in (30, 40):
        (checkpoints.path(run, step) / "weights.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointDamaged):
        checkpoints.latest(run)
    save(run, 5)
    assert checkpoints.steps(run) == [5]
    assert newest(run) == 5


@pytest.mark.parametrize("power", [False, True], ids=["killed", "power cut"])
@pytest.mark.parametrize("step", [3, 2], ids=["a new step", "the same step again"])
def test_death_at_every_operation_leaves_the_previous_checkpoint(step: int, power: bool):
    """R-03, exhaustively: every write, fsync, rename and removal of a save is the last thing the process does."""
    code, n = 9, 0
    while code == 9:
        n += 1
        run = RunFolder.create(None, "sft")
        run.append_metrics({"step": 1})
        for earlier in (1, 2):
            save(run, earlier)
        before = inodes(run.path)

        def die() -> None:
            if power:
                disk.lose_power(run.path, before)  # noqa: B023
            os._exit(9)

        disk = Disk(n, die)

        def work() -> None:
            disk.install(setattr)  # noqa: B023
            save(run, step)  # noqa: B023
            os._exit(0)

        code = dying(work)
        with run.lock():
            previous = newest(run)
            assert previous in (2, step)
            save(run, 4)
        assert checkpoints.steps(run) == [previous, 4]
        assert sorted(p.name for p in (run.path / "checkpoints").iterdir()) == [f"step-{s:08d}" for s in checkpoints.steps(run)]
        run.remove()
    assert code == 0
    assert n > 10


def test_errors_at_every_operation_leave_the_previous_checkpoint():
    """R-09: the n-th operation fails with an error of the device; the run can go on saving."""
    n, failed = 0, True
    while failed:
        n += 1
        run = RunFolder.create(None, "sft")
        save(run, 1)

        def fail() -> None:
            raise OSError(5, "Input/output error")

        with pytest.MonkeyPatch.context() as patch:
            Disk(n, fail).install(patch.setattr)
            try:
                save(run, 2, keep=1)
                failed = False
            except OSError:
                pass
        assert newest(run) in (1, 2)
        save(run, 3)
        assert newest(run) == 3
    assert n > 10
    assert newest(run) == 3


def test_a_full_disk_loses_nothing():
    run = RunFolder.create("one", "sft")
    save(run, 1)

    def write(path: Path) -> None:
        (path / "weights.safetensors").symlink_to("/dev/full")
        (path / "weights.safetensors").write_bytes(weights(2))

    with pytest.raises(DiskFull, match="runs rm"):
        checkpoints.save(run, 2, write, {})
    assert checkpoints.steps(run) == [1]
    assert newest(run) == 1
    assert [p.name for p in (run.path / "checkpoints").iterdir()] == ["step-00000001"]


def test_any_damage_is_detected_and_the_previous_used():
    """R-10: 200 random damages of five kinds."""
    run = RunFolder.create("one", "sft")
    save(run, 1)
    save(run, 2)
    where = checkpoints.path(run, 2)
    whole = {p: p.read_bytes() for p in sorted(where.iterdir())}
    files = list(whole)
    dice = random.Random(0)
    for trial in range(200):
        file = dice.choice(files)
        match kind := ("flip", "truncate", "delete", "swap", "junk")[trial % 5]:
            case "flip":
                data = bytearray(whole[file])
                data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
                file.write_bytes(data)
            case "truncate":
                file.write_bytes(whole[file][: dice.randrange(len(whole[file]))])
            case "delete":
                file.unlink()
            case "swap":
                other = dice.choice([f for f in files if f != file])
                file.write_bytes(whole[other])
                other.write_bytes(whole[file])
            case "junk":
                (where / atomic.MANIFEST).write_bytes(dice.randbytes(dice.randrange(300)))
        found = checkpoints.latest(run)
        assert found is not None, kind
        assert found.step == 1, kind
        assert len(found.notes) == 1, kind
        assert "step 2 is damaged" in found.notes[0]
        with pytest.raises(CheckpointDamaged, match="step 2"):
            checkpoints.at(run, 2)
        for p, data in whole.items():
            p.write_bytes(data)
    assert newest(run) == 2


def test_none_left_says_what_was_wrong_with_each():
    run = RunFolder.create("one", "sft")
    save(run, 1)
    save(run, 2)
    for step in (1, 2):
        (checkpoints.path(run, step) / "optimizer.safetensors").unlink()
    with pytest.raises(CheckpointDamaged, match=r"step 2 .*optimizer.*step 1 .*optimizer"):
        checkpoints.latest(run)


def test_floats_of_the_state_come_back_exactly():
    run = RunFolder.create("one", "sft")
    state = {"best": 0.1 + 0.2, "tiny": 5e-324, "big": 1.7976931348623157e308, "seed": 2**63, "none": None}
    checkpoints.save(run, 1, lambda path: None, state)
    found = checkpoints.latest(run)
    assert found is not None
    assert found.state == state
