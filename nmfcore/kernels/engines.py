"""Which of the two engines works here, and how are products made beside them?

Plain NumPy (`Rows`) and compiled loops (`Tiles`) do the same; half.py says what.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from nmfcore.core.factorization import Matrix
from nmfcore.core.threads import one_blas_thread
from nmfcore.kernels.available import compiled as compiled
from nmfcore.kernels.available import in_use as in_use
from nmfcore.kernels.available import load
from nmfcore.kernels.available import plain_meanwhile as plain_meanwhile
from nmfcore.kernels.available import preparing as preparing
from nmfcore.kernels.available import wanted as wanted
from nmfcore.kernels.available import warm as warm
from nmfcore.kernels.half import Engine as Engine
from nmfcore.kernels.half import LowRank as LowRank
from nmfcore.kernels.half import ahead as ahead
from nmfcore.kernels.newton import newton_sweeps as newton_sweeps
from nmfcore.kernels.parts import CACHED_VALUES, SUMMED_VALUES, in_parts, spans
from nmfcore.kernels.parts import few_threads as few_threads
from nmfcore.kernels.parts import gram as gram
from nmfcore.kernels.plain import Rows as Rows
from nmfcore.kernels.plain import sparse_product
from nmfcore.kernels.plain import sweep_rows as sweep_rows
from nmfcore.kernels.tiles import Tiles as Tiles


def engine(rank: int, dtype: np.dtype, exact: bool = True, *, plain: bool = False) -> Engine:
    """The fastest engine there is here for factors of this rank and dtype.

    plain : without compiled kernels, whatever is installed
    exact : Gram matrices in float64 even of float32 factors. Their rounding is the largest part of the loss's: about 1e-7 of
        ||X||^2, which matters where the fit is good.
    """
    module = None if plain else compiled()
    return Rows(rank, dtype, exact) if module is None else Tiles(rank, dtype, exact, module)


def multiply(A: Matrix, B: np.ndarray, At: Matrix | None = None, *, plain: bool = False) -> np.ndarray:
    """A B (m, l) for sparse or dense A (m, n) and dense B (n, l) of one dtype; compiled for sparse A where that is possible.

    At : the transpose of A where it is at hand, see `Engine.half`;  plain : not even then
    """
    if not sp.issparse(A):
        P = np.empty((A.shape[0], B.shape[1]), A.dtype)

        def part(begin: int, end: int) -> None:
            np.matmul(A[begin:end], B, out=P[begin:end])

        with one_blas_thread():
            in_parts(part, A, B.shape[1])
        return P
    module = None if plain else compiled()  # asked once: another thread may begin to warm the kernels at any moment
    if module is None:
        return sparse_product(A, B)
    tiles = Tiles(B.shape[1], A.dtype, exact=False, module=module)
    return tiles.outside(tiles.product(A, tiles.inside(B), At))


def round_trip(
    A: Matrix, B: np.ndarray, *, back: bool = True, plain: bool = False, alive: Callable[[], None] = lambda: None
) -> tuple[np.ndarray, np.ndarray | None]:
    """P = A B (m, l) and A^T P (n, l) for dense B (n, l), reading A once; one thread.

    back : whether the second is wanted; plain : without compiled kernels, whatever is installed; alive : as in `Engine.both`
    """
    module = None if plain else load()
    if module is None or not sp.issparse(A):
        P, total = np.empty((A.shape[0], B.shape[1]), A.dtype), np.zeros(B.shape)
        for begin, end in spans(A, SUMMED_VALUES):
            alive()
            rows = A[begin:end]
            P[begin:end] = rows @ B
            if back:
                total += rows.T @ P[begin:end]
        return P, total.astype(A.dtype) if back else None
    tiles = Tiles(B.shape[1], A.dtype, module=module)
    inside, P = tiles.inside(B), np.empty((A.shape[0], tiles.width), A.dtype)
    sums, total, summed = np.zeros(inside.shape if back else (0, 0), A.dtype), np.zeros(inside.shape if back else (0, 0)), 0
    for begin, end in spans(A, CACHED_VALUES):
        alive()
        module.product(A.indptr, A.indices, A.data, inside, P, begin, end)
        if back:
            module.back_product(A.indptr, A.indices, A.data, P, sums, begin, end)
            summed += int(A.indptr[end]) - int(A.indptr[begin])
            if summed >= SUMMED_VALUES:
                total += sums
                sums[:], summed = 0, 0
    return tiles.outside(P), tiles.outside((total + sums).astype(A.dtype)) if back else None
