"""Is this a matrix that NMF can take: two-dimensional, finite, non-negative, of a float kind? And where not?"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.errors import ProblemError
from nmfcore.core.factorization import Axes, Matrix

NEEDS_MEMORY = (
    "{name} is visited block by block, and this needs all of it in memory. Take some of its rows "
    "(nmfcore.evaluate.blocks.sample), or what nmfcore.evaluate.blocks offers in passes."
)


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
    return matrix_and_transpose(X, axes, name, allow_missing)[0]


def matrix_and_transpose(
    X: Any, axes: Axes | None, name: str = "X", allow_missing: bool = False
) -> tuple[Matrix, Matrix | None]:  # fmt: skip
    """`as_matrix` of X (m, n), and the transpose in CSR where it was made on the way.

    Raises
    ------
    ProblemError
        As `as_matrix`.
    """
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
        refuse_entries(matrix, axes or Axes(), name)
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


def refuse_entries(matrix: Matrix, axes: Axes, name: str) -> None:
    """Raise a ProblemError that names the first entry that is missing, infinite or negative."""
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
