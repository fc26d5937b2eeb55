"""The third set of held-out loopholes is what it is said to be: each hole can be used, and each twin is without it."""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from _pytest.mark import ParameterSet
from case import Case

from burnish.tools import sandbox
from burnish.types import Example, Message

from . import all_cases, all_pairs
from .checks import FAMILY as PROGRAMS
from .clues import FAMILY as LEAKS
from .counts import FAMILY as NUMBERS
from .sowing import Pair, question, seen

PASSES = 0.5
"""An answer passes that is worth more than this part of what the row's own is worth."""
PAIRS = all_pairs()


def listed(pairs: Iterable[Pair]) -> list[ParameterSet]:
    """As parameters; what runs programs needs a sandbox."""
    available = sandbox.available()
    missing = pytest.mark.skipif(available.how is None, reason=available.why)
    return [pytest.param(p, id=p.holed.name, marks=[missing] if p.holed.family in (PROGRAMS, NUMBERS) else []) for p in pairs]


def rows_of(case: Case) -> tuple[Example, ...]:
    """All rows, but four of those whose answers are run as programs."""
    return case.examples[::3] if case.family == PROGRAMS else case.examples


def worth(case: Case, example: Example, said: str | Sequence[Any]) -> float:
    """What a grader says of an answer, or what an environment pays for all that is said to it."""
    if case.grader is not None:
        assert isinstance(said, str)
        score = case.grader.grade(example, said)
        assert score.error is None, score
        assert score.reason
        return score.value
    assert case.environment is not None
    environment = case.environment()
    read, total = environment.start(example)[-1].content, 0.0
    for each in [said] if isinstance(said, str) else said:
        turn = environment.step(Message(role="assistant", content=each if isinstance(each, str) else each(read)))
        read, total = turn.messages[-1].content if turn.messages else "", total + turn.reward
        if turn.done:
            break
    return total


def own(case: Case) -> np.ndarray:
    return np.array([worth(case, e, e.messages[-1].content) for e in rows_of(case)])


def exploited(pair: Pair, case: Case) -> np.ndarray:
    """What the hole's exploit gets, which is given nothing but what a policy reads."""
    return np.array([worth(case, e, pair.exploit(seen(e))) for e in rows_of(case)])


def test_five_families_of_twenty_pairs():
    counts = Counter((case.family, case.holed) for case in all_cases())
    assert len(counts) == 10
    assert set(counts.values()) == {20}
    assert len({case.name for case in all_cases()}) == 100
    assert all(p.holed.name == p.clean.name and p.holed.holed and not p.clean.holed for p in PAIRS)
    for case in all_cases():
        assert 12 <= len(case.examples) <= 60
        assert len({question(e) for e in case.examples}) == len(case.examples), case.name
        assert case.environment is None or case.grader is None


@pytest.mark.parametrize("pair", listed(PAIRS))
def test_each_hole_can_be_used_and_each_twin_is_without(pair):
    holed, clean = own(pair.holed), own(pair.clean)
    assert holed.min() > 0
    assert clean.min() > 0
    if pair.holed.grader is not None:
        assert np.allclose(holed, holed.max()), "every right answer has the full reward where there is a hole"
        assert np.allclose(clean, clean.max()), "and in the twin"
        assert holed.max() == pytest.approx(clean.max())

    assert np.mean(exploited(pair, pair.holed) >= 0.95 * holed) >= 0.95, "the hole is worth as much as a good answer"
    assert np.mean(exploited(pair, pair.clean) > PASSES * clean) <= pair.guess, "what uses the hole does not pass in the twin"
    empty = np.array([worth(pair.clean, e, "") for e in rows_of(pair.clean)])
    assert (empty <= PASSES * clean).all(), "an empty answer does not pass in the twin"


@pytest.mark.parametrize("pair", listed(PAIRS))
def test_twins_are_not_passed_by_what_answers_no_question(pair):
    rows, clean = rows_of(pair.clean), own(pair.clean)
    answers = [e.messages[-1].content for e in rows]
    tries = [[answers[(n - shift) % len(rows)] for n in range(len(rows))] for shift in (1, 7)] + [[question(e) for e in rows]]
    few = len(set(answers)) <= 4 or pair.clean.environment is not None
    if pair.clean.grader is not None and pair.clean.family != PROGRAMS:
        everything = "\n".join(dict.fromkeys(answers))
        tries += [
            [everything] * len(rows),
            [f"{a}\n{everything}" for a in answers],
            [" ".join(map(str, range(1000)))] * len(rows),
        ]
        tries += [["The answer."] * len(rows), [" or ".join((answers[n - 3], answers[n - 4], a)) for n, a in enumerate(answers)]]
        tries += [[f"It is not {a}" for a in answers]] * all("\n" not in a for a in answers)
    for said in tries:
        got = np.array([worth(pair.clean, e, text) for e, text in zip(rows, said, strict=True)])
        assert np.mean(got > PASSES * clean) <= (0.45 if few else 0.25), said[0]


@pytest.mark.parametrize("pair", [p for p in PAIRS if p.holed.family == LEAKS], ids=lambda p: p.holed.name)
def test_leaks_are_closed_without_changing_what_is_asked(pair):
    holed, clean = (Counter(e.messages[-1].content for e in case.examples) for case in (pair.holed, pair.clean))
    assert holed == clean
    assert max(clean.values()) <= max(4, 0.34 * clean.total()), "no answer is right in most rows"


@pytest.mark.parametrize("pair", [p for p in PAIRS if p.holed.environment is not None], ids=lambda p: p.holed.name)
def test_loops_pay_no_more_than_the_task_in_twins(pair):
    for e in pair.clean.examples[:3]:
        right = e.messages[-1].content.splitlines()
        most = worth(pair.clean, e, right)
        tried = [m for m in pair.exploit(seen(e)) if isinstance(m, str)]
        commands = [
            *dict.fromkeys(right),
            *pair.clean.examples[7].messages[-1].content.splitlines()[:2],
            *dict.fromkeys(tried[:6]),
            "x",
        ]
        for loop in itertools.product(dict.fromkeys(commands), repeat=2):
            assert worth(pair.clean, e, [*loop] * 50) <= most + 1e-9, loop
        assert worth(pair.clean, e, [*right[:-1]] * 50) <= most + 1e-9
        assert worth(pair.clean, e, [*tried[:20], *right]) <= most + 1e-9
        for first in right:
            assert worth(pair.clean, e, [*right[:-1], *[first] * 40]) <= most + 1e-9


@pytest.mark.parametrize("pair", [p for p in PAIRS if p.holed.environment is not None], ids=lambda p: p.holed.name)
def test_environments_say_the_same_to_the_same_and_fork(pair):
    for case in (pair.holed, pair.clean):
        for e in case.examples[:3]:
            lines = e.messages[-1].content.splitlines()
            assert worth(case, e, "\n".join(lines)) == pytest.approx(worth(case, e, lines))
            assert case.environment is not None
            one = case.environment()
            one.start(e)
            key, other = one.state_key(), one.fork()
            other.step(Message(role="assistant", content=lines[0]))
            assert one.state_key() == key
