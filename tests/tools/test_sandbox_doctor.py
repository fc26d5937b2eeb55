"""The sandbox's doctor: the level it names, what it says is in the way, and what it takes to run code with no isolation."""

from __future__ import annotations

import json
import sys

import pytest
from typer.testing import CliRunner

from burnish.cli.app import app
from burnish.errors import SandboxMissing
from burnish.tools import sandbox, sandbox_doctor, sandbox_launch, sandbox_pool
from burnish.tools.sandbox import Available


@pytest.fixture
def nothing_works(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox, "probe", lambda how: f"{how} does not work, says the test")
    monkeypatch.setattr(sandbox, "available", lambda: Available(None, "the test says so"))
    monkeypatch.delenv(sandbox.ACCEPT, raising=False)


def test_it_names_the_best_level_that_works_here():
    found = sandbox_doctor.diagnose()
    works = [how for how in ("bubblewrap", "landlock") if not sandbox.probe(how)]
    assert found.level == ("namespaced" if "bubblewrap" in works else "landlock" if works else "none")
    assert (found.per_s is not None) == bool(works)
    assert {line.name for line in found.findings} >= {"user namespaces", "bubblewrap", "Landlock", "seccomp", "cgroups", "user"}
    assert bool(found.todo) == (found.level != "namespaced")


def test_without_bubblewrap_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    if sandbox.probe("landlock"):
        pytest.skip(f"Landlock does not work here: {sandbox.probe('landlock')}")
    monkeypatch.setattr(sandbox_doctor.shutil, "which", lambda name: None)
    monkeypatch.setattr(sandbox, "available", lambda: Available("landlock", "the test says so"))
    found = sandbox_doctor.diagnose()
    assert found.level == "landlock"
    assert "apt-get install bubblewrap" in found.todo[0]


def test_where_nothing_works_it_fails_and_says_all_ways_out(nothing_works: None):
    done = CliRunner().invoke(app, ["sandbox", "doctor", "--json"])
    assert isinstance(done.exception, SandboxMissing)
    assert done.exception.exit_code == 2
    found = json.loads(done.stdout.splitlines()[-1])["sandbox"]
    assert (found["level"], found["per_s"], found["accepted"]) == ("none", None, False)
    if sys.platform == "linux":
        assert any("Landlock" in line for line in found["todo"])
        assert any("--i-accept-unsandboxed" in line for line in found["todo"])


def test_it_is_pleasant_to_read():
    done = CliRunner().invoke(app, ["sandbox", "doctor"])
    if sandbox.available().how is None:
        pytest.skip(f"no sandbox works here: {sandbox.available().why}")
    assert done.exit_code == 0, done
    assert "small programs a second" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.skipif(bool(sandbox_launch.missing("none")), reason=sandbox_launch.missing("none"))
def test_code_runs_with_nothing_around_it_only_where_that_is_accepted(
    nothing_works: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    sandbox._warn.cache_clear()
    for said in ("0", "yes", ""):
        monkeypatch.setenv(sandbox.ACCEPT, said)
        with pytest.raises(SandboxMissing):
            sandbox.run("print(1)")
    monkeypatch.setenv(sandbox.ACCEPT, "1")
    assert [sandbox.run("print(1)").stdout for _ in range(2)] == ["1\n", "1\n"]
    assert capfd.readouterr().err.count("no isolation") == 1
    ran = sandbox.run("import socket\nsocket.socket()")
    assert "PermissionError" in ran.stderr, "what needs neither namespaces nor Landlock is still in force"
    assert sandbox_doctor.diagnose().accepted
    sandbox_pool.close()


def test_the_switch_of_the_command_line_is_the_environments(nothing_works: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(sandbox.ACCEPT, "0")  # put back at the end
    done = CliRunner().invoke(app, ["--i-accept-unsandboxed", "sandbox", "doctor", "--json"])
    assert done.exit_code == 0, done.exception
    assert json.loads(done.stdout.splitlines()[-1])["sandbox"]["accepted"] is True
