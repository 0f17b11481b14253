"""Do the losses, their gradients and the relative error agree with their definitions, computed the slow way?"""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import kl_div, rel_entr

import nmfcore.core.losses as losses
from nmfcore import Penalty, as_problem, relative_error
from nmfcore.core.factorization import Factors
from nmfcore.core.losses import beta_of, gradients, gram_form, kkt_residual, loss, squared_error

LOSSES = ["frobenius", "kullback-leibler", "itakura-saito", "beta=0.5", "beta=1.5", "beta=3", "beta=-1"]
WITH_ZEROS = ["frobenius", "kullback-leibler", "beta=0.5", "beta=1.5", "beta=3"]


def data(zeros=0.0, seed=0, m=9, n=7, r=3):
    rng = np.random.default_rng(seed)
    X = rng.random((m, n)) + 0.1
    X[rng.random((m, n)) < zeros] = 0
    return X, rng.random((m, r)) + 0.05, rng.random((r, n)) + 0.05


def divergence(x, y, name):
    """Each divergence in its own textbook form, entry by entry."""
    match name:
        case "frobenius":
            return 0.5 * (x - y) ** 2
        case "kullback-leibler":
            return rel_entr(x, y) - x + y
        case "itakura-saito":
            return x / y - np.log(x / y) - 1
    beta = beta_of(name)
    return x**beta / (beta * (beta - 1)) + y**beta / beta - x * y ** (beta - 1) / (beta - 1)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_the_sum_of_its_divergences(name):
    X, W, H = data()
    assert_allclose(loss(as_problem(X, 3, loss=name), Factors(W, H)), divergence(X, W @ H, name).sum(), rtol=1e-12)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("name", WITH_ZEROS)
def test_zeros_in_the_data_keep_their_share_of_the_loss(name, kind):
    X, W, H = data(zeros=0.5)
    assert_allclose(loss(as_problem(kind(X), 3, loss=name), Factors(W, H)), divergence(X, W @ H, name).sum(), rtol=1e-12)


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_a_masked_loss_sums_over_observed_entries(name, stored):
    X, W, H = data()
    mask = np.random.default_rng(1).random(X.shape) < 0.6
    given = (sp.csr_array(np.where(mask, X, 0)), "stored") if stored else (np.where(mask, X, np.nan), mask)
    problem = as_problem(given[0], 3, loss=name, mask=given[1])
    assert_allclose(loss(problem, Factors(W, H)), divergence(X, W @ H, name)[mask].sum(), rtol=1e-12)


@pytest.mark.parametrize("penalised", [False, True])
@pytest.mark.parametrize("masked", [None, "dense", "stored"])
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_finite_differences(name, masked, penalised):
    X, W, H = data()
    mask = np.random.default_rng(1).random(X.shape) < 0.6
    options = {"dense": {"mask": mask}, "stored": {"mask": "stored"}}.get(masked, {})
    X = sp.csr_array(np.where(mask, X, 0)) if masked == "stored" else X
    problem = as_problem(X, 3, loss=name, penalty=Penalty(0.1, 0.2, 0.3, 0.4) if penalised else None, **options)
    got = gradients(problem, Factors(W, H))
    step = 1e-6
    for which, at in ((0, (2, 1)), (0, (8, 2)), (1, (0, 3)), (1, (2, 6))):
        sides = []
        for sign in (1, -1):
            moved = [W.copy(), H.copy()]
            moved[which][at] += sign * step
            sides.append(loss(problem, Factors(*moved)))
        assert_allclose(got[which][at], (sides[0] - sides[1]) / (2 * step), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", WITH_ZEROS)
def test_gradients_on_sparse_data_equal_those_on_dense(name):
    X, W, H = data(zeros=0.5)
    dense = gradients(as_problem(X, 3, loss=name), Factors(W, H))
    sparse = gradients(as_problem(sp.csr_array(X), 3, loss=name), Factors(W, H))
    for one, two in zip(dense, sparse, strict=True):
        assert_allclose(two, one, rtol=1e-10)


def test_the_symmetric_residual_uses_the_gradient_of_the_one_factor():
    rng = np.random.default_rng(0)
    C = rng.random((6, 6))
    C, S = C + C.T, rng.random((6, 2))
    problem = as_problem(C, 2, symmetric=True)
    gradient = 2 * (S @ S.T @ S - C @ S)
    expected = np.linalg.norm(np.minimum(S, gradient))
    assert_allclose(kkt_residual(problem, Factors(S, S.T)), expected, rtol=1e-12)
    step, slopes = 1e-6, np.zeros_like(S)
    for at in np.ndindex(S.shape):
        sides = []
        for sign in (1, -1):
            moved = S.copy()
            moved[at] += sign * step
            sides.append(loss(problem, Factors(moved, moved.T)))
        slopes[at] = (sides[0] - sides[1]) / (2 * step)
    assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-6)


