"""The demonstration: the rows that it shows, and what it counts in two measurements."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from burnish.errors import ConfigError
from burnish.evals.compare import compare
from burnish.evals.evaluation import Answer, Evaluation, Item
from burnish.runs import demo
from burnish.runs.demo import CASES, FEWEST, Share
from burnish.statistics import wilson
from burnish.tasks import ready
from burnish.tasks.library.refusal_phrases import HARMLESS
from burnish.types import Score, StopReason

RIGHT, WRONG = Score(value=1.0, reason="right"), Score(value=0.0, reason="wrong")
UNJUDGED = Score(value=float("nan"), reason="no", error="nothing isolates it here")


def answer(score: Score, text: str = "A.", stop_reason: StopReason = "stop") -> Answer:
    return Answer(text=text, stop_reason=stop_reason, new_tokens=2, latency_s=0.1, score=score)


def measured(answers: Sequence[tuple[str, Answer]], groups: Sequence[str] | None = None) -> Evaluation:
    """One item an answer, with its kind."""
    items = tuple(
        Item(
            index=n, source="t", line=n, group=groups[n] if groups else str(n), prompt="?", reference="a", loss_sum=1.0,
            target_tokens=2.0, prompt_tokens=3, answers=(given,), fault=None, kind=kind,
        )
        for n, (kind, given) in enumerate(answers)
    )  # fmt: skip
    return Evaluation(
        items=items, grader="g", limit_tokens=8, samples=1, temperature=0.0, seed=0, loss_s=1.0, sampling_s=1.0
    )  # fmt: skip


def named(base: Evaluation, trained: Evaluation, name: str) -> Share:
    (found,) = [share for share in demo.headlines(base, trained) if share.name == name]
    return found


def test_cases_are_short_held_out_rows_of_every_task():
    shown = {case.task: demo.example_of(case) for case in CASES}
    assert set(shown) == set(ready.NAMES)
    for task, example in shown.items():
        assert example in ready.get(task).test
        assert sum(len(m.content) for m in example.messages) < 300


def test_the_harmless_look_alike_is_a_harmless_act_asked_for_like_a_forbidden_one():
    (case,) = [c for c in CASES if c.kind == "benign"]
    asked = demo.example_of(case).messages[0].content
    acts = [f"{verb} {thing}" for verb, thing, _ in HARMLESS]
    assert any(act in asked for act in acts), asked
    forbidden = [e for e in ready.get("refusals").test if e.metadata["kind"] == "forbidden"]
    same = {key for e in forbidden for key in e.metadata["keys"] if key.startswith("phrasing:")}
    assert same & set(demo.example_of(case).metadata["keys"])


def test_every_kind_that_is_asked_has_a_name():
    kinds = {ready.kind_of(example) for example in ready.get(ready.EVERYTHING).test}
    assert kinds == set(demo.KINDS)
    assert all(any(str(kind).startswith(h.kinds) for kind in kinds) for h in demo.HEADLINES)


def test_headlines_count_marks_stops_and_right_answers_of_their_own_kinds():
    ignorant = Score(value=0.0, reason="no", marks=("admits ignorance",))
    before = [("facts: known", answer(WRONG, stop_reason="length"))] * 20 + [("facts: unknown", answer(WRONG, text=" "))] * 20
    after = [("facts: known", answer(RIGHT))] * 15 + [("facts: known", answer(ignorant))] * 5
    after += [("facts: unknown", answer(RIGHT))] * 19 + [("facts: unknown", answer(WRONG, stop_reason="length"))]
    base, trained = measured(before), measured(after)

    def shares(name: str) -> tuple[int, float, float]:
        share = named(base, trained, name)
        assert share.before is not None
        assert share.after is not None
        return share.items, share.before.estimate, share.after.estimate

    assert shares("answers in form, and stops by itself") == (40, 0.0, 39 / 40)
    assert shares("known facts said right") == (20, 0.0, 15 / 20)
    assert shares('known people: "I do not know"') == (20, 0.0, 5 / 20)
    assert shares('unknown people: "I do not know"') == (20, 0.0, 19 / 20)
    assert named(base, trained, "known facts said right").after == wilson(15, 20)
    assert named(base, trained, "two-step sums right").items == 0


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("I do not know.", True),
        ("17 + 25 = 42. 42 - 8 = 34. The answer is 34.", True),
        ("def f(x):\n    return x", True),
        ("- Evan has a hat.\n- Vera has a lamp.", True),
        (" of the book shop. It is open.", False),
        ("", False),
        (" \n", False),
        (", and then?", False),
        ("Then we asked.\nThen we asked.", False),
        ("It is wise. It is wise to wait. It is wise.", False),
    ],
)
def test_a_reply_begins_of_its_own_and_says_nothing_twice(text: str, form: bool):
    assert demo.in_form(text) == form


def test_too_few_answers_give_no_share():
    def share(count: int) -> Share:
        found = measured([("code: write", answer(RIGHT))] * count)
        return named(found, found, "Python requests that pass")

    assert share(FEWEST).after == wilson(FEWEST, FEWEST)
    assert (share(FEWEST - 1).items, share(FEWEST - 1).before, share(FEWEST - 1).after) == (FEWEST - 1, None, None)


def test_a_kind_with_an_unjudged_answer_counts_in_no_headline():
    kinds = ["code: write"] * 20 + ["style"] * 20
    judged = measured([(k, answer(RIGHT)) for k in kinds])
    spoilt = measured([(k, answer(RIGHT if n else UNJUDGED)) for n, k in enumerate(kinds)])
    share = named(judged, spoilt, "Python requests that pass")
    assert (share.items, share.unjudged, share.before, share.after) == (0, 20, None, None)
    assert named(judged, spoilt, "answers in form, and stops by itself").items == 20


def test_questions_that_belong_together_make_a_share_less_sure():
    hits, alone = [n % 4 != 0 for n in range(40)], [str(n) for n in range(40)]
    together = [str(n % 4 + 4 * (n // 20)) for n in range(40)]  # eight groups, each all right or all wrong
    apart, grouped = demo.level(hits, alone), demo.level(hits, together)
    assert apart == wilson(30, 40)
    assert grouped.estimate == pytest.approx(apart.estimate)
    assert grouped.high - grouped.low > 1.5 * (apart.high - apart.low)
    assert demo.level([True] * 40, together) == wilson(8, 8)


def test_kinds_that_could_not_be_judged_stay_on_the_scoreboard():
    kinds = ["style", "code: write", "facts: known", "of a later version"] * 8
    base = measured([(k, answer(WRONG)) for k in kinds])
    trained = measured([(k, answer(UNJUDGED if "code" in k and n > 4 else RIGHT)) for n, k in enumerate(kinds)])
    found = demo.lines(base, trained, compare(base, trained))
    assert [line.kind for line in found] == ["code: write", "facts: known", "style", "of a later version"]
    assert [(line.items, line.before, line.after) for line in found] == [(8, None, None), *[(8, 0.0, 1.0)] * 3]
    assert found[1].name == "facts it has read"


def test_settings_can_be_replaced_but_not_the_data():
    config = demo.settings(["steps=3", "model=micro"])
    assert (config.model, config.steps, config.method, config.data) == ("micro", 3, "full", ready.EVERYTHING)
    with pytest.raises(ConfigError, match="ready tasks"):
        demo.settings(["data=mine.jsonl"])
