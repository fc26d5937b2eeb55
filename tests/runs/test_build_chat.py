"""The search for a start of reinforcement learning: it bisects, stops in the band, and ends with the nearest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from burnish.runs import build_chat
from burnish.runs.build_chat import BAND, Attempt
from burnish.runs.progress import Silent


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], float]], tuple[list[int], Attempt]]:
    """Search where a model trained on so many rows is right as often as the given function says."""

    def search(right: Callable[[int], float]) -> tuple[list[int], Attempt]:
        asked: list[int] = []

        def attempt(base: Path, work: Path, rows: int, seed: int, say: Silent) -> Attempt:
            asked.append(rows)
            return Attempt(rows=rows, model="m", pass_1=right(rows), pass_8=0.9)

        def tested(work: Path, best: Attempt, seed: int) -> Attempt:
            return best

        monkeypatch.setattr(build_chat, "attempt", attempt)
        monkeypatch.setattr(build_chat, "tested", tested)
        return asked, build_chat.search(Path("base"), Path("work"), 0, Silent())

    return search


@pytest.mark.parametrize("middle", [20, 60, 100, 180, 400])
def test_it_finds_the_band_wherever_it_lies(tried, middle):
    asked, found = tried(lambda rows: min(1.0, 0.375 * rows / middle))
    assert BAND[0] <= found.pass_1 <= BAND[1]
    assert asked[-1] == found.rows
    assert len(asked) <= build_chat.ATTEMPTS


def test_a_step_too_steep_ends_with_the_nearest(tried):
    asked, found = tried(lambda rows: 0.28 if rows < 133 else 0.9)
    assert found.pass_1 == 0.28
    assert len(asked) == len(set(asked)) <= build_chat.ATTEMPTS


def test_what_only_just_answers_enough_of_the_questions_is_not_taken_at_once(monkeypatch: pytest.MonkeyPatch):
    """Validation rows flatter what is chosen by them."""
    found = {300: (0.40, 0.80), 750: (0.44, 0.86)}

    def attempt(base: Path, work: Path, rows: int, seed: int, say: Silent) -> Attempt:
        pass_1, pass_8 = found[rows]
        return Attempt(rows=rows, model="m", pass_1=pass_1, pass_8=pass_8)

    monkeypatch.setattr(build_chat, "attempt", attempt)
    monkeypatch.setattr(build_chat, "tested", lambda work, best, seed: best)
    assert build_chat.search(Path("base"), Path("work"), 0, Silent()).rows == 750


def test_pass_at_eight_counts_too():
    assert not Attempt(rows=1, model="m", pass_1=0.4, pass_8=0.7).in_band
    assert Attempt(rows=1, model="m", pass_1=0.4, pass_8=0.8).in_band
    assert not Attempt(rows=1, model="m", pass_1=0.5, pass_8=0.9).in_band
    found = Attempt(rows=7, model="m", pass_1=0.5, pass_8=0.9)
    assert "**outside** the band" in build_chat.card("pebble", found, 0)
    assert "only 7 of those" in build_chat.card("pebble", found, 0)


def test_the_nearest_lacks_least_of_both_shares(monkeypatch: pytest.MonkeyPatch):
    found = {300: (0.28, 0.65), 750: (0.33, 0.70), 975: (0.39, 0.73), 1087: (0.39, 0.77), 1143: (0.42, 0.78), 1171: (0.43, 0.79)}

    def attempt(base: Path, work: Path, rows: int, seed: int, say: Silent) -> Attempt:
        pass_1, pass_8 = found[rows]
        return Attempt(rows=rows, model="m", pass_1=pass_1, pass_8=pass_8)

    monkeypatch.setattr(build_chat, "attempt", attempt)
    monkeypatch.setattr(build_chat, "tested", lambda work, best, seed: best)
    chosen = build_chat.search(Path("base"), Path("work"), 0, Silent())
    assert chosen.rows == max(found)
