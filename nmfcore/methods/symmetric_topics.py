"""What if topics are learned from keywords alone, and the items are described afterwards? Is it better to learn both at once?

Stepwise, from X (m items, n keywords):

    C = X^T X, brought to [0, 1]      which keywords come together
    min over S >= 0 of ||C - S S^T||   S (n, r): the keywords of r latent topics; S has no free scale, unlike W and H
    min over V >= 0 of ||X - V S^T||   V (m, r): the topics of the items, exact, with S fixed (nmfcore/topics/projection.py)

At once (joint): min over W, H >= 0 of ||X - WH||, the ordinary NMF of the same X. `compare` puts both side by side in numbers.
The keywords of each topic are `topics.top_terms(S.T, axis)`, an order for the heatmap of C is `binning.topic_order(S)`.
Stepwise, S does not grow with the items, and a new item needs only its own small projection.

Sources: Kuang, Ding & Park 2012 (symmetric NMF of similarities); Ding, He & Simon 2005; Jaccard 1901; Church & Hanks 1990 (PMI);
Sparck Jones 1972 (IDF); Hoyer 2004 (sparsity).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError, as_matrix, check_rank
from nmfcore.core.factorization import Axes, Factorization, Matrix
from nmfcore.core.losses import relative_error
from nmfcore.core.spec import StopRule
from nmfcore.evaluate.stability import keyword_stability, match_topics
from nmfcore.evaluate.svd import svd
from nmfcore.run import Run, prepare, solve
from nmfcore.topics import scale
from nmfcore.topics.projection import project_rows
from nmfcore.topics.sparsity import hoyer

WEIGHTINGS = {
    "binary": "1 where an item has the keyword",
    "idf": "ln(items / items with the keyword): what every item has weighs nothing",
    "as given": "the values of X",
}
NORMALISATIONS = {
    "cosine": "C_ij / sqrt(C_ii C_jj)",
    "jaccard": "C_ij / (C_ii + C_jj - C_ij)",
    "ppmi": "max(0, ln(p_ij / (p_i p_j))), divided by its largest value",
    "max": "C_ij divided by the largest value",
}
BLIND = ("cosine", "ppmi")  # normalisations that a weight per keyword cannot change: it cancels, or only counts are used
SOLVER = "symmetric-cd"


# -- step 1: keywords that come together --------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Cooccurrence:
    """C (n, n), symmetric, between 0 and 1, and the weighted X (m, n) it was made from.

    weights : (n,) what every keyword was multiplied by; items_with : (n,) in how many items it is
    """

    C: np.ndarray
    X: Matrix
    weights: np.ndarray
    items_with: np.ndarray
    weighting: str
    normalisation: str
    diagonal: bool
    axes: Axes

    @property
    def weighting_matters(self) -> bool:
        """False where the normalisation undoes any weight per keyword, so that IDF changes X but not C."""
        return self.normalisation not in BLIND or self.weighting == "as given"


def cooccurrence(
    X: Any, *, weighting: str = "binary", normalisation: str = "cosine", diagonal: bool = True, axes: Axes | None = None
) -> Cooccurrence:
    """C = X^T X of the weighted X, brought to [0, 1].

    Parameters
    ----------
    X : (m, n) array or sparse, items × keywords, >= 0
    weighting : a key of WEIGHTINGS; "idf" multiplies the binary column of keyword j by ln(m / m_j)
    normalisation : a key of NORMALISATIONS; "jaccard" of weighted columns is Tanimoto's form; "ppmi" counts items:
        p_ij = share of the items with both keywords
    diagonal : keep the similarity of a keyword with itself, or set it to 0
    axes : names and labels

    Returns
    -------
    Cooccurrence
        C is dense float64, (n, n): 8 n^2 bytes. Keywords that no item has, or whose IDF is 0, have a row of zeros.

    Raises
    ------
    ProblemError
        If X cannot be used, a name is unknown, or nothing is left.
    """
    if weighting not in WEIGHTINGS:
        raise ProblemError(f"Unknown weighting {weighting!r}. Known: {', '.join(WEIGHTINGS)}.")
    if normalisation not in NORMALISATIONS:
        raise ProblemError(f"Unknown normalisation {normalisation!r}. Known: {', '.join(NORMALISATIONS)}.")
    given = as_matrix(X, axes=axes)
    m, n = given.shape
    has = sp.csr_array(given != 0).astype(np.float64)
    items_with = np.asarray(has.sum(axis=0)).ravel()
    weights = np.log(m / np.where(items_with > 0, items_with, m)) if weighting == "idf" else np.ones(n)
    weighted = (given if weighting == "as given" else has) * weights[None, :]
    weighted = sp.csr_array(weighted) if sp.issparse(given) else (weighted.toarray() if sp.issparse(weighted) else weighted)
    C = _normalised(weighted, has, normalisation)
    if not diagonal:
        np.fill_diagonal(C, 0.0)
    top = float(C.max(initial=0.0))
    if top == 0:
        raise ProblemError("No two keywords come together in any item, so there is nothing to factorize. Keep the diagonal.")
    if normalisation in ("ppmi", "max"):
        C /= top
    return Cooccurrence(C, weighted, weights, items_with.astype(int), weighting, normalisation, diagonal, axes or Axes())


def _normalised(X: Matrix, has: sp.csr_array, normalisation: str) -> np.ndarray:
    """C (n, n) before the division by its maximum, float64."""
    if normalisation == "ppmi":
        together = (has.T @ has).toarray() / has.shape[0]
        alone = np.diag(together)
        expected = np.outer(alone, alone)
        C = np.log(np.divide(together, expected, out=np.ones_like(together), where=together > 0))
        return np.maximum(C, 0.0)
    C = X.T @ X
    C = np.asarray(C.toarray() if sp.issparse(C) else C, np.float64)
    C = 0.5 * (C + C.T)  # exactly symmetric, whatever the product's rounding
    if normalisation == "max":
        return C
    own = np.diag(C)
    below = np.sqrt(np.outer(own, own)) if normalisation == "cosine" else own[:, None] + own[None, :] - C
    return np.clip(np.divide(C, below, out=np.zeros_like(C), where=(C > 0) & (below > 0)), 0.0, 1.0)


# -- step 2: topics of keywords -----------------------------------------------------------------------------------------
def prepare_topics(
    table: Cooccurrence, rank: int, *, solver: str = SOLVER, init: str = "random", seed: int = 0, stop: StopRule | None = None
) -> Run:
    """The run of min ||C - S S^T||, S >= 0, not yet begun: iterate over it to watch it work; `result().W` is S."""
    return prepare(table.C, rank, solver=solver, symmetric=True, init=init, seed=seed, stop=stop, axes=_keyword_axes(table))


def fit_topics(table: Cooccurrence, rank: int, **options: Any) -> Factorization:
    """The finished run of `prepare_topics`; W is S (n, r)."""
    run = prepare_topics(table, rank, **options)
    for _ in run:
        pass
    return run.result()


def _keyword_axes(table: Cooccurrence) -> Axes:
    return Axes(table.axes.columns, table.axes.columns)


def symmetric_floor(C: np.ndarray, rank: int) -> float:
    """Relative error of the best S S^T of that rank, negative entries in S allowed: no S >= 0 can be below it.

    sqrt(1 - sum of the r largest positive eigenvalues squared / ||C||^2). What a removed diagonal costs shows here.

    C : (n, n) symmetric array

    Source: Eckart & Young 1936, for symmetric C and positive semi-definite S S^T.
    """
    values = np.linalg.eigvalsh(np.asarray(C, np.float64))
    total = float(values @ values)
    used = np.maximum(np.sort(values)[::-1][:rank], 0.0)
    return float(np.sqrt(max(0.0, 1.0 - float(used @ used) / total))) if total > 0 else 0.0


# -- step 3: items ------------------------------------------------------------------------------------------------------
def item_topics(table: Cooccurrence, S: np.ndarray) -> np.ndarray:
    """V (m, r) >= 0 with the smallest ||X - V S^T||, S fixed: exact non-negative least squares, item by item.

    S : (n, r) array, >= 0
    """
    return project_rows(table.X, np.ascontiguousarray(S.T))


def parameter_shares(items: int, keywords: int, rank: int) -> tuple[float, float]:
    """The shares of the m r + n r parameters that lie in V and in S: m / (m + n) and n / (m + n), whatever the rank."""
    total = rank * (items + keywords)
    return rank * items / total, rank * keywords / total


def topic_strength(V: np.ndarray, S: np.ndarray) -> np.ndarray:
    """(m, r): V_ik ||s_k||, how much of an item each topic explains; comparable between topics, as V alone is not.

    V : (m, r);  S : (n, r)
    """
    return scale.apply(V, np.ascontiguousarray(S.T), "H rows L2").W


def items_of_topics(V: np.ndarray, S: np.ndarray, *, count: int = 10) -> list[np.ndarray]:
    """For each topic the items with the largest `topic_strength`, falling; items without it are left out.

    V : (m, r);  S : (n, r);  one (count,) or shorter array of row numbers for each topic
    """
    strength = topic_strength(V, S)
    return [np.array([i for i in np.argsort(-s, kind="stable")[:count] if s[i] > 0], int) for s in strength.T]


@dataclass(frozen=True)
class Reason:
    """One keyword's part in an item's topic.

    value : x_ij, what the item has of the keyword; weight : S_jk, what the keyword means to the topic
    evidence : x_ij S_jk, how much this keyword speaks for the topic
    explained : V_ik S_jk, how much of x_ij the topic explains
    """

    keyword: int
    label: str
    value: float
    weight: float
    evidence: float
    explained: float


@dataclass(frozen=True)
class TopicOfItem:
    """One topic of an item: its coefficient V_ik, its share of the item's topic strength, and the reasons, strongest first."""

    topic: int
    coefficient: float
    share: float
    reasons: tuple[Reason, ...]


