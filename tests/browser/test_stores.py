"""A store of the server's folder, from the catalog to topics, items, block means and a sample, as a person does it."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
import scipy.sparse as sp

from nmfcore.core.factorization import Axes, Axis
from nmfcore.data.blocks import as_blocks


@pytest.fixture
def recipes(server):
    """600 recipes in four cuisines, in the folder that the server offers."""
    rng = np.random.default_rng(0)
    own = np.arange(40) % 4 == (np.arange(600) % 4)[:, None]
    X = sp.csr_array((rng.poisson(0.15, (600, 40)) + rng.poisson(3, (600, 40)) * own).astype(np.float32))
    axes = Axes(
        Axis("recipes", "recipe", [f"recipe {i}" for i in range(600)]), Axis("foods", "food", [f"food {j}" for j in range(40)])
    )
    store = as_blocks(X, server.offered / "recipes.blocks", values=2000, axes=axes, title="Recipes")
    yield store
    shutil.rmtree(store.folder)


def test_a_store_is_fitted_and_read_from_disk(app, recipes):
    app.open("/data")
    app.page.get_by_role("link", name="recipes.blocks").click()
    app.settled()
    main = app.page.get_by_test_id("stMain")
    heading = app.title()
    app.expect(heading).to_have_text("Recipes, visited block by block")
    app.expect(main.get_by_text(re.compile(r"^600 recipes × 40 foods in \d blocks$"))).to_be_visible()
    app.set_slider("Rank (topics)", 4)
    app.click_button("Fit")
    app.expect(heading).to_have_text(re.compile(r"Relative error 0\.\d+ after \d+ passes"))
    app.choose("Show", "Topics")
    app.expect(main.get_by_text(re.compile("^Topic 4"))).to_be_visible()
    app.choose("Show", "Items")
    app.fill("Open recipe number", "42")
    app.expect(main.get_by_text("recipe 41", exact=True).first).to_be_visible()
    app.choose("Show", "Matrices")
    app.expect(main.get_by_text("X − WH", exact=True)).to_be_visible()
    app.choose("Show", "SVD")
    app.expect(main.get_by_text("The error beside the SVD's")).to_be_visible()
    app.choose("Show", "Rank and more")
    main.get_by_role("button", name="Take a sample").click()
    main.get_by_role("button", name="Use it as this session's data").click()
    app.expect(main.get_by_text("It is this session's data now.")).to_be_visible()
    app.go("Overview")
    app.expect(app.sidebar().get_by_text("Recipes, a sample", exact=True)).to_be_visible()


def test_a_named_run_comes_back_from_its_file_and_the_view_from_its_link(app, recipes):
    app.open("/stores").set_slider("Rank (topics)", 3).click_button("Fit")
    heading = app.page.get_by_test_id("stMain").get_by_role("heading", level=1)
    app.expect(heading).to_have_text(re.compile(r"Relative error 0\.\d+ after \d+ passes"))
    error = heading.inner_text().split()[2]
    app.choose("Show", "Topics").fill("Name of topic 2", "Soups")
    app.expect(app.page.get_by_text(re.compile("^Topic 2 · Soups"))).to_be_visible()
    app.click_button("Export")
    with app.page.expect_download() as made:
        app.page.get_by_role("button", name="Saved run (.nmf.npz)").click()
    content, link = made.value.path().read_bytes(), app.page.url

    other = type(app)(app.page.context.new_page(), app.url)
    other.page.goto(link)
    other.settled()
    assert other.page.locator("input[type=range]").first.input_value() == "3"
    title = other.page.get_by_test_id("stMain").get_by_role("heading", level=1)
    other.expect(title).to_have_text("Recipes, visited block by block")
    other.page.locator("input[type=file]").set_input_files(
        {"name": "recipes.nmf.npz", "mimeType": "application/octet-stream", "buffer": content}
    )
    other.expect(title).to_have_text(re.compile(f"Relative error {re.escape(error)} after"))
    other.choose("Show", "Topics")
    other.expect(other.page.get_by_text(re.compile("^Topic 2 · Soups"))).to_be_visible()
