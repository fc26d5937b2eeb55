"""Models of this machine as judges: opened when first asked, and asked in batches, since answers are judged on several threads.

A judge has an engine of its own, also where its base is the one that is trained: it must not change with what it judges. It
answers greedily by default; what it says to one prompt may depend in the last bit on which others came in the same moment.
"""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from threading import Lock

from burnish import connect
from burnish.errors import BurnishError
from burnish.protocols import Grader, Policy, Said
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.store.models import ModelRef, resolve
from burnish.tasks.graders.make import bound, judges
from burnish.tasks.rollout import sampling
from burnish.tasks.task import Task
from burnish.types import Message, SamplingParams

GATHER_S = 0.01
"""How long the first of several questions waits for others, which are then one request."""
BATCH = 64
LIMIT_S = 1800.0
"""How long one answer may take, by the clock: a verdict is bounded in tokens, and this machine may be slow."""


def judged(task: Task) -> Task:
    """The task with a model for every judge that names one of this machine. Raises ModelNotFound for a name that is none."""
    audit = None if task.audit is None else with_models(task.audit)
    return replace(task, grader=with_models(task.grader), audit=audit)


def with_models(grader: Grader) -> Grader:
    """The same grader where no judge needs a model."""
    if all(judge.chat is not None for judge in judges(grader)):
        return grader
    return bound(grader, lambda judge: LocalChat(_opened(judge.model), judge.limit_tokens, judge.temperature))


@functools.cache
def _opened(model: str) -> _Model:
    return _Model(resolve(model))


@dataclass(frozen=True, slots=True)
class LocalChat:
    """One judge's way to ask a model."""

    model: _Model = field(repr=False)
    limit_tokens: int
    temperature: float
    limit_s: float = LIMIT_S

    def answer(self, messages: Sequence[Message]) -> Said:
        """What the model says to a conversation."""
        return self.model.answer(messages, self.limit_tokens, self.temperature)


@dataclass(frozen=True, slots=True)
class _Asked:
    ids: tuple[int, ...]
    limit_tokens: int
    temperature: float
    said: Future[Said] = field(default_factory=Future)


class _Model:
    """A model that several threads ask: whoever comes while it speaks is answered with all others that came."""

    def __init__(self, ref: ModelRef) -> None:
        self.ref = ref
        self._policy: Policy | None = None
        self.renderer = Renderer(Tokenizer.load(ref.tokenizer))
        self.positions = connect.max_positions(ref)
        self._waiting: list[_Asked] = []
        self._lock, self._speaks = Lock(), Lock()

    def answer(self, messages: Sequence[Message], limit_tokens: int, temperature: float) -> Said:
        """See LocalChat."""
        try:
            ids = tuple(self.renderer.prompt(list(messages)))
        except BurnishError as error:
            return Said("", error=f"{self.ref.name} cannot be asked: {error}")
        if len(ids) + limit_tokens > self.positions:
            room = f"the question has {len(ids)} tokens, the verdict up to {limit_tokens}, the model takes {self.positions}"
            todo = "lower the judge's limit_tokens, or take one that takes more"
            return Said("", error=f"{self.ref.name} has no room for it: {room}; {todo}")
        mine = _Asked(ids, limit_tokens, temperature)
        with self._lock:
            self._waiting.append(mine)
        while not mine.said.done():
            with self._speaks:
                if not mine.said.done():
                    time.sleep(GATHER_S)
                    with self._lock:
                        batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                    self._draw(batch)
        return mine.said.result()

    def _draw(self, batch: Sequence[_Asked]) -> None:
        try:
            policy = self._open()
            drawn = policy.sample([each.ids for each in batch], [self._params(each) for each in batch]).result()
            for each, (sample,) in zip(batch, drawn, strict=True):
                cut = sample.stop_reason == "length"
                error = f"{self.ref.name} was cut after {each.limit_tokens} tokens" if cut else None
                each.said.set_result(Said(self.renderer.parse(sample.ids.tolist()).content, error=error))
        finally:  # who draws raises what went wrong; the others do not wait for ever
            for each in batch:
                if not each.said.done():
                    each.said.set_result(Said("", error=f"{self.ref.name} failed on a request of {len(batch)} questions"))

    def _params(self, asked: _Asked) -> SamplingParams:
        seed = int.from_bytes(hashlib.sha256(repr(asked.ids).encode()).digest()[:4], "big") >> 1
        base = sampling(self.renderer, limit_tokens=asked.limit_tokens, temperature=asked.temperature)
        return replace(base, seed=seed)

    def _open(self) -> Policy:
        if self._policy is None:
            self._policy = connect.open_policy(connect.open_engine("local", self.ref), self.ref)
        return self._policy
