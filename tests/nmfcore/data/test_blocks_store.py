"""Does a store hold what was converted into it, and does it refuse what it cannot hold?"""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import nmfcore
from nmfcore.core.blocks import ArrayBlocks
from nmfcore.core.errors import ProblemError
from nmfcore.core.factorization import Axes, Axis
from nmfcore.data.blocks import Store, as_blocks, open_store, stores
from nmfcore.data.blocks import convert as converting
from nmfcore.data.blocks.__main__ import main
from nmfcore.export import script

ENV = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
DATA = sp.csr_array(sp.random(90, 31, 0.2, random_state=1, format="csr", dtype=np.float32))
DATA.data = np.round(DATA.data * 9 + 1).astype(np.float32)


def whole(store):
    """All blocks as one dense array."""
    parts = [store.block(i) for i in range(len(store))]
    return np.vstack([p.toarray() if sp.issparse(p) else np.asarray(p) for p in parts])


def npz_folder(tmp_path, parts=5):
    folder = tmp_path / "rows"
    folder.mkdir()
    for number, rows in enumerate(np.array_split(np.arange(90), parts)):
        sp.save_npz(folder / f"{number}.npz", sp.csr_array(DATA[rows]))
    return folder


def triples(tmp_path, *, names=False):
    table = DATA.tocoo()
    frame = pd.DataFrame({"row": table.row, "column": table.col, "value": table.data.astype(float)}).sample(
        frac=1, random_state=0
    )
    if names:
        frame["row"] = [f"item {i:03}" for i in frame["row"]]
    frame.to_parquet(tmp_path / "long.parquet", row_group_size=97)
    return tmp_path / "long.parquet"


def table(tmp_path):
    frame = pd.DataFrame(DATA.toarray(), columns=[f"word {j}" for j in range(31)])
    frame.insert(0, "title", [f"item {i}" for i in range(90)])
    frame.to_parquet(tmp_path / "wide.parquet", row_group_size=40)
    return tmp_path / "wide.parquet"


def h5ad(tmp_path, *, kind=sp.csr_matrix, zarr=False):
    anndata = pytest.importorskip("anndata", reason="the extra [blocks] is not installed")
    held = anndata.AnnData(kind(DATA.tocsr()))
    held.obs.index = pd.Index([f"cell {i}" for i in range(90)], dtype=object)
    held.var.index = pd.Index([f"gene {j}" for j in range(31)], dtype=object)
    path = tmp_path / ("cells.zarr" if zarr else "cells.h5ad")
    held.write_zarr(path) if zarr else held.write_h5ad(path)
    return path


def dask_array(tmp_path):
    da = pytest.importorskip("dask.array", reason="the extra [dask] is not installed")
    return da.from_array(DATA.toarray(), chunks=(25, 31)).map_blocks(sp.csr_array, dtype=np.float32, meta=sp.csr_array((0, 0)))


SOURCES = {
    "npz": npz_folder,
    "triples": triples,
    "table": table,
    "h5ad": h5ad,
    "zarr": lambda tmp_path: h5ad(tmp_path, zarr=True),
    "dask": dask_array,
    "matrix": lambda tmp_path: DATA,
    "blocks": lambda tmp_path: ArrayBlocks(DATA, edges=[0, 7, 50, 90]),
}


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("name", SOURCES)
def test_every_source_becomes_the_same_matrix(name, tmp_path):
    store = as_blocks(SOURCES[name](tmp_path), tmp_path / "it.blocks", values=150)
    assert store.shape == (90, 31)
    assert len(store) > 2
    assert store.sparse
    assert store.dtype == np.float32
    np.testing.assert_array_equal(whole(store), DATA.toarray())
    assert store.facts.stored == DATA.nnz
    assert store.facts.squared_norm == pytest.approx(float((DATA.data.astype(float) ** 2).sum()))
    assert store.facts.empty_rows == int((DATA.sum(axis=1) == 0).sum())
    assert store.block(1).indices.dtype == np.int32
    assert not any(array.flags.owndata for array in (store.block(1).data, store.block(1).indices)), "mapped, not copied"
    store.verify()
    np.testing.assert_array_equal(store.rows(20, 61).toarray(), DATA[20:61].toarray())


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_labels_travel_with_the_rows_and_stay_on_disk(tmp_path):
    store = as_blocks(h5ad(tmp_path), values=150)
    assert store.folder == tmp_path / "cells.blocks"
    assert store.axes.rows.label(77) == "cell 77"
    assert store.axes.rows.labels[-1] == "cell 89"
    assert store.axes.columns.labels == [f"gene {j}" for j in range(31)]
    assert not isinstance(store.axes.rows.labels, list)
    by_name = as_blocks(triples(tmp_path, names=True), values=150)
    seen = [int(label.split()[1]) for label in by_name.axes.rows.labels]
    np.testing.assert_array_equal(whole(by_name), DATA.toarray()[seen])


