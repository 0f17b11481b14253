"""May this matrix be factorized, and if not, where is the problem and what can be done?

`as_problem` is the one strict gate of the package: everything behind it may rely on what `Problem` promises. Each refusal
is a `ProblemError` that names the problem, the place and the way out.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.errors import ProblemError as ProblemError
from nmfcore.core.factorization import BETA, Axes, Factors, Matrix, Penalty, Problem, beta_of
from nmfcore.core.matrices import as_matrix as as_matrix
from nmfcore.core.matrices import matrix_and_transpose, refuse_entries, without_mask
from nmfcore.core.units import in_range, scaled_penalty

ASYMMETRY = 1e-6  # of the largest entry: what float32 similarities differ by from their mirror images
CELLS_AT_ONCE = 4_000_000  # cells compared at one time where a check needs a temporary array


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
    matrix, transposed = matrix_and_transpose(X, axes, allow_missing=mask is not None)
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
    penalty = scaled_penalty(penalty, beta, power)
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
        refuse_entries(array, Axes(), f"The given {name}")
        checked.append(array)
    if problem.symmetric:
        S = checked[0] if np.array_equal(checked[0], checked[1].T) else 0.5 * (checked[0] + checked[1].T)
        return Factors(S, np.ascontiguousarray(S.T))
    return Factors(*checked)


def _masked(matrix: Matrix, mask: Any, axes: Axes) -> tuple[Matrix, Matrix]:
    """X with zeros under the mask, and the mask; what stands under the mask is dropped unread."""
    if isinstance(mask, str):
        if mask != "stored" or not sp.issparse(matrix):
            raise ProblemError(f"A mask is an array of 0 and 1, or 'stored' for sparse data; not {mask!r}.")
        ones = sp.csr_array((np.ones_like(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)
        refuse_entries(matrix, axes, "X")
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
        refuse_entries(observed, axes, "X")
        return observed, _refuse_empty_mask(pattern)
    shown = (mask.toarray() if sp.issparse(mask) else mask).astype(bool)
    observed = np.where(shown, matrix, matrix.dtype.type(0))
    refuse_entries(observed, axes, "X")
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
