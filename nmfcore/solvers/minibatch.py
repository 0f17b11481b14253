"""Mini-batches of rows: H learns after every batch instead of once per pass, which pays when X has very many rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nmfcore.core.factorization import Factors, Problem
from nmfcore.core.losses import gram_form, inner
from nmfcore.core.threads import one_blas_thread
from nmfcore.core.wanted import ask
from nmfcore.kernels.engines import sweep_rows
from nmfcore.solvers.protocol import MOST_SWEEPS, Solver, Supports, parameter

REFRESH = 20  # passes after which W^T X is summed afresh, so that rounding does not gather in it


@dataclass(frozen=True, eq=False)
class Memory:
    """WtX (r, n) and WtW (r, r) of the present W; `handed` the factors they belong to."""

    seed: int
    passes: int
    WtX: np.ndarray
    WtW: np.ndarray
    handed: Factors
    loss: float


@dataclass(frozen=True)
class MiniBatch(Solver):
    """For each batch B of rows, in random order: W_B <- sweeps of HALS against H; then with A = W^T W and C = W^T X brought up to
    date by the batch's change alone, A += W_B'^T W_B' - W_B^T W_B and C += (W_B' - W_B)^T X_B: H <- sweeps of HALS against A, C.

    What the old W_B had told is taken back, so every update is an exact coordinate step on the whole loss: it never rises, and
    the runs end where HALS ends. One iteration is one pass over all rows, in an order drawn anew for each.

    batch : rows at a time
    sweeps : passes over the components per batch, for W_B and for H

    Memory: beside X and the factors one (r, n) array and one batch.

    Source: Mairal, Bach, Ponce & Sapiro 2010, algorithm 2 and section 3.4.3 (old information is removed); Lefevre, Bach & Fevotte
    2011.
    """

    key = "minibatch"
    title = "Mini-batches (online dictionary learning)"
    reference = "Mairal et al. 2010, alg. 2 and sec. 3.4; Lefèvre et al. 2011"
    supports = Supports(losses=("frobenius",))
    monotone = True
    ordered = True

    batch: int = parameter(1024, least=1, unit="rows")
    sweeps: int = parameter(1, least=1, most=MOST_SWEEPS)

    def start(self, problem: Problem, factors: Factors, rng: np.random.Generator) -> Memory:
        return _remember(problem, factors, int(rng.integers(2**32)), 0)

    def step(self, problem: Problem, factors: Factors, memory: Memory) -> tuple[Factors, Memory]:
        if memory.handed is not factors or (memory.passes and memory.passes % REFRESH == 0):
            memory = _remember(problem, factors, memory.seed, memory.passes)
        W, H, C, A = factors.W.copy(), np.array(factors.H, order="C"), memory.WtX.copy(), memory.WtW.copy()
        order = np.random.default_rng([memory.seed, memory.passes]).permutation(len(W))
        with one_blas_thread():
            for begin in range(0, len(W), self.batch):
                ask()
                rows = np.sort(order[begin : begin + self.batch])
                X_B, before = problem.X[rows], np.array(W[rows].T, order="C")  # (b, n), (r, b)
                after = before.copy()
                sweep_rows(after, np.ascontiguousarray((X_B @ H.T).T), H @ H.T, self.sweeps)
                A += after @ after.T - before @ before.T
                C += (X_B.T @ np.ascontiguousarray((after - before).T)).T
                W[rows] = after.T
                sweep_rows(H, C, A, self.sweeps)
            A = W.T @ W
        loss = 0.5 * gram_form(problem.squared_norm, inner(C, H), W, H, A)
        new = Factors(W, H)
        return new, Memory(memory.seed, memory.passes + 1, C, A, new, loss)


def _remember(problem: Problem, factors: Factors, seed: int, passes: int) -> Memory:
    WtX = np.ascontiguousarray((problem.Xt @ factors.W).T)
    return Memory(seed, passes, WtX, factors.W.T @ factors.W, factors, math.nan)
