"""Alternating exact least squares: what if each factor were the best possible one for the other, every time?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmfcore.core.factorization import Factors, Penalty, Problem
from nmfcore.core.losses import gram_form, inner, penalty
from nmfcore.core.products import times
from nmfcore.kernels.nnls import nnls_gram
from nmfcore.solvers.protocol import Solver, Supports


@dataclass(frozen=True)
class Memory:
    loss: float


@dataclass(frozen=True)
class BlockPivoting(Solver):
    """W <- argmin over W >= 0 of ||X - W H||, then H <- argmin over H >= 0 of ||X - W H||, both exactly.

    L2 weights are added to the diagonal of the Gram matrix, L1 weights are subtracted from the right-hand side.

    Source: Kim & Park 2011, Fast nonnegative matrix factorization, algorithm 2 (block principal pivoting), section 4.
    """

    key = "anls-bpp"
    title = "Alternating NNLS (block pivoting)"
    reference = "Kim & Park 2011, alg. 2"
    supports = Supports(losses=("frobenius",), penalty=True)
    monotone = True

    def step(self, problem: Problem, factors: Factors, memory: Memory | None) -> tuple[Factors, Memory]:
        p = problem.penalty or Penalty()
        H = factors.H
        W = best(H @ H.T, times(problem.X, H.T).T, factors.W.T, p.l1_W, p.l2_W).T
        WtX = times(problem.Xt, W).T  # (r, n)
        WtW = W.T @ W
        H = best(WtW, WtX, H, p.l1_H, p.l2_H)
        square = gram_form(problem.squared_norm, inner(WtX, H), W, H, WtW)
        new = Factors(W, H)
        return new, Memory(0.5 * square + penalty(problem, new))


def best(G: np.ndarray, P: np.ndarray, now: np.ndarray, l1: float, l2: float) -> np.ndarray:
    """argmin over F >= 0 of 1/2 <F, GF> - <P, F> + l1 |F| + l2/2 |F|^2, starting from the positive entries of `now`.

    G : (r, r) Gram matrix;  P, now : (r, n);  the result is (r, n)
    """
    if l1 or l2:
        P, G = P - P.dtype.type(l1), G + G.dtype.type(l2) * np.eye(len(G), dtype=G.dtype)
    F = nnls_gram(G, P, start=now).astype(now.dtype)
    # A component whose partner is zero is undetermined: it stays as it is, so that the partner can come back, unless L1 decides.
    idle = (np.diag(G) == 0) & (not l1)
    F[idle] = now[idle]
    return F
