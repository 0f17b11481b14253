"""What happens inside one iteration, entry by entry?

Three solvers from one start, each iteration in two halves: W first, then H with the new W. Whatever the solver, an entry of H is
moved by the same two numbers (for W: those of the transposed problem),

    pull = (W^T X)_kj        push = (W^T W H)_kj        pull - push = -dL/dH_kj

    mu      H_kj <- H_kj * pull / push                              Lee & Seung 2001, eq. 4
    hals    H_kj <- max(0, H_kj + (pull - push) / (W^T W)_kk)       Cichocki & Phan 2009, algorithm 2
    gd      H_kj <- max(0, H_kj + a (pull - push) / ||W^T W||_2)    Lin 2007, eq. 9

The iterates are the solvers' own and never computed here; only the pulls and pushes that led to them are. HALS goes component by
component, and a push sees those before it as they are by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from nmfcore.core.factorization import Factors
from nmfcore.core.spec import StopRule
from nmfcore.run import prepare
from nmfcore.solvers import make_solver
from nmfcore.solvers.gd import curvature_of

SOLVERS: Mapping[str, Mapping[str, Any]] = {
    "mu": {},
    "gd": {},
    "hals": {"extrapolate": False, "sweeps": 1, "sketch": False},  # the textbook's: one sweep, nothing that runs ahead
}


@dataclass(frozen=True, eq=False)
class Group:
    """Entries of one factor that move at the same moment: all of it, or for HALS one component.

    components : those that move;  pull, push : of the whole factor, in its shape;  model : (m, n) WH before they move
    """

    components: tuple[int, ...]
    pull: np.ndarray
    push: np.ndarray
    model: np.ndarray


@dataclass(frozen=True, eq=False)
class Half:
    """One factor's turn: "W" or "H", before and after, its groups in order; rate : (r,) step per pull - push, None for mu."""

    factor: str
    before: np.ndarray
    after: np.ndarray
    rate: np.ndarray | None
    groups: tuple[Group, ...]


@dataclass(frozen=True, eq=False)
class Trace:
    """halves : two per iteration;  factors, errors (relative) : after each iteration, the start first."""

    halves: tuple[Half, ...]
    factors: tuple[Factors, ...]
    errors: tuple[float, ...]


def trace(X: np.ndarray, start: Factors, solver: str = "mu", *, iterations: int, step_size: float = 1.0) -> Trace:
    """The first iterations of a solver on a small table, entry by entry.

    Parameters
    ----------
    X : (m, n) array, >= 0; start : W (m, r) and H (r, n), >= 0
    solver : a key of SOLVERS
    step_size : of "gd", in units of 1/L

    Raises
    ------
    ProblemError
        If X, the start or the step size cannot be run.
    """
    options = {**SOLVERS[solver], **({"step_size": step_size} if solver == "gd" else {})}
    stop = StopRule(tol=0.0, max_iter=iterations, max_seconds=None)
    run = prepare(X, start.W.shape[1], solver=make_solver(solver, options), W=start.W, H=start.H, stop=stop)
    found: list[Factors] = []
    errors: list[float] = []
    for point in run:
        found.append(run.result().factors)
        errors.append(point.relative_error)
    halves: list[Half] = []
    for old, new in pairwise(found):
        halves.append(_half("W", X.T, old.H.T, old.W.T, new.W.T, solver, step_size))
        halves.append(_half("H", X, new.W, old.H, new.H, solver, step_size))
    return Trace(tuple(halves), tuple(found), tuple(errors))


def _half(factor: str, X: np.ndarray, A: np.ndarray, old: np.ndarray, new: np.ndarray, solver: str, a: float) -> Half:
    """The turn of F (r, n) in X ~ AF; for W everything comes and goes transposed."""

    def turned(M: np.ndarray) -> np.ndarray:
        return M.T if factor == "W" else M

    pull, G = A.T @ X, A.T @ A  # (r, n), (r, r)
    rank, F, groups = len(old), old.copy(), []
    for components in [(k,) for k in range(rank)] if solver == "hals" else [tuple(range(rank))]:
        groups.append(Group(components, turned(pull), turned(G @ F), turned(A @ F)))
        F[list(components)] = new[list(components)]
    return Half(factor, turned(old), turned(new), _rate(solver, G, a), tuple(groups))


def _rate(solver: str, G: np.ndarray, a: float) -> np.ndarray | None:
    """(r,) the step per unit of pull - push; 0 where the other factor has died, which too large a step brings about."""
    if solver == "mu":
        return None
    curvature = np.diag(G) if solver == "hals" else np.full(len(G), curvature_of(G))
    return np.divide(a if solver == "gd" else 1.0, curvature, out=np.zeros(len(G)), where=curvature > 0)
