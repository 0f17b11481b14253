"""What is each topic about, which items load on it, how large is it, and how much is it its own?

A topic is a component: row k of H (its words) with column k of W (its items). Everything here expects W and H on a stated scale
convention (nmfcore/topics/scale.py) and never renumbers components. p(w|t) = H_tw / sum_w H_tw; p(w) is the word's share of the
corpus total where totals are known, else of the model's own total.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from nmfcore.core.factorization import Axis, Factors, Matrix
from nmfcore.core.losses import observed

COLUMNS, ROWS = Axis("columns", "column"), Axis("rows", "row")


@dataclass(frozen=True, eq=False)
class TopTerms:
    """The words of one topic in order.

    component : counted from 0, the model's own number
    indices : (c,) columns of X;  terms : their labels
    weights : (c,) entries of H;  shares : (c,) p(w|t)
    relevance : (c,) what they are sorted by
    exclusivity : (c,) part of the word's amount that is in this topic: 1 = it is in no other. H_tw n_t / sum_s H_sw n_s with n
        the column sums of W where it is given, the same on every scale; else H_tw over the sum of column w of H
    lift : (c,) p(w|t) / p(w): how many times more frequent than in the corpus (or in the model, see `corpus`)
    totals : (c,) corpus total of the word, or None when not given
    corpus : whether p(w) comes from corpus totals
    """

    component: int
    indices: np.ndarray
    terms: list[str]
    weights: np.ndarray
    shares: np.ndarray
    relevance: np.ndarray
    exclusivity: np.ndarray
    lift: np.ndarray
    totals: np.ndarray | None
    corpus: bool

    @property
    def name(self) -> str:
        """The suggested name: the first three words."""
        return named(self.terms[:3])


def top_terms(
    H: np.ndarray,
    axis: Axis | None = None,
    *,
    count: int = 10,
    relevance: float = 1.0,
    totals: np.ndarray | None = None,
    hidden: Sequence[int] | np.ndarray = (),
    W: np.ndarray | None = None,
) -> list[TopTerms]:
    """The most relevant words of every topic.

    relevance(w, t) = lambda log p(w|t) + (1 - lambda) log(p(w|t) / p(w)); lambda = 1 sorts by weight, 0 by lift.

    Parameters
    ----------
    H : (r, n) array, >= 0
    axis : labels of the columns
    count : words per topic; fewer where a topic has fewer words with a share above zero
    relevance : lambda, 0 to 1; 0.6 is what readers found best (Sievert & Shirley 2014)
    totals : (n,) corpus totals of the columns (`corpus_totals`); None takes p(w) from H itself
    hidden : columns that are not shown
    W : (m, r) array, >= 0, on the scale of H: how much each topic is used; None counts every row of H once

    Returns
    -------
    list of TopTerms, one per row of H in the rows' order; ties go to the smaller column

    Raises
    ------
    ValueError
        If lambda is outside 0 to 1 or `totals` has the wrong length.

    Source: Sievert & Shirley 2014, eq. 1.
    """
    if not 0.0 <= relevance <= 1.0:
        raise ValueError(f"The relevance lambda is a share between 0 and 1, not {relevance:g}.")
    axis = axis or COLUMNS
    if totals is not None and np.shape(totals) != (H.shape[1],):
        raise ValueError(f"There are {np.size(totals)} corpus totals for {H.shape[1]} columns; they have to be equal in number.")
    whole = H.astype(np.float64)
    used = np.ones(len(whole)) if W is None else W.sum(axis=0, dtype=np.float64)
    column_sums = used @ whole  # (n,) the model's own total of each word
    background = column_sums if totals is None else np.asarray(totals, np.float64)
    background = background / max(background.sum(), np.finfo(float).tiny)
    visible = np.ones(H.shape[1], bool)
    visible[np.asarray(hidden, int)] = False
    found = []
    for k, row in enumerate(whole):
        share = _parts(row, row.sum())
        live = np.flatnonzero((share > 0) & visible)  # most of H is zero: only live words are scored
        p = share[live]
        lift = p / np.maximum(background[live], np.finfo(float).tiny)
        score = relevance * np.log(p) + (1.0 - relevance) * np.log(lift)
        order = best(score, count)
        columns = live[order]
        found.append(
            TopTerms(
                component=k,
                indices=columns,
                terms=axis.take(columns),
                weights=row[columns],
                shares=p[order],
                relevance=score[order],
                exclusivity=_parts(used[k] * row[columns], column_sums[columns]),
                lift=lift[order],
                totals=None if totals is None else np.asarray(totals)[columns],
                corpus=totals is not None,
            )
        )
    return found


def _parts(amounts: np.ndarray, of: np.ndarray | np.float64) -> np.ndarray:
    return np.divide(amounts, of, out=np.zeros_like(amounts), where=of > 0)


def best(score: np.ndarray, count: int) -> np.ndarray:
    """Indices of the `count` largest scores, falling; ties go to the smaller index. Linear time plus a sort of `count`."""
    if count < len(score):
        limit = np.partition(score, len(score) - count)[len(score) - count] if count > 0 else np.inf
        candidates = np.flatnonzero(score >= limit)
    else:
        candidates = np.arange(len(score))
    return candidates[np.argsort(-score[candidates], kind="stable")][: max(count, 0)]


def corpus_totals(X: Matrix) -> np.ndarray:
    """(n,) column sums of X in float64: word counts for counts, total weight for tf-idf.

    X : (m, n) array or CSR
    """
    return np.asarray(X.sum(axis=0, dtype=np.float64)).ravel()


def named(terms: Sequence[str]) -> str:
    """The words of a topic as its name."""
    return ", ".join(terms) or "(empty)"


def names(H: np.ndarray, axis: Axis | None = None, *, count: int = 3, hidden: Sequence[int] | np.ndarray = ()) -> list[str]:
    """A suggested name for every topic: its top words, never an invented label.

    H : (r, n) array, >= 0;  hidden : columns that name nothing
    """
    return [named(t.terms) for t in top_terms(H, axis, count=count, hidden=hidden)]


@dataclass(frozen=True, eq=False)
class TopItems:
    """The items that load most on one topic: rows of X, labels, entries of W, and each entry's share of its row of W."""

    component: int
    indices: np.ndarray
    items: list[str]
    weights: np.ndarray
    shares: np.ndarray


