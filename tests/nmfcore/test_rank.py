"""A survey finds a planted rank, can be left and continued, and says why."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from nmfcore import ProblemError, StopRule
from nmfcore.evaluate import rank
from nmfcore.evaluate.svd import svd
from nmfcore.topics.projection import project_rows

RNG = np.random.default_rng(0)
# four planted topics over separate words, with noise
MEMBERS = np.repeat(np.arange(4), 15)
X = np.where(np.arange(32)[None] // 8 == MEMBERS[:, None], 1 + RNG.random((60, 32)), 0.1 * RNG.random((60, 32)))
H = np.random.default_rng(1).random((6, 32))
PLAN = rank.Plan((2, 3, 4, 5, 6), starts=3, stop=StopRule(tol=1e-4, max_iter=60), bicv=2, masked=1, null=1, keywords=5)


@pytest.fixture(scope="module")
def survey():
    survey = rank.Survey(X, PLAN)
    for _ in survey:
        pass
    return survey


def test_the_planted_rank_is_in_a_short_range_with_reasons(survey):
    found = survey.verdict()
    assert found.low == found.high == 4
    assert found.sentence == "Rank 4: 6 of 6 criteria speak for it."
    assert {r.criterion for r in found.reasons} == set(rank.NAMES.values()) - {rank.NAMES["dispersion"]}
    assert all(r.sentence.lower().startswith(r.criterion.lower()) for r in found.reasons)
    assert found.warnings == ()


def point(r: int, **known) -> rank.RankPoint:
    """What is known about a rank, the rest not measured."""
    values = dict.fromkeys(("cophenetic", "dispersion", "keywords", "npmi", "diversity"), np.nan)
    values |= {name: np.zeros(0) for name in ("bicv", "masked", "null")} | known
    return rank.RankPoint(rank=r, errors=np.array([1.0 / r]), floor=0.1, best=None, **values)


def test_criteria_for_different_ranks_are_not_added_up():
    """Ranks 2 and 6 had two criteria each, and the verdict was a range of ranks between them that agreed."""
    measures = {"bicv": 6, "masked": 6, "cophenetic": 2, "keywords": 2}
    points = [
        point(r, bicv=np.array([abs(r - 6) + 1.0]), masked=np.array([abs(r - 6) + 1.0]), cophenetic=1 / r, keywords=1 / r)
        for r in range(2, 8)
    ]
    found = rank.verdict(points)
    assert {r.criterion: r.best for r in found.reasons} == {rank.NAMES[key]: best for key, best in measures.items()}
    assert found.ranks == (2, 6)
    assert not found.agreed
    assert found.sentence == "The criteria do not agree on a rank: no more than 2 of 4 criteria speak for the same one (2, 6)."


def test_a_criterion_at_the_edge_of_the_survey_asks_for_more_ranks():
    points = [point(r, bicv=np.array([10.0 - r]), npmi=0.1 * r, cophenetic=1.0) for r in range(3, 7)]
    found = rank.verdict(points)
    assert found.title == "Rank 6 or more"
    (warning,) = found.warnings
    assert warning.startswith("Held out: blocks; coherence (NPMI) are best at rank 6, the highest surveyed.")
    assert warning.endswith("survey higher ranks.")
    assert rank.verdict(points, highest=6).warnings == (), "there is no higher rank"
    low = rank.verdict([point(r, npmi=1.0 / r) for r in range(3, 7)])
    assert low.warnings == (
        "Coherence (NPMI) is best at rank 3, the lowest surveyed. Its best may lie beyond: survey lower ranks.",
    )
    assert rank.verdict([point(r, npmi=1.0 / r) for r in range(2, 6)]).warnings == (), "below two there is nothing to tell apart"


def test_ranks_that_are_no_range_are_named_one_by_one():
    points = [point(r, npmi=value) for r, value in zip(range(2, 8), (0.5, 0.1, 0.5, 0.1, 0.5, 0.1), strict=True)]
    assert rank.verdict(points).title == "Ranks 2, 4 and 6"


def test_errors_stay_above_the_floor_and_held_out_errors_above_nothing(survey):
    points = survey.points()
    assert [p.rank for p in points] == [2, 3, 4, 5, 6]
    exact = svd(X)
    for p in points:
        assert p.floor == pytest.approx(exact.floor([p.rank])[0])
        assert (p.errors >= p.floor - 1e-6).all()
        assert len(p.errors) == 3
        assert len(p.bicv) == 2
        assert len(p.masked) == len(p.null) == 1
    best = {p.rank: p.bicv.mean() for p in points}
    assert min(best, key=best.get) == 4  # the training error would go on falling


def test_an_svd_that_is_there_already_is_used_if_it_reaches_far_enough(monkeypatch):
    monkeypatch.setattr(rank, "spectrum", lambda *_: pytest.fail("computed again"))
    plan = rank.Plan((2, 3), starts=1, bicv=0, masked=0, null=0)
    survey = rank.Survey(X, plan, decomposition=svd(X, 3))
    list(survey)
    assert survey.points()[1].floor == pytest.approx(svd(X).floor([3])[0])
    monkeypatch.undo()
    survey = rank.Survey(X, plan, decomposition=svd(X, 2, exact_side=0))
    list(survey)
    assert survey.points()[1].floor == pytest.approx(svd(X).floor([3])[0])


def test_the_river_links_every_topic_to_the_rank_before(survey):
    links = rank.river(survey.points(), least=0.9)
    for before, after in pairwise((2, 3, 4, 5, 6)):
        assert {link.next_topic for link in links if link.next_rank == after} == set(range(after))
        assert all(link.rank == before for link in links if link.next_rank == after)


def test_a_survey_that_was_left_goes_on_where_it_was_and_ends_the_same(survey):
    again = rank.Survey(X, PLAN)
    for step in again:
        if step.done == 7:
            break
    assert not again.finished
    assert len(again.points()) == 5  # the first start of every rank comes first
    for step in again:
        if step.done == 20:
            again.cancel()
    assert not again.finished
    assert [step.done for step in again][-1] == again.total
    assert again.finished
    for one, other in zip(again.points(), survey.points(), strict=True):
        assert_array_equal(one.errors, other.errors)
        assert_array_equal(one.bicv, other.bicv)
        assert one.keywords == other.keywords
    assert again.verdict() == survey.verdict()


def test_cancelling_inside_a_fit_drops_that_fit_only():
    survey = rank.Survey(X, rank.Plan((3,), starts=2, bicv=0, masked=0, null=0))
    steps = iter(survey)
    next(steps)
    survey.cancel()
    assert list(steps) == []
    assert len(survey.points()[0].errors) == 1
    assert [s.sentence for s in survey] == ["Rank 3: fit from start 2 (2 of 2)"]


def test_sparse_data_gives_the_same_numbers_as_dense():
    thin = np.where(X > 1, X, 0)
    plan = rank.Plan((2, 4), starts=2, stop=StopRule(tol=1e-4, max_iter=30), null=0)
    dense, sparse = rank.Survey(thin, plan), rank.Survey(sp.csr_array(thin), plan)
    for survey in (dense, sparse):
        for _ in survey:
            pass
    for one, other in zip(dense.points(), sparse.points(), strict=True):
        assert_allclose(one.errors, other.errors, rtol=1e-6)
        assert_allclose(one.bicv, other.bicv, rtol=1e-6)
        assert_allclose(one.masked, other.masked, rtol=1e-6)


def test_the_blocks_of_bi_cross_validation_are_described_nearly_as_exact_least_squares_would():
    exact = project_rows(X, H)
    found = rank._coefficients(X, H)
    assert (found >= 0).all()
    assert np.linalg.norm(X - found @ H) <= np.linalg.norm(X - exact @ H) * (1 + 1e-4)


@pytest.mark.parametrize("sparse", [False, True])
def test_shuffling_keeps_each_columns_values_and_nothing_else(sparse):
    thin = np.where(X > 1.2, X, 0)
    found = rank.shuffled(sp.csr_array(thin) if sparse else thin, np.random.default_rng(1))
    found = found.toarray() if sparse else found
    assert_array_equal(np.sort(found, axis=0), np.sort(thin, axis=0))
    assert not np.array_equal(found, thin)


def test_what_cannot_be_measured_is_said(monkeypatch):
    monkeypatch.setattr(rank, "MASKED_CELLS", 100)
    survey = rank.Survey(X[:, :7], rank.Plan((2, 5), starts=1))
    assert any("Hidden entries were not used" in note for note in survey.notes)
    assert any("stops at rank 3" in note for note in survey.notes)
    assert survey.verdict().ranks == ()
    assert survey.verdict().sentence.startswith("No verdict")
    with pytest.raises(ProblemError, match="choose 1 to 7"):
        rank.Survey(X[:, :7], [8])
    with pytest.raises(ProblemError, match="at least one rank"):
        rank.Survey(X, [])
