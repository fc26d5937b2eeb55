"""Word problems: the answer follows from what is told, by another way than the generator's; solutions are few and true."""

from __future__ import annotations

import random
import re

import language_checks
import pytest

from burnish.world import problems, splits

MADE = language_checks.check(problems, name="problems", count=400, openings=200)
_FACTORS = {"twice": 2, "three times": 3, "four times": 4, "five times": 5}


@pytest.mark.parametrize("operations", [1, 2, 3, 4])
def test_the_answer_can_be_read_off_the_sentences(operations: int):
    draw = random.Random(operations)
    for _ in range(60):
        problem = problems.make(draw, operations)
        assert len(problem.steps) == operations
        known = _solved(problem)
        asked = problem.amounts[problem.asked].owner
        assert known[asked] == problem.answer, problem.text
        assert asked in problem.question
        assert problem.steps[-1] is problem.amounts[problem.asked]


def test_other_sides_can_be_drawn():
    draw = random.Random(1)
    for side in ("valid", "test"):
        made = [problems.make(draw, 1, side=side) for _ in range(20)]
        assert all(splits.of(key) == side for problem in made for key in problem.keys)


def test_sentences_stand_in_any_order_and_some_are_not_needed():
    draw = random.Random(4)
    made = [problems.make(draw, 2) for _ in range(200)]
    moved = sum([a.said for a in p.amounts] != list(p.told) for p in made)
    idle = sum(len(problems._needed(p.amounts, p.asked)) < len(p.amounts) for p in made)
    assert 60 < moved < 180
    assert idle > 60


def test_solutions_are_few_and_true():
    solved = [d for d in MADE if "=" in d.text]
    assert 0.06 < len(solved) / len(MADE) < 0.22
    for document in solved:
        steps = re.findall(r"(\d+) ([+x-]) (\d+) = (\d+)", document.text)
        assert 1 <= len(steps) <= 2
        for left, sign, right, result in steps:
            one, two = int(left), int(right)
            assert int(result) == {"+": one + two, "-": one - two, "x": one * two}[sign], document.text
        assert len(document.keys) <= len(steps)


def test_exercise_lists_hold_no_answers_but_questions():
    for document in MADE:
        if "=" not in document.text:
            assert document.text[-1] in "?."
            assert re.search(r"How many|What is the number|Find out|Work out", document.text)
            assert document.keys


def test_variety():
    assert language_checks.repeated(MADE, words=7) < 0.35


def _solved(problem: problems.Problem) -> dict[str, int]:
    """Amounts by reading the sentences again and again until nothing new is learned."""
    owners = {a.owner for a in problem.amounts}
    known: dict[str, int] = {}
    for _ in problem.amounts:
        for said in problem.told:
            known.update(_read(said, owners, known))
    return known


def _read(said: str, owners: set[str], known: dict[str, int]) -> dict[str, int]:
    at = {found.start(): o for o in owners if (found := re.search(rf"\b{o}\b", said, re.IGNORECASE))}
    named = [at[place] for place in sorted(at)]
    numbers = [int(n) for n in re.findall(r"\d+", said)]
    if len(named) == 1:
        return {named[0]: numbers[0] * (numbers[1] if len(numbers) > 1 else 1)}
    if said.startswith(("Compared with", "Put ")) or "just the difference" in said:
        named = [named[-1], *named[:-1]]
    if any(n not in known for n in named[1:]):
        return {}
    values = [known[n] for n in named[1:]]
    if len(named) == 3:
        return {named[0]: values[0] - values[1] if "more" in said else values[0] + values[1]}
    factor = next((f for word, f in _FACTORS.items() if word in said), 0)
    if factor:
        return {named[0]: factor * values[0]}
    return {named[0]: values[0] + (numbers[0] if "more" in said else -numbers[0])}
