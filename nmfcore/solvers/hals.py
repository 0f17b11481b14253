"""Hierarchical alternating least squares: each component in turn is set to its exact optimum, the others held fixed.

Its fast form runs ahead: after each half of an iteration the factor goes on in the direction it has just moved (Nesterov), and
when the loss would rise it falls back to the last good pair and starts anew. So the loss never rises, with no parameter to tune.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from nmfcore.factorization import Factors, Matrix, Penalty, Problem
from nmfcore.kernels import Engine, engine, few_threads
from nmfcore.losses import penalty
from nmfcore.solvers.protocol import Solver, Supports

SINGLE_LIMIT = 0.03  # relative error below which float32 products no longer tell one iterate from the next
SWEEPS_SPARSE, SWEEPS_DENSE = 1, 4  # passes per product with X: the product is cheap when few of X's entries are not zero
DENSE_SHARE = 0.2  # share of non-zeros that counts as dense, looked at in the first rows; how X is stored must not matter
SAMPLE_ROWS = 500


@dataclass(frozen=True, eq=False)
class Memory:
    """Everything in the engine's layout. (W_ahead, F) is the pair handed out as `factors`, and `loss` is its loss.

    W, F : the factors before extrapolation; W_ahead, F_ahead : after it; G : Gram matrix of F_ahead; t : Nesterov's counter
    """

    engine: Engine
    X: Matrix
    Xt: Matrix
    W: np.ndarray
    F: np.ndarray
    W_ahead: np.ndarray
    F_ahead: np.ndarray
    G: np.ndarray
    sweeps: int
    t: float
    loss: float
    factors: Factors


@dataclass(frozen=True)
class HALS(Solver):
    """w_k <- max(0, w_k + ((X H^T)_k - W (H H^T)_k) / (H H^T)_kk), then the same for the rows of H.

    With extrapolate: t' = (1 + sqrt(1 + 4 t^2)) / 2, beta = (t - 1) / t'; the sweeps for W start at the extrapolated W and give
    W', which becomes max(0, W' + beta (W' - W)); F = H^T likewise. The loss of (extrapolated W, F') costs nothing extra; where it
    rose, the step is dropped and t = 1.

    extrapolate : run ahead (fast), or plain HALS
    sweeps : passes over the components per product with X; 0 chooses 1 where X is mostly zeros, else 4

    Large X is worked on in float32 until the relative error falls below 0.03, then in float64; sums are float64 throughout.
    Memory: float32 X and, for sparse X, its transpose in CSR (for float64 data these are copies), and eight factor-sized arrays.

    Source: Cichocki & Phan 2009, algorithm 2; several sweeps: Gillis & Glineur 2012, algorithm 2; extrapolation: Ang & Gillis
    2019, algorithm 3, with the restart on the function value of O'Donoghue & Candes 2015.
    """

    key = "hals"
    title = "HALS (coordinate descent)"
    reference = "Cichocki & Phan 2009, alg. 2; Ang & Gillis 2019"
    supports = Supports(losses=("frobenius",), penalty=True)
    monotone = True

    extrapolate: bool = True
    sweeps: int = 0

    def start(self, problem: Problem, factors: Factors, rng: np.random.Generator) -> Memory:
        with few_threads(problem.X, problem.rank):
            return _remember(problem, factors, rescale=self.extrapolate and not problem.penalty)

    def step(self, problem: Problem, factors: Factors, memory: Memory) -> tuple[Factors, Memory]:
        with few_threads(problem.X, problem.rank):
            if memory.factors is not factors:  # somebody moved the factors in between
                memory = _remember(problem, factors)
            memory = self._iterate(problem, memory)
            if _too_fine(problem, memory):
                memory = _remember(problem, memory.factors, _double(problem))
        return memory.factors, memory

    def _iterate(self, problem: Problem, m: Memory) -> Memory:
        p = problem.penalty or Penalty()
        sweeps = self.sweeps or m.sweeps
        t = (1 + math.sqrt(1 + 4 * m.t**2)) / 2
        beta = (m.t - 1) / t if self.extrapolate else 0.0
        W, W_ahead, _ = m.engine.half(m.X, m.F_ahead, m.G, m.W_ahead, m.W, beta, sweeps, p.l1_W, p.l2_W)
        G_W = m.engine.gram(W_ahead)
        F, F_ahead, value = m.engine.half(m.Xt, W_ahead, G_W, m.F_ahead, m.F, beta, sweeps, p.l1_H, p.l2_H, m.G)
        loss = 0.5 * problem.squared_norm + value + _penalty(problem, W_ahead, F)
        if loss > m.loss:  # back to the last good pair, without running ahead; t = 1 makes the next step a plain one
            return replace(m, W=m.W_ahead, F_ahead=m.F, G=m.engine.gram(m.F), t=1.0)
        factors = _outside(problem, m.engine, W_ahead, F)
        return Memory(m.engine, m.X, m.Xt, W, F, W_ahead, F_ahead, m.engine.gram(F_ahead), m.sweeps, t, loss, factors)


def _remember(problem: Problem, factors: Factors, working: Problem | None = None, *, rescale: bool = False) -> Memory:
    """The memory of a start at these factors.

    working : the problem in the precision to iterate in; None chooses
    rescale : begin at the best multiple of WH, which a start whose scale is arbitrary needs
    """
    working = working or problem.working
    inner = engine(problem.rank, working.dtype)
    W, F = inner.inside(factors.W), inner.inside(factors.H.T)
    G = inner.gram(F)
    cross, square = inner.cross(working.X, F, W), float(np.sum(G * inner.gram(W)))
    loss = 0.5 * problem.squared_norm - cross + 0.5 * square + _penalty(problem, W, F)
    memory = Memory(inner, working.X, working.Xt, W, F, W, F, G, _sweeps(problem.X), 1.0, loss if loss > 0 else math.nan, factors)
    if working.dtype == np.float32 and _too_fine(problem, memory):
        return _remember(problem, factors, _double(problem), rescale=rescale)
    if rescale and cross > 0 and square > 0:
        by = cross / square
        W, F = W * W.dtype.type(math.sqrt(by)), F * F.dtype.type(math.sqrt(by))
        return replace(memory, W=W, F=F, W_ahead=W, F_ahead=F, G=G * by)
    return memory


def _sweeps(X: Matrix) -> int:
    rows = min(SAMPLE_ROWS, X.shape[0])
    filled = X.indptr[rows] if sp.issparse(X) else np.count_nonzero(X[:rows])
    return SWEEPS_DENSE if filled > DENSE_SHARE * rows * X.shape[1] else SWEEPS_SPARSE


def _too_fine(problem: Problem, memory: Memory) -> bool:
    """Whether float32 products are too coarse from here on."""
    return memory.engine.dtype == np.float32 and not memory.loss > 0.5 * SINGLE_LIMIT**2 * problem.squared_norm


def _double(problem: Problem) -> Problem:
    return problem if problem.dtype == np.float64 else replace(problem, X=problem.X.astype(np.float64))


def _outside(problem: Problem, inner: Engine, W: np.ndarray, F: np.ndarray) -> Factors:
    """W (m, r) and H (r, n) as views; as copies only where float64 has taken over from a float32 problem."""
    W, H = inner.outside(W), inner.outside(F).T
    if problem.dtype == np.float32:
        W, H = W.astype(np.float32, copy=False), H.astype(np.float32, copy=False)
    return Factors(W, H)


def _penalty(problem: Problem, W: np.ndarray, F: np.ndarray) -> float:
    return penalty(problem, Factors(W, F)) if problem.penalty else 0.0  # sums over all entries: the layout does not matter
