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
