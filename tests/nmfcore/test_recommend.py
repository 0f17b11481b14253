"""The recommender's claims: the classic arithmetic, the neighbours, the baselines, and an honest held-out error."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from nmfcore import ProblemError, solve
from nmfcore.methods.recommend import (
    as_ratings,
    baselines,
    estimate_rating,
    fit_observed,
    held_out_errors,
    nearest,
    predict,
    rank_weights,
    recommend,
    rmse,
    split_ratings,
)
from nmfcore.topics.scale import apply
from nmfcore.topics.similarity import cosine_rows

SHOWS = ["Friends", "The Big Bang Theory", "Black Mirror", "Modern Family", "Sacred Games", "Game of Thrones", "Quantico"]
TV = np.array(
    [  # Jai, PB, Arnab, Abhi, Diya
        [4.8, 4.0, 0.0, 4.9, 2.1],
        [4.7, 4.1, 3.5, 4.0, 4.4],
        [0.0, 4.8, 4.0, 0.0, 4.7],
        [4.6, 0.0, 0.0, 0.0, 0.0],
        [0.0, 4.9, 0.0, 0.0, 0.0],
        [0.0, 4.7, 4.6, 4.4, 4.9],
        [2.1, 1.5, 2.5, 0.0, 0.0],
    ]
)
BLACK_MIRROR, JAI = 2, 0
SLIDE = [SHOWS.index(name) for name in ("Sacred Games", "Game of Thrones", "The Big Bang Theory")]


def planted(m=60, n=40, rank=2, share=0.5, seed=0):
    """A ratings table between about 1 and 5 of exactly this rank, and which of it is observed."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(0.2, 1.6, (m, rank)) @ rng.uniform(0.4, 1.6, (rank, n))
    mask = rng.random((m, n)) < share
    mask[np.arange(m), np.arange(m) % n] = True
    return X, mask.astype(float)


def test_three_neighbours_weigh_5_4_and_3_twelfths():
    assert_allclose(rank_weights(3), [5 / 12, 4 / 12, 3 / 12])


@pytest.mark.parametrize("k", [1, 2, 3, 7, 40])
def test_rank_weights_fall_and_sum_to_one(k):
    weights = rank_weights(k)
    assert len(weights) == k
    assert_allclose(weights.sum(), 1.0)
    assert np.all(np.diff(weights) < 0)
    assert np.all(weights > 0)


def test_a_single_neighbour_has_the_whole_weight_though_the_formula_divides_by_zero():
    assert_array_equal(rank_weights(1), [1.0])


def test_no_neighbour_is_refused():
    with pytest.raises(ProblemError, match="at least 1, not 0"):
        rank_weights(0)


def test_the_classic_estimate_is_1_175_because_missing_ratings_count_as_zero():
    estimate = estimate_rating(as_ratings(TV), np.zeros(7), BLACK_MIRROR, JAI, neighbours=SLIDE)
    assert_allclose(estimate.value, 1.175)
    assert estimate.arithmetic() == "5/12 × 0 + 4/12 × 0 + 3/12 × 4.7 = 1.175"
    assert [(t.rank, t.fraction, t.rated) for t in estimate.terms] == [(1, "5/12", False), (2, "4/12", False), (3, "3/12", True)]


def test_counting_only_rated_neighbours_gives_4_7():
    estimate = estimate_rating(as_ratings(TV), np.zeros(7), BLACK_MIRROR, JAI, neighbours=SLIDE, only_rated=True)
    assert_allclose(estimate.value, 4.7)
    assert [t.weight for t in estimate.terms] == [0.0, 0.0, 1.0]
    assert estimate.arithmetic() == "1 × 4.7 = 4.7"


@pytest.mark.parametrize("seed", range(5))
def test_rank_2_with_real_zeros_finds_the_neighbours_of_the_slide(seed):
    fit = solve(TV, 2, init="random", seed=seed)
    similarity = cosine_rows(apply(fit.W, fit.H, "H rows L2").W)[BLACK_MIRROR]
    assert nearest(similarity, BLACK_MIRROR, 3).tolist() == SLIDE
    assert_allclose(estimate_rating(as_ratings(TV), similarity, BLACK_MIRROR, JAI).value, 1.175)


def test_an_estimate_without_any_rated_neighbour_is_nan_and_says_so():
    estimate = estimate_rating(as_ratings(TV), np.zeros(7), 0, JAI, neighbours=[2, 4, 5], only_rated=True)
    assert np.isnan(estimate.value)
    assert "none of these neighbours" in estimate.arithmetic()


def test_only_rated_weights_keep_the_ratios_of_the_ranks():
    # Jai rated Quantico (2.1) and The Big Bang Theory (4.7); Sacred Games between them is left out: weights 5 : 3
    estimate = estimate_rating(as_ratings(TV), np.zeros(7), BLACK_MIRROR, JAI, neighbours=[6, 4, 1], only_rated=True)
    assert_allclose(estimate.value, float(Fraction(5, 8)) * 2.1 + float(Fraction(3, 8)) * 4.7)


def test_nearest_leaves_out_the_show_itself_and_breaks_ties_by_the_table():
    assert nearest(np.array([0.5, 1.0, 0.5, 0.9]), 1, 3).tolist() == [3, 0, 2]
    assert nearest(np.array([0.5, 1.0, 0.5, 0.9]), 1, 3, among=np.array([2, 1])).tolist() == [2]


def test_dense_sparse_and_masked_tables_hold_the_same_ratings():
    tables = [
        as_ratings(TV),
        as_ratings(sp.csr_array(TV)),
        as_ratings(TV, (TV > 0).astype(float)),
        as_ratings(sp.csr_array(TV), "stored"),
    ]
    for ratings in tables:
        assert len(ratings) == 21
        assert_array_equal(ratings.matrix().toarray(), TV)
    assert_allclose(tables[0].missing, 14 / 35)