def explain(x: Any, v: np.ndarray, S: np.ndarray, table: Cooccurrence, *, count: int | None = None) -> list[TopicOfItem]:
    """Why an item has its topics, keyword by keyword; the strongest topic first, topics with coefficient 0 left out.

    Parameters
    ----------
    x : (n,) the item's row of the weighted X, dense or sparse
    v : (r,) its row of V
    S : (n, r)
    count : reasons per topic; None gives every keyword of the item that speaks for the topic
    """
    x = np.asarray(x.toarray() if sp.issparse(x) else x, np.float64).ravel()
    v = np.asarray(v, np.float64)
    strength = topic_strength(v[None, :], np.asarray(S, np.float64))[0]
    total = strength.sum()
    found = []
    for k in np.argsort(-strength, kind="stable"):
        if v[k] <= 0:
            continue
        evidence = x * S[:, k]
        order = [int(j) for j in np.argsort(-evidence, kind="stable") if evidence[j] > 0][:count]
        reasons = tuple(
            Reason(j, table.axes.columns.label(j), float(x[j]), float(S[j, k]), float(evidence[j]), float(v[k] * S[j, k]))
            for j in order
        )
        found.append(TopicOfItem(int(k), float(v[k]), float(strength[k] / total) if total > 0 else 0.0, reasons))
    return found


