"""The reading room: places and rest sum to what the item's explanation says, to the last digit that sums allow."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nmfcore import Axes, Axis, solve
from nmfcore.data import load_prepared
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.prepare import apply
from nmfcore.methods.reading import EXPLAINED, PLAIN, STOP, UNEXPLAINED, read_item, read_row
from nmfcore.topics.explain import explain_item

TEXTS = [
    "The moon is bright. The moon orbits; don't forget the <b>launch</b>!",
    "A gun and a weapon are in the house, and the gun is loaded",
    "Orbit of the moon, launch of the shuttle: the moon launch",
    "weapon weapon gun house of cards",
    "",
]


def prepared(**step):
    axes = Axes(Axis("documents", "document"), Axis("terms", "term"))
    corpus = Dataset(key="upload", title="t", X=None, axes=axes, kind="documents", documents=TEXTS)
    return apply(corpus, [{"step": "text", "stop_words": ["english"], **step}])


@pytest.mark.parametrize(
    "step",
    [
        {}, {"weighting": "counts"}, {"sublinear": True}, {"weighting": "binary"}, {"ngrams": [1, 2]}, {"ngrams": [2, 3]},
        {"token_pattern": "letters"}, {"token_pattern": "joined"}, {"lowercase": False},
    ],
)  # fmt: skip
def test_the_colours_sum_to_the_explanation(step):
    data = prepared(**step)
    fit = solve(data.X, 2, seed=0)
    for item in range(4):
        found = explain_item(data.X, fit.W, fit.H, item, data.axes.columns)
        read = read_item(data, found, item)
        whole = sum((place.shares for place in read.places), read.elsewhere)
        assert_allclose(whole, found.topics, rtol=1e-12, atol=1e-15)
        assert not read.missing
        assert_allclose(read.course(7).sum(axis=0), found.topics - read.elsewhere, atol=1e-12)
        for place in read.places:
            assert read.text[place.begin : place.end].strip() == read.text[place.begin : place.end]


def test_words_are_what_they_are():
    data = prepared()
    fit = solve(data.X, 2, seed=0)
    read = read_item(data, explain_item(data.X, fit.W, fit.H, 0, data.axes.columns), 0)
    kinds = {read.text[place.begin : place.end]: place.kind for place in read.places}
    assert kinds["The"] == STOP
    assert kinds["."] == PLAIN
    assert kinds["moon"] == EXPLAINED
    moons = [place.shares for place in read.places if read.text[place.begin : place.end] == "moon"]
    assert len(moons) == 2
    assert_allclose(moons[0], moons[1])


def test_what_nothing_explains_says_so():
    data = prepared()
    H = np.zeros((1, data.shape[1]))
    H[0, data.axes.columns.labels.index("gun")] = 1.0
    read = read_item(data, explain_item(data.X, np.ones((5, 1)), H, 1, data.axes.columns), 1)
    kinds = {read.text[place.begin : place.end]: place.kind for place in read.places}
    assert kinds["gun"] == EXPLAINED
    assert kinds["weapon"] == UNEXPLAINED


def test_labels_that_stand_in_a_text_are_found_as_they_are():
    films = load_prepared("movies")
    fit = solve(films.X, 10, seed=0)
    item = films.axes.rows.labels.index("The Martian")
    found = explain_item(films.X, fit.W, fit.H, item, films.axes.columns)
    read = read_item(films, found, item)
    assert not read.missing
    assert_allclose(sum(place.shares for place in read.places), found.topics, rtol=1e-10)
    named = {read.text[place.begin : place.end] for place in read.places if place.kind == EXPLAINED}
    assert "survival" in named
    assert any(" " in name for name in named)


def test_an_empty_text_has_no_places_and_data_without_texts_is_refused():
    data = prepared()
    fit = solve(data.X, 2, seed=0)
    found = explain_item(data.X, fit.W, fit.H, 4, data.axes.columns)
    assert read_item(data, found, 4).places == ()
    with pytest.raises(ValueError, match="no texts"):
        read_item(load_prepared("digits"), found, 0)


def test_a_row_without_a_text_is_read_as_its_columns_and_sums_to_its_explanation():
    rng = np.random.default_rng(3)
    X = np.round(5 * rng.random((4, 12)))
    found = explain_item(X, rng.random((4, 3)), rng.random((3, 12)), 1, Axis("shows", "show", [f"show {j}" for j in range(12)]))
    whole = read_row(found)
    assert_allclose(sum(place.shares for place in whole.places), found.topics)
    first = whole.places[0]
    assert whole.text[first.begin : first.end] == f"show {found.words[0]} {found.values[0]:.4g}"
    some = read_row(found, most=4)
    assert len(some.missing) == len(found.words) - 4
    assert_allclose(sum(place.shares for place in some.places) + some.elsewhere, found.topics)
