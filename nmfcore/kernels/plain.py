"""How does half an iteration of HALS go in plain NumPy and SciPy?

The plain twin of tiles.py. A component is a row, so that one step of a sweep is one product, a subtraction and a maximum.
Source: Cichocki & Phan 2009, algorithm 2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import scipy.sparse as sp

from nmfcore.core.factorization import Matrix
from nmfcore.core.products import times
from nmfcore.core.wanted import ask
from nmfcore.kernels.half import Half, ahead, outer
from nmfcore.kernels.parts import SUMMED_VALUES, gram, grams, in_parts, inner, spans

VECTOR = 4  # columns that scipy's compiled sparse product handles at one time
PANEL = 32  # components per panel: the panel's rows stay in cache, and all the others enter through one matrix product
ONE_PANEL = 48  # up to this rank one panel is faster than two


def sweep_rows(F: np.ndarray, P: np.ndarray, G: np.ndarray, times: int, *, spoil: bool = False) -> None:
    """Minimise 1/2 <F, G F> - <P, F> over F >= 0, row after row, in place.

    f_k <- max(0, (p_k - sum_{j != k} G_kj f_j) / G_kk): each row is set to its exact optimum, the others held fixed. A row with
    G_kk <= 0 belongs to a dead component: nothing it does changes the fit. It becomes 0 where a penalty makes it cost something
    (P < 0), and is left as it is where not.

    Parameters
    ----------
    F : (r, n) C-ordered, >= 0; overwritten
    P : (r, n)
    G : (r, r) symmetric
    times : passes over the rows
    spoil : P is multiplied by `_inverse(G)` in place, which saves a copy of it

    Memory: one copy of P. Source: Cichocki & Phan 2009, algorithm 2.
    """
    r, n = F.shape
    inverse = _inverse(G, F.dtype)
    for dead in np.flatnonzero(inverse == 0):
        F[dead, P[dead] < 0] = 0
    weights = (G * inverse[:, None]).astype(F.dtype, copy=False)
    np.fill_diagonal(weights, 0)
    targets = np.multiply(P, inverse[:, None], out=P if spoil else None)
    width = r if r <= ONE_PANEL else PANEL
    panels = [slice(begin, min(begin + width, r)) for begin in range(0, r, width)]
    outside = [_without(weights[panel], panel) for panel in panels]
    pull = np.empty(n, F.dtype)
    for _ in range(times):
        for panel, others in zip(panels, outside, strict=True):
            ask()
            rows = F[panel]
            aim = targets if len(panels) == 1 else targets[panel] - others @ F
            for k in range(len(rows)):
                if inverse[panel.start + k] > 0:
                    np.dot(weights[panel.start + k, panel], rows, out=pull)
                    np.subtract(aim[k], pull, out=pull)
                    np.maximum(pull, 0, out=rows[k])


def _inverse(G: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """1 / G_kk (r,), and 0 where a component is dead."""
    diagonal = G.diagonal()
    return np.divide(1.0, diagonal, out=np.zeros(len(G)), where=diagonal > 0).astype(dtype)


def _without(weights: np.ndarray, panel: slice) -> np.ndarray:
    """The rows of one panel with the panel's own columns set to zero."""
    others = weights.copy()
    others[:, panel] = 0
    return others


