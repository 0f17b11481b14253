"""May this matrix be factorized, and if not, where is the problem and what can be done?

`as_problem` is the one strict gate of the package: everything behind it may rely on what `Problem` promises. Each refusal
is a `ProblemError` that names the problem, the place and the way out.
"""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.errors import ProblemError as ProblemError
from nmfcore.core.factorization import BETA, Axes, Factors, Matrix, Penalty, Problem, beta_of

LARGEST, SMALLEST = 2.0**20, 2.0**-20  # inside this range nothing in the solvers over- or underflows: X is used as it is
ASYMMETRY = 1e-6  # of the largest entry: what float32 similarities differ by from their mirror images
NEEDS_MEMORY = (
    "{name} is visited block by block, and this needs all of it in memory. Take some of its rows "
    "(nmfcore.evaluate.blocks.sample), or what nmfcore.evaluate.blocks offers in passes."
)
LARGEST_WEIGHT = 2.0**100  # of a penalty on data whose largest entry is near 1: nothing is left of a factor far below it
CELLS_AT_ONCE = 4_000_000  # cells compared at one time where a check needs a temporary array


def as_matrix(X: Any, *, axes: Axes | None = None, name: str = "X", allow_missing: bool = False) -> Matrix:
    """X as a finite, non-negative, C-ordered float array or CSR array; the caller's array is returned itself if it is one.

    Nothing is ever written into what was given, nor into memory it shares: rows out of order and duplicates are mended in a copy.

    Parameters
    ----------
    X : (m, n) array-like or scipy sparse matrix of numbers; integers and booleans become float64
    axes : names and labels for messages
    name : what to call the matrix in messages
    allow_missing : leave NaN, infinite and negative entries for the mask to remove

    Raises
    ------
    ProblemError
        If X is not two-dimensional and non-empty, not numeric, or has NaN, infinite or negative entries; or is a masked array
        with masked entries (`as_problem` takes those for missing).
    """
    return _matrix_and_transpose(X, axes, name, allow_missing)[0]


def _matrix_and_transpose(
    X: Any, axes: Axes | None, name: str = "X", allow_missing: bool = False
) -> tuple[Matrix, Matrix | None]:  # fmt: skip
    """`as_matrix`, and the transpose in CSR where it was made on the way."""
    transposed = None
    if np.ma.is_masked(X):
        count = int(np.ma.getmaskarray(X).sum())
        raise ProblemError(
            f"{name} is a masked array with {count:,} masked {'entry' if count == 1 else 'entries'}, which have no meaning here. "
            "Fill them (X.filled(0)), or use nmfcore.solve with a solver that skips missing entries."
        )
    if getattr(X, "by_blocks", False) or (hasattr(X, "to_delayed") and hasattr(X, "chunks")):
        raise ProblemError(NEEDS_MEMORY.format(name=name))
    if sp.issparse(X):
        matrix, transposed = _as_csr(X, name)
    else:
        if isinstance(X, np.matrix):
            X = np.asarray(X)
        try:
            matrix = _as_float(np.asarray(X), name)
        except (TypeError, ValueError) as wrong:
            if isinstance(wrong, ProblemError):
                raise
            raise ProblemError(f"{name} is not a table of numbers: {wrong}. Convert the text cells first.") from None
        if matrix.ndim != 2:
            raise ProblemError(f"{name} has {matrix.ndim} dimension(s); NMF needs a table of rows and columns.")
        matrix = np.ascontiguousarray(matrix)
    m, n = matrix.shape
    if m == 0 or n == 0:
        raise ProblemError(f"{name} is empty: {m} rows × {n} columns. Load data with at least one row and one column.")
    if not allow_missing:
        _refuse_entries(matrix, axes or Axes(), name)
    return matrix, transposed


