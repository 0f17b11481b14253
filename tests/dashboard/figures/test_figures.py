"""What every figure promises: names on its axes, a sentence, all its numbers, escaped labels, a small message, both themes."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.io as pio
import pytest
import scipy.sparse as sp

from dashboard.figures import (
    Picture,
    bars,
    beside,
    bridge,
    clusters,
    data,
    expression,
    heatmaps,
    images,
    item_map,
    items,
    labelled,
    lines,
    loss,
    race,
    ratings,
    survey,
    svd,
    topics,
    words,
)
from dashboard.figures import theme as look
from dashboard.figures.components import Components, numbered
from dashboard.figures.groups import group_multiples
from dashboard.figures.labelled import Ends, Labelled
from dashboard.figures.picture import DRAWN_ONCE
from dashboard.widgets import shades
from nmfcore.core.factorization import Axes, Axis
from nmfcore.data.model.facts import Classes
from nmfcore.evaluate.rank import Link
from nmfcore.evaluate.stability import consensus
from nmfcore.methods.groups import group_shares
from nmfcore.topics import ordering

NASTY = '<a href="http://x.invalid">go</a> %{x} $a$ &amp; \u202egnp.exe'
MESSAGE = 5_000_000  # bytes: no picture may send more


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


W, H = rng().gamma(0.3, 1.0, (30, 3)), rng().gamma(0.3, 1.0, (3, 12))
NAMES = [NASTY, "b", "c"]
TERMS = [NASTY, *(f"term {j}" for j in range(11))]
ROWS, COLUMNS = Axis(NASTY, "document", [NASTY, *(f"d{i}" for i in range(29))]), Axis("terms", "term", TERMS)
AXES = Axes(ROWS, COLUMNS)
X_POINTS, ERRORS = np.arange(50), 0.9 + 0.1 * np.exp(-np.arange(50) / 5)
SURE = consensus([np.arange(30) % 3 for _ in range(3)])
PICTURES = rng().random((5, 4, 6))
CLASSES = [NASTY if i % 2 else "AML" for i in range(30)]
SIGNED = np.linspace(1, -1, 12)
LINKS = [Link(2, 0, 3, 2, 0.9), Link(2, 0, 3, 0, 0.6), Link(2, 1, 3, 1, 0.8)]

EVERY = {
    "loss_curve": lambda **k: loss.loss_curve(
        X_POINTS, ERRORS, loss.Against(0.89, 3, 0.95, NASTY, [(NASTY, X_POINTS, ERRORS + 0.01)]), **k
    ),
    "loss_live": lambda **k: loss.loss_curve(X_POINTS, ERRORS, live=True, **k),
    "sparkline": lambda **k: loss.sparkline(ERRORS, **k),
    "kkt_curve": lambda **k: loss.kkt_curve(X_POINTS, np.exp(-X_POINTS / 9.0), limit=1e-3, **k),
    "race": lambda **k: race.race([(NASTY, X_POINTS / 10, ERRORS), ("mu", X_POINTS / 8, ERRORS + 0.01)], floor=0.89, rank=3, **k),
    "topic_bars": lambda **k: words.topic_bars(
        words.Words(TERMS[:8], np.arange(8, 0, -1), 1, totals=np.ones(8), everywhere=H[:, :8].T), **k
    ),
    "all_topic_bars": lambda **k: words.all_topic_bars(
        [words.Words(TERMS[:6], np.arange(6, 0, -1), 0), words.Words(TERMS[:4], np.ones(4), 1),
         words.Words([], [], 2), words.Words(TERMS[2:5], np.ones(3), 4)],
        titles=[NASTY, "2 + 4", "3", "5"], beneath=[NASTY] * 4, **k
    ),
    "similarity": lambda **k: topics.similarity_matrix(np.eye(3), component="topic", **k),
    "topic_map": lambda **k: topics.topic_map(rng().random((3, 2)), [0.5, 0.3, 0.1], numbered(3, NAMES), stress=0.1, **k),
    "word_in_topics": lambda **k: topics.word_in_topics(
        NASTY, W[0], Components(["1", "2 + 4", "3"], [0, 1, 2], NAMES), unit=NASTY, **k
    ),
    "separating_words": lambda **k: topics.separating_words(
        [(NASTY, 0.3), ("b", 0.1)], [("c", 0.2)], Components(("1", "2 + 4"), (0, 1)), **k
    ),
    "items_by_topic": lambda **k: heatmaps.items_by_topic(W, axis=ROWS, height=600, **k),
    "items_log": lambda **k: heatmaps.items_by_topic(W, axis=ROWS, log=True, order="input", **k),
    "components_by_feature": lambda **k: heatmaps.components_by_feature(H, axis=COLUMNS, **k),
    "matrix": lambda **k: labelled.matrix(
        Labelled(W[:5] - 0.5, TERMS[:5], NAMES, NASTY, NASTY), ends=Ends(signed=True), **k
    ),
    "parts": lambda **k: beside.parts(W @ H, W, H, axes=AXES, view=beside.View(height=700), **k),
    "error_over_rank": lambda **k: svd.error_over_rank(np.linspace(0.9, 0.5, 20), [3, 5], [0.85, 0.8], present=3, **k),
    "singular_values": lambda **k: svd.singular_values(np.arange(20, 0, -1.0), 5000.0, present=3, **k),
    "singular_log": lambda **k: svd.singular_values(np.geomspace(10, 1e-3, 90), 200.0, present=3, log=True, show="values", **k),
    "nmf_beside_svd": lambda **k: bridge.nmf_beside_svd(words.Words(TERMS, H[0], 0), TERMS, SIGNED, vector=0, **k),
    "gram_matrices": lambda **k: svd.gram_matrices(np.eye(3), np.full((3, 3), 0.5), **k),
    "principal_angles": lambda **k: svd.principal_angles([5.0, 40.0, 88.0], **k),
    "histogram": lambda **k: data.value_histogram(W, unit=NASTY, **k),
    "bars": lambda **k: bars.bars(
        NAMES, [1.0, np.nan, 2.0], bars.Measure("x", str),
        colours=["#000000"] * 3, alt=f"{NASTY}.", **k
    ),
    "river": lambda **k: survey.river(LINKS, {2: NAMES[:2], 3: NAMES}, **k),
    "sizes": lambda **k: clusters.sizes([5, 3, 1], none=2, called=numbered(3, NAMES), **k),
    "stability": lambda **k: clusters.stability([0.5, np.nan, 1.0], names=NAMES, **k),
    "confusion": lambda **k: clusters.confusion([[5, 0], [1, 7]], classes=[NASTY, "b"], groups=["1", "2"], **k),
    "consensus": lambda **k: clusters.consensus(
        SURE.matrix, SURE.order, classes=CLASSES,
        labels=ROWS.labels, cophenetic=1.0, height=700, **k
    ),
    "samples": lambda **k: expression.samples_by_component(W, expression.Samples(ROWS.labels, CLASSES, [0, 4]), **k),
    "mixture": lambda **k: items.mixture(W[0], numbered(len(NAMES), NAMES), item=NASTY, **k),
    "why_here": lambda **k: items.why_here(
        H * 0.01, np.linspace(0.1, 0, 12), numbered(len(NAMES), NAMES), words=TERMS, item=NASTY, **k
    ),
    "ratings": lambda **k: ratings.ratings(
        ratings.Rated(W[:4], W[:4] > 0.2, TERMS[:4], NAMES), predicted=W[:4], **k
    ),
    "wall": lambda **k: images.wall(PICTURES, titles=TERMS[:5], **k),
    "rows_of_pictures": lambda **k: images.rows_of_pictures(
        [images.Row(NASTY, PICTURES, TERMS[:5]), images.Row("PCA", PICTURES - 0.5, signed=True)], **k
    ),
    "image_sum": lambda **k: images.image_sum(
        PICTURES.sum(axis=0), PICTURES, [3, 1, 0, 2, 4],
        shown=2, errors=np.linspace(1, 0, 6), **k
    ),
}  # fmt: skip


@pytest.fixture(params=sorted(EVERY))
def make(request):
    return EVERY[request.param]


def strings(value):
    """Every string that Plotly could render, wherever it is."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from strings(inner)


