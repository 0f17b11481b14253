"""Do the symmetric solvers minimise ||C - S S^T||, and does the exact one arrive where the updates crawl?"""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from nmfcore import ProblemError, StopRule, as_problem, make_solver, solve
from nmfcore.core.factorization import Factors
from nmfcore.core.losses import kkt_residual
from nmfcore.solvers.symmetric import cubic_minimum, descend

SOLVERS = ["symmetric", "symmetric-cd"]


def similarity(seed=0, n=20, r=3, noise=0.1):
    rng = np.random.default_rng(seed)
    S = rng.random((n, r)) * (rng.random((n, r)) < 0.5)
    extra = noise * rng.random((n, n))
    return S @ S.T + (extra + extra.T) / 2, rng.random((n, r)) + 0.05


def fit(C, S, solver, iterations=100, **options):
    stop = StopRule(tol=0, max_iter=iterations)
    return solve(C, S.shape[1], solver=solver, solver_options=options, symmetric=True, W=S, H=S.T, stop=stop)


def test_the_update_is_that_of_the_paper():
    C, S = similarity()
    got = fit(C, S, "symmetric", 1)
    assert_allclose(got.W, S * (0.5 + 0.5 * (C @ S) / (S @ S.T @ S)), rtol=1e-12)
    assert np.array_equal(got.H, got.W.T)


def test_the_undamped_update_cycles_between_two_values():
    """From a multiple of the solution the plain ratio jumps over it and back for ever; the damped one arrives."""
    truth = np.array([[1.0], [2.0], [0.5]])
    C, S = truth @ truth.T, 1.5 * truth
    cycling = fit(C, S, "symmetric", 40, damping=1.0).history.relative_errors
    assert_allclose(cycling[::2], cycling[0], rtol=1e-8)
    assert_allclose(cycling[1::2], cycling[1], rtol=1e-8)
    assert fit(C, S, "symmetric", 40).relative_error < 1e-6


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.integers(1, 3), st.integers(0, 10_000), st.floats(-4, 4), st.floats(0.05, 0.95))
def test_the_damped_update_never_raises_the_loss_from_whatever_start(n, r, seed, power, damping):
    """From a start a hundred times too small the paper's step alone would overshoot a hundredfold."""
    C, S = similarity(seed, n, min(n, r), noise=0.3)
    sizes = 10.0 ** (power * np.random.default_rng(seed).random(S.shape))
    result = fit(C, S * sizes, "symmetric", 30, damping=damping)
    losses = result.history.column("loss")
    assert np.all(np.diff(losses) <= 1e-12 * np.sum(C**2) + 1e-12 * losses[:-1])


def test_a_start_that_is_far_too_small_is_no_obstacle():
    C, S = similarity()
    one, two = (fit(C, S * by, "symmetric", 200) for by in (1.0, 1e-3))
    assert two.relative_error < one.relative_error * 1.05


@pytest.mark.parametrize("damping", [0.0, -1.0, 1.5])
def test_damping_out_of_range_is_refused(damping):
    with pytest.raises(ProblemError, match="damping"):
        make_solver("symmetric", {"damping": damping})


@settings(max_examples=150, deadline=None)
@given(st.floats(-50, 50), st.floats(-50, 50))
def test_the_cubic_gives_the_minimum_over_all_non_negative_numbers(a, b):
    def value(x):
        return x**4 / 4 + a * x**2 / 2 + b * x

    x = cubic_minimum(a, b)
    roots = np.roots([1, 0, a, b])
    candidates = [0.0, *roots.real[(abs(roots.imag) < 1e-6) & (roots.real > 0)]]
    lowest = min(value(c) for c in candidates)
    assert x >= 0
    assert value(x) <= lowest + 1e-9 * (1 + abs(lowest))


