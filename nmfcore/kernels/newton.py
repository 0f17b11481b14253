"""How is the Kullback-Leibler loss lowered by Newton steps on single entries?

Plain NumPy here; with numba installed, newton_rows in compiled.py does the same.
Source: Hsieh & Dhillon 2011, algorithm 3; Hien & Gillis 2021, algorithm 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from nmfcore.core.wanted import ask
from nmfcore.kernels.available import compiled
from nmfcore.kernels.parts import in_parts

NEWTON_BLOCK = 1 << 16  # stored values worked on at one time: their temporaries stay in the second-level cache
NEWTON_SAFE = 0.683802  # up to this decrement a full Newton step lowers a self-concordant function (Hien & Gillis 2021)
NEWTON_SPAN = 0.02  # of a row's largest stored value: where the smallest is below this, it would damp all steps far too much


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What the steps of all rows have in common.

    sums : (r,) of the fixed factor's columns;  sweeps : passes over the components;  l1, l2 : penalties
    tiny : what WH is kept above where X is stored
    """

    sums: np.ndarray
    sweeps: int
    l1: np.floating
    l2: np.floating
    tiny: np.floating


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
    tiny = dtype(np.finfo(F.dtype).eps ** 1.5 * A.data.max(initial=0.0) or 1.0)
    terms = Terms(sums, sweeps, dtype(l1), dtype(l2), tiny)
    if module is None:
        return _plain_sweeps(A, other, F, terms, sums_wanted)
    new, stored, rule = np.empty_like(F), (A.indptr, A.indices, A.data), (sums, sweeps, terms.l1, terms.l2, tiny)

    def part(begin: int, end: int) -> tuple[float, float]:
        return module.newton_rows(stored, other, rule, F, new, sums_wanted, begin, end)

    parts = in_parts(part, A, 2 * (1 + sweeps) * F.shape[1])
    return new, sum(p[0] for p in parts), sum(p[1] for p in parts)


# -- the plain twin -------------------------------------------------------------------------------------------------------------
class _Stored:
    """What some rows of A store: x (values,) and their columns; and what each row is divided by where a step is long."""

    def __init__(self, A: sp.csr_array, begin: int, end: int) -> None:
        first, last = A.indptr[begin], A.indptr[end]
        self.x, self.columns = A.data[first:last], A.indices[first:last]
        self.counts = np.diff(A.indptr[begin : end + 1])
        self.filled = np.flatnonzero(self.counts)
        self.begins = A.indptr[begin:end][self.filled] - first  # where the rows that store something begin
        least = self.of_rows(self.x, np.minimum)
        with np.errstate(divide="ignore"):  # a stored value may have become 0 in float32
            self.steep = np.where(self.counts > 0, 1 / np.sqrt(least), 0)
        self.wide = (self.counts > 0) & (least < NEWTON_SPAN * self.of_rows(self.x, np.maximum))

    def of_rows(self, values: np.ndarray, how: np.ufunc = np.add) -> np.ndarray:
        """The sum of the values (values,) in each row, or their smallest or largest; 0 in a row that stores nothing."""
        found = np.zeros(len(self.counts), values.dtype)
        if len(self.filled):
            found[self.filled] = how.reduceat(values, self.begins)
        return found

    def spread(self, rows: np.ndarray) -> np.ndarray:
        """A number for each row, at its stored values."""
        return np.repeat(rows, self.counts)


def _plain_sweeps(
    A: sp.csr_array, other: np.ndarray, F: np.ndarray, terms: Terms, wanted: bool
) -> tuple[np.ndarray, float, float]:
    """One component of many rows at a time, as many as NEWTON_BLOCK stored values."""
    pieces, new = np.ascontiguousarray(other.T), np.empty_like(F)  # pieces (r, n)
    logs = cross = 0.0
    cuts = np.searchsorted(A.indptr, np.arange(0, A.nnz, NEWTON_BLOCK)[1:])
    for begin, end in pairwise(np.unique([0, *cuts, len(F)])):
        ask()
        stored = _Stored(A, begin, end)
        new[begin:end], fit = _new_rows(stored, pieces, F[begin:end], terms)
        if wanted:
            logs += float(np.dot(stored.x.astype(np.float64), np.log(fit, dtype=np.float64)))
            cross += float(np.dot(stored.x.astype(np.float64), fit.astype(np.float64)))
    return new, logs, cross


def _new_rows(stored: _Stored, pieces: np.ndarray, F: np.ndarray, terms: Terms) -> tuple[np.ndarray, np.ndarray]:
    """The new rows F (m, r), and WH at their stored values; pieces : (r, n)."""
    new, fit = np.array(F.T, order="C"), np.zeros_like(stored.x)
    for k, piece in enumerate(pieces):
        fit += stored.spread(new[k]) * piece[stored.columns]
    np.maximum(fit, terms.tiny, out=fit)
    for _ in range(terms.sweeps):
        for k in range(len(new)):
            piece = pieces[k][stored.columns]
            change = _change(stored, piece, fit, new[k], terms.sums[k], terms)
            new[k] = np.maximum(new[k] + change, 0)
            piece *= stored.spread(change)
            fit += piece
            np.maximum(fit, terms.tiny, out=fit)
    return new.T, fit


def _change(
    stored: _Stored, piece: np.ndarray, fit: np.ndarray, old: np.ndarray, total: np.floating, terms: Terms
) -> np.ndarray:  # fmt: skip
    """The step of one component in every row (rows,), damped where it is long.

    piece, fit : o_k and y at the stored values;  old : f_k (rows,);  total : s_k
    """
    share = piece / fit
    pulled = stored.x * share
    share *= pulled
    slope = total + terms.l1 + terms.l2 * old - stored.of_rows(pulled)
    bend = stored.of_rows(share) + terms.l2
    change = np.where(slope > 0, -old, 0)
    np.divide(-slope, bend, out=change, where=bend > 0)
    np.maximum(change, -old, out=change)
    size = stored.steep * np.sqrt(bend) * -change
    far = (slope > 0) & (bend > 0) & (size > NEWTON_SAFE)
    np.divide(change, 1 + size, out=change, where=far & ~stored.wide)
    far &= stored.wide
    if far.any():
        steepest = stored.of_rows(piece / fit, np.maximum)
        np.divide(-slope, bend + steepest * slope, out=change, where=far)
        np.maximum(change, -old, out=change)
    return change
