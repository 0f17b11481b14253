"""The lenses in a session: filters on every page, groups, time, the map; what they say is what the library computes."""

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.cards.time_shares import finding
from dashboard.figures.components import numbered
from dashboard.files.report import html
from dashboard.files.saved import edits_of, filter_of, saved_run
from dashboard.files.saved import opened as opened_file
from dashboard.session.editing import _edited_run
from dashboard.text.words import no_less, no_more, percent
from dashboard.topics_shown.edits import Edits
from dashboard.topics_shown.shown import merged
from nmfcore.data.model.facts import Classes
from nmfcore.data.model.rows import as_text
from nmfcore.methods.corpora import matched
from nmfcore.methods.divide import divide
from nmfcore.methods.groups import group_shares, log_odds, shares
from nmfcore.methods.maps import NEIGHBOURS, directions, item_map, neighbourhoods
from nmfcore.methods.over_time import bins
from nmfcore.methods.subset import Among, Between, Chosen, Contains, Filter, OfTopic
from nmfcore.topics.scale import apply as rescale

APP = str(Path(__file__).resolve().parents[2] / "dashboard" / "app.py")
LENSES = ("groups", "over_time", "item_map")


def opened(page: str, **query) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    return settled(app.run().switch_page(f"views/{page}.py").run())


def settled(app: AppTest) -> AppTest:
    for _ in range(100):
        assert not app.exception, app.exception[0].value
        if not any((button.key or "").startswith("stop-") for button in app.button):
            return app
        time.sleep(0.1)
        app.run()
    raise AssertionError("The page is still computing.")


def text(app: AppTest) -> str:
    return plain("\n".join(block.value for block in app.markdown))


def plain(said: str) -> str:
    """Without what keeps text from being Markdown."""
    return said.replace("\\", "").replace("\u2060", "")


def charts(app: AppTest):
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def test_the_groups_page_says_what_the_library_computes():
    app = opened("groups", by="genre")
    run = app.session_state["nmf"].shown.run
    W = rescale(run.factorization.W, run.factorization.H).W
    found = group_shares(W, run.dataset.facts["genre"].classes(), seed=0)
    cells = next(trace for chart in charts(app) for trace in chart["data"] if trace["type"] == "heatmap")
    order = np.argsort(-found.spread, kind="stable")
    assert cells["customdata"] is not None
    assert app.title[0].value.startswith("Fantasy is most about topic ")
    assert f"corrected for {found.comparisons:,} comparisons" in text(app)
    np.testing.assert_allclose(cells["zmax"], 100 * np.abs(found.difference[found.sizes >= 5]).max())
    assert int(np.argmax(found.difference[found.names.index("fantasy")])) in order[:3]


def test_two_facts_are_crossed_and_two_groups_words_compared():
    app = opened("groups", by="decade")
    app.selectbox(key="groups-and").set_value("genre")
    app = settled(app.run())
    first = app.selectbox(key="groups-first-decade × genre")
    assert "1980s × science fiction" in first.options
    assert "Keywords: " in text(app)
    app.text_input(key="groups-word").set_value("zzz")
    assert "No keyword like “zzz”" in text(settled(app.run()))


@pytest.mark.parametrize("page", ["topics", "items", "matrices", *LENSES])
def test_a_filter_from_a_link_holds_on_every_page_and_its_chip_takes_it_back(page):
    wanted = Filter((Among("country", ("Japan",)), Between("year", "1980", "")))
    app = opened(page, filter=json.dumps(wanted.to_list()))
    assert "3 films of 200" in text(app)
    assert [plain(app.button(key=f"chip-{i}").label) for i in range(2)] == ["country: Japan ✕", "year: from 1980 ✕"]
    app.button(key="chip-1").click()
    app = settled(app.run())
    assert "7 films of 200" in text(app)
    app.button(key="chip-0").click()
    app = settled(app.run())
    assert "films of 200 (" not in text(app).split("**Scale**")[0]
    assert "filter" not in app.query_params


@pytest.mark.parametrize("page", ["overview", "fit", "svd", "rank", "compare"])
def test_pages_that_show_all_items_say_so_beside_the_filters_chips(page):
    app = opened(page, filter=json.dumps(Filter((Among("country", ("Japan",)),)).to_list()))
    assert plain(app.button(key="chip-0").label) == "country: Japan ✕"
    assert "This page shows all 200 films" in text(app)
    app.button(key="chip-0").click()
    assert "This page shows all" not in text(settled(app.run()))


