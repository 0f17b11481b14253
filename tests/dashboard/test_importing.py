"""Is a file read, settled and prepared as it was chosen, by one session, and let go of afterwards?"""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest
import scipy.sparse as sp

from dashboard.work import outcome, recognised
from dashboard.work.importing import Import
from dashboard.work.jobs import Jobs
from dashboard.work.ledger import Bounds
from nmfcore.data import prepare, usual
from nmfcore.data.reading import read_matrix
from nmfcore.data.settle import as_dataset

TABLE = b"name,a,b,c\nx,1,2,0\ny,0,1,3\nz,4,0,1\n"


@pytest.fixture
def jobs():
    service = Jobs(Bounds(workers=1))
    yield service
    service.close()


def advance(brought: Import, jobs: Jobs) -> outcome.Outcome:
    end = time.monotonic() + 30
    while brought.advance(jobs, "me", 1.0) is not None:
        assert time.monotonic() < end
    assert brought.outcome is not None
    return brought.outcome


def test_one_content_with_the_same_options_is_read_once(jobs, monkeypatch):
    reads = []

    def counting(*args, **options):
        reads.append(options)
        return read_matrix(*args, **options)

    monkeypatch.setattr(outcome, "read_matrix", counting)
    brought = Import("t.csv", TABLE)
    first = advance(brought, jobs)
    brought.meaning["orientation"] = "columns"  # settles anew, reads nothing
    turned = advance(brought, jobs)
    assert len(reads) == 1
    assert first.dataset.shape == (3, 3)
    assert turned.dataset.axes.rows.labels == ["a", "b", "c"]
    brought.choose_reading(index_column=False)
    advance(brought, jobs)
    brought.choose_reading(index_column=None)
    advance(brought, jobs)
    assert len(reads) == 2


def test_what_was_understood_stays_while_another_choice_is_refused(jobs):
    brought = Import("t.csv", TABLE)
    advance(brought, jobs)
    brought.choose_reading(encoding="utf-16")
    refused = advance(brought, jobs)
    assert refused.refusal.stage == "reading"
    assert brought.seen is not None
    assert brought.seen.understood["delimiter"] == ","


def test_a_refused_reading_shows_what_else_was_understood(jobs):
    brought = Import("t.csv", TABLE + b"w,1\n" + b"v,1,1,1\n" * 4)
    outcome = advance(brought, jobs)
    assert outcome.refusal.stage == "reading"
    assert outcome.dataset is None
    assert brought.seen.understood["delimiter_name"] == "comma"
    brought.fix("reading", outcome.refusal.fixes[-1].options)
    assert advance(brought, jobs).dataset.shape == (7, 3)


def test_a_fix_of_each_stage_resolves_its_refusal(jobs):
    brought = Import("t.csv", TABLE.replace(b"4", b"").replace(b"3", b"-3"))
    missing = advance(brought, jobs).refusal
    assert missing.stage == "meaning"
    brought.fix("meaning", missing.fixes[0].options)
    negative = advance(brought, jobs).refusal
    assert "negative" in negative.message
    brought.fix("meaning", negative.fixes[0].options)
    done = advance(brought, jobs)
    assert done.refusal is None
    assert done.dataset.mask.sum() == 8


def test_data_that_does_not_fit_into_memory_is_refused_with_what_would(jobs, monkeypatch):
    monkeypatch.setattr(outcome, "memory_budget", lambda: 280)
    brought = Import("t.csv", TABLE)
    refusal = advance(brought, jobs).refusal
    assert refusal.stage == "size"
    assert "%" in refusal.message
    brought.fix("size", refusal.fixes[0].options)
    assert brought.steps[-1]["step"] == "most_variable"
    assert advance(brought, jobs).refusal is None  # what was offered does fit


def test_stop_ends_the_reading_and_nothing_starts_again_by_itself(jobs, monkeypatch):
    begun = threading.Event()

    def endless(content, *, name, report, **options):
        begun.set()
        while True:
            report("Reading", None)
            time.sleep(0.01)

    monkeypatch.setattr(outcome, "read_matrix", endless)
    brought = Import("t.csv", TABLE)
    job = brought.advance(jobs, "me", 0.0)
    assert begun.wait(10)
    brought.stopped = brought.key
    jobs.stop(brought.key, "me")
    assert job.wait(10)
    assert brought.advance(jobs, "me", 0.0) is None
    assert brought.outcome is None


def test_after_acceptance_neither_bytes_nor_results_are_held(jobs):
    brought = Import("t.csv", TABLE)
    advance(brought, jobs)
    key = brought.key
    assert jobs.result(key) is not None
    kept = brought.accepted(jobs)
    assert brought.content is None
    assert brought.outcome is None
    assert jobs.result(key) is None
    assert kept.content is None
    assert kept.is_current
    kept.steps = ({"step": "log1p"},)
    again = advance(kept, jobs)
    np.testing.assert_allclose(again.dataset.X, np.log1p(kept.raw.X))


def test_another_session_cannot_name_what_this_one_reads(jobs):
    one, other = Import("t.csv", TABLE), Import("t.csv", TABLE)
    assert one.key != other.key


def test_ratings_are_masked_unless_they_are_too_many(jobs, monkeypatch):
    content = b"user,item,rating\n" + b"".join(b"u%d,i%d,%d\n" % (u, i, 1 + i) for u in range(4) for i in range(4) if u != i)
    assert advance(Import("r.csv", content), jobs).dataset.mask.sum() == 12
    monkeypatch.setenv("NMF_LIMIT_DENSE_CELLS", "10")
    refusal = advance(Import("r.csv", content), jobs).refusal
    assert refusal.stage == "meaning"  # nothing becomes 0 by itself
    assert any(fix.options == {"missing": "zero"} for fix in refusal.fixes)


def test_the_usual_steps_of_texts_are_a_valid_preparation():
    table = read_matrix(b"the cat sat on the mat\nthe dog ran to the cat\n", name="d.txt")
    raw = as_dataset(table)
    assert prepare.apply(raw, usual.usual_steps(raw)).shape[0] == 2


def test_the_options_of_a_link_are_split_and_damaged_ones_dropped():
    read, meaning = usual.from_link({"delimiter": ";", "missing": "mask", "classes": None, "unheard": 1})
    assert read == {"delimiter": ";"}
    assert meaning == {"missing": "mask"}
    assert usual.from_link({"delimiter": "two"}) == ({}, {})


def test_a_link_can_repeat_names_of_axes(jobs):
    brought = Import("t.csv", TABLE, meaning={"rows": ("films", "film")})
    options = json.loads(json.dumps(advance(brought, jobs).dataset.options))
    read, meaning = usual.from_link(options)
    again = advance(Import("t.csv", TABLE, read, meaning), jobs)
    assert again.dataset.axes.rows.name == "films"
    assert again.dataset.fingerprint == brought.outcome.dataset.fingerprint


def test_the_preview_of_a_sparse_table_is_dense_only_where_it_is_seen():
    import io

    packed = io.BytesIO()
    sp.save_npz(packed, sp.csr_array(sp.eye_array(200_000, 150_000)))
    table = read_matrix(packed.getvalue(), name="eye.npz")
    names, rows = recognised.preview(table)
    assert (len(names), len(rows)) == (13, 8)
    assert rows[0][1] == 1.0


def test_words_of_a_list_are_taken_however_they_are_divided():
    assert usual.words_of("Und, der;die\n das\tdie") == ["das", "der", "die", "und"]
