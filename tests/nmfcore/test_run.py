"""Does the one loop keep its promises?"""

import threading
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError, as_problem
from nmfcore.core.factorization import Factors, Penalty, StopReason
from nmfcore.core.losses import kkt_residual, loss, relative_error
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.run import Run, continue_, prepare, solve
from nmfcore.solvers import Solver
from nmfcore.solvers.hals import HALS

RNG = np.random.default_rng(0)
X = RNG.random((30, 20))
SPARSE = sp.csr_array(sp.random(40, 25, 0.2, random_state=1, format="csr"))
FOREVER = StopRule(tol=0, max_iter=10_000, max_seconds=None)


def steps(count):
    return StopRule(tol=0, max_iter=count, max_seconds=None)


@dataclass(frozen=True)
class Scripted(Solver):
    """Multiplies W by a factor in each step; from a given step on, by infinity. Counts nothing, knows nothing."""

    key = "scripted"
    title = "Scripted"
    reference = "this test"

    factor: float = 1.0
    breaks_at: int = 10**9
    seconds: float = 0.0

    def start(self, problem, factors, rng):
        return 0

    def step(self, problem, factors, memory):
        time.sleep(self.seconds)
        by = np.inf if memory + 1 >= self.breaks_at else self.factor
        return Factors(factors.W * by, factors.H), memory + 1


def scripted(stop=FOREVER, start=None, **options):
    problem = as_problem(X, 2)
    rng = np.random.default_rng(1)
    start = start or Factors(rng.random((30, 2)), rng.random((2, 20)))
    return Run(problem, Scripted(**options), start, RunSpec(solver="scripted", rank=2, stop=stop))


def test_history_holds_the_start_and_every_iteration_in_order():
    result = solve(X, 3, stop=steps(7))
    np.testing.assert_array_equal(result.history.iterations, np.arange(8))
    assert result.stopped is StopReason.ITERATIONS
    assert result.history[0].seconds == 0
    assert np.all(np.diff(result.history.seconds) >= 0)


@pytest.mark.parametrize(
    "data", [X, SPARSE, X.astype(np.float32), X * 1e12, X * 1e-12], ids=["dense", "csr", "f32", "big", "tiny"]
)
@pytest.mark.parametrize("solver", ["hals", "mu"])
def test_last_recorded_loss_belongs_to_the_returned_factors(data, solver):
    result = solve(data, 3, solver=solver, stop=steps(4))
    dense = data.toarray() if sp.issparse(data) else data.astype(np.float64)
    gap = np.linalg.norm(dense - result.W.astype(np.float64) @ result.H.astype(np.float64))
    tolerance = 1e-4 if data.dtype == np.float32 else 1e-7
    assert result.history[-1].loss == pytest.approx(gap**2 / 2, rel=tolerance)
    assert result.relative_error == pytest.approx(gap / np.linalg.norm(dense), rel=tolerance)
    assert result.W.dtype == result.H.dtype == data.dtype
    assert result.W.flags.c_contiguous
    assert result.H.flags.c_contiguous


def test_last_recorded_loss_includes_the_penalty():
    penalty = Penalty(l1_W=0.1, l1_H=0.2, l2_W=0.3, l2_H=0.4)
    result = solve(X, 3, penalty=penalty, stop=steps(5))
    assert result.history[-1].loss == pytest.approx(loss(as_problem(X, 3, penalty=penalty), result.factors), rel=1e-9)
    assert result.relative_error == pytest.approx(relative_error(X, result.W, result.H), rel=1e-9)


def test_an_exact_fit_is_not_the_end_where_a_penalty_is_to_be_paid():
    rng = np.random.default_rng(0)
    W, H = rng.random((20, 3)), rng.random((3, 12))
    result = solve(W @ H, 3, W=W, H=H, penalty=Penalty(l1_W=1, l1_H=1, l2_W=5, l2_H=5))
    assert result.stopped is not StopReason.EXACT
    assert result.history[-1].loss < 0.7 * result.history[0].loss


