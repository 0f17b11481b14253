"""Would another start have found the same topics, and which items and topics can be relied on?

The consensus matrix holds for each pair of items the share of runs that put them into the same cluster: 0 and 1 are certain,
1/2 is a coin toss. Its cophenetic correlation (Brunet et al. 2004) and its dispersion (Kim & Park 2007, eq. 4) say it in one
number. Topics of different runs are matched one to one by the cosine of their rows of H (Hungarian method; Kuhn 1955), which
gives each topic and each item a stability of its own: numbers of components mean nothing across runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.cluster.hierarchy
import scipy.optimize
from scipy.spatial.distance import squareform

from nmfcore.core.factorization import Factors
from nmfcore.evaluate.coherence import top_words
from nmfcore.topics import scale
from nmfcore.topics.clusters import NONE, assign
from nmfcore.topics.similarity import cosine_rows

LARGEST = 1000  # items of a consensus matrix: 8 MB and 0.1 s; above, a sample is drawn and said


@dataclass(frozen=True, eq=False)
class Matching:
    """Topics of another run, one for each topic of a reference.

    partner : (r,) the other run's topic for each reference topic, -1 without one (when it has fewer topics)
    cosines : (r,) of the matched rows of H, 0 without a partner
    unmatched : topics of the other run that no reference topic got
    """

    partner: np.ndarray
    cosines: np.ndarray
    unmatched: np.ndarray


def match_topics(reference: np.ndarray, other: np.ndarray) -> Matching:
    """The one-to-one matching of the rows of two H (r, n), (s, n) with the largest sum of cosines.

    Source: Kuhn 1955 (scipy.optimize.linear_sum_assignment).
    """
    cosines = cosine_rows(reference, other)  # (r, s)
    rows, columns = scipy.optimize.linear_sum_assignment(cosines, maximize=True)
    partner = np.full(len(reference), -1)
    partner[rows] = columns
    found = np.zeros(len(reference))
    found[rows] = cosines[rows, columns]
    return Matching(partner, found, np.setdiff1d(np.arange(len(other)), columns))


@dataclass(frozen=True, eq=False)
class Consensus:
    """How often pairs of items share a cluster over several runs.

    matrix : (s, s) shares of the runs in which both items are in a component
    items : (s,) the rows of X it is about, rising;  total : how many items there are, s when all
    order : (s,) leaf order of the average-linkage tree of 1 - matrix, for drawing
    cophenetic : correlation of 1 - matrix with the tree's cophenetic distances: 1 = clean blocks; NaN for constant matrices
    dispersion : mean of 4 (c - 1/2)^2: 1 = every pair is certain, 0 = every pair is a coin toss
    runs : number of runs
    """

    matrix: np.ndarray
    items: np.ndarray
    total: int
    order: np.ndarray
    cophenetic: float
    dispersion: float
    runs: int

    @property
    def sentence(self) -> str:
        """What the matrix was made of."""
        if len(self.items) == self.total:
            return f"{self.total:,} items, {self.runs} runs."
        return f"A random sample of {len(self.items):,} of {self.total:,} items, {self.runs} runs."


def consensus(labels: Sequence[np.ndarray], *, limit: int = LARGEST, seed: int = 0) -> Consensus:
    """The consensus matrix of several clusterings of the same items.

    Parameters
    ----------
    labels : for each run (m,) clusters, -1 for none; items in none share a cluster with nothing, and an item that is in none
        in every run is left out
    limit : most items; above, a random sample without replacement
    seed : of that sample

    Raises
    ------
    ValueError
        With fewer than two runs: one run agrees with itself.

    Source: Monti et al. 2003; Brunet et al. 2004; dispersion: Kim & Park 2007, eq. 4.
    """
    if len(labels) < 2:
        raise ValueError(f"Consensus needs at least two runs, not {len(labels)}: one run always agrees with itself.")
    table = np.stack([np.asarray(run) for run in labels])  # (runs, m)
    items = np.flatnonzero((table != NONE).any(axis=0))
    if len(items) > limit:
        items = np.sort(np.random.default_rng(seed).choice(items, limit, replace=False))
    shared = np.zeros((len(items), len(items)))
    for run in table[:, items]:
        shared += (run[:, None] == run[None]) & (run != NONE)[:, None]
    shared /= len(table)
    np.fill_diagonal(shared, 1.0)
    order, cophenetic = _tree(1.0 - shared)
    return Consensus(shared, items, table.shape[1], order, cophenetic, float(np.mean(4.0 * (shared - 0.5) ** 2)), len(table))


def _tree(distances: np.ndarray) -> tuple[np.ndarray, float]:
    """Leaf order and cophenetic correlation of the average-linkage tree of a distance matrix."""
    if len(distances) < 2:
        return np.arange(len(distances)), float("nan")
    upper = squareform(distances, checks=False)
    tree = scipy.cluster.hierarchy.linkage(upper, "average")
    along = scipy.cluster.hierarchy.cophenet(tree)
    order = scipy.cluster.hierarchy.leaves_list(tree)
    if np.ptp(upper) == 0 or np.ptp(along) == 0:
        return order, float("nan")
    return order, float(np.corrcoef(upper, along)[0, 1])


@dataclass(frozen=True, eq=False)
class Stability:
    """What several runs say about the topics and items of the first of them, the reference.

    topics : (r,) mean cosine of each reference topic with its partner in the other runs: 1 = found every time
    worst_topics : (r,) the smallest of these cosines
    items : (m,) share of the other runs in which the item is in the partner of its reference topic; NaN for items in none
    clusters : (m,) reference clusters
    partners : (runs - 1, r) matched topics
    runs : number of runs, the reference included
    convention : the scale on which clusters were taken
    """

    topics: np.ndarray
    worst_topics: np.ndarray
    items: np.ndarray
    clusters: np.ndarray
    partners: np.ndarray
    runs: int
    convention: str

    @property
    def moving(self) -> np.ndarray:
        """Items that leave their matched topic in at least half of the other runs, rising."""
        return np.flatnonzero(np.nan_to_num(self.items, nan=1.0) <= 0.5)

    @property
    def share_moving(self) -> float:
        """Mean share of the items (in a topic) that another run puts elsewhere: what the loss hides."""
        live = self.items[~np.isnan(self.items)]
        return float(1.0 - live.mean()) if len(live) else float("nan")


def stability(runs: Sequence[Factors], *, convention: str = scale.DEFAULT) -> Stability:
    """Stability of every topic and every item of the first run over the others.

    Parameters
    ----------
    runs : factors of the same X, the reference (the run on screen, or the best) first; ranks may differ
    convention : scale on which items are assigned

    Raises
    ------
    ValueError
        With fewer than two runs.
    """
    if len(runs) < 2:
        raise ValueError(f"Stability needs at least two runs, not {len(runs)}.")
    scaled = [scale.apply(run.W, run.H, convention) for run in runs]
    clusters = [assign(run.W).labels for run in scaled]
    reference, own = scaled[0], clusters[0]
    inside = own != NONE
    cosines, partners, stays = [], [], np.zeros(len(own))
    for other, theirs in zip(scaled[1:], clusters[1:], strict=True):
        matching = match_topics(reference.H, other.H)
        cosines.append(matching.cosines)
        partners.append(matching.partner)
        expected = matching.partner[own]  # own is -1 for none: that place is masked below
        stays += inside & (theirs == expected) & (expected >= 0)
    items = np.where(inside, stays / (len(runs) - 1), np.nan)
    table = np.stack(cosines)
    return Stability(table.mean(axis=0), table.min(axis=0), items, own, np.stack(partners), len(runs), convention)


def keyword_stability(reference: np.ndarray, others: Sequence[np.ndarray], *, count: int = 10) -> float:
    """Mean agreement of ranked keyword lists between a reference H and other H of the same rank, topics matched: 0 to 1.

    Lists are compared by average Jaccard, the mean over depths d = 1 ... count of |A_d & B_d| / |A_d | B_d| (upper words count
    more); topics are matched so that the sum of agreements is largest.

    Source: Greene, O'Callaghan & Cunningham 2014, eq. 1-3.
    """
    own = top_words(reference, count)
    scores = []
    for other in others:
        theirs = top_words(other, count)
        agreement = np.array([[average_jaccard(a, b, count) for b in theirs] for a in own])
        rows, columns = scipy.optimize.linear_sum_assignment(agreement, maximize=True)
        scores.append(agreement[rows, columns].sum() / max(len(own), len(theirs)))
    return float(np.mean(scores)) if scores else float("nan")


def average_jaccard(first: Sequence[int] | np.ndarray, second: Sequence[int] | np.ndarray, depth: int) -> float:
    """Mean over d = 1 ... depth of the Jaccard index of the first d entries of two ranked lists; two empty lists agree."""
    total, a, b = 0.0, set[int](), set[int]()
    for d in range(depth):
        a.update(int(i) for i in first[d : d + 1])
        b.update(int(i) for i in second[d : d + 1])
        total += len(a & b) / len(a | b) if a | b else 1.0
    return total / depth
