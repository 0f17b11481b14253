"""Arrays, workbooks, archives and pictures: good ones load right, lying and damaged ones are refused by name, none runs code."""

import gzip
import io
import json
import os
import pickle
import random
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from nmfcore.data import Limits, UploadError, as_dataset, read_matrix
from nmfcore.data.readers import READERS, suffixes

NAN = float("nan")


def made(write):
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def read(content, name, **options):
    """In this process: the child's way is tested in test_child.py and gives the same."""
    return read_matrix(content, name=name, isolate=False, **options)


def refused(content, name, words, **options):
    with pytest.raises(UploadError) as caught:
        read(content, name, **options)
    assert words in caught.value.message, caught.value.message
    assert caught.value.way_out
    return caught.value


def said(table, words):
    return any(words in note for note in table.notes)


# --- NumPy --------------------------------------------------------------------------------------------------------------

FULL = np.array([[1.0, 0, 2.5], [0, 3, 4]])


def npy(array):
    return made(lambda b: np.save(b, array, allow_pickle=True))


@pytest.mark.parametrize("dtype", ["f8", "f4", ">f4", ">f8", "f2", "i4", "i8", "u1", "?", "<i2"])
def test_arrays_of_every_number_type_load(dtype):
    array = np.array([[1, 0, 1], [0, 1, 1]]).astype(dtype)
    table = read(npy(array), "x.npy")
    assert_array_equal(table.X, array.astype(float))
    assert table.X.dtype == (np.float32 if array.dtype.itemsize <= 2 or dtype in ("f4", ">f4") else np.float64)
    assert table.X.flags.c_contiguous


def test_arrays_of_other_shapes():
    assert_array_equal(read(npy(np.asfortranarray(FULL)), "x.npy").X, FULL)
    assert read(npy(np.arange(3.0)), "x.npy").shape == (3, 1)
    stack = read(npy(np.zeros((4, 3, 2), np.uint8) + 1), "x.npy")
    assert stack.image_shape == (3, 2)
    assert stack.content == "images"
    records = read(npy(np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])), "x.npy")
    assert records.column_labels == ["a", "b"]
    assert read(npy(np.array(["one text", "two"])), "x.npy").documents == ["one text", "two"]
    assert said(read(npy(FULL) + b"xy", "x.npy"), "2 bytes after the array")


def test_arrays_that_lie_or_are_no_numbers():
    good = npy(FULL)
    refused(good.replace(b"(2, 3)", b"(9, 9)"), "x.npy", "claims 9 x 9 = 648 bytes")
    refused(good.replace(b"(2, 3)", b"(-2,3)"), "x.npy", "header of the file is damaged")
    refused(good[:-8], "x.npy", "truncated")
    refused(good[:30], "x.npy", "header of the file is damaged")
    huge = (
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99999999), }".ljust(117)
        + b"\n"
    )
    refused(huge, "x.npy", "claims 99,999,999,999 x 99,999,999")
    refused(npy(np.array([{}], object)), "x.npy", "pickle")
    refused(npy(np.eye(2) * 1j), "x.npy", "complex")
    refused(npy(np.array(5.0)), "x.npy", "a matrix needs rows and columns")
    refused(npy(np.zeros((0, 3))), "x.npy", "a matrix needs rows and columns")
    refused(npy(np.array(["2024"], "M8[Y]")), "x.npy", "not numbers")
    error = refused(npy(np.array([[1, np.inf], [2, 3]])), "x.npy", "infinite")
    assert "row 1, column 2" in error.place
    assert_array_equal(read(npy(np.array([[1, np.inf]])), "x.npy", **error.fixes[0].options).X, [[1, NAN]])


class Evil:
    def __reduce__(self):
        return (os.mkdir, (os.environ["NMF_TEST_EVIL"],))


def test_no_pickle_is_ever_run(tmp_path, monkeypatch):
    monkeypatch.setenv("NMF_TEST_EVIL", str(tmp_path / "evil"))
    evil = np.array([[Evil()]], object)
    for content, name in (
        (npy(evil), "x.npy"),
        (made(lambda b: np.savez(b, X=evil)), "x.npz"),
        (pickle.dumps(Evil()), "x.csv"),
        (pickle.dumps(Evil(), protocol=0), "x.pkl"),
    ):
        refused(content, name, "")
    assert not (tmp_path / "evil").exists()


