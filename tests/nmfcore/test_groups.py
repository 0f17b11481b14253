"""Shares by group, their intervals, the test against chance and the words of a group, each against somebody else's numbers."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import scipy.stats
from numpy.testing import assert_allclose

from nmfcore import ProblemError
from nmfcore.data.model.facts import Classes
from nmfcore.methods.groups import crossed, group_shares, log_odds, most_typical, occurrences, shares


def grouped(m=120, g=4, r=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.gamma(0.5, 1.0, (m, r)), Classes(tuple("abcdefgh"[:g]), rng.integers(0, g, m).astype(np.int32))


def test_mean_shares_are_those_of_pandas():
    W, groups = grouped()
    W[7] = 0.0  # in no topic
    groups.index[9] = -1  # of no group
    found = group_shares(W, groups, resamples=50, shuffles=0)
    table = pd.DataFrame(W).div(W.sum(axis=1), axis=0)
    table["group"] = groups.index
    table = table.drop(index=[7, 9])
    assert_allclose(found.mean, table.groupby("group").mean().to_numpy(), rtol=1e-12)
    assert_allclose(found.whole, table.drop(columns="group").mean().to_numpy(), rtol=1e-12)
    assert found.sizes.tolist() == table.groupby("group").size().tolist()
    assert (found.without, found.unknown) == (1, 1)
    assert np.isnan(found.p).all()


def test_the_interval_is_scipys_percentile_bootstrap():
    W, groups = grouped(m=90)
    found = group_shares(W, groups, resamples=4000, shuffles=0, seed=3)
    part = shares(W)[groups.index == 1]
    reference = scipy.stats.bootstrap(
        (part,), np.mean, n_resamples=4000, method="percentile", axis=0, rng=np.random.default_rng(1)
    ).confidence_interval
    width = reference.high - reference.low
    assert np.all(np.abs(found.low[1] - reference.low) < 0.1 * width)  # both are random: a tenth of the interval's width
    assert np.all(np.abs(found.high[1] - reference.high) < 0.1 * width)


def test_the_interval_is_the_same_for_the_same_seed_only():
    W, groups = grouped()
    one, two, other = (group_shares(W, groups, resamples=100, shuffles=20, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.low, two.low)
    assert np.array_equal(one.p, two.p)
    assert not np.array_equal(one.low, other.low)


def test_one_cell_has_scipys_permutation_p_value():
    rng = np.random.default_rng(4)
    W = np.column_stack([rng.random(40), rng.random(40)])
    groups = Classes(("in", "out"), (np.arange(40) >= 15).astype(np.int32))
    W[:15, 0] *= 1.5
    found = group_shares(W, groups, resamples=10, shuffles=4999)
    S = shares(W)[:, 0]
    reference = scipy.stats.permutation_test(
        (S[:15], S[15:]), lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis), vectorized=True, n_resamples=4999,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    # two topics and two groups: all four cells have the same distance, so the largest of them is each of them
    assert_allclose(found.p, reference.pvalue, atol=0.025)
    assert found.comparisons == 4


def test_z_is_the_distance_in_standard_deviations_of_shuffled_labels():
    W, groups = grouped(m=50, g=3, r=2, seed=5)
    found = group_shares(W, groups, resamples=2, shuffles=0)
    S, rng = shares(W), np.random.default_rng(0)
    moved = np.array([[S[rng.permutation(50)][groups.index == g].mean(axis=0) for g in range(3)] for _ in range(4000)])
    assert_allclose(found.z, (found.mean - found.whole) / moved.std(axis=0), rtol=0.05)


def test_noise_is_called_different_about_as_often_as_it_should():
    """The family-wise error at 5 % over all cells of 200 data sets without any difference."""
    called = 0
    for seed in range(200):
        W, groups = grouped(m=40, g=4, r=4, seed=100 + seed)
        called += bool(np.nanmin(group_shares(W, groups, resamples=2, shuffles=99, seed=seed).p) <= 0.05)
    assert 2 <= called <= 20  # 10 expected; outside of this in less than one of 500 runs


def test_a_planted_difference_is_found_and_the_topics_sorted_by_it():
    W, groups = grouped(m=200, seed=7)
    W[groups.index == 2, 3] += 2.0
    found = group_shares(W, groups, shuffles=199)
    assert found.p[2, 3] == 1 / 200
    assert int(np.argmax(found.spread)) == 3
    assert found.highest(3) == 2
    apart = [[np.abs(found.mean[a] - found.mean[b]).sum() for b in range(4)] for a in range(4)]
    a, b = found.furthest
    assert a < b
    assert apart[a][b] == np.max(apart)
    members = np.flatnonzero(groups.index == 2)
    typical = most_typical(shares(W), members, found.whole, found.mean[2], 5)
    assert set(typical) <= set(members)
    assert shares(W)[typical, 3].min() > np.median(shares(W)[members, 3])


def test_no_change_is_named_that_chance_makes_as_large():
    """The largest spread of noise was a headline."""
    W, groups = grouped(m=60, g=6, seed=3)
    found = group_shares(W, groups, resamples=50, shuffles=199)
    assert found.spread.max() > 0.1
    assert not found.sure.any()
    assert found.change is None
    W[groups.index == 2, 1] += 20.0
    found = group_shares(W, groups, resamples=50, shuffles=199)
    k, low, high = found.change
    assert (k, high) == (1, 2)
    assert found.mean[low, 1] == found.mean[:, 1].min()
    assert group_shares(W, groups, resamples=50, shuffles=0).change is None


def test_a_group_of_everything_or_nothing_has_no_test():
    W, _ = grouped(m=10)
    found = group_shares(W, Classes(("all", "none"), np.zeros(10, np.int32)), resamples=20, shuffles=20)
    assert np.isnan(found.p).all()
    assert np.isnan(found.mean[1]).all()
    assert found.comparisons == 0


def test_items_that_are_nowhere_are_refused():
    with pytest.raises(ProblemError, match="nothing to compare"):
        group_shares(np.zeros((3, 2)), Classes(("a",), np.zeros(3, np.int32)))
    with pytest.raises(ProblemError, match="3 rows"):
        group_shares(np.ones((3, 2)), Classes(("a",), np.zeros(4, np.int32)))


def test_two_facts_are_crossed():
    both = crossed(Classes(("x", "y"), np.array([0, 0, 1, 1, -1])), Classes(("p", "q"), np.array([1, 0, 1, 1, 0])))
    assert both.names == ("x × p", "x × q", "y × q")
    assert both.index.tolist() == [1, 0, 2, 2, -1]


# -- words -----------------------------------------------------------------------------------------------------------------


def test_log_odds_follow_the_papers_equations():
    rng = np.random.default_rng(0)
    X = rng.poisson(1.0, (30, 6))
    first, second = np.arange(10), np.arange(10, 25)
    found = log_odds(sp.csr_array(X), first, second, prior=50.0)
    y, n = X[first].sum(axis=0), X[first].sum()
    v, k = X[second].sum(axis=0), X[second].sum()
    a = 50.0 * X.sum(axis=0) / X.sum()
    for j in range(6):
        delta = np.log((y[j] + a[j]) / (n + 50 - y[j] - a[j])) - np.log((v[j] + a[j]) / (k + 50 - v[j] - a[j]))
        assert found.delta[j] == pytest.approx(delta, rel=1e-12)
        assert found.z[j] == pytest.approx(delta / np.sqrt(1 / (y[j] + a[j]) + 1 / (v[j] + a[j])), rel=1e-12)
    swapped = log_odds(X, np.isin(np.arange(30), second), np.isin(np.arange(30), first), prior=50.0)
    assert_allclose(swapped.z, -found.z, rtol=1e-12)


def test_a_frequent_word_of_one_group_stands_before_a_rare_one_of_it():
    X = np.ones((20, 50))
    X[:10, 0], X[10:, 0] = 9, 1  # frequent, mostly of the first
    X[:, 1] = 0
    X[0, 1] = 2  # of the first only, but twice in all
    found = log_odds(X, np.arange(10), np.arange(10, 20))
    assert found.most(2).tolist() == [0, 1]
    assert 1 not in found.most(50, of_first=False)


def test_no_word_of_a_random_half_is_beyond_the_corrected_line():
    """The ten largest z of a few items were listed as their own, whatever chance gives."""
    rng = np.random.default_rng(0)
    beyond = 0
    for _ in range(40):
        X = rng.poisson(3.0, (60, 200)).astype(float)
        found = log_odds(X, np.arange(30), np.arange(30, 60))
        assert np.isclose(found.line, scipy.stats.norm.isf(0.025 / 200))
        beyond += bool((np.abs(found.z) > found.line).any())
    assert beyond <= 6  # 5 % of 40 is 2; 7 or more has probability 0.003
    X[:30, 7] += 10
    found = log_odds(X, np.arange(30), np.arange(30, 60))
    assert np.flatnonzero(found.z > found.line).tolist() == [7]


def test_weights_are_no_counts():
    X = sp.csr_array(np.array([[0.5, 0.0], [0.0, 1.5]]))
    counted, is_x = occurrences(X)
    assert not is_x
    assert counted.toarray().tolist() == [[1, 0], [0, 1]]
    assert occurrences(sp.csr_array(np.array([[2.0, 0.0]])))[1]
    with pytest.raises(ProblemError, match="second group has no words"):
        log_odds(np.array([[1.0], [0.0]]), np.array([0]), np.array([1]))
