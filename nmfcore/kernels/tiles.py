"""How does half an iteration of HALS go with compiled loops?

The compiled twin of plain.py, over the loops of compiled.py: rows are worked on in tiles that stay in the first-level cache, and
the product with A is computed tile by tile.
Source: Cichocki & Phan 2009, algorithm 2.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.factorization import Matrix
from nmfcore.kernels.available import load
from nmfcore.kernels.half import Half, outer
from nmfcore.kernels.parts import (
    CACHED_VALUES,
    PARALLEL_GRAM,
    PARALLEL_WORK,
    SUMMED_VALUES,
    goes_alone,
    grams,
    in_parts,
    inner,
    spans,
)

GRAM_RANK = 16  # up to here the compiled Gram matrix takes less time than BLAS, which begins anew for every block of rows
_LIST = [np.empty(0)]
HELD_BY_LIST = sys.getrefcount(_LIST[0])  # what this Python counts for an array that only a list holds
SHORT = 12  # stored values in a row of A, in the mean: below, the product takes half as long from A's transpose


def has_short_rows(A: Matrix) -> bool:
    """Whether the rows of A (m, n) are sparse and so short that each ends before the processor has foreseen its end."""
    return sp.issparse(A) and A.nnz < SHORT * A.shape[0]


NEW_MEMORY = 256 * 1024  # bytes of an array from which on the system is asked for new memory


class Buffers:
    """Arrays for an engine's results: one that nobody holds any more is given out again.

    New memory costs a fault for each of its pages, a fifth of an iteration of 1 ms; small arrays come out of memory that the
    process has already. What was handed out, or is seen through a view, is held, and stays as it is. One thread at a time.
    """

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype
        self.arrays: list[np.ndarray] = []

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        """An array of that shape with anything in it."""
        if math.prod(shape) * self.dtype.itemsize < NEW_MEMORY:
            return np.empty(shape, self.dtype)
        free = [place for place in range(len(self.arrays)) if sys.getrefcount(self.arrays[place]) == HELD_BY_LIST]
        for place in free:
            if self.arrays[place].shape == shape:
                return self.arrays[place]
        self.arrays = [array for place, array in enumerate(self.arrays) if place not in free]
        self.arrays.append(np.empty(shape, self.dtype))
        return self.arrays[-1]


class Tiles:
    """Compiled. Factors are (m, R) with R the rank rounded up to whole vectors; the padding stays zero.

    Several side by side are (m, T) with start s in the columns [s r, s r + r) and room for a whole vector after the last.
    """

    def __init__(self, rank: int, dtype: np.dtype, exact: bool = True, module: ModuleType | None = None) -> None:
        module = module or load()
        if module is None:
            raise RuntimeError("There are no compiled kernels here; see kernels.in_use().")
        self.module, self.rank, self.dtype, self.exact = module, rank, dtype, exact
        self.width = self._width(1)
        self.buffers = Buffers(self.dtype)

    def _width(self, starts: int) -> int:
        """Columns for so many starts side by side; the last start's vectors are whole."""
        lanes = self.module.LANES
        return -(-((starts - 1) * self.rank + -(-self.rank // lanes) * lanes) // lanes) * lanes

    def inside(self, F: np.ndarray) -> np.ndarray:
        return self.beside([F])

    def beside(self, factors: Sequence[np.ndarray]) -> np.ndarray:
        padded = np.zeros((len(factors[0]), self._width(len(factors))), self.dtype)
        for place, F in enumerate(factors):
            self.one(padded, place)[:] = F[:, : self.rank]
        return padded

    def one(self, F: np.ndarray, place: int) -> np.ndarray:
        return F[:, place * self.rank : (place + 1) * self.rank]

    def outside(self, F: np.ndarray) -> np.ndarray:
        return F[:, : self.rank]

    def gram(self, F: np.ndarray) -> np.ndarray:
        return self.grams(F, [0])[0]

    def grams(self, F: np.ndarray, places: Sequence[int]) -> np.ndarray:
        if self.rank > GRAM_RANK or len(F) * len(places) * self.rank**2 >= PARALLEL_GRAM or not F.flags.c_contiguous:
            return grams(F, [slice(place * self.rank, (place + 1) * self.rank) for place in places], self.exact)
        room = np.empty(self.module.TILE * self.width, np.float64 if self.exact else self.dtype)
        return np.stack([self.module.gram_rows(F, place * self.rank, self.rank, room, 0, len(F)) for place in places])

    def half(
        self, A: Matrix, other: np.ndarray, task: Half, At: Matrix | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if At is not None and has_short_rows(A) and goes_alone(A, self.width):
            return self.settle(self.product(A, other, At), task)
        new, further, rest = self._prepared(task)
        if sp.issparse(A):
            stored = (A.indptr, A.indices, A.data)

            def part(begin: int, end: int) -> np.ndarray:
                return self.module.half_sparse(stored, other, *rest, begin, end)
        else:
            A, others = outer(A, [self.one(other, place) for place in range(len(task.G))])

            def part(begin: int, end: int) -> np.ndarray:
                return self.module.half_dense(self._products(A[begin:end], others, task.start.shape[1]), *rest, begin, end)

        gained = sum(in_parts(part, A, self.width))  # cut as for one start alone: the sums are the same
        return new, further, task.values(gained)

    def _prepared(self, task: Half) -> tuple[np.ndarray, np.ndarray, tuple[Any, ...]]:
        """What the kernels write to, new and further, and their arguments after the product."""
        pace, start = task.pace, task.start
        used, width = len(task.G) * self.rank, start.shape[1]
        new = self.buffers.empty(start.shape)
        further = self.buffers.empty(start.shape) if np.any(pace.betas) else new
        ahead = np.zeros((self.module.TILE, width), self.dtype)  # filled by rows: np.tile takes ten times as long
        ahead[:, :used] = pace.betas[0] if len(task.G) == 1 else np.repeat(pace.betas, self.rank)
        rule = (ahead.ravel(), pace.sweeps, self.dtype.type(pace.l1), self.dtype.type(pace.l2))
        return new, further, (np.ascontiguousarray(task.G, self.dtype), (start, task.previous, new, further), rule)

    def _products(self, A: np.ndarray, others: Sequence[np.ndarray], width: int) -> np.ndarray:
        """P (m, T) for dense A, one product for each start: BLAS sums in another order where the product is wider."""
        P = np.empty((len(A), width), self.dtype)  # what stands beyond the last start is read, and used nowhere
        for place, other in enumerate(others):
            self.one(P, place)[:] = A @ other
        return P

    def settle(self, P: np.ndarray, task: Half) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        new, further, rest = self._prepared(task)

        def part(begin: int, end: int) -> np.ndarray:
            return self.module.half_dense(P[begin:end], *rest, begin, end)

        return new, further, task.values(sum(in_parts(part, P, self.width)))

    def both(
        self, A: Matrix, other: np.ndarray, task: Half, alive: Callable[[], None] = lambda: None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        new, further, rest = self._prepared(task)
        back, total = np.zeros((A.shape[1], self.width), self.dtype), None
        summed = 0
        for begin, end in spans(A, CACHED_VALUES):
            alive()
            if sp.issparse(A):
                self.module.half_sparse((A.indptr, A.indices, A.data), other, *rest, begin, end)
                self.module.back_product(A.indptr, A.indices, A.data, further, back, begin, end)
                summed += int(A.indptr[end]) - int(A.indptr[begin])
            else:
                rows = A[begin:end]
                self.module.half_dense(self._products(rows, [self.one(other, 0)], self.width), *rest, begin, end)
                back += rows.T @ further[begin:end]
                summed += rows.size
            if summed >= SUMMED_VALUES:  # a frequent column's sum is long: float32 would lose a digit or two of it
                total = back.astype(np.float64) if total is None else np.add(total, back, out=total)
                back[:] = 0
                summed = 0
        return new, further, back if total is None else (total + back).astype(self.dtype)

    def cross(self, A: Matrix, other: np.ndarray, F: np.ndarray) -> float:
        return inner(self.product(A, other), F)

    def product(self, A: Matrix, other: np.ndarray, At: Matrix | None = None) -> np.ndarray:
        """A other (m, R); from the transpose where A's rows are short. The sums are the same, term by term in the same order."""
        if not sp.issparse(A):
            return A @ other
        if At is not None and has_short_rows(A) and A.nnz * self.width < PARALLEL_WORK:
            P = self.buffers.empty((A.shape[0], other.shape[1]))
            P[:] = 0
            self.module.back_product(At.indptr, At.indices, At.data, other, P, 0, len(other))
            return P
        P = np.empty((A.shape[0], self.width), self.dtype)
        in_parts(lambda begin, end: self.module.product(A.indptr, A.indices, A.data, other, P, begin, end), A, self.width)
        return P
