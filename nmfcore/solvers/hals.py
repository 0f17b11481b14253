"""Hierarchical alternating least squares: each component in turn is set to its exact optimum, the others held fixed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmfcore.factorization import Factors, Problem
from nmfcore.kernels import sweep_rows
from nmfcore.losses import gram_form, inner, penalty
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
    supports = Supports(losses=("frobenius",), penalty=True)
    monotone = True

    sweeps: int = 2

    def start(self, problem: Problem, factors: Factors, rng: np.random.Generator) -> Memory:
        return Memory(float("nan"))

    def step(self, problem: Problem, factors: Factors, memory: Memory) -> tuple[Factors, Memory]:
        p = problem.penalty
        Wt, H = np.array(factors.W.T, order="C"), np.array(factors.H, order="C")  # (r, m), (r, n): a component is a row
        XHt, HHt = np.ascontiguousarray((problem.X @ H.T).T), H @ H.T
        if p:
            XHt, HHt = XHt - p.l1_W, HHt + p.l2_W * np.eye(len(H), dtype=H.dtype)
        sweep_rows(Wt, XHt.astype(H.dtype, copy=False), HHt, self.sweeps)
        WtX, WtW = np.ascontiguousarray((problem.Xt @ Wt.T).T), Wt @ Wt.T
        if p:
            sweep_rows(H, (WtX - p.l1_H).astype(H.dtype, copy=False), WtW + p.l2_H * np.eye(len(H), dtype=H.dtype), self.sweeps)
        else:
            sweep_rows(H, WtX, WtW, self.sweeps)
        new = Factors(Wt.T, H)
        square = gram_form(problem.squared_norm, inner(WtX, H), WtW, H @ H.T)
        return new, Memory(0.5 * square + penalty(problem, new))
