"""What is the best any rank-r model can do on X, and how do its directions compare with the factors of NMF?

X = U S V^T with U (m, k) and V^T (k, n) orthonormal and S = diag(s_1 >= s_2 >= ... >= 0). No matrix of rank r is closer to X
than the first r terms: the floor of the relative error is sqrt(s_{r+1}^2 + s_{r+2}^2 + ...) / ||X||_F
(Eckart & Young 1936). Signs of singular vectors are arbitrary; here the largest entry of each row of V^T is positive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg

from nmfcore.core.checks import ProblemError, as_matrix, check_rank
from nmfcore.core.factorization import Axis, Factors, Matrix
from nmfcore.core.units import in_range
from nmfcore.core.wanted import ask
from nmfcore.kernels.engines import few_threads

EXACT_SIDE = 2500  # up to this short side all singular values are computed: eigh of its Gram matrix takes 2 s at the limit
DENSE_CELLS = 4_000_000  # up to this many cells LAPACK's own SVD is used; above, the Gram matrix is many times cheaper
NUMERICAL_RANK = 1e-7  # singular values below this share of the largest are noise in a Gram matrix (square root of eps)
FAINT = 1e-5  # below this share of the largest they have lost digits in it, and are computed once more ...
APART = 1e-3  # ... from what is left of X outside the directions above this share
DEEPEST = 1e-12  # after which those below this share are noise
MOST_TERMS = 500  # of a truncated SVD
SETTLED = 1e-4  # ARPACK's tolerance for eigenvectors; singular values are then correct to about its square
MISSED = 1e-3  # an eigenvalue outside the directions that were found, above the last of them by this share, was missed
CANCELS = 1e-5  # below this share of ||X||^2, what the known terms leave is summed from the residual: the difference cancels
CELLS_AT_ONCE = 2_000_000  # cells of a residual that exist at one time
TIE = 1e-6  # entries this close to the largest one count as equally large when a sign is fixed
FORMED_SIDE = 2000  # U U^T is formed up to this side; above, its distance from I comes from the small Gram matrix


@dataclass(frozen=True, eq=False)
class SVD:
    """X ~ U diag(singular_values) Vt.

    U : (m, k), orthonormal columns
    singular_values : (k,), falling
    Vt : (k, n), orthonormal rows; the largest entry of each row is positive
    exact : True when nothing but rounding separates this from the true SVD; False for a truncated, iterative one
    squared_norm : ||X||_F^2
    spectrum : (K,), K >= k: all singular values that are known; all there are when `exact`
    shares : (K,) s_j^2 / ||X||_F^2, also where the squares themselves are no floats; NaN when X is zero
    rest : the share of ||X||_F^2 beyond the spectrum; 0 when `exact`, NaN when X is zero
    """

    U: np.ndarray
    singular_values: np.ndarray
    Vt: np.ndarray
    exact: bool
    squared_norm: float
    spectrum: np.ndarray
    shares: np.ndarray
    rest: float = 0.0

    @property
    def rank(self) -> int:
        """How many terms are held."""
        return len(self.singular_values)

    @property
    def label(self) -> str:
        """How it was computed, in words for the screen."""
        return "exact SVD" if self.exact else f"truncated SVD (first {self.rank} terms, iterative)"

    def floor(self, ranks: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Relative error of the best matrix of each rank; see `floor`. NaN when X is zero: there it has no meaning."""
        wanted = _ranks(ranks, len(self.spectrum), complete=self.exact)
        tails = np.append(np.cumsum(self.shares[::-1])[::-1], 0.0) + self.rest  # small ones first: nothing cancels
        return np.sqrt(np.clip(tails[np.minimum(wanted, len(self.spectrum))], 0.0, 1.0))

    def explained(self) -> np.ndarray:
        """(K,) share of ||X||^2 in each singular value: s_j^2 / ||X||^2."""
        return np.nan_to_num(self.shares)


