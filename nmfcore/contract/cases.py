"""What does the contract try a solver on, and how does it compare?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import kl_div

from nmfcore.core.checks import as_problem
from nmfcore.core.factorization import Factorization, Factors, Matrix, Penalty, Problem, StopReason
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.solvers.loop import Run, prepare
from nmfcore.solvers.protocol import Solver


@dataclass(frozen=True)
class Case:
    """Data that the solver can run on, with a start: what the checks vary."""

    X: Matrix
    W: np.ndarray
    H: np.ndarray
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def rank(self) -> int:
        return int(self.W.shape[1])

    def problem(self) -> Problem:
        return as_problem(self.X, self.rank, **self.options)


def case_for(solver: Solver, m: int = 18, n: int = 13, rank: int = 3, *, noise: float = 0.3, seed: int = 0) -> Case:
    """Positive data of about that shape for this solver: W H plus noise, with a mask or symmetric where it needs that."""
    rng = np.random.default_rng(seed)
    if solver.supports.requires_symmetric:
        S = rng.random((m, rank)) * (rng.random((m, rank)) < 0.6)
        extra = rng.random((m, m))
        X = S @ S.T + noise * (extra + extra.T) / 2
        W = rng.random((m, rank)) + 0.1
        return Case(X, W, W.T.copy(), {"symmetric": True})
    X = rng.random((m, rank)) @ rng.random((rank, n)) + noise * rng.random((m, n))
    W, H = rng.random((m, rank)) + 0.1, rng.random((rank, n)) + 0.1
    options = {"mask": np.ones((m, n))} if solver.supports.requires_mask else {}
    return Case(X, W, H, {"loss": solver.supports.losses[0], **options})


def fit(solver: Solver, case: Case, iterations: int = 20, *, seed: int = 0) -> Factorization:
    """The result of so many iterations from the case's start."""
    run = run_of(solver, case, iterations, seed=seed)
    for _ in run:
        pass
    return run.result()


def run_of(solver: Solver, case: Case, iterations: int = 20, *, seed: int = 0) -> Run:
    """The run of so many iterations from the case's start, not yet begun."""
    spec = RunSpec(
        solver=solver.key,
        solver_options=solver.options(),
        rank=case.rank,
        seed=seed,
        init="given",
        loss=case.options.get("loss", "frobenius"),
        symmetric=case.options.get("symmetric", False),
        penalty=vars(case.options.get("penalty", Penalty())),
        stop=StopRule(tol=0, max_iter=iterations, max_seconds=None),
    )
    return prepare(case.X, case.rank, solver=solver, W=case.W, H=case.H, spec=spec, **case.options)


def steps(solver: Solver, problem: Problem, start: Factors, times: int) -> Iterator[tuple[Factors, Any]]:
    """The bare steps, without the loop's stop rule."""
    with np.errstate(all="ignore"):
        factors, memory = start, solver.start(problem, start, np.random.default_rng(0))
        for _ in range(times):
            factors, memory = solver.step(problem, factors, memory)
            yield factors, memory


def same(got: Any, expected: Any, what: str, *, rtol: float = 0.0, atol: float = 0.0) -> None:
    """Two arrays or numbers are equal, to these tolerances; `what` says of what."""
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol, err_msg=what)


def valid(result: Factorization, case: Case, what: str) -> None:
    """The factors of a result have the right shape, are finite and have no negative entries, and the run did not diverge."""
    m, n = case.X.shape
    assert result.stopped is not StopReason.DIVERGED, f"{what}: the run diverged"
    for name, factor, shape in (("W", result.W, (m, case.rank)), ("H", result.H, (case.rank, n))):
        assert factor.shape == shape, f"{what}: {name} has shape {factor.shape}, not {shape}"
        assert np.isfinite(factor).all(), f"{what}: {name} is not finite"
        assert (factor >= 0).all(), f"{what}: {name} has negative entries"


def losses(solver: Solver, *, zeros: bool = False) -> list[str]:
    """Names of losses the solver has ("beta=..." is tried with 0.5, 1.5 and 3); with `zeros`, those that allow zeros in X."""
    names = [n for n in solver.supports.losses if n != "beta=..."]
    if "beta=..." in solver.supports.losses:
        names += ["beta=0.5", "beta=1.5", "beta=3", "beta=-0.5"]
    return [n for n in names if not zeros or n not in ("itakura-saito", "beta=-0.5")]


def divergence(X: np.ndarray, Y: np.ndarray, beta: float) -> float:
    """D_beta(X | Y), straight from its definition (Fevotte & Idier 2011, eq. 2)."""
    if beta == 2:
        return float(0.5 * np.sum((X - Y) ** 2))
    if beta == 1:
        return float(np.sum(kl_div(X, Y)))
    if beta == 0:
        return float(np.sum(X / Y - np.log(X / Y) - 1))
    return float(np.sum(X**beta + (beta - 1) * Y**beta - beta * X * Y ** (beta - 1)) / (beta * (beta - 1)))


def with_loss(case: Case, name: str) -> Case:
    """The case under the loss of that name."""
    return replace(case, options={**case.options, "loss": name})


def with_zeros(case: Case) -> Case:
    """The case with a share of its entries set to 0, mirror-symmetrically where it is symmetric."""
    gone = np.random.default_rng(5).random(case.X.shape) < 0.4
    if case.options.get("symmetric"):
        gone |= gone.T
    return replace(case, X=np.where(gone, 0.0, case.X))


def matched(got: np.ndarray, expected: np.ndarray) -> float:
    """The smallest cosine between the columns of `expected` and their best matches in `got`, each used once."""
    norms = np.linalg.norm(got, axis=0)[:, None] * np.linalg.norm(expected, axis=0)
    cosines = np.divide(got.T @ expected, norms, out=np.zeros_like(norms), where=norms > 0)
    return float(cosines[linear_sum_assignment(-cosines)].min())
