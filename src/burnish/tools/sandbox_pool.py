"""The sandbox's servers, seen from outside: started, given programs, kept warm, ended.

A server runs one program at a time. Whoever wants one run takes an idle server of the right kind or starts one, so that as
many work as there are callers at once. A server is ended after `JOBS` programs, at anything unexpected, and when this
process ends, however it ends: it lives only as long as this end of its socket is open, and no other process has it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import time
import weakref
from dataclasses import dataclass

from burnish.tools import sandbox_base, sandbox_launch, sandbox_packages, sandbox_server, sandbox_threads
from burnish.tools.sandbox_launch import Kind, Limits

JOBS = 200
IDLE = max(4, 2 * (os.cpu_count() or 1))
"""How many idle servers are kept, of all kinds together."""
START_S, IMPORT_S, LATE_S = 20.0, 100.0, 10.0
"""How long a server may take to start, to import its packages besides, and to report after a program's last moment."""


class Ended(Exception):
    """A server is gone, or was not there in time; the text says what it said."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a server has seen of a program."""

    ready: bool
    timed_out: bool
    too_much: bool
    cut: bool
    code: int
    seconds: float
    cpu_s: float
    stdout: bytes
    stderr: bytes


class Server:
    """One sandboxed process. Not for two threads at once."""

    def __init__(self, kind: Kind) -> None:
        self.kind, self.served = kind, 0
        self._owner, self._asking, self._asked_by, self._ask = os.getpid(), -1, 0, None
        self._base, self._lock = ("", -1) if kind.how == "bubblewrap" else sandbox_base.make()
        self._files = [os.memfd_create(name) for name in ("program", "out", "err")]
        self._control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process: subprocess.Popen[bytes] | None = None
        _ALL.add(self)
        log, started = os.memfd_create("log"), False
        try:
            with control:
                self._start(control.fileno(), log)
            late = START_S + (IMPORT_S if kind.packages else 0.0)
            started = self._wait(late, None) and self._receive() == b"ready"
            if not started:
                raise Ended(os.pread(log, 1 << 16, 0).decode("utf-8", "replace").strip() or "the sandbox did not start")
        finally:
            os.close(log)
            if not started:
                self.close()

    def _start(self, control: int, log: int) -> None:
        directory, links = "/tmp", ""
        if self._base:
            directory, links = f"{self._base}/work", f"{self._base}/packages"
            for name, path in sandbox_packages.found(self.kind.packages).paths.items():
                os.symlink(path, f"{links}/{name}")
        source, out, err = self._files
        given = os.memfd_create("server")
        try:
            text = sandbox_launch.payload(self.kind, directory, links, control=control, source=source, out=out, err=err)
            with open(given, "wb", closefd=False) as file:
                file.write(text)
            os.lseek(given, 0, os.SEEK_SET)
            self._process = subprocess.Popen(
                sandbox_launch.command(self.kind, directory),
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={} if not self._base else sandbox_launch.environment(directory, packages=bool(self.kind.packages)),
                cwd="/",
                pass_fds=(control, *self._files, *([self._lock] if self._base else [])),
                start_new_session=True,
            )
        finally:
            os.close(given)

    def begin(self, text: bytes, limits: Limits, channel: socket.socket | None = None) -> None:
        """Start a program, or a session that is asked at `channel`."""
        os.ftruncate(self._files[0], 0)
        os.pwrite(self._files[0], text, 0)
        self.served += 1
        self._most = sandbox_launch.most_tasks(limits)
        self._output_bytes = limits.output_bytes
        passed = [channel.fileno()] if channel else []
        there = None
        if self.kind.how != "bubblewrap" and not self.kind.own_user:
            self._ask, there = socket.socketpair()
            passed.append(there.fileno())
        order = sandbox_launch.order(self.kind, limits, session=channel is not None)
        try:
            socket.send_fds(self._control, [struct.pack("<q", len(text)) + order], passed)
        except OSError as error:
            raise Ended(f"the sandbox's server is gone: {error}") from error
        finally:
            if there:
                there.close()

    def wait(self, late_s: float, channel: socket.socket | None = None) -> Report | None:
        """Until the program has ended, its report; None where `channel` can be read first. Ended where neither is in time."""
        if not self._wait(late_s, channel):
            return None
        text = self._receive()
        if len(text) != struct.calcsize(sandbox_server.REPORT):
            raise Ended("the sandbox's server ended while the program ran")
        code, flags, seconds, cpu_s, out, err = struct.unpack(sandbox_server.REPORT, text)
        most = self._output_bytes
        stdout, stderr = (os.pread(f, max(0, min(n, most)), 0) for f, n in zip(self._files[1:], (out, err), strict=True))
        self._close_asking()
        return Report(
            ready=bool(flags & sandbox_server.READY),
            timed_out=bool(flags & sandbox_server.TIMED_OUT),
            too_much=bool(flags & sandbox_server.TOO_MUCH),
            cut=bool(flags & sandbox_server.CUT),
            code=code,
            seconds=seconds,
            cpu_s=cpu_s,
            stdout=stdout,
            stderr=stderr,
        )

    def _wait(self, late_s: float, channel: socket.socket | None) -> bool:
        """Until the server says something: True; or until the channel does: False. Meanwhile, give leave to start threads."""
        deadline = time.monotonic() + late_s
        waiting = select.poll()
        for each in (self._control, channel, self._ask):
            if each is not None:
                waiting.register(each, select.POLLIN)
        if self._asking >= 0:
            waiting.register(self._asking, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0:
            ready = [file for file, _ in waiting.poll(left * 1000)]
            if self._asking in ready:
                sandbox_threads.answer(self._asking, self._asked_by, most=self._most)
            if self._ask is not None and self._ask.fileno() in ready:
                waiting.unregister(self._ask)
                said, passed, _, _ = socket.recv_fds(self._ask, 4, 1, socket.MSG_CMSG_CLOEXEC)
                self._ask.close()
                self._ask = None
                if len(said) == 4 and passed:
                    (self._asking,), (self._asked_by,) = passed, struct.unpack("@i", said)
                    waiting.register(self._asking, select.POLLIN)
            if channel is not None and channel.fileno() in ready:
                return False
            if self._control.fileno() in ready:
                return True
        raise Ended(f"nothing was heard of the sandbox for {late_s:g} seconds")

    def _receive(self) -> bytes:
        try:
            return self._control.recv(1 << 12)
        except OSError:
            return b""

    def _close_asking(self) -> None:
        if self._ask is not None:
            self._ask.close()
            self._ask = None
        if self._asking >= 0:
            os.close(self._asking)
            self._asking = -1

    def close(self) -> None:
        """End it, and what it runs. Closing the socket does it; a signal makes sure."""
        if not self._files:
            return
        with contextlib.suppress(OSError):  # a thread that waits at it would keep it open
            self._control.shutdown(socket.SHUT_RDWR)
        self._let_go()
        process = self._process
        if process is not None:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if self._base:
            try:
                sandbox_base.remove(self._base)
            finally:
                os.close(self._lock)

    def _let_go(self) -> None:
        self._control.close()
        self._close_asking()
        for file in self._files:
            os.close(file)
        self._files = []

    def abandon(self) -> None:
        """In a fork of this process: it stays the parent's."""
        if self._files:
            self._let_go()
            if self._base:
                os.close(self._lock)
        if self._process is not None:
            self._process.returncode = 0


_ALL: weakref.WeakSet[Server] = weakref.WeakSet()
_IDLE: list[Server] = []
"""The longest idle first."""
_LOCK = threading.Lock()


def take(kind: Kind) -> Server:
    """An idle server of this kind, or a new one."""
    with _LOCK:
        for server in reversed(_IDLE):
            if server.kind == kind:
                _IDLE.remove(server)
                return server
    return Server(kind)


def give(server: Server) -> None:
    """A server after a program that ended as it should."""
    old = None
    with _LOCK:
        if server.served >= JOBS:
            old = server
        else:
            _IDLE.append(server)
            if len(_IDLE) > IDLE:
                old = _IDLE.pop(0)
    if old is not None:
        old.close()


def close() -> None:
    """End all idle servers."""
    with _LOCK:
        old, _IDLE[:] = _IDLE[:], []
    for server in old:
        server.close()


def _forget() -> None:
    global _LOCK
    _LOCK = threading.Lock()
    _IDLE.clear()
    for server in list(_ALL):
        server.abandon()


def _end() -> None:
    close()
    for server in list(_ALL):
        server.close()


os.register_at_fork(after_in_child=_forget)
atexit.register(_end)
