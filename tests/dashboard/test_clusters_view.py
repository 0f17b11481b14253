"""Does the Clusters view group, abstain, list and score as scikit-learn does, whatever the labels are?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from streamlit.testing.v1 import AppTest
from test_views import go, put_on_screen, start

from nmfcore.core.factorization import Axes, Axis
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.facts import Classes
from nmfcore.topics.clusters import assign
from nmfcore.topics.scale import apply as rescale

HOSTILE = "![x](http://evil.example/x.png) <b>bold</b> $x$ :red[x]"
NAMES = (HOSTILE, "b", "c", "nobody")


def table(index: np.ndarray | None = None, rows: int = 60) -> Dataset:
    """Three blocks with some noise, and an empty row at the end; class "nobody" has no item."""
    rng = np.random.default_rng(4)
    X = 0.4 * rng.random((rows, 9)) + np.kron(np.eye(3), np.ones((rows // 3, 3)))
    X[-1] = 0
    axes = Axes(Axis("samples", "sample", [f"{HOSTILE} {i}" for i in range(rows)]), Axis("genes", "gene"))
    classes = None if index is None else Classes(NAMES, np.asarray(index, np.int32))
    return Dataset("upload", f"mine {HOSTILE}", X, axes=axes, classes=classes)


def labels(swapped: int = 6, unknown: int = 0) -> np.ndarray:
    index = np.repeat([0, 1, 2], 20)
    index[:swapped] = 1
    index[30 : 30 + unknown] = -1
    return index


def opened(dataset: Dataset, threshold: int = 0, rank: int = 3, solver: str = "hals") -> AppTest:
    app = start()
    app.toggle(key="live").set_value(False).run()
    put_on_screen(app, dataset, rank, solver)
    app = go(app, "items")
    app.session_state["items-view"] = "clusters"
    app = app.run()
    if threshold:
        app.slider(key="abstain").set_value(threshold).run()
    assert not app.exception, app.exception[0].value
    return app


def found_of(app: AppTest, threshold: float = 0.0):
    result = app.session_state["nmf"].shown.run.factorization
    return assign(rescale(result.W, result.H).W, threshold=threshold)


def text(app: AppTest) -> str:
    return "\n".join(block.value for block in app.markdown)


def frames(app: AppTest) -> dict[str, pd.DataFrame]:
    """The tables of the view, told apart by a column that only they have."""
    own = {"typical": "groups", "lies in": "strangers", "why": "none"}
    return {name: frame.value for frame in app.dataframe for column, name in own.items() if column in frame.value}


def charts(app: AppTest) -> set[str]:
    return {chart.key.split("-")[1] for chart in app.get("plotly_chart") if chart.key.startswith("clusters-")}


def test_labels_bring_scores_beside_chance_a_confusion_map_and_the_items_that_disagree():
    app = opened(table(labels()))
    assert charts(app) == {"sizes", "scores", "confusion"}
    known, found = labels(), found_of(app)
    kept = found.labels >= 0
    assert kept.sum() == 59
    said = text(app)
    for score in (metrics.normalized_mutual_info_score, metrics.adjusted_rand_score):
        assert f"; {score(known[kept], found.labels[kept]):.2f} is more than chance" in said
    counts = metrics.cluster.contingency_matrix(known[kept], found.labels[kept])
    assert f"{100 * counts.max(axis=0).sum() / kept.sum():.1f} % carry the most frequent class" in said
    assert "59 samples compared, 1 in no group left out" in said
    assert len(frames(app)["strangers"]) == 59 - counts.max(axis=0).sum()
    assert set(frames(app)["strangers"]["known class"]) == {"b"}


def test_unknown_classes_are_left_out_and_counted():
    index = labels(unknown=9)
    app = opened(table(index))
    found = found_of(app)
    kept = (found.labels >= 0) & (index >= 0)
    assert "50 samples compared, 1 in no group left out, 9 without a known class left out" in text(app)
    assert f"; {metrics.adjusted_rand_score(index[kept], found.labels[kept]):.2f} is more than chance" in text(app)


@pytest.mark.parametrize("index", [None, np.full(60, -1)])
def test_without_known_classes_the_rest_remains_and_a_line_says_so(index):
    app = opened(table(index))
    assert "carry no known classes" in text(app)
    assert charts(app) == {"sizes"}
    assert list(frames(app)) == ["groups", "none"]


def test_the_threshold_sends_unclear_items_to_none_and_says_why():
    app = opened(table(labels()), threshold=80)
    found = found_of(app, 0.8)
    none = frames(app)["none"]
    assert len(none) == len(found.none) > 1
    assert sum("zero" in why for why in none["why"]) == 1
    assert sum("80 %" in why for why in none["why"]) == found.abstained.sum()
    assert frames(app)["groups"]["samples"].tolist() == found.sizes.tolist()


def test_a_threshold_of_one_leaves_nothing_that_is_mixed_and_the_view_stands():
    mixed = table(labels())
    app = opened(mixed, threshold=100)
    found = found_of(app, 1.0)
    assert len(frames(app)["none"]) == len(found.none)
    assert f"{len(found.none):,} in none" in app.title[0].value
    app.slider(key="abstain").set_value(0).run()
    assert not app.exception
    assert len(frames(app)["none"]) == 1  # the empty row


def test_nothing_in_any_group_is_said_not_computed():
    """Multiplicative updates never reach zero, so every item is a mixture."""
    app = opened(table(labels()), threshold=100, solver="mu")
    assert app.title[0].value.endswith("60 in none")
    assert "nothing to compare" in text(app)
    assert len(frames(app)["none"]) == 60
    assert "strangers" not in frames(app)


def test_another_scale_makes_other_groups():
    app = opened(table(labels()), threshold=60)
    app.selectbox(key="scale").set_value("W columns max").run()
    assert not app.exception
    result = app.session_state["nmf"].shown.run.factorization
    found = assign(rescale(result.W, result.H, "W columns max").W, threshold=0.6)
    assert frames(app)["groups"]["samples"].tolist() == found.sizes.tolist()
    assert "columns of W peak at 1" in text(app)


def test_hostile_names_stay_plain_text():
    app = opened(table(labels(unknown=3)), threshold=50)
    assert "![x](http" not in text(app)
    for chart in app.get("plotly_chart"):
        assert "<b>bold" not in chart.proto.spec


def test_more_classes_than_can_be_read_are_said_to_be_too_many():
    dataset = table()
    many = Classes(tuple(f"class {k}" for k in range(60 + 5)), np.arange(66, dtype=np.int32) % 65)
    dataset = table(rows=66)
    dataset = Dataset("upload", "many", dataset.X, axes=dataset.axes, classes=many)
    app = opened(dataset)
    assert "too many to read as a picture" in text(app)
    assert "confusion" not in charts(app)


def test_pictures_are_shown_by_their_means():
    plain = table(labels())
    app = opened(
        Dataset("upload", "pictures", 2 * plain.X, axes=plain.axes, kind="images", classes=plain.classes, image_shape=(3, 3))
    )
    assert "means" in charts(app)


def test_many_items_are_shuffled_in_the_background_to_the_same_scores(monkeypatch):
    at_once = text(opened(table(labels())))
    monkeypatch.setattr("dashboard.cards.clusters.AT_ONCE", 10)
    behind = text(opened(table(labels())))
    assert [line for line in at_once.split("\n") if "**ARI**" in line] == [
        line for line in behind.split("\n") if "**ARI**" in line
    ]