class Rows:
    """Plain NumPy and SciPy. Factors are (r, m): one component is one contiguous row."""

    def __init__(self, rank: int, dtype: np.dtype, exact: bool = True) -> None:
        self.rank, self.dtype, self.exact = rank, dtype, exact

    def inside(self, F: np.ndarray) -> np.ndarray:
        return np.array(F.T, self.dtype, order="C")

    def outside(self, F: np.ndarray) -> np.ndarray:
        return F.T

    def gram(self, F: np.ndarray) -> np.ndarray:
        return gram(F.T, self.exact)

    def grams(self, F: np.ndarray, places: Sequence[int]) -> np.ndarray:
        return grams(F.T, [slice(place * self.rank, (place + 1) * self.rank) for place in places], self.exact)

    def beside(self, factors: Sequence[np.ndarray]) -> np.ndarray:
        return np.concatenate(factors)

    def one(self, F: np.ndarray, place: int) -> np.ndarray:
        return F[place * self.rank : (place + 1) * self.rank]

    def half(
        self, A: Matrix, other: np.ndarray, task: Half, At: Matrix | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if sp.issparse(A) or len(task.G) == 1:
            return self._settled(self._product(A, other), task)
        # BLAS sums in another order where the product is wider, and gains little
        return self._settled(self.beside([self._product(A, self.one(other, s)) for s in range(len(task.G))]), task)

    def settle(self, P: np.ndarray, task: Half) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self._settled(P.copy(), task)

    def _settled(self, P: np.ndarray, task: Half) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`settle`, which spoils P."""
        starts = range(len(task.G))
        if len(task.G) == 1:
            new, further, value = self._sweep(P, task, 0)
            return new, further, np.array([value])
        news, further, values = zip(*(self._sweep(self.one(P, s), task, s) for s in starts), strict=True)
        return self.beside(news), self.beside(further), np.array(values)

    def _sweep(self, P: np.ndarray, task: Half, s: int) -> tuple[np.ndarray, np.ndarray, float]:
        """New and further (r, m) of the start at place s, and its value; P (r, m) is spoilt."""
        G, pace, new = task.G[s], task.pace, self.one(task.start, s).copy()
        free = not (pace.l1 or pace.l2)
        bent = G if free else G + pace.l2 * np.eye(len(G))
        sweep_rows(new, P if free else P - self.dtype.type(pace.l1), bent, pace.sweeps, spoil=True)
        value = np.nan
        if task.grams is not None:
            value = 0.5 * float(np.sum(G * self.gram(new)))
            divided = _inverse(G, self.dtype) if free else np.ones(len(G))  # what the sweeps multiplied P by
            value -= sum(inner(p, f) / float(by) for p, f, by in zip(P, new, divided, strict=True) if by)
        return new, ahead(new, self.one(task.previous, s), float(pace.betas[s])), value

    def both(
        self, A: Matrix, other: np.ndarray, task: Half, alive: Callable[[], None] = lambda: None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        new, further = np.empty_like(task.start), np.empty_like(task.start)
        back = np.zeros((A.shape[1], len(other)))
        for begin, end in spans(A, SUMMED_VALUES):  # (n, r) in float64: the sum of a block's frequent column is long
            alive()
            rows, part = A[begin:end], slice(begin, end)
            piece = Half(task.G, np.ascontiguousarray(task.start[:, part]), task.previous[:, part], task.pace)
            new[:, part], further[:, part], _ = self._settled(self._product(rows, other), piece)
            back += rows.T @ further[:, part].T
        return new, further, np.array(back.T, self.dtype, order="C")

    def _product(self, A: Matrix, other: np.ndarray) -> np.ndarray:
        """P^T (r, m). Dense products are shared out.

        Sparse ones are not (scipy keeps the GIL), nor are the sweeps: threads of short NumPy calls wait for each other.
        """
        if sp.issparse(A):
            return np.ascontiguousarray(sparse_product(A, other.T).T)
        A, (other,) = outer(A, [other.T])
        P = np.empty((other.shape[1], A.shape[0]), self.dtype)

        def part(begin: int, end: int) -> None:
            P[:, begin:end] = other.T @ A[begin:end].T

        in_parts(part, A, len(P))
        return P

    def cross(self, A: Matrix, other: np.ndarray, F: np.ndarray) -> float:
        return inner(self._product(A, other), F)


def sparse_product(A: sp.csr_array, B: np.ndarray) -> np.ndarray:
    """A B (m, l) for A (m, n), by scipy, whose inner loop is up to a third faster when the width is a multiple of VECTOR."""
    n, width = B.shape
    padded = np.zeros((n, -(-width // VECTOR) * VECTOR), B.dtype)
    padded[:, :width] = B
    return times(A, padded)[:, :width]
