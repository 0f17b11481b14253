"""To which component does each item belong, which items belong to none, and does that agree with known labels?

An item's cluster is its largest entry in W under a stated scale convention (topics/scale.py). Items whose row of W is zero
(empty documents) belong to none (-1), and so do, with a threshold, items without a clear largest share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

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

    Raises
    ------
    ValueError
        If the threshold is no share between 0 and 1.
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


# -- against known labels --------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Confusion:
    """How many items of each known class are in each cluster.

    table : (clusters, classes) counts
    clusters : component numbers of the rows, -1 (none) first where it is kept
    classes : the known labels of the columns, sorted
    left_out : items in none that are not in the table
    """

    table: np.ndarray
    clusters: np.ndarray
    classes: np.ndarray
    left_out: int

    @property
    def majority(self) -> np.ndarray:
        """(clusters,) the most frequent class of each cluster, as a place in `classes`; of equals the first."""
        return np.argmax(self.table, axis=1)


def confusion(labels: np.ndarray, known: Sequence[object] | np.ndarray, *, keep_none: bool = False) -> Confusion:
    """The table of clusters (rows) by known classes (columns).

    Parameters
    ----------
    labels : (m,) clusters, -1 for none
    known : (m,) known classes: text or numbers
    keep_none : count the items in none as a cluster of their own instead of leaving them out

    Raises
    ------
    ValueError
        If the lengths differ.
    """
    labels, known = np.asarray(labels), np.asarray(known)
    if labels.shape != known.shape:
        raise ValueError(
            f"There are {len(labels)} clustered items and {len(known)} known labels; they have to be equal in number."
        )
    kept = np.ones(len(labels), bool) if keep_none else labels != NONE
    classes, of_class = np.unique(known, return_inverse=True)
    clusters, of_cluster = np.unique(labels[kept], return_inverse=True)
    return Confusion(_table(of_cluster, of_class[kept], (len(clusters), len(classes))), clusters, classes, int((~kept).sum()))


def diagonal(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An order of rows and columns that puts as many items as possible on the diagonal.

    Parameters
    ----------
    table : (a, b) counts, >= 0

    Returns
    -------
    rows : (a,) the rows that have a partner, in their own order; then the others
    columns : (b,) the partner of each of those rows; then the columns without one

    Source: Kuhn 1955 (the assignment problem).
    """
    matched, partners = linear_sum_assignment(-np.asarray(table))
    a, b = table.shape
    return (
        np.concatenate([matched, np.setdiff1d(np.arange(a), matched)]),
        np.concatenate([partners, np.setdiff1d(np.arange(b), partners)]),
    )


@dataclass(frozen=True)
class Score:
    """One agreement score beside what labels shuffled at random reach: mean, 5th and 95th percentile of the shuffles."""

    name: str
    value: float
    chance: float
    chance_high: float
    definition: str
    chance_low: float = float("nan")

    @property
    def above_chance(self) -> bool:
        """Whether fewer than one shuffle in twenty does as well."""
        return self.value > self.chance_high


@dataclass(frozen=True)
class Agreement:
    """Clusters against known labels; `items` were compared, `left_out` are in none. `shuffles` gave the chance levels."""

    nmi: Score
    ari: Score
    purity: Score
    items: int
    left_out: int
    shuffles: int


def agreement(
    labels: np.ndarray,
    known: Sequence[object] | np.ndarray,
    *,
    keep_none: bool = False,
    shuffles: int = 100,
    seed: int = 0,
) -> Agreement:
    """NMI, adjusted Rand index and purity against known labels, each with its chance level from shuffled labels.

    Chance levels matter: purity rises with the number of clusters, and NMI is above 0 for random clusters of few items.

    Parameters
    ----------
    labels, known, keep_none : as in `confusion`
    shuffles : permutations of the known labels; seed : of the permutations

    Source: Strehl & Ghosh 2002 (NMI, with the arithmetic mean as in scikit-learn); Hubert & Arabie 1985 (ARI);
    Manning, Raghavan & Schuetze 2008, section 16.3 (purity).
    """
    first = confusion(labels, known, keep_none=keep_none)
    kept = np.ones(len(labels), bool) if keep_none else np.asarray(labels) != NONE
    _, rows = np.unique(np.asarray(labels)[kept], return_inverse=True)
    _, columns = np.unique(np.asarray(known), return_inverse=True)
    columns = columns[kept]
    rng = np.random.default_rng(seed)
    chance = np.array([_scores(_table(rows, rng.permutation(columns), first.table.shape)) for _ in range(shuffles)])
    chance = chance.reshape(-1, 3)
    value = _scores(first.table)
    found = []
    for j, (name, definition) in enumerate(_DEFINITIONS):
        mean, low, high = (chance[:, j].mean(), *np.percentile(chance[:, j], [5, 95])) if shuffles else (np.nan,) * 3
        found.append(Score(name, value[j], float(mean), float(high), definition, float(low)))
    nmi, ari, purity = found
    return Agreement(nmi, ari, purity, int(kept.sum()), first.left_out, shuffles)


_DEFINITIONS = (
    ("NMI", "Mutual information of clusters and labels over the mean of their entropies: 0 independent, 1 the same groups."),
    ("ARI", "Share of item pairs on which clusters and labels agree, corrected for chance: 0 random, 1 the same groups."),
    ("Purity", "Share of items that carry the most frequent label of their cluster; rises with the number of clusters."),
)


def _table(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(a, b) counts of pairs of codes."""
    return np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1]).reshape(shape)


def _scores(table: np.ndarray) -> tuple[float, float, float]:
    """NMI, ARI and purity of a contingency table; NaN without items."""
    n = int(table.sum())
    if n == 0:
        return float("nan"), float("nan"), float("nan")
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    p = table[table > 0] / n
    outer = np.outer(rows, columns)[table > 0] / n**2
    information = float(np.sum(p * np.log(p / outer)))
    mean_entropy = (_entropy(rows / n) + _entropy(columns / n)) / 2
    nmi = 1.0 if mean_entropy == 0 else max(0.0, information) / mean_entropy
    pairs, row_pairs, column_pairs, all_pairs = (_pairs(np.asarray(c)) for c in (table, rows, columns, n))
    expected = row_pairs * column_pairs / all_pairs if all_pairs else 0.0
    most = (row_pairs + column_pairs) / 2
    ari = 1.0 if most == expected else (pairs - expected) / (most - expected)
    return nmi, float(ari), float(table.max(axis=1).sum() / n)


def _entropy(p: np.ndarray) -> float:
    p = p[p > 0]
    return float(-np.sum(p * np.log(p)))


def _pairs(counts: np.ndarray) -> float:
    """Number of pairs within groups of these sizes."""
    c = counts.astype(np.float64)
    return float(np.sum(c * (c - 1.0)) / 2.0)
