"""How does half an iteration of HALS go when rows are under rules?

Plain loops on whole rows, since a projection needs the whole row; each row ends in the nearest one that its rules allow.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nmfcore.core.factorization import Matrix
from nmfcore.core.keeping import RowRules
from nmfcore.core.rules import direction
from nmfcore.kernels.engines import LowRank, Rows, ahead, multiply
from nmfcore.kernels.half import Half

PASSES = 4  # on one column of S before the next has its turn
DOUBLINGS = 60  # of sigma, from a tenth of ||s||^2: beyond any eigenvalue that floats hold
FIRST_SHIFT = 0.1
ROUNDING = 1e-14  # of the block's terms: by so much more a step has not risen


def sweep_under(
    F: np.ndarray, P: np.ndarray, G: np.ndarray, times: int, rules: Mapping[int, RowRules], old: np.ndarray,
    weights: np.ndarray | None = None,
) -> None:  # fmt: skip
    """Minimise 1/2 <F, G F> - <P, F> over the rows F that the rules allow, row after row, in place.

    f_k <- the allowed row nearest to (p_k - sum_{j != k} G_kj f_j) / G_kk. Rows with G_kk <= 0 and fixed ones are left alone.

    Parameters
    ----------
    F : (r, n) C-ordered, >= 0; overwritten
    P : (r, n)
    G : (r, r) symmetric
    times : passes over the rows
    rules : of the rows that have any
    old : (r, n) rows that the rules allow, kept where no nearer one is found
    weights : (r,) see `Pull.row`; None for ones

    Source: Cichocki & Phan 2009, algorithm 2, with the projection in place of max(0, .).
    """
    diagonal = G.diagonal()
    pull = np.empty(F.shape[1], F.dtype)
    for turn in range(times):
        for k, row in enumerate(F):
            rule = rules.get(k)
            if diagonal[k] <= 0 or (rule is not None and rule.fixed):
                continue
            others = (G[k] / diagonal[k]).astype(F.dtype)
            others[k] = 0
            np.dot(others, F, out=pull)
            np.subtract(P[k] * F.dtype.type(1 / diagonal[k]), pull, out=pull)
            if rule is None:
                np.maximum(pull, 0, out=row)
            else:
                row[:] = rule.row(pull, row.copy() if turn else old[k], 1.0 if weights is None else float(weights[k]))


def half_under(
    engine: Rows,
    rules: Mapping[int, RowRules],
    A: Matrix,
    other: np.ndarray,
    task: Half,
    At: Matrix | None = None,
    added: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`Engine.half` of one start under rules: the same arguments and results, in the layout of `Rows`.

    The new factor is allowed, the one that runs ahead need not be; zeros and fixed rows are so in both.

    A : (m, n);  added : (r,) joins G's diagonal in the sweeps, not in the value (what pulls on the other factor cost this one)
    """
    P, G, pace = product(A, other), task.G[0], task.pace
    new = task.start.copy()
    diagonal = G.diagonal()
    weights = np.divide(diagonal, diagonal + pace.l2, out=np.ones(len(G)), where=diagonal > 0)
    bent = G + np.diag(pace.l2 + (np.zeros(len(G)) if added is None else added))
    sweep_under(new, P - P.dtype.type(pace.l1) if pace.l1 else P, bent, pace.sweeps, rules, task.previous, weights)
    value = np.nan
    if task.grams is not None:
        value = 0.5 * float(np.sum(G * engine.gram(new))) - float(np.einsum("ij,ij->", P, new, dtype=np.float64))
    return new, ahead(new, task.previous, float(pace.betas[0])), np.array([value])


def descend_under(C: Matrix, F: np.ndarray, rules: Mapping[int, RowRules], passes: int = PASSES) -> None:
    """One turn over the columns of S in min ||C - S S^T||, each under its rules; in place.

    With R = C - sum_{j != k} s_j s_j^T the block of column s is f(s) = 1/2 ||s||^4 - s^T R s. Where R + sigma I is positive
    semi-definite, f lies below 1/2 ||s||^4 + sigma ||s||^2 - 2 p^T s + const, p = (R + sigma I) s_old, and touches it at s_old.
    All rules are cones (an allowed s times a number >= 0 is allowed), so its minimum over them is exact: the direction u of the
    projection of p, and the length that solves x^3 + sigma x = p^T u. sigma starts at 0 and grows until f has not risen: beyond
    minus the smallest eigenvalue of R it never does.

    Parameters
    ----------
    C : (n, n) symmetric array or CSR
    F : (r, n) = S^T, C-ordered, float64, >= 0, allowed; overwritten
    rules : of the columns that have any
    passes : steps on one column before the next has its turn

    Source: majorization of the concave part, Hunter & Lange 2004; without rules and with sigma = 0 a power step.
    """
    for k in range(len(F)):
        rule = rules.get(k)
        if (rule is not None and rule.fixed) or not F[k].any():
            continue
        s = F[k].copy()
        F[k] = 0  # so that F holds the others
        F[k] = _column_under(C, F, s, rule, passes)


def _column_under(C: Matrix, others: np.ndarray, s: np.ndarray, rule: RowRules | None, passes: int) -> np.ndarray:
    """Some steps of `descend_under` on one column s (n,); others : (r, n) with zeros in its place."""

    def left(v: np.ndarray) -> np.ndarray:
        return C @ v - (others @ v) @ others

    def value(v: np.ndarray, Rv: np.ndarray) -> tuple[float, float]:
        square, curve = float(v @ v) ** 2, float(v @ Rv)
        return 0.5 * square - curve, square + abs(curve)

    Rs = left(s)
    f, size = value(s, Rs)
    for _ in range(passes):
        square, sigma = float(s @ s), 0.0
        for _ in range(DOUBLINGS):
            new = _touching(Rs + sigma * s, s, sigma, rule)
            Rn = left(new)
            f_new, _ = value(new, Rn)
            if f_new <= f + ROUNDING * size:
                break
            sigma = max(2 * sigma, FIRST_SHIFT * square)
        else:
            return s
        s, Rs, f = new, Rn, f_new
        if not s.any():
            break
    return s


def _touching(p: np.ndarray, old: np.ndarray, sigma: float, rule: RowRules | None) -> np.ndarray:
    """The allowed s (n,) that minimises 1/2 ||s||^4 + sigma ||s||^2 - 2 p^T s; old : an allowed one."""
    best_old = old * max(0.0, float(p @ old) / float(old @ old))  # of its multiples the nearest to p
    h = np.maximum(p, 0) if rule is None else rule.row(p, best_old)
    u = direction(h)
    along = float(p @ u)
    return u * _length(sigma, along) if along > 0 else np.zeros_like(p)


def _length(sigma: float, along: float) -> float:
    """The x > 0 with x^3 + sigma x = along > 0: Newton from above on a convex rising function, which never passes the root."""
    x = along ** (1 / 3)
    if sigma > 0:
        x = min(x, along / sigma)
    while True:
        nearer = x - (x**3 + sigma * x - along) / (3 * x * x + sigma)
        if not nearer < x:
            return x
        x = nearer


def product(A: Matrix, other: np.ndarray) -> np.ndarray:
    """A other (r, m) for A (m, n) and `other` (r, n) with one component a row; TypeError for the sketch of a matrix.

    Never compiled: a refit has the same bits whichever kernels are installed, and while they are being prepared.
    """
    if isinstance(A, LowRank):
        raise TypeError("Rules are not met on a sketch.")
    return np.ascontiguousarray(multiply(A, np.ascontiguousarray(other.T), plain=True).T)
