"""Which threads do the work, and what happens to work that does not hear Stop?

A few daemon threads take jobs from the ledger, in the turns of turns.py. Stop is answered within a second whatever the work is
doing: long computations of nmfcore ask the job whether they are wanted (core/wanted.py); where none asks in time, a tender takes
what `keep` gives, ends the job, and lets a fresh thread take the place of the one that is still computing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from dashboard.work.failures import failure
from dashboard.work.job import Job, JobCancelled, Status
from dashboard.work.ledger import Ledger
from dashboard.work.turns import is_short
from nmfcore.core.wanted import asking

HEARD_WITHIN = 0.6  # s after Stop in which the work may answer itself
TEND_SECONDS = 0.2  # s between two looks at the jobs that were stopped
MOST_LEFT_BEHIND = 4  # threads that are still computing what was stopped already; then Stop waits for the work


class Workers:
    """The threads of one ledger; they begin with the first job that they can take, and end when the ledger is closed."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.threads: list[threading.Thread] = []
        self._working: dict[str, int] = {"long": 0, "short": 0}  # threads of each kind
        self._tender: threading.Thread | None = None

    def start(self, job: Job) -> None:
        """Begin the threads that can take this job and have not begun yet; the lock is held."""
        bounds = self._ledger.bounds
        most = {"long": bounds.workers, "short": bounds.quick if is_short(job) else 0}
        for kind, number in most.items():
            while self._working[kind] < number:
                self._working[kind] += 1
                name = f"nmf-worker-{len(self.threads) + 1}"
                thread = threading.Thread(target=self._serve, args=(kind,), name=name, daemon=True)
                self.threads.append(thread)
                thread.start()

    def join(self, timeout: float) -> None:
        """Wait for all of them, at most `timeout` seconds for each."""
        for thread in [*self.threads, *([self._tender] if self._tender else [])]:
            thread.join(timeout)

    def _serve(self, kind: str) -> None:
        bound_blas(self._ledger.bounds.blas_threads)
        while (job := self._ledger.take(kind)) is not None:
            self._run(job)
            behind = self._ledger.let_go(job)
            del job  # else the frame of an idle worker keeps the last job alive
            if behind:  # another thread has taken this one's place
                return

    def _run(self, job: Job) -> None:
        work = job._work
        if work is None:  # cancelled between being taken and being run
            return
        status, result = Status.CANCELLED, None
        try:
            with asking(job.check):
                result = work(job)
            status = Status.DONE
        except JobCancelled:
            kept = job._kept
            if job.stopped and kept is not None:
                status, result = self._leaves(job, kept)
        except BaseException as error:  # SystemExit too: a worker outlives every job
            if not self._ledger.closed:  # else what it needed was taken away while the server ended
                job.failure, status = failure(error, job.lane, job.reserved), Status.FAILED
        del work
        self._ledger.finish(job, status, result)

    def _leaves(self, job: Job, make: Callable[[], Any]) -> tuple[Status, Any]:
        """What a stopped job leaves."""
        try:
            return Status.DONE, make()
        except BaseException as error:
            job.failure = failure(error, job.lane, job.reserved)
            return Status.FAILED, None

    def start_tender(self) -> None:
        """Look after stopped jobs from now on; the lock is held."""
        if self._tender is None:
            self._tender = threading.Thread(target=self._tend, name="nmf-tender", daemon=True)
            self._tender.start()

    def _tend(self) -> None:
        """End the stopped jobs whose work does not hear it in time, with what they have kept."""
        ledger = self._ledger
        while True:
            with ledger.lock:
                if ledger.closed:
                    return
                stopped = [job for job in ledger.unfinished() if job.stopped and job.status is Status.RUNNING]
                if not stopped:
                    ledger.changed.wait()
                    continue
                late = [job for job in stopped if time.monotonic() - job._stopped_at > HEARD_WITHIN]
                late = late[: max(0, MOST_LEFT_BEHIND - len(ledger.left_behind))]
            for job in late:
                self._take_over(job)
            del stopped, late
            time.sleep(TEND_SECONDS)

    def _take_over(self, job: Job) -> None:
        kept = job._kept
        status, result = self._leaves(job, kept) if kept is not None else (Status.CANCELLED, None)
        with self._ledger.lock:
            if job.final:
                return
            self._ledger.left_behind.add(job)
            self._working[job._thread] -= 1
            self.start(job)
        self._ledger.finish(job, status, result)


def bound_blas(threads: int) -> None:
    """Bound BLAS (process-wide) and OpenMP (this thread) to `threads`; needs the libraries to be loaded already."""
    import numpy  # noqa: F401 - loads its BLAS
    import scipy.linalg  # noqa: F401 - brings a second copy of it
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=threads)
