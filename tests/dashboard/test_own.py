"""Is what a person brings theirs alone: its name, its results, its room, and a sentence when something of it went?"""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from test_views import go, start

from dashboard.cards import catalog_picker
from dashboard.session import flow, holding, reloading, tab
from dashboard.widgets import bench
from dashboard.work import given
from dashboard.work.job import REPLACED, Job, Status
from dashboard.work.jobs import service

LINES = "name,a,b,c\n" + "\n".join(f"row {i},{i},{i * i % 7},{9 - i}" for i in range(1, 9)) + "\n"


def used(name, text=LINES):
    """A session that uses and has fitted this file, as its own callbacks do it."""

    def page():
        from dashboard import session

        name, content = session.control_value("test-file", None)
        session.bring(name, content)
        brought = session.state().brought.looked_at
        while brought.advance(session.jobs(), session.state().id, 30.0) is not None:
            pass
        if session.control_value("only-look", False):
            return
        session.accept_import()
        session.fit()
        session.adopt()

    from streamlit.testing.v1 import AppTest

    one = AppTest.from_function(page, default_timeout=60)
    one.session_state["test-file"] = (name, text.encode())
    one.run()
    assert not one.exception
    return one


def titles(app):
    me = app.session_state["nmf"]
    return me.shown.run.dataset.title, me.chosen.data.title


def test_equal_content_keeps_the_name_that_each_person_gave_it():
    anna, ben = used("anna-salaries.csv"), used("ben.csv")
    assert titles(anna) == ("anna-salaries.csv", "anna-salaries.csv")
    assert titles(ben) == ("ben.csv", "ben.csv")
    one, other = (app.session_state["nmf"].shown.run for app in (anna, ben))
    assert one.dataset.fingerprint == other.dataset.fingerprint
    assert one.key != other.key
    assert one.dataset is not other.dataset


def test_a_new_name_for_the_same_content_is_shown_in_the_same_session_too():
    app = used("first.csv")
    app.session_state["test-file"] = ("second.csv", LINES.encode())
    app.run()
    assert titles(app) == ("second.csv", "second.csv")


def test_what_a_session_brought_is_forgotten_when_streamlit_lets_go_of_it():
    app = used("mine.csv")
    name = app.session_state["nmf"].id
    service().tidy()
    assert service().held(name) > 0
    del app
    gc.collect()
    service().tidy()
    assert service().held(name) == 0


def test_a_run_on_catalog_data_is_shared_by_all_who_open_it():
    one, other = (start({"data": "movies", "rank": "6", "seed": "5"}) for _ in range(2))
    runs = [app.session_state["nmf"].shown.run for app in (one, other)]
    assert runs[0] is runs[1]


def test_a_file_that_is_refused_leaves_what_is_in_use():
    app = used("mine.csv")
    me = app.session_state["nmf"]
    before = (me.shown.run, me.chosen.data, me.wanted.spec)
    app.session_state["only-look"] = True
    app.session_state["test-file"] = ("broken.csv", b"a,b\n1,2\n3\n")
    app.run()
    assert me.brought.looked_at.outcome.refusal is not None
    assert (me.shown.run, me.chosen.data, me.wanted.spec) == before


# -- a sentence when something was dropped ------------------------------------------------------------------------------


class Cancelled:
    """A job that was given up."""

    key, status, final, stopped, failure = "k", Status.CANCELLED, True, False, None
    ended_because = "nobody looked at it for 15 minutes"


@pytest.mark.parametrize(
    ("job", "said"),
    [(None, "does not know this computation any more"), (Cancelled, "given up: nobody looked at it for 15 minutes")],
)
def test_a_fit_that_is_gone_is_told(job, said):
    me = tab.State()
    flow._adopt_fit(me, tab.Fit("k", me.wanted.spec), job() if job else None)
    assert said in me.notice.message
    assert "Press Fit to start it again." in me.notice.message


def test_what_a_workbench_computed_is_not_begun_anew_in_silence():
    job = Job("k", status=Status.CANCELLED, ended_because="nobody looked at it for 15 minutes")
    assert bench._given_up(job)
    assert bench._why(job) == "it was given up: nobody looked at it for 15 minutes."
    replaced = Job("k", status=Status.CANCELLED, ended_because=REPLACED)
    assert not bench._given_up(replaced)  # the person asked for something else
    assert bench._why(replaced) == "something newer took its place."  # and nobody stopped it


def test_a_result_that_was_dropped_before_it_was_seen_is_told(monkeypatch):
    class Done(Cancelled):
        status = Status.DONE

    me = tab.State()
    flow._adopt_fit(me, tab.Fit("k", me.wanted.spec), Done())
    assert "dropped to make room" in me.notice.message


