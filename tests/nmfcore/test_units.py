"""Is X -> aX the same run, for a from 1e-300 to 1e300, or refused where the loss is no number?"""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from nmfcore import NMF, Penalty, ProblemError, StopRule, solve
from nmfcore.contract.cases import case_for, losses, with_loss
from nmfcore.core.factorization import beta_of
from nmfcore.core.units import times_power_of_two
from nmfcore.estimator import non_negative_factorization
from nmfcore.run import several
from nmfcore.solvers import SOLVERS
from nmfcore.topics.projection import project_rows

RUNS = [(key, name) for key, kind in SOLVERS.items() for name in losses(kind())]
OWN = {key: StopRule(tol=1e-3, max_iter=40, max_seconds=None) for key in SOLVERS}


BETWEEN = 24  # bits: the loss of a start is not that of knowing nothing, by which it is decided


def outside(loss, power, beta, margin=BETWEEN):
    """Whether a loss of 2^loss is no float where X is 4^power times as large."""
    return not -1022 - margin < loss + 2 * power * beta < 1024 + margin


def options_of(key, name):
    case = with_loss(case_for(SOLVERS[key]()), name)
    return case.X, {"solver": key, "init": "random", "seed": 4, "stop": OWN[key], **case.options}


@settings(max_examples=120, deadline=None)
@given(run=st.sampled_from(RUNS), power=st.integers(-498, 498))
def test_a_run_ends_after_the_same_steps_in_every_unit(run, power):
    """Losses other than Frobenius stopped after five iterations at 1e-150 and 1e200: 0 or the largest float had not fallen."""
    X, options = options_of(*run)
    one = solve(X, 3, **options)
    if outside(float(np.log2(one.history[0].loss)), power, beta_of(run[1])):
        with pytest.raises(ProblemError, match="Divide X by its largest entry"):
            solve(X * 4.0**power, 3, **options)
        return
    try:
        two = solve(X * 4.0**power, 3, **options)
    except ProblemError:
        assert outside(float(np.log2(one.history[0].loss)), power, beta_of(run[1]), margin=-BETWEEN)
        return
    assert two.history[-1].iteration == one.history[-1].iteration
    assert two.stopped is one.stopped
    assert_allclose(two.relative_error, one.relative_error, rtol=1e-9)
    assert_allclose(np.ldexp(two.W, -power), one.W, rtol=1e-7, atol=1e-12)
    expected = float(np.log2(one.history[-1].loss)) + 2 * power * beta_of(run[1])
    if -1000 < expected < 1000:
        assert np.log2(two.history[-1].loss) == pytest.approx(expected, abs=1e-6)
    assert not two.warnings


PENALISED = [(key, name) for key, name in RUNS if SOLVERS[key].supports.penalty and name in ("frobenius", "kullback-leibler")]


