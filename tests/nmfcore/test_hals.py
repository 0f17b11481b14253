"""Does HALS keep its promises, running ahead or not, in float32 or float64, on a sketch or not?"""

import importlib.util
import math

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import nnls
from sklearn.decomposition import non_negative_factorization

from nmfcore.core import factorization
from nmfcore.core.checks import as_problem
from nmfcore.core.factorization import Factors, Penalty
from nmfcore.core.losses import kkt_residual, loss, relative_error
from nmfcore.core.spec import StopRule
from nmfcore.run import prepare, solve
from nmfcore.solvers import hals
from nmfcore.solvers.hals import HALS
from nmfcore.solvers.starts import start

RNG = np.random.default_rng(0)
X = RNG.random((40, 25))
SPARSE = sp.csr_array(sp.random(60, 40, 0.1, random_state=1, format="csr"))
PLAIN = {"extrapolate": False}
KERNELS = ["off", pytest.param("auto", marks=pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="no numba"))]


def steps(count):
    return StopRule(tol=0, max_iter=count, max_seconds=None)


@pytest.fixture(params=KERNELS)
def kind(request, monkeypatch):
    monkeypatch.setenv("NMF_KERNELS", request.param)
    return request.param


@pytest.fixture
def single(monkeypatch):
    """Everything counts as large, so that float32 is worked in."""
    monkeypatch.setattr(factorization, "SINGLE_SIZE", 0)


