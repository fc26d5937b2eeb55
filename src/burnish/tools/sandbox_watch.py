"""Watching one child process: its output up to a bound, its time, its end, and that nothing of it is left over."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from burnish.tools import sandbox_threads

START_S = 10.0
"""How long the interpreter may take until the program itself starts; more than enough for a busy machine."""
AFTER_S = 1.0
"""How long to wait, once all is killed, for the kernel to close the pipes."""
LOOK_S = 0.05
"""How often `too_much` is asked."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a child. `ready`: the program was started at all; `cut`: there was more output than this."""

    ready: bool
    timed_out: bool
    too_much: bool
    stdout: bytes
    stderr: bytes
    cut: bool
    seconds: float


def watch(
    process: subprocess.Popen[bytes],
    ready: socket.socket,
    *,
    timeout_s: float,
    output_bytes: int,
    most_tasks: int,
    too_much: Callable[[], bool] | None,
) -> Seen:
    """Wait for the end of a child, which leads a process group of its own, and kill that group.

    At `ready` it says that the program starts, and may pass the file at which it asks for leave to start threads.
    """
    streams = (_stream(process.stdout), _stream(process.stderr))
    kept: dict[int, list[bytes]] = {stream: [] for stream in streams}
    size = dict.fromkeys(streams, 0)
    began, timed_out, over = None, False, False
    deadline = time.monotonic() + START_S
    next_look = time.monotonic()
    with selectors.DefaultSelector() as selector:

        def read(stream: int) -> None:
            if piece := os.read(stream, 1 << 16):
                kept[stream].append(piece[: max(0, output_bytes - size[stream])])
                size[stream] += len(piece)
            else:
                selector.unregister(stream)

        pidfd, asking = -1, -1
        try:
            pidfd = os.pidfd_open(process.pid)
            for file in (*streams, ready, pidfd):
                selector.register(file, selectors.EVENT_READ)
            ended = False
            while not (ended or timed_out or over):
                left = deadline - time.monotonic()
                for key, _ in selector.select(max(0.0, left if too_much is None else min(left, LOOK_S))):
                    if key.fileobj is ready:
                        selector.unregister(ready)
                        said, passed, _, _ = socket.recv_fds(ready, 1, 1, socket.MSG_CMSG_CLOEXEC)
                        for asking in passed:
                            selector.register(asking, selectors.EVENT_READ)
                        if said:
                            began = time.monotonic()
                            deadline = began + timeout_s
                    elif key.fd == asking:
                        sandbox_threads.answer(asking, process.pid, most=most_tasks)
                    elif key.fd == pidfd:
                        ended = True
                    else:
                        read(key.fd)
                timed_out = not ended and time.monotonic() >= deadline
                if too_much is not None and time.monotonic() >= next_look:
                    over = too_much()
                    next_look = time.monotonic() + LOOK_S
        finally:
            # Before the child is waited for, since its number, and so its group's, is its own only until then.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if ready in selector.get_map():
                selector.unregister(ready)
            for file in (pidfd, asking):
                if file >= 0:
                    selector.unregister(file)
                    os.close(file)
        seconds = 0.0 if began is None else time.monotonic() - began
        deadline = time.monotonic() + AFTER_S
        while selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                read(key.fd)
    return Seen(
        ready=began is not None,
        timed_out=timed_out,
        too_much=over,
        stdout=b"".join(kept[streams[0]]),
        stderr=b"".join(kept[streams[1]]),
        cut=any(number > output_bytes for number in size.values()),
        seconds=seconds,
    )


def _stream(file: IO[bytes] | None) -> int:
    assert file is not None, "both streams are pipes"
    return file.fileno()
