"""What is a topic made of? NMF again on the topic's own part.

What W H explains of entry (i, j) belongs to topic k by the share w_ik H_kj / (WH)_ij, so the topic's own part of X is
X_k = X * (w_k h_k) / (WH) on the entries that are stored; over all topics the parts sum to what of X lies on modelled entries.
X_k is factorized into children. A child's share of the parent is its share of what the children explain of X_k times the share
of X_k they explain; what is left is the rest. The tree of likeness beside it joins topics by the cosine of their words (average
linkage, Sokal & Michener 1958).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.cluster.hierarchy as trees
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Factorization, Matrix
from nmfcore.core.spec import StopRule
from nmfcore.run import solve
from nmfcore.topics.similarity import cosine_rows

STOP = StopRule(tol=1e-5, max_iter=300, max_seconds=None)
DENSE_ROWS = 4_000_000  # cells of a dense X that are divided at one time


def own_part(X: Matrix, W: np.ndarray, H: np.ndarray, topic: int | Sequence[int]) -> Matrix:
    """X * (sum over k of w_k h_k) / (WH): what of X is the topic's, (m, n) of X's kind; zero where the model expects nothing.

    Over all topics the parts sum to X on the entries where (WH)_ij > 0. WH is never formed for sparse X. It is the soft mask by
    which sources of sound are separated.

    X : (m, n);  W : (m, r);  H : (r, n)
    topic : the component, counted from 0, or the components of a topic that several make together

    Source: Fevotte, Bertin & Durrieu 2009 (Wiener reconstruction).
    """
    members = [topic] if isinstance(topic, int) else list(topic)
    W64, H64 = np.asarray(W, np.float64), np.asarray(H, np.float64)
    if sp.issparse(X):
        X = sp.csr_array(X)
        rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
        whole, mine = np.zeros(X.nnz), np.zeros(X.nnz)
        for k, (w, h) in enumerate(zip(W64.T, H64, strict=True)):
            each = w[rows] * h[X.indices]
            whole += each
            if k in members:
                mine += each
        share = np.divide(mine, whole, out=np.zeros(X.nnz), where=whole > 0)
        part = sp.csr_array((X.data * share.astype(X.dtype), X.indices.copy(), X.indptr.copy()), shape=X.shape)
        part.eliminate_zeros()
        return part
    out = np.empty_like(X)
    step = max(1, DENSE_ROWS // X.shape[1])
    for begin in range(0, len(X), step):
        some = slice(begin, begin + step)
        whole = W64[some] @ H64
        mine = W64[some][:, members] @ H64[members]
        out[some] = X[some] * np.divide(mine, whole, out=np.zeros_like(whole), where=whole > 0)
    return out


@dataclass(frozen=True, eq=False)
class Division:
    """A topic's children.

    topic : the components of the parent;  fit : the factorization of its own part
    shares : (c,) of the parent that is each child's;  rest : what no child explains; shares and rest sum to 1
    items : rows of X that the part has entries in
    """

    topic: tuple[int, ...]
    fit: Factorization
    shares: np.ndarray
    rest: float
    items: np.ndarray

    @property
    def order(self) -> np.ndarray:
        """(c,) the children, the largest first: by these places they are numbered."""
        return np.argsort(-self.shares, kind="stable")


def divide(
    X: Matrix,
    W: np.ndarray,
    H: np.ndarray,
    topic: int | Sequence[int],
    children: int,
    *,
    seed: int = 0,
    stop: StopRule = STOP,
) -> Division:
    """The children of a topic: an NMF of its own part.

    Parameters
    ----------
    X : (m, n) array or CSR, >= 0;  W : (m, r);  H : (r, n)
    topic : counted from 0, or the components of a topic that several make together
    children : rank of the new factorization, at least 2

    Returns
    -------
    Division
        `fit.W` is (m, c) over all items (zero rows where the topic has no part), `fit.H` (c, n).

    Raises
    ------
    ProblemError
        If the topic does not exist, has no part, or has too few items or words for so many children.
    """
    members = (topic,) if isinstance(topic, int) else tuple(topic)
    for k in members:
        if not 0 <= k < len(H):
            raise ProblemError(f"There is no topic {k + 1}; there are {len(H)}.")
    if not members or children < 2:
        raise ProblemError("A topic is divided into two or more.")
    part = own_part(X, W, H, members)
    items = np.flatnonzero(np.asarray((part != 0).sum(axis=1)).ravel())
    words = int((np.asarray((part != 0).sum(axis=0)).ravel() > 0).sum())
    if min(len(items), words) < children:
        called = " + ".join(str(k + 1) for k in members)
        raise ProblemError(
            f"Topic {called} stands in {len(items):,} items with {words:,} words, too little for {children} children. "
            "Choose fewer."
        )
    fit = solve(part, children, init="nndsvda", seed=seed, stop=stop)
    energy = float((part.multiply(part) if sp.issparse(part) else part * part).sum(dtype=np.float64))
    W64, H64 = fit.W.astype(np.float64), fit.H.astype(np.float64)
    # <X_k, w_c h_c>: what each child reproduces; they sum to ||WH||^2 at the best W, the explained energy
    each = np.maximum(np.einsum("ic,ic->c", np.asarray(part @ H64.T), W64), 0.0)
    explained = min(max(1.0 - fit.relative_error**2, 0.0), 1.0)
    shares = each / each.sum() * explained if each.sum() > 0 and energy > 0 else np.zeros(children)
    return Division(members, fit, shares, 1.0 - float(shares.sum()), items)


def likeness_tree(H: np.ndarray) -> np.ndarray:
    """Topics joined by likeness: (r - 1, 4) linkage of SciPy, distance 1 - cosine of the rows of H, average linkage.

    H : (r, n) array, >= 0
    """
    if len(H) < 2:
        return np.zeros((0, 4))
    distance = np.clip(1.0 - cosine_rows(np.asarray(H, np.float64)), 0.0, None)
    return trees.linkage(distance[np.triu_indices(len(H), 1)], "average")
