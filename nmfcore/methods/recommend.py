"""What would this user have rated that show, and how far can the answer be trusted?

X (m, n) holds the ratings, rows are shows (items) and columns are users; mask M (m, n) is 1 where a rating was given.
Four answers to one question:

- the classic way: factorize X with its zeros, take the K shows nearest to the wanted one by the cosine of the rows of W, and
  average this user's ratings of them with the rank weights w_k = (1 - k / sum(1..K)) / (K - 1); a missing rating counts as 0;
- the same, but only neighbours that this user rated count (their weights are divided by their sum);
- masked factorization: min ||M * (X - WH)||^2 + ridge (||W||^2 + ||H||^2), and the entry of WH, with and without the ridge;
- the baselines that any of them has to beat: the mean of all, of the user, of the show, and mean + show bias + user bias.

Rows of W must be on a stated scale (topics/scale.py): column k of W times c and row k of H divided by c is the same WH but
another cosine. Nothing here needs more memory than the ratings, or one row of similarities.

Sources: Sarwar, Karypis, Konstan & Riedl 2001 (item neighbours); Zhang, Wang, Ford & Makedon 2006 (masked NMF); Koren, Bell &
Volinsky 2009, eq. 3 (biases); Koren 2010, eq. 2.1 (shrunken biases). The weights fall linearly with the rank (`rank_weights`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError, as_matrix, as_problem
from nmfcore.core.factorization import Factorization, Matrix, Penalty
from nmfcore.core.spec import StopRule
from nmfcore.run import solve

SHRINK_ITEM, SHRINK_USER = 2.0, 2.0  # ratings' worth of "no bias" in each bias: one rating alone moves it by a third of its gap
BLOCK = 200_000  # predictions made at one time; bounds memory at BLOCK × rank


# -- ratings as triples -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Ratings:
    """Observed ratings as triples: `values[t]` is user `users[t]`'s rating of show `items[t]`; shape (shows, users)."""

    items: np.ndarray
    users: np.ndarray
    values: np.ndarray
    shape: tuple[int, int]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def missing(self) -> float:
        """Share of the table's cells without a rating: how much of a fit with real zeros is a fit to nothing."""
        return 1.0 - len(self) / (self.shape[0] * self.shape[1])

    def take(self, chosen: np.ndarray) -> Ratings:
        """Some of the ratings, by index or boolean mask."""
        return Ratings(self.items[chosen], self.users[chosen], self.values[chosen], self.shape)

    def matrix(self) -> sp.csr_array:
        """The ratings as a CSR array (m, n) whose stored entries are the observed ones; pass it with mask="stored"."""
        X = sp.csr_array((self.values, (self.items, self.users)), shape=self.shape)
        X.sort_indices()
        return X

    def of_user(self, user: int) -> tuple[np.ndarray, np.ndarray]:
        """The shows this user rated and the ratings."""
        chosen = self.users == user
        return self.items[chosen], self.values[chosen]


def as_ratings(X: Any, mask: Any = None) -> Ratings:
    """The observed ratings of X.

    Parameters
    ----------
    X : (m, n) array or sparse; shows × users
    mask : (m, n) of 0/1, 1 = observed; "stored": what sparse X stores, zeros included; None: what is not zero

    Raises
    ------
    ProblemError
        If an observed rating is negative or not finite, if shapes differ, or if nothing is observed.
    """
    if mask is None:
        stored = sp.coo_array(as_matrix(X, name="The ratings table"))
        stored.eliminate_zeros()
        items, users, values, shape = stored.row, stored.col, stored.data, stored.shape
        if not len(values):
            raise ProblemError("The ratings table has no rating: every entry is 0.")
    else:
        problem = as_problem(X, 1, mask=mask)
        observed: Matrix = problem.mask
        items, users = observed.nonzero()
        values = problem.X.data if problem.sparse else problem.X[items, users]
        values, shape = values * problem.scale, problem.shape
    return Ratings(np.asarray(items, np.intp), np.asarray(users, np.intp), np.asarray(values, np.float64), shape)


# -- the classic estimate, with its arithmetic --------------------------------------------------------------------------
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


# -- predictions --------------------------------------------------------------------------------------------------------
Predictor = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (shows, users) -> predicted ratings, elementwise


def predict(W: np.ndarray, H: np.ndarray, items: np.ndarray, users: np.ndarray) -> np.ndarray:
    """Entries (WH)[items[t], users[t]] without forming WH.

    W : (m, r);  H : (r, n);  items, users : (t,);  the result is (t,), in the unit of the ratings
    """
    items, users = np.asarray(items, np.intp), np.asarray(users, np.intp)
    Ht = np.ascontiguousarray(H.T)
    values = np.empty(len(items))
    for begin in range(0, len(items), BLOCK):
        part = slice(begin, begin + BLOCK)
        values[part] = np.einsum("tr,tr->t", W[items[part]], Ht[users[part]])
    return values


