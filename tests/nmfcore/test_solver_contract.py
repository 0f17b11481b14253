"""Does every registered solver keep every promise, also with parameters that are not its defaults?"""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from nmfcore.contract import CHECKS, case_for, fit, run_of
from nmfcore.core.factorization import StopReason
from nmfcore.solvers import SOLVERS, make_solver

VARIANTS = [
    ("pg", {"inner": 1}),
    ("gd", {"step_size": 1.9}),
    ("sgd", {"batch": 5}),
    ("masked-hals", {"sweeps": 3}),
    ("symmetric", {"damping": 0.3}),
]


@pytest.mark.parametrize("promise", CHECKS)
@pytest.mark.parametrize("key", SOLVERS)
def test_solver_keeps_its_promise(key, promise):
    CHECKS[promise](SOLVERS[key]())


LONG = {"planted_factors_are_found", "transposition_mirrors"}  # hundreds of iterations: for the defaults only


@pytest.mark.parametrize("promise", [name for name in CHECKS if name not in LONG])
@pytest.mark.parametrize(("key", "options"), VARIANTS, ids=str)
def test_solver_with_other_parameters_keeps_its_promise(key, options, promise):
    if promise == "rank_one" and key == "sgd":
        pytest.skip("small batches end near, not at, the optimum: their step decays as 1/t")
    CHECKS[promise](make_solver(key, options))


@pytest.mark.parametrize("key", SOLVERS)
def test_a_solver_is_registered_under_its_own_key_and_describes_itself(key):
    solver = SOLVERS[key]()
    assert solver.key == key
    assert solver.title
    assert any(c.isdigit() for c in solver.reference), "a reference names the year"
    assert type(solver).__doc__


@pytest.mark.parametrize("key", SOLVERS)
def test_a_solver_is_immutable_and_made_again_from_its_options(key):
    solver = SOLVERS[key]()
    with pytest.raises(AttributeError):
        solver.anything = 1
    assert make_solver(key, solver.options()) == solver


@settings(max_examples=8, deadline=None)
@given(
    m=st.integers(1, 9),
    n=st.integers(1, 9),
    power=st.integers(-145, 145),
    density=st.sampled_from([0.0, 0.3, 1.0]),
    seed=st.integers(0, 1000),
    narrow=st.booleans(),
)
@pytest.mark.parametrize("key", SOLVERS)
def test_any_shape_scale_and_zeros_give_finite_factors(key, m, n, power, density, seed, narrow):
    solver = SOLVERS[key]()
    if solver.supports.requires_symmetric:
        n = m
    rng = np.random.default_rng(seed)
    X = rng.random((m, n)) * (rng.random((m, n)) < density)
    X = X + X.T if solver.supports.requires_symmetric else X
    X = X.astype(np.float32) * np.float32(10.0 ** (power / 10)) if narrow else X * 10.0**power
    rank = int(rng.integers(1, min(m, n) + 1))
    start = case_for(solver, m, n, rank, seed=seed)
    level = np.sqrt(X.max() or 1.0)
    case = type(start)(X, start.W * level, start.H * level, start.options)
    result = fit(solver, case, 5)
    assert result.stopped is not StopReason.DIVERGED
    for factor in (result.W, result.H):
        assert np.isfinite(factor).all()
        assert (factor >= 0).all()


@settings(max_examples=4, deadline=None)
@given(
    m=st.integers(200, 230),
    n=st.integers(200, 220),
    rank=st.integers(1, 6),
    noise=st.sampled_from([0.0, 1e-6, 1e-3, 0.5]),
    seed=st.integers(0, 1000),
    narrow=st.booleans(),
    sparse=st.booleans(),
)
@pytest.mark.parametrize("key", [key for key, kind in SOLVERS.items() if "frobenius" in kind.supports.losses])
def test_no_error_that_is_ever_reported_lies_below_the_svds(key, m, n, rank, noise, seed, narrow, sparse):
    """From 40,000 entries on solvers work in float32: HALS reported 0.2707866766 where the floor is 0.2707869208."""
    solver = SOLVERS[key]()
    n = m if solver.supports.requires_symmetric else n
    case = case_for(solver, m, n, rank, noise=noise, seed=seed)
    X = np.asarray(case.X)
    if sparse:
        gone = np.random.default_rng(seed).random(X.shape) < 0.02
        X = np.where(gone | gone.T if solver.supports.requires_symmetric else gone, 0, X)
    X = X.astype(np.float32 if narrow else np.float64)
    singular = np.linalg.svd(X.astype(np.float64), compute_uv=False)
    floor = float(np.sqrt(np.sum(singular[rank:] ** 2) / np.sum(singular**2)))
    data = sp.csr_array(X) if sparse and solver.supports.sparse else X
    W, H = (case.W.astype(np.float32), case.H.astype(np.float32)) if narrow else (case.W, case.H)
    run = run_of(solver, type(case)(data, W, H, case.options), 25, seed=seed)
    for _ in run:
        pass
    result = run.result()
    error = float(np.linalg.norm(X - result.W.astype(float) @ result.H.astype(float)) / np.linalg.norm(X.astype(float)))
    assert result.relative_error == pytest.approx(error, rel=1e-7, abs=1e-12)
    lowest = min(result.history.relative_errors)
    assert lowest >= floor * (1 - 1e-9) - 1e-12, f"{lowest} lies below the SVD's {floor}"