def test_the_titles_of_a_subset_count_it():
    looked_at = json.dumps(Filter((Among("genre", ("western",)),)).to_list())
    titles = [opened(page, filter=looked_at).title[0].value for page in ("items", "matrices", "item_map")]
    assert titles[0].startswith("10 of 200 films, half with ")
    assert titles[1].startswith("10 rows of 200 × 260")
    assert titles[2] == "A map of 200 films, 10 of them looked at"


@pytest.mark.parametrize(("value", "digits", "low", "high"), [
    (66.58, 0, "66", "67"), (100.0, 0, "100", "100"), (99.999, 0, "99", "100"), (0.12345, 4, "0.1234", "0.1235"),
    (0.3, 1, "0.3", "0.3"), (1234.5, 0, "1,234", "1,235"),
])  # fmt: skip
def test_a_bound_is_rounded_so_that_it_stays_true(value, digits, low, high):
    """Half of the films were said to have over 67 % where the median was 66.58."""
    assert (no_less(value, digits), no_more(value, digits)) == (low, high)


def test_the_title_of_items_states_a_bound_that_half_of_them_keep():
    app = opened("items")
    run = app.session_state["nmf"].shown.run
    largest = shares(rescale(run.factorization.W, run.factorization.H).W).max(axis=1)
    least = int(re.search(r"half with (\d+) % or more", app.title[0].value)[1]) / 100
    assert (largest >= least).sum() >= 100 > (largest >= least + 0.01).sum()


def test_where_no_item_passes_none_is_opened_and_the_way_out_is_there():
    """The first item of all was opened, as if it passed."""
    app = opened("items", filter=json.dumps(Filter((Contains("zzzzqqq"),)).to_list()))
    assert text(app).count("No film passes this filter") == 1
    assert "Why here?" not in text(app)
    app.button(key="filter-clear").click()
    app = settled(app.run())
    assert app.title[0].value.startswith("200 films")
    assert "Why here?" in text(app)


def test_an_open_item_that_does_not_pass_says_so_with_two_ways_out():
    """It was shown without a word, as if it passed."""
    app = opened("items", item="5", filter=json.dumps(Filter((Chosen("7-9", "lassoed"),)).to_list()))
    labels = app.session_state["nmf"].shown.run.dataset.axes.rows.labels
    assert "This film does not pass the filter" in text(app)
    app.button(key="items-inside").click()
    app = settled(app.run())
    assert "does not pass" not in text(app)
    assert f"### {labels[6]}" in text(app)
    app.session_state["item"] = 4
    app = settled(app.run())
    app.button(key="items-unfilter").click()
    app = settled(app.run())
    assert "does not pass" not in text(app)
    assert app.title[0].value.startswith("200 films")


def test_an_open_item_says_what_is_known_of_it():
    """Year, country and genre of a film stood nowhere on its page."""
    app = opened("items", item="3")
    facts = app.session_state["nmf"].shown.run.dataset.facts
    said = text(app)
    for name in ("year", "decade", "country", "genre", "language"):
        assert f"{name}: {facts[name].shown(2)}" in said


def test_a_filter_opens_its_first_item_where_nobody_chose_one():
    app = opened("items")
    app.session_state["nmf"].filter = Filter((Chosen("7-9", "lassoed"),))
    app = settled(app.run())
    labels = app.session_state["nmf"].shown.run.dataset.axes.rows.labels
    assert f"### {labels[6]}" in text(app)
    assert "does not pass" not in text(app)


def test_a_filter_is_added_from_its_menu_and_the_subset_stands_against_the_whole():
    app = opened("topics")
    app.session_state["filter-menu"] = True
    app.run()
    app.selectbox(key="filter-by").set_value("genre").run()
    app.multiselect(key="filter-fact-genre").set_value(["western"]).run()
    app.button(key="filter-add").click()
    app = settled(app.run())
    assert "10 films of 200" in text(app)
    assert "Topics in these 10 films" in text(app)
    run = app.session_state["nmf"].shown.run
    W = rescale(run.factorization.W, run.factorization.H).W
    S = shares(W)
    rows = Filter((Among("genre", ("western",)),)).rows(run.dataset, W)
    bars = next(trace for chart in charts(app) for trace in chart["data"] if trace.get("mode") == "text" and "text" in trace)
    assert bars["text"][int(np.argmax(S[rows].mean(axis=0)))].startswith(f"{100 * S[rows].mean(axis=0).max():.1f} %")
    assert json.loads("".join(app.query_params["filter"])) == [["among", "genre", ["western"]]]