def svd(X: Any, rank: int | None = None, *, exact_side: int = EXACT_SIDE) -> SVD:
    """The singular value decomposition of X: exact where that is cheap, else truncated and labelled so.

    Exact when min(m, n) <= 2500: by LAPACK for small dense X, else from the Gram matrix of the short side in float64
    (s = sqrt(eigenvalue); where some are below 1e-5 s_1, those below 1e-3 s_1 come from the Gram matrix of what the others leave
    of X, and below 1e-12 s_1 they are 0). Otherwise Lanczos iteration (ARPACK) for the leading terms, whose singular values are
    never too large and correct to about 8 digits. Lanczos iteration sees one direction of a repeated singular value; so X is
    looked at again outside the directions that were found, until nothing larger is left there.

    Parameters
    ----------
    X : (m, n) array-like or scipy sparse, finite and >= 0; sparse X stays sparse
    rank : how many terms to hold, 1 to min(m, n); None holds all of an exact SVD and 50 of a truncated one.
        All terms of a large sparse X are dense arrays of (m + n) min(m, n) float64: ask for the terms you show.
    exact_side : the short side up to which the SVD is exact; lower it where a second is too long to wait

    Returns
    -------
    SVD
        `spectrum` has all singular values when exact, whatever the rank.

    Raises
    ------
    ProblemError
        If X cannot be used or the rank does not fit it.

    Source: Eckart & Young 1936; Lehoucq, Sorensen & Yang 1998 (ARPACK); deflation: Parlett 1998, section 5.1.
    """
    matrix, power = in_range(as_matrix(X))
    short = min(matrix.shape)
    count = check_rank(rank, matrix.shape) if rank is not None else (short if short <= exact_side else min(50, short))
    exact = short <= exact_side or count >= short - 1  # Lanczos iteration cannot give all of them
    if not exact:
        U, s, Vt = _lanczos(matrix, count)
        spectrum = s
    elif matrix.shape[0] * matrix.shape[1] <= DENSE_CELLS:
        dense = matrix.toarray() if sp.issparse(matrix) else matrix
        U, spectrum, Vt = scipy.linalg.svd(dense.astype(np.float64), full_matrices=False, check_finite=False)
        U, Vt = U[:, :count], Vt[:count]
    else:
        U, spectrum, Vt = _from_gram(matrix, count)
    U, Vt = fix_signs(U, Vt)
    norm2 = _squared_norm(matrix)
    shares = spectrum**2 / norm2 if norm2 > 0 else np.full(len(spectrum), np.nan)
    rest = float("nan") if not norm2 > 0 else 0.0 if exact else 1.0 - float(shares.sum())
    if rest and rest < CANCELS:
        rest = _left(matrix, U, Vt) / norm2
    with np.errstate(over="ignore", under="ignore"):
        norm2, spectrum = float(np.ldexp(norm2, 4 * power)), np.ldexp(spectrum, 2 * power)
    return SVD(U, spectrum[:count].copy(), Vt, exact, norm2, spectrum, shares, rest)


def spectrum(X: Any, count: int | None = None) -> SVD:
    """The singular values of X without (all) their vectors, as an `SVD` that holds one term: for scree and floor curves.

    Parameters
    ----------
    X : (m, n) array-like or scipy sparse
    count : singular values wanted; an exact SVD gives all there are anyway, a truncated one `count` (50 when None)

    Returns
    -------
    SVD
        `spectrum` holds the singular values (K,), falling, in the unit of X.

    Raises
    ------
    ProblemError
        If X cannot be used, as in `svd`.
    """
    matrix = as_matrix(X)
    if min(matrix.shape) <= EXACT_SIDE:
        return svd(matrix, 1)
    held = svd(matrix, count)
    return replace(held, U=held.U[:, :1], singular_values=held.singular_values[:1], Vt=held.Vt[:1])


