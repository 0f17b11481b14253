"""Is every file that leaves the dashboard safe, complete, and what comes back the same run?"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from streamlit.testing.v1 import AppTest
from test_views import named

from dashboard.files import exports, saved
from dashboard.session.tab import State
from dashboard.text.tables import as_csv
from dashboard.topics_shown import of
from dashboard.topics_shown.edits import Edits
from dashboard.widgets import header
from dashboard.work.fitted import FittedRun
from dashboard.work.fitting import FIRST, continue_work, fit_work
from dashboard.work.jobs import Jobs
from dashboard.work.ledger import Bounds
from nmfcore import ProblemError, RunSpec, StopRule, export
from nmfcore.core.factorization import Axes, Axis
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.facts import Classes, Facts
from nmfcore.data.prepare import apply
from nmfcore.topics.scale import apply as rescale

ROOT = Path(__file__).resolve().parents[2]
APP = str(ROOT / "dashboard" / "app.py")
HOSTILE = [
    '=HYPERLINK("http://evil.example")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "＝1+1",
    "a;=1",
    'say "x",\n=2',
]
RNG = np.random.default_rng(5)
STOP = StopRule(tol=0.0, max_iter=12)


class Watched:
    """Stands for a job."""

    message = ""

    def say(self, message, fraction=None):
        self.message = message

    def keep(self, make):
        pass

    def reserve(self, needed, way_out=""):
        pass

    def report(self, progress, fraction):
        return True


@pytest.fixture(scope="module")
def jobs():
    service = Jobs(Bounds(workers=1))
    yield service
    service.close()


def upload(**changes) -> Dataset:
    axes = Axes(Axis("things", "thing", [*HOSTILE, "i", "j", "k", "l"]), Axis("=signs", "=sign", HOSTILE))
    about = {
        "X": RNG.random((12, 8)),
        "notes": ("One row was dropped.",),
        "classes": Classes.of(["a", "b", "c"] * 4),
        "facts": Facts.of({"day": ["2024-01-02", ""] * 6, "size": ["1", "2.5", ""] * 4, "by": HOSTILE + HOSTILE[:4]}),
        "zero_means": "nothing",
    }
    return Dataset(**{"key": "upload", "title": "Mine <b>", "axes": axes} | about | changes)


def fitted(dataset: Dataset, jobs: Jobs, **changes):
    spec = RunSpec(data="upload", rank=3, fingerprint=dataset.fingerprint, preparation=tuple(dataset.steps), stop=STOP, **changes)
    return fit_work(spec, jobs, dataset)(Watched())


@pytest.fixture(scope="module")
def movies(jobs):
    return fit_work(FIRST.replace(rank=4, stop=STOP), jobs)(Watched())


def formula(cell: str) -> bool:
    """Whether a spreadsheet would take this cell for one."""
    return (
        cell.lstrip(" \t\r\n\ufeff").startswith(("=", "+", "-", "@", "＝")) and not cell.lstrip("+-").replace(".", "").isdigit()
    )


def test_no_cell_of_a_csv_is_a_formula_whatever_the_labels_say():
    table = pd.DataFrame({"=name": HOSTILE, "value": np.linspace(-1, 1, len(HOSTILE))})
    for delimiter in (",", ";", "\t"):  # a spreadsheet may split at any of them
        for row in csv.reader(io.StringIO(as_csv(table)), delimiter=delimiter):
            for cell in row:
                try:
                    float(cell)
                except ValueError:
                    assert not formula(cell), cell


def test_columns_of_one_name_keep_their_values():
    table = pd.DataFrame([["topic", 2.0, 3, None], ["x", np.nan, 5, "y"]], columns=["topic", "topic", "a", "b"])
    rows = [["topic", "topic", "a", "b"], ["topic", "2.0", "3", ""], ["x", "", "5", "y"]]
    assert list(csv.reader(io.StringIO(as_csv(table)))) == rows


def page_with_a_download():
    from concurrent.futures import ThreadPoolExecutor

    import streamlit as st

    from dashboard import session
    from dashboard.widgets import scale

    session.set_control(session.SCALE, "W columns L2")
    make = session.in_session(scale.current)
    with ThreadPoolExecutor(1) as pool:  # as Streamlit calls what a download button holds
        st.text(pool.submit(make).result())
        st.text(pool.submit(scale.current).result())


def test_what_a_download_makes_knows_the_scale_of_the_page():
    app = AppTest.from_function(page_with_a_download).run()
    assert not app.exception
    assert [text.value for text in app.text] == ["W columns L2", "H rows L1"]


def test_the_tables_of_w_and_h_are_safe_and_complete(jobs):
    run = fitted(upload(), jobs)
    W, H = run.factorization.W, run.factorization.H
    with zipfile.ZipFile(io.BytesIO(exports.factors_csv(run, W, H))) as archive:
        rows = {name: list(csv.reader(io.StringIO(archive.read(name).decode()))) for name in ("W.csv", "H.csv", "loss.csv")}
        assert RunSpec.from_json(archive.read("run.json").decode()) == run.spec
    assert not any(formula(row[0]) for name in ("W.csv", "H.csv") for row in rows[name])
    np.testing.assert_array_equal([[float(cell) for cell in row[1:]] for row in rows["W.csv"][1:]], W)
    np.testing.assert_array_equal([[float(cell) for cell in row[1:]] for row in rows["H.csv"][1:]], H.T)


def test_the_tables_name_their_scale_and_carry_typed_names(movies):
    shown = rescale(movies.factorization.W, movies.factorization.H, "W columns L2")
    topics = of(movies, Edits().rename((0,), "sharks")).topics
    with zipfile.ZipFile(io.BytesIO(exports.factors_csv(movies, shown.W, shown.H, "W columns L2", topics))) as archive:
        about = json.loads(archive.read("about.json"))
        heading = next(csv.reader(io.StringIO(archive.read("W.csv").decode())))
    assert about["scale"] == "W columns L2"
    assert about["meaning"].startswith("Each column of W has length 1")
    assert about["headers"].startswith("In the tables, component k is topic k of the run, also where topics are merged")
    assert heading[1:3] == about["components"][:2] == ["component 1: sharks", "component 2"]


def test_after_a_merge_files_hold_the_run_and_say_as_which_topic_each_component_is_shown(movies):
    """The merged name stood at one of its components, as if it were its own."""
    topics = of(movies, Edits().rename((0,), "sea").merge([0, 2]).rename((0, 2), "sea and ships")).topics
    W, H = movies.factorization.W, movies.factorization.H
    with zipfile.ZipFile(io.BytesIO(exports.factors_csv(movies, W, H, shown=topics))) as archive:
        heading = next(csv.reader(io.StringIO(archive.read("W.csv").decode())))
        table = pd.read_csv(io.BytesIO(archive.read("topics.csv")))
    assert heading[1:] == [f"component {k + 1}" for k in range(movies.rank)]
    assert table["component"].tolist() == list(range(1, movies.rank + 1))
    assert table["shown as"].tolist()[:3] == ["1 + 3", "2", "1 + 3"]
    assert table["its name there"].tolist()[:3] == ["sea and ships", topics[1].name, "sea and ships"]
    with np.load(io.BytesIO(exports.factors_npz(movies, W, H, shown=topics)), allow_pickle=False) as held:
        np.testing.assert_array_equal(held["W"], W)
        assert held["shown"].tolist()[::2][:2] == ["1 + 3: sea and ships"] * 2


def test_one_endless_label_does_not_make_the_archive_endless(movies, monkeypatch):
    """An array of text gives every label the room of the longest: gigabytes for one of 10,000 characters."""
    monkeypatch.setattr(exports, "LONGEST_LABELS", 1000)
    data = exports.factors_npz(movies, movies.factorization.W, movies.factorization.H)
    with np.load(io.BytesIO(data), allow_pickle=False) as held:
        assert json.loads(held["rows_json"].tobytes()) == movies.dataset.axes.rows.take(range(len(movies.factorization.W)))
        assert "rows" not in held.files


def test_the_archive_holds_w_and_h_in_the_scale_shown_with_labels_and_the_specification(movies):
    shown = rescale(movies.factorization.W, movies.factorization.H, "W columns L2")
    with np.load(io.BytesIO(exports.factors_npz(movies, shown.W, shown.H, "W columns L2")), allow_pickle=False) as held:
        np.testing.assert_allclose(np.linalg.norm(held["W"], axis=0), 1.0, rtol=1e-5)
        np.testing.assert_array_equal(held["H"], shown.H)
        assert held["columns"].tolist() == movies.dataset.axes.columns.take(range(shown.H.shape[1]))
        assert str(held["scale"]) == "W columns L2"
        assert RunSpec.from_json(str(held["spec"])) == movies.spec


def run_script(folder: Path, *arguments: str):
    done = subprocess.run(
        [sys.executable, "reproduce.py", *arguments], cwd=folder, capture_output=True, text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )  # fmt: skip
    return done, (np.load(folder / "factors.npz") if done.returncode == 0 else None)


def test_the_script_of_a_catalog_run_with_a_ridge_repeats_it_exactly(jobs, tmp_path):
    run = fit_work(FIRST.replace(rank=3, stop=STOP, penalty={"l2_W": 0.5, "l2_H": 0.5}), jobs)(Watched())
    (tmp_path / "reproduce.py").write_bytes(exports.script(run))
    done, held = run_script(tmp_path)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(held["W"], run.factorization.W)
    np.testing.assert_array_equal(held["H"], run.factorization.H)


def test_the_script_of_an_upload_comes_with_its_matrix_and_refuses_another(jobs, tmp_path):
    corpus = Dataset("upload", "Notes", None, documents=[f"{'moon' if i % 2 else 'faith'} word{i % 5} the" for i in range(20)])
    run = fitted(apply(corpus, [{"step": "text", "min_df": 1}]), jobs)
    with zipfile.ZipFile(io.BytesIO(exports.script_with_data(run))) as archive:
        archive.extractall(tmp_path)
    (tmp_path / "data.npz").rename(tmp_path / "elsewhere.npz")
    done, held = run_script(tmp_path, "elsewhere.npz")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(held["W"], run.factorization.W)
    export.save_matrix(tmp_path / "other.npz", run.dataset.X * 2)
    done, _ = run_script(tmp_path, "other.npz")
    assert "other.npz is not the matrix this run was made with" in done.stderr


# -- a saved run ---------------------------------------------------------------------------------------------------------


def again(content: bytes, jobs: Jobs):
    found, dataset = saved.opened(content)
    return saved.open_work(found, dataset, jobs)(Watched())


def test_a_saved_catalog_run_opens_again_as_it_was_and_can_go_on(movies, jobs):
    content = saved.saved_run(movies)
    assert len(content) < 100_000  # the catalog's data is not in it
    back = again(content, jobs)
    np.testing.assert_array_equal(back.factorization.W, movies.factorization.W)
    assert back.factorization.history.points == movies.factorization.history.points
    assert (back.spec, back.factorization.stopped, back.floor) == (movies.spec, movies.factorization.stopped, movies.floor)
    longer = continue_work(back, replace(STOP, max_iter=20))(Watched())
    whole = continue_work(movies, replace(STOP, max_iter=20))(Watched())
    np.testing.assert_array_equal(longer.factorization.W, whole.factorization.W)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"X": sp.csr_array(RNG.random((12, 8)) * (RNG.random((12, 8)) < 0.5)), "documents": ["é\ud800 \n"] * 12},
        {"mask": (np.arange(96).reshape(12, 8) % 5 > 0).astype(np.uint8)},
        {"image_shape": (2, 4), "kind": "images", "X": RNG.random((12, 8)).astype(np.float32)},
    ],
    ids=["dense", "sparse text", "masked", "images in single precision"],
)
def test_a_saved_run_on_an_upload_brings_its_data(changes, jobs):
    data = upload(**changes)
    run = fitted(data, jobs, **({"solver": "masked", "init": "random"} if "mask" in changes else {}))
    back = again(saved.saved_run(run), jobs)
    assert back.dataset.fingerprint == data.fingerprint
    assert back.dataset.axes.rows.labels[0] == HOSTILE[0]
    assert back.dataset.notes == data.notes
    assert back.dataset.facts.to_list() == data.facts.to_list()
    np.testing.assert_array_equal(back.factorization.H, run.factorization.H)


def changed(run, about=None, drop=(), **arrays) -> bytes:
    """A saved run whose members were changed by somebody."""
    out = io.BytesIO()
    with np.load(io.BytesIO(saved.saved_run(run)), allow_pickle=False) as held:
        members = {name: held[name] for name in held.files if name not in drop} | arrays
    if about is not None:
        plain = json.loads(members["about"].tobytes())
        about(plain)
        members["about"] = np.frombuffer(json.dumps(plain).encode(), np.uint8)
    np.savez(out, **members)
    return out.getvalue()


CHANGES = {
    "other labels": (lambda plain: plain["columns"]["labels"].reverse(), "is not the data of its run"),
    "no solver of ours": (lambda plain: plain["spec"].update(solver="rm -rf"), "Unknown solver"),
    "more iterations than allowed": (
        lambda plain: plain["spec"]["stop"].update(max_iter=10**9),
        "iterations must be a whole number",
    ),
    "a strange start": (lambda plain: plain["spec"].update(init="given"), "given"),
    "data of nobody": (lambda plain: plain["spec"].update(data="nowhere"), "not in this program's catalog"),
    "classes of others": (lambda plain: plain["data"]["classes"].update(index=[9] * 12), "cannot be understood"),
    "facts of others": (lambda plain: plain["data"]["facts"].pop(), "was changed"),
    "a damaged fact": (lambda plain: plain["data"]["facts"][0].update(values=[0]), "cannot be understood"),
    "objects as classes": (lambda plain: plain["data"]["classes"].update(dtype="object"), "cannot be understood"),
    "documents too few": (lambda plain: plain["data"].update(documents=["one"]), "cannot be understood"),
    "pictures too large": (lambda plain: plain["data"].update(image_shape=[9, 9]), "size it says"),
    "no title": (lambda plain: plain["data"].pop("title"), "cannot be understood"),
    "a merge of one": (lambda plain: plain["view"].update(merges=[[0]]), "merges or hidden words in this run file are damaged"),
    "a view that is none": (lambda plain: plain.update(view=3), "cannot be understood"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_saved_run_that_somebody_changed_is_refused_with_a_sentence(name, jobs):
    about, words = CHANGES[name]
    with pytest.raises(ProblemError, match=words):
        again(changed(fitted(upload(), jobs), about), jobs)


def test_factors_that_are_not_the_runs_are_refused(jobs, movies):
    run = fitted(upload(), jobs)
    with pytest.raises(ProblemError, match="It was changed"):
        again(changed(run, W=run.factorization.W * 1.2), jobs)
    with pytest.raises(ProblemError, match="the data is not in it"):
        again(changed(run, drop=("X", "shape")), jobs)
    with pytest.raises(ProblemError, match="is not the one of this run"):
        again(changed(movies, lambda plain: plain["spec"].update(fingerprint="0" * 64)), jobs)


def test_a_file_that_is_too_large_is_refused_before_it_is_read():
    with pytest.raises(ProblemError, match="bytes; files up to"):
        saved.opened(b"x" * 100, replace(saved.Limits(), upload_bytes=50))


# -- on the screen -------------------------------------------------------------------------------------------------------


def bring(app: AppTest, name: str, content: bytes) -> AppTest:
    app.file_uploader(key="open-run").set_value((name, content, "application/octet-stream")).run()
    return app


def shown(app: AppTest, run: FittedRun) -> State:
    """The session's state, once the run is on screen (or after ten seconds)."""
    me = app.session_state["nmf"]
    for _ in range(100):
        if me.shown.run is not None and me.shown.run.spec == run.spec:
            break
        time.sleep(0.1)
        app.run()
    return me


