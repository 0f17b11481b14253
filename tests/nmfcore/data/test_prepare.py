"""Each step of preparation does what it says, says what it did, and leaves its input alone."""

import json

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose

from nmfcore.core.factorization import Axes, Axis
from nmfcore.data import STEPS, Classes, Dataset, apply
from nmfcore.data.model.languages import LANGUAGES, function_words
from nmfcore.data.prepare import checked, parameters_of

TEXTS = ["The cat sat on the mat.", "A dog and a cat!", "", "Dogs bark; the dog barked at the moon in 1969"]


def corpus(texts=TEXTS):
    return Dataset("x", "x", None, axes=Axes(Axis("documents", "document"), Axis("terms", "term")), documents=list(texts))


def matrix(X, **more):
    rows = [f"r{i}" for i in range(X.shape[0])]
    columns = [f"c{j}" for j in range(X.shape[1])]
    return Dataset("x", "x", X, axes=Axes(Axis("items", "item", rows), Axis("features", "feature", columns)), **more)


SMALL = np.array([[0.0, 2, 0, 1], [4, 0, 0, 3], [0, 0, 0, 0]])
NUMBERS = [name for name, step in STEPS.items() if step.needs == "numbers"]


def dense(X):
    return X.toarray() if sp.issparse(X) else X


@pytest.mark.parametrize("name", NUMBERS)
def test_sparse_equals_dense_and_the_input_is_untouched(name):
    step = {"step": name, **({"count": 2} if name == "most_variable" else {})}
    one, other = matrix(SMALL.copy()), matrix(sp.csr_array(SMALL))
    a, b = apply(one, [step]), apply(other, [step])
    assert_allclose(dense(a.X), dense(b.X))
    assert a.axes.rows.labels == b.axes.rows.labels
    assert a.axes.columns.labels == b.axes.columns.labels
    assert a.effects[0].after == b.effects[0].after
    assert_allclose(one.X, SMALL)
    assert_allclose(other.X.toarray(), SMALL)
    assert (dense(a.X) >= 0).all()


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_repeated_by_what_it_records(name):
    start = corpus() if STEPS[name].needs == "text" else matrix(sp.csr_array(SMALL, dtype=np.float32))
    once = apply(start, [{"step": name}])
    assert json.loads(json.dumps(once.steps[0])) == once.steps[0]
    again = apply(start, [json.loads(json.dumps(step)) for step in once.steps])
    assert again.fingerprint == once.fingerprint
    assert again.steps == once.steps
    assert once.X.dtype == np.float32
    assert set(once.steps[0]) == {"step", *parameters_of(name)}


def test_counts_and_tfidf_are_scikit_learns():
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    for texts in (TEXTS, TEXTS * 3):
        counts = apply(corpus(texts), [{"step": "text", "weighting": "counts", "stop_words": ["english"]}])
        expected = CountVectorizer(stop_words="english")
        assert_allclose(counts.X.toarray(), expected.fit_transform(texts).toarray())
        assert counts.axes.columns.labels == list(expected.get_feature_names_out())
        weights = apply(corpus(texts), [{"step": "text", "sublinear": True, "ngrams": [1, 2], "min_df": 2}])
        model = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2, dtype=np.float32)
        assert_allclose(weights.X.toarray(), model.fit_transform(texts).toarray(), rtol=1e-5)


def test_dropped_terms_and_documents_are_counted():
    result = apply(corpus(), [{"step": "text", "min_df": 2, "drop_empty": True}])
    assert result.axes.columns.labels == ["cat", "dog", "the"]
    assert any("11 of 14 terms dropped: 11 in fewer than 2 documents" in note for note in result.notes), result.notes
    assert any("1 document of 4 dropped" in note for note in result.notes)
    assert result.shape == (3, 3)
    assert result.effects[0].before.rows == 4


def test_the_most_frequent_terms_stay():
    result = apply(corpus(), [{"step": "text", "weighting": "counts", "max_features": 2}])
    assert result.axes.columns.labels[-1] == "the"
    assert result.shape[1] == 2


def test_a_share_and_a_number_of_documents_are_told_apart():
    everywhere = ["same word", "same thing", "same place"]
    assert apply(corpus(everywhere), [{"step": "text", "max_df": 1.0}]).shape[1] == 4
    assert apply(corpus(everywhere), [{"step": "text", "max_df": 1}]).shape[1] == 4  # a link turns 1.0 into 1
    assert apply(corpus(everywhere), [{"step": "text", "max_df": 2}]).shape[1] == 3


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"step": "nope"}, "Unknown step 'nope'"),
        ({"step": "text", "colour": 1}, "no parameter 'colour'"),
        ({"step": "text", "weighting": "x"}, "Unknown weighting"),
        ({"step": "text", "stop_words": ["klingon"]}, "no stop word list for 'klingon'"),
        ({"step": "text", "token_pattern": "(a+)+$"}, "Unknown token pattern"),  # a hostile link cannot bring an expression
        ({"step": "text", "ngrams": [3, 1]}, "ngrams is 3 to 1"),
        ({"step": "text", "min_df": 99}, "No term is left"),
        ({"step": "log1p"}, "still text"),
    ],
)
def test_impossible_steps_are_refused_by_name(step, message):
    with pytest.raises(ValueError, match=message):
        apply(corpus(), [step])


