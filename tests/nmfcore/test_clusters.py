"""Clusters come from the largest weight, empty items belong to none, and agreement is what scikit-learn computes."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import metrics

from nmfcore.topics import clusters

W = np.array([[3.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.1, 0.9]])


def test_the_largest_weight_wins_and_zero_rows_belong_to_none():
    found = clusters.assign(W)
    assert_array_equal(found.labels, [0, -1, 0, 2])  # of equals the first
    assert_array_equal(found.sizes, [2, 0, 1])
    assert_array_equal(found.none, [1])
    assert_allclose(found.share, [0.75, 0, 1 / 3, 0.9])
    assert_array_equal(found.members(0), [0, 2])


def test_unclear_items_abstain_below_the_threshold_only():
    found = clusters.assign(W, threshold=0.75)
    assert_array_equal(found.labels, [0, -1, -1, 2])
    assert_array_equal(found.abstained, [False, False, True, False])
    assert_array_equal(found.empty, [False, True, False, False])
    with pytest.raises(ValueError, match="between 0 and 1"):
        clusters.assign(W, threshold=1.5)


def test_items_of_a_zero_w_all_belong_to_none():
    assert_array_equal(clusters.assign(np.zeros((3, 2))).labels, [-1, -1, -1])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("keep_none", [False, True])
def test_scores_equal_scikit_learns(seed, keep_none):
    rng = np.random.default_rng(seed)
    known = rng.integers(0, 4, 80)
    labels = np.where(rng.random(80) < 0.6, known, rng.integers(-1, 6, 80))
    found = clusters.agreement(labels, known.astype(str), keep_none=keep_none, shuffles=0)
    kept = np.ones(80, bool) if keep_none else labels >= 0
    assert found.nmi.value == pytest.approx(metrics.normalized_mutual_info_score(known[kept], labels[kept]))
    assert found.ari.value == pytest.approx(metrics.adjusted_rand_score(known[kept], labels[kept]))
    table = metrics.cluster.contingency_matrix(labels[kept], known[kept])
    assert found.purity.value == pytest.approx(table.max(axis=1).sum() / kept.sum())
    assert_array_equal(clusters.confusion(labels, known, keep_none=keep_none).table, table)
    assert found.left_out == (~kept).sum()


def test_equal_groups_score_one_and_random_ones_their_chance_level():
    known = np.repeat(["a", "b", "c"], 40)
    same = clusters.agreement(np.repeat([2, 0, 1], 40), known)
    assert same.nmi.value == pytest.approx(1)
    assert same.ari.value == pytest.approx(1)
    assert same.purity.value == 1
    assert same.nmi.above_chance
    random = clusters.agreement(np.random.default_rng(1).integers(0, 3, 120), known)
    assert not random.ari.above_chance
    assert random.purity.value == pytest.approx(random.purity.chance, abs=0.06)
    assert random.purity.chance > 1 / 3  # the trap: purity never starts at 0
    assert abs(random.ari.chance) < 0.01


def test_chance_levels_depend_on_the_seed_only():
    known, labels = np.arange(30) % 3, np.arange(30) % 4
    assert clusters.agreement(labels, known, seed=5) == clusters.agreement(labels, known, seed=5)
    assert clusters.agreement(labels, known, seed=5) != clusters.agreement(labels, known, seed=6)


def test_confusion_names_its_rows_and_columns():
    found = clusters.confusion(np.array([0, -1, 2, 2]), ["x", "x", "y", "x"])
    assert_array_equal(found.clusters, [0, 2])
    assert list(found.classes) == ["x", "y"]
    assert_array_equal(found.table, [[1, 0], [1, 1]])
    assert found.left_out == 1
    assert_array_equal(found.majority, [0, 0])
    assert_array_equal(clusters.confusion(np.array([0, -1]), ["x", "y"], keep_none=True).clusters, [-1, 0])
    with pytest.raises(ValueError, match="2 clustered items and 1 known labels"):
        clusters.confusion(np.array([0, 1]), ["x"])


def test_nothing_to_compare_is_nan_not_a_crash():
    found = clusters.agreement(np.array([-1, -1]), ["x", "y"])
    assert np.isnan(found.nmi.value)
    assert found.items == 0


def test_the_diagonal_holds_as_many_items_as_any_order_of_the_columns_could_put_there():
    table = np.random.default_rng(3).integers(0, 50, (4, 4))
    rows, columns = clusters.diagonal(table)
    best = max(sum(table[i, order[i]] for i in range(4)) for order in itertools.permutations(range(4)))
    assert np.trace(table[np.ix_(rows, columns)]) == best
    assert_array_equal(rows, range(4))


@pytest.mark.parametrize("shape", [(2, 5), (5, 2)])
def test_rows_and_columns_without_a_partner_stand_at_the_end(shape):
    table = np.zeros(shape, int)
    table[-1, 0] = table[0, -1] = 9
    rows, columns = clusters.diagonal(table)
    assert sorted(rows) == list(range(shape[0]))
    assert sorted(columns) == list(range(shape[1]))
    assert np.trace(table[np.ix_(rows, columns)]) == 18


def test_chance_has_a_spread_around_its_mean():
    found = clusters.agreement(np.arange(60) % 4, np.arange(60) // 20)
    for score in (found.nmi, found.ari, found.purity):
        assert score.chance_low < score.chance < score.chance_high
