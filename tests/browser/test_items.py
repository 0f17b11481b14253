"""Find an item, open it, see why it is there, and describe a new one, as a person does it."""

from __future__ import annotations

import re


def opened(app, name):
    return app.page.get_by_test_id("stMain").get_by_role("heading", name=name, level=3)


def test_search_open_why_here_and_paste_a_new_one(app):
    app.open("/items")
    app.expect(app.title()).to_have_text(re.compile(r"200 films, half with \d+ % or more in one topic"))

    app.fill("Find a film", "courtroom judge")
    app.expect(app.page.get_by_text(re.compile(r"\d+ of 200 films · choose a row to open it"))).to_be_visible()
    first = app.page.get_by_test_id("stMain").get_by_role("heading", level=3).inner_text()

    # a row of the table opens the item: the box in front of the second row
    table = app.page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    app.page.mouse.click(box["x"] + 17, box["y"] + 36 + 35 + 17)
    app.settled()
    app.expect(opened(app, first)).not_to_be_visible()
    app.expect(app.page.get_by_text(re.compile(r"keywords · error 0\.\d{4}"))).to_be_visible()

    why = app.page.get_by_role("figure", name=re.compile("^Why .* is where it is"))
    app.expect(why).to_be_visible()
    app.expect(why).to_have_accessible_name(re.compile(r"The largest part is .* through topic \d+"))
    app.expect(app.page.get_by_text(re.compile(r"The model explains [\d.]+ % of it"))).to_be_visible()

    app.click_button("Describe a new film")
    app.page.get_by_label("Paste its keywords, or a whole row").fill("courtroom, judge, unicorn")
    app.click_button("Describe it")
    app.expect(app.page.get_by_text(re.compile(r"2 keywords known. Error of the fit 0\.\d{4}"))).to_be_visible()
    app.expect(app.page.get_by_text("Not in the data, so not counted: unicorn.")).to_be_visible()
    app.click_button("Back to the films")
    app.expect(app.page.get_by_label("Find a film")).to_have_value("courtroom judge")


def test_a_link_opens_the_item_that_it_names(app):
    app.open("/items?item=5")
    name = app.page.get_by_test_id("stMain").get_by_role("heading", level=3).inner_text()
    app.expect(app.page.get_by_text("film 5 of 200")).to_be_visible()
    app.click_button("Next")
    app.expect(app.page.get_by_text("film 6 of 200")).to_be_visible()
    app.expect(opened(app, name)).not_to_be_visible()
    app.page.wait_for_url(re.compile("item=6"))
