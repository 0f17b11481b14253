"""Which few directions hold most of X?

A randomised range finder: Y (m, l) with orthonormal columns and B = Y^T X (l, n), so that X ~ YB. Orthonormal columns come from
the l × l Gram matrix (one product and a small eigenproblem, no QR of a tall matrix), which makes the NNDSVD start cheap.
Source: Halko, Martinsson & Tropp 2011, algorithms 4.3 and 4.4.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from nmfcore.core.factorization import Matrix, Problem
from nmfcore.kernels.engines import gram, multiply

# Eigenvalues of a Gram matrix below this part of the largest are rounding: about 16 eps in float32, as in float64.
NOISE = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-14}

# The same for a Gram matrix summed in float64 of entries in either precision.
ROUNDING = {np.dtype(np.float32): 1e-12, np.dtype(np.float64): 1e-14}


def range_finder(X: Problem | Matrix, width: int, power: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Y (m, l), orthonormal columns, and B = Y^T X (l, n), with X ~ Y B.

    Begins with random numbers on the shorter side, where there are fewer of them: Y spans (X X^T)^power X T for T (n, width), or
    (X X^T)^(power + 1) T for T (m, width) if m < n. Costs 2 power + 2 or 3 products with X; needs memory for 2 (m + n) width
    numbers and, for sparse X, one CSR copy of X^T (a Problem keeps that copy for its solver).

    Parameters
    ----------
    X : (m, n) array, CSR array, or a Problem (of which X and Xt are used)
    width : the number of directions wanted; the rank plus 8 or so. l <= width is returned: directions that are only rounding
        are dropped, but at least one stays
    power : power iterations; 1 or 2 suit NNDSVD, 4 or more accurate singular vectors
    rng : draws the test matrix T, uniform between -1/2 and 1/2 (any distribution without long tails does)

    Source: Halko, Martinsson & Tropp 2011, algorithm 4.4, with the Gram matrix in place of QR.
    """
    A, At = _both(X)
    m, n = A.shape
    if width >= min(m, n):
        return _everything(A)
    test = rng.random((min(m, n), width), dtype=A.dtype) - A.dtype.type(0.5)
    Y = multiply(A, orthonormal(multiply(At, test, A)) if m < n else test)
    for _ in range(power):
        Y = multiply(A, orthonormal(multiply(At, orthonormal(Y), A)))
    Y = orthonormal(orthonormal(Y))  # the second pass removes what the squared condition number of the Gram matrix cost
    return Y, multiply(At, Y, A).T


def _everything(A: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Y and B with A = YB, for A with a side no longer than the width: a square random test matrix would lose directions."""
    dense = (A.toarray() if sp.issparse(A) else A).astype(np.float64)
    Y, B = (np.eye(len(dense)), dense) if dense.shape[0] <= dense.shape[1] else np.linalg.qr(dense)
    return Y.astype(A.dtype), B.astype(A.dtype)


def svd_of_sketch(Y: np.ndarray, B: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U (m, k), s (k,), V^T (k, n) of YB, k <= rank: the leading singular triples, through the l × l Gram matrix of B.

    Y : (m, l), columns orthonormal;  B : (l, n)
    """
    values, vectors = np.linalg.eigh(gram(B.T))  # summed in float32 it would hide values below a thousandth of the first
    order = np.argsort(values)[::-1][:rank]
    order = order[values[order] > ROUNDING[B.dtype] * values[-1]] if values[-1] > 0 else order[:0]
    s = np.sqrt(values[order])
    rotation = vectors[:, order]
    V = multiply(B.T, (rotation / s).astype(B.dtype))
    return multiply(Y, rotation.astype(B.dtype)), s.astype(B.dtype), V.T


def orthonormal(Y: np.ndarray) -> np.ndarray:
    """An orthonormal basis of the columns of Y (m, l), through Y^T Y; directions below the rounding are dropped."""
    values, vectors = np.linalg.eigh(gram(Y, exact=False))
    top = values[-1]
    if not top > 0:  # Y = 0: any unit vector will do, and one has to stay
        basis = np.zeros((len(Y), 1), Y.dtype)
        basis[0] = 1
        return basis
    kept = values > NOISE[Y.dtype] * top
    return multiply(Y, (vectors[:, kept] / np.sqrt(values[kept])).astype(Y.dtype))


def _both(X: Problem | Matrix) -> tuple[Matrix, Matrix]:
    if isinstance(X, Problem):
        return X.X, X.Xt
    return X, (sp.csr_array(X.T) if sp.issparse(X) else X.T)
