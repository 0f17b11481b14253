"""Do the two gradient solvers follow their papers, and is a step that is too large a result rather than a crash?"""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from numpy.testing import assert_allclose

from nmfcore import ProblemError, StopReason, StopRule, as_problem, make_solver, solve
from nmfcore.core.factorization import Factors
from nmfcore.core.losses import gradients, kkt_residual, loss


def table(seed=0, m=30, n=20, r=4):
    rng = np.random.default_rng(seed)
    X = rng.random((m, r)) @ rng.random((r, n)) + 0.1 * rng.random((m, n))
    return X, rng.random((m, r)), rng.random((r, n))


def curve(X, solver, options=None, *, iterations=100, **more):
    stop = StopRule(tol=0, max_iter=iterations, max_seconds=None)
    return solve(X, 4, solver=solver, solver_options=options, init="random", stop=stop, **more)


def test_gd_takes_the_textbook_step():
    X, W, H = table()
    got = solve(X, 4, solver="gd", solver_options={"step_size": 0.01, "absolute": True}, W=W, H=H, stop=StopRule(max_iter=1))
    W1 = np.maximum(W - 0.01 * (W @ H - X) @ H.T, 0)
    H1 = np.maximum(H - 0.01 * W1.T @ (W1 @ H - X), 0)
    assert_allclose(got.W, W1, rtol=1e-12)
    assert_allclose(got.H, H1, rtol=1e-12)


def test_gd_measures_its_step_against_the_curvature():
    X, W, H = table()
    got = solve(X, 4, solver="gd", solver_options={"step_size": 1.5}, W=W, H=H, stop=StopRule(max_iter=1))
    W1 = np.maximum(W - 1.5 / np.linalg.norm(H @ H.T, 2) * (W @ H - X) @ H.T, 0)
    assert_allclose(got.W, W1, rtol=1e-12)


@pytest.mark.parametrize("step", [0.1, 1.0, 1.9])
def test_gd_below_two_never_raises_the_loss(step):
    errors = curve(table()[0], "gd", {"step_size": step}).history.relative_errors
    assert (np.diff(errors) <= 1e-12).all()


def test_gd_above_two_raises_it():
    errors = curve(table()[0], "gd", {"step_size": 2.5}).history.relative_errors
    assert errors.max() > errors[0]


def test_a_fixed_step_that_is_too_large_ends_as_diverged_with_its_curve():
    fit = curve(table()[0], "gd", {"step_size": 0.5, "absolute": True}, iterations=1000)
    assert fit.stopped is StopReason.DIVERGED
    assert len(fit.history) > 2
    assert np.isfinite(fit.history.relative_errors).all()
    assert np.isfinite(fit.W).all()
    assert np.isfinite(fit.H).all()


@pytest.mark.parametrize("units", [1e-30, 1e12])
def test_a_fixed_step_is_in_the_units_of_the_data(units):
    X, W, H = table()
    stop, root = StopRule(tol=0, max_iter=5), np.sqrt(units)
    plain = solve(X, 4, solver="gd", solver_options={"step_size": 0.01, "absolute": True}, W=W, H=H, stop=stop)
    other = solve(
        X * units, 4, solver="gd", solver_options={"step_size": 0.01 / units, "absolute": True}, W=W * root, H=H * root, stop=stop
    )
    assert_allclose(other.W / root, plain.W, rtol=1e-9)


@pytest.mark.parametrize("step", [0.0, -1.0, np.nan, np.inf])
def test_a_step_that_is_no_positive_number_is_refused(step):
    with pytest.raises(ProblemError, match="step_size"):
        make_solver("gd", {"step_size": step})


def test_pg_refuses_no_inner_steps():
    with pytest.raises(ProblemError, match="inner"):
        make_solver("pg", {"inner": 0})


@pytest.mark.parametrize("inner", [1, 10])
def test_every_step_of_pg_meets_armijos_condition(inner):
    """f(new) - f(old) <= sigma <grad, new - old> for each factor, on the loss itself."""
    X, W, H = table(1)
    problem, solver = as_problem(X, 4), make_solver("pg", {"inner": inner})
    old = Factors(W, H)
    for _ in range(10):
        new, _ = solver.step(problem, old, None)
        middle = Factors(new.W, old.H)
        for before, after, at in ((old, middle, 0), (middle, new, 1)):
            slope = gradients(problem, before)[at]
            change = (after.W - before.W, after.H - before.H)[at]
            assert loss(problem, after) - loss(problem, before) <= 0
            if inner == 1:
                assert loss(problem, after) - loss(problem, before) <= 0.01 * np.sum(slope * change) + 1e-12
        old = new


def test_pg_reaches_the_optimum_of_l_bfgs_b():
    X, W, H = table(2, 12, 9, 2)
    problem = as_problem(X, 2)

    def value(flat):
        now = Factors(flat[:24].reshape(12, 2), flat[24:].reshape(2, 9))
        dW, dH = gradients(problem, now)
        return loss(problem, now), np.r_[dW.ravel(), dH.ravel()]

    start = np.r_[W[:, :2].ravel(), H[:2].ravel()]
    best = scipy.optimize.minimize(
        value,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] * 42,
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 5000},
    )
    fit = solve(X, 2, solver="pg", W=W[:, :2], H=H[:2], stop=StopRule(tol=0, max_iter=500))
    assert_allclose(fit.history[-1].loss, best.fun, rtol=1e-5)


def test_pg_ends_at_a_stationary_point():
    X, W, H = table(3)
    problem = as_problem(X, 4)
    fit = solve(X, 4, solver="pg", W=W, H=H, stop=StopRule(tol=0, max_iter=500))
    assert kkt_residual(problem, fit.factors) < 1e-4 * kkt_residual(problem, Factors(W, H))


@pytest.mark.parametrize("solver", ["pg", "gd"])
def test_a_factor_of_zeros_is_kept_without_an_error(solver):
    fit = solve(np.eye(4), 2, solver=solver, W=np.zeros((4, 2)), H=np.zeros((2, 4)))
    assert not fit.W.any()
    assert fit.relative_error == 1


@pytest.mark.parametrize("solver", ["pg", "gd"])
def test_gradients_of_sparse_data_need_no_dense_copy(solver, monkeypatch):
    X = sp.csr_array(np.random.default_rng(0).poisson(0.3, (30, 20)).astype(float))
    monkeypatch.setattr(sp.csr_array, "toarray", lambda *_: pytest.fail("made dense"))
    assert curve(X, solver, iterations=3).relative_error < 1
