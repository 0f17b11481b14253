"""Which promises are about the numbers: the loss, what is shown of it, and what has to be found?"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from nmfcore.contract.cases import (
    case_for,
    divergence,
    fit,
    losses,
    matched,
    run_of,
    same,
    steps,
    with_loss,
    with_zeros,
)
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Factors, Penalty, StopReason, beta_of
from nmfcore.core.losses import loss, squared_error
from nmfcore.solvers.protocol import Solver


def check_monotone(solver: Solver) -> None:
    """The loss never rises, for every loss, where the solver claims that, also from a start far too small or too large; it ends
    lower than it began in any case."""
    for name in losses(solver):
        for seed, size in ((0, 1.0), (1, 1.0), (2, 0.02), (3, 50.0)):
            case = with_loss(case_for(solver, seed=seed), name)
            case = replace(case, W=case.W * size, H=case.H * size)
            curve = fit(solver, case, 60).history.column("loss")
            assert curve[-1] < curve[0], f"{name}: the loss did not fall ({curve[0]} to {curve[-1]})"
            if solver.monotone:
                rise = np.diff(curve) / curve[0]  # relative to the start: rounding near an exact fit is no rise
                assert rise.max() <= 1e-12, f"{name}: the loss rose by {rise.max():.2g} of its first value"


def check_penalties_hold(solver: Solver) -> None:
    """A penalised loss never rises where the solver claims that, however large the weights, and dead components cost nothing."""
    if not solver.supports.penalty:
        return
    for name in losses(solver):
        case = with_loss(case_for(solver), name)
        for penalty in (Penalty(0.1, 0.2, 3.0, 30.0), Penalty(l2_W=1e3, l2_H=1e4), Penalty(l1_W=0.3, l1_H=0.1)):
            heavy = replace(case, options={**case.options, "penalty": penalty})
            curve = fit(solver, heavy, 40).history.column("loss")
            rise = np.diff(curve).max() / curve[0]
            assert not solver.monotone or rise <= 1e-12, f"{name}, {penalty}: the loss rose by {rise:.2g} of its first value"
    case = case_for(solver)
    H = case.H.copy()
    H[0] = 0
    for penalty in (Penalty(l2_W=0.1), Penalty(l1_W=0.1)):
        W = fit(solver, replace(case, H=H, options={**case.options, "penalty": penalty}), 30).W
        assert W[:, 0].max() < 0.99 * case.W[:, 0].max(), f"{penalty}: a component that is zero in H keeps weights that only cost"


def check_reported_loss(solver: Solver) -> None:
    """The loss a step hands over is the loss of the factors it returns."""
    for name in losses(solver):
        case = with_loss(case_for(solver), name)
        problem = case.problem()
        for factors, memory in steps(solver, problem, Factors(case.W, case.H), 5):
            known = getattr(memory, "loss", None)
            if known is not None and np.isfinite(known):
                same(known, loss(problem, factors), f"{name}: the loss handed over", rtol=1e-6)


def check_what_is_shown_as_final_is_exact(solver: Solver) -> None:
    """The loss and the relative error of a result are those of its factors, in float64, also where float32 led there; and no
    error lies below the SVD's."""
    for name in losses(solver):
        for size, dtype in ((18, np.float32), (210, np.float64), (210, np.float32)):
            if size > 18 and name not in (solver.supports.losses[0], "kullback-leibler"):
                continue
            case = with_loss(case_for(solver, size, size - 5, 4), name)
            case = replace(case, X=case.X.astype(dtype))
            zeros = [with_zeros(case)] if name in losses(solver, zeros=True) else []
            for data in (case, *zeros, *(replace(z, X=sp.csr_array(z.X)) for z in zeros if solver.supports.sparse)):
                result = fit(solver, data, 25)
                X = np.asarray(data.X.toarray() if sp.issparse(data.X) else data.X, np.float64)
                Y = result.W.astype(np.float64) @ result.H.astype(np.float64)
                what = f"{name}, {size} rows, {np.dtype(dtype)}"
                error = float(np.linalg.norm(X - Y) / np.linalg.norm(X))
                same(result.relative_error, error, f"{what}: the final relative error", rtol=1e-8)
                same(result.history[-1].loss, divergence(X, Y, beta_of(name)), f"{what}: the final loss", rtol=1e-8)
                singular = np.linalg.svd(X, compute_uv=False)
                floor = float(np.sqrt(np.sum(singular[case.rank :] ** 2) / np.sum(singular**2)))
                assert result.relative_error >= floor * (1 - 1e-9), f"{what}: {error} lies below the SVD's {floor}"


