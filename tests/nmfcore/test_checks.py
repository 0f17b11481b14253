"""Does the gate let everything sound through unchanged, and name place and way out for the rest?"""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from nmfcore import NMF, Axes, Axis, Penalty, ProblemError, as_matrix, as_problem
from nmfcore.core.checks import check_start


def bad(value, at=(1, 2)):
    X = np.ones((3, 4))
    X[at] = value
    return X


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (bad(-0.5), "1 negative entry .first at row 2, column 3: -0.5.*Clip"),
        (bad(np.nan), "1 missing .NaN. entry .first at row 2, column 3.*mask"),
        (bad(np.inf), "1 infinite entry"),
        (-np.ones((2, 3)), "6 negative entries .first at row 1, column 1"),
        (np.ones(3), "1 dimension"),
        (np.ones((2, 2, 2)), "3 dimension"),
        (np.array(3.0), "0 dimension"),
        (np.ones((0, 3)), "empty: 0 rows × 3 columns"),
        (np.ones((3, 0)), "empty"),
        (np.array([["a", "b"]]), "not numbers"),
        (np.array([["a", 1]], dtype=object), "not a table of numbers"),
        (np.array([[None, 1]], dtype=object), "1 missing"),
        ([[1, 2], [3]], "not a table of numbers"),
        (np.ones((2, 2)) * 1j, "complex"),
        (np.array([["2020-01-01"]], dtype="M8[D]"), "not numbers"),
        (pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), "not a table of numbers"),
        (np.array([[2**60, 1]]), "above 2.53"),
        (None, "not a table of numbers|dimension"),
        ("table", "not numbers"),
    ],
)
def test_bad_data_are_refused_with_place_and_way_out(X, words):
    with pytest.raises(ProblemError, match=words):
        as_problem(X, 1)


@pytest.mark.parametrize(("value", "word"), [(-1.0, "negative"), (np.nan, "missing"), (np.inf, "infinite")])
def test_bad_entries_of_sparse_data_are_named_by_row_and_column(value, word):
    X = sp.csr_array(([1.0, 2.0, value], ([0, 0, 2], [1, 3, 2])), shape=(3, 4))
    with pytest.raises(ProblemError, match=rf"1 {word}.*row 3, column 3"):
        as_problem(X, 1)


def test_labels_stand_beside_the_numbers():
    axes = Axes(Axis("films", "film", ["Jaws", "Fargo", "1984"]), Axis("words", "word", ["sea", "snow", "war", "law"]))
    with pytest.raises(ProblemError, match=r"row 2 \(Fargo\), column 3 \(war\)"):
        as_problem(bad(-1), 1, axes=axes)


@pytest.mark.parametrize("rank", [0, -1, 4, 2.0, "2", None, True])
def test_a_rank_that_does_not_fit_is_refused(rank):
    with pytest.raises(ProblemError, match=r"[Rr]ank"):
        as_problem(np.ones((3, 4)), rank)


def test_a_rank_above_the_shape_is_possible_when_asked_for():
    assert as_problem(np.ones((3, 4)), np.int64(7), overcomplete=True).rank == 7


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csc_array, sp.coo_array, sp.lil_array, sp.csr_matrix, sp.dok_array])
def test_every_sparse_format_arrives_as_clean_csr(kind):
    dense = np.array([[0, 1.5, 0], [2, 0, 3]])
    got = as_problem(kind(dense), 1).X
    assert isinstance(got, sp.csr_array)
    assert got.has_canonical_format
    assert_array_equal(got.toarray(), dense)


def test_duplicates_are_summed_and_stored_zeros_dropped_in_a_copy():
    X = sp.csr_array((np.array([1.0, 2.0, 0.0]), np.array([1, 1, 0]), np.array([0, 2, 3])), shape=(2, 3))
    before = (X.data.copy(), X.indices.copy(), X.indptr.copy())
    got = as_problem(X, 1).X
    assert got.nnz == 1
    assert got[0, 1] == 3
    for old, now in zip(before, (X.data, X.indices, X.indptr), strict=True):
        assert_array_equal(now, old)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sound_data_are_used_without_a_copy(dtype):
    X = np.random.default_rng(0).random((5, 4)).astype(dtype)
    assert as_problem(X, 2).X is X
    stored = sp.csr_array(X)
    assert np.shares_memory(as_problem(stored, 2).X.data, stored.data)


