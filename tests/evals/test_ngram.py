"""The 5-gram model: what follows four tokens, shorter contexts where they are new, ties, ends."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from burnish.evals.ngram import ORDER, NGram

END = 0
TEXTS = (
    [END, 1, 2, 3, 4, 5, END],
    [END, 9, 2, 3, 4, 6, END],
    [END, 8, 2, 3, 4, 6, END],
    [END, 7, 7, 7, END],
)


@pytest.fixture
def model() -> NGram:
    return NGram(TEXTS)


def test_four_tokens_decide(model: NGram):
    assert ORDER == 5
    assert model.next([1, 2, 3, 4]) == 5
    assert model.next([9, 2, 3, 4]) == 6


def test_what_stands_further_back_is_not_seen(model: NGram):
    assert model.next([9, 9, 1, 2, 3, 4]) == 5
    assert model.next([1, 8, 2, 3, 4]) == 6
    long = NGram([[END, 1, 2, 2, 2, 2, 5, END], [END, 3, 2, 2, 2, 2, 6, END], [END, 3, 2, 2, 2, 2, 6, END]])
    assert long.next([1, 2, 2, 2, 2]) == 6
    assert NGram([[END, 1, 2, 2, 2, 2, 5, END], [END, 3, 2, 2, 2, 2, 6, END]], order=6).next([1, 2, 2, 2, 2]) == 5


def test_new_contexts_fall_back_to_shorter_ones(model: NGram):
    assert model.next([5, 2, 3, 4]) == 6  # from 2 3 4, of which two in three went on with 6
    assert model.next([3, 1, 2]) == 3
    assert model.next([99]) == model.next([]) == END  # what is commonest of all, begins of texts not counted
    assert NGram([[END, 7, 7, 8, END]], order=1).next([8]) == 7


def test_ties_go_to_the_smallest_id_whatever_came_first():
    texts = [[END, 1, 4, END], [END, 1, 3, END]]
    assert NGram(texts).next([END, 1]) == NGram(texts[::-1]).next([END, 1]) == 3


def test_it_goes_on_until_the_end_or_the_limit(model: NGram):
    assert model.go_on([END, 1], limit_tokens=10, end=END) == ([2, 3, 4, 5], True)
    assert model.go_on([END, 1], limit_tokens=4, end=END) == ([2, 3, 4, 5], False)
    assert model.go_on([END, 1], limit_tokens=5, end=END) == ([2, 3, 4, 5], True)
    assert model.go_on([END, 1, 2, 3, 4, 5], limit_tokens=3, end=END) == ([], True)
    prompt = [END, 1]
    model.go_on(prompt, limit_tokens=5, end=END)
    assert prompt == [END, 1]


def test_texts_do_not_run_into_one_another():
    model = NGram([[END, 1, END], [END, 2, END]])
    assert model.next([1, END]) == model.next([END]) == 1
    assert model.next([1]) == END
    joined = NGram([[END, 1, END, END, 2, END, END, 2, END]])
    assert joined.next([1, END]) == END


def test_large_texts_are_counted_like_small_ones():
    draw = random.Random(2)
    texts = [[END, *(draw.randint(1, 12) for _ in range(draw.randint(1, 30))), END] for _ in range(400)]
    counts: dict[tuple[int, ...], Counter[int]] = {}
    for row in texts:
        for i in range(1, len(row)):
            for length in range(min(ORDER - 1, i) + 1):
                counts.setdefault(tuple(row[i - length : i]), Counter())[row[i]] += 1
    model = NGram(texts)
    for context, c in counts.items():
        assert model.next(context) == min(c, key=lambda token: (-c[token], token)), context


def test_too_many_different_tokens_are_refused():
    assert NGram([[END, 4095, END]]).next([END]) == 4095
    with pytest.raises(ValueError, match="62 bits"):
        NGram([[END, 4096, END]])


def test_a_model_of_nothing_says_so():
    with pytest.raises(ValueError, match="no text"):
        NGram([]).next([1])
