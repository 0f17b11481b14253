"""What is said about one item adds up to what the model explains of it."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from nmfcore import Axis
from nmfcore.topics import explain, scale

RNG = np.random.default_rng(0)
X = RNG.random((15, 12)) * (RNG.random((15, 12)) < 0.5)
H = RNG.random((3, 12))
W = np.array([scipy.optimize.nnls(H.T, x)[0] for x in X])


@pytest.mark.parametrize("sparse", [False, True])
def test_contributions_add_up_to_the_explained_energy_of_the_item(sparse):
    for item in range(15):
        found = explain.explain_item(sp.csr_array(X) if sparse else X, W, H, item)
        residual = X[item] - W[item] @ H
        assert found.explained == pytest.approx(1 - residual @ residual / (X[item] @ X[item]))
        assert found.fit == pytest.approx(found.explained)  # the mixture is the best one
        assert found.contributions.sum() == pytest.approx(found.fit)
        assert_allclose(found.contributions.sum(axis=1), found.topics)
        assert found.shares.sum() == pytest.approx(1)


def test_words_come_by_value_with_what_is_missed_and_what_is_expected():
    axis = Axis("terms", "term", list("abcd"))
    found = explain.explain_row([0.0, 1.0, 3.0, 0.0], np.array([1.0, 2.0]), np.array([[1.0, 1, 0, 0], [0, 0, 1, 0.5]]), axis)
    assert found.terms == ["c", "b"]
    assert_allclose(found.contributions, [[0, 0.1], [0.6, 0]])
    assert_allclose(found.unexplained, [0.1, 0])
    assert_array_equal(found.missed, [0])
    assert found.expected_terms == ["a", "d"]
    assert_allclose(found.expected_values, [1, 1])
    assert found.why(1) == [("c", pytest.approx(0.6))]
    assert found.explained == pytest.approx(1 - 3 / 10)


@pytest.mark.parametrize("convention", scale.CONVENTIONS)
def test_an_explanation_does_not_depend_on_the_scale(convention):
    scaled = scale.apply(W, H, convention)
    reference, found = explain.explain_item(X, W, H, 2), explain.explain_item(X, scaled.W, scaled.H, 2)
    assert_allclose(found.contributions, reference.contributions)
    assert found.explained == pytest.approx(reference.explained)


def test_folding_an_item_in_again_gives_its_mixture_back():
    found = explain.fold_in(sp.csr_array(X)[[3]], H)
    assert_allclose(found.mixture, W[3], atol=1e-8)
    assert found.fit == pytest.approx(found.explained)


def test_an_empty_item_is_explained_by_nothing():
    found = explain.fold_in(np.zeros(12), H)
    assert not found.mixture.any()
    assert found.explained == found.fit == 0
    assert len(found.words) == 0


def test_tokens_are_counted_and_unknown_ones_listed_once():
    found = explain.count_tokens(["b", "x", "a", "b", "x"], Axis("terms", "term", ["a", "b", "c"]))
    assert_array_equal(found.row, [1, 2, 0])
    assert found.known == 3
    assert found.unknown == ["x"]


@pytest.mark.parametrize("sparse", [False, True])
def test_item_errors_of_a_masked_fit_know_nothing_of_what_is_missing(sparse, monkeypatch):
    monkeypatch.setattr(explain, "MASKED_CELLS", 2 * X.shape[1])
    mask = np.arange(X.size).reshape(X.shape) % 3 > 0
    mask[2] = False
    junk = np.where(mask, X, 0 if sparse else 1e6)
    data, seen = (sp.csr_array(junk), sp.csr_array(mask.astype(float))) if sparse else (junk, mask.astype(np.uint8))
    found = explain.item_errors(data, W, H, seen)
    expected = np.linalg.norm(mask * (X - W @ H), axis=1)
    norms = np.linalg.norm(mask * X, axis=1)
    assert_allclose(found.relative_errors, np.divide(expected, norms, out=np.full(len(X), np.nan), where=norms > 0))


@pytest.mark.parametrize("sparse", [False, True])
def test_item_errors_equal_the_residual_rows(sparse):
    data = X.copy()
    data[5] = 0
    found = explain.item_errors(sp.csr_array(data) if sparse else data, W, H)
    expected = np.linalg.norm(X - W @ H, axis=1) / np.linalg.norm(X, axis=1)
    expected[5] = np.nan
    assert_allclose(found.relative_errors, expected)
    assert 5 not in found.worst
    assert found.worst[0] == np.nanargmax(expected)