@pytest.mark.parametrize("dtype", [int, bool, np.uint8, np.int16, np.float16, ">f8", np.longdouble, object])
def test_other_numbers_become_floats(dtype):
    X = np.array([[0, 1], [1, 1]]).astype(dtype)
    got = as_matrix(X)
    assert got.dtype in (np.float32, np.float64)
    assert got.dtype.isnative
    assert_array_equal(got, [[0, 1], [1, 1]])


def test_a_frame_and_a_matrix_are_tables_too():
    assert_array_equal(as_matrix(pd.DataFrame({"a": [1, 2], "b": [3, 4]})), [[1, 3], [2, 4]])
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix([[1.0, 2.0]])
    assert type(as_matrix(matrix)) is np.ndarray


def test_an_invalid_sparse_array_is_refused():
    X = sp.csr_array(np.eye(3))
    X.indices[0] = 7
    with pytest.raises(ProblemError, match="not a valid sparse matrix"):
        as_problem(X, 1)


@pytest.mark.parametrize("name", ["itakura-saito", "beta=0", "beta=-1"])
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_a_loss_that_zeros_make_infinite_is_refused(name, kind):
    with pytest.raises(ProblemError, match="infinite wherever X is 0"):
        as_problem(kind(np.eye(3)), 1, loss=name)


@pytest.mark.parametrize(("small", "dtype"), [(1e-110, float), (5e-324, float), (1e-14, np.float32)])
def test_a_loss_of_ratios_refuses_entries_that_are_too_far_apart(small, dtype):
    X = np.array([[1, small], [1, 1]], dtype)
    with pytest.raises(ProblemError, match="compares ratios"):
        as_problem(X, 1, loss="itakura-saito")
    assert as_problem(X, 1, loss="kullback-leibler").rank == 1


def test_zeros_under_the_mask_do_not_matter_to_such_a_loss():
    X = np.eye(3)
    assert as_problem(X, 1, loss="itakura-saito", mask=X).loss == "itakura-saito"


def test_a_loss_by_number_gets_its_name():
    assert as_problem(np.eye(3), 1, loss="beta=2.0").loss == "frobenius"
    assert as_problem(np.eye(3), 1, loss="beta=1").loss == "kullback-leibler"


def test_an_unknown_loss_is_refused():
    with pytest.raises(ProblemError, match=r"Unknown loss 'euclid'. Known: frobenius"):
        as_problem(np.eye(3), 1, loss="euclid")


# -- masks --------------------------------------------------------------------------------------------------------------
def test_what_stands_under_the_mask_is_dropped_unread():
    X = np.array([[1, np.nan, -3], [np.inf, 2, 4.0]])
    mask = [[1, 0, 0], [0, 1, 1]]
    problem = as_problem(X, 1, mask=mask)
    assert_array_equal(problem.X, [[1, 0, 0], [0, 2, 4]])
    assert_array_equal(problem.mask, mask)
    assert problem.squared_norm == 21


def test_a_bad_observed_entry_is_still_refused():
    with pytest.raises(ProblemError, match="row 2, column 3"):
        as_problem(bad(-1.0), 1, mask=np.ones((3, 4)))


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, sp.coo_array, pd.DataFrame])
def test_a_mask_on_sparse_data_observes_zeros_too(kind):
    X = np.array([[1, 0, 5.0], [0, 2, 0]])
    mask = np.array([[1, 1, 0], [0, 1, 0]])
    problem = as_problem(sp.csr_array(X), 1, mask=kind(mask))
    assert_array_equal(problem.mask.toarray(), mask)
    assert_array_equal(problem.X.toarray(), X * mask)
    assert problem.X.nnz == problem.mask.nnz == 3
    assert_array_equal(problem.X.indices, problem.mask.indices)


