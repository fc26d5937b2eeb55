"""Statistics against scipy, against their definitions by hand, and against their own promise: coverage in simulation."""

import math

import numpy as np
import pytest
import scipy.stats

from burnish import statistics as st

SIMULATIONS = 2000


def covers(low, high, truth=0.0):
    return float(np.mean((np.asarray(low) <= truth) & (truth <= np.asarray(high))))


# Against scipy


@pytest.mark.parametrize("df", [1, 2, 3, 9, 30, 499, 10_000])
def test_t_quantile_is_scipys(df: int):
    for p in (0.0005, 0.025, 0.3, 0.5, 0.6, 0.95, 0.975, 0.995, 0.99999):
        assert st.t_quantile(p, df) == pytest.approx(scipy.stats.t.ppf(p, df), rel=1e-10, abs=1e-12)
        assert st.t_cdf(st.t_quantile(p, df), df) == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize(("k", "n"), [(0, 400), (400, 400), (200, 400), (1, 3), (37, 100)])
def test_wilson_is_scipys(k: int, n: int):
    ours, theirs = st.wilson(k, n), scipy.stats.binomtest(k, n).proportion_ci(method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert 0 <= ours.low <= ours.estimate <= ours.high <= 1


def test_wilson_at_the_ends_is_not_a_point():
    assert st.wilson(0, 400).high == pytest.approx(0.0095, abs=1e-4)
    assert st.wilson(400, 400).low == pytest.approx(0.9905, abs=1e-4)


def test_paired_mean_is_scipys_paired_t():
    random = np.random.default_rng(1)
    a, b = random.normal(size=(2, 23))
    ours, theirs = st.paired_mean_interval(a, b, level=0.9), scipy.stats.ttest_rel(a, b).confidence_interval(0.9)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-10)
    assert (ours.level, ours.n) == (0.9, 23)


def test_mcnemar_is_a_fair_coin():
    for b in range(0, 30, 3):
        for c in range(0, 30, 4):
            expected = scipy.stats.binomtest(b, b + c).pvalue if b + c else 1.0
            assert st.mcnemar_exact(b, c) == pytest.approx(expected, abs=1e-12)
    assert st.mcnemar_exact(900, 1100) == pytest.approx(scipy.stats.binomtest(900, 2000).pvalue, rel=1e-8)


def test_equivalence_is_two_one_sided_tests():
    random = np.random.default_rng(2)
    a = random.normal(size=60)
    b = a + random.normal(0.05, 0.2, size=60)
    found = st.equivalence(a, b, margin=0.1)
    lower = scipy.stats.ttest_1samp(a - b, -0.1, alternative="greater").pvalue
    upper = scipy.stats.ttest_1samp(a - b, 0.1, alternative="less").pvalue
    assert found.p_value == pytest.approx(max(lower, upper), rel=1e-9)
    assert found.equivalent == (found.low > -0.1 and found.high < 0.1)


def test_no_difference_in_few_items_is_not_equivalence():
    a, b = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0, 1.0, 1.0]
    assert not st.equivalence(a, b, margin=0.02).equivalent
    assert st.equivalence(a, a, margin=0.02).equivalent


def test_holm_by_hand():
    assert st.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert st.holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])


def test_pass_at_k_is_the_share_of_subsets_with_a_right_answer():
    from itertools import combinations

    answers = [1, 0, 0, 1, 0, 0, 0]
    for k in range(1, 8):
        subsets = list(combinations(answers, k))
        assert st.pass_at_k(7, 2, k) == pytest.approx(sum(any(s) for s in subsets) / len(subsets))


def test_minimum_detectable_effect_is_2_8_standard_errors():
    assert st.minimum_detectable_effect(1.0, 1) == pytest.approx(2.8016, abs=1e-4)
    points = {(200, 0.1): 6.3, (200, 0.3): 10.8, (400, 0.1): 4.4, (400, 0.3): 7.7, (1000, 0.1): 2.8, (1000, 0.3): 4.8}
    for (n, q), expected in points.items():
        assert 100 * st.minimum_detectable_effect_binary(q, n) == pytest.approx(expected, abs=0.16)


# Clusters


def test_items_alone_in_their_clusters_are_independent_items():
    d = np.random.default_rng(3).normal(size=40)
    alone, paired = st.cluster_interval(d, range(40)), st.paired_mean_interval(d, np.zeros(40))
    assert (alone.low, alone.high) == pytest.approx((paired.low, paired.high), rel=1e-12)


