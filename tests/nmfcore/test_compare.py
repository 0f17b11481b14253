"""Two runs are compared by meaning, and the race is fair."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nmfcore import Axis, Factors, ProblemError, StopReason, StopRule, solve
from nmfcore.core.factorization import Penalty
from nmfcore.evaluate import compare

RNG = np.random.default_rng(0)
X = RNG.random((30, 20))
W = np.repeat(np.eye(3), [4, 3, 3], axis=0) + 0.01
H = np.kron(np.eye(3), np.array([[4.0, 3, 2, 1]]))
TERMS = Axis("terms", "term", [f"{a}{i}" for a in "abc" for i in range(4)])


def test_renaming_and_rescaling_a_run_changes_nothing():
    order, c = [2, 0, 1], np.array([5.0, 0.1, 3])
    found = compare.compare(Factors(W, H), Factors((W * c)[:, order], (H / c[:, None])[order]), TERMS)
    assert [t.second for t in found.topics] == [1, 2, 0]
    assert found.moves == []
    assert found.mean_cosine == pytest.approx(1)
    assert all(not t.lost and not t.gained and not t.left and not t.joined for t in found.topics)
    assert found.clusters.ari.value == pytest.approx(1)


def test_words_and_items_that_change_are_listed():
    other_W, other_H = W.copy(), H.copy()
    other_W[0] = [0.01, 1, 0.01]  # item 1 moves from a to b
    other_W[9] = 0  # item 10 is in none
    other_H[0, [3, 5]] = [0, 1]  # topic a loses a3 and gains b1
    found = compare.compare(Factors(W, H), Factors(other_W, other_H), TERMS, count=4)
    assert [(m.item, m.first, m.second) for m in found.moves] == [(0, 0, 1), (9, 2, -1)]
    first = found.topics[0]
    assert (first.kept, first.lost, first.gained) == (["a0", "a1", "a2"], ["a3"], ["b1"])
    assert (first.items, first.left, first.joined) == (3, 1, 0)
    assert found.topics[1].joined == 1
    assert "2 of 10 items (20 %) move" in found.sentence


def test_items_that_are_in_no_cluster_of_either_run_are_counted_as_left_out():
    rng = np.random.default_rng(0)
    W, H = rng.random((20, 3)), rng.random((3, 8))
    V = W.copy()
    W[4], V[[4, 9]] = 0.0, 0.0
    found = compare.compare(Factors(W, H), Factors(V, H))
    assert (found.items, found.clusters.items, found.clusters.left_out) == (20, 18, 2)


def test_runs_of_different_rank_have_topics_without_a_partner():
    found = compare.compare(Factors(W, H), Factors(W[:, [2, 0]], H[[2, 0]]), TERMS, count=4)
    assert [(t.first, t.second) for t in found.topics] == [(0, 1), (1, None), (2, 0)]
    assert found.topics[1].lost == ["b0", "b1", "b2", "b3"]
    assert {m.item for m in found.moves} == {4, 5, 6}  # the items of topic b
    back = compare.compare(Factors(W[:, [2, 0]], H[[2, 0]]), Factors(W, H), TERMS, count=4)
    assert (back.topics[-1].first, back.topics[-1].second) == (None, 1)
    with pytest.raises(ValueError, match="different data"):
        compare.compare(Factors(W, H), Factors(W[1:], H))


def test_all_racers_start_from_the_same_point_and_end_as_they_do_alone():
    stop = StopRule(tol=0, max_iter=12)
    race = compare.Race(X, 3, ["hals", "mu", "pg"], start="random", seed=4, stop=stop)
    laps = list(race)
    starts = [lap.progress.relative_error for lap in laps if lap.progress.iteration == 0]
    assert_allclose(starts, starts[0], rtol=1e-12)
    for name, fit in race.results().items():
        alone = solve(X, 3, solver=name, init="random", seed=4, stop=stop)
        assert_array_equal(fit.W, alone.W)
        assert_array_equal(fit.H, alone.H)
        assert fit.stopped is StopReason.ITERATIONS
    assert [c.name for c in race.curves()] == ["hals", "mu", "pg"]


def test_a_racers_specification_repeats_it_with_its_penalty():
    penalty = Penalty(l1_W=0.3, l2_H=0.2)
    race = compare.Race(X, 3, ["hals", "mu"], stop=StopRule(tol=0, max_iter=5), penalty=penalty)
    for _ in race:
        pass
    for result in race.results().values():
        spec = result.spec
        alone = solve(
            X, spec.rank, solver=spec.solver, solver_options=spec.solver_options, init=spec.init, seed=spec.seed, stop=spec.stop,
            penalty=Penalty(**spec.penalty),
        )  # fmt: skip
        assert_array_equal(alone.W, result.W)
        assert alone.spec.key == spec.key


def test_the_slowest_in_seconds_waits():
    race = compare.Race(X, 3, ["hals", "mu"], stop=StopRule(tol=0, max_iter=30))
    used = {"hals": -1.0, "mu": -1.0}
    for lap in race:
        others = [s for name, s in used.items() if name != lap.name and race.runs[name].history.points[-1:] and s >= 0]
        unfinished = all(race.runs[name].history[-1].iteration < 30 for name in used if len(race.runs[name].history))
        if others and unfinished:
            assert used[lap.name] <= max(others)
        used[lap.name] = lap.progress.seconds


def test_a_race_can_be_stopped_looked_at_and_continued():
    race = compare.Race(X, 3, ["hals", "mu"], stop=StopRule(tol=0, max_iter=10))
    for lap in race:
        if lap.progress.iteration == 3:
            race.cancel()
    assert all(fit.stopped is StopReason.CANCELLED for fit in race.results().values())
    before = {name: len(run.history) for name, run in race.runs.items()}
    list(race)
    assert all(len(run.history) > before[name] for name, run in race.runs.items())


def test_arrivals_say_when_an_error_was_first_reached():
    curves = [
        compare.Curve("a", np.arange(3.0), np.array([0, 0.1, 0.2]), np.array([1, 0.5, 0.4]), np.full(3, np.nan)),
        compare.Curve("b", np.arange(2.0), np.array([0, 0.1]), np.array([1, 0.9]), np.full(2, np.nan)),
    ]
    assert compare.arrivals(curves, 0.5) == [compare.Arrival("a", 1, 0.1), compare.Arrival("b", None, None)]


def test_a_solver_that_cannot_run_is_refused_with_its_reason():
    with pytest.raises(ProblemError, match="needs a mask"):
        compare.Race(X, 3, ["hals", "masked"])
    with pytest.raises(ProblemError, match="at least one solver"):
        compare.Race(X, 3, [])
    both = compare.Race(X, 2, {"small step": ("gd", {}), "HALS": ("hals", {"sweeps": 1})})
    assert list(both.runs) == ["small step", "HALS"]


def test_curves_of_a_run_are_its_history():
    fit = solve(X, 2, stop=StopRule(max_iter=5))
    found = compare.curve("one", fit)
    assert_array_equal(found.errors, fit.history.relative_errors)
    assert_array_equal(found.seconds, fit.history.seconds)
