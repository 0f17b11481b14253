"""Does the page on data beyond memory offer, fit and show a store, and say what it needs where there is none?"""

from __future__ import annotations

import io
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from streamlit.testing.v1 import AppTest

from dashboard.cards import store_away
from dashboard.files import saved, store_runs
from dashboard.topics_shown.edits import Edits
from dashboard.work import given, stores
from dashboard.work.jobs import service
from dashboard.work.ledger import names
from nmfcore.core.errors import ProblemError
from nmfcore.core.factorization import Axes, Axis
from nmfcore.data.blocks import as_blocks
from nmfcore.evaluate.svd import svd

APP = str(Path(__file__).resolve().parents[2] / "dashboard" / "app.py")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with one store of 300 recipes in four planted cuisines, and a file beside it."""
    rng = np.random.default_rng(0)
    kind = np.arange(300) % 4
    X = rng.poisson(0.15, (300, 40)) + rng.poisson(3, (300, 40)) * (np.arange(40) % 4 == kind[:, None])
    axes = Axes(
        Axis("recipes", "recipe", [f"recipe {i}" for i in range(300)]), Axis("foods", "food", [f"food {j}" for j in range(40)])
    )
    as_blocks(sp.csr_array(X.astype(np.float32)), tmp_path / "recipes.blocks", values=1200, axes=axes, title="Recipes")
    (tmp_path / "small.csv").write_text("a,b\n1,2\n")
    monkeypatch.setenv("NMF_DATA_FOLDER", str(tmp_path))
    return tmp_path


def settled(app: AppTest) -> AppTest:
    for _ in range(200):
        assert not app.exception, app.exception[0].value
        if not any((button.key or "").startswith("stop-") for button in app.button):
            return app
        time.sleep(0.1)
        app.run()
    raise AssertionError("The page is still computing.")


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60).run()
    app.switch_page("views/stores.py")
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def press(app: AppTest, key: str) -> AppTest:
    return settled(app.button(key).click().run())


def text(app: AppTest) -> str:
    return "\n".join(block.value for block in app.markdown)


def table(app: AppTest, column: str) -> pd.DataFrame:
    """The table on the page that has this column."""
    return next(shown.value for shown in app.dataframe if column in shown.value)


def test_without_a_store_the_page_says_how_to_have_one(monkeypatch):
    monkeypatch.delenv("NMF_DATA_FOLDER", raising=False)
    app = opened()
    assert app.title[0].value == "Beyond memory"
    assert "nmf-dashboard --data DIR" in text(app)


def test_a_store_is_fitted_and_shown_from_disk(folder):
    app = opened()
    assert "300 recipes × 40 foods in" in text(app)
    app.slider("stores-rank-slider").set_value(4).run()
    assert "What is known without a pass" in text(app)  # it takes long, so it waits for Fit
    assert "stores-fit" in [button.key for button in app.sidebar.button]
    press(app, "stores-fit")
    assert "**Last run**" in [block.value for block in app.sidebar.markdown]
    X = as_blocks(folder / "recipes.blocks").rows(0, 300)
    found = next(value for value in map(float, app.title[0].value.split()[2:3]))
    assert svd(X, 4).floor([4])[0] <= found + 5e-5
    assert found < 0.6
    for aspect in ("topics", "items", "matrices", "svd", "sample"):
        app.segmented_control("stores-aspect").set_value(aspect).run()
        settled(app)
        assert not app.exception
    app.segmented_control("stores-aspect").set_value("items").run()
    app.number_input("stores-page").set_value(2).run()
    assert "recipe 25" in app.dataframe[0].value["recipe"].tolist()


def test_every_planted_cuisine_is_a_topic(folder, monkeypatch):
    monkeypatch.setattr(stores, "PICTURE_ROWS", 100)  # bins of three recipes each: then the mean of means is the mean
    store = stores.opened("recipes.blocks")
    job = service().submit(("test", "fit"), stores.fit_work(store, stores.Choice(4)), session="t")
    assert job.wait(30)
    found = service().result(job.key)
    for row in found.fit.H:
        assert len({int(j) % 4 for j in np.argsort(-row)[:10]}) == 1
    assert found.share.sum() == pytest.approx(1)
    page = stores.page_of(found, 12)
    assert page["recipe"] == [f"recipe {i}" for i in range(275, 300)]
    weights, entries = stores.item(found, 7)
    X = store.rows(0, 300).toarray()
    assert entries[0][1] == X[7].max()
    assert np.argmax(weights) + 1 == stores.page_of(found, 1)["topic"][7]
    means = service().submit(("test", "means"), stores.means_work(found), session="t")
    assert means.wait(30)
    grid = service().result(means.key)
    assert grid.X.mean() == pytest.approx(X.mean(), rel=1e-6)
    assert grid.WH.mean() == pytest.approx((found.fit.W @ found.fit.H).mean(), rel=1e-5)


def test_a_fit_is_taken_away_as_tables_and_a_script_that_names_the_store(folder):
    store = stores.opened("recipes.blocks")
    job = service().submit(("test", "away"), stores.fit_work(store, stores.Choice(4)), session="t")
    assert job.wait(30)
    found = service().result(job.key)
    away = store_away.away(found)
    tables = away.tables()
    np.testing.assert_array_equal(tables["topics"].iloc[:, 1:].to_numpy(), found.fit.H.T)
    assert tables["topics"].iloc[:, 0].tolist() == list(store.axes.columns.take(range(store.columns)))
    assert tables["history"]["relative error"].iloc[-1] == found.fit.relative_error
    assert store.fingerprint in away.script


def test_passes_and_penalties_travel_in_the_link_and_into_the_fit(folder):
    app = opened(passes="7", topics="3", l2="0.5", l1="1e400")
    assert app.number_input("stores-passes").value == 7
    assert app.number_input("stores-l1").value == 0.0
    press(app, "stores-fit")
    assert app.query_params["l2"] == "0.5"
    assert "l1" not in app.query_params
    part = table(app, "part").set_index("part")["value"]
    assert part["l2_W"] == part["l2_H"] == "0.5"


def test_a_link_that_was_made_of_other_content_says_so(folder):
    app = opened(store="recipes.blocks", content="0123456789abcdef")
    here = stores.opened("recipes.blocks").fingerprint[:16]
    assert f"the fingerprint 0123456789abcdef then and has {here} now" in text(app)
    assert app.query_params["content"] == here
    app.button("stores-heard").click().run()
    assert "made of other content" not in text(app)
    assert "made of other content" not in text(opened(store="recipes.blocks", content=here))


def test_a_link_to_a_store_that_is_not_offered_says_so(folder):
    assert "This link names a store that is not offered here" in text(opened(store="gone.blocks"))


@pytest.mark.parametrize("passes", ["0", "1001", "x", "-1"])
def test_passes_that_cannot_be_are_said(folder, passes):
    assert f"passes={passes} cannot be followed" in opened(store="recipes.blocks", passes=passes).session_state["nmf"].news[0]


def test_a_topic_is_called_what_somebody_typed_wherever_it_stands(folder):
    app = opened(topics="4")
    press(app, "stores-fit")
    app.segmented_control("stores-aspect").set_value("topics").run()
    app.text_input("stores-name-1").set_value("Bread *and* wine").run()
    assert any("Topic 2 · Bread" in block.value for block in app.markdown)
    words = table(app, "place")
    assert set(words.loc[words["topic"] == 2, "name"]) == {"Bread *and* wine"}
    app.segmented_control("stores-aspect").set_value("items").run()
    items = table(app, "share of it")
    assert set(items.loc[items["topic"] == 2, "its name"]) == {"Bread *and* wine"}
    app.segmented_control("stores-aspect").set_value("topics").run()
    app.text_input("stores-name-1").set_value("").run()
    assert "name" not in table(app, "place")


@pytest.fixture
def fitted(folder):
    """A finished fit of the store."""
    store = stores.opened("recipes.blocks")
    job = service().submit(("test", "saved", str(folder)), stores.fit_work(store, stores.Choice(4)), session="t")
    assert job.wait(30)
    return service().result(job.key)


def test_a_saved_run_opens_beside_its_store_with_the_names_of_its_topics(fitted):
    content = store_runs.saved(fitted, Edits().rename((2,), "Soup"))
    app = opened()
    app.file_uploader("stores-open-run").set_value(("run.nmf.npz", content, "application/octet-stream")).run()
    settled(app)
    assert f"Relative error {fitted.fit.relative_error:.4f}" in app.title[0].value
    app.segmented_control("stores-aspect").set_value("topics").run()
    assert any("Topic 3 · Soup" in block.value for block in app.markdown)
    assert app.slider[0].value == 4


def test_a_file_that_is_no_run_of_this_store_is_refused_in_a_sentence(fitted, tmp_path):
    app = opened()
    app.file_uploader("stores-open-run").set_value(("run.nmf.npz", b"PK no", "application/octet-stream")).run()
    assert "This is no run file" in text(app)
    other = as_blocks(np.ones((300, 40), np.float32), tmp_path / "other.blocks")
    with pytest.raises(ProblemError, match="other content: its store had the fingerprint"):
        store_runs.read(store_runs.saved(fitted, Edits()), other)
    with pytest.raises(ProblemError, match="Open it on the page Beyond memory"):
        saved.opened(store_runs.saved(fitted, Edits()))


def test_factors_that_do_not_have_the_error_the_file_claims_are_not_shown(fitted):
    changed = replace(fitted, fit=replace(fitted.fit, W=np.asarray(fitted.fit.W) * np.float32(1.5)))
    fit, _ = store_runs.read(store_runs.saved(changed, Edits()), fitted.store)
    job = service().submit(("test", "changed"), store_runs.open_work(fitted.store, fit, "t:1"), session="t")
    assert job.wait(30)
    assert "It was changed" in job.failure.message


def test_what_is_opened_from_a_file_is_shared_with_nobody(fitted):
    fit, _ = store_runs.read(store_runs.saved(fitted, Edits()), fitted.store)
    job = service().submit(("test", "own"), store_runs.open_work(fitted.store, fit, "somebody:1"), session="t")
    assert job.wait(30)
    mine = service().result(job.key)
    assert mine.key != fitted.key
    assert names(stores.means_key(mine), "somebody")
    assert names(stores.fit_key(fitted.store, stores.Choice(4, opened="somebody:1")), "somebody")
    assert not names(stores.means_key(fitted), "somebody")


def test_w_is_handed_over_as_an_array_of_every_item(fitted, monkeypatch):
    np.testing.assert_array_equal(np.load(io.BytesIO(store_runs.weights(fitted))), fitted.fit.W)
    assert store_runs.can_be_saved(fitted)
    monkeypatch.setenv("NMF_LIMIT_UPLOAD_BYTES", "1000")
    assert not store_runs.can_be_saved(fitted)


def test_stop_inside_a_pass_keeps_the_last_whole_one(folder, monkeypatch):
    store = stores.opened("recipes.blocks")
    seen = []
    honest = stores.told

    def slow(point):
        seen.append(point)
        time.sleep(0.01)
        return honest(point)

    monkeypatch.setattr(stores, "told", slow)
    choice = stores.Choice(5, seed=1, tol=0.0, max_iter=100_000)
    job = service().submit(("test", "stop"), stores.fit_work(store, choice), session="t")
    while not any(point.phase == "Pass 3" for point in seen):
        service().watch(job.key, "t")
        time.sleep(0.01)
    service().stop(job.key, "t")
    assert job.wait(30)
    assert service().result(job.key).fit.history[-1].iteration >= 2
    assert "MB/s" in job.message


def test_a_sample_becomes_the_sessions_data(folder):
    app = opened()
    app.slider("stores-rank-slider").set_value(3).run()
    press(app, "stores-fit")
    app.segmented_control("stores-aspect").set_value("sample").run()
    press(app, "stores-sample")
    press(app, "stores-use")
    data = app.session_state["nmf"].chosen.data
    assert data.title == "Recipes, a sample"
    assert data.X.shape[0] == 300
    assert data.axes.rows.singular == "recipe"


def test_the_catalog_offers_stores_and_the_file_list_leaves_them_out(folder):
    assert [entry.name for entry in given.entries()] == ["small.csv"]
    app = AppTest.from_file(APP, default_timeout=60).run()
    app.switch_page("views/data.py").run()
    assert not app.exception
    assert "visited block by block" in text(app)


def test_a_scheduler_that_does_not_answer_is_named(folder, monkeypatch):
    pytest.importorskip("distributed", reason="the extra [dask] is not installed")
    monkeypatch.setenv("NMF_DASK_SCHEDULER", "tcp://127.0.0.1:1")
    monkeypatch.setattr(stores, "SCHEDULER_SECONDS", 0.2)
    found = stores.cluster()
    assert found.address == "tcp://127.0.0.1:1"
    assert found.trouble


def test_the_panel_names_the_scheduler_and_its_workers(folder, monkeypatch):
    """The address stood between backquotes, where an escaped colon keeps its backslash."""
    monkeypatch.setattr(stores, "cluster", lambda: stores.Cluster("tcp://127.0.0.1:8786", 2, 4))
    said = next(block.value for block in opened().sidebar.markdown if "Dask scheduler" in block.value)
    assert "2 workers" in said
    assert "4 threads" in said
    assert "`" not in said