def go(app: AppTest) -> AppTest:
    return app.switch_page("views/data.py").run().button(key="open-upload").click().run()


def test_a_saved_run_opens_on_the_data_page_and_another_file_gets_a_sentence(movies):
    app = go(AppTest.from_file(APP, default_timeout=60).run())
    bring(app, "bad.npz", b"PK no run")
    assert not app.exception
    assert any("no run file" in block.value for block in app.markdown)
    app.button(key="dismiss").click().run()
    bring(app, "good.nmf.npz", saved.saved_run(movies))
    me = shown(app, movies)
    np.testing.assert_array_equal(me.shown.run.factorization.W, movies.factorization.W)
    app.switch_page("views/overview.py").run()
    assert app.title[0].value.startswith("Four topics in ")
    assert named(app.slider, "rank").value == 4
    assert not any("Shown:" in block.value for block in app.markdown)


EDITS = Edits().merge([0, 2]).hide([5, 1]).rename((0, 2), "crime <b>")


def test_a_saved_run_brings_its_names_merges_and_hidden_words(movies):
    app = go(AppTest.from_file(APP, default_timeout=60).run())
    bring(app, "good.nmf.npz", saved.saved_run(movies, EDITS))
    shown(app, movies)
    app.switch_page("views/topics.py").run()
    said = [block.value for block in app.markdown]
    assert any(EDITS.sentence in value for value in said)
    assert any(value.startswith("**1 + 3 · crime ") for value in said)


