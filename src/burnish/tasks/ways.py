"""Ways through environments: turn by turn, all who are still on their way speak at once, then each reads what its environment
says.

Part of `rollout`, which says what holds of the draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from itertools import count as counting

import numpy as np

from burnish.errors import ConfigError, DataError, TemplateError
from burnish.protocols import Grader, Policy
from burnish.render.renderer import Renderer
from burnish.tasks.environment import Environment, OneAnswer, Setting, Turn
from burnish.tasks.judging import CUT, OUT_OF_ROOM, OUT_OF_TURNS, Threads, asked, failed, judge, late, limit_of, step
from burnish.tasks.question import Question, said_by, seed_of
from burnish.tasks.standing import Count, Hear
from burnish.types import Message, Rollout, Sample, SamplingParams, Score, Segment, StopReason

_calls = counting()


@dataclass(slots=True, eq=False)
class Way:
    """One way through an environment, as far as it has gone. Only the loop writes to it."""

    question: Question
    place: tuple[int, int]
    """of the question, and of this way among its question's"""
    environment: Environment
    ids: list[int] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    paid: list[float] = field(default_factory=list)
    called: int = 0
    stop_reason: StopReason = "stop"
    score: Score | None = None
    """None = it goes on"""

    @property
    def answer(self) -> str:
        """What the policy said last, without its reasoning and calls."""
        return next((m.content for m in reversed(self.messages) if m.role == "assistant"), "") if self.paid else ""

    @property
    def worth(self) -> float:
        """Its reward; NaN where it was not judged."""
        return float("nan") if self.score is None or self.score.error is not None else self.score.value

    def rollout(self) -> Rollout:
        assert self.score is not None, "it has not ended"
        return Rollout(
            example=self.question.example,
            segments=tuple(self.segments),
            answer=self.answer,
            stop_reason=self.stop_reason,
            score=self.score,
            messages=tuple(self.messages),
        )


def _mean(values: Sequence[float]) -> float | None:
    known = [v for v in values if not np.isnan(v)]
    return float(np.mean(known)) if known else None


@dataclass(frozen=True, slots=True)
class _Heard:
    """What became of a message: the environment's turn, the score where that was the end, and the state before it."""

    turn: Turn
    score: Score | None
    state: str | None = None


