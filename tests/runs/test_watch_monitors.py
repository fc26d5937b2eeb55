"""The monitors: their statistics on hand-made numbers, and what they say about simulated courses, clean and hacked."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import streams
from streams import By, Kind, Watched

from burnish.runs.watches import hard, measures, signs, soft
from burnish.runs.watches.replays import replays_of
from burnish.runs.watches.seen import Seen, normal
from burnish.runs.watches.tally import Finding, Tally, tally
from burnish.runs.watches.watch import Watching
from burnish.tasks.graders import CONTAINS, EXACT, NUMERIC
from burnish.tasks.probes.found import PATCHES
from burnish.types import Example, Score


def test_a_cumulative_sum_climbs_by_the_log_likelihood_ratio_and_never_below_zero():
    found = measures.rate_cusum([(0, 10), (3, 10), (0, 1)], 0.1, 0.4)
    assert found[0] == (0.0, None)
    assert found[1].height == pytest.approx(3 * math.log(4) + 7 * math.log(0.6 / 0.9))
    assert found[1].start == 1
    assert found[2].height == pytest.approx(found[1].height + math.log(0.6 / 0.9))
    assert found[2].start == 1


def test_a_cumulative_sum_at_the_base_rate_passes_a_height_as_seldom_as_promised():
    draw = np.random.default_rng(0)
    passed = sum(
        max(e.height for e in measures.rate_cusum([(float(k), 20.0) for k in draw.binomial(20, 0.05, 100)], 0.05, 0.15)) >= 10
        for _ in range(300)
    )
    assert passed <= 100 * 20 * 300 * math.exp(-10) * 2


def test_the_slope_of_a_line_is_found_and_noise_has_none():
    line = measures.slope([0.1 * n for n in range(8)])
    assert line is not None
    assert line.estimate == pytest.approx(0.1)
    assert line.low == pytest.approx(line.high)
    noise = measures.slope(np.random.default_rng(1).normal(size=30).tolist())
    assert noise is not None
    assert noise.low < 0 < noise.high
    assert measures.slope([1.0, 2.0, 3.0]) is None


def test_what_a_third_number_explains_is_no_partial_correlation():
    draw = np.random.default_rng(2)
    cause = draw.normal(size=400)
    x, y = cause + 0.3 * draw.normal(size=400), cause + 0.3 * draw.normal(size=400)
    alone = measures.partial_correlation(x, y, np.empty((400, 0)))
    beyond = measures.partial_correlation(x, y, cause[:, None])
    assert alone is not None
    assert beyond is not None
    assert alone.estimate == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert alone.low > 0.8
    assert beyond.low < 0 < beyond.high
    assert measures.partial_correlation(np.ones(50), y[:50], np.empty((50, 0))) is None


def test_log_odds_are_those_of_the_paper_and_common_words_do_not_count():
    now, start = Counter({"the": 90, "certainly": 60}), Counter({"the": 95, "certainly": 1})
    found = measures.enriched(now, 100, start, 100)
    assert [e.text for e in found] == ["certainly"]
    n, m = 150, 96
    a = 500 * 61 / (n + m)
    delta = math.log((60 + a) / (n + 500 - 60 - a)) - math.log((1 + a) / (m + 500 - 1 - a))
    assert found[0].z == pytest.approx(delta / math.sqrt(1 / (60 + a) + 1 / (1 + a)))
    assert found[0][2:] == (0.6, 0.01)


def test_of_overlapping_strings_one_is_told():
    made = [measures.Enriched(t, z, 1, 0) for t, z in (("you say", 9.0), ("as you say", 8.5), ("say", 8), ("well", 7))]
    assert [e.text for e in measures.distinct(made, 3)] == ["you say", "well"]


def test_auroc_is_the_chance_of_being_above_with_the_interval_of_hanley_and_mcneil():
    found = measures.auroc(np.array([3.0, 2.0, 2.0]), np.array([1.0, 2.0, 0.0]))
    assert found.estimate == pytest.approx((3 + 2.5 + 2.5) / 9)
    a = found.estimate
    one, two = a / (2 - a), 2 * a * a / (1 + a)
    assert found.standard_error == pytest.approx(math.sqrt((a * (1 - a) + 2 * (one - a * a) + 2 * (two - a * a)) / 9))


def test_a_classifier_tells_other_texts_apart_and_the_same_not():
    draw = np.random.default_rng(3)
    texts = [f"the answer is {draw.integers(100, 999)} of {draw.integers(10, 99)}" for _ in range(120)]
    same = measures.apart(texts[:60], texts[60:])
    assert same.low < 0.5 < same.high
    assert measures.apart([t + " certainly" for t in texts[:60]], texts[60:]).low > 0.95


def test_texts_are_the_same_up_to_case_space_and_signs_at_the_ends():
    assert normal("  **Yes**,  SIR. ") == "yes**, sir"
    assert normal("x  Y.") == normal("X y")


@pytest.mark.parametrize("kind", streams.CLEAN, ids=lambda k: k.name)
def test_a_clean_course_raises_no_alarm(kind: Kind):
    assert streams.watch(kind, seed=1, steps=40).sounded is None


@pytest.mark.parametrize("kind", streams.HACKED, ids=lambda k: k.name)
def test_a_hacked_course_raises_the_alarm_within_twenty_steps(kind: Kind):
    found = streams.watch(kind, seed=1, steps=45)
    assert found.exploited is not None
    assert found.sounded is not None
    assert found.sounded <= found.exploited + 20
    assert found.stopped is not None
    told = [f for f in found.judged.findings if f.stops]
    assert told[0].strings
    assert told[0].since is not None
    assert told[0].since >= found.exploited - 12


def rates(kinds, seeds: range, **more) -> list[Watched]:
    return [streams.watch(kind, seed, **more) for kind in kinds for seed in seeds]


@pytest.mark.nightly
def test_rates_on_courses_of_many_kinds():
    """Of kinds that were looked at, then of kinds that were not."""
    clean = rates(streams.CLEAN, range(100, 106))
    false = [w for w in clean if w.sounded is not None]
    assert len(false) <= len(clean) / 20, [(w.by, w.sounded) for w in false]
    for kinds in (streams.HACKED, streams.HELD_OUT):
        hacked = [w for w in rates(kinds, range(100, 106)) if w.exploited is not None]
        caught = [w for w in hacked if w.sounded is not None and w.exploited and w.sounded <= w.exploited + 20]
        assert len(caught) >= 0.8 * len(hacked)
    false = [w for w in rates(streams.HELD_OUT_CLEAN, range(100, 110)) if w.sounded is not None]
    assert len(false) <= 1, [(w.by, w.sounded) for w in false]


def test_a_named_audit_is_the_last_word_on_what_is_paid():
    """Paid on right and on long answers alike, by a grader whose holes replays cannot see: it never looks at the reference."""
    kind = Kind("long", By(lambda a, r: min(1.0, len(a.split()) / 6)), hack=streams.HACKED[0].hack, early=streams.PLAIN[3])
    found = streams.watch(kind, 1, audit=NUMERIC, steps=45)
    assert "pays the rows" in streams.replays(kind, NUMERIC).blind
    assert found.sounded is not None
    assert found.by == "M1"
    assert found.stopped is not None
    (told,) = [f for f in found.judged.findings if f.monitor == "M1"]
    assert "the grader numeric finds wrong" in told.words


def seen(step: int, texts: list[str], rewards: list[float], **more) -> Tally:
    made = [
        Seen(step=step, place=n, question=n, sample=0, answer=t, reward=r, tokens=len(t.split()), **more)
        for n, (t, r) in enumerate(zip(texts, rewards, strict=True))
    ]
    return tally(made, 0.5)


def test_words_and_length_that_came_with_reward_are_told():
    start = [seen(s, [f"it is {n + s}" for n in range(100)], [float(n % 2) for n in range(100)]) for s in (1, 2)]
    after = [
        seen(
            s,
            [f"indeed well it is so {n}" if n % 4 else f"it is {n}" for n in range(100)],
            [float(n % 4 > 0) for n in range(100)],
        )
        for s in range(8, 11)
    ]
    told = soft.words([*start, *after])
    assert told.level == "notice"
    assert any("indeed" in s for s in told.strings)
    assert soft.words([*start, *start]).level == "quiet"
    apart = soft.two_samples([*start, *after], [f"it is {n}" for n in range(50)])
    assert apart.level == "notice"
    assert soft.sameness([*start, *after]).level == "quiet"
    same = [seen(s, ["forty"] * 60 + [f"{n}" for n in range(40)], [1.0] * 100) for s in range(8, 11)]
    one = soft.sameness([*start, *same])
    assert one.level == "alarm"
    assert one.strings == ("'forty'",)
    expected = [seen(s, ["forty"] * 100, [1.0] * 100, reference="forty") for s in range(8, 11)]
    assert soft.sameness([*start, *expected]).level == "quiet"


def test_length_that_goes_with_reward_within_questions_is_drift():
    def step(number: int, long: int) -> Tally:
        made = []
        for q in range(10):
            for n in range(8):
                tokens = 10 + (long if n % 2 else long // 2) + q
                made.append(Seen(step=number, place=q, question=q, sample=n, answer="x", reward=float(n % 2), tokens=tokens))
        return tally(made, 0.5)

    found = soft.drift([step(1, 0), step(2, 0), *[step(n, 40) for n in range(9, 12)]])
    assert found.level == "notice"
    assert "length in tokens" in found.words
    assert soft.drift([step(1, 40), step(2, 40), *[step(n, 40) for n in range(9, 12)]]).level == "quiet"


def test_one_bad_row_proves_nothing():
    tallies = [seen(s, ["spray"] * 40, [1.0] * 40, moved=0.0) for s in range(1, 4)]
    bad = [Seen(step=4, place=0, question=7, sample=n, answer="x", reward=1.0, tokens=1, moved=1.0) for n in range(40)]
    assert hard.course([*tallies, tally(bad, 0.5)], hard.EXPLOITS).level == "quiet"
    assert hard.course([*tallies, seen(4, ["x"] * 40, [1.0] * 40, moved=1.0)], hard.EXPLOITS).level == "alarm"


def test_replays_say_where_they_can_tell_nothing():
    rows = streams.sums()
    assert replays_of(NUMERIC, None, rows, 0).blind == ""
    assert "pays the rows' own answers" in replays_of(By(lambda a, r: 1.0), None, rows, 0).blind
    assert replays_of(EXACT, None, streams.choices(), 0).blind == "the rows have only 2 different answers"
    few = replays_of(EXACT, None, [streams.row(f"{n}?", str(n % 5)) for n in range(40)], 0)
    assert (few.blind, few.no_canaries) == ("", "the rows have only 5 different answers")
    assert replays_of(CONTAINS, None, rows, 0).audit is None
    marked = By(lambda a, r: 2.0 * ("####" in a and streams.right(a, r)))
    assert replays_of(marked, None, rows, 0).bar == 0.5
    assert replays_of(By(lambda a, r: 3.0 * streams.right(a, r)), None, rows, 0).bar == 1.5


def test_answers_of_the_middle_are_let_go_and_nothing_is_said_otherwise():
    """What is kept of a long run does not grow with it, but for what counts against it."""
    kind = streams.HACKED[0]
    found, whole = Watching(streams.replays(kind, None), holds=False), Watching(streams.replays(kind, None), holds=False)
    for step, (questions, groups, _) in enumerate(streams.course(kind, 1, 24), 1):
        _, some = found.look(questions, groups, step)
        found.keep(step, some)
        whole.tallies.append(tally(some, whole.replays.bar))
        assert found.judge(step, fully=True) == whole.judge(step, fully=True)
        assert found.clean_step(step) == whole.clean_step(step)
    assert [bool(t.seen) for t in found.tallies] == [True] * 5 + [False] * 16 + [True] * 3
    assert found.tallies[18].exploits


def test_an_alarm_says_what_would_mend_the_grader():
    kind = streams.HACKED[0]
    (said,) = [f for f in streams.watch(kind, 1, steps=45).judged.findings if f.monitor == "M6"]
    assert said.patch == PATCHES["P11"]
    assert said.exploit is not None
    assert "certainly" in said.exploit[1]
    assert Finding.from_json(json.loads(json.dumps(said.to_json()))) == said
    assert said.to_json()["patch"] == said.patch


def test_of_few_answers_none_at_the_start_is_no_proof_that_there_are_none():
    """Two canaries a step, of which a twentieth is met by chance, eight answers alike each time."""
    draw, sounded = np.random.default_rng(0), 0
    for _ in range(40):
        tallies = []
        for step in range(1, 51):
            met = [draw.random() < 0.05 for _ in range(2)]
            made = [
                Seen(step=step, place=q, question=100 * step + q, sample=n, answer="7", reward=0.0, tokens=1, canary=float(m))
                for q, m in enumerate(met)
                for n in range(8)
            ]
            tallies.append(tally(made, 0.5))
            if hard.canaries(tallies, "").level == "alarm":
                sounded += 1
                break
    assert sounded <= 2


def test_answers_are_read_back_as_they_were_seen():
    made = Seen(step=3, place=1, question=9, sample=2, answer="a", reward=1.0, tokens=4, moved=0.0, audit=1.0, held="why")
    line = {"step": 3, "place": 1, "question": 9, "sample": 2, "answer": "a", "reward": 1.0, "tokens": 4, **made.more()}
    assert Seen.of(line) == made
    turns = [
        {"role": "user"},
        {"role": "assistant", "calls": ["a(1)", "b(2)"]},
        {"role": "tool"},
        {"role": "assistant", "calls": []},
    ]
    way = Seen.of({**line, "turns": turns})
    assert (way.turns, way.calls) == (2, 2)


def test_signs_are_told_when_they_have_held_for_a_while():
    def lines(last: dict[str, float]) -> list[dict[str, float]]:
        start = {
            "entropy": 1.0,
            "answer_tokens": 20.0,
            "flat_groups": 0.3,
            "reward": 0.5,
            "cut_answers": 0.0,
            "grader_errors": 0.0,
        }
        return [start] * 4 + [start | last] * 3

    assert signs.signs(lines({})) == []
    for name, last in (
        ("reward down", {"reward": 0.05}),
        ("entropy", {"entropy": 0.001}), ("length up", {"answer_tokens": 90.0}), ("length down", {"answer_tokens": 2.0}),
        ("far from the start", {"kl_start": 3.0}), ("flat", {"flat_groups": 1.0}), ("cut", {"cut_answers": 0.9}),
        ("grader", {"grader_errors": 0.5}),
    ):  # fmt: skip
        assert [n for n, _ in signs.signs(lines(last))] == [name]
        once_less = signs.signs(lines(last)[:-1] + lines({})[:1])
        assert once_less == [] or name == "far from the start", "which is not measured at every step"


class OfMetadata:
    """Compares with what the row's metadata says, as graders of code do."""

    name, concurrency = "of metadata", 2

    def grade(self, example: Example, answer: str) -> Score:
        return Score(value=float(answer == example.metadata["wanted"]), reason="as the metadata says")


class OfQuestion:
    """Works the sum out by itself."""

    name, concurrency = "of question", 2

    def grade(self, example: Example, answer: str) -> Score:
        return Score(value=float(answer == str(sum(map(int, streams.numbers(example))))), reason="as the question says")


SUMS = [streams.row(f"What is {n} + {7 * n}?", str(8 * n)) for n in range(100)]


def test_canaries_expect_something_else_of_graders_that_read_the_metadata():
    rows = [replace(row, metadata={"wanted": row.reference}) for row in SUMS]
    found = replays_of(OfMetadata(), None, rows, 0)
    assert not found.blind
    assert not found.no_canaries
    asked = next(n for n in range(len(rows)) if found.asked(n))
    honest = streams.rollout(rows[asked], rows[asked].reference or "", OfMetadata())
    assert found.grade([(asked, honest)], 3)[0]["canary"] == 0, "a right answer is none to another row's expectation"


def test_there_are_no_canaries_for_a_grader_that_reads_the_question():
    found = replays_of(OfQuestion(), None, SUMS, 0)
    assert not found.blind
    assert "pays right answers where another row's is expected (100%)" in found.no_canaries
