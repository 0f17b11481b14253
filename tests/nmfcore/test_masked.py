"""Are missing entries missing, and is every update over the observed ones exact?"""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from numpy.testing import assert_allclose

from nmfcore import Penalty, ProblemError, StopRule, as_problem, make_solver, solve
from nmfcore.core.factorization import Factors
from nmfcore.core.losses import gradients, kkt_residual, loss

SOLVERS = ["masked", "masked-hals"]
TV = np.array(  # 7 shows (rows) x 5 users: the ratings table of the recommender; 0 = not rated
    [
        [4.8, 4.0, 0, 4.9, 2.1],
        [4.7, 4.1, 3.5, 4, 4.4],
        [0, 4.8, 4, 0, 4.7],
        [4.6, 0, 0, 0, 0],
        [0, 4.9, 0, 0, 0],
        [0, 4.7, 4.6, 4.4, 4.9],
        [2.1, 1.5, 2.5, 0, 0],
    ]
)


def data(seed=0, m=20, n=15, r=3, noise=0.05):
    rng = np.random.default_rng(seed)
    truth = rng.random((m, r)) @ rng.random((r, n))
    X = truth + noise * rng.random((m, n))
    mask = rng.random((m, n)) < 0.6
    return X, mask, rng.random((m, r)) + 0.1, rng.random((r, n)) + 0.1, truth


def fit(X, mask, W, H, solver, iterations=50, **more):
    return solve(X, W.shape[1], solver=solver, mask=mask, W=W, H=H, stop=StopRule(tol=0, max_iter=iterations), **more)


def test_weighted_updates_are_those_of_the_paper():
    X, mask, W, H, _ = data()
    M = mask.astype(float)
    got = fit(X, mask, W, H, "masked", 1)
    W1 = W * ((M * X) @ H.T) / ((M * (W @ H)) @ H.T)
    assert_allclose(got.W, W1, rtol=1e-12)
    assert_allclose(got.H, H * (W1.T @ (M * X)) / (W1.T @ (M * (W1 @ H))), rtol=1e-12)


def test_a_mask_of_ones_is_no_mask():
    X, _, W, H, _ = data()
    got = fit(X, np.ones_like(X), W, H, "masked", 10)
    plain = solve(X, 3, solver="mu", W=W, H=H, stop=StopRule(tol=0, max_iter=10))
    assert_allclose(got.W, plain.W, rtol=1e-10)
    assert_allclose(got.relative_error, plain.relative_error, rtol=1e-10)