def spec(picture: Picture) -> dict:
    return json.loads(pio.to_json(picture.figure))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_figure_has_its_twins_in_both_themes(make, theme):
    picture = make(theme=theme)
    assert isinstance(picture, Picture)
    assert len(picture.alt) > 15
    assert picture.alt.rstrip().endswith(".")
    assert "nan" not in picture.alt.lower()
    table = picture.table()
    assert isinstance(table, pd.DataFrame)
    assert len(table)
    layout = picture.figure.layout
    assert layout.height > 0
    assert layout.font.color == look.palette(theme).text
    assert layout.paper_bgcolor == "rgba(0,0,0,0)"


def test_no_label_from_data_reaches_plotly_unescaped(make):
    for text in strings(spec(make())):
        assert "<a" not in text
        assert "\u202e" not in text
        assert "$a$" not in text
        assert not ("%{x}" in text and "go" in text)  # a template of ours may hold %{x}, a label may not


def test_nothing_invisible_is_left_in_the_sentence(make):
    picture = make()
    assert "\u202e" not in picture.alt + (picture.note or "")


def test_every_axis_that_is_seen_has_a_name_or_names_on_its_ticks(make):
    layout = make().figure.layout.to_plotly_json()
    for name, axis in layout.items():
        if name.startswith(("xaxis", "yaxis")) and axis.get("visible", True):
            assert axis.get("title", {}).get("text") or axis.get("ticktext") is not None or axis.get("showticklabels") is False, (
                name
            )


def test_the_colours_are_those_of_the_pages_theme():
    config = Path(look.__file__).parents[1] / ".streamlit" / "config.toml"
    if not config.exists():
        pytest.skip("the theme file is not written yet")
    themes = tomllib.loads(config.read_text())["theme"]
    for name in ("light", "dark"):
        colours = look.palette(name)
        assert themes[name]["backgroundColor"] == colours.background
        assert themes[name]["textColor"] == colours.text
        assert tuple(themes[name]["chartCategoricalColors"]) == colours.categorical
        assert tuple(themes[name]["chartSequentialColors"]) == colours.sequential
        assert tuple(themes[name]["chartDivergingColors"]) == colours.diverging


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(theme):
    colours = look.palette(theme)
    for ink in (colours.text, colours.muted, colours.alarm):
        assert look.contrast(ink, colours.background) >= 4.5
    for k in range(10):
        fill = look.component_colour(k, theme)
        assert look.contrast(look.ink_on(fill), fill) >= 4.5
        assert look.contrast(fill, colours.background) >= 3.0  # WCAG 1.4.11, graphical objects
    for steps in (colours.sequential, colours.diverging):
        for share in np.linspace(0, 1, 101):
            cell = look.colour_at(steps, share)
            assert look.contrast(look.ink_on(cell), cell) >= 4.5


