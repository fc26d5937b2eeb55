"""Ctrl-C and SIGTERM: the first asks to stop after the step in progress, the second stops at once.

Outside of the training loop the first already stops at once, because nothing that is being made there is lost by making it again.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from burnish.errors import Interrupted


class Stop:
    """Whether the user asked to stop. `gentle` is set while a step is in progress."""

    def __init__(self, resume: str, say: Callable[[str], None]) -> None:
        self.resume, self.say = resume, say
        self.gentle = False
        self.asked = False

    def raised(self, kept: str) -> Interrupted:
        """The error to end with. `kept`: what is there to go on from."""
        return Interrupted("the run was stopped", seen=kept, todo=f"go on with `{self.resume}`")

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.gentle and not self.asked:
            self.asked = True
            self.say("stopping after this step; once more stops at once")
            return
        raise self.raised("the last checkpoint, if there is one, stands")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle both signals in this block; only the main thread of a process can, elsewhere nothing changes."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {s: signal.signal(s, self._handle) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for s, handler in before.items():
                signal.signal(s, handler)
