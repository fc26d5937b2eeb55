"""Runs Python code that nobody has read: written by a model, run to see what it does.

    ran = sandbox.run("print(6 * 7)")
    assert (ran.status, ran.stdout) == ("ok", "42\\n")

Each program gets an interpreter of its own with the standard library and nothing else: no network, no file but the
interpreter's and those of its own directory, no other process, no other program, a bound on everything that it uses. The
kernel enforces this (`sandbox_launch`), not the language; where the kernel cannot, nothing is run. What is protected from
what: docs/why/sandbox.md.

What a program says about itself is not to be trusted. `status` "ok" means that it ended with exit code 0, which
`os._exit(0)` in its first line does as well: whoever checks an answer compares what was printed with what only the
checker knows.
"""

from __future__ import annotations

import functools
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from burnish.errors import SandboxMissing
from burnish.tools import sandbox_directory, sandbox_launch, sandbox_watch
from burnish.tools.sandbox_launch import How, Limits

__all__ = ["Available", "Limits", "Ran", "available", "probe", "run", "run_many"]

Status = Literal["ok", "failed", "timeout", "memory", "refused"]
DEFAULT = Limits()
SOURCE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one program.

    "failed" is an exception, another exit code, or more files than allowed; "memory" is a MemoryError or the kernel's own
    end to it; "refused" means that it was not run at all, and `stderr` says why.
    """

    status: Status
    stdout: str
    stderr: str
    exit_code: int | None
    """Negative for a signal; None where it was stopped from outside or not run."""
    seconds: float
    """From the program's own start."""
    cut: bool = False
    """There was more output than `Limits.output_bytes`."""


@dataclass(frozen=True, slots=True)
class Available:
    """Which isolation is used here, or why none can be."""

    how: How | None
    why: str


@functools.cache
def available() -> Available:
    """The isolation that works here, found by running a small program that tries to get out."""
    reasons: list[str] = []
    ways: tuple[How, ...] = ("bubblewrap", "landlock")
    for how in ways:
        if not (reason := probe(how)):
            return Available(how, "; ".join([*reasons, f"{how}: works"]))
        reasons.append(f"{how}: {reason}")
    return Available(None, "; ".join(reasons))


PROBE = """
import os, socket
tries = [lambda: open("/etc/passwd"), lambda: os.listdir("/etc"), socket.socket, lambda: os.kill(os.getppid(), 0), os.fork]
for number, each in enumerate(tries):
    try:
        each()
    except OSError:
        continue
    print("got out by", number)
print("done")
"""


def probe(how: How) -> str:
    """Why this isolation does not work here; empty where it does."""
    if reason := sandbox_launch.missing(how):
        return reason
    try:
        ran = _run(PROBE.encode(), DEFAULT, how)
    except OSError as error:
        return f"it cannot be started: {error}"
    if ran.status != "ok":
        return (ran.stderr.strip().splitlines() or [f"the trial ended as {ran.status}"])[-1]
    return "" if ran.stdout == "done\n" else f"the trial {(ran.stdout.splitlines() or ['said nothing'])[0]}"


def run(source: str, *, limits: Limits = DEFAULT) -> Ran:
    """Run one program. SandboxMissing where no isolation works."""
    how = _how(limits)
    try:
        text = source.encode()
    except UnicodeEncodeError as error:
        return _refused(f"the program is not text: {error}")
    if len(text) > SOURCE_BYTES:
        return _refused(f"the program has {len(text)} bytes; at most {SOURCE_BYTES} are run")
    return _run(text, limits, how)


def run_many(sources: Iterable[str], *, limits: Limits = DEFAULT, parallel: int = 2) -> list[Ran]:
    """Run each program apart from the others, `parallel` at a time; results in the order of the sources."""
    _how(limits)
    with ThreadPoolExecutor(parallel) as pool:
        return list(pool.map(lambda source: run(source, limits=limits), sources))


def _how(limits: Limits) -> How:
    found = available()
    if found.how is None:
        raise SandboxMissing(
            "Code written by a model cannot be run safely here, so it is not run",
            seen=found.why,
            todo="install bubblewrap (`apt-get install bubblewrap`), or use Linux 5.13 or newer with Landlock; "
            "in a container, allow one of them",
        )
    if limits.processes and not sandbox_launch.counts_processes(found.how):
        raise SandboxMissing(
            f"A program that may start processes ({limits.processes}) cannot be bounded here",
            seen=found.why,
            todo="install bubblewrap, or set `processes=0`",
        )
    return found.how


def _run(text: bytes, limits: Limits, how: How) -> Ran:
    if how == "bubblewrap":
        return _run_in("/tmp", text, limits, how)
    directory = tempfile.mkdtemp(prefix="burnish-sandbox-")
    try:
        return _run_in(directory, text, limits, how)
    finally:
        sandbox_directory.remove(directory)


def _run_in(directory: str, text: bytes, limits: Limits, how: How) -> Ran:
    source = os.memfd_create("program")
    ready, ready_there = socket.socketpair()
    try:
        with open(source, "wb", closefd=False) as file:
            file.write(text)
        os.lseek(source, 0, os.SEEK_SET)
        process = subprocess.Popen(
            sandbox_launch.command(how, limits, directory=directory, ready=ready_there.fileno()),
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={} if how == "bubblewrap" else sandbox_launch.environment(directory),
            cwd="/",
            pass_fds=(ready_there.fileno(),),
            start_new_session=True,
        )
        with process:
            ready_there.close()
            seen = sandbox_watch.watch(
                process,
                ready,
                timeout_s=limits.timeout_s,
                output_bytes=limits.output_bytes,
                most_tasks=sandbox_launch.most_tasks(limits),
                too_much=(lambda: sandbox_directory.fuller_than(directory, limits.files_bytes)) if how == "landlock" else None,
            )
    finally:
        os.close(source)
        ready.close()
        ready_there.close()
    return _verdict(seen, process.returncode, limits, how)


def _verdict(seen: sandbox_watch.Seen, code: int, limits: Limits, how: How) -> Ran:
    stdout, stderr = seen.stdout.decode("utf-8", "replace"), seen.stderr.decode("utf-8", "replace")
    if not seen.ready:
        return _refused(stderr or f"the sandbox did not start (exit code {code}, at most {sandbox_watch.START_S:g} s)")
    if how == "bubblewrap" and code > 128:  # its way of passing on a signal
        code = 128 - code
    exit_code, status = code, "ok" if code == 0 else "failed"
    if seen.timed_out or code == -signal.SIGXCPU:
        status, exit_code = "timeout", None
    elif seen.too_much:
        status, exit_code = "failed", None
        stderr += f"stopped: its files are more than {limits.files_bytes} bytes, or too many\n"
    elif code == -signal.SIGKILL or (code == 1 and _last_line(stderr).startswith("MemoryError")):
        status = "memory"
    return Ran(status, stdout, stderr, exit_code, seen.seconds, seen.cut)


def _last_line(text: str) -> str:
    return text.rstrip().rpartition("\n")[2]


def _refused(why: str) -> Ran:
    return Ran("refused", "", why, None, 0.0)
