"""Does the Newton solver minimise the Kullback-Leibler loss?"""

import importlib.util

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import kl_div
from sklearn.decomposition import NMF

from nmfcore.core.checks import as_problem
from nmfcore.core.factorization import Factors, Penalty
from nmfcore.core.losses import loss
from nmfcore.core.losses import penalty as penalty_of
from nmfcore.core.spec import StopRule
from nmfcore.kernels import engines, newton
from nmfcore.run import solve
from nmfcore.solvers import starts
from nmfcore.solvers.kl import APPROACH, NewtonKL

KL = {"solver": "kl-newton", "loss": "kullback-leibler"}
LONG = StopRule(tol=0, max_iter=400, max_seconds=None)
X = sp.csr_array(sp.random(50, 30, 0.25, random_state=4, format="csr"))
KERNELS = ["off", pytest.param("auto", marks=pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="no numba"))]


@pytest.fixture(params=KERNELS)
def kind(request, monkeypatch):
    monkeypatch.setenv("NMF_KERNELS", request.param)
    return request.param


def test_it_ends_at_least_as_low_as_scikit_learns_multiplicative_updates(kind):
    theirs = NMF(4, init="nndsvda", solver="mu", beta_loss="kullback-leibler", max_iter=3000, tol=1e-8, random_state=0)
    W = theirs.fit_transform(X)
    problem = as_problem(X, 4, loss="kullback-leibler")
    ours = solve(X, 4, **KL, W=W, H=theirs.components_, stop=LONG)
    assert ours.history[-1].loss <= loss(problem, Factors(W, theirs.components_)) * (1 + 1e-9)