def floor(
    singular_values: np.ndarray,
    squared_norm: float,
    ranks: Sequence[int] | np.ndarray | None = None,
    *,
    complete: bool = False,
) -> np.ndarray:
    """Relative error of the best matrix of each rank: no NMF of that rank can be below it.

    sqrt(||X||^2 - s_1^2 - ... - s_r^2) / ||X||_F          (no unit)

    Parameters
    ----------
    singular_values : (K,), falling
    squared_norm : ||X||_F^2
    ranks : ranks from 0 to K (0 = the zero matrix, error 1); None for 1 ... K
    complete : these are all singular values, so that the error is summed from the small ones up and nothing cancels

    Returns
    -------
    (len(ranks),) array; NaN when X is zero, where a relative error has no meaning

    Raises
    ------
    ValueError
        If a rank is above the number of known singular values.

    Source: Eckart & Young 1936.
    """
    energy = np.asarray(singular_values, np.float64) ** 2
    wanted = _ranks(ranks, len(energy), complete=complete)
    if squared_norm <= 0:
        return np.full(len(wanted), np.nan)
    if complete:
        tails = np.append(np.cumsum(energy[::-1])[::-1], 0.0)  # tails[r] = s_{r+1}^2 + s_{r+2}^2 + ...
        left = tails[np.minimum(wanted, len(energy))]
    else:
        left = squared_norm - np.append(0.0, np.cumsum(energy))[wanted]
    return np.sqrt(np.clip(left / squared_norm, 0.0, 1.0))


def _ranks(ranks: Sequence[int] | np.ndarray | None, known: int, *, complete: bool) -> np.ndarray:
    """The ranks that were asked for, if the singular values that are known reach so far."""
    wanted = np.arange(1, known + 1) if ranks is None else np.asarray(ranks, int)
    if wanted.size and (wanted.min() < 0 or (wanted.max() > known and not complete)):
        raise ValueError(f"The floor is known for ranks 0 to {known}, not for {wanted.max()}; compute more terms.")
    return wanted


def attainable_share(relative_error: float, floor_error: float) -> float:
    """What share of the energy any model of this rank can explain is explained: (1 - e^2) / (1 - e_svd^2).

    1 means as good as the SVD; on text with a relative error of 0.96 it is often 0.95. NaN when there is nothing to explain: X is
    zero (both errors are NaN then), or no model of this rank explains any of it.
    """
    can = 1.0 - floor_error**2
    return (1.0 - relative_error**2) / can if can > 0 else float("nan")


@dataclass(frozen=True)
class Baselines:
    """Relative errors of models that know next to nothing: what an NMF has to beat.

    mean : every entry is the mean of X;  column_means : every row is the mean row;  rank_one : the best rank-1 matrix
    """

    mean: float
    column_means: float
    rank_one: float


def baselines(X: Any, decomposition: SVD | None = None) -> Baselines:
    """Relative errors of the mean, the column means and the best rank-1 matrix.

    mean: sqrt(1 - (sum x)^2 / (m n ||X||^2));  column means: sqrt(1 - m ||mu||^2 / ||X||^2), mu the mean row.

    X : (m, n) array or CSR
    decomposition : an SVD of X, when there is one already

    All three are NaN when X is zero.
    """
    matrix, _ = in_range(as_matrix(X))
    m, n = matrix.shape
    norm2 = _squared_norm(matrix)
    if norm2 == 0:
        return Baselines(np.nan, np.nan, np.nan)
    totals = np.asarray(matrix.sum(axis=0, dtype=np.float64)).ravel()
    mean = 1.0 - totals.sum() ** 2 / (m * n * norm2)
    columns = 1.0 - totals @ totals / (m * norm2)
    first = (decomposition or svd(matrix, 1)).floor([1])[0]
    return Baselines(float(np.sqrt(max(0.0, mean))), float(np.sqrt(max(0.0, columns))), float(first))


# -- checks shown as numbers ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Orthogonality:
    """How far a factor Q (m, k) is from orthonormal columns and from orthonormal rows.

    columns : ||Q^T Q - I||_F over (k, k);  rows : ||Q Q^T - I||_F over (m, m);  sentence : what the two numbers mean
    """

    columns: float
    rows: float
    sentence: str


