"""Which long computations are under way in this process, who waits for them, and what came out?

A job is identified by what it computes (its key), not by who asked: two sessions that want the same thing share it. A key that
names a session (its id stands somewhere in it) is that session's alone, and what it led to is forgotten when the session ends.
Sessions watch. Each time a session's page looks at its jobs it renews its lease, and a job that nobody has looked at for `lease`
seconds ends: as long as a session is kept whose tab is away.

    job = service().submit(spec.key, fit, session=session_id, label="HALS, rank 8", expects=12.0)   # fit: see job.py
    ...                                             # later, on every poll of the page
    job = service().watch(spec.key, session_id)     # job.status, job.fraction, job.progress, job.message
    result = service().result(spec.key)             # once job.status is DONE

Pages hold keys, not results, so that the bounds of the store are the bounds of the memory. Before a job takes memory it says how
much (`reserve`), and is refused when that is not there.

This is the door. Behind it: the book of jobs, queue and results (ledger.py, results.py), whose turn it is (turns.py), and the
threads that do the work (workers.py). Those import NumPy, SciPy and threadpoolctl on the threads only. No Streamlit.
"""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any

from dashboard.work.job import LEFT, Clock, Job, Status
from dashboard.work.ledger import Bounds, Ledger, names
from dashboard.work.results import size_of
from dashboard.work.turns import seconds_until
from dashboard.work.workers import Workers
from nmfcore.data.model.limits import memory_budget


class Jobs:
    """The service: submit work, watch it, stop it, fetch the result. All methods may be called from any thread.

    bounds : how much it takes on; budget : bytes that one piece of work may take just now
    """

    def __init__(
        self, bounds: Bounds | None = None, *, clock: Clock = time.monotonic, budget: Callable[[], int] = memory_budget
    ) -> None:
        self.bounds, self._clock = bounds or Bounds(), clock
        self._ledger = Ledger(self.bounds, clock, budget)
        self._workers = Workers(self._ledger)
        self._gone: deque[str] = deque()  # sessions that ended; appended to from any place, at any time

    def submit(
        self,
        key: Hashable,
        work: Callable[[Job], Any],
        *,
        session: str,
        label: str = "",
        lane: str = "",
        expects: float = 0.0,
    ) -> Job:
        """The job that computes `key`: the one that exists, or a new one that will call `work(job)`.

        A complete result that is still stored, and a job that is queued or running, are shared. A stopped, cancelled
        or failed one is started anew. Whatever this session has unfinished in the same lane is left: it was replaced.

        Raises
        ------
        JobsBusy
            If as many jobs wait as may wait; nothing was changed then.
        """
        self.tidy()
        ledger = self._ledger
        with ledger.lock:
            job = ledger.jobs.get(key)
            if job is not None and ledger.reusable(job):
                ledger.jobs.move_to_end(key)
                ledger.replace(session, lane, by=job)
                ledger.renew(job, session)
                return job
            ledger.drop_abandoned()
            ledger.check_room(session, lane)
            ledger.replace(session, lane)
            now, grant = self._clock(), ledger.grant
            job = Job(key, label, lane, expects, created=now, session=session, _work=work, _clock=self._clock, _grant=grant)
            ledger.renew(job, session)
            ledger.remember(job)
            ledger.queue.append(job)
            self._workers.start(job)
            ledger.changed.notify_all()  # not every thread may take every job
            return job

    def watch(self, key: Hashable, session: str) -> Job | None:
        """The newest job of this key, its lease renewed; None when it is not known."""
        with self._ledger.lock:
            job = self._ledger.jobs.get(key)
            if job is not None and not job.final and not job.abandoned:
                self._ledger.renew(job, session)
            return job

    def heartbeat(self, session: str) -> list[Job]:
        """Renew all leases of a session; its unfinished jobs, oldest first."""
        with self._ledger.lock:
            jobs = [job for job in self._ledger.unfinished() if session in job._watchers and not job.abandoned]
            for job in jobs:
                self._ledger.renew(job, session)
            return sorted(jobs, key=lambda job: job.created)

    def stop(self, key: Hashable, session: str) -> bool:
        """This session pressed Stop: whether the job stops.

        It goes on, without this session, while another one is watching. A queued job is cancelled at once; a running one
        ends at its next report and keeps what it has.
        """
        with self._ledger.lock:
            job = self._ledger.jobs.get(key)
            if job is None or job.final:
                return False
            others = [w for w, seen in job._watchers.items() if w != session and seen + self.bounds.lease >= self._clock()]
            if others:
                self._ledger.leave(job, session)
                return False
            job._stop.set()
            job._stopped_at = time.monotonic()
            if job.status is Status.QUEUED:
                self._ledger.cancel_queued(job)
            self._workers.start_tender()
            self._ledger.changed.notify_all()
            return True

    def leave(self, session: str) -> None:
        """A session ended: cancel what only it was waiting for, and forget all that its own keys led to."""
        with self._ledger.lock:
            for job in self._ledger.unfinished():
                self._ledger.leave(job, session, LEFT)
            self._ledger.forget(session)

    def gone(self, session: str) -> None:
        """Note that a session ended; `tidy` does the rest. May be called by the garbage collector, in the middle of anything."""
        self._gone.append(session)

    def tidy(self) -> None:
        """Leave the sessions that ended since the last time."""
        while self._gone:
            self.leave(self._gone.popleft())

    def held(self, session: str) -> int:
        """Bytes of the stored results that are this session's alone."""
        with self._ledger.lock:
            return self._ledger.results.held(lambda key: names(key, session))

    def result(self, key: Hashable) -> Any:
        """The stored result, complete or partial; None when there is none (never computed, or dropped for room)."""
        with self._ledger.lock:
            return self._ledger.results.get(key)

    def put(self, key: Hashable, result: Any, *, label: str = "") -> Job:
        """Store a result that was computed elsewhere, so that `submit` and `watch` find it done."""
        size, now = 0 if result is None else size_of(result), self._clock()
        job = Job(key, label, status=Status.DONE, fraction=1.0, created=now, started=now, ended=now, _clock=self._clock)
        job._over.set()
        with self._ledger.lock:
            self._ledger.results.put(key, result, size)
            self._ledger.remember(job)
        return job

    def place(self, job: Job) -> int:
        """1 for the next in the queue; 0 when it is not waiting."""
        with self._ledger.lock:
            return self._ledger.queue.index(job) + 1 if job in self._ledger.queue else 0

    def wait_seconds(self, job: Job) -> float | None:
        """About how long until a queued job starts; None when nobody can say."""
        with self._ledger.lock:
            return seconds_until(job, self._ledger.unfinished(), list(self._ledger.queue), self.bounds.workers)

    def close(self, timeout: float = 5.0) -> None:
        """Cancel everything and wait for the workers, at most `timeout` seconds for each."""
        with self._ledger.lock:
            self._ledger.closed = True
            for job in self._ledger.unfinished():
                self._ledger.abandon(job, LEFT)
            self._ledger.changed.notify_all()
        self._workers.join(timeout)


@functools.cache
def service() -> Jobs:
    """The one job service of this process."""
    return Jobs()
