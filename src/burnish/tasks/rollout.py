"""From questions to graded answers: the one loop in which a policy acts on a task, over one turn or many.

Token-in, token-out: what was drawn is what is trained on, and nothing is decoded and encoded again. After the tokens of an answer
come those that the chat template writes for what the environment says; they are context, and carry no loss. A model that reasons
goes on reading its own reasoning, also where its template would drop it from a conversation that is written anew.

All who speak in a turn are one request, whose rows join as others leave, in an order that nothing else has a part in. An answer
goes to its environment, and one that ends its way to the grader, on threads, as soon as it is there. So what is drawn depends on
(seed, question, sample, turn, token) and what was read alone, bit by bit; with graders and environments that always say the same
so does the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import count as counting

import numpy as np

from burnish.errors import ConfigError, DataError, TemplateError
from burnish.protocols import Grader, Policy
from burnish.render.renderer import Renderer
from burnish.tasks.environment import Environment, OneAnswer, Setting, Turn, question_of
from burnish.tasks.judging import (
    CUT,
    OUT_OF_ROOM,
    OUT_OF_TURNS,
    WORKERS,
    Threads,
    asked,
    failed,
    grade,
    judge,
    late,
    limit_of,
    step,
)
from burnish.tasks.standing import Count, Hear
from burnish.types import Example, Message, Rollout, Sample, SamplingParams, Score, Segment, StopReason

__all__ = ["Question", "answer_of", "grade", "roll_out", "sampling", "seed_of"]

_calls = counting()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: an example, and the tokens of its prompt."""

    index: int
    """in its split"""
    example: Example
    ids: tuple[int, ...]


def seed_of(*numbers: int) -> int:
    """A 31-bit seed that no other numbers give, but by chance (numpy's SeedSequence)."""
    return int(np.random.SeedSequence(list(numbers)).generate_state(1)[0] >> 1)


def sampling(renderer: Renderer, *, limit_tokens: int, samples: int = 1, temperature: float = 1.0) -> SamplingParams:
    """How answers are drawn that end as the model's template says."""
    return SamplingParams(
        limit_tokens=limit_tokens,
        temperature=temperature,
        samples=samples,
        stop=tuple(renderer.stop_strings),
        stop_ids=tuple(renderer.stop_ids),
    )


def answer_of(renderer: Renderer, example: Example, sample: Sample) -> str:
    """The answer as the user sees it: of a chat, what stands after the reasoning, and tool calls as name(arguments)."""
    if example.form != "chat":
        return sample.text
    message = renderer.parse(sample.ids.tolist(), example.tools)
    calls = (f"{c.name}({c.arguments})" for c in message.tool_calls)
    return "\n".join([*([message.content] if message.content else []), *calls])


def asked_of(renderer: Renderer, example: Example, index: int, setting: Setting | None) -> Question:
    """A row as a question: what its last answer is sampled from, or, in a setting, what it asks before anything was done."""
    messages = None if setting is None or example.form != "chat" else question_of(example)
    ids = renderer.prompt_of(example) if messages is None else renderer.prompt(messages, example.tools)
    return Question(index=index, example=example, ids=tuple(ids))


