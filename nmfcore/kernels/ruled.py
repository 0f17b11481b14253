"""How does half an iteration of HALS go when rows are under rules?

Plain loops on whole rows; each row ends in the nearest one that its rules allow. Products with sparse X are compiled where they
can be; the rows are not, since a projection needs the whole row.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nmfcore.core.factorization import Matrix
from nmfcore.core.rules import RowRules
from nmfcore.kernels.engines import LowRank, Rows, ahead, multiply


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
    engine: Rows, rules: Mapping[int, RowRules], A: Matrix, other: np.ndarray, G: np.ndarray, start: np.ndarray,
    previous: np.ndarray, beta: float, sweeps: int, l1: float = 0.0, l2: float = 0.0, start_gram: np.ndarray | None = None,
    added: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, float]:  # fmt: skip
    """`Engine.half` under rules: the same arguments and results, in the layout of `Rows`.

    The new factor is allowed, the one that runs ahead need not be; zeros and fixed rows are so in both.

    A : (m, n);  G : (r, r), the Gram matrix of `other`
    added : (r,) joins G's diagonal in the sweeps, not in the value (what pulls on the other factor cost this one)
    """
    P = product(A, other)
    new = start.copy()
    diagonal = G.diagonal()
    weights = np.divide(diagonal, diagonal + l2, out=np.ones(len(G)), where=diagonal > 0)
    bent = G + np.diag(l2 + (np.zeros(len(G)) if added is None else added))
    sweep_under(new, P - P.dtype.type(l1) if l1 else P, bent, sweeps, rules, previous, weights)
    value = np.nan
    if start_gram is not None:
        value = 0.5 * float(np.sum(G * engine.gram(new))) - float(np.einsum("ij,ij->", P, new, dtype=np.float64))
    return new, ahead(new, previous, beta), value


def product(A: Matrix, other: np.ndarray) -> np.ndarray:
    """A other (r, m) for A (m, n) and `other` (r, n) with one component a row; TypeError for the sketch of a matrix."""
    if isinstance(A, LowRank):
        raise TypeError("Rules are not met on a sketch.")
    return np.ascontiguousarray(multiply(A, np.ascontiguousarray(other.T)).T)
