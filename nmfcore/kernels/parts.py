"""How is a loop over the rows of a matrix shared out, and how are its sums kept right?

A is X or its transpose, (m, n); F (m, r) a factor. Where A is cut depends on A alone, so that no sum depends on the number of
processors. Long sums are float64, of products in the arrays' own precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.factorization import Matrix
from nmfcore.core.products import LONGEST_WORK
from nmfcore.core.threads import one_blas_thread, share
from nmfcore.core.wanted import ask

GRAM_ROWS = 4096  # rows per Gram product: they stay in the cache; the sum over the blocks is always float64
SMALL_DENSE = 20_000_000  # multiply-adds of a dense product below which several BLAS threads cost more than they gain
SUM_ROW = 1024  # products summed in the arrays' own precision before float64 takes over
PARALLEL_WORK = 4_000_000  # multiply-adds of half an iteration from which two threads gain more than they cost
PARALLEL_GRAM = 20_000_000  # the same for a Gram matrix
CACHED_VALUES = 1 << 17  # stored values worked on forth and back at one time: they stay in the second-level cache
SUMMED_VALUES = 1 << 23  # stored values whose products are summed in float32 before float64 takes over


# -- rows in parts --------------------------------------------------------------------------------------------------------------
def work_of(A: Matrix, width: int) -> int:
    """Multiply-adds of half an iteration on A (m, n) with that many columns."""
    m, n = A.shape
    return int(A.nnz if sp.issparse(A) else m * n) * width + m * width * width


def goes_alone(A: Matrix, width: int) -> bool:
    """Whether half an iteration on A (m, n) is too small for several threads."""
    return work_of(A, width) < PARALLEL_WORK


def in_parts(loop: Callable[[int, int], Any], A: Matrix, width: int) -> list[Any]:
    """Run loop(begin, end) over all rows of A, several at a time when that pays; the results in order.

    A : (m, n). The loops leave the GIL. Where A is cut depends on A alone: no sum depends on the number of processors.
    """
    m, work = A.shape[0], work_of(A, width)
    parts = 1 if goes_alone(A, width) or m < 256 else 2 if m < 1024 else max(4, int(work // LONGEST_WORK))
    parts = min(parts, max(1, m // 128))
    if parts == 1:
        ask()
        return [loop(0, m)]
    if sp.issparse(A):
        load = A.indptr[:-1].astype(np.int64) + np.arange(m, dtype=np.int64) * width  # stored values, and the sweep's share
        cuts = np.searchsorted(load, load[-1] * np.arange(1, parts) / parts)
    else:
        cuts = m * np.arange(1, parts) // parts
    edges = [0, *(int(c) // 64 * 64 for c in cuts), m]
    return share(loop, list(pairwise(edges)))


def spans(A: Matrix, values: int) -> Iterator[tuple[int, int]]:
    """Runs of rows of A (m, n) with about so many stored values each, cut at multiples of 64 rows; they depend on A alone."""
    m = A.shape[0]
    if sp.issparse(A):
        aims = np.arange(values, int(A.indptr[-1]), values)
        cuts = np.searchsorted(A.indptr, aims) // 64 * 64
    else:
        cuts = np.arange(0, m, max(64, values // max(1, A.shape[1]) // 64 * 64))
    yield from pairwise(np.unique(np.concatenate([[0], cuts, [m]])).tolist())


@contextmanager
def few_threads(A: Matrix, width: int) -> Iterator[None]:
    """For products outside the engines: one BLAS thread where A is sparse or small, since waking several costs more there.

    A : (m, n) array or CSR, to be multiplied with (n, width)
    """
    if sp.issparse(A) or A.shape[0] * A.shape[1] * width < SMALL_DENSE:
        with one_blas_thread():
            yield
    else:
        yield


# -- sums in float64 ------------------------------------------------------------------------------------------------------------
def gram(F: np.ndarray, exact: bool = True) -> np.ndarray:
    """F^T F (l, l) in float64 for F (m, l); exact: summed in float64 also within blocks of GRAM_ROWS rows."""
    return grams(F, [slice(None)], exact)[0]


def grams(F: np.ndarray, parts: Sequence[slice], exact: bool = True) -> np.ndarray:
    """`gram` of several parts of equal width of the columns of F (m, T), (parts, l, l): some rows of all of them at a time."""
    width = F[:1, parts[0]].shape[1]

    def square(begin: int, end: int) -> np.ndarray:
        block = F[begin:end].astype(np.float64) if exact else F[begin:end]
        found = np.empty((len(parts), width, width))
        for i, part in enumerate(parts):
            columns = block[:, part]
            found[i] = columns.T @ columns
        return found

    blocks = [(begin, min(begin + GRAM_ROWS, len(F))) for begin in range(0, len(F), GRAM_ROWS)]
    if len(blocks) == 1:
        return square(*blocks[0])
    several = len(F) * len(parts) * width**2 >= PARALLEL_GRAM
    total = np.zeros((len(parts), width, width))
    for found in share(square, blocks) if several else map(square, *zip(*blocks, strict=True)):
        total += found
    return total


def inner(A: np.ndarray, B: np.ndarray) -> float:
    """<A, B> of two (m, r): 1024 products at a time in their own precision, the sum of those in float64."""
    a, b = A.ravel(), B.ravel()
    whole = len(a) // SUM_ROW * SUM_ROW
    parts = np.einsum("ij,ij->i", a[:whole].reshape(-1, SUM_ROW), b[:whole].reshape(-1, SUM_ROW))
    return float(np.sum(parts, dtype=np.float64)) + float(np.dot(a[whole:], b[whole:]))
