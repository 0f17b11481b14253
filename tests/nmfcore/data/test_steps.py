"""Does each step of preparation give what NumPy, pandas and scikit-learn give for the same words, dense, sparse and with gaps?"""

import json
import re

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import normalize

from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Axes, Axis
from nmfcore.data import Dataset, apply
from nmfcore.data.model.facts import Classes, Fact
from nmfcore.data.model.rows import as_ranges, as_text, count_of, from_ranges

X = np.array([[0.0, 2, 0, 1, 5], [4, 0, 0, 3, 5], [0, 0, 0, 0, 0], [1, 1, 0, 1, 5]])
MASK = np.array([[1, 1, 1, 0, 1], [1, 0, 1, 1, 1], [1, 1, 1, 1, 1], [0, 1, 1, 1, 1]], np.uint8)
BOTH = pytest.mark.parametrize("kept", [np.array, sp.csr_array], ids=["dense", "sparse"])


def data(X=X, **more):
    axes = Axes(
        Axis("items", "item", [f"r{i}" for i in range(len(X))]), Axis("features", "feature", list("abcdefgh"[: len(X.T)]))
    )
    return Dataset("x", "x", more.pop("kept", np.array)(X), axes=axes, **more)


def after(step, **more):
    found = apply(data(**more), [step])
    return found, found.X.toarray() if sp.issparse(found.X) else found.X


@BOTH
@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
@pytest.mark.parametrize(("axis", "along"), [("rows", 1), ("columns", 0)])
def test_normalising_is_scikit_learns_and_names_what_stays_zero(kept, norm, axis, along):
    found, values = after({"step": f"scale_{axis}", "norm": norm}, kept=kept)
    np.testing.assert_allclose(values, normalize(X, norm=norm, axis=along), rtol=1e-6)
    stays = (
        f"1 {'item' if axis == 'rows' else 'feature'} holds zeros only and stays as it is: {'r2' if axis == 'rows' else 'c'!r}."
    )
    assert stays in " ".join(found.notes)


@BOTH
def test_idf_is_scikit_learns(kept):
    reference = TfidfTransformer(norm=None).fit(X).transform(X).toarray()
    np.testing.assert_allclose(after({"step": "idf"}, kept=kept)[1], reference, rtol=1e-6)


@BOTH
@pytest.mark.parametrize("threshold", [0.0, 1.0, 4.5, 99.0])
def test_binary_is_a_comparison(kept, threshold):
    np.testing.assert_array_equal(after({"step": "binary", "threshold": threshold}, kept=kept)[1], np.greater(X, threshold))


@BOTH
def test_the_logarithm_comes_back(kept):
    np.testing.assert_allclose(np.expm1(after({"step": "log1p"}, kept=kept)[1]), X, atol=1e-12)


