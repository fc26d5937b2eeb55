"""Drawn tokens into text as they come: whole characters only, and nothing that a stop string might still take back.

Stop strings are matched on bytes, so they may begin and end inside tokens and a token may hold part of a character. The text ends
before the stop string that begins first.
"""

from __future__ import annotations

import codecs


class StopText:
    """The text of one sample. What `push` and `finish` return, joined, is the sample's text."""

    def __init__(self, stop: tuple[str, ...] = ()) -> None:
        self._stops = tuple(s.encode() for s in stop)
        self._longest = max(map(len, self._stops), default=0)
        self._held = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._parts: list[str] = []
        self.stopped = False

    @property
    def text(self) -> str:
        """Everything released so far."""
        return "".join(self._parts)

    def push(self, data: bytes) -> str:
        """Add a token's bytes; returns the text that is now certain. Sets `stopped` where a stop string is complete."""
        assert not self.stopped
        held = self._held + data
        found = [at for s in self._stops if (at := held.find(s)) >= 0]
        if found:
            self.stopped = True
            held = held[: min(found)]
            self._held = b""
            return self._release(held, final=True)
        keep = self._undecided(held)
        self._held = held[len(held) - keep :]
        return self._release(held[: len(held) - keep], final=False)

    def finish(self) -> str:
        """The sample ended otherwise: what was held back, an unfinished character as U+FFFD."""
        held, self._held = self._held, b""
        return self._release(held, final=True)

    def _undecided(self, held: bytes) -> int:
        """Length of the longest end of `held` that begins a stop string."""
        for size in range(min(len(held), self._longest - 1), 0, -1):
            tail = held[-size:]
            if any(s.startswith(tail) for s in self._stops):
                return size
        return 0

    def _release(self, data: bytes, *, final: bool) -> str:
        text = self._decoder.decode(data, final)
        if text:
            self._parts.append(text)
        return text
