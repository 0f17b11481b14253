"""Does every page draw, with a run, without one, and with a refusal on screen?"""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import session
from dashboard.main import PAGES
from dashboard.session.tab import Load
from dashboard.widgets import card
from dashboard.work import loading
from dashboard.work.fitting import fit_key, fit_work
from dashboard.work.jobs import service
from nmfcore.data import catalog
from nmfcore.data.model.dataset import Dataset

APP = str(Path(__file__).resolve().parents[2] / "dashboard" / "app.py")
KEYS = [key for entries in PAGES.values() for key, _, _ in entries]


def start(query: dict[str, str] | None = None) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    for name, value in (query or {}).items():
        app.query_params[name] = value
    return app.run()


def put_on_screen(app: AppTest, dataset: Dataset, rank: int, solver: str = "hals") -> None:
    """A data set of this session's, chosen and fitted as if it had been brought and Fit been pressed."""
    me = app.session_state["nmf"]
    spec = me.wanted.spec.replace(
        data="upload", preparation=dataset.steps, fingerprint=dataset.fingerprint, rank=rank, solver=solver, data_options={}
    )
    job = service().submit(fit_key(spec), fit_work(spec, service(), dataset), session=me.id)
    assert job.wait(30)
    me.wanted.spec, me.chosen.data, me.chosen.uploads = spec, dataset, {dataset.fingerprint: dataset}
    me.shown.run, me.shown.asked = service().result(job.key), spec


def named(controls, name: str):
    """The control of a name; it has a new key each time the program turned it."""
    return next(one for one in controls if one.key is not None and one.key.partition("~")[0] == name)


def go(app: AppTest, key: str) -> AppTest:
    return app.switch_page(f"views/{key}.py").run()


