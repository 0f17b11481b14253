"""What would this user have rated that show, going by the shows that are most like it?

The K nearest shows by the cosine of their rows of W, and this user's ratings of them with the rank weights
w_k = (1 - k / sum(1..K)) / (K - 1). A missing rating counts as 0, or is left out and the weights are divided by their sum.
Source: Sarwar, Karypis, Konstan & Riedl 2001; the weights fall linearly with the rank (`rank_weights`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from nmfcore.core.checks import ProblemError
from nmfcore.methods.ratings import Ratings


def rank_weights(k: int) -> np.ndarray:
    """Weights of the K nearest shows, nearest first: w_k = (1 - k / (1 + ... + K)) / (K - 1), k = 1..K; they sum to 1.

    K = 3 gives 5/12, 4/12, 3/12. For K = 1 the formula is 0/0, and the only neighbour gets 1.

    Raises
    ------
    ProblemError
        If K < 1.
    """
    return np.array([float(w) for w in _exact_weights(k)])


def _exact_weights(k: int) -> list[Fraction]:
    if k < 1:
        raise ProblemError(f"The number of neighbours must be at least 1, not {k}.")
    if k == 1:
        return [Fraction(1)]
    total = k * (k + 1) // 2
    return [Fraction(total - rank, total * (k - 1)) for rank in range(1, k + 1)]


def nearest(similarity: np.ndarray, item: int, k: int, *, among: np.ndarray | None = None) -> np.ndarray:
    """The k shows most similar to `item`, nearest first, without itself; equal similarities in the order of the table.

    Parameters
    ----------
    similarity : (m,) similarities of every show to `item`
    among : indices of the shows that may be chosen (None: all); fewer than k of them give a shorter answer
    """
    candidates = np.arange(len(similarity)) if among is None else np.unique(np.asarray(among, np.intp))
    candidates = candidates[candidates != item]
    order = np.argsort(-np.asarray(similarity, float)[candidates], kind="stable")
    return candidates[order[:k]]


@dataclass(frozen=True)
class Term:
    """One neighbour's part of an estimate.

    item : the neighbour; rank : 1 = nearest; similarity : its cosine with the wanted show
    weight : the weight that was used; fraction : the same as a fraction, e.g. "5/12"
    rating : this user's rating of it, 0 where there is none; rated : whether there is one
    product : weight × rating
    """

    item: int
    rank: int
    similarity: float
    weight: float
    fraction: str
    rating: float
    rated: bool
    product: float


@dataclass(frozen=True)
class Estimate:
    """The estimated rating and every step of its arithmetic. `value` is NaN when no neighbour counts.

    only_rated : whether missing ratings were left out (True) or counted as real zeros (False)
    """

    value: float
    terms: tuple[Term, ...]
    only_rated: bool

    def arithmetic(self) -> str:
        """The sum written out, e.g. "5/12 × 0 + 4/12 × 0 + 3/12 × 4.7 = 1.175"."""
        counted = [t for t in self.terms if t.weight > 0]
        if not counted:
            return "none of these neighbours was rated"
        return " + ".join(f"{t.fraction} × {t.rating:g}" for t in counted) + f" = {self.value:.4g}"


def estimate_rating(
    ratings: Ratings,
    similarity: np.ndarray,
    item: int,
    user: int,
    *,
    k: int = 3,
    only_rated: bool = False,
    neighbours: Sequence[int] | None = None,
) -> Estimate:
    """A user's rating of a show from the K most similar shows, weighted by rank.

    sum_k w_k x_k with w_k = (1 - k / sum(1..K)) / (K - 1); only_rated: divided by the sum of the weights of the rated ones.

    Parameters
    ----------
    ratings : the observed ratings
    similarity : (m,) similarities of every show to `item`, e.g. `similarity.cosine_rows(W[[item]], W)[0]`
    item, user : row and column of the wanted rating, from 0
    k : number of neighbours; no more than the other shows there are
    only_rated : leave out the neighbours that this user did not rate, instead of counting them as 0
    neighbours : the neighbours themselves, nearest first, instead of the k most similar

    Returns
    -------
    Estimate
        Its `value` has the unit of the ratings; the neighbours and their weights stand beside it.

    Raises
    ------
    ProblemError
        If there is no other show.

    Source: `rank_weights`; Sarwar et al. 2001, section 3.2.1, for weighting only what was rated.
    """
    chosen = nearest(similarity, item, k) if neighbours is None else np.asarray(neighbours, np.intp)
    if not len(chosen):
        raise ProblemError("There is no other show to compare with.")
    rated = dict(zip(*(part.tolist() for part in ratings.of_user(user)), strict=True))
    weights = _exact_weights(len(chosen))
    denominator = _common_denominator(weights)
    if only_rated:
        kept = [w if int(i) in rated else Fraction(0) for w, i in zip(weights, chosen, strict=True)]
        total = sum(kept, Fraction(0))
        weights = [w / total if total else w for w in kept]
        denominator = _common_denominator(weights)
    terms = tuple(
        Term(
            item=int(i),
            rank=rank,
            similarity=float(similarity[i]),
            weight=float(w),
            fraction=f"{w * denominator}/{denominator}" if denominator > 1 else str(w),
            rating=rated.get(int(i), 0.0),
            rated=int(i) in rated,
            product=float(w) * rated.get(int(i), 0.0),
        )
        for rank, (i, w) in enumerate(zip(chosen, weights, strict=True), start=1)
    )
    value = sum(t.product for t in terms) if any(t.weight > 0 for t in terms) else float("nan")
    return Estimate(value, terms, only_rated)


def _common_denominator(weights: list[Fraction]) -> int:
    return int(np.lcm.reduce([w.denominator for w in weights]))
