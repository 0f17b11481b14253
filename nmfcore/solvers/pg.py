"""Projected gradient (Lin 2007): how far do plain gradient steps get when each one is chosen by a line search?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmfcore.core.factorization import Factors, Penalty, Problem
from nmfcore.core.losses import gram_form, inner
from nmfcore.core.products import times
from nmfcore.solvers.protocol import MOST_SWEEPS, Solver, Supports, parameter

BETA = 0.1  # the factor by which a step shrinks or grows (Lin 2007, section 4)
SIGMA = 0.01  # the share of the linear decrease that a step must reach (Lin 2007, eq. 13)
SEARCHES = 20  # steps tried in one line search: 0.1^20 is below rounding
INNER_TOL = 0.001  # a factor is left when its projected gradient fell to this share of what it was (Lin 2007, eq. 23)


@dataclass(frozen=True)
class Memory:
    loss: float | None


@dataclass(frozen=True)
class ProjectedGradient(Solver):
    """W <- max(0, W - a (W H H^T - X H^T)), the step a found by Armijo's rule; several such steps, then the same for H.

    A step is accepted when (1 - sigma) <grad, D> + 1/2 <D, D H H^T> <= 0 for the change D it makes: for a quadratic this is
    Armijo's condition without evaluating the loss. The first step tried is 1/||H H^T||_F where the paper starts at 1, so
    that the result does not depend on the units of X.

    inner : gradient steps for each factor and iteration, at most

    Source: Lin 2007, Projected gradient methods for NMF, algorithm 4 within the alternation of section 4.1; eq. 16-17.
    """

    key = "pg"
    title = "Projected gradient"
    reference = "Lin 2007, alg. 4"
    supports = Supports(losses=("frobenius",), penalty=True)
    monotone = True

    inner: int = parameter(10, least=1, most=MOST_SWEEPS)

    def step(self, problem: Problem, factors: Factors, memory: Memory | None) -> tuple[Factors, Memory]:
        p = problem.penalty or Penalty()
        W, H = factors.W, factors.H
        W = descend(W.T, times(problem.X, H.T).T, H @ H.T, p.l1_W, p.l2_W, self.inner).T
        WtX = times(problem.Xt, W).T  # (r, n): the expensive product, used for the line searches and for the loss
        WtW = W.T @ W
        H = descend(H, WtX, WtW, p.l1_H, p.l2_H, self.inner)
        square = gram_form(problem.squared_norm, inner(WtX, H), W, H, WtW)
        return Factors(W, H), Memory(None if problem.penalty else 0.5 * square)


def descend(F: np.ndarray, P: np.ndarray, G: np.ndarray, l1: float, l2: float, times: int) -> np.ndarray:
    """Lower 1/2 <F, GF> - <P, F> + l1 |F| + l2/2 |F|^2 over F >= 0 by projected gradient steps; F, P (r, n), G (r, r)."""
    P = P - P.dtype.type(l1)
    G = G + G.dtype.type(l2) * np.eye(len(G), dtype=G.dtype)
    size = float(np.linalg.norm(G))
    if size == 0:
        return F  # the other factor is zero: no F changes the loss
    step, first = 1.0 / size, None
    for _ in range(times):
        gradient = G @ F - P
        projected = np.where((F > 0) | (gradient < 0), gradient, 0)
        norm = float(np.sqrt(inner(projected, projected)))
        first = norm if first is None else first
        if norm <= INNER_TOL * first:
            break
        F, step = line_search(F, gradient, G, step)
    return F


def line_search(F: np.ndarray, gradient: np.ndarray, G: np.ndarray, step: float) -> tuple[np.ndarray, float]:
    """The projected step along -gradient that Armijo's rule accepts, and its length; F itself when none is.

    F, gradient : (r, n);  G : (r, r), the Gram matrix of the other factor;  the result is (r, n) and its step
    """
    best: tuple[np.ndarray, float] | None = None
    grows: bool | None = None
    for _ in range(SEARCHES):
        tried = np.maximum(F - F.dtype.type(step) * gradient, 0)
        change = tried - F
        enough = (1 - SIGMA) * inner(gradient, change) + 0.5 * inner(change, G @ change) <= 0
        if grows is None:
            grows = enough
        if enough:
            if not grows or (best is not None and np.array_equal(tried, best[0])):
                return tried, step
            best, step = (tried, step), step / BETA
        elif best is not None:
            return best
        else:
            step *= BETA
    return best or (F, step)