def orthogonality(Q: np.ndarray, *, name: str = "U") -> Orthogonality:
    """The two orthogonality numbers of Q (m, k), m >= k; V^T is given as its transpose.

    Only a square Q has both: a tall one has k orthonormal columns in m dimensions, so Q Q^T is a projection onto them and its
    distance from I is sqrt(m - k), not 0. Forming Q Q^T is avoided for large m: ||QQ^T - I||^2 = ||Q^T Q||^2 - 2 tr(Q^T Q) + m.
    """
    m, k = Q.shape
    Q = np.asarray(Q, np.float64)
    gram = Q.T @ Q  # (k, k)
    columns = float(np.linalg.norm(gram - np.eye(k)))
    if m <= FORMED_SIDE:
        rows = float(np.linalg.norm(Q @ Q.T - np.eye(m)))
    else:
        rows = float(np.sqrt(max(0.0, np.sum(gram**2) - 2.0 * np.trace(gram) + m)))
    if m == k:
        sentence = f"{name} is square ({m} × {k}): its columns are orthonormal, and so are its rows."
    else:
        sentence = (
            f"{name} is tall ({m:,} × {k:,}): its columns are orthonormal, its rows cannot be. "
            f"{name}{name}ᵀ projects onto {k:,} of {m:,} directions and is √({m:,} − {k:,}) = {np.sqrt(m - k):.4g} away from I."
        )
    return Orthogonality(columns, rows, sentence)


