"""Writing survives whatever happens in the middle of it, and damage is found."""

import errno
import os
from pathlib import Path

import pytest
from disk import Disk, dying, inodes

from burnish.errors import DiskFull, RunError, UserError
from burnish.store import atomic


def make(final: Path, text: str = "new") -> None:
    with atomic.atomic_directory(final) as partial:
        (partial / "a.txt").write_text(text)
        (partial / "inner").mkdir()
        (partial / "inner" / "b.bin").write_bytes(text.encode() * 9)


def content(final: Path) -> str | None:
    """What a whole directory holds; None = absent. Fails on a half one."""
    if not final.exists():
        return None
    assert atomic.verify(final) == []
    text = (final / "a.txt").read_text()
    assert (final / "inner" / "b.bin").read_bytes() == text.encode() * 9
    return text


def raise_error(number: int) -> None:
    raise OSError(number, os.strerror(number))


def test_directory_is_whole_with_a_manifest(tmp_path: Path):
    make(tmp_path / "final")
    assert content(tmp_path / "final") == "new"
    assert sorted(atomic.read_json(tmp_path / "final" / "manifest.json")["files"]) == ["a.txt", "inner/b.bin"]
    assert [p.name for p in tmp_path.iterdir() if p.name != "home"] == ["final"]


def test_an_error_inside_leaves_what_was_there(tmp_path: Path):
    make(tmp_path / "final", "old")

    def fail() -> None:
        with atomic.atomic_directory(tmp_path / "final") as partial:
            (partial / "a.txt").write_text("half")
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert content(tmp_path / "final") == "old"
    assert [p.name for p in tmp_path.iterdir() if p.name != "home"] == ["final"]


@pytest.mark.parametrize("forever", [False, True])
@pytest.mark.parametrize("replaces", [False, True])
def test_error_at_every_operation(tmp_path: Path, replaces: bool, forever: bool):
    """R-09: the n-th operation fails, once or for good; afterwards there is the old directory or the new one."""
    seen = set()
    for n in range(1, 100):
        parent = tmp_path / str(n)
        if replaces:
            make(parent / "final", "old")
        disk = Disk(n, lambda: raise_error(errno.EIO), forever=forever)
        with pytest.MonkeyPatch.context() as patch:
            disk.install(patch.setattr)
            try:
                make(parent / "final")
                failed = False
            except OSError as error:
                failed = error.errno == errno.EIO
                assert failed
        atomic.sweep(parent)
        found = content(parent / "final")
        seen.add(found)
        assert found in ("old" if replaces else None, "new")
        assert [p.name for p in parent.iterdir()] in ([], ["final"])
        if not failed:
            break
    assert n > 4
    assert found == "new"
    assert seen == {"old" if replaces else None, "new"}


@pytest.mark.parametrize("power", [False, True], ids=["killed", "power cut"])
@pytest.mark.parametrize("replaces", [False, True])
def test_death_at_every_operation(tmp_path: Path, replaces: bool, power: bool):
    """R-03 for any directory: the process dies before the n-th operation, and perhaps the machine loses what was not fsynced."""
    code = 9
    for n in range(1, 100):
        parent = tmp_path / str(n)
        parent.mkdir()
        if replaces:
            make(parent / "final", "old")

        def die() -> None:
            if power:
                disk.lose_power(parent, before)  # noqa: B023
            os._exit(9)

        before = inodes(parent)
        disk = Disk(n, die)

        def work() -> None:
            disk.install(setattr)  # noqa: B023
            make(parent / "final")  # noqa: B023
            if power:
                disk.lose_power(parent, before)  # noqa: B023
            os._exit(0)

        code = dying(work)
        atomic.sweep(parent)
        assert content(parent / "final") in (("old" if replaces else None), "new")
        if code == 0:
            break
        assert code == 9
    assert n > 4
    assert content(parent / "final") == "new"


def test_file_is_old_or_new_at_every_operation(tmp_path: Path):
    for n in range(1, 20):
        path = tmp_path / str(n) / "x.json"
        path.parent.mkdir()
        atomic.write_json(path, "old")
        before = inodes(path.parent)

        def die() -> None:
            disk.lose_power(path.parent, before)  # noqa: B023
            os._exit(9)

        disk = Disk(n, die)

        def work() -> None:
            disk.install(setattr)  # noqa: B023
            atomic.write_json(path, "new")  # noqa: B023
            disk.lose_power(path.parent, before)  # noqa: B023
            os._exit(0)

        code = dying(work)
        assert atomic.read_json(path) in ("old", "new")
        if code == 0:
            break
    assert n == 5
    assert atomic.read_json(path) == "new"


