"""Measure a model on held-out examples: the loss of the given answers, and graded answers of its own.

Loss is the weighted sum of target log-probabilities, on the same tokens and weights as in training. Answers are drawn
with a sliding window of requests, so that rows join as others leave; each prompt has its own seed, so an answer does
not depend on what else is measured. Plain text has no question: the first third of a few texts is continued, to look
at, never graded.

Rows about the same thing tell less than as many rows about different ones. Rows with the same prompt are one cluster
(`Item.group`), and so are rows that name the same `cluster` in their metadata; intervals are over clusters.

Assumes examples already held out; `tasks.check` looks for leaks.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from burnish.errors import ConfigError
from burnish.evals.evaluation import CLUSTER, Answer, Evaluation, Item
from burnish.protocols import Grader, Pending, Policy
from burnish.render.renderer import Rendered, Renderer
from burnish.tasks.environment import Setting
from burnish.tasks.graders.paid import PAID
from burnish.tasks.judging import grade_all
from burnish.tasks.keys import digest, prompt_text
from burnish.tasks.ready import kind_of
from burnish.tasks.rollout import Question, answer_of, asked_of, roll_out, sampling, seed_of
from burnish.types import Datum, Example, Rollout, Sample, SamplingParams, asks_only, trained_answer

LOSS_ROWS = 32
"""Rows per forward call: enough to fill units of work, few enough that progress is seen."""
IN_FLIGHT = 32
"""Sampling requests that share the machine. Latencies are of this load."""
SHOWN = 16
"""Answers drawn where nothing grades them: they are only looked at."""

OnProgress = Callable[[int, int], None]
"""(items finished, items in all)"""


@dataclass(frozen=True, slots=True)
class _Question:
    """What is sampled from for one example."""

    index: int
    ids: tuple[int, ...]
    limit_tokens: int
    shown: str
    reference: str | None


def evaluate(
    policy: Policy,
    renderer: Renderer,
    examples: Sequence[Example],
    *,
    grader: Grader | None,
    limit_tokens: int,
    setting: Setting | None = None,
    samples: int = 1,
    temperature: float = 0.0,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """Loss of every example, and sampled answers of those that ask something.

    limit_tokens: longest answer. setting: in which answers are found, over several turns. samples: answers
    per prompt; more than one needs a temperature. grader None: a few answers are drawn to be looked at. A row that cannot be
    measured says so in `Item.fault`. Raises ConfigError for
    settings that contradict each other.
    """
    if samples < 1 or limit_tokens < 1 or (samples > 1 and temperature == 0):
        raise ConfigError(
            "several answers per prompt need a temperature, and each needs at least one token",
            seen=f"samples={samples}, temperature={temperature}, limit_tokens={limit_tokens}",
            todo="use samples=1, or temperature=1.0",
        )
    if seed < 0:
        raise ConfigError("a seed is not negative", seen=str(seed), todo="use 0 or more")
    report = on_progress or (lambda done, total: None)
    began = time.perf_counter()
    items = _losses(policy, renderer, examples, lambda done: report(done // 2, len(examples)))
    loss_s = time.perf_counter() - began
    unreadable = frozenset(i.index for i in items if i.fault is not None)
    questions, faults = _questions(
        policy, renderer, examples, limit_tokens, every=grader is not None, skip=unreadable, setting=setting
    )
    base = sampling(renderer, limit_tokens=limit_tokens, samples=samples, temperature=temperature)
    began = time.perf_counter()
    half = len(examples) // 2
    told = lambda n: report(half + n * (len(examples) - half) // len(questions), len(examples))  # noqa: E731
    if setting is not None:
        answers = _ways(policy, renderer, grader, setting, questions, examples, replace(base, seed=seed), told)
    else:
        drawn = _answers(policy, questions, base, seed, told)
        answers = _graded(renderer, grader, [(examples[q.index], said) for q, said in zip(questions, drawn, strict=True)])
    sampling_s = time.perf_counter() - began
    for question, read in zip(questions, answers, strict=True):
        items[question.index] = replace(
            items[question.index],
            prompt=question.shown,
            reference=question.reference,
            prompt_tokens=len(question.ids),
            answers=read,
        )
    for index, fault in faults.items():
        items[index] = replace(items[index], fault=fault)
    report(len(examples), len(examples))
    return Evaluation(
        items=tuple(items),
        grader=grader.name if grader else None,
        limit_tokens=limit_tokens,
        samples=samples,
        temperature=temperature,
        seed=seed,
        loss_s=loss_s,
        sampling_s=sampling_s,
    )


def _losses(policy: Policy, renderer: Renderer, examples: Sequence[Example], report: Callable[[int], None]) -> list[Item]:
    """One Item per example, without answers yet."""
    positions = _positions(policy)
    items: list[Item] = []
    for start in range(0, len(examples), LOSS_ROWS):
        rendered = [renderer.render(e) for e in examples[start : start + LOSS_ROWS]]
        data = {
            i: Datum.from_tokens(r.ids, r.weights)
            for i, r in enumerate(rendered)
            if r.fault is None and 2 <= len(r.ids) <= positions + 1 and r.weights[1:].any()
        }
        outputs = policy.forward(list(data.values())).result() if data else []
        sums = dict(zip(data, outputs, strict=True))
        for i, row in enumerate(rendered):
            example, loss_sum, tokens = examples[start + i], 0.0, 0.0
            fault = None if i in data or asks_only(example) else row.fault or _why_not(row, positions)
            if i in data:
                weights = data[i].streams["weights"].astype(np.float64)
                logprobs = sums[i].logprobs
                assert logprobs is not None
                loss_sum, tokens = -float(weights @ logprobs.astype(np.float64)), float(weights.sum())
                if not math.isfinite(loss_sum):
                    loss_sum, tokens, fault = 0.0, 0.0, "the model's log-probabilities of this row are not finite"
            items.append(
                Item(
                    index=start + i,
                    source=example.source,
                    line=example.line,
                    group=_group(example),
                    prompt=_shown_prompt(example),
                    reference=_reference(example),
                    loss_sum=loss_sum,
                    target_tokens=tokens,
                    prompt_tokens=0,
                    answers=(),
                    fault=fault,
                    kind=kind_of(example),
                )
            )
        report(len(items))
    return items


def _group(example: Example) -> str:
    """See `Item.group`. Where tasks are mixed, each keeps its clusters apart from the others'."""
    cluster = example.metadata.get("cluster")
    if not isinstance(cluster, str) or not cluster:
        return digest(prompt_text(example)).hex()
    return f"{CLUSTER}{example.metadata.get('task', '')}:{cluster}"


