"""Hierarchical alternating least squares: each component in turn is set to its exact optimum, the others held fixed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmfcore.factorization import Factors, Problem
from nmfcore.losses import gram_form, inner
from nmfcore.solvers.protocol import Solver, Supports


@dataclass(frozen=True)
class Memory:
    loss: float


@dataclass(frozen=True)
class HALS(Solver):
    """w_k <- max(0, w_k + ((X H^T)_k - W (H H^T)_k) / (H H^T)_kk), then the same for the rows of H.

    sweeps : passes over the components for each of the two expensive products

    Source: Cichocki & Phan 2009, algorithm 2; several inner sweeps: Gillis & Glineur 2012, algorithm 2.
    """

    key = "hals"
    title = "HALS (coordinate descent)"
    reference = "Cichocki & Phan 2009, alg. 2; Gillis & Glineur 2012"
    supports = Supports(losses=("frobenius",))
    monotone = True

    sweeps: int = 2

    def start(self, problem: Problem, factors: Factors, rng: np.random.Generator) -> Memory:
        return Memory(float("nan"))

    def step(self, problem: Problem, factors: Factors, memory: Memory) -> tuple[Factors, Memory]:
        Wt, H = factors.W.T.copy(), factors.H.copy()  # (r, m) and (r, n): one component is one contiguous row
        sweep(Wt, np.ascontiguousarray((problem.X @ H.T).T), H @ H.T, self.sweeps)
        WtX = np.ascontiguousarray((problem.Xt @ Wt.T).T)
        WtW = Wt @ Wt.T
        sweep(H, WtX, WtW, self.sweeps)
        square = gram_form(problem.squared_norm, inner(WtX, H), WtW, H @ H.T)
        return Factors(Wt.T, H), Memory(0.5 * square)


def sweep(F: np.ndarray, P: np.ndarray, G: np.ndarray, times: int) -> None:
    """Minimise 1/2 <F, G F> - <P, F> over F >= 0 row by row, in place; F, P (r, n), G (r, r)."""
    for _ in range(times):
        for k in range(len(F)):
            if G[k, k] > 0:  # a zero diagonal is a dead component: nothing it does changes the loss
                step = (P[k] - G[k] @ F) / G[k, k]
                np.maximum(F[k] + step, 0, out=F[k])
