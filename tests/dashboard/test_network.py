"""What does a person lose on a bad network, when the server is restarted, or ended in the middle of a fit? Nothing unsaid."""

from __future__ import annotations

import secrets
import signal
import sys
import time

import pytest
from running import COMMAND, serving, start

from benchmarks.tab import Tab

CUTS = 20
ROWS = "name,a,b,c\n" + "\n".join(f"row {i},{i},{i * i % 7},{9 - i}" for i in range(1, 9)) + "\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(COMMAND, tmp_path_factory.mktemp("server"), "--log-level", "warning") as running:
        yield running


def test_a_connection_that_is_cut_again_and_again_loses_neither_upload_nor_run(server):
    tab = brought(server.url, "")
    session = tab.session
    for cut in range(CUTS):
        tab.cut()
        tab.open()  # as the browser does, with the session it had
        tab.run(**({"fit": True} if cut % 5 == 4 else {}))
        assert tab.session == session
        assert tab.says("lines.csv"), f"after {cut + 1} cuts"
        assert not tab.says("The server no longer has")
    tab.go("topics")
    assert tab.says("lines.csv")
    tab.close()


def brought(url, name):
    """A tab that uses a table of its own and has fitted it."""
    tab = Tab(url, page="data", name=name)
    tab.open()
    tab.run()
    tab.run(**{"open-upload": True})
    tab.upload("upload-0", "lines.csv", ROWS.encode())
    tab.wait_for("use-upload")
    tab.run(**{"use-upload": True})
    tab.run(rank=2)
    tab.run(fit=True)
    return tab


def test_a_page_loaded_anew_has_what_its_tab_held_and_another_tab_has_not(server):
    """F5 lost uploads, kept runs and names: Streamlit begins a new session with each page that is opened."""
    one, two, three, four, made_up = (secrets.token_hex(16) for _ in range(5))
    first = brought(server.url, one)
    with Tab(server.url, query=first.query, page="topics", name=two, before=one) as beside:  # a duplicated tab
        beside.run()
        assert beside.says("This link is to data that is not here")
        assert not beside.says("The server no longer has")
    first.close()
    with Tab(server.url, query=first.query, page="topics", name=three, before=one) as again:
        again.run()
        assert again.session != first.session
        assert again.says("lines.csv")
        assert not again.says("This link is to data that is not here")
        assert again.says("Two topics")
    with Tab(server.url, query="data=movies&rank=3", page="topics", name=four, before=three) as elsewhere:  # typed in that tab
        elsewhere.run()
        assert elsewhere.says("Three topics")
    for before in ("", one, two, made_up):
        with Tab(server.url, query=first.query, page="topics", name=secrets.token_hex(16), before=before) as stranger:
            stranger.run()
            assert stranger.says("This link is to data that is not here")
            assert stranger.says("The server no longer has what this tab held") == (before in (one, made_up))


def test_a_restarted_server_says_what_it_no_longer_has_and_fits_the_catalogs_run_again(server):
    before = "0d5cf5e8-1d2c-4a57-b0ae-3b6f4f4f7a10"  # a session of the server before
    with Tab(server.url, query="data=movies&rank=5", session=before) as tab:
        tab.run()
        assert tab.session != before
        assert tab.says("The server no longer has what this tab held")
        assert tab.query == "rank=5"
        assert tab.says("Five topics in ")
        tab.run(heard=True)
        assert not tab.says("The server no longer has what this tab held")


def test_a_restarted_server_asks_for_an_upload_by_name_and_fingerprint(server):
    query = f"data=upload&rank=2&print={'ab' * 32}&file=lines.csv"
    with Tab(server.url, query=query, session="0d5cf5e8-1d2c-4a57-b0ae-3b6f4f4f7a10") as tab:
        tab.run()
        assert tab.says("This link is to data that is not here")
        assert tab.says("lines.csv")
        assert tab.says("abababab")


def test_a_new_tab_is_told_nothing_of_the_kind(server):
    with Tab(server.url) as tab:
        tab.run()
        assert not tab.says("The server no longer has")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_ctrl_c_during_a_fit_ends_at_once_without_a_traceback(tmp_path):
    running = start(COMMAND, tmp_path)
    with Tab(running.url, query="data=movies&rank=60&solver=mu&tol=0&iterations=2000&seconds=600&seed=3") as tab:
        tab.run()
        assert tab.says("Stop"), "the fit is over already"
        running.process.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert running.process.wait(20) == 0
        assert time.monotonic() - began < 15
    assert "Traceback" not in running.logged()
    assert "failed lane" not in running.logged()