@settings(max_examples=40, deadline=None)
@given(run=st.sampled_from(PENALISED), power=st.integers(-160, 160))
def test_penalties_scale_with_the_data(run, power):
    """In units of 1e-25 and below they did not."""
    X, options = options_of(*run)
    beta = beta_of(run[1])
    l1, l2 = 4.0 ** (power * (beta - 0.5)), 4.0 ** (power * (beta - 1))
    one = solve(X, 3, **options, penalty=Penalty(0.1, 0.2, 0.3, 0.4))
    two = solve(X * 4.0**power, 3, **options, penalty=Penalty(0.1 * l1, 0.2 * l1, 0.3 * l2, 0.4 * l2))
    assert two.history[-1].iteration == one.history[-1].iteration
    assert_allclose(np.ldexp(two.W, -power), one.W, rtol=1e-7, atol=1e-12)
    assert_allclose(np.ldexp(two.H, -power), one.H, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("beta_loss", ["frobenius", "kullback-leibler", "itakura-saito", 1.5, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("power", [-498, -62, 61, 498])
def test_the_estimator_in_extreme_units(beta_loss, dtype, power):
    """transform of float32 data near 3e38 was infinite, and beta = 3 from 1e250 an OverflowError."""
    if dtype is np.float32 and abs(power) > 62:
        pytest.skip("no float32 is that large")
    X = (np.random.default_rng(3).random((14, 9)) + 0.1).astype(dtype)
    scaled = np.ldexp(X, 2 * power).astype(dtype)
    model = {"solver": "mu", "beta_loss": beta_loss, "init": "random", "random_state": 0, "max_iter": 30}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = NMF(3, **model).fit(X)
        beta = {"frobenius": 2, "kullback-leibler": 1, "itakura-saito": 0}.get(beta_loss, beta_loss)
        if abs(2 * power * beta) > 1100:
            with pytest.raises(ProblemError, match="Divide X by its largest entry"):
                NMF(3, **model).fit(scaled)
            return
        two = NMF(3, **model).fit(scaled)
        rtol = 1e-4 if dtype is np.float32 else 1e-9
        assert_allclose(np.ldexp(two.components_, -power), one.components_, rtol=rtol, atol=rtol)
        assert_allclose(np.ldexp(two.transform(scaled), -power), one.transform(X), rtol=10 * rtol, atol=10 * rtol)
    if beta_loss == "frobenius":
        assert_allclose(two.transform(scaled), project_rows(scaled, two.components_), rtol=1e-3 if dtype is np.float32 else 1e-9)


DOORS = [
    (key, name) for key, name in RUNS if not (SOLVERS[key].supports.requires_mask or SOLVERS[key].supports.requires_symmetric)
]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=40, deadline=None)
@given(run=st.sampled_from(DOORS), power=st.integers(-496, 496), alpha=st.sampled_from([0.0, 0.01]))
def test_every_door_takes_every_unit_or_none_does(run, power, alpha):
    """The estimator refused where `solve` went on; then both went on where the loss was no number. Now both refuse there."""
    (key, name), X = run, case_for(SOLVERS[run[0]]()).X
    beta, scaled = beta_of(name), np.ldexp(X, 2 * power)
    alpha = alpha if SOLVERS[key].supports.penalty and abs(power * (2 * beta - 1)) < 500 else 0.0
    loss = float(name.removeprefix("beta=")) if name.startswith("beta=") else name
    options = {"solver": key, "beta_loss": loss, "init": "random", "random_state": 0, "max_iter": 8, "l1_ratio": 1.0}
    one = NMF(3, **options, alpha_W=alpha).fit(X)
    told_options = {"solver": key, "loss": name, "init": "random", "seed": 0, "stop": StopRule(tol=1e-5, max_iter=8)}
    try:
        told = solve(scaled, 3, **told_options)
    except ProblemError as why:
        for door in (NMF(3, **options).fit, lambda X: non_negative_factorization(X, n_components=3, **options)):
            with pytest.raises(ProblemError, match=re.escape(str(why))):
                door(scaled)
        with pytest.raises(ProblemError, match=re.escape(str(why))):
            several(scaled, 3, [0, 1], **{name: value for name, value in told_options.items() if name != "seed"})
        return
    two = NMF(3, **options, alpha_W=times_power_of_two(alpha, power * (2 * beta - 1))).fit(scaled)
    again = NMF(3, **options).fit(X), non_negative_factorization(scaled, n_components=3, **options)
    fixed = non_negative_factorization(scaled, H=two.components_, update_H=False, n_components=3, **options)[0]
    assert_allclose(np.ldexp(two.components_, -power), one.components_, rtol=1e-7, atol=1e-12)
    assert_allclose(np.ldexp(again[1][1], -power), again[0].components_, rtol=1e-7, atol=1e-12)
    assert np.isfinite(two.reconstruction_err_)
    assert np.isfinite(told.W).all()
    if not alpha:
        assert_allclose(np.ldexp(two.transform(scaled), -power), one.transform(X), rtol=1e-6, atol=1e-9)
        assert_allclose(np.ldexp(fixed, -power), one.transform(X), rtol=1e-6, atol=1e-9)