def test_a_components_colour_does_not_depend_on_how_many_there_are():
    assert look.component_colour(3) == look.component_colour(13) != look.component_colour(4)
    assert len({look.component_colour(k) for k in range(10)}) == 10


def test_contrast_is_the_one_of_wcag():
    assert look.contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert look.contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)  # the classic near miss


def test_an_unknown_theme_or_format_is_refused():
    with pytest.raises(ValueError, match="Known: light, dark"):
        look.palette("sepia")
    with pytest.raises(ValueError, match="png, svg"):
        look.camera("a", "pdf")


def test_the_camera_saves_under_a_plain_file_name():
    options = look.camera("../we:ird name", "svg")["toImageButtonOptions"]
    assert options["format"] == "svg"
    assert "/" not in options["filename"]
    assert "." not in options["filename"]


def test_equal_labels_become_distinct_categories():
    assert len(set(look.distinct(["a", "a", "a (2)", "a"]))) == 4


def test_a_cut_label_keeps_to_its_width():
    for label in ("w" * 60, "internationalisation", "短い言葉" * 10):
        assert look.text_width(look.shorten(label, 80)) <= 80
    assert look.shorten("nasa", 80) == "nasa"


# -- loss ------------------------------------------------------------------------------------------------------------------
def y_range(picture: Picture):
    return picture.figure.layout.yaxis.range


def test_the_floor_is_drawn_named_and_has_room_below_it():
    picture = loss.loss_curve(X_POINTS, ERRORS, loss.Against(0.89, 6))
    assert picture.figure.layout.shapes[0].y0 == 0.89
    assert picture.figure.layout.annotations[0].text == "SVD floor: no rank-6 model is lower"
    low, high = y_range(picture)
    assert 0.89 - low > 0.1 * (high - low)
    assert "0.0100 above" in picture.alt or "above the SVD floor" in picture.alt


def test_a_steep_beginning_leaves_the_picture_and_the_note_says_so():
    errors = np.array([50.0, *ERRORS])
    picture = loss.loss_curve(np.arange(51), errors, loss.Against(0.89))
    assert y_range(picture)[1] < 2
    assert "The first point lies above the picture (start: 50)." in picture.note
    assert picture.table()["relative error"].max() == 50


def test_the_last_point_is_always_shown():
    for log in (False, True):
        low, high = y_range(loss.loss_curve(X_POINTS, ERRORS, loss.Against(0.89), log=log))
        end = np.log10(ERRORS[-1]) if log else ERRORS[-1]
        assert low < end < high


def test_a_diverged_run_keeps_its_finite_curve_on_a_logarithmic_axis():
    errors = [1.0, 10.0, 1e5, 1e9, np.inf]
    picture = loss.loss_curve(range(5), errors, loss.Against(0.5, 2))
    assert picture.figure.layout.yaxis.type == "log"
    assert len(picture.figure.data[0].y) == 4
    assert picture.figure.data[0].line.color == look.LIGHT.alarm
    assert "diverged" in picture.alt


def test_live_ranges_rest_while_points_come_in():
    """The axes used to rescale with each point, and the curve jumped."""
    errors = 0.9 + 0.1 * np.exp(-np.arange(200) / 30)
    drawn = [loss.loss_curve(range(n), errors[:n], loss.Against(0.89), live=True) for n in range(60, 100)]
    seen = {(p.figure.layout.xaxis.range, y_range(p)) for p in drawn}
    assert len(seen) == 1


def test_long_curves_are_thinned_but_keep_both_ends():
    n = 100_000
    picture = loss.loss_curve(np.arange(n), 1.0 / np.arange(1, n + 1))
    trace = picture.figure.data[0]
    assert len(trace.x) <= 800
    assert (trace.x[0], trace.x[-1]) == (0, n - 1)
    assert len(picture.table()) == n


def test_a_floor_of_zero_is_left_out_of_a_logarithmic_axis():
    picture = loss.loss_curve(X_POINTS, ERRORS, loss.Against(0.0), log=True)
    assert not picture.figure.layout.shapes
    assert "floor is 0" in picture.note


def test_earlier_runs_stand_back_in_grey():
    picture = loss.loss_curve(X_POINTS, ERRORS, loss.Against(earlier=[("rank 4", X_POINTS, ERRORS + 0.1)]))
    grey, mine = picture.figure.data
    assert grey.line.color == look.LIGHT.grey
    assert mine.line.width > grey.line.width
    assert {t.name for t in picture.figure.data} == {"rank 4", "this run"}


def test_curves_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="as many x as y"):
        loss.loss_curve([1, 2], [1.0])
    with pytest.raises(ValueError, match="1 to 10 curves"):
        race.race([])


def test_a_run_of_one_point_can_be_drawn():
    assert loss.loss_curve([0], [0.5]).figure.data[0].mode == "markers"
    assert loss.sparkline([0.5]).alt
    assert loss.loss_curve([], []).alt == "No finite relative error was recorded."
    assert loss.kkt_curve([], []).note == "Not measured in this run."


# -- topics ----------------------------------------------------------------------------------------------------------------
def topic_bars(terms, weights, component=0, **more):
    return words.topic_bars(words.Words(terms, weights, component, **more))