def test_stored_entries_can_be_the_mask_zeros_included():
    X = sp.csr_array((np.array([1.0, 0.0]), np.array([0, 2]), np.array([0, 1, 2])), shape=(2, 3))
    problem = as_problem(X, 1, mask="stored")
    assert problem.X.nnz == problem.mask.nnz == 2


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.zeros((3, 4)), "hides every entry"),
        (np.ones((3, 3)), "has shape"),
        (np.full((3, 4), 0.5), "only 0"),
        (np.full((3, 4), np.nan), "only 0"),
        (sp.csr_array(np.full((3, 4), 2.0)), "only 0"),
        ("stored", "array of 0 and 1"),
        ("observed", "array of 0 and 1"),
    ],
)
def test_a_mask_that_makes_no_sense_is_refused(mask, words):
    with pytest.raises(ProblemError, match=words):
        as_problem(np.ones((3, 4)), 1, mask=mask)


# -- symmetry, penalties, starts ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_an_asymmetric_matrix_is_refused_for_a_symmetric_problem(kind):
    with pytest.raises(ProblemError, match="needs a square matrix; this one is 2 × 3"):
        as_problem(kind(np.ones((2, 3))), 1, symmetric=True)
    with pytest.raises(ProblemError, match="not symmetric: an entry differs from its mirror image by 2"):
        as_problem(kind(np.array([[1.0, 3.0], [1.0, 1.0]])), 1, symmetric=True)
    assert as_problem(kind(np.array([[1.0, 3.0], [3.0, 0.0]])), 1, symmetric=True).symmetric


def test_symmetry_is_checked_in_blocks(monkeypatch):
    import nmfcore.core.checks as checks

    monkeypatch.setattr(checks, "CELLS_AT_ONCE", 8)
    C = np.random.default_rng(0).random((7, 7))
    C = C + C.T
    assert as_problem(C, 1, symmetric=True).shape == (7, 7)
    C[6, 2] += 0.1
    with pytest.raises(ProblemError, match=r"mirror image by 0\.1"):
        as_problem(C, 1, symmetric=True)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_a_penalty_below_zero_is_refused(value):
    with pytest.raises(ProblemError, match="l1_H has to be"):
        as_problem(np.eye(3), 1, penalty=Penalty(l1_H=value))


