"""A sandboxed process that holds a module and answers calls of its functions, seen from outside.

    with sandbox.session("kept = []\\ndef put(x): kept.append(x); return len(kept)") as task:
        task.call("put", "a")     # 1
        task.call("put", "b")     # 2: what the module keeps stays from call to call

Arguments and results are JSON. What a call raises is CallFailed; the session goes on. SessionEnded means that its process is
gone, with all that it kept, be it by a crash or because a call never came back; `restart` begins anew. What comes from inside
is parsed with a bound on its length and its depth, and is never run. Each call draws a mark that its answer has to carry, so
that what is merely printed or written is not taken for an answer. Still it is the module's own word: code that the module runs
in its own process could look for the mark and say it as well. To judge code, run it by itself and look at what it printed.
"""

from __future__ import annotations

import json
import secrets
import signal
import socket
import struct
import threading
import time
from dataclasses import replace
from typing import Any, NoReturn

from burnish.errors import CallFailed, CallTookTooLong, SessionEnded
from burnish.tools import sandbox_calls, sandbox_pool
from burnish.tools.sandbox_launch import Kind, Limits
from burnish.tools.sandbox_pool import Ended, Report, Server

LOAD_S = 10.0
"""Of the processor's time, in which the module is loaded, or a call's own where that is longer."""
END_S = 5.0
"""How long the process may take to end once it is asked to."""


def call_wall_s(timeout_s: float) -> float:
    """By the clock on the wall: what ends a call if nothing else does."""
    return 10.0 + 10.0 * timeout_s


