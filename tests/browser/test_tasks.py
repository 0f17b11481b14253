"""Can a lecturer or an analyst do what they came for within six clicks from the first screen?

Each test is one task in a person's words. `Walk` counts every click, every choice in a list (two: open it, take one) and every
field that is filled in. Looking and scrolling are free.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

MOST = 6
SALES = b"shop;bread;milk;nails;hammer\nA;4;3;0;0\nB;5;4;0;1\nC;0;0;6;5\nD;0;1;5;4\nE;3;3;1;0\n"


@dataclass
class Walk:
    """The dashboard in a browser, and what was clicked so far."""

    app: Any
    clicks: int = 0

    def go(self, title: str) -> Walk:
        return self._done(1, lambda: self.app.go(title))

    def press(self, name: str) -> Walk:
        return self._done(1, lambda: self.app.click_button(name))

    def click(self, what: Any) -> Walk:
        return self._done(1, lambda: (what.click(), self.app.settled()))

    def choose(self, label: str, option: str) -> Walk:
        return self._done(1, lambda: self.app.choose(label, option))

    def select(self, label: str, option: str) -> Walk:
        return self._done(2, lambda: self.app.choose_select(label, option))

    def fill(self, label: str, text: str) -> Walk:
        return self._done(1, lambda: self.app.fill(label, text))

    def slide(self, label: str, value: float) -> Walk:
        return self._done(1, lambda: self.app.set_slider(label, value))

    def _done(self, clicks: int, act: Any) -> Walk:
        self.clicks += clicks
        assert self.clicks <= MOST, "This task takes more clicks than it may."
        act()
        return self

    # -- looking ---------------------------------------------------------------------------------------------------------

    @property
    def page(self) -> Any:
        return self.app.page

    def title(self) -> Any:
        return self.app.title()

    def sees(self, text: str | re.Pattern[str]) -> Walk:
        self.app.expect(self.page.get_by_test_id("stMain").get_by_text(text).first).to_be_visible()
        return self

    def card(self, key: str) -> Any:
        """The corner menu of a card."""
        return self.page.locator(f".st-key-{key}-menu").get_by_role("button")


@pytest.fixture
def walk(app) -> Walk:
    app.open("/")
    found = Walk(app)
    app.expect(found.title()).to_have_text("Ten topics in 200 films")
    return found


def test_how_near_is_this_model_to_the_best_possible_one(walk):
    walk.sees("Attainable explained").sees(re.compile(r"0\.00\d+ above the SVD floor"))


def test_how_sure_is_each_topic(walk):
    walk.click(walk.page.get_by_role("button", name=re.compile("^Measure stability")))
    walk.app.expect(walk.page.get_by_text(re.compile(r"\d+ % of films change topic"))).to_be_visible(timeout=60_000)


def test_find_the_topic_about_spaceships(walk):
    walk.go("Topics").fill("Find a keyword", "spaceship")
    walk.sees(re.compile("spaceship")).sees(re.compile(r"5 · spaceship, outer space"))


def test_which_words_tell_two_topics_apart(walk):
    walk.go("Topics").click(walk.page.get_by_test_id("stMain").get_by_role("button", name="Open").first)
    walk.sees(re.compile(r"Keywords that tell 1 from \d+"))


def test_why_is_jaws_where_it_is(walk):
    walk.go("Items").fill("Find a film", "Jaws")
    walk.sees("Why here? What each keyword contributes to each topic, and what the model misses of it")
    walk.sees(re.compile(r"Not explained above all"))


def test_how_do_films_group_and_which_are_unsure(walk):
    walk.go("Items").choose("View", "Clusters")
    walk.slide("In no group below this share of the largest topic", 50)
    walk.sees(re.compile(r"\d+ films? in no group"))


def test_take_the_loss_curve_to_a_spreadsheet(walk):
    walk.click(walk.card("overview-loss"))
    with walk.page.expect_download() as download:
        walk.click(walk.page.get_by_role("button", name="Numbers as CSV"))
    text = download.value.path().read_text()
    assert text.startswith('"run","iteration","relative error"')
    assert len(text.splitlines()) > 5


def test_is_rank_10_better_than_5(walk):
    walk.go("Rank").fill("Ranks from", "5").fill("to", "10").fill("every", "5").fill("Starts per rank", "2")
    walk.click(walk.page.get_by_role("button", name=re.compile("^Survey 2 ranks")))
    walk.app.expect(walk.page.get_by_text("Verdict", exact=True)).to_be_visible(timeout=60_000)
    walk.sees(re.compile(r"[Rr]anks? (5|10)"))


def test_what_changes_with_another_seed(walk):
    walk.go("Compare").press("Fit again from a random start")
    walk.sees("Matched topics").sees(re.compile(r"films? of 200 moves?|of 200 move"))
    walk.sees("Both loss curves")


def test_which_solver_is_there_first(walk):
    walk.go("Compare").choose("Compare", "A race of solvers").press("Start the race")
    walk.app.expect(walk.page.get_by_text("Who was there first")).to_be_visible(timeout=60_000)
    walk.sees("Same start, several solvers")


def test_what_does_the_svd_find_in_the_same_data(walk):
    walk.go("NMF and SVD")
    walk.app.expect(walk.title()).to_contain_text("This NMF explains")
    walk.sees(re.compile("VᵀV"))


def test_which_films_change_their_topic_with_the_scale(walk):
    walk.go("Matrices")
    walk.select("Scale of W and H", "Rows of H peak at 1")
    walk.sees(re.compile(r"The \d+ films that would change"))


def test_a_spreadsheet_on_monday(walk):
    walk.go("Data").press("Bring your own")
    walk.page.locator("input[type=file]").first.set_input_files({"name": "sales.csv", "mimeType": "text/csv", "buffer": SALES})
    walk.clicks += 2  # the file dialog: open, take
    walk.app.settled()
    walk.press("Use this data").press("Fit")
    walk.app.expect(walk.page.get_by_test_id("stSidebar")).to_contain_text("sales.csv")
    walk.app.expect(walk.page.get_by_test_id("stSidebar")).to_contain_text("converged")


def test_will_jai_like_black_mirror(walk):
    walk.go("Recommender")
    walk.app.expect(walk.title()).to_contain_text("Will Jai like Black Mirror? 1.175")


def test_what_is_a_digit_made_of(walk):
    walk.go("Images").slide("Parts added", 2)
    walk.sees(re.compile(r"with 2 of \d+"))


def test_give_the_run_to_a_colleague_as_a_program(walk):
    walk.click(walk.page.get_by_role("button", name=re.compile("Export")))
    with walk.page.expect_download() as download:
        walk.click(walk.page.get_by_role("button", name="Python script"))
    assert "nmfcore" in download.value.path().read_text()


# -- lenses ----------------------------------------------------------------------------------------------------------------


def test_which_decade_is_most_about_dystopia(walk):
    walk.go("By group").choose("Show", "Topic by topic")
    walk.app.expect(walk.page.locator("[aria-label*='topic 9 is highest in 1920s']").first).to_be_attached()


def test_which_two_groups_differ_most_and_by_which_words(walk):
    walk.go("By group").select("By", "genre")
    walk.app.expect(walk.page.get_by_text(re.compile("Furthest apart in their topics"))).to_be_visible()
    walk.app.expect(walk.page.locator('[aria-label*="Keywords most musical"]').first).to_be_attached()


def test_read_one_text_and_see_why_it_is_there(walk):
    walk.go("Items")
    text = walk.page.locator(".nmf-text span[title]").first
    walk.app.expect(text).to_be_visible()
    assert re.search(r"\d+ · .+: \d+ %", text.get_attribute("title"))


def test_films_of_one_country_on_the_map_and_fitted_alone(walk):
    walk.go("Map")
    walk.app.expect(walk.page.get_by_text(re.compile("far means little"))).to_be_visible()
    walk.app.open("/topics?filter=" + '[["among","genre",["western","war"]]]')
    walk.press("Fit on these alone")
    walk.app.expect(walk.page.get_by_test_id("stSidebar").get_by_text(re.compile("22 films"))).to_be_visible()


def test_which_westerns_are_about_revenge(walk):
    """The shape of "which posts of sci.space talk about money", on data that is always there."""
    walk.go("Items").press("Filter").select("Only these", "western · genre").fill("Find a film", "revenge")
    walk.sees(re.compile(r"10 films of 200"))
    walk.app.expect(walk.page.get_by_text(re.compile(r"\d of 200 films · choose a row"))).to_be_visible()


def test_what_changed_between_two_halves(walk):
    walk.go("By group").select("By", "year").select("Bins of", "two halves")
    walk.app.expect(
        walk.page.get_by_text(re.compile(r"Furthest apart in their topics: 1902 to \d+ and \d+ to \d+"))
    ).to_be_visible()
    walk.app.expect(walk.page.locator('[aria-label*="Keywords most 1902 to"]').first).to_be_attached()