def without_mask(X: Any, mask: Any) -> tuple[Any, Any]:
    """A masked array as its values (0 where masked) and its mask, 1 = observed, joined with `mask`; anything else as it is.

    X : (m, n) array-like, masked or not;  mask : (m, n), 1 = observed, a word, or None
    """
    if not np.ma.is_masked(X):
        return X, mask
    observed = ~np.ma.getmaskarray(X)
    if mask is not None and not isinstance(mask, str):
        observed &= np.asarray(mask.toarray() if sp.issparse(mask) else mask) > 0
    return np.ma.filled(X, 0), observed


def _as_csr(X: Any, name: str) -> tuple[sp.csr_array, sp.csr_array | None]:
    """X as a CSR array of floats with sorted indices and no duplicates, X itself if it is one; shared arrays are only read.

    Rows out of order, as scikit-learn's vectorizers make them, are sorted by transposing twice: in linear time, and the transpose
    is what solvers need next. It is the second result, None where it was not made.
    """
    if X.ndim != 2:
        raise ProblemError(f"{name} has {X.ndim} dimensions; NMF needs a table of rows and columns.")
    try:
        matrix = sp.csr_array((X.data, X.indices, X.indptr), shape=X.shape) if X.format == "csr" else sp.csr_array(X)
        matrix = _as_float(matrix, name)
        matrix.check_format(full_check=True)  # may put new arrays into this object, hence never into X
    except ProblemError:
        raise
    except ValueError as wrong:
        raise ProblemError(f"{name} is not a valid sparse matrix: {wrong}. Rebuild it from its triples.") from None
    if not matrix.has_canonical_format:
        columns = sp.csc_array(matrix)  # their rows are in order
        sorted_rows = sp.csr_array(columns)
        sorted_rows.sum_duplicates()
        whole = sorted_rows.nnz == columns.nnz
        return sorted_rows, sp.csr_array((columns.data, columns.indices, columns.indptr), matrix.shape[::-1]) if whole else None
    same = isinstance(X, sp.csr_array) and X.dtype == matrix.dtype and X.dtype.isnative and len(X.data) == X.indptr[-1]
    return (X if same and X.indices.dtype == matrix.indices.dtype == X.indptr.dtype else matrix), None


def as_problem(
    X: Any,
    rank: int,
    *,
    loss: str = "frobenius",
    mask: Any = None,
    symmetric: bool = False,
    penalty: Penalty | None = None,
    axes: Axes | None = None,
    overcomplete: bool = False,
) -> Problem:
    """The checked problem: minimise the loss of X against WH with W (m, rank) and H (rank, n) non-negative.

    Parameters
    ----------
    X : (m, n) array-like or sparse, finite and >= 0 (under a mask: only the observed entries have to be); what a masked array
        of NumPy masks is missing
    rank : 1 to min(m, n)
    loss : "frobenius", "kullback-leibler", "itakura-saito", or "beta=1.5" for any other beta
    mask : (m, n) array-like of 0/1, 1 = observed; for sparse X also "stored": what is stored is observed
    symmetric : X is square and symmetric, and X = S S^T is sought
    penalty : L1 and L2 weights, see `Penalty`
    axes : names and labels for messages
    overcomplete : allow a rank above min(m, n), as scikit-learn does; it explains nothing more

    Raises
    ------
    ProblemError
        Naming the first offending entry, its row and column, and the way out.
    """
    X, mask = without_mask(X, mask)
    matrix, transposed = _matrix_and_transpose(X, axes, allow_missing=mask is not None)
    checked = matrix
    if mask is not None:
        matrix, mask = _masked(matrix, mask, axes or Axes())
    elif sp.issparse(matrix) and matrix.nnz and not matrix.data.all():
        matrix = matrix.copy() if matrix is X else sp.csr_array(matrix, copy=True)
        matrix.eliminate_zeros()
    rank = check_rank(rank, matrix.shape, overcomplete=overcomplete)
    _refuse_size(rank, matrix.shape, matrix.dtype)
    beta = _beta(loss)
    loss = next((name for name, known in BETA.items() if known == beta), loss)  # "beta=2" is "frobenius"
    _refuse_loss(matrix, mask, loss, beta)
    if beta < 1:
        _refuse_span(matrix, loss, beta)
    _refuse_penalty(penalty)
    if symmetric:
        _refuse_asymmetric(matrix)
    matrix, power = in_range(matrix)
    penalty = _scaled_penalty(penalty, beta, power)
    problem = Problem(matrix, rank, loss, mask, symmetric, penalty or None, 4.0**power)
    if transposed is not None and matrix is checked:
        vars(problem)["Xt"] = transposed
    return problem


