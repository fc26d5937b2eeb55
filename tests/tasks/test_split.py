"""The held-out split: stable, disjoint, duplicates on one side."""

import random

import pytest

from burnish.errors import ConfigError, DataError
from burnish.tasks.keys import normalise
from burnish.tasks.split import Openings, split
from burnish.types import Example, Message


def qa(question, answer="a", **kwargs):
    return Example(messages=(Message(role="user", content=question), Message(role="assistant", content=answer)), **kwargs)


def text(content):
    return Example(messages=(Message(role="assistant", content=content),), form="text")


@pytest.mark.parametrize(("rows", "held"), [(2, 1), (9, 1), (30, 3), (1000, 100), (2000, 200), (5000, 200)])
def test_a_tenth_is_held_out_at_most_200_at_least_one(rows, held):
    examples = [qa(f"question {i}") for i in range(rows)]
    result = split(examples)
    assert len(result.valid) == held
    assert len(result.train) == rows - held
    assert set(map(id, result.train)) | set(map(id, result.valid)) == set(map(id, examples))
    assert f"{held} of {rows} rows" in result.notes[0]


def test_fraction_and_seed():
    examples = [qa(f"question {i}") for i in range(100)]
    assert len(split(examples, fraction=0.5).valid) == 50
    assert len(split(examples, fraction=0.99).train) == 1
    assert split(examples, seed=1).valid == split(examples, seed=1).valid
    assert split(examples, seed=1).valid != split(examples, seed=2).valid
    for wrong in (0.0, 1.0, -1.0):
        with pytest.raises(ConfigError):
            split(examples, fraction=wrong)


def test_order_of_the_file_does_not_matter_and_both_sides_keep_it():
    examples = [qa(f"question {i}", line=i) for i in range(100)]
    shuffled = random.Random(0).sample(examples, 100)
    assert {e.line for e in split(shuffled).valid} == {e.line for e in split(examples).valid}
    kept = [e.line for e in split(examples).train]
    assert kept == sorted(kept)


def test_adding_rows_does_not_reshuffle():
    examples = [qa(f"question {i}") for i in range(300)]
    before = {e.messages[0].content for e in split(examples[:250]).valid}
    after = {e.messages[0].content for e in split(examples).valid}
    old = {e.messages[0].content for e in examples[:250]}
    assert len(before - after) <= 5, "all but a few at the boundary stay"
    assert len((after & old) - before) <= 5


def test_copies_and_continuations_stay_on_one_side():
    examples = []
    for i in range(60):
        examples += [qa(f"Question {i}?"), qa(f"question  {i}", "another answer"), qa(f"QUESTION {i}!")]
        first = (Message(role="user", content=f"question {i}"), Message(role="assistant", content="a"))
        later = (Message(role="user", content="go on"), Message(role="assistant", content="b"))
        examples.append(Example(messages=first + later))
    result = split(examples)
    sides = [{normalise(e.messages[0].content) for e in side} for side in (result.train, result.valid)]
    assert not sides[0] & sides[1]
    assert len(result.valid) == 24


def test_text_is_split_by_the_text():
    result = split([text(f"Document {i % 20}.") for i in range(40)])
    assert not {e.messages[0].content for e in result.train} & {e.messages[0].content for e in result.valid}


def test_a_frequent_prompt_does_not_swallow_the_split():
    examples = [qa("the same")] * 90 + [qa(f"question {i}") for i in range(10)]
    for seed in range(5):
        held = split(examples, seed=seed).valid
        assert len(held) == 10
        assert "the same" not in {e.messages[0].content for e in held}
    two = split([qa("a")] * 5 + [qa("b")] * 3)
    assert {e.messages[0].content for e in two.valid} == {"b"}


def test_one_distinct_prompt_cannot_be_split():
    for examples in ([], [qa("a")], [qa("a"), qa(" A ")]):
        with pytest.raises(DataError, match="--valid"):
            split(examples)


def test_openings_with_a_limit_hold_out_the_same_rows():
    rows = [qa(f"question {i // 2 if i % 5 else i}") for i in range(4000)]
    every, some = Openings(3), Openings(3, 800)
    for i, row in enumerate(rows):
        every.add(row, i)
        some.add(row, i)
    assert some.distinct is None
    assert some._kept <= 800
    for fraction in (0.01, 0.1, None):
        assert some.hold_out(fraction) == every.hold_out(fraction)