def test_the_items_table_holds_only_what_passes():
    app = opened("items", filter=json.dumps(Filter((Among("country", ("Sweden",)),)).to_list()))
    table = next(frame.value for frame in app.dataframe if len(frame.value) and "film" in " ".join(map(str, frame.value.columns)))
    assert len(table) == 2


def test_words_of_a_subset_are_called_its_own_only_beyond_chance():
    app = opened("topics", filter=json.dumps(Filter((Among("country", ("Japan",)), Between("year", "1980", ""))).to_list()))
    assert "3 films: too few to say which keywords are their own" in text(app)
    assert not any("more here" in frame.value.columns for frame in app.dataframe)
    app = opened("topics", filter=json.dumps(Filter((Among("genre", ("western",)),)).to_list()))
    run = app.session_state["nmf"].shown.run
    table = next(frame.value for frame in app.dataframe if "more here" in frame.value.columns)
    western = np.array(run.dataset.facts["genre"].texts()) == "western"
    found = log_odds(run.dataset.X, western, ~western)
    assert [word.endswith("•") for word in table["more here"]] == [z > found.line for z in found.z[found.most(10)]]
    assert table["more here"][0].endswith("•")


def test_fit_on_these_alone_is_a_new_run_with_its_own_name():
    app = opened("topics", filter=json.dumps(Filter((Between("year", "1990", ""),)).to_list()))
    before = app.session_state["nmf"].shown.run
    app.button(key="fit-these").click()
    app = settled(app.run())
    run = app.session_state["nmf"].shown.run
    assert run.key != before.key
    assert run.dataset.shape == ((before.dataset.facts["year"].values >= 1990).sum(), 260)
    assert run.spec.preparation[-1]["called"] == "year: from 1990"
    assert not app.session_state["nmf"].filter
    app = settled(app.switch_page("views/compare.py").run())
    pairs = next(frame.value for frame in app.dataframe if "keywords of both" in frame.value.columns)
    cosines = [pair.cosine for pair in matched(run.factorization.H, before.factorization.H)]
    np.testing.assert_allclose(pairs["cosine"], cosines)


@pytest.mark.parametrize("text_", ["{", "[[1]]", '[["among","colour",["red"]]]', '[["topic",99,0.5]]'])
def test_a_filter_that_cannot_be_used_is_said_and_lets_all_pass(text_):
    app = opened("groups", filter=text_)
    assert not app.exception
    said = text(app)
    assert "filter" in said or "no 'colour'" in said or "no topic 100" in said


def test_a_topic_over_time_and_its_words_bin_by_bin():
    app = opened("over_time", bin="decade")
    app.segmented_control(key="time-part").set_value("words")
    app = settled(app.run())
    table = next(frame.value for frame in app.dataframe if "first keywords" in frame.value.columns)
    assert "1980s" in set(table["year"])
    app.segmented_control(key="time-part").set_value("dynamic")
    app = settled(app.run())
    app.button(key="time-dynamic-find").click()
    app = settled(app.run())
    assert "dynamic topics over" in text(app)


def test_no_headline_of_a_lens_is_chance():
    """The largest change was the title of Over time, whether or not chance makes as large ones."""
    app = opened("over_time", bin="decade")
    run = app.session_state["nmf"].shown.run
    W = rescale(run.factorization.W, run.factorization.H).W
    found = group_shares(W, bins(run.dataset.facts["year"], "decade").classes, seed=0)
    assert found.change is None
    assert app.title[0].value == "No topic changes by more than chance"
    assert f"corrected for {found.comparisons:,} comparisons: none." in text(app)
    app = opened("groups", by="year", bin="decade")
    assert app.title[0].value == "No topic differs between these groups by more than chance"
    assert "Neither differs from all by more than chance" in text(app)


def rescaled(app):
    fit = app.session_state["nmf"].shown.run.factorization
    return rescale(fit.W, fit.H).W


def test_a_change_over_time_that_is_chance_is_no_finding():
    """Years without a tie to the topics: the largest of many differences is not a finding."""
    rng = np.random.default_rng(3)
    W = rng.random((400, 6))
    groups = Classes(tuple(str(year) for year in range(2000, 2010)), rng.integers(0, 10, 400).astype(np.int32))
    called = numbered(6)
    assert finding(group_shares(W, groups), called) == "No topic changes by more than chance"
    W[groups.index == 7, 2] += 2.0  # one that is tied to a year
    assert finding(group_shares(W, groups), called).startswith("Topic 3 changes most: ")