def test_copies_of_items_add_no_certainty():
    d = np.random.default_rng(4).normal(size=30)
    one = st.cluster_interval(d, range(30))
    ten = st.cluster_interval(np.repeat(d, 10), np.repeat(np.arange(30), 10))
    assert (ten.low, ten.high) == pytest.approx((one.low, one.high), rel=1e-12)


def test_clusters_may_be_any_names():
    d = [1.0, 2.0, 3.0, 4.0]
    numbers = st.cluster_interval(d, [0, 0, 1, 1])
    for names in (["x", "x", "y", "y"], [b"k\0", b"k\0", b"k", b"k"], [("a", 1), ("a", 1), ("a", 2), ("a", 2)]):
        assert st.cluster_interval(d, names) == numbers


# Bootstrap


def test_bootstrap_of_a_mean_agrees_with_t_and_with_a_callable():
    random = np.random.default_rng(5)
    a, b = random.normal(size=(2, 80))
    t = st.paired_mean_interval(a, b)
    fast = st.paired_bootstrap(a, b, draws=20_000)
    slow = st.paired_bootstrap(a, b, np.mean, draws=4000)
    for found in (fast, slow):
        assert found.estimate == pytest.approx(t.estimate)
        assert (found.low, found.high) == pytest.approx((t.low, t.high), abs=0.05 * (t.high - t.low))


def test_bootstrap_repeats_with_its_seed_only():
    a, b = np.random.default_rng(6).normal(size=(2, 20))
    assert st.paired_bootstrap(a, b, draws=200, seed=7) == st.paired_bootstrap(a, b, draws=200, seed=7)
    assert st.paired_bootstrap(a, b, draws=200, seed=7) != st.paired_bootstrap(a, b, draws=200, seed=8)


def test_bootstrap_draws_clusters_whole_and_takes_any_statistic():
    """A ratio of sums over rows (loss, tokens): copies of rows in one cluster leave the interval as it was."""

    def ratio(rows: np.ndarray) -> float:
        return rows[:, 0].sum() / rows[:, 1].sum()

    random = np.random.default_rng(8)
    tokens = random.integers(5, 50, 40)
    a, b = (np.stack([tokens * random.normal(2, 0.3, 40), tokens], axis=1) for _ in range(2))
    single = st.paired_bootstrap(a, b, ratio, draws=500)
    copied = st.paired_bootstrap(np.repeat(a, 3, 0), np.repeat(b, 3, 0), ratio, draws=500, clusters=np.repeat(np.arange(40), 3))
    assert (copied.low, copied.high) == pytest.approx((single.low, single.high), rel=1e-9)
    assert single.estimate == pytest.approx(ratio(a) - ratio(b))


# The promise: 95 % intervals cover in 93 to 97 % of 2,000 simulations; a true null is called different in at most 6 %


def test_coverage_of_wilson():
    random = np.random.default_rng(9)
    for p, n in ((0.5, 100), (0.1, 100), (0.8, 40)):
        found = [st.wilson(int(k), n) for k in random.binomial(n, p, SIMULATIONS)]
        assert 0.93 <= covers([f.low for f in found], [f.high for f in found], p) <= 0.97


def test_coverage_of_independent_pairs():
    """Items differ much, the pair shares its item: the paired interval covers, and is far narrower than an unpaired one."""
    random = np.random.default_rng(10)
    item = random.normal(size=(SIMULATIONS, 30)) * 3
    a, b = item + random.normal(size=item.shape) + 0.2, item + random.normal(size=item.shape)
    found = [st.paired_mean_interval(x, y) for x, y in zip(a, b, strict=True)]
    assert 0.93 <= covers([f.low for f in found], [f.high for f in found], 0.2) <= 0.97
    unpaired = 2 * 1.96 * math.sqrt(2 * 10 / 30)
    assert np.mean([f.high - f.low for f in found]) < unpaired / 2


def test_coverage_of_clusters_where_naive_intervals_fail():
    random = np.random.default_rng(11)
    clusters = np.repeat(np.arange(40), 8)
    d = np.repeat(random.normal(size=(SIMULATIONS, 40)), 8, axis=1) + random.normal(size=(SIMULATIONS, 320))
    found = [st.cluster_interval(row, clusters) for row in d]
    coverage = covers([f.low for f in found], [f.high for f in found])
    assert 0.93 <= coverage <= 0.97
    assert 1 - coverage <= 0.06
    naive = 1.96 * d.std(axis=1, ddof=1) / math.sqrt(320)
    assert covers(d.mean(1) - naive, d.mean(1) + naive) < 0.75