def test_topic_cards_of_equally_many_words_have_equal_height_and_left_edge():
    short = topic_bars(["a"] * 8, np.ones(8))
    long = topic_bars(["internationalisation"] * 8, np.ones(8), 5)
    assert short.figure.layout.height == long.figure.layout.height
    assert short.figure.layout.margin.l == long.figure.layout.margin.l
    assert long.figure.layout.yaxis.ticktext[0].endswith("…")
    assert long.table()["word"][0] == "internationalisation"


def test_one_picture_of_all_topics_holds_each_with_its_weights_and_colour():
    listed = (
        [["moon", "moon"], ["god"], ["car", "bike", "road"], ["x"]],
        [[3.0, 1.0], [9.0], [2.0, 1.0, 0.5], [4.0]],
        [0, 5, 2, 3],
    )
    picture = words.all_topic_bars(
        [words.Words(*one) for one in zip(*listed, strict=True)], titles=["1", "2", "3", "4"], beneath=["10 %"] * 4
    )
    bars = picture.figure.data
    assert [list(bar.x) for bar in bars] == [[3.0, 1.0], [9.0], [2.0, 1.0, 0.5], [4.0]]
    assert [bar.marker.color for bar in bars] == [look.component_colour(k, "light") for k in (0, 5, 2, 3)]
    assert list(picture.table()["weight in H"]) == [3.0, 1.0, 9.0, 2.0, 1.0, 0.5, 4.0]
    rows = [picture.figure.layout[name].domain for name in ("yaxis", "yaxis2", "yaxis3", "yaxis4")]
    assert rows[0] == rows[1] == rows[2]
    assert rows[3][1] < rows[0][0]  # the fourth stands in the second row, and no row reaches into another
    assert [picture.figure.layout[name].range[1] >= top for name, top in (("xaxis", 3), ("xaxis2", 9))] == [True, True]


def test_topic_bars_carry_the_weights_and_the_components_colour():
    picture = topic_bars(["moon", "moon"], [3.0, 1.0], 4, totals=[10.0, 40.0])
    grey, bar = picture.figure.data
    assert list(bar.x) == [3.0, 1.0]
    assert list(bar.y) == [0, 1]  # positions: equal words are not merged
    assert bar.marker.color == look.component_colour(4)
    assert list(grey.x) == [0.75, 3.0]
    assert "scale of its own" in picture.note


def test_the_hover_of_a_word_names_its_other_topics():
    picture = topic_bars(["moon"], [3.0], everywhere=[[3.0, 0.0, 5.0]])
    assert "in topic 3: 5 · 1: 3<br>0 in 1 other" in picture.figure.data[0].customdata[0]
    merged = topic_bars(["moon"], [3.0], label="1 + 3", everywhere=[[3.0, 5.0]], labels=["1 + 3", "2"])
    assert "in topic 2: 5 · 1 + 3: 3" in merged.figure.data[0].customdata[0]
    assert merged.alt.startswith("Topic 1 + 3: moon")


def test_the_hovers_of_thirty_words_in_each_of_twenty_topics_stay_small():
    one = topic_bars(TERMS * 2, np.ones(24), everywhere=rng().random((24, 20)), totals=np.ones(24))
    text = one.figure.data[1].customdata[3]
    assert text.count(": ") == 20 + 2  # every topic, the weight here and the total
    assert max(len(line) for line in text.split("<br>")) <= 45
    assert 20 * len(pio.to_json(one.figure)) * 30 / 24 < 5e6 / 10


def test_a_word_is_shown_in_its_topics_strongest_first_in_their_colours():
    picture = topics.word_in_topics(NASTY, [0.1, 0.0, 0.4], Components(["1", "2 + 5", "4"], [0, 1, 3], ["a", "b", NASTY]))
    bar = picture.figure.data[0]
    assert list(bar.x) == [0.4, 0.1]
    assert list(bar.marker.color) == [look.component_colour(3), look.component_colour(0)]
    assert picture.note == "0 in the other 1 topic."
    assert list(picture.table()["topic"]) == ["4", "1", "2 + 5"]
    nowhere = topics.word_in_topics("x", [0.0], numbered(1, ["a"]))
    assert nowhere.alt == "x is in no topic."


def test_separating_words_go_to_their_sides():
    picture = topics.separating_words([("orbit", 0.3)], [("god", 0.2), ("the", 0.1)], Components(("1", "4"), (0, 3)))
    right, _, left, _ = picture.figure.data
    assert list(right.x) == pytest.approx([30])
    assert list(left.x) == pytest.approx([-20, -10])
    assert left.marker.color == look.component_colour(3)
    assert picture.table()["more in topic"].tolist() == ["1", "4", "4"]


def test_a_bar_below_zero_keeps_its_number_off_the_names():
    picture = bars.bars(["a", "b", "c"], [-0.2, 0.4, np.nan], bars.Measure("x", str), colours=["#000000"] * 3, alt="x.")
    bar, numbers = picture.figure.data
    assert picture.figure.layout.xaxis.range[0] == pytest.approx(-0.2)
    assert list(bar.textposition) == ["none", "outside", "outside"]
    assert (list(numbers.x), list(numbers.y), list(numbers.text)) == ([0], [0], [" -0.2"])


def test_the_nearest_topics_are_named():
    S = np.array([[1, 0.2, 0.7], [0.2, 1, 0.1], [0.7, 0.1, 1]])
    assert topics.similarity_matrix(S).alt == "The most alike topics are 1 and 3, cosine 0.70."


