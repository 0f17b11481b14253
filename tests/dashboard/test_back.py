"""Does Back in the browser lead to what was seen before: runs, data of one's own with blanks, items, filters?

An upload with blanks could once not be left: each parameter was an entry of the history by itself, and half a run another run.
"""

from __future__ import annotations

import json

import pytest
from streamlit.runtime.state.query_params import QueryParams
from streamlit.testing.v1 import AppTest
from test_data_page import at_rest, bring, settled
from test_views import go, start

ROWS = [f"r{i},{i},{9 - i},,{i % 4}\nq{i},{i * i % 5},,{7 - i},1\n" for i in range(1, 8)]
BLANKS = ("name,a,b,c,d\n" + "".join(ROWS)).encode()


@pytest.fixture
def messages(monkeypatch) -> list[str]:
    """Every message that changes the address: an entry of the browser's history each."""
    sent: list[str] = []
    send = QueryParams._send_query_param_msg

    def counted(query: QueryParams) -> None:
        sent.append(str(query))
        send(query)

    monkeypatch.setattr(QueryParams, "_send_query_param_msg", counted)
    return sent


def address(app: AppTest) -> dict[str, str]:
    return {name: "".join(value) for name, value in dict(app.query_params).items()}


def back(app: AppTest, to: dict[str, str], monkeypatch) -> AppTest:
    """The browser's Back: the address is another, and the program is told why."""
    for name in list(dict(app.query_params)):
        del app.query_params[name]
    for name, value in to.items():
        app.query_params[name] = value
    with monkeypatch.context() as patch:
        patch.setattr("dashboard.session.bar.came_back", lambda: True)
        return at_rest(app.run())


def seen(app: AppTest):
    run = app.session_state["nmf"].shown.run
    return run.spec.data, run.spec.solver, run.rank, run.dataset.mask is not None


def with_blanks() -> AppTest:
    app = go(start(), "data")
    app = bring(app, "blanks.csv", BLANKS)
    next(one for one in app.button if "Not measured" in one.label).click()
    settled(app.run())
    settled(app.button(key="use-upload").click().run())
    return at_rest(app.button(key="fit").click().run())


def test_a_run_comes_into_the_address_at_once(messages):
    app = with_blanks()
    assert len(messages) == 1
    assert address(app)["data"] == "upload"
    messages.clear()
    app = at_rest(go(app, "items"))
    assert len([one for one in messages if one != "{}"]) == 1  # a test's own change of page empties the address first


def test_back_leads_through_the_runs_of_an_upload_with_blanks_and_to_the_first_screen(monkeypatch):
    app = with_blanks()
    first, there = seen(app), address(app)
    assert first[0] == "upload"
    assert first[3]
    app.slider(key=next(one.key for one in app.slider if (one.key or "").startswith("rank"))).set_value(1).run()
    second, here = seen(app), address(app)
    assert second[:2] == first[:2]
    assert second[2] == 1
    app = back(app, there, monkeypatch)
    assert seen(app) == first
    app = back(app, {}, monkeypatch)
    assert seen(app) == ("movies", "hals", 10, False)
    assert address(app) == {}
    app = back(app, here, monkeypatch)
    assert seen(app) == second
    me = app.session_state["nmf"]
    assert me.notice is None
    assert me.address.missing is None
    assert me.wanted.spec.solver == second[1]


def test_a_link_to_data_that_is_not_here_is_left_by_going_back(monkeypatch):
    app = start({"data": "upload", "print": "0" * 64})
    assert app.session_state["nmf"].address.missing is not None
    app = back(app, {}, monkeypatch)
    assert app.session_state["nmf"].address.missing is None
    assert seen(app)[0] == "movies"


def test_an_act_that_was_sent_before_the_answer_to_the_last_one_is_not_taken_for_a_way_back():
    """The browser sends its address along, and that is still the old one."""
    app = start()
    app.slider(key="rank").set_value(11).run()
    old = address(app)
    app.slider(key="rank").set_value(13).run()
    app.query_params.clear()
    app.query_params["rank"] = old["rank"]
    app.slider(key="rank").set_value(14).run()
    assert seen(app)[2] == 14
    assert address(app)["rank"] == "14"
    app.query_params["rank"] = old["rank"]
    app.slider(key="rank").set_value(11).run()  # as the old address says: the browser has to hear of it all the same
    assert seen(app)[2] == 11
    assert address(app)["rank"] == "11"


def test_an_item_that_is_turned_to_twice_at_once_stays_the_second(messages):
    app = go(start(), "items")
    old = address(app)
    app.session_state["item"] = 4
    app.run()
    messages.clear()
    app.query_params["item"] = old["item"]
    app.session_state["item"] = 5
    assert address(app.run())["item"] == "6"
    app.query_params["item"] = old["item"]
    app.session_state["item"] = int(old["item"]) - 1
    messages.clear()
    app.run()
    assert len(messages) == 1  # what was sent along says so already, what stands in the browser does not
    assert app.session_state["item"] == int(old["item"]) - 1


def test_back_takes_a_filter_away_and_forward_brings_it_again(monkeypatch):
    app = go(start(), "items")
    before = address(app)
    only = [["among", "genre", ["western"]]]
    after = address(back(app, {**before, "filter": json.dumps(only)}, monkeypatch))
    assert app.session_state["nmf"].filter.to_list() == only
    app = back(app, before, monkeypatch)
    assert not app.session_state["nmf"].filter
    assert "filter" not in address(app)
    app = back(app, after, monkeypatch)
    assert app.session_state["nmf"].filter.to_list() == only


def test_a_filter_goes_along_to_a_page_that_does_not_draw_it():
    app = start({"filter": '[["among","genre",["western"]]]'})
    app = go(app, "fit")
    assert "western" in address(app)["filter"]
    assert app.session_state["nmf"].filter


def test_back_opens_the_item_that_was_open_before(monkeypatch):
    app = go(start(), "items")
    opened = address(app)
    app.session_state["item"] = 4
    assert address(app.run())["item"] == "5"
    app = back(app, opened, monkeypatch)
    assert address(app)["item"] == opened["item"]
    assert app.session_state["item"] == int(opened["item"]) - 1
