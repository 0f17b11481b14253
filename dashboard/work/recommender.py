"""What does the recommender page compute? Ratings in and out of an editable table, three fits, the methods side by side.

Pure of Streamlit. Rows are what is rated (shows), columns who rates (users); a cell without a rating is NaN in tables on screen.
The formulas and their sources stand in nmfcore/methods/recommend.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboard.work.fitting import fraction
from dashboard.work.gate import room
from dashboard.work.job import Job
from nmfcore.core.factorization import Axes, Axis, Factorization, Penalty
from nmfcore.core.spec import StopRule
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.readers.names import unique
from nmfcore.methods.recommend import (
    Estimate,
    HeldOut,
    Ratings,
    as_ratings,
    baselines,
    estimate_rating,
    held_out_errors,
    predict,
)
from nmfcore.run import Run, prepare

EDITABLE = (100, 30)  # rows and columns of a table that is edited cell by cell
NAMED = 40  # lines of a picture that carry names
AT_ONCE = 2_000  # ratings up to which the held-out errors are measured without being asked
SPLITS, SHARE = 5, 0.2  # random splits, and the share of the ratings that each holds out
LIMITS = StopRule(tol=1e-6, max_iter=500, max_seconds=120.0)
SMALL = 5_000  # ratings up to which a fit goes on until nothing moves any more
SMALL_LIMITS = StopRule(tol=1e-7, max_iter=1000, max_seconds=20.0)


@dataclass(frozen=True, eq=False)
class Source:
    """Ratings with their names: `ratings` (shows, users), `axes` to match, `title` of the data, `owner` of an upload or edit.

    example : the item that the first question is about, as the data set's card names it; "" for none
    """

    ratings: Ratings
    axes: Axes
    title: str
    owner: str = ""
    example: str = ""

    @property
    def editable(self) -> bool:
        m, n = self.ratings.shape
        return m <= EDITABLE[0] and n <= EDITABLE[1]

    @property
    def scale(self) -> tuple[float, float]:
        """The lowest and the highest rating."""
        return float(self.ratings.values.min()), float(self.ratings.values.max())

    @property
    def key(self) -> str:
        """Names the ratings by their content, by the names of their rows and columns, and by whose they are."""
        m, n = self.ratings.shape
        names = (self.axes.rows.take(range(m)), self.axes.columns.take(range(n)))
        digest = hashlib.sha256(repr((self.ratings.shape, names)).encode())
        for part in (self.ratings.items, self.ratings.users, self.ratings.values):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()[:16] + (f"@{self.owner}" if self.owner else "")


def refusal(dataset: Dataset) -> str:
    """Why a data set is no ratings table; "" when it is."""
    if dataset.is_corpus:
        return "It is text, not ratings."
    if dataset.kind != "ratings":
        return (
            f"It is of the kind {dataset.kind!r}; the recommender needs ratings (triples of user, item and rating, or a table)."
        )
    return "" if min(dataset.shape) > 1 else "It needs at least two rows and two columns."


def of_dataset(dataset: Dataset) -> Source:
    """Shows × users, whichever way the data set has them.

    Raises
    ------
    ProblemError
        If nothing is rated.
    """
    users_first = dataset.axes.rows.singular == "user"
    X = dataset.X.T if users_first else dataset.X
    mask = None if dataset.mask is None or dataset.sparse else dataset.mask.T if users_first else dataset.mask
    axes = dataset.axes.transposed if users_first else dataset.axes
    return Source(as_ratings(X, mask), axes, dataset.title, dataset.owner, dataset.card.example if dataset.card else "")


def frame(source: Source) -> pd.DataFrame:
    """The ratings as a table for editing: one row per show, its name first, empty cells where nobody rated."""
    m, n = source.ratings.shape
    cells = np.full((m, n), np.nan)
    cells[source.ratings.items, source.ratings.users] = source.ratings.values
    table = pd.DataFrame(cells, columns=unique(source.axes.columns.take(range(n))))
    table.insert(0, source.axes.rows.singular, source.axes.rows.take(range(m)), allow_duplicates=True)
    return table


def of_frame(table: pd.DataFrame, source: Source, owner: str = "") -> Source | None:
    """The ratings of an edited table, with the names of `source` and of the lines added to it; None when no rating is left.

    owner : who has edited it

    A cell that is empty, 0, negative or not a number is not rated.
    """
    cells = np.array(table.iloc[:, 1:], dtype=np.float64)
    rated = np.isfinite(cells) & (cells > 0)
    if not rated.any():
        return None
    items, users = rated.nonzero()
    added = [str(name) for name in table.iloc[:, 0]], [str(name) for name in table.columns[1:]]
    sides = zip((source.axes.rows, source.axes.columns), source.ratings.shape, added, strict=True)
    axes = Axes(*(longer(axis, size, names) for axis, size, names in sides))
    return Source(Ratings(items, users, cells[rated], cells.shape), axes, source.title, owner or source.owner, source.example)


def longer(axis: Axis, size: int, names: list[str]) -> Axis:
    """An axis of `size` entries with the names beyond these added; itself when there are none.

    names : one per line of the edited table, the first ones standing for the axis's own labels
    """
    return axis if len(names) <= size else Axis(axis.name, axis.singular, [*axis.take(range(size)), *names[size:]])


def with_row(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table with one more row that nobody has rated."""
    new = pd.DataFrame([[name, *[np.nan] * (table.shape[1] - 1)]], columns=table.columns)
    return pd.concat([table, new.astype(table.dtypes.to_dict())], ignore_index=True)


