"""Does the job service share, bound, stop, drop and forget as its module says?

Work blocks on events, never on sleeps; time is a clock that the test moves.
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
import time
import tomllib
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import dashboard
from dashboard.work import failures, workers
from dashboard.work.job import Job, JobCancelled, JobsBusy, Status
from dashboard.work.jobs import Jobs
from dashboard.work.jobs import service as process_service
from dashboard.work.ledger import LEASE, Bounds
from dashboard.work.results import size_of
from nmfcore.data import catalog
from nmfcore.data.model.limits import memory_budget

LIMIT = 10.0  # seconds until a test that waits for a thread gives up


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Loop:
    """Work that reports once per step() and ends with "complete" after finish(), or with "partial" when stopped."""

    def __init__(self, result: Any = "complete") -> None:
        self.result = result
        self.running = threading.Event()
        self._go = threading.Semaphore(0)
        self._ticked = threading.Semaphore(0)
        self._last = False

    def __call__(self, job: Job) -> Any:
        self.running.set()
        done = 0
        while True:
            assert self._go.acquire(timeout=LIMIT)
            if self._last:
                return self.result
            done += 1
            try:
                if not job.report(done, fraction=done / 10):
                    return "partial"
            finally:
                self._ticked.release()

    def step(self) -> None:
        assert self.running.wait(LIMIT)
        self._go.release()
        assert self._ticked.acquire(timeout=LIMIT)

    def finish(self) -> None:
        self._last = True
        self._go.release()


@dataclass
class Data:
    """Something a weak reference can point at."""

    cells: Any = None


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loops() -> list[Loop]:
    return []


@pytest.fixture
def loop(loops: list[Loop]) -> Callable[[], Loop]:
    def make() -> Loop:
        loops.append(Loop())
        return loops[-1]

    return make


@pytest.fixture
def service(clock: Clock, loops: list[Loop]) -> Iterator[Callable[..., Jobs]]:
    made: list[Jobs] = []

    def make(budget: Callable[[], int] = memory_budget, **options: Any) -> Jobs:
        made.append(Jobs(Bounds(**options), clock=clock, budget=budget))
        return made[-1]

    yield make
    for each in loops:
        each.finish()
    for jobs in made:
        jobs.close(LIMIT)
    assert not any(t.is_alive() for jobs in made for t in jobs._workers.threads)


def finished(job: Job) -> Job:
    assert job.wait(LIMIT)
    return job


def running(jobs: Jobs, key: Any, work: Loop, **options: Any) -> Job:
    """A job of that work that a worker has taken."""
    job = jobs.submit(key, work, **options)
    assert work.running.wait(LIMIT)
    return job


def returning(value: Any) -> Callable[[Job], Any]:
    return lambda job: value


# -- one computation -------------------------------------------------------------------------------------------------


def test_a_job_runs_and_its_result_is_stored(service, loop, clock):
    jobs, work = service(), loop()
    job = jobs.submit("k", work, session="a", label="HALS, rank 8")
    work.step()
    work.step()
    assert job.status is Status.RUNNING
    assert (job.progress, job.latest, job.fraction) == ([1, 2], 2, 0.2)
    clock.now += 3
    assert job.seconds == 3
    work.finish()
    finished(job)
    assert (job.status, job.fraction, job.stopped, job.seconds) == (Status.DONE, 1.0, False, 3)
    assert jobs.result("k") == "complete"
    clock.now += 50
    assert job.seconds == 3


def test_nothing_runs_before_the_first_job(service):
    assert service()._workers.threads == []


def test_a_sentence_and_a_fraction_show_while_there_is_no_progress_yet(service):
    jobs, go, seen = service(), threading.Event(), threading.Event()

    def work(job: Job) -> str:
        job.say("Downloading 14 MB", 0.25)
        seen.set()
        go.wait(LIMIT)
        return "data"

    job = jobs.submit("k", work, session="a")
    assert seen.wait(LIMIT)
    assert (job.message, job.fraction, job.latest) == ("Downloading 14 MB", 0.25, None)
    go.set()
    finished(job)


@pytest.mark.parametrize(("given", "shown"), [(-1, 0.0), (0.5, 0.5), (7, 1.0)])
def test_a_fraction_stays_between_nothing_and_everything(given, shown):
    job = Job("k", _until=np.inf)
    job.report(1, fraction=given)
    assert job.fraction == shown
    job.say("x", given)
    assert job.fraction == shown


# -- sharing ---------------------------------------------------------------------------------------------------------


def test_two_sessions_that_want_the_same_share_one_computation(service, loop):
    jobs, work = service(), loop()
    one = jobs.submit("k", work, session="a")
    assert jobs.submit("k", pytest.fail, session="b") is one
    assert jobs.heartbeat("a") == jobs.heartbeat("b") == [one]
    work.finish()
    finished(one)
    assert jobs.submit("k", pytest.fail, session="c") is one


def test_a_put_result_is_found_done(service):
    jobs = service()
    jobs.put("k", "embedded", label="the first page")
    job = jobs.submit("k", pytest.fail, session="a")
    assert (job.status, job.fraction, jobs.result("k")) == (Status.DONE, 1.0, "embedded")
    assert job.wait(0)


def test_a_result_that_was_dropped_is_computed_again(service):
    jobs = service(keep=1)
    first = finished(jobs.submit("k", returning(1), session="a"))
    finished(jobs.submit("other", returning(2), session="a"))
    assert jobs.result("k") is None
    again = finished(jobs.submit("k", returning(3), session="a"))
    assert again is not first
    assert jobs.result("k") == 3


def test_what_is_not_known_is_none(service):
    jobs = service()
    assert jobs.watch("k", "a") is None
    assert jobs.result("k") is None
    assert jobs.heartbeat("a") == []
    assert not jobs.stop("k", "a")


# -- stopping --------------------------------------------------------------------------------------------------------


def test_stop_keeps_what_there_is(service, loop):
    jobs, work = service(), loop()
    job = jobs.submit("k", work, session="a")
    work.step()
    assert jobs.stop("k", "a")
    work.step()
    finished(job)
    assert (job.status, job.stopped, job.fraction) == (Status.DONE, True, 0.2)
    assert jobs.result("k") == "partial"


def test_stop_shows_within_half_a_second():
    jobs = Jobs()  # the real clock

    def work(job: Job) -> str:
        while job.report(0):
            time.sleep(0.01)
        return "partial"

    job = jobs.submit("k", work, session="a")
    while not job.progress:
        assert not job.wait(0.01)
    began = time.monotonic()
    jobs.stop("k", "a")
    finished(job)
    assert time.monotonic() - began < 0.5
    jobs.close(LIMIT)


def test_a_stopped_job_does_not_pass_for_the_complete_one_and_its_result_stays_until_that_is_there(service, loop):
    jobs, first, second = service(), loop(), loop()
    stopped = running(jobs, "k", first, session="a")
    jobs.stop("k", "a")
    first.step()
    finished(stopped)
    again = jobs.submit("k", second, session="a")
    assert again is not stopped
    assert jobs.result("k") == "partial"
    second.finish()
    finished(again)
    assert jobs.result("k") == "complete"


def test_a_stopped_job_that_ends_late_leaves_its_successors_result_alone(service, loop):
    jobs, first, second = service(), loop(), loop()
    stopped = running(jobs, "k", first, session="a")
    jobs.stop("k", "a")
    again = jobs.submit("k", second, session="a")
    second.finish()
    finished(again)
    first.step()
    finished(stopped)
    assert jobs.result("k") == "complete"
    assert jobs.watch("k", "a") is again


def test_stop_leaves_the_job_to_the_others_who_watch_it(service, loop):
    jobs, work = service(), loop()
    job = jobs.submit("k", work, session="a")
    jobs.submit("k", work, session="b")
    assert not jobs.stop("k", "a")
    work.step()
    assert not job.stopped
    assert jobs.heartbeat("a") == []
    assert jobs.stop("k", "b")
    work.step()
    assert finished(job).stopped


def test_stop_while_queued_cancels(service, loop):
    jobs, busy = service(workers=1), loop()
    running(jobs, "busy", busy, session="a")
    queued = jobs.submit("k", pytest.fail, session="b")
    assert jobs.stop("k", "b")
    assert finished(queued).status is Status.CANCELLED
    busy.finish()


def test_stop_in_a_phase_without_a_partial_result_cancels(service):
    jobs, go, began = service(), threading.Event(), threading.Event()

    def work(job: Job) -> str:
        began.set()
        go.wait(LIMIT)
        try:
            job.say("Downloading")
        except Exception:  # a loader that tries the next source must not swallow the cancellation
            return "next source"
        return "data"

    job = jobs.submit("k", work, session="a")
    assert began.wait(LIMIT)
    jobs.stop("k", "a")
    go.set()
    assert finished(job).status is Status.CANCELLED
    assert jobs.result("k") is None


def test_stop_before_there_is_anything_to_keep_cancels(service):
    jobs, go, began = service(), threading.Event(), threading.Event()

    def work(job: Job) -> None:
        began.set()
        go.wait(LIMIT)
        assert not job.report(0)

    job = jobs.submit("k", work, session="a")
    assert began.wait(LIMIT)
    jobs.stop("k", "a")
    go.set()
    assert finished(job).status is Status.CANCELLED


# -- leases ----------------------------------------------------------------------------------------------------------


def test_a_job_nobody_looks_at_ends_when_its_lease_does(service, loop, clock):
    jobs, work = service(lease=90), loop()
    job = jobs.submit("k", work, session="a")
    clock.now += 80
    work.step()
    jobs.watch("k", "a")
    clock.now += 80
    work.step()
    assert job.status is Status.RUNNING
    clock.now += 11
    work.step()
    assert finished(job).status is Status.CANCELLED
    assert jobs.result("k") is None


def test_a_session_keeps_all_its_jobs_with_one_heartbeat(service, loop, clock):
    jobs, fit, load = service(lease=90), loop(), loop()
    one = jobs.submit("fit", fit, session="a", lane="fit")
    clock.now += 1
    two = jobs.submit("data", load, session="a", lane="data")
    clock.now += 80
    assert jobs.heartbeat("a") == [one, two]
    clock.now += 80
    fit.step()
    load.step()
    assert (one.status, two.status) == (Status.RUNNING, Status.RUNNING)


def test_a_queued_job_whose_lease_ended_never_runs_and_frees_its_place(service, loop, clock):
    jobs, busy = service(workers=1, queue_limit=1, lease=90), loop()
    running(jobs, "busy", busy, session="a")
    queued = jobs.submit("k", pytest.fail, session="b")
    clock.now += 91
    jobs.watch("busy", "a")
    fresh = jobs.submit("fresh", returning(1), session="c")
    assert finished(queued).status is Status.CANCELLED
    busy.finish()
    finished(fresh)


def test_an_ending_job_is_not_shared_but_started_anew(service, loop, clock):
    jobs, old, new = service(lease=90), loop(), loop()
    abandoned = running(jobs, "k", old, session="a")
    clock.now += 91
    assert jobs.watch("k", "a") is abandoned
    again = jobs.submit("k", new, session="a")
    assert again is not abandoned
    old.step()
    assert finished(abandoned).status is Status.CANCELLED
    new.finish()
    assert finished(again).status is Status.DONE


def test_a_session_that_ends_takes_only_its_own_jobs_along(service, loop):
    jobs, mine, ours = service(), loop(), loop()
    own = running(jobs, "mine", mine, session="a")
    shared = running(jobs, "ours", ours, session="a", lane="other")
    jobs.submit("ours", ours, session="b")
    jobs.leave("a")
    mine.step()
    ours.step()
    assert finished(own).status is Status.CANCELLED
    assert shared.status is Status.RUNNING


# -- bounds ----------------------------------------------------------------------------------------------------------


def test_the_newest_job_of_a_session_replaces_its_older_one(service, loop):
    jobs, old = service(), loop()
    older = running(jobs, "old", old, session="a")
    newer = jobs.submit("new", returning(1), session="a")
    old.step()
    assert finished(older).status is Status.CANCELLED
    assert finished(newer).status is Status.DONE


def test_a_result_that_is_there_replaces_the_older_job_too(service, loop):
    jobs, old = service(), loop()
    jobs.put("known", 1)
    older = running(jobs, "old", old, session="a")
    jobs.submit("known", pytest.fail, session="a")
    old.step()
    assert finished(older).status is Status.CANCELLED


def test_a_replaced_job_goes_on_for_the_others(service, loop):
    jobs, old = service(), loop()
    older = running(jobs, "old", old, session="a")
    jobs.submit("old", old, session="b")
    jobs.submit("new", returning(1), session="a")
    old.step()
    assert older.status is Status.RUNNING


def test_the_queue_is_served_in_order_and_shows_each_place(service, loop):
    jobs, busy, order = service(workers=1), loop(), []
    running(jobs, "busy", busy, session="a")
    waiting = [jobs.submit(n, lambda job: order.append(job.key), session=f"s{n}") for n in range(3)]
    assert [jobs.place(job) for job in waiting] == [1, 2, 3]
    jobs.leave("s1")
    assert [jobs.place(job) for job in waiting] == [1, 0, 2]
    busy.finish()
    for job in waiting:
        finished(job)
    assert order == [0, 2]
    assert jobs.place(waiting[0]) == 0


def test_a_full_queue_refuses_and_changes_nothing(service, loop):
    jobs, busy = service(workers=1, queue_limit=1), loop()
    running(jobs, "busy", busy, session="a")
    waits = jobs.submit("waits", returning(1), session="b")
    with pytest.raises(JobsBusy, match=r"The queue is full \(1 waiting\)"):
        jobs.submit("more", returning(1), session="a")
    busy.step()
    assert [job.key for job in jobs.heartbeat("a")] == ["busy"]
    mine = jobs.submit("instead", returning(2), session="b")  # replaces "waits", so there is room
    assert (waits.status, jobs.place(mine)) == (Status.CANCELLED, 1)
    busy.finish()
    finished(mine)


def test_no_more_jobs_run_at_once_than_there_are_workers(service, loop):
    jobs, works = service(workers=2), [loop() for _ in range(3)]
    three = [jobs.submit(n, work, session=f"s{n}") for n, work in enumerate(works)]
    assert works[0].running.wait(LIMIT)
    assert works[1].running.wait(LIMIT)
    assert [job.status for job in three] == [Status.RUNNING, Status.RUNNING, Status.QUEUED]
    assert not works[2].running.is_set()
    works[0].finish()
    assert works[2].running.wait(LIMIT)


def test_the_wait_is_estimated_from_what_runs_and_what_is_ahead(service, loop, clock):
    jobs, one, two = service(workers=2), loop(), loop()
    jobs.submit("one", one, session="a", expects=10)
    jobs.submit("two", two, session="b", expects=99)
    one.running.wait(LIMIT)
    two.running.wait(LIMIT)
    clock.now += 2
    two.step()  # a tenth took 2 s, so 18 s are left; of the other 8 s are expected
    ahead = jobs.submit("ahead", returning(1), session="c", expects=5)
    last = jobs.submit("last", returning(1), session="d")
    behind = jobs.submit("behind", returning(1), session="e")
    assert jobs.wait_seconds(ahead) == pytest.approx(8)
    assert jobs.wait_seconds(last) == pytest.approx(13)
    assert jobs.wait_seconds(behind) is None
    one.finish()
    two.finish()
    assert jobs.wait_seconds(finished(ahead)) == 0


def test_results_are_dropped_by_count_least_recently_used_first(service):
    jobs = service(keep=2)
    jobs.put("a", 1)
    jobs.put("b", 2)
    jobs.result("a")
    jobs.put("c", 3)
    assert [jobs.result(key) for key in "abc"] == [1, None, 3]


def test_results_are_dropped_by_bytes_but_the_newest_stays(service):
    jobs = service(keep_bytes=10_000)
    jobs.put("a", np.zeros(1000))
    jobs.put("b", np.zeros(100))
    assert jobs.result("a") is not None
    jobs.put("c", np.zeros(1000))
    assert [jobs.result(key) is None for key in "abc"] == [True, True, False]
    jobs.put("huge", np.zeros(100_000))
    assert [jobs.result(key) is None for key in ("a", "b", "c", "huge")] == [True, True, True, False]


def test_records_of_finished_jobs_are_bounded(service):
    jobs = service(keep=2)
    for number in range(50):
        jobs.put(number, number)
    assert len(jobs._ledger.jobs) == 8


# -- failures --------------------------------------------------------------------------------------------------------


class _MatrixError(ValueError):
    __module__ = "nmfcore.core.checks"


class _Unavailable(OSError):
    __module__ = "nmfcore.data.model.errors"


def fails(error: BaseException) -> Callable[[Job], Any]:
    def work(job: Job) -> Any:
        raise error

    return work


def test_a_failure_is_logged_under_the_id_the_page_shows(service, caplog):
    jobs = service()
    job = finished(jobs.submit("k", fails(ZeroDivisionError("secret path")), session="a", label="HALS"))
    assert job.status is Status.FAILED
    assert isinstance(job.failure.error, ZeroDivisionError)
    assert not job.failure.explained
    assert job.failure.id in job.failure.message
    assert "secret" not in job.failure.message
    (record,) = caplog.records
    assert job.failure.id in record.getMessage()
    assert record.levelno == logging.ERROR
    assert "kind=ZeroDivisionError" in caplog.text
    assert "in work" in caplog.text  # where it happened
    assert "secret" not in caplog.text  # an error may quote what a file says


@pytest.mark.parametrize("kind", [_MatrixError, _Unavailable])
def test_what_a_person_can_mend_is_told_in_its_own_words(service, caplog, kind):
    caplog.set_level(logging.INFO)
    job = finished(service().submit("k", fails(kind("X has 3 negative entries")), session="a"))
    assert (job.failure.explained, job.failure.message) == (True, "X has 3 negative entries")
    assert "Traceback" not in caplog.text


def test_numpys_value_errors_are_not_for_people(service):
    job = finished(service().submit("k", lambda job: np.zeros(2) + np.zeros(3), session="a"))
    assert not job.failure.explained


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), MemoryError()])
def test_a_worker_outlives_every_failure(service, error):
    jobs = service(workers=1)
    assert finished(jobs.submit("bad", fails(error), session="a")).status is Status.FAILED
    assert finished(jobs.submit("good", returning(1), session="a")).status is Status.DONE


def test_a_failed_job_can_be_tried_again(service):
    jobs = service()
    finished(jobs.submit("k", fails(OSError("no network")), session="a"))
    assert finished(jobs.submit("k", returning(1), session="a")).status is Status.DONE


@dataclass
class Hidden:
    """Work that hears nothing while it is inside one long call."""

    go: threading.Event
    began: threading.Event
    kept: Any = None

    def __call__(self, job: Job) -> Any:
        if self.kept is not None:
            job.keep(lambda: self.kept)
        self.began.set()
        self.go.wait(LIMIT)
        return "too late"


@pytest.mark.parametrize(("kept", "status"), [("the best so far", Status.DONE), (None, Status.CANCELLED)])
def test_stop_is_answered_also_by_work_that_does_not_hear_it(kept, status):
    jobs, work = Jobs(Bounds(workers=1)), Hidden(threading.Event(), threading.Event(), kept)
    try:
        job = jobs.submit("k", work, session="s")
        assert work.began.wait(LIMIT)
        jobs.stop("k", "s")
        finished(job)  # while the work still waits
        assert (job.status, jobs.result("k")) == (status, kept)
        other = jobs.submit("other", returning(1), session="s")  # a fresh thread has taken the place
        assert finished(other).status is Status.DONE
        work.go.set()
        jobs._workers.threads[0].join(LIMIT)
        assert jobs.result("k") == kept  # what came late was dropped
        assert not jobs._ledger.left_behind
    finally:
        work.go.set()
        jobs.close(LIMIT)


def test_stop_is_answered_within_a_second():
    assert workers.HEARD_WITHIN + workers.TEND_SECONDS < 1.0


def test_work_that_asks_is_ended_in_the_middle_of_a_long_computation():
    from nmfcore.core.wanted import ask

    jobs, began = Jobs(Bounds(workers=1)), threading.Event()

    def work(job: Job) -> str:
        job.keep(lambda: "the best so far")
        began.set()
        while True:
            ask()
            time.sleep(0.001)

    job = jobs.submit("k", work, session="s")
    assert began.wait(LIMIT)
    jobs.stop("k", "s")
    finished(job)
    assert jobs.result("k") == "the best so far"
    jobs.close(LIMIT)


# -- a fair share ----------------------------------------------------------------------------------------------------


def test_short_work_does_not_wait_for_long_work(service, loop):
    jobs, long = service(workers=2), [loop() for _ in range(3)]
    for number, work in enumerate(long):
        jobs.submit(number, work, session=f"s{number}", expects=100)
    assert long[0].running.wait(LIMIT)
    assert long[1].running.wait(LIMIT)
    short = jobs.submit("three lines", returning(1), session="t", expects=0.5)
    assert finished(short).status is Status.DONE
    assert not long[2].running.is_set()


def test_one_session_cannot_take_all_threads_from_the_others(service, loop):
    jobs, greedy, other = service(workers=2), [loop() for _ in range(2)], loop()
    for number, work in enumerate(greedy):
        jobs.submit(number, work, session="g", lane=str(number))
    assert greedy[0].running.wait(LIMIT)
    running(jobs, "theirs", other, session="o")
    assert not greedy[1].running.is_set()
    greedy[0].finish()
    assert greedy[1].running.wait(LIMIT)


def test_who_has_the_least_running_comes_first(service, loop):
    jobs, works = service(workers=3), [loop() for _ in range(5)]
    running(jobs, 0, works[0], session="g", lane="0")
    running(jobs, 1, works[1], session="g", lane="1")
    running(jobs, 2, works[2], session="h", lane="2")
    jobs.submit(3, works[3], session="h", lane="3")
    jobs.submit(4, works[4], session="i", lane="4")
    works[0].finish()
    assert works[4].running.wait(LIMIT)  # not h, who came first and has one
    assert not works[3].running.is_set()


# -- what is a session's own -----------------------------------------------------------------------------------------


def test_what_a_sessions_own_keys_led_to_is_forgotten_when_it_ends(service):
    jobs, me, other = service(), "5e55104a", "07e4b2c1"
    for key in [("fit", me, "f"), (("svd", f"print-{me}"), 3), ("fit", other, "f"), ("fit", "catalog")]:
        finished(jobs.submit(key, lambda job: np.zeros(1000), session=me))
    assert 16_000 <= jobs.held(me) < 17_000
    jobs.gone(me)  # as the garbage collector says it
    assert jobs.held(me) > 0
    jobs.tidy()
    assert jobs.held(me) == 0
    assert jobs.watch(("fit", me, "f"), "x") is None
    assert jobs.result(("fit", other, "f")) is not None
    assert jobs.result(("fit", "catalog")) is not None


def test_what_a_session_that_ended_was_computing_of_its_own_is_not_kept(service, loop):
    jobs, me, work = service(), "5e55104a", loop()
    job = running(jobs, ("fit", me), work, session=me)
    jobs.leave(me)
    work.finish()  # without asking once more whether it is wanted
    finished(job)
    jobs.close(LIMIT)
    assert jobs.held(me) == 0


def test_a_cancelled_job_says_why(service, loop, clock):
    jobs, unseen, replaced = service(lease=900), loop(), loop()
    old = running(jobs, "old", replaced, session="a", lane="fit")
    new = running(jobs, "new", unseen, session="a", lane="fit")
    replaced.step()
    assert finished(old).ended_because == "something newer took its place"
    clock.now += 901
    unseen.step()
    assert finished(new).ended_because == "nobody looked at it for 15 minutes"


def test_a_lease_is_as_long_as_streamlit_keeps_a_session():
    settings = next(Path(dashboard.__file__).parent.rglob(".streamlit/config.toml"))
    assert tomllib.loads(settings.read_text())["server"]["disconnectedSessionTTL"] == LEASE == Jobs().bounds.lease


# -- memory before it is taken ---------------------------------------------------------------------------------------


def test_a_job_that_does_not_fit_is_refused_before_it_starts(service):
    jobs, taken = service(budget=lambda: 100 * 2**20), []

    def work(job: Job) -> None:
        job.reserve(200 * 2**20, "Rank 12 would fit.")
        taken.append(1)

    job = finished(jobs.submit("k", work, session="a"))
    assert (job.status, taken) == (Status.FAILED, [])
    assert job.failure.explained
    assert job.failure.message == "This would take about 200 MB of memory; 100 MB may be used. Rank 12 would fit."


def test_what_others_at_work_may_take_counts(service):
    jobs, go, began = service(workers=3, budget=lambda: 100 * 2**20), threading.Event(), threading.Event()

    def first(job: Job) -> None:
        job.reserve(60 * 2**20)
        began.set()
        go.wait(LIMIT)

    def second(job: Job) -> str:
        job.reserve(60 * 2**20, "Rank 12 would fit.")
        return "done"

    one = jobs.submit("one", first, session="a")
    assert began.wait(LIMIT)
    two = finished(jobs.submit("two", second, session="b"))
    assert "beside the 60 MB that others at work may take" in two.failure.message
    assert "Try again when they are done." in two.failure.message
    go.set()
    finished(one)
    assert finished(jobs.submit("two", second, session="b")).status is Status.DONE


def test_memory_that_ran_out_is_named(service):
    job = finished(service().submit("k", fails(MemoryError()), session="a"))
    assert "memory ran out" in job.failure.message
    assert job.failure.explained


# -- memory afterwards -----------------------------------------------------------------------------------------------


def _done(job: Job, data: Data) -> str:
    return "done"


def _failed(job: Job, data: Data) -> str:
    cells = data
    try:
        raise KeyError("inner")
    except KeyError as inner:
        raise RuntimeError(f"outer {cells is None}") from inner


def _cancelled(job: Job, data: Data) -> str:
    raise JobCancelled


@pytest.mark.parametrize("body", [_done, _failed, _cancelled])
def test_the_data_is_let_go_when_the_job_is_over(service, body, monkeypatch):
    monkeypatch.setattr(failures._log, "disabled", True)  # pytest's log capture keeps tracebacks
    jobs, data = service(), Data()
    gone = weakref.ref(data)
    job = jobs.submit("k", lambda job, data=data: body(job, data), session="a")
    del data
    finished(job)
    gc.collect()
    assert gone() is None
    assert job.status.final


def test_a_queued_job_that_is_replaced_lets_go_of_its_data(service, loop):
    jobs, busy, data = service(workers=1), loop(), Data()
    gone = weakref.ref(data)
    running(jobs, "busy", busy, session="a")
    jobs.submit("k", lambda job, data=data: data, session="b")
    del data
    jobs.submit("new", returning(1), session="b")
    gc.collect()
    assert gone() is None
    busy.finish()


def test_an_idle_worker_holds_no_result(service):
    jobs = service(workers=1, keep=1)
    made: list[weakref.ref[Data]] = []

    def work(job: Job) -> Data:
        made.append(weakref.ref(data := Data()))
        return data

    finished(jobs.submit("k", work, session="a"))
    jobs.put("other", 1)
    jobs.close(LIMIT)
    gc.collect()
    assert made[0]() is None


def test_size_counts_arrays_wherever_they_are_and_shared_ones_once():
    W, H = np.zeros((100, 5)), np.zeros((5, 30))
    bare = W.nbytes + H.nbytes
    assert size_of(W) == W.nbytes
    assert bare <= size_of(Data({"W": W, "H": [H, H, W]})) < bare + 2000
    assert size_of(H[:1]) == H.nbytes
    X = sp.random_array((50, 40), density=0.5, rng=0).tocsr()
    assert size_of(X) >= X.data.nbytes + X.indices.nbytes + X.indptr.nbytes


def test_size_counts_all_that_a_data_set_holds_and_not_its_matrix_alone():
    """Dataset.nbytes was taken for the whole, so that texts, labels and facts of an upload did not count for its session."""
    data = catalog.load("movies")
    texts = [*data.axes.rows.labels, *data.axes.columns.labels]
    least = data.nbytes + sum(map(sys.getsizeof, set(texts)))
    assert least < size_of(data) < 20 * least
    assert size_of([data, data.X]) - size_of(data) < 200  # the matrix in it counts once: only the list is more


def test_size_counts_a_text_once_wherever_it_stands():
    word = "".join(["long ", "word"])
    bare = size_of(["other"])
    assert size_of([word, "other"]) == bare + sys.getsizeof(word) + sys.getsizeof([0, 0]) - sys.getsizeof([0])
    assert size_of([word, {word: word}, [word]]) < sys.getsizeof(word) + sys.getsizeof({1: 1}) + 3 * sys.getsizeof([0, 0, 0])


def test_size_counts_tables():
    pandas = pytest.importorskip("pandas")
    assert size_of([pandas.DataFrame({"x": np.zeros(1000)})]) >= 8000


# -- the process -----------------------------------------------------------------------------------------------------


def test_there_is_one_service_per_process():
    assert process_service() is process_service()


def test_blas_is_bounded_on_the_workers(service, monkeypatch):
    bounds: list[tuple[str, int]] = []
    monkeypatch.setattr(workers, "bound_blas", lambda n: bounds.append((threading.current_thread().name, n)))
    jobs = service(workers=2, blas_threads=3)
    for key in range(4):
        finished(jobs.submit(key, returning(1), session="a", expects=float(key)))
    jobs.close(LIMIT)
    assert sorted(bounds) == [("nmf-worker-1", 3), ("nmf-worker-2", 3), ("nmf-worker-3", 3)]


def test_bounding_blas_reaches_every_copy_of_it():
    from threadpoolctl import threadpool_info, threadpool_limits

    with threadpool_limits():  # puts back what was
        workers.bound_blas(1)
        assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}


def test_a_page_may_read_progress_while_it_grows(service):
    jobs, count = service(), 20_000

    def work(job: Job) -> None:
        for step in range(count):
            job.report(step, fraction=step / count)

    job = jobs.submit("k", work, session="a")
    while not job.final:
        seen = job.progress[:]
        assert seen == list(range(len(seen)))
    assert len(job.progress) == count