def test_a_store_is_opened_where_it_has_been_made_and_survives_a_pickle(tmp_path):
    folder = npz_folder(tmp_path)
    first = as_blocks(folder, values=150)
    assert as_blocks(folder, values=150).fingerprint == first.fingerprint
    assert as_blocks(first.folder).fingerprint == first.fingerprint
    assert pickle.loads(pickle.dumps(first)).fingerprint == first.fingerprint
    other = as_blocks(folder, tmp_path / "other.blocks", values=300)
    assert other.fingerprint != first.fingerprint, "the cut decides about the last bits of a result"
    with pytest.raises(ProblemError, match="other data"):
        as_blocks(DATA, first.folder)


def test_an_interrupted_conversion_goes_on_where_it_was(tmp_path, monkeypatch):
    folder, target = npz_folder(tmp_path, parts=9), tmp_path / "it.blocks"
    written = []
    honest = converting.write_block
    monkeypatch.setattr(converting, "write_block", lambda *a: written.append(a[1]) or honest(*a))

    class Enough(Exception):
        pass

    def stop(sentence, fraction):
        if fraction and fraction > 0.5:
            raise Enough

    with pytest.raises(Enough):
        as_blocks(folder, target, values=60, report=stop)
    done = list(written)
    assert done
    assert not (target / "header.json").exists()
    with pytest.raises(ProblemError, match="interrupted: run it again"):
        Store(target)
    store = as_blocks(folder, target, values=60)
    assert not set(done) & set(written[len(done) :]), "what was written is not written again"
    np.testing.assert_array_equal(whole(store), DATA.toarray())
    assert not (target / "unfinished.json").exists()


def test_the_first_pass_names_the_place_of_what_cannot_be(tmp_path):
    X = DATA.toarray()
    X[63, 4] = -2.5
    axes = Axes(Axis("films", "film", [f"film {i}" for i in range(90)]), Axis("words", "word", [f"w{j}" for j in range(31)]))
    with pytest.raises(ProblemError, match=r"negative: -2.5 at row 64 \(film 63\), column 5 \(w4\)"):
        as_blocks(X, tmp_path / "a", values=300, axes=axes)
    X[63, 4] = np.nan
    with pytest.raises(ProblemError, match=r"missing \(NaN\).* row 64, column 5"):
        as_blocks(X, tmp_path / "b", values=300)
    X[63] = 0
    store = as_blocks(X, tmp_path / "c", values=300)
    assert any("rows hold nothing above 0" in note for note in store.notes)
    with pytest.raises(ProblemError, match="zero everywhere"):
        as_blocks(np.zeros((5, 4)), tmp_path / "d")
    with pytest.raises(ProblemError, match="float32 cannot hold exactly"):
        as_blocks(np.array([[1.0, 2**24 + 1], [0.0, 3.0]]), tmp_path / "e")


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_what_lies_by_columns_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(ProblemError, match=r"stored by columns \(CSC\).*tocsr"):
        as_blocks(h5ad(tmp_path, kind=sp.csc_matrix))
    sp.save_npz(tmp_path / "x.npz", sp.csc_array(DATA))
    with pytest.raises(ProblemError, match=r"stored by columns.*tocsr"):
        as_blocks(tmp_path / "x.npz")
    da = pytest.importorskip("dask.array", reason="the extra [dask] is not installed")
    with pytest.raises(ProblemError, match=r"2 column chunks.*rechunk"):
        as_blocks(da.from_array(DATA.toarray(), chunks=(30, 20)), tmp_path / "y")
    (tmp_path / "x.csv").write_text("a,b\n")
    with pytest.raises(ProblemError, match=r"Sources that can: \.h5ad"):
        as_blocks(tmp_path / "x.csv")


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_what_cannot_be_read_says_what_is_there_instead(tmp_path):
    cells = h5ad(tmp_path)
    with pytest.raises(ProblemError, match=r"no layer 'raw'.*It has no layers, only X"):
        as_blocks(cells, layer="raw")
    zarr = pytest.importorskip("zarr", reason="the extra [blocks] is not installed")
    zarr.save(str(tmp_path / "plain.zarr"), DATA.toarray())
    with pytest.raises(ProblemError, match=r"a Zarr array and no AnnData file.*dask\.array\.from_zarr"):
        as_blocks(tmp_path / "plain.zarr")
    sp.save_npz(tmp_path / "coo.npz", sp.coo_array(DATA))
    with pytest.raises(ProblemError, match=r"stored as coordinates.*tocsr"):
        as_blocks(tmp_path / "coo.npz")
    pd.DataFrame({"user": ["a", "b"], "thing": ["x", "y"], "n": [1, 2]}).to_parquet(tmp_path / "named.parquet")
    with pytest.raises(ProblemError, match=r"1 column of numbers and 2 columns of other things \(user, thing\).*triples="):
        as_blocks(tmp_path / "named.parquet")


