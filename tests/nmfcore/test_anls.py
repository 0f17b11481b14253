"""Is each half step of the alternating solvers the exact optimum, and do they end where other implementations do?"""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn.decomposition import NMF

from nmfcore import Penalty, ProblemError, StopReason, StopRule, as_problem, make_solver, solve
from nmfcore.core.factorization import Factors
from nmfcore.core.losses import kkt_residual


def data(seed=0, m=25, n=18, r=4):
    rng = np.random.default_rng(seed)
    X = rng.random((m, r)) @ rng.random((r, n)) + 0.3 * rng.random((m, n))
    X[rng.random((m, n)) < 0.3] = 0
    return X, rng.random((m, r)), rng.random((r, n))


def nnls_rows(X, H):
    return np.stack([scipy.optimize.nnls(H.T, row)[0] for row in X])


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_a_step_is_two_exact_least_squares(kind):
    X, W, H = data()
    got = solve(kind(X), 4, solver="anls-bpp", W=W, H=H, stop=StopRule(tol=0, max_iter=1))
    W1 = nnls_rows(X, H)
    assert_allclose(got.W, W1, atol=1e-9)
    assert_allclose(got.H, nnls_rows(X.T, W1.T).T, atol=1e-9)


def test_penalised_steps_are_those_of_the_augmented_problem():
    """L2: rows sqrt(l2) I below H^T; L1 enters the right-hand side. scipy solves the augmented problem with L2 alone."""
    X, W, H = data()
    got = solve(X, 4, solver="anls-bpp", W=W, H=H, penalty=Penalty(l2_W=0.7), stop=StopRule(tol=0, max_iter=1))
    stacked = np.hstack([H, np.sqrt(0.7) * np.eye(4)])
    assert_allclose(got.W, nnls_rows(np.hstack([X, np.zeros((25, 4))]), stacked), atol=1e-9)


def test_it_ends_where_scikit_learns_coordinate_descent_ends():
    X, W, H = data()
    theirs = NMF(4, init="custom", tol=1e-9, max_iter=3000)
    W1 = theirs.fit_transform(X, W=W.copy(), H=H.copy())
    ours = solve(X, 4, solver="anls-bpp", W=W1, H=theirs.components_, stop=StopRule(tol=0, max_iter=300))
    assert_allclose(ours.relative_error, np.linalg.norm(X - W1 @ theirs.components_) / np.linalg.norm(X), rtol=1e-6)
    far = solve(X, 4, solver="anls-bpp", W=W, H=H, stop=StopRule(tol=0, max_iter=500))
    assert kkt_residual(as_problem(X, 4), far.factors) < 1e-5


@pytest.mark.parametrize("solver", ["anls-bpp", "pg"])
def test_a_rank_deficient_start_does_no_harm(solver):
    X, W, H = data()
    H[1] = H[0]
    H[2] = 0
    fit = solve(X, 4, solver=solver, W=W, H=H, stop=StopRule(tol=0, max_iter=50))
    assert np.isfinite(fit.W).all()
    assert fit.relative_error < 0.5
    assert (np.diff(fit.history.column("loss")) <= 1e-10).all()


def test_float32_with_dependent_components_stays_small_and_falls():
    X, W, H = data()
    H[1] = H[0]
    X = X.astype(np.float32)
    fit = solve(X, 4, solver="anls-bpp", W=W, H=H, stop=StopRule(tol=0, max_iter=50))
    assert fit.W.max() < 1e3
    assert fit.history.relative_errors[-1] < fit.history.relative_errors[1]


# -- stochastic gradient ------------------------------------------------------------------------------------------------
def test_small_batches_come_close_to_the_optimum():
    X, W, H = data(m=200)
    best = solve(X, 4, solver="anls-bpp", W=W, H=H, stop=StopRule(tol=0, max_iter=300)).relative_error
    fit = solve(X, 4, solver="sgd", solver_options={"batch": 20}, W=W, H=H, stop=StopRule(tol=0, max_iter=300))
    assert best * 0.999 < fit.relative_error < best * 1.05


def test_the_start_is_brought_to_the_scale_of_the_data():
    X, W, H = data()
    for level in (1e-4, 1e4):
        fit = solve(X, 4, solver="sgd", W=W * level, H=H * level, stop=StopRule(tol=0, max_iter=2))
        assert fit.history.relative_errors[1] < 0.7


def test_the_order_of_batches_follows_the_seed():
    X, W, H = data()
    ends = []
    for seed in (0, 0, 1):
        stop = StopRule(tol=0, max_iter=3)
        ends.append(solve(X, 4, solver="sgd", solver_options={"batch": 5}, seed=seed, stop=stop, W=W, H=H).W)
    assert np.array_equal(ends[0], ends[1])
    assert not np.array_equal(ends[0], ends[2])


@pytest.mark.parametrize("options", [{"batch": 0}, {"step_size": 0.0}, {"decay": -1.0}, {"batch": 2.5}, {"step_size": "big"}])
def test_parameters_that_make_no_sense_are_refused(options):
    with pytest.raises(ProblemError, match=next(iter(options))):
        make_solver("sgd", options)


def test_an_unknown_solver_or_parameter_is_refused_with_the_known_ones():
    with pytest.raises(ProblemError, match=r"Unknown solver 'hal'. Known: .*hals"):
        make_solver("hal")
    with pytest.raises(ProblemError, match=r"no parameter bach. It has: batch"):
        make_solver("sgd", {"bach": 3})


def test_a_solver_that_cannot_says_so_and_names_those_that_can():
    with pytest.raises(ProblemError, match=r"cannot skip missing entries.*masked"):
        solve(np.ones((3, 3)), 1, solver="anls-bpp", mask=np.eye(3))
    with pytest.raises(ProblemError, match="needs a mask"):
        solve(np.ones((3, 3)), 1, solver="masked")
    with pytest.raises(ProblemError, match=r"cannot minimise the loss 'kullback-leibler'.*mu"):
        solve(np.ones((3, 3)), 1, solver="gd", loss="kullback-leibler")
    with pytest.raises(ProblemError, match="needs a symmetric"):
        solve(np.ones((3, 3)), 1, solver="symmetric")
    with pytest.raises(ProblemError, match="no L1 or L2"):
        solve(np.ones((3, 3)), 1, solver="sgd", penalty=Penalty(l2_W=1))


def test_an_exact_fit_ends_the_run():
    _, W, H = data()
    fit = solve(W @ H, 4, solver="anls-bpp", W=W, H=H * 1.5, stop=StopRule(max_iter=50))
    assert fit.stopped is StopReason.EXACT


def test_factors_of_an_exact_problem_are_left_alone():
    _, W, H = data()
    new, _ = make_solver("anls-bpp").step(as_problem(W @ H, 4), Factors(W, H), None)
    assert_allclose(new.W, W, atol=1e-9)