def penalty_for(alpha_W: float, alpha_H: float | str, l1_ratio: float, shape: tuple[int, int]) -> Penalty:
    """The penalty with scikit-learn's meaning of its three numbers, for X of shape (m, n).

    l1_W = n alpha_W l1_ratio,  l2_W = n alpha_W (1 - l1_ratio);  l1_H = m alpha_H l1_ratio,  l2_H = m alpha_H (1 - l1_ratio)

    Parameters
    ----------
    alpha_W, alpha_H : weights >= 0; alpha_H may be "same"
    l1_ratio : 0 (all L2) to 1 (all L1)
    shape : (m, n) of X; W is weighted by n and H by m, so that the balance does not depend on the size of X

    Raises
    ------
    ProblemError
        If a number is negative, not finite, or l1_ratio is outside 0 to 1.

    Source: scikit-learn, NMF user guide and `_compute_regularization`.
    """
    m, n = shape
    weight_H = alpha_W if alpha_H == "same" else alpha_H
    for name, value in (("alpha_W", alpha_W), ("alpha_H", weight_H), ("l1_ratio", l1_ratio)):
        if isinstance(value, str) or not np.isfinite(value) or value < 0 or (name == "l1_ratio" and value > 1):
            limits = "from 0 to 1" if name == "l1_ratio" else ">= 0"
            raise ProblemError(f"{name} has to be a number {limits}, not {value!r}.")
    W, H = n * float(alpha_W), m * float(weight_H)
    return Penalty(l1_W=W * l1_ratio, l1_H=H * l1_ratio, l2_W=W * (1.0 - l1_ratio), l2_H=H * (1.0 - l1_ratio))


def check_rank(rank: Any, shape: tuple[int, ...], *, overcomplete: bool = False) -> int:
    """The rank as an int between 1 and min(m, n); with `overcomplete`, at least 1.

    Raises
    ------
    ProblemError
        If it is no whole number or out of range.
    """
    m, n = shape
    if isinstance(rank, bool) or not isinstance(rank, (int, np.integer)):
        raise ProblemError(f"The rank must be a whole number, not {rank!r}.")
    if rank < 1 or (rank > min(m, n) and not overcomplete):
        raise ProblemError(f"Rank {rank} does not fit {m} rows × {n} columns: choose 1 to {min(m, n)}.")
    return int(rank)


def check_start(problem: Problem, W: Any, H: Any) -> Factors:
    """Given start factors as fresh arrays of the problem's dtype, in the caller's units.

    A symmetric problem has one factor S: W and H^T are averaged when they differ, and H may be None.

    Raises
    ------
    ProblemError
        If a shape does not fit or an entry is negative or not finite.

    W : (m, r) array-like;  H : (r, n) array-like
    """
    m, n = problem.shape
    if problem.symmetric and H is None:
        H = np.transpose(W)
    checked = []
    for name, factor, shape in (("W", W, (m, problem.rank)), ("H", H, (problem.rank, n))):
        try:
            with np.errstate(over="ignore"):  # too large for float32 becomes infinite and is refused below
                array = np.array(factor, dtype=problem.dtype, order="C", copy=True)
        except (TypeError, ValueError) as wrong:
            raise ProblemError(f"The given {name} is not a table of numbers: {wrong}.") from None
        if array.shape != shape:
            raise ProblemError(f"The given {name} has shape {array.shape}; this problem needs {shape}.")
        _refuse_entries(array, Axes(), f"The given {name}")
        checked.append(array)
    if problem.symmetric:
        S = checked[0] if np.array_equal(checked[0], checked[1].T) else 0.5 * (checked[0] + checked[1].T)
        return Factors(S, np.ascontiguousarray(S.T))
    return Factors(*checked)


