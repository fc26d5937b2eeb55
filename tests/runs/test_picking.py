"""Which questions are asked: all of them, but those less often that teach nothing at present."""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import pairwise

from burnish.runs.order import Order
from burnish.runs.picking import LONGEST, Picking
from burnish.runs.step import Questioner, _tell
from burnish.types import Example, Rollout, Score


def order(rows: int, batch: int = 4) -> Order:
    return Order(seed=7, rows=rows, batch=batch, epochs=1)


def test_evenly_picked_questions_are_those_of_the_order():
    picking, plain = Picking.of(order(12), learnable=False), order(12)
    asked = [picking.pick(4) for _ in range(3)]
    for question in asked[0]:
        picking.saw(question, flat=True)
    assert asked == [plain.rows_of(step) for step in range(3)]
    assert sorted(picking.pick(4) + picking.pick(4) + picking.pick(4)) == list(range(12)), "the next epoch asks all again"


def test_a_flat_question_is_passed_over_once_then_three_times_then_seven():
    picking, visits = Picking.of(order(8, batch=1), learnable=True), []
    while picking.place < 8 * 64:
        if picking.pick(1) == [3]:
            visits.append((picking.place - 1) // 8)
            picking.saw(3, flat=True)
    gaps = [b - a for a, b in pairwise(visits)]
    assert gaps == [2, 4, 8, 16, 32], "epochs between"


def test_what_teaches_again_is_asked_in_every_epoch():
    picking = Picking.of(order(8, batch=8), learnable=True)
    for question in picking.pick(8):
        picking.saw(question, flat=question < 4)
    counts = Counter(picking.pick(4))
    assert set(counts) == {4, 5, 6, 7}
    assert picking.passed <= 4
    for question in range(4):
        picking.saw(question, flat=False)
    assert sorted(set(picking.pick(8))) == list(range(8))


def test_a_batch_is_full_even_where_everything_is_flat():
    picking = Picking.of(order(8, batch=8), learnable=True)
    for _ in range(6):
        asked = picking.pick(8)
        assert sorted(asked) == list(range(8)), "each of them once"
        for question in asked:
            picking.saw(question, flat=True)


def test_a_batch_larger_than_the_data_asks_some_twice():
    asked = Picking.of(order(3, batch=8), learnable=True).pick(8)
    assert sorted(Counter(asked).values()) == [2, 3, 3]


def test_it_goes_on_where_it_was_left():
    one = Picking.of(order(20), learnable=True)
    for step in range(5):
        for question in one.pick(4):
            one.saw(question, flat=(question + step) % 3 == 0)
    other = Picking.of(order(20), learnable=True, kept=json.loads(json.dumps(one.to_json())))
    assert [one.pick(4) for _ in range(9)] == [other.pick(4) for _ in range(9)]


def test_nothing_is_passed_over_for_ever():
    picking = Picking.of(order(2, batch=1), learnable=True)
    for _ in range(20):
        picking.saw(0, flat=True)
    assert 0 in [picking.pick(1)[0] for _ in range(2**LONGEST * 2)]


def test_a_question_whose_answers_could_not_be_judged_is_not_passed_over():
    def answer(value: float, error: str | None = None) -> Rollout:
        score = Score(value=value, reason="", error=error)
        return Rollout(example=Example(messages=()), segments=(), answer="", stop_reason="stop", score=score)

    picking = Picking.of(order(4), learnable=True)
    asks = Questioner(None, (), picking)  # type: ignore[arg-type]
    failed = answer(math.nan, "down")
    for question, group in enumerate(
        ([failed, failed], [answer(1.0), failed], [answer(1.0), answer(1.0)], [answer(0.0), answer(1.0)])
    ):
        _tell(asks, question, group)
    assert set(picking.flat) == {2}
