"""Symmetric factorization: which non-negative S makes S S^T close to a similarity matrix C?

    1/2 ||C - S S^T||_F^2,  gradient 2 (S S^T S - C S)

A run stores S as W and S^T as H.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import scipy.sparse as sp

from nmfcore.core.factorization import Factors, Matrix, Problem
from nmfcore.core.losses import gram_form, inner
from nmfcore.core.products import times
from nmfcore.core.wanted import ask
from nmfcore.kernels.engines import compiled
from nmfcore.kernels.ruled import descend_under
from nmfcore.solvers.mu import ratio
from nmfcore.solvers.protocol import ABOVE_ZERO, Solver, Supports, parameter

ROUNDING = 16  # eps ||C||_F^2: differences of the loss below this are rounding


@dataclass(frozen=True)
class Memory:
    """C S of the factors handed out, for the next step, and their loss."""

    CS: np.ndarray
    loss: float


@dataclass(frozen=True)
class SymmetricUpdates(Solver):
    """S <- S * (1 - damping + damping (C S) / (S S^T S)), elementwise.

    From an S that is far too small this overshoots (for one entry it is Newton's square root). A damped step that would raise the
    loss is replaced by S <- S * ((C S) / (S S^T S))^(1/4), which cannot: it minimises an upper bound of the loss that touches it
    at S, sum (S S^T S) x^4 / (2 s^3) - 2 sum (C S) s log x (means of products, arithmetic and geometric).

    damping : 1/2 in the paper; at 1 the undamped update, which is left alone, cycles for ever between two values

    Source: Ding, He & Simon 2005, On the equivalence of nonnegative matrix factorization and spectral clustering, eq. 22.
    """

    key = "symmetric"
    title = "Symmetric multiplicative updates (damped)"
    reference = "Ding, He & Simon 2005"
    supports = Supports(losses=("frobenius",), symmetric=True, requires_symmetric=True)
    monotone = True
    locks_zeros = True

    damping: float = parameter(0.5, least=ABOVE_ZERO, most=1.0)

    def start(self, problem: Problem, factors: Factors, rng: np.random.Generator) -> Memory:
        return _remember(problem, factors.W)

    def step(self, problem: Problem, factors: Factors, memory: Memory) -> tuple[Factors, Memory]:
        S, share = factors.W, factors.W.dtype.type(self.damping)
        by = ratio(memory.CS, S @ (S.T @ S))
        new = S * ((1 - share) + share * by)
        after = _remember(problem, new)
        rounding = ROUNDING * np.finfo(S.dtype).eps * problem.squared_norm
        if self.damping < 1 and after.loss > memory.loss + rounding:
            new = S * np.sqrt(np.sqrt(by))
            after = _remember(problem, new)
        return Factors(new, new.T.copy()), after


def _remember(problem: Problem, S: np.ndarray) -> Memory:
    CS, StS = times(problem.X, S), S.T @ S
    return Memory(CS, 0.5 * gram_form(problem.squared_norm, inner(CS, S), S, S.T, StS))


@dataclass(frozen=True)
class SymmetricDescent(Solver):
    """Each entry of S in turn is set to its exact optimum x >= 0, the others held fixed: x^3 + a x + b = 0 with

    a = sum_(l != k) s_il^2 + sum_(j != i) s_jk^2 - c_ii,   b = sum_(l != k) s_il sum_(j != i) s_jl s_jk - sum_(j != i) c_ij s_jk.

    One iteration visits all rows in order. It converges where the multiplicative updates crawl, and it can leave zeros. Under
    `Problem.rules` whole columns of S are set in turn instead, see `descend_under`.

    Source: Vandaele, Gillis, Lei, Zhong & Dhillon 2016, Efficient and non-convex coordinate descent for symmetric nonnegative
    matrix factorization, algorithms 1-4.
    """

    key = "symmetric-cd"
    title = "Symmetric coordinate descent"
    reference = "Vandaele et al. 2016, alg. 4"
    supports = Supports(losses=("frobenius",), symmetric=True, requires_symmetric=True, rules=True)
    monotone = True
    ordered = True

    def start(self, problem: Problem, factors: Factors, rng: np.random.Generator) -> ModuleType | None:
        return compiled()  # asked once, so that all steps of a run round alike

    def step(self, problem: Problem, factors: Factors, memory: ModuleType | None) -> tuple[Factors, ModuleType | None]:
        C = problem.X
        ask()
        if problem.rules:
            F = np.array(factors.W.T, np.float64, order="C")
            descend_under(C, F, problem.rules.columns)
            F = F.astype(factors.W.dtype)
            return Factors(F.T.copy(), F), memory
        S = factors.W.astype(np.float64, order="C")
        if memory is None:
            descend(C, S)
        elif problem.sparse:
            memory.symmetric_sparse(C.indptr, C.indices, C.data, S, S.T @ S)
        else:
            memory.symmetric_dense(C, S, S.T @ S)
        S = S.astype(factors.W.dtype)
        return Factors(S, S.T.copy()), memory


def descend(C: Matrix, S: np.ndarray) -> None:
    """One pass over all rows of S (n, r), in place: the plain twin of `symmetric_dense` and `symmetric_sparse` (compiled.py).

    C : (n, n) symmetric array or CSR
    """
    G = S.T @ S
    diagonal = C.diagonal().astype(np.float64)
    for i in range(len(S)):
        ask()
        s, own = S[i], float(diagonal[i])
        if sp.issparse(C):
            stored = slice(C.indptr[i], C.indptr[i + 1])
            pull = C.data[stored] @ S[C.indices[stored]] - own * s
        else:
            pull = C[i] @ S - own * s
        others = G - np.outer(s, s)  # the Gram matrix of all other rows
        S[i] = best_row(s, others, pull, own)
        G = others + np.outer(S[i], S[i])


def best_row(s: np.ndarray, others: np.ndarray, pull: np.ndarray, own: float) -> np.ndarray:
    """One pass over the entries of a row s (r,): minimise 1/2 (own - |s|^2)^2 + s^T others s - 2 pull^T s, entry by entry."""
    total = float(s @ s)
    bends = others.diagonal().tolist()
    slopes = others @ s - pull  # kept up to date below: a change of one entry costs r, an entry that stays costs nothing
    entries: list[float] = s.tolist()  # plain floats: this loop runs once for every entry of S
    for k, x in enumerate(entries):
        rest, bend = total - x * x, bends[k]
        new = cubic_minimum(rest + bend - own, float(slopes[k]) - bend * x)
        if new != x:
            slopes += others[k] * (new - x)
            total = rest + new * new
            entries[k] = new
    return np.array(entries)


def cubic_minimum(a: float, b: float) -> float:
    """argmin over x >= 0 of x^4/4 + a x^2/2 + b x, by Cardano's formula (its derivative is x^3 + a x + b)."""
    if b >= 0 and a >= 0:
        return 0.0
    inside = (b / 2) ** 2 + (a / 3) ** 3
    if inside >= 0:
        if b >= 0:
            return 0.0  # the one real root is negative
        u = math.cbrt(-b / 2 + math.sqrt(inside))
        x = u - a / (3 * u) if u > 0 else math.cbrt(-b)  # u is 0 where b^2 underflows
    else:  # three real roots, a < 0: the largest is the minimum
        half = math.sqrt(-a / 3)
        x = 2 * half * math.cos(math.acos(max(-1.0, min(1.0, -b / (2 * half**3)))) / 3)
    slope = 3 * x * x + a
    if slope > 0:
        x -= (x * x * x + a * x + b) / slope  # one Newton step takes the rounding out
    if x <= 0 or (b >= 0 and x**4 / 4 + a * x * x / 2 + b * x >= 0):
        return 0.0
    return x
