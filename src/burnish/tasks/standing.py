"""How far a request for answers is: what is drawn, and what is judged of it on other threads meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """How far a request is."""

    said: int
    """answers that are drawn"""
    judged: int
    """of these, those that graders or environments have done with"""
    of: int
    turn: int = 1
    """of several"""


Hear = Callable[[Stand], None]
"""Called in the thread that draws, whenever an answer is drawn or waited for."""


class Count:
    """Counts what was said, and what was judged of it, on whatever thread."""

    def __init__(self, hear: Hear | None, of: int, turn: int = 1) -> None:
        self.hear, self.of, self.turn = hear, of, turn
        self.said, self.judged = 0, SimpleQueue[None]()

    def begun(self, future: Future[T]) -> Future[T]:
        """Something was said, and is being judged."""
        self.said += 1
        future.add_done_callback(lambda _: self.judged.put(None))
        self.tell()
        return future

    def tell(self) -> None:
        """Say how far it is."""
        if self.hear is not None:
            self.hear(Stand(said=self.said, judged=self.judged.qsize(), of=self.of, turn=self.turn))
