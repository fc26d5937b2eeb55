"""The server inside the sandbox: a warm interpreter that runs each program in a fork of itself.

It never holds anything of a program in its own memory, which all later forks inherit: the program's process reads its text
itself, and what it prints is moved from its pipes into files without passing through here (splice(2)). Of a program it takes
in nothing but how it ended. What a program could leave for the next one is gone before the next begins: its processes are
killed and waited for, its directory is emptied, its pipes are closed. Where any of this does not work out, the server ends.

Passed to a fresh interpreter as it stands (`sandbox_launch.payload`).
"""

from __future__ import annotations

import _socket
import gc
import marshal
import os
import resource
import select
import signal
import struct
import sys
import time

from burnish.tools.sandbox_calls import serve
from burnish.tools.sandbox_child import Filter, become, bound, enter, shut, wall
from burnish.tools.sandbox_directory import empty, fuller_than

REPORT = "<iIddqq"
"""The exit code, what was seen, seconds by the clock, seconds of the processor, bytes of output and of errors."""
READY, TIMED_OUT, TOO_MUCH, CUT = 1, 2, 4, 8
LOOK_S = 0.05
"""How often a program is looked at while it says nothing."""
WITHOUT_WAITING = 2
"""SPLICE_F_NONBLOCK."""


def main(job: dict) -> None:
    """Serve until burnish closes its end of the socket."""
    shut(job)
    signal.alarm(120)  # what it imports may hang
    if job["packages"]:
        sys.path.append(job["packages"])
    for name in job["preload"]:
        __import__(name)
    signal.alarm(0)
    nothing = os.open("/dev/null", os.O_RDWR)
    for file in range(3):
        os.dup2(nothing, file)
    ready = os.pipe2(os.O_NONBLOCK)
    own = wall(job)
    compile("0", "<sandbox>", "exec")  # the first one makes all types of syntax trees: half the time of a program
    gc.collect()
    gc.freeze()
    os.write(job["control"], b"ready")
    spare = None
    while True:
        text, passed = _receive(job["control"])
        if not text:
            os._exit(0)
        if passed or spare is None:  # what was passed is not in a process made before
            program = _fork(job, own, ready[1], passed)
        else:
            program, spare = spare, None
        os.write(program.order, text)
        os.close(program.order)
        for file in passed:
            os.close(file)
        if job["spares"] and spare is None:
            spare = _fork(job, own, ready[1], [])
        report = _watch(job, marshal.loads(text[8:]), program, ready[0], nothing)
        os.close(program.out)
        os.close(program.err)
        empty(".")
        os.write(job["control"], report)


def _receive(control: int) -> tuple[bytes, list[int]]:
    receiver = _socket.socket(fileno=control)
    try:
        text, ancillary, _, _ = receiver.recvmsg(1 << 16, _socket.CMSG_SPACE(8), _socket.MSG_CMSG_CLOEXEC)
    finally:
        receiver.detach()
    return text, [fd for _, _, data in ancillary for (fd,) in struct.iter_unpack("@i", data)]


class Program:
    """A process that is, or will be, a program: the pipes to it and from it."""

    def __init__(self, number: int, order: int, out: int, err: int) -> None:
        self.number, self.order, self.out, self.err = number, order, out, err


def _fork(job: dict, own: Filter, ready: int, passed: list[int]) -> Program:
    """A process that has given up its rights and waits to be told what to run. It is made while the last program runs, and as
    that one cannot reach the server, it cannot reach this."""
    order, out, err = (os.pipe2(os.O_CLOEXEC) for _ in range(3))
    server = os.getpid()
    number = os.fork()
    if number == 0:
        try:
            os.close(order[1])
            _program(job, own, order[0], passed, ready, out[1], err[1], server)
        finally:
            os._exit(1)
    for file in (order[0], out[1], err[1]):
        os.close(file)
    return Program(number, order[1], out[0], err[0])