def test_a_tab_whose_session_is_gone_is_told_once(monkeypatch):
    monkeypatch.setattr(reloading, "spoken", lambda: reloading.Spoken(session="0d5cf5e8-1d2c-4a57-b0ae-3b6f4f4f7a10"))
    app = start()
    assert any("The server no longer has what this tab held" in block.value for block in app.markdown)
    app.button(key="heard").click().run()
    assert not any("The server no longer has" in block.value for block in app.markdown)


def test_a_link_to_an_upload_asks_for_the_file_by_name_and_fingerprint():
    app = start({"data": "upload", "print": "a" * 64, "rank": "3", "file": "sales *2026*.csv"})
    text = next(block.value for block in app.markdown if "data that is not here" in block.value)
    assert "sales" in text
    assert "fingerprint `aaaaaaaaaa" in text
    assert "*2026*" not in text.replace("\\*", "")  # escaped


# -- room ---------------------------------------------------------------------------------------------------------------


def test_a_session_says_what_it_holds_and_drops_pictures_first(monkeypatch):
    app = used("mine.csv")
    me = app.session_state["nmf"]
    now = holding.held(me)
    assert now.uploads > 0
    assert now.runs > 0
    me.shown.run.derived("picture", lambda: np.zeros(200_000))
    me.shown.edited("picture", lambda: np.zeros(100_000))
    assert holding.held(me).derived >= now.derived + 2_400_000
    monkeypatch.setenv("NMF_LIMIT_SESSION_BYTES", str(holding.held(me).total - 800_000))
    holding.make_room(me)
    assert not len(me.shown.edited)
    assert me.news == [holding.PICTURES.format(budget=holding.held(me).budget / 2**20)]
    assert list(me.shown.kept.values()) == [me.shown.run]
    monkeypatch.setenv("NMF_LIMIT_SESSION_BYTES", "1")
    holding.make_room(me)
    assert list(me.shown.kept.values()) == [me.shown.run]  # the run on screen stays whatever the budget
    assert me.chosen.data is not None


def test_the_runs_shown_longest_ago_go_last(monkeypatch):
    app = used("mine.csv")
    app.session_state["test-file"] = ("second.csv", LINES.replace("row", "line").encode())
    app.run()
    me = app.session_state["nmf"]
    older, newer = me.shown.kept.values()
    monkeypatch.setenv("NMF_LIMIT_SESSION_BYTES", "1")
    holding.make_room(me)
    assert list(me.shown.kept.values()) == [newer]
    assert any(sentence.startswith("Kept runs were dropped") for sentence in me.news)
    assert older.take_run() is None


def test_the_data_page_states_the_budget():
    app = go(start(), "data")
    assert any("This session holds" in block.value and "of 768 MB" in block.value for block in app.markdown)


# -- what the server was started with -----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "offered" / "deep").mkdir(parents=True)
    (tmp_path / "offered" / "films.csv").write_text(LINES)
    (tmp_path / "offered" / "deep" / "more.csv").write_text(LINES)
    (tmp_path / "offered" / ".hidden").write_text("x")
    (tmp_path / "secret.csv").write_text("password\n")
    (tmp_path / "offered" / "link.csv").symlink_to(tmp_path / "secret.csv")
    (tmp_path / "offered" / "out").symlink_to(tmp_path)
    monkeypatch.setenv("NMF_DATA_FOLDER", str(tmp_path / "offered"))
    return tmp_path / "offered"


def test_a_folder_offers_its_files_and_nothing_else(folder):
    assert [entry.name for entry in given.entries()] == ["deep/more.csv", "films.csv"]
    assert given.read("films.csv") == LINES.encode()


@pytest.mark.parametrize(
    "name",
    [
        "../secret.csv",
        "deep/../../secret.csv",
        "/etc/passwd",
        "link.csv",
        "out/secret.csv",
        ".hidden",
        "",
        ".",
        "films.csv/",
        "no",
    ],
)
def test_a_path_never_leaves_the_folder(folder, name):
    with pytest.raises(given.NotThere):
        given.read(name)
    with pytest.raises(given.NotThere):
        given.read(str(folder / name))


def test_a_file_that_became_a_link_is_not_followed(folder, monkeypatch):
    listed = given.entries()
    monkeypatch.setattr(given, "entries", lambda root=None: listed)
    (folder / "films.csv").unlink()
    (folder / "films.csv").symlink_to(folder.parent / "secret.csv")
    with pytest.raises(given.NotThere):
        given.read("films.csv")


def test_the_data_page_offers_the_folder_and_opens_a_file_of_it(folder):
    app = go(start(), "data")
    app.session_state[catalog_picker.KEY] = catalog_picker.UPLOAD
    app.run()
    picker = next(box for box in app.selectbox if box.label == "Or a file of this server")
    assert picker.options == ["deep/more.csv", "films.csv"]
    picker.select("films.csv").run()
    assert app.session_state["nmf"].brought.looked_at.name == "films.csv"


