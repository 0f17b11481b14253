"""A topic's own part and its children: parts sum to X, shares to 1, planted children are found."""

import numpy as np
import pytest
import scipy.cluster.hierarchy as trees
import scipy.sparse as sp
from numpy.testing import assert_allclose

from nmfcore import ProblemError, StopRule
from nmfcore.methods.divide import divide, likeness_tree, own_part


def factors(seed=0, m=30, r=3, n=20):
    rng = np.random.default_rng(seed)
    return rng.random((m, r)), rng.random((r, n))


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_the_parts_of_all_topics_sum_to_x(kind):
    W, H = factors()
    X = np.random.default_rng(1).poisson(0.7, (30, 20)).astype(float)
    parts = [own_part(kind(X), W, H, k) for k in range(3)]
    dense = [part.toarray() if sp.issparse(part) else part for part in parts]
    assert_allclose(sum(dense), X, atol=1e-12)
    expected = X * np.outer(W[:, 1], H[1]) / (W @ H)
    assert_allclose(dense[1], expected, atol=1e-12)


def test_where_the_model_expects_nothing_the_topic_has_no_part():
    W, H = factors()
    H[:, 4] = 0.0
    part = own_part(sp.csr_array(np.ones((30, 20))), W, H, 0)
    assert not part.toarray()[:, 4].any()


def test_planted_children_are_found_and_shares_sum_to_one():
    rng = np.random.default_rng(2)
    children = np.zeros((2, 30))
    children[0, :8], children[1, 8:16] = 1.0, 1.0
    mix = np.zeros((80, 2))
    mix[:50, 0], mix[50:, 1] = 1.0 + rng.random(50), 1.0 + rng.random(30)
    other = np.zeros((40, 30))
    other[:, 20:] = rng.random((40, 10))
    X = np.vstack([mix @ children, other])
    W = np.zeros((120, 2))
    W[:80, 0], W[80:, 1] = 1.0, 1.0
    H = np.vstack([children.sum(axis=0), other.mean(axis=0)])
    found = divide(X, W, H, 0, 2, stop=StopRule(tol=1e-9, max_iter=1000))
    cosines = (found.fit.H / np.linalg.norm(found.fit.H, axis=1, keepdims=True)) @ (children.T / np.sqrt(8))
    assert sorted(cosines.argmax(axis=1)) == [0, 1]
    assert cosines.max(axis=1).min() > 0.999
    assert found.shares.sum() + found.rest == pytest.approx(1.0)
    assert found.rest == pytest.approx(found.fit.relative_error**2, abs=1e-6)
    energy = [np.square(mix[:50]).sum() * 8, np.square(mix[50:]).sum() * 8]
    larger = int(np.argmax(cosines[:, 0]))
    assert found.shares[larger] == pytest.approx(energy[0] / sum(energy), abs=0.01)
    assert found.items.tolist() == list(range(80))


def test_what_cannot_be_divided_is_refused():
    W, H = factors()
    X = np.ones((30, 20))
    for topic, children, words in ((5, 2, "no topic 6"), (0, 1, "two or more"), (0, 25, "too little for 25")):
        with pytest.raises(ProblemError, match=words):
            divide(X, W, H, topic, children)


def test_the_tree_joins_what_is_alike_first():
    H = np.array([[1.0, 0, 0], [0, 1, 0], [0.9, 0.1, 0], [0, 0, 1]])
    tree = likeness_tree(H)
    assert set(tree[0, :2]) == {0, 2}
    assert trees.is_valid_linkage(tree)
    assert likeness_tree(H[:1]).shape == (0, 4)