class Session:
    """Made by `sandbox.session`. Several threads may call; their calls take turns."""

    printed: str
    """What the last call printed, at most 16 Ki characters."""

    def __init__(self, text: bytes, *, kind: Kind, limits: Limits, strict: bool) -> None:
        self._text, self._kind, self._limits, self._strict = text, kind, limits, strict
        self._lock = threading.RLock()
        self._server: Server | None = None
        self.printed = ""
        self.restart()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether its process was there when last heard of."""
        return self._server is not None

    def call(self, function: str, *arguments: Any, timeout_s: float | None = None) -> Any:
        """What this function of the module returns, as JSON has it.

        `timeout_s`: of the processor's time, for this call; the limits' own otherwise. CallFailed says what was raised and
        where; SessionEnded, that there is no process any more.
        """
        with self._lock:
            if self._server is None:
                raise SessionEnded(f"{function} cannot be called: the session has ended", todo="`restart()` it")
            return self._ask(self._server, function, arguments, self._limits.timeout_s if timeout_s is None else timeout_s)

    def restart(self) -> None:
        """Begin anew: the module is loaded again, and nothing is left of what it kept."""
        with self._lock:
            self.close()
            self._server = self._begin()
            try:
                self._ask(self._server, "", (), max(self._limits.timeout_s, LOAD_S))
            except CallFailed:
                self.close()
                raise

    def close(self) -> None:
        """End the process. Calling it again does nothing."""
        with self._lock:
            server, self._server = self._server, None
            if server is None:
                return
            self._channel.close()
            try:
                report = server.wait(END_S)
            except Ended:
                report = None
            _done_with(server, report, keep=not self._strict)

    def _begin(self) -> Server:
        for last in (False, True):  # an idle server may have been ended by the machine: then one is started
            try:
                server = Server(replace(self._kind, spares=False)) if self._strict or last else sandbox_pool.take(self._kind)
            except Ended as ended:
                raise CallFailed("The sandbox for a module did not start", seen=str(ended)) from None
            self._channel, there = socket.socketpair()
            try:
                with there:
                    server.begin(self._text, self._limits, there)
                return server
            except Ended:
                self._channel.close()
                server.close()
        raise SessionEnded("The sandbox for a module ended as it started")

    def _ask(self, server: Server, function: str, arguments: tuple[Any, ...], timeout_s: float) -> Any:
        name = function or "the module"
        still_s = max(1.0, timeout_s)
        mark = secrets.token_hex(8)
        request = json.dumps([mark, function, arguments, timeout_s, still_s], allow_nan=False).encode()
        deadline = time.monotonic() + call_wall_s(timeout_s)
        whole = False
        try:
            answer = self._exchange(server, struct.pack("<I", len(request)) + request, mark, deadline)
            whole = True
        except _Gone as gone:
            lost = "`restart()` the session; what it kept is lost"
            raise SessionEnded(f"{name} did not come back: {gone}", todo=lost, why=str(gone)) from None
        finally:
            if not whole:  # the answer, if it came, would be taken for another call's
                self._server = None
                self._channel.close()
                server.close()
        self.printed = str(answer.get("printed", ""))[: sandbox_calls.PRINTED]
        if "error" in answer:
            where = f" ({_line(answer['where'])})" if answer.get("where") else ""
            kind = CallTookTooLong if answer.get("time") is True else CallFailed
            why = f"{_line(answer['error'])}{where}"
            failed = kind(f"{name} failed: {why}", why=why)
            failed.add_note(str(answer.get("trace", "")))
            raise failed
        return answer.get("value")

    def _exchange(self, server: Server, request: bytes, mark: str, deadline: float) -> dict[str, Any]:
        self._channel.settimeout(max(0.1, deadline - time.monotonic()))
        try:
            self._channel.sendall(request)
        except OSError as error:
            self._explain(server, str(error))
        (size,) = struct.unpack("<I", self._read(server, 4, deadline))
        if size > 5 * sandbox_calls.ANSWER_BYTES:
            raise _Gone(f"it answered {size} bytes, which is too much")
        return _parse(self._read(server, size, deadline), mark)

    def _read(self, server: Server, size: int, deadline: float) -> bytes:
        found = bytearray()
        while len(found) < size:
            try:
                report = server.wait(max(0.0, deadline - time.monotonic()), self._channel)
            except Ended as ended:
                raise _Gone(str(ended)) from None
            if report is not None:
                raise _Gone(_how(report))
            piece = self._channel.recv(min(size - len(found), 1 << 20))
            if not piece:
                self._explain(server, "its process has closed the connection")
            found += piece
        return bytes(found)

    def _explain(self, server: Server, else_: str) -> NoReturn:
        try:
            report = server.wait(END_S)
        except Ended:
            report = None
        raise _Gone(_how(report) if report else else_)


class _Gone(Exception):
    pass


def _done_with(server: Server, report: Report | None, *, keep: bool) -> None:
    if keep and report is not None and report.ready:
        sandbox_pool.give(server)
    else:
        server.close()


def _how(report: Report) -> str:
    """How a process ended that was not asked to."""
    if not report.ready:
        return f"it was not started: {_line(report.stderr.decode('utf-8', 'replace'))}"
    if report.too_much:
        return "its files became too many or too large"
    if report.timed_out or report.code == -signal.SIGXCPU:
        return "it never came back, and its time is over"
    if report.code < 0:
        return f"its process was ended by signal {-report.code} ({signal.strsignal(-report.code)})"
    return f"its process ended with exit code {report.code}"


def _parse(body: bytes, mark: str) -> dict[str, Any]:
    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is no JSON")

    try:
        text = body.decode()
        answer = json.loads(text, parse_constant=refuse)
        if "\\ud" in text.lower():  # half a character, which no file or socket takes later
            answer = json.loads(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise CallFailed("A function in the sandbox answered what is no JSON", seen=_line(str(error))) from None
    if not isinstance(answer, dict) or answer.get("mark") != mark:
        raise CallFailed("A function in the sandbox answered what is no answer", seen=_line(text))
    return answer


def _line(text: object) -> str:
    return "".join(c if c.isprintable() else " " for c in str(text))[:500].strip()
