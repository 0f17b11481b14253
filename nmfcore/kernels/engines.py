"""What are the few hot loops, and are they compiled here?

Notation: A is X or its transpose, (m, n); F (m, r) is the factor being updated, `other` (n, r) the fixed one, P = A other and
G = other^T other. Everything exists as plain NumPy (`Rows`); with numba installed (the extra [fast]) `Tiles` does the same
through nmfcore/kernels/compiled.py, which is imported when it is first needed, never by importing nmfcore. NMF_KERNELS=off in the
environment switches it off.
"""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp

from nmfcore.core.factorization import Matrix
from nmfcore.core.products import LONGEST_WORK, times
from nmfcore.core.threads import one_blas_thread, share
from nmfcore.core.wanted import ask

VECTOR = 4  # columns that scipy's compiled sparse product handles at one time
PANEL = 32  # components per panel: the panel's rows stay in cache, and all the others enter through one matrix product
ONE_PANEL = 48  # up to this rank one panel is faster than two
GRAM_ROWS = 4096  # rows per Gram product: they stay in the cache; the sum over the blocks is always float64
SMALL_DENSE = 20_000_000  # multiply-adds of a dense product below which several BLAS threads cost more than they gain
NEWTON_BLOCK = 1 << 16  # stored values worked on at one time: their temporaries stay in the second-level cache
NEWTON_SAFE = 0.683802  # up to this decrement a full Newton step lowers a self-concordant function (Hien & Gillis 2021)
NEWTON_SPAN = 0.02  # of a row's largest stored value: where the smallest is below this, it would damp all steps far too much
SUM_ROW = 1024  # products summed in the arrays' own precision before float64 takes over
PARALLEL_WORK = 4_000_000  # multiply-adds of half an iteration from which two threads gain more than they cost
PARALLEL_GRAM = 20_000_000  # the same for a Gram matrix
CACHED_VALUES = 1 << 17  # stored values worked on forth and back at one time: they stay in the second-level cache
SUMMED_VALUES = 1 << 23  # stored values whose products are summed in float32 before float64 takes over


# -- the plain loops ------------------------------------------------------------------------------------------------------------
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


@dataclass(frozen=True, eq=False)
class LowRank:
    """Y B (m, n) as its two factors, Y (m, l) and B (l, n): what solvers multiply with in place of X."""

    Y: np.ndarray
    B: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return (self.Y.shape[0], self.B.shape[1])

    @property
    def T(self) -> LowRank:
        return LowRank(self.B.T, self.Y.T)

    def __matmul__(self, other: np.ndarray) -> np.ndarray:
        return self.Y @ (self.B @ other)


# -- Kullback-Leibler ------------------------------------------------------------------------------------------------------------
def newton_sweeps(
    A: sp.csr_array, other: np.ndarray, F: np.ndarray, sweeps: int, l1: float = 0.0, l2: float = 0.0, *, sums_wanted: bool = True
) -> tuple[np.ndarray, float, float]:
    """Lower the Kullback-Leibler loss of A against F other^T by Newton steps on one component after the other, all rows at once.

    With y = F other^T at the stored x:  g_k = sum x o_k / y,  h_k = sum x o_k^2 / y^2,  s_k = sum of other's column k,
    f_k <- max(0, f_k + (g_k - s_k) / h_k). A step up never goes too far (the slope is concave in f_k). A step N down may: where
    lambda = sqrt(h / min x) N > 0.6838 it is divided by 1 + lambda, or, where x spans too much for that, by 1 + M N with
    M = max o_k / y. Over a step d the slope changes by at most d h / (1 - M d), so the loss falls by at least
    d (s - g) - d^2 h / (2 (1 - M d)) > 0; and as M <= 1 / f_k, no row comes to a standstill, however small an entry it stores.
    Memory: a few arrays of NEWTON_BLOCK numbers (compiled: of one row).

    A : (m, n) CSR;  other : (n, r);  F : (m, r), where the steps begin

    Returns
    -------
    the new F (m, r), sum of x log y, sum of x y; the sums in float64, and only if they are wanted

    Source: Hsieh & Dhillon 2011, algorithm 3; lambda: Hien & Gillis 2021, algorithm 3 (SN-MU's scalar Newton part).
    """
    module = compiled()
    dtype = F.dtype.type
    sums = other.sum(axis=0, dtype=np.float64).astype(F.dtype)
    tiny = dtype(np.finfo(F.dtype).eps ** 1.5 * A.data.max(initial=0.0) or 1.0)  # WH is kept above this where X is stored
    if module is None:
        return _newton_sweeps(A, other, F, sums, sweeps, l1, l2, tiny, sums_wanted)
    new = np.empty_like(F)

    def part(begin: int, end: int) -> tuple[float, float]:
        return module.newton_rows(
            A.indptr, A.indices, A.data, other, sums, F, new, sweeps, dtype(l1), dtype(l2), tiny, sums_wanted, begin, end
        )  # fmt: skip

    parts = _in_parts(part, A, 2 * (1 + sweeps) * F.shape[1])
    return new, sum(p[0] for p in parts), sum(p[1] for p in parts)


