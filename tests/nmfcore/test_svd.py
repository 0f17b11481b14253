"""The SVD agrees with numpy's, its floor is a floor, and its readings say what they claim."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose

from nmfcore import ProblemError, StopRule, solve
from nmfcore.evaluate import directions, svd
from nmfcore.topics.similarity import cosine_rows


def data(m=40, n=60, density=0.3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((m, n)) * (rng.random((m, n)) < density)


def paths(monkeypatch, path):
    """Send even small matrices down one of the three ways of computing."""
    if path != "lapack":
        monkeypatch.setattr(svd, "DENSE_CELLS", 0)
    return {"exact_side": 0} if path == "lanczos" else {}


@pytest.mark.parametrize("path", ["lapack", "gram", "lanczos"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("transposed", [False, True])
def test_all_three_ways_agree_with_numpy(monkeypatch, path, sparse, transposed):
    X = data().T if transposed else data()
    options = paths(monkeypatch, path)
    found = svd.svd(sp.csr_array(X) if sparse else X, 7, **options)
    expected = np.linalg.svd(X, full_matrices=False)
    assert_allclose(found.singular_values, expected.S[:7], rtol=1e-7)
    assert_allclose(found.U.T @ found.U, np.eye(7), atol=1e-10)
    assert_allclose(found.Vt @ found.Vt.T, np.eye(7), atol=1e-10)
    assert_allclose(np.abs(np.sum(found.Vt * expected.Vh[:7], axis=1)), 1, atol=1e-6)
    assert found.exact == (path != "lanczos")
    assert len(found.spectrum) == (40 if found.exact else 7)
    assert_allclose(found.floor([3, 7]), [np.sqrt((expected.S[r:] ** 2).sum()) / np.linalg.norm(X) for r in (3, 7)], rtol=1e-7)


@pytest.mark.parametrize("path", ["lapack", "gram"])
def test_all_terms_of_an_exact_svd_give_x_back(monkeypatch, path):
    X = data()
    X[:, 5] = X[:, 4]  # a dependent column
    X[3] = X[7] + X[8]  # and a dependent row: the rank is 39, one singular value is 0
    paths(monkeypatch, path)
    found = svd.svd(X)
    assert svd.reconstruction_error(X, found) < 1e-6  # the Gram way drops what is below 1e-7 of the largest
    assert_allclose(found.U.T @ found.U, np.eye(40), atol=1e-8)
    assert_allclose(found.Vt @ found.Vt.T, np.eye(40), atol=1e-8)
    assert found.floor([39])[0] < 1e-7
    assert found.floor([40])[0] == 0


def test_reconstruction_error_equals_the_floor_at_the_terms_held():
    X = sp.csr_array(data())
    found = svd.svd(X, 6)
    assert_allclose(svd.reconstruction_error(X, found), found.floor([6])[0], rtol=1e-10)


def test_floor_starts_at_one_falls_and_refuses_ranks_it_does_not_know():
    found = svd.svd(data(), 4)
    curve = found.floor(range(41))
    assert curve[0] == pytest.approx(1)
    assert (np.diff(curve) <= 0).all()
    truncated = svd.floor(found.spectrum[:4], found.squared_norm)
    assert_allclose(truncated, curve[1:5], rtol=1e-12)
    with pytest.raises(ValueError, match="ranks 0 to 4, not for 5"):
        svd.floor(found.spectrum[:4], found.squared_norm, [5])


@pytest.mark.parametrize("path", ["lapack", "gram", "lanczos"])
def test_signs_do_not_depend_on_the_way_or_on_the_order_of_the_rows(monkeypatch, path):
    X = data()
    reference = svd.svd(X, 5)
    options = paths(monkeypatch, path)
    flipped = svd.svd(X[::-1], 5, **options)
    assert_allclose(flipped.Vt, reference.Vt, atol=1e-5)  # Lanczos vectors are good to about 1e-6
    largest = np.abs(flipped.Vt).argmax(axis=1)
    assert (flipped.Vt[np.arange(5), largest] > 0).all()


def test_a_zero_matrix_and_a_rank_too_large_are_handled():
    zero = svd.svd(np.zeros((4, 6)))
    assert not zero.spectrum.any()
    assert np.isnan(zero.floor()).all()  # 0 of 0 is no share: nothing is said about data that is nothing
    for nothing in (np.zeros((4, 6)), sp.csr_array((4, 6))):
        large = svd.svd(nothing, 2, exact_side=0)  # the way of large data: ARPACK refuses a zero matrix
        assert not large.spectrum.any()
        assert_allclose(large.U.T @ large.U, np.eye(2))
    assert np.isnan(svd.baselines(np.zeros((4, 6))).mean)
    with pytest.raises(ProblemError, match="choose 1 to 40"):
        svd.svd(data(), 41)


def test_terms_beyond_the_rank_of_the_data_are_zero_and_still_orthonormal():
    X = np.repeat(data(4, 50), 10, axis=0)  # rank 4
    found = svd.svd(sp.csr_array(X), 7, exact_side=0)
    assert_allclose(found.singular_values[4:], 0, atol=1e-6)
    assert_allclose(found.U.T @ found.U, np.eye(7), atol=1e-10)
    assert_allclose(found.Vt @ found.Vt.T, np.eye(7), atol=1e-10)


def test_spectrum_holds_every_value_but_one_term():
    X = sp.csr_array(data())
    found = svd.spectrum(X)
    assert found.rank == 1
    assert_allclose(found.spectrum, np.linalg.svd(X.toarray(), compute_uv=False), rtol=1e-9)


def test_attainable_share_is_one_at_the_floor_and_zero_for_nothing():
    assert svd.attainable_share(0.9, 0.9) == pytest.approx(1)
    assert svd.attainable_share(1.0, 0.9) == 0
    assert svd.attainable_share(0.9 + 1e-12, 0.9) == svd.attainable_share(0.9 - 1e-12, 0.9) == 1
    assert svd.attainable_share(0.9 + 1e-7, 0.9) < 1
    positive = np.random.default_rng(3).random((30, 20))
    error, floor = solve(positive, 1, stop=StopRule(tol=1e-9)).relative_error, svd.svd(positive, 1).floor([1])[0]
    assert svd.attainable_share(error, floor) == 1  # Perron and Frobenius: of rank 1 the SVD is an NMF
    assert np.isnan(svd.attainable_share(1.0, 1.0))


@pytest.mark.parametrize("sparse", [False, True])
def test_baselines_are_the_errors_of_those_models(sparse):
    X = data()
    found = svd.baselines(sp.csr_array(X) if sparse else X)
    norm = np.linalg.norm(X)
    assert found.mean == pytest.approx(np.linalg.norm(X - X.mean()) / norm)
    assert found.column_means == pytest.approx(np.linalg.norm(X - X.mean(axis=0)) / norm)
    u, s, vt = np.linalg.svd(X)
    assert found.rank_one == pytest.approx(np.linalg.norm(X - s[0] * np.outer(u[:, 0], vt[0])) / norm)


def test_only_a_square_factor_has_orthonormal_rows(monkeypatch):
    full = svd.svd(data(30, 30, 1.0))
    square = svd.orthogonality(full.U)
    assert square.columns < 1e-12
    assert square.rows < 1e-12
    assert "square" in square.sentence
    tall = svd.orthogonality(full.U[:, :5])
    assert tall.columns < 1e-12
    assert tall.rows == pytest.approx(5)  # sqrt(30 - 5)
    assert "25" not in tall.sentence
    assert "tall (30 × 5)" in tall.sentence
    monkeypatch.setattr(directions, "FORMED_SIDE", 0)  # the way for large m agrees
    assert svd.orthogonality(full.U[:, :5]).rows == pytest.approx(tall.rows)


def test_principal_angles_are_zero_in_the_same_space_and_right_otherwise():
    rng = np.random.default_rng(1)
    basis = np.linalg.qr(rng.standard_normal((20, 3)))[0].T
    assert_allclose(svd.principal_angles(rng.random((3, 3)) @ basis, basis), 0, atol=1e-5)
    e = np.eye(4)
    tilted = np.array([[1, 1, 0, 0]]) / np.sqrt(2)
    assert_allclose(svd.principal_angles(np.vstack([tilted, np.zeros(4)]), e[:1]), [45], atol=1e-10)  # the zero row is left out
    assert_allclose(svd.principal_angles(e[2:], e[:2]), [90, 90])
    assert svd.principal_angles(np.zeros((2, 4)), e[:2]).size == 0


def test_cosines_of_v_are_the_identity_and_zero_rows_are_zero():
    found = svd.svd(data(), 4)
    assert_allclose(cosine_rows(found.Vt), np.eye(4), atol=1e-12)
    H = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 0.0]])
    assert_allclose(cosine_rows(H), [[1, 0.5**0.5, 0], [0.5**0.5, 1, 0], [0, 0, 0]])


def test_both_sides_of_a_singular_vector_are_read():
    Vt = np.array([[0.1, -0.7, 0.0, 0.7, -0.1]])
    (both,) = svd.sides(Vt, count=2)
    assert both.positive.features == ["column 4", "column 1"]
    assert both.negative.features == ["column 2", "column 5"]
    assert_allclose(both.negative.loadings, [-0.7, -0.1])
    assert both.positive.share + both.negative.share == pytest.approx(1)


def test_nndsvd_bridge_equals_scikit_learns_start():
    from sklearn.decomposition import _nmf

    X = data(15, 40)  # narrow enough for scikit-learn's randomised SVD (6 + 10 directions) to be exact
    W, H = _nmf._initialize_nmf(X, 6, init="nndsvd", random_state=0)
    found = svd.bridge(svd.svd(X, 6), 6)
    assert_allclose(found.W, W, atol=1e-6)  # scikit-learn cuts entries below 1e-6
    assert_allclose(found.H, H, atol=1e-6)
    assert (found.kept <= 1 + 1e-12).all()
    assert found.kept[0] == pytest.approx(1)
    with pytest.raises(ProblemError, match="holds 3 terms"):
        svd.bridge(svd.svd(X, 3), 4)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("exact_side", [2500, 500])
def test_repeated_singular_values_are_all_found(sparse, exact_side):
    """Lanczos iteration began with the row sums, the same in each block, and saw one of four copies: floor([4]) said 0.98."""
    B = np.random.default_rng(0).random((130, 140)) * (np.random.default_rng(1).random((130, 140)) < 0.2)
    X = np.kron(np.eye(4), B)
    found = svd.svd(sp.csr_array(X) if sparse else X, 8, exact_side=exact_side)
    values = np.repeat(np.linalg.svd(B, compute_uv=False), 4)
    assert_allclose(found.singular_values, values[:8], rtol=1e-6)
    assert_allclose(found.floor([4]), np.sqrt((values[4:] ** 2).sum()) / np.linalg.norm(X), rtol=1e-8)
    assert_allclose(found.U.T @ found.U, np.eye(8), atol=1e-10)
    assert_allclose(svd.reconstruction_error(X, found), found.floor([8])[0], rtol=1e-6)


def test_nearly_repeated_singular_values_are_all_found():
    """Ten blocks, perturbed by 1e-5, still gave seven of ten."""
    rng = np.random.default_rng(2)
    X = np.kron(np.eye(10), rng.random((60, 55))) * (1 + 1e-5 * rng.random((600, 550)))
    assert_allclose(svd.svd(X, 12, exact_side=500).singular_values, np.linalg.svd(X, compute_uv=False)[:12], rtol=1e-6)


@pytest.mark.parametrize("path", ["lapack", "gram", "lanczos"])
@pytest.mark.parametrize("noise", [1e-3, 1e-5, 1e-7, 1e-9])
def test_the_floor_of_nearly_low_rank_data_is_right(monkeypatch, path, noise):
    """Beyond 4e6 cells it came out 89 to 100 % too low: small values are lost in a Gram matrix."""
    rng = np.random.default_rng(3)
    Q, R = (np.linalg.qr(rng.standard_normal((n, 60)))[0] for n in (90, 120))
    values = np.append([5.0, 2.0, 1.0], noise * np.linspace(1, 0.5, 57))
    X = (Q * values) @ R.T
    X = np.vstack([np.hstack([np.maximum(X, 0), np.maximum(-X, 0)]), np.hstack([np.maximum(-X, 0), np.maximum(X, 0)])])
    true = np.linalg.svd(X, compute_uv=False)
    ranks = [int(np.count_nonzero(true > 10 * noise))]
    true_floor = np.sqrt((true[ranks[0] :] ** 2).sum()) / np.linalg.norm(X)
    assert true_floor < 2 * noise * 60**0.5
    found = svd.svd(X, ranks[0] + 3, **paths(monkeypatch, path))
    assert_allclose(found.floor(ranks)[0], true_floor, rtol=1e-4, atol=1e-14)


@pytest.mark.parametrize("path", ["lapack", "gram", "lanczos"])
@pytest.mark.parametrize("a", [1e-300, 1e-160, 1e-30, 1e30, 1e160, 1e300])
def test_units_do_not_change_the_floor(monkeypatch, path, a):
    options = paths(monkeypatch, path)
    plain, scaled = svd.svd(data(), 7, **options), svd.svd(data() * a, 7, **options)
    assert_allclose(scaled.floor(), plain.floor(), rtol=1e-12, atol=1e-12)
    assert_allclose(scaled.singular_values / a, plain.singular_values, rtol=1e-12)
    assert_allclose(scaled.explained(), plain.explained(), rtol=1e-12)
    assert_allclose(svd.reconstruction_error(data() * a, scaled), svd.reconstruction_error(data(), plain), rtol=1e-9)
    ours, theirs = svd.baselines(data() * a), svd.baselines(data())
    assert_allclose(
        [ours.mean, ours.column_means, ours.rank_one], [theirs.mean, theirs.column_means, theirs.rank_one], rtol=1e-12
    )
