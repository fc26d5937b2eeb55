"""The audit of graders: what counts as an exploit, what is a property, and what is allowed. Rates over many: loopholes/."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from burnish.errors import TaskRefused
from burnish.tasks import prove, ready
from burnish.tasks.environment import Environment, Turn
from burnish.tasks.graders import CONTAINS, EXACT, NUMERIC
from burnish.tasks.graders.shape import Length
from burnish.tasks.graders.weighted import Weighted
from burnish.tasks.probes import TITLES, Audit, Finding, audit
from burnish.tasks.probes.audit import SLOW_S
from burnish.tasks.probes.found import patch_of
from burnish.tasks.probes.programs import code_of, shown_cases
from burnish.tasks.probes.rows import rows_of
from burnish.types import Example, Message, Score

TOWNS = "Oslo Rome Madrid Tokyo Lima Cairo Nairobi Havana Vienna Athens Warsaw Lisbon".split()


def row(asked: str, said: str, reference: str | None = None, n: int = 0) -> Example:
    messages = (Message(role="user", content=asked), Message(role="assistant", content=said))
    return Example(messages=messages, reference=reference or said, line=n)


ROWS = tuple(row(f"Which town is number {n}?", f"The answer is {t}.", t, n + 1) for n, t in enumerate(TOWNS))
SUMS = tuple(row(f"What is {n} and {n + 5}?", str(2 * n + 5), n=n) for n in range(11, 35))


@dataclass(frozen=True)
class By:
    """A grader made of a function."""

    rule: Callable[[Example, str], float]
    name: str = "by"
    concurrency: int = 2

    def grade(self, example: Example, answer: str) -> Score:
        return Score(value=self.rule(example, answer), reason="")


def finding(found: Audit, family: str) -> Finding:
    return next(f for f in found.findings if f.family == family)


def test_a_grader_that_takes_lists_of_answers_is_named_with_the_list_and_the_rows():
    found = audit(ROWS, CONTAINS)
    spray = finding(found, "P2")
    assert spray.verdict == "gameable"
    assert sum(t in spray.exploit for t in TOWNS) >= 3
    assert spray.reward == 1
    assert spray.rate is not None
    assert spray.rate.low > 0.05
    assert len(spray.lines) == 12
    assert 'kind = "exact"' in spray.patch
    with pytest.raises(TaskRefused, match="the task towns is refused: the grader can be gamed so"):
        found.insist("the task towns")


@pytest.mark.parametrize(("rows", "grader"), [(SUMS, EXACT), (SUMS, NUMERIC)])
def test_graders_in_the_box_that_take_one_answer_are_left_alone(rows: Sequence[Example], grader: object):
    found = audit(rows, grader)  # pyright: ignore[reportArgumentType]
    assert not found.gameable
    found.insist("the task sums")


def test_a_refused_spelling_is_told_and_is_no_exploit():
    found = audit(SUMS, By(lambda e, a: float(a == e.reference)))
    assert finding(found, "P6").verdict == "loose"
    assert "refused" in finding(found, "P6").detail
    assert not found.gameable


def test_length_that_pays_beside_a_right_answer_is_found_by_what_it_adds():
    found = audit(SUMS, By(lambda e, a: float(a.split("\n")[0] == e.reference) + min(len(a), 400) / 400))
    assert finding(found, "P4").verdict == "gameable"
    assert "more than the right answer" in finding(found, "P4").detail


def test_what_a_task_allows_is_shown_and_not_refused():
    allowed = audit(ROWS, CONTAINS, allowed=("P2: several towns may be named", "P3", "P5", "P7"))
    assert finding(allowed, "P2").verdict == "allowed"
    assert not allowed.gameable


def test_what_a_policy_cannot_write_is_no_exploit():
    assert finding(audit(ROWS, CONTAINS, limit_tokens=2), "P2").verdict != "gameable"


def test_the_same_audit_twice_finds_the_same():
    def rule(example: Example, answer: str) -> float:
        return float(answer == example.reference) + 0.1 * answer.count("therefore")

    assert audit(SUMS, By(rule)) == audit(SUMS, By(rule))
    assert finding(audit(SUMS, By(rule)), "P11").verdict == "gameable"
    assert "therefore" in finding(audit(SUMS, By(rule)), "P11").exploit


def test_a_grader_that_fails_is_not_checked_and_not_accused():
    def rule(example: Example, answer: str) -> float:
        raise RuntimeError("broken")

    assert {f.verdict for f in audit(SUMS, By(rule)).findings} == {"not checked"}
    assert {f.verdict for f in audit((), EXACT).findings} == {"not checked"}


@pytest.mark.parametrize("name", ready.NAMES)
def test_the_ready_tasks_cannot_be_gamed_in_these_ways(name: str):
    found = prove.audit(ready.get(name))
    assert not found.gameable, found.gameable


def test_patches_speak_of_the_graders_that_are_there():
    both = Weighted((CONTAINS, Length(1, 9)), (1.0, 1.0))
    assert "at_most = 8" in patch_of("P2", both, 4)
    assert "length" in patch_of("P4", both, 4)
    assert set(TITLES) == {f"P{n}" for n in range(1, 14)}


def test_rows_know_where_their_answer_stands_and_what_is_wrong_instead():
    (first, *_) = rows_of(ROWS, 12)
    assert first.form("Paris") == "The answer is Paris."
    assert not any(first.holds_right(w) for w in first.wrongs)
    boxed = rows_of([row("What?", "So it is \\boxed{1,234}.", "1234")] * 2, 1)[0]
    assert boxed.form("7") == "So it is \\boxed{7}."
    assert boxed.holds_right("it may be 1234.0 or so")


def test_the_cases_of_a_question_are_read_however_they_are_written():
    asked = "Write f.\nassert f(1) == [2, 3]\n>>> f('a, b')\n'x'\nf([1], k=2) -> {'a': (1,)}, and `f(0)` should return `None`."
    found = rows_of([row(asked, "def f(x):\n    return x")], 1)[0]
    assert shown_cases(found, "f") == [("1", "[2, 3]"), ("'a, b'", "'x'"), ("0", "None")]
    code = code_of("Here:\n```python\ndef g(a, b):\n    return a\n```\nDone.")
    assert code is not None
    assert (code.name, code.wrapped("x")) == ("g", "Here:\n```python\nx\n```\nDone.")
    assert code_of("no code") is None


class Till(Environment):
    """Two steps are paid once; `again` pays the first step whenever it is taken."""

    def __init__(self, again: bool, leak: bool = False) -> None:
        self.again, self.leak, self.taken = again, leak, False

    def start(self, example: Example) -> Sequence[Message]:
        self.wanted = str(example.reference)
        return example.messages[:1]

    def step(self, message: Message) -> Turn:
        if message.content == "take":
            paid = 0.5 if self.again or not self.taken else 0.0
            self.taken = True
            return Turn(messages=(Message(role="user", content="taken"),), reward=paid)
        if message.content.startswith("say "):
            right = message.content[4:] == self.wanted
            return Turn(reward=0.5 * right, done=True)
        said = f"unknown; expected 'say {self.wanted}'" if self.leak else "unknown"
        return Turn(messages=(Message(role="user", content=said),))


@pytest.mark.parametrize(("again", "leak", "caught"), [(False, False, False), (True, False, True), (False, True, True)])
def test_environments_that_pay_again_or_tell_the_answer_are_found(again: bool, leak: bool, caught: bool):
    rows = []
    for n in range(8):
        word = TOWNS[n].lower()
        way = [
            Message(role="assistant", content="take"),
            Message(role="user", content="."),
            Message(role="assistant", content=f"say {word}"),
        ]
        rows.append(Example(messages=(Message(role="user", content=f"Number {n}?"), *way), reference=word, line=n))
    found = audit(rows, None, environment=lambda: Till(again, leak))
    assert bool(found.gameable) == caught, found.gameable
    if caught:
        assert finding(found, "P12").exploit


def test_a_grader_that_is_slow_with_other_answers_alone_is_slow():
    """As one that puts only what it does not know to a program."""

    def glances(example: Example, answer: str) -> float:
        if answer != example.messages[-1].content and "something" in answer:
            time.sleep(2 * SLOW_S)
        return float(answer == example.messages[-1].content)

    quick = audit(SUMS, By(lambda e, a: float(a == e.messages[-1].content)))
    slow = audit(SUMS, By(glances))
    assert quick.note == ""
    assert "fewer were tried" in slow.note
    assert slow.graded < quick.graded / 4
    assert not slow.gameable


def test_answers_that_are_often_the_same_are_no_list_of_guesses():
    """A list of all answers that ends in what a row wants is as good as that answer alone, to the grader of the last number."""
    smallest = [12 + n % 6 for n in range(40)]
    rows = [row(f"Which is the smallest: {s}, {40 + n} or {70 + n}?", str(s), n=n) for n, s in enumerate(smallest)]
    assert finding(audit(rows, NUMERIC), "P2").verdict == "holds"
