"""The stepwise pipeline's claims: similarities by textbook formulas, exact projection, reasons, and an honest comparison."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import nnls
from scipy.spatial.distance import cdist

from nmfcore import Axes, Axis, ProblemError
from nmfcore.methods.symmetric_topics import (
    NORMALISATIONS,
    WEIGHTINGS,
    compare,
    cooccurrence,
    explain,
    fit_topics,
    item_topics,
    items_of_topics,
    parameter_shares,
    prepare_topics,
    project_item,
    symmetric_floor,
    topic_strength,
)
from nmfcore.topics.sparsity import hoyer

WORDS = ["Shark", "ocean", "beach", "murder", "police", "snow", "dystopia", "surveillance"]
FILMS = ["Jaws", "The Reef", "Fargo", "Heat", "1984", "Brazil"]
X = np.array(
    [
        [1, 1, 1, 0, 1, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 1, 1, 0, 0],
        [0, 0, 0, 1, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 1, 1],
        [0, 0, 0, 0, 1, 0, 1, 1],
    ],
    float,
)
AXES = Axes(Axis("films", "film", FILMS), Axis("keywords", "keyword", WORDS))
STARTS = range(3)


@pytest.fixture(scope="module")
def table():
    return cooccurrence(X, axes=AXES)


@pytest.fixture(scope="module")
def S(table):
    return fit_topics(table, 3).W


# -- C ------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("diagonal", [True, False])
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_similarities_are_symmetric_and_between_0_and_1(weighting, normalisation, diagonal, sparse):
    data = np.random.default_rng(0).integers(0, 3, (30, 9)).astype(float)
    C = cooccurrence(
        sp.csr_array(data) if sparse else data, weighting=weighting, normalisation=normalisation, diagonal=diagonal
    ).C
    assert_array_equal(C, C.T)
    assert C.min() >= 0
    assert C.max() <= 1
    assert diagonal or not np.diag(C).any()
    if normalisation in ("cosine", "jaccard") and diagonal:
        assert_allclose(np.diag(C), 1.0)


def test_cosine_and_jaccard_equal_scipys():
    assert_allclose(cooccurrence(X).C, 1 - cdist(X.T, X.T, "cosine"), atol=1e-12)
    assert_allclose(cooccurrence(X, normalisation="jaccard").C, 1 - cdist(X.T > 0, X.T > 0, "jaccard"), atol=1e-12)


def test_max_is_the_count_divided_by_the_largest():
    assert_allclose(cooccurrence(X, normalisation="max").C, X.T @ X / 4)  # "police" is in four films


def test_ppmi_equals_the_logarithm_of_observed_over_expected():
    together, alone = X.T @ X / 6, X.mean(axis=0)
    with np.errstate(divide="ignore"):
        pmi = np.maximum(np.log(together / np.outer(alone, alone)), 0)
    assert_allclose(cooccurrence(X, normalisation="ppmi").C, pmi / pmi.max(), atol=1e-12)


def test_idf_pushes_the_popular_keyword_down():
    plain, idf = (cooccurrence(X, weighting=w, normalisation="max", axes=AXES) for w in ("binary", "idf"))
    police = WORDS.index("police")
    assert plain.C[police, police] == 1
    assert idf.C[police, police] < 0.25
    assert_allclose(idf.weights, np.log(6 / X.sum(axis=0)))
    assert_allclose(idf.C * (X.T @ X * np.outer(idf.weights, idf.weights)).max(), X.T @ X * np.outer(idf.weights, idf.weights))


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_it_is_said_where_idf_cannot_change_the_similarities(normalisation):
    plain, idf = (cooccurrence(X, weighting=w, normalisation=normalisation) for w in ("binary", "idf"))
    assert np.allclose(plain.C, idf.C) is not idf.weighting_matters


def test_binary_ignores_the_size_of_entries():
    assert_array_equal(cooccurrence(X * 7).C, cooccurrence(X).C)


def test_sparse_items_give_the_same_similarities():
    dense, sparse = (cooccurrence(data, weighting="idf", normalisation="max") for data in (X, sp.csr_array(X)))
    assert_allclose(sparse.C, dense.C)
    assert_allclose(sparse.X.toarray(), dense.X)


def test_a_keyword_that_no_item_has_is_similar_to_nothing():
    table = cooccurrence(np.hstack([X, np.zeros((6, 1))]), weighting="idf", normalisation="jaccard")
    assert not table.C[8].any()
    assert np.isfinite(table.C).all()


def test_unknown_names_and_items_without_pairs_are_refused():
    with pytest.raises(ProblemError, match="Known: binary, idf, as given"):
        cooccurrence(X, weighting="tf")
    with pytest.raises(ProblemError, match="Known: cosine, jaccard, ppmi, max"):
        cooccurrence(X, normalisation="dice")
    with pytest.raises(ProblemError, match="No two keywords"):
        cooccurrence(np.eye(4), diagonal=False)


# -- S and V ------------------------------------------------------------------------------------------------------------
def test_the_run_can_be_watched_and_ends_above_the_floor(table):
    run = prepare_topics(table, 3)
    errors = [point.relative_error for point in run]
    assert errors[-1] < errors[0]
    assert errors[-1] >= symmetric_floor(table.C, 3) - 1e-9
    assert run.problem.symmetric


def test_the_symmetric_floor_is_the_error_of_the_best_positive_semidefinite_matrix():
    C = np.random.default_rng(0).random((7, 7))
    C = C + C.T
    values, vectors = np.linalg.eigh(C)
    best = sum(
        (values[i] * np.outer(vectors[:, i], vectors[:, i]) for i in np.argsort(-values)[:5] if values[i] > 0), np.zeros_like(C)
    )
    assert_allclose(symmetric_floor(C, 5), np.linalg.norm(C - best) / np.linalg.norm(C))


def test_three_themes_are_found_from_keywords_alone(S):
    themes = {frozenset(w for w in np.argsort(-s)[:2]) for s in S.T}
    assert frozenset({WORDS.index("dystopia"), WORDS.index("surveillance")}) in themes


def test_items_are_projected_exactly(table, S):
    assert_allclose(item_topics(table, S), [nnls(S, x)[0] for x in X], atol=1e-10)
    sparse = cooccurrence(sp.csr_array(X), axes=AXES)
    assert_allclose(item_topics(sparse, S), item_topics(table, S), atol=1e-10)


def test_the_parameters_are_shared_between_v_and_s():
    v, s = parameter_shares(200, 260, 10)
    assert_allclose([v, s], [200 / 460, 260 / 460])


def test_topic_strength_is_comparable_where_v_is_not(table, S):
    V = item_topics(table, S)
    D = np.array([1e-2, 1.0, 1e2])
    assert_allclose(topic_strength(V / D, S * D), topic_strength(V, S))
    assert_allclose(topic_strength(V, S), V * np.linalg.norm(S, axis=0))


def test_films_of_a_topic_come_strongest_first(table, S):
    V = item_topics(table, S)
    for k, items in enumerate(items_of_topics(V, S, count=3)):
        assert np.all(np.diff(V[items, k]) <= 0)
        assert (V[items, k] > 0).all()
    dystopia = S[WORDS.index("dystopia")].argmax()
    assert {FILMS[i] for i in items_of_topics(V, S, count=2)[dystopia]} == {"1984", "Brazil"}


def test_reasons_are_the_items_own_keywords_and_add_up(table, S):
    V = item_topics(table, S)
    for i in range(len(FILMS)):
        topics = explain(table.X[i], V[i], S, table)
        assert [t.topic for t in topics] == [k for k in np.argsort(-topic_strength(V, S)[i]) if V[i, k] > 0]
        assert_allclose(sum(t.share for t in topics), 1.0)
        for topic in topics:
            assert all(X[i, r.keyword] > 0 for r in topic.reasons)
            assert_allclose(sum(r.evidence for r in topic.reasons), X[i] @ S[:, topic.topic])
            for r in topic.reasons:
                assert_allclose(r.explained, V[i, topic.topic] * S[r.keyword, topic.topic])
    assert explain(sp.csr_array(X)[[0]], V[0], S, table, count=2)[0].reasons[0].label in WORDS


def test_a_film_typed_in_gets_the_topics_of_the_same_film(table, S):
    found = project_item([" shark", "OCEAN", "beach", "police", "police", "", "ufo"], table, S)
    assert found.known == ("shark", "OCEAN", "beach", "police")
    assert found.unknown == ("ufo",)
    assert_allclose(found.topics, item_topics(table, S)[0], atol=1e-10)
    weighted = cooccurrence(X, weighting="idf", axes=AXES)
    assert_allclose(
        project_item(["shark", "ocean", "beach", "police"], weighted, S).topics, item_topics(weighted, S)[0], atol=1e-10
    )


def test_no_known_keyword_gives_no_topic(table, S):
    found = project_item(["ufo"], table, S)
    assert not found.topics.any()
    assert found.unknown == ("ufo",)


def test_keywords_without_names_cannot_be_typed(S):
    with pytest.raises(ProblemError, match="no names"):
        project_item(["shark"], cooccurrence(X), S)


# -- stepwise beside joint ----------------------------------------------------------------------------------------------
def test_the_comparison_states_error_sparsity_and_stability_of_both(table):
    told = []
    found = compare(table, 3, seeds=STARTS, report=lambda sentence, share: told.append((sentence, share)))
    for side in (found.stepwise, found.joint):
        assert len(side.error) == 3
        assert_allclose(side.error[0], np.linalg.norm(X - side.items @ side.topics.T) / np.linalg.norm(X))
        assert min(side.error) >= found.floor - 1e-9
        assert_allclose(side.topic_sparsity, np.nanmean(hoyer(side.topics, axis=0)))
        assert 0 <= side.stability <= 1
        assert 0 <= side.keywords_stability <= 1
    assert min(found.joint.error) <= min(found.stepwise.error) + 1e-6  # both at once minimises this very error
    assert sorted(found.match) == [0, 1, 2]
    assert len(told) == 6
    assert [share for _, share in told] == sorted(share for _, share in told)


def test_a_single_start_has_no_stability(table):
    assert np.isnan(compare(table, 2, seeds=[0]).joint.stability)