def test_callers_arrays_are_never_touched():
    W, H, data = RNG.random((30, 3)), RNG.random((3, 20)), X.copy()
    copies = W.copy(), H.copy(), data.copy()
    solve(data, 3, W=W, H=H, stop=steps(3))
    for array, copy in zip((W, H, data), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_evaluating_every_fifth_iteration_changes_nothing_but_the_history():
    often, seldom = solve(X, 3, stop=steps(12)), solve(X, 3, stop=steps(12), evaluate_every=5)
    np.testing.assert_array_equal(often.W, seldom.W)
    np.testing.assert_array_equal(seldom.history.iterations, [0, 5, 10, 12])  # always the last
    np.testing.assert_array_equal(seldom.history.relative_errors, often.history.relative_errors[[0, 5, 10, 12]])


def test_no_product_is_computed_when_the_step_hands_over_its_loss(monkeypatch):
    run = prepare(X, 3, stop=steps(6))
    iterator = iter(run)
    next(iterator)
    monkeypatch.setattr("nmfcore.solvers.measure.squared_error", lambda *_: pytest.fail("the loss was computed again"))
    monkeypatch.setattr("nmfcore.solvers.loop.kkt_residual", lambda *_: pytest.fail("a KKT residual was computed unasked"))
    for _ in range(5):  # at the sixth, the last, it is computed once more, in float64
        next(iterator)


def test_seconds_exclude_the_evaluation(monkeypatch):
    from nmfcore.solvers import measure as module

    def slow(*args):
        time.sleep(0.05)
        return original(*args)

    original = module.squared_error
    monkeypatch.setattr(module, "squared_error", slow)
    run = scripted(steps(4))
    began = time.perf_counter()
    assert len(list(run)) == 5
    assert time.perf_counter() - began >= 0.25
    assert run.history[-1].seconds < 0.05


def test_leaving_the_loop_keeps_the_best_so_far_and_iterating_again_goes_on_as_if_nothing_had_happened():
    run = prepare(X, 3, stop=steps(10))
    for point in run:
        if point.iteration == 4:
            break
    middle = run.result()
    assert middle.stopped is StopReason.CANCELLED
    assert middle.history[-1].iteration == 4
    assert middle.relative_error == pytest.approx(relative_error(X, middle.W, middle.H), rel=1e-9)
    run.stop = steps(6)
    list(run)
    whole = solve(X, 3, stop=steps(10))
    np.testing.assert_array_equal(run.result().W, whole.W)
    np.testing.assert_array_equal(run.result().history.iterations, np.arange(11))


def test_result_before_the_first_iteration_is_the_start():
    run = prepare(X, 3, init="random", seed=4)
    result = run.result()
    assert len(result.history) == 1
    assert result.relative_error == pytest.approx(relative_error(X, result.W, result.H))


@pytest.mark.parametrize("evaluate_every", [1, 7])
def test_cancel_from_another_thread_ends_the_run_within_one_step(evaluate_every):
    run = scripted(seconds=0.05)
    run.evaluate_every = evaluate_every
    worker = threading.Thread(target=lambda: [None for _ in run])
    worker.start()
    time.sleep(0.12)
    began = time.perf_counter()
    run.cancel()
    worker.join(5)
    assert time.perf_counter() - began < 0.05 + 0.1  # one step, and the machine's delay
    result = run.result()
    assert result.stopped is StopReason.CANCELLED
    assert result.history[-1].iteration >= 1
    assert result.relative_error == pytest.approx(relative_error(X, result.W, result.H))


def test_cancel_before_the_loop_begins_is_not_lost_and_does_not_stick():
    run = prepare(X, 3, stop=steps(5))
    run.cancel()
    assert [point.iteration for point in run] == [0]
    assert run.result().stopped is StopReason.CANCELLED
    assert [point.iteration for point in run] == [1, 2, 3, 4, 5]
    assert run.result().stopped is StopReason.ITERATIONS


def test_diverging_keeps_the_last_finite_factors_and_the_curve():
    run = scripted(factor=1.5, breaks_at=4)
    points = list(run)
    result = run.result()
    assert result.stopped is StopReason.DIVERGED
    assert [point.iteration for point in points] == [0, 1, 2, 3]
    assert np.all(np.isfinite(result.history.column("loss")))
    assert np.all(np.isfinite(result.W))
    assert result.relative_error == pytest.approx(relative_error(X, result.W, result.H))
    with pytest.raises(ProblemError, match="diverged"):
        continue_(result, X)


def test_a_run_that_gains_nothing_converges_and_one_slow_step_does_not_end_it():
    run = scripted(StopRule(tol=1e-5, max_iter=100))
    assert len(list(run)) == 6  # the start and five iterations, over which tol is averaged
    assert run.result().stopped is StopReason.CONVERGED


def test_tol_is_relative_to_the_error_and_per_iteration():
    result = solve(X, 3, stop=StopRule(tol=1e-3, max_iter=500))
    error = result.history.relative_errors
    assert result.stopped is StopReason.CONVERGED
    assert error[-6] - error[-1] <= 5 * 1e-3 * error[-1]
    assert error[-7] - error[-2] > 5 * 1e-3 * error[-2] or len(error) == 6


def test_time_limit_ends_the_run():
    run = scripted(StopRule(tol=0, max_iter=1000, max_seconds=0.1), seconds=0.03)
    list(run)
    assert run.result().stopped is StopReason.SECONDS
    assert len(run.history) <= 6


def test_exact_factorization_ends_at_once():
    W, H = RNG.random((30, 2)), RNG.random((2, 20))
    assert solve(W @ H, 2, W=W, H=H).stopped is StopReason.EXACT
    assert solve(np.zeros((4, 3)), 2).stopped is StopReason.EXACT


def test_kkt_rule_ends_the_run_and_is_measured_against_the_start():
    run = prepare(X, 3, init="random", stop=StopRule(tol=0, max_iter=2000, kkt=1e-3))
    start = run._factors
    list(run)
    result = run.result()
    problem = as_problem(X, 3)
    assert result.stopped is StopReason.KKT
    assert result.history[0].kkt == 1.0
    share = kkt_residual(problem, result.factors) / kkt_residual(problem, start)
    assert result.history[-1].kkt == pytest.approx(share, rel=1e-3)
    assert share <= 1e-3


def test_kkt_is_recorded_as_often_as_asked():
    run = prepare(X, 3, stop=steps(9), kkt_every=4)
    known = [point.iteration for point in run if point.kkt is not None]
    assert known == [0, 4, 8]


def test_a_run_that_let_go_of_its_solver_goes_on_as_one_that_is_continued():
    run = prepare(X, 3, solver="sgd", init="random", stop=steps(4))
    list(run)
    first = run.result()
    run.release()
    list(run)
    other = continue_(first, X, stop=steps(4))
    list(other)
    np.testing.assert_array_equal(run.result().H, other.result().H)
    assert run.result().seams == other.result().seams == (4,)


def test_a_finished_factorization_goes_on_with_one_history():
    first = solve(X, 3, stop=steps(5), kkt_every=5)
    second = continue_(first, X, stop=steps(5), kkt_every=5)
    list(second)
    result = second.result()
    np.testing.assert_array_equal(result.history.iterations, np.arange(11))
    assert len(first.history) == 6  # the finished one stays as it was
    assert np.all(np.diff(result.history.seconds) >= 0)
    assert result.relative_error < first.relative_error
    whole = solve(X, 3, stop=steps(10), kkt_every=5)
    assert result.history[10].kkt == pytest.approx(whole.history[10].kkt, rel=0.5)  # against the same start
    assert result.spec.stop == steps(5)


def test_continuing_scaled_data_stays_in_the_callers_units():
    first = solve(X * 1e12, 3, stop=steps(5))
    run = continue_(first, X * 1e12, stop=steps(3))
    losses = [point.loss for point in run]
    assert losses[0] <= first.history[-1].loss
    assert run.result().relative_error <= first.relative_error


def test_continuing_on_other_data_is_refused():
    with pytest.raises(ProblemError, match="shape"):
        continue_(solve(X, 3, stop=steps(2)), X.T)


def test_infinite_loss_at_the_start_does_not_end_the_run():
    W, H = np.zeros((30, 2)), np.ones((2, 20))
    W[:, 0] = 1
    W[0] = 0  # row 0 of WH is zero where X is not: the Kullback-Leibler loss of the start is infinite
    problem = as_problem(X, 2)
    assert np.isinf(loss(replace(problem, loss="kullback-leibler"), Factors(W, H)))
    run = Run(replace(problem, loss="kullback-leibler"), replace_losses(), Factors(W, H), RunSpec(rank=2, stop=steps(3)))
    list(run)
    result = run.result()
    assert len(result.history) == 3  # the infinite start is not part of the curve
    assert np.all(np.isfinite(result.history.column("loss")))


def replace_losses():
    @dataclass(frozen=True)
    class Lift(Scripted):
        def refusal(self, problem):
            return None

        def step(self, problem, factors, memory):
            return Factors(factors.W + 0.1, factors.H), memory

    return Lift()


def test_unsupported_combination_is_refused_before_anything_runs():
    with pytest.raises(ProblemError, match="Solvers that can: "):
        prepare(X, 3, solver="hals", loss="kullback-leibler")
    with pytest.raises(ProblemError, match="evaluate_every"):
        prepare(X, 3, evaluate_every=0)


def test_dead_components_are_reported():
    W, H = RNG.random((30, 3)), RNG.random((3, 20))
    W[:, 1] = 0
    H[1] = 0
    result = solve(X, 3, W=W, H=H, stop=steps(2))
    assert any("Component 2 became zero" in sentence for sentence in result.warnings)


def test_solver_object_and_key_give_the_same_run():
    one = solve(X, 3, solver=HALS(sweeps=3), stop=steps(4))
    two = solve(X, 3, solver="hals", solver_options={"sweeps": 3}, stop=steps(4))
    np.testing.assert_array_equal(one.W, two.W)
    assert one.spec == two.spec


@pytest.mark.parametrize("step", [1.0, 1e3])
def test_a_run_whose_error_rises_has_not_converged(step):
    """Gradient descent with a textbook step of 1 once ended as converged at a relative error of 1.4 million."""
    X = np.random.default_rng(0).random((30, 20)) * 10
    fit = solve(
        X, 4, solver="gd", solver_options={"step_size": step, "absolute": True}, init="random", stop=StopRule(max_iter=200)
    )
    assert fit.stopped is StopReason.DIVERGED
    assert np.isfinite(fit.W).all()
    assert np.isfinite(fit.H).all()


def test_a_small_rise_neither_converges_nor_diverges():
    X = np.random.default_rng(0).random((60, 20))
    fit = solve(X, 4, solver="sgd", init="random", stop=StopRule(tol=0.0, max_iter=50))
    assert fit.stopped is StopReason.ITERATIONS