def test_no_disc_of_the_map_hides_another_number():
    at = np.zeros((6, 2))
    picture = topics.topic_map(at, np.ones(6), numbered(6))
    x, y = picture.figure.data[1].x, picture.figure.data[1].y
    gaps = np.hypot(np.subtract.outer(x, x), np.subtract.outer(y, y)) + 1e9 * np.eye(6)
    assert gaps.min() > topics.LARGEST / 2
    assert "pushed apart" in picture.note


def test_text_on_the_blue_of_what_is_pressed_next_can_be_read():
    settings = tomllib.loads((Path(look.__file__).parents[1] / ".streamlit" / "config.toml").read_text())["theme"]
    assert look.contrast("#FFFFFF", settings["light"]["primaryColor"]) >= 4.5
    assert look.contrast("#FFFFFF", settings["dark"]["sidebar"]["primaryColor"]) >= 4.5
    assert look.contrast(shades.INK, settings["dark"]["primaryColor"]) >= 4.5


# -- heatmaps --------------------------------------------------------------------------------------------------------------
def test_items_are_ordered_by_component_and_strength_with_empty_ones_last():
    weights = np.array([[0, 1.0], [0, 0], [3.0, 1], [1.0, 0], [0, 2.0]])
    picture = heatmaps.items_by_topic(weights, axis=Axis("documents", "document"))
    assert list(picture.table()["document"]) == ["document 3", "document 4", "document 5", "document 1", "document 2"]
    assert picture.figure.data[0].z.tolist() == [[3, 1], [1, 0], [0, 2], [0, 1], [0, 0]]
    assert "1 belong to none" in picture.alt


def test_a_large_w_is_binned_by_maximum_and_says_so():
    big = rng().gamma(0.2, 1.0, (18_846, 20))
    picture = heatmaps.items_by_topic(big, axis=Axis("documents", "document"))
    z = picture.figure.data[0].z
    assert len(z) <= 400
    assert z.max() == pytest.approx(big.max(), rel=1e-6)  # a mean would have lost the peak
    assert "documents" in picture.note
    assert "99th percentile" in picture.note
    assert len(pio.to_json(picture.figure)) < 100_000
    assert picture.table().shape == (18_846, 21)


def test_sparse_parts_are_drawn_at_any_size_without_forming_wh():
    m, n = 18_846, 60_000
    X = sp.random_array((m, n), density=2e-4, rng=rng(), format="csr")
    picture = beside.parts(
        X, rng().random((m, 5)), rng().random((5, n)), axes=Axes(Axis("documents", "document"), Axis("terms", "term"))
    )
    assert len(pio.to_json(picture.figure)) < MESSAGE / 2
    assert "mean over" in picture.note


@pytest.mark.parametrize("order", ["strongest", "input"])
def test_blocks_are_the_means_of_x_and_of_wh(order):
    m, n = 610, 520
    left, right = rng().random((m, 3)), rng().random((3, n))
    X = sp.random_array((m, n), density=0.1, rng=rng(), format="csr")
    axes = Axes(Axis("documents", "document"), Axis("terms", "term"))
    sparse, dense = (
        beside.parts(A, left, right, axes=axes, view=beside.View(rows=order, columns=order)) for A in (X, X.toarray())
    )
    data_, model, rest = (trace.z for trace in sparse.figure.data if trace.type == "heatmap")
    assert data_.shape == (160, 160)
    np.testing.assert_allclose(data_, dense.figure.data[0].z, atol=1e-6)
    np.testing.assert_allclose(data_ - model, rest, atol=1e-6)
    if order == "input":  # 610 = 160 bands of 3 or 4: band 0 is rows 0-2, and columns 0-2 of 520
        np.testing.assert_allclose(model[0, 0], (left @ right)[:3, :3].mean(), rtol=1e-5)
        np.testing.assert_allclose(data_[0, 0], X.toarray()[:3, :3].mean(), atol=1e-6)
    one = beside.parts(X, left, right, axes=axes, view=beside.View(("X",), order, order)).figure.data[0].z
    assert one.shape == (250, 250)  # alone it has room for more


# -- orders with groups, boxes ---------------------------------------------------------------------------------------------
LABELS = ordering.label_order(np.arange(600) % 3, names=("cats", "dogs", "eels"))


def test_classes_are_named_on_the_axis_and_divided_where_they_meet():
    weights = rng().random((600, 4))
    picture = heatmaps.items_by_topic(weights, axis=Axis("documents", "document"), order=LABELS, height=300)
    heat, layout = picture.figure.data[0], picture.figure.layout
    lines = len(heat.y)
    assert lines <= 240
    assert layout.yaxis.ticktext == ("cats", "dogs", "eels")
    at = [shape.y0 for shape in layout.shapes]
    assert len(at) == 2
    for y, members in zip(at, (200, 400), strict=True):  # no line holds documents of two classes
        kinds = ["cats" in name for name in heat.y] if members == 200 else ["eels" not in name for name in heat.y]
        assert kinds == [True] * round(y + 0.5) + [False] * (lines - round(y + 0.5))
    assert "by label" in layout.yaxis.title.text


