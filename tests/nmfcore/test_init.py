"""Are the starts what they claim to be?"""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.decomposition import _nmf as sklearn_nmf

from nmfcore.core.checks import ProblemError, as_problem
from nmfcore.kernels.sketch import range_finder, svd_of_sketch
from nmfcore.solvers.starts import INITS, extreme_rows, nndsvd_of_svd, start


def data(m=40, n=30, seed=0, density=0.3):
    return sp.csr_array(sp.random(m, n, density, random_state=seed, format="csr"))


def relative(problem, factors):
    X = problem.X.toarray() if problem.sparse else problem.X
    return np.linalg.norm(X - factors.W @ factors.H) / np.linalg.norm(X)


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_start_has_the_problems_shape_and_dtype_and_is_not_negative(init, dtype):
    problem = as_problem(data().astype(dtype), 5)
    factors = start(problem, init, 0)
    assert factors.W.shape == (40, 5)
    assert factors.H.shape == (5, 30)
    for F in (factors.W, factors.H):
        assert F.dtype == dtype
        assert np.all(np.isfinite(F))
        assert F.min() >= 0
        assert F.any(axis=None)


@pytest.mark.parametrize("init", INITS)
def test_same_seed_same_start_and_the_global_random_state_is_untouched(init):
    problem = as_problem(data(), 5)
    np.random.seed(3)  # noqa: NPY002 - the state that must stay as it is
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    one, two, other = start(problem, init, 7), start(problem, init, 7), start(problem, init, 8)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    np.testing.assert_array_equal(one.W, two.W)
    np.testing.assert_array_equal(one.H, two.H)
    assert init != "random" or not np.array_equal(one.W, other.W)


@pytest.mark.parametrize("init", INITS)
def test_sparse_and_dense_data_get_the_same_start(init):
    X = data()
    one, two = start(as_problem(X, 4), init, 1), start(as_problem(X.toarray(), 4), init, 1)
    np.testing.assert_allclose(one.W, two.W, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(one.H, two.H, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("factor", [1e-12, 1e12])
def test_start_scales_with_the_data(init, factor):
    X = data().toarray()
    one, two = start(as_problem(X, 3), init, 0), start(as_problem(X * factor, 3), init, 0)
    assert relative(as_problem(X, 3), one) == pytest.approx(
        np.linalg.norm(X * factor - two.W @ two.H) / np.linalg.norm(X * factor), rel=1e-6
    )


@pytest.mark.parametrize("init", INITS)
def test_start_of_rank_deficient_data_has_no_dead_component(init):
    X = np.outer(np.arange(1.0, 9), np.ones(7))
    factors = start(as_problem(X, 3), init, 0)
    assert np.all(factors.W.any(axis=0) | factors.H.any(axis=1))  # one side is enough: the other follows from it


@pytest.mark.parametrize("init", INITS)
def test_start_of_zero_data_is_finite(init):
    factors = start(as_problem(np.zeros((5, 4)), 2), init, 0)
    assert np.all(np.isfinite(factors.W))
    assert np.all(np.isfinite(factors.H))


@pytest.mark.parametrize("init", INITS)
def test_symmetric_start_is_one_matrix_twice(init):
    S = np.random.default_rng(0).random((12, 3))
    factors = start(as_problem(S @ S.T, 3, symmetric=True), init, 0)
    np.testing.assert_array_equal(factors.W, factors.H.T)


@pytest.mark.parametrize("init", INITS)
def test_what_stands_under_the_mask_does_not_change_the_start(init):
    rng = np.random.default_rng(0)
    X, mask = rng.random((20, 12)), (rng.random((20, 12)) < 0.7).astype(float)
    one = start(as_problem(X, 3, mask=mask), init, 0)
    two = start(as_problem(np.where(mask, X, 99.0), 3, mask=mask), init, 0)
    np.testing.assert_array_equal(one.W, two.W)
    np.testing.assert_array_equal(one.H, two.H)


def test_nndsvd_equals_scikit_learns_to_rounding_when_the_sketch_spans_everything():
    X = data(30, 12).toarray()
    W, H = sklearn_nmf._initialize_nmf(X, 4, init="nndsvd", random_state=0)
    ours = start(as_problem(X, 4), "nndsvd", 0)  # rank 4 + 8 = all 12 directions, so the sketch is exact
    np.testing.assert_allclose(ours.W, W, atol=2e-6)  # entries below 1e-6 are zeroed
    np.testing.assert_allclose(ours.H, H, atol=2e-6)


def test_nndsvda_equals_scikit_learns_up_to_scale_when_the_largest_entry_is_one():
    X = data(30, 12).toarray()
    X /= X.max()
    W, H = sklearn_nmf._initialize_nmf(X, 4, init="nndsvda", random_state=0)
    ours = start(as_problem(X, 4), "nndsvda", 0)
    np.testing.assert_allclose(ours.W / ours.W.max(), W / W.max(), atol=1e-5)
    np.testing.assert_allclose(ours.H / ours.H.max(), H / H.max(), atol=1e-5)


def test_nndsvd_does_not_depend_on_the_signs_of_the_singular_vectors():
    U, s, Vt = np.linalg.svd(data().toarray(), full_matrices=False)
    signs = np.where(np.arange(len(s)) % 2, 1.0, -1.0)
    one, two = nndsvd_of_svd(U, s, Vt), nndsvd_of_svd(U * signs, s, Vt * signs[:, None])
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])


