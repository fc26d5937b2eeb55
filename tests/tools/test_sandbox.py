"""The sandbox from outside: what a run returns, and that a program's use of the machine is bounded and leaves nothing."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import pytest

from burnish.errors import SandboxMissing
from burnish.tools import sandbox, sandbox_launch, sandbox_pool
from burnish.tools.sandbox import Available, Limits, run, run_many
from burnish.tools.sandbox_launch import How

SHORT = Limits(timeout_s=0.2)


def left_over(limits: Limits) -> list[str]:
    """Processes of a run with these limits, known by their unusual number of bytes, that outlive the server by two seconds."""
    sandbox_pool.close()
    mark = f"burnish-sandbox={limits.files_bytes}".encode()
    found: list[str] = []
    for _ in range(40):
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "cmdline").read_bytes():
                    found.append(process.name)
            except OSError:
                continue
        if not found:
            return []
        time.sleep(0.05)
    return found


def test_a_program_runs_and_answers(how: How):
    ran = run("import json, sys\nprint(json.dumps({'a': 6 * 7}))\nprint('note', file=sys.stderr)")
    assert (ran.status, ran.stdout, ran.stderr, ran.exit_code, ran.cut) == ("ok", '{"a": 42}\n', "note\n", 0, False)
    assert 0 < ran.seconds < 2


def test_a_program_is_a_script_of_its_own(how: How):
    ran = run(
        "import sys, os\nassert __name__ == '__main__' and sys.modules['__main__'].__dict__ is globals()\n"
        "print(sorted(set(globals()) - {'__spec__', '__package__', '__loader__', '__doc__'}))\n"
        "print(sys.argv, os.listdir())\n"
        "try: input()\nexcept EOFError: print('no input')\n"
        "print(sorted(set(os.environ) - {'PWD', 'LC_CTYPE'}))"
    )
    assert ran.stdout.splitlines() == [
        "['__builtins__', '__file__', '__name__', 'os', 'sys']",
        "['program.py'] ['program.py']",
        "no input",
        "['HOME', 'PYTHONHASHSEED', 'TMPDIR']",
    ], ran


def test_threads_asyncio_and_temporary_files_work(how: How):
    ran = run(
        "import asyncio, tempfile, threading\n"
        "t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()\n"
        "asyncio.run(asyncio.sleep(0)); print('asyncio')\n"
        "with tempfile.TemporaryDirectory() as d, open(d + '/é', 'w') as f: f.write('ü'); print('file')"
    )
    assert (ran.status, ran.stdout) == ("ok", "thread\nasyncio\nfile\n"), ran


def test_an_exception_is_told_with_its_lines_and_not_ours(how: How):
    ran = run("def f(n):\n    return 1 / n\nprint(f(2))\nf(0)")
    assert (ran.status, ran.exit_code, ran.stdout) == ("failed", 1, "0.5\n")
    assert "line 2, in f" in ran.stderr
    assert "return 1 / n" in ran.stderr
    assert "<string>" not in ran.stderr
    assert ran.stderr.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize(
    ("source", "status", "code"),
    [
        ("import sys; sys.exit(3)", "failed", 3),
        ("if", "failed", 1),
        ("import os; os._exit(0); raise SystemError", "ok", 0),  # so "ok" proves nothing: whoever checks, compares output
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "failed", -11),
        ("x = 0\x00", "failed", 1),
    ],
)
def test_ends(how: How, source: str, status: str, code: int):
    ran = run(source)
    assert (ran.status, ran.exit_code) == (status, code), ran


@pytest.mark.parametrize("source", ["print('\ud800')", "#" * (1 << 20) + "\n"])
def test_what_is_not_a_program_is_refused(how: How, source: str):
    ran = run(source)
    assert (ran.status, ran.exit_code, ran.stdout) == ("refused", None, "")
    assert ran.stderr


def test_sets_have_the_same_order_in_every_run(how: How):
    first, second = run_many(["print({'a', 'b', 'c', 'd', 'e', 'f', 'g'})"] * 2)
    assert first.stdout == second.stdout != ""


def test_many_keep_their_order(how: How):
    assert [ran.stdout for ran in run_many([f"print({i})" for i in range(5)], parallel=3)] == [f"{i}\n" for i in range(5)]


@pytest.mark.parametrize(
    "source",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "import signal\nfor s in set(range(1, 65)) - {9, 19, 32, 33}: signal.signal(s, signal.SIG_IGN)\nwhile True: pass",
        "7 ** (10 ** 9)",  # never back in the interpreter, so no handler could run
        "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
        "import threading\nfor _ in range(4): threading.Thread(target=threading.Event().wait).start()",
    ],
)
def test_time_is_bounded(warm: How, source: str):
    limits = Limits(timeout_s=0.2, memory_bytes=2 << 30, files_bytes=0x01A2B3C5)
    began = time.monotonic()
    ran = run("print('begun', flush=True)\n" + source, limits=limits)
    assert (ran.status, ran.exit_code, ran.stdout) == ("timeout", None, "begun\n"), ran
    assert ran.seconds < 8
    assert time.monotonic() - began < 20
    assert not left_over(limits)


@pytest.mark.parametrize(
    "source", ["x = bytearray(1 << 30)", "x = [0]\nwhile True: x += x", "import mmap; mmap.mmap(-1, 1 << 30)"]
)
def test_memory_is_bounded(how: How, source: str):
    ran = run(source)
    assert ran.status == "memory" or (ran.status == "failed" and "Cannot allocate memory" in ran.stderr), ran


def test_output_is_cut_at_its_bound_and_drained(how: How):
    ran = run(
        "import sys\nfor _ in range(3000): print('x' * 999)\nprint('end', file=sys.stderr)", limits=Limits(output_bytes=5000)
    )
    assert (ran.status, len(ran.stdout), ran.stderr, ran.cut) == ("ok", 5000, "end\n", True)


def test_a_flood_of_output_ends_with_the_time(how: How):
    ran = run("while True: print('x' * 999)", limits=SHORT)
    assert (ran.status, len(ran.stdout), ran.cut) == ("timeout", SHORT.output_bytes, True)


def test_one_file_is_bounded(how: How):
    ran = run("with open('big', 'wb') as f:\n    while True: f.write(bytes(1 << 16))", limits=Limits(files_bytes=1 << 20))
    assert ran.status == "failed", ran


def test_all_files_together_are_bounded(how: How):
    many = (
        "import time\nfor i in range(64):\n    with open(str(i), 'wb') as f: f.write(bytes(1 << 19))\nprint('done', flush=True)\n"
    )
    ran = run(many + "time.sleep(60)", limits=Limits(files_bytes=1 << 20))
    assert (ran.status, ran.exit_code is None) == ("failed", how == "landlock"), ran
    assert "No space left" in ran.stderr or "its files are more than" in ran.stderr


def test_no_process_may_be_started(how: How):
    ran = run("import os\nos.fork()")
    assert ran.stderr.endswith("PermissionError: [Errno 1] Operation not permitted\n"), ran


def test_a_fork_bomb_is_bounded_and_nothing_is_left(how: How):
    if not sandbox_launch.counts_processes(how):
        with pytest.raises(SandboxMissing, match="cannot be bounded"):
            run("", limits=Limits(processes=3))
        return
    bomb = (
        "import os\ndef fork():\n    try: return os.fork()\n    except BlockingIOError: return None\n"
        "count = 0\nwhile (pid := fork()) is not None:\n    count += 1\n"
        "    while pid == 0: fork()\n"
        "print(count)"
    )
    limits = Limits(processes=3, files_bytes=0x01A2B3C4)
    ran = run(bomb, limits=limits)
    assert ran.status == "ok", ran
    assert 1 <= int(ran.stdout) <= limits.processes + sandbox_launch.THREADS, ran
    assert not left_over(limits)


def test_no_process_is_left_behind(how: How):
    if not sandbox_launch.counts_processes(how):
        pytest.skip("processes cannot be counted here, so none may be started")
    limits = Limits(processes=2, files_bytes=0x01A2B3C6)
    ran = run("import os, time\nif os.fork() == 0:\n    os.closerange(0, 3)\n    time.sleep(60)\nprint('end')", limits=limits)
    assert (ran.status, ran.stdout) == ("ok", "end\n"), ran
    assert ran.seconds < 2
    assert not left_over(limits)


HOSTILE = """
import os
for name in range(3):
    os.symlink({outside!r}, f"link{{name}}")
    os.mkdir(f"closed{{name}}")
    open(f"closed{{name}}/file", "w").close()