@BOTH
@pytest.mark.parametrize("axis", ["rows", "columns"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_most_variable_are_those_of_numpy(kept, axis, count):
    variance = X.var(axis=0 if axis == "columns" else 1)
    keep = np.sort(np.argsort(-variance, kind="stable")[:count])
    found, values = after({"step": "most_variable", "axis": axis, "count": count}, kept=kept)
    np.testing.assert_array_equal(values, X[:, keep] if axis == "columns" else X[keep])
    assert f"{variance.size - count} of {variance.size}" in " ".join(found.notes)


def test_variance_is_over_what_is_there():
    """pandas leaves NaN out; the column that varies most over all entries is not the one that varies most over the given ones."""
    pandas = pytest.importorskip("pandas")
    given = pandas.DataFrame(np.where(MASK > 0, X, np.nan)).var(ddof=0)
    found, _ = after({"step": "most_variable", "count": 1}, mask=MASK)
    assert found.axes.columns.labels == ["abcde"[int(given.argmax())]]


def test_asking_for_more_than_there_is_keeps_all_and_says_so():
    found, values = after({"step": "most_variable", "count": 9})
    np.testing.assert_array_equal(values, X)
    assert any("no more than 9" in note for note in found.notes)


@BOTH
def test_what_is_empty_is_dropped_and_named(kept):
    found, values = after({"step": "drop_empty"}, kept=kept)
    np.testing.assert_array_equal(values, X[np.ix_([0, 1, 3], [0, 1, 3, 4])])
    said = " ".join(found.notes)
    assert "1 empty of 4 items dropped: 'r2'" in said
    assert "1 empty of 5 features dropped: 'c'" in said


@BOTH
@pytest.mark.parametrize(("given", "rows", "columns"), [({"rows": False}, 4, 4), ({"columns": False}, 3, 5)])
def test_one_side_may_keep_what_is_empty(kept, given, rows, columns):
    assert after({"step": "drop_empty", **given}, kept=kept)[1].shape == (rows, columns)


@BOTH
def test_zeros_that_say_nothing_are_left_out_and_come_back(kept):
    left, _ = after({"step": "zeros", "mean": "missing"}, kept=kept)
    np.testing.assert_array_equal(left.mask, X != 0)
    assert f"{int((X == 0).sum())} of {X.size} entries" in " ".join(left.notes)
    back = apply(left, [{"step": "zeros", "mean": "real"}])
    assert back.mask is None
    assert f"{int((X == 0).sum())} missing entries became real zeros" in " ".join(back.notes)


def test_zeros_stay_out_where_an_entry_was_missing_before():
    left, _ = after({"step": "zeros", "mean": "missing"}, mask=MASK)
    np.testing.assert_array_equal(left.mask, (X != 0) & (MASK > 0))


def test_zeros_that_are_real_already_need_nothing():
    found, _ = after({"step": "zeros", "mean": "real"})
    assert found.mask is None
    assert any("every entry counts already" in note for note in found.notes)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"step": "scale_rows", "norm": "l7"}, "Unknown norm 'l7'. Known: l1, l2, max."),
        ({"step": "most_variable", "axis": "both"}, "axis is 'both'; it must be 'rows' or 'columns'"),
        ({"step": "binary", "threshold": -1}, "The threshold is -1; it must be 0 or more"),
        ({"step": "binary", "threshold": float("nan")}, "The threshold is nan"),
        ({"step": "most_variable", "count": 0}, "count is 0; at least 1 has to be kept"),
        ({"step": "zeros", "mean": "perhaps"}, "mean is 'perhaps'; it must be 'real' or 'missing'"),
        ({"step": "hals"}, "Unknown step 'hals'. Known: "),
        ({}, "Unknown step None"),
        ({"step": "binary", "above": 1}, "The step 'binary' has no parameter 'above' (parameters: threshold)"),
        ({"step": "log1p", "base": 2}, "has no parameter 'base' (parameters: none)"),
    ],
)
def test_a_step_that_cannot_be_says_why(step, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        apply(data(), [step])


@pytest.mark.parametrize("step", [{"step": "drop_empty"}, {"step": "zeros", "mean": "missing"}])
def test_a_step_that_would_leave_nothing_is_refused(step):
    with pytest.raises(ValueError, match=r"zeros only|none would be left"):
        apply(data(np.zeros((2, 3))), [step])


@pytest.mark.parametrize(
    "name", ["scale_rows", "scale_columns", "log1p", "binary", "idf", "most_variable", "drop_empty", "transpose"]
)
def test_text_has_to_become_numbers_first(name):
    corpus = Dataset("x", "x", None, axes=Axes(), documents=["a text"])
    with pytest.raises(ValueError, match="still text: the step 'text' has to come first"):
        apply(corpus, [{"step": name}])


def test_what_is_known_of_the_items_turns_with_them():
    """Facts of four items were held against five features in between, so that no data with facts could be transposed."""
    kinds = Classes(("cat", "dog"), np.array([0, 1, 1, 0], np.int32))
    year = Fact("year", "number", np.array([1.0, 2, np.nan, 4]))
    turned, values = after({"step": "transpose"}, classes=kinds, mask=MASK, facts=type(data().facts)((year,)))
    np.testing.assert_array_equal(values, X.T)
    np.testing.assert_array_equal(turned.mask, MASK.T)
    assert (turned.classes, turned.column_classes) == (None, kinds)
    assert [fact.name for fact in turned.column_facts] == ["year"]


# -- rows as text --------------------------------------------------------------------------------------------------------

ROWS = hnp.arrays(np.int64, st.integers(0, 400), elements=st.integers(0, 5000), unique=True)


@given(ROWS)
@settings(max_examples=60, deadline=None)
def test_rows_come_back_from_both_ways_of_writing_them(rows):
    for text in (as_ranges(rows), as_text(rows)):
        np.testing.assert_array_equal(from_ranges(text, 5001), np.sort(rows))
        assert count_of(text) == len(rows)
    assert len(as_text(rows)) <= max(200, len(as_ranges(rows)))


@pytest.mark.parametrize(("rows", "text"), [([], ""), ([0], "1"), ([0, 1, 2, 6], "1-3,7"), ([6, 2, 1, 0, 2], "1-3,7")])
def test_few_rows_can_be_read_by_a_person(rows, text):
    assert as_text(rows) == as_ranges(rows) == text


@pytest.mark.parametrize("text", ["x", "1-", "-3", "0", "3-1", "1-2-3", "1,,2", "12", "1e3", "²", "9" * 20])
def test_what_is_no_list_of_rows_is_refused(text):
    with pytest.raises(ProblemError, match=r"no row or range of rows|not among the 11"):
        from_ranges(text, 11)


# -- facts ---------------------------------------------------------------------------------------------------------------

FACTS = [
    Fact("kind", "category", np.array([1, -1, 0], np.int32), ("b", "a")),
    Fact("year", "number", np.array([1999.0, np.nan, 0.1])),
    Fact("day", "date", np.array(["2020-02-29", "NaT", "1999-12-31T23:59:59"], "datetime64[s]")),
    Fact("note", "text", ("first", "", "third")),
]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.kind)
def test_a_fact_is_json_both_ways_and_its_gap_stays_a_gap(fact):
    back = Fact.from_dict(json.loads(json.dumps(fact.to_dict())), 3)
    assert back.texts() == fact.texts()
    np.testing.assert_array_equal(back.known, [True, False, True])
    assert fact.shown(1) == ""
    assert fact.take(np.array([2, 0])).texts() == [fact.shown(2), fact.shown(0)]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.kind)
def test_groups_of_a_fact_say_the_same_as_the_fact(fact):
    groups = fact.classes()
    assert [groups.names[i] if i >= 0 else "" for i in groups.index] == fact.texts()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "colour"}, {"name": 3}, {"values": [1]}, {"values": "abc"}, {"names": [1]}, {"values": [True, 1, 0]},
        {"values": [0, 1, 2]}, {"values": [-2, 0, 1]}, {"kind": "number", "values": ["1", "2", "3"]},
        {"kind": "date", "values": [1, 2, 3]}, {"kind": "date", "values": ["soon", None, None]}, {"kind": "text"},
    ],
)  # fmt: skip
def test_what_is_no_fact_is_refused(change):
    with pytest.raises(ValueError, match=r"^(a fact of 3 items|a list of category names|values of the kind|a category for)"):
        Fact.from_dict(FACTS[0].to_dict() | change, 3)