def test_each_entry_of_hals_is_set_to_its_optimum():
    """The first component's w, one by one, against a scalar minimiser of the loss itself."""
    X, mask, W, H, _ = data()
    problem = as_problem(X, 3, mask=mask, penalty=Penalty(l2_W=0.2, l1_W=0.05))
    new, _ = make_solver("masked-hals").step(problem, Factors(W, H), None)
    for i in range(5):

        def value(w, i=i):
            moved = W.copy()
            moved[i, 0] = w
            return loss(problem, Factors(moved, H))

        best = scipy.optimize.minimize_scalar(value, bounds=(0, 10), method="bounded", options={"xatol": 1e-10}).x
        assert_allclose(new.W[i, 0], best, atol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("ridge", [0.0, 0.5])
def test_they_reach_a_stationary_point_of_the_penalised_loss(solver, ridge):
    X, mask, W, H, _ = data()
    penalty = Penalty(l2_W=ridge, l2_H=ridge)
    problem = as_problem(X, 3, mask=mask, penalty=penalty)
    end = fit(X, mask, W, H, solver, 1500 if solver == "masked" else 300, penalty=penalty)
    assert kkt_residual(problem, end.factors) < 1e-2 * kkt_residual(problem, Factors(W, H))
    assert_allclose(end.history[-1].loss, loss(problem, end.factors), rtol=1e-8)


def test_hals_reaches_the_optimum_of_l_bfgs_b():
    X, mask, W, H, _ = data(m=8, n=6, r=2)
    penalty = Penalty(l2_W=0.1, l2_H=0.1)
    problem = as_problem(X, 2, mask=mask, penalty=penalty)

    def value(flat):
        now = Factors(flat[:16].reshape(8, 2), flat[16:].reshape(2, 6))
        dW, dH = gradients(problem, now)
        return loss(problem, now), np.r_[dW.ravel(), dH.ravel()]

    end = fit(X, mask, W, H, "masked-hals", 1000, penalty=penalty)
    best = scipy.optimize.minimize(
        value, np.r_[end.W.ravel(), end.H.ravel()], jac=True, method="L-BFGS-B", bounds=[(0, None)] * 28, options={"ftol": 1e-15}
    )
    assert_allclose(end.history[-1].loss, best.fun, rtol=1e-7)


@pytest.mark.parametrize("solver", SOLVERS)
def test_hidden_entries_of_a_low_rank_matrix_are_predicted(solver):
    X, mask, W, H, truth = data(m=40, n=30, noise=0)
    end = fit(X, mask, W, H, solver, 1000 if solver == "masked" else 200)
    gap = (end.W @ end.H - truth)[~mask]
    assert np.sqrt(np.mean(gap**2)) < 0.05 * truth.mean()


@pytest.mark.parametrize("solver", SOLVERS)
def test_stored_sparse_ratings_equal_the_dense_mask(solver):
    X, mask, W, H, _ = data()
    penalty = Penalty(l2_W=0.3, l2_H=0.3)
    dense = fit(X, mask, W, H, solver, 10, penalty=penalty)
    stored = fit(sp.csr_array(np.where(mask, X, 0)), "stored", W, H, solver, 10, penalty=penalty)
    assert_allclose(stored.W, dense.W, rtol=1e-9)
    assert_allclose(stored.relative_error, dense.relative_error, rtol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
def test_an_observed_zero_is_a_rating(solver):
    """A stored 0 pulls the prediction down; a missing entry does not."""
    X = sp.csr_array((np.array([4.0, 4.0, 4.0, 0.0]), np.array([0, 1, 0, 1]), np.array([0, 2, 4])), shape=(2, 2))
    W, H = np.ones((2, 1)), np.ones((1, 2))
    rated = fit(X, "stored", W, H, solver, 200)
    hidden = fit(X, np.array([[1, 1], [1, 0]]), W, H, solver, 200)
    assert (hidden.W @ hidden.H)[1, 1] > 3.9
    assert (rated.W @ rated.H)[1, 1] < 3


@pytest.mark.parametrize("solver", SOLVERS)
def test_rows_without_any_observed_entry_stay_finite(solver):
    X, mask, W, H, _ = data()
    mask[3] = False
    mask[:, 4] = False
    end = fit(X, mask, W, H, solver, 30, penalty=Penalty(l2_W=0.1, l2_H=0.1))
    assert np.isfinite(end.W).all()
    assert not end.W[3].any()
    assert not end.H[:, 4].any()


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_ridge_keeps_predictions_on_the_scale_of_the_ratings(solver):
    """Rank 3 on 23 ratings: without a ridge some prediction leaves 0 to 5 in at least one of six starts."""
    mask = TV > 0
    tops = {}
    for ridge in (0.0, 0.5):
        tops[ridge] = []
        for seed in range(6):
            rng = np.random.default_rng(seed)
            W, H = 2 * rng.random((7, 3)), 2 * rng.random((3, 5))
            end = fit(TV, mask, W, H, solver, 200, penalty=Penalty(l2_W=ridge, l2_H=ridge))
            tops[ridge].append((end.W @ end.H)[~mask].max())
    assert max(tops[0.0]) > 5.5
    assert max(tops[0.5]) < 5.5


def test_other_losses_can_be_masked_too():
    X, mask, W, H, _ = data()
    end = fit(np.where(mask, X, np.nan), mask, W, H, "masked", 100, loss="kullback-leibler")
    assert (np.diff(end.history.column("loss")) <= 1e-12).all()
    model = end.W @ end.H
    assert_allclose((mask * model).sum(axis=0), (mask * X).sum(axis=0), rtol=1e-8)


def test_sparse_ratings_are_never_made_dense(monkeypatch):
    X, mask, W, H, _ = data()
    stored = sp.csr_array(np.where(mask, X, 0))
    monkeypatch.setattr(sp.csr_array, "toarray", lambda *_, **__: pytest.fail("made dense"))
    for solver in SOLVERS:
        assert fit(stored, "stored", W, H, solver, 3).relative_error < 1


def test_sweeps_must_be_at_least_one():
    with pytest.raises(ProblemError, match="sweeps"):
        make_solver("masked-hals", {"sweeps": 0})