# --- NPZ ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("compressed", [True, False])
def test_sparse_matrices_load_and_stay_sparse(kind, compressed):
    X = sp.random(9, 7, 0.4, format=kind, random_state=1)
    table = read(made(lambda b: sp.save_npz(b, X, compressed=compressed)), "x.npz")
    assert table.sparse
    assert_allclose(table.X.toarray(), X.toarray())
    assert table.X.has_canonical_format


def sparse_npz(**changes):
    parts = {
        "format": b"csr",
        "shape": (2, 3),
        "data": np.ones(3),
        "indices": np.array([0, 2, 1]),
        "indptr": np.array([0, 2, 3]),
    }
    parts.update(changes)
    return made(lambda b: np.savez(b, **{name: value for name, value in parts.items() if value is not None}))


LYING = {
    "index out of range": ({"indices": np.array([0, 99, 1])}, "column 99 of 3"),
    "negative index": ({"indices": np.array([0, -1, 1])}, "column -1 of 3"),
    "falling indptr": ({"indptr": np.array([0, 5, 3])}, "does not rise"),
    "negative indptr": ({"indptr": np.array([0, -1, 3])}, "does not rise"),
    "indptr beyond the data": ({"indptr": np.array([0, 2, 400])}, "ends at 400"),
    "short indptr": ({"indptr": np.array([0, 3])}, "2 rows need 3"),
    "no indptr": ({"indptr": None}, "lacks the array 'indptr'"),
    "fewer indices": ({"indices": np.array([0])}, "1 indices for 3 values"),
    "floating indices": ({"indices": np.array([0.0, 2, 1])}, "no whole numbers"),
    "gigantic shape": ({"shape": (2, 10**12)}, "at most 1,000,000"),
    "no rows": ({"shape": (0, 3)}, "a matrix needs rows"),
    "complex": ({"data": np.ones(3, complex)}, "complex"),
    "objects": ({"data": np.array([{}, 1, 2], object)}, "pickle"),
    "unknown format": ({"format": b"xyz"}, "format 'xyz'"),
    "infinite": ({"data": np.array([1, np.inf, 2])}, "row 1, column 3"),
}


@pytest.mark.parametrize("case", LYING)
def test_a_lying_sparse_file_is_refused_before_its_indices_are_used(case):
    changes, words = LYING[case]
    refused(sparse_npz(**changes), "x.npz", words)


def test_entries_stored_twice_are_added_with_a_note():
    table = read(sparse_npz(indices=np.array([2, 2, 1])), "x.npz")
    assert_array_equal(table.X.toarray(), [[0, 0, 2], [0, 1, 0]])
    assert said(table, "stored more than once")


def test_a_dense_archive_brings_its_labels():
    X = np.arange(6.0).reshape(2, 3)
    parts = {"X": X, "rows": np.array(["a", "b"]), "terms": np.array(["x", "y", "z"]), "y": np.array([0, 1])}
    table = read(made(lambda b: np.savez(b, **parts)), "x.npz")
    assert table.row_labels == ["a", "b"]
    assert table.column_labels == ["x", "y", "z"]
    assert table.aside["y"] == ["0", "1"]
    error = refused(made(lambda b: np.savez(b, a=X, b=X)), "x.npz", "not clear which")
    assert_array_equal(read(made(lambda b: np.savez(b, a=X, b=2 * X)), "x.npz", **error.fixes[1].options).X, 2 * X)


def zipped(files, compression=zipfile.ZIP_DEFLATED):
    def write(buffer):
        with zipfile.ZipFile(buffer, "w", compression) as packed:
            for name, content in files.items():
                packed.writestr(name, content)

    return made(write)


def test_names_that_lead_out_of_an_archive_are_refused():
    for name in ("../../etc/cron.npy", "/etc/x.npy", "..\\x.npy", "C:/x.npy"):
        refused(zipped({name: npy(FULL)}), "x.npz", "a path out of the archive")


# --- other tables -------------------------------------------------------------------------------------------------------


