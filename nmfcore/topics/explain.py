"""Why is this item here, and what about it does the model not explain?

For one row x of X with mixture w (its row of W), word j speaks for topic k by c_kj = x_j w_k H_kj / ||x||^2. Summed over the
words it is what topic k explains of the item, summed over everything <x, wH> / ||x||^2, which equals the item's explained
energy 1 - ||x - wH||^2 / ||x||^2 when w is the best mixture of the item (non-negative least squares makes the residual
orthogonal to wH). All of it is independent of the scale convention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.checks import as_problem
from nmfcore.core.factorization import Axis, Matrix, beta_of
from nmfcore.core.losses import observed
from nmfcore.kernels.engines import newton_sweeps
from nmfcore.topics.encode import encode_rows
from nmfcore.topics.projection import project_rows
from nmfcore.topics.terms import COLUMNS, best

SETTLED = 1e-9  # of the largest weight: a new row has its mixture when no weight moves by more
MOST_UPDATES = 2_000  # until then, at most
SWEEPS = 5  # passes over the weights between two looks


@dataclass(frozen=True, eq=False)
class Explanation:
    """One item, taken apart.

    mixture : (r,) its weights;  shares : (r,) mixture / sum, zeros when it is in no topic
    words : (c,) columns that the item has, by x_j falling;  terms : their labels;  values : their x_j
    fitted : (c,) (wH)_j
    contributions : (r, c) c_kj; every row sums to `topics[k]`, everything to `fit`
    topics : (r,) what each topic explains of the item
    fit : sum of contributions, <x, wH> / ||x||^2
    explained : 1 - ||x - wH||^2 / ||x||^2; equals `fit` when the mixture is the best one
    unexplained : (c,) max(0, x_j - (wH)_j)^2 / ||x||^2: the part of ||x||^2 the model misses at each of the item's words
    expected : columns the item lacks although the model expects them, by (wH)_j falling;  expected_terms, expected_values
    """

    mixture: np.ndarray
    shares: np.ndarray
    words: np.ndarray
    terms: list[str]
    values: np.ndarray
    fitted: np.ndarray
    contributions: np.ndarray
    topics: np.ndarray
    fit: float
    explained: float
    unexplained: np.ndarray
    expected: np.ndarray
    expected_terms: list[str]
    expected_values: np.ndarray

    @property
    def missed(self) -> np.ndarray:
        """Places in `words` of what the model does not explain, the worst first."""
        return best(self.unexplained, int(np.count_nonzero(self.unexplained)))

    def together(self, groups: Sequence[Sequence[int]]) -> Explanation:
        """The same with topics that several components make together: what they explain is added.

        groups : the components of each topic; their weights are added too, which means something where they are on one scale
        """
        add = np.zeros((len(groups), len(self.topics)))
        for g, members in enumerate(groups):
            add[g, list(members)] = 1.0
        mixture = add @ self.mixture
        total = mixture.sum()
        return replace(
            self, mixture=mixture, shares=mixture / total if total > 0 else mixture, contributions=add @ self.contributions,
            topics=add @ self.topics,
        )  # fmt: skip

    def why(self, topic: int, count: int = 10) -> list[tuple[str, float]]:
        """The words that put the item into a topic, with their contributions, falling."""
        order = best(self.contributions[topic], count)
        return [(self.terms[j], float(self.contributions[topic, j])) for j in order if self.contributions[topic, j] > 0]


def explain_item(
    X: Matrix,
    W: np.ndarray,
    H: np.ndarray,
    item: int,
    axis: Axis | None = None,
    *,
    mask: Matrix | None = None,
    expected: int = 10,
) -> Explanation:
    """Row `item` of X taken apart: contribution of each word to each topic, and what is missed. See `Explanation`.

    X : (m, n);  W : (m, r);  H : (r, n);  mask : (m, n) of 0/1, 1 = observed: what is missing is neither missed nor expected
    """
    row, seen = (None if A is None else _row(A, item) for A in (X, mask))
    return explain_row(row, W[item], H, axis, seen=seen, expected=expected)


def _row(A: Matrix, i: int) -> np.ndarray:
    return sp.csr_array(A)[[i]].toarray().ravel() if sp.issparse(A) else np.asarray(A)[i]


def explain_row(
    x: Any, w: np.ndarray, H: np.ndarray, axis: Axis | None = None, *, seen: np.ndarray | None = None, expected: int = 10
) -> Explanation:
    """A row x (n,) with mixture w (r,) taken apart; `expected` = how many words it lacks to list.

    H : (r, n) array, >= 0;  seen : (n,) of 0/1, 1 = observed; all numbers are then those over the observed entries
    """
    axis = axis or COLUMNS
    x, w = np.asarray(x, np.float64).ravel(), np.asarray(w, np.float64)
    H64 = H.astype(np.float64)
    if seen is not None:
        x, H64 = np.where(np.asarray(seen) > 0, x, 0.0), np.where(np.asarray(seen) > 0, H64, 0.0)
    norm2 = float(x @ x)
    whole = w @ H64  # (n,)
    present = np.flatnonzero(x)
    words = present[np.argsort(-x[present], kind="stable")]
    per_word = w[:, None] * H64[:, words] * x[words]  # (r, c)
    scale = 1.0 / norm2 if norm2 > 0 else 0.0
    gap = x - whole
    lacking = np.where(x == 0, whole, 0.0)
    order = best(lacking, expected)
    order = order[lacking[order] > 0]
    return Explanation(
        mixture=w,
        shares=w / w.sum() if w.sum() > 0 else np.zeros_like(w),
        words=words,
        terms=axis.take(words),
        values=x[words],
        fitted=whole[words],
        contributions=per_word * scale,
        topics=per_word.sum(axis=1) * scale,
        fit=float(per_word.sum() * scale),
        explained=1.0 - float(gap @ gap) * scale if norm2 > 0 else 0.0,
        unexplained=np.maximum(gap[words], 0.0) ** 2 * scale,
        expected=order,
        expected_terms=axis.take(order),
        expected_values=lacking[order],
    )


def fold_in(
    x: Any,
    H: np.ndarray,
    axis: Axis | None = None,
    *,
    seen: np.ndarray | None = None,
    loss: str = "frobenius",
    expected: int = 10,
) -> Explanation:
    """A new row (n,) described by the fitted topics: its best mixture with H fixed, under the loss of the run, taken apart.

    Frobenius: exact non-negative least squares. Kullback-Leibler: Newton steps until no weight moves. Other losses:
    multiplicative updates until none does; those that are infinite where the row is 0 are replaced by least squares there.

    seen : (n,) of 0/1, 1 = observed; mixture, error and contributions are then those over the observed entries

    H : (r, n) array, >= 0

    Source: Lawson & Hanson 1974, through `nmfcore.topics.projection.project_rows`; Hsieh & Dhillon 2011; Fevotte & Idier 2011.
    """
    row = x.toarray().ravel() if sp.issparse(x) else np.asarray(x, np.float64).ravel()
    chosen = np.flatnonzero(seen) if seen is not None else np.arange(len(row))
    mixture = _mixture(row[chosen].astype(np.float64), H[:, chosen].astype(np.float64), beta_of(loss))
    return explain_row(row, mixture, H, axis, seen=seen, expected=expected)


def _mixture(x: np.ndarray, H: np.ndarray, beta: float) -> np.ndarray:
    """argmin over w >= 0 of D_beta(x | w H), w (r,)."""
    if beta == 2 or not x.any() or not len(x) or (beta <= 0 and not x.all()):
        return project_rows(x[None], H)[0] if len(x) else np.zeros(len(H))
    if beta != 1:
        problem = as_problem(x[None], 1, loss=f"beta={beta!r}")
        return encode_rows(problem, H, tol=SETTLED, max_iter=MOST_UPDATES)[0][0]
    row, other = sp.csr_array(x[None]), np.ascontiguousarray(H.T)
    w = np.where(H.any(axis=1), x.sum() / max(float(H.sum()), np.finfo(float).tiny), 0.0)[None]
    for _ in range(MOST_UPDATES):
        before = w
        w, _, _ = newton_sweeps(row, other, before, SWEEPS, sums_wanted=False)
        if np.abs(w - before).max() <= SETTLED * w.max():
            break
    return w[0]


@dataclass(frozen=True, eq=False)
class FoldedText:
    """A new text in the vocabulary of the model: what was counted, and what it did not know.

    row : (n,) counts;  known : number of tokens found;  unknown : tokens not in the vocabulary, in order, once each
    """

    row: np.ndarray
    known: int
    unknown: list[str]


def count_tokens(tokens: Sequence[str], axis: Axis) -> FoldedText:
    """Counts of tokens over the labels of the columns; weighting (tf-idf) is the data's preparation and comes after."""
    place = {str(label): j for j, label in reversed(list(enumerate(axis.labels or ())))}
    row = np.zeros(len(axis.labels or ()))
    unknown: dict[str, None] = {}
    for token in tokens:
        if token in place:
            row[place[token]] += 1
        else:
            unknown.setdefault(token)
    return FoldedText(row, int(row.sum()), list(unknown))


