"""Is there one instrument panel at a time, in the same places, and does that of a workbench govern the workbench alone?"""

from __future__ import annotations

import pytest
from test_views import go, named, start
from test_workbenches import settled, text, upload

from dashboard.main import BENCHES, PAGES
from dashboard.widgets import bench

WORKBENCHES = [key for key, _, _ in PAGES[BENCHES]]
OTHERS = [key for key, _, _ in PAGES[""] if key != "learn"]


def keys(app) -> set[str]:
    """Keys of what can be touched in the sidebar."""
    side = app.sidebar
    return {one.key for one in (*side.button, *side.slider, *side.selectbox, *side.number_input, *side.toggle) if one.key}


def sidebar(app) -> str:
    return "\n".join(block.value for block in app.sidebar.markdown)


@pytest.mark.parametrize("page", OTHERS)
def test_the_pages_of_the_run_share_one_panel(page):
    assert {"rank", "solver", "seed", "fit", "live"} <= keys(go(start(), page))


@pytest.mark.parametrize("page", WORKBENCHES)
def test_beside_a_workbench_stands_its_own_panel_and_no_other(page):
    app = settled(go(start(), page))
    found = keys(app)
    assert not found & {"rank", "solver", "seed", "fit"}
    if page == "stores":
        assert not found  # no folder with stores is offered here; test_stores_page.py has one
        return
    if not any(button.label == "Fetch it" for button in app.button):
        assert {f"{page}-rank-slider", f"{page}-seed", f"{page}-fit"} <= found
        assert "**Last run**" in sidebar(app)
    assert any(link.label == "Use your own" for link in app.sidebar.get("page_link"))


@pytest.mark.parametrize("page", WORKBENCHES)
def test_a_workbench_stands_beside_a_refusal(page):
    app = settled(go(start({"solver": "nope"}), page))
    assert any("Unknown solver" in block.value for block in app.main.markdown)
    assert app.title


def test_on_a_workbench_fit_is_pressed_where_nobody_wants_it_at_once():
    app = settled(go(start(), "recommender"))
    before = app.title[0].value
    app.toggle(key="recommender-live").set_value(False).run()
    app.slider(key="recommender-rank-slider").set_value(3).run()
    assert app.title[0].value == before
    assert "Shown: 2 categories, ridge 1, seed 0. Press Fit for 3 categories, ridge 1, seed 0." in sidebar(app)
    app.button(key="recommender-fit").click()
    app = settled(app.run())
    assert app.title[0].value != before
    assert "Press Fit" not in sidebar(app)


def test_a_kept_result_is_brought_back_with_its_controls():
    app = settled(go(start(), "recommender"))
    before = app.title[0].value
    app.slider(key="recommender-rank-slider").set_value(3)
    app = settled(app.run())
    app.number_input(key="recommender-seed").set_value(4)
    app = settled(app.run())
    chips = {button.label: button for button in app.sidebar.button if (button.key or "").startswith("recommender-kept")}
    assert len(chips) == 3
    assert [button.disabled for button in chips.values()] == [True, False, False]
    next(button for label, button in chips.items() if label.startswith("2 categories")).click()
    app = settled(app.run())
    assert app.title[0].value == before
    assert (named(app.slider, "recommender-rank-slider").value, app.number_input(key="recommender-seed").value) == (2, 0)


def test_a_workbench_leaves_the_run_of_the_other_pages_alone():
    app = settled(go(start(), "images"))
    run = app.session_state["nmf"].shown.run
    app.slider(key="images-rank-slider").set_value(6)
    app = settled(app.run())
    assert app.session_state["nmf"].shown.run is run
    assert go(app, "overview").slider(key="rank").value == run.rank


def test_a_number_beyond_the_slider_is_typed_beside_it():
    app = settled(go(start(), "images"))
    app.number_input(key="images-rank-field").set_value(45)
    app = settled(app.run())
    assert app.title[0].value == "45 parts in 1,797 digits"
    assert named(app.slider, "images-rank-slider").value == 45


