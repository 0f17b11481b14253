"""One journey through each workbench, as a person does it."""

from __future__ import annotations

import re


def test_recommender_from_the_classic_question_to_another_one(app):
    app.open("/recommender")
    app.expect(app.title()).to_contain_text("Will Jai like Black Mirror? 1.175 if missing means 0")
    app.expect(app.page.get_by_text("5/12 × 0 + 4/12 × 0 + 3/12 × 4.7 = 1.175")).to_be_visible()
    app.expect(app.page.get_by_text("5 random splits")).to_be_visible()

    app.choose("In the pictures, a missing rating", "is left out")
    app.expect(app.page.get_by_text("A missing rating is left out.").first).to_be_visible()
    app.choose_select("User", "Abhi")
    app.choose_select("Show not rated yet", "Quantico")
    app.expect(app.title()).to_contain_text("Will Abhi like Quantico?")

    app.page.get_by_role("button", name=re.compile("^Export")).click()
    with app.page.expect_download() as download:
        app.page.get_by_role("button", name=re.compile("Tables and script")).click()
    assert download.value.suggested_filename == "nmf-recommender.zip"


def test_symmetric_topics_step_by_step_and_a_new_film_typed(app):
    app.open("/symmetric")
    app.expect(app.title()).to_have_text("Ten topics from keywords alone, then 200 films described")
    for step in ("1 · Which keywords", "2 · Topics of keywords", "3 · Films described", "Why not both at once?"):
        app.expect(app.page.get_by_role("heading", name=re.compile(re.escape(step)))).to_be_visible()
    app.expect(app.page.get_by_text("the steadier ones over other starts")).to_be_visible()

    app.page.get_by_label("Keywords, divided by commas").fill("courtroom, judge, unicorn")
    app.expect(app.page.get_by_text("Not among the keywords: unicorn.")).to_be_visible()
    app.expect(app.page.get_by_text("courtroom, judge", exact=True)).to_be_visible()

    app.choose_select("Normalisation of C", "Jaccard")
    app.expect(app.page.get_by_text("C by Jaccard, diagonal kept")).to_be_visible()


def test_images_parts_are_added_one_by_one_and_grow_in_number(app):
    app.open("/images")
    app.expect(app.title()).to_have_text("Ten parts in 1,797 digits")
    app.set_slider("Parts added", 1)
    app.expect(app.page.get_by_text(re.compile(r"with 1 of \d+"))).to_be_visible()
    app.set_slider("Rank (parts)", 12)
    there = app.page.get_by_role("heading", level=1, name="Twelve parts in 1,797 digits")
    asks = app.sidebar().get_by_text(re.compile("Press Fit for"))  # on a busy machine, where the first fit took long
    app.expect(there.or_(asks).first).to_be_visible()
    if asks.is_visible():
        app.sidebar().get_by_role("button", name="Fit", exact=True).click()
    app.expect(app.title()).to_have_text("Twelve parts in 1,797 digits")
    app.expect(app.page.get_by_text(re.compile("grown from"))).to_be_visible()


def test_expression_says_what_it_needs_or_shows_the_groups(app):
    """The data set is fetched only when a person asks; where it is here already, the survey of ranks ends by itself."""
    app.open("/expression")
    fetch = app.page.get_by_role("button", name="Fetch it")
    found = app.page.get_by_text("has to be fetched once").or_(app.page.get_by_text("Rank by rank"))
    app.expect(found.first).to_be_visible()
    if fetch.is_visible():
        app.expect(app.page.get_by_text("checked by its SHA-256")).to_be_visible()
        app.expect(app.title()).to_have_text("Expression")
    else:
        app.expect(app.title()).to_have_text("Two metagenes: 36 of 38 samples lie with their class")