@pytest.mark.parametrize(
    ("W", "H", "words"),
    [
        (np.ones((2, 2)), np.ones((2, 4)), "given W has shape .2, 2.; this problem needs .3, 2."),
        (-np.ones((3, 2)), np.ones((2, 4)), "given W has 6 negative"),
        (np.ones((3, 2)), np.full((2, 4), np.nan), "given H has 8 missing"),
        (np.ones((3, 2)), [["a"] * 4] * 2, "given H is not a table"),
        (np.ones((3, 2)), None, "given H is not a table|shape"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(W, H, words):
    with pytest.raises(ProblemError, match=words):
        check_start(as_problem(np.ones((3, 4)), 2), W, H)


def test_a_symmetric_start_has_one_factor():
    problem = as_problem(np.eye(4), 2, symmetric=True)
    rng = np.random.default_rng(0)
    W, H = rng.random((4, 2)), rng.random((2, 4))
    got = check_start(problem, W, H)
    assert_array_equal(got.W, got.H.T)
    assert_allclose(got.W, (W + H.T) / 2)
    assert_array_equal(check_start(problem, W, None).H, W.T)


# -- scale --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("top", [5e-324, 1e-310, 1e-300, 1e-12, 1e12, 1e300, 1.7e308])
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_extreme_data_are_brought_to_ordinary_size_by_an_exact_power(top, kind):
    X = np.array([[top, top], [0, top]])
    problem = as_problem(kind(X), 1)
    inside = problem.X.toarray() if problem.sparse else problem.X
    assert 0.25 <= inside.max() <= 4
    assert_array_equal(np.ldexp(inside, int(np.log2(problem.scale))), X)  # powers of two are exact
    assert X[0, 0] == top


@pytest.mark.parametrize("top", [1e-45, 1e-38, 1e25, 3e38])
def test_extreme_float32_data_too(top):
    problem = as_problem(np.full((2, 2), top, np.float32), 1)
    assert problem.dtype == np.float32
    assert 0.25 <= problem.X.max() <= 4


def test_ordinary_data_are_not_rescaled():
    assert as_problem(np.array([[255.0, 0.001]]), 1).scale == 1
    assert as_problem(np.zeros((2, 2)), 1).scale == 1


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_the_first_zero_is_named_where_a_loss_allows_none(kind):
    X = np.ones((4, 5))
    X[2, 3] = X[3, 0] = 0
    with pytest.raises(ProblemError, match=r"first at row 3, column 4"):
        as_problem(kind(X), 2, loss="itakura-saito")
    with pytest.raises(ValueError, match=r"contains zeros.*first zero is at row 3, column 4"):
        NMF(2, solver="mu", beta_loss="itakura-saito").fit(kind(X))


def test_factors_that_cannot_exist_are_refused_in_a_sentence():
    """224 GiB were a MemoryError."""
    X = np.ones((3, 4))
    with pytest.raises(ProblemError, match=r"W and H alone would take .* GB, and it has"):
        NMF(10**13, init="random").fit(X)
    with pytest.raises(ProblemError, match="does not fit 3 rows"):
        as_problem(X, 10**13)


@pytest.mark.parametrize("twice", [False, True])
def test_rows_out_of_order_are_sorted_and_the_transpose_is_kept_for_the_solver(twice):
    rng = np.random.default_rng(0)
    columns = np.concatenate([rng.permutation(12)[:5] for _ in range(30)])
    if twice:
        columns[1] = columns[0]
    given = sp.csr_array((rng.random(150) + 0.1, columns, np.arange(0, 151, 5)), shape=(30, 12))
    before = given.indices.copy()
    problem = as_problem(given, 2)
    assert np.array_equal(given.indices, before)
    assert ("Xt" in vars(problem)) is not twice
    for X, Xt in ((problem.X, problem.Xt), (problem.single.X, problem.single.Xt)):
        assert X.has_canonical_format
        assert Xt.has_canonical_format
        np.testing.assert_allclose(X.toarray(), given.toarray(), rtol=1e-7)
        np.testing.assert_array_equal(Xt.toarray(), X.toarray().T)
    assert problem.single.Xt.dtype == np.float32


@pytest.mark.parametrize("loss", ["beta=0.1", "beta=0.5", "beta=0.9"])
def test_entries_too_far_apart_for_a_loss_below_kullback_leibler_are_refused(loss):
    X = np.array([[1.0, 2.0], [3.0, 1e300]])
    with pytest.raises(ProblemError, match="too far apart"):
        as_problem(X, 1, loss=loss)
    as_problem(X / [[1, 1], [1, 1e220]], 1, loss=loss)
    as_problem(np.zeros((2, 2)), 1, loss=loss)
    as_problem(sp.csr_array((2, 2)), 1, loss=loss)


@pytest.mark.parametrize(("beta", "apart"), [(-0.5, 30), (-1, 30), (-2, 20), (-4, 15)])
def test_entries_too_far_apart_for_negative_beta_are_refused(beta, apart):
    """`mu` and `masked` diverged on rows from 1e-30 to 1e30."""
    X = np.outer(10.0 ** np.linspace(-apart, apart, 5), [1.0, 2.0, 3.0])
    with pytest.raises(ProblemError, match="too far apart"):
        as_problem(X, 1, loss=f"beta={beta}")
    as_problem(np.outer(10.0 ** np.linspace(-10, 10, 5), [1.0, 2.0, 3.0]), 1, loss=f"beta={beta}")
