"""Does the Items page find, filter, open and explain items, and describe new ones exactly?"""

from __future__ import annotations

import re
from html import unescape

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import nnls
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from streamlit.testing.v1 import AppTest
from test_views import go, put_on_screen, start

from dashboard.cards import item_facts
from dashboard.cards.item_reading import weighed
from dashboard.files.report import html
from dashboard.text.plain import block
from nmfcore.core.factorization import Axes, Axis
from nmfcore.data import apply, new_row
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.facts import Classes
from nmfcore.topics.explain import fold_in

HOSTILE = "![x](http://evil.example/x.png) <b>bold</b> $x$ :red[x] \u202etxt.exe"
TEXTS = [
    "The shuttle went into orbit around the moon",
    "Orbit of the moon and of the shuttle",
    "God and the church, faith and god",
    "Faith in the church",
    "",
    HOSTILE + " faith orbit",
    "The moon, the orbit, the shuttle\n\nand a launch " + "very " * 300,
]


def films() -> AppTest:
    return go(start(), "items")


def documents(weighting: str = "tfidf", labels: list[str] | None = None) -> Dataset:
    axes = Axes(Axis("documents", "document", labels), Axis("terms", "term"))
    classes = Classes(("space", HOSTILE), np.array([0, 0, 1, 1, -1, 1, 0], np.int32))
    raw = Dataset("upload", f"mine {HOSTILE}", None, axes=axes, kind="documents", documents=TEXTS, classes=classes)
    return apply(raw, [{"step": "text", "weighting": weighting}])


def test_errors_and_floor_of_data_with_missing_entries_say_nothing_of_these():
    rng = np.random.default_rng(0)
    X = rng.random((12, 2)) @ rng.random((2, 9)) + 0.1
    mask = (np.arange(108).reshape(12, 9) % 4 > 0).astype(np.uint8)
    axes = Axes(Axis("rows", "row", [f"r{i}" for i in range(12)]), Axis("columns", "column", [f"c{j}" for j in range(9)]))
    data = Dataset(key="upload", title="t", X=X * mask, axes=axes, kind="table", mask=mask)
    app = opened(data, solver="masked-hals")
    run = app.session_state["nmf"].shown.run
    gaps = np.linalg.norm(mask * (X - run.factorization.W @ run.factorization.H), axis=1) / np.linalg.norm(mask * X, axis=1)
    np.testing.assert_allclose(item_facts.errors(run).relative_errors, gaps, rtol=1e-6, atol=1e-9)
    for page in ("overview", "fit", "svd", "rank"):
        app = go(app, page)
        assert not app.exception, app.exception[0].value
        said = " ".join([*(block.value for block in [*app.title, *app.markdown]), *(m.label for m in app.metric)])
        assert "Attainable" not in said
        assert "of what any rank-2 model can" not in said
    page = html(run)
    assert "no floor under this NMF" in page
    assert "above the SVD floor" not in page


def test_data_of_two_rows_is_too_small_for_a_survey_and_says_so():
    X = np.array([[1.0, 2, 3, 4], [4, 3, 2, 1]])
    data = Dataset(key="upload", title="t", X=X, axes=Axes(), kind="table")
    app = go(opened(data), "rank")
    assert not app.exception
    assert any("Too small for a survey" in block.value for block in app.markdown)


def opened(dataset: Dataset, rank: int = 2, solver: str = "hals", **state: object) -> AppTest:
    """The page with a run of a data set of this session's."""
    app = start()
    app.toggle(key="live").set_value(False).run()
    put_on_screen(app, dataset, rank, solver)
    for name, value in state.items():
        app.session_state[name] = value
    app = go(app, "items")
    assert not app.exception, app.exception[0].value
    return app


def shown_text(app: AppTest) -> str:
    """The text of the item that is open, without its colours and the numbers beside the words."""
    body = next(block.proto.body for block in app.get("html") if "nmf-text" in block.proto.body)
    return unescape(re.sub(r"<sub>\d+</sub>|<style>.*?</style>|</?(?:div|span)[^>]*>", "", body))


def text(app: AppTest) -> str:
    return "\n".join(block.value for block in app.markdown)


def shown(app: AppTest, place: int = 0):
    return app.dataframe[place].value


def heading(app: AppTest) -> str:
    return next(block.value for block in app.markdown if block.value.startswith("### "))


def charts(app: AppTest) -> list[str]:
    return [chart.key for chart in app.get("plotly_chart") if chart.key.startswith("items-")]


def run_of(app: AppTest):
    return app.session_state["nmf"].shown.run