def test_the_map_is_coloured_searched_and_lassoed():
    app = opened("item_map")
    assert sum(len(trace["customdata"]) for trace in charts(app)[0]["data"]) == 200
    assert "Near means alike; far means little" in text(app)
    app.selectbox(key="map-by").set_value("\0trust")
    app = settled(app.run())
    steps = {trace["hovertemplate"]: len(trace["customdata"]) for trace in charts(app)[0]["data"]}
    found = item_map(rescaled(app).astype(float), seed=app.session_state["nmf"].shown.run.spec.seed)
    _, kept = neighbourhoods(directions(rescaled(app))[0], found.points[found.drawn], np.arange(len(found.drawn)))
    assert sum(n for one, n in steps.items() if "83 to 100 %" in one) == (kept >= 5 / 6 - 1e-9).sum()
    assert f"{percent(float(kept.mean()), 0)} of an item's {NEIGHBOURS} nearest" in text(app)
    app.selectbox(key="map-by").set_value("country").run()
    before = len(charts(app)[0]["data"])
    app.text_input(key="map-find").set_value("prison")
    app = settled(app.run())
    assert len(charts(app)[0]["data"]) == before + 1  # the rings
    app.session_state["nmf"].filter = Filter((Chosen("1-5", "lassoed"),))
    app = settled(app.run())
    assert plain(app.button(key="chip-0").label) == "lassoed: 5 items ✕"


def test_a_share_of_a_topic_filters_on_the_scale_of_the_page():
    app = opened("topics", filter=json.dumps(Filter((OfTopic(2, 0.5),)).to_list()))
    run = app.session_state["nmf"].shown.run
    S = shares(rescale(run.factorization.W, run.factorization.H).W)
    assert f"{(S[:, 2] >= 0.5).sum()} films of 200" in text(app)


@pytest.mark.parametrize("page", LENSES)
def test_data_of_which_nothing_is_known_says_so(page):
    app = opened(page, data="tv", rank="2", solver="masked-hals")
    assert app.session_state["nmf"].shown.run.dataset.key == "tv"
    said = {"groups": "Nothing is known of these", "over_time": "No date or year is known", "item_map": "far means little"}
    assert said[page] in text(app)


def test_the_reading_room_colours_the_text_and_leads_along_the_topic():
    app = opened("items", item="3")
    html = " ".join(block.proto.body for block in app.get("html"))
    assert "nmf-text" in html
    assert "background:rgba" in html
    assert "The text, its words coloured by topic" in text(app)
    before = app.session_state["item"]
    app.button(key="reading-After it").click()
    app = settled(app.run())
    assert app.session_state["item"] != before
    shown = app.get("button_group")
    assert shown


def test_a_topic_is_divided_and_its_share_split_into_the_childrens_and_the_rest():
    app = opened("topics")
    app.segmented_control(key="aspect").set_value("divide").run()
    app.selectbox(key="divide-at").set_value(((4,), ())).run()
    app.button(key="divide").click()
    app = settled(app.run())
    run = app.session_state["nmf"].shown.run
    found = divide(run.dataset.X, run.factorization.W, run.factorization.H, 4, 3, seed=run.spec.seed)
    tree = " ".join(block.proto.body for block in app.get("html"))
    for place, c in enumerate(found.order):
        assert f"<b>5.{place + 1}</b>" in tree
        assert f"<span>{percent(float(found.shares[c]))}</span>" in tree
    np.testing.assert_allclose(found.shares.sum() + found.rest, 1.0)
    assert f"{percent(found.rest)} belongs to none of its children" in text(app)
    assert "All topics, joined by likeness" in text(app)
    assert "".join(app.query_params["divided"]) == "5:3"
    app.selectbox(key="divide-at").set_value(((4,), (1,))).run()  # a child is divided like a topic
    app.button(key="divide").click()
    app = settled(app.run())
    assert "<b>5.2.3</b>" in " ".join(block.proto.body for block in app.get("html"))
    assert "".join(app.query_params["divided"]) == "5:3,5.2:3"
    assert "Undo: divided 5.2 into 3" in plain(app.button(key="undo").label)
    app.button(key="undo-all").click()
    app = settled(app.run())
    assert "divided" not in app.query_params
    assert "<b>5.1</b>" not in " ".join(block.proto.body for block in app.get("html"))


