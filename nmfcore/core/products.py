"""How is a long product A B computed so that it can be ended in between?"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from nmfcore.core.factorization import Matrix, stored_values
from nmfcore.core.wanted import ask

WIDENED = 1_000_000  # stored values that exist in float64 at one time
LONGEST_WORK = 400_000_000  # multiply-adds that run without asking whether they are wanted: 0.1 to 0.4 s on one processor


def times(A: Matrix, B: np.ndarray) -> np.ndarray:
    """A B (m, l) as NumPy or scipy compute it, for solvers outside the engines: long products in pieces, asking in between."""
    m, n = A.shape
    parts = min(int((A.nnz if sp.issparse(A) else m * n) * B.shape[1] // LONGEST_WORK) + 1, m)
    ask()
    if parts == 1:
        return A @ B
    out = np.empty((m, B.shape[1]), np.result_type(A.dtype, B.dtype))
    for begin, end in pairwise(cuts(A, parts)):
        ask()
        out[begin:end] = rows_of(A, begin, end) @ B
    return out


def wide_times(A: Matrix, B: np.ndarray) -> np.ndarray:
    """A B (m, l) in float64 whatever A's precision; A is widened by some rows at a time, never as a whole."""
    B = B.astype(np.float64, copy=False)
    if A.dtype == np.float64:
        return times(A, B)
    out = np.empty((A.shape[0], B.shape[1]))
    for begin, end in pairwise(cuts(A, min(A.shape[0], 1 + stored_values(A) // WIDENED))):
        ask()
        out[begin:end] = rows_of(A, begin, end).astype(np.float64) @ B
    return out


def cuts(A: Matrix, parts: int) -> np.ndarray:
    """Row numbers from 0 to m that divide A into about equal pieces of work.

    A : (m, n) array or CSR;  the result is (parts + 1,) or shorter, rising
    """
    if sp.issparse(A):
        return np.unique([0, *np.searchsorted(A.indptr, A.nnz * np.arange(1, parts) // parts), A.shape[0]])
    return np.unique(A.shape[0] * np.arange(parts + 1) // parts)


def rows_of(A: Matrix, begin: int, end: int) -> Matrix:
    """Rows [begin, end) of A without a copy of what is stored.

    A : (m, n) array or CSR;  the result is (end - begin, n)
    """
    if not sp.issparse(A):
        return A[begin:end]
    stored = slice(A.indptr[begin], A.indptr[end])
    indptr = A.indptr[begin : end + 1] - A.indptr[begin]
    return sp.csr_array((A.data[stored], A.indices[stored], indptr), shape=(end - begin, A.shape[1]))
