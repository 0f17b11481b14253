"""How are new rows or columns described by factors that stay fixed?

    new rows:     V = argmin over V >= 0 of ||X - V H||_F, row by row       (items that were not fitted)
    new columns:  H = argmin over H >= 0 of ||X - W H||_F, column by column (features that were not fitted)

Both are exact non-negative least squares with many right-hand sides at once. For a symmetric model C ~ S S^T and items
X (items, keywords), the items are described by V in X ~ V S^T: `project_rows(X, S.T)`.

Source: Lawson & Hanson 1974, chapter 23; Bro & de Jong 1997; block principal pivoting: Kim & Park 2011.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError, as_matrix, as_problem, without_mask
from nmfcore.core.factorization import Axes, Matrix
from nmfcore.core.products import wide_times
from nmfcore.kernels.nnls import nnls_gram


def project_rows(X: Any, H: Any, *, mask: Any = None, axes: Axes | None = None) -> np.ndarray:
    """The non-negative coefficients of each row of X in the rows of H.

    argmin over W >= 0 of ||X - W H||_F          (masked: over the observed entries)

    Parameters
    ----------
    X : (m, n) array-like or sparse, finite and >= 0; sparse X is never made dense
    H : (r, n) array-like, finite and >= 0; any rank: where rows of H depend on each other one minimiser is returned
    mask : (m, n) of 0/1, 1 = observed, or None; "stored" for sparse X whose stored entries are what is observed
    axes : names and labels for messages

    Returns
    -------
    (m, r) array of X's dtype

    Raises
    ------
    ProblemError
        If the shapes do not fit, or an entry is negative or not finite.

    Source: Bro & de Jong 1997, by the normal equations; Kim & Park 2011, algorithm 2.
    """
    X, mask = without_mask(X, mask)
    X = as_matrix(X, axes=axes, allow_missing=mask is not None)
    H = as_matrix(H, name="H")
    if sp.issparse(H):
        H = H.toarray()  # (r, n), no larger than a factor
    if X.shape[1] != H.shape[1]:
        raise ProblemError(f"X has {X.shape[1]} columns and H has {H.shape[1]}; they have to be the same features.")
    H = H.astype(np.float64, copy=False)
    height = H.max(axis=1)  # (r,): each row of H is used with maximum 1, so no product over- or underflows
    safe = np.where(height > 0, height, 1.0)
    unit = H / safe[:, None]  # (r, n), float64
    if mask is not None:
        problem = as_problem(X, 1, mask=mask, axes=axes)
        W = _masked_rows(problem.X, problem.mask, unit)
    else:
        problem = as_problem(X, 1, axes=axes)  # brings X to a size at which no product over- or underflows
        XHt = wide_times(problem.X, unit.T)  # (m, r), in float64: where rows of H are nearly alike, float32 decides badly
        W = nnls_gram(unit @ unit.T, XHt.T).T
    with np.errstate(over="ignore", under="ignore"):
        return np.ascontiguousarray((W / safe * problem.scale).astype(X.dtype))


def project_columns(X: Any, W: Any, *, mask: Any = None, axes: Axes | None = None) -> np.ndarray:
    """The non-negative coefficients of each column of X in the columns of W.

    argmin over H >= 0 of ||X - W H||_F

    Parameters
    ----------
    X : (m, n) array-like or sparse, finite and >= 0
    W : (m, r) array-like, finite and >= 0
    mask : (m, n) of 0/1, 1 = observed, or None; "stored" for sparse X
    axes : names and labels for messages

    Returns
    -------
    (r, n) array of X's dtype

    Raises
    ------
    ProblemError
        If the shapes do not fit, or an entry is negative or not finite.
    """
    X, mask = without_mask(X, mask)
    X = as_matrix(X, axes=axes, allow_missing=mask is not None)
    W = as_matrix(W, name="W")
    if X.shape[0] != W.shape[0]:
        raise ProblemError(f"X has {X.shape[0]} rows and W has {W.shape[0]}; they have to be the same items.")
    turned = mask.T if hasattr(mask, "T") else mask if mask is None or isinstance(mask, str) else np.transpose(mask)
    return np.ascontiguousarray(project_rows(X.T, W.T, mask=turned).T)


def _masked_rows(X: Matrix, mask: Matrix, H: np.ndarray) -> np.ndarray:
    """W (m, r) by one small problem for each row, over the columns that are observed in it; rows without any get zeros."""
    W = np.zeros((X.shape[0], len(H)))
    for i in range(len(W)):
        if sp.issparse(X):
            stored = slice(X.indptr[i], X.indptr[i + 1])
            seen, values = X.indices[stored], X.data[stored]
        else:
            seen = np.flatnonzero(mask[i])
            values = X[i, seen]
        if len(seen):
            W[i] = scipy.optimize.nnls(H[:, seen].T, values.astype(np.float64), maxiter=100 * len(H))[0]
    return W
