"""What are the weights W of rows X when H stays fixed, for any loss and any penalty?

    min over W >= 0 of D_beta(X | WH) + l1 |W|_1 + l2/2 ||W||_F^2, row by row

Frobenius is a non-negative least-squares problem and solved exactly: G = H H^T + l2 I, P = X H^T - l1 (kernels/nnls.py; without a
penalty nmfcore/topics/projection.py). Other losses have no closed form: multiplicative updates of W alone, each row until it has
settled, so that a row's weights do not depend on the rows beside it (Fevotte & Idier 2011, section 4; convex for 1 <= beta <= 2).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from nmfcore.core.factorization import Matrix, Penalty, Problem, beta_of
from nmfcore.core.losses import at_stored
from nmfcore.core.products import wide_times
from nmfcore.kernels.nnls import nnls_gram
from nmfcore.topics.projection import project_rows

BLOCK_CELLS = 1_000_000  # cells of WH that exist at one time
CHECK_EVERY = 10  # updates between looks at which rows have settled


def encode_rows(problem: Problem, H: np.ndarray, *, tol: float, max_iter: int) -> tuple[np.ndarray, bool]:
    """W (m, r) for fixed H (r, n) in the caller's units, and whether every row settled (always for Frobenius).

    tol : other losses: a row has settled when no weight changed by more than tol times the row's largest one; 0: never
    max_iter : other losses: updates of a row at most
    """
    X, beta, penalty = problem.X, beta_of(problem.loss), problem.penalty
    root = problem.scale**0.5
    if beta == 2 and not penalty:
        with np.errstate(over="ignore", under="ignore"):  # in float64: the scale of float32 data may be no float32
            return (project_rows(X, H) * np.float64(problem.scale)).astype(H.dtype), True
    H = (H / H.dtype.type(root)).astype(X.dtype)
    if beta == 2 and penalty:
        G = H.astype(np.float64) @ H.T + penalty.l2_W * np.eye(len(H))
        W = nnls_gram(G, (wide_times(X, H.T) - penalty.l1_W).T).T
        return np.ascontiguousarray(W * root, dtype=X.dtype), True
    W = np.zeros((X.shape[0], len(H)), X.dtype)
    height = X.shape[0] if sp.issparse(X) and beta == 1 else max(1, BLOCK_CELLS // X.shape[1])
    settled = True
    for begin in range(0, X.shape[0], height):
        rows = slice(begin, begin + height)
        block = X[rows].toarray() if sp.issparse(X) and beta != 1 else X[rows]
        W[rows], done = _update_rows(block, H, beta, penalty or Penalty(), tol, max_iter)
        settled = settled and done
    return W * X.dtype.type(root), settled


def _update_rows(X: Matrix, H: np.ndarray, beta: float, penalty: Penalty, tol: float, max_iter: int) -> tuple[np.ndarray, bool]:
    """W (m, r) of a block by multiplicative updates, rows that have settled left alone; and whether all did."""
    total = np.asarray(X.sum(axis=1), np.float64).ravel()
    level = total / max(float(H.sum(dtype=np.float64)), np.finfo(np.float64).tiny)
    W = np.repeat(level[:, None], len(H), axis=1).astype(X.dtype)  # then every row of WH has the total of X's
    W[:, ~H.any(axis=1)] = 0
    active = np.flatnonzero(total > 0)
    x, w = X[active], W[active]
    gamma = _exponent(beta)
    for iteration in range(1, max_iter + 1):
        if not len(active):
            return W, True
        numerator, denominator = _fraction(x, w, H, beta)
        denominator = denominator + penalty.l1_W + penalty.l2_W * w
        tiny = np.finfo(w.dtype).tiny
        factor = np.where(denominator > tiny, numerator / np.maximum(denominator, tiny), 0)
        new = (w * factor**gamma).astype(w.dtype)
        W[active] = new
        if iteration % CHECK_EVERY == 0 and tol > 0:
            moving = np.abs(new - w).max(axis=1) > tol * new.max(axis=1)
            active, new, x = active[moving], new[moving], x[moving] if not moving.all() else x
        w = new
    return W, not len(active)


def _fraction(X: Matrix, W: np.ndarray, H: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """The two parts of minus the gradient in W: (X (WH)^(beta-2)) H^T and (WH)^(beta-1) H^T, products elementwise."""
    smallest = np.finfo(W.dtype).tiny ** 0.5  # keeps negative powers of WH finite
    if sp.issparse(X):
        ratio = sp.csr_array((X.data / np.maximum(at_stored(X, W, H), smallest), X.indices, X.indptr), shape=X.shape)
        return ratio @ H.T, np.broadcast_to(H.sum(axis=1), W.shape)
    Y = np.maximum(W @ H, smallest)
    power = W.dtype.type(beta - 2)
    return (X * Y**power) @ H.T, Y ** (power + 1) @ H.T


def _exponent(beta: float) -> float:
    """The power of the update that keeps it monotone (Fevotte & Idier 2011, eq. 48)."""
    if beta < 1:
        return 1.0 / (2.0 - beta)
    return 1.0 / (beta - 1.0) if beta > 2 else 1.0
