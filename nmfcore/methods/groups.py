"""How do topics differ between groups of items, how sure is that, and which words are a group's own?

An item's share of topic k is s_ik = w_ik / sum_k w_ik, with W on a stated scale convention (topics/scale.py). A group's share is
the mean over its items. Items without any topic (a zero row of W) have no shares; they are counted and left out.

- Interval: items are drawn again with replacement inside each group (percentile bootstrap, Efron 1979).
- Chance: the group labels are shuffled over the items. The cell's z is its difference from the mean of all items over the
  standard deviation that shuffling gives it; the p-value is the share of shufflings in which *any* cell is as far out (maxT:
  Westfall & Young 1993), so that it holds for all cells at once.
- Words: log-odds with an informative Dirichlet prior (Monroe, Colaresi & Quinn 2008, eqs. 15, 16, 19 and 22).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.special import ndtri

from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Matrix
from nmfcore.core.wanted import ask
from nmfcore.data.model.facts import Classes

RESAMPLES, SHUFFLES = 1000, 999
LEVEL = 0.95  # of the intervals
PRIOR = 1000.0  # words that the prior is worth: as many as a page or two of text
CHANCE = 0.05  # a corrected p-value up to this is called more than chance
LEAST = 5  # items below which a group's interval says little, because so few can be drawn again


def shares(W: np.ndarray) -> np.ndarray:
    """Each row of W (m, r) divided by its sum; NaN where the row is zero (no unit; rows sum to 1).

    W must be on a stated scale: another convention gives other shares.
    """
    W = np.asarray(W, np.float64)
    total = W.sum(axis=1, keepdims=True)
    return np.divide(W, total, out=np.full(W.shape, np.nan), where=total > 0)


def crossed(first: Classes, second: Classes) -> Classes:
    """Two groupings at once: a class for every pair that occurs, in the order of the first, then of the second; -1 where one is
    unknown."""
    known = (first.index >= 0) & (second.index >= 0)
    pair = first.index.astype(np.int64) * len(second.names) + second.index
    found, place = np.unique(pair[known], return_inverse=True)
    index = np.full(len(first.index), -1, np.int32)
    index[known] = place
    width = len(second.names)
    return Classes(tuple(f"{first.names[p // width]} × {second.names[p % width]}" for p in found), index)


@dataclass(frozen=True, eq=False)
class GroupShares:
    """The mean share of every topic in every group, its interval, and whether it differs from chance.

    names : (g,) of the groups;  sizes : (g,) items counted in each;  without : items without any topic;  unknown : items of no
    group
    mean, low, high : (g, r) mean share and the ends of its interval (LEVEL); NaN for a group without items
    whole : (r,) mean share over all items counted
    z : (g, r) difference from `whole` in standard deviations of shuffled labels
    p : (g, r) probability that shuffling puts any of the `comparisons` cells as far out; NaN where it is not defined
    """

    names: tuple[str, ...]
    sizes: np.ndarray
    without: int
    unknown: int
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    whole: np.ndarray
    z: np.ndarray
    p: np.ndarray
    comparisons: int
    resamples: int
    shuffles: int
    seed: int

    @property
    def difference(self) -> np.ndarray:
        """(g, r) mean share of the group less that of all items."""
        return self.mean - self.whole

    @property
    def spread(self) -> np.ndarray:
        """(r,) largest less smallest mean share of each topic: by this the topics are sorted."""
        with np.errstate(all="ignore"):
            return np.nan_to_num(np.nanmax(self.mean, axis=0) - np.nanmin(self.mean, axis=0))

    @property
    def sure(self) -> np.ndarray:
        """(g, r) whether a cell is further out than chance puts any of them; never where there was no test."""
        return np.nan_to_num(self.p, nan=1.0) <= CHANCE

    @property
    def change(self) -> tuple[int, int, int] | None:
        """The topic with the largest spread of those that differ somewhere by more than chance, and the groups where its mean
        share is smallest and largest, all of groups with LEAST items or more; None where nothing is more than chance."""
        thick = np.flatnonzero(self.sizes >= LEAST)
        topics = np.flatnonzero(self.sure[thick].any(axis=0))
        if len(thick) < 2 or not len(topics):
            return None
        mean = self.mean[thick]
        k = int(topics[np.argmax(np.ptp(mean[:, topics], axis=0))])
        return k, int(thick[np.argmin(mean[:, k])]), int(thick[np.argmax(mean[:, k])])

    @property
    def furthest(self) -> tuple[int, int] | None:
        """The two groups whose mean shares are furthest apart, of those with LEAST items or more."""
        thick = np.flatnonzero(self.sizes >= LEAST)
        if len(thick) < 2:
            return None
        mean = self.mean[thick]
        apart = np.abs(mean[:, None] - mean[None]).sum(axis=2)
        a, b = divmod(int(np.argmax(apart)), len(thick))
        return int(thick[min(a, b)]), int(thick[max(a, b)])

    def highest(self, topic: int) -> int:
        """The group in which a topic has its largest mean share."""
        return int(np.nanargmax(self.mean[:, topic]))


def group_shares(
    W: np.ndarray, groups: Classes, *, resamples: int = RESAMPLES, shuffles: int = SHUFFLES, seed: int = 0
) -> GroupShares:
    """Mean shares by group with intervals, and the test that a difference is more than chance.

    Parameters
    ----------
    W : (m, r) array >= 0, on a stated scale
    groups : a class of each of the m items, or -1
    resamples : of the bootstrap
    shuffles : of the labels; 0 leaves the test out
    seed : of both

    Returns
    -------
    GroupShares
        All values are shares from 0 to 1.

    Raises
    ------
    ProblemError
        If W and groups have different numbers of items, or no item is in a group and a topic.

    Source: Efron 1979 (percentile bootstrap); Westfall & Young 1993 (maxT).
    """
    if len(W) != len(groups.index):
        raise ProblemError(f"W has {len(W):,} rows, but there are groups for {len(groups.index):,} items.")
    S = shares(W)
    counted = ~np.isnan(S[:, 0]) if S.shape[1] else np.zeros(len(S), bool)
    known = groups.index >= 0
    used = np.flatnonzero(counted & known)
    if not used.size:
        raise ProblemError("No item is in a group and in a topic at once, so there is nothing to compare.")
    S, label = S[used], groups.index[used].astype(np.int64)
    order = np.argsort(label, kind="stable")
    S, label = S[order], label[order]
    g, r = len(groups.names), S.shape[1]
    sizes = np.bincount(label, minlength=g)
    begin = np.concatenate([[0], np.cumsum(sizes)])
    rng = np.random.default_rng(seed)
    mean, low, high = (np.full((g, r), np.nan) for _ in range(3))
    for at in np.flatnonzero(sizes):
        ask()
        part = S[begin[at] : begin[at + 1]]
        mean[at] = part.mean(axis=0)
        low[at], high[at] = _interval(part, resamples, rng)
    whole = S.mean(axis=0)
    z, p = _shuffled(S, label, sizes, mean, whole, shuffles, rng)
    return GroupShares(
        groups.names, sizes, int((~counted & known).sum()), int((~known).sum()), mean, low, high, whole, z, p,
        int(np.isfinite(z).sum()), resamples, shuffles, seed,
    )  # fmt: skip


def _interval(part: np.ndarray, resamples: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval (r,), (r,) of the mean over the rows of part (n, r)."""
    n = len(part)
    means = np.empty((resamples, part.shape[1]))
    step = max(1, 2_000_000 // n)  # numbers drawn at a time
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, n, (rows, n)) + n * np.arange(rows)[:, None]
        weight = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
        means[start : start + rows] = weight.astype(np.float64) @ part / n
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.quantile(means, [tail, 1.0 - tail], axis=0)
    return low, high