def describe(app: AppTest, typed: str) -> AppTest:
    if not any(area.key == "new-item" for area in app.text_area):
        app.button(key="items-new").click().run()
    app.text_area(key="new-item").set_value(typed)
    next(button for button in app.button if button.label == "Describe it").click().run()
    assert not app.exception, app.exception[0].value
    return app


# -- find ----------------------------------------------------------------------------------------------------------------


def test_the_page_shows_a_window_of_items_with_their_mixture_and_the_scale():
    app = films()
    table = shown(app)
    assert len(table) == 100
    assert_allclose([sum(row) for row in table["mixture"]], 1.0, atol=1e-3)
    assert "rows of H sum to 1" in text(app)
    app.button(key="items-next").click().run()
    assert shown(app)["film"].iloc[0] != table["film"].iloc[0]
    assert "101 to 200 of 200" in text(app)


def test_a_search_by_label_opens_the_first_film_that_it_finds():
    app = films()
    app.text_input(key="find").set_value("jaws").run()
    assert shown(app)["film"].tolist() == ["Jaws"]
    assert heading(app) == "### Jaws"
    assert "Found 1 by label" in text(app)


def test_a_search_by_words_finds_the_films_that_have_them_all():
    app = films()
    app.text_input(key="find").set_value("courtroom, judge").run()
    data = run_of(app).dataset
    columns = [list(data.axes.columns.labels).index(word) for word in ("courtroom", "judge")]
    has = (data.X[:, columns].toarray() > 0).all(axis=1)
    assert sorted(shown(app)["film"]) == sorted(data.axes.rows.label(i) for i in np.flatnonzero(has))


def test_the_filter_keeps_the_items_whose_largest_topic_it_is():
    app = films()
    app.selectbox(key="items-in").set_value(4).run()
    table = shown(app)
    assert 0 < len(table) < 100
    assert all(name.startswith("5 · ") for name in table["largest topic"])
    assert all(np.argmax(row) == 4 for row in table["mixture"])


def test_a_search_that_finds_nothing_says_so_and_can_be_taken_back():
    app = films()
    app.text_input(key="find").set_value(f"zebra {HOSTILE}").run()
    assert not app.exception
    assert "No film has" in text(app)
    assert "![x](" not in text(app)
    app.button(key="items-all").click().run()
    assert len(shown(app)) == 100
    app.selectbox(key="items-in").set_value(-1).run()
    assert "is in no topic" in text(app)


@pytest.mark.parametrize(("order", "column", "rising"), [("worst", "error", False), ("mixed", "share", True)])
def test_orders_put_the_extremes_first(order, column, rising):
    app = films()
    app.selectbox(key="items-order").set_value(order).run()
    values = shown(app)[column].to_numpy()
    assert np.all(np.diff(values) >= 0) if rising else np.all(np.diff(values) <= 0)


# -- one item --------------------------------------------------------------------------------------------------------------


def test_a_link_opens_one_item_with_its_mixture_reasons_neighbours_and_text():
    app = start({"item": "5"})
    app = go(app, "items")
    run = run_of(app)
    assert heading(app) == f"### {run.dataset.axes.rows.label(4)}"
    assert run.dataset.documents[4][:40] in shown_text(app)
    assert "Why here?" in text(app)
    assert "Not explained above all" in text(app)
    assert charts(app) == ["items-mixture-light", "items-why-light"]
    near = shown(app, 1)
    W = run.factorization.W * run.factorization.H.sum(axis=1)
    unit = W / np.linalg.norm(W, axis=1, keepdims=True)
    assert_allclose(near["cosine"], np.sort(np.delete(unit @ unit[4], 4))[::-1][:10], atol=1e-5)
    app.segmented_control(key="items-near-open").set_value("words").run()
    assert "the same keywords" in text(app)
    assert shown(app, 1)["film"].tolist() != near["film"].tolist()


def test_a_link_to_an_item_that_is_not_there_opens_the_first():
    app = go(start({"item": "999"}), "items")
    assert not app.exception
    assert "film 1 of 200" in text(app)


def test_next_goes_along_the_table():
    app = films()
    app.button(key="item-next").click().run()
    assert "film 2 of 200" in text(app)


def test_an_empty_document_and_hostile_labels_stand():
    app = opened(documents(labels=[HOSTILE] * 7), item=4)
    assert "a row of zeros" in text(app)
    assert "The text is empty." in text(app)
    assert "no error" in text(app)
    app.session_state["item"] = 5
    app.run()
    assert not app.exception
    for markup in ("![x](http", "<b>", "$x$", ":red["):
        assert markup not in re.sub(r"\\(.)", r"\\ \1", text(app)), markup
    assert "\u202e" not in shown_text(app)
    assert shown_text(app).startswith("![x](http")  # letter by letter
    assert shown(app)["known class"].iloc[4] == ""


