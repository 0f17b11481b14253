"""What did people rate, and what can be said of it without any factorization?

Ratings are triples (item, user, value); everything else of the table is unknown, not zero.
Sources: Koren, Bell & Volinsky 2009, eq. 3 (biases); Koren 2010, eq. 2.1 (shrunken biases).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError, as_matrix, as_problem
from nmfcore.core.factorization import Matrix

SHRINK_ITEM, SHRINK_USER = 2.0, 2.0  # ratings' worth of "no bias" in each bias: one rating alone moves it by a third of its gap


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


# -- without a factorization ----------------------------------------------------------------------------------------------
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
