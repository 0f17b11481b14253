"""On which scale are W and H read, and what depends on that choice?

WH stays the same when column k of W is multiplied by c > 0 and row k of H is divided by c, so a solver's scale means nothing.
A convention fixes it. It has to be applied before argmax, cosine, percentages and sorting, because all of them change with it:
on one fit of 20 Newsgroups 15 to 30 % of the documents change their largest topic with the convention.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nmfcore.core.factorization import Factors
from nmfcore.topics.clusters import assign

DEFAULT = "H rows L1"


@dataclass(frozen=True)
class Convention:
    """One way to fix the scale: `title` for the picker, `sentence` for the line under every figure."""

    key: str
    title: str
    sentence: str


def _l1(A: np.ndarray) -> np.ndarray:
    return A.sum(axis=1, dtype=np.float64)


def _l2(A: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("ij,ij->i", A, A, dtype=np.float64))


def _max(A: np.ndarray) -> np.ndarray:
    return A.max(axis=1).astype(np.float64)


_SIZES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"L1": _l1, "L2": _l2, "max": _max}

CONVENTIONS: dict[str, Convention] = {
    c.key: c
    for c in (
        Convention("H rows L1", "Rows of H sum to 1", "Each row of H sums to 1 (shares of a topic); the scale is in W."),
        Convention("H rows L2", "Rows of H have length 1", "Each row of H has length 1; the scale is in W."),
        Convention("H rows max", "Rows of H peak at 1", "The largest entry of each row of H is 1; the scale is in W."),
        Convention("W columns L1", "Columns of W sum to 1", "Each column of W sums to 1; the scale is in H."),
        Convention("W columns L2", "Columns of W have length 1", "Each column of W has length 1; the scale is in H."),
        Convention("W columns max", "Columns of W peak at 1", "The largest entry of each column of W is 1; the scale is in H."),
        Convention("as fitted", "As the solver left it", "The scale is the one the solver happened to end with: no meaning."),
    )
}


def apply(W: np.ndarray, H: np.ndarray, convention: str = DEFAULT) -> Factors:
    """W and H on the scale of that convention, as new arrays of the same dtypes; WH is unchanged up to rounding.

    A component that is zero on the normalised side explains nothing; its other side becomes zero too, so that no item can
    be assigned to it.

    Parameters
    ----------
    W : (m, r) array, >= 0
    H : (r, n) array, >= 0
    convention : a key of CONVENTIONS

    Raises
    ------
    ValueError
        If the convention is unknown; the message lists the known ones.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"Unknown scale convention {convention!r}. Known: {', '.join(CONVENTIONS)}.")
    if convention == "as fitted":
        return Factors(W.copy(), H.copy())
    side, _, norm = convention.split(" ")
    sizes = _SIZES[norm](H if side == "H" else W.T)  # (r,) float64
    grow = sizes
    shrink = np.divide(1.0, sizes, out=np.zeros_like(sizes), where=sizes > 0)
    if side == "H":
        return Factors((W * grow).astype(W.dtype), (H * shrink[:, None]).astype(H.dtype))
    return Factors((W * shrink).astype(W.dtype), (H * grow[:, None]).astype(H.dtype))


@dataclass(frozen=True, eq=False)
class ScaleLedger:
    """Which items have another largest component under another convention.

    conventions : (c,) keys
    clusters : (c, m) largest component of every item under each convention, -1 for none
    changed : (c, c) number of items whose cluster differs between two conventions
    """

    conventions: tuple[str, ...]
    clusters: np.ndarray
    changed: np.ndarray

    def moved(self, before: str, after: str) -> np.ndarray:
        """The items whose cluster differs between two conventions, rising."""
        a, b = (self.clusters[self.conventions.index(key)] for key in (before, after))
        return np.flatnonzero(a != b)

    def share(self, before: str, after: str) -> float:
        """The share of items that move, 0 to 1."""
        return len(self.moved(before, after)) / self.clusters.shape[1]

    def moves(self, before: str, after: str) -> list[tuple[int, int, int]]:
        """(item, cluster before, cluster after) of every item that moves, in the order of the items."""
        a, b = (self.clusters[self.conventions.index(key)] for key in (before, after))
        return [(int(i), int(a[i]), int(b[i])) for i in np.flatnonzero(a != b)]


def ledger(
    W: np.ndarray, H: np.ndarray, *, conventions: Sequence[str] = tuple(CONVENTIONS), threshold: float = 0.0
) -> ScaleLedger:
    """The clusters of all items under several conventions, side by side.

    threshold : see `nmfcore.topics.clusters.assign`

    W : (m, r);  H : (r, n)
    """
    clusters = np.stack([assign(apply(W, H, key).W, threshold=threshold).labels for key in conventions])
    changed = (clusters[:, None] != clusters[None]).sum(axis=2)
    return ScaleLedger(tuple(conventions), clusters, changed)
