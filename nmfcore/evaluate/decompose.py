"""How are singular values and vectors computed: from a Gram matrix, or by iteration for the leading ones?

Sources: Lehoucq, Sorensen & Yang 1998 (ARPACK); deflation: Parlett 1998, section 5.1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg

from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Matrix
from nmfcore.core.wanted import ask
from nmfcore.kernels.engines import few_threads

NUMERICAL_RANK = 1e-7  # singular values below this share of the largest are noise in a Gram matrix (square root of eps)
FAINT = 1e-5  # below this share of the largest they have lost digits in it, and are computed once more ...
APART = 1e-3  # ... from what is left of X outside the directions above this share
DEEPEST = 1e-12  # after which those below this share are noise
MOST_TERMS = 500  # of a truncated SVD
SETTLED = 1e-4  # ARPACK's tolerance for eigenvectors; singular values are then correct to about its square
MISSED = 1e-3  # an eigenvalue outside the directions that were found, above the last of them by this share, was missed
CELLS_AT_ONCE = 2_000_000  # cells of a residual that exist at one time
TIE = 1e-6  # entries this close to the largest one count as equally large when a sign is fixed


def fix_signs(U: np.ndarray, Vt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """U and Vt with each pair's sign chosen so that the largest |entry| of its row of Vt (the first of equals) is positive.

    U : (m, k);  Vt : (k, n);  both come back in their shapes, (m, k) and (k, n)
    """
    size = np.abs(Vt)
    first = np.argmax(size >= size.max(axis=1, keepdims=True) * (1.0 - TIE), axis=1)
    signs = np.where(Vt[np.arange(len(Vt)), first] < 0, -1.0, 1.0)
    return U * signs, Vt * signs[:, None]


def from_gram(X: Matrix, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U (m, count), all singular values, Vt (count, n) from eigh of the short side's Gram matrix in float64; X : (m, n)."""
    wide = X.shape[0] <= X.shape[1]
    A = (X if wide else X.T).astype(np.float64)  # (short, long)
    gram = A @ A.T
    gram = gram.toarray() if sp.issparse(gram) else gram
    values, vectors = scipy.linalg.eigh(gram, overwrite_a=True, check_finite=False)
    s, vectors = np.sqrt(np.maximum(values[::-1], 0.0)), vectors[:, ::-1]
    if s[-1] < FAINT * s[0]:
        s, vectors = _faint_again(A, s, vectors)
    short = np.ascontiguousarray(vectors[:, :count])  # (short, count)
    long = np.asarray(A.T @ short)  # (long, count): s_k times the other singular vector
    long = _orthonormal_columns(long, s[:count])
    return (short, s, long.T) if wide else (long, s, short.T)


