"""How does a matrix of any size become a picture of at most a few hundred lines, without hiding its peaks?

Items are ordered by their largest component and its strength, so that blocks become visible; neighbours share a line. A line of
W or H shows the maximum of its members (a mean hides the strong ones); a cell of X, WH and the residual shows the mean, because
only means obey mean(X) - mean(WH) = mean(residual), and because the mean of WH over a block needs no WH:
mean_{i in I, j in J} (WH)_ij = (mean_I W)(mean_J H). Sparse X stays sparse until it has the size of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp


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

    def members(self, band: int) -> np.ndarray:
        """The entries of one band."""
        end = self.starts[band + 1] if band + 1 < len(self.starts) else len(self.order)
        return self.order[self.starts[band] : end]


def bands(order: np.ndarray, most: int) -> Bands:
    """Cut an order into at most `most` bands whose sizes differ by one at most."""
    n = len(order)
    number = min(n, max(int(most), 1))
    starts = np.arange(n) if number == n else (np.arange(number) * n) // number
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
    left, right = _averager(rows), _averager(columns)
    if sp.issparse(X):
        return np.asarray((left @ sp.csr_array(X) @ right.T).toarray(), float)
    return np.asarray(
        (left @ np.asarray(X, float)) @ right.T.toarray()
        if not columns.single
        else (left @ np.asarray(X, float))[:, columns.order]
    )


def _averager(by: Bands) -> sp.csr_array:
    """(b, n) sparse matrix that takes the mean of each band."""
    band = np.repeat(np.arange(len(by.starts)), by.sizes)
    weight = np.repeat(1.0 / np.maximum(by.sizes, 1), by.sizes)
    return sp.csr_array((weight, (band, by.order)), shape=(len(by.starts), len(by.order)))
