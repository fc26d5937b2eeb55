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
from dataclasses import dataclass

import numpy as np

from burnish.errors import ConfigError
from burnish.protocols import Grader, Policy
from burnish.render.renderer import Renderer
from burnish.tasks.environment import Setting
from burnish.tasks.judging import WORKERS, Threads, grade, late, limit_of
from burnish.tasks.question import Question, answer_of, asked_of, said_by, sampling, seed_of
from burnish.tasks.standing import Count, Hear
from burnish.tasks.ways import Loop, Way
from burnish.types import Rollout, Sample, SamplingParams, Score, Segment

__all__ = ["Drawing", "Question", "answer_of", "asked_of", "draw", "grade", "roll_out", "sampling", "seed_of"]


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
        ways = [Way(q, (n, s), setting.open()) for n, q in zip(numbers, questions, strict=True) for s in range(params.samples)]
        loop = Loop(policy, renderer, grader, params, setting, threads, keeps=values > 0, hear=hear)
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
        said = said_by(sample, turn=1)
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