@dataclass(frozen=True, eq=False)
class NewItem:
    """A new item described by typed keywords: its row of X, its topics V (r,), what was used and what is not known."""

    x: np.ndarray
    topics: np.ndarray
    known: tuple[str, ...]
    unknown: tuple[str, ...]


def project_item(keywords: Sequence[str], table: Cooccurrence, S: np.ndarray) -> NewItem:
    """The topics of a new item from its keywords, S fixed. Case, and space around a keyword, do not matter; doubles count once.

    S : (n, r) array, >= 0

    Raises
    ------
    ProblemError
        If the keywords of the table have no names.
    """
    if table.axes.columns.labels is None:
        raise ProblemError("The keywords of this table have no names, so typed ones cannot be found.")
    place = {str(label).strip().casefold(): j for j, label in reversed(list(enumerate(table.axes.columns.labels)))}
    x = np.zeros(S.shape[0])
    known, unknown = [], []
    for keyword in dict.fromkeys(k.strip() for k in keywords if k.strip()):
        j = place.get(keyword.casefold())
        if j is None:
            unknown.append(keyword)
        elif not x[j]:
            x[j] = 1.0
            known.append(keyword)
    x *= table.weights
    topics = project_rows(x[None, :], np.ascontiguousarray(S.T, dtype=np.float64))[0]
    return NewItem(x, topics, tuple(known), tuple(unknown))


