"""How does a matrix of any size become a picture of at most a few hundred lines, without hiding its peaks?

Items are ordered by their largest component and its strength, so that blocks become visible; neighbours share a line. A line of
W or H shows the maximum of its members (a mean hides the strong ones); a cell of X, WH and the residual shows the mean, because
only means obey mean(X) - mean(WH) = mean(residual), and because the mean of WH over a block needs no WH:
mean_{i in I, j in J} (WH)_ij = (mean_I W)(mean_J H). Sparse X stays sparse until it has the size of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

STORED_AT_ONCE = 1_000_000  # cells of WH that exist at one time


@dataclass(frozen=True, eq=False)
class Bands:
    """Consecutive groups of an order: band b holds order[starts[b] : starts[b + 1]].

    order : (n,) permutation of the entries
    starts : (b,) positions in `order`, ascending, the first 0
    """

    order: np.ndarray
    starts: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """Entries per band, (b,)."""
        return np.diff(np.append(self.starts, len(self.order)))

    @property
    def single(self) -> bool:
        """Whether each entry has a line of its own."""
        return len(self.starts) == len(self.order)

    @property
    def per_line(self) -> str:
        """Entries per line: "1", "8" or "8–9"."""
        low, high = (int(f(self.sizes)) if len(self.order) else 0 for f in (np.min, np.max)) if len(self.order) else (0, 0)
        return f"{low:,}" if low == high else f"{low:,}–{high:,}"

    def place(self, at: float) -> float:
        """Where the gap before entry `at` of the order lies on an axis whose lines are 0, 1, ..., each from -1/2 to 1/2."""
        edges = np.append(self.starts, len(self.order))
        return float(np.interp(at, edges, np.arange(len(edges)))) - 0.5

    def members(self, band: int) -> np.ndarray:
        """The entries of one band."""
        end = self.starts[band + 1] if band + 1 < len(self.starts) else len(self.order)
        return self.order[self.starts[band] : end]


def bands(order: np.ndarray, most: int, cuts: Sequence[int] = ()) -> Bands:
    """Cut an order into at most `most` bands whose sizes differ by one at most.

    cuts : places at which a band has to begin, so that none holds entries of two groups (sizes then differ by more).
        Left aside where there are more of them than half of the bands.
    """
    n = len(order)
    number = min(n, max(int(most), 1))
    if number == n:
        starts = np.arange(n)
    elif 0 < len(cuts) <= number // 2:
        even, at = (np.arange(number - len(cuts)) * n) // (number - len(cuts)), np.asarray(cuts)
        clear = np.abs(even[:, None] - at).min(axis=1) > n / number / 2
        starts = np.unique(np.concatenate([[0], even[clear], at]))
    else:
        starts = (np.arange(number) * n) // number
    return Bands(np.asarray(order, np.intp), starts.astype(np.intp))


def by_component(W: np.ndarray) -> np.ndarray:
    """Order of the rows of W (m, r): by their largest column, within it the strongest first; all-zero rows last.

    A row belongs to the column that is largest *under the scale of W as given*: apply a scale convention first.
    """
    if not W.shape[0] or not W.shape[1]:
        return np.arange(W.shape[0])
    largest = W.argmax(axis=1)
    strength = W[np.arange(len(W)), largest]
    group = np.where(strength > 0, largest, W.shape[1])
    return np.lexsort((np.arange(len(W)), -strength, group))


def band_maximum(values: np.ndarray, rows: Bands) -> np.ndarray:
    """(b, r) maximum over the rows of each band of values (n, r)."""
    if rows.single:
        return values[rows.order]
    return np.maximum.reduceat(values[rows.order], rows.starts, axis=0)


def band_mean(values: np.ndarray, rows: Bands) -> np.ndarray:
    """(b, r) mean over the rows of each band of values (n, r), in float64."""
    ordered = values[rows.order].astype(np.float64, copy=False)
    return ordered if rows.single else np.add.reduceat(ordered, rows.starts, axis=0) / rows.sizes[:, None]


def block_mean(X: Any, rows: Bands, columns: Bands) -> np.ndarray:
    """(b, c) mean over the blocks of X (m, n), dense or sparse."""
    if sp.issparse(X):  # one pass over the stored values
        return _block_sum(sp.csr_array(X), rows, columns) / np.outer(rows.sizes, columns.sizes)
    left, right = _averager(rows), _averager(columns)
    lines = left @ np.asarray(X, float)
    return lines[:, columns.order] if columns.single else lines @ right.T.toarray()


def observed_means(X: Any, W: np.ndarray, H: np.ndarray, mask: Any, rows: Bands, columns: Bands) -> tuple[np.ndarray, np.ndarray]:
    """(b, c) means of X and of WH over the observed entries of each block; NaN where a block has none.

    X : (m, n) dense or sparse;  W, H : (m, r), (r, n);  mask : (m, n) of 0/1, dense or sparse, 1 = observed
    """
    if sp.issparse(mask):
        seen = sp.csr_array(mask, dtype=np.float64)
        seen.eliminate_zeros()
        at = np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr)), seen.indices
        model, data = seen.copy(), sp.csr_array(X).multiply(seen).tocsr()
        for begin in range(0, len(at[1]), STORED_AT_ONCE):
            part = slice(begin, begin + STORED_AT_ONCE)
            model.data[part] = np.einsum("ij,ij->i", W[at[0][part]], H.T[at[1][part]])
        sums = [_block_sum(A, rows, columns) for A in (data, model, seen)]
    else:
        seen = np.asarray(mask, bool)
        sums = [np.zeros((len(rows.starts), len(columns.starts))) for _ in range(3)]
        place = _band_of(rows)
        for begin in range(0, len(seen), max(1, STORED_AT_ONCE // seen.shape[1])):  # WH of some rows at a time
            some = slice(begin, begin + max(1, STORED_AT_ONCE // seen.shape[1]))
            dense = X[some].toarray() if sp.issparse(X) else np.asarray(X[some], float)
            for held, cells in zip(sums, (dense, W[some] @ H, 1.0), strict=True):
                np.add.at(held, place[some], np.where(seen[some], cells, 0.0)[:, columns.order] @ _members(columns))
    with np.errstate(invalid="ignore"):
        return sums[0] / sums[2], sums[1] / sums[2]


def _block_sum(A: sp.csr_array, rows: Bands, columns: Bands) -> np.ndarray:
    """(b, c) sums over the blocks of sparse A: one pass over the stored values."""
    cell = np.repeat(_band_of(rows), np.diff(A.indptr)) * len(columns.starts) + _band_of(columns)[A.indices]
    return np.bincount(cell, A.data, minlength=len(rows.starts) * len(columns.starts)).reshape(len(rows.starts), -1)


def _members(by: Bands) -> sp.csr_array:
    """(n, b) sparse matrix of ones: which band each place of the order lies in."""
    band = np.repeat(np.arange(len(by.starts)), by.sizes)
    return sp.csr_array((np.ones(len(band)), (np.arange(len(band)), band)), shape=(len(band), len(by.starts)))


def _band_of(by: Bands) -> np.ndarray:
    """(n,) the band of each entry."""
    found = np.empty(len(by.order), np.int64)
    found[by.order] = np.repeat(np.arange(len(by.starts)), by.sizes)
    return found


def _averager(by: Bands) -> sp.csr_array:
    """(b, n) sparse matrix that takes the mean of each band."""
    band = np.repeat(np.arange(len(by.starts)), by.sizes)
    weight = np.repeat(1.0 / np.maximum(by.sizes, 1), by.sizes)
    return sp.csr_array((weight, (band, by.order)), shape=(len(by.starts), len(by.order)))
