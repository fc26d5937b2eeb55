"""Evaluation on a tiny real model: losses, graded answers, errors that are no zeros, JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from burnish.errors import ConfigError
from burnish.evals.evaluate import SHOWN, evaluate
from burnish.evals.evaluation import CLUSTER, Evaluation
from burnish.evals.summary import summarise
from burnish.protocols import Policy
from burnish.render.renderer import Renderer
from burnish.tasks.graders import EXACT
from burnish.tasks.rollout import seed_of
from burnish.types import Datum, Example, Message, Score


@dataclass(frozen=True)
class Failing:
    """A grader that fails on one question and is content with every other answer."""

    question: str
    name: str = "failing"
    concurrency = 2

    def grade(self, example: Example, answer: str) -> Score:
        if example.messages[0].content == self.question:
            return Score(value=math.nan, reason="timed out", error="timed out")
        return Score(value=1.0, reason="well said")


@pytest.fixture
def measured(trained: Policy, renderer: Renderer, examples: list[Example]) -> Evaluation:
    return evaluate(trained, renderer, examples, grader=EXACT, limit_tokens=8)


def text(content: str) -> Example:
    return Example(messages=(Message(role="assistant", content=content),), form="text")


def test_loss_is_that_of_forward_on_the_same_rows(measured: Evaluation, trained: Policy, data: list[Datum]):
    outputs = trained.forward(data).result()
    for item, datum, output in zip(measured.items, data, outputs, strict=True):
        assert item.loss_sum == pytest.approx(-float(datum.streams["weights"] @ output.logprobs), rel=1e-5)
        assert item.target_tokens == datum.streams["weights"].sum()
    summary = summarise(measured)
    total, tokens = sum(i.loss_sum for i in measured.items), sum(i.target_tokens for i in measured.items)
    assert summary.loss == pytest.approx(total / tokens)
    assert summary.perplexity == pytest.approx(math.exp(total / tokens))
    assert summary.bits_per_token == pytest.approx(total / tokens / math.log(2))


def test_answers_are_greedy_graded_and_timed(measured: Evaluation, examples: list[Example], renderer: Renderer):
    for item, example in zip(measured.items, examples, strict=True):
        (answer,) = item.answers
        assert answer.score == EXACT.grade(example, answer.text)
        assert 1 <= answer.new_tokens <= 8
        assert answer.latency_s > 0
        assert (item.line, item.prompt, item.reference) == (example.line, example.messages[0].content, example.reference)
        assert item.prompt_tokens == len(renderer.prompt_of(example))
    summary = summarise(measured)
    assert summary.graded == len(examples)
    assert summary.low is not None
    assert summary.high is not None
    assert summary.value is not None
    assert summary.low <= summary.value <= summary.high
    assert summary.latency is not None
    assert summary.latency.p95_s >= summary.latency.p50_s > 0


def test_answer_does_not_depend_on_what_else_is_measured(trained: Policy, renderer: Renderer, examples: list[Example]):
    whole = evaluate(trained, renderer, examples, grader=EXACT, limit_tokens=6, temperature=1.0, samples=2, seed=3)
    part = evaluate(trained, renderer, examples[:2], grader=EXACT, limit_tokens=6, temperature=1.0, samples=2, seed=3)
    other = evaluate(trained, renderer, examples[:2], grader=EXACT, limit_tokens=6, temperature=1.0, samples=2, seed=4)
    texts = [[a.text for a in i.answers] for i in whole.items]
    assert [[a.text for a in i.answers] for i in part.items] == texts[:2]
    assert [[a.text for a in i.answers] for i in other.items] != texts[:2]
    assert all(len(t) == 2 for t in texts)
    assert len({seed_of(3, i) for i in range(1000)}) == 1000


def test_check_30_grader_errors_are_counted_and_never_zero(trained: Policy, renderer: Renderer, examples: list[Example]):
    found = evaluate(trained, renderer, examples, grader=Failing("snow"), limit_tokens=4)
    assert found.errors == 1
    failed = next(i for i in found.items if i.prompt == "snow")
    assert failed.value is None
    assert failed.errors == ("timed out",)
    summary = summarise(found)
    assert summary.value == 1.0, "the five judged answers are all right; a failed grader must not pull them down"
    assert (summary.graded, summary.errors) == (len(examples) - 1, 1)


def test_an_answer_without_weight_is_not_what_is_asked_for(trained: Policy, renderer: Renderer):
    turns = (("user", "av?"), ("assistant", "AV"), ("user", "bw?"), ("assistant", "BW"))
    messages = tuple(Message(role=r, content=c, weight=0.0 if c == "BW" else None) for r, c in turns)
    (item,) = evaluate(trained, renderer, [Example(messages=messages)], grader=EXACT, limit_tokens=4).items
    assert (item.prompt, item.reference) == ("av?", "AV")


def test_plain_text_is_continued_and_never_graded(trained: Policy, renderer: Renderer):
    rows = [text(f"Once upon a time there were {n} bears.") for n in range(SHOWN + 3)]
    found = evaluate(trained, renderer, rows, grader=EXACT, limit_tokens=5)
    shown = [i for i in found.items if i.answers]
    assert len(shown) == SHOWN
    assert all(a.score is None for i in shown for a in i.answers)
    item = shown[0]
    assert item.reference is not None
    assert rows[0].messages[0].content.startswith(item.prompt + item.reference)
    assert len(item.prompt) == pytest.approx(len(rows[0].messages[0].content) / 3, abs=1)
    assert all(i.target_tokens > 0 for i in found.items)


def test_completion_form_is_prompted_without_a_template(trained: Policy, renderer: Renderer):
    turns = (Message(role="user", content="2+2="), Message(role="assistant", content="4"))
    found = evaluate(trained, renderer, [Example(messages=turns, form="completion", reference="4")], grader=EXACT, limit_tokens=4)
    assert found.items[0].prompt_tokens == 4
    assert found.items[0].answers[0].score is not None


def test_faulty_rows_and_too_long_prompts_say_so(trained: Policy, renderer: Renderer, examples: list[Example]):
    silent = Example(messages=(Message(role="user", content="?"), Message(role="assistant", content="context", weight=0.0)))
    long = replace(examples[0], messages=(Message(role="user", content="x" * 300), Message(role="assistant", content="y")))
    short = Renderer(renderer.tokenizer, limit_tokens=256)
    found = evaluate(trained, short, [examples[0], silent, long], grader=EXACT, limit_tokens=4)
    assert found.items[0].fault is None
    assert found.items[1].fault is not None
    assert found.items[2].fault is not None
    assert not found.items[1].answers
    assert summarise(found).faults == 2
    assert summarise(found).graded == 1


def test_a_row_that_only_asks_has_graded_answers_and_no_loss(trained: Policy, renderer: Renderer, examples: list[Example]):
    said = examples[0].messages[-1].content
    asks = replace(examples[0], messages=examples[0].messages[:-1], reference=said)
    both = evaluate(trained, renderer, [examples[0], asks], grader=EXACT, limit_tokens=8)
    known, item = both.items
    assert item.fault is None
    assert math.isnan(item.loss)
    assert (item.prompt, item.reference) == (known.prompt, said)
    assert item.prompt_tokens == known.prompt_tokens
    assert item.value is not None
    assert summarise(both).loss == pytest.approx(known.loss)


def test_row_and_prompt_beyond_the_model_say_so(trained: Policy, renderer: Renderer):
    def ask(length: int) -> Example:
        turns = (Message(role="user", content="x" * length), Message(role="assistant", content="y"))
        return Example(messages=turns, form="completion", reference="y")

    whole, full = evaluate(trained, renderer, [ask(253), ask(256)], grader=EXACT, limit_tokens=4).items
    assert (whole.fault, len(whole.answers)) == (None, 1)
    assert "258 tokens" in str(full.fault)
    assert (full.value, full.target_tokens) == (None, 0.0)
    cut = evaluate(trained, Renderer(renderer.tokenizer, limit_tokens=250), [ask(255)], grader=EXACT, limit_tokens=4)
    assert cut.items[0].fault is not None


def test_broken_model_has_no_loss_rather_than_a_wrong_one(
    tiny_model: Path, open_host: Callable, renderer: Renderer, examples: list[Example]
):
    host = open_host(tiny_model)
    host.decoder.weights["norm"].fill_(math.nan)
    found = evaluate(Policy(host, None), renderer, examples[:2], grader=None, limit_tokens=2)
    assert [i.target_tokens for i in found.items] == [0.0, 0.0]
    assert "not finite" in str(found.items[0].fault)
    assert summarise(found).loss is None


def test_json_round_trip_is_exact(measured: Evaluation, trained: Policy, renderer: Renderer, examples: list[Example]):
    body = json.loads(json.dumps(measured.to_json(), allow_nan=False))
    assert Evaluation.from_json(body) == measured
    failed = evaluate(trained, renderer, examples, grader=Failing("snow"), limit_tokens=2)
    again = Evaluation.from_json(json.loads(json.dumps(failed.to_json(), allow_nan=False)))
    assert again.errors == 1
    assert summarise(again) == summarise(failed)


@dataclass(frozen=True)
class Marking:
    """A grader that marks every answer."""

    name: str = "marking"
    concurrency = 2

    def grade(self, example: Example, answer: str) -> Score:
        return Score(value=1.0, reason="", marks=("refuses", "admits ignorance"))


def test_marks_survive_saving(trained: Policy, renderer: Renderer, examples: list[Example]):
    marked = evaluate(trained, renderer, examples[:2], grader=Marking(), limit_tokens=1)
    body = json.loads(json.dumps(marked.to_json(), allow_nan=False))
    again = Evaluation.from_json(body)
    assert again == marked
    score = again.items[0].answers[0].score
    assert score is not None
    assert score.marks == ("refuses", "admits ignorance")
    del body["items"][0]["answers"][0]["score"]["marks"]  # as it was written before there were any
    old = Evaluation.from_json(body).items[0].answers[0].score
    assert old is not None
    assert old.marks == ()


def test_rows_that_name_a_cluster_are_one(trained: Policy, renderer: Renderer, examples: list[Example]):
    named = ["ada", "ada", "bo", "", 3, None]
    rows = [replace(e, metadata={"cluster": c}) for e, c in zip(examples, named, strict=True)]
    groups = [i.group for i in evaluate(trained, renderer, rows, grader=None, limit_tokens=1).items]
    assert groups[0] == groups[1] != groups[2]
    assert all(g.startswith(CLUSTER) for g in groups[:3])
    alone = [i.group for i in evaluate(trained, renderer, examples, grader=None, limit_tokens=1).items]
    assert groups[3:] == alone[3:]
    assert not any(g.startswith(CLUSTER) for g in alone)
    other = replace(rows[0], metadata={"cluster": "ada", "task": "people"})
    assert evaluate(trained, renderer, [other], grader=None, limit_tokens=1).items[0].group != groups[0]


def test_progress_is_told_up_to_the_end(trained: Policy, renderer: Renderer, examples: list[Example]):
    seen: list[tuple[int, int]] = []
    evaluate(trained, renderer, examples, grader=EXACT, limit_tokens=2, on_progress=lambda d, t: seen.append((d, t)))
    assert seen[-1] == (len(examples), len(examples))
    assert [d for d, _ in seen] == sorted(d for d, _ in seen)


def test_contradicting_settings_are_refused(trained: Policy, renderer: Renderer, examples: list[Example]):
    with pytest.raises(ConfigError, match="temperature"):
        evaluate(trained, renderer, examples, grader=EXACT, limit_tokens=4, samples=2)
    with pytest.raises(ConfigError, match="seed"):
        evaluate(trained, renderer, examples, grader=EXACT, limit_tokens=4, seed=-1)


def test_several_answers_of_one_prompt_are_one_item(measured: Evaluation):
    answer = measured.items[0].answers[0]
    right, wrong = (replace(answer, score=Score(value=v, reason="")) for v in (1.0, 0.0))
    item = replace(measured.items[0], answers=(right, wrong, right, right))
    assert item.value == 0.75
    summary = summarise(replace(measured, items=(item,)))
    assert (summary.value, summary.graded, summary.low) == (0.75, 1, None)


def test_repeated_prompts_widen_the_interval(measured: Evaluation):
    draw = np.random.default_rng(0)
    answer = measured.items[0].answers[0]
    scored = [
        replace(measured.items[0], index=i, group=str(i), answers=(replace(answer, score=Score(value=float(v), reason="")),))
        for i, v in enumerate(draw.integers(0, 2, 40))
    ]
    alone = summarise(replace(measured, items=tuple(scored)))
    repeated = summarise(replace(measured, items=tuple(i for i in scored for _ in range(5))))
    assert alone.value == repeated.value
    assert repeated.high - repeated.low == pytest.approx(alone.high - alone.low, rel=0.1)  # type: ignore[operator]
