"""What a file leaves open is asked with both readings; columns are ticked; several files are one thing; facts stand on Data."""

from __future__ import annotations

import io

import numpy as np
import pytest
from test_data_page import bring, has, metrics, said, settled, start

from dashboard.work.importing import Import, distinct
from dashboard.work.jobs import Jobs
from dashboard.work.ledger import Bounds
from dashboard.work.recognised import examples, glimpse
from nmfcore.data import read_matrix

HEADLINES = (
    b"Police arrest man, 34\nRiver floods town, hundreds flee\nBank raises rates, markets fall\nBoat sinks in storm, crew safe\n"
)
TABLE = b"name,year,a,b,kind\nu,2019,1,2,x\nv,2020,3,4,y\nw,2020,5,6,x\n"


@pytest.fixture(scope="module")
def jobs():
    service = Jobs(Bounds(workers=1))
    yield service
    service.close()


def advance(brought, jobs):
    while brought.advance(jobs, "me", 5.0) is not None:
        pass
    return brought.outcome


def test_a_question_shows_both_readings_and_the_other_answer_reads_the_file_anew(jobs):
    brought = Import("h.txt", HEADLINES)
    outcome = advance(brought, jobs)
    assert outcome.table.content == "documents"
    lines, table = (brought.glimpses["texts or table", number] for number in (0, 1))
    assert lines.says == "4 documents"
    assert lines.rows[0][1] == "Police arrest man, 34"
    assert table is None or table.rows[0][1] != lines.rows[0][1]
    brought.answer("texts or table", 1)
    assert brought.read == {"delimiter": ","}
    advance(brought, jobs)
    brought.answer("texts or table", 0)
    assert advance(brought, jobs).table.content == "documents"
    brought.begin_again()
    assert not brought.read
    assert not brought.answers


def test_an_answer_takes_back_what_the_one_before_said(jobs):
    brought = Import("t.csv", b"d1,river,2\nd1,boat,1\nd2,boat,3\nd2,bank,1\nd3,river,1\nd3,bank,4\n")
    assert advance(brought, jobs).table.content == "counts"
    brought.answer("ratings or counts", 1)
    outcome = advance(brought, jobs)
    assert outcome.table.content == "ratings"
    assert outcome.dataset.mask is not None  # what was not rated is left out of the fit
    brought.answer("ratings or counts", 0)
    outcome = advance(brought, jobs)
    assert outcome.table.content == "counts"
    assert outcome.dataset.mask is None


def test_columns_become_facts_and_features_by_ticking(jobs):
    brought = Import("t.csv", TABLE)
    assert advance(brought, jobs).table.column_labels == ["year", "a", "b"]
    brought.set_roles({"year": False})
    outcome = advance(brought, jobs)
    assert outcome.table.column_labels == ["a", "b"]
    assert outcome.dataset.facts.names == ("year", "kind")
    brought.set_roles({"year": True})
    assert advance(brought, jobs).table.column_labels == ["year", "a", "b"]
    said = {"year": "2019, 2020, 2020", "a": "1, 3, 5", "b": "2, 4, 6", "kind": "x, y, x"}
    assert examples(outcome.table, outcome.table.understood["roles"]) == said


def test_two_columns_of_one_name_are_ticked_apart(jobs):
    """A tick once took the other of the two."""
    brought = Import("t.csv", b"who,bread,bread,milk\nu,5,35,1\nv,4,0,2\nw,6,10,3\n")
    table = advance(brought, jobs).table
    assert list(table.understood["roles"]) == ["who", "bread", "bread (2)", "milk"]
    assert examples(table, table.understood["roles"]) == {"bread": "5, 4, 6", "bread (2)": "35, 0, 10", "milk": "1, 2, 3"}
    brought.set_roles({"bread": False})
    table = advance(brought, jobs).table
    np.testing.assert_array_equal(table.X, [[35, 1], [0, 2], [10, 3]])
    assert table.understood["roles"]["bread"] == "fact"
    assert examples(table, table.understood["roles"]) == {"bread": "5, 4, 6", "bread (2)": "35, 0, 10", "milk": "1, 2, 3"}
    brought.set_roles({"bread": True, "bread (2)": False})
    np.testing.assert_array_equal(advance(brought, jobs).table.X, [[5, 1], [4, 2], [6, 3]])


def test_a_wide_table_says_how_many_columns_are_features(jobs):
    wide = (
        ",".join(f"c{j}" for j in range(400)) + "\n" + "\n".join(",".join(str(i * j % 7) for j in range(400)) for i in range(5))
    )
    told = advance(Import("w.csv", wide.encode()), jobs).table.understood
    assert len(told["roles"]) < told["features_in_all"] == 400


def test_nothing_is_said_to_be_chosen_before_anything_was(jobs):
    brought = Import("t.csv", b"a,b,c\n1,2,3\n4,x,6\n7,8,9\n")
    outcome = advance(brought, jobs)
    assert outcome.refusal is not None
    assert outcome.seen is not None
    assert not [note for note in outcome.seen.notes if "as you chose" in note]


def test_emoji_and_one_line_of_text_come_in(jobs):
    party, angry = "\U0001f389", "\U0001f621"
    brought = Import("e.txt", f"{party}{party} {party}\n{angry} {angry}\n{party} {angry}\n{party} {party}\n".encode())
    outcome = advance(brought, jobs)
    assert outcome.refusal.stage == "preparing"
    assert "emoji" in outcome.refusal.message
    brought.fix("preparing", outcome.refusal.fixes[0].options)
    assert set(advance(brought, jobs).dataset.axes.columns.labels) == {party, angry}
    one = advance(Import("one.txt", b"the river is high and the boat sails"), jobs)
    assert one.dataset.axes.columns.labels == ["boat", "high", "river", "sails"]


def test_a_glimpse_says_what_a_reading_comes_to():
    found = glimpse(read_matrix(TABLE, name="t.csv"))
    assert found.says == "3 × 3 numbers"
    assert found.names == ("", "year", "a", "b")
    assert found.rows[0] == ("u", 2019, 1, 2)
    assert distinct(["a", "b", "a"]) == ["a", "b", "3 a"]


def test_the_screen_asks_and_shows_facts():
    app = bring(start(), "headlines.txt", HEADLINES)
    assert "Are these texts, or rows of a table?" in said(app)
    assert "4 documents" in said(app)
    assert not has(app, "answer-texts-or-table-0")
    assert "Each line is a text · taken" in said(app).replace("*", "").replace(":gray[", "")
    app.button(key="answer-texts-or-table-1").click().run()
    settled(app)
    assert has(app, "answer-texts-or-table-0")  # the question stays, so that it can be answered again
    assert not has(app, "answer-texts-or-table-1")
    app = bring(start(), "t.csv", TABLE)
    assert "A tick makes a column a feature, which is factorized (3 now)" in said(app)
    app.button(key="use-upload").click().run()
    settled(app)
    assert not app.exception
    assert "Facts about the rows" in said(app)


def test_files_dropped_together_are_one_thing():
    matrix = io.BytesIO()
    np.save(matrix, np.array([[1.0, 2], [3, 4], [5, 7]]))
    app = start()
    app.button(key="open-upload").click().run()
    files = [("X.npy", matrix.getvalue(), "x"), ("samples.csv", b"name,kind\nu,p\nv,q\nw,p\n", "text/csv")]
    app.file_uploader[0].set_value(files).run()
    settled(app)
    assert "2 files" in said(app)
    assert metrics(app)["Rows"] == "3"
    assert "kind" in said(app)
    assert has(app, "use-upload")
