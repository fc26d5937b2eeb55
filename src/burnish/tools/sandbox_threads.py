"""Counting a program's threads where the kernel cannot: for everyone but root, without namespaces.

The kernel counts threads by user, and there the program's are mixed with those of whoever runs burnish. So its filter has
each thread that is to begin wait for an answer from outside (seccomp_unotify(2)), and this gives the answer.

All of a program's threads may ask at once, and one that was allowed is not seen before it has begun. So for a moment there
may be up to twice as many as are allowed, never more: at each answer at most `most` are there, and each of them waits
for no more than one.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct

RECEIVE, SEND = 0xC050_2100, 0xC018_2101
"""SECCOMP_IOCTL_NOTIF_RECV and _SEND."""
ASKED_BYTES, CONTINUE = 80, 1


def answer(asking: int, process: int, *, most: int) -> None:
    """Let the thread begin that is asked for at `asking`, if the process has fewer than this; its main thread counts."""
    waiting = select.poll()
    waiting.register(asking, select.POLLIN)
    if not any(events & select.POLLIN for _, events in waiting.poll(0)):
        return  # the process has ended: receiving would wait for ever
    asked = bytearray(ASKED_BYTES)
    try:
        fcntl.ioctl(asking, RECEIVE, asked)
        (number,) = struct.unpack_from("<Q", asked)
        full = len(os.listdir(f"/proc/{process}/task")) >= most
        fcntl.ioctl(asking, SEND, struct.pack("<QqiI", number, 0, *((-errno.EAGAIN, 0) if full else (0, CONTINUE))))
    except FileNotFoundError:
        return  # it has ended meanwhile, or a signal has interrupted the call, which is then asked about again