class Loop:
    """Turn by turn: all who are still on their way speak at once, then each reads what its environment says."""

    def __init__(
        self, policy: Policy, renderer: Renderer, grader: Grader, params: SamplingParams, setting: Setting, threads: Threads,
        keeps: bool = False, hear: Hear | None = None,
    ) -> None:  # fmt: skip
        self.hear = hear
        self.policy, self.renderer, self.grader, self.params, self.threads = policy, renderer, grader, params, threads
        self.limits, self.limit_s = setting.limits, limit_of(grader, setting)
        most = int(str(policy.engine.facts["max_positions"]))
        self.most = most if self.limits.tokens is None else min(most, self.limits.tokens)
        self.tenant = f"rollout-{next(_calls)}"
        """The engine keeps what it computed of a conversation for its next turn; nothing of other calls is gone on from."""
        self.keeps, self.kept = keeps, list[tuple[int, Way, Way]]()
        """Whether copies are kept of ways before their turns; turn, way and copy."""
        self.copies: list[Way] = []
        """All that were made."""

    def run(self, ways: Sequence[Way]) -> None:
        """Take all ways to their ends."""
        self._begin(ways)
        for turn in range(1, self.limits.turns + 1):
            going = [way for way in ways if way.score is None]
            if not going:
                return
            self._turn(going, turn)
        assert all(way.score is not None for way in ways)

    def value(self, ways: Sequence[Way], samples: int) -> None:
        """Write down what going on is worth before each turn: before the first the mean of all ways of the question, which went
        on from there; before others that of so many copies. What cannot be judged counts in no mean."""
        self.keeps = False
        trying: list[tuple[int, Way]] = []
        for turn, way, kept in self.kept:
            first = self.params.samples + (way.place[1] * self.limits.turns + turn) * samples
            trying += [(turn, self._copy(kept, first + m)) for m in range(samples)]
        for turn in range(2, self.limits.turns + 1):
            self._turn([copy for begun, copy in trying if begun <= turn and copy.score is None], turn)
        found: dict[tuple[Way, int], float | None] = {}
        for n, (_, way, kept) in enumerate(self.kept):
            tried = [copy for _, copy in trying[n * samples : (n + 1) * samples]]
            found[way, len(kept.segments)] = _mean([copy.worth - sum(kept.paid) for copy in tried])
        for way in ways:
            start = _mean([other.worth for other in ways if other.place[0] == way.place[0]])
            for n, segment in enumerate(way.segments):
                if segment.logprobs is not None:
                    way.segments[n] = replace(segment, value=start if n == 1 else found.get((way, n)))

    def _copy(self, way: Way, sample: int) -> Way:
        """The way as it is now, to go on from apart, as another sample. One whose environment fails at that has failed."""
        made = self.threads.wait(self.threads.run(lambda: asked(lambda: (way.environment.fork(),))), self.limit_s)
        copy = Way(way.question, (way.place[0], sample), made[0] if isinstance(made, tuple) else OneAnswer())
        copy.ids, copy.segments, copy.messages = list(way.ids), list(way.segments), list(way.messages)
        copy.paid, copy.called = list(way.paid), way.called
        copy.score = None if isinstance(made, tuple) else failed(made) if made else late("the environment", self.limit_s)
        self.copies.append(copy)
        return copy

    def _begin(self, ways: Sequence[Way]) -> None:
        starts = [self.threads.run(lambda w=way: asked(lambda: tuple(w.environment.start(w.question.example)))) for way in ways]
        for way, future in zip(ways, starts, strict=True):
            found = self.threads.wait(future, self.limit_s)
            if isinstance(found, tuple):
                way.messages.extend(found)
                try:
                    way.ids = self.renderer.prompt(found, way.environment.tools)
                except (TemplateError, DataError) as error:
                    way.score = failed(f"the environment failed: its start cannot be written: {error.seen or error}")
                if len(way.ids) >= self.most:
                    way.score = failed(f"its start takes {len(way.ids)} tokens of {self.most}: nothing can be answered")
            else:
                way.score = late("the environment", self.limit_s) if found is None else failed(found)
            way.segments.append(Segment(role="user", ids=np.asarray(way.ids or way.question.ids, dtype=np.int32)))
        if any(way.environment.tools for way in ways) and (why := self.renderer.why_no_tools()):
            raise ConfigError(
                "this model's chat template cannot be used with tools",
                seen=why,
                todo="use a model whose template knows tools, or give it one (chat_template.jinja)",
            )

    def _turn(self, ways: Sequence[Way], turn: int) -> None:
        speaking = [way for way in ways if len(way.ids) < self.most]
        if self.keeps and turn > 1:
            self.kept += [(turn, way, self._copy(way, way.place[1])) for way in speaking]
        full = {way: self.threads.run(lambda w=way: self._judge(w, OUT_OF_ROOM)) for way in ways if len(way.ids) >= self.most}
        asked_of = self._prompts(speaking, turn)
        heard: dict[Way, tuple[Message, Segment, StopReason, Future[_Heard]]] = {}
        count = Count(self.hear, len(speaking), turn)

        def hear(prompt: int, sample: int, said: Sample) -> None:
            way = asked_of[prompt][sample]
            message = self._read(way, said)
            segment = said_by(said, turn=turn)
            last = turn == self.limits.turns
            future = count.begun(self.threads.run(lambda: self._answer(way, message, said, last)))
            heard[way] = message, segment, said.stop_reason, future

        if asked_of:
            prompts = [group[0].ids for group in asked_of]
            params = [self._params(group, turn) for group in asked_of]
            engine = self.policy.engine
            engine.sample(prompts, params, route=self.policy.adapter, on_sample=hear, tenant=self.tenant).result()
        for way in speaking:
            message, segment, reason, future = heard[way]
            found = self.threads.wait(future, self.limit_s)
            found = found or _Heard(Turn(done=True), late("the grader or the environment", self.limit_s))
            count.tell()
            self._go_on(way, message, segment, reason, found)
        for way, future in full.items():
            score = self.threads.wait(future, self.limit_s)
            way.stop_reason, way.score = "length", score or late(f"the grader {self.grader.name}", self.limit_s)

    def _prompts(self, ways: Sequence[Way], turn: int) -> list[list[Way]]:
        """Who speaks after which prompt: in the first turn ways of one question share theirs, if it is the same."""
        groups: list[list[Way]] = []
        for way in ways:
            before = groups[-1] if groups else []
            shares = turn == 1 and before and before[0].place[0] == way.place[0] and before[0].ids == way.ids
            if shares and before[-1].place[1] + 1 == way.place[1]:
                before.append(way)
            else:
                groups.append([way])
        return groups

    def _params(self, group: Sequence[Way], turn: int) -> SamplingParams:
        """Draws that depend on the question, the sample and the turn, whoever else speaks."""
        seed = self.params.seed if turn == 1 else seed_of(self.params.seed, turn)
        room = min(self.params.limit_tokens, self.most - len(group[0].ids))
        return replace(self.params, seed=seed, limit_tokens=room, samples=len(group), place=group[0].place)

    def _read(self, way: Way, said: Sample) -> Message:
        """What was said, its calls numbered where the model gives them no names (some templates want one)."""
        message = self.renderer.parse(said.ids.tolist(), way.environment.tools)
        calls = tuple(
            call if call.id is not None else replace(call, id=f"call{way.called + n:05d}")
            for n, call in enumerate(message.tool_calls)
        )
        return replace(message, tool_calls=calls)

    def _answer(self, way: Way, message: Message, said: Sample, last: bool) -> _Heard:
        """What the environment says to a message, and, where that is the end, the grader. Changes nothing of the way."""
        state = asked(lambda: (way.environment.state_key(),))
        if isinstance(state, str):
            return _Heard(Turn(done=True), failed(state))
        if said.stop_reason == "length":  # what was cut is no message
            turn = Turn(done=True, reason="the answer was cut")
            return _Heard(turn, self._judge(way, CUT, said=message, turn=turn), *state)
        turn = step(way.environment, message)
        if isinstance(turn, str):
            return _Heard(Turn(done=True), failed(turn), *state)
        if turn.done:
            return _Heard(turn, self._judge(way, said=message, turn=turn), *state)
        return _Heard(turn, self._judge(way, OUT_OF_TURNS, said=message, turn=turn) if last else None, *state)

    def _judge(self, way: Way, *marks: str, said: Message | None = None, turn: Turn | None = None) -> Score:
        """The score of a way that ends."""
        messages = [*way.messages, *([said] if said else []), *(turn.messages if turn else ())]
        answer = way.answer if said is None else said.content
        paid, reason = [*way.paid, *([turn.reward] if turn else [])], turn.reason if turn else ""
        return judge(self.grader, way.question.example, messages, answer, paid, marks=marks, reason=reason)

    def _go_on(self, way: Way, message: Message, said: Segment, reason: StopReason, found: _Heard) -> None:
        """Write down a turn, and put what the environment said into the tokens to go on from."""
        turn = found.turn
        before = list(way.messages)
        way.messages += [message, *turn.messages]
        way.segments.append(replace(said, reward=float(turn.reward), state=found.state))
        way.paid.append(float(turn.reward))
        way.called += len(message.tool_calls)
        way.stop_reason, way.score = reason, found.score
        if found.score is not None:
            return
        sampled = [*way.ids, *said.ids.tolist()]
        try:
            way.ids = self.renderer.extend(sampled, [*before, message], turn.messages, way.environment.tools)
        except (TemplateError, DataError) as error:
            way.score = failed(f"the chat template cannot go on: {error.seen or error}")
            return
        given = np.asarray(way.ids[len(sampled) :], dtype=np.int32)
        way.segments.append(Segment(role=turn.messages[0].role, ids=given, turn=said.turn))
