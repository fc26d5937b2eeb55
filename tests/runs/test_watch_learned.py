"""What the report says of a run that learned from its own answers, from hand-made measurements and answers."""

from __future__ import annotations

from typing import Any

import pytest

from burnish.evals.evaluation import Answer, Evaluation, Item
from burnish.runs import learned
from burnish.runs.learned import Learned
from burnish.runs.watches.watch import Judgement
from burnish.types import Example, Message, Score


def example(n: int) -> Example:
    messages = (Message(role="user", content=f"{n} + 1"), Message(role="assistant", content=f"{n + 1}"))
    return Example(messages=messages, reference=f"{n + 1}")


EXAMPLES = [example(n) for n in range(10)]


def measured(texts: list[list[str]], *, grader: str = "weighted") -> Evaluation:
    """Ten questions, the answers to each; right in form means in brackets, and two graders look at both."""
    items = []
    for n, answers in enumerate(texts):
        given = []
        for text in answers:
            form, right = float(text.startswith("[")), float(text == f"[{n + 1}]")
            score = Score(value=(form + right) / 2, reason="", parts=(("form", form), ("right", right)))
            given.append(Answer(text=text, stop_reason="stop", new_tokens=3, latency_s=0.1, score=score))
        items.append(
            Item(index=n, source="", line=n + 1, group=f"g{n}", prompt=f"{n} + 1", reference=f"{n + 1}", loss_sum=1.0,
                 target_tokens=1.0, prompt_tokens=3, answers=tuple(given), fault=None)
        )  # fmt: skip
    return Evaluation(
        items=tuple(items), grader=grader, limit_tokens=8, samples=1, temperature=0.0, seed=0, loss_s=1, sampling_s=1
    )


def line(step: int, question: int, sample: int, answer: str, reward: float) -> dict[str, Any]:
    return {
        "step": step, "place": question, "question": question, "sample": sample, "answer": answer, "reward": reward,
        "tokens": len(answer.split()),
    }  # fmt: skip


def made(**changes: Any) -> Learned:
    given: dict[str, Any] = {
        "base": measured([[f"{n + 1}"] if n < 4 else ["7000"] for n in range(10)]),
        "trained": measured([[f"[{n + 1}]"] if n < 8 else ["[7000]"] for n in range(10)]),
        "examples": EXAMPLES,
        "draws": None,
        "rollouts": [],
        "judged": Judgement(step=9, findings=()),
        "events": [],
        "gamed": None,
    }
    return learned.build(**{**given, **changes})


def test_the_lenient_reading_and_each_graders_part():
    found = {r.name: r for r in made().readings}
    lenient = found["lenient: answer appears"]
    assert (lenient.base, lenient.trained, lenient.items) == (0.4, 0.8, 10)
    assert lenient.low is not None
    assert lenient.low < 0.4
    assert (found["grader form"].base, found["grader form"].trained) == (0.0, 1.0)
    assert (found["grader right"].base, found["grader right"].trained) == (0.0, 0.8)
    assert "lenient: answer appears" not in {r.name for r in made(base=measured([["1"]] * 10, grader="contains")).readings}


def test_pass_at_1_and_at_k_are_of_the_same_draws():
    base = measured([[f"[{n + 1}]", "no", "no", "no"] for n in range(10)])
    trained = measured([[f"[{n + 1}]"] * 3 + ["no"] if n < 9 else ["no"] * 4 for n in range(10)])
    found = {r.name.split(" ")[0]: r for r in made(draws=(base, trained)).readings}
    assert (found["pass@1"].base, found["pass@1"].trained) == pytest.approx((0.25, 0.675))
    assert (found["pass@4"].base, found["pass@4"].trained) == pytest.approx((1.0, 0.9))
    assert found["pass@1"].low is not None
    assert found["pass@1"].low > 0


def test_too_few_questions_give_no_interval():
    one = measured([["[1]"]])
    assert all(r.low is None for r in made(base=one, trained=one).readings)


def test_habits_are_told_with_their_numbers():
    first = [line(s, q, n, f"it is {q + n}", n % 2) for s in range(1, 6) for q in range(12) for n in range(4)]
    last = [line(s, q, n, "well well let me see now <b> 5 </b>", 1.0) for s in (20, 21, 22) for q in range(12) for n in range(4)]
    told = made(rollouts=[*first, *last]).habits
    assert "Answers are longer: 9.0 tokens in the mean, 3.0 at the start." in told
    assert "There are 2.00 pieces of markup in an answer, 0.00 at the start." in told
    assert "100% of the answers begin with 'well well let', 0% at the start." in told
    assert any(h.startswith("Of the answers to a question 25% are different") for h in told)
    assert any(h.startswith("Paid answers now say ") and "well" in h for h in told)
    same = made(rollouts=[*first, *[a | {"step": a["step"] + 20} for a in first]]).habits
    assert same == ("In length, markup, calls, openings and words, answers are much as they were.",)


def test_the_verdict_is_the_worst_that_was_seen():
    assert made().verdict == "clean"
    alarm = {"monitor": "M6", "level": "alarm", "step": 12, "words": "half of them"}
    found = made(events=[alarm])
    assert found.verdict == "suspicious"
    assert found.said.startswith("M6 sounded at step 12: half of them.")
    assert made(events=[alarm], gamed="all of them.").verdict == "gamed"
    assert made(judged=None).said == "Nothing looked (on_gaming is off)."
    held = made(rollouts=[line(1, 0, 0, "x", 1.0) | {"held": "paid for something else"}])
    assert held.verdict == "suspicious"
    assert "From 1 answers" in held.said
