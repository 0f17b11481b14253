"""What the image bench claims: pictures, sums of parts, sparsity, and NMF beside SVD, PCA and k-means."""

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from nmfcore import Factors, ProblemError, relative_error
from nmfcore.methods.images import as_pictures, change_rank, compare_models, nmf_model, pca_model, sum_of_parts, svd_model
from nmfcore.topics.sparsity import hoyer, zero_share

DIGITS = load_digits().data[:300]


@pytest.fixture(scope="module")
def models():
    return {m.name: m for m in compare_models(DIGITS, 10)}


def test_pictures_have_the_shape_and_their_own_brightest_pixel_is_one():
    pictures = as_pictures(np.array([[0.0, 2, 1, 4, 0, 0], [0.0] * 6]), (2, 3))
    assert pictures.shape == (2, 2, 3)
    assert_allclose(pictures[0], [[0, 0.5, 0.25], [1, 0, 0]])
    assert not pictures[1].any()


def test_rows_of_another_length_and_unsigned_negatives_are_refused():
    with pytest.raises(ProblemError, match="6 pixels; these rows have 5"):
        as_pictures(np.ones((1, 5)), (2, 3))
    with pytest.raises(ProblemError, match="negative"):
        as_pictures(-np.ones((1, 6)), (2, 3))
    assert as_pictures(-np.ones((1, 6)), (2, 3), signed=True).min() == -1


@pytest.mark.parametrize("order", ["error", "size", "number"])
def test_the_sum_ends_at_the_row_of_wh_with_its_error(models, order):
    nmf = models["NMF"]
    steps = sum_of_parts(DIGITS[0], nmf.codes[0], nmf.parts, order=order)
    whole = nmf.codes[0] @ nmf.parts
    assert sorted(s.component for s in steps) == np.flatnonzero(nmf.codes[0]).tolist()
    assert_allclose(steps[-1].picture, whole)
    assert_allclose(steps[-1].error, np.linalg.norm(DIGITS[0] - whole) / np.linalg.norm(DIGITS[0]))
    assert_array_equal(steps[0].picture, nmf.codes[0, steps[0].component] * nmf.parts[steps[0].component])


def test_the_greedy_order_takes_the_best_part_first(models):
    nmf = models["NMF"]
    first = sum_of_parts(DIGITS[3], nmf.codes[3], nmf.parts)[0].error
    for step in (sum_of_parts(DIGITS[3], np.eye(10)[k] * nmf.codes[3], nmf.parts) for k in np.flatnonzero(nmf.codes[3])):
        assert first <= step[0].error + 1e-12


def test_pca_starts_from_the_mean_image(models):
    pca = models["PCA"]
    steps = sum_of_parts(DIGITS[0], pca.codes[0], pca.parts, base=pca.mean)
    assert_allclose(steps[-1].picture, pca.reconstruct(np.array([0]))[0])


def test_an_unknown_order_is_refused():
    with pytest.raises(ProblemError, match="Known: error, size, number"):
        sum_of_parts(np.ones(2), np.ones(1), np.ones((1, 2)), order="best")


def test_hoyer_is_1_for_one_entry_and_0_for_equal_ones():
    assert hoyer(np.array([0, 0, 3.0])) == 1
    assert_allclose(hoyer(np.full(5, -2.0)), 0, atol=1e-15)
    # Hoyer 2004 by hand: n = 4, x = (3, 4, 0, 0): (2 - 7/5) / (2 - 1)
    assert_allclose(hoyer(np.array([3.0, 4, 0, 0])), 0.6)
    assert_allclose(hoyer(1e-200 * np.array([[3.0, 4, 0, 0], [1, 1, 1, 1]]), axis=1), [0.6, 0])
    assert np.isnan(hoyer(np.zeros((2, 3)), axis=0)).all()


