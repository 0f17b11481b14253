"""How are many small non-negative least-squares problems that share one matrix solved exactly and at once?

    min over F >= 0 of 1/2 <F, G F> - <P, F>,   column by column, with G = A^T A (r, r) and P = A^T B (r, N)

Block principal pivoting: each column guesses which of its entries are positive (its passive set), solves for them, and moves
all entries with a wrong sign to the other set at once. Columns are solved together, grouped by their passive set.

Source: Kim & Park 2011, Fast nonnegative matrix factorization: an active-set-like method and comparisons, algorithm 2 and
section 4.3.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.optimize

from nmfcore.core.wanted import ask

RIDGE = 16  # roundings of P's dtype on a unit diagonal: a rank-deficient G becomes solvable, and its solution stays small
SIGN = 1e-12  # relative to the column's own size: smaller wrong signs are rounding, not reasons to pivot
FULL_EXCHANGES = 3  # exchanges of all wrong entries that may fail to lower their number before one at a time is exchanged
PIVOTS_PER_ENTRY = 10  # pivots per entry of a column before it is handed to Lawson & Hanson's method
GROUP = 4  # columns that share a passive set are solved by one factorization from this number on, smaller groups stacked
CELLS_AT_ONCE = 2_000_000  # cells of stacked (r, r) systems that exist at one time


def nnls_gram(G: np.ndarray, P: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """F (r, N) >= 0 that minimises 1/2 <F, GF> - <P, F>, exactly.

    Parameters
    ----------
    G : (r, r) symmetric, positive semi-definite
    P : (r, N)
    start : (r, N) guess whose positive entries become the first passive sets; None guesses from the unconstrained solution

    Returns
    -------
    (r, N) float64 array

    Notes
    -----
    Where G is rank-deficient the minimiser is not unique; a tiny ridge picks one. Rows of F whose diagonal in G is 0 are 0.
    """
    ridge = RIDGE * len(G) * float(np.finfo(P.dtype).eps)
    G, P = np.asarray(G, np.float64), np.asarray(P, np.float64)
    F = np.zeros_like(P)
    alive = np.diag(G) > np.diag(G).max(initial=0.0) * np.finfo(np.float64).tiny
    if not alive.any() or not P.shape[1]:
        return F
    # Unit diagonal first: components of very different size then share one tolerance.
    size = np.sqrt(np.diag(G)[alive])
    unit = G[np.ix_(alive, alive)] / size[:, None] / size
    unit[np.diag_indices_from(unit)] = 1.0 + ridge
    right = P[alive] / size[:, None]
    passive = (start[alive] > 0) if start is not None else np.linalg.solve(unit, right) > 0
    F[alive] = _pivot(unit, right, passive) / size[:, None]
    return F


def _pivot(G: np.ndarray, P: np.ndarray, passive: np.ndarray) -> np.ndarray:
    """Kim & Park 2011, algorithm 2, over all columns; `passive` (r, N) is where the first guess is positive."""
    r, N = P.shape
    F = np.zeros((r, N))
    columns = np.arange(N)  # those not finished
    sets = passive.copy()
    fewest = np.full(N, r + 1)  # the smallest number of wrong entries so far
    tries = np.full(N, FULL_EXCHANGES)
    for _ in range(PIVOTS_PER_ENTRY * r + FULL_EXCHANGES):
        now, here = sets[:, columns], P[:, columns]
        part = _solve_passive(G, here, now)
        slack = G @ part - here
        limit = SIGN * np.abs(here).max(axis=0, initial=0.0)
        wrong = np.where(now, part < -limit, slack < -limit)
        count = wrong.sum(axis=0)
        done = count == 0
        F[:, columns[done]] = np.maximum(part[:, done], 0.0)
        if done.all():
            return F
        left = ~done
        columns, wrong, count = columns[left], wrong[:, left], count[left]
        better = count < fewest[columns]
        fewest[columns[better]] = count[better]
        tries[columns[better]] = FULL_EXCHANGES
        single = ~better & (tries[columns] <= 0)
        tries[columns[~better & ~single]] -= 1
        if single.any():  # Murty's rule, which cannot cycle: exchange the last wrong entry only
            last = r - 1 - np.argmax(wrong[::-1, single], axis=0)
            wrong[:, single] = np.arange(r)[:, None] == last
        sets[:, columns] ^= wrong
    F[:, columns] = _one_by_one(G, P[:, columns])
    return F


def _solve_passive(G: np.ndarray, P: np.ndarray, passive: np.ndarray) -> np.ndarray:
    """F (r, N) with G[K, K] F[K, j] = P[K, j] on column j's passive set K and 0 elsewhere."""
    F = np.zeros_like(P)
    patterns, group = np.unique(np.packbits(passive, axis=0).T, axis=0, return_inverse=True)
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=len(patterns))
    ends = np.cumsum(sizes)
    for end, size in zip(ends[sizes >= GROUP], sizes[sizes >= GROUP], strict=True):
        ask()
        members = order[end - size : end]
        kept = np.flatnonzero(passive[:, members[0]])
        if len(kept):
            factor = scipy.linalg.cho_factor(G[np.ix_(kept, kept)], check_finite=False)
            F[np.ix_(kept, members)] = scipy.linalg.cho_solve(factor, P[np.ix_(kept, members)], check_finite=False)
    few = np.flatnonzero(sizes[group] < GROUP)
    height = max(1, CELLS_AT_ONCE // G.size)
    for begin in range(0, len(few), height):
        ask()
        members = few[begin : begin + height]
        kept = passive[:, members].T  # (chunk, r)
        # Entries outside the passive set get the equation 1 * f = 0, so that all systems have one shape and LAPACK loops.
        systems = np.where(kept[:, :, None] & kept[:, None, :], G, 0.0) + np.eye(len(G)) * ~kept[:, None, :]
        F[:, members] = np.linalg.solve(systems, np.where(kept, P[:, members].T, 0.0)[..., None])[..., 0].T
    return F


def _one_by_one(G: np.ndarray, P: np.ndarray) -> np.ndarray:
    """The same minimum by Lawson & Hanson's method on a square root of G, for the rare column that pivoting did not finish."""
    values, vectors = np.linalg.eigh(G)
    values = np.maximum(values, np.finfo(np.float64).eps * values[-1])
    root = np.sqrt(values)[:, None] * vectors.T  # root^T root = G
    right = (vectors.T @ P) / np.sqrt(values)[:, None]  # root^T right = P
    return np.stack([scipy.optimize.nnls(root, right[:, j], maxiter=100 * len(G))[0] for j in range(P.shape[1])], axis=1)