@dataclass(frozen=True, eq=False)
class Baseline:
    """mean + item_bias[item] + user_bias[user]: what can be said without any factorization."""

    name: str
    mean: float
    item_bias: np.ndarray
    user_bias: np.ndarray

    def __call__(self, items: np.ndarray, users: np.ndarray) -> np.ndarray:
        return self.mean + self.item_bias[items] + self.user_bias[users]


def baselines(ratings: Ratings) -> tuple[Baseline, ...]:
    """The mean of all ratings, of each user, of each show, and mean + show bias + user bias.

    A user or show without a rating gets the mean of all. The biases of the last one are shrunken:
    b_i = sum(x - mean) / (c + count), then b_u = sum(x - mean - b_i) / (c + count), with c = SHRINK_ITEM and SHRINK_USER.

    Source: Koren, Bell & Volinsky 2009, eq. 3; Koren 2010, eq. 2.1.
    """
    m, n = ratings.shape
    mean = float(ratings.values.mean())
    gap = ratings.values - mean
    none_m, none_n = np.zeros(m), np.zeros(n)
    item_bias = _mean_by(ratings.items, gap, m, SHRINK_ITEM)
    return (
        Baseline("mean of all", mean, none_m, none_n),
        Baseline("mean of the user", mean, none_m, _mean_by(ratings.users, gap, n)),
        Baseline("mean of the show", mean, _mean_by(ratings.items, gap, m), none_n),
        Baseline(
            "mean + show and user bias",
            mean,
            item_bias,
            _mean_by(ratings.users, gap - item_bias[ratings.items], n, SHRINK_USER),
        ),
    )


def _mean_by(group: np.ndarray, values: np.ndarray, count: int, shrink: float = 0.0) -> np.ndarray:
    """The mean of the values in each group, drawn to 0 by `shrink` values of 0; 0 for an empty group."""
    total = np.bincount(group, values, count)
    size = np.bincount(group, minlength=count) + shrink
    return total / np.where(size > 0, size, 1.0)


def fit_observed(
    ratings: Ratings, rank: int, *, ridge: float = 0.0, solver: str = "masked-hals", seed: int = 0, stop: StopRule | None = None
) -> Factorization:
    """Masked factorization: min 1/2 ||M * (X - WH)||^2 + ridge/2 (||W||^2 + ||H||^2) over W, H >= 0.

    Parameters
    ----------
    ratings : the observed ratings; everything else is unknown, not zero
    rank : 1 to min(m, n)
    ridge : weight of the squared norms; 0 lets predictions leave the rating scale where little was observed
    solver : a solver that skips missing entries
    seed : of the random start
    stop : stop rule; by default up to 500 iterations

    Source: Zhang, Wang, Ford & Makedon 2006; the ridge: Koren, Bell & Volinsky 2009, eq. 2.
    """
    return solve(
        ratings.matrix(),
        rank,
        solver=solver,
        mask="stored",
        init="random",
        seed=seed,
        penalty=Penalty(l2_W=ridge, l2_H=ridge) if ridge else None,
        stop=stop or StopRule(tol=1e-6),
    )


@dataclass(frozen=True)
class Recommendation:
    """One row of a user's list: the show, its predicted rating, and the baseline (mean + biases) for comparison."""

    item: int
    predicted: float
    baseline: float


def recommend(
    ratings: Ratings, W: np.ndarray, H: np.ndarray, user: int, *, count: int = 10, scale: tuple[float, float] | None = None
) -> list[Recommendation]:
    """The shows this user has not rated, best prediction first; ties in the order of the table.

    Parameters
    ----------
    W, H : (m, r), (r, n) factors
    user : column, from 0
    count : length of the list
    scale : lowest and highest possible rating, to clip predictions to; None leaves them
    """
    seen, _ = ratings.of_user(user)
    new = np.setdiff1d(np.arange(ratings.shape[0]), seen)
    values = W[new] @ H[:, user]
    if scale is not None:
        values = np.clip(values, *scale)
    base = baselines(ratings)[-1](new, np.full(len(new), user))
    order = np.argsort(-values, kind="stable")[:count]
    return [Recommendation(int(new[t]), float(values[t]), float(base[t])) for t in order]


