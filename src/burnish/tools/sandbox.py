"""Runs Python code that nobody has read: written by a model, run to see what it does.

    ran = sandbox.run("print(6 * 7)")
    assert (ran.status, ran.stdout) == ("ok", "42\\n")

    with sandbox.session("def double(n): return 2 * n") as task:
        assert task.call("double", 21) == 42

Each program gets a process of its own with the standard library and nothing else: no network, no file but the
interpreter's and those of its own directory, no other process, no other program, a bound on everything that it uses. The
kernel enforces this (`sandbox_launch`), not the language; where the kernel cannot, nothing is run. The process is a fork of
a warm server that holds nothing of any program (`sandbox_server`), or with `strict` the only one that its server ever
makes. What is protected from what: docs/why/sandbox.md.

What a program says about itself is not to be trusted. `status` "ok" means that it ended with exit code 0, which
`os._exit(0)` in its first line does as well: whoever checks an answer compares what was printed with what only the
checker knows.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

from burnish.errors import SandboxMissing, UserError
from burnish.tools import sandbox_launch, sandbox_pool
from burnish.tools.sandbox_launch import How, Kind, Limits
from burnish.tools.sandbox_pool import Report
from burnish.tools.sandbox_session import LOAD_S, Session, call_wall_s

__all__ = ["ACCEPT", "Available", "Limits", "Ran", "Session", "available", "longest_s", "probe", "run", "run_many", "session"]

Status = Literal["ok", "failed", "timeout", "memory", "refused"]
DEFAULT = Limits()
SOURCE_BYTES = 1 << 20
ACCEPT = "BURNISH_I_ACCEPT_UNSANDBOXED"
"""The environment variable that, set to 1, has code run where no isolation works."""


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
    """By the clock, from the program's own start."""
    cut: bool = False
    """There was more output than `Limits.output_bytes`."""
    cpu_s: float = 0.0
    """Of the processor's time; this is what `Limits.timeout_s` bounds."""


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
        ran = _once(PROBE.encode(), DEFAULT, _kind(how, DEFAULT, (), ""))
    except OSError as error:
        return f"it cannot be started: {error}"
    if ran.status != "ok":
        return (ran.stderr.strip().splitlines() or [f"the trial ended as {ran.status}"])[-1]
    return "" if ran.stdout == "done\n" else f"the trial {(ran.stdout.splitlines() or ['said nothing'])[0]}"


def run(source: str, *, limits: Limits = DEFAULT, packages: tuple[str, ...] = (), strict: bool = False, project: str = "") -> Ran:
    """Run one program.

    `packages`: names of installed distributions that it may import, with what they require; they are imported once for
    many programs, but for each where `strict`. `strict`: a sandbox started for this program alone, about ten times slower.
    `project`: programs of different ones never have a server in common.

    SandboxMissing where no isolation works; UserError for a package that is not installed.
    """
    kind = _kind(_how(limits), limits, packages, project)
    text = _text(source)
    if isinstance(text, str):
        return _refused(text)
    if not strict:
        server = None
        try:
            server = sandbox_pool.take(kind)
            return _finish(server, text, limits)
        except sandbox_pool.Ended:  # by the machine's doing or the program's: once more, with nobody else to harm
            if server is not None:
                server.close()
    return _once(text, limits, kind)


def run_many(
    sources: Iterable[str],
    *,
    limits: Limits = DEFAULT,
    parallel: int = 2,
    packages: tuple[str, ...] = (),
    strict: bool = False,
    project: str = "",
) -> list[Ran]:
    """Run each program apart from the others, `parallel` at a time; results in the order of the sources."""
    _how(limits)
    with ThreadPoolExecutor(parallel) as pool:
        one = functools.partial(run, limits=limits, packages=packages, strict=strict, project=project)
        return list(pool.map(one, sources))


def session(
    source: str, *, limits: Limits = DEFAULT, packages: tuple[str, ...] = (), strict: bool = False, project: str = ""
) -> Session:
    """A process that holds this module and answers calls of its functions; what it keeps stays from call to call.

    `limits.timeout_s` bounds each call. CallFailed where the module cannot be loaded; otherwise as `run`.
    """
    kind = _kind(_how(limits), limits, packages, project)
    text = _text(source)
    if isinstance(text, str):
        raise UserError("The module cannot be run in the sandbox", seen=text)
    return Session(text, kind=kind, limits=limits, strict=strict)


