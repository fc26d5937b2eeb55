"""A server's folder goes though whoever made it was killed; nothing else does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from burnish.tools import sandbox, sandbox_base

MAKES = """
import os, sys
from burnish.tools import sandbox_base
base, lock = sandbox_base.make()
open(f"{base}/work/left", "w").close()
os.symlink("/", f"{base}/packages/link")
print(base, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    made = tmp_path / "place"
    made.mkdir()
    return made


def _start(code: str, place: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "TMPDIR": str(place)}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, env=environment, text=True)


def _kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def _sweep(place: Path) -> list[str]:
    sandbox_base.sweep.__wrapped__(str(place))
    return sorted(p.name for p in place.iterdir())


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_uses_is_not(place: Path):
    dead, living = _start(MAKES, place), _start(MAKES, place)
    assert dead.stdout
    assert living.stdout
    gone, kept = (Path(p.stdout.readline().strip()) for p in (dead, living) if p.stdout)
    assert _sweep(place) == sorted([gone.name, kept.name])
    _kill(dead)
    assert _sweep(place) == [kept.name]
    assert (kept / "work" / "left").exists()
    _kill(living)
    assert _sweep(place) == []


def test_a_folder_is_in_use_while_a_server_lives_though_its_owner_is_dead(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox_base.tempfile, "tempdir", str(place))
    base, lock = sandbox_base.make()
    server = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[lock])
    os.close(lock)
    assert _sweep(place) == [Path(base).name]
    server.communicate(b"\n")
    assert _sweep(place) == []


def test_nothing_else_is_touched(place: Path, tmp_path: Path):
    prefix, outside = sandbox_base.PREFIX, tmp_path / "outside"
    for name in ("work", "packages"):
        (outside / name).mkdir(parents=True)
        (outside / name / "kept").touch()
    (outside / sandbox_base.LOCK).touch()
    (place / f"{prefix}link").symlink_to(outside)
    (place / f"{prefix}file").touch()
    (place / f"{prefix}no-lock" / "work").mkdir(parents=True)
    linked = place / f"{prefix}linked-lock"
    linked.mkdir()
    (linked / sandbox_base.LOCK).symlink_to(outside / sandbox_base.LOCK)
    inner = place / f"{prefix}linked-work"
    inner.mkdir()
    (inner / sandbox_base.LOCK).touch()
    (inner / "work").symlink_to(outside / "work")
    other = place / "somebody-else"
    other.mkdir()
    before = sorted(p.name for p in place.iterdir())
    assert _sweep(place) == before
    assert (outside / "work" / "kept").exists()
    assert (outside / "packages" / "kept").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_stays(place: Path):
    base = place / f"{sandbox_base.PREFIX}other"
    base.mkdir()
    (base / sandbox_base.LOCK).touch()
    os.chown(base, 65534, 65534)
    assert _sweep(place) == [base.name]
    os.chown(base, 0, 0)
    assert _sweep(place) == []


def test_the_next_start_cleans_up_after_a_killed_one(place: Path):
    if sandbox.probe("landlock"):
        pytest.skip(f"landlock does not work here: {sandbox.probe('landlock')}")
    code = """
import sys
from burnish.tools import sandbox
sandbox.available = lambda: sandbox.Available("landlock", "chosen by the test")
print(sandbox.run("open('left', 'w'); print(6 * 7)").stdout, end="", flush=True)
sys.stdin.read()
"""
    first = _start(code, place)
    assert first.stdout
    assert first.stdout.readline() == "42\n"
    (left,) = place.iterdir()
    _kill(first)
    assert left.is_dir()
    late = time.monotonic() + 10
    while left.exists() and time.monotonic() < late:  # its server is still about to end
        said, _ = _start(code, place).communicate("")
        assert said == "42\n"
    assert list(place.iterdir()) == []
