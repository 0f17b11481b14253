"""What is the best any rank-r model can do on X, and how do its directions compare with the factors of NMF?

X = U S V^T with U (m, k) and V^T (k, n) orthonormal and S = diag(s_1 >= s_2 >= ... >= 0). No matrix of rank r is closer to X
than the first r terms: the floor of the relative error is sqrt(s_{r+1}^2 + s_{r+2}^2 + ...) / ||X||_F
(Eckart & Young 1936). Signs of singular vectors are arbitrary; here the largest entry of each row of V^T is positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import scipy.sparse.linalg

from nmfcore.core.checks import ProblemError, as_matrix, check_rank
from nmfcore.core.factorization import Factors
from nmfcore.core.units import in_range
from nmfcore.evaluate.decompose import fix_signs as fix_signs
from nmfcore.evaluate.decompose import from_gram, lanczos, left_over, squared_norm_of
from nmfcore.evaluate.directions import Orthogonality as Orthogonality
from nmfcore.evaluate.directions import Side as Side
from nmfcore.evaluate.directions import Sides as Sides
from nmfcore.evaluate.directions import orthogonality as orthogonality
from nmfcore.evaluate.directions import principal_angles as principal_angles
from nmfcore.evaluate.directions import sides as sides

EXACT_SIDE = 2500  # up to this short side all singular values are computed: eigh of its Gram matrix takes 2 s at the limit
DENSE_CELLS = 4_000_000  # up to this many cells LAPACK's own SVD is used; above, the Gram matrix is many times cheaper


CANCELS = 1e-5  # below this share of ||X||^2, what the known terms leave is summed from the residual: the difference cancels


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
        U, s, Vt = lanczos(matrix, count)
        spectrum = s
    elif matrix.shape[0] * matrix.shape[1] <= DENSE_CELLS:
        dense = matrix.toarray() if sp.issparse(matrix) else matrix
        U, spectrum, Vt = scipy.linalg.svd(dense.astype(np.float64), full_matrices=False, check_finite=False)
        U, Vt = U[:, :count], Vt[:count]
    else:
        U, spectrum, Vt = from_gram(matrix, count)
    U, Vt = fix_signs(U, Vt)
    norm2 = squared_norm_of(matrix)
    shares = spectrum**2 / norm2 if norm2 > 0 else np.full(len(spectrum), np.nan)
    rest = float("nan") if not norm2 > 0 else 0.0 if exact else 1.0 - float(shares.sum())
    if rest and rest < CANCELS:
        rest = left_over(matrix, U, Vt) / norm2
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


SAME = 1e-9  # a share so near to 1 differs from it by the rounding of the two errors


def attainable_share(relative_error: float, floor_error: float) -> float:
    """What share of the energy any model of this rank can explain is explained: (1 - e^2) / (1 - e_svd^2).

    1 means as good as the SVD, but for rounding, as the best NMF of rank 1 is; on text with a relative error of 0.96 it is often
    0.95. NaN when there is nothing to explain: X is zero (both errors are NaN then), or no model of this rank explains any of it.
    """
    can = 1.0 - floor_error**2
    share = (1.0 - relative_error**2) / can if can > 0 else float("nan")
    return 1.0 if abs(share - 1.0) < SAME else share


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
    norm2 = squared_norm_of(matrix)
    if norm2 == 0:
        return Baselines(np.nan, np.nan, np.nan)
    totals = np.asarray(matrix.sum(axis=0, dtype=np.float64)).ravel()
    mean = 1.0 - totals.sum() ** 2 / (m * n * norm2)
    columns = 1.0 - totals @ totals / (m * norm2)
    first = (decomposition or svd(matrix, 1)).floor([1])[0]
    return Baselines(float(np.sqrt(max(0.0, mean))), float(np.sqrt(max(0.0, columns))), float(first))


# -- checks shown as numbers ---------------------------------------------------------------------------------------------
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
    norm2 = squared_norm_of(matrix)
    return float(np.sqrt(total / norm2)) if norm2 > 0 else float("nan")


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