def mtx(X, **how):
    return made(lambda b: scipy.io.mmwrite(b, X, **how))


def test_matrix_market_files_load():
    X = sp.random(9, 7, 0.4, random_state=1)
    assert_allclose(read(mtx(X), "x.mtx").X.toarray(), X.toarray())
    assert_allclose(read(mtx(FULL), "x.mtx").X, FULL)
    half = np.array([[1.0, 2], [2, 5]])
    for content in (mtx(half), mtx(sp.coo_array(half)), b"%%MatrixMarket matrix array real symmetric\n2 2\n1\n2\n5\n"):
        table = read(content, "x.mtx")
        assert_allclose(table.X.toarray() if table.sparse else table.X, half)
        assert said(table, "the other half was filled in")
    skew = read(b"%%MatrixMarket matrix coordinate real skew-symmetric\n3 3 1\n2 1 5\n", "x.mtx")
    assert skew.X[1, 0] == 5
    assert skew.X[0, 1] == -5
    assert said(read(b"%%MatrixMarket matrix coordinate pattern general\n%c\n\n3 3 1\n2 1\n", "x.mtx"), "each became a 1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("%%MatrixMarket matrix coordinate complex general\n2 2 1\n1 1 1 1\n", "complex"),
        ("%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 1\n", "announces 2 entries, but there are 1"),
        ("%%MatrixMarket matrix coordinate real general\n2 2 1\n1 1 1\n2 2 1\n", "announces 1 entries, but there are more"),
        ("%%MatrixMarket matrix coordinate real general\n2 2 1\n3 1 1\n", "row 3, column 1 of 2 x 2"),
        ("%%MatrixMarket matrix coordinate real general\n2 2 1\n0 1 1\n", "out of range"),
        ("%%MatrixMarket matrix coordinate real general\n2 2 1\n1 1 x\n", "does not hold 3 numbers"),
        ("%%MatrixMarket matrix coordinate real general\n2 2\n", "line with the sizes"),
        ("%%MatrixMarket matrix coordinate real symmetric\n2 3 1\n1 1 1\n", "must be square"),
        ("%%MatrixMarket matrix coordinate real general\n99999999 99999999 1\n1 1 1\n", "at most 1,000,000"),
        ("%%MatrixMarket matrix coordinate real general\n2 2 99999999999\n1 1 1\n", "at most 20,000,000"),
        ("%%MatrixMarket vector coordinate real\n2 1\n1 1\n", "no MatrixMarket header"),
    ],
)
def test_bad_matrix_market_files_are_refused(text, words):
    refused(text.encode(), "x.mtx", words)


JSON = [
    [{"a": 1, "b": 2}, {"a": 3, "b": None}],
    {"a": [1, 3], "b": [2, None]},
    {"a": {"0": 1, "1": 3}, "b": {"0": 2, "1": None}},
    {"columns": ["a", "b"], "data": [[1, 2], [3, None]]},
    {"count": 2, "rows": [{"a": 1, "b": 2}, {"a": 3}]},
]


@pytest.mark.parametrize("layout", range(len(JSON)))
def test_json_tables_of_every_layout_load(layout):
    table = read(json.dumps(JSON[layout]).encode(), "x.json")
    assert_array_equal(table.X, [[1, 2], [3, NAN]])
    assert table.column_labels == ["a", "b"]


def test_other_json():
    assert_array_equal(read(b'{"a":1}\n{"a":2}\n', "x.jsonl").X, [[1], [2]])
    assert_array_equal(read(b"[[1,2],[3,4]]", "x.json").X, [[1, 2], [3, 4]])
    assert read(b'["one text","two"]', "x.json").documents == ["one text", "two"]
    assert read(b'[{"n":"x","v":1},{"n":"y","v":2}]', "x.json").row_labels == ["x", "y"]
    assert "line 2" in refused(b'{"a":1}\n{"a":\n', "x.jsonl", "no valid JSON").place
    refused(b'[{"a":1},{"a":', "x.json", "no valid JSON")
    refused(b'[{"a":[1]}]', "x.json", "nested")
    refused(b'[{"a":1,"a":2}]', "x.json", "occurs twice")
    refused(b'[{"a":Infinity}]', "x.json", "infinite")
    refused(b'[{"a":' + b"9" * 5000 + b"}]", "x.json", "infinite")
    refused(b"[" * 100_000, "x.json", "too deeply")
    refused(b'{"a":1}', "x.json", "one object")
    assert refused(b"[[1,2],[3]]", "x.json", "Row 2 has 1 value,").fixes[0].options == {"ragged": "pad"}


