"""Does something new become exactly the row that it would have been among the data?"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import nnls
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from nmfcore.core.factorization import Axes, Axis
from nmfcore.data import Dataset, apply
from nmfcore.data.new_row import from_text, from_values, takes_text, unrepeatable
from nmfcore.topics.explain import fold_in

TEXTS = ["The cat sat on the mat", "A dog and a cat", "", "Dogs bark; the dog barked at the moon", "moon moon cat dog"]
NEW = "The Cat and the moon, the moon! An unknown zebra sat"


def corpus():
    return Dataset("x", "x", None, axes=Axes(Axis("documents", "document"), Axis("terms", "term")), documents=TEXTS)


def table(X, labels=None, **more):
    columns = labels or [f"c{j}" for j in range(X.shape[1])]
    return Dataset("x", "x", X, axes=Axes(Axis("items", "item"), Axis("features", "feature", columns)), **more)


def text(**options):
    return apply(corpus(), [{"step": "text", **options}])


@pytest.mark.parametrize(
    ("options", "vectorizer"),
    [
        ({"weighting": "counts"}, CountVectorizer()),
        ({"weighting": "binary"}, CountVectorizer(binary=True)),
        ({"weighting": "tfidf"}, TfidfVectorizer()),
        ({"weighting": "tfidf", "sublinear": True}, TfidfVectorizer(sublinear_tf=True)),
        ({"weighting": "tfidf", "min_df": 2}, TfidfVectorizer(min_df=2)),
        ({"weighting": "tfidf", "ngrams": [1, 2]}, TfidfVectorizer(ngram_range=(1, 2))),
        ({"weighting": "tfidf", "stop_words": ["english"]}, TfidfVectorizer(stop_words="english")),
        ({"weighting": "tfidf", "drop_empty": True}, TfidfVectorizer()),
    ],
)
def test_a_text_becomes_the_row_that_scikit_learns_vectorizer_makes(options, vectorizer):
    vectorizer.fit(TEXTS)
    assert_allclose(from_text(text(**options), NEW).row, vectorizer.transform([NEW]).toarray()[0], atol=1e-12)


@pytest.mark.parametrize("later", [[{"step": "scale_rows", "norm": "l1"}], [{"step": "log1p"}], [{"step": "idf"}]])
@pytest.mark.parametrize("weighting", ["counts", "tfidf"])
def test_a_document_of_the_data_becomes_its_own_row_again(later, weighting):
    data = apply(corpus(), [{"step": "text", "weighting": weighting}, *later])
    for i, document in enumerate(TEXTS):
        assert_allclose(from_text(data, document).row, data.X.toarray()[i], atol=1e-6)  # X is float32


@pytest.mark.parametrize("weighting", ["counts", "tfidf"])
def test_its_mixture_is_scipys_nnls(weighting):
    data = text(weighting=weighting)
    H = np.random.default_rng(0).random((3, data.shape[1]))
    new = from_text(data, NEW)
    found = fold_in(new.row, H, data.axes.columns)
    reference, error = nnls(H.T, new.row)
    assert_allclose(found.mixture, reference, atol=1e-9)
    assert np.sqrt(1 - found.explained) * np.linalg.norm(new.row) == pytest.approx(error, rel=1e-9)


def test_words_outside_the_vocabulary_and_stop_words_are_named_apart():
    new = from_text(text(stop_words=["english"], ngrams=[1, 2]), NEW)
    assert new.unknown == ["unknown", "zebra"]
    assert new.left_out == ["the", "and", "an"]


@pytest.mark.parametrize("nothing", ["", "zebra zebra", "the " * 3, "!?"])
def test_a_text_without_known_words_is_a_row_of_zeros(nothing):
    new = from_text(text(stop_words=["english"]), nothing)
    assert not new.row.any()
    assert new.known == 0
    assert not fold_in(new.row, np.ones((2, len(new.row)))).mixture.any()


def test_what_one_row_cannot_repeat_is_refused_by_name():
    data = apply(corpus(), [{"step": "text"}, {"step": "scale_columns"}])
    assert unrepeatable(data) == "Scale columns"
    with pytest.raises(ValueError, match="Scale columns"):
        from_text(data, NEW)
    assert unrepeatable(apply(corpus(), [{"step": "text"}, {"step": "most_variable", "count": 3}])) == "Most variable"
    assert unrepeatable(apply(corpus(), [{"step": "text", "weighting": "counts"}, {"step": "most_variable", "count": 3}])) == ""
    assert unrepeatable(apply(corpus(), [{"step": "text"}, {"step": "binary", "threshold": 0.3}])) == "Present or not"


def test_a_table_takes_no_text():
    data = table(np.eye(2))
    assert not takes_text(data)
    with pytest.raises(ValueError, match="not made from texts"):
        from_text(data, "c0")


@pytest.mark.parametrize(
    ("typed", "row", "unknown"),
    [
        ("c0: 2\nC2=0.5", [2, 0, 0.5], []),
        ("c1, c2", [0, 1, 1], []),
        ("c0: 3, c9: 1; c1", [3, 1, 0], ["c9"]),
        ("1\t0\t2.5", [1, 0, 2.5], []),
        ("1, 0, 2.5", [1, 0, 2.5], []),
        ("1 0 2.5", [1, 0, 2.5], []),
        ("nothing of this", [0, 0, 0], ["nothing of this"]),
        ("", [0, 0, 0], []),
    ],
)
def test_typed_values_and_pasted_rows(typed, row, unknown):
    new = from_values(table(np.eye(3)), typed)
    assert_allclose(new.row, row)
    assert new.unknown == unknown


def test_labels_with_commas_and_colons_are_found():
    data = table(np.eye(3), ["pixel 1, 1", "a: b", "x"])
    assert_allclose(from_values(data, "pixel 1, 1: 4\na: b: 2\nx").row, [4, 2, 1])
    assert_allclose(from_values(data, "a: b").row, [0, 1, 0])


@pytest.mark.parametrize(
    ("typed", "says"), [("c0: -3", "c0: -3 is below 0"), ("c1: inf", "not a finite"), ("1, 2", "3 features; 2 values")]
)
def test_impossible_values_are_refused_with_their_place(typed, says):
    with pytest.raises(ValueError, match=says):
        from_values(table(np.eye(3)), typed)


def test_typed_values_go_through_the_steps_that_the_table_had():
    X = np.array([[4.0, 0, 3], [0, 2, 2], [5, 0, 0]])
    data = apply(table(X), [{"step": "log1p"}, {"step": "idf"}, {"step": "scale_rows", "norm": "l2"}])
    for i in range(3):
        assert_allclose(from_values(data, " ".join(map(str, X[i]))).row, data.X[i], rtol=1e-12)


def test_values_are_taken_as_they_stand_where_a_step_needs_all_rows_and_that_is_said():
    data = apply(table(np.array([[4.0, 0], [3, 2]])), [{"step": "scale_columns"}])
    new = from_values(data, "c0: 0.5")
    assert new.as_prepared == "Scale columns"
    assert_allclose(new.row, [0.5, 0])


def test_where_entries_are_missing_only_what_is_typed_is_observed():
    data = table(np.eye(3), mask=np.ones((3, 3), np.uint8))
    new = from_values(data, "c0: 2\nc1: 0")
    assert new.seen.tolist() == [True, True, False]
    H = np.array([[1.0, 0, 9], [1, 1, 1]])
    found = fold_in(new.row, H, seen=new.seen)
    reference, error = nnls(H[:, :2].T, np.array([2.0, 0]))
    assert_allclose(found.mixture, reference, atol=1e-12)
    assert found.explained == pytest.approx(1 - (error / 2) ** 2)
    assert from_values(data, "1,,2").seen.tolist() == [True, False, True]


def test_typed_decimal_commas_are_read_where_the_file_has_them():
    """ "a: 1,5" was read as the feature a with 1 and a feature "5"."""
    data = table(np.array([[1.5, 2], [3, 4.25]])).changed(decimal=",")
    for typed in ("c0: 1,5", "c0: 1,5, c1: 0", "1,5; 0", "1,5\t0", "1,5 0"):
        assert_allclose(from_values(data, typed).row, [1.5, 0])
    assert_allclose(from_values(data, "c0: 1.5").row, [1.5, 0])
    assert from_values(table(np.eye(2)), "c0: 1,5").unknown == ["5"]


def test_the_data_set_is_not_changed():
    data = text()
    before = data.X.copy()
    from_text(data, NEW)
    assert (before != data.X).nnz == 0
