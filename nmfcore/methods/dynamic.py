"""Which topics run through time, when each window of time has topics of its own? Two layers of NMF.

Layer 1: the items of each window are factorized by themselves (words counted on the same columns). Layer 2: every window topic
becomes a row of B, with the weights of its first `depth` words and zeros elsewhere; B ~ U V is factorized again. Row j of V is
dynamic topic j; a window topic belongs to the dynamic topic with the largest weight in its row of U. So a dynamic topic is the
list of its window topics, at most a few in each window, and may be missing in some.

Source: Greene & Cross 2017, "Exploring the Political Agenda of the European Parliament Using a Dynamic Topic Modeling Approach",
Political Analysis 25(1), section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Matrix
from nmfcore.core.spec import StopRule
from nmfcore.run import solve
from nmfcore.topics.terms import best

DEPTH = 20  # words of a window topic that go into layer 2, as in the paper's own experiments
STOP = StopRule(tol=1e-4, max_iter=200, max_seconds=None)
Report = Callable[[int, int], None]  # windows done, windows in all; may raise to end the work


@dataclass(frozen=True, eq=False)
class WindowTopic:
    """One topic of one window.

    window : its place;  component : counted from 0, in its window;  words : (n,) its row of H, at length 1
    items : rows of X, those of the window that load most on it
    """

    window: int
    component: int
    words: np.ndarray
    items: np.ndarray


@dataclass(frozen=True, eq=False)
class Dynamic:
    """Dynamic topics and what they are made of.

    windows : names;  sizes : (b,) items of each;  left_out : windows with too few items for their topics
    topics : all window topics, window by window
    words : (k, n) the dynamic topics, rows of V at length 1
    belongs : (t,) the dynamic topic of each window topic, -1 for none;  weights : (t, k) U, each row at sum 1
    """

    windows: tuple[str, ...]
    sizes: np.ndarray
    left_out: tuple[int, ...]
    topics: tuple[WindowTopic, ...]
    words: np.ndarray
    belongs: np.ndarray
    weights: np.ndarray

    def members(self, dynamic: int) -> list[WindowTopic]:
        """The window topics of a dynamic topic, in the order of the windows."""
        return [topic for topic, at in zip(self.topics, self.belongs, strict=True) if at == dynamic]

    def present(self) -> np.ndarray:
        """(k, b) how many window topics of each dynamic topic there are in each window."""
        found = np.zeros((len(self.words), len(self.windows)), int)
        for topic, at in zip(self.topics, self.belongs, strict=True):
            if at >= 0:
                found[at, topic.window] += 1
        return found


def dynamic_topics(
    X: Matrix,
    index: np.ndarray,
    windows: Sequence[str],
    *,
    window_rank: int,
    rank: int,
    depth: int = DEPTH,
    seed: int = 0,
    stop: StopRule = STOP,
    report: Report | None = None,
) -> Dynamic:
    """Topics of each window, and the dynamic topics over them.

    Parameters
    ----------
    X : (m, n) array or CSR, >= 0, all items on the same columns
    index : (m,) window of each item, -1 for none
    windows : names of the windows, in their order
    window_rank : topics of each window; a window with fewer items than that is left out and named in `left_out`
    rank : dynamic topics
    depth : words of a window topic that count in the second layer

    Returns
    -------
    Dynamic

    Raises
    ------
    ProblemError
        If too few windows have enough items for `rank` dynamic topics, or shapes do not fit.
    """
    index = np.asarray(index)
    if X.shape[0] != len(index):
        raise ProblemError(f"X has {X.shape[0]:,} rows, but there are windows for {len(index):,} items.")
    topics: list[WindowTopic] = []
    left_out = []
    for at in range(len(windows)):
        if report is not None:
            report(at, len(windows))
        found = _window(X, np.flatnonzero(index == at), at, window_rank, seed, stop)
        topics += found or []
        if found is None:
            left_out.append(at)
    if len(topics) < rank:
        raise ProblemError(
            f"{len(windows) - len(left_out)} windows with enough items give {len(topics)} topics, too few for {rank}. "
            "Choose wider windows, more topics for each, or fewer dynamic topics."
        )
    words, weights = _over(topics, X.shape[1], rank, depth, seed, stop)
    belongs = np.where(weights.sum(axis=1) > 0, weights.argmax(axis=1), -1)
    sizes = np.bincount(index[index >= 0], minlength=len(windows))
    return Dynamic(tuple(windows), sizes, tuple(left_out), tuple(topics), words, belongs, weights)


def _window(X: Matrix, rows: np.ndarray, at: int, rank: int, seed: int, stop: StopRule) -> list[WindowTopic] | None:
    """Layer 1: the topics of one window; None where it has too few items.

    Columns that no item of the window has are left out of the fit (their weights are 0 in any case): most of a large
    vocabulary, and with it most of the time.
    """
    part = X[rows]
    live = rows[np.asarray((part != 0).sum(axis=1)).ravel() > 0]
    if len(live) < rank:
        return None
    part = X[live]
    used = np.unique(part.indices[part.data != 0]) if sp.issparse(part) else np.flatnonzero((part != 0).any(axis=0))
    fit = solve(part[:, used], min(rank, len(used)), init="nndsvd", seed=seed, stop=stop)
    topics = []
    for k, row in enumerate(fit.H.astype(np.float64)):
        length = np.linalg.norm(row)
        if length > 0:
            words = np.zeros(X.shape[1])
            words[used] = row / length
            topics.append(WindowTopic(at, k, words, live[best(fit.W[:, k].astype(np.float64), 10)]))
    return topics


def _over(
    topics: Sequence[WindowTopic], n: int, rank: int, depth: int, seed: int, stop: StopRule
) -> tuple[np.ndarray, np.ndarray]:
    """Layer 2: (rank, n) dynamic topics at length 1, and (t, rank) how much each window topic is of each, in sum 1 or 0."""
    firsts = [_firsts(topic.words, depth) for topic in topics]
    seen, column = np.unique(np.concatenate(firsts), return_inverse=True)
    row = np.repeat(np.arange(len(topics)), [len(first) for first in firsts])
    weights = np.concatenate([topic.words[first] for topic, first in zip(topics, firsts, strict=True)])
    B = sp.csr_array((weights, (row, column)), shape=(len(topics), len(seen)))
    fit = solve(B, min(rank, len(seen)), init="nndsvd", seed=seed, stop=stop)
    U, V = fit.W.astype(np.float64), fit.H.astype(np.float64)
    lengths = np.linalg.norm(V, axis=1)
    U, V = U * lengths, np.divide(V, lengths[:, None], out=np.zeros_like(V), where=lengths[:, None] > 0)
    words = np.zeros((len(V), n))
    words[:, seen] = V
    total = U.sum(axis=1, keepdims=True)
    return words, np.divide(U, total, out=np.zeros_like(U), where=total > 0)


def _firsts(words: np.ndarray, depth: int) -> np.ndarray:
    """The columns of the largest weights; only among those that have one, which are few of a large vocabulary."""
    live = np.flatnonzero(words)
    return live[best(words[live], depth)]
