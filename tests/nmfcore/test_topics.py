"""Topics are read off H and W as the formulas say."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from nmfcore import Axis, solve, topics
from nmfcore.core import losses
from nmfcore.topics.scale import CONVENTIONS, apply

WORDS = Axis("terms", "term", ["space", "orbit", "god", "church", "the"])
H = np.array([[4.0, 2.0, 0.0, 0.0, 4.0], [0.0, 0.0, 3.0, 1.0, 4.0]])


def test_lambda_one_sorts_by_weight_with_ties_in_column_order():
    first, second = topics.top_terms(H, WORDS, count=3)
    assert first.terms == ["space", "the", "orbit"]
    assert second.terms == ["the", "god", "church"]
    assert first.name == "space, the, orbit"
    assert_allclose(first.shares, [0.4, 0.4, 0.2])


@pytest.mark.parametrize("relevance", [0.0, 0.6, 1.0])
def test_a_word_whose_share_is_smaller_than_any_number_is_not_the_first(relevance):
    """Multiplicative updates halve a weight for ever: 1e-320 of a sum of 1e10 is no float, and its logarithm not either."""
    H = np.array([[6e9, 1e-320, 4e9, 0.0], [1.0, 2.0, 1e-300, 3.0]])
    with np.errstate(all="raise", under="ignore"):
        first, second = topics.top_terms(H, relevance=relevance)
    assert sorted(first.indices) == [0, 2]
    assert sorted(second.indices) == [0, 1, 2, 3]
    assert second.indices[-1] == 2
    assert np.isfinite([*first.relevance, *second.relevance]).all()


def test_lambda_zero_sorts_by_lift_so_that_common_words_fall():
    first, second = topics.top_terms(H, WORDS, relevance=0)
    assert first.terms == ["space", "orbit", "the"]
    assert second.terms == ["god", "church", "the"]
    assert not first.corpus


def test_relevance_is_the_formula_of_sievert_and_shirley():
    totals = np.array([10.0, 5, 8, 2, 75])
    (first, _) = topics.top_terms(H, WORDS, relevance=0.6, totals=totals)
    p, background = H[0] / H[0].sum(), totals / totals.sum()
    expected = {WORDS.label(j): 0.6 * np.log(p[j]) + 0.4 * np.log(p[j] / background[j]) for j in (0, 1, 4)}
    assert dict(zip(first.terms, first.relevance, strict=True)) == pytest.approx(expected)
    assert first.terms == sorted(expected, key=expected.get, reverse=True)
    assert_allclose(first.lift, p[first.indices] / background[first.indices])
    assert_array_equal(first.totals, totals[first.indices])
    assert first.corpus


def test_exclusivity_is_one_for_words_of_one_topic_only():
    (first, _) = topics.top_terms(H, WORDS)
    assert dict(zip(first.terms, first.exclusivity, strict=True)) == {"space": 1, "orbit": 1, "the": 0.5}


def test_what_is_said_of_a_word_across_topics_does_not_depend_on_the_scale():
    """Entries of H of different topics were added up, and the largest share of a word was another topic's on another scale."""
    rng = np.random.default_rng(2)
    W, M = rng.random((30, 4)) * [1.0, 20.0, 0.1, 3.0], rng.random((4, 9))
    direct = np.array([(W[:, t : t + 1] @ M[t : t + 1])[:, 5].sum() for t in range(4)])  # of the word in each w_t h_t
    for key in CONVENTIONS:
        scaled = apply(W, M, key)
        left, right = scaled.W, scaled.H
        found = topics.term_in_topics(right, 5, W=left)
        assert_allclose(found.amounts, direct)
        assert_allclose(found.parts, direct / direct.sum())
        lists = topics.top_terms(right, count=9, relevance=0.3, W=left)
        for t, one in enumerate(lists):
            assert_allclose(one.exclusivity[one.indices == 5], direct[t] / direct.sum())
        assert_allclose(lists[0].relevance, topics.top_terms(M, count=9, relevance=0.3, W=W)[0].relevance)


def test_hidden_words_and_empty_topics():
    assert topics.names(H, WORDS, hidden=[4]) == ["space, orbit", "god, church"]
    assert topics.names(np.zeros((1, 5)), WORDS) == ["(empty)"]
    with pytest.raises(ValueError, match="between 0 and 1"):
        topics.top_terms(H, relevance=2)
    with pytest.raises(ValueError, match="3 corpus totals for 5 columns"):
        topics.top_terms(H, totals=np.ones(3))


def test_best_is_a_stable_sort_cut_short():
    score = np.random.default_rng(0).integers(0, 9, 200).astype(float)
    for count in (0, 1, 7, 50, 200, 300):
        assert_array_equal(topics.best(score, count), np.argsort(-score, kind="stable")[:count])