def _program(job: dict, own: Filter, order: int, passed: list[int], ready: int, out: int, err: int, server: int) -> None:
    """The program's process, from the fork to its end."""
    os.setpgid(0, 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    try:
        enter(job, own, server, passed[-1] if job["ask"] is not None else -1)
        text = os.read(order, 1 << 16)
        if not text:
            os._exit(0)
        session, bounds, *_ = marshal.loads(text[8:])
        source = os.pread(job["source"], struct.unpack_from("<q", text)[0], 0)
        if not session:
            file = os.open("program.py", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(file, source)
        else:
            os.dup2(passed[0], 3)
        bound(bounds)
        os.write(ready, b"r")
        os.closerange(4 if session else 3, 1 << 20)
    except BaseException as error:
        sys.__excepthook__(type(error), error, None)
        sys.stderr.flush()
        os._exit(1)
    os._exit(serve(source, 3) if session else become(source))


def _watch(job: dict, order: tuple, program: Program, ready: int, nothing: int) -> bytes:
    """Wait for the program's end, or bring it about; the report."""
    child, out, err = program.number, program.out, program.err
    _, bounds, cpu_s, still_s, wall_s, output_bytes = order
    control, clock, flags = job["control"], ~child << 3 | 2, 0
    files, sizes = {out: job["out"], err: job["err"]}, {out: 0, err: 0}
    handle = os.pidfd_open(child)
    waiting = select.poll()
    for file in (out, err, handle, control):
        waiting.register(file, select.POLLIN)

    def move(pipe: int) -> bool:
        """Move what is there; whether there may be more to come."""
        room = output_bytes - sizes[pipe]
        try:
            if room > 0:
                moved = os.splice(pipe, files[pipe], room, offset_dst=sizes[pipe], flags=WITHOUT_WAITING)
            else:
                moved = os.splice(pipe, nothing, 1 << 20, flags=WITHOUT_WAITING)
        except BlockingIOError:
            return False
        sizes[pipe] += moved
        return moved > 0

    began = last_move = time.monotonic()
    used_then, ended, next_look = 0.0, False, began + LOOK_S
    while not ended and not flags:
        used = time.clock_gettime(clock)
        now = time.monotonic()
        if used >= used_then + 0.01 * min(still_s, 10.0):
            last_move, used_then = now, used
        if used >= cpu_s or now - last_move >= still_s or now - began >= wall_s:
            flags |= TIMED_OUT
            break
        if now >= next_look:
            next_look = now + LOOK_S
            if fuller_than(".", bounds[resource.RLIMIT_FSIZE]):
                flags |= TOO_MUCH
                break
        pause = min(LOOK_S, max(0.002, cpu_s - used), max(0.002, still_s - (now - last_move)))
        for file, _ in waiting.poll(pause * 1000):
            if file == handle:
                ended = True
            elif file == control:  # nothing is sent meanwhile: burnish is gone, or has given up on this program
                os.killpg(child, signal.SIGKILL)
                os.wait4(child, 0)
                empty(".")
                os._exit(0)
            elif not move(file):
                waiting.unregister(file)
    seconds = time.monotonic() - began
    # Before the program is waited for, since its number, and so its group's, is its own only until then.
    os.killpg(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    _bury(child)
    os.close(handle)
    for pipe in (out, err):
        while move(pipe):
            pass
    if select.select([ready], [], [], 0)[0]:
        os.read(ready, 16)
        flags |= READY
    flags |= CUT if any(size > output_bytes for size in sizes.values()) else 0
    code = os.waitstatus_to_exitcode(status)
    return struct.pack(REPORT, code, flags, seconds, usage.ru_utime + usage.ru_stime, sizes[out], sizes[err])


def _bury(group: int) -> None:
    """Wait for what the program has started and was killed with it. What is not gone in a second ends the server."""
    late = time.monotonic() + 1.0
    while True:
        try:
            if os.waitpid(-group, os.WNOHANG)[0] == 0:
                if time.monotonic() > late:
                    os._exit(1)
                time.sleep(0.0005)
        except ChildProcessError:
            return