def test_a_division_is_in_the_link_in_a_saved_run_and_in_the_report():
    app = opened("topics", divided="2+5:2,7:3")
    app.segmented_control(key="aspect").set_value("divide")
    app = settled(app.run())
    run = app.session_state["nmf"].shown.run
    edits = app.session_state["nmf"].shown.edits
    (steps,) = edits.values()
    said, now = steps[-1]
    assert said == "opening the link"
    assert now.merges == ((1, 4),)
    tree = " ".join(block.proto.body for block in app.get("html"))
    assert "<b>2 + 5.2</b>" in tree
    assert "<b>7.3</b>" in tree
    assert "Divisions are in the link" in text(app)
    saved, _ = opened_file(saved_run(run, now))
    assert edits_of(saved) == now
    page = html(run, edits=now)
    assert "Divided topics" in page
    assert "<b>2 + 5.2</b>" in page
    without = divide(run.dataset.X, run.factorization.W, run.factorization.H, [1, 4], 2, seed=run.spec.seed)
    assert percent(float(without.shares.max())) in page


def test_a_division_that_the_run_cannot_have_is_said():
    app = opened("topics", divided="99:2")
    assert "The divided topics in this link cannot be shown: it names topic 99" in text(app)
    assert "divided" not in app.query_params


def test_every_lens_shows_topics_as_they_are_shown():
    """Merged topics, their labels, colours and typed names; a filter on a merged topic adds its members' shares."""
    app = opened("groups", by="genre")
    state = app.session_state["nmf"]
    run = state.shown.run
    (key,) = {_edited_run(run)}
    edits = Edits().merge([1, 4]).rename((1, 4), "far away")
    state.shown.edits[key] = [("merged 2 and 5", edits)]
    app = settled(app.run())
    W = rescale(*merged(run.factorization.W, run.factorization.H, edits)).W
    found = group_shares(W, run.dataset.facts["genre"].classes(), seed=0)
    cells = next(trace for chart in charts(app) for trace in chart["data"] if trace["type"] == "heatmap")
    np.testing.assert_allclose(cells["zmax"], 100 * np.abs(found.difference[found.sizes >= 5]).max())
    labels = [each for chart in charts(app) for each in chart["layout"]["xaxis"].get("ticktext", [])]
    assert "2 + 5 · far away" in labels
    state.filter = Filter((OfTopic((1, 4), 0.5),))
    app = settled(app.run())
    assert plain(app.button(key="chip-0").label) == "topic 2 + 5 ≥ 50 % ✕"
    assert f"{(shares(W)[:, 1] >= 0.5).sum()} films of 200" in text(app)
    for page in ("over_time", "item_map"):
        app = settled(app.switch_page(f"views/{page}.py").run())
        said = json.dumps([chart.get("layout") for chart in charts(app)]) + json.dumps([c["data"] for c in charts(app)])
        assert "far away" in said
    state.filter = Filter()
    shown = "2 + 5 · far away"
    app = settled(app.switch_page("views/items.py").run())
    assert "2 + 5" in json.dumps(charts(app))
    table, near = (frame.value for frame in app.dataframe if "largest topic" in frame.value.columns)
    share = shares(W)
    largest = int(np.argmax(share[0]))
    np.testing.assert_allclose(table["share"], share.max(axis=1)[: len(table)], rtol=1e-5)
    assert (table["largest topic"] == shown).sum() == (np.argmax(share, axis=1)[: len(table)] == 1).sum() > 0
    assert not {name.split(" · ")[0] for name in {*table["largest topic"], *near["largest topic"]}} & {"2", "5"}
    assert len(table["mixture"][largest]) == run.rank - 1
    assert shown in app.selectbox(key="items-in").options
    app.selectbox(key="items-in").set_value(1)
    app = settled(app.run())
    assert f"{(np.argmax(share, axis=1) == 1).sum()} of 200 films" in text(app)
    app.segmented_control(key="items-view").set_value("clusters")
    app = settled(app.run())
    groups = next(frame.value for frame in app.dataframe if "typical" in frame.value.columns)
    assert dict(zip(groups["topic"], groups["films"], strict=True))[shown] == (np.argmax(share, axis=1) == 1).sum()
    app = settled(app.switch_page("views/matrices.py").run())
    heat = next(trace for chart in charts(app) for trace in chart["data"] if trace["type"] == "heatmap")
    assert heat["x"][1] == "2 + 5"