@pytest.mark.parametrize("data", [X, SPARSE], ids=["dense", "csr"])
def test_plain_hals_equals_scikit_learns_cd_step_for_step(kind, data):
    W, H = RNG.random((data.shape[0], 4)), RNG.random((4, data.shape[1]))
    ours = solve(data, 4, W=W, H=H, solver_options={**PLAIN, "sweeps": 1}, stop=steps(3))
    theirs = non_negative_factorization(data, W.copy(), H.copy(), 4, init="custom", solver="cd", max_iter=3, tol=0)
    np.testing.assert_allclose(ours.W, theirs[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.H, theirs[1], rtol=1e-9, atol=1e-12)


def test_plain_hals_with_penalties_equals_scikit_learns_cd(kind):
    W, H = RNG.random((40, 4)), RNG.random((4, 25))
    options = {"alpha_W": 0.01, "alpha_H": 0.02, "l1_ratio": 0.3}
    penalty = Penalty(0.01 * 25 * 0.3, 0.02 * 40 * 0.3, 0.01 * 25 * 0.7, 0.02 * 40 * 0.7)
    ours = solve(X, 4, W=W, H=H, penalty=penalty, solver_options={**PLAIN, "sweeps": 1}, stop=steps(4))
    theirs = non_negative_factorization(X, W.copy(), H.copy(), 4, init="custom", solver="cd", max_iter=4, tol=0, **options)
    np.testing.assert_allclose(ours.W, theirs[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.H, theirs[1], rtol=1e-9, atol=1e-12)


def test_many_sweeps_solve_each_half_exactly(kind):
    W, H = RNG.random((40, 3)), RNG.random((3, 25))
    result = solve(X, 3, W=W, H=H, solver_options={**PLAIN, "sweeps": 2000}, stop=steps(1))
    np.testing.assert_allclose(result.W, [nnls(H.T, row)[0] for row in X], atol=1e-8)


@pytest.mark.parametrize("data", [X, SPARSE, X.astype(np.float32)], ids=["dense", "csr", "f32"])
@pytest.mark.parametrize("penalty", [None, Penalty(0.1, 0.1, 0.2, 0.2)])
@pytest.mark.parametrize("extrapolate", [True, False])
def test_the_loss_never_rises_and_is_the_one_reported(kind, data, penalty, extrapolate):
    result = solve(data, 5, penalty=penalty, solver_options={"extrapolate": extrapolate}, init="random", stop=steps(60))
    losses = result.history.column("loss")
    rounding = 1e-6 if data.dtype == np.float32 else 1e-12
    assert np.all(np.diff(losses) <= rounding * losses[:-1])
    truth = loss(as_problem(data, 5, penalty=penalty), result.factors)
    assert losses[-1] == pytest.approx(truth, rel=1e-5 if data.dtype == np.float32 else 1e-9)


def test_running_ahead_is_faster_and_ends_no_higher(kind):
    ahead, plain = (solve(X, 5, solver_options={"extrapolate": choice}, stop=steps(40)) for choice in (True, False))
    assert ahead.relative_error <= plain.relative_error


def test_it_ends_at_a_stationary_point(kind):
    run = prepare(X, 3, init="random", stop=StopRule(tol=0, max_iter=3000, max_seconds=None))
    problem = run.problem
    begin = kkt_residual(problem, start(problem, "random", 0))
    list(run)
    assert kkt_residual(problem, run.result().factors) < 1e-6 * begin


def test_a_dropped_step_hands_out_the_same_factors_again(kind):
    problem = as_problem(X, 5)
    solver, factors = HALS(), start(problem, "random", 0)
    memory, dropped = solver.start(problem, factors, RNG), 0
    for _ in range(100):
        new, memory = solver.step(problem, factors, memory)
        if memory.fell_back:
            dropped += 1
            assert new is factors
            assert memory.t == 1.0
        factors = new
    assert dropped  # otherwise this test has seen nothing


def test_a_step_is_repeatable_and_leaves_what_it_handed_out_alone(kind):
    problem = as_problem(SPARSE, 4)
    solver, factors = HALS(), start(problem, "nndsvda", 0)
    memory = solver.start(problem, factors, RNG)
    factors, memory = solver.step(problem, factors, memory)
    kept = factors.W.copy(), factors.H.copy()
    one, two = solver.step(problem, factors, memory)[0], solver.step(problem, factors, memory)[0]
    np.testing.assert_array_equal(one.W, two.W)
    np.testing.assert_array_equal(factors.W, kept[0])
    np.testing.assert_array_equal(factors.H, kept[1])


def test_factors_moved_from_outside_are_taken_up(kind):
    problem = as_problem(X, 3)
    solver, factors = HALS(extrapolate=False), start(problem, "random", 0)
    memory = solver.start(problem, factors, RNG)
    solver.step(problem, factors, memory)
    moved = Factors(RNG.random((40, 3)), RNG.random((3, 25)))
    one = solver.step(problem, moved, memory)[0]
    two = solver.step(problem, moved, solver.start(problem, moved, RNG))[0]
    np.testing.assert_array_equal(one.W, two.W)


@pytest.mark.parametrize("data", [X, SPARSE], ids=["dense", "csr"])
def test_float32_work_ends_where_float64_work_does(kind, data, monkeypatch):
    double = solve(data, 4, init="random", stop=steps(8))
    monkeypatch.setattr(factorization, "SINGLE_SIZE", 0)
    single = solve(data, 4, init="random", stop=steps(8))
    assert single.W.dtype == np.float64
    assert single.relative_error == pytest.approx(double.relative_error, rel=1e-5)
    assert single.relative_error == pytest.approx(relative_error(data, single.W, single.H), rel=1e-6)


def test_float32_work_gives_way_to_float64_when_the_error_is_small(kind, single):
    W, H = RNG.random((40, 3)) * (RNG.random((40, 3)) < 0.6), RNG.random((3, 25)) * (RNG.random((3, 25)) < 0.6)
    result = solve(W @ H, 3, init="random", seed=1, stop=steps(1500))
    assert result.relative_error < 1e-7  # float32 products alone end near 1e-4
    assert result.relative_error == pytest.approx(relative_error(W @ H, result.W, result.H), rel=1e-3, abs=1e-14)


def test_the_sketch_is_only_a_start_and_the_result_is_that_of_x(kind, monkeypatch):
    rng = np.random.default_rng(3)
    data = rng.random((300, 4)) @ rng.random((4, 200)) + 0.2 * rng.random((300, 200))
    without = solve(data, 4, solver_options={"sketch": False}, stop=steps(3))
    monkeypatch.setattr(hals, "SKETCH_WORK", 0)
    problem = as_problem(data, 4)
    assert hals._sketch_pays(problem)
    result = solve(data, 4, stop=steps(3))
    assert result.history[0].relative_error == without.history[0].relative_error  # the same start is recorded
    ended = solve(data, 4, solver_options={"sketch": False}, stop=steps(300))
    assert result.relative_error < min(without.relative_error, ended.relative_error * (1 + 1e-3))
    assert result.relative_error == pytest.approx(relative_error(data, result.W, result.H), rel=1e-4)  # float32: eps / error^2
    assert not np.any(np.diff(result.history.relative_errors) > 0)


def test_a_start_that_the_sketch_cannot_improve_is_kept(kind, monkeypatch):
    monkeypatch.setattr(hals, "SKETCH_WORK", 0)
    rng = np.random.default_rng(3)
    data = rng.random((300, 200))
    done = solve(data, 4, stop=steps(300))
    again = solve(data, 4, W=done.W, H=done.H, stop=steps(5))
    assert again.history[-1].loss <= done.history[-1].loss * (1 + 1e-7)


def test_how_x_is_stored_does_not_change_the_number_of_sweeps():
    for data in (X, SPARSE.toarray()):
        assert hals._sweeps(data) == hals._sweeps(sp.csr_array(data))
    assert hals._sweeps(X) == hals.SWEEPS_DENSE
    assert hals._sweeps(SPARSE) == hals.SWEEPS_SPARSE


def test_a_start_of_any_scale_is_brought_to_the_datas(kind):
    W, H = RNG.random((40, 3)), RNG.random((3, 25))
    one, two = (solve(X, 3, W=W * by, H=H, stop=steps(20)) for by in (1.0, 1e6))
    assert one.relative_error == pytest.approx(two.relative_error, rel=1e-3)


def test_history_and_clock_begin_with_the_given_start(kind):
    W, H = RNG.random((40, 3)), RNG.random((3, 25))
    result = solve(X, 3, W=W, H=H, stop=steps(1))
    assert result.history[0].relative_error == pytest.approx(relative_error(X, W, H), rel=1e-9)
    assert math.isclose(result.history[0].seconds, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float32_does_not_decide_where_a_run_ends(dtype):
    """It stopped at 0.0907615 after 234 steps, in the noise of float32; the optimum is near 0.0906946."""
    rng = np.random.default_rng(0)
    X = (rng.random((260, 8)) @ rng.random((8, 240)) + 0.8 * rng.random((260, 240))).astype(dtype)
    fine = solve(X, 8, solver="hals", stop=StopRule(tol=1e-9, max_iter=400))
    assert fine.relative_error < 0.09072
    assert np.diff(fine.history.relative_errors).max() <= 1e-6  # where float64 takes over, what float32 was off by shows