def test_the_residual_is_zero_at_a_minimum_and_nowhere_near_it():
    _, W, H = data()
    exact = as_problem(W @ H, 3)
    assert kkt_residual(exact, Factors(W, H)) < 1e-12
    assert kkt_residual(exact, Factors(1.1 * W, H)) > 1e-2
    apart = as_problem(np.diag([2.0, 1.0]), 1)  # the leading pair, with a zero that the constraint holds there
    assert kkt_residual(apart, Factors(np.array([[2.0], [0.0]]), np.array([[1.0, 0.0]]))) == 0


def test_a_kullback_leibler_loss_is_infinite_where_the_model_is_zero_and_the_data_are_not():
    X, W, H = data()
    W[0] = 0
    for kind in (np.asarray, sp.csr_array):
        assert loss(as_problem(kind(X), 3, loss="kullback-leibler"), Factors(W, H)) == np.inf
    X[0] = 0
    assert np.isfinite(loss(as_problem(X, 3, loss="kullback-leibler"), Factors(W, H)))


@pytest.mark.parametrize("name", LOSSES)
def test_no_loss_is_negative_at_an_exact_fit(name):
    for seed in range(20):
        _, W, H = data(seed=seed)
        value = loss(as_problem(W @ H, 3, loss=name), Factors(W, H))
        assert 0 <= value < 1e-10


@pytest.mark.parametrize(("dtype", "digits"), [(np.float64, 1e-6), (np.float32, 1e-3)])
@pytest.mark.parametrize("gap", [1e-1, 1e-3, 1e-6])
def test_a_small_error_is_not_lost_to_cancellation(dtype, digits, gap):
    _, W, H = data(m=40, n=30)
    X = (W @ H + gap * np.random.default_rng(3).random((40, 30))).astype(dtype)
    W, H = W.astype(dtype), H.astype(dtype)
    expected = np.linalg.norm(X.astype(float) - W.astype(float) @ H.astype(float))
    for kind in (np.asarray, sp.csr_array):
        got = np.sqrt(squared_error(as_problem(kind(X), 3), Factors(W, H)))
        assert_allclose(got, expected, rtol=digits)


def test_a_loss_that_is_no_number_stays_none():
    """A diverged run was once taken for an exact one: max(0, NaN) is 0."""
    nan = np.array([[np.nan]])
    assert np.isnan(gram_form(1.0, 0.0, nan, nan))


def test_relative_error_is_its_definition():
    X, W, H = data()
    assert_allclose(relative_error(X, W, H), np.linalg.norm(X - W @ H) / np.linalg.norm(X), rtol=1e-12)
    mask = X > 0.5
    gap = np.where(mask, X - W @ H, 0)
    assert_allclose(relative_error(X, W, H, mask), np.linalg.norm(gap) / np.linalg.norm(X[mask]), rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(-290, 290), st.integers(-140, 140))