def test_each_entry_of_coordinate_descent_is_set_to_its_optimum():
    C, S = similarity(n=6, r=2)
    problem = as_problem(C, 2, symmetric=True)
    new, _ = make_solver("symmetric-cd").step(problem, Factors(S, S.T), None)
    now = S.copy()
    for i, k in np.ndindex(S.shape):

        def value(x, i=i, k=k):
            moved = now.copy()
            moved[i, k] = x
            return np.sum((C - moved @ moved.T) ** 2)

        grid = np.linspace(0, 3, 3001)
        near = grid[np.argmin([value(x) for x in grid])]
        low, high = max(0, near - 0.01), near + 0.01
        now[i, k] = scipy.optimize.minimize_scalar(value, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
    assert_allclose(new.W, now, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_coordinate_descent_arrives_where_the_updates_crawl(seed):
    C, S = similarity(seed)
    problem = as_problem(C, 3, symmetric=True)
    exact, crawling = fit(C, S, "symmetric-cd", 300), fit(C, S, "symmetric", 300)
    start = kkt_residual(problem, Factors(S, S.T))
    assert kkt_residual(problem, exact.factors) < 1e-6 * start
    assert kkt_residual(problem, crawling.factors) > 1e-6 * start
    assert exact.history[-1].loss <= crawling.history[-1].loss * (1 + 1e-3)


def test_coordinate_descent_ends_at_a_minimum_of_l_bfgs_b():
    C, S = similarity(n=9, r=2)
    end = fit(C, S, "symmetric-cd", 500)

    def value(flat):
        now = flat.reshape(S.shape)
        gap = now @ now.T - C
        return 0.5 * np.sum(gap**2), (2 * gap @ now).ravel()

    best = scipy.optimize.minimize(
        value, end.W.ravel(), jac=True, method="L-BFGS-B", bounds=[(0, None)] * S.size, options={"ftol": 1e-16, "gtol": 1e-12}
    )
    assert_allclose(end.history[-1].loss, best.fun, rtol=1e-8)


def test_an_exact_similarity_is_found_exactly():
    rng = np.random.default_rng(3)
    truth = np.vstack([np.eye(3), rng.random((15, 3)) * (rng.random((15, 3)) < 0.5)])
    ends = [fit(truth @ truth.T, np.random.default_rng(s).random((18, 3)), "symmetric-cd", 500).relative_error for s in range(4)]
    assert min(ends) < 1e-6


@pytest.mark.parametrize("solver", SOLVERS)
def test_sparse_similarities_give_the_same(solver):
    C, S = similarity(noise=0)
    stored = sp.csr_array(C)
    assert stored.nnz < C.size
    assert_allclose(fit(stored, S, solver, 20).W, fit(C, S, solver, 20).W, rtol=1e-8, atol=1e-10)


def test_coordinate_descent_leaves_a_start_of_zeros():
    C, S = similarity()
    end = fit(C, np.zeros_like(S), "symmetric-cd", 50)
    assert end.relative_error < 0.7


def test_a_missing_diagonal_is_no_obstacle():
    """Similarities without their diagonal (all zero there) have a best S too; nothing becomes negative or infinite."""
    C, S = similarity()
    np.fill_diagonal(C, 0)
    for solver in SOLVERS:
        end = fit(C, S, solver, 100)
        assert np.isfinite(end.W).all()
        assert end.relative_error < 0.9


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("init", ["random", "nndsvd", "nndsvda"])
def test_every_start_becomes_one_factor(solver, init):
    C, _ = similarity()
    end = solve(C, 3, solver=solver, symmetric=True, init=init, stop=StopRule(max_iter=50))
    assert np.array_equal(end.W, end.H.T)
    assert end.relative_error < 0.5


# -- the compiled pass -------------------------------------------------------------------------------------------------------
compiled = pytest.importorskip("nmfcore.kernels.compiled", reason="numba is not installed")


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("rank", [1, 3, 9])
def test_the_compiled_pass_equals_the_plain_one_to_rounding(dtype, rank):
    """From the same start, on dense and on sparse C, with rows of zeros in C and in S."""
    C, _ = similarity(1, n=30)
    C[C < 0.3] = 0
    C[4], C[:, 4] = 0, 0
    C = C.astype(dtype)
    start = np.random.default_rng(2).random((30, rank))
    start[7] = 0
    plain, dense, sparse = (start.copy() for _ in range(3))
    for _ in range(5):
        descend(C, plain)
        compiled.symmetric_dense(C, dense, dense.T @ dense)
        stored = sp.csr_array(C)
        compiled.symmetric_sparse(stored.indptr, stored.indices, stored.data, sparse, sparse.T @ sparse)
        assert_allclose(dense, plain, rtol=1e-9, atol=1e-11)
        assert_allclose(sparse, plain, rtol=1e-9, atol=1e-11)
    assert not plain[4].any()


@settings(max_examples=150, deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_the_compiled_cubic_is_the_plain_one(a, b):
    """Where leaving 0 gains nothing that rounding could tell, either answer is right: so their values are compared."""

    def value(x):
        return x**4 / 4 + a * x**2 / 2 + b * x

    one, other = compiled.cubic_minimum(a, b), cubic_minimum(a, b)
    size = max(abs(a), abs(b), one, other, 1.0) ** 2
    assert value(one) == pytest.approx(value(other), abs=1e-12 * size**2)


@pytest.mark.parametrize("sparse", [False, True])
def test_a_run_has_the_same_curve_with_and_without_compiled_kernels(sparse, monkeypatch):
    C, S = similarity(3)
    C = sp.csr_array(C) if sparse else C
    fast = fit(C, S, "symmetric-cd", 30)
    monkeypatch.setenv("NMF_KERNELS", "off")
    slow = fit(C, S, "symmetric-cd", 30)
    assert_allclose(fast.history.relative_errors, slow.history.relative_errors, rtol=1e-7)
    assert_allclose(fast.W, slow.W, rtol=1e-6, atol=1e-9)