def test_coverage_of_the_paired_bootstrap():
    random = np.random.default_rng(12)
    d = random.exponential(size=(SIMULATIONS, 40)) - random.exponential(size=(SIMULATIONS, 40))
    found = [st.paired_bootstrap(row, np.zeros(40), draws=400, seed=i) for i, row in enumerate(d)]
    coverage = covers([f.low for f in found], [f.high for f in found])
    assert 0.93 <= coverage <= 0.97


def test_false_alarms_of_paired_binary_answers():
    """Two equal models, right or wrong: called different by the t interval in at most 6 % of cases, by McNemar in fewer."""
    random = np.random.default_rng(13)
    d = random.choice([-1.0, 0.0, 1.0], p=[0.15, 0.7, 0.15], size=(SIMULATIONS, 100))
    found = [st.paired_mean_interval(row, np.zeros(100)) for row in d]
    coverage = covers([f.low for f in found], [f.high for f in found])
    assert 0.93 <= coverage <= 0.97
    assert 1 - coverage <= 0.06
    exact = [st.mcnemar_exact(int((row > 0).sum()), int((row < 0).sum())) for row in d]
    assert np.mean(np.array(exact) < 0.05) <= 0.06


def test_the_detectable_effect_is_found_four_times_in_five():
    random = np.random.default_rng(14)
    n = 100
    effect = st.minimum_detectable_effect(1.0, n)
    d = random.normal(effect, 1, size=(SIMULATIONS, n))
    found = np.mean([st.paired_mean_interval(row, np.zeros(n)).low > 0 for row in d])
    assert 0.76 <= found <= 0.83


def test_equivalence_is_not_claimed_of_a_model_that_is_worse_by_the_margin():
    random = np.random.default_rng(15)
    d = random.normal(-0.02, 0.1, size=(SIMULATIONS, 200))
    claimed = np.mean([st.equivalence(row, np.zeros(200), margin=0.02).equivalent for row in d])
    assert claimed <= 0.06


def test_a_missing_score_is_never_a_number():
    with pytest.raises(AssertionError):
        st.paired_mean_interval([1.0, float("nan")], [0.0, 0.0])


def test_weighted_bootstrap_equals_that_of_the_ratio_of_sums():
    random = np.random.default_rng(5)
    tokens = random.integers(1, 50, 60).astype(float)
    a, b = random.normal(2, 1, 60), random.normal(1.8, 1, 60)
    clusters = random.integers(0, 25, 60)

    def ratio(rows: np.ndarray) -> float:
        return float(rows[:, 0].sum() / rows[:, 1].sum())

    weighted = st.paired_bootstrap(a, b, weights=tokens, clusters=clusters, draws=3000)
    rows = np.stack([a * tokens, tokens], 1), np.stack([b * tokens, tokens], 1)
    slow = st.paired_bootstrap(*rows, ratio, clusters=clusters, draws=3000)
    assert weighted.estimate == pytest.approx(slow.estimate)
    assert (weighted.low, weighted.high) == pytest.approx((slow.low, slow.high), abs=0.02)


def test_paired_proportions_cover_and_never_shrink_to_a_point():
    random = np.random.default_rng(9)
    for n, lost, gained in ((30, 0.02, 0.05), (30, 0.1, 0.3), (200, 0.05, 0.05), (200, 0.0, 0.02), (100, 0.0, 0.0)):
        draws = random.multinomial(n, (lost, gained, 1 - lost - gained), SIMULATIONS)
        found = [st.paired_proportions(b, c, n) for b, c, _ in draws.tolist()]
        assert covers([i.low for i in found], [i.high for i in found], gained - lost) > 0.93, (n, lost, gained)
        assert all(i.low < i.estimate < i.high or abs(i.estimate) == 1 for i in found)
    large = st.paired_proportions(40, 100, 1000)
    d = np.array([-1.0] * 40 + [1.0] * 100 + [0.0] * 860)
    t = st.paired_mean_interval(d, np.zeros(1000))
    assert (large.estimate, large.low, large.high) == pytest.approx((t.estimate, t.low, t.high), abs=1e-3)


def test_detectable_effect_of_right_and_wrong_never_exceeds_what_differs():
    """Where few items differ, an effect cannot be seen that would need more of them to differ."""
    for n in (20, 200, 1000):
        least = st.minimum_detectable_effect_binary(0.0, n)
        assert least == pytest.approx(7.849 / n, rel=1e-3)
        assert st.minimum_detectable_effect_binary(least, n) == pytest.approx(least)
    assert st.minimum_detectable_effect_binary(0.1, 200) == pytest.approx(0.0626, abs=1e-3)