def longest_s(limits: Limits, *, packages: tuple[str, ...] = (), session: bool = False) -> float:
    """Seconds by the clock in which a program has ended, or a new session has answered its first call, whatever it does and
    however busy the machine is: the server's start, and the wall that ends what neither works nor stands still."""
    start = sandbox_pool.START_S + (sandbox_pool.IMPORT_S if packages else 0.0)
    load = call_wall_s(max(limits.timeout_s, LOAD_S)) if session else 0.0
    return start + load + limits.wall_s + sandbox_pool.LATE_S


def _text(source: str) -> bytes | str:
    """The program as bytes, or why it is none."""
    try:
        text = source.encode()
    except UnicodeEncodeError as error:
        return f"the program is not text: {error}"
    if len(text) > SOURCE_BYTES:
        return f"the program has {len(text)} bytes; at most {SOURCE_BYTES} are run"
    return text


def _how(limits: Limits) -> How:
    found = available()
    how = found.how
    if how is None and os.environ.get(ACCEPT) == "1" and not sandbox_launch.missing("none"):
        _warn()
        how = "none"
    if how is None:
        raise SandboxMissing(
            "Code written by a model cannot be run safely here, so it is not run",
            seen=found.why,
            todo="install bubblewrap (`apt-get install bubblewrap`), or use Linux 5.13 or newer with Landlock; "
            "in a container, allow one of them; `burnish sandbox doctor` tells what is in the way",
        )
    if limits.processes and not sandbox_launch.counts_processes(how):
        raise SandboxMissing(
            f"A program that may start processes ({limits.processes}) cannot be bounded here",
            seen=found.why,
            todo="install bubblewrap, or set `processes=0`",
        )
    if (limits.programs or limits.places) and how != "bubblewrap":
        raise SandboxMissing(
            "A program that starts others, or has places of its own, cannot be bounded here",
            seen=found.why,
            todo="install bubblewrap (`apt-get install bubblewrap`)",
        )
    return how


@functools.cache
def _warn() -> None:
    """Once, to whoever watches the terminal."""
    print(f"burnish: {ACCEPT} is set: code that nobody has read runs here with no isolation", file=sys.stderr)


def _kind(how: How, limits: Limits, packages: tuple[str, ...], project: str) -> Kind:
    own_user = sandbox_launch.user() is not None
    kind = Kind(how, limits.files_bytes, limits.processes > 0, packages, project, own_user)
    return replace(kind, programs=limits.programs, places=limits.places)


def _once(text: bytes, limits: Limits, kind: Kind) -> Ran:
    try:
        server = sandbox_pool.Server(replace(kind, spares=False))
    except sandbox_pool.Ended as ended:
        return _refused(str(ended))
    try:
        return _finish(server, text, limits, keep=False)
    except sandbox_pool.Ended as ended:
        return Ran("failed", "", f"{ended}\n", None, 0.0)
    finally:
        server.close()


def _finish(server: sandbox_pool.Server, text: bytes, limits: Limits, *, keep: bool = True) -> Ran:
    server.begin(text, limits)
    seen = server.wait(limits.wall_s + sandbox_pool.LATE_S)
    assert seen is not None, "there is no channel"
    if keep and seen.ready and not seen.too_much:
        sandbox_pool.give(server)
    elif keep:
        server.close()
    return _verdict(seen, limits)


def _verdict(seen: Report, limits: Limits) -> Ran:
    stdout, stderr = seen.stdout.decode("utf-8", "replace"), seen.stderr.decode("utf-8", "replace")
    if not seen.ready:
        return _refused(stderr or f"the program was not started (exit code {seen.code})")
    exit_code, status = seen.code, "ok" if seen.code == 0 else "failed"
    if seen.timed_out or seen.code == -signal.SIGXCPU:
        status, exit_code = "timeout", None
    elif seen.too_much:
        status, exit_code = "failed", None
        stderr += f"stopped: its files are more than {limits.files_bytes} bytes, or too many\n"
    elif seen.code == -signal.SIGKILL or (seen.code == 1 and _last_line(stderr).startswith("MemoryError")):
        status = "memory"
    return Ran(status, stdout, stderr, exit_code, seen.seconds, seen.cut, seen.cpu_s)


def _last_line(text: str) -> str:
    return text.rstrip().rpartition("\n")[2]


def _refused(why: str) -> Ran:
    return Ran("refused", "", why, None, 0.0)
