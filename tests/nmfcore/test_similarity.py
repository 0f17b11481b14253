"""Nearest means the largest cosine, and the topic map is MDS that does not depend on chance."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import pdist, squareform
from sklearn.metrics.pairwise import cosine_similarity

from nmfcore.topics import similarity

RNG = np.random.default_rng(0)
M = RNG.random((20, 6)) * (RNG.random((20, 6)) < 0.5)
M[4] = 0


def test_cosines_equal_scikit_learns_for_dense_and_sparse():
    expected = cosine_similarity(M)
    assert_allclose(similarity.cosine_rows(M), expected, atol=1e-12)
    assert_allclose(similarity.cosine_rows(sp.csr_array(M)), expected, atol=1e-12)
    assert_allclose(similarity.cosine_rows(M[:3], sp.csr_array(M[3:])), expected[:3, 3:], atol=1e-12)


@pytest.mark.parametrize("sparse", [False, True])
def test_nearest_are_the_largest_cosines_without_the_item_itself(sparse):
    found = similarity.nearest(sp.csr_array(M) if sparse else M, 2, count=5)
    cosines = cosine_similarity(M)[2]
    cosines[2] = -1
    assert_array_equal(found.indices, np.argsort(-cosines, kind="stable")[:5])
    assert_allclose(found.cosines, np.sort(cosines)[::-1][:5])
    assert len(similarity.nearest(sp.csr_array(M) if sparse else M, 4).indices) == 0  # a zero row is near to nothing


def test_nearest_to_a_new_row_may_be_the_same_row():
    found = similarity.nearest_to(M, M[2] * 7, count=1)
    assert_array_equal(found.indices, [2])
    assert_allclose(found.cosines, [1])


def test_points_in_the_plane_are_found_again_without_stress():
    points = RNG.standard_normal((9, 2))
    D = squareform(pdist(points))
    found = similarity.mds(D)
    assert found.stress < 1e-6
    assert_allclose(squareform(pdist(found.points)), D, atol=1e-5)
    assert found.verdict == "excellent"


def test_smacof_improves_on_the_classical_start_and_states_its_stress():
    D = squareform(pdist(RNG.standard_normal((12, 8))))
    found = similarity.mds(D)
    centre = np.eye(12) - 1 / 12
    values, vectors = np.linalg.eigh(-0.5 * centre @ D**2 @ centre)
    classical = squareform(pdist(vectors[:, -2:] * np.sqrt(values[-2:])))
    assert found.stress < np.sqrt(((classical - D) ** 2).sum() / (D**2).sum())
    assert found.stress == pytest.approx(np.sqrt(((squareform(pdist(found.points)) - D) ** 2).sum() / (D**2).sum()))


def test_smacof_is_no_worse_than_scikit_learns_from_eight_random_starts():
    from sklearn.manifold import smacof

    D = squareform(pdist(RNG.standard_normal((10, 5))))
    _, theirs = smacof(D, n_components=2, n_init=8, random_state=0, normalized_stress=False)
    ours = similarity.mds(D)
    assert ours.stress**2 * (D**2).sum() / 2 <= theirs * 1.1  # a local method from one good start: within a tenth


def test_the_map_is_the_same_every_time_and_follows_the_topics_when_they_are_reordered():
    H = RNG.random((6, 30))
    first, again = similarity.topic_map(H), similarity.topic_map(H)
    assert_array_equal(first.points, again.points)
    order = RNG.permutation(6)
    assert_allclose(similarity.topic_map(H[order]).points, first.points[order], atol=1e-4)


@pytest.mark.parametrize("r", [1, 2, 3])
def test_few_or_equal_topics_have_a_map_too(r):
    found = similarity.topic_map(np.eye(r, 5))
    assert found.points.shape == (r, 2)
    assert found.stress < 1e-6
    assert_allclose(similarity.topic_map(np.ones((r, 5))).points, 0, atol=1e-6)