def top_items(W: np.ndarray, axis: Axis | None = None, *, count: int = 10) -> list[TopItems]:
    """The items with the largest entries in every column of W; zero entries are left out, ties go to the smaller row.

    W : (m, r) array, >= 0
    """
    axis = axis or ROWS
    sums = W.sum(axis=1, dtype=np.float64)
    found = []
    for k in range(W.shape[1]):
        column = W[:, k].astype(np.float64)
        rows = best(column, count)
        rows = rows[column[rows] > 0]
        found.append(TopItems(k, rows, axis.take(rows), column[rows], column[rows] / sums[rows]))
    return found


@dataclass(frozen=True, eq=False)
class Sizes:
    """How large each topic is, two ways.

    explained : (r,) part of ||X||^2 that the topic explains; they sum to 1 - relative error^2. Scale-free.
    share : (r,) explained / sum of explained: "this topic is 12 % of what the model explains"
    weight : (r,) share of the sum of WH that is in w_k h_k: for counts, the share of the words. Scale-free too.
    """

    explained: np.ndarray
    share: np.ndarray
    weight: np.ndarray


def sizes(X: Matrix, W: np.ndarray, H: np.ndarray, mask: Matrix | None = None) -> Sizes:
    """Every topic's share of the explained energy, and of the total weight.

    explained_k = (2 <X, w_k h_k> - <WH, w_k h_k>) / ||X||^2, which sums over k to 1 - ||X - WH||^2 / ||X||^2.
    At a stationary point both products are equal, so that it is <X, w_k h_k> / ||X||^2 and never negative; before that a
    topic that overshoots can be negative. WH is never formed; under a mask, of which all sums but the weights are then over the
    observed entries alone, some rows at a time.

    Parameters
    ----------
    X : (m, n) array or CSR;  W : (m, r) array;  H : (r, n) array;  mask : (m, n) of 0/1, 1 = observed, or None
    """
    W64, H64 = W.astype(np.float64), H.astype(np.float64)
    if mask is not None:
        return _masked_sizes(X, W64, H64, mask)
    fits = np.einsum("ij,ij->j", np.asarray(X @ H.T), W64, dtype=np.float64)  # <X, w_k h_k>
    overlaps = ((W64.T @ W64) * (H64 @ H64.T)).sum(axis=1)  # <WH, w_k h_k>
    values = X.data if sp.issparse(X) else X.ravel()
    norm2 = float(np.einsum("i,i->", values, values, dtype=np.float64))
    explained = (2.0 * fits - overlaps) / norm2 if norm2 > 0 else np.zeros(len(H))
    mass = W64.sum(axis=0) * H64.sum(axis=1)
    return Sizes(explained, _shares(explained), _shares(mass))