def _faint_again(A: Matrix, s: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """s and the vectors (short, short) with the small ones computed from what the large ones leave of A (short, long).

    An eigenvalue of A A^T is exact to eps s_1^2 only. With Q the vectors of the small ones, those of Q^T A A^T Q, a matrix
    without the large ones, are exact to eps (APART s_1)^2.
    """
    keep = int(np.count_nonzero(s >= APART * s[0]))
    Q = np.ascontiguousarray(vectors[:, keep:])
    left = np.asarray((A.T @ Q).T)  # (short - keep, long)
    values, turn = scipy.linalg.eigh(left @ left.T, check_finite=False)
    again = np.sqrt(np.maximum(values[::-1], 0.0))
    again[again <= DEEPEST * s[0]] = 0.0
    return np.append(s[:keep], again), np.hstack([vectors[:, :keep], Q @ turn[:, ::-1]])


def left_over(X: Matrix, U: np.ndarray, Vt: np.ndarray) -> float:
    """||X - U U^T X||_F^2 of X (m, n) and orthonormal U (m, k), or the same from the other side with Vt (k, n); in blocks."""
    wide = X.shape[0] <= X.shape[1]
    A, Q = (X, U) if wide else (X.T, Vt.T)  # (short, long), (short, k)
    A = sp.csc_array(A) if sp.issparse(A) else A
    width = max(1, CELLS_AT_ONCE // A.shape[0])
    total = 0.0
    for begin in range(0, A.shape[1], width):
        block = A[:, begin : begin + width]
        block = (block.toarray() if sp.issparse(block) else block).astype(np.float64)
        gap = block - Q @ (Q.T @ block)
        total += float(np.einsum("ij,ij->", gap, gap))
    return total


def _orthonormal_columns(B: np.ndarray, s: np.ndarray) -> np.ndarray:
    """B / s with exactly orthonormal columns: one QR repairs what small s lost, and fills the directions where s is 0."""
    scaled = B / np.where(s > 0, s, 1.0)
    gram = scaled.T @ scaled
    if np.abs(gram - np.eye(len(s))).max() < 1e-10:
        return scaled
    empty = np.flatnonzero(s == 0)
    rng = np.random.default_rng(0)  # directions for zero singular values are arbitrary: any fixed ones will do
    scaled[:, empty] = rng.standard_normal((len(B), len(empty)))
    Q, R = np.linalg.qr(scaled)
    return Q * np.where(np.diag(R) < 0, -1.0, 1.0)


def lanczos(X: Matrix, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first `count` singular triplets: Lanczos (ARPACK) on the short side's Gram operator, in float64.

    X : (m, n);  the results are (m, count), (count,), (count, n)

    Raises
    ------
    ProblemError
        If more than MOST_TERMS are asked for.
    """
    wide = X.shape[0] <= X.shape[1]
    A = (X if wide else X.T).astype(np.float64)  # (short, long)
    A, At = (sp.csr_array(A), sp.csr_array(A.T)) if sp.issparse(A) else (A, A.T)
    if count > MOST_TERMS:
        raise ProblemError(
            f"A truncated SVD of more than {MOST_TERMS} terms takes minutes ({count} were asked for). Ask for fewer."
        )
    if not A.count_nonzero() if sp.issparse(A) else not A.any():
        return np.eye(X.shape[0], count), np.zeros(count), np.eye(count, X.shape[1])

    def squared(v: np.ndarray) -> np.ndarray:
        ask()  # here a person's Stop is heard: ARPACK itself knows no end before the last term
        return A @ (At @ v)

    with few_threads(A, count):
        values, short = _leading(squared, np.asarray(A.sum(axis=1)).ravel(), count)
    s = np.sqrt(np.maximum(values, 0.0))
    long = np.asarray(At @ short)  # (long, count)
    if s[-1] >= FAINT * s[0]:
        long = _orthonormal_columns(long, s)
    else:
        long, s, turn = scipy.linalg.svd(long, full_matrices=False, check_finite=False)
        s[s <= DEEPEST * s[0]] = 0.0
        short = short @ turn.T
    return (short, s, long.T) if wide else (long, s, short.T)


def _leading(gram: Callable[[np.ndarray], np.ndarray], guess: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` largest eigenvalues (falling) and their orthonormal vectors (n, count) of a positive semi-definite operator.

    A Krylov space holds one direction of each eigenspace. What a run of Lanczos iteration has missed, the copies of a repeated
    eigenvalue, is the largest that is left outside its directions: one cheap run there tells, and only if it finds something
    above the last of them, another full one follows; the eigenproblem in the span of both (Rayleigh-Ritz) sorts them.

    guess : (n,) near the leading vector; a seeded random vector is added to it, which no eigenvector is orthogonal to
    """
    n, rng = len(guess), np.random.default_rng(0)
    vectors = np.zeros((n, 0))
    values = np.zeros(0)

    def outside(v: np.ndarray) -> np.ndarray:
        return v - vectors @ (vectors.T @ v)

    def run(start: np.ndarray, wanted: int, tol: float) -> tuple[np.ndarray, np.ndarray]:
        operator = scipy.sparse.linalg.LinearOperator(
            (n, n), matvec=lambda v: outside(gram(outside(v.ravel()))), dtype=np.float64
        )
        return scipy.sparse.linalg.eigsh(operator, wanted, v0=start, tol=tol, rng=rng)

    random = rng.standard_normal(n)
    found, new = run(guess / (float(np.linalg.norm(guess)) or 1.0) + random / np.linalg.norm(random), count, SETTLED)
    values, vectors = found[::-1], np.ascontiguousarray(new[:, ::-1])
    while True:
        start = outside(gram(outside(rng.standard_normal(n))))
        if np.linalg.norm(start) <= NUMERICAL_RANK**2 * values[0]:
            return values, vectors  # nothing is left
        beyond, _ = run(start, 1, MISSED)
        if beyond[0] <= values[-1] * (1.0 + MISSED):
            return values, vectors
        _, new = run(start, count, SETTLED)
        vectors, _ = np.linalg.qr(np.hstack([vectors, new]))
        small = vectors.T @ np.stack([gram(v) for v in vectors.T], axis=1)
        found, turn = scipy.linalg.eigh((small + small.T) / 2, check_finite=False)
        values, vectors = found[::-1][:count], vectors @ turn[:, ::-1][:, :count]


def squared_norm_of(X: Matrix) -> float:
    """||X||_F^2 of X (m, n), summed in float64."""
    values = X.data if sp.issparse(X) else X.ravel()
    return float(np.einsum("i,i->", values, values, dtype=np.float64))