def _positions(policy: Policy) -> int:
    """How many positions the model takes."""
    return int(str(policy.engine.facts["max_positions"]))


def _why_not(row: Rendered, positions: int) -> str:
    if len(row.ids) > positions + 1:
        return f"the row has {len(row.ids)} tokens and the model takes {positions}; cut it with limit_tokens"
    return "no token of this row is a target"


def _questions(
    policy: Policy,
    renderer: Renderer,
    examples: Sequence[Example],
    limit_tokens: int,
    *,
    every: bool,
    skip: frozenset[int],
    setting: Setting | None = None,
) -> tuple[list[_Question], dict[int, str]]:
    """What to sample from, and why some examples cannot be asked."""
    positions = _positions(policy)
    questions: list[_Question] = []
    faults: dict[int, str] = {}
    shown = 0
    for index, example in enumerate(examples):
        graded = every and example.form != "text"
        if index in skip or (not graded and shown >= SHOWN):
            continue
        if example.form == "text":
            ids = renderer.render(example).ids
            cut = max(1, len(ids) // 3)
            prompt, rest = ids[:cut].tolist(), ids[cut : cut + limit_tokens].tolist()
            words, reference = (
                renderer.tokenizer.decode(prompt, skip_special=True),
                renderer.tokenizer.decode(rest, continues=True, skip_special=True),
            )
        else:
            prompt = list(asked_of(renderer, example, index, setting).ids)
            words, reference = _shown_prompt(example), _reference(example)
        room = positions - len(prompt)
        if not prompt or room < 1:
            faults[index] = f"the prompt takes {len(prompt)} of the model's {positions} positions: nothing can be answered"
            continue
        shown += not graded
        questions.append(_Question(index, tuple(prompt), min(limit_tokens, room), words, reference))
    return questions, faults


def _answers(
    policy: Policy, questions: Sequence[_Question], base: SamplingParams, seed: int, report: Callable[[int], None]
) -> list[list[tuple[Sample, float]]]:
    """Each question's samples with their seconds from request to last token, in order."""
    results: list[list[tuple[Sample, float]]] = []
    window: deque[tuple[Pending[list[list[Sample]]], float, dict[int, float]]] = deque()
    waiting = iter(questions)
    try:
        while True:
            while len(window) < IN_FLIGHT and (question := next(waiting, None)) is not None:
                window.append(_ask(policy, question, base, seed))
            if not window:
                return results
            pending, began, last = window[0]
            samples = pending.result()[0]
            now = time.perf_counter()
            results.append([(s, last.get(i, now) - began) for i, s in enumerate(samples)])
            window.popleft()
            report(len(results))
    finally:
        for pending, _, _ in window:
            pending.cancel()


def _ways(
    policy: Policy,
    renderer: Renderer,
    grader: Grader | None,
    setting: Setting,
    questions: Sequence[_Question],
    examples: Sequence[Example],
    params: SamplingParams,
    report: Callable[[int], None],
) -> list[tuple[Answer, ...]]:
    """Each question's ways through its environment, graded; the same that training draws. A way's seconds are those of the
    questions that were asked with it."""
    results: list[tuple[Answer, ...]] = []
    for start in range(0, len(questions), IN_FLIGHT):
        part = questions[start : start + IN_FLIGHT]
        asked = [Question(index=q.index, example=examples[q.index], ids=q.ids) for q in part]
        began = time.perf_counter()
        groups = roll_out(policy, renderer, grader or PAID, asked, params, setting=setting, places=[q.index for q in part])
        latency_s = time.perf_counter() - began
        for group in groups:
            results.append(tuple(_way(rollout, latency_s, graded=grader is not None) for rollout in group))
        report(len(results))
    return results


def _way(rollout: Rollout, latency_s: float, *, graded: bool) -> Answer:
    tokens, score = int(rollout.drawn.sum()), rollout.score if graded else None
    return Answer(text=rollout.answer, stop_reason=rollout.stop_reason, new_tokens=tokens, latency_s=latency_s, score=score)


def _ask(
    policy: Policy, question: _Question, base: SamplingParams, seed: int
) -> tuple[Pending[list[list[Sample]]], float, dict[int, float]]:
    last: dict[int, float] = {}

    def heard(prompt: int, sample: int, token: int, text: str) -> None:
        last[sample] = time.perf_counter()

    # Every request is a batch of one prompt, whose draws depend on (seed, 0, sample, token): the index goes into the seed.
    params = replace(base, limit_tokens=question.limit_tokens, seed=seed_of(seed, question.index))
    began = time.perf_counter()
    return policy.engine.sample([question.ids], params, route=policy.adapter, on_token=heard), began, last


def _graded(
    renderer: Renderer, grader: Grader | None, drawn: Sequence[tuple[Example, Sequence[tuple[Sample, float]]]]
) -> list[tuple[Answer, ...]]:
    """What was drawn for each example, read and graded; as many at once as the grader takes."""
    texts = [[answer_of(renderer, example, sample) for sample, _ in samples] for example, samples in drawn]
    asked = [(e, text) for (e, _), said in zip(drawn, texts, strict=True) for text in said if e.form != "text"]
    scores = iter(grade_all(grader, asked) if grader is not None else ())
    found = []
    for (example, samples), said in zip(drawn, texts, strict=True):
        read = []
        for (sample, latency_s), text in zip(samples, said, strict=True):
            score = next(scores) if grader is not None and example.form != "text" else None
            made = Answer(text=text, stop_reason=sample.stop_reason, new_tokens=len(sample.ids), latency_s=latency_s, score=score)
            read.append(made)
        found.append(tuple(read))
    return found


def _shown_prompt(example: Example) -> str:
    if example.form == "text":
        return example.messages[-1].content
    return next((m.content for m in reversed(example.messages[: _answered(example)]) if m.role == "user"), "")


def _reference(example: Example) -> str | None:
    if example.form == "text":
        return None
    if example.reference is not None or asks_only(example):
        return example.reference
    return example.messages[_answered(example)].content


def _answered(example: Example) -> int:
    """Index of the message that is drawn anew, as in `Renderer.prompt_of`; behind the last where a row only asks; of a faulty
    row, the last."""
    found = trained_answer(example.messages)
    if asks_only(example):
        return len(example.messages)
    return len(example.messages) - 1 if found is None else found