def _shuffled(
    S: np.ndarray,
    label: np.ndarray,
    sizes: np.ndarray,
    mean: np.ndarray,
    whole: np.ndarray,
    shuffles: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """z and p (g, r): how far each cell is out, and how often shuffled labels put any cell as far out."""
    m, g = len(S), len(sizes)
    with np.errstate(divide="ignore", invalid="ignore"):
        # a group of n drawn from m items without replacement: variance s^2 / n (m - n) / (m - 1), s^2 over all m
        deviation = S.std(axis=0) * np.sqrt((m - sizes[:, None]) / (sizes[:, None] * max(m - 1, 1)))
        z = (mean - whole) / deviation
    defined = (sizes[:, None] > 0) & (sizes[:, None] < m) & (deviation > 0)
    z = np.where(defined, z, np.nan)
    if not shuffles or not defined.any():
        return z, np.full(z.shape, np.nan)
    furthest = np.empty(shuffles)
    S = S.astype(np.float32)  # a third sooner; means of many shares keep six digits
    begin = np.concatenate([[0], np.cumsum(sizes)])
    weight, order = np.ones(m, np.float32), np.arange(m, dtype=np.int32)
    divided = np.divide(1.0, sizes, out=np.zeros(g), where=sizes > 0)[:, None]
    for at in range(shuffles):
        if at % 20 == 0:
            ask()
        rng.shuffle(order)  # groups of the same sizes, filled at random
        moved = (sp.csr_array((weight, order, begin), shape=(g, m)) @ S) * divided
        furthest[at] = np.max(np.abs((moved - whole)[defined]) / deviation[defined])
    furthest.sort()
    # 1e-9: a shuffling that gives the observed split itself is as far out, whatever the last bit
    above = shuffles - np.searchsorted(furthest, np.abs(np.where(defined, z, 0.0)) * (1.0 - 1e-9), side="left")
    return z, np.where(defined, (above + 1.0) / (shuffles + 1.0), np.nan)


@dataclass(frozen=True, eq=False)
class LogOdds:
    """How much more a word is one group's than the other's.

    first, second : (n,) how often the word is in each group;  totals : their sums
    delta : (n,) log-odds in the first less log-odds in the second, both with the prior
    z : (n,) delta over its standard deviation; beyond 1.96 in size one word alone would be called different at 5 %
    """

    first: np.ndarray
    second: np.ndarray
    delta: np.ndarray
    z: np.ndarray
    prior: float

    @property
    def totals(self) -> tuple[float, float]:
        return float(self.first.sum()), float(self.second.sum())

    @property
    def line(self) -> float:
        """The size of z beyond which a word differs by more than chance: 5 %, corrected for all words that were compared
        (Bonferroni), under the normal law that z has where a word is not rare."""
        compared = max(int(np.count_nonzero(self.first + self.second)), 1)
        return float(-ndtri(CHANCE / (2 * compared)))

    def most(self, count: int, *, of_first: bool = True) -> np.ndarray:
        """The words that are most the first group's own (or the second's), by z."""
        sign = self.z if of_first else -self.z
        order = np.argsort(-sign, kind="stable")[:count]
        return order[sign[order] > 0]


def occurrences(X: Matrix) -> tuple[Matrix, bool]:
    """What is counted of a word, and whether it is X itself: X where it holds whole numbers, else 1 wherever X is not 0.

    TF-IDF weights are no counts: with them the variance of the log-odds would mean nothing. In how many items a word stands is
    a count, whatever the weights.

    X : (m, n) array or CSR
    """
    values = X.data if sp.issparse(X) else np.asarray(X)
    if np.array_equal(values, np.round(values)):
        return X, True
    if sp.issparse(X):
        return sp.csr_array(((X.data != 0).astype(np.float64), X.indices, X.indptr), shape=X.shape), False
    return (np.asarray(X) != 0).astype(np.float64), False


def log_odds(X: Matrix, first: np.ndarray, second: np.ndarray, *, prior: float = PRIOR) -> LogOdds:
    """The words of two groups of items compared.

    delta_j = log((a_j + p_j) / (A + P - a_j - p_j)) - log((b_j + p_j) / (B + P - b_j - p_j)),
    var_j ~ 1 / (a_j + p_j) + 1 / (b_j + p_j),   z_j = delta_j / sqrt(var_j)

    with a_j, b_j the word's number in the groups, A, B their sums, and the prior p_j = P x the word's share of all of X.

    Parameters
    ----------
    X : (m, n) array or CSR of counts (see `occurrences`)
    first, second : rows of X, or (m,) bool
    prior : P, the number of words that the prior is worth; it pulls rare words to no difference

    Raises
    ------
    ProblemError
        If a group has no words.

    Source: Monroe, Colaresi & Quinn 2008, eqs. 15, 16, 19 and 22, with the corpus as informative prior (their section 3.3.3).
    """
    a, b = (np.asarray(X[np.flatnonzero(rows) if np.asarray(rows).dtype == bool else rows].sum(axis=0), np.float64).ravel()
            for rows in (first, second))  # fmt: skip
    corpus = np.asarray(X.sum(axis=0), np.float64).ravel()
    for which, found in (("first", a), ("second", b)):
        if not found.sum() > 0:
            raise ProblemError(f"The {which} group has no words, so its odds are not defined.")
    p = prior * corpus / corpus.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = [np.log(n + p) - np.log(n.sum() + prior - n - p) for n in (a, b)]
        delta = odds[0] - odds[1]
        z = delta / np.sqrt(1.0 / (a + p) + 1.0 / (b + p))
    seen = corpus > 0
    return LogOdds(a, b, np.where(seen, delta, 0.0), np.where(seen & np.isfinite(z), z, 0.0), prior)


def most_typical(S: np.ndarray, members: np.ndarray, whole: np.ndarray, mean: np.ndarray, count: int = 10) -> np.ndarray:
    """The items of a group that are most its own: those whose shares lie furthest in the direction from all items to the group.

    S : (m, r) shares;  members : rows;  whole, mean : (r,) mean shares of all items and of the group
    """
    direction = mean - whole
    score = np.nan_to_num((S[members] - whole) @ direction, nan=-np.inf)
    return np.asarray(members)[np.argsort(-score, kind="stable")[:count]]