def workbook(*sheets):
    def write(buffer):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for number, (rows, change) in enumerate(sheets):
            sheet = book.create_sheet(f"S{number + 1}")
            for row in rows:
                sheet.append(row)
            if change:
                change(sheet)
        book.save(buffer)

    return made(write)


ROWS = [["gene", "s1", "s2"], ["BRCA", 1, 2.5], ["TP53", 3, None]]


def test_a_workbook_loads():
    table = read(workbook((ROWS, None)), "x.xlsx")
    assert_array_equal(table.X, [[1, 2.5], [3, NAN]])
    assert table.row_labels == ["BRCA", "TP53"]
    assert table.column_labels == ["s1", "s2"]
    assert read(workbook((ROWS, None)), "wrong.csv").shape == (2, 2)  # by content, not by name


def test_a_stray_cell_in_the_last_corner_takes_no_memory():
    def stray(sheet):
        sheet["XFD1048576"] = 5

    table = read(workbook((ROWS, stray)), "x.xlsx")
    assert table.shape == (2, 2)
    assert said(table, "XFD1048576")


def test_titles_above_a_table_in_a_workbook_are_skipped():
    table = read(workbook(([["Report"], [], *ROWS], None)), "x.xlsx")
    assert table.shape == (2, 2)
    assert said(table, "before the table skipped: 'Report'")


def test_formulas_without_values_hidden_sheets_and_dates():
    def formula(sheet):
        sheet["C3"] = "=SUM(B2:B3)"

    table = read(workbook((ROWS, formula)), "x.xlsx")
    assert np.isnan(table.X[1, 1])
    assert said(table, "first in C3")

    def hide(sheet):
        sheet.sheet_state = "hidden"

    table = read(workbook(([["secret"]], hide), ([["a", "b"], [1, True]], None)), "x.xlsx")
    assert_array_equal(table.X, [[1, 1]])
    assert said(table, "hidden: 'S1'")
    chosen = read(workbook(([["a"], [1]], None), ([["a"], [2]], None)), "x.xlsx", sheet="S2")
    assert_array_equal(chosen.X, [[2]])
    refused(workbook((ROWS, None)), "x.xlsx", "no sheet 'nope'", sheet="nope")
    refused(workbook(([], None)), "x.xlsx", "is empty")
    import datetime

    days = [["day", "v"], [datetime.date(2024, 1, 1), 1], [datetime.date(2024, 1, 2), 2]]
    assert read(workbook((days, None)), "x.xlsx").row_labels == ["2024-01-01", "2024-01-02"]


def changed_member(content, member, change):
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return zipped({name: change(packed.read(name)) if name == member else packed.read(name) for name in packed.namelist()})