def test_where_every_item_is_named_the_note_tells_the_classes_apart():
    few = ordering.label_order([0, 1, 0, 1], names=("cats", "dogs"))
    picture = heatmaps.items_by_topic(np.eye(4), axis=Axis("documents", "document"), order=few)
    assert picture.figure.layout.yaxis.ticktext[0] == "document 1"
    assert len(picture.figure.layout.shapes) == 1
    assert "Lines divide the documents by label: cats, dogs." in picture.note


def test_names_of_small_groups_give_way_so_that_none_touches_another():
    sizes = [300] + [1] * 20 + [300]
    order = ordering.label_order(np.repeat(np.arange(22), sizes), names=[f"group {k}" for k in range(22)])
    axis = heatmaps.items_by_topic(np.ones((620, 2)), axis=Axis(), order=order, height=460).figure.layout.yaxis
    assert axis.ticktext[0] == "group 0"
    assert axis.ticktext[-1] == "group 21"
    assert len(axis.ticktext) < 6


def test_a_box_over_a_picture_leads_back_to_the_places_it_holds():
    m, n = 610, 520
    X = sp.random_array((m, n), density=0.1, rng=rng(), format="csr")
    axes = Axes(Axis("documents", "document"), Axis("terms", "term"))
    figure = beside.parts(
        X, np.ones((m, 2)), np.ones((2, n)), axes=axes, view=beside.View(rows="input", columns="input", handles=True)
    ).figure
    handles = [trace for trace in figure.data if trace.type == "scatter"]
    assert len(handles) == 3
    assert figure.layout.dragmode == "select"
    places = np.asarray(handles[0].customdata)
    covered = np.zeros((m, n), int)
    for a, b, c, d in places:
        covered[a:b, c:d] += 1
    assert (covered == 1).all()  # every cell belongs to one handle
    inside = [{"customdata": places[1].tolist()}, {"customdata": dict(zip("0123", places[0].tolist(), strict=True))}, {}]
    a, b, c, d = lines.box(inside)
    assert (a, b) == (places[0][0], places[0][1])
    assert (c, d) == (places[0][2], places[1][3])
    assert lines.box([]) is None


def test_logarithmic_parts_say_the_value_and_leave_the_residual_linear():
    figure = beside.parts(W @ H, W, H, axes=AXES, view=beside.View(log=True)).figure
    X, _, rest = (t for t in figure.data if t.type == "heatmap")
    np.testing.assert_allclose(
        10.0 ** X.z[X.customdata > 1e-3 * X.customdata.max()], X.customdata[X.customdata > 1e-3 * X.customdata.max()], rtol=1e-4
    )
    assert "customdata" in X.hovertemplate
    assert "(log)" in X.colorbar.title.text
    assert "customdata" not in rest.hovertemplate
    assert rest.zmin == -rest.zmax


def test_parts_have_linked_axes_and_one_colour_range_for_x_and_wh():
    figure = beside.parts(W @ H, W, H, axes=AXES).figure
    X, model, rest = (t for t in figure.data if t.type == "heatmap")
    assert figure.layout.xaxis2.matches == figure.layout.xaxis3.matches == "x"
    assert figure.layout.yaxis2.matches == figure.layout.yaxis3.matches == "y"
    assert (X.zmin, X.zmax) == (model.zmin, model.zmax)
    assert rest.zmin == -rest.zmax
    np.testing.assert_allclose(rest.z, 0, atol=1e-6)


def test_missing_entries_stay_empty_in_x_and_in_the_residual():
    mask = rng().random((30, 12)) < 0.5
    figure = beside.parts(W @ H, W, H, axes=AXES, mask=mask, view=beside.View(rows="input", columns="input")).figure
    X, model, rest = (t.z for t in figure.data if t.type == "heatmap")
    np.testing.assert_array_equal(np.isnan(X), ~mask)
    np.testing.assert_array_equal(np.isnan(rest), ~mask)
    assert np.isfinite(model).all()


@pytest.mark.parametrize("sparse", [False, True])
def test_missing_entries_have_no_part_in_the_means_of_blocks(sparse):
    """They were taken for 0, so that the residual of a block was the share of it that is missing."""
    m, n = 600, 300
    left, right = rng().random((m, 3)), rng().random((3, n))
    mask = rng().random((m, n)) < 0.3
    mask[:40] = False
    data = np.where(mask, 2 * (left @ right), 77.0)
    X = sp.csr_array(np.where(mask, data, 0)) if sparse else np.where(mask, data, np.nan)
    view = beside.View(rows="input", columns="input")
    drawn = beside.parts(X, left, right, axes=Axes(), mask=sp.csr_array(mask) if sparse else mask, view=view)
    block, _, rest = (t.z for t in drawn.figure.data if t.type == "heatmap")
    assert block.shape == (160, 160)
    rows, columns = (np.arange(160) * m) // 160, (np.arange(160) * n) // 160

    def summed(cells):
        return np.add.reduceat(np.add.reduceat(np.where(mask, cells, 0), rows, axis=0), columns, axis=1)

    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(block, summed(data) / summed(1.0), rtol=1e-5)
        np.testing.assert_allclose(rest, summed(left @ right) / summed(1.0), rtol=1e-4)
    assert np.isnan(block[:10]).all()
    assert "have no part" in drawn.note


def test_numbers_are_written_only_where_they_fit():
    small = labelled.matrix(Labelled(np.eye(4), "abcd", "abcd", "x"))
    large = labelled.matrix(Labelled(np.eye(60), range(60), range(60), "x"))
    assert [t.type for t in small.figure.data] == ["heatmap", "scatter"]
    assert [t.type for t in large.figure.data] == ["heatmap"]
    assert len(large.figure.layout.xaxis.ticktext) < 60
    assert len(large.figure.layout.yaxis.ticktext) < 60


