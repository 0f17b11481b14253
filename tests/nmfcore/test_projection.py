"""Are the projections exact, for every kind of data?"""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from nmfcore.core.checks import ProblemError
from nmfcore.kernels.nnls import nnls_gram
from nmfcore.topics.projection import project_columns, project_rows


def reference(X, H):
    """scipy's Lawson & Hanson, row by row."""
    return np.stack([scipy.optimize.nnls(H.T, row)[0] for row in X])


def data(m=40, n=25, r=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((m, n)) * (rng.random((m, n)) < 0.4), rng.random((r, n)) * (rng.random((r, n)) < 0.7)


@pytest.mark.parametrize("r", [1, 2, 7, 20])
def test_rows_equal_scipys_nnls(r):
    X, H = data(r=r)
    assert_allclose(project_rows(X, H), reference(X, H), atol=1e-10)


def test_columns_equal_scipys_nnls():
    X, _ = data()
    W = np.random.default_rng(1).random((40, 6))
    assert_allclose(project_columns(X, W), reference(X.T, W.T).T, atol=1e-10)


def test_many_equal_patterns_are_solved_as_one_group():
    X, H = data()
    X = np.repeat(X, 9, axis=0)
    assert_allclose(project_rows(X, H), reference(X, H), atol=1e-10)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 6), st.integers(0, 10**6), st.sampled_from([0.2, 0.6, 1.0]))
def test_no_other_coefficients_come_closer(m, n, r, seed, density):
    rng = np.random.default_rng(seed)
    X = rng.random((m, n)) * (rng.random((m, n)) < density)
    H = rng.random((r, n)) * (rng.random((r, n)) < density)
    W = project_rows(X, H)
    assert (W >= 0).all()
    # r > n and zero rows make H rank-deficient: then the residual, not W, is unique
    assert np.linalg.norm(X - W @ H) <= np.linalg.norm(X - reference(X, H) @ H) + 1e-7


def test_dependent_rows_of_h_still_give_the_smallest_residual():
    X, H = data()
    H = np.vstack([H, H[0], 2 * H[1], H[2] + H[3], np.zeros(H.shape[1])])
    W = project_rows(X, H)
    assert np.isfinite(W).all()
    assert_allclose(np.linalg.norm(X - W @ H), np.linalg.norm(X - reference(X, H) @ H), rtol=1e-9)


def test_dependent_rows_in_float32_stay_small():
    X, H = data()
    H = np.vstack([H, H[0], H[1] + H[2]]).astype(np.float32)
    W = project_rows(X.astype(np.float32), H)
    assert W.dtype == np.float32
    assert W.max() < 100
    assert_allclose(np.linalg.norm(X - W @ H), np.linalg.norm(X - reference(X, H.astype(float)) @ H), rtol=1e-4)


def test_ill_conditioned_rows_give_the_smallest_residual():
    rng = np.random.default_rng(3)
    base = rng.random(30)
    H = np.stack([base + 1e-5 * rng.random(30) for _ in range(6)])
    X = rng.random((20, 30))
    W = project_rows(X, H)
    assert_allclose(np.linalg.norm(X - W @ H), np.linalg.norm(X - reference(X, H) @ H), rtol=1e-7)


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csc_array, sp.coo_array, sp.csr_matrix])
def test_sparse_equals_dense(kind):
    X, H = data()
    assert_allclose(project_rows(kind(X), H), project_rows(X, H), atol=1e-12)
    W = np.random.default_rng(1).random((40, 6))
    assert_allclose(project_columns(kind(X), W), project_columns(X, W), atol=1e-12)


def test_sparse_x_is_never_made_dense(monkeypatch):
    X, H = data()
    X = sp.csr_array(X)
    for kind in (sp.csr_array, sp.csc_array):
        monkeypatch.setattr(kind, "toarray", lambda *_, **__: pytest.fail("made dense"))
    assert project_rows(X, H).shape == (40, 5)
    assert project_columns(X, np.ones((40, 2))).shape == (2, 25)


