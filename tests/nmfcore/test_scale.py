"""A scale convention changes how W and H are read and never what they say together."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nmfcore.topics import scale


def factors(dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    W, H = rng.random((30, 4)) * [1, 10, 0.1, 3], rng.random((4, 12))
    return W.astype(dtype), H.astype(dtype)


@pytest.mark.parametrize("convention", scale.CONVENTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_convention_changes_the_product_or_its_inputs(convention, dtype):
    W, H = factors(dtype)
    before = W.copy(), H.copy()
    scaled = scale.apply(W, H, convention)
    assert scaled.W.dtype == scaled.H.dtype == dtype
    assert_allclose(scaled.W @ scaled.H, W @ H, rtol=1e-12 if dtype == np.float64 else 1e-5)
    assert_array_equal(W, before[0])
    assert_array_equal(H, before[1])


@pytest.mark.parametrize("convention", [c for c in scale.CONVENTIONS if c != "as fitted"])
def test_each_convention_makes_its_norm_one(convention):
    scaled = scale.apply(*factors(), convention)
    side, _, norm = convention.split(" ")
    vectors = scaled.H if side == "H" else scaled.W.T
    order = {"L1": 1, "L2": 2, "max": np.inf}[norm]
    assert_allclose(np.linalg.norm(vectors, order, axis=1), 1)


@pytest.mark.parametrize("convention", scale.CONVENTIONS)
def test_dead_components_stay_finite_and_win_no_item(convention):
    W, H = factors()
    H[1] = 0
    W[:, 2] = 0
    scaled = scale.apply(W, H, convention)
    assert np.isfinite(scaled.W).all()
    assert np.isfinite(scaled.H).all()
    assert_allclose(scaled.W @ scaled.H, W @ H, atol=1e-12)
    if convention.startswith("H"):
        assert not scaled.W[:, 1].any()


def test_the_unknown_convention_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"Unknown scale convention 'L3'\. Known: H rows L1"):
        scale.apply(*factors(), "L3")


def test_the_ledger_lists_exactly_the_items_that_move():
    W = np.array([[1.0, 0.9], [0.1, 1.0], [0.0, 0.0], [1.0, 0.1]])
    H = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]])  # sums 1 and 2: L1 doubles the second column of W
    book = scale.ledger(W, H)
    assert_array_equal(book.clusters[book.conventions.index("as fitted")], [0, 1, -1, 0])
    assert_array_equal(book.clusters[book.conventions.index("H rows L1")], [1, 1, -1, 0])
    assert_array_equal(book.moved("as fitted", "H rows L1"), [0])
    assert book.moves("as fitted", "H rows L1") == [(0, 0, 1)]
    assert book.share("as fitted", "H rows L1") == 0.25
    assert_array_equal(book.changed, book.changed.T)
    assert not np.diag(book.changed).any()
    a, b = book.conventions.index("as fitted"), book.conventions.index("H rows L1")
    assert book.changed[a, b] == 1
