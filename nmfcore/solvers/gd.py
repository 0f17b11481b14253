"""Plain gradient descent with a step size that a person sets: what does the step size do?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmfcore.core.factorization import Factors, Problem
from nmfcore.core.losses import gram_form, inner
from nmfcore.core.products import times
from nmfcore.solvers.protocol import ABOVE_ZERO, Solver, Supports, parameter


@dataclass(frozen=True)
class Memory:
    loss: float


@dataclass(frozen=True)
class GradientDescent(Solver):
    """W <- max(0, W - a (W H H^T - X H^T)), then H <- max(0, H - a (W^T W H - W^T X)).

    step_size : the length of the step, in units of 1/L where L is the largest curvature: ||H H^T||_2 for W, ||W^T W||_2 for H.
        At 1 the loss cannot rise, below 2 it still falls, above 2 it need not.
    absolute : take `step_size` as a itself, the textbook's one fixed number for both factors, in the units of 1/X.
        Too large a number makes the loss infinite: the run then ends as diverged, with its curve kept.

    Source: Lee & Seung 2001, eq. 6 (the additive update), with the projection of Lin 2007, eq. 9.
    """

    key = "gd"
    title = "Gradient descent"
    reference = "Lee & Seung 2001, eq. 6; Lin 2007, eq. 9"
    supports = Supports(losses=("frobenius",))
    monotone = True

    step_size: float = parameter(1.0, least=ABOVE_ZERO)
    absolute: bool = False

    def step(self, problem: Problem, factors: Factors, memory: Memory | None) -> tuple[Factors, Memory]:
        W, H = factors.W, factors.H
        HHt = H @ H.T
        W = np.maximum(W - self.length(problem, HHt) * (W @ HHt - times(problem.X, H.T)), 0)
        WtX = times(problem.Xt, W).T  # (r, n): the one expensive product, used for the update and for the loss
        WtW = W.T @ W
        H = np.maximum(H - self.length(problem, WtW) * (WtW @ H - WtX), 0)
        square = gram_form(problem.squared_norm, inner(WtX, H), W, H, WtW)
        return Factors(W, H), Memory(0.5 * square)

    def length(self, problem: Problem, G: np.ndarray) -> np.floating:
        """The length of the step for a factor whose curvature is the Gram matrix G (r, r)."""
        if self.absolute:
            # The problem is X / s with factors W / sqrt(s), so a step for X is s times as long here.
            return G.dtype.type(self.step_size * problem.scale)
        curvature = curvature_of(G)
        return G.dtype.type(self.step_size / curvature if curvature > 0 else 0)


def curvature_of(G: np.ndarray) -> float:
    """||G||_2 of a Gram matrix (r, r): its largest eigenvalue; NaN when G is not finite."""
    return float(np.linalg.eigvalsh(G.astype(np.float64))[-1]) if np.isfinite(G).all() else float("nan")