def test_a_saved_run_on_an_upload_opens_in_a_session_that_never_saw_the_file(jobs):
    run = fitted(upload(), jobs)
    app = bring(go(AppTest.from_file(APP, default_timeout=60).run()), "mine.nmf.npz", saved.saved_run(run))
    me = shown(app, run)
    for page in ("overview", "fit", "data", "matrices"):
        app.switch_page(f"views/{page}.py").run()
        assert not app.exception
    assert me.shown.run.dataset.title == "Mine <b>"


@pytest.mark.parametrize("kind", ["catalog", "upload"])
def test_every_file_of_the_export_menu_can_be_made(kind, jobs, movies):
    run = movies if kind == "catalog" else fitted(upload(), jobs)
    for what in ("report", "npz", "csv", "script", "spec", "run"):
        assert len(header._made(what, run, "H rows L1", Edits().merge([0, 1]))) > 100


def test_data_that_came_with_a_saved_run_has_its_card(jobs):
    """Only a file that was dropped had one."""
    run = fitted(upload(), jobs)
    app = go(AppTest.from_file(APP, default_timeout=60).run())
    bring(app, "mine.nmf.npz", saved.saved_run(run))
    assert shown(app, run).shown.run is not None
    app.run()
    assert not app.exception
    assert any(run.dataset.fingerprint[:16] in block.value for block in app.markdown)
