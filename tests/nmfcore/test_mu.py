"""Are the multiplicative updates those of the papers and of scikit-learn, for every beta?"""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn.decomposition import _nmf as peer

from nmfcore import Penalty, ProblemError, StopReason, StopRule, as_problem, make_solver, solve
from nmfcore.core.checks import penalty_for
from nmfcore.core.factorization import Factors
from nmfcore.core.losses import loss

NAMES = {2.0: "frobenius", 1.0: "kullback-leibler", 0.0: "itakura-saito"}
BETAS = [2.0, 1.0, 0.0, 0.5, 1.5, 3.0, -0.5]


def named(beta):
    return NAMES.get(beta, f"beta={beta}")


def data(seed=0, zeros=0.0):
    rng = np.random.default_rng(seed)
    X = rng.random((15, 11)) + 0.05
    X[rng.random(X.shape) < zeros] = 0
    return X, rng.random((15, 4)) + 0.1, rng.random((4, 11)) + 0.1


def ours(X, W, H, beta, iterations, **more):
    stop = StopRule(tol=0, max_iter=iterations, max_seconds=None)
    return solve(X, 4, solver="mu", W=W, H=H, loss=named(beta), stop=stop, **more)


def theirs(X, W, H, beta, iterations, **more):
    got = peer._fit_multiplicative_update(X, W.copy(), H.copy(), beta_loss=beta, max_iter=iterations, tol=0, **more)
    return got[0], got[1]


@pytest.mark.parametrize("iterations", [1, 10])
@pytest.mark.parametrize("beta", BETAS)
def test_steps_equal_scikit_learns(beta, iterations):
    X, W, H = data()
    expected = theirs(X, W, H, beta, iterations)
    got = ours(X, W, H, beta, iterations)
    assert_allclose(got.W, expected[0], rtol=1e-10)
    assert_allclose(got.H, expected[1], rtol=1e-10)


@pytest.mark.parametrize("beta", [2.0, 1.0, 0.5, 1.5])
def test_steps_on_sparse_data_equal_scikit_learns(beta):
    X, W, H = data(zeros=0.5)
    X = sp.csr_array(X)
    expected = theirs(X, W, H, beta, 5)
    got = ours(X, W, H, beta, 5)
    assert_allclose(got.W, expected[0], rtol=1e-9)
    assert_allclose(got.H, expected[1], rtol=1e-9)


@pytest.mark.parametrize("beta", [2.0, 1.0, 0.5])
def test_penalties_mean_what_scikit_learn_means(beta):
    X, W, H = data()
    p = penalty_for(0.01, 0.02, 0.3, X.shape)
    weights = {"l1_reg_W": p.l1_W, "l1_reg_H": p.l1_H, "l2_reg_W": p.l2_W, "l2_reg_H": p.l2_H}
    assert_allclose(p.l1_W, 11 * 0.01 * 0.3)
    assert_allclose(p.l2_H, 15 * 0.02 * 0.7)
    if beta == 2:
        assert_allclose(ours(X, W, H, beta, 5, penalty=p).W, theirs(X, W, H, beta, 5, **weights)[0], rtol=1e-10)
        return
    # Below 2 theirs may raise the loss where an L2 weight is large, and ours cannot: the same minimum, by other steps.
    problem = as_problem(X, 4, loss=f"beta={beta}", penalty=p)
    there = loss(problem, Factors(*theirs(X, W, H, beta, 3000, **weights)[:2]))
    assert_allclose(loss(problem, ours(X, W, H, beta, 3000, penalty=p).factors), there, rtol=1e-4)


@pytest.mark.parametrize(("alpha_W", "alpha_H", "l1_ratio"), [(-1, 0, 0), (0, np.nan, 0), (0, 0, 1.5), ("same", 0, 0)])
def test_penalties_out_of_range_are_refused(alpha_W, alpha_H, l1_ratio):
    with pytest.raises(ProblemError, match="has to be a number"):
        penalty_for(alpha_W, alpha_H, l1_ratio, (3, 3))


def test_same_means_that_h_is_penalised_like_w():
    assert penalty_for(0.1, "same", 0.5, (7, 9)) == penalty_for(0.1, 0.1, 0.5, (7, 9))


@pytest.mark.parametrize("solver", ["mu", "pg", "anls-bpp"])
def test_penalties_lower_the_penalised_loss_and_shrink_the_factors(solver):
    X, W, H = data()
    p = Penalty(l1_W=0.5, l1_H=0.2, l2_W=0.3, l2_H=0.4)
    fit = solve(X, 4, solver=solver, W=W, H=H, penalty=p, stop=StopRule(tol=0, max_iter=100))
    plain = solve(X, 4, solver=solver, W=W, H=H, stop=StopRule(tol=0, max_iter=100))
    assert (np.diff(fit.history.column("loss")) <= 1e-10).all()
    value = 0.5 * np.sum((X - fit.W @ fit.H) ** 2) + 0.5 * fit.W.sum() + 0.2 * fit.H.sum()
    assert_allclose(fit.history[-1].loss, value + 0.15 * np.sum(fit.W**2) + 0.2 * np.sum(fit.H**2), rtol=1e-9)
    assert fit.W.sum() + fit.H.sum() < plain.W.sum() + plain.H.sum()


