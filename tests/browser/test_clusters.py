"""See how items group, send the unclear ones to none, and open one of them, as a person does it."""

from __future__ import annotations

import re


def test_the_threshold_fills_none_and_a_row_of_it_opens_the_item(app):
    app.open("/items")
    app.choose("View", "Clusters")
    title = app.title()
    app.expect(title).to_have_text("200 films in 10 groups, 0 in none")
    app.expect(app.page.get_by_text("carry no known classes")).to_be_visible()

    slider = app.page.get_by_test_id("stMain").get_by_role("slider")
    slider.focus()
    for _ in range(10):
        app.page.keyboard.press("ArrowRight")
    app.expect(title).to_have_text(re.compile(r"\d+ films in 10 groups, [1-9]\d* in none"))
    app.expect(app.page).to_have_url(re.compile("abstain=50"))

    app.settled()
    table = app.page.get_by_test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    app.page.mouse.click(box["x"] + 17, box["y"] + 36 + 17)
    app.settled()
    app.expect(title).to_have_text(re.compile("200 films, half with"))
    app.expect(app.page.get_by_test_id("stMain").get_by_role("heading", level=3)).to_be_visible()