def _as_float(matrix: Any, name: str) -> Any:
    """float32 and float64 stay; integers and booleans become float64; the rest is refused by name."""
    kind, dtype = matrix.dtype.kind, matrix.dtype
    if dtype in (np.float32, np.float64) and dtype.isnative:
        return matrix
    if kind == "c":
        raise ProblemError(f"{name} is complex; NMF needs real numbers. Take the modulus or the real part first.")
    if kind in "iu" and matrix.size:
        values = matrix.data if sp.issparse(matrix) else matrix
        if values.size and int(values.max()) > 2**53:
            raise ProblemError(f"{name} has whole numbers above 2^53, which float64 cannot hold exactly; divide them first.")
    if kind in "fiub":
        return matrix.astype(np.float32 if dtype == np.float16 else np.float64)
    if kind == "O":
        return matrix.astype(np.float64)
    raise ProblemError(f"{name} holds {dtype} values, not numbers. Convert or drop those columns first.")


def _refuse_entries(matrix: Matrix, axes: Axes, name: str) -> None:
    values = matrix.data if sp.issparse(matrix) else matrix
    if not values.size:
        return
    low, high = values.min(), values.max()
    if np.isfinite(low) and np.isfinite(high) and low >= 0:
        return
    for wrong, what, way_out in (
        (np.isnan(values), "missing (NaN)", "Fill them, drop them, or treat them as not measured with a mask"),
        (np.isinf(values), "infinite", "Replace them by numbers"),
        (values < 0, "negative", "Clip them to 0, or shift the data, and say so"),
    ):
        count = int(np.count_nonzero(wrong))
        if count:
            row, column, value = _first(matrix, wrong)
            noun = "entry" if count == 1 else "entries"
            place = f"row {row + 1} ({axes.rows.label(row)}), column {column + 1} ({axes.columns.label(column)})"
            if axes.rows.labels is None and axes.columns.labels is None:
                place = f"row {row + 1}, column {column + 1}"
            raise ProblemError(
                f"{name} has {count:,} {what} {noun} (first at {place}: {value:g}); NMF needs finite numbers >= 0. {way_out}."
            )


def _first(matrix: Matrix, wrong: np.ndarray) -> tuple[int, int, float]:
    """Row, column and value of the first True of `wrong` (same layout as the matrix's values), counted from 0."""
    at = int(np.argmax(wrong))
    if sp.issparse(matrix):
        return (
            int(np.searchsorted(matrix.indptr, at, side="right")) - 1,
            int(matrix.indices[at]),
            float(matrix.data[at]),
        )
    row, column = divmod(at, matrix.shape[1])
    return row, column, float(matrix[row, column])


