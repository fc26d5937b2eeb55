"""From questions to graded answers: the one loop in which a policy acts on a task.

Token-in, token-out: what was drawn is what is trained on, and nothing is decoded and encoded again. Every question is a request
of its own, so that rows join as others leave, and answers are graded on threads while the others are still being drawn. What is
drawn depends on (seed, question, sample, token) alone, and so, with graders that always say the same, does the whole result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from burnish.protocols import Grader, Policy
from burnish.render.renderer import Renderer
from burnish.types import Example, Rollout, Sample, SamplingParams, Score, Segment

GRADING_THREADS = 2
"""Answers graded at once: graders of code wait for the sandbox, others are done at once."""

OnGraded = Callable[[int, int], None]
"""(answers graded, answers in all)"""


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
    *,
    on_graded: OnGraded | None = None,
) -> list[list[Rollout]]:
    """`params.samples` graded answers to each question, in order. params.seed decides all draws."""
    pending = [
        policy.engine.sample([q.ids], replace(params, seed=seed_of(params.seed, n)), route=policy.adapter)
        for n, q in enumerate(questions)
    ]
    drawn: list[list[Sample]] = []
    scores: list[list[Future[Score]]] = []
    answers: list[list[str]] = []
    try:
        with ThreadPoolExecutor(GRADING_THREADS, thread_name_prefix="grade") as pool:
            for question, request in zip(questions, pending, strict=True):
                samples = request.result()[0]
                texts = [answer_of(renderer, question.example, s) for s in samples]
                drawn.append(samples)
                answers.append(texts)
                scores.append([pool.submit(grade, grader, question.example, text) for text in texts])
            done, total = 0, sum(map(len, scores))
            for group in scores:
                for score in group:
                    score.result()
                    done += 1
                    if on_graded is not None:
                        on_graded(done, total)
    finally:
        for request in pending:
            request.cancel()
    return [
        [_rollout(q, s, text, score.result()) for s, text, score in zip(samples, texts, graded, strict=True)]
        for q, samples, texts, graded in zip(questions, drawn, answers, scores, strict=True)
    ]


def _rollout(question: Question, sample: Sample, answer: str, score: Score) -> Rollout:
    asked = Segment(role="user", ids=np.asarray(question.ids, dtype=np.int32))
    said = Segment(role="assistant", ids=sample.ids, logprobs=sample.logprobs, turn=1, weight_version=sample.weight_version)
    return Rollout(example=question.example, segments=(asked, said), answer=answer, stop_reason=sample.stop_reason, score=score)
