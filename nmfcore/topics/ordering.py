"""In which order does a matrix show its structure, and what are its real cells there?

Every order carries the sentence of what was done. What is drawn from it is `dashboard.figures.binning`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
import scipy.cluster.hierarchy
import scipy.sparse as sp
from numpy.typing import ArrayLike

from nmfcore.core.factorization import Matrix
from nmfcore.topics.clusters import assign

LEAVES = 2000  # rows up to which a tree of all rows is made: its time and memory grow with the square (0.1 s at 2000)
OPTIMAL = 500  # rows up to which its order is optimised: that grows with the cube (0.25 s at 500, 1.6 s at 1000, 20 s at 2000)
GROUPS, PASSES = 300, 10  # groups of like rows that stand in for them beyond, and passes of k-means to find them
GROUP_ROWS = 8192  # rows whose cosines with all groups are held at once: 10 MB
WINDOW_CELLS = 250_000  # cells of X, WH or the residual that are formed at once when real cells are asked for


# -- orders ----------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Ordering:
    """A permutation for drawing: `indices[p]` is the row at place p; `groups` its group (-1 none) or None; what was done.

    names : of the groups 0, 1, ..., where they have any;  by : what the groups are, "component" or "label"
    """

    indices: np.ndarray
    sentence: str
    groups: np.ndarray | None = None
    names: tuple[str, ...] = ()
    by: str = ""

    @property
    def boundaries(self) -> list[int]:
        """Places at which a new group begins (without 0), for the lines between groups."""
        if self.groups is None:
            return []
        return [int(p) for p in 1 + np.flatnonzero(np.diff(self.groups))]

    @property
    def runs(self) -> list[tuple[int, int, str]]:
        """Groups as they stand: (first place, end, name), "none" for rows of no group; empty where groups have no names."""
        if self.groups is None or not self.names or not len(self.groups):
            return []
        edges = [0, *self.boundaries, len(self.groups)]
        group = [int(self.groups[a]) for a in edges[:-1]]
        return [(a, b, self.names[k] if k >= 0 else "none") for (a, b), k in zip(pairwise(edges), group, strict=True)]


def only(order: Ordering, rows: np.ndarray) -> Ordering:
    """The same order of some of the rows; its groups stay."""
    kept = np.isin(order.indices, rows)
    groups = None if order.groups is None else order.groups[kept]
    return replace(order, indices=order.indices[kept], groups=groups)


def input_order(size: int) -> Ordering:
    """As they came."""
    return Ordering(np.arange(size), "in the order of the data")


def topic_order(W: np.ndarray, *, threshold: float = 0.0) -> Ordering:
    """Rows by their largest component, within it from strong to weak; rows of no component last. For columns give H.T.

    W : (m, r) array on the scale convention in force
    """
    labels = assign(W, threshold=threshold).labels
    place = np.where(labels < 0, W.shape[1], labels)
    order = np.lexsort((-W.max(axis=1), place))  # stable: ties in the order of the data
    none = int((labels < 0).sum())
    tail = f"; {none:,} in none at the end" if none else ""
    return Ordering(
        order,
        f"by largest topic, then by strength{tail}",
        labels[order],
        tuple(str(k + 1) for k in range(W.shape[1])),
        "component",
    )


def label_order(labels: ArrayLike, W: np.ndarray | None = None, *, names: Sequence[str] | None = None) -> Ordering:
    """Rows by known label (sorted), within it by largest component and strength when W (m, r) is given.

    labels : (m,) one label per row; with `names`, the index of its class there, -1 for none (these come last)
    """
    if names is None:
        values, group = np.unique(np.asarray(labels), return_inverse=True)
        named = tuple(str(value) for value in values)
    else:
        named, group = tuple(names), np.asarray(labels, int)
        group = np.where(group < 0, len(named), group)
    keys: tuple[np.ndarray, ...] = (group,)
    if W is not None:
        largest = assign(W).labels
        keys = (-W.max(axis=1), np.where(largest < 0, W.shape[1], largest), group)
    order = np.lexsort(keys)
    found = group[order]
    sentence = "by label" + (", then by largest topic" if W is not None else "")
    return Ordering(order, sentence, np.where(found == len(named), -1, found), named, "label")


def leaf_order(M: np.ndarray) -> Ordering:
    """Rows in the leaf order of a hierarchical clustering (average linkage of cosine distances); zero rows last.

    Up to 500 rows the order is the optimal one, in which the distances of neighbours sum to the least; up to 2000 it is any order
    of the tree. Beyond, rows are first brought into 300 groups (spherical k-means from fixed starts), the groups are put into
    optimal leaf order, and rows stand with their group, nearest to its centre first. No (rows × rows) matrix is formed then.
    The sentence says which of the three it was.

    M : (a, n) array, >= 0

    Sources: Bar-Joseph, Gifford & Jaakkola 2001 (optimal leaf order); Dhillon & Modha 2001 (spherical k-means).
    """
    norms = np.linalg.norm(np.asarray(M, np.float64), axis=1)
    live, zero = np.flatnonzero(norms > 0), np.flatnonzero(norms == 0)
    unit = (M[live] / norms[live, None]).astype(np.float32 if len(live) > LEAVES else np.float64)
    how = "in the leaf order of a hierarchical clustering (average linkage, cosine)"
    if len(live) > LEAVES:
        centres, member, cosine = spherical_groups(unit, GROUPS)
        place = np.empty(len(centres), int)
        place[_leaves(centres, optimal=True)] = np.arange(len(centres))
        live = live[np.lexsort((-cosine, place[member]))]
        how = (
            f"in {len(centres):,} groups of like ones (k-means of directions), the groups in the leaf order of a hierarchical "
            f"clustering ({len(M):,} are too many for a tree of their own)"
        )
    elif len(live) > 2:
        live = live[_leaves(unit, optimal=len(live) <= OPTIMAL)]
        how += ", neighbours as near as the tree allows" if len(live) <= OPTIMAL else ""
    return Ordering(np.concatenate([live, zero]), how)


def _leaves(unit: np.ndarray, *, optimal: bool) -> np.ndarray:
    """Leaf order of unit rows (n, r); n^2 / 2 distances."""
    if len(unit) < 3:
        return np.arange(len(unit))
    gaps = np.maximum(1.0 - unit.astype(np.float64) @ unit.T, 0.0)
    tree = scipy.cluster.hierarchy.linkage(gaps[np.triu_indices(len(unit), 1)], "average")
    return optimal_leaves(tree, gaps) if optimal else scipy.cluster.hierarchy.leaves_list(tree)


def optimal_leaves(tree: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """The order of a tree's leaves in which the gaps between neighbours sum to the least.

    tree : (n - 1, 4) as scipy's linkage makes it
    gaps : (n, n) distances

    For every node the least sum with leaf u at its left and w at its right end is min over m, k of A[u, m] + gap[m, k] + B[k, w],
    A and B the same tables of its two parts: two products in which + stands for times and min for plus. Time n^3, memory n^2.
    Written out here because scipy 1.17's own (`optimal_ordering=True`) misses the optimum on some trees of seven leaves.

    Source: Bar-Joseph, Gifford & Jaakkola 2001, eq. 1.
    """
    n = len(gaps)
    leaves: list[np.ndarray] = [np.array([i]) for i in range(n)]
    parts = tree[:, :2].astype(int)
    across: dict[int, np.ndarray] = {}  # node: (leaves of its left part, of its right part), u and w at the two ends

    def ends(node: int) -> np.ndarray:
        """(leaves, leaves) the table of a node; both ends in one part is impossible."""
        if node < n:
            return np.zeros((1, 1))
        table, split = np.full((len(leaves[node]),) * 2, np.inf), across[node].shape[0]
        table[:split, split:], table[split:, :split] = across[node], across[node].T
        return table

    for left, right in parts:
        reached = _least_sums(ends(left), gaps[np.ix_(leaves[left], leaves[right])])
        across[len(leaves)] = _least_sums(reached, ends(right))
        leaves.append(np.concatenate([leaves[left], leaves[right]]))
    u, w = np.unravel_index(across[len(leaves) - 1].argmin(), across[len(leaves) - 1].shape)
    todo, order = [(len(leaves) - 1, leaves[parts[-1, 0]][u], leaves[parts[-1, 1]][w])], []
    while todo:  # from the left end to the right one
        node, first, last = todo.pop()
        if node < n:
            order.append(node)
            continue
        left, right = parts[node - n]
        if first not in leaves[left]:
            left, right = right, left
        before, after = ends(left)[np.flatnonzero(leaves[left] == first)[0]], ends(right)[:, leaves[right] == last][:, 0]
        sums = before[:, None] + gaps[np.ix_(leaves[left], leaves[right])] + after
        m, k = np.unravel_index(sums.argmin(), sums.shape)
        todo += [(right, leaves[right][k], last), (left, first, leaves[left][m])]
    return np.array(order)


def _least_sums(P: np.ndarray, Q: np.ndarray) -> np.ndarray:
    """(p, r) min over q of P[:, q] + Q[q, :], for P (p, q) and Q (q, r); never p × q × r at once."""
    if len(P) <= Q.shape[1]:
        return np.stack([(row[:, None] + Q).min(axis=0) for row in P])
    return np.stack([(P + column).min(axis=1) for column in Q.T], axis=1)


def spherical_groups(unit: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """K-means of directions: unit rows (n, r) in at most `count` groups, from evenly spaced rows of the topic order.

    Returns
    -------
    centres : (c, r) unit rows, c <= count; groups that lost all rows are left out
    member : (n,) group of each row
    cosine : (n,) of each row with its centre

    Source: Dhillon & Modha 2001, algorithm 1; ten passes, since only an order for drawing is wanted.
    """
    n = len(unit)
    begin = topic_order(unit).indices[np.linspace(0, n - 1, min(count, n)).round().astype(int)]
    centres = np.unique(unit[begin], axis=0)
    member, cosine = np.zeros(n, int), np.zeros(n, unit.dtype)
    for turn in range(PASSES + 1):
        for block in range(0, n, GROUP_ROWS):  # never all n × c cosines at once
            near = unit[block : block + GROUP_ROWS] @ centres.T
            member[block : block + GROUP_ROWS] = best_of = near.argmax(axis=1)
            cosine[block : block + GROUP_ROWS] = near[np.arange(len(near)), best_of]
        used, member = np.unique(member, return_inverse=True)
        centres = centres[used]
        if turn == PASSES:
            break
        belongs = sp.csr_array((np.ones(n, unit.dtype), (member, np.arange(n))), shape=(len(used), n))
        sums = belongs @ unit
        centres = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return centres, member, cosine


# -- cells ----------------------------------------------------------------------------------------------------------------------
def window(
    part: Literal["X", "WH", "residual"],
    X: Matrix,
    W: np.ndarray,
    H: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
) -> np.ndarray:
    """The real cells of X, WH or X - WH at chosen rows and columns (len(rows), len(columns)): only these are computed.

    X : (m, n);  W : (m, r);  H : (r, n)

    Raises
    ------
    ValueError
        If more than 250,000 cells are asked for: choose a smaller window.
    """
    rows, columns = np.asarray(rows, int), np.asarray(columns, int)
    if len(rows) * len(columns) > WINDOW_CELLS:
        raise ValueError(
            f"A window of {len(rows):,} × {len(columns):,} cells is too large to draw; choose at most {WINDOW_CELLS:,} cells."
        )
    data = X[rows][:, columns]
    data = data.toarray() if sp.issparse(data) else np.array(data)
    if part == "X":
        return data
    fitted = W[rows] @ H[:, columns]
    return fitted if part == "WH" else data - fitted