def test_top_items_leave_zeros_out():
    W = np.array([[0.0, 1.0], [3.0, 1.0], [0.0, 0.0], [4.0, 0.0]])
    first, second = topics.top_items(W, count=3)
    assert first.items == ["row 4", "row 2"]
    assert_allclose(first.shares, [1, 0.75])
    assert second.items == ["row 1", "row 2"]


@pytest.mark.parametrize("sparse", [False, True])
def test_sizes_sum_to_the_explained_energy_at_any_factors(sparse):
    rng = np.random.default_rng(3)
    X = rng.random((30, 20)) * (rng.random((30, 20)) < 0.4)
    W, G = 0.2 * rng.random((30, 4)), rng.random((4, 20))
    found = topics.sizes(sp.csr_array(X) if sparse else X, W, G)
    assert found.explained.sum() == pytest.approx(1 - losses.relative_error(X, W, G) ** 2)
    assert found.weight.sum() == pytest.approx(1)
    assert_allclose(found.weight, [np.outer(W[:, k], G[k]).sum() / (W @ G).sum() for k in range(4)])


def test_sizes_do_not_depend_on_the_scale_and_are_positive_at_a_fit():
    X = np.random.default_rng(4).random((30, 20))
    fit = solve(X, 3, init="random")
    c = np.array([0.1, 1, 30])
    found, again = topics.sizes(X, fit.W, fit.H), topics.sizes(X, fit.W * c, fit.H / c[:, None])
    assert_allclose(found.explained, again.explained)
    assert_allclose(found.weight, again.weight)
    assert (found.share > 0).all()


def test_a_word_is_found_in_its_topics():
    found = topics.term_in_topics(H, 4, WORDS)
    assert found.term == "the"
    assert_allclose(found.parts, [0.5, 0.5])
    assert_array_equal(found.rank, [1, 1])
    assert_array_equal(topics.term_in_topics(H, 0).rank, [1, 0])
    assert topics.find_terms(Axis("t", "t", ["outer space", "space", "spaceship", "orbit"]), " SPACE") == [1, 2, 0]
    assert topics.find_terms(WORDS, "zzz") == topics.find_terms(WORDS, " ") == []


def test_separating_terms_leave_the_common_word_out():
    first, second = topics.separating_terms(H, 0, 1, WORDS)
    assert [word for word, _ in first] == ["space", "orbit"]
    assert [word for word, _ in second] == ["god", "church", "the"]  # "the" is half of the second topic, 0.4 of the first
    assert first[0][1] == pytest.approx(0.4)


def test_merging_is_the_best_rank_one_and_leaves_the_rest_alone():
    rng = np.random.default_rng(5)
    W, G = rng.random((12, 4)), rng.random((4, 9))
    merged = topics.merge(W, G, [3, 1])
    assert merged.W.shape == (12, 3)
    assert_array_equal(merged.H[[0, 2]], G[[0, 2]])
    u, s, vt = np.linalg.svd(W[:, [1, 3]] @ G[[1, 3]])
    assert_allclose(np.outer(merged.W[:, 1], merged.H[1]), s[0] * np.outer(u[:, 0], vt[0]), atol=1e-12)
    assert merged.H[1].sum() == pytest.approx(1)
    assert (merged.W >= 0).all()
    assert (merged.H >= 0).all()
    twin = topics.merge(np.c_[W[:, 0], W[:, 0]], np.vstack([G[0], G[0]]), [0, 1])
    assert_allclose(twin.W @ twin.H, 2 * np.outer(W[:, 0], G[0]))
    with pytest.raises(ValueError, match="at least two different"):
        topics.merge(W, G, [1, 1])


def test_separating_terms_leave_hidden_words_out():
    own, other = topics.separating_terms(H, 0, 1, WORDS, hidden=[0])
    assert [word for word, _ in own] == ["orbit"]
    assert own[0][1] == pytest.approx(0.2)  # of the topic's whole, hidden words included
    assert [word for word, _ in other] == ["god", "church", "the"]


def test_topics_read_together_have_the_margins_of_their_sum_on_any_scale():
    rng = np.random.default_rng(3)
    W, rows = rng.random((12, 4)), rng.random((4, 9))
    M = W[:, [0, 2]] @ rows[[0, 2]]
    scales = np.array([1.0, 7.0, 1e-3, 50.0])
    for left, right in ((W, rows), (W * scales, rows / scales[:, None])):
        found = topics.together(left, right, [(0, 2), (1,), (3,)])
        assert_allclose(found.H[0], M.sum(axis=0) / M.sum())
        assert_allclose(found.W[:, 0], M.sum(axis=1))
        assert_array_equal(found.H[1], right[1])
        assert_array_equal(found.W[:, 2], left[:, 3])


def test_topics_read_together_with_nothing_in_them_are_empty():
    found = topics.together(np.zeros((3, 2)), np.zeros((2, 4)), [(0, 1)])
    assert not found.W.any()
    assert not found.H.any()
