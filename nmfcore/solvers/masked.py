"""Missing entries: how is X factorized when part of it was never measured?

    1/2 ||M * (X - WH)||_F^2 + l2_W/2 ||W||_F^2 + l2_H/2 ||H||_F^2        (M: 1 = observed)

Nothing under the mask is read. With few observations against many parameters the ridge (the problem's L2 penalty) is what keeps
predictions on the scale of the data. Both solvers take a dense mask, or for sparse X the pattern of what is stored: then
time and memory follow the number of observed entries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from nmfcore.core.factorization import Factors, Matrix, Penalty, Problem
from nmfcore.core.losses import at_stored, penalty
from nmfcore.core.wanted import ask
from nmfcore.solvers.mu import MultiplicativeUpdates
from nmfcore.solvers.protocol import MOST_SWEEPS, Solver, Supports, parameter


@dataclass(frozen=True)
class MaskedUpdates(MultiplicativeUpdates):
    """W <- W * ((M * X) H^T) / ((M * WH) H^T + l1 + l2 W), then the same for H: the mask multiplies both parts of the ratio.

    exponent : "mm", under which the loss provably never rises, or "heuristic", 1; see `mu`

    Source: Zhang, Wang, Ford & Makedon 2006, Learning from incomplete ratings using NMF, section 3; Mao & Saul 2004, eq. 7-8.
    """

    key = "masked"
    title = "Weighted multiplicative updates (missing entries)"
    reference = "Zhang et al. 2006; Mao & Saul 2004"
    supports = Supports(losses=MultiplicativeUpdates.supports.losses, mask=True, requires_mask=True, penalty=True)


@dataclass(frozen=True)
class Memory:
    loss: float


@dataclass(frozen=True)
class MaskedHALS(Solver):
    """w_ik <- max(0, (sum_j m_ij h_kj (e_ij + w_ik h_kj) - l1) / (sum_j m_ij h_kj^2 + l2)), then h_kj, component by component.

    e is the residual on the observed entries and is kept up to date, so each entry is set to its exact optimum.

    sweeps : updates of w_k and h_k in turn before the next component

    Source: Cichocki & Phan 2009, algorithm 2, with a mask; the order is that of CCD++: Yu, Hsieh, Si & Dhillon 2012, algorithm 2.
    """

    key = "masked-hals"
    title = "HALS over observed entries (missing entries)"
    reference = "Cichocki & Phan 2009; Yu et al. 2012, alg. 2"
    supports = Supports(losses=("frobenius",), mask=True, requires_mask=True, penalty=True)
    monotone = True

    sweeps: int = parameter(1, least=1, most=MOST_SWEEPS)

    def step(self, problem: Problem, factors: Factors, memory: Memory | None) -> tuple[Factors, Memory]:
        p = problem.penalty or Penalty()
        Wt, H = factors.W.T.copy(), factors.H.copy()  # (r, m) and (r, n): one component is one contiguous row
        residual = StoredResidual(problem, Wt, H) if problem.sparse else DenseResidual(problem, Wt, H)
        for k in range(len(H)):
            for _ in range(self.sweeps):
                ask()
                w = _optimum(Wt[k], residual.times(H[k]), residual.seen(H[k] ** 2), p.l1_W, p.l2_W)
                residual.change(w - Wt[k], H[k])
                Wt[k] = w
                h = _optimum(H[k], residual.turned_times(w), residual.turned_seen(w**2), p.l1_H, p.l2_H)
                residual.change(w, h - H[k])
                H[k] = h
        new = Factors(Wt.T.copy(), H)
        return new, Memory(0.5 * residual.squared_norm() + penalty(problem, new))


def _optimum(now: np.ndarray, pull: np.ndarray, weight: np.ndarray, l1: float, l2: float) -> np.ndarray:
    """max(0, (pull + weight now - l1) / (weight + l2)); where nothing is observed, what the penalty wants, without one `now`."""
    below = weight + weight.dtype.type(l2)
    decided = below > np.finfo(below.dtype).tiny
    value = (pull + weight * now - pull.dtype.type(l1)) / np.where(decided, below, 1)
    return np.where(decided, np.maximum(value, 0), 0 if l1 else now).astype(now.dtype, copy=False)


class DenseResidual:
    """E = M * (X - WH) as an (m, n) array, with the products a sweep needs."""

    def __init__(self, problem: Problem, Wt: np.ndarray, H: np.ndarray) -> None:
        self.mask: Matrix = problem.mask
        self.E = self.mask * (problem.X - Wt.T @ H)

    def times(self, h: np.ndarray) -> np.ndarray:
        return self.E @ h

    def turned_times(self, w: np.ndarray) -> np.ndarray:
        return self.E.T @ w

    def seen(self, h: np.ndarray) -> np.ndarray:
        return self.mask @ h

    def turned_seen(self, w: np.ndarray) -> np.ndarray:
        return self.mask.T @ w

    def change(self, w: np.ndarray, h: np.ndarray) -> None:
        self.E -= self.mask * np.multiply.outer(w, h)

    def squared_norm(self) -> float:
        return float(np.einsum("ij,ij->", self.E, self.E, dtype=np.float64))


class StoredResidual:
    """The same on the stored pattern of sparse X: E and M are CSR arrays that share one pattern."""

    def __init__(self, problem: Problem, Wt: np.ndarray, H: np.ndarray) -> None:
        X = problem.X
        self.mask: Matrix = problem.mask
        self.E = sp.csr_array((X.data - at_stored(X, Wt.T, H), X.indices, X.indptr), shape=X.shape)
        self.rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
        self.columns = X.indices

    def times(self, h: np.ndarray) -> np.ndarray:
        return self.E @ h

    def turned_times(self, w: np.ndarray) -> np.ndarray:
        return self.E.T @ w

    def seen(self, h: np.ndarray) -> np.ndarray:
        return self.mask @ h

    def turned_seen(self, w: np.ndarray) -> np.ndarray:
        return self.mask.T @ w

    def change(self, w: np.ndarray, h: np.ndarray) -> None:
        self.E.data -= w[self.rows] * h[self.columns]

    def squared_norm(self) -> float:
        return float(np.einsum("i,i->", self.E.data, self.E.data, dtype=np.float64))
