"""Which items lie near each other in the plane, and how far can the picture be trusted?

The rows of W (or of X) as points in two dimensions, by t-SNE (van der Maaten & Hinton 2008) as openTSNE computes it (Poličar,
Stražar & Zupan 2024; interpolation: Linderman et al. 2019). Near means alike; far means little. Two numbers say how much of the
neighbourhoods is kept: trustworthiness (Venna & Kaski 2001, as in scikit-learn) and the share of true neighbours kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Matrix
from nmfcore.core.wanted import ask
from nmfcore.core.written import percent
from nmfcore.topics.similarity import unit_rows

NEIGHBOURS = 15  # of which it is asked whether they are kept
EXACT_ITEMS = 5_000  # up to this many items both numbers are over all of them; beyond over SAMPLE, drawn with a seed
SAMPLE = 2_000
PERPLEXITY = 30.0
# early exaggeration and after; openTSNE's own (250, 500) keep 48.4 instead of 48.0 % of 18,846 items' neighbours, in twice
# the time
ITERATIONS = (150, 250)
REDUCED = 50  # dimensions to which X is reduced by the SVD before neighbours are looked for
CELLS = 8_000_000  # distances that are held at one time
Report = Callable[[str, float], None]  # what is being done, and the share done; may raise to end the work


@dataclass(frozen=True, eq=False)
class ItemMap:
    """Items in the plane.

    points : (m, 2), NaN for items that are not drawn (a zero row has no direction);  of : "W" or "X";  seed
    trustworthiness : 0 to 1 over the drawn items (or over `measured` of them)
    kept : 0 to 1, mean share of an item's NEIGHBOURS nearest that are among its nearest on the map
    measured : rows the two numbers are over
    """

    points: np.ndarray
    of: str
    seed: int
    trustworthiness: float
    kept: float
    measured: np.ndarray

    @property
    def drawn(self) -> np.ndarray:
        """The rows that have a place on the map."""
        return np.flatnonzero(~np.isnan(self.points[:, 0]))

    @property
    def sentence(self) -> str:
        """How far the map can be trusted, in words."""
        over = "" if len(self.measured) == len(self.drawn) else f", measured on {len(self.measured):,} items"
        return (
            f"Near means alike; far means little. {percent(self.kept, 0)} of an item's {NEIGHBOURS} nearest neighbours are near "
            f"it here too, trustworthiness {self.trustworthiness:.2f} (1 = no false neighbours{over})."
        )


def directions(A: Matrix, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The rows of A at length 1, (d, k) with k at most REDUCED, and which rows (d,) they are: zero rows have no direction.

    Distances between rows of length 1 rank as the cosine does. A wide A is reduced by its truncated SVD first.
    """
    sizes = np.sqrt(np.asarray((A.multiply(A) if sp.issparse(A) else A * A).sum(axis=1), np.float64)).ravel()
    live = np.flatnonzero(sizes > 0)
    unit = unit_rows(A[live])
    if A.shape[1] <= REDUCED:
        return np.asarray(unit.toarray() if sp.issparse(unit) else unit, np.float64), live
    from sklearn.utils.extmath import randomized_svd

    U, s, _ = randomized_svd(unit, n_components=min(REDUCED, min(unit.shape)), random_state=seed, n_iter=4)
    return U * s, live


def item_map(A: Matrix, *, of: str = "W", seed: int = 0, report: Report | None = None) -> ItemMap:
    """The rows of W or X as points in the plane.

    Parameters
    ----------
    A : (m, k) array or CSR, the rows to draw; W should be on a stated scale, which changes what is near what
    of : what A is, for the caption: "W" or "X"
    seed : of the start and of the sample that is measured
    report : called with what is being done and the share that is done; it may raise to end the work

    Raises
    ------
    ProblemError
        If fewer than four items have a direction, or openTSNE is not installed.

    Source: van der Maaten & Hinton 2008; Poličar, Stražar & Zupan 2024 (openTSNE); Venna & Kaski 2001 (trustworthiness).
    """
    say = report or (lambda sentence, share: None)
    say("Looking for neighbours", 0.0)
    rows, live = directions(A, seed)
    if len(live) < 4:
        raise ProblemError("A map needs at least four items that are not zero.")
    points = np.full((A.shape[0], 2), np.nan)
    points[live] = _tsne(rows, seed, say)
    say("Measuring how far it can be trusted", 0.95)
    rng = np.random.default_rng(seed)
    places = np.arange(len(live)) if len(live) <= EXACT_ITEMS else np.sort(rng.choice(len(live), SAMPLE, replace=False))
    penalty, kept = neighbourhoods(rows, points[live], places)
    return ItemMap(points, of, seed, float(trust(penalty, len(live))), float(kept.mean()), live[places])


