"""The map of the items, and how far it can be trusted: scikit-learn's number, and shares of neighbours counted one by one."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

from nmfcore import ProblemError
from nmfcore.methods.maps import NEIGHBOURS, directions, item_map, neighbourhoods, trust


def clouds(m=150, seed=0):
    rng = np.random.default_rng(seed)
    centre = np.eye(6)[rng.integers(0, 3, m)]
    return np.maximum(centre + 0.1 * rng.random((m, 6)), 0)


@pytest.mark.parametrize("k", [5, NEIGHBOURS])
def test_trustworthiness_is_scikit_learns(k):
    rng = np.random.default_rng(1)
    rows, points = rng.random((90, 8)), rng.random((90, 2))
    penalty, kept = neighbourhoods(rows, points, np.arange(90), k)
    assert trust(penalty, 90, k) == pytest.approx(trustworthiness(rows, points, n_neighbors=k), abs=1e-12)
    true = NearestNeighbors(n_neighbors=k).fit(rows).kneighbors(return_distance=False)
    seen = NearestNeighbors(n_neighbors=k).fit(points).kneighbors(return_distance=False)
    assert_allclose(kept, [len(set(a) & set(b)) / k for a, b in zip(true, seen, strict=True)])


def test_some_items_are_measured_as_all_are():
    rng = np.random.default_rng(2)
    rows, points = rng.random((60, 4)), rng.random((60, 2))
    whole, some = neighbourhoods(rows, points, np.arange(60)), neighbourhoods(rows, points, np.array([3, 50]))
    assert_allclose(some[0], whole[0][[3, 50]])
    assert_allclose(some[1], whole[1][[3, 50]])


def test_the_map_keeps_clouds_apart_says_how_well_and_repeats_itself():
    pytest.importorskip("openTSNE")
    A = clouds()
    A[4] = 0.0
    told = []
    found = item_map(A, seed=3, report=lambda sentence, share: told.append(share))
    assert np.isnan(found.points[4]).all()
    assert len(found.drawn) == 149
    live = found.drawn
    rows, _ = directions(A)
    assert found.trustworthiness == pytest.approx(trustworthiness(rows, found.points[live], n_neighbors=NEIGHBOURS), abs=1e-12)
    assert found.trustworthiness > 0.9
    cloud = A.argmax(axis=1)[live]
    nearest = NearestNeighbors(n_neighbors=1).fit(found.points[live]).kneighbors(return_distance=False)[:, 0]
    assert (cloud == cloud[nearest]).mean() > 0.95
    assert np.array_equal(found.points, item_map(A, seed=3).points, equal_nan=True)
    assert told == sorted(told)
    assert "far means little" in found.sentence


def test_a_map_can_be_ended():
    pytest.importorskip("openTSNE")

    class Enough(Exception):
        pass

    def end(sentence, share):
        if share > 0.1:
            raise Enough

    with pytest.raises(Enough):
        item_map(clouds(), report=end)


def test_wide_rows_are_reduced_and_too_few_refused():
    X = sp.random_array((40, 300), density=0.2, random_state=0, format="csr")
    rows, live = directions(X)
    assert rows.shape == (len(live), 40)
    unit = X.toarray()[live] / np.linalg.norm(X.toarray()[live], axis=1, keepdims=True)
    assert_allclose(rows @ rows.T, unit @ unit.T, atol=1e-6)
    with pytest.raises(ProblemError, match="at least four"):
        item_map(np.eye(3))