@pytest.mark.parametrize("init", ["nndsvda", "nndsvdar", "random"])
def test_filled_and_random_starts_have_no_zeros(init):
    factors = start(as_problem(data(), 5), init, 0)
    assert factors.W.all()
    assert factors.H.all()
    assert not INITS[init].zeros


@pytest.mark.parametrize("init", ["nndsvda", "nndsvdar"])
@pytest.mark.parametrize("masked", [False, True])
def test_filled_starts_are_scaled_to_the_data(init, masked):
    X = data()
    problem = as_problem(X, 5, mask="stored" if masked else None)
    factors = start(problem, init, 0)
    WH = (factors.W @ factors.H) * (X.toarray() > 0 if masked else 1.0)
    assert np.sum(X.toarray() * WH) == pytest.approx(np.sum(WH * WH))  # the best multiple of WH is one


@pytest.mark.parametrize("kind", [lambda X: X.toarray(), sp.csr_array])
def test_least_squares_start_has_no_zeros_and_the_sum_of_the_data(kind):
    X = data()
    factors = start(as_problem(kind(X), 4, loss="kullback-leibler"), "least-squares", 0)
    assert factors.W.min() > 0
    assert factors.H.min() > 0
    assert (factors.W @ factors.H).sum() == pytest.approx(X.sum(), rel=1e-10)


def test_least_squares_start_is_nearer_to_the_data_than_nndsvd():
    X = data(200, 120)
    problem = as_problem(X, 6)
    assert relative(problem, start(problem, "least-squares", 0)) < relative(problem, start(problem, "nndsvd", 0)) - 0.005


def test_separable_start_finds_the_pure_rows_of_separable_data():
    rng = np.random.default_rng(2)
    H = rng.random((4, 25))
    X = np.vstack([rng.dirichlet(np.ones(4), 30) @ H, H])[rng.permutation(34)]
    factors = start(as_problem(X, 4), "separable", 0)
    found = {tuple(np.round(row, 9)) for row in factors.H}
    assert found == {tuple(np.round(row, 9)) for row in H}
    assert relative(as_problem(X, 4), factors) < 0.02


def test_extreme_rows_of_sparse_data_equal_those_of_dense_data():
    X = data(60, 40, density=0.1)
    np.testing.assert_array_equal(extreme_rows(X, 6), extreme_rows(X.toarray(), 6))


def test_extreme_rows_stop_when_the_rows_span_nothing_new():
    assert len(extreme_rows(np.outer([1.0, 2, 3], [1.0, 0, 2]), 3)) == 1


def test_given_start_is_copied_and_checked():
    problem = as_problem(data(6, 5), 2)
    W, H = np.ones((6, 2)), np.ones((2, 5))
    factors = start(problem, "given", 0, W=W, H=H)
    assert not np.shares_memory(factors.W, W)
    with pytest.raises(ProblemError, match="needs both"):
        start(problem, "given", 0, W=W)
    with pytest.raises(ProblemError, match="shape"):
        start(problem, "given", 0, W=W.T, H=H)


def test_unknown_start_is_named_with_the_known_ones():
    with pytest.raises(ProblemError, match=r"Unknown start 'svd'\. Known: nndsvda, nndsvd"):
        start(as_problem(data(), 2), "svd", 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_range_finder_is_orthonormal_and_its_singular_values_are_near_the_exact_ones(dtype):
    rng = np.random.default_rng(0)
    X = (rng.random((80, 6)) @ rng.random((6, 50)) + 0.01 * rng.random((80, 50))).astype(dtype)
    Y, B = range_finder(X, 14, 2, rng)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(Y.T @ Y, np.eye(Y.shape[1]), atol=50 * eps)
    np.testing.assert_allclose(B, Y.T @ X, atol=1e3 * eps)
    U, s, Vt = svd_of_sketch(Y, B, 6)
    np.testing.assert_allclose(s, np.linalg.svd(X, compute_uv=False)[:6], rtol=1e-4)
    np.testing.assert_allclose(U * s @ Vt, X, atol=0.02)


def test_starts_raise_no_warnings_on_data_with_empty_rows_and_columns():
    X = data(20, 15).toarray()
    X[3] = X[:, 4] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for init in INITS:
            start(as_problem(X, 4), init, 0)
