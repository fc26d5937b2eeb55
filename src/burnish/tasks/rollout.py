"""From questions to graded answers: the one loop in which a policy acts on a task.

Token-in, token-out: what was drawn is what is trained on, and nothing is decoded and encoded again. All questions of a call are
one request, whose rows join as others leave, in an order that nothing else has a part in; answers are graded on threads. So what
is drawn depends on (seed, question, sample, token) alone, bit by bit; with graders that always say the same so does the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock, Thread

import numpy as np

from burnish.errors import Interrupted
from burnish.protocols import Grader, Policy
from burnish.render.renderer import Renderer
from burnish.types import Example, Rollout, Sample, SamplingParams, Score, Segment

GRADING_THREADS = 2
"""Answers graded at once: graders of code wait for the sandbox, others are done at once."""
GRADE_S = 120.0
"""Seconds after which a grader has failed on an answer."""


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
    message = renderer.parse(sample.ids.tolist())
    calls = (f"{c.name}({c.arguments})" for c in message.tool_calls)
    return "\n".join([*([message.content] if message.content else []), *calls])


def grade(grader: Grader, example: Example, answer: str) -> Score:
    """The grader's score. A grader that raises, or whose score is not a number, has failed: an error, and never 0."""
    try:
        score = grader.grade(example, answer)
    except Interrupted:
        raise
    except Exception as error:  # a grader is the user's code: what it raises is its own failure
        reason = f"the grader {grader.name} failed: {type(error).__name__}: {error}"
        return Score(value=float("nan"), reason=reason, error=reason)
    if score.error is None and not np.isfinite(score.value):
        reason = f"the grader {grader.name} gave {score.value}, which is no number"
        return Score(value=float("nan"), reason=reason, error=reason)
    return score


def roll_out(
    policy: Policy,
    renderer: Renderer,
    grader: Grader,
    questions: Sequence[Question],
    params: SamplingParams,
) -> list[list[Rollout]]:
    """`params.samples` graded answers to each question, in order. params.seed decides all draws."""
    drawn = policy.engine.sample([q.ids for q in questions], params, route=policy.adapter).result()
    answers = [(q, s, answer_of(renderer, q.example, s)) for q, samples in zip(questions, drawn, strict=True) for s in samples]
    grading = _Grading(grader, [(q.example, text) for q, _, text in answers])
    try:
        scores = [grading.score(n) for n in range(len(answers))]
    finally:
        grading.stop()
    rollouts = [_rollout(q, s, text, score) for (q, s, text), score in zip(answers, scores, strict=True)]
    return [rollouts[n : n + params.samples] for n in range(0, len(rollouts), params.samples)]


class _Grading:
    """Answers being graded by threads that nobody waits for: what hangs holds up neither who interrupts nor the end of the
    process."""

    def __init__(self, grader: Grader, answers: Sequence[tuple[Example, str]]) -> None:
        self.grader, self.answers = grader, answers
        self.scores: list[Future[Score]] = [Future() for _ in answers]
        self._left, self._lock, self._stopped = iter(range(len(answers))), Lock(), False
        for n in range(min(GRADING_THREADS, len(answers))):
            Thread(target=self._work, name=f"grade-{n}", daemon=True).start()

    def _work(self) -> None:
        while not self._stopped:
            with self._lock:
                n = next(self._left, None)
            if n is None:
                return
            try:
                self.scores[n].set_result(grade(self.grader, *self.answers[n]))
            except BaseException as error:
                self.scores[n].set_exception(error)

    def score(self, n: int) -> Score:
        """Of one answer, waited for so long and no longer."""
        try:
            return self.scores[n].result(timeout=GRADE_S)
        except TimeoutError:
            reason = f"the grader {self.grader.name} took more than {GRADE_S:g} seconds"
            return Score(value=float("nan"), reason=reason, error=reason)

    def stop(self) -> None:
        """Begin no further answer."""
        self._stopped = True


def _rollout(question: Question, sample: Sample, answer: str, score: Score) -> Rollout:
    asked = Segment(role="user", ids=np.asarray(question.ids, dtype=np.int32))
    said = Segment(role="assistant", ids=sample.ids, logprobs=sample.logprobs, turn=1, weight_version=sample.weight_version)
    return Rollout(example=question.example, segments=(asked, said), answer=answer, stop_reason=sample.stop_reason, score=score)
