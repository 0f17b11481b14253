"""Filters: what passes is what pandas would keep; JSON both ways; what is different about the items that pass."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from nmfcore import ProblemError
from nmfcore.data import load_prepared
from nmfcore.data.model.rows import as_ranges, as_text, count_of, from_ranges
from nmfcore.data.prepare import apply
from nmfcore.methods.groups import shares
from nmfcore.methods.subset import Among, Between, Chosen, Contains, Filter, OfTopic, contrast

FILMS = load_prepared("movies")
W = np.random.default_rng(0).gamma(0.4, 1.0, (200, 5))
TABLE = pd.DataFrame({fact.name: fact.texts() for fact in FILMS.facts}).assign(year=FILMS.facts["year"].values)


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        (Among("country", ("Japan", "Italy")), TABLE.country.isin(["Japan", "Italy"])),
        (Among("decade", ("1980s",)), TABLE.decade == "1980s"),
        (Between("year", "1980", "1999"), TABLE.year.between(1980, 1999)),
        (Between("year", "", "1950"), TABLE.year <= 1950),
        (OfTopic(2, 0.3), pd.Series(shares(W)[:, 2] >= 0.3)),
        (
            Contains("prison"),
            pd.Series(np.asarray(FILMS.X[:, [FILMS.axes.columns.labels.index("prison")]].todense() > 0).ravel()),
        ),
        (Chosen("1-3,7"), pd.Series(np.isin(np.arange(200), [0, 1, 2, 6]))),
    ],
)
def test_what_passes_is_what_pandas_keeps(condition, kept):
    found = Filter((condition,)).rows(FILMS, W)
    assert kept.any()
    assert found.tolist() == np.flatnonzero(kept).tolist()


def test_all_conditions_have_to_hold_and_none_keeps_all():
    both = Filter((Among("country", ("Japan",)), Between("year", "1980", "")))
    assert [FILMS.axes.rows.labels[i] for i in both.rows(FILMS, W)] == [
        "Grave of the Fireflies", "My Neighbor Totoro", "Spirited Away",
    ]  # fmt: skip
    assert Filter().rows(FILMS, W).size == 200
    assert both.without(1) == Filter((Among("country", ("Japan",)),))
    assert both.with_(Among("country", ("Italy",))).conditions == (Between("year", "1980", ""), Among("country", ("Italy",)))


def test_a_filter_is_json_both_ways():
    whole = Filter((Among("a", ("x", "y")), Between("b", "1", ""), OfTopic(1, 0.25), Contains("moon"), Chosen("1-4", "lassoed")))
    assert Filter.from_list(json.loads(json.dumps(whole.to_list()))) == whole
    assert [one.sentence for one in whole.conditions] == [
        "a: x, y", "b: from 1", "topic 2 ≥ 25 %", "contains: moon", "lassoed: 4 items",
    ]  # fmt: skip


@pytest.mark.parametrize("plain", [3, [3], [["among", "a"]], [["topic", "x", 1]], [["between", "a", 1, 2]], [["drop", "all"]]])
def test_what_is_no_filter_is_refused(plain):
    with pytest.raises(ProblemError):
        Filter.from_list(plain)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Among("colour", ("red",)), "no 'colour' is known"),
        (Between("country", "a", "b"), "neither a number nor a date"),
        (Between("year", "soon", ""), "no range of year"),
        (OfTopic(9, 0.1), "no topic 10"),
        (Chosen("1-900"), "not among the 200"),
        (Chosen("x"), "no row or range"),
    ],
)
def test_what_does_not_fit_the_data_is_refused(condition, words):
    with pytest.raises(ProblemError, match=words):
        Filter((condition,)).rows(FILMS, W)


@given(st.sets(st.integers(0, 500)) | st.sets(st.integers(0, 40_000), max_size=300))
def test_rows_come_back_as_ranges_and_packed(rows):
    size = max(rows, default=0) + 1
    for text in (as_ranges(rows), as_text(rows)):
        assert from_ranges(text, size).tolist() == sorted(rows)
        assert count_of(text) == len(rows)


def test_a_lasso_of_scattered_items_stays_short():
    rng = np.random.default_rng(0)
    for size, many, longest in ((18_846, 9_423, 3_300), (18_846, 400, 800), (36_000, 18_000, 6_100)):
        rows = np.sort(rng.choice(size, many, replace=False))
        text = as_text(rows)
        assert len(text) < longest
        assert from_ranges(text, size).tolist() == rows.tolist()
    assert as_text([0, 1, 2, 6]) == "1-3,7"


@pytest.mark.parametrize("text", ["~", "~!!!!", "~AAAA", as_text(range(0, 900, 2))[:-6], as_text(range(0, 900, 2))])
def test_packed_rows_that_are_damaged_or_not_there_are_refused(text):
    with pytest.raises(ProblemError, match=r"damaged|not among the 200"):
        Filter((Chosen(text),)).rows(FILMS, W)


def test_a_subset_is_compared_with_all():
    rows = Filter((Among("genre", ("western",)),)).rows(FILMS, W)
    found = contrast(FILMS, W, rows)
    S = pd.DataFrame(shares(W))
    assert_allclose(found.mean, S.iloc[rows].mean())
    assert_allclose(found.whole, S.mean())
    first = [FILMS.axes.columns.labels[j] for j in found.words.most(6)]
    assert "outlaw" in first or "cowboy" in first or "gunfight" in first
    with pytest.raises(ProblemError, match="None of these items"):
        contrast(FILMS, np.zeros((200, 2)), rows)


def test_a_step_keeps_some_items_with_all_that_is_known_of_them():
    kept = apply(FILMS, [{"step": "items", "keep": "2-4,200", "called": "a few"}])
    assert kept.shape == (4, 260)
    assert kept.axes.rows.labels == [FILMS.axes.rows.labels[i] for i in (1, 2, 3, 199)]
    assert kept.facts["country"].texts() == [TABLE.country[i] for i in (1, 2, 3, 199)]
    assert "4 of 200 films are kept (a few)" in kept.notes[-1]
    with pytest.raises(ValueError, match="not among the 200"):
        apply(FILMS, [{"step": "items", "keep": "201"}])
