"""The queue of work: jobs are generators, one unit of work between two yields; whoever waits turns the crank.

There is no thread, and no callback can wait for the engine that calls it. `Job.result()` runs units of every runnable job in
turn until its own is done, so two requests in flight share the machine. A job waits for an earlier one only where order
matters: reads of one adapter (forward, sample) run together, gradients keep their order, and a write (optimiser step, load)
waits for all and lets none pass. What interrupts the process ends the job that it lands in and goes on to whoever waits.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from burnish.engine import heap
from burnish.errors import CapabilityMissing, Interrupted

T = TypeVar("T")
Access = Literal["read", "gradient", "write"]


@dataclass(frozen=True, slots=True)
class Touch:
    """The adapters a job uses and how."""

    adapters: frozenset[str]
    access: Access

    def conflicts(self, earlier: Touch) -> bool:
        if not self.adapters & earlier.adapters:
            return False
        if "write" in (self.access, earlier.access):
            return True
        return self.access == earlier.access == "gradient"


class Job(Generic[T]):
    """One request: a `Pending`."""

    def __init__(self, queue: Queue, work: Generator[None, None, T], touch: Touch, on_fail: Callable[[], None] | None) -> None:
        self._queue, self._work, self.touch, self._on_fail = queue, work, touch, on_fail
        self._done = self._started = self._running = self._cancelled = False
        self._value: Any = None
        self._error: BaseException | None = None

    def done(self) -> bool:
        return self._done

    def result(self) -> T:
        """Drive the engine until this job is done; raises what the job raised."""
        while not self._done:
            self._queue.turn()
        if self._error is not None:
            raise self._error
        return self._value

    def cancel(self) -> None:
        """Drop the rest of the work; `result` then raises Interrupted. Gradients that it had begun to add are cleared.

        Called from within (a callback of this very request), it takes effect at the end of the unit.
        """
        if self._running:
            self._cancelled = True
        elif not self._done:
            self._work.close()
            self._fail(Interrupted("the request was cancelled"))

    def _fail(self, error: BaseException) -> None:
        self._error, self._done = error, True
        if self._started and self._on_fail is not None:  # a job that never ran has nothing to take back
            self._on_fail()

    def run_unit(self) -> None:
        """Advance to the next yield."""
        self._started = self._running = True
        try:
            next(self._work)
        except StopIteration as stop:
            self._value, self._done = stop.value, True
        except BaseException as error:
            self._fail(error)
            if isinstance(error, KeyboardInterrupt | SystemExit | Interrupted):
                raise  # meant for the whole process, not for this job alone
        finally:
            self._running = False
        if self._cancelled:
            self.cancel()


class Queue:
    """Jobs in order of arrival; runnable ones take turns."""

    def __init__(self) -> None:
        self._jobs: list[Job[Any]] = []
        self._turn = 0
        self._turning = False

    def add(self, work: Generator[None, None, T], touch: Touch, on_fail: Callable[[], None] | None = None) -> Job[T]:
        job = Job(self, work, touch, on_fail)
        self._jobs.append(job)
        return job

    def busy(self) -> bool:
        """Whether any job is unfinished."""
        return any(not j.done() for j in self._jobs)

    def turn(self) -> None:
        """Run one unit of the next runnable job. Raises CapabilityMissing from within a unit (a callback, another thread)."""
        if self._turning:
            raise CapabilityMissing(
                "the engine was asked for a result in the middle of a unit of work",
                seen="a call from a callback, or from another thread",
                todo="note what is wanted, and ask once `result` has returned",
            )
        self._jobs = [j for j in self._jobs if not j.done()]
        runnable = [j for i, j in enumerate(self._jobs) if not any(j.touch.conflicts(e.touch) for e in self._jobs[:i])]
        assert runnable, "the first job of a queue is always runnable"
        self._turn += 1
        heap.use_large_pages()
        self._turning = True
        try:
            runnable[self._turn % len(runnable)].run_unit()
        finally:
            self._turning = False
