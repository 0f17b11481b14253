"""Do orders group what belongs together, say so, and lead to the real cells?"""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.cluster import hierarchy

from nmfcore.topics import ordering

RNG = np.random.default_rng(0)
X = RNG.random((23, 17)) * (RNG.random((23, 17)) < 0.3)
W, H = RNG.random((23, 3)), RNG.random((3, 17))


def test_topic_order_groups_by_component_then_strength_and_puts_none_last():
    M = np.array([[0.0, 1.0], [5.0, 1.0], [0.0, 0.0], [9.0, 2.0], [0.0, 3.0]])
    order = ordering.topic_order(M)
    assert_array_equal(order.indices, [3, 1, 4, 0, 2])
    assert_array_equal(order.groups, [0, 0, 1, 1, -1])
    assert order.boundaries == [2, 4]
    assert "1 in none at the end" in order.sentence


def test_label_order_sorts_by_label_first():
    order = ordering.label_order(["b", "a", "b", "a"], np.array([[1.0, 0], [0, 1.0], [0, 2.0], [3.0, 0]]))
    assert_array_equal(order.indices, [3, 1, 0, 2])
    assert order.boundaries == [2]


def test_leaf_order_is_a_permutation_that_keeps_like_rows_together():
    base = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    M = np.vstack([base[i % 3] * (1 + i) + 0.01 * RNG.random(3) for i in range(12)] + [np.zeros(3)])
    order = ordering.leaf_order(M)
    assert sorted(order.indices) == list(range(13))
    assert order.indices[-1] == 12
    kinds = order.indices[:-1] % 3
    assert np.count_nonzero(np.diff(kinds)) == 2


def total_gap(M, order):
    unit = M[order] / np.linalg.norm(M[order], axis=1, keepdims=True)
    return float(np.sum(1 - np.sum(unit[1:] * unit[:-1], axis=1)))


@pytest.mark.parametrize("seed", range(4, 8))
def test_the_leaf_order_of_few_rows_is_the_best_of_its_tree(seed):
    """Against all 2^6 ways to swap the branches; scipy's own optimal ordering misses the best for all four seeds."""
    M = np.random.default_rng(seed).random((7, 3))
    tree = hierarchy.to_tree(hierarchy.linkage(M, "average", metric="cosine"))

    def orders(node):
        if node.is_leaf():
            return [[node.id]]
        left, right = orders(node.left), orders(node.right)
        return [a + b for x in left for y in right for a, b in ((x, y), (y, x))]

    best = min(total_gap(M, order) for order in orders(tree))
    found = ordering.leaf_order(M)
    assert total_gap(M, found.indices) == pytest.approx(best)
    assert "as near as the tree allows" in found.sentence


def test_many_rows_are_ordered_in_groups_and_the_sentence_says_so(monkeypatch):
    monkeypatch.setattr(ordering, "LEAVES", 100)
    monkeypatch.setattr(ordering, "GROUPS", 20)
    rng = np.random.default_rng(5)
    base = np.eye(4)[rng.integers(0, 4, 400)]
    M = np.vstack([base + 0.02 * rng.random((400, 4)), np.zeros((2, 4))])
    order = ordering.leaf_order(M)
    assert sorted(order.indices) == list(range(402))
    assert set(order.indices[-2:]) == {400, 401}  # zero rows last
    kinds = M[order.indices[:-2]].argmax(axis=1)
    assert np.count_nonzero(np.diff(kinds)) == 3
    assert "402 are too many for a tree" in order.sentence
    assert_array_equal(order.indices, ordering.leaf_order(M).indices)


def test_groups_of_directions_hold_each_row_nearest_to_its_own_centre():
    unit = np.random.default_rng(6).random((300, 5))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    centres, member, cosine = ordering.spherical_groups(unit, 12)
    assert_allclose(np.linalg.norm(centres, axis=1), 1)
    assert_array_equal(np.unique(member), np.arange(len(centres)))
    assert_allclose(cosine, np.sum(unit * centres[member], axis=1))
    assert_array_equal(member, (unit @ centres.T).argmax(axis=1))


def test_classes_stand_together_with_their_names_and_those_without_last():
    order = ordering.label_order([1, -1, 0, 1, 0], names=("cats", "dogs"))
    assert_array_equal(order.indices, [2, 4, 0, 3, 1])
    assert order.runs == [(0, 2, "cats"), (2, 4, "dogs"), (4, 5, "none")]
    assert ordering.topic_order(np.eye(2)).runs == [(0, 1, "1"), (1, 2, "2")]
    assert ordering.input_order(3).runs == []


def test_windows_hold_the_real_cells_and_refuse_too_many(monkeypatch):
    rows, columns = [3, 1], [0, 5, 2]
    for data in (X, sp.csr_array(X)):
        assert_allclose(ordering.window("X", data, W, H, rows, columns), X[np.ix_(rows, columns)])
        assert_allclose(ordering.window("WH", data, W, H, rows, columns), (W @ H)[np.ix_(rows, columns)])
        assert_allclose(ordering.window("residual", data, W, H, rows, columns), (X - W @ H)[np.ix_(rows, columns)])
    monkeypatch.setattr(ordering, "WINDOW_CELLS", 5)
    with pytest.raises(ValueError, match="2 × 3 cells is too large"):
        ordering.window("X", X, W, H, rows, columns)
