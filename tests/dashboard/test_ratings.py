"""Does a table of ratings that somebody edits become ratings again, with new lines under their names and empty cells as gaps?"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dashboard.work import recommender as bench
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Axes, Axis
from nmfcore.data import catalog
from nmfcore.data.model.dataset import Dataset

SHOWS, USERS = Axis("shows", "show", ["one", "two", "three"]), Axis("users", "user", ["Ann", "Bea"])
CELLS = np.array([[5.0, 0], [0, 3.5], [1, 2]])


RATED = Axes(SHOWS, USERS)


def dataset(X=CELLS, axes=RATED, kind="ratings", **more):
    return Dataset("x", "Ratings", X, axes=axes, kind=kind, mask=None if X is None else (X > 0).astype(np.uint8), **more)


@given(hnp.arrays(np.float64, st.tuples(st.integers(2, 6), st.integers(2, 5)), elements=st.sampled_from([0.0, 0.5, 1, 4.25, 5])))
@settings(max_examples=50, deadline=None)
def test_a_table_that_nobody_has_edited_is_the_ratings_again(X):
    if not X.any():
        X[0, 0] = 1.0
    given = bench.of_dataset(dataset(X, Axes(Axis("shows", "show"), Axis("users", "user"))))
    again = bench.of_frame(bench.frame(given), given)
    assert again.key == given.key
    cells = np.zeros(X.shape)
    cells[again.ratings.items, again.ratings.users] = again.ratings.values
    np.testing.assert_array_equal(cells, X)


def test_users_as_rows_are_turned():
    turned = bench.of_dataset(dataset(CELLS.T.copy(), Axes(USERS, SHOWS)))
    assert turned.key == bench.of_dataset(dataset()).key


@pytest.mark.parametrize("empty", [np.nan, 0.0, -1.0, np.inf, None])
def test_a_cell_without_a_positive_number_is_not_rated(empty):
    given = bench.of_dataset(dataset())
    table = bench.frame(given)
    table.iloc[0, 1] = empty
    edited = bench.of_frame(table, given, owner="me")
    assert len(edited.ratings) == len(given.ratings) - 1
    assert edited.key != given.key
    assert edited.key.endswith("@me")


def test_no_rating_left_is_nothing():
    given = bench.of_dataset(dataset())
    table = bench.frame(given)
    table.iloc[:, 1:] = np.nan
    assert bench.of_frame(table, given) is None
    with pytest.raises(ProblemError):
        bench.of_dataset(dataset(np.zeros((3, 2))))


def test_new_lines_keep_their_names_and_hold_nothing_until_they_are_rated():
    given = bench.of_dataset(dataset())
    table = bench.with_column(bench.with_row(bench.frame(given), "four"), "Cem")
    assert table.shape == (4, 4)
    assert table.iloc[3, 1:].isna().all()
    assert table.iloc[:, 3].isna().all()
    table.iloc[3, 3] = 4.0
    grown = bench.of_frame(table, given)
    assert grown.ratings.shape == (4, 3)
    assert (grown.axes.rows.label(3), grown.axes.columns.label(2)) == ("four", "Cem")
    assert [grown.axes.rows.label(i) for i in range(3)] == list(SHOWS.labels)


def test_a_second_user_of_one_name_gets_a_column_of_his_own():
    table = bench.with_column(bench.frame(bench.of_dataset(dataset())), "Ann")
    assert len(set(table.columns)) == len(table.columns) == 4
    assert table["Ann"].notna().any()


@pytest.mark.parametrize("user", [0, 1])
def test_what_is_not_rated_yet_is_what_pandas_finds_empty(user):
    given = bench.of_dataset(dataset())
    empty = pd.DataFrame(np.where(CELLS > 0, CELLS, np.nan)).iloc[:, user].isna()
    assert list(bench.unrated(given.ratings, user)) == list(np.flatnonzero(empty))


def test_the_ends_of_the_scale_are_those_of_the_ratings():
    assert bench.of_dataset(dataset()).scale == (1.0, 5.0)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (dataset(None, Axes(SHOWS, USERS), documents=["a", "b", "c"]), "It is text, not ratings."),
        (dataset(kind="table"), "It is of the kind 'table'; the recommender needs ratings"),
        (dataset(CELLS[:1], Axes(Axis("shows", "show"), USERS)), "at least two rows and two columns"),
        (dataset(), ""),
    ],
)
def test_what_is_no_table_of_ratings_is_told_why(one, words):
    said = bench.refusal(one)
    assert words in said if words else said == ""


def test_the_catalogs_ratings_can_be_edited():
    assert bench.refusal(catalog.load("tv")) == ""
    assert bench.of_dataset(catalog.load("tv")).editable