def _masked_sizes(X: Matrix, W: np.ndarray, H: np.ndarray, mask: Matrix) -> Sizes:
    explained, norm2 = np.zeros(len(H)), 0.0
    for rows, x, y in observed(X, W, H, mask):
        explained += np.einsum("ij,ij->j", (2.0 * x - y) @ H.T, W[rows])
        norm2 += float(np.einsum("ij,ij->", x, x))
    explained = explained / norm2 if norm2 > 0 else np.zeros(len(H))
    return Sizes(explained, _shares(explained), _shares(W.sum(axis=0) * H.sum(axis=1)))


def _shares(parts: np.ndarray) -> np.ndarray:
    """Parts over their sum; zeros when there is nothing to share."""
    total = parts.sum()
    return parts / total if total > 0 else np.zeros_like(parts)


@dataclass(frozen=True, eq=False)
class TermInTopics:
    """One word across all topics.

    weights : (r,) entries of H; they are of different topics, so they compare on a stated scale at most
    amounts : (r,) sum over i of w_it h_tj: how much of the word the model expects of each topic, in the unit of X. Scale-free
    parts : (r,) each topic's part of it; they sum to 1
    rank : (r,) its place in each topic, 1 = first; 0 where the weight is 0
    """

    index: int
    term: str
    weights: np.ndarray
    amounts: np.ndarray
    parts: np.ndarray
    rank: np.ndarray


def term_in_topics(H: np.ndarray, index: int, axis: Axis | None = None, *, W: np.ndarray | None = None) -> TermInTopics:
    """Where a word (column of X) lives: in which topics and how strongly.

    H : (r, n) array, >= 0;  index : of the column
    W : (m, r) array, >= 0, on the scale of H; None counts every row of H once, and then amounts are the weights
    """
    column = H[:, index].astype(np.float64)
    amounts = column if W is None else column * W.sum(axis=0, dtype=np.float64)
    rank = np.where(column > 0, 1 + (H[:, [index]] < H).sum(axis=1), 0)
    return TermInTopics(index, (axis or COLUMNS).label(index), column, amounts, _shares(amounts), rank)


def find_terms(axis: Axis, query: str, *, count: int = 20) -> list[int]:
    """Columns whose label matches the query: the exact one first, then those that begin with it, then those that hold it."""
    query = query.strip().casefold()
    if not query or axis.labels is None:
        return []
    hits = [
        (label != query, not label.startswith(query), i) for i, label in enumerate(map(_folded, axis.labels)) if query in label
    ]
    return [i for *_, i in sorted(hits)[:count]]