def test_signed_colours_are_symmetric_about_zero():
    trace = labelled.matrix(Labelled([[-3.0, 1.0]], ["a"], ["b", "c"], "x"), ends=Ends(signed=True)).figure.data[0]
    assert (trace.zmin, trace.zmax) == (-3.0, 3.0)


def test_labels_must_fit_the_matrix():
    with pytest.raises(ValueError, match="needs 2 row"):
        Labelled(np.eye(2), ["a"], ["a", "b"], "x")


# -- svd -------------------------------------------------------------------------------------------------------------------
def test_the_present_rank_is_marked_and_compared_with_its_floor():
    picture = svd.error_over_rank([0.9, 0.8, 0.7, 0.6], [2, 3], [0.85, 0.75], present=3)
    assert picture.figure.layout.shapes[0].x0 == 3
    assert "At rank 3 NMF has 0.7500, 0.0500 above the floor 0.7000." in picture.alt
    assert len(picture.table()) == 6


def test_energy_is_relative_to_the_whole_matrix():
    picture = svd.singular_values([3.0, 1.0], 20.0, present=1, show="energy")
    assert list(picture.figure.data[0].y) == [45.0, 50.0]
    assert "45.0 %" in picture.alt


def test_both_signs_of_a_singular_vector_are_told_apart():
    bar = bridge.nmf_beside_svd(words.Words(["a"], [1.0], 0), ["b", "c"], [0.5, -0.7], vector=0).figure.data[1]
    assert bar.marker.color[0] != bar.marker.color[1]
    assert list(bar.x) == [0.5, -0.7]


def test_the_identity_reads_as_ones_and_zeros():
    picture = svd.gram_matrices(np.eye(2) - 1e-9, np.eye(2))
    assert list(picture.figure.data[1].text) == ["1", "0", "0", "1"]
    assert "the identity" in picture.alt
    assert len(picture.table()) == 8


# -- clusters, items, comparisons ------------------------------------------------------------------------------------------
def test_none_is_a_group_of_its_own_and_last():
    picture = clusters.sizes([5, 3], none=2)
    assert list(picture.figure.data[0].x) == [5, 3, 2]
    assert picture.figure.layout.yaxis.ticktext[-1] == "none"
    assert "2 belong to none" in picture.alt


def test_what_was_not_measured_says_so():
    picture = clusters.stability([np.nan, 0.5])
    assert picture.figure.data[0].text[0] == "not measured"
    assert "was not measured" in clusters.stability([np.nan]).alt


def test_the_confusion_matrix_shows_counts_and_colours_shares():
    picture = clusters.confusion([[30, 10], [0, 5]], classes=["a", "b"], groups=["1", "2"])
    np.testing.assert_allclose(picture.figure.data[0].z, [[75, 25], [0, 100]])
    assert list(picture.figure.data[1].text) == ["30", "10", "5"]
    assert picture.table()["1"].tolist() == [30, 0]


def test_the_consensus_map_is_in_leaf_order_with_its_classes_above():
    picture = clusters.consensus(SURE.matrix, SURE.order, classes=CLASSES)
    heat, strip = picture.figure.data[:2]
    np.testing.assert_allclose(heat.z, SURE.matrix[np.ix_(SURE.order, SURE.order)])
    assert len(strip.z[0]) == 30
    assert {t.name for t in picture.figure.data[2:]} >= {"AML"}


def test_a_large_consensus_map_is_binned():
    picture = clusters.consensus(np.eye(600), np.arange(600))
    assert picture.figure.data[0].z.shape == (250, 250)
    assert "mean over 2–3" in picture.note


def test_an_empty_item_belongs_to_none():
    picture = items.mixture(np.zeros(3), item="Post 7")
    assert picture.alt == "Post 7 belongs to no topic."
    assert np.all(picture.table()["share"] == 0)


def test_why_here_holds_every_contribution_and_what_is_missed():
    picture = items.why_here([[0.5, 0.0], [0.1, 0.2]], [0.05, 0.15], words=["moon", "god"])
    explained, missed = picture.figure.data[:2]
    np.testing.assert_allclose(explained.z, [[50, 10], [0, 20]])
    np.testing.assert_allclose(missed.z, [[5], [15]])
    assert "moon through topic 1, 50.0 %" in picture.alt
    assert picture.table()["not explained"].tolist() == [0.05, 0.15]


def test_unobserved_ratings_are_gaps_with_the_prediction_in_italics():
    picture = ratings.ratings(ratings.Rated([[5.0, 0.0]], [[1, 0]], ["Friends"], ["Jai", "PB"]), predicted=[[4.9, 2.2]])
    assert np.isnan(picture.figure.data[0].z).tolist() == [[False, True]]
    assert "<i>2.2</i>" in picture.figure.data[2].text
    assert picture.table()["known"].tolist() == [True, False]


def test_misplaced_samples_are_marked():
    picture = expression.samples_by_component(W, expression.Samples([f"s{i}" for i in range(30)], CLASSES, [4]))
    assert picture.figure.data[-1].x == ("s4",)
    assert "1 misplaced: s4." in picture.alt


