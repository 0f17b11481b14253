"""Does a background fit give exactly what its specification says, also when it was stopped or continued?"""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from dashboard.work.estimates import estimate
from dashboard.work.fitted import Derived
from dashboard.work.fitting import FIRST, continue_work, fit_key, fit_work, fraction, solver_refusals
from dashboard.work.jobs import Jobs
from dashboard.work.ledger import Bounds
from dashboard.work.loading import data_key, load
from nmfcore.core.factorization import Progress, StopReason
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.solvers import SOLVERS

SPEC = FIRST.replace(rank=4, stop=StopRule(tol=0.0, max_iter=30))


class Watched:
    """Stands for a job: counts reports, and says stop after so many."""

    def __init__(self, most: int = 10**9) -> None:
        self.most, self.seen, self.message = most, [], ""

    def say(self, message, fraction=None):
        self.message = message

    def keep(self, make):
        self.kept = make

    def reserve(self, needed, way_out=""):
        self.needed = needed

    def report(self, progress, fraction):
        self.seen.append(progress)
        assert 0.0 <= fraction <= 1.0
        return len(self.seen) < self.most


@pytest.fixture
def jobs():
    service = Jobs(Bounds(workers=1))
    yield service
    service.close()


def test_the_same_specification_gives_the_same_result(jobs):
    one, two = (fit_work(SPEC, jobs)(Watched()) for _ in range(2))
    np.testing.assert_array_equal(one.factorization.W, two.factorization.W)
    assert one.key == two.key
    assert one.spec.fingerprint == one.dataset.fingerprint


@pytest.mark.parametrize("solver", ["hals", "mu"])
def test_a_stopped_run_is_repeated_by_its_specification(jobs, solver):
    stopped = fit_work(SPEC.replace(solver=solver), jobs)(Watched(most=8))
    assert stopped.factorization.stopped is StopReason.CANCELLED
    assert stopped.spec.stop.max_iter == stopped.factorization.history[-1].iteration < 30
    again = fit_work(stopped.spec, jobs)(Watched())
    np.testing.assert_array_equal(again.factorization.W, stopped.factorization.W)
    np.testing.assert_array_equal(again.factorization.H, stopped.factorization.H)


@pytest.mark.parametrize("solver", ["hals", "mu"])
def test_a_continued_run_equals_one_long_run(jobs, solver):
    short = fit_work(SPEC.replace(solver=solver), jobs)(Watched())
    longer = continue_work(short, replace(SPEC.stop, max_iter=50))(Watched())
    assert longer.factorization.history[-1].iteration == 50
    assert [p.iteration for p in longer.factorization.history.points] == list(range(51))
    whole = fit_work(longer.spec, jobs)(Watched())
    np.testing.assert_array_equal(whole.factorization.W, longer.factorization.W)


def test_whoever_goes_on_second_stops_where_the_first_did(jobs):
    """The tolerance holds for both; the second repeated the steps up to the limit without one."""
    short = fit_work(SPEC.replace(stop=StopRule(tol=1e-2, max_iter=200)), jobs)(Watched())
    assert short.factorization.stopped is StopReason.CONVERGED
    finer = replace(short.asked.stop, tol=1e-4)
    first, second = (continue_work(short, finer)(Watched()) for _ in range(2))
    done = first.factorization.history[-1].iteration
    assert short.factorization.history[-1].iteration < done < 200
    assert second.factorization.history[-1].iteration == done
    assert second.factorization.stopped is first.factorization.stopped is StopReason.CONVERGED
    np.testing.assert_array_equal(second.factorization.W, first.factorization.W)
    assert first.asked.stop == second.asked.stop == finer
    assert first.spec.stop.max_iter == done


def test_two_people_can_continue_the_same_run(jobs):
    short = fit_work(SPEC, jobs)(Watched())
    before = short.factorization.W.copy()
    first, second = (continue_work(short, replace(SPEC.stop, max_iter=40))(Watched()) for _ in range(2))
    np.testing.assert_array_equal(first.factorization.W, second.factorization.W)
    np.testing.assert_array_equal(short.factorization.W, before)


def test_a_ridge_is_used_and_makes_another_run(jobs):
    plain, ridge = (fit_work(SPEC.replace(penalty=penalty), jobs)(Watched()) for penalty in ({}, {"l2_W": 2.0, "l2_H": 2.0}))
    assert fit_key(plain.spec) != fit_key(ridge.spec)
    assert ridge.factorization.relative_error > plain.factorization.relative_error + 1e-3
    assert ridge.run.problem.penalty is not None


def test_every_nmf_lies_on_or_above_its_floor(jobs):
    for rank in (1, 3, 12):
        run = fit_work(SPEC.replace(rank=rank), jobs)(Watched())
        assert run.factorization.relative_error >= run.floor - 1e-6
        assert 0.0 < run.attainable <= 1.0 + 1e-6


def test_runs_of_one_data_set_share_one_svd(jobs):
    one = fit_work(SPEC.replace(rank=3), jobs)(Watched())
    two = fit_work(SPEC.replace(rank=9), jobs)(Watched())
    assert one.svd is two.svd
    assert one.dataset is two.dataset


def test_the_key_of_a_fit_does_not_depend_on_whether_the_content_is_known():
    known = SPEC.replace(fingerprint="f" * 64)
    assert fit_key(known) == fit_key(SPEC)
    assert data_key(known) == data_key(SPEC)
    upload = RunSpec(data="upload", fingerprint="a" * 64)
    assert fit_key(upload) != fit_key(upload.replace(fingerprint="b" * 64))


def test_ratings_name_the_solvers_that_cannot_skip_missing_entries():
    refused = solver_refusals(load(RunSpec(data="tv", rank=2)))
    assert "missing entries" in refused["hals"]
    assert "masked" not in refused
    assert set(refused) < set(SOLVERS)


def test_an_estimate_follows_the_last_run_on_the_data(jobs):
    run = fit_work(SPEC, jobs)(Watched())
    few, many = (estimate(SPEC.replace(rank=rank), run.dataset, [run]) for rank in (4, 40))
    assert 0 < few < many
    assert estimate(SPEC, None) is None


def test_the_bar_shows_the_limit_that_is_nearer():
    stop = StopRule(max_iter=100, max_seconds=10.0)
    assert fraction(Progress(50, 1.0, 1.0, 1.0), stop) == 0.5
    assert fraction(Progress(50, 9.0, 1.0, 1.0), stop) == 0.9
    assert fraction(Progress(200, 9.0, 1.0, 1.0), stop) == 1.0


def test_what_is_derived_is_computed_once():
    derived, calls = Derived(), []
    lock = threading.Lock()

    def compute():
        with lock:
            calls.append(1)
        return object()

    assert derived("a", compute) is derived("a", compute)
    assert len(calls) == 1
