"""What is close to what: items, words, or topics, and where do the topics lie on a map?

cosine(a, b) = a b / (||a|| ||b||): 1 = same direction, 0 = nothing in common (for non-negative rows). Cosines between rows of W
depend on the scale convention of the columns, so W comes scaled (topics/scale.py). The map is multidimensional scaling with
a fixed start: the same topics always lie in the same places, and the stress says how much the map distorts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.topics.terms import best

SWEEPS, SETTLED = 500, 1e-10  # SMACOF stops here, or when the stress falls by less than this share
TIE = 1e-6  # entries this close to the largest count as equally large when an axis gets its direction


def unit_rows(M: Any) -> Any:
    """M (dense float64 or CSR) with rows of length 1; zero rows stay zero.

    M : (a, n) array or CSR
    """
    if sp.issparse(M):
        rows = sp.csr_array(M, dtype=np.float64)
        norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
        return sp.csr_array(sp.diags_array(np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)) @ rows)
    rows = np.asarray(M, np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1.0)


def cosine_rows(A: Any, B: Any = None) -> np.ndarray:
    """(a, b) cosines between the rows of A and the rows of B (or of A itself); 0 with a zero row.

    For topics give H; the result is (r, r). For many items use `nearest`: this forms all pairs.

    A : (a, n) array or CSR;  B : (b, n), or None
    """
    left = unit_rows(A)
    right = left if B is None else unit_rows(B)
    product = left @ right.T
    return np.clip(product.toarray() if sp.issparse(product) else product, -1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest entries, nearest first: indices and cosines."""

    indices: np.ndarray
    cosines: np.ndarray


def nearest(M: Any, index: int, *, count: int = 10) -> Neighbours:
    """The rows of M with the largest cosine to row `index`, itself and rows without anything in common left out.

    M : (m, k) array or sparse: W on a scale convention for "the same topics", X for "the same words", H.T for words
    """
    row = M[[index]].toarray().ravel() if sp.issparse(M) else M[index]
    return _nearest(_cosines_with(M, row), count, without=index)


def nearest_to(M: Any, row: Any, *, count: int = 10) -> Neighbours:
    """The rows of M nearest to a new row (k,), which is not one of them."""
    return _nearest(_cosines_with(M, row), count, without=None)


def _cosines_with(M: Any, row: Any) -> np.ndarray:
    """(m,) cosines of the rows of M with one row, by one product: no copy of M with rows of length 1 is made."""
    if sp.issparse(M):
        rows = sp.csr_array(M)
        square = sp.csr_array((np.square(rows.data, dtype=np.float64), rows.indices, rows.indptr), shape=rows.shape)
        sizes = np.sqrt(np.asarray(square.sum(axis=1)).ravel())
    else:
        sizes = np.linalg.norm(np.asarray(M, np.float64), axis=1)
    new = unit_rows(np.asarray(row, np.float64)[None])[0]
    return np.divide(np.asarray(M @ new), sizes, out=np.zeros(len(sizes)), where=sizes > 0)


def _nearest(cosines: np.ndarray, count: int, without: int | None) -> Neighbours:
    cosines = np.minimum(cosines, 1.0)
    if without is not None:
        cosines[without] = -np.inf
    order = best(cosines, count)
    order = order[cosines[order] > 0]
    return Neighbours(order, cosines[order])


@dataclass(frozen=True, eq=False)
class Map:
    """Points in the plane whose distances stand for given ones.

    points : (r, 2)
    stress : Kruskal's stress-1, sqrt(sum (d - delta)^2 / sum delta^2): 0 exact, above 0.2 a map to distrust
    distances : (r, r) the distances that were to be shown
    """

    points: np.ndarray
    stress: float
    distances: np.ndarray

    @property
    def verdict(self) -> str:
        """Kruskal's (1964) words for the stress."""
        for limit, word in ((0.025, "excellent"), (0.05, "good"), (0.1, "fair"), (0.2, "poor")):
            if self.stress <= limit:
                return word
        return "to be distrusted"


def topic_map(H: np.ndarray) -> Map:
    """The topics in the plane: MDS of the distances sqrt(2 - 2 cosine) between the rows of H, straight lines between unit rows.

    Far apart does mean different; how near two points are is only as good as the stress says.

    H : (r, n) array, >= 0
    """
    unit = unit_rows(H)
    return mds(np.sqrt(np.maximum(2.0 - 2.0 * (unit @ unit.T), 0.0)))


def mds(distances: np.ndarray) -> Map:
    """Points in the plane from distances (r, r): classical scaling as the start, then SMACOF, which never raises the stress.

    No random start: equal distances give equal maps. Axis 1 has the larger spread, and on each axis the entry furthest out
    is positive.

    Source: Torgerson 1952; de Leeuw 1977; Borg & Groenen 2005, section 8.6; stress-1: Kruskal 1964.
    """
    delta = np.array(distances, np.float64)
    np.fill_diagonal(delta, 0.0)
    delta = (delta + delta.T) / 2.0
    r = len(delta)
    centre = np.eye(r) - 1.0 / max(r, 1)
    values, vectors = np.linalg.eigh(-0.5 * centre @ delta**2 @ centre)
    points = np.zeros((r, 2))
    for axis in range(min(2, r)):
        points[:, axis] = vectors[:, -1 - axis] * np.sqrt(max(values[-1 - axis], 0.0))
    before = _raw_stress(points, delta)
    for _ in range(SWEEPS):
        moved = _guttman(points, delta)
        now = _raw_stress(moved, delta)
        if now >= before:
            break
        points, gain, before = moved, before - now, now
        if gain <= SETTLED * now:
            break
    points = _directed(points)
    total = float(np.sum(delta**2)) / 2.0
    return Map(points, float(np.sqrt(before / total)) if total > 0 else 0.0, delta)


def _between(points: np.ndarray) -> np.ndarray:
    """(r, r) distances between points."""
    gaps = points[:, None] - points[None]
    return np.sqrt(np.einsum("ijk,ijk->ij", gaps, gaps))


def _raw_stress(points: np.ndarray, delta: np.ndarray) -> float:
    return float(np.sum((_between(points) - delta) ** 2)) / 2.0


def _guttman(points: np.ndarray, delta: np.ndarray) -> np.ndarray:
    """The Guttman transform B(points) points / r."""
    d = _between(points)
    B = -np.divide(delta, d, out=np.zeros_like(delta), where=d > 0)
    np.fill_diagonal(B, 0.0)
    np.fill_diagonal(B, -B.sum(axis=1))
    return B @ points / len(points)


def _directed(points: np.ndarray) -> np.ndarray:
    """Points centred, turned to their principal axes, each axis with its furthest entry positive."""
    if not len(points):
        return points
    centred = points - points.mean(axis=0)
    turned = centred @ np.linalg.eigh(centred.T @ centred)[1][:, ::-1]
    size = np.abs(turned)
    furthest = np.argmax(size >= size.max(axis=0) * (1.0 - TIE), axis=0)
    return turned * np.where(turned[furthest, [0, 1]] < 0, -1.0, 1.0)