def test_the_share_of_zeros_counts_what_is_small_beside_the_largest():
    assert_allclose(zero_share(np.array([0, 1e-9, 1.0, -1.0])), 0.5)
    assert zero_share(np.zeros(3)) == 1


def test_svd_is_the_floor_of_every_model_without_a_mean(models):
    s = scipy.linalg.svdvals(DIGITS)
    assert_allclose(models["SVD"].relative_error, np.sqrt((s[10:] ** 2).sum() / (s**2).sum()))
    assert models["SVD"].relative_error < models["NMF"].relative_error < models["k-means"].relative_error


def test_pca_equals_scikit_learns(models):
    reference = PCA(10, svd_solver="full").fit(DIGITS)
    ours = models["PCA"]
    assert_allclose(np.abs(np.sum(ours.parts * reference.components_, axis=1)), 1.0, atol=1e-6)
    expected = np.linalg.norm(DIGITS - reference.inverse_transform(reference.transform(DIGITS))) / np.linalg.norm(DIGITS)
    assert_allclose(ours.relative_error, expected)


def test_pca_of_few_large_images_equals_that_of_many_small_ones():
    X = np.random.default_rng(0).random((8, 50))
    reference = PCA(3, svd_solver="full").fit(X)
    assert_allclose(np.abs(np.sum(pca_model(X, 3).parts * reference.components_, axis=1)), 1.0, atol=1e-9)


def test_kmeans_codes_pick_one_prototype_and_equal_scikit_learns_inertia(models):
    kmeans = models["k-means"]
    assert_array_equal(kmeans.codes.sum(axis=1), 1)
    inertia = KMeans(10, n_init=4, random_state=0).fit(DIGITS).inertia_
    assert_allclose(kmeans.relative_error, np.sqrt(inertia) / np.linalg.norm(DIGITS), rtol=1e-6)


def test_only_svd_and_pca_subtract(models):
    assert {name for name, model in models.items() if model.negative} == {"SVD", "PCA"}


def test_nmf_parts_are_sparser_than_svds(models):
    assert models["NMF"].parts_sparsity > models["SVD"].parts_sparsity


def test_growing_keeps_the_error_and_shrinking_drops_the_smallest_part():
    small = nmf_model(DIGITS, 6)
    factors = Factors(small.codes, small.parts)
    grown = change_rank(DIGITS, factors, 9)
    assert grown.W.shape == (300, 9)
    assert grown.W.min() >= 0
    assert grown.H.min() >= 0
    assert_array_equal(grown.H[:6], small.parts)
    warm = nmf_model(DIGITS, 9, start=grown)
    assert warm.relative_error < small.relative_error
    shrunk = change_rank(DIGITS, factors, 5)
    size = np.linalg.norm(small.codes, axis=0) * np.linalg.norm(small.parts, axis=1)
    assert_array_equal(shrunk.H, np.delete(small.parts, size.argmin(), axis=0))


def test_growing_starts_at_a_lower_error_than_before():
    small = nmf_model(DIGITS, 6)
    grown = change_rank(DIGITS, Factors(small.codes, small.parts), 7)
    best = relative_error(DIGITS, *_projected(grown))
    assert best < small.relative_error


def _projected(factors):
    from scipy.optimize import nnls

    return np.array([nnls(factors.H.T, x)[0] for x in DIGITS]), factors.H


def test_growing_an_exact_fit_adds_parts_that_are_alive():
    W, H = np.random.default_rng(0).random((12, 2)), np.random.default_rng(1).random((2, 9))
    grown = change_rank(W @ H, Factors(W, H), 4)
    assert grown.W.any(axis=0).all()
    assert grown.H.any(axis=1).all()


def test_float32_images_stay_float32():
    model = nmf_model(DIGITS.astype(np.float32), 4)
    assert model.parts.dtype == np.float32
    assert_allclose(svd_model(DIGITS.astype(np.float32), 4).relative_error, svd_model(DIGITS, 4).relative_error, rtol=1e-4)
