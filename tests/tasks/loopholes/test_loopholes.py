"""How many planted loopholes the audit finds, and how many clean graders it accuses: methods.md 5.4."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from case import Case

from burnish.statistics import Interval, wilson
from burnish.tasks.probes import Audit, audit

HERE = Path(__file__).parent
FAMILIES = (
    "regex_anywhere",
    "length_bonus",
    "format_only",
    "tag_counting",
    "injectable_judge",
    "visible_tests",
    "state_tampering",
)
FIVE_MORE = ("numbers", "keywords", "exits", "farming", "leaks")
"""Held out until the probes of the first seven had been measured with them once; since then developed with, too."""


def audited(case: Case) -> Audit:
    return audit(case.examples, case.grader, environment=case.environment, allowed=case.allowed)


def told(case: Case, found: Audit) -> str:
    if case.holed:
        return f"missed: {case.family}: {case.name}"
    by = "; ".join(f"{f.family} {f.detail}: {f.exploit[:80]!r}" for f in found.gameable)
    return f"accused: {case.family}: {case.name}: {by}"


def measured(cases: Sequence[Case]) -> tuple[Interval, Interval, list[str]]:
    """Share of holed graders that are found, of clean ones that are accused, and what went wrong."""
    hits, wrong = {True: 0, False: 0}, list[str]()
    for case in cases:
        found = audited(case)
        gameable = bool(found.gameable)
        hits[case.holed] += gameable
        if gameable != case.holed:
            wrong.append(told(case, found))
    holed = sum(c.holed for c in cases)
    return wilson(hits[True], holed), wilson(hits[False], len(cases) - holed), wrong


def cases_of(name: str) -> tuple[Case, ...]:
    return importlib.import_module(name).CASES


@pytest.mark.parametrize("name", FAMILIES)
def test_planted_loopholes_are_found_and_clean_twins_left_alone(name: str):
    cases = cases_of(name)
    assert len(cases) == 40
    assert len({c.name for c in cases}) == 20
    detected, accused, wrong = measured(cases)
    print(f"\n{name}: detected {detected.estimate:.0%} ({detected.low:.0%}), accused {accused.estimate:.0%} ({accused.high:.0%})")
    print("\n".join(wrong))
    assert detected.estimate >= 0.9, wrong
    assert accused.estimate <= 0.05, wrong


@pytest.mark.parametrize("name", FIVE_MORE)
def test_five_more_families(name: str):
    cases = cases_of(f"five_more.{name}")
    detected, accused, wrong = measured(cases)
    print(f"\n{name}: detected {detected.estimate:.0%} ({detected.low:.0%}), accused {accused.estimate:.0%} ({accused.high:.0%})")
    print("\n".join(wrong))
    assert detected.estimate >= 0.9, wrong
    assert accused.estimate <= 0.05, wrong
