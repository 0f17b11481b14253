"""Several runs are compared by what they mean, never by the numbers of their components."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nmfcore import Factors
from nmfcore.evaluate import stability

RNG = np.random.default_rng(0)
W, H = RNG.random((40, 4)), RNG.random((4, 15))


def test_matching_finds_the_permutation_whatever_the_scale():
    order = [2, 0, 3, 1]
    found = stability.match_topics(H, H[order] * np.array([[3.0], [0.1], [1], [9]]))
    assert_array_equal(found.partner, [1, 3, 0, 2])
    assert_allclose(found.cosines, 1)
    assert len(found.unmatched) == 0


def test_matching_runs_of_different_rank_leaves_topics_over():
    found = stability.match_topics(H, H[[3, 1]])
    assert_array_equal(found.partner, [-1, 1, -1, 0])
    assert_allclose(found.cosines, [0, 1, 0, 1])
    assert_array_equal(stability.match_topics(H[[3, 1]], H).unmatched, [0, 2])


def test_runs_that_agree_up_to_renaming_give_a_certain_consensus():
    labels = np.array([0, 0, 1, 1, 2, 2])
    found = stability.consensus([labels, (labels + 1) % 3, 2 - labels])
    assert_array_equal(found.matrix, labels[:, None] == labels)
    assert found.cophenetic == pytest.approx(1)
    assert found.dispersion == 1
    assert found.sentence == "6 items, 3 runs."
    assert np.count_nonzero(np.diff(labels[found.order])) == 2  # like items beside one another


def test_disagreeing_runs_give_the_shares_and_the_dispersion_of_the_definition():
    found = stability.consensus([np.array([0, 0, 1]), np.array([0, 1, 1])])
    assert_allclose(found.matrix, [[1, 0.5, 0], [0.5, 1, 0.5], [0, 0.5, 1]])
    assert found.dispersion == pytest.approx((3 * 1 + 4 * 0 + 2 * 1) / 9)


def test_cophenetic_correlation_is_scipys():
    import scipy.cluster.hierarchy as hierarchy
    from scipy.spatial.distance import squareform

    runs = [RNG.integers(0, 3, 20) for _ in range(7)]
    found = stability.consensus(runs)
    shared = np.mean([r[:, None] == r for r in runs], axis=0)
    assert_allclose(found.matrix, shared)
    upper = squareform(1 - shared, checks=False)
    expected, _ = hierarchy.cophenet(hierarchy.linkage(upper, "average"), upper)
    assert found.cophenetic == pytest.approx(expected)


def test_items_in_none_share_a_cluster_with_nothing():
    found = stability.consensus([np.array([-1, -1, 0, -1]), np.array([0, -1, 0, -1])])
    assert_array_equal(found.items, [0, 2])
    assert_allclose(found.matrix, [[1, 0.5], [0.5, 1]])


def test_large_data_is_sampled_and_the_sample_is_stated():
    runs = [RNG.integers(0, 3, 500) for _ in range(2)]
    found = stability.consensus(runs, limit=50, seed=3)
    assert found.matrix.shape == (50, 50)
    assert found.sentence == "A random sample of 50 of 500 items, 2 runs."
    assert_array_equal(found.items, stability.consensus(runs, limit=50, seed=3).items)
    with pytest.raises(ValueError, match="at least two runs"):
        stability.consensus(runs[:1])


def test_a_renamed_and_rescaled_run_is_perfectly_stable():
    order, c = [3, 1, 0, 2], np.array([2.0, 5, 0.1, 1])
    found = stability.stability([Factors(W, H), Factors((W * c)[:, order], (H / c[:, None])[order])])
    assert_allclose(found.topics, 1)
    assert_allclose(found.items, 1)
    assert found.share_moving == 0
    assert_array_equal(found.partners, [[2, 1, 3, 0]])


def test_items_that_move_and_items_in_none_are_told_apart():
    moved = W.copy()
    moved[0] = 0
    first = moved.copy()
    target = (np.argmax(W * H.sum(axis=1), axis=1)[1] + 1) % 4
    moved[1] = 0
    moved[1, target] = 1
    found = stability.stability([Factors(first, H), Factors(moved, H), Factors(first, H)])
    assert np.isnan(found.items[0])
    assert found.items[1] == 0.5
    assert_array_equal(found.moving, [1])
    assert_allclose(found.items[2:], 1)
    assert found.share_moving == pytest.approx(0.5 / 39)
    with pytest.raises(ValueError, match="at least two runs"):
        stability.stability([Factors(W, H)])


def test_average_jaccard_is_the_example_of_greene():
    # Greene et al. 2014, section 3.1: album music best award win / sport best win medal award
    first, second = [0, 1, 2, 3, 4], [5, 2, 4, 6, 3]
    assert stability.average_jaccard(first, second, 5) == pytest.approx((0 + 0 + 1 / 5 + 1 / 7 + 3 / 7) / 5)
    assert stability.average_jaccard([1], [1], 3) == 1


def test_keyword_stability_is_one_for_renamed_topics_and_zero_for_foreign_ones():
    assert stability.keyword_stability(H, [H[[1, 0, 3, 2]] * 2]) == pytest.approx(1)
    assert stability.keyword_stability(np.eye(2, 8), [np.eye(2, 8, 4)]) == 0
    assert stability.keyword_stability(H, [H, np.zeros((4, 15))]) == pytest.approx(0.5)
