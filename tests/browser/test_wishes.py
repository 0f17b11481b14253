"""Topics that follow wishes: seeded, split, forbidden, undone, and the same in another tab; items ticked to be a topic."""

from __future__ import annotations

import io
import re

import numpy as np


def words(app, label, *typed):
    box = app.page.get_by_role("combobox", name=re.compile(label))
    box.click()
    for word in typed:
        box.fill(word)
        box.press("Enter")
        app.settled()
    app.page.keyboard.press("Escape")
    return app.settled()


def wished(app, count):
    said = "1 wish" if count == 1 else f"{count} wishes" if count else "No wishes"
    app.expect(app.page.locator(".st-key-wishes").get_by_text(said, exact=True)).to_be_visible()


def factors(app):
    """W and H as the page exports them."""
    app.click_button("Export")
    with app.page.expect_download() as made:
        app.page.get_by_role("button", name="NumPy (.npz)").click()
    with np.load(io.BytesIO(made.value.path().read_bytes())) as held:
        found = held["W"], held["H"]
    app.page.keyboard.press("Escape")
    return found


def test_seed_split_forbid_undo_twice_and_the_same_bits_in_another_tab(app):
    app.open("/topics").click_button("Refit with a wish")
    words(app, "it shall be about", "horse", "outlaw", "gunfighter")
    app.click_button("Preview")
    app.expect(app.page.get_by_text(re.compile("3 of 3 keywords among the first ten"))).to_be_visible()
    app.expect(app.page.get_by_text("Nothing has changed yet", exact=False)).to_be_visible()
    app.click_button("Keep")
    wished(app, 1)
    first = factors(app)

    app.page.locator(".st-key-topics-wish-11").get_by_role("button").click()
    app.settled().choose("What shall change", "Split it").click_button("Preview").click_button("Keep")
    wished(app, 2)

    app.choose("What shall change", "Never these keywords").choose_select("In", "every topic, also new ones")
    words(app, "to forbid", "murder")
    app.click_button("Preview")
    app.expect(app.page.get_by_text(re.compile("Kept: in no topic any more"))).to_be_visible()
    app.click_button("Keep")
    wished(app, 3)
    third = factors(app)

    other = type(app)(app.page.context.new_page(), app.url)
    address = app.page.url.removeprefix(app.url)
    other.open(address)
    wished(other, 3)
    for here, there in zip(third, factors(other), strict=True):
        np.testing.assert_array_equal(here, there)
    other.page.close()

    app.click_button("Undo").click_button("Undo")
    wished(app, 1)
    for here, there in zip(first, factors(app), strict=True):
        np.testing.assert_array_equal(here, there)
    app.click_button("Redo")
    wished(app, 2)
    assert not other.problems


def test_items_that_are_ticked_become_a_topic(app):
    app.open("/items").toggle("Tick several, for a wish")
    table = app.page.get_by_test_id("stDataFrame").first
    box = table.bounding_box()
    for row in (1, 2, 3):
        app.page.mouse.click(box["x"] + 12, box["y"] + 35 * row + 18)
    app.expect(app.page.get_by_text("3 films ticked")).to_be_visible()
    app.settled().click_button("These belong together").click_button("Preview")
    app.expect(app.page.get_by_text(re.compile("Kept: it is the largest topic of all 3"))).to_be_visible()
    app.click_button("Keep").go("Topics")
    wished(app, 1)


def test_what_a_lasso_on_the_map_holds_becomes_a_topic(app):
    app.open("/item_map")
    plot = app.page.locator(".st-key-item_map-points-light .js-plotly-plot")
    app.expect(plot).to_be_visible()
    plot.hover()
    app.page.locator(".st-key-item_map-points-light .modebar-btn[data-title='Lasso Select']").click()
    box = plot.bounding_box()
    across, down = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    app.page.mouse.move(across, down)
    app.page.mouse.down()
    for x, y in ((90, 0), (90, 70), (0, 70), (0, 5)):
        app.page.mouse.move(across + x, down + y, steps=4)
    app.page.mouse.up()
    together = app.page.get_by_role("button", name=re.compile("films? belong together"))
    app.expect(together).to_be_visible()
    count = int(re.search(r"These (\d+) films", together.inner_text()).group(1))
    assert 2 <= count <= 60
    together.click()
    app.settled().click_button("Preview")
    app.expect(app.page.get_by_text(re.compile(f"Kept: it is the largest topic of all {count}"))).to_be_visible()
    app.click_button("Keep").go("Topics")
    wished(app, 1)


GENES, SAMPLES = 24, 12
SETS = "Heart set\ta description\tGENE1\tgene2\tGENE3\tUNKNOWN9\nOther set\tanother\tGENE20\tGENE21\n"


def measured():
    """Genes by samples: the first ten genes are high in the first six samples, the last ten in the others."""
    lines = ["gene," + ",".join(f"patient {j + 1}" for j in range(SAMPLES))]
    for i in range(GENES):
        high = [6 if (i < 10 and j < 6) or (i >= 14 and j >= 6) else 1 for j in range(SAMPLES)]
        lines.append(
            f"GENE{i + 1}," + ",".join(str(level + (i * i * 7 + j * j * 5 + i * j * 3) % 11 / 5) for j, level in enumerate(high))
        )
    return "\n".join(lines).encode()


def test_a_metagene_from_a_file_of_gene_sets_and_from_a_pasted_list(app):
    app.open("/data").click_button("Bring your own")
    file = {"name": "patients.csv", "mimeType": "text/csv", "buffer": measured()}
    app.page.locator("input[type=file]").first.set_input_files(file)
    app.settled().click_button("Use this data").go("Expression").choose_select("Data", "patients.csv")
    app.expand("Advanced").fill("Starts at each rank", "2")
    card = app.page.locator(".st-key-expression-told")
    app.expect(card).to_be_visible()
    app.upload("a file of gene sets", ("sets.gmt", SETS.encode()))
    app.expect(card.get_by_text("3 of 4 are in this data")).to_be_visible()
    app.click_button("Preview")
    app.expect(card.get_by_text("3 of 3 among the first ten", exact=False)).to_be_visible()
    app.click_button("Keep")
    title = app.title()
    app.expect(title).to_have_text("Three metagenes in 12 columns")

    app.choose("What is known", "Never these genes")
    card.get_by_label("Genes", exact=True).fill("GENE5, gene6")
    card.get_by_label("Genes", exact=True).press("Control+Enter")
    app.settled().click_button("Preview")
    app.expect(card.get_by_text("in no metagene any more", exact=False)).to_be_visible()
    app.click_button("Keep")
    app.expect(card.get_by_text("Never GENE5, GENE6")).to_be_visible()
    app.click_button("Undo")
    app.expect(card.get_by_text("Never GENE5, GENE6")).to_be_hidden()
    app.expect(card.get_by_role("button", name="Lift")).to_be_visible()
