"""How is the matrix of an upload kept in a file, and named by its content?"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError, as_matrix
from nmfcore.core.factorization import Matrix
from nmfcore.export import npz

MEMBERS = frozenset({"shape", "X", "data", "indices", "indptr", "mask"})  # of a file that holds a matrix


def matrix_digest(X: Any, mask: Any = None) -> str:
    """SHA-256 of the values, shape and dtype of X and of where the mask is 1; labels don't enter.

    X : (m, n) array or CSR;  mask : (m, n), 1 = observed, or None
    """
    matrix = as_matrix(X, allow_missing=mask is not None)
    digest = hashlib.sha256(f"{matrix.shape} {matrix.dtype.str} {sp.issparse(matrix)}\n".encode())
    parts = [matrix.data, matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)] if sp.issparse(matrix) else [matrix]
    if mask is not None:
        parts.append(_observed(mask))
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def save_matrix(file: str | Path | BinaryIO, X: Any, mask: Any = None) -> None:
    """X (dense, or CSR as its three arrays) and the mask as one NPZ without pickles.

    X : (m, n) array or CSR;  mask : (m, n), 1 = observed, or None
    """
    matrix = as_matrix(X, allow_missing=mask is not None)
    npz.write(file, {"format": np.array(npz.FORMAT)} | arrays_of(matrix, mask))


def load_matrix(file: str | Path | BinaryIO) -> tuple[Matrix, np.ndarray | None]:
    """X and the mask (None without one) of a file made by `save_matrix`.

    Raises
    ------
    ProblemError
        If it is no such file, was made by a later version, holds no non-negative matrix, or would unpack to more than 2 GB.
    """
    return matrix_of(npz.read(file, {"shape"}, MEMBERS - {"shape"}, "matrix"), "matrix")


def arrays_of(X: Matrix, mask: Any) -> dict[str, np.ndarray]:
    """A matrix X (m, n) and its mask (m, n) as arrays by name, as `matrix_of` takes them."""
    arrays = {"shape": np.array(X.shape)}
    arrays |= {"data": X.data, "indices": X.indices, "indptr": X.indptr} if sp.issparse(X) else {"X": X}
    return arrays if mask is None else arrays | {"mask": _observed(mask)}


def matrix_of(held: dict[str, np.ndarray], what: str) -> tuple[Matrix, np.ndarray | None]:
    """The matrix and mask of those arrays, every entry and index checked."""
    mask = held.get("mask")
    if "X" in held:
        X = held["X"]
        shape = X.shape
    else:
        missing = {"data", "indices", "indptr"} - set(held)
        if missing:
            raise ProblemError(f"This {what} file lacks {', '.join(sorted(missing))}. Export it again.")
        shape = tuple(int(n) for n in held["shape"].ravel())
        try:
            X = sp.csr_array((held["data"], held["indices"], held["indptr"]), shape=shape)
            X.check_format(full_check=True)  # an index beyond the end would be read by compiled code
        except ValueError as wrong:
            raise ProblemError(f"This {what} file does not hold a valid sparse matrix: {wrong}. Export it again.") from None
    if X.ndim != 2 or X.dtype not in (np.float32, np.float64) or (mask is not None and mask.shape != shape):
        raise ProblemError(f"This {what} file does not hold a matrix and a mask of its shape. Export it again.")
    as_matrix(X, allow_missing=mask is not None)  # refuses what is negative or not finite
    return X, None if mask is None else _observed(mask)


def _observed(mask: Any) -> np.ndarray:
    """The mask as a dense uint8 array."""
    return np.ascontiguousarray(np.asarray(mask.toarray() if sp.issparse(mask) else mask) > 0).astype(np.uint8)
