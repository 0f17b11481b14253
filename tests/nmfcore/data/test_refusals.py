"""Is a file that cannot be used refused with what is wrong, where, and what to do, whatever its format; and what is just enough?

Each row is a file as small as it can be. All are read in this process, so that a refusal is the reader's own and not the child's.
"""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from nmfcore.data.model.errors import TooLarge, UploadError
from nmfcore.data.model.limits import Limits
from nmfcore.data.reading import read_matrix

LIMITS = Limits()


def npz(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def sparse(kind, shape=(2, 3), **parts):
    """The arrays with which scipy.sparse.save_npz writes a matrix, some of them replaced."""
    stream = io.BytesIO()
    X = sp.csr_array(np.arange(6.0).reshape(2, 3))
    sp.save_npz(stream, {"bsr": lambda: sp.bsr_array(X, blocksize=(1, 3))}.get(kind, lambda: X.asformat(kind))())
    with np.load(io.BytesIO(stream.getvalue())) as opened:
        arrays = {name: opened[name] for name in opened.files}
    return npz(**arrays | {"shape": np.array(shape)} | {name: np.asarray(part) for name, part in parts.items()})


def parquet(columns, **options):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    pq.write_table(pa.table(columns) if isinstance(columns, dict) else columns, stream, **options)
    return stream.getvalue()


def picture(size=(4, 3), mode="L", kind="PNG"):
    image = pytest.importorskip("PIL.Image")
    stream = io.BytesIO()
    image.new(mode, size).save(stream, kind)
    return stream.getvalue()


def read(file, name, limits=LIMITS, **options):
    return read_matrix(file, name=name, limits=limits, isolate=False, **options)


def text(*lines):
    return ("\n".join(lines) + "\n").encode()


REFUSED = {
    # NumPy's own formats
    "no array": (npz, {}, "x.npz", "The NPZ file holds no array", "numpy.savez"),
    "no numbers": (npy, {"array": np.array(["2020"], "M8[Y]")}, "x.npy", "holds datetime64[Y], not numbers", "Convert"),
    "fractional indices": (sparse, {"kind": "csr", "indices": [0.0, 1, 0, 1, 2]}, "x.npz", "are no whole numbers", "again"),
    "two dimensions of values": (sparse, {"kind": "csr", "data": np.ones((5, 1))}, "x.npz", "must have one dimension each", ""),
    "a short indptr": (sparse, {"kind": "csr", "indptr": [0, 5]}, "x.npz", "2 entries in indptr, but 2 rows need 3", ""),
    "an indptr that falls": (sparse, {"kind": "csr", "indptr": [0, 6, 5]}, "x.npz", "does not rise from 0", ""),
    "an indptr that ends early": (sparse, {"kind": "csr", "indptr": [0, 2, 4]}, "x.npz", "ends at 4, but there are 5", ""),
    "fewer indices than values": (sparse, {"kind": "csr", "indices": [0, 1]}, "x.npz", "2 indices for 5 values", ""),
    "an index beyond": (sparse, {"kind": "csr", "indices": [1, 2, 0, 1, 7]}, "x.npz", "column 7 of 3, counted from 0", ""),
    "a column's index beyond": (sparse, {"kind": "csc", "indices": [1, 0, 1, 0, 9]}, "x.npz", "row 9 of 2, counted from 0", ""),
    "coordinates of two lengths": (sparse, {"kind": "coo", "row": [0, 1]}, "x.npz", "do not have one length", ""),
    "fractional coordinates": (sparse, {"kind": "coo", "row": np.zeros(5)}, "x.npz", "are no whole numbers", ""),
    "blocks of another shape": (sparse, {"kind": "bsr", "shape": (2, 4)}, "x.npz", "do not fit its shape", ""),
    "diagonals that repeat": (sparse, {"kind": "dia", "offsets": np.zeros(4, int)}, "x.npz", "too many or repeated diag", ""),
    "diagonals without a place": (sparse, {"kind": "dia", "offsets": [0, 1]}, "x.npz", "do not fit together", ""),
    # JSON
    "a blank file": (text, {"": " "}, "x.json", "The file is empty", "Choose a file with content"),
    "a list of all sorts": (text, {"": '[1, {"a": 2}, [3]]'}, "x.json", "The list mixes 'dict', 'int', 'list'", "list of"),
    "short rows": (text, {"": "[[1, 2], [3]]"}, "x.json", "Row 2 has 1 value, the first has 2", "short rows"),
    "short split rows": (text, {"": '{"columns": ["a", "b"], "data": [[1]]}'}, "x.json", "as many values as there are", ""),
    "short columns": (text, {"": '{"a": [1, 2], "b": [3]}'}, "x.json", "The columns have different lengths (1 to 2)", "null"),
    "a nested cell": (text, {"": "[[1, [2]], [3, 4]]"}, "x.json", "A value is nested", "Flatten it"),
    # rows of pairs
    "no pair at all": (text, {"": "1 # nothing\n0"}, "x.svm", "No row holds a pair", "with data", {"format": "pairs"}),
    "an index beyond all": (text, {"": "1 1:1\n1 99999999:1\n1 2:1"}, "x.svm", "out of range (at most", ""),
    # tables of names
    "too few columns": (text, {"": "a,b\n1,2\n3,4"}, "x.csv", "Ratings need three columns", "", {"content": "ratings"}),
    "no rating": (text, {"": "user,item,rating\nu,i,\nv,j,"}, "x.csv", "No row holds a rating", "", {"content": "ratings"}),
    "a rating of words": (
        text, {"": "user,item,rating\nu,i,4\nv,j,good"}, "x.csv", "A rating is no number (line 3, column 3", "",
        {"content": "ratings"},
    ),
    "more header than rows": (text, {"": "a,b\n1,2"}, "x.csv", "only 2 rows, and 5 of them", "fewer", {"header_rows": 5}),
    "a web page": (text, {"": "<!DOCTYPE html><html></html>"}, "x.mtx", "is a web page (HTML), perhaps an error page", "again"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_says_what_is_wrong_and_what_to_do(case):
    make, given, name, words, way_out, *options = REFUSED[case]
    content = make(*given.values()) if make is text else make(**given)
    with pytest.raises(UploadError) as caught:
        read(content, name, **(options[0] if options else {}))
    assert words in str(caught.value)
    assert way_out in caught.value.way_out
    assert caught.value.way_out.endswith((".", "?"))


@pytest.mark.parametrize(
    ("content", "name", "limit", "words"),
    [
        (npy(np.ones((3, 4))), "x.npy", {"dense_cells": 11}, "12 cells"),
        (npy(np.ones((3, 4))), "x.npy", {"columns": 3}, "4 columns"),
        (npy(np.ones((3, 4))), "x.npy", {"rows": 2}, "3 rows"),
        (sparse("csr"), "x.npz", {"stored_values": 4}, "stores 5 values; at most 4"),
        (sparse("coo"), "x.npz", {"stored_values": 4}, "stores 5 values; at most 4"),
        (sparse("bsr"), "x.npz", {"stored_values": 5}, "stores 6 values; at most 5"),
        (text("a,b,c", "1,2,3"), "x.csv", {"columns": 2}, "3 columns; at most 2"),
        (text("[[1], [2], [3]]"), "x.json", {"rows": 2}, "3 rows; at most 2"),
        (text(json.dumps(["one text", "another text", "a third text"])), "x.json", {"documents": 2}, "3 documents; at most 2"),
        (text("1 1:1 2:1", "2 1:1"), "x.svm", {"rows": 1}, "more than 1 rows"),
        (text("1 1:1 2:1", "2 1:1"), "x.svm", {"stored_values": 2}, "more than 2 values"),
        (picture(), "x.png", {"image_pixels": 11}, "more than 11 pixels"),
    ],
    ids=lambda given: "" if isinstance(given, bytes) else None,
)  # fmt: skip
def test_what_is_beyond_a_limit_names_both_numbers_and_what_is_at_it_is_read(content, name, limit, words):
    """The limits are those that were given: one more lets the same file in."""
    with pytest.raises(UploadError) as caught:
        read(content, name, replace(LIMITS, **limit))
    assert words in str(caught.value)
    assert read(content, name, replace(LIMITS, **{key: most + 1 for key, most in limit.items()})).shape[0] > 0


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia"])
def test_every_sparse_format_of_scipy_gives_the_same_matrix(kind):
    X = read(sparse(kind), "x.npz").X
    assert sp.issparse(X)
    np.testing.assert_array_equal(X.toarray(), np.arange(6.0).reshape(2, 3))


def test_one_list_of_numbers_is_a_column_and_says_so():
    table = read(b"[1, 2.5, -4]", "x.json")
    np.testing.assert_array_equal(table.X, [[1], [2.5], [-4]])
    assert any("one list of numbers" in note for note in table.notes)


def test_pandas_layouts_with_an_index_keep_its_labels():
    """What DataFrame.to_json writes with orient="split"."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]}, index=["first", "second"])
    table = read(frame.to_json(orient="split").encode(), "x.json")
    assert (list(table.row_labels), list(table.column_labels)) == (["first", "second"], ["x", "y"])
    np.testing.assert_array_equal(table.X, frame.to_numpy())


def test_a_group_in_pairs_is_a_fact_of_its_row():
    table = read(text("2 qid:7 1:0.5 3:1", "1 qid:7 2:4", "0 qid:9 1:1"), "x.svm")
    assert table.aside == {"label": ["2", "1", "0"], "group": ["7", "7", "9"]}
    np.testing.assert_array_equal(table.X.toarray(), [[0.5, 0, 1], [0, 4, 0], [1, 0, 0]])


def test_an_extended_precision_is_rounded_with_a_note():
    wide = np.array([[1, 3]], np.longdouble) / 3
    table = read(npy(wide), "x.npy")
    assert table.X.dtype == np.float64
    np.testing.assert_array_equal(table.X, wide.astype(np.float64))
    if wide.dtype.itemsize > 8:  # Windows has none
        assert any("extended precision" in note for note in table.notes)


@pytest.mark.parametrize(("channels", "shape"), [((2, 3, 4, 1), (2, 12)), ((2, 3, 4), (2, 12))])
def test_a_stack_of_pictures_has_one_in_each_row(channels, shape):
    stack = np.arange(np.prod(channels), dtype=np.float32).reshape(channels)
    table = read(npy(stack), "x.npy")
    assert table.shape == shape
    assert table.image_shape == (3, 4)
    np.testing.assert_array_equal(table.X, stack.reshape(shape))


def test_a_coloured_picture_becomes_grey_and_says_so():
    """Rec. 601: 0.299 R + 0.587 G + 0.114 B. What is transparent is white."""
    image = pytest.importorskip("PIL.Image")
    stream = io.BytesIO()
    drawn = image.new("RGBA", (2, 1), (255, 0, 0, 255))
    drawn.putpixel((1, 0), (0, 0, 0, 0))
    drawn.save(stream, "PNG")
    table = read(stream.getvalue(), "x.png")
    np.testing.assert_allclose(table.X, [[0.299, 1.0]], atol=0.5 / 255)
    assert any("turned into grey" in note for note in table.notes)


def test_parquet_leaves_out_columns_without_a_value_and_names_them():
    table = read(parquet({"a": [1.0, 2.0], "gone": [None, float("nan")], "b": [3.0, 4.0]}), "x.parquet")
    assert list(table.column_labels) == ["a", "b"]
    np.testing.assert_array_equal(table.X, [[1, 3], [2, 4]])
    assert any("'gone'" in note and "without any value" in note for note in table.notes)


@pytest.mark.parametrize(
    ("columns", "words"),
    [({"a": [None, float("nan")], "b": [float("nan"), None]}, "All cells of the table are missing"), ({"a": []}, "no rows")],
)
def test_parquet_without_a_number_is_refused(columns, words):
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(UploadError, match=words):
        read(parquet({name: pa.array(values, pa.float64()) for name, values in columns.items()}), "x.parquet")


def test_parquet_with_whole_numbers_beyond_float64_says_so():
    table = read(parquet({"a": [1, 2**53 + 1], "b": [3.5, 4.5]}), "x.parquet")
    assert any("2^53" in note for note in table.notes)


def test_parquet_with_a_damaged_description_of_pandas_is_still_read():
    pa = pytest.importorskip("pyarrow")
    described = pa.table({"a": [1.0, 2.0], "b": [3.0, 4.0]}).replace_schema_metadata({b"pandas": b"{not json"})
    np.testing.assert_array_equal(read(parquet(described), "x.parquet").X, [[1, 3], [2, 4]])


def test_a_header_longer_than_its_rows_is_refused_and_cut_when_chosen():
    lines = text("a,b,c", "1,2", "3,4")
    with pytest.raises(UploadError) as caught:
        read(lines, "x.csv", header=True)
    assert "3 names" in str(caught.value)
    cut = next(fix for fix in caught.value.fixes if "ragged" in fix.options and fix.options["ragged"] == "pad")
    table = read(lines, "x.csv", header=True, **cut.options)
    np.testing.assert_array_equal(table.X[:, :2], [[1, 2], [3, 4]])


def test_too_large_is_a_refusal_of_its_own_kind():
    """The Data page offers the conversion to blocks for these, and for no other refusal."""
    with pytest.raises(TooLarge):
        read(text("a,b,c", "1,2,3"), "x.csv", replace(LIMITS, columns=2))