def check_svd_floor(solver: Solver) -> None:
    """No run says at any time that it is below the truncated SVD's error, which no rank-r model can beat."""
    case = case_for(solver, noise=0.5)
    X = np.asarray(case.X)
    singular = np.linalg.svd(X, compute_uv=False)
    floor = np.sqrt(np.sum(singular[case.rank :] ** 2) / np.sum(singular**2))
    error = min(point.relative_error for point in run_of(solver, case, 100))
    assert error >= floor - 1e-9, f"a relative error of {error} lies below the SVD's {floor}: the factors are not of this rank"


def check_units_do_not_matter(solver: Solver) -> None:
    """X -> aX gives sqrt(a) W and sqrt(a) H, for a from 1e-300 to 1e300; it is refused where the loss would be no float."""
    for name in losses(solver):
        case = with_loss(case_for(solver), name)
        plain = fit(solver, case, 10)
        for a in (1e-300, 1e-12, 1e-5, 1e5, 1e12, 1e300):
            root = np.sqrt(a)
            scaled = replace(case, X=case.X * a, W=case.W * root, H=case.H * root)
            try:
                other = fit(solver, scaled, 10)
            except ProblemError:
                size = math.log10(plain.history[0].loss) + beta_of(name) * math.log10(a)
                assert abs(size) > 300, f"{name}, a = {a:g}: refused, though the loss would be about 1e{size:.0f}"
                continue
            assert other.stopped is not StopReason.DIVERGED, f"{name}, a = {a:g}: the run diverged"
            same(other.W / root, plain.W, f"{name}: W at a = {a:g}", rtol=1e-6, atol=1e-9)
            same(other.H / root, plain.H, f"{name}: H at a = {a:g}", rtol=1e-6, atol=1e-9)
            same(other.relative_error, plain.relative_error, f"{name}: relative error at a = {a:g}", rtol=1e-7)


def check_exact_is_fixed_point(solver: Solver) -> None:
    """From an exact factorization a step goes nowhere: X stays fitted."""
    for name in losses(solver):
        case = with_loss(case_for(solver), name)
        case = replace(case, X=case.W @ case.H)
        problem = case.problem()
        for factors, _ in steps(solver, problem, Factors(case.W, case.H), 3):
            error = np.sqrt(squared_error(problem, factors) / problem.squared_norm)
            assert error <= 1e-9, f"{name}: a step left an exact factorization (relative error {error:.2g})"


def check_planted_factors_are_found(solver: Solver) -> None:
    """Factors with an identity block in each are unique, and are found up to order and scale from one start of several."""
    rng = np.random.default_rng(4)
    r = 3
    W0 = np.vstack([np.eye(r), rng.random((15, r))])
    symmetric = solver.supports.requires_symmetric
    H0 = W0.T if symmetric else np.hstack([np.eye(r), rng.random((r, 10))])
    X = W0 @ H0
    found = 0.0
    for seed in range(4):
        start = case_for(solver, X.shape[0], X.shape[1], r, seed=seed)
        result = fit(solver, replace(start, X=X), 500)
        found = max(found, min(matched(result.W, W0), matched(result.H.T, H0.T)))
        if found > 0.98:
            return
    raise AssertionError(f"planted factors were not found: the best cosine over four starts is {found:.3f}")


def check_rank_one(solver: Solver) -> None:
    """At rank 1 the optimum is the leading singular pair."""
    case = case_for(solver, rank=1)
    X = np.asarray(case.X)
    if case.options.get("loss", "frobenius") != "frobenius":
        return
    left, singular, right = np.linalg.svd(X)
    result = fit(solver, case, 300)
    same(result.W @ result.H, singular[0] * np.outer(left[:, 0], right[0]), "W H at rank 1", rtol=1e-3, atol=1e-3 * X.max())