def _tsne(rows: np.ndarray, seed: int, say: Report) -> np.ndarray:
    """(d, 2) t-SNE of the rows, begun from their first two principal axes."""
    try:
        from openTSNE import TSNEEmbedding, affinity, initialization
    except ImportError:
        raise ProblemError("A map of the items needs openTSNE. Install it with: pip install openTSNE") from None
    perplexity = min(PERPLEXITY, (len(rows) - 1) / 3)
    near = affinity.PerplexityBasedNN(
        rows, perplexity=perplexity, metric="euclidean", method="exact", random_state=seed, n_jobs=1
    )
    start = (
        initialization.pca(rows, random_state=seed) if rows.shape[1] > 1 else np.column_stack([rows, np.zeros(len(rows))]) * 1e-4
    )
    placed = TSNEEmbedding(start, near, negative_gradient_method="auto", random_state=seed, n_jobs=1, learning_rate="auto")
    whole, done = sum(ITERATIONS), 0

    def told(iteration: int, _error: float, _embedding: np.ndarray) -> None:
        ask()
        say("Placing the items", 0.1 + 0.85 * (done + iteration) / whole)

    common = {"callbacks": told, "callbacks_every_iters": 10, "inplace": True}
    placed.optimize(ITERATIONS[0], exaggeration=12, momentum=0.5, **common)
    done = ITERATIONS[0]
    placed.optimize(ITERATIONS[1], momentum=0.8, **common)
    return np.asarray(placed, np.float64)


def neighbourhoods(
    rows: np.ndarray, points: np.ndarray, places: np.ndarray, k: int = NEIGHBOURS
) -> tuple[np.ndarray, np.ndarray]:
    """For each of `places`: the penalty of trustworthiness, and the share of its k nearest rows that are among its nearest
    points.

    The penalty of an item is the sum over its k nearest points of max(0, rank among the rows - k).

    Parameters
    ----------
    rows : (d, s) the items as they are;  points : (d, 2) as they are drawn;  places : (p,) which to measure

    Returns
    -------
    penalty : (p,) >= 0;  kept : (p,) from 0 to 1
    """
    d = len(rows)
    k = min(k, (d - 1) // 2)
    penalty, kept = np.zeros(len(places)), np.zeros(len(places))
    for begin in range(0, len(places), max(1, CELLS // d)):
        ask()
        some = places[begin : begin + max(1, CELLS // d)]
        far, drawn = (_square_distances(A, some) for A in (rows, points))
        true = np.argpartition(far, k - 1, axis=1)[:, :k]
        seen = np.argpartition(drawn, k - 1, axis=1)[:, :k]
        for i in range(len(some)):
            mine = far[i, seen[i]]
            rank = (far[i][None, :] < mine[:, None]).sum(axis=1) + 1  # 1 = the nearest
            penalty[begin + i] = np.maximum(rank - k, 0).sum()
            kept[begin + i] = np.intersect1d(true[i], seen[i], assume_unique=True).size / k
    return penalty, kept


def trust(penalty: np.ndarray, items: int, k: int = NEIGHBOURS) -> float:
    """Trustworthiness from the penalties of all or some of the items: 1 - 2 / (k (2 n - 3 k - 1)) mean penalty.

    Source: Venna & Kaski 2001, eq. 1.
    """
    k = min(k, (items - 1) // 2)
    return float(1.0 - penalty.mean() * 2.0 / (k * (2.0 * items - 3.0 * k - 1.0)))


def _square_distances(A: np.ndarray, some: np.ndarray) -> np.ndarray:
    """(p, d) squared distances of some rows to all, infinite to themselves."""
    square = np.einsum("ij,ij->i", A, A)
    found = square[some][:, None] - 2.0 * (A[some] @ A.T) + square
    found[np.arange(len(some)), some] = np.inf
    return found