def test_a_filter_too_long_for_a_link_is_said_and_a_saved_run_keeps_it(monkeypatch):
    monkeypatch.setattr("dashboard.session.filtering.LONGEST", 40)
    app = opened("items")
    looked_at = Filter((Chosen(as_text(range(0, 200, 2)), "lassoed"),))
    app.session_state["nmf"].filter = looked_at
    app = settled(app.run())
    assert "filter" not in app.query_params
    assert "do not fit into a link" in text(app)
    run = app.session_state["nmf"].shown.run
    saved, _ = opened_file(saved_run(run, looked_at=looked_at))
    assert filter_of(saved) == looked_at


def test_a_value_and_words_filter_as_soon_as_they_are_chosen():
    app = opened("items")
    app.session_state["filter-menu"] = True
    app.run()
    for value in (("genre", "western"), ("genre", "war")):
        app.selectbox(key="filter-value").set_value(value)
        app = settled(app.run())
        assert app.selectbox(key="filter-value").value is None
    app.text_input(key="filter-words").set_value("horse")
    app = settled(app.run())
    assert app.session_state["nmf"].filter == Filter((Among("genre", ("western", "war")), Contains("horse")))
    run = app.session_state["nmf"].shown.run
    rows = app.session_state["nmf"].filter.rows(run.dataset, run.factorization.W)
    assert f"{len(rows)} films of 200" in text(app)


def test_two_groups_are_two_collections_with_topics_of_their_own():
    app = opened("groups", by="genre")
    app.selectbox(key="groups-first-genre").set_value(0)
    app = settled(app.run())
    app.button(key="groups-corpora").click()
    app = settled(app.run())
    table = next(frame.value for frame in app.dataframe if "keywords of both" in frame.value.columns)
    assert table["cosine"].is_monotonic_decreasing
    assert "each fitted alone" in text(app)
    app.button(key="groups-corpus-0").click()
    app = settled(app.run())
    genres = app.session_state["nmf"].shown.run.dataset.facts["genre"]
    assert set(genres.texts()) == {genres.names[0]}


def test_what_changed_between_two_halves():
    app = opened("groups", by="year", bin="two halves")
    year = app.session_state["nmf"].shown.run.dataset.facts["year"].values
    halves = bins(app.session_state["nmf"].shown.run.dataset.facts["year"], "two halves")
    assert abs(int(halves.counts[0]) - int(halves.counts[1])) <= 2 * np.unique(year, return_counts=True)[1].max()
    assert f"Furthest apart in their topics: **{halves.names[0]}** and **{halves.names[1]}**" in text(app)


@pytest.mark.parametrize(
    ("control", "value", "name", "page"),
    [("groups-picture", "multiples", "as", "topics"), ("groups-order", "number", "sorted", "matrices")],
)
def test_a_choice_of_by_group_is_in_the_address_and_stands_in_no_other_pages_way(control, value, name, page):
    """Its names were also those of controls of other pages, which could then not be drawn."""
    app = opened("groups", by="genre")
    app.segmented_control(key=control).set_value(value).run()
    assert value in app.query_params[name]
    app.switch_page(f"views/{page}.py").run()
    assert not app.exception


def test_an_address_of_before_names_the_picture_of_by_group():
    app = opened("groups", by="genre", picture="multiples", order="number")
    assert app.segmented_control(key="groups-picture").value == "multiples"
    assert app.segmented_control(key="groups-order").value == "number"


def test_a_picture_is_shown_with_its_parts_that_add_up_to_the_model():
    """The reading room had nothing for pictures."""
    app = AppTest.from_file(APP, default_timeout=60)
    for name, value in {"data": "digits", "rank": "4", "item": "3"}.items():
        app.query_params[name] = value
    app = settled(app.run().switch_page("views/items.py").run())
    run = app.session_state["nmf"].shown.run
    assert "Its pixels by part" in text(app)
    model = run.factorization.W[2] @ run.factorization.H
    parts = run.factorization.W[2][:, None] * run.factorization.H
    shares = np.sort(parts.sum(axis=1) / model.sum())[::-1]
    titles = [note["text"] for chart in charts(app) for note in chart["layout"].get("annotations", [])]
    drawn = [title for title in titles if re.match(r"part \d+ · ", title)]
    assert [int(re.search(r"(\d+) %", title)[1]) for title in drawn] == [round(100 * share) for share in shares if share >= 0.01]