@pytest.mark.parametrize("height", [7, 40, 1000])
def test_a_row_group_larger_than_memory_is_read_in_batches(tmp_path, monkeypatch, height):
    """A group used to be read whole: pandas puts a million rows into one."""
    monkeypatch.setattr("nmfcore.data.blocks.from_parquet.BLOCK_VALUES", 31 * height)
    store = as_blocks(table(tmp_path), values=150)
    assert np.array_equal(whole(store), DATA.toarray())
    assert store.axes.rows.label(41) == "item 41"


def test_a_conversion_that_was_cut_otherwise_begins_again(tmp_path, monkeypatch):
    def stop(sentence, fraction=None):
        if sentence.startswith("Piece 3"):
            raise KeyboardInterrupt

    source = table(tmp_path)
    monkeypatch.setattr("nmfcore.data.blocks.from_parquet.BLOCK_VALUES", 31 * 20)
    with pytest.raises(KeyboardInterrupt):
        as_blocks(source, values=50, report=stop)
    monkeypatch.setattr("nmfcore.data.blocks.from_parquet.BLOCK_VALUES", 31 * 30)
    assert np.array_equal(whole(as_blocks(source, values=50)), DATA.toarray())


def test_a_damaged_store_is_refused_and_read_nowhere_else(tmp_path):
    store = as_blocks(DATA, tmp_path / "it.blocks", values=150)
    indices = np.fromfile(store.folder / "00001.indices", "<i4")
    indices[3] = 1_000_000
    indices.tofile(store.folder / "00001.indices")
    with pytest.raises(ProblemError, match=r"Block 2 .* damaged"):
        Store(store.folder).block(1)
    with pytest.raises(ProblemError, match=r"Block 2 .* not what was written"):
        store.verify()
    (store.folder / "00000.data").write_bytes(b"12")
    with pytest.raises(ProblemError, match=r"00000.data .* cut off"):
        Store(store.folder)
    header = json.loads((store.folder / "header.json").read_text())
    (store.folder / "header.json").write_text(json.dumps({**header, "blocks": "x"}))
    with pytest.raises(ProblemError, match="cannot be understood"):
        Store(store.folder)
    (store.folder / "header.json").write_text(json.dumps({**header, "format": 99}))
    with pytest.raises(ProblemError, match="later version"):
        Store(store.folder)


def test_the_script_of_a_run_on_a_store_repeats_it_to_the_bit(tmp_path):
    store = as_blocks(DATA, tmp_path / "it.blocks", values=150)
    fit = nmfcore.solve(store, 3, seed=4, init="random")
    (tmp_path / "again.py").write_text(script(fit, X=store))
    done = subprocess.run([sys.executable, "again.py", "it.blocks"], cwd=tmp_path, capture_output=True, text=True, env=ENV)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "factors.npz") as again:
        np.testing.assert_array_equal(again["W"], fit.W)
        np.testing.assert_array_equal(again["H"], fit.H)
    with pytest.raises(ProblemError, match="make one with"):
        script(fit, X=ArrayBlocks(DATA))


def test_only_stores_in_the_folder_itself_are_offered(tmp_path, monkeypatch):
    inside, outside = tmp_path / "offered", tmp_path / "elsewhere"
    as_blocks(DATA, inside / "one.blocks")
    as_blocks(DATA, outside / "two.blocks")
    (inside / "link").symlink_to(outside / "two.blocks")
    (inside / "plain").mkdir()
    monkeypatch.setenv("NMF_DATA_FOLDER", str(inside))
    assert list(stores()) == ["one.blocks"]
    assert open_store("one.blocks").shape == (90, 31)
    for name in ("../elsewhere/two.blocks", "link", "plain"):
        with pytest.raises(ProblemError, match="no store"):
            open_store(name)
    monkeypatch.delenv("NMF_DATA_FOLDER")
    assert stores() == {}


def test_the_command_converts_checks_and_refuses_in_a_sentence(tmp_path, capsys):
    assert main([str(npz_folder(tmp_path)), "--check"]) == 0
    assert "90 × 31" in capsys.readouterr().out
    assert main([str(tmp_path / "nothing.npz")]) == 1
    assert "There is no file" in capsys.readouterr().err