def with_column(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table with one more column in which nothing is rated."""
    *_, label = unique([*map(str, table.columns), name])
    return table.assign(**{label: np.nan})


# -- the three fits ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """All that determines the factorizations, besides the ratings."""

    rank: int
    ridge: float
    seed: int


@dataclass(frozen=True)
class Question:
    """Which rating is asked for, from how many neighbours, and what a missing one means in the pictures ("zero", "missing")."""

    item: int
    user: int
    k: int
    meaning: str


@dataclass(frozen=True, eq=False)
class Fits:
    """The same ratings factorized in three ways: with zeros as ratings, and masked, without and with a ridge."""

    source: Source
    rank: int
    ridge: float
    seed: int
    zeros: Factorization
    free: Factorization
    ridged: Factorization


def fit_work(source: Source, rank: int, ridge: float, seed: int) -> Callable[[Job], Fits | None]:
    """The work of the job; stopped before the last fit began, it has nothing to show."""

    def work(job: Job) -> Fits | None:
        ratings = source.ratings
        room(job, ratings.shape, rank, stored=None if len(ratings) <= SMALL else len(ratings), runs=3)
        runs = {
            "with zeros as ratings": plain_run(source.ratings, rank, seed),
            "over the ratings only": masked_run(source.ratings, rank, 0.0, seed),
            f"over the ratings only, ridge {ridge:g}": masked_run(source.ratings, rank, ridge, seed),
        }
        results = []
        for at, (name, run) in enumerate(runs.items()):
            job.message = f"Factorizing {name}"
            for progress in run:
                if not job.report(progress, fraction=(at + fraction(progress, run.stop)) / len(runs)):
                    break
            results.append(run.result())
        return Fits(source, rank, ridge, seed, *results)

    return work


def limits(ratings: Ratings) -> StopRule:
    return SMALL_LIMITS if len(ratings) <= SMALL else LIMITS


def plain_run(ratings: Ratings, rank: int, seed: int) -> Run:
    """Every missing rating is a 0: what the classic slide factorizes."""
    X = ratings.matrix()
    return prepare(X if len(ratings) > SMALL else X.toarray(), rank, init="random", seed=seed, stop=limits(ratings))


def masked_run(ratings: Ratings, rank: int, ridge: float, seed: int) -> Run:
    """Only what was rated counts; the run of `nmfcore.methods.recommend.fit_observed`, not yet begun."""
    penalty = Penalty(l2_W=ridge, l2_H=ridge) if ridge else None
    return prepare(
        ratings.matrix(),
        rank,
        solver="masked-hals",
        mask="stored",
        init="random",
        seed=seed,
        penalty=penalty,
        stop=limits(ratings),
    )


# -- one question, many answers ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """One method's prediction of one rating: its name, the value (NaN: it has none), and what it rests on."""

    method: str
    value: float
    rests_on: str


def answers(fits: Fits, slide: Estimate, rated: Estimate, item: int, user: int) -> list[Answer]:
    """The prediction of every method for one cell of the table."""
    ratings = fits.source.ratings
    at = (np.array([item]), np.array([user]))
    models = [
        ("Classic: nearest, missing = 0", slide.value, "rank-weighted neighbours"),
        ("Nearest, only rated ones", rated.value, "the same, missing left out"),
        ("NMF with zeros as ratings", _entry(fits.zeros, item, user), "its entry of WH"),
        ("Masked NMF", _entry(fits.free, item, user), "WH, fitted to what was rated"),
        (f"Masked NMF, ridge {fits.ridge:g}", _entry(fits.ridged, item, user), "the same, factors kept small"),
    ]
    found = [Answer(*model) for model in models]
    words = {
        "mean of all": "all ratings",
        "mean of the user": "this user's ratings",
        "mean of the show": "what others gave",
        "mean + show and user bias": "both, shrunken",
    }
    found += [Answer(b.name[:1].upper() + b.name[1:], float(b(*at)[0]), words.get(b.name, "")) for b in baselines(ratings)]
    return found


def _entry(result: Factorization, item: int, user: int) -> float:
    return float(predict(result.W, result.H, np.array([item]), np.array([user]))[0])


def both_estimates(ratings: Ratings, similarity: np.ndarray, item: int, user: int, k: int) -> tuple[Estimate, Estimate]:
    """The estimate in which all neighbours count, and the one in which only rated neighbours count, from the same neighbours."""
    return (
        estimate_rating(ratings, similarity, item, user, k=k),
        estimate_rating(ratings, similarity, item, user, k=k, only_rated=True),
    )


def unrated(ratings: Ratings, user: int) -> list[int]:
    """What this user has not rated; everything, when all is rated."""
    seen = set(ratings.of_user(user)[0].tolist())
    new = [i for i in range(ratings.shape[0]) if i not in seen]
    return new or list(range(ratings.shape[0]))


def held_out_work(source: Source, rank: int, ridge: float, seed: int) -> Callable[[Job], list[HeldOut]]:
    """The work of the job that measures held-out errors."""

    def work(job: Job) -> list[HeldOut]:
        ridges = (0.0, ridge) if ridge else (0.0,)
        room(job, source.ratings.shape, rank, stored=len(source.ratings), runs=1 + len(ridges))
        return held_out_errors(source.ratings, rank, ridges=ridges, share=SHARE, splits=SPLITS, seed=seed, report=job.say)

    return work


def _in_script(ratings: Ratings) -> str:
    """The ratings as Python: written out where they are few, else as what to read."""
    if len(ratings) <= SMALL:
        arrays = "".join(f"    np.array({part.tolist()}),\n" for part in (ratings.items, ratings.users, ratings.values))
        return f"ratings = Ratings(\n{arrays}    {ratings.shape},\n)"
    return (
        "# the ratings of your file as rows, columns, values; rows are what is rated, columns are users\n"
        'items, users, values = np.loadtxt("ratings.csv", delimiter=",", unpack=True)\n'
        f"ratings = Ratings(items.astype(int), users.astype(int), values, {ratings.shape})"
    )


def script(fits: Fits, item: int, user: int, k: int, convention: str) -> str:
    """Python that computes the page's numbers anew, with nothing but nmfcore."""
    ratings = fits.source.ratings
    stop = limits(ratings)
    dense = ".toarray()" if len(ratings) <= SMALL else ""
    return f'''"""The recommender's numbers: neighbours, masked factorization, held-out error."""

import numpy as np

from nmfcore import solve
from nmfcore.methods.recommend import Ratings, estimate_rating, fit_observed, held_out_errors, predict
from nmfcore.topics import scale
from nmfcore.topics.similarity import cosine_rows
from nmfcore.core.spec import StopRule

{_in_script(ratings)}
item, user, k = {item}, {user}, {k}
stop = StopRule(tol={stop.tol!r}, max_iter={stop.max_iter}, max_seconds={stop.max_seconds!r})

with_zeros = solve(ratings.matrix(){dense}, {fits.rank}, init="random", seed={fits.seed}, stop=stop)
W = scale.apply(with_zeros.W, with_zeros.H, {convention!r}).W
similarity = cosine_rows(W[[item]], W)[0]
print(estimate_rating(ratings, similarity, item, user, k=k).arithmetic())
print(estimate_rating(ratings, similarity, item, user, k=k, only_rated=True).arithmetic())

for ridge in (0.0, {fits.ridge!r}):
    fit = fit_observed(ratings, {fits.rank}, ridge=ridge, seed={fits.seed}, stop=stop)
    print("masked, ridge", ridge, predict(fit.W, fit.H, [item], [user])[0])

ridges = (0.0, {fits.ridge!r})
for model in held_out_errors(ratings, {fits.rank}, ridges=ridges, share={SHARE}, splits={SPLITS}, seed={fits.seed}):
    print(f"{{model.name:28}} {{model.mean:.4f}} +- {{model.spread:.4f}}")
'''