def reconstruction_error(X: Any, decomposition: SVD) -> float:
    """||X - U S V^T||_F / ||X||_F, computed from the matrices themselves in blocks of rows, never from the floor formula.

    About 1e-15 for all terms of an exact SVD; equal to `floor` at the number of terms held.

    X : (m, n) array or CSR
    """
    matrix, power = in_range(as_matrix(X))
    scaled = decomposition.U * np.ldexp(decomposition.singular_values, -2 * power)  # (m, k)
    height = max(1, 1_000_000 // matrix.shape[1])
    total = 0.0
    for begin in range(0, matrix.shape[0], height):
        rows = slice(begin, begin + height)
        block = matrix[rows].toarray() if sp.issparse(matrix) else matrix[rows]
        gap = block - scaled[rows] @ decomposition.Vt
        total += float(np.einsum("ij,ij->", gap, gap))
    norm2 = _squared_norm(matrix)
    return float(np.sqrt(total / norm2)) if norm2 > 0 else float("nan")


def principal_angles(H: np.ndarray, Vt: np.ndarray) -> np.ndarray:
    """Principal angles in degrees, rising, between the row spaces of H (r, n) and Vt (k, n).

    All 0: NMF found the SVD's subspace and only chose another basis in it. 90: a direction the other does not have at all.
    Zero rows of H span nothing and are left out, so that there are min(number of non-zero rows, k) angles.

    Source: Knyazev & Argentati 2002 (scipy.linalg.subspace_angles).
    """
    live = np.asarray(H, np.float64)[np.any(H != 0, axis=1)]
    if not len(live):
        return np.zeros(0)
    angles = scipy.linalg.subspace_angles(live.T, np.asarray(Vt, np.float64).T)
    return np.sort(np.degrees(angles))


# -- reading singular vectors ------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Side:
    """One end of a singular vector: its largest features, their loadings (signed), and its share of the vector's energy."""

    indices: np.ndarray
    features: list[str]
    loadings: np.ndarray
    share: float


@dataclass(frozen=True, eq=False)
class Sides:
    """A row of V^T read at both ends; sorted by signed value alone, one of the two would be lost."""

    component: int
    positive: Side
    negative: Side


def sides(Vt: np.ndarray, axis: Axis | None = None, *, count: int = 10) -> list[Sides]:
    """For each singular vector its `count` largest positive and largest negative features.

    share is the sum of squares of that side (the two add up to 1). Ties go to the smaller index.

    Vt : (k, n) array
    """
    axis = axis or Axis("columns", "column")
    found = []
    for k, row in enumerate(Vt):
        ends = []
        for sign in (1.0, -1.0):
            strength = np.maximum(sign * row, 0.0)
            order = np.argsort(-strength, kind="stable")[:count]
            order = order[strength[order] > 0]
            ends.append(Side(order, axis.take(order), row[order].copy(), float(strength @ strength)))
        found.append(Sides(k, *ends))
    return found


@dataclass(frozen=True, eq=False)
class Bridge:
    """How NNDSVD makes a non-negative start out of the SVD, component by component.

    W, H : the start; zeros are left as zeros (plain NNDSVD)
    side : (r,) +1 where the positive halves of u and v were kept, -1 where the negative ones were
    positive, negative : (r,) s ||u+|| ||v+|| and s ||u-|| ||v-||: the larger one is kept
    kept : (r,) share of s_k that the kept half carries; what is lost is why the start is not yet a good fit
    relative_error : of the start
    """

    W: np.ndarray
    H: np.ndarray
    side: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    kept: np.ndarray

    @property
    def factors(self) -> Factors:
        return Factors(self.W, self.H)


def bridge(decomposition: SVD, rank: int) -> Bridge:
    """NNDSVD: every term s u v^T is split by sign, and the heavier of the two non-negative halves becomes a component.

    w_k = sqrt(s ||u±|| ||v±||) u± / ||u±||, h_k likewise; the first singular pair of a non-negative X needs no split.

    Raises
    ------
    ProblemError
        If the decomposition holds fewer than `rank` terms.

    Source: Boutsidis & Gallopoulos 2008, table 1.
    """
    if not 1 <= rank <= decomposition.rank:
        raise ProblemError(f"The SVD holds {decomposition.rank} terms; NNDSVD at rank {rank} needs as many as the rank.")
    U, s, Vt = decomposition.U[:, :rank], decomposition.singular_values[:rank], decomposition.Vt[:rank]
    halves = []
    for sign in (1.0, -1.0):
        u, v = np.maximum(sign * U, 0.0), np.maximum(sign * Vt, 0.0)
        halves.append((u, v, np.linalg.norm(u, axis=0), np.linalg.norm(v, axis=1)))
    (up, vp, up_norm, vp_norm), (un, vn, un_norm, vn_norm) = halves
    positive, negative = up_norm * vp_norm, un_norm * vn_norm
    keep = positive >= negative
    u, u_norm = np.where(keep, up, un), np.where(keep, up_norm, un_norm)
    v, v_norm = np.where(keep[:, None], vp, vn), np.where(keep, vp_norm, vn_norm)
    mass = np.maximum(positive, negative)
    safe = np.maximum(np.stack([u_norm, v_norm]), np.finfo(float).tiny)
    W = u * (np.sqrt(s * mass) / safe[0])
    H = v * (np.sqrt(s * mass) / safe[1])[:, None]
    W[:, 0], H[0] = np.sqrt(s[0]) * np.abs(U[:, 0]), np.sqrt(s[0]) * np.abs(Vt[0])  # Perron: one sign, up to rounding
    return Bridge(W, H, np.where(keep, 1, -1), s * positive, s * negative, mass)


# -- the computations ----------------------------------------------------------------------------------------------------
def fix_signs(U: np.ndarray, Vt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """U and Vt with each pair's sign chosen so that the largest |entry| of its row of Vt (the first of equals) is positive.

    U : (m, k);  Vt : (k, n);  both come back in their shapes, (m, k) and (k, n)
    """
    size = np.abs(Vt)
    first = np.argmax(size >= size.max(axis=1, keepdims=True) * (1.0 - TIE), axis=1)
    signs = np.where(Vt[np.arange(len(Vt)), first] < 0, -1.0, 1.0)
    return U * signs, Vt * signs[:, None]


def _from_gram(X: Matrix, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U (m, count), all singular values, Vt (count, n) from eigh of the short side's Gram matrix in float64."""
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


def _left(X: Matrix, U: np.ndarray, Vt: np.ndarray) -> float:
    """||X - U U^T X||_F^2 for orthonormal U (m, k), or the same from the other side, summed over the cells in blocks."""
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


def _lanczos(X: Matrix, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first `count` singular triplets: Lanczos (ARPACK) on the short side's Gram operator, in float64."""
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


def _squared_norm(X: Matrix) -> float:
    values = X.data if sp.issparse(X) else X.ravel()
    return float(np.einsum("i,i->", values, values, dtype=np.float64))
