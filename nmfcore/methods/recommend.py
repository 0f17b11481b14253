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
from typing import Any

import numpy as np

from nmfcore.core.factorization import Factorization, Penalty
from nmfcore.core.spec import StopRule
from nmfcore.methods.neighbours import Estimate as Estimate
from nmfcore.methods.neighbours import Term as Term
from nmfcore.methods.neighbours import estimate_rating as estimate_rating
from nmfcore.methods.neighbours import nearest as nearest
from nmfcore.methods.neighbours import rank_weights as rank_weights
from nmfcore.methods.ratings import Baseline as Baseline
from nmfcore.methods.ratings import Ratings as Ratings
from nmfcore.methods.ratings import as_ratings as as_ratings
from nmfcore.methods.ratings import baselines as baselines
from nmfcore.methods.ratings import split_ratings as split_ratings
from nmfcore.run import solve

BLOCK = 200_000  # predictions made at one time; bounds memory at BLOCK × rank


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


@dataclass(frozen=True)
class HeldOutPlan:
    """What is held out, and what is fitted to the rest.

    ridges : one masked model for each;  share : of the ratings that is held out;  splits : how many random splits
    seed, solver, stop : of every factorization
    """

    ridges: Sequence[float] = (0.0, 1.0)
    share: float = 0.2
    splits: int = 5
    seed: int = 0
    solver: str = "masked-hals"
    stop: StopRule | None = None


def held_out_errors(
    ratings: Ratings,
    rank: int,
    *,
    models: Mapping[str, Callable[[Ratings], Predictor]] | None = None,
    report: Callable[[str, float], None] | None = None,
    **options: Any,
) -> list[HeldOut]:
    """Held-out RMSE of the baselines, of factorizing with zeros, and of masked factorization at each ridge, on the same splits.

    Parameters
    ----------
    rank : of the factorizations
    models : further models by name: training ratings -> predictor
    report : called with a sentence and the share that is done before every fit; it may raise to end it
    options : the fields of `HeldOutPlan`

    Returns
    -------
    list of HeldOut
        Baselines first, then "NMF, zeros are ratings", then "masked NMF, ridge ...".
    """
    plan = HeldOutPlan(**options)
    seed, stop = plan.seed, plan.stop or StopRule(tol=1e-5, max_iter=200)
    builders: dict[str, Callable[[Ratings], Predictor]] = {
        name: (lambda train, at=at: baselines(train)[at])  # type: ignore[misc]
        for at, name in enumerate(b.name for b in baselines(ratings))
    }
    builders["NMF, zeros are ratings"] = lambda train: _predictor(
        solve(train.matrix(), rank, init="random", seed=seed, stop=stop)
    )
    for ridge in plan.ridges:
        builders[f"masked NMF, ridge {ridge:g}"] = lambda train, ridge=ridge: _predictor(  # type: ignore[misc]
            fit_observed(train, rank, ridge=ridge, solver=plan.solver, seed=seed, stop=stop)
        )
    builders.update(models or {})
    records: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in builders}
    rng = np.random.default_rng(seed)
    for split in range(plan.splits):
        train, test = split_ratings(ratings, plan.share, rng)
        for at, (name, build) in enumerate(builders.items()):
            if report is not None:
                report(f"Split {split + 1}: {name}", (split * len(builders) + at) / (plan.splits * len(builders)))
            model = build(train)
            values = model(test.items, test.users)
            records[name].append((rmse(model, train), rmse(model, test), float(values.min()), float(values.max())))
    return [
        HeldOut(name, tuple(r[0] for r in rows), tuple(r[1] for r in rows), min(r[2] for r in rows), max(r[3] for r in rows))
        for name, rows in records.items()
    ]


def _predictor(result: Factorization) -> Predictor:
    return lambda items, users: predict(result.W, result.H, items, users)