@pytest.mark.parametrize("solver", ["mu", "pg", "anls-bpp"])
def test_a_penalty_follows_the_units_of_the_data(solver):
    """Multiplying X by a, l1 by a^1.5 and l2 by a leaves the same problem, also where X is rescaled inside."""
    X, W, H = data()
    plain = solve(X, 4, solver=solver, W=W, H=H, penalty=Penalty(0.1, 0.2, 0.3, 0.4), stop=StopRule(tol=0, max_iter=5))
    for a in (1e-20, 1e20):
        l1, l2, root = a**1.5, a, a**0.5
        p = Penalty(0.1 * l1, 0.2 * l1, 0.3 * l2, 0.4 * l2)
        fit = solve(a * X, 4, solver=solver, W=W * root, H=H * root, penalty=p, stop=StopRule(tol=0, max_iter=5))
        assert_allclose(fit.W / root, plain.W, rtol=1e-9)


def test_at_a_kullback_leibler_fixed_point_the_margins_are_those_of_the_data():
    X, W, H = data(zeros=0.3)
    fit = ours(X, W, H, 1.0, 200)
    assert_allclose((fit.W @ fit.H).sum(axis=0), X.sum(axis=0), rtol=1e-10)  # after every update of H
    assert_allclose((fit.W @ fit.H).sum(axis=1), X.sum(axis=1), rtol=1e-3)


@pytest.mark.parametrize("beta", [0.0, 0.5, -0.5])
def test_the_heuristic_exponent_falls_faster(beta):
    X, W, H = data()
    ends = [
        solve(X, 4, solver="mu", solver_options={"exponent": e}, W=W, H=H, loss=named(beta), stop=StopRule(tol=0, max_iter=20))
        for e in ("mm", "heuristic")
    ]
    assert ends[1].history[-1].loss < ends[0].history[-1].loss


def test_an_unknown_exponent_is_refused():
    with pytest.raises(ProblemError, match="'mm' or 'heuristic'"):
        make_solver("mu", {"exponent": "fast"})


def test_sparse_kullback_leibler_uses_stored_values_only(monkeypatch):
    X, W, H = data(zeros=0.6)
    stored = sp.csr_array(X)
    monkeypatch.setattr(sp.csr_array, "toarray", lambda *_, **__: pytest.fail("made dense"))
    fit = ours(stored, W, H, 1.0, 10)
    assert_allclose(fit.W, theirs(X, W, H, 1.0, 10)[0], rtol=1e-9)


def test_zeros_in_the_start_stay_zero_and_are_announced():
    X, W, H = data()
    W[:, 1] = 0
    fit = ours(X, W, H, 2.0, 5)
    assert not fit.W[:, 1].any()
    assert any("can never change a zero" in w for w in fit.warnings)


def test_a_start_of_infinite_divergence_is_refused_with_the_way_out():
    X, W, H = data()
    W[3] = 0
    with pytest.raises(ProblemError, match="Start from nndsvda or random"):
        ours(X, W, H, 1.0, 5)


@pytest.mark.parametrize("beta", [2.0, 1.0])
def test_stored_zeros_change_nothing(beta):
    X, W, H = data(zeros=0.5)
    full = sp.csr_array(np.ones_like(X))
    full.data[:] = X.ravel()
    assert_allclose(ours(full, W, H, beta, 5).W, ours(X, W, H, beta, 5).W, rtol=1e-9)


def test_large_matrices_are_worked_in_blocks(monkeypatch):
    import nmfcore.core.losses as losses

    X, W, H = data()
    whole = [ours(X, W, H, beta, 3).W for beta in BETAS]
    monkeypatch.setattr(losses, "BLOCK_CELLS", 30)
    for beta, expected in zip(BETAS, whole, strict=True):
        assert_allclose(ours(X, W, H, beta, 3).W, expected, rtol=1e-10)


@pytest.mark.parametrize("beta", BETAS)
def test_no_small_change_of_the_converged_factors_is_better(beta):
    """A minimum in the independent sense: perturbing any entry by 1e-3 does not lower the loss noticeably."""
    X, W, H = data(3)
    problem = as_problem(X, 4, loss=named(beta))
    fit = ours(X, W, H, beta, 600)
    base = loss(problem, fit.factors)
    rng = np.random.default_rng(0)
    for _ in range(50):
        near = Factors(fit.W * (1 + 1e-3 * rng.standard_normal(W.shape)), fit.H * (1 + 1e-3 * rng.standard_normal(H.shape)))
        assert loss(problem, near) >= base * (1 - 1e-5)


@pytest.mark.parametrize("beta", [0, -0.5, -1])
@pytest.mark.parametrize("solver", ["mu", "masked"])
def test_a_falling_loss_has_not_diverged(beta, solver):
    """Itakura-Saito and below were said to diverge where the Frobenius error rises, while their own loss falls all the way."""
    rng = np.random.default_rng(0)
    X = 10.0 ** rng.uniform(-8, 8, (12, 9))
    options = {"mask": np.ones_like(X)} if solver == "masked" else {}
    stop = StopRule(tol=0, max_iter=60)
    found = solve(X, 3, solver=solver, loss=f"beta={beta}", init="random", seed=0, stop=stop, **options)
    assert found.stopped is StopReason.ITERATIONS
    losses = [point.loss for point in found.history]
    assert max(np.diff(losses)) <= 1e-9 * losses[0]
    assert max(point.relative_error for point in found.history) > 1
