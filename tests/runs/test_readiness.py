"""Whether a model can learn from a task by trying, as it is said."""

from __future__ import annotations

from typing import Any

import pytest

from burnish.runs.readiness import FLAT, HOPE, Readiness


def seen(**values: Any) -> Readiness:
    usual: dict[str, Any] = {
        "questions": 32, "samples": 8, "reward": 0.3, "rewards": (0.0, 0.3, 1.0), "pass_1": 0.2, "pass_k": 0.6, "flat": 0.4,
        "errors": 0.0, "cut": 0.0, "tokens": 9.0, "seconds": 1.0, "best": 0.7, "own": 1.0,
    }  # fmt: skip
    return Readiness(**{**usual, **values})


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({}, "ready"),
        ({"flat": 0.95, "reward": 0.02}, "no signal"),
        ({"flat": 0.95, "reward": 0.9}, "too easy"),
        ({"errors": 0.6}, "the grader fails"),
        # A little is earned, and nothing is ever right.
        ({"reward": 0.03, "rewards": (0.0, 0.03, 0.06), "best": 0.06}, "no signal"),
        # Everything earns half for its form, and next to nothing besides.
        ({"reward": 0.52, "rewards": (0.5, 0.52, 0.55), "best": 0.54, "own": 1.5}, "no signal"),
        ({"reward": -0.95, "rewards": (-1.0, -0.95, -0.9), "best": -0.91}, "no signal"),
        # Right answers earn as little, or what they earn is not known: nothing is said of it.
        ({"reward": 0.03, "rewards": (0.0, 0.03, 0.06), "best": 0.05, "own": 0.06}, "ready"),
        ({"reward": 0.03, "rewards": (0.0, 0.03, 0.06), "best": 0.06, "own": float("nan")}, "ready"),
        ({"reward": 0.03, "rewards": (0.0, 0.03, 0.06), "best": 0.06, "own": 0.0}, "ready"),
        # What differs much below what is right can be learned from.
        ({"reward": -5.0, "rewards": (-10.0, -5.0, -2.0), "best": -3.0}, "ready"),
        ({"reward": 0.1, "rewards": (0.0, 0.1, 0.2), "best": 0.15}, "ready"),
    ],
)
def test_verdicts(values: dict[str, Any], verdict: str) -> None:
    found = seen(**values)
    assert found.verdict == verdict
    assert ("start with SFT" in found.todo) == (verdict == "no signal")


def test_what_the_best_earn_beside_the_rows_own_is_said_where_it_decides() -> None:
    said = seen(reward=0.03, rewards=(0.0, 0.06), best=0.0612, own=1.0).seen
    assert said.endswith("; the best answers earn 0.061, the rows' own 1")
    assert "rows' own" not in seen().seen


def test_of_right_and_wrong_both_rules_say_the_same() -> None:
    assert pytest.approx(1 - FLAT) == HOPE