def test_a_topic_of_the_river_keeps_its_colour_and_its_number_while_it_goes_on():
    figure = survey.river(LINKS, {2: ["a", "b"], 3: ["c", "d", "e"]}).figure
    before, after = figure.data[-2:]
    assert list(after.text) == ["1", "2", "3"]
    assert after.marker.color[2] == before.marker.color[0]  # the closer part of a topic that splits
    assert after.marker.color[0] not in before.marker.color
    assert after.y[2] > after.y[1]  # no crossing: children of the upper topic lie above


# -- images ----------------------------------------------------------------------------------------------------------------
def test_every_part_is_on_the_wall_once():
    parts_ = np.arange(1, 6)[:, None, None] * np.ones((5, 2, 3))
    picture = images.wall(parts_, same_scale=True)
    z = picture.figure.data[0].z
    for value in range(1, 6):
        assert np.isclose(z, value / 5).sum() == 6
    assert [a.text for a in picture.figure.layout.annotations] == ["1", "2", "3", "4", "5"]


def test_big_pictures_are_thinned():
    picture = images.wall(rng().random((60, 112, 92)))
    assert len(pio.to_json(picture.figure)) < MESSAGE / 2
    assert "pixel" in picture.note


def test_what_is_left_of_an_image_is_drawn_signed():
    picture = images.image_sum(PICTURES.sum(axis=0), PICTURES, range(5), shown=5)
    scales = {t.zmin for t in picture.figure.data}
    assert scales == {0.0, -1.0}
    left = next(t.z for t in picture.figure.data if t.zmin < 0)
    np.testing.assert_allclose(left[np.isfinite(left)], 0, atol=1e-6)


# -- binning ---------------------------------------------------------------------------------------------------------------
def test_a_histogram_counts_every_value():
    assert data.value_histogram(rng().random(10_000)).table()["entries"].sum() == 10_000
    few = data.value_histogram([1, 1, 2, 5]).table()
    assert few["entries"].tolist() == [2, 1, 1]
    assert data.value_histogram([]).alt == "There are no values."


def test_names_on_a_map_stand_where_they_hide_few_points_and_never_on_another():
    """They stood on the middles of their groups, over the points."""
    rng_ = np.random.default_rng(0)
    groups = np.repeat(np.arange(5), 400)
    middles = np.array([[0.0, 0.0], [4.0, 1.0], [1.0, 5.0], [5.0, 5.0], [2.5, 2.5]])
    points = middles[groups] + rng_.normal(0, 0.5, (2000, 2))
    labels = item_map.placed(points, groups, [120.0] * 5, 620)
    assert sorted(label.group for label in labels) == list(range(5))
    scale = min(look.WIDE_WIDTH / np.ptp(points[:, 0]), 620 / np.ptp(points[:, 1]))
    centres = np.array([(label.x * scale + label.right, label.y * scale - label.down) for label in labels])
    hidden = [int((np.abs(points * scale - centre) < (60, 10)).all(axis=1).sum()) for centre in centres]
    on_middles = [int((np.abs((points - (label.x, label.y)) * scale) < (60, 10)).all(axis=1).sum()) for label in labels]
    assert sum(hidden) < 0.3 * sum(on_middles)
    apart = np.abs(centres[:, None] - centres[None])[~np.eye(5, dtype=bool)]
    assert np.all((apart[:, 0] >= 120) | (apart[:, 1] >= item_map.NAME_HEIGHT))


def test_a_map_is_a_trace_for_each_colour_and_large_groups_lie_beneath_small_ones():
    """A colour for each point took the browser a quarter of a second of 18,846, and their labels a megabyte."""
    groups = np.array([1, 1, 0, -1, 1, 0, 2])
    colouring = item_map.Colouring("topic", groups, ["a", "b", "c"], ["#111111", "#222222", "#333333"])
    front = np.array([True, True, True, True, True, True, False])
    painted = item_map.layers(colouring, front)
    assert [(layer.group, layer.at.tolist()) for layer in painted] == [(-2, [6]), (-1, [3]), (1, [0, 1, 4]), (0, [2, 5])]
    points = rng().random((7, 2))
    for labels in (None, tuple("<b>" + name for name in "tuvwxyz")):
        places = item_map.Places.of(points, Axis("posts", "post", labels), np.arange(7))
        traces = item_map.item_map(places, colouring, painted, sentence="").figure.data
        assert [len(trace.x) for trace in traces] == [1, 1, 3, 2]
        assert [trace.marker.color for trace in traces[2:]] == ["#222222", "#111111"]
        assert traces[2].hovertemplate.endswith("<br>b<extra></extra>")
        assert list(traces[2].customdata) == ([1, 2, 5] if labels is None else ["&lt;b&gt;t", "&lt;b&gt;u", "&lt;b&gt;x"])


def test_shares_topic_by_topic_have_a_scale_with_its_unit():
    groups = Classes(("a", "b"), np.repeat([0, 1], 20).astype(np.int32))
    found = group_shares(rng().random((40, 4)), groups, resamples=20, shuffles=0)
    written = [
        text for trace in group_multiples(found, numbered(4, ["x"] * 4), range(4)).figure.data for text in trace.text or ()
    ]
    assert written.count("mean share, %") == 3  # beneath each column
    assert "0" in written


def test_a_figure_that_is_handed_over_twice_is_drawn_once():
    """Streamlit gives Plotly each new figure and then a copy: its arrays passed for new data, and all was drawn again."""
    assert look.figure([], {}, "light", height=100).layout.datarevision == DRAWN_ONCE
