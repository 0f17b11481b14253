"""How much of a vector sits in how few entries?

Hoyer's sparsity (Hoyer 2004, section 3.1) of x with n entries: (sqrt(n) - |x|_1 / |x|_2) / (sqrt(n) - 1), 1 when one entry holds
everything and 0 when all are equal in size. It does not change when x is multiplied by a number.
"""

from __future__ import annotations

import numpy as np


def hoyer(A: np.ndarray, axis: int | None = None) -> np.ndarray | float:
    """Hoyer's sparsity of all of A, or of each of its columns (axis=0) or rows (axis=1); between 0 and 1, no unit.

    Signs do not count. NaN for a vector of zeros and for vectors with a single entry, for which it is not defined.

    A : (a, b) array, or (a,); the result is one number, (b,) along axis 0, (a,) along axis 1

    Source: Hoyer 2004, section 3.1.
    """
    A = np.abs(np.asarray(A, np.float64))
    if axis is None:
        return float(hoyer(A.reshape(1, -1), axis=1)[0])  # type: ignore[index]
    n = A.shape[axis]
    top = A.max(axis=axis, keepdims=True, initial=0.0)
    A = np.divide(A, top, out=np.zeros_like(A), where=top > 0)  # to 1 first, so that squares neither over- nor underflow
    one, two = A.sum(axis=axis), np.sqrt((A**2).sum(axis=axis))
    if n < 2:
        return np.full(one.shape, np.nan)
    ratio = np.divide(one, two, out=np.full(one.shape, np.nan), where=two > 0)
    return np.clip((np.sqrt(n) - ratio) / (np.sqrt(n) - 1.0), 0.0, 1.0)


def zero_share(A: np.ndarray, *, below: float = 1e-6) -> float:
    """Share of the entries of A that are smaller than `below` times its largest one (in absolute value); 1 if all are zero.

    A : array of any shape (a, b, ...)
    """
    A = np.abs(np.asarray(A))
    top = float(A.max(initial=0.0))
    return float(np.mean(below * top >= A)) if A.size else 0.0