def test_the_rank_of_a_run_is_typed_beside_the_slider_where_the_data_has_more_than_forty():
    """Ranks above 40 could not be chosen on screen, though links allow 200."""
    app = start()
    app.toggle(key="live").set_value(False).run()
    app.number_input(key="rank-field").set_value(64).run()
    assert app.session_state["nmf"].wanted.spec.rank == 64
    assert named(app.slider, "rank").value == 64
    named(app.slider, "rank").set_value(12).run()
    assert named(app.number_input, "rank-field").value == 12


def test_a_workbench_says_why_it_does_not_use_the_data_that_is_chosen():
    app = start()
    app.session_state["nmf"].chosen.data = upload([[1.0, 2.0, 3.0]] * 4)
    app = settled(go(app, "images"))
    assert "cannot be used here" in sidebar(app)
    assert app.selectbox(key="images-source").value == "digits"


def test_a_link_to_a_workbench_names_its_data_and_its_seed():
    app = start().switch_page("views/images.py")
    app.query_params["on"], app.query_params["start"], app.query_params["parts"] = "digits", "7", "4"
    app = settled(app.run())
    assert "seed 7" in text(app)
    assert app.title[0].value == "Four parts in 1,797 digits"


def test_what_was_stopped_is_started_again_by_fit(monkeypatch):
    from dashboard.cards import recommender

    real = recommender.bench_data.fit_work

    def never(*_):
        def work(job):
            while True:
                job.say("Waiting to be stopped")

        return work

    monkeypatch.setattr("dashboard.session.tab.PATIENCE", 0.3)
    monkeypatch.setattr(recommender.bench_data, "fit_work", never)
    app = start().switch_page("views/recommender.py")
    app.query_params["start"] = "99"  # a result that nobody has computed yet
    app.run()
    stop = next(button for button in app.sidebar.button if button.label == "Stop")
    assert "progress is in the sidebar" in text(app)
    assert not any(button.label == "Stop" for button in app.main.button)
    stop.click().run()
    assert "you stopped it" in text(app)
    monkeypatch.setattr(recommender.bench_data, "fit_work", real)
    monkeypatch.setattr("dashboard.session.tab.PATIENCE", 30.0)
    app.button(key="recommender-fit").click()
    assert settled(app.run()).title[0].value.startswith("Will Jai like")


def test_looking_for_nothing_among_all_seeds_takes_no_time():
    """Python looks for None in a range one number after another."""
    assert not bench._among(None, range(2**62))
    assert bench._among(2**61, range(2**62))


def test_the_controls_of_a_workbench_and_what_its_panel_remembers_have_keys_of_their_own():
    """The slider of the parts that are added fell back to 3 on every rerun: the panel remembered something under its key."""
    app = settled(go(start(), "images"))
    app.slider(key="images-shown").set_value(1)
    app = settled(app.run())
    assert app.slider(key="images-shown").value == 1
    assert "with 1 of" in text(app)


@pytest.mark.parametrize(
    ("page", "slider", "field"), [("overview", "rank", "rank-field"), ("images", "images-rank-slider", "images-rank-field")]
)
def test_what_the_browser_still_says_of_a_second_control_turns_nothing_back(page, slider, field):
    """A slider moved twice within one rerun arrives with the number field as it was before the first move."""
    app = settled(go(start(), page))
    before = named(app.number_input, field)
    late = before._widget_state  # the browser has not drawn the new field yet
    named(app.slider, slider).set_value(11)
    app = settled(app.run())
    assert named(app.number_input, field).key != before.key
    named(app.slider, slider).set_value(12)
    sent = app._tree.get_widget_states()
    sent.widgets.append(late)
    app = settled(app._run(sent))
    assert (named(app.slider, slider).value, named(app.number_input, field).value) == (12, 12)