def test_a_file_the_server_was_started_with_is_used_at_once(tmp_path, monkeypatch):
    (tmp_path / "start.csv").write_text(LINES)
    monkeypatch.setenv("NMF_OPEN", str(tmp_path / "start.csv"))
    app = start()
    me = app.session_state["nmf"]
    assert not app.exception
    assert app.title[0].value == "Data"
    assert me.shown.run.dataset.title.startswith("start")
    assert me.chosen.data.owner.startswith(me.id)


def test_a_file_that_leaves_something_to_ask_opens_on_the_import_screen(tmp_path, monkeypatch):
    (tmp_path / "gaps.csv").write_text(LINES.replace("row 2,2", "row 2,"))
    monkeypatch.setenv("NMF_OPEN", str(tmp_path / "gaps.csv"))
    app = start()
    me = app.session_state["nmf"]
    assert app.title[0].value == "Data"
    assert me.brought.looked_at.outcome.refusal is not None
    assert me.chosen.data.key != "upload"


def test_a_folder_of_texts_opens_as_one_corpus(tmp_path, monkeypatch):
    (tmp_path / "texts").mkdir()
    for number in range(12):
        (tmp_path / "texts" / f"{number}.txt").write_text(f"Rain {number % 3} and snow and rivers, number{number % 4} of all.")
    monkeypatch.setenv("NMF_OPEN", str(tmp_path / "texts"))
    latest = start().session_state["nmf"].brought.latest
    assert (latest.name, len(latest.outcome.raw.documents)) == ("texts", 12)


def test_a_link_is_stronger_than_what_the_server_was_started_with(tmp_path, monkeypatch):
    (tmp_path / "start.csv").write_text(LINES)
    monkeypatch.setenv("NMF_OPEN", str(tmp_path / "start.csv"))
    app = start({"data": "movies", "rank": "4"})
    assert app.session_state["nmf"].brought.latest is None


# -- chosen, and not fitted yet --------------------------------------------------------------------------------------------


def test_while_other_data_is_chosen_every_page_says_what_is_shown_and_fits_the_other():
    app = go(start(), "data")
    app.button(key="open-tv").click().run()
    app.button(key="use-tv").click().run()
    for page in ("overview", "topics", "items", "fit"):
        app = go(app, page)
        line = next(block.value for block in app.main.markdown if "Shown:" in block.value)
        assert "Films and their keywords" in line
        assert "TV ratings** is chosen and not fitted yet" in line
    app.button(key="fit-chosen").click().run()
    assert not any("is chosen and not fitted yet" in block.value for block in app.main.markdown)
    assert app.session_state["nmf"].shown.run.spec.data == "tv"


def test_a_kept_run_is_called_by_its_solvers_name():
    app = go(start(), "data")
    app.button(key="open-tv").click().run()
    app.button(key="use-tv").click().run()
    app.button(key="fit").click().run()
    chips = [button.label for button in app.sidebar.button if (button.key or "").startswith("kept-")]
    assert any(" · Weighted multiplicative updates · " in label for label in chips)
    assert not any("· masked ·" in label for label in chips)


def test_only_the_same_person_goes_on_with_a_page_and_only_while_its_state_lives():
    pages, me, one, two = reloading.Pages(), tab.State(), "a" * 32, "b" * 32
    pages.hold(one, reloading.Holder(weakref.ref(me), "s1", {"email": "ada@example.org"}))
    assert pages.of(one, {"email": "ada@example.org"}).state() is me
    for name, user in ((one, {}), (one, {"email": "bob@example.org"}), (two, {"email": "ada@example.org"}), ("", {})):
        assert pages.of(name, user) is None
    pages.hold(two, reloading.Holder(weakref.ref(me), "s2", {}))  # loaded anew: the name before it leads nowhere any more
    assert pages.of(one, {"email": "ada@example.org"}) is None
    assert pages.of(two, {}).session == "s2"
    del me
    gc.collect()
    assert pages.of(two, {}) is None


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("streamlit, xsrf", ("", "", "")),
        ("streamlit, xsrf, 0d5cf5e8", ("0d5cf5e8", "", "")),
        (f"streamlit, xsrf, nmf-page.{'a' * 32}", ("", "a" * 32, "")),
        (f"streamlit, xsrf, 0d5cf5e8, nmf-page.{'a' * 32}.{'b' * 32}", ("0d5cf5e8", "a" * 32, "b" * 32)),
        ("streamlit, xsrf, nmf-page.short", ("nmf-page.short", "", "")),  # not ours: then it can only be Streamlit's
    ],
)
def test_what_a_browser_says_of_its_page_is_read(said, found, monkeypatch):
    monkeypatch.setattr(reloading, "st", SimpleNamespace(context=SimpleNamespace(headers={"Sec-WebSocket-Protocol": said})))
    assert reloading.spoken() == reloading.Spoken(*found)
