"""What is open after reading (missing, negative, zero, orientation) is settled by choice, never in silence."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from nmfcore.data import Limits, Table, UploadError, apply, as_dataset, read_matrix

NAN = float("nan")


def table(X, **more):
    return Table("t.csv", X=X, **more)


HOLES = np.array([[1.0, NAN], [3, 4], [5, 6]])
SIGNED = np.array([[1.0, -2], [3, 4]])


@pytest.mark.parametrize("negatives", ["refuse", "clip", "shift"])
def test_negatives_of_rows_that_were_dropped_change_nothing(negatives):
    X = np.array([[1.0, 2, 3], [4, 5, 6], [NAN, -7, 9], [10, 11, 12]])
    found = as_dataset(table(X), missing="drop_rows", negatives=negatives)
    np.testing.assert_array_equal(found.X, X[[0, 1, 3]])
    assert not any("raised" in note or "negative" in note for note in found.notes)


@pytest.mark.parametrize("X", [HOLES, sp.csr_array(HOLES)])
def test_missing_cells_are_refused_until_someone_says_what_they_mean(X):
    with pytest.raises(UploadError) as caught:
        as_dataset(table(X))
    assert "1 cell of 6 is missing" in caught.value.message
    assert caught.value.place == "first at row 1, column 2"
    results = [as_dataset(table(X), **fix.options) for fix in caught.value.fixes]
    masked, zero, rows, columns = results
    assert_array_equal(masked.mask, [[1, 0], [1, 1], [1, 1]])
    assert_array_equal(masked.X, [[1, 0], [3, 4], [5, 6]])
    assert zero.mask is None
    assert rows.shape == (2, 2)
    assert columns.shape == (3, 1)
    assert all(any("1 " in note for note in result.notes) for result in results)  # counted


@pytest.mark.parametrize("X", [SIGNED, sp.csr_array(SIGNED)])
def test_negative_entries_are_refused_until_someone_chooses(X):
    with pytest.raises(UploadError, match="1 entry is negative") as caught:
        as_dataset(table(X, row_labels=["a", "b"], column_labels=["x", "y"]))
    assert caught.value.place == "first at row 1 ('a'), column 2 ('y')"
    assert caught.value.value == "-2"
    clip, shift = (as_dataset(table(X), **fix.options) for fix in caught.value.fixes)
    assert (clip.X.toarray() if clip.sparse else clip.X).tolist() == [[1, 0], [3, 4]]
    assert_array_equal(shift.X, [[3, 0], [5, 6]])
    assert "raised by 2" in shift.notes[-1]


def test_zeros_can_mean_not_measured():
    result = as_dataset(table(np.array([[0.0, 2], [3, 0]])), zeros="missing", zero_means="not rated")
    assert_array_equal(result.mask, [[0, 1], [1, 0]])
    assert result.zero_means == "not rated"


def test_orientation_turns_everything_around():
    X = np.array([[1.0, NAN, 3], [4, 5, 6]])
    source = table(X, row_labels=["a", "b"], column_labels=["x", "y", "z"], aside={"kind": ["p", "q"]})
    result = as_dataset(source, orientation="columns", missing="mask", classes="kind", rows=("shows", "show"))
    assert result.shape == (3, 2)
    assert result.axes.rows.labels == ["x", "y", "z"]
    assert result.axes.rows.name == "shows"
    assert_array_equal(result.mask, [[1, 1], [0, 1], [1, 1]])
    assert result.classes is None
    assert result.column_classes.names == ("p", "q")
    assert any("known labels" in note for note in result.notes)


def test_a_column_set_aside_becomes_the_known_labels():
    source = table(HOLES, aside={"kind": ["p", "q", "p"]})
    result = as_dataset(source, missing="drop_rows", classes="kind")
    assert result.classes.names == ("p", "q")
    assert result.classes.index.tolist() == [1, 0]
    with pytest.raises(ValueError, match="no column 'x'"):
        as_dataset(source, classes="x")


def test_ratings_are_masked_or_counted_as_zero():
    text = b"user,item,rating\na,x,5\na,y,0\nb,x,3\n"
    ratings = read_matrix(text, name="r.csv")
    with pytest.raises(UploadError, match="1 cell of 4 is missing"):
        as_dataset(ratings)
    masked = as_dataset(ratings, missing="mask")
    assert_array_equal(masked.mask, [[1, 1], [1, 0]])
    assert masked.kind == "ratings"
    assert masked.axes.rows.name == "users"
    assert as_dataset(ratings, missing="zero").sparse
    with pytest.raises(UploadError, match="would leave nothing"):
        as_dataset(ratings, missing="drop_rows")


def test_sparse_stays_sparse_and_what_would_be_dense_is_bounded():
    X = sp.random(300, 200, 0.01, format="csr", random_state=0, dtype=np.float32)
    result = as_dataset(table(X))
    assert result.sparse
    assert result.X.dtype == np.float32
    X.data[0] = -1
    with pytest.raises(UploadError, match="too large"):
        as_dataset(table(X), negatives="shift", limits=Limits(dense_cells=1000))


def test_documents_become_a_corpus_that_the_text_step_prepares():
    posts = read_matrix(b"cats purr\ndogs bark\ncats sleep\n", name="posts.txt")
    corpus = as_dataset(posts)
    assert corpus.is_corpus
    prepared = apply(corpus, [{"step": "text", "weighting": "counts"}])
    assert prepared.shape == (3, 5)
    assert prepared.axes.rows.name == "documents"


def test_the_choices_are_recorded_for_the_run():
    result = as_dataset(table(HOLES), missing="zero", options={"delimiter": ";"})
    assert result.options["missing"] == "zero"
    assert result.options["delimiter"] == ";"
    assert result.key == "upload"
    with pytest.raises(ValueError, match="missing is 'guess'"):
        as_dataset(table(HOLES), missing="guess")


def test_all_missing_is_refused():
    with pytest.raises(UploadError, match="All cells are missing"):
        as_dataset(table(np.full((2, 2), NAN)), missing="mask")