def _newton_sweeps(
    A: sp.csr_array, other: np.ndarray, F: np.ndarray, sums: np.ndarray, sweeps: int, l1: float, l2: float, tiny: float,
    wanted: bool,
) -> tuple[np.ndarray, float, float]:  # fmt: skip
    """The plain twin: one component of many rows at a time, as many as NEWTON_BLOCK stored values."""
    pieces, new = np.ascontiguousarray(other.T), np.empty_like(F)  # pieces (r, n)
    logs = cross = 0.0
    cuts = np.searchsorted(A.indptr, np.arange(0, A.nnz, NEWTON_BLOCK)[1:])
    for begin, end in pairwise(np.unique([0, *cuts, len(F)])):
        ask()
        stored = slice(A.indptr[begin], A.indptr[end])
        x, indptr = A.data[stored], A.indptr[begin : end + 1] - A.indptr[begin]
        rows, fit = _newton_rows(x, A.indices[stored], indptr, pieces, F[begin:end], sums, sweeps, l1, l2, tiny)
        new[begin:end] = rows
        if wanted:
            logs += float(np.dot(x.astype(np.float64), np.log(fit, dtype=np.float64)))
            cross += float(np.dot(x.astype(np.float64), fit.astype(np.float64)))
    return new, logs, cross


