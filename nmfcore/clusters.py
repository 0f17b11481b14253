"""To which component does each item belong, which items belong to none, and does that agree with known labels?

An item's cluster is its largest entry in W under a stated scale convention (nmfcore/scale.py). Items whose row of W is zero
(empty documents) belong to none (-1), and so do, with a threshold, items without a clear largest share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NONE = -1  # the cluster of items that belong to no component
NOTHING = 1e-12  # rows of W whose sum is below this share of the largest row sum count as zero


@dataclass(frozen=True, eq=False)
class Clusters:
    """The hard clustering that W implies.

    labels : (m,) component of each item, counted from 0; -1 for none
    share : (m,) the largest entry's share of the row of W, 0 for zero rows; in [1/r, 1] otherwise
    sizes : (r,) items per component
    empty : (m,) True where the row of W is zero
    abstained : (m,) True where the share is below the threshold
    """

    labels: np.ndarray
    share: np.ndarray
    sizes: np.ndarray
    empty: np.ndarray
    abstained: np.ndarray

    @property
    def none(self) -> np.ndarray:
        """The items that belong to no component, rising."""
        return np.flatnonzero(self.labels == NONE)

    def members(self, component: int) -> np.ndarray:
        """The items of one component, the surest first; ties in the order of the items."""
        inside = np.flatnonzero(self.labels == component)
        return inside[np.argsort(-self.share[inside], kind="stable")]


def assign(W: np.ndarray, *, threshold: float = 0.0) -> Clusters:
    """The component with the largest weight for every item, or none.

    Parameters
    ----------
    W : (m, r) array, >= 0, already on the scale convention that is to be used
    threshold : abstain (-1) where the largest entry is below this share of the row's sum; 0 never abstains, 1 nearly always

    Returns
    -------
    Clusters
        Of equal entries the smaller component number wins.
    """
    if not 0.0 <= threshold <= 1.0:
        raise ValueError(f"The abstain threshold is a share between 0 and 1, not {threshold:g}.")
    sums = W.sum(axis=1, dtype=np.float64)
    top = np.argmax(W, axis=1)
    empty = sums <= NOTHING * (sums.max() if sums.size else 0.0)
    share = np.divide(W[np.arange(len(W)), top], sums, out=np.zeros(len(W)), where=~empty)
    abstained = ~empty & (share < threshold)
    labels = np.where(empty | abstained, NONE, top)
    return Clusters(labels, share, np.bincount(labels[labels >= 0], minlength=W.shape[1]), empty, abstained)
