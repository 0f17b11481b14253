"""Does Copy link carry what a person changed in how topics are shown, and is it checked where it is opened?

It once left out names and merges without a word.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from test_views import start

from dashboard.session import showing
from dashboard.session.editing import _edited_run
from dashboard.topics_shown.edits import Edits

CHANGED = Edits().merge([0, 6]).hide([3, 5]).rename((2,), "a name, with “signs” & more <b>").rename((0, 6), "both")


def link_of(app):
    url = next(block.value for block in app.code if "?" in block.value)
    return dict(parse_qsl(urlsplit(url).query))


def edits_of(app):
    me = app.session_state["nmf"]
    steps = me.shown.edits.get(_edited_run(me.shown.run), [])
    return steps[-1][1] if steps else Edits()


def with_edits(edits, query=None):
    app = start(query)
    me = app.session_state["nmf"]
    me.shown.edits[_edited_run(me.shown.run)] = [("changed", edits)]
    return app.run()


def told(app):
    return " ".join(block.value for block in app.markdown).replace("\u2060", "")


@pytest.mark.parametrize("query", [None, {"rank": "8"}])
def test_names_merges_and_hidden_words_are_in_the_copied_link_and_open_again(query):
    app = with_edits(CHANGED, query)
    link = link_of(app)
    assert CHANGED.sentence in told(app)
    assert "shown" not in dict(app.query_params)  # nobody is asked before the address of the browser is copied
    other = start(link)
    assert edits_of(other) == CHANGED
    assert other.session_state["nmf"].shown.run.key == app.session_state["nmf"].shown.run.key
    assert other.run().query_params["shown"] in (link["shown"], [link["shown"]])  # a reload shows the same
    me = other.session_state["nmf"]
    me.shown.edits[_edited_run(me.shown.run)].append(("undone", Edits()))
    assert "shown" not in dict(other.run().query_params)
    assert edits_of(other.run()) == Edits()


def test_a_link_without_edits_is_as_it_always_was():
    app = start({"rank": "8"})
    assert link_of(app) == {"rank": "8"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "its text is damaged"),
        ("[[1,2]]", "no names"),
        ("[" * 3000, "its text is damaged"),
        (json.dumps({"merges": [[0, 99]]}), "a number from 0 to 9"),
        (json.dumps({"hidden": [260]}), "a number from 0 to 259"),
        (json.dumps({"names": [{"components": [0], "name": 3}]}), "a name that is no text"),
    ],
)
def test_names_that_the_run_cannot_have_are_said(text, why):
    app = start({"shown": text})
    assert not app.exception
    (sentence,) = app.session_state["nmf"].news
    assert why in sentence
    assert edits_of(app) == Edits()
    assert "shown" not in dict(app.query_params)


def test_names_too_long_for_a_link_are_said_and_left_out(monkeypatch):
    monkeypatch.setattr(showing, "LONGEST", 20)
    app = with_edits(CHANGED, {"rank": "8"})
    assert link_of(app) == {"rank": "8"}
    assert "too long for a link" in told(app)