def test_a_full_disk_is_said(tmp_path: Path):
    """/dev/full is a real full disk."""
    make(tmp_path / "final", "old")

    def fill() -> None:
        with atomic.atomic_directory(tmp_path / "final") as partial:
            (partial / "a.txt").symlink_to("/dev/full")
            (partial / "a.txt").write_text("new")

    with pytest.raises(DiskFull, match="No space left"):
        fill()
    assert content(tmp_path / "final") == "old"


def test_safetensors_that_do_not_fit_are_a_full_disk(tmp_path: Path):
    """safetensors has an error of its own. The limit on file sizes is real, and set in a child process."""
    import resource
    import signal

    import numpy as np
    from safetensors.numpy import save_file

    def work() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            with atomic.atomic_directory(tmp_path / "final") as partial:
                save_file({"a": np.zeros(1000)}, partial / "a.safetensors")
        except DiskFull:
            os._exit(7)

    assert dying(work) == 7
    assert not (tmp_path / "final").exists()


def test_json_that_cannot_be_read_says_where(tmp_path: Path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(RunError, match=r"x\.json"):
        atomic.read_json(tmp_path / "x.json")
    with pytest.raises(RunError, match=r"missing\.json"):
        atomic.read_json(tmp_path / "missing.json")
    with pytest.raises(ValueError):
        atomic.write_json(tmp_path / "y.json", float("nan"))


def test_a_flipped_bit_is_found_in_every_byte(tmp_path: Path):
    """R-10: one bit, anywhere, the manifest's own included."""
    final = tmp_path / "final"
    with atomic.atomic_directory(final) as partial:
        (partial / "weights").write_bytes(bytes(range(24)))
        (partial / "state.json").write_text('{"step": 3}')
    flips = 0
    for path in sorted(final.iterdir()):
        whole = path.read_bytes()
        for place in range(len(whole)):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << place * 3 % 8
            path.write_bytes(damaged)
            assert atomic.verify(final), (path.name, place)
            flips += 1
        path.write_bytes(whole)
    assert flips > 200
    assert atomic.verify(final) == []


def test_every_other_damage_is_found(tmp_path: Path):
    final = tmp_path / "final"

    def damaged(name: str) -> list[str]:
        make(final)
        files = {p: p.read_bytes() for p in (final / "a.txt", final / "inner" / "b.bin", final / "manifest.json")}
        a, b, manifest = files
        match name:
            case "truncate":
                b.write_bytes(files[b][:-1])
            case "empty":
                a.write_bytes(b"")
            case "delete":
                b.unlink()
            case "swap":
                a.write_bytes(files[b])
                b.write_bytes(files[a])
            case "add":
                (final / "c").write_text("")
            case "no manifest":
                manifest.unlink()
            case "junk manifest":
                manifest.write_bytes(b"\0" * 100)
            case "empty manifest":
                manifest.write_bytes(b"")
            case "other manifest":
                manifest.write_text("[]")
            case "shorter manifest":
                manifest.write_text(manifest.read_text().replace('"a.txt"', '"z.txt"'))
        return atomic.verify(final)

    assert damaged("nothing") == []
    assert "b.bin has changed" in damaged("truncate")[0]
    assert damaged("empty") == ["a.txt has changed"]
    assert damaged("delete") == ["inner/b.bin is missing"]
    assert len(damaged("swap")) == 2
    assert damaged("add") == ["c is not in the manifest"]
    for name in ("no manifest", "junk manifest", "empty manifest", "other manifest", "shorter manifest"):
        assert damaged(name), name
    assert atomic.verify(tmp_path / "absent")


@pytest.mark.parametrize("place", ["file/below", "/proc/nothing", "x" * 300])
def test_a_place_that_cannot_be_is_the_users_error(tmp_path: Path, place: str):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot be written.*choose a place"):
        atomic.make_directory(tmp_path / place)


def test_a_file_that_may_not_be_written_is_the_users_error(tmp_path: Path, monkeypatch):
    def refuse() -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    Disk(1, refuse).install(monkeypatch.setattr)
    with pytest.raises(UserError, match=r"x\.json cannot be written.*Permission denied"):
        atomic.write_json(tmp_path / "x.json", 1)