@dataclass(frozen=True, eq=False)
class ItemErrors:
    """How well each item is explained: relative_errors (m,), NaN for zero rows; explained = 1 - error^2."""

    relative_errors: np.ndarray

    @property
    def explained(self) -> np.ndarray:
        return 1.0 - self.relative_errors**2

    @property
    def worst(self) -> np.ndarray:
        """Items from the largest error to the smallest; zero rows left out."""
        live = np.flatnonzero(~np.isnan(self.relative_errors))
        return live[np.argsort(-self.relative_errors[live], kind="stable")]


def item_errors(X: Matrix, W: np.ndarray, H: np.ndarray, mask: Matrix | None = None) -> ItemErrors:
    """||x_i - w_i H|| / ||x_i|| of every row, from the Gram form per row: WH is never formed (error about 1e-7 in float64).

    X : (m, n);  W : (m, r);  H : (r, n)
    mask : (m, n), 1 = observed: the sums are then over the observed entries alone, formed a few rows at a time
    """
    W64, H64 = W.astype(np.float64), H.astype(np.float64)
    if mask is not None:
        return ItemErrors(_masked_errors(X, W64, H64, mask))
    norms = np.asarray((X.multiply(X) if sp.issparse(X) else X * X).sum(axis=1, dtype=np.float64)).ravel()
    cross = np.einsum("ij,ij->i", np.asarray(X @ H64.T), W64)
    square = norms - 2.0 * cross + np.einsum("ij,ij->i", W64 @ (H64 @ H64.T), W64)
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.sqrt(np.maximum(square, 0.0) / norms)
    return ItemErrors(np.where(norms > 0, errors, np.nan))


def _masked_errors(X: Matrix, W: np.ndarray, H: np.ndarray, mask: Matrix) -> np.ndarray:
    """(m,) relative errors over the observed entries; NaN where all of them are 0."""
    squares, norms = np.empty(len(W)), np.empty(len(W))
    for rows, x, y in observed(X, W, H, mask):
        squares[rows] = np.sum(np.square(x - y), axis=1)
        norms[rows] = np.sum(np.square(x), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(norms > 0, np.sqrt(squares / norms), np.nan)
