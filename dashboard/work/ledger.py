"""Which jobs are known, who waits for them, and what did they lead to?

The book of the job service: everything that its methods and its threads change together lies here, under one lock. Whoever calls
a method holds that lock, unless the method takes it.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from dashboard.work.job import LEFT, REPLACED, UNSEEN, Clock, DoesNotFit, Job, JobsBusy, Status
from dashboard.work.results import Results, size_of
from dashboard.work.turns import fairest

LEASE = 900.0  # s; the same as server.disconnectedSessionTTL: what a session computes lives as long as the session


@dataclass(frozen=True)
class Bounds:
    """How much the service takes on.

    workers : long computations at the same time; one session has at most all but one of them
    quick : threads beside those, for work that expects to take SHORT_SECONDS at most
    queue_limit : how many may wait
    keep, keep_bytes : bounds of the result store; the newest result is kept even where it alone exceeds the bytes
    lease : seconds for which a look keeps a job alive
    blas_threads : for each BLAS call; with more, small problems lose by a factor of ten under contention
    """

    workers: int = 3
    quick: int = 1
    queue_limit: int = 64
    keep: int = 32
    keep_bytes: int = 512 * 2**20
    lease: float = LEASE
    blas_threads: int = 1


class Ledger:
    """Jobs by key, the queue, the results, and what the jobs at work may take."""

    def __init__(self, bounds: Bounds, clock: Clock, budget: Callable[[], int]) -> None:
        self.bounds, self.clock, self._budget = bounds, clock, budget
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.jobs: OrderedDict[Hashable, Job] = OrderedDict()  # the newest job of each key, least recently used first
        self.queue: deque[Job] = deque()
        self.results = Results(bounds.keep, bounds.keep_bytes)
        self.left_behind: set[Job] = set()  # taken over from a thread that is still at it
        self.closed = False

    def unfinished(self) -> list[Job]:
        """Jobs that wait or run, the least recently used first."""
        return [job for job in self.jobs.values() if not job.final]

    def reusable(self, job: Job) -> bool:
        """Whether whoever asks for its key now may have this one: complete and still stored, or under way and wanted."""
        if job.stopped:
            return False
        if job.final:
            return job.status is Status.DONE and job.key in self.results
        return not job.abandoned

    def renew(self, job: Job, session: str) -> None:
        """A session looked at it."""
        job._watchers[session] = self.clock()
        job._until = max(job._watchers.values()) + self.bounds.lease

    def leave(self, job: Job, session: str, why: str = REPLACED) -> None:
        """A session waits for it no more."""
        if job._watchers.pop(session, None) is None:
            return
        if job._watchers:
            job._until = max(job._watchers.values()) + self.bounds.lease
        else:
            self.abandon(job, why)

    def abandon(self, job: Job, why: str) -> None:
        """Nobody waits for it; a running job notices when it next asks or reports."""
        job._until, job.ended_because = -math.inf, why
        if job.status is Status.QUEUED:
            self.cancel_queued(job)

    def cancel_queued(self, job: Job) -> None:
        """End a job that waits."""
        self.queue.remove(job)
        self.end(job, Status.CANCELLED)

    def forget(self, session: str) -> None:
        """Let go of all that a session's own keys led to."""
        self.results.drop(lambda key: names(key, session))
        for key in [key for key, job in self.jobs.items() if job.final and names(key, session)]:
            del self.jobs[key]

    def grant(self, job: Job, needed: int, way_out: str) -> None:
        """What `Job.reserve` asks: so many bytes, beside those that others at work have been granted. Takes the lock."""
        with self.lock:
            budget = self._budget()
            others = sum(other.reserved for other in {*self.unfinished(), *self.left_behind} if other is not job)
            if needed > budget - others:
                beside = f" beside the {_megabytes(others)} that others at work may take" if others and needed <= budget else ""
                raise DoesNotFit(
                    f"This would take about {_megabytes(needed)} of memory; {_megabytes(budget)} may be used{beside}. "
                    + (way_out if needed > budget or not others else "Try again when they are done.")
                )
            job.reserved = max(job.reserved, needed)

    def drop_abandoned(self) -> None:
        """End the waiting jobs that nobody wants any more."""
        for job in [job for job in self.queue if job.abandoned]:
            self.cancel_queued(job)

    def older(self, session: str, lane: str) -> list[Job]:
        """What a session has unfinished in a lane."""
        return [job for job in self.unfinished() if job.lane == lane and session in job._watchers]

    def replace(self, session: str, lane: str, by: Job | None = None) -> None:
        """Leave what a session has unfinished in a lane, apart from `by`."""
        for job in self.older(session, lane):
            if job is not by:
                self.leave(job, session)

    def check_room(self, session: str, lane: str) -> None:
        """Refuse one more when as many wait as may, not counting those that the new one replaces."""
        replaced = sum(job in self.queue and len(job._watchers) == 1 for job in self.older(session, lane))
        if len(self.queue) - replaced >= self.bounds.queue_limit:
            raise JobsBusy(
                f"The queue is full ({len(self.queue)} waiting). Try again in a moment, or stop a computation of yours."
            )

    def remember(self, job: Job) -> None:
        """Records are light (no data, no result), but not free: four times as many as results are kept."""
        self.jobs[job.key] = job
        self.jobs.move_to_end(job.key)
        over = [key for key, old in self.jobs.items() if old.final]
        for key in over[: max(len(self.jobs) - 4 * self.results.keep, 0)]:
            del self.jobs[key]

    def end(self, job: Job, status: Status) -> None:
        """What a page reads after it has seen the final status is written before it."""
        job._work = job._kept = job._grant = None  # the closures hold the data
        job.ended = self.clock()
        if status is Status.CANCELLED and not job.stopped and not job.ended_because:
            job.ended_because = UNSEEN.format(minutes=self.bounds.lease / 60)
        job.status = status
        job._over.set()

    def take(self, kind: str) -> Job | None:
        """The next job for a thread of this kind, waited for; None when the ledger is closed. Takes the lock."""
        with self.lock:
            while not self.closed:
                self.drop_abandoned()
                job = fairest(kind, self.unfinished(), self.queue, self.bounds.workers)
                if job is not None:
                    self.queue.remove(job)
                    job.started = self.clock()
                    job.status, job._thread = Status.RUNNING, kind
                    return job
                self.changed.wait()
            return None

    def let_go(self, job: Job) -> bool:
        """The thread of a job is done with it; whether another one had taken its place. Takes the lock."""
        with self.lock:
            behind = job in self.left_behind
            self.left_behind.discard(job)
            if job.ended_because == LEFT:  # what its work has put aside since then
                self.forget(job.session)
            return behind

    def finish(self, job: Job, status: Status, result: Any) -> None:
        """Store the result and end the job, unless it was ended before. Takes the lock."""
        if status is Status.DONE and result is None and job.stopped:
            status = Status.CANCELLED  # stopped before there was anything to keep
        size = size_of(result) if status is Status.DONE else 0
        with self.lock:
            if job.final:  # taken over: what comes late is dropped
                return
            if status is Status.DONE:
                job.fraction = job.fraction if job.stopped else 1.0
                if self.jobs.get(job.key, job) is job:  # else a stopped job would replace its successor's result
                    self.results.put(job.key, result, size)
            self.end(job, status)
            self.changed.notify_all()  # its session may have another one waiting for this


def names(key: Hashable, session: str) -> bool:
    """Whether a key is a session's own: the session's id stands in it, or in a text or tuple inside it."""
    if isinstance(key, str):
        return session in key
    return isinstance(key, tuple) and any(names(part, session) for part in key)


def _megabytes(count: int) -> str:
    return f"{count / 2**20:,.0f} MB"