def test_a_text_keeps_its_lines_and_is_bounded():
    assert block("a\r\n  b\tc\x00\u202e\n") == "a\n  b\tc "
    assert len(block("x" * 50, 10)) == 10


# -- a new one ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("weighting", "vectorizer"), [("counts", CountVectorizer()), ("tfidf", TfidfVectorizer())])
def test_a_pasted_text_is_folded_in_as_scikit_learn_and_scipy_would(weighting, vectorizer):
    app = opened(documents(weighting))
    run = run_of(app)
    W = run.factorization.W.copy()
    typed = "The shuttle and the moon; a zorgblat of faith"
    describe(app, typed)
    row = vectorizer.fit(TEXTS).transform([typed]).toarray()[0]
    _, rest = nnls(run.factorization.H.T.astype(float), row)
    assert f"Error of the fit {rest / np.linalg.norm(row):.4f}" in text(app)
    assert "not counted: zorgblat" in text(app)
    assert np.array_equal(run.factorization.W, W)
    assert run_of(app) is run
    assert charts(app)[:2] == ["items-mixture-new-light", "items-why-new-light"]


def test_typed_keywords_of_a_film_are_folded_in():
    app = describe(films(), "courtroom, judge, unicorn")
    run = run_of(app)
    row = np.zeros(run.dataset.shape[1])
    row[[list(run.dataset.axes.columns.labels).index(word) for word in ("courtroom", "judge")]] = 1
    _, rest = nnls(run.factorization.H.T.astype(float), row)
    assert f"2 keywords known. Error of the fit {rest / np.linalg.norm(row):.4f}" in text(app)
    assert "not counted: unicorn" in text(app)


def test_a_pasted_row_is_folded_in():
    app = films()
    run = run_of(app)
    describe(app, "\t".join(f"{value:g}" for value in run.dataset.X[[0]].toarray()[0]))
    found = fold_in(run.dataset.X[[0]], run.factorization.H)
    assert f"Error of the fit {np.sqrt(1 - found.explained):.4f}" in text(app)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("zebra", "belongs to no topic"),
        ("judge: 0", "Every value is 0"),
        ("judge: -1", "is below 0"),
        ("1, 2, 3", "3 values were given"),
    ],
)
def test_what_cannot_be_described_is_said(typed, says):
    assert says in text(describe(films(), typed)).replace("\\", "")


def test_a_text_that_cannot_be_prepared_again_is_refused():
    raw = documents()
    app = opened(apply(raw, [{"step": "scale_columns"}]))
    describe(app, "shuttle")
    assert "Scale columns" in text(app)
    assert "Error of the fit" not in text(app)


def test_new_ratings_are_folded_in_over_what_is_typed():
    axes = Axes(Axis("shows", "show", ["a", "b", "c", "d"]), Axis("users", "user", ["u", "v", "w"]))
    X = np.array([[5.0, 4, 1], [4, 5, 0], [1, 0, 5], [0, 1, 4]])
    data = Dataset("upload", "mine", X, axes=axes, kind="ratings", mask=(X > 0).astype(np.uint8))
    app = describe(opened(data, solver="masked-hals"), "u: 5, v: 4")
    H = run_of(app).factorization.H[:, :2].astype(float)
    _, rest = nnls(H.T, np.array([5.0, 4]))
    assert f"Error of the fit {rest / np.hypot(5, 4):.4f}" in text(app)
    assert new_row.from_values(data, "u: 5").seen.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"weighting": "counts"}, ""),
        ({"weighting": "binary"}, "A word is counted once, however often it stands here. "),
        ({"weighting": "tfidf"}, "A word's strength holds its rarity in the data (IDF). "),
        (
            {"weighting": "tfidf", "sublinear": True, "ngrams": [1, 2]},
            "A word's strength holds the logarithm of how often it stands here and its rarity in the data (IDF). "
            "A phrase gives each of its words an equal part. ",
        ),
    ],
)
def test_the_reading_room_says_what_weights_its_colours_are_of(step, words):
    raw = Dataset(
        "upload", "mine", None, axes=Axes(Axis("documents", "document"), Axis("terms", "term")), kind="documents", documents=TEXTS
    )
    assert weighed(apply(raw, [{"step": "text"} | step])) == words
