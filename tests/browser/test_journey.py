"""The main job as a person does it: look, pick data, fit, watch, stop, open each page, change the theme, open the copied link."""

from __future__ import annotations

import re

from dashboard.main import PAGES as SECTIONS

PAGES = [title for entries in SECTIONS.values() for _, title, _ in entries]
SAID = {  # what the pages say of the stopped run
    "Data": r"^Data",
    "Fit": r"Relative error 0\.\d{4}",
    "Topics": r"parts?, the closest two",
    "Matrices": r"1,797 × 64 ≈",
    "NMF and SVD": r"This NMF explains [\d.]+ %",
    "Overview": r"parts in 1,797 digits",
}


def test_first_screen_then_data_then_a_fit_that_is_watched_and_stopped(app):
    app.open("/")
    app.expect(app.title()).to_have_text("Ten topics in 200 films")
    app.expect(app.page.get_by_text("above the SVD floor")).to_be_visible()
    assert app.page.locator("link[rel='shortcut icon']").get_attribute("href").startswith("data:image/png")

    app.go("Data")
    app.page.locator(".st-key-pick-digits").get_by_role("button").click()
    app.settled().click_button("Use this data")
    app.expect(app.sidebar().get_by_text("1,797 digits × 64 pixels")).to_be_visible()
    app.go("Overview")
    app.expect(app.title()).to_have_text("Ten topics in 200 films")  # what was on screen stays until the new fit is there
    app.expect(app.sidebar().get_by_text("Shown: Films and their keywords")).to_be_visible()

    # a fit that takes long enough to be watched: 40 components, multiplicative updates, no tolerance
    app.choose_select("Solver", "Multiplicative updates")
    app.expand("Advanced")
    app.fill("Stop when the error falls by less than (per iteration, relative)", "0")
    app.fill("Iterations at most", "2000")
    app.set_slider("Rank", 40)
    app.go("Fit")
    app.sidebar().get_by_role("button", name="Fit", exact=True).click()
    stop = app.sidebar().get_by_role("button", name="Stop", exact=True)
    app.expect(stop).to_be_visible()
    told = app.sidebar().get_by_text(re.compile(r"iteration [\d,]+ · .* relative error"))
    app.expect(told).to_be_visible()
    first = told.inner_text()
    app.expect(told).not_to_have_text(first)  # it moves
    app.expect(app.page.get_by_test_id("stMain").locator(".js-plotly-plot").first).to_be_visible()
    stop.click()
    app.expect(app.title()).to_contain_text("stopped by you")
    app.expect(app.page.get_by_text("You stopped it; the result so far is valid")).to_be_visible()

    for page, words in SAID.items():
        app.go(page)
        app.expect(app.title()).to_have_text(re.compile(words))


def test_the_copied_link_opens_the_same_view_of_the_same_run(app):
    app.open("/")
    app.set_slider("Rank", 6)
    app.expect(app.title()).to_have_text("Six topics in 200 films")
    app.go("Topics")
    app.page.get_by_role("button", name=re.compile("Copy link")).click()
    link = app.page.get_by_test_id("stPopoverBody").locator("code").inner_text().strip()
    assert "rank=6" in link
    heading = app.title().inner_text()
    other = app.page.context.new_page()
    other.goto(link)
    app.expect(other.get_by_test_id("stMain").get_by_role("heading", level=1)).to_have_text(heading)
    slider = other.locator('input[type=range][aria-label="Rank"]')
    app.expect(slider).to_have_value("6")
    other.close()


def test_every_page_of_the_top_bar_opens(app):
    app.open("/")
    for page in PAGES:
        app.go(page)
        app.expect(app.title()).to_have_text(re.compile(r"\w"))


def test_going_back_in_the_browser_brings_back_the_run_before(app):
    app.open("/?rank=5")
    app.expect(app.title()).to_have_text("Five topics in 200 films")
    app.open("/?rank=7")
    app.expect(app.title()).to_have_text("Seven topics in 200 films")
    app.page.go_back()
    app.expect(app.title()).to_have_text("Five topics in 200 films")


def test_both_themes_draw(app):
    for scheme in ("dark", "light"):
        app.page.emulate_media(color_scheme=scheme)
        app.open("/")
        app.expect(app.title()).to_have_text("Ten topics in 200 films")
        background = app.page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
        assert background == {"dark": "rgb(16, 21, 29)", "light": "rgb(255, 255, 255)"}[scheme]


def test_the_theme_can_be_changed_from_the_menu(app):
    app.open("/")
    app.page.get_by_test_id("stMainMenu").click()
    app.page.get_by_test_id("stMainMenuItem-theme-Dark").click()
    app.expect(app.page.get_by_test_id("stApp")).to_have_css("background-color", "rgb(16, 21, 29)")
    app.page.keyboard.press("Escape")
    app.settled()
    app.expect(app.title()).to_have_text("Ten topics in 200 films")


def test_a_damaged_link_keeps_the_page_standing(app):
    app.open("/?solver=nope&rank=4")
    app.expect(app.page.get_by_text("Unknown solver")).to_be_visible()
    app.click_button("Dismiss")
    app.expect(app.title()).to_have_text("Ten topics in 200 films")
