"""What the audit is worth on loopholes that its probes were not made with: methods.md 5.4. The cases come from other authors, who
did not see the probes; each set measures once, when it is met for the first time, and is developed with from then on."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from case import Case
from test_loopholes import measured

HERE = Path(__file__).parent
DETECTED, ACCUSED = 0.85, 0.05
"""Lower bound of the share of holes found, upper bound of that of clean twins accused, of sets that were met before."""


@pytest.mark.parametrize("folder", ["unseen", "third"])
def test_sets_of_other_authors(folder: str):
    cases = cases_of(folder)
    assert cases
    detected, accused, wrong = measured(cases)
    print(f"\n{folder}: holes found {detected.estimate:.1%} (at least {detected.low:.1%}) of {detected.n}")
    print(f"clean twins accused {accused.estimate:.1%} (at most {accused.high:.1%}) of {accused.n}")
    print("\n".join(wrong))
    assert detected.low >= DETECTED, wrong
    assert accused.high <= ACCUSED, wrong


def cases_of(folder: str) -> list[Case]:
    """Those of every module that has some, each once: a module may gather those of others."""
    names = sorted(p.stem for p in (HERE / folder).glob("*.py") if not p.stem.startswith(("_", "test_", "conftest")))
    found = (case for name in names for case in getattr(importlib.import_module(f"{folder}.{name}"), "CASES", ()))
    return list({(c.family, c.name, c.holed): c for c in found}.values())