def _masked(matrix: Matrix, mask: Any, axes: Axes) -> tuple[Matrix, Matrix]:
    """X with zeros under the mask, and the mask; what stands under the mask is dropped unread."""
    if isinstance(mask, str):
        if mask != "stored" or not sp.issparse(matrix):
            raise ProblemError(f"A mask is an array of 0 and 1, or 'stored' for sparse data; not {mask!r}.")
        ones = sp.csr_array((np.ones_like(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)
        _refuse_entries(matrix, axes, "X")
        return matrix, _refuse_empty_mask(ones)
    if not sp.issparse(mask):
        mask = np.asarray(mask)
    if tuple(mask.shape) != tuple(matrix.shape):
        raise ProblemError(f"The mask has shape {tuple(mask.shape)}, the data {tuple(matrix.shape)}; they have to be equal.")
    values = mask.data if sp.issparse(mask) else mask
    if values.dtype != bool and not ((values == 0) | (values == 1)).all():
        raise ProblemError("A mask holds only 0 (missing) and 1 (observed).")
    if sp.issparse(matrix):
        pattern = sp.csr_array(mask, dtype=matrix.dtype, copy=True)
        pattern.sum_duplicates()
        pattern.eliminate_zeros()
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(pattern.indptr))
        values = _values_at(matrix, rows, pattern.indices)
        observed = sp.csr_array((values, pattern.indices, pattern.indptr), shape=matrix.shape)
        pattern.data[:] = 1
        _refuse_entries(observed, axes, "X")
        return observed, _refuse_empty_mask(pattern)
    shown = (mask.toarray() if sp.issparse(mask) else mask).astype(bool)
    observed = np.where(shown, matrix, matrix.dtype.type(0))
    _refuse_entries(observed, axes, "X")
    return observed, _refuse_empty_mask(shown.astype(matrix.dtype))


def _values_at(matrix: Matrix, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The entries of a canonical CSR array at the given places, 0 where nothing is stored; sparse indexing without densifying."""
    n = matrix.shape[1]
    stored = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr)) * n + matrix.indices
    wanted = rows.astype(np.int64) * n + columns
    at = np.searchsorted(stored, wanted)
    values = np.zeros(len(wanted), matrix.dtype)
    hit = at < len(stored)
    hit[hit] = stored[at[hit]] == wanted[hit]
    values[hit] = matrix.data[at[hit]]
    return values


def _refuse_empty_mask(mask: Matrix) -> Matrix:
    if (mask.nnz if sp.issparse(mask) else np.count_nonzero(mask)) == 0:
        raise ProblemError("The mask hides every entry; nothing is observed. Check that 1 means observed and 0 missing.")
    return mask


def _refuse_loss(matrix: Matrix, mask: Matrix | None, loss: str, beta: float) -> None:
    if beta > 0:
        return
    if sp.issparse(matrix):
        hidden_zeros = mask is None and matrix.nnz < np.prod(matrix.shape)  # with a mask, what is not stored is not observed
        zero = bool(hidden_zeros or not matrix.data.all())
    else:
        zero = not np.all(matrix if mask is None else (matrix > 0) | (mask == 0))
    if zero:
        row, column = first_zero(matrix, mask)
        raise ProblemError(
            f"The loss '{loss}' is infinite wherever X is 0, and X has zeros (first at row {row + 1}, column {column + 1}). "
            "Use Frobenius or Kullback-Leibler, or add a small constant to X and say so."
        )


def first_zero(matrix: Matrix, mask: Matrix | None = None) -> tuple[int, int]:
    """Row and column, counted from 0, of the first observed entry of (m, n) that is 0; ValueError where there is none.

    mask : (m, n), 1 = observed, or None
    """
    for i in range(matrix.shape[0]):
        row = matrix[[i]].toarray()[0] if sp.issparse(matrix) else matrix[i]
        seen = True if mask is None else (mask[[i]].toarray()[0] if sp.issparse(mask) else mask[i]) > 0
        zeros = np.flatnonzero((row == 0) & seen)
        if len(zeros):
            return i, int(zeros[0])
    raise ValueError("There is no zero.")


def _refuse_size(rank: int, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Factors larger than this machine's memory cannot exist, whatever else there is."""
    needed, there = rank * sum(shape) * dtype.itemsize, _memory()
    if there is not None and needed > there:
        raise ProblemError(
            f"Rank {rank:,} does not fit this machine: W and H alone would take {needed / 1e9:,.0f} GB, and it has "
            f"{there / 1e9:,.0f} GB. Choose at most {there // (4 * sum(shape) * dtype.itemsize):,}."
        )


def _memory() -> int | None:
    """Bytes of memory this machine has; None where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def _refuse_span(matrix: Matrix, loss: str, beta: float) -> None:
    """Losses below Kullback-Leibler need powers like x / y^(2 - beta) of every entry, which have to stay finite."""
    values = matrix.data if sp.issparse(matrix) else matrix
    largest, smallest = float(np.max(values, initial=0)), float(np.min(values, where=values > 0, initial=np.inf))
    if not largest:
        return
    span = smallest / largest  # 0 where even the quotient underflows
    powers = 3.5 - beta if beta > 0 else 4.5 - 2.0 * beta if beta < 0 else 3.0  # of the smallest entry, in a ratio of two sums
    if span < float(np.finfo(matrix.dtype).tiny) ** (1 / powers):
        raise ProblemError(
            f"The loss '{loss}' compares ratios, and the entries of X go from {smallest:.0e} to {largest:.0e}: too far apart "
            f"for {matrix.dtype}. Raise the smallest entries, or use Frobenius or Kullback-Leibler."
        )


def _refuse_asymmetric(matrix: Matrix) -> None:
    m, n = matrix.shape
    if m != n:
        raise ProblemError(f"A symmetric factorization needs a square matrix; this one is {m} × {n}.")
    if sp.issparse(matrix):
        worst = float(abs(matrix - matrix.T).max())
    else:  # in blocks of rows: a second (n, n) array could be too much
        height = max(1, CELLS_AT_ONCE // m)
        worst = max(float(np.abs(matrix[i : i + height] - matrix[:, i : i + height].T).max()) for i in range(0, m, height))
    if worst > ASYMMETRY * float(matrix.max() or 1):
        raise ProblemError(f"The matrix is not symmetric: an entry differs from its mirror image by {worst:g}.")


def _beta(loss: str) -> float:
    try:
        return beta_of(loss)
    except ValueError as wrong:
        raise ProblemError(str(wrong)) from None


def _refuse_penalty(penalty: Penalty | None) -> None:
    for name, value in vars(penalty).items() if penalty is not None else ():
        if not np.isfinite(value) or value < 0:
            raise ProblemError(f"The penalty {name} has to be a finite number >= 0, not {value!r}.")


def in_range(matrix: Matrix) -> tuple[Matrix, int]:
    """X / 4^p and p, where 4^p is nearest to the largest entry of X when that is extreme: nothing over- or underflows then.

    X itself and 0 otherwise, which is nearly always; the division is exact, and makes a copy.
    """
    power = _power_of_four(matrix)
    return (_times_power_of_two(matrix, -2 * power), power) if power else (matrix, 0)


def _power_of_four(matrix: Matrix) -> int:
    """p such that 4^p is nearest to the largest entry when that is extreme, else 0."""
    values = matrix.data if sp.issparse(matrix) else matrix
    top = float(values.max()) if values.size else 0.0
    if top == 0.0 or SMALLEST <= top <= LARGEST:
        return 0
    return min(round(np.log2(top) / 2), 511)  # 4^512 is no float


def _times_power_of_two(matrix: Matrix, exponent: int) -> Matrix:
    """matrix * 2^exponent, also where 2^exponent itself is no finite number of the dtype (subnormal data)."""
    with np.errstate(under="ignore"):
        if sp.issparse(matrix):
            return sp.csr_array((np.ldexp(matrix.data, exponent), matrix.indices, matrix.indptr), shape=matrix.shape)
        return np.ldexp(matrix, exponent)


def _scaled_penalty(penalty: Penalty | None, beta: float, power: int) -> Penalty | None:
    """The penalty of the problem X / s with factors W / sqrt(s) and H / sqrt(s), s = 4^power; its loss is that of X / s^beta."""
    if not penalty or not power:
        return penalty
    l1, l2 = power * (1.0 - 2.0 * beta), power * (2.0 - 2.0 * beta)
    weights = ((penalty.l1_W, l1), (penalty.l1_H, l1), (penalty.l2_W, l2), (penalty.l2_H, l2))
    return Penalty(*(min(times_power_of_two(weight, exponent), LARGEST_WEIGHT) for weight, exponent in weights))


def times_power_of_two(value: float, exponent: float) -> float:
    """value * 2^exponent, also where 2^exponent itself is no float; infinite or 0 only where the product is."""
    whole = math.floor(exponent)
    try:
        return math.ldexp(value * 2.0 ** (exponent - whole), whole)
    except OverflowError:
        return math.copysign(math.inf, value)