@pytest.mark.parametrize("power", [-300, -12, 12, 300])
def test_units_of_x_and_h_do_not_matter(power):
    X, H = data()
    expected = project_rows(X, H)
    assert_allclose(project_rows(X * 10.0**power, H), expected * 10.0**power, rtol=1e-6)
    assert_allclose(project_rows(X, H * 10.0**power), expected * 10.0**-power, rtol=1e-6)


def test_rows_of_zeros_get_zeros():
    X, H = data()
    X[3] = 0
    W = project_rows(X, H)
    assert not W[3].any()
    assert not project_rows(np.zeros_like(X), H).any()
    assert not project_rows(X, np.zeros_like(H)).any()


def test_training_rows_of_an_exact_factorization_come_back():
    rng = np.random.default_rng(5)
    W, H = rng.random((30, 4)), rng.random((4, 20))
    assert_allclose(project_rows(W @ H, H), W, atol=1e-9)
    assert_allclose(project_columns(W @ H, W), H, atol=1e-9)


def test_masked_rows_use_only_what_is_observed():
    X, H = data()
    mask = np.random.default_rng(2).random(X.shape) < 0.5
    mask[4] = False
    W = project_rows(np.where(mask, X, np.nan), H, mask=mask)
    for i, seen in enumerate(mask):
        expected = scipy.optimize.nnls(H[:, seen].T, X[i, seen])[0] if seen.any() else np.zeros(len(H))
        assert_allclose(W[i], expected, atol=1e-10)
    columns = project_columns(np.where(mask, X, np.nan), np.ones((40, 1)), mask=mask)
    assert_allclose(columns[0], [X[seen, j].mean() for j, seen in enumerate(mask.T)])


def test_masked_by_what_is_stored():
    X, H = data()
    stored = sp.csr_array(X)
    dense = project_rows(X, H, mask=X > 0)
    assert_allclose(project_rows(stored, H, mask="stored"), dense, atol=1e-10)
    turned = project_columns(sp.csr_array(X.T), H.T, mask="stored")
    assert_allclose(turned, dense.T, atol=1e-10)


@pytest.mark.parametrize(
    ("X", "H", "words"),
    [
        (np.ones((3, 4)), np.ones((2, 5)), "4 columns and H has 5"),
        (-np.ones((3, 4)), np.ones((2, 4)), "X has 12 negative entries"),
        (np.ones((3, 4)), np.full((2, 4), np.nan), "H has 8 missing"),
        (np.ones(4), np.ones((2, 4)), "dimension"),
    ],
)
def test_bad_input_is_refused_with_the_reason(X, H, words):
    with pytest.raises(ProblemError, match=words):
        project_rows(X, H)


def test_a_column_that_pivoting_does_not_finish_is_solved_all_the_same(monkeypatch):
    import nmfcore.kernels.nnls as nnls

    X, H = data()
    monkeypatch.setattr(nnls, "PIVOTS_PER_ENTRY", 0)
    monkeypatch.setattr(nnls, "FULL_EXCHANGES", 1)
    assert_allclose(nnls_gram(H @ H.T, H @ X.T).T, reference(X, H), atol=1e-9)


@pytest.mark.parametrize("alike", [1.0, 1e-2, 1e-3])
def test_float32_rows_are_projected_as_scipy_does_in_float64(alike):
    """They agreed to 3e-4 only, and for nearly collinear H to 0.3."""
    rng = np.random.default_rng(6)
    first = rng.random((1, 40))
    H = np.vstack([first, first + alike * rng.random((2, 40)), rng.random((2, 40))]).astype(np.float32)
    X = (rng.random((12, 5)) @ H + 0.1 * rng.random((12, 40))).astype(np.float32)
    W = project_rows(X, H)
    assert W.dtype == np.float32
    expected = np.stack([scipy.optimize.nnls(H.T.astype(float), x.astype(float))[0] for x in X])
    np.testing.assert_allclose(W, expected, rtol=1e-5, atol=1e-5)
