"""The Topics page as a person uses it: find a word, look at one topic, rename it, merge two, and take it all back."""

from __future__ import annotations

import re


def card(app, head):
    """The head of a topic's card."""
    return app.page.get_by_test_id("stMain").get_by_text(re.compile(f"^{head}"))


def test_search_rename_merge_and_undo(app):
    app.open("/topics")
    app.expect(app.title()).to_have_text(re.compile("Ten topics"))
    app.expect(card(app, "4 · war, military officer")).to_be_visible()

    app.fill("Find a keyword", "battl")
    app.expect(app.page.get_by_text("battle by topic")).to_be_visible()
    app.expect(app.page.get_by_text("amount that the model expects", exact=True)).to_be_visible()
    app.click_button("Clear the search")
    app.expect(app.page.get_by_text("battle by topic")).to_have_count(0)

    app.page.locator(".st-key-topics-open-4").get_by_role("button").click()
    app.settled()
    app.expect(app.page.get_by_text("Keywords that tell 4 from")).to_be_visible()
    app.fill("Name", "<b>War</b> ![](http://evil.example/x.png)")
    app.expect(app.page.get_by_text("Edited view: 1 name changed.")).to_be_visible()
    app.reload()  # lost every name
    app.expect(app.page.get_by_text("Edited view: 1 name changed.")).to_be_visible()
    app.choose("Show", "All")
    app.expect(card(app, re.escape("4 · <b>War</b> ![]"))).to_be_visible()  # letter by letter, and no request to another host

    app.click_button("Edit the view")
    app.choose_select("Merge topics", "1 · murder, betrayal, gangster")
    app.choose_select("Merge topics", "7 · horse, outlaw, wild west")
    app.page.keyboard.press("Escape")
    if not app.page.get_by_role("button", name="Show as one").is_visible():
        app.click_button("Edit the view")
    app.click_button("Show as one")
    app.expect(app.page.get_by_text("Edited view: 1 merge, 1 name changed.")).to_be_visible()
    app.expect(card(app, r"1 \+ 7 · ")).to_be_visible()
    app.expect(card(app, "2 · ocean")).to_be_visible()  # the others keep their numbers
    assert "7+" not in app.page.url
    assert "War" not in app.page.url

    app.page.keyboard.press("Escape")
    app.page.locator(".st-key-undo").get_by_role("button").click()
    app.settled()
    app.expect(app.page.get_by_text("Edited view: 1 name changed.")).to_be_visible()
    app.expect(card(app, "7 · horse")).to_be_visible()
    app.click_button("Undo all")
    app.expect(app.page.get_by_text("Edited view")).to_have_count(0)
    app.expect(card(app, "4 · war, military officer")).to_be_visible()


def test_a_word_under_the_mouse_shows_how_much_of_it_is_in_every_topic(app):
    app.open("/topics")
    word = app.page.locator(".nmf-word").filter(has_text="friendship").first
    tip = word.locator(".nmf-tip")
    app.expect(tip).to_be_hidden()
    word.hover()
    app.expect(tip).to_be_visible()
    app.expect(tip).to_contain_text("in topic 3: 47 % · 6: 38 %")
    box, inside = tip.bounding_box(), app.page.viewport_size
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= inside["width"]
    on_top = app.page.evaluate(
        "([x, y]) => [...document.elementsFromPoint(x, y)].some(e => e.closest('.nmf-word, .nmf-words'))",
        [box["x"] + 5, box["y"] + box["height"] / 2],
    )
    assert on_top


def test_the_map_and_the_scores_are_one_click_away(app):
    app.open("/topics")
    app.choose("Show", "Likeness and map")
    app.expect(app.page.get_by_text(re.compile(r"Stress 0\.\d\d"))).to_be_visible()
    app.choose("Show", "Quality")
    app.expect(app.page.get_by_text("Mean NPMI coherence")).to_be_visible()
    app.page.go_back()  # one step for each aspect: Back skipped them
    app.expect(app.page.get_by_text(re.compile(r"Stress 0\.\d\d"))).to_be_visible()
