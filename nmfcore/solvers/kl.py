"""How is the Kullback-Leibler loss minimised faster than by multiplicative updates?

By Newton steps on single entries: the loss is smooth and convex in each of them, and needs WH only where X is not zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from scipy.special import xlogy

from nmfcore.core.factorization import Factors, Penalty, Problem
from nmfcore.core.losses import at_stored, penalty
from nmfcore.core.wanted import ask
from nmfcore.kernels.engines import ahead, newton_sweeps
from nmfcore.solvers.mu import Memory as Approach
from nmfcore.solvers.mu import MultiplicativeUpdates
from nmfcore.solvers.protocol import MOST_SWEEPS, Solver, Supports, parameter

KEEP = 0.1  # running ahead never takes more than nine tenths of an entry, so that WH stays positive wherever it is
APPROACH = 4  # multiplicative updates from a start that knows nothing of X: Newton's first steps from there end in worse optima
SINGLE_LIMIT = 1e-3  # of the sum of X: a loss below this, a small difference of sums, has lost its digits in float32
SINGLE_NOISE = 1e-7  # of the sum of X: what a loss from float32 is off by; smaller changes of it mean nothing
LIFT = 0.01  # of the random start's level: what zeros of a start become where WH is 0 and X is not


@dataclass(frozen=True, eq=False)
class Memory:
    """X and its transpose in CSR, in the precision to work in; `constant` is the part of the loss that X alone decides.

    W, F : the factors before extrapolation, F = H^T (n, r); W_ahead, F_ahead : after it; good : the pair handed out as `factors`
    loss, cross : the loss and <X, WH> of that pair; fell : by how much the last step changed the loss
    t : Nesterov's counter; fell_back : whether the last step was dropped
    approach : how many multiplicative updates are still to come before the first Newton step
    """

    X: sp.csr_array
    Xt: sp.csr_array
    constant: float
    W: np.ndarray
    F: np.ndarray
    W_ahead: np.ndarray
    F_ahead: np.ndarray
    good: tuple[np.ndarray, np.ndarray]
    factors: Factors
    loss: float = math.nan
    cross: float = math.nan
    t: float = 1.0
    fell_back: bool = False
    fell: float = math.inf
    approach: int = 0


@dataclass(frozen=True)
class NewtonKL(Solver):
    """w_ik <- max(0, w_ik + (g - s_k) / h), g = sum_j x_ij h_kj / y_ij, h = sum_j x_ij h_kj^2 / y_ij^2, s_k = sum_j h_kj, y = WH.

    Then the columns of H likewise. Sums run over the stored values of X only; steps down that are too long for a Newton step to
    be safe are damped (see `newton_sweeps`), so that each half lowers the loss. With extrapolate it runs ahead as HALS does, and
    drops a step when the loss rose: it never rises. From a start no better than r c^T / N (the sums of X's rows, columns and of
    all of it), as a random one is, the first four steps are multiplicative updates: Newton's take a component for lost there that
    these still turn to use.

    extrapolate : run ahead, or plain coordinate descent
    sweeps : passes over the components per half iteration

    Memory: X and its transpose in CSR (float32 when large; of dense X both are copies), and eight factor-sized arrays.

    Source: Hsieh & Dhillon 2011, section 3.3; Hien & Gillis 2021, section 3.4 (damping).
    """

    key = "kl-newton"
    title = "Coordinate Newton (Kullback-Leibler)"
    reference = "Hsieh & Dhillon 2011, sec. 3.3; Hien & Gillis 2021"
    supports = Supports(losses=("kullback-leibler",), penalty=True)
    monotone = True
    tol = 5e-4

    extrapolate: bool = True
    sweeps: int = parameter(2, least=1, most=MOST_SWEEPS)

    def share(self, problem: Problem) -> None:
        _ = problem.working.Xt, problem.squared_norm

    def start(self, problem: Problem, factors: Factors, rng: np.random.Generator) -> Memory:
        memory = _prepared(problem, problem.working, factors)
        return replace(memory, approach=APPROACH) if memory.loss >= _unrelated(memory) else memory

    def step(self, problem: Problem, factors: Factors, memory: Memory) -> tuple[Factors, Memory]:
        m = memory
        if m.approach and m.factors is factors:
            new, _ = MultiplicativeUpdates().step(problem, factors, Approach(None))
            if m.approach > 1:
                return new, replace(m, factors=new, loss=math.nan, cross=math.nan, approach=m.approach - 1)
            return new, _remember(problem, m.X, m.Xt, m.constant, new)
        if m.factors is not factors:  # somebody moved the factors in between
            m = _remember(problem, m.X, m.Xt, m.constant, factors)
        p = problem.penalty or Penalty()
        t = (1 + math.sqrt(1 + 4 * m.t**2)) / 2
        beta = (m.t - 1) / t if self.extrapolate else 0.0
        W, _, _ = newton_sweeps(m.X, m.F_ahead, m.W_ahead, self.sweeps, p.l1_W, p.l2_W, sums_wanted=False)
        W_ahead = ahead(W, m.W, beta, KEEP)
        F, logs, cross = newton_sweeps(m.Xt, W_ahead, m.F_ahead, self.sweeps, p.l1_H, p.l2_H)
        pair = Factors(W_ahead, F.T)
        loss = _loss(problem, m.constant, logs, pair)
        if loss > m.loss:  # dropped; t = 1 makes the next step a plain one
            W, F = m.good if m.fell_back else (m.W, m.F)  # from the good pair a plain step cannot rise
            m = replace(m, W=W, F=F, W_ahead=W, F_ahead=F, t=1.0, fell_back=True, fell=m.loss - loss)
        else:
            new = (
                Factors(*(A.astype(problem.dtype, copy=False) for A in (pair.W, pair.H))) if problem.dtype == np.float32 else pair
            )
            m = Memory(
                m.X, m.Xt, m.constant, W, F, W_ahead, ahead(F, m.F, beta, KEEP), (W_ahead, F), new, loss, cross, t,
                fell=m.loss - loss,
            )  # fmt: skip
        if _too_fine(problem, m):
            m = _prepared(problem, problem.double, m.factors)
        return m.factors, m


def _prepared(problem: Problem, working: Problem, factors: Factors) -> Memory:
    """The memory of a start at these factors, in the precision of `working`."""
    X = working.X if problem.sparse else sp.csr_array(working.X)
    ask()
    Xt = working.Xt if problem.sparse else sp.csr_array(X.T)
    ask()
    x = X.data.astype(np.float64)
    ask()
    constant = float(np.sum(xlogy(x, x))) - float(np.sum(x))  # in float32 the smallest stored values may be 0
    ask()
    return _remember(problem, X, Xt, constant, factors)


def _unrelated(m: Memory) -> float:
    """D(X | r c^T / N): the loss of the model in which rows and columns have nothing to do with each other."""
    rows, columns = (np.asarray(A.sum(axis=1, dtype=np.float64)).ravel() for A in (m.X, m.Xt))
    total = float(rows.sum())
    return m.constant + total - float(xlogy(rows, rows).sum() + xlogy(columns, columns).sum()) + float(xlogy(total, total))


def _too_fine(problem: Problem, m: Memory) -> bool:
    """Whether float32 is too coarse from here on."""
    if m.X.dtype != np.float32:
        return False
    size = float(m.X.data.sum(dtype=np.float64))
    loss = m.loss - (penalty(problem, m.factors) if problem.penalty else 0.0)
    return loss <= SINGLE_LIMIT * size or abs(m.fell) <= SINGLE_NOISE * size


def _loss(problem: Problem, constant: float, logs: float, factors: Factors) -> float:
    total = float(factors.W.sum(axis=0, dtype=np.float64) @ factors.H.sum(axis=1, dtype=np.float64))  # the sum of WH
    return max(0.0, constant - logs + total) + (penalty(problem, factors) if problem.penalty else 0.0)


def _remember(problem: Problem, X: sp.csr_array, Xt: sp.csr_array, constant: float, factors: Factors) -> Memory:
    lifted = _lifted(X, factors)
    W, F = (np.ascontiguousarray(A, dtype=X.dtype) for A in (lifted.W, lifted.H.T))
    memory = Memory(X, Xt, constant, W, F, W, F, (W, F), factors)
    if lifted is not factors or not X.nnz:
        return memory
    _, logs, cross = newton_sweeps(X, F, W, 0)
    return replace(memory, loss=_loss(problem, constant, logs, Factors(W, F.T)), cross=cross)


def _lifted(X: sp.csr_array, factors: Factors) -> Factors:
    """The factors, their zeros lifted if the loss is infinite: where WH is 0 and X is not."""
    W, H = factors.W, factors.H
    if not X.nnz or (W.min() > 0 and H.min() > 0) or at_stored(X, W, H).min() > 0:
        return factors
    level = LIFT * np.sqrt(float(X.sum(dtype=np.float64)) / np.prod(X.shape) / W.shape[1])
    return Factors(np.maximum(W, W.dtype.type(level)), np.maximum(H, H.dtype.type(level)))