def _newton_rows(
    x: np.ndarray, columns: np.ndarray, indptr: np.ndarray, pieces: np.ndarray, F: np.ndarray, sums: np.ndarray, sweeps: int,
    l1: float, l2: float, tiny: float,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The new rows F (m, r), and WH at their stored values; x, columns, indptr : those rows in CSR."""
    counts = np.diff(indptr)
    filled = np.flatnonzero(counts)
    begins = indptr[filled]  # where the rows that store something begin
    new, dtype = np.array(F.T, order="C"), F.dtype.type
    fit = np.zeros_like(x)
    for k in range(len(new)):
        fit += np.repeat(new[k], counts) * pieces[k][columns]
    np.maximum(fit, tiny, out=fit)
    steep, pull, curve = (np.zeros(len(F), F.dtype) for _ in range(3))
    wide = np.zeros(len(F), bool)
    if len(filled):
        least = np.minimum.reduceat(x, begins)
        with np.errstate(divide="ignore"):  # a stored value may have become 0 in float32
            steep[filled] = 1 / np.sqrt(least)
        wide[filled] = least < NEWTON_SPAN * np.maximum.reduceat(x, begins)
    for _ in range(sweeps):
        for k in range(len(new)):
            piece = pieces[k][columns]
            share = piece / fit
            pulled = x * share
            share *= pulled
            if len(filled):
                pull[filled] = np.add.reduceat(pulled, begins)
                curve[filled] = np.add.reduceat(share, begins)
            slope = sums[k] + dtype(l1) + dtype(l2) * new[k] - pull
            bend = curve + dtype(l2)
            change = np.where(slope > 0, -new[k], 0)
            np.divide(-slope, bend, out=change, where=bend > 0)
            np.maximum(change, -new[k], out=change)
            size = steep * np.sqrt(bend) * -change
            far = (slope > 0) & (bend > 0) & (size > NEWTON_SAFE)
            np.divide(change, 1 + size, out=change, where=far & ~wide)
            far &= wide
            if far.any():
                steepest = np.zeros_like(bend)
                steepest[filled] = np.maximum.reduceat(piece / fit, begins)
                np.divide(-slope, bend + steepest * slope, out=change, where=far)
                np.maximum(change, -new[k], out=change)
            new[k] = np.maximum(new[k] + change, 0)
            piece *= np.repeat(change, counts)
            fit += piece
            np.maximum(fit, tiny, out=fit)
    return new.T, fit


@dataclass(frozen=True, eq=False)
class Pace:
    """How half an iteration of several starts goes: passes over the components, penalties, the step ahead of each (starts,)."""

    betas: np.ndarray
    sweeps: int
    l1: float = 0.0
    l2: float = 0.0


# -- two engines with one interface ---------------------------------------------------------------------------------------------
class Engine(Protocol):
    """Holds factors in the layout its loops want; `inside` and `outside` translate from and to (m, r)."""

    dtype: np.dtype

    def inside(self, F: np.ndarray) -> np.ndarray:
        """The factor (m, r) in the engine's own layout and dtype, always a copy."""
        ...

    def outside(self, F: np.ndarray) -> np.ndarray:
        """The factor as (m, r), a view where possible."""
        ...

    def gram(self, F: np.ndarray) -> np.ndarray:
        """F^T F (r, r) in float64; of float32 factors exact only if the engine is."""
        ...

    def grams(self, F: np.ndarray, places: Sequence[int]) -> np.ndarray:
        """`gram` of the starts at these places of those side by side, (places, r, r)."""
        ...

    def half(
        self, A: Matrix, other: np.ndarray, G: np.ndarray, start: np.ndarray, previous: np.ndarray, beta: float, sweeps: int,
        l1: float = 0.0, l2: float = 0.0, start_gram: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray, float]:  # fmt: skip
        """Half an iteration: sweeps from `start`, then one extrapolated step.

        Returns new = sweeps(start; P - l1, G + l2 I), ahead = max(0, new + beta (new - previous)) (the same array when beta
        is 0), and the value 1/2 <new, G new> - <P, new> in float64, without the penalty: only if start_gram = gram(start) is
        given (the compiled loop needs it), else NaN.
        """
        ...

    def beside(self, factors: Sequence[np.ndarray]) -> np.ndarray:
        """The same factor of several starts side by side, a copy; each is in the engine's layout, or a part by `one`."""
        ...

    def one(self, F: np.ndarray, place: int) -> np.ndarray:
        """The factor of the start at that place among those side by side, a view; `gram` and `outside` take it."""
        ...

    def halves(
        self, A: Matrix, other: np.ndarray, G: np.ndarray, start: np.ndarray, previous: np.ndarray, pace: Pace,
        start_grams: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
        """`half` of several starts whose factors stand side by side: A is read once for all of them.

        G : (starts, r, r);  start_grams : (starts, r, r) or None; the values are (starts,). Every start gets
        the bits that it gets alone.
        """
        ...

    def settle(
        self, P: np.ndarray, G: np.ndarray, start: np.ndarray, previous: np.ndarray, beta: float, sweeps: int,
        l1: float = 0.0, l2: float = 0.0, start_gram: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray, float]:  # fmt: skip
        """`half` with the product P = A other given, in the engine's layout."""
        ...

    def both(
        self, A: Matrix, other: np.ndarray, G: np.ndarray, start: np.ndarray, previous: np.ndarray, beta: float, sweeps: int,
        l1: float = 0.0, l2: float = 0.0, alive: Callable[[], None] = lambda: None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
        """`half`, and A^T ahead for the other half of the iteration while the rows of A are in the cache: A is read once.

        Returns new, ahead and A^T ahead in the engine's layout. One thread: whoever has many blocks works on several at once.
        alive : called every few milliseconds; what it raises ends the work
        """
        ...

    def cross(self, A: Matrix, other: np.ndarray, F: np.ndarray) -> float:
        """<A other, F> in float64."""
        ...


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
        self, A: Matrix, other: np.ndarray, G: np.ndarray, start: np.ndarray, previous: np.ndarray, beta: float, sweeps: int,
        l1: float = 0.0, l2: float = 0.0, start_gram: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray, float]:  # fmt: skip
        return self.settle(self._product(A, other), G, start, previous, beta, sweeps, l1, l2, start_gram, spoil=True)

    def halves(
        self, A: Matrix, other: np.ndarray, G: np.ndarray, start: np.ndarray, previous: np.ndarray, pace: Pace,
        start_grams: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
        starts = range(len(G))
        if sp.issparse(A) or len(G) == 1:
            P = self._product(A, other)
        else:  # BLAS sums in another order where the product is wider, and gains little
            P = self.beside([self._product(A, self.one(other, s)) for s in starts])
        settled = [
            self.settle(
                self.one(P, s), G[s], self.one(start, s), self.one(previous, s), float(pace.betas[s]), pace.sweeps,
                pace.l1, pace.l2, None if start_grams is None else start_grams[s], spoil=True,
            )
            for s in starts
        ]  # fmt: skip
        news, ahead, values = zip(*settled, strict=True)
        return (news[0] if len(G) == 1 else self.beside(news), ahead[0] if len(G) == 1 else self.beside(ahead), np.array(values))

    def settle(
        self, P: np.ndarray, G: np.ndarray, start: np.ndarray, previous: np.ndarray, beta: float, sweeps: int,
        l1: float = 0.0, l2: float = 0.0, start_gram: np.ndarray | None = None, *, spoil: bool = False,
    ) -> tuple[np.ndarray, np.ndarray, float]:  # fmt: skip
        P = P if spoil else P.copy()
        new = start.copy()
        plain = not (l1 or l2)
        sweep_rows(new, P if plain else P - self.dtype.type(l1), G if plain else G + l2 * np.eye(len(G)), sweeps, spoil=True)
        if start_gram is None:
            value = np.nan
        else:
            value = 0.5 * float(np.sum(G * self.gram(new)))
            divided = _inverse(G, self.dtype) if plain else np.ones(len(G))  # what the sweeps multiplied P by
            value -= sum(_inner(p, f) / float(by) for p, f, by in zip(P, new, divided, strict=True) if by)
        del P
        return new, ahead(new, previous, beta), value

    def both(
        self, A: Matrix, other: np.ndarray, G: np.ndarray, start: np.ndarray, previous: np.ndarray, beta: float, sweeps: int,
        l1: float = 0.0, l2: float = 0.0, alive: Callable[[], None] = lambda: None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
        new, further = np.empty_like(start), np.empty_like(start)
        back = np.zeros((A.shape[1], len(other)))
        for begin, end in _spans(A, SUMMED_VALUES):  # (n, r) in float64: the sum of a block's frequent column is long
            alive()
            rows, part = A[begin:end], slice(begin, end)
            P = self._product(rows, other)
            new[:, part], further[:, part], _ = self.settle(
                P, G, np.ascontiguousarray(start[:, part]), previous[:, part], beta, sweeps, l1, l2, spoil=True
            )
            back += rows.T @ further[:, part].T
        return new, further, np.array(back.T, self.dtype, order="C")

    def _product(self, A: Matrix, other: np.ndarray) -> np.ndarray:
        """P^T (r, m). Dense products are shared out.

        Sparse ones are not (scipy keeps the GIL), nor are the sweeps: threads of short NumPy calls wait for each other.
        """
        if sp.issparse(A):
            return np.ascontiguousarray(_sparse_product(A, other.T).T)
        A, (other,) = _outer(A, [other.T])
        P = np.empty((other.shape[1], A.shape[0]), self.dtype)

        def part(begin: int, end: int) -> None:
            P[:, begin:end] = other.T @ A[begin:end].T

        _in_parts(part, A, len(P))
        return P

    def cross(self, A: Matrix, other: np.ndarray, F: np.ndarray) -> float:
        return _inner(self._product(A, other), F)


class Tiles:
    """Compiled. Factors are (m, R) with R the rank rounded up to whole vectors; the padding stays zero.

    Several side by side are (m, T) with start s in the columns [s r, s r + r) and room for a whole vector after the last.
    """

    def __init__(self, rank: int, dtype: np.dtype, exact: bool = True, module: ModuleType | None = None) -> None:
        module = module or _load()
        if module is None:
            raise RuntimeError("There are no compiled kernels here; see kernels.in_use().")
        self.module, self.rank, self.dtype, self.exact = module, rank, dtype, exact
        self.width = self._width(1)

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
        return gram(F[:, : self.rank], self.exact)

    def grams(self, F: np.ndarray, places: Sequence[int]) -> np.ndarray:
        return grams(F, [slice(place * self.rank, (place + 1) * self.rank) for place in places], self.exact)

    def half(
        self, A: Matrix, other: np.ndarray, G: np.ndarray, start: np.ndarray, previous: np.ndarray, beta: float, sweeps: int,
        l1: float = 0.0, l2: float = 0.0, start_gram: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray, float]:  # fmt: skip
        grams = None if start_gram is None else start_gram[None]
        new, further, values = self.halves(A, other, G[None], start, previous, Pace(np.array([beta]), sweeps, l1, l2), grams)
        return new, further, float(values[0])

    def halves(
        self, A: Matrix, other: np.ndarray, G: np.ndarray, start: np.ndarray, previous: np.ndarray, pace: Pace,
        start_grams: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
        new, further, rest = self._prepared(G, start, previous, pace)
        if sp.issparse(A):
            stored = (A.indptr, A.indices, A.data)

            def part(begin: int, end: int) -> np.ndarray:
                return self.module.half_sparse(stored, other, *rest, begin, end)
        else:
            A, others = _outer(A, [self.one(other, place) for place in range(len(G))])

            def part(begin: int, end: int) -> np.ndarray:
                return self.module.half_dense(self._products(A[begin:end], others, start.shape[1]), *rest, begin, end)

        gained = sum(_in_parts(part, A, self.width))  # cut as for one start alone: the sums are the same
        return new, further, _values(G, start_grams, gained)

    def _prepared(
        self, G: np.ndarray, start: np.ndarray, previous: np.ndarray, pace: Pace
    ) -> tuple[np.ndarray, np.ndarray, tuple[Any, ...]]:
        """What the kernels write to, new and further, and their arguments after the product."""
        used, width = len(G) * self.rank, start.shape[1]
        new = np.empty_like(start)
        further = np.empty_like(start) if np.any(pace.betas) else new
        ahead = np.zeros((self.module.TILE, width), self.dtype)  # filled by rows: np.tile takes ten times as long
        ahead[:, :used] = pace.betas[0] if len(G) == 1 else np.repeat(pace.betas, self.rank)
        rule = (ahead.ravel(), pace.sweeps, self.dtype.type(pace.l1), self.dtype.type(pace.l2))
        return new, further, (np.ascontiguousarray(G, self.dtype), (start, previous, new, further), rule)

    def _products(self, A: np.ndarray, others: Sequence[np.ndarray], width: int) -> np.ndarray:
        """P (m, T) for dense A, one product for each start: BLAS sums in another order where the product is wider."""
        P = np.empty((len(A), width), self.dtype)  # what stands beyond the last start is read, and used nowhere
        for place, other in enumerate(others):
            self.one(P, place)[:] = A @ other
        return P

    def settle(
        self, P: np.ndarray, G: np.ndarray, start: np.ndarray, previous: np.ndarray, beta: float, sweeps: int,
        l1: float = 0.0, l2: float = 0.0, start_gram: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray, float]:  # fmt: skip
        new, further, rest = self._prepared(G[None], start, previous, Pace(np.array([beta]), sweeps, l1, l2))

        def part(begin: int, end: int) -> np.ndarray:
            return self.module.half_dense(P[begin:end], *rest, begin, end)

        gained = sum(_in_parts(part, P, self.width))
        return new, further, float(_values(G[None], None if start_gram is None else start_gram[None], gained)[0])

    def both(
        self, A: Matrix, other: np.ndarray, G: np.ndarray, start: np.ndarray, previous: np.ndarray, beta: float, sweeps: int,
        l1: float = 0.0, l2: float = 0.0, alive: Callable[[], None] = lambda: None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
        new, further, rest = self._prepared(G[None], start, previous, Pace(np.array([beta]), sweeps, l1, l2))
        back, total = np.zeros((A.shape[1], self.width), self.dtype), None
        summed = 0
        for begin, end in _spans(A, CACHED_VALUES):
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
        return _inner(self.product(A, other), F)

    def product(self, A: Matrix, other: np.ndarray) -> np.ndarray:
        """A other (m, R)."""
        if not sp.issparse(A):
            return A @ other
        P = np.empty((A.shape[0], self.width), self.dtype)
        _in_parts(lambda begin, end: self.module.product(A.indptr, A.indices, A.data, other, P, begin, end), A, self.width)
        return P


def multiply(A: Matrix, B: np.ndarray, *, plain: bool = False) -> np.ndarray:
    """A B (m, l) for sparse or dense A (m, n) and dense B (n, l) of one dtype; compiled for sparse A where that is possible.

    plain : not even then
    """
    if not sp.issparse(A):
        P = np.empty((A.shape[0], B.shape[1]), A.dtype)

        def part(begin: int, end: int) -> None:
            np.matmul(A[begin:end], B, out=P[begin:end])

        with one_blas_thread():
            _in_parts(part, A, B.shape[1])
        return P
    module = None if plain else compiled()  # asked once: another thread may begin to warm the kernels at any moment
    if module is None:
        return _sparse_product(A, B)
    tiles = Tiles(B.shape[1], A.dtype, exact=False, module=module)
    return tiles.outside(tiles.product(A, tiles.inside(B)))


def round_trip(
    A: Matrix, B: np.ndarray, *, back: bool = True, plain: bool = False, alive: Callable[[], None] = lambda: None
) -> tuple[np.ndarray, np.ndarray | None]:
    """P = A B (m, l) and A^T P (n, l) for dense B (n, l), reading A once; one thread.

    back : whether the second is wanted; plain : without compiled kernels, whatever is installed; alive : as in `Engine.both`
    """
    module = None if plain else _load()
    if module is None or not sp.issparse(A):
        P, total = np.empty((A.shape[0], B.shape[1]), A.dtype), np.zeros(B.shape)
        for begin, end in _spans(A, SUMMED_VALUES):
            alive()
            rows = A[begin:end]
            P[begin:end] = rows @ B
            if back:
                total += rows.T @ P[begin:end]
        return P, total.astype(A.dtype) if back else None
    tiles = Tiles(B.shape[1], A.dtype, module=module)
    inside, P = tiles.inside(B), np.empty((A.shape[0], tiles.width), A.dtype)
    sums, total, summed = np.zeros(inside.shape if back else (0, 0), A.dtype), np.zeros(inside.shape if back else (0, 0)), 0
    for begin, end in _spans(A, CACHED_VALUES):
        alive()
        module.product(A.indptr, A.indices, A.data, inside, P, begin, end)
        if back:
            module.back_product(A.indptr, A.indices, A.data, P, sums, begin, end)
            summed += int(A.indptr[end]) - int(A.indptr[begin])
            if summed >= SUMMED_VALUES:
                total += sums
                sums[:], summed = 0, 0
    return tiles.outside(P), tiles.outside((total + sums).astype(A.dtype)) if back else None


def _sparse_product(A: sp.csr_array, B: np.ndarray) -> np.ndarray:
    """A B by scipy, whose inner loop is up to a third faster when the width is a multiple of VECTOR."""
    n, width = B.shape
    padded = np.zeros((n, -(-width // VECTOR) * VECTOR), B.dtype)
    padded[:, :width] = B
    return times(A, padded)[:, :width]


def engine(rank: int, dtype: np.dtype, exact: bool = True, *, plain: bool = False) -> Engine:
    """The fastest engine there is here for factors of this rank and dtype.

    plain : without compiled kernels, whatever is installed
    exact : Gram matrices in float64 even of float32 factors. Their rounding is the largest part of the loss's: about 1e-7 of
        ||X||^2, which matters where the fit is good.
    """
    module = None if plain else compiled()
    return Rows(rank, dtype, exact) if module is None else Tiles(rank, dtype, exact, module)


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

    spans = [(begin, min(begin + GRAM_ROWS, len(F))) for begin in range(0, len(F), GRAM_ROWS)]
    if len(spans) == 1:
        return square(*spans[0])
    several = len(F) * len(parts) * width**2 >= PARALLEL_GRAM
    total = np.zeros((len(parts), width, width))
    for found in share(square, spans) if several else map(square, *zip(*spans, strict=True)):
        total += found
    return total


def _inner(A: np.ndarray, B: np.ndarray) -> float:
    """<A, B>: 1024 products at a time in their own precision, the sum of those in float64."""
    a, b = A.ravel(), B.ravel()
    whole = len(a) // SUM_ROW * SUM_ROW
    parts = np.einsum("ij,ij->i", a[:whole].reshape(-1, SUM_ROW), b[:whole].reshape(-1, SUM_ROW))
    return float(np.sum(parts, dtype=np.float64)) + float(np.dot(a[whole:], b[whole:]))


def ahead(new: np.ndarray, previous: np.ndarray, beta: float, keep: float = 0.0) -> np.ndarray:
    """max(keep new, new + beta (new - previous)): one step on in the direction just moved; `new` itself when beta is 0."""
    if not beta:
        return new
    step = new - previous
    step *= new.dtype.type(beta)
    step += new
    return np.maximum(step, new * new.dtype.type(keep) if keep else 0, out=step)


def _outer(A: Matrix, others: list[np.ndarray]) -> tuple[Matrix, list[np.ndarray]]:
    """The same products A other with a plain left side: for A = Y B that is Y (B other), whose rows can be taken apart."""
    return (A.Y, [A.B @ other for other in others]) if isinstance(A, LowRank) else (A, others)


def _values(G: np.ndarray, start_grams: np.ndarray | None, gained: np.ndarray) -> np.ndarray:
    """1/2 <new, G new> - <P, new> of every start (starts,), from its value before and what was gained; or NaN."""
    if start_grams is None:
        return np.full(len(G), np.nan)
    return np.array([0.5 * float(np.sum(a * b)) for a, b in zip(G, start_grams, strict=True)]) - gained


def _spans(A: Matrix, values: int) -> Iterator[tuple[int, int]]:
    """Runs of rows of A with about so many stored values each, cut at multiples of 64 rows; they depend on A alone."""
    m = A.shape[0]
    if sp.issparse(A):
        aims = np.arange(values, int(A.indptr[-1]), values)
        cuts = np.searchsorted(A.indptr, aims) // 64 * 64
    else:
        cuts = np.arange(0, m, max(64, values // max(1, A.shape[1]) // 64 * 64))
    yield from pairwise(np.unique(np.concatenate([[0], cuts, [m]])).tolist())


# -- threads --------------------------------------------------------------------------------------------------------------------
def _in_parts(loop: Callable[[int, int], Any], A: Matrix, width: int) -> list[Any]:
    """Run loop(begin, end) over all rows of A, several at a time when that pays; the results in order.

    The loops leave the GIL. Where A is cut depends on A alone, so that no sum depends on the number of processors.
    """
    m, n = A.shape
    work = (A.nnz if sp.issparse(A) else m * n) * width + m * width * width
    parts = 1 if work < PARALLEL_WORK or m < 256 else 2 if m < 1024 else max(4, int(work // LONGEST_WORK))
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


# -- compiled or not ------------------------------------------------------------------------------------------------------------
class _Warming:
    """How many threads are preparing the kernels."""

    def __init__(self) -> None:
        self.lock, self.users = threading.Lock(), 0


_warming = _Warming()  # the kernels are the process's, so this is too
if hasattr(os, "register_at_fork"):  # a child has none of the threads that were warming them
    os.register_at_fork(after_in_child=_warming.__init__)  # type: ignore[misc]


@contextmanager
def plain_meanwhile() -> Iterator[None]:
    """Inside, runs of every thread use plain NumPy: nobody waits for kernels that are being prepared."""
    with _warming.lock:
        _warming.users += 1
    try:
        yield
    finally:
        with _warming.lock:
            _warming.users -= 1


def compiled() -> ModuleType | None:
    """The module compiled.py when numba is installed, not switched off and not just being warmed by another thread; else None."""
    if not wanted() or _warming.users:
        return None
    return _load()


def wanted() -> bool:
    """Whether the compiled kernels are installed and not switched off by NMF_KERNELS=off."""
    return os.environ.get("NMF_KERNELS", "auto").lower() not in ("off", "0", "no", "false") and _installed()


@lru_cache(maxsize=1)
def _installed() -> bool:
    return importlib.util.find_spec("numba") is not None


@lru_cache(maxsize=1)
def _load() -> ModuleType | None:
    try:
        return importlib.import_module("nmfcore.kernels.compiled")
    except Exception:  # an installed but broken numba (a too new NumPy, say) must not break NMF: plain NumPy takes over
        return None


def warm(dtype: Any = np.float32) -> bool:
    """Compile (or load from the cache) every kernel for this dtype; meant for a background thread at start-up.

    While it works, runs in other threads use plain NumPy instead of waiting. Takes 5 to 10 s once per machine and version, a
    fraction of a second afterwards. Returns whether compiled kernels are in use.
    """
    if not wanted():
        return False
    with plain_meanwhile():
        module = _load()
        if module is None:
            return False
        module.warm(np.dtype(dtype))
        return True


def in_use() -> str:
    """A sentence for people: which loops run here, and how to change that."""
    if os.environ.get("NMF_KERNELS", "auto").lower() in ("off", "0", "no", "false"):
        return "Plain NumPy (compiled kernels are switched off by NMF_KERNELS)"
    if not _installed():
        return "Plain NumPy (install the extra [fast] for compiled kernels)"
    if _warming.users:
        return "Plain NumPy for the moment (the compiled kernels are being prepared)"
    if _load() is None:
        return "Plain NumPy (numba is installed but does not work here)"
    return "Compiled kernels (numba)"