def _folded(label: object) -> str:
    return str(label).casefold()


def separating_terms(
    H: np.ndarray,
    first: int,
    second: int,
    axis: Axis | None = None,
    *,
    count: int = 10,
    hidden: Sequence[int] | np.ndarray = (),
) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """The words that separate two topics: those whose shares p(w|t) differ most, in favour of each of the two.

    Returns (words of the first, words of the second) as (word, difference of shares > 0), falling; `hidden` columns are left
    out, and stay in the sums that the shares are of.

    H : (r, n) array, >= 0
    """
    axis = axis or COLUMNS
    a, b = (H[k].astype(np.float64) / max(float(H[k].sum(dtype=np.float64)), np.finfo(float).tiny) for k in (first, second))
    sides = []
    for gap in (a - b, b - a):
        gap[np.asarray(hidden, int)] = 0.0
        order = best(gap, count)
        sides.append([(axis.label(int(i)), float(gap[i])) for i in order if gap[i] > 0])
    return sides[0], sides[1]


def merge(W: np.ndarray, H: np.ndarray, components: Sequence[int]) -> Factors:
    """W and H with several topics replaced by the one that stands best for them: an edit, not a fit.

    The merged w h is the best rank-1 approximation of their sum; it is non-negative (Perron & Frobenius). It takes the place of
    the first of them, the others are removed, and its row of H keeps the sum norm 1 when theirs had it.

    W : (m, r);  H : (r, n)

    Raises
    ------
    ValueError
        If fewer than two different components are named.
    """
    chosen = sorted({int(k) for k in components})
    if len(chosen) < 2 or chosen[0] < 0 or chosen[-1] >= len(H):
        raise ValueError(f"Merging needs at least two different topics between 1 and {len(H)}.")
    Q1, R1 = np.linalg.qr(W[:, chosen].astype(np.float64))
    Q2, R2 = np.linalg.qr(H[chosen].T.astype(np.float64))
    u, s, vt = scipy.linalg.svd(R1 @ R2.T)
    w, h = np.abs(Q1 @ u[:, 0]) * s[0], np.abs(Q2 @ vt[0])
    size = float(h.sum())
    if size > 0:
        w, h = w * size, h / size
    new_W, new_H = W.copy(), H.copy()
    new_W[:, chosen[0]], new_H[chosen[0]] = w, h
    return Factors(np.delete(new_W, chosen[1:], axis=1), np.delete(new_H, chosen[1:], axis=0))


def together(W: np.ndarray, H: np.ndarray, groups: Sequence[Sequence[int]]) -> Factors:
    """How sums of topics are read: for every group G the words and the items of M = sum over k in G of w_k h_k.

    h_G = (column sums of M) / (sum of M), w_G = row sums of M: the words of the group are those of its topics, each topic
    counting by its weight. WH, and with it the error, stays what it is; M has a rank of up to |G|, and w_G h_G is not a
    replacement for it in the model (`merge` gives the best one). A group of one topic is that topic, untouched.

    Parameters
    ----------
    W : (m, r) array;  H : (r, n) array;  any scale, the result for groups of several does not depend on it
    groups : components, each in one group at most

    Returns
    -------
    Factors with one component per group, in their order
    """
    new_W, new_H = np.empty((len(W), len(groups)), W.dtype), np.empty((len(groups), H.shape[1]), H.dtype)
    for g, group in enumerate(groups):
        members = list(group)
        if len(members) == 1:
            new_W[:, g], new_H[g] = W[:, members[0]], H[members[0]]
            continue
        part_W, part_H = W[:, members].astype(np.float64), H[members].astype(np.float64)
        words = part_W.sum(axis=0) @ part_H  # column sums of M, without forming it
        new_W[:, g] = part_W @ part_H.sum(axis=1)
        new_H[g] = words / max(float(words.sum()), np.finfo(float).tiny)
    return Factors(new_W, new_H)