# -- held-out error -----------------------------------------------------------------------------------------------------
def split_ratings(ratings: Ratings, share: float, rng: np.random.Generator) -> tuple[Ratings, Ratings]:
    """Training and held-out ratings: about `share` of all are held out, but every show and user keeps one in training.

    Raises
    ------
    ProblemError
        If share is not between 0 and 1, or no rating can be spared.
    """
    if not 0.0 < share < 1.0:
        raise ProblemError(f"The held-out share must lie between 0 and 1, not {share}.")
    order = rng.permutation(len(ratings))
    needed = np.zeros(len(ratings), bool)
    for side in (ratings.items, ratings.users):
        needed[order[np.unique(side[order], return_index=True)[1]]] = True  # the first of each in the random order
    spare = order[~needed[order]]
    held = spare[: max(1, round(share * len(ratings)))]
    if not len(held):
        raise ProblemError("No rating can be held out: every show or user has only one. Add ratings.")
    test = np.zeros(len(ratings), bool)
    test[held] = True
    return ratings.take(~test), ratings.take(test)


def rmse(predictor: Predictor, ratings: Ratings, *, scale: tuple[float, float] | None = None) -> float:
    """sqrt(mean((x - predicted)^2)) over the ratings, in the unit of the ratings; predictions clipped to `scale` if given."""
    values = predictor(ratings.items, ratings.users)
    if scale is not None:
        values = np.clip(values, *scale)
    return float(np.sqrt(np.mean((ratings.values - values) ** 2)))


@dataclass(frozen=True)
class HeldOut:
    """One model's errors over the splits: RMSE on ratings it was fitted to and on ratings kept from it (one value per split).

    lowest, highest : the range of its held-out predictions, unclipped: does it stay on the rating scale?
    """

    name: str
    training: tuple[float, ...]
    held_out: tuple[float, ...]
    lowest: float
    highest: float

    @property
    def mean(self) -> float:
        return float(np.mean(self.held_out))

    @property
    def spread(self) -> float:
        """Sample standard deviation over the splits; NaN for one split."""
        return float(np.std(self.held_out, ddof=1)) if len(self.held_out) > 1 else float("nan")


def held_out_errors(
    ratings: Ratings,
    rank: int,
    *,
    ridges: Sequence[float] = (0.0, 1.0),
    share: float = 0.2,
    splits: int = 5,
    seed: int = 0,
    solver: str = "masked-hals",
    stop: StopRule | None = None,
    models: Mapping[str, Callable[[Ratings], Predictor]] | None = None,
    report: Callable[[str, float], None] | None = None,
) -> list[HeldOut]:
    """Held-out RMSE of the baselines, of factorizing with zeros, and of masked factorization at each ridge, on the same splits.

    Parameters
    ----------
    rank : of the factorizations
    ridges : one masked model for each
    share : of the ratings that is held out
    splits : how many random splits
    models : further models by name: training ratings -> predictor
    report : called with a sentence and the share that is done before every fit; it may raise to end it

    Returns
    -------
    list of HeldOut
        Baselines first, then "NMF, zeros are ratings", then "masked NMF, ridge ...".
    """
    stop = stop or StopRule(tol=1e-5, max_iter=200)
    builders: dict[str, Callable[[Ratings], Predictor]] = {
        name: (lambda train, at=at: baselines(train)[at])  # type: ignore[misc]
        for at, name in enumerate(b.name for b in baselines(ratings))
    }
    builders["NMF, zeros are ratings"] = lambda train: _predictor(
        solve(train.matrix(), rank, init="random", seed=seed, stop=stop)
    )
    for ridge in ridges:
        builders[f"masked NMF, ridge {ridge:g}"] = lambda train, ridge=ridge: _predictor(  # type: ignore[misc]
            fit_observed(train, rank, ridge=ridge, solver=solver, seed=seed, stop=stop)
        )
    builders.update(models or {})
    records: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in builders}
    rng = np.random.default_rng(seed)
    for split in range(splits):
        train, test = split_ratings(ratings, share, rng)
        for at, (name, build) in enumerate(builders.items()):
            if report is not None:
                report(f"Split {split + 1}: {name}", (split * len(builders) + at) / (splits * len(builders)))
            model = build(train)
            values = model(test.items, test.users)
            records[name].append((rmse(model, train), rmse(model, test), float(values.min()), float(values.max())))
    return [
        HeldOut(name, tuple(r[0] for r in rows), tuple(r[1] for r in rows), min(r[2] for r in rows), max(r[3] for r in rows))
        for name, rows in records.items()
    ]


def _predictor(result: Factorization) -> Predictor:
    return lambda items, users: predict(result.W, result.H, items, users)