def go_with_open_menus(app: AppTest, key: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Go to a page and open the "⋯" of every card on it; the page and the name of each card."""
    drawn, real = {}, card.corner
    monkeypatch.setattr(card, "corner", lambda page, name, *more: real(page, drawn.setdefault((page, name), name), *more))
    go(app, key)
    for page, name in list(drawn):
        app.session_state[f"{page}-{name}-menu"] = True
    app.run()
    return list(drawn)


@pytest.mark.parametrize("key", KEYS)
def test_every_page_draws_the_first_run(key):
    app = go(start(), key)
    assert not app.exception
    assert app.title[0].value


def test_the_first_screen_has_a_result_without_a_click():
    app = start()
    assert app.title[0].value.startswith("Ten topics in ")
    assert [metric.label for metric in app.metric][:3] == ["Attainable explained", "Relative error", "Iterations"]
    assert "above the SVD floor" in app.metric[1].delta
    assert len(app.get("plotly_chart")) >= 2  # the curve and W
    assert sum(block.value.startswith('<div class="nmf-words"') for block in app.get("html")) == 10  # a card per topic


def test_a_fit_that_ends_while_the_page_is_being_drawn_is_shown(monkeypatch):
    """Seen on the first screen, one visit in four: running when the script began, over when the panel was drawn, so nobody
    looked at it again and the page said "no result yet" until something was clicked."""
    looks = []

    def adopt_too_early(real=session.adopt):
        looks.append(1)
        if len(looks) > 2:
            real()

    monkeypatch.setattr("dashboard.session.flow.adopt", adopt_too_early)
    app = start()
    assert len(looks) > 2
    assert app.title[0].value.startswith("Ten topics in ")


def test_stopping_before_there_is_a_result_does_not_start_again(monkeypatch):
    real = session.fit

    def stopped_at_once(*asked):
        monkeypatch.setattr("dashboard.session.flow.fit_work", lambda *_: stopped_work)
        real(*asked)

    def stopped_work(job):
        job._stop.set()
        job.say("stopped")

    monkeypatch.setattr("dashboard.session.flow.fit", stopped_at_once)
    app = start({"data": "movies", "rank": "7", "solver": "hals"})
    assert any("stopped before there was a result" in block.value for block in [*app.markdown, *app.warning, *app.error])


def test_stopping_before_the_first_iteration_says_that_nothing_was_kept(monkeypatch):
    def stopped_work(job):
        job._stop.set()
        job.say("stopped")

    app = start()
    monkeypatch.setattr("dashboard.session.flow.fit_work", lambda *_: stopped_work)
    app.slider(key="rank").set_value(17).run().run()  # the panel looks again
    assert any("nothing was kept" in block.value for block in app.markdown)
    assert app.title[0].value.startswith("Ten topics in ")


def test_a_link_typed_by_hand_gives_texts_their_usual_preparation(monkeypatch):
    asked = []
    monkeypatch.setattr("dashboard.session.flow.fit", lambda spec=None, before=None: asked.append(spec))
    start({"data": "newsgroups", "rank": "6"})
    assert asked[0].preparation == catalog.card("newsgroups").preparation != ()


def test_moving_the_rank_on_small_data_changes_the_topics_at_once():
    app = start()
    app.slider(key="rank").set_value(5).run()
    assert app.title[0].value.startswith("Five topics in ")


def test_without_live_fitting_the_page_says_which_run_it_shows():
    app = start()
    app.toggle(key="live").set_value(False).run()
    app.slider(key="rank").set_value(5).run()
    assert app.title[0].value.startswith("Ten topics in ")
    assert any("Press Fit for rank 5" in block.value for block in app.markdown)
    app.button(key="fit").click().run()
    assert app.title[0].value.startswith("Five topics in ")


def test_the_address_names_the_run_and_opens_it_elsewhere():
    first = start()
    first.slider(key="rank").set_value(4).run()
    first.selectbox(key="solver").set_value("mu").run()
    query = {name: value if isinstance(value, str) else value[0] for name, value in dict(first.query_params).items()}
    assert query["rank"] == "4"
    assert query["solver"] == "mu"
    second = start(query)
    assert second.slider(key="rank").value == 4
    assert second.selectbox(key="solver").value == "mu"
    assert second.metric[1].value == first.metric[1].value


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"rank": "zero"}, "rank"),
        ({"solver": "nope"}, "Unknown solver"),
        ({"data": "nowhere"}, "not in the catalog"),
        ({"rank": "150", "data": "tv"}, "does not fit"),
    ],
)
def test_a_bad_link_gets_a_sentence(query, words):
    app = start(query)
    assert not app.exception
    assert any(words in block.value for block in app.markdown)


def test_a_link_to_an_upload_that_is_not_here_says_what_to_do():
    app = start({"data": "upload", "print": "0" * 64, "rank": "3"})
    assert any("data that is not here" in block.value for block in app.markdown)
    app.button(key="leave-link").click().run()
    assert app.title[0].value.startswith("Ten topics in ")


def test_a_refused_fit_keeps_the_result_on_screen():
    app = start()
    app.toggle(key="live").set_value(False).run()
    app.selectbox(key="solver").set_value("gd").run()
    app.number_input(key="par_gd_step_size").set_value(1e6).run()
    app.button(key="fit").click().run()
    assert not app.exception
    assert app.title  # diverged: the page still stands


def test_a_load_that_fails_leaves_the_data_that_was_chosen(monkeypatch):
    from nmfcore.data.model.errors import DataUnavailable

    def offline(spec, report=None):
        raise DataUnavailable("Nothing answered. Put the file there by hand.")

    app = go(start(), "data")
    monkeypatch.setattr(loading, "load", offline)
    state = app.session_state["nmf"]
    before = state.wanted.spec
    asked = before.replace(data="newsgroups", data_options={"subset": "test"}, rank=6)
    job = session.jobs().submit("failing load", loading.load_work(asked), session=state.id, lane="load")
    assert job.wait(10)
    state.under_way.load = Load("failing load", before, state.chosen.data)
    state.wanted.spec, state.chosen.data = asked, None
    app.run()
    assert app.session_state["nmf"].wanted.spec == before
    assert app.session_state["nmf"].chosen.data is not None
    assert any("Nothing answered" in block.value for block in app.markdown)
    assert app.slider(key="rank").value == before.rank
