"""Repeated rows are counted exactly, and in a sample exactly for the prompts that are in it."""

from __future__ import annotations

from burnish.tasks.repeats import Repeats
from burnish.types import Example, Message


def qa(question: str, answer: str, line: int) -> Example:
    return Example(messages=(Message(role="user", content=question), Message(role="assistant", content=answer)), line=line)


def rows(n: int) -> list[Example]:
    """Every prompt three times, the last with another answer."""
    return [qa(f"question {i // 3}", "b" if i % 3 == 2 else "a", i + 1) for i in range(n)]


def counted(examples: list[Example], limit: int | None) -> tuple[Repeats, int, int, int]:
    repeats = Repeats(limit)
    for example in examples:
        repeats.add(example)
    seen, again, differ = repeats.found()
    return repeats, seen, again.count, differ.count


def test_all_rows_are_counted_without_a_limit():
    repeats, *found = counted(rows(3000), None)
    assert found == [3000, 1000, 3000]
    assert repeats.one_in == 1
    assert repeats.found()[1].lines == tuple(range(2, 32, 3))


def test_a_sample_holds_all_rows_of_its_prompts_and_no_others():
    repeats, seen, again, differ = counted(rows(30_000), 1000)
    assert repeats.one_in == 32  # of 10,000 prompts, with two different rows each
    assert 500 * 3 / 4 < seen < 500 * 3
    assert (again * 3, differ) == (seen, seen)
    backwards = counted(rows(30_000)[::-1], 1000)[1:]
    assert (seen, again, differ) == backwards  # the sample is of hashes, not of places


def test_what_is_kept_of_one_prompt_is_bounded():
    """Its rows are counted all the same; repeats of the first that differ are seen."""
    examples = [qa("the same", f"answer {i % 5000}", i + 1) for i in range(10_000)]
    repeats, seen, again, differ = counted(examples, 1000)
    assert (repeats.one_in, repeats.cap, repeats.capped) == (1, 100, 1)
    assert (seen, again, differ) == (10_000, 100, 10_000)
    (kept,) = repeats._prompts.values()
    assert not isinstance(kept, tuple)
    assert (len(kept.exact), len(kept.answers)) == (100, 2)
    assert counted(examples, None)[1:] == (10_000, 5000, 10_000)


def test_different_rows_count_against_the_limit():
    repeats, seen, _, differ = counted([qa(f"{i % 300}", f"{i}", i + 1) for i in range(30_000)], 1000)
    assert repeats.one_in >= 16  # 300 prompts, of which ten or fewer may keep 100 rows each
    assert seen == differ <= 10 * 100
