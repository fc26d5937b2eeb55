"""Calls of functions inside the sandbox, asked for from outside over a socket: what a session's process does.

A request and its answer are each four bytes with a length, then JSON. A request has a mark, which its answer repeats,
a function, its arguments, and two times: of the processor, and how long it may stand still. The first request names no
function: it is to load the text.
Passed to a fresh interpreter as it stands (`sandbox_launch.payload`).
"""

from __future__ import annotations

import os
import struct
import sys

from burnish.tools.sandbox_child import OURS, load

NAME = "task"
"""What the text is called as a module."""
ANSWER_BYTES, PRINTED, TRACE = 4 << 20, 16 << 10, 8 << 10
"""Of an answer; characters of what was printed in a call; characters of a traceback."""


class TookTooLong(BaseException):
    """A call's time is over. No Exception, so that code which catches those does not catch it by mistake."""


def serve(source: bytes, channel: int) -> int:
    """Load the text, then call what is asked for until the other end closes."""
    names: dict = {}
    while (request := _receive(channel)) is not None:
        mark, function, arguments, timeout_s, still_s = request
        if function:
            answer = _answer(lambda function=function, given=arguments: _find(names, function)(*given), mark, timeout_s, still_s)
        else:
            answer = _answer(lambda: names.update(load(source, NAME)), mark, timeout_s, still_s)
        _send(channel, answer)
    return 0


def _find(names: dict, function: str):
    found = names.get(function)
    if not callable(found):
        raise NameError(f"{NAME}.py has no function {function!r}")
    return found


def _answer(work, mark: str, timeout_s: float, still_s: float) -> bytes:
    import io
    import json

    printed, out, err = io.StringIO(), sys.stdout, sys.stderr
    sys.stdout = sys.stderr = printed

    def common() -> dict:
        return {"mark": mark, "printed": printed.getvalue()[:PRINTED]}

    try:
        value = _timed(work, timeout_s, still_s)
        body = json.dumps({**common(), "value": value}, allow_nan=False, ensure_ascii=False)
        if len(body) > ANSWER_BYTES:
            raise ValueError(f"it returned {len(body)} characters of JSON; at most {ANSWER_BYTES} are taken")
    except BaseException as error:
        body = json.dumps({**common(), **_told(error)})
    finally:
        sys.stdout, sys.stderr = out, err
    return body.encode("utf-8", "replace")


def _timed(work, timeout_s: float, still_s: float):
    import math
    import resource
    import signal
    import time

    began = used = time.process_time()

    def over(number: int, frame: object) -> None:
        raise TookTooLong(f"it took more than {timeout_s:g} seconds of the processor's time")

    def look(number: int, frame: object) -> None:
        nonlocal used
        now = time.process_time()
        if now - used < 0.01 * still_s:
            raise TookTooLong(f"it stood still for {still_s:g} seconds")
        used = now

    # What never comes back to the interpreter is ended by the kernel, and the session with it.
    most = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(began + timeout_s) + 1, most))
    signal.signal(signal.SIGPROF, over)
    signal.signal(signal.SIGALRM, look)
    try:
        signal.setitimer(signal.ITIMER_PROF, timeout_s, 0.5)
        signal.setitimer(signal.ITIMER_REAL, still_s, still_s)
        return work()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def _told(error: BaseException) -> dict:
    import traceback

    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == OURS:
        trace = trace.tb_next
    last = traceback.format_exception_only(type(error), error)[-1].strip()
    frames = traceback.extract_tb(trace) if trace is not None else []
    own = [frame for frame in frames if frame.filename == f"{NAME}.py"]
    where = f"{NAME}.py, line {own[-1].lineno}, in {own[-1].name}" if own else ""
    text = "".join(traceback.format_exception(type(error), error, trace))[-TRACE:]
    return {"error": last[:1000], "where": where, "trace": text, "time": isinstance(error, TookTooLong)}


def _receive(channel: int):
    import json

    head = _read(channel, 4)
    if len(head) < 4:
        return None
    return json.loads(_read(channel, struct.unpack("<I", head)[0]))


def _read(channel: int, size: int) -> bytes:
    pieces, left = [], size
    while left and (piece := os.read(channel, left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _send(channel: int, body: bytes) -> None:
    left = struct.pack("<I", len(body)) + body
    while left:
        left = left[os.write(channel, left) :]