# -- why not both at once? ----------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Side:
    """One of the two ways, in numbers.

    topics (n, r) and items (m, r) : the factors of the first run
    error : relative error ||X - items topics^T||_F / ||X||_F; one value per start
    topic_sparsity, item_sparsity : mean Hoyer sparsity of the topics and of the items' rows (0 = even, 1 = a single entry)
    stability : mean cosine of matched topics over all pairs of starts (1 = the same topics every time); NaN for one start
    keywords_stability : mean agreement of the ten leading keywords of matched topics (average Jaccard), over all pairs
    """

    name: str
    topics: np.ndarray
    items: np.ndarray
    error: tuple[float, ...]
    topic_sparsity: float
    item_sparsity: float
    stability: float
    keywords_stability: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """Stepwise beside joint on the same X.

    match : (r,) the joint topic that each stepwise topic corresponds to; cosines : (r,) of these pairs
    floor : relative error of the best rank-r matrix (SVD), below which neither can be
    """

    stepwise: Side
    joint: Side
    match: np.ndarray
    cosines: np.ndarray
    floor: float


def compare(
    table: Cooccurrence,
    rank: int,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    solver: str = SOLVER,
    stop: StopRule | None = None,
    report: Callable[[str, float], None] | None = None,
) -> Comparison:
    """Stepwise and joint NMF of the same X from the same seeds: matched topics, sparsity, error, stability.

    Parameters
    ----------
    table : of `cooccurrence`
    rank : number of topics
    seeds : one random start each
    solver : of the symmetric problem
    report : called with a sentence and the share that is done before every run; it may raise to end the comparison

    Source: the question is the issue's; matching: Kuhn 1955; stability of keywords: Greene, O'Callaghan & Cunningham 2014.
    """
    rank = check_rank(rank, table.X.shape)

    done = 0

    def tell(name: str, seed: int) -> None:
        nonlocal done
        if report is not None:
            report(f"{name}, start {seed}", done / (2 * len(seeds)))
        done += 1

    def stepwise(seed: int) -> tuple[np.ndarray, np.ndarray]:
        tell("Stepwise", seed)
        S = fit_topics(table, rank, solver=solver, seed=seed, stop=stop).W
        return S, item_topics(table, S)

    def joint(seed: int) -> tuple[np.ndarray, np.ndarray]:
        tell("Both at once", seed)
        result = solve(table.X, rank, init="random", seed=seed, stop=stop)
        return result.H.T.copy(), result.W

    sides = [_side(name, table, fit, seeds) for name, fit in (("stepwise", stepwise), ("joint", joint))]
    found = match_topics(sides[0].topics.T, sides[1].topics.T)
    return Comparison(sides[0], sides[1], found.partner, found.cosines, float(svd(table.X, rank).floor([rank])[0]))


def _side(name: str, table: Cooccurrence, fit: Callable[[int], tuple[np.ndarray, np.ndarray]], seeds: Sequence[int]) -> Side:
    fits = [fit(seed) for seed in seeds]
    errors = tuple(relative_error(table.X, V, np.ascontiguousarray(S.T)) for S, V in fits)
    S, V = fits[0]
    cosines, shared = [], []
    for a in range(len(fits)):
        for b in range(a + 1, len(fits)):
            cosines.append(float(match_topics(fits[a][0].T, fits[b][0].T).cosines.mean()))
            shared.append(keyword_stability(fits[a][0].T, [fits[b][0].T], count=min(10, len(fits[a][0]))))
    return Side(
        name,
        S,
        V,
        errors,
        float(np.nanmean(hoyer(S, axis=0))),
        float(np.nanmean(hoyer(V, axis=1))) if V.shape[1] > 1 else float("nan"),
        float(np.mean(cosines)) if cosines else float("nan"),
        float(np.mean(shared)) if shared else float("nan"),
    )