def test_nothing_but_stop_words_is_said():
    with pytest.raises(ValueError, match="No words are left"):
        apply(corpus(["the and of"]), [{"step": "text", "stop_words": ["english"]}])


@pytest.mark.parametrize("language", LANGUAGES)
def test_stop_word_lists_are_lower_case_words(language):
    words = function_words(language)
    assert len(words) > 20
    assert all(word == word.lower() and any(letter.isalpha() for letter in word) for word in words)
    for pattern in ("natural", "words"):  # no warning
        apply(
            corpus(["tree house", "tree und maison casa"]), [{"step": "text", "stop_words": [language], "token_pattern": pattern}]
        )


def test_extra_stop_words_are_cut_like_the_text():
    result = apply(corpus(["don't panic now", "panic later"]), [{"step": "text", "extra_stop_words": ["Don't", "later"]}])
    assert result.axes.columns.labels == ["now", "panic"]


def test_empty_rows_and_columns_are_listed():
    result = apply(matrix(SMALL), [{"step": "drop_empty"}])
    assert result.shape == (2, 3)
    assert "'r2'" in result.notes[0]
    assert "'c2'" in result.notes[1]
    assert result.axes.columns.labels == ["c0", "c1", "c3"]


def test_labels_classes_texts_and_mask_follow_the_rows():
    classes = Classes.of(["a", "b", "a"])
    data = matrix(SMALL, classes=classes, documents=["x", "y", "z"], mask=np.ones((3, 4), np.uint8))
    result = apply(data, [{"step": "drop_empty"}])
    assert result.documents == ["x", "y"]
    assert result.classes.index.tolist() == [0, 1]
    assert result.mask.shape == (2, 3)


def test_most_variable_columns_keep_their_order():
    result = apply(matrix(np.array([[0.0, 5, 1, 0], [0, 0, 2, 9]])), [{"step": "most_variable", "count": 2}])
    assert result.axes.columns.labels == ["c1", "c3"]
    assert "2 of 4 features dropped" in result.notes[0]


def test_transposing_swaps_the_axes_and_says_what_is_lost():
    data = matrix(SMALL, documents=["x", "y", "z"], classes=Classes.of(["a", "b", "a"]))
    result = apply(data, [{"step": "transpose"}])
    assert result.shape == (4, 3)
    assert result.axes.rows.name == "features"
    assert "texts" in result.notes[0]
    assert result.column_classes.names == ("a", "b")
    assert_allclose(apply(result, [{"step": "transpose"}]).X, SMALL)


def test_a_report_can_cancel():
    class Cancelled(Exception):
        pass

    def report(sentence, fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        apply(corpus(), [{"step": "text"}], report)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(0, 1e6, width=32)),
    st.lists(st.sampled_from(["scale_rows", "scale_columns", "log1p", "binary", "idf", "transpose"]), max_size=4),
)
def test_steps_in_any_order_keep_X_finite_and_not_negative(X, names):
    result = apply(matrix(X), [{"step": name} for name in names])
    assert np.isfinite(result.X).all()
    assert (result.X >= 0).all()
    assert [step["step"] for step in result.steps] == names
    assert [checked(step) for step in result.steps] == list(result.steps)


def test_fingerprints_tell_data_apart():
    base = matrix(SMALL)
    changed = SMALL.copy()
    changed[0, 0] = 1e-12
    assert base.fingerprint == matrix(SMALL.copy()).fingerprint
    others = [
        matrix(changed),
        matrix(SMALL.astype(np.float32)),
        matrix(sp.csr_array(SMALL)),
        matrix(SMALL, mask=np.ones((3, 4), np.uint8)),
        matrix(SMALL, classes=Classes.of(["a", "b", "a"])),
        base.changed(axes=Axes(Axis("items", "item", ["r0", "r1", "rX"]), base.axes.columns)),
    ]
    assert len({base.fingerprint, *(other.fingerprint for other in others)}) == len(others) + 1


def test_wrong_numbers_of_labels_are_refused():
    with pytest.raises(ValueError, match="2 labels for 3 items"):
        Dataset("x", "x", SMALL, axes=Axes(Axis("items", "item", ["a", "b"]), Axis()))
