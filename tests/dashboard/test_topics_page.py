"""The Topics page: search, hover, map, quality, one topic in detail, and edits of the view that leave the run alone."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from test_views import go, start

from dashboard.cards import topic_quality
from dashboard.figures import theme as look
from dashboard.figures.word_list import word_list
from dashboard.figures.words import Words
from dashboard.topics_shown.edits import LONGEST_NAME, Edits
from nmfcore import topics
from nmfcore.evaluate import coherence
from nmfcore.topics.scale import apply as rescale

NASTY = "<img src=x onerror=alert(1)> ![](http://evil.example/x.png) [link](http://evil.example) :material/home: $x$ **b**"
LOUD = re.compile(r"(?<!\\)(!\[|<img|\]\()")  # what Markdown would make an image or a link of


def opened(query=None):
    return go(start(query), "topics")


def session_scaled(run):
    return rescale(run.factorization.W, run.factorization.H).H


def aspect(app, name):
    return app.segmented_control(key="aspect").set_value(name).run()


def run_of(app):
    return app.session_state["nmf"].shown.run


def text(app):
    return "\n".join(block.value for block in [*app.markdown, *app.title])


def cards(app):
    return [block.value for block in app.get("html") if block.value.startswith("<div")]


def heads(app):
    """The titles of the cards: number, and what stands behind it."""
    blocks = [block.value for block in app.markdown]
    found = ((re.fullmatch(r"\*\*(\d+(?: \+ \d+)*) · (.*?)\*\*", one), below) for one, below in pairwise(blocks))
    return {m[1]: (m[2], below) for m, below in found if m}


def figures(app):
    return {chart.key: json.loads(chart.proto.spec) for chart in app.get("plotly_chart")}


# -- all of them ---------------------------------------------------------------------------------------------------------
def test_the_cards_as_one_picture_hold_the_same_words_and_are_in_the_link():
    app = opened()
    app.toggle(key="picture").set_value(True).run()
    assert not app.exception
    assert not cards(app)
    drawn = next(figure for key, figure in figures(app).items() if "topics-all" in key)
    run = run_of(app)
    found = topics.top_terms(session_scaled(run), run.dataset.axes.columns, count=10)
    assert [bar["yaxis"] for bar in drawn["data"]] == ["y", *(f"y{k + 1}" for k in range(1, run.rank))]
    for k, bar in enumerate(drawn["data"]):
        ticks = drawn["layout"]["yaxis" if k == 0 else f"yaxis{k + 1}"]["ticktext"]
        assert ticks[0].startswith(found[k].terms[0][:6])
        assert len(bar["customdata"]) == 10
    again = opened({"picture": "true"})
    assert again.toggle(key="picture").value is True
    assert not cards(again)


# -- finding a word ------------------------------------------------------------------------------------------------------
def test_a_part_of_a_word_finds_it_and_shows_its_weight_in_every_topic():
    app = opened()
    app.text_input(key="word").set_value("spaces").run()
    assert not app.exception
    run = run_of(app)
    column = list(run.dataset.axes.columns.labels).index("spaceship")
    assert app.selectbox(key="word-hit").value == column
    table = next(frame.value for frame in app.dataframe if "place" in frame.value)
    W, H = run.factorization.W.astype(float), run.factorization.H.astype(float)
    amounts = W.sum(axis=0) * H[:, column]  # the column's sum in each w_t h_t, on whatever scale
    np.testing.assert_allclose(table["amount"], np.sort(amounts)[::-1], rtol=1e-5)
    np.testing.assert_allclose(table["weight"], (H / H.sum(axis=1, keepdims=True))[np.argsort(-amounts), column], rtol=1e-5)
    np.testing.assert_allclose(table["share of the word"], np.sort(amounts)[::-1] / amounts.sum(), rtol=1e-5)
    assert len(table) == 10
    assert app.get("plotly_chart")


def test_a_search_without_a_hit_says_so_in_plain_text():
    app = opened()
    app.text_input(key="word").set_value("![x](http://evil.example)").run()
    assert not app.exception
    said = next(block.value for block in app.markdown if "contains" in block.value)
    assert "![" not in said
    assert "260 keywords" in said
    app.button(key="clear-word").click().run()
    assert app.text_input(key="word").value == ""


# -- cards -----------------------------------------------------------------------------------------------------------------
class Nodes(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text.append(data)


def test_every_word_of_a_card_says_how_much_of_it_is_in_every_topic():
    app = opened()
    W, H = run_of(app).factorization.W, run_of(app).factorization.H
    amounts = W.sum(axis=0)[:, None] * H
    parts = amounts / np.maximum(amounts.sum(axis=0), 1e-30)
    H = H / H.sum(axis=1, keepdims=True)
    first = topics.top_terms(H, run_of(app).dataset.axes.columns, count=10)[0]
    shown = cards(app)[0]
    for word, j in zip(first.terms, first.indices, strict=True):
        tip = re.search(rf'nmf-tip"><b>{re.escape(word)}</b>(.*?)</span>', shown, re.S)[1]
        for k in np.flatnonzero(H[:, j] > 0):
            assert f"{k + 1}: {100 * parts[k, j]:.0f} %" in tip
        nothing = int((H[:, j] <= 0).sum())
        assert (f"0 in {nothing} other" in tip) == (nothing > 0)


def test_words_from_data_are_text_on_a_card():
    shown = word_list(Words([NASTY, "b"], [2.0, 1.0], 0, totals=[1.0, 1.0], everywhere=[[2.0, 0.0], [1.0, 3.0]], noun=NASTY))
    nodes = Nodes(shown)
    assert set(nodes.tags) == {"div", "span", "i", "b"}
    assert any("onerror" in part for part in nodes.text)
    with pytest.raises(ValueError, match="1 words need"):
        Words(["a"], [1.0, 2.0], 0, totals=[1.0], everywhere=[[1.0]])


def test_twenty_cards_of_thirty_words_are_far_below_a_message():
    rng = np.random.default_rng(0)
    one = word_list(
        Words([f"word{i}" for i in range(30)], rng.random(30), 0, totals=rng.random(30), everywhere=rng.random((30, 20)))
    )
    assert 20 * len(one) < 500_000


def test_sorting_changes_no_number_and_no_colour():
    app = opened()
    before = heads(app)
    colours = [re.search(r"--nmf-colour:(#\w+)", card)[1] for card in cards(app)]
    assert colours == [look.component_colour(k) for k in range(10)]
    app.slider(key="relevance").set_value(0.0).run()
    assert heads(app) == before
    assert [re.search(r"--nmf-colour:(#\w+)", card)[1] for card in cards(app)] == colours


# -- likeness and map ------------------------------------------------------------------------------------------------------
def test_the_map_stands_beside_the_matrix_with_its_stress_and_is_the_same_again():
    first, second = (aspect(opened(), "map") for _ in range(2))
    said = text(first)
    assert re.search(r"Stress 0\\\.\d\d", said)
    assert {"topics-similarity-light", "topics-map-light"} <= set(figures(first))
    assert figures(first)["topics-map-light"]["data"] == figures(second)["topics-map-light"]["data"]


# -- quality ---------------------------------------------------------------------------------------------------------------
def test_the_scores_are_those_of_the_library():
    app = aspect(opened(), "quality")
    assert not app.exception
    run = run_of(app)
    found = coherence.coherence(run.factorization.H, run.dataset.X, count=10)
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Mean NPMI coherence"] == f"{found.mean_npmi:.3f}"
    assert shown["Diversity"] == f"{found.diversity:.3f}"
    table = next(frame.value for frame in app.dataframe if "NPMI" in frame.value)
    np.testing.assert_allclose(table["NPMI"], found.npmi)
    np.testing.assert_allclose(table["exclusivity"], found.exclusivity)
    assert table["diversity"].mean() == pytest.approx(found.diversity)


def test_hidden_words_are_not_scored():
    H = np.array([[3.0, 2, 1, 0], [0, 1, 2, 3]])
    X = np.eye(4)[[0, 1, 2, 3, 0]] + np.eye(4)[[1, 2, 3, 0, 1]]
    whole, without = topic_quality.measure(H, X), topic_quality.measure(H, X, (1, 2))
    assert whole.diversity == 4 / 6
    assert without.diversity == 1
    assert H[0, 1] == 2


# -- one topic -------------------------------------------------------------------------------------------------------------
def test_a_card_opens_its_topic_with_words_items_and_what_tells_it_apart():
    app = opened()
    app.button(key="topics-open-5").click().run()
    assert not app.exception
    assert app.selectbox(key="component").value == 4
    run = run_of(app)
    words = next(frame.value for frame in app.dataframe if "lift" in frame.value)
    assert len(words) == np.count_nonzero(run.factorization.H[4])
    assert words["share in %"].sum() == pytest.approx(100, rel=1e-4)
    items = next(frame.value for frame in app.dataframe if "share of the item" in frame.value)
    assert len(items) == 20
    assert re.search(r"stability (not measured|0\.\d\d|1\.00)", text(app))
    assert app.selectbox(key="apart-from-5").value == 8  # the one it is most like
    app.selectbox(key="apart-from-5").set_value(0).run()
    own, other = topics.separating_terms(run.factorization.H, 4, 0, run.dataset.axes.columns, count=15)
    chart = figures(app)["topics-apart-light"]["data"]
    assert chart[0]["customdata"][0].startswith(f"<b>{own[0][0]}</b>")
    assert chart[2]["customdata"][0].startswith(f"<b>{other[0][0]}</b>")
    assert app.query_params["component"] in ("5", ["5"])


def test_a_link_opens_one_topic_by_its_number():
    app = opened({"aspect": "One in detail", "component": "3"})
    assert app.selectbox(key="component").value == 2
    for wrong in ("99", "-1", "x", "²", "9" * 400):
        assert opened({"aspect": "One in detail", "component": wrong}).selectbox(key="component").value == 0


def test_all_words_are_in_the_file_also_those_that_look_like_formulas():
    from dashboard import topics_shown
    from dashboard.cards import topic_open

    app = opened()
    run = run_of(app)
    view = topics_shown.of(run, scale="as fitted")
    frame = topic_open.all_words(view, 0, 1.0, run.dataset.shape[1])
    assert len(frame) == np.count_nonzero(run.factorization.H[0])
    assert (frame["weight"].diff().dropna() <= 0).all()


# -- edits -----------------------------------------------------------------------------------------------------------------
def merge(app, *components):
    open_menu(app)
    app.multiselect(key="merge-choice").set_value(list(components)).run()
    return app.button(key="merge").click().run()


def open_menu(app):
    app.session_state["edit-menu"] = True
    return app.run()


def rename(app, component, name):
    aspect(app, "one")
    app.selectbox(key="component").set_value(component).run()
    members = Edits().around(component)
    return app.text_input(key=f"name-{'-'.join(map(str, members))}").set_value(name).run()


def snapshot(app):
    return heads(app), cards(app)


def test_merging_shows_the_sum_and_leaves_the_run_alone():
    app = opened()
    run, before = run_of(app), snapshot(app)
    W, H, key = run.factorization.W.copy(), run.factorization.H.copy(), run.key
    link = dict(app.query_params)
    merge(app, 0, 6)
    assert not app.exception
    shown = heads(app)
    assert list(shown) == ["1 + 7", "2", "3", "4", "5", "6", "8", "9", "10"]
    assert "merged" in shown["1 + 7"][1]
    assert "Edited view: 1 merge." in text(app)
    assert app.title[0].value.startswith("Ten topics shown as nine, the closest two at cosine")
    share = lambda line: float(re.search(r"\[([\d.]+) %", line)[1])  # noqa: E731
    assert share(shown["1 + 7"][1]) == pytest.approx(share(before[0]["1"][1]) + share(before[0]["7"][1]), abs=0.11)
    colours = [re.search(r"--nmf-colour:(#\w+)", card)[1] for card in cards(app)]
    assert colours == [look.component_colour(k) for k in (0, 1, 2, 3, 4, 5, 7, 8, 9)]
    # its words are the column sums of the two rank-one parts
    sums = (np.outer(W[:, 0], H[0]) + np.outer(W[:, 6], H[6])).sum(axis=0)
    best = [run.dataset.axes.columns.label(int(j)) for j in topics.best(sums, 3)]
    assert [word for word in best if f"<b>{word}</b>" in cards(app)[0]] == best
    np.testing.assert_array_equal(run.factorization.W, W)
    np.testing.assert_array_equal(run.factorization.H, H)
    assert run_of(app).key == key
    assert {k: v for k, v in dict(app.query_params).items() if k != "component"} == link
    for name in ("one", "map", "quality"):
        aspect(app, name)
        assert not app.exception
        assert "Edited view" in text(app)
    app.button(key="undo").click().run()
    assert snapshot(aspect(app, "cards")) == before
    assert "Edited view" not in text(app)


def test_a_hidden_word_is_in_no_list_by_weight_and_by_relevance():
    app = opened()
    before = snapshot(app)
    app.text_input(key="word").set_value("survival").run()
    app.button(key="hide-found").click().run()
    assert "1 word hidden" in text(app)
    for relevance in (1.0, 0.5, 0.0):
        app.slider(key="relevance").set_value(relevance).run()
        app.slider(key="words").set_value(30).run()
        assert not any("<b>survival</b>" in card for card in cards(app))
    app.slider(key="relevance").set_value(1.0).run()
    app.slider(key="words").set_value(10).run()
    assert sum("1 hidden" in line for _, line in heads(app).values()) == 3  # the cards that would list it
    assert "survival" not in heads(app)["2"][0]
    app.button(key="hide-found").click().run()  # shows it again
    assert snapshot(app) == before


def test_the_menu_hides_and_shows_words():
    app = open_menu(opened())
    column = list(run_of(app).dataset.axes.columns.labels).index("murder")
    app.multiselect(key="hidden-words").set_value([column]).run()
    assert "1 word hidden" in text(app)
    app.multiselect(key="hidden-words").set_value([]).run()
    assert "Nothing is edited" in text(app)


@pytest.mark.parametrize("typed", [NASTY, "![x](http://evil.example/x.png)", "[x](http://evil.example)", "**b** :red[x] $x$"])
def test_a_name_that_somebody_types_is_shown_as_text_with_its_number_here_and_elsewhere(typed):
    app = rename(opened(), 2, typed)
    assert not app.exception
    aspect(app, "cards")
    name, line = heads(app)["3"]
    assert not LOUD.search(name)
    assert "named by you" in line
    for page in ("overview", "topics", "matrices", "svd", "compare"):
        go(app, page)
        assert not app.exception
        blocks = [*app.markdown, *app.title, *app.caption]
        assert not [block.value for block in blocks if LOUD.search(block.value)]
    assert "named by you" in heads(go(app, "overview"))["3"][1]
    assert typed[:8] not in "".join(map(str, dict(app.query_params).values()))


def test_a_name_of_ten_thousand_characters_is_cut():
    app = rename(opened(), 0, "x" * 10_000)
    assert not app.exception
    (steps,) = app.session_state["nmf"].shown.edits.values()
    (name,) = steps[-1][1].names.values()
    assert len(name) == LONGEST_NAME


def test_undo_goes_back_step_by_step_and_all_at_once():
    app = opened()
    states = [snapshot(app)]
    merge(app, 1, 4)
    states.append(snapshot(app))
    app.text_input(key="word").set_value("murder").run()
    app.button(key="hide-found").click().run()
    states.append(snapshot(app))
    merge(app, 1, 9)
    assert "2 + 5 + 10" in heads(app)
    app.button(key="undo").click().run()
    assert snapshot(app) == states[2]
    app.button(key="undo").click().run()
    assert snapshot(app) == states[1]
    app.button(key="undo-all").click().run()
    assert snapshot(app) == states[0]
    assert app.session_state["nmf"].shown.edits == {}


def test_edits_belong_to_one_run_of_one_session():
    app = rename(opened(), 0, "crime")
    app.slider(key="rank").set_value(6).run()
    assert "Edited view" not in text(app)
    app.slider(key="rank").set_value(10).run()
    assert "Edited view: 1 name changed." in text(app)
    assert "crime" not in text(opened())
