"""What graders and environments say, on threads that nobody waits for: what hangs holds up neither who interrupts nor the end of
the process, and what fails is an error, never a 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

import numpy as np

from burnish.errors import Interrupted
from burnish.protocols import Grader, patience_s
from burnish.tasks.environment import Environment, Turn
from burnish.types import Example, Message, Score

WORKERS = 2
"""Answers judged at once, at least: graders of code wait for the sandbox, others are done at once. One that waits for another
machine says how many it takes (`Grader.concurrency`)."""
LIMIT_S = 120.0
"""Seconds after which a grader or an environment has failed on an answer, where none of them says that it may take longer
(`protocols.Patient`)."""
CUT, OUT_OF_TURNS, OUT_OF_ROOM = "cut", "out of turns", "out of room"
"""Marks of ways that did not end themselves."""
TRANSCRIPT = "transcript"
"""Key of an example's metadata under which a grader finds the conversation that led to an answer."""
PAID = "turns"
"""Name of the part of a score that the turns of a way were paid."""
T = TypeVar("T")


def grade(grader: Grader, example: Example, answer: str) -> Score:
    """The grader's score. A grader that raises, or whose score is not a number, has failed: an error, and never 0."""
    try:
        score = grader.grade(example, answer)
    except Interrupted:
        raise
    except Exception as error:  # a grader is the user's code: what it raises is its own failure
        return failed(f"the grader {grader.name} failed: {type(error).__name__}: {error}")
    if score.error is None and not np.isfinite(score.value):
        return failed(f"the grader {grader.name} gave {score.value}, which is no number")
    return score


def asked(what: Callable[[], T]) -> T | str:
    """What an environment does, or why it failed."""
    try:
        return what()
    except Interrupted:
        raise
    except Exception as error:  # an environment is the user's code, too
        return f"the environment failed: {type(error).__name__}: {error}"


def step(environment: Environment, message: Message) -> Turn | str:
    """What an environment says to a message, or why it failed."""
    turn = asked(lambda: environment.step(message))
    if isinstance(turn, Turn) and not turn.done and not turn.messages:
        return "the environment failed: its turn is not done, and has nothing to read"
    return turn


def failed(reason: str) -> Score:
    """The score of what could not be judged."""
    return Score(value=float("nan"), reason=reason, error=reason)


def with_transcript(example: Example, messages: Sequence[Message]) -> Example:
    """The example as a grader gets it that may look at how an answer came about: a list of {"role", "content"}, of calls also
    "tool_calls", [{"name", "arguments"}], in `metadata["transcript"]`."""
    told: list[dict[str, Any]] = []
    for m in messages:
        calls = [{"name": c.name, "arguments": c.arguments} for c in m.tool_calls]
        told.append({"role": m.role, "content": m.content, **({"tool_calls": calls} if calls else {})})
    return replace(example, metadata={**example.metadata, TRANSCRIPT: told})


def worth(grader: Grader, score: Score, paid: Sequence[float], marks: Sequence[str] = ()) -> Score:
    """A way's score: what the grader says of its answer, plus what its turns were paid. `parts` says how much is which."""
    marks = tuple(dict.fromkeys((*score.marks, *marks)))
    if not np.isfinite(paid).all():
        return replace(
            failed(f"the environment paid {next(p for p in paid if not np.isfinite(p))}, which is no number"), marks=marks
        )
    if score.error is not None or not any(paid):
        return replace(score, marks=marks)
    total = float(sum(paid))
    parts = (*(score.parts or ((grader.name, score.value),)), (PAID, total))
    return replace(score, value=score.value + total, reason=f"{score.reason}; turns paid {total:g}", marks=marks, parts=parts)


def judge(
    grader: Grader,
    example: Example,
    messages: Sequence[Message],
    answer: str,
    paid: Sequence[float],
    *,
    marks: Sequence[str] = (),
    reason: str = "",
) -> Score:
    """The score of a way that has ended: the grader's word on the last answer, and what was paid on the way. messages: all of the
    way; reason: the environment's, for its end."""
    score = grade(grader, with_transcript(example, messages), answer)
    if reason:
        score = replace(score, reason=f"{score.reason}; {reason}")
    return worth(grader, score, paid, marks)


class Threads:
    """A few daemon threads that do what they are given, in order. One that hangs is given up and replaced."""

    def __init__(self, workers: int = WORKERS) -> None:
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._workers, self._stopped = 0, False
        for _ in range(workers):
            self._hire()

    def _hire(self) -> None:
        self._workers += 1
        Thread(target=self._work, name=f"judge-{self._workers}", daemon=True).start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None and not self._stopped:
            future, what = job
            try:
                future.set_result(what())
            except BaseException as error:
                future.set_exception(error)

    def run(self, what: Callable[[], T]) -> Future[T]:
        """Have something done."""
        future: Future[T] = Future()
        self._jobs.put((future, what))
        return future

    def wait(self, future: Future[T], limit_s: float | None = None) -> T | None:
        """What came of it; None where it took more than so many seconds from now on. By default LIMIT_S."""
        try:
            return future.result(timeout=LIMIT_S if limit_s is None else limit_s)
        except TimeoutError:
            self._hire()
            return None

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopped = True
        for _ in range(self._workers):
            self._jobs.put(None)


def limit_of(*whom: object) -> float:
    """Seconds in which these, one after another, have said what they say of an answer."""
    return max(LIMIT_S, sum(map(patience_s, whom)))


def late(whom: str, limit_s: float | None = None) -> Score:
    """The score of what was not judged in time."""
    return failed(f"{whom} took more than {LIMIT_S if limit_s is None else limit_s:g} seconds")


def grade_all(grader: Grader, answers: Sequence[tuple[Example, str]]) -> list[Score]:
    """The scores of many answers, in order."""
    threads, limit_s = Threads(max(WORKERS, grader.concurrency)), limit_of(grader)
    try:
        futures = [threads.run(lambda e=example, a=answer: grade(grader, e, a)) for example, answer in answers]
        return [threads.wait(future, limit_s) or late(f"the grader {grader.name}", limit_s) for future in futures]
    finally:
        threads.stop()
