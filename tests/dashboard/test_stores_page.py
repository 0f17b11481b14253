"""Does the page on data beyond memory offer, fit and show a store, and say what it needs where there is none?"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from streamlit.testing.v1 import AppTest

from dashboard.cards import stores as store_cards
from dashboard.work import given, stores
from dashboard.work.jobs import service
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
    away = store_cards.away(found)
    tables = away.tables()
    np.testing.assert_array_equal(tables["topics"].iloc[:, 1:].to_numpy(), found.fit.H.T)
    assert tables["topics"].iloc[:, 0].tolist() == list(store.axes.columns.take(range(store.columns)))
    assert tables["history"]["relative error"].iloc[-1] == found.fit.relative_error
    assert store.fingerprint in away.script


def test_the_number_of_passes_travels_in_the_link(folder):
    app = opened(passes="7")
    assert app.number_input("stores-passes").value == 7


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