def test_hostile_workbooks_are_refused():
    good = workbook((ROWS, None))
    sheet = "xl/worksheets/sheet1.xml"
    bomb = changed_member(good, sheet, lambda old: old.replace(b"<sheetData>", b"<sheetData>" + b" " * 60_000_000))
    refused(bomb, "x.xlsx", "unpacks to more than")
    entity = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'
    refused(changed_member(good, sheet, lambda old: entity), "x.xlsx", "entities")
    refused(changed_member(good, sheet, lambda old: old[:-40]), "x.xlsx", "damaged")
    refused(changed_member(good, sheet, lambda old: old.replace(b'r="B2"', b'r="ZZZZ2"')), "x.xlsx", "no valid place")
    refused(b"\xd0\xcf\x11\xe0" + bytes(600), "x.xlsx", "password")
    refused(good[: len(good) // 2], "x.xlsx", "damaged or truncated")


def parquet(frame):
    return made(lambda b: frame.to_parquet(b) if isinstance(frame, pd.DataFrame) else pq.write_table(frame, b))


def test_parquet_files_load():
    frame = pd.DataFrame({"a": [1.0, 2, None], "b": [1, 2, 3], "n": ["x", "y", "z"], "f": [True, False, True]})
    for content in (parquet(frame), parquet(frame.set_index("n"))):
        table = read(content, "x.parquet")
        assert_array_equal(table.X, [[1, 1, 1], [2, 2, 0], [NAN, 3, 1]])
        assert table.row_labels == ["x", "y", "z"]
    single = pd.DataFrame(np.ones((40, 5), np.float32), columns=list("abcde"))
    assert read(parquet(single), "x.parquet").X.dtype == np.float32
    stars = pd.DataFrame({"user": [1, 1, 2], "item": ["a", "b", "a"], "rating": [5, 4, 3]})
    assert read(parquet(stars), "x.parquet").content == "ratings"
    nested = pa.table({"a": [[1], [2]], "b": [1.0, 2.0]})
    error = refused(parquet(nested), "x.parquet", "nested")
    assert read(parquet(nested), "x.parquet", **error.fixes[0].options).column_labels == ["b"]
    whole = parquet(frame)
    refused(whole[:-20], "x.parquet", "damaged Parquet file")
    refused(b"PAR1" + bytes(100), "x.parquet", "damaged Parquet file")


# --- archives and pictures ----------------------------------------------------------------------------------------------

TABLE = b"a,b\n1,2\n3,4\n"


def test_packed_tables_load():
    assert_array_equal(read(gzip.compress(TABLE), "x.csv.gz").X, [[1, 2], [3, 4]])
    assert_array_equal(read(zipped({"a.csv": TABLE, "__MACOSX/._a.csv": b"\0"}), "x.zip").X, [[1, 2], [3, 4]])
    error = refused(zipped({"a.csv": TABLE, "b.csv": TABLE}), "x.zip", "not clear which")
    assert read(zipped({"a.csv": TABLE, "b.csv": TABLE}), "x.zip", **error.fixes[1].options).shape == (2, 2)


def encrypted(content):
    """The same zip with the bit set that says: encrypted."""
    changed = bytearray(content)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        changed[changed.index(mark) + offset] |= 1
    return bytes(changed)


def lying_size(content):
    """The same zip with a small size claimed for a large file."""
    changed = bytearray(content)
    start = changed.index(b"PK\x01\x02")
    changed[start + 24 : start + 28] = (10).to_bytes(4, "little")
    return bytes(changed)


def test_hostile_archives_are_refused():
    limits = Limits(unpacked_bytes=2_000_000)
    zeros = b"0," * 2_000_000
    for content, name in ((gzip.compress(zeros), "x.gz"), (zipped({"a.csv": zeros}), "x.zip")):
        with pytest.raises(UploadError, match="2,000,000"):
            read_matrix(content, name=name, isolate=False, limits=limits)
    refused(lying_size(zipped({"a.csv": zeros})), "x.zip", "")
    refused(gzip.compress(gzip.compress(TABLE)), "x.gz", "another archive")
    refused(zipped({"a.zip": zipped({"a.csv": TABLE})}), "x.zip", "another archive")
    refused(zipped({"a.dat": zipped({"a.csv": TABLE})}), "x.zip", "another archive")
    refused(encrypted(zipped({"a.csv": TABLE})), "x.zip", "encrypted")
    refused(zipped({"../a.csv": TABLE}), "x.zip", "a path out of the archive")
    refused(zipped({}), "x.zip", "holds no file")
    refused(gzip.compress(TABLE)[:-6], "x.gz", "damaged or truncated")
    refused(zipped({"a.csv": TABLE})[:-30], "x.zip", "damaged or truncated")


def test_a_zip_of_texts_is_a_corpus_with_its_folders_as_labels():
    files = {"pos/1.txt": b"good fun", "neg/2.txt": "schlecht, öde".encode("latin-1"), "pos/3.txt": b""}
    table = read(zipped(files), "x.zip")
    assert table.documents == ["schlecht, öde", "good fun", ""]
    assert table.row_labels == ["neg/2.txt", "pos/1.txt", "pos/3.txt"]
    assert table.aside["folder"] == ["neg", "pos", "pos"]
    assert said(table, "not UTF-8")
    assert said(table, "1 document is empty")


def picture(array, kind="PNG"):
    return made(lambda b: Image.fromarray(array).save(b, kind))


GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def test_pictures_become_rows():
    files = {"p1.png": picture(GREY), "p10.pgm": picture(GREY // 2, "PPM"), "p2.png": picture(np.dstack([GREY, GREY, GREY]))}
    table = read(zipped(files), "x.zip")
    assert table.shape == (3, 12)
    assert table.image_shape == (3, 4)
    assert table.row_labels == ["p1.png", "p2.png", "p10.pgm"]  # 2 before 10
    assert_allclose(table.X[0], GREY.reshape(-1) / 255, rtol=1e-6)
    assert_allclose(table.X[1], table.X[0], atol=1e-6)
    assert as_dataset(table).image_shape == (3, 4)
    assert read(picture(GREY), "one.png").shape == (3, 4)
    deep = (GREY.astype(np.uint16) * 200).astype(np.uint16)
    assert_allclose(read(picture(deep), "deep.png").X, deep / 65535, rtol=1e-5)


def test_a_folder_and_a_list_of_files_are_read_like_a_zip(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(picture(GREY))
    table = read_matrix(tmp_path, isolate=False)
    assert table.row_labels == ["a/1.png", "b/1.png"]
    files = []
    for number in range(2):
        stream = io.BytesIO(f"text number {number}".encode())
        stream.name = f"{number}.txt"
        files.append(stream)
    X, rows, terms, notes = read_matrix(files, isolate=False)
    assert rows == ["0.txt", "1.txt"]
    assert X.shape == (2, len(terms))
    assert notes


def test_bad_pictures_are_refused_by_name():
    refused(zipped({"1.png": picture(GREY), "2.png": picture(GREY.T.copy())}), "x.zip", "differ in size")
    refused(zipped({"1.png": picture(GREY), "2.png": picture(GREY)[:40]}), "x.zip", "'2.png'")
    with pytest.raises(UploadError, match="pixels"):
        read_matrix(picture(np.zeros((50, 50), np.uint8)), name="x.png", isolate=False, limits=Limits(image_pixels=100))


# --- all of them --------------------------------------------------------------------------------------------------------


def test_every_reader_is_found_and_names_its_file_endings():
    for reader in READERS.values():
        assert callable(reader.read)
        assert reader.title
        assert set(reader.suffixes) <= set(suffixes())


SEEDS = {
    "x.npy": npy(FULL),
    "s.npz": made(lambda b: sp.save_npz(b, sp.random(9, 7, 0.4, format="csr", random_state=1))),
    "d.npz": made(lambda b: np.savez(b, X=FULL)),
    "x.mtx": mtx(sp.random(5, 4, 0.5, random_state=1)),
    "x.json": json.dumps(JSON[0]).encode(),
    "x.csv.gz": gzip.compress(TABLE),
    "x.zip": zipped({"a.csv": TABLE}),
    "p.zip": zipped({"1.png": picture(GREY), "2.png": picture(GREY)}, zipfile.ZIP_STORED),
    "x.xlsx": workbook((ROWS, None)),
    "x.csv": b"name,x\na,1.5\nb,2\n",
}


@pytest.mark.parametrize("name", SEEDS)
def test_damaged_files_load_or_are_refused_and_nothing_else(name):
    chance = random.Random(1)
    for _ in range(120):
        content = bytearray(SEEDS[name])
        for _ in range(chance.choice([1, 2, 5])):
            place = chance.randrange(len(content))
            match chance.randrange(4):
                case 0:
                    content[place] ^= 1 << chance.randrange(8)
                case 1:
                    del content[place : place + 10]
                case 2:
                    content[place:place] = bytes(chance.randrange(256) for _ in range(4))
                case 3:
                    content[place : place + 4] = chance.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"9999", b"-1-1"])
            if not content:
                break
        try:
            table = read(bytes(content), name)
        except UploadError as error:
            message = error.message
            assert "cannot be read (" not in message, message
        else:
            assert table.X is None or all(table.shape)
