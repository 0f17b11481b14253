"""Starts that go on together end where each ends alone, bit for bit, and can be left, cancelled and bounded."""

import importlib.util
import threading

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from nmfcore import ProblemError, StopRule, solve
from nmfcore.core import threads
from nmfcore.core.guidance import Guidance, Seed
from nmfcore.core.spec import RunSpec
from nmfcore.core.wanted import asking
from nmfcore.run import at_once, planned, several
from nmfcore.solvers import SOLVERS, together

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="the extra [fast] is not installed")
SPARSE = sp.csr_array(sp.random(300, 170, 0.1, random_state=3, format="csr"))
STOP = StopRule(tol=1e-4, max_iter=25)


def ended(runs):
    return list(runs) and [runs.results[place] for place in range(len(runs.starts))]


def assert_same(one, other):
    assert_array_equal(one.W, other.W)
    assert_array_equal(one.H, other.H)
    assert [p.loss for p in one.history.points] == [p.loss for p in other.history.points]
    assert (one.stopped, one.spec, one.warnings) == (other.stopped, other.spec, other.warnings)


@pytest.fixture(params=["off", pytest.param("auto", marks=needs_numba)])
def kernels(request, monkeypatch):
    monkeypatch.setenv("NMF_KERNELS", request.param)


@pytest.mark.parametrize("kind", ["sparse", "dense", "single", "exact"])
@pytest.mark.parametrize("rank", [3, 8, 20])
def test_each_start_has_the_bits_it_has_alone(kind, rank, kernels, monkeypatch):
    monkeypatch.setattr(threads, "processors", lambda: 2)
    X = {
        "sparse": SPARSE,
        "dense": SPARSE.toarray(),
        "single": SPARSE.astype(np.float32),
        "exact": sp.csr_array(SPARSE[:, :4] @ np.ones((4, 170))),  # float32 has to give way to float64 on the way
    }[kind]
    monkeypatch.setattr("nmfcore.core.factorization.SINGLE_SIZE", 1000)  # so that float32 is at work
    runs = several(X, rank, range(7), stop=STOP)
    assert runs.beside(runs.starts[0]) > 1
    for seed, found in enumerate(ended(runs)):
        assert_same(found, solve(X, rank, init="random", seed=seed, stop=STOP))


@pytest.mark.parametrize("solver", sorted(set(SOLVERS) - {"hals"}))
def test_every_solver_can_run_several_starts(solver):
    S = SPARSE[:60, :60].toarray()
    options = {"symmetric": {"spec": RunSpec(solver=solver, rank=3, symmetric=True, init="random", stop=STOP)}}
    kind = SOLVERS[solver].supports
    X = S + S.T if kind.requires_symmetric else S
    more = options["symmetric"] if kind.requires_symmetric else {"solver": solver, "stop": STOP, "loss": kind.losses[0]}
    more |= {"mask": np.ones_like(X)} if kind.requires_mask else {}
    alone = {**more, "spec": more["spec"].replace(seed=5)} if "spec" in more else {**more, "init": "random", "seed": 5}
    assert_same(ended(several(X, 3, [4, 5], **more))[1], solve(X, 3, **alone))


def test_ranks_go_together_on_one_x_that_is_checked_once(monkeypatch):
    checked = []
    monkeypatch.setattr(together, "as_problem", lambda *a, **k: checked.append(a) or together_as_problem(*a, **k))
    wanted = [(2, 0), (5, 0), (2, 1), (3, 7)]
    runs = together.Together(planned(SPARSE, wanted, stop=STOP))
    for (rank, seed), found in zip(wanted, ended(runs), strict=True):
        assert_same(found, solve(SPARSE, rank, init="random", seed=seed, stop=STOP))
    assert len(checked) == 1


together_as_problem = together.as_problem


def test_a_specification_stands_for_the_arguments_but_not_for_the_seed():
    spec = RunSpec(
        solver="mu", rank=4, seed=99, init="random", stop=STOP, penalty={"l1_H": 0.1}, guidance=Guidance((Seed(["a"]),))
    )
    found = ended(several(SPARSE, None, [3], spec=spec))[0]
    assert found.spec == spec.replace(seed=3, guidance=Guidance())
    assert_same(found, solve(SPARSE, spec=spec.replace(seed=3, guidance=Guidance())))


def test_it_can_be_left_and_gone_on_with():
    runs = several(SPARSE, 4, range(9), stop=STOP, most=1)
    for turn in runs:
        assert turn.total == 9
        if turn.done:
            break
    kept = dict(runs.results)
    assert len(kept) > 0
    again = ended(runs)
    assert all(again[place] is result for place, result in kept.items())
    assert_same(again[8], solve(SPARSE, 4, init="random", seed=8, stop=STOP))


def test_cancel_ends_it_within_a_step(monkeypatch):
    monkeypatch.setattr(together, "TURN", 0.0)
    runs = several(SPARSE, 4, range(4), stop=StopRule(tol=0, max_iter=10**6))
    for seen, _ in enumerate(runs):
        if seen == 3:
            threading.Thread(target=runs.cancel).start()
        assert seen < 10_000
    assert not runs.results


def test_what_is_not_wanted_any_more_ends_all_of_it():
    asked = []

    def question():
        asked.append(1)
        if len(asked) > 20:
            raise KeyboardInterrupt

    runs = several(SPARSE, 4, range(4), stop=StopRule(tol=0, max_iter=10**6))
    with asking(question), pytest.raises(KeyboardInterrupt):
        list(runs)
    assert not runs.results


def test_no_more_are_at_work_than_memory_allows(monkeypatch):
    at_work, most = set(), []
    take, end = together.Together.take, together.Together.end

    def taken(self, kind):
        place = take(self, kind)
        if place is not None:
            at_work.add(place)
        most.append(len(at_work))
        return place

    def ends(self, place, run):
        at_work.discard(place)
        end(self, place, run)

    monkeypatch.setattr(together.Together, "take", taken)
    monkeypatch.setattr(together.Together, "end", ends)
    for free, expected in ((0, 1), (3 * 80 * 470 * 4, 3), (10**9, 12)):
        number, held = at_once(SPARSE.shape, 4, 12, free)
        assert number <= expected
        assert held == number * 80 * 470 * 4
        most.clear()
        ended(several(SPARSE, 4, range(12), stop=STOP, most=number))
        assert max(most) <= number


def test_what_cannot_be_run_is_refused_before_it_begins():
    with pytest.raises(ProblemError, match="at least one seed"):
        several(SPARSE, 3, [])
    with pytest.raises(ProblemError, match="The rank is missing"):
        several(SPARSE, None, [1])
    with pytest.raises(ProblemError, match="choose 1 to 170"):
        planned(SPARSE, [(3, 0), (171, 0)])
    with pytest.raises(TypeError):
        several(SPARSE, 3, [1], colour="red")