def roll_out(
    policy: Policy,
    renderer: Renderer,
    grader: Grader,
    questions: Sequence[Question],
    params: SamplingParams,
    *,
    setting: Setting | None = None,
    places: Sequence[int] | None = None,
    values: int = 0,
    hear: Hear | None = None,
) -> list[list[Rollout]]:
    """`params.samples` graded ways through the task of each question, in order: one answer each, or turns in an environment of
    `setting`. params.seed decides all draws; params.limit_tokens bounds each answer. places: numbers by which the draws in a
    setting know the questions, by default their places here. values: so many times each way is gone on from anew, before each
    of its turns, in a copy of its environment, to see what going on is worth (`Segment.value`). hear: is
    told how far it is, in this thread.

    Raises ConfigError where the model's chat template cannot write what the setting's tools need, and where values are asked for
    of an environment that does not fork.
    """
    if setting is None:
        return draw(policy, renderer, grader, questions, params, hear).finish()
    threads = Threads(max(WORKERS, grader.concurrency))
    try:
        numbers = range(len(questions)) if places is None else places
        ways = [_Way(q, (n, s), setting.open()) for n, q in zip(numbers, questions, strict=True) for s in range(params.samples)]
        loop = _Loop(policy, renderer, grader, params, setting, threads, keeps=values > 0, hear=hear)
        try:
            if values and not all(way.environment.forks for way in ways):
                raise ConfigError(
                    "this environment cannot be gone on from anew",
                    seen=f"{type(ways[0].environment).__name__}, which does not fork",
                    todo="leave credit=values out, or give the environment `forks` and `fork()`",
                )
            loop.run(ways)
            if values:
                loop.value(ways, values)
        finally:
            for way in (*ways, *loop.copies):
                way.environment.close()
    finally:
        threads.stop()
    rollouts = [way.rollout() for way in ways]
    return [rollouts[n : n + params.samples] for n in range(0, len(rollouts), params.samples)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Answers that are drawn, and being graded. finish: waits until they are, and gives what `roll_out` does; called once. stop:
    instead of that, where nobody wants them any more."""

    samples: Sequence[Sequence[Sample]]
    """to each question"""
    finish: Callable[[], list[list[Rollout]]]
    stop: Callable[[], None]


def draw(
    policy: Policy,
    renderer: Renderer,
    grader: Grader,
    questions: Sequence[Question],
    params: SamplingParams,
    hear: Hear | None = None,
) -> Drawing:
    """Draw answers of one turn each, and begin to grade them."""
    threads, limit_s = Threads(max(WORKERS, grader.concurrency)), limit_of(grader)
    answers: dict[tuple[int, int], tuple[str, Future[Score]]] = {}
    count = Count(hear, len(questions) * params.samples)

    def heard(place: int, sample: int, said: Sample) -> None:
        example = questions[place].example
        text = answer_of(renderer, example, said)
        answers[place, sample] = text, count.begun(threads.run(lambda: grade(grader, example, text)))

    def graded(question: Question, sample: Sample, text: str, future: Future[Score]) -> Rollout:
        asked = Segment(role="user", ids=np.asarray(question.ids, dtype=np.int32))
        score = threads.wait(future, limit_s) or late(f"the grader {grader.name}", limit_s)
        count.tell()
        said = _said(sample, turn=1)
        return Rollout(example=question.example, segments=(asked, said), answer=text, stop_reason=sample.stop_reason, score=score)

    prompts = [q.ids for q in questions]
    with ExitStack() as unless_drawn:
        unless_drawn.callback(threads.stop)
        drawn = policy.engine.sample(prompts, params, route=policy.adapter, on_sample=heard).result()
        unless_drawn.pop_all()

    def finish() -> list[list[Rollout]]:
        try:
            return [
                [graded(question, sample, *answers[place, n]) for n, sample in enumerate(samples)]
                for place, (question, samples) in enumerate(zip(questions, drawn, strict=True))
            ]
        finally:
            threads.stop()

    return Drawing(samples=drawn, finish=finish, stop=threads.stop)


def _said(sample: Sample, *, turn: int) -> Segment:
    version = sample.weight_version
    return Segment(role="assistant", ids=sample.ids, logprobs=sample.logprobs, turn=turn, weight_version=version)


@dataclass(slots=True, eq=False)
class _Way:
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


class _Loop:
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
        self.keeps, self.kept = keeps, list[tuple[int, _Way, _Way]]()
        """Whether copies are kept of ways before their turns; turn, way and copy."""
        self.copies: list[_Way] = []
        """All that were made."""

    def run(self, ways: Sequence[_Way]) -> None:
        """Take all ways to their ends."""
        self._begin(ways)
        for turn in range(1, self.limits.turns + 1):
            going = [way for way in ways if way.score is None]
            if not going:
                return
            self._turn(going, turn)
        assert all(way.score is not None for way in ways)

    def value(self, ways: Sequence[_Way], samples: int) -> None:
        """Write down what going on is worth before each turn: before the first the mean of all ways of the question, which went
        on from there; before others that of so many copies. What cannot be judged counts in no mean."""
        self.keeps = False
        trying: list[tuple[int, _Way]] = []
        for turn, way, kept in self.kept:
            first = self.params.samples + (way.place[1] * self.limits.turns + turn) * samples
            trying += [(turn, self._copy(kept, first + m)) for m in range(samples)]
        for turn in range(2, self.limits.turns + 1):
            self._turn([copy for begun, copy in trying if begun <= turn and copy.score is None], turn)
        found: dict[tuple[_Way, int], float | None] = {}
        for n, (_, way, kept) in enumerate(self.kept):
            tried = [copy for _, copy in trying[n * samples : (n + 1) * samples]]
            found[way, len(kept.segments)] = _mean([copy.worth - sum(kept.paid) for copy in tried])
        for way in ways:
            start = _mean([other.worth for other in ways if other.place[0] == way.place[0]])
            for n, segment in enumerate(way.segments):
                if segment.logprobs is not None:
                    way.segments[n] = replace(segment, value=start if n == 1 else found.get((way, n)))

    def _copy(self, way: _Way, sample: int) -> _Way:
        """The way as it is now, to go on from apart, as another sample. One whose environment fails at that has failed."""
        made = self.threads.wait(self.threads.run(lambda: asked(lambda: (way.environment.fork(),))), self.limit_s)
        copy = _Way(way.question, (way.place[0], sample), made[0] if isinstance(made, tuple) else OneAnswer())
        copy.ids, copy.segments, copy.messages = list(way.ids), list(way.segments), list(way.messages)
        copy.paid, copy.called = list(way.paid), way.called
        copy.score = None if isinstance(made, tuple) else failed(made) if made else late("the environment", self.limit_s)
        self.copies.append(copy)
        return copy

    def _begin(self, ways: Sequence[_Way]) -> None:
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

    def _turn(self, ways: Sequence[_Way], turn: int) -> None:
        speaking = [way for way in ways if len(way.ids) < self.most]
        if self.keeps and turn > 1:
            self.kept += [(turn, way, self._copy(way, way.place[1])) for way in speaking]
        full = {way: self.threads.run(lambda w=way: self._judge(w, OUT_OF_ROOM)) for way in ways if len(way.ids) >= self.most}
        asked_of = self._prompts(speaking, turn)
        heard: dict[_Way, tuple[Message, Segment, StopReason, Future[_Heard]]] = {}
        count = Count(self.hear, len(speaking), turn)

        def hear(prompt: int, sample: int, said: Sample) -> None:
            way = asked_of[prompt][sample]
            message = self._read(way, said)
            segment = _said(said, turn=turn)
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

    def _prompts(self, ways: Sequence[_Way], turn: int) -> list[list[_Way]]:
        """Who speaks after which prompt: in the first turn ways of one question share theirs, if it is the same."""
        groups: list[list[_Way]] = []
        for way in ways:
            before = groups[-1] if groups else []
            shares = turn == 1 and before and before[0].place[0] == way.place[0] and before[0].ids == way.ids
            if shares and before[-1].place[1] + 1 == way.place[1]:
                before.append(way)
            else:
                groups.append([way])
        return groups

    def _params(self, group: Sequence[_Way], turn: int) -> SamplingParams:
        """Draws that depend on the question, the sample and the turn, whoever else speaks."""
        seed = self.params.seed if turn == 1 else seed_of(self.params.seed, turn)
        room = min(self.params.limit_tokens, self.most - len(group[0].ids))
        return replace(self.params, seed=seed, limit_tokens=room, samples=len(group), place=group[0].place)

    def _read(self, way: _Way, said: Sample) -> Message:
        """What was said, its calls numbered where the model gives them no names (some templates want one)."""
        message = self.renderer.parse(said.ids.tolist(), way.environment.tools)
        calls = tuple(
            call if call.id is not None else replace(call, id=f"call{way.called + n:05d}")
            for n, call in enumerate(message.tool_calls)
        )
        return replace(message, tool_calls=calls)

    def _answer(self, way: _Way, message: Message, said: Sample, last: bool) -> _Heard:
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

    def _judge(self, way: _Way, *marks: str, said: Message | None = None, turn: Turn | None = None) -> Score:
        """The score of a way that ends."""
        messages = [*way.messages, *([said] if said else []), *(turn.messages if turn else ())]
        answer = way.answer if said is None else said.content
        paid, reason = [*way.paid, *([turn.reward] if turn else [])], turn.reason if turn else ""
        return judge(self.grader, way.question.example, messages, answer, paid, marks=marks, reason=reason)

    def _go_on(self, way: _Way, message: Message, said: Segment, reason: StopReason, found: _Heard) -> None:
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