os.symlink("program.py", "loop"); os.umask(0o777); os.mkdir("shut"); os.mkdir("away"); os.umask(0)
for _ in range(300):
    os.mkdir("deeper-than-any-path-may-be"); os.chdir("deeper-than-any-path-may-be")
os.symlink({outside!r}, "link")
print("made")
"""


def test_its_directory_is_removed_whatever_is_in_it(how: How, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    outside, work = tmp_path / "outside", tmp_path / "work"
    outside.mkdir()
    work.mkdir()
    (outside / "kept").write_text("kept")
    monkeypatch.setattr(tempfile, "tempdir", str(work))
    sandbox_pool.close()
    ran = run(HOSTILE.format(outside=str(outside)))
    assert ran.stdout == "made\n" or "too many" in ran.stderr, ran
    assert run("import os; print(os.listdir())").stdout == "['program.py']\n"
    sandbox_pool.close()
    assert not list(work.iterdir())
    assert (outside / "kept").read_text() == "kept"


def test_no_file_of_ours_stays_open(how: How):
    def files() -> int:
        return len(os.listdir("/proc/self/fd"))

    sandbox_pool.close()
    before = files()
    run_many(["print(1)", "1 / 0", "while True: pass"], limits=SHORT)
    sandbox_pool.close()
    assert files() == before


def test_installed_packages_are_found_wherever_they_lie(tmp_path: Path):
    root, elsewhere = (tmp_path / name for name in ("lib", "elsewhere"))
    for folder in ("python3.9/site-packages/pip/dist-packages", "python3/dist-packages", "a/b/site-packages", "python3.9/json"):
        (root / folder).mkdir(parents=True)
    (elsewhere / "dist-packages").mkdir(parents=True)
    (root / "linked").mkdir()
    (root / "linked" / "site-packages").symlink_to(root / "python3.9" / "json")
    (root / "away").symlink_to(elsewhere)
    found = {os.path.relpath(path, root) for path in sandbox_launch.hidden_in([str(root)])}
    assert found == {"python3.9/site-packages", "python3/dist-packages", "a/b/site-packages", "python3.9/json"}
    assert sandbox_launch.hidden_in([str(root / "python3.9" / "json")]) == []
    source = Path(sandbox_launch.__file__).parents[2]
    assert sandbox_launch.hidden_in([str(source)]) == [str(source / "burnish")]


def test_without_isolation_nothing_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox, "available", lambda: Available(None, "bubblewrap: no; landlock: no"))
    monkeypatch.setattr(sandbox_pool, "Server", lambda *_: pytest.fail("it was run"))
    with pytest.raises(SandboxMissing, match="bubblewrap: no; landlock: no"):
        run("print(1)")
    with pytest.raises(SandboxMissing, match="apt-get install bubblewrap"):
        run_many(["print(1)"])


def test_an_isolation_that_holds_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox_launch, "missing", lambda how: "")
    if sandbox_launch.landlock_version() == 0:
        pytest.skip("without namespaces and without Landlock there is nothing to leave out")
    monkeypatch.setattr(sandbox_launch, "landlock_version", lambda: 0)
    monkeypatch.setattr(sandbox_launch, "user", lambda: None)
    assert sandbox.probe("landlock") == "the trial got out by 0"


def test_a_bubblewrap_that_cannot_be_started_is_said_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/nowhere/at/all\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    if sys.platform != "linux":
        pytest.skip("there is no bubblewrap but on Linux")
    assert "cannot be started" in sandbox.probe("bubblewrap")


def test_available_says_what_was_tried(monkeypatch: pytest.MonkeyPatch):
    reasons = {"bubblewrap": "there is no `bwrap` on PATH", "landlock": ""}
    monkeypatch.setattr(sandbox, "probe", reasons.__getitem__)
    found = sandbox.available.__wrapped__()
    assert found == Available("landlock", "bubblewrap: there is no `bwrap` on PATH; landlock: works")
    reasons["landlock"] = "no"
    assert sandbox.available.__wrapped__() == Available(None, "bubblewrap: there is no `bwrap` on PATH; landlock: no")