def test_each_half_solves_its_convex_problem_as_l_bfgs_does(kind):
    rng = np.random.default_rng(0)
    other, F = rng.random((30, 3)), rng.random((50, 3))
    new = F
    for _ in range(60):
        new, _, _ = engines.newton_sweeps(X, other, new, 3)
    dense = X.toarray()
    for i in (0, 7, 23):
        x = dense[i]

        def value(w, x=x):
            y = np.maximum(other @ w, 1e-300)
            return y.sum() - x[x > 0] @ np.log(y[x > 0])

        best = minimize(value, np.ones(3), bounds=[(0, None)] * 3, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10})
        assert value(new[i]) == pytest.approx(best.fun, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("extrapolate", [True, False])
@pytest.mark.parametrize("sweeps", [1, 3])
def test_the_loss_never_rises_and_is_the_one_reported(kind, extrapolate, sweeps):
    result = solve(X, 4, **KL, solver_options={"extrapolate": extrapolate, "sweeps": sweeps}, stop=StopRule(tol=0, max_iter=40))
    losses = result.history.column("loss")
    assert np.all(np.diff(losses) <= 1e-12 * losses[:-1])
    assert losses[-1] == pytest.approx(loss(as_problem(X, 4, loss="kullback-leibler"), result.factors), rel=1e-9)
    dense = X.toarray()
    assert result.relative_error == pytest.approx(np.linalg.norm(dense - result.W @ result.H) / np.linalg.norm(dense), rel=1e-9)


def test_row_and_column_sums_of_wh_equal_those_of_x_at_the_end(kind):
    result = solve(X, 4, **KL, stop=StopRule(tol=0, max_iter=2000, max_seconds=None))
    WH = result.W @ result.H
    np.testing.assert_allclose(WH.sum(axis=0), X.sum(axis=0), rtol=1e-4)
    np.testing.assert_allclose(WH.sum(axis=1), X.sum(axis=1), rtol=1e-4)


def test_compiled_and_plain_sweeps_agree():
    pytest.importorskip("numba")
    rng = np.random.default_rng(1)
    other, F = rng.random((30, 5)), rng.random((50, 5))
    other[:, 2] *= rng.random(30) < 0.3
    with_zero_rows = sp.csr_array(X.toarray() * (np.arange(50) % 7 > 0)[:, None])
    for penalty in ((0.0, 0.0), (0.1, 0.2)):
        results = []
        for setting in ("off", "auto"):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("NMF_KERNELS", setting)
                results.append(engines.newton_sweeps(with_zero_rows, other, F, 2, *penalty))
        for one, two in zip(*results, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("block", [1, 7, 50])
def test_blocks_of_rows_change_nothing(block, monkeypatch):
    monkeypatch.setenv("NMF_KERNELS", "off")
    rng = np.random.default_rng(2)
    with_zero_rows = sp.csr_array(X.toarray() * (np.arange(50) % 7 > 0)[:, None])
    other, F = rng.random((30, 5)), rng.random((50, 5))
    whole = engines.newton_sweeps(with_zero_rows, other, F, 2, 0.1, 0.2)
    monkeypatch.setattr(newton, "NEWTON_BLOCK", block)
    for one, two in zip(engines.newton_sweeps(with_zero_rows, other, F, 2, 0.1, 0.2), whole, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-12)


def test_sparse_equals_dense(kind):
    one, two = (solve(data, 3, **KL, init="random", stop=StopRule(tol=0, max_iter=15)) for data in (X, X.toarray()))
    np.testing.assert_allclose(one.W, two.W, rtol=1e-8, atol=1e-10)


def test_float32_goes_where_float64_does(kind):
    stop = StopRule(tol=0, max_iter=6)  # later a step dropped here and not there may lead to another local minimum
    one, two = (solve(data, 3, **KL, init="random", stop=stop) for data in (X, X.astype(np.float32)))
    assert one.history[-1].loss == pytest.approx(two.history[-1].loss, rel=1e-4)
    assert two.W.dtype == np.float32


def test_a_start_with_an_infinite_loss_is_lifted(kind):
    rng = np.random.default_rng(0)
    W, H = rng.random((50, 3)), rng.random((3, 30))
    W[5] = 0  # row 5 of WH is zero, row 5 of X is not
    assert X[5].nnz
    result = solve(X, 3, **KL, W=W, H=H, stop=StopRule(tol=0, max_iter=50))
    assert np.isfinite(result.history[-1].loss)
    assert result.history[-1].loss < solve(X, 3, **KL, init="random", stop=StopRule(tol=0, max_iter=3)).history[-1].loss


def test_penalties_shrink_the_factors_and_are_part_of_the_loss(kind):
    penalty = Penalty(l1_W=0.2, l1_H=0.2, l2_W=0.1, l2_H=0.1)
    result = solve(X, 3, **KL, penalty=penalty, stop=StopRule(tol=0, max_iter=100))
    problem = as_problem(X, 3, loss="kullback-leibler", penalty=penalty)
    losses = result.history.column("loss")
    assert losses[-1] == pytest.approx(loss(problem, result.factors), rel=1e-9)
    assert np.all(np.diff(losses) <= 1e-12 * losses[:-1])
    free = solve(X, 3, **KL, stop=StopRule(tol=0, max_iter=100))
    assert penalty_of(problem, result.factors) < penalty_of(problem, free.factors)
    assert result.W.sum() + result.H.sum() < free.W.sum() + free.H.sum()


def test_empty_rows_and_columns_stay_empty(kind):
    dense = X.toarray()
    dense[3] = dense[:, 4] = 0
    result = solve(sp.csr_array(dense), 3, **KL, init="random", stop=StopRule(tol=0, max_iter=10))
    assert not result.W[3].any()
    assert not result.H[:, 4].any()


def test_its_own_start_reaches_the_loss_of_scikit_learns_updates_in_few_iterations(kind):
    """From NNDSVDA it took 43 iterations on 2000 documents, from ten HALS steps 6; here the same in small."""
    rng = np.random.default_rng(1)
    counts = sp.csr_array(rng.poisson(rng.gamma(0.3, size=(300, 6)) @ rng.gamma(0.3, size=(6, 200))).astype(float))
    model = NMF(6, init="nndsvda", solver="mu", beta_loss="kullback-leibler", max_iter=200, random_state=0)
    W = model.fit_transform(counts)
    theirs = loss(as_problem(counts, 6, loss="kullback-leibler"), Factors(W, model.components_))
    ours = solve(counts, 6, **KL, stop=StopRule(tol=0, max_iter=15))
    assert ours.spec.init == "least-squares"
    assert ours.history[-1].loss <= theirs * (1 + 1e-4)


def spectrogram():
    """Power of four tones, one after the other: 129 frequencies, 124 times, from 1e-33 to 1e-2."""
    t = np.arange(16000) / 8000
    tones = ((440, 0.0), (660, 0.5), (880, 1.0), (1320, 1.5))
    sound = sum(np.sin(2 * np.pi * f * t) * ((t >= begins) & (t < begins + 0.5)) for f, begins in tones)
    frames = np.lib.stride_tricks.sliding_window_view(sound, 256)[::128] * np.hanning(256)
    return np.abs(np.fft.rfft(frames, axis=1)).T ** 2


def uneven():
    """Data with entries far below the others in every row, by name."""
    rng = np.random.default_rng(0)
    plain = rng.random((100, 5)) @ rng.random((5, 70))
    return {
        "smooth": np.exp(-((np.arange(90)[:, None] / 9 - np.arange(70) / 7) ** 2)),
        "spectrogram": spectrogram(),
        "scaled columns": (plain + 0.3 * rng.random(plain.shape)) * np.logspace(-8, 0, 70),
        "fourth powers": rng.random(plain.shape) ** 4 * plain,
        "a twentieth at 1e-9": np.where(rng.random(plain.shape) < 0.05, 1e-9, plain * rng.random(plain.shape)),
    }


@pytest.mark.parametrize("init", ["random", "nndsvda"])
@pytest.mark.parametrize("name", uneven())
def test_small_entries_do_not_bring_it_to_a_standstill(kind, name, init):
    """Damping divided every step by 1 / sqrt(smallest x of the row): it froze at 302 (`mu`: 167.6) and said it had converged."""
    data = uneven()[name]
    for iterations in (10, 60):
        stop = StopRule(tol=0, max_iter=iterations, max_seconds=None)
        ours, theirs = (
            solve(data, 4, solver=key, loss="kullback-leibler", init=init, seed=2, stop=stop) for key in ("kl-newton", "mu")
        )
        assert ours.history[-1].loss <= theirs.history[-1].loss * (1 + 1e-9)
        assert np.all(np.diff(ours.history.column("loss")) <= 1e-12 * ours.history[0].loss)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_loss_near_an_exact_fit_is_not_zero(kind, dtype):
    """Sums in float32 cancelled to 0 where 4e-4 was right, and the run ended there."""
    rng = np.random.default_rng(5)
    data = (rng.random((250, 3)) @ rng.random((3, 200)) * (1 + 1e-4 * rng.random((250, 200)))).astype(dtype)
    result = solve(data, 3, **KL, stop=StopRule(tol=1e-4, max_iter=60))
    X, Y = data.astype(float), result.W.astype(float) @ result.H.astype(float)
    assert result.history[-1].loss == pytest.approx(kl_div(X, Y).sum(), rel=1e-6)
    assert 0 < result.history[-1].loss < 1e-4 * X.sum()
    assert (result.history.column("loss") > 0).all()


def test_a_value_that_float32_does_not_hold_costs_nothing(kind):
    """One entry of 1e-46 made the loss 0 (true: 131,516)."""
    data = sp.csr_array(sp.random(400, 300, 0.4, random_state=1))
    data.data[7] = 1e-46
    result = solve(data, 4, **KL, stop=StopRule(max_iter=8))
    assert result.history[-1].loss == pytest.approx(kl_div(data.toarray(), result.W @ result.H).sum(), rel=1e-9)
    assert result.history[-1].loss < result.history[0].loss


def tones(count, seed, floor=1e-9):
    """The spectrogram of a few tones that come and go, over a floor that is nearly nothing: (80, 120)."""
    rng = np.random.default_rng(seed)
    frequencies, X = np.arange(80)[:, None], np.full((80, 120), floor)
    for _ in range(count):
        shape = np.exp(-(((frequencies - rng.uniform(5, 75)) / rng.uniform(1, 3)) ** 2))
        X += shape * ((rng.random(120) < 0.4) * rng.random(120))
    return X


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rank", [2, 4, 5])
def test_a_random_start_ends_no_higher_than_multiplicative_updates_on_tones(rank, seed):
    """Newton's first steps from a random start gave components up that mu still turned to use: 10.2 where mu had 1e-5."""
    X, stop = tones(4, seed), StopRule(tol=0, max_iter=60, max_seconds=None)
    newton, mu = (
        solve(X, rank, solver=key, loss="kullback-leibler", init="random", seed=1, stop=stop).history[-1].loss
        for key in ("kl-newton", "mu")
    )
    assert newton <= mu + 1e-6 * X.sum()


def test_multiplicative_updates_come_first_from_a_start_that_knows_nothing_of_the_data():
    X = tones(3, 0)
    problem = as_problem(X, 3, loss="kullback-leibler")
    for init, steps in (("random", APPROACH), ("least-squares", 0)):
        memory = NewtonKL().start(problem, starts.start(problem, init, 0), np.random.default_rng(0))
        assert memory.approach == steps
