"""What is said about one item adds up to what the model explains of it."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from nmfcore import Axis, as_problem, relative_error
from nmfcore.core.factorization import Factors, beta_of
from nmfcore.core.losses import loss as loss_of
from nmfcore.topics import explain, scale
from nmfcore.topics.explain import explain_item, fold_in
from nmfcore.topics.terms import sizes

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
    monkeypatch.setattr("nmfcore.core.losses.BLOCK_CELLS", 2 * X.shape[1])
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


@pytest.mark.parametrize("loss", ["kullback-leibler", "beta=1.5", "beta=0.5", "itakura-saito"])
def test_a_new_row_is_folded_in_under_the_loss_of_the_run(loss):
    """Rows of Kullback-Leibler runs were folded in by least squares."""
    rng = np.random.default_rng(8)
    H, x = rng.random((3, 30)) + 0.05, rng.random(30) + 0.02
    beta = beta_of(loss)

    def value(w):
        return loss_of(as_problem(x[None], 1, loss=loss), Factors(np.maximum(w, 0)[None], H))

    best = scipy.optimize.minimize(
        value, np.ones(3), bounds=[(0, None)] * 3, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9}
    )
    found = fold_in(x, H, loss=loss)
    assert value(found.mixture) <= best.fun * (1 + 1e-7)
    if beta == 1:
        assert (found.mixture @ H).sum() == pytest.approx(x.sum(), rel=1e-6)
    seen = np.arange(30) < 20
    assert_allclose(
        fold_in(np.where(seen, x, 9.0), H, seen=seen, loss=loss).mixture, fold_in(x[:20], H[:, :20], loss=loss).mixture, rtol=1e-9
    )


def test_missing_entries_are_neither_expected_nor_missed_and_have_no_part_in_sizes():
    rng = np.random.default_rng(9)
    W, H = rng.random((12, 3)), rng.random((3, 9))
    mask = (rng.random((12, 9)) < 0.7).astype(float)
    X = np.where(mask > 0, (W @ H) * (1 + 0.2 * rng.random((12, 9))), 0)
    found = explain_item(X, W, H, 4, mask=mask)
    assert not found.expected.size  # every observed entry is positive, the others were never measured
    gap = (mask * (X - W @ H))[4]
    assert found.explained == pytest.approx(1 - gap @ gap / (X[4] @ X[4]))
    for kind in (np.asarray, sp.csr_array):
        part = sizes(kind(X), W, H, kind(mask))
        assert part.explained.sum() == pytest.approx(1 - relative_error(X, W, H, mask) ** 2)
    assert_allclose(sizes(X, W, H, np.ones_like(X)).explained, sizes(X, W, H).explained)


def test_topics_that_are_shown_as_one_explain_what_they_do_together():
    rng = np.random.default_rng(5)
    X, W, H = rng.random((6, 9)), rng.random((6, 4)), rng.random((4, 9))
    found = explain_item(X, W, H, 2)
    both = found.together([(0, 3), (1,), (2,)])
    assert_allclose(both.contributions[0], found.contributions[0] + found.contributions[3])
    assert_allclose(both.topics, [found.topics[0] + found.topics[3], found.topics[1], found.topics[2]])
    assert both.topics.sum() == pytest.approx(found.fit)
    assert both.shares.sum() == pytest.approx(1.0)