def test_relative_error_does_not_depend_on_units(power, shift):
    X, W, H = data()
    a, b = 10.0**power, 10.0**shift
    with np.errstate(over="ignore", under="ignore"):
        Wa = W * a * b
    if not (np.isfinite(Wa).all() and Wa.min() > 1e-300):
        return
    assert_allclose(relative_error(X * a, Wa, H / b), relative_error(X, W, H), rtol=1e-9)


def test_relative_error_of_zeros_is_refused():
    with pytest.raises(ValueError, match="zero on every observed entry"):
        relative_error(np.zeros((3, 3)), np.ones((3, 1)), np.ones((1, 3)))


def test_losses_are_the_same_in_small_blocks(monkeypatch):
    X, W, H = data(zeros=0.3)
    mask = np.random.default_rng(1).random(X.shape) < 0.6
    problems = [as_problem(X, 3, loss=n, mask=m) for n in WITH_ZEROS for m in (None, mask)]
    problems += [as_problem(sp.csr_array(X), 3, loss=n, mask=m) for n in WITH_ZEROS for m in (None, "stored")]
    whole = [(loss(p, Factors(W, H)), *gradients(p, Factors(W, H))) for p in problems]
    monkeypatch.setattr(losses, "BLOCK_CELLS", 8)
    monkeypatch.setattr(losses, "STORED_AT_ONCE", 5)
    for p, expected in zip(problems, whole, strict=True):
        got = (loss(p, Factors(W, H)), *gradients(p, Factors(W, H)))
        for one, two in zip(expected, got, strict=True):
            assert_allclose(two, one, rtol=1e-11)


@pytest.mark.parametrize("name", ["euclid", "beta=", "beta=x", "beta=inf", "", None, 2])
def test_an_unknown_loss_is_refused_by_name(name):
    with pytest.raises(ValueError, match="Unknown loss"):
        beta_of(name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products_at_stored_entries_are_those_of_the_whole(dtype):
    X, W, H = data(zeros=0.5)
    W, H = W.astype(dtype), np.asfortranarray(H.astype(dtype))
    stored = sp.csr_array(X)
    got = losses.at_stored(stored, W, H)
    assert got.dtype == dtype
    assert_allclose(got, (W @ H)[stored.toarray() > 0], rtol=1e-6 if dtype == np.float32 else 1e-12)
    assert len(losses.at_stored(sp.csr_array((3, 4)), W[:3], H[:, :4])) == 0


@pytest.mark.parametrize("sparse", [False, True])
def test_the_kullback_leibler_loss_of_a_subnormal_entry_is_right(sparse):
    """log(x / y) underflowed: 0.0 was reported for 7.614."""
    X = np.abs(np.random.default_rng(0).normal(size=(10, 4))) * 10
    X[0, 0] = 5e-324
    W, H = np.random.default_rng(1).random((10, 2)), np.random.default_rng(2).random((2, 4))
    problem = as_problem(sp.csr_array(X) if sparse else X, 2, loss="kullback-leibler")
    assert_allclose(loss(problem, Factors(W, H)), kl_div(X, W @ H).sum(), rtol=1e-13)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("away", [0.3, 1e-3, 1e-7])
def test_the_kullback_leibler_loss_keeps_its_digits_near_an_exact_fit(sparse, away):
    rng = np.random.default_rng(3)
    W, H = rng.random((30, 2)), rng.random((2, 20))
    d = away * (rng.random((30, 20)) - 0.5)
    X = (W @ H) / (1 + d)
    problem = as_problem(sp.csr_array(X) if sparse else X, 2, loss="kullback-leibler")
    expected = np.sum(X * (d**2 / 2 - d**3 / 3 + d**4 / 4 - d**5 / 5 + d**6 / 6 - d**7 / 7 + d**8 / 8))
    assert_allclose(loss(problem, Factors(W, H)), expected, rtol=1e-5)