def test_an_observed_zero_is_a_rating():
    ratings = as_ratings(np.array([[0.0, 2.0], [3.0, 0.0]]), np.array([[1, 1], [1, 0]]))
    assert ratings.of_user(0)[1].tolist() == [0.0, 3.0]
    assert ratings.matrix().nnz == 3


def test_extreme_units_survive():
    assert_allclose(as_ratings(TV * 1e12, TV > 0).values, as_ratings(TV).values * 1e12)


def test_an_empty_table_is_refused():
    with pytest.raises(ProblemError, match="no rating"):
        as_ratings(np.zeros((3, 2)))


def test_baselines_are_the_means():
    found = {b.name: b for b in baselines(as_ratings(TV))}
    seen = np.where(TV > 0, TV, np.nan)
    at = (np.array([BLACK_MIRROR]), np.array([JAI]))
    assert_allclose(found["mean of all"](*at), np.nanmean(seen))
    assert_allclose(found["mean of the user"](*at), np.nanmean(seen[:, JAI]))
    assert_allclose(found["mean of the show"](*at), np.nanmean(seen[BLACK_MIRROR]))


def test_the_bias_model_recovers_additive_ratings_as_counts_grow():
    rng = np.random.default_rng(0)
    X = 3 + rng.normal(0, 0.4, (200, 1)) + rng.normal(0, 0.3, (1, 150))
    assert rmse(baselines(as_ratings(X))[-1], as_ratings(X)) < 0.02  # what the shrinking leaves at 150 ratings each


def test_an_unrated_show_gets_the_mean_of_all():
    X = np.array([[1.0, 3.0], [0.0, 0.0]])
    for baseline in baselines(as_ratings(X))[::2]:
        assert_allclose(baseline(np.array([1]), np.array([0])), 2.0)


def test_predictions_are_entries_of_wh():
    rng = np.random.default_rng(2)
    W, H = rng.random((5, 3)), rng.random((3, 6))
    items, users = np.divmod(np.arange(30), 6)
    assert_allclose(predict(W, H, items, users), (W @ H).ravel())


@pytest.mark.parametrize("seed", range(5))
def test_every_show_and_user_keeps_a_rating_in_training(seed):
    X, mask = planted(share=0.06, seed=seed)
    ratings = as_ratings(X, mask)
    train, test = split_ratings(ratings, 0.5, np.random.default_rng(seed))
    assert set(train.items) == set(ratings.items)
    assert set(train.users) == set(ratings.users)
    assert len(train) + len(test) == len(ratings)
    assert not set(zip(train.items, train.users, strict=True)) & set(zip(test.items, test.users, strict=True))


def test_nothing_to_spare_is_said():
    with pytest.raises(ProblemError, match="only one"):
        split_ratings(as_ratings(np.eye(4)), 0.2, np.random.default_rng(0))


def test_masked_factorization_recovers_a_planted_table_and_real_zeros_do_not():
    X, mask = planted()
    table = {h.name: h for h in held_out_errors(as_ratings(X, mask), 2, ridges=(0.0, 0.1), splits=2)}
    assert table["masked NMF, ridge 0"].mean < 0.1 * table["mean + show and user bias"].mean
    assert table["NMF, zeros are ratings"].mean > table["mean of all"].mean
    assert list(table)[:4] == [b.name for b in baselines(as_ratings(X, mask))]


def test_the_ridge_keeps_predictions_nearer_to_the_scale():
    ratings = as_ratings(TV)
    wild = fit_observed(ratings, 3)
    tame = fit_observed(ratings, 3, ridge=1.0)
    assert np.linalg.norm(tame.W) ** 2 + np.linalg.norm(tame.H) ** 2 < np.linalg.norm(wild.W) ** 2 + np.linalg.norm(wild.H) ** 2
    assert (tame.W @ tame.H).max() < 6.0


def test_recommendations_are_unrated_shows_best_first():
    rng = np.random.default_rng(3)
    W, H = rng.random((7, 2)), rng.random((2, 5))
    found = recommend(as_ratings(TV), W, H, JAI, count=2)
    unrated = [2, 4, 5]
    best = sorted(unrated, key=lambda i: -(W[i] @ H[:, JAI]))[:2]
    assert [f.item for f in found] == best
    assert_allclose([f.predicted for f in found], [W[i] @ H[:, JAI] for i in best])


def test_clipping_holds_predictions_on_the_scale():
    found = recommend(as_ratings(TV), np.full((7, 1), 10.0), np.ones((1, 5)), JAI, scale=(1.0, 5.0))
    assert [f.predicted for f in found] == [5.0, 5.0, 5.0]


def test_two_hundred_thousand_ratings_stay_usable():
    rng = np.random.default_rng(0)
    items, users = rng.integers(3000, size=200_000), rng.integers(8000, size=200_000)
    X = sp.csr_array((np.ones(200_000), (items, users)), shape=(3000, 8000))
    X.sum_duplicates()
    kindness, quality = rng.normal(0, 0.5, 8000), rng.normal(0, 0.5, 3000)
    place = X.tocoo()
    X.data[:] = np.clip(3 + kindness[place.col] + quality[place.row] + rng.normal(0, 0.5, X.nnz), 1, 5)
    ratings = as_ratings(X, "stored")
    train, test = split_ratings(ratings, 0.1, rng)
    errors = [rmse(b, test) for b in baselines(train)]
    assert min(errors) == errors[-1]
    assert len(recommend(ratings, rng.random((3000, 5)), rng.random((5, 8000)), 7)) == 10
