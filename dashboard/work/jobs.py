"""Which long computations are under way in this process, who waits for them, and what came out?

A job is identified by what it computes (its key), not by who asked: two sessions that want the same thing share it.
Sessions watch. Each time a session's page looks at its jobs it renews its lease, and a job that nobody has looked at
for `lease` seconds ends at its next report. A fixed number of daemon threads works through a bounded queue, first come
first served, and finished results are kept in a store that is bounded by count and by bytes.

    def fit(job):                                   # runs on a worker thread
        run = Run(problem, solver)
        for progress in run:
            if not job.report(progress, fraction=progress.iteration / max_iter):
                break                               # the person pressed Stop: what there is, is the result
        return run.result()

    job = service().submit(spec.key, fit, session=session_id, label="HALS, rank 8")
    ...                                             # later, on every poll of the page
    job = service().watch(spec.key, session_id)     # job.status, job.fraction, job.progress, job.message
    result = service().result(spec.key)             # once job.status is DONE

Two ways to end early are kept apart. A *stopped* job (a person pressed Stop) returns what it has and is DONE with
`stopped` set; it never passes for the complete result. A *cancelled* job (replaced by a newer one, or nobody watches)
is dropped. Pages hold keys, not results, so that the bounds of the store are the bounds of the memory.

May import the standard library; NumPy, SciPy and threadpoolctl on the worker threads only. No Streamlit.
"""

from __future__ import annotations

import functools
import heapq
import logging
import math
import sys
import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import ModuleType
from typing import Any

_log = logging.getLogger(__name__)

Clock = Callable[[], float]


class Status(Enum):
    """Where a job stands; the value is what a person reads."""

    QUEUED = "Waiting for its turn"
    RUNNING = "Running"
    DONE = "Done"
    CANCELLED = "Cancelled"
    FAILED = "Failed"

    @property
    def final(self) -> bool:
        return self in (Status.DONE, Status.CANCELLED, Status.FAILED)


class JobCancelled(BaseException):
    """Raised inside a job's work to end it. No Exception, so that `except Exception: try the next source` lets it pass."""


class JobsBusy(RuntimeError):
    """The queue is full."""


@dataclass(frozen=True)
class Failure:
    """Why a job failed.

    id : stands beside the traceback in the server's log
    error : the exception, without its frames (they would keep the data alive)
    explained : whether `message` was written for a person, who can do something about it
    message : a sentence for the page; plain text from outside, so escape it like any other
    """

    id: str
    error: BaseException
    explained: bool
    message: str


@dataclass(eq=False)
class Job:
    """One computation. The worker writes, any number of pages read without a lock; `progress` only ever grows.

    label : what a person calls it
    lane : a session has at most one unfinished job per lane
    expects : seconds the caller thinks it takes, 0 when unknown
    fraction : the share that is done, 0 to 1, or None when unknown
    created, started, ended : readings of the service's clock
    stopped : a person asked for the end before the work was complete
    """

    key: Hashable
    label: str = ""
    lane: str = ""
    expects: float = 0.0
    status: Status = Status.QUEUED
    progress: list[Any] = field(default_factory=list, repr=False)
    message: str = ""
    fraction: float | None = None
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    failure: Failure | None = None
    _work: Callable[[Job], Any] | None = field(default=None, repr=False)
    _clock: Clock = field(default=time.monotonic, repr=False)
    _watchers: dict[str, float] = field(default_factory=dict, repr=False)  # session -> when it last looked
    _until: float = field(default=-math.inf, repr=False)  # the last lease ends; -inf: nobody wants it
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)
    _over: threading.Event = field(default_factory=threading.Event, repr=False)

    # -- for the work, on a worker thread ----------------------------------------------------------------------------

    def report(self, progress: Any, *, fraction: float | None = None) -> bool:
        """Record progress; False when the work should stop and return what it has.

        Raises
        ------
        JobCancelled
            If nobody wants the result any more.
        """
        if fraction is not None:
            self.fraction = min(max(float(fraction), 0.0), 1.0)
        self.progress.append(progress)
        if self._abandoned:
            raise JobCancelled
        return not self._stop.is_set()

    def say(self, message: str, fraction: float | None = None) -> None:
        """Show a sentence, for phases that have no usable partial result ("downloading ...", "preparing ...").

        Raises
        ------
        JobCancelled
            If a person pressed Stop, or nobody wants the result any more.
        """
        self.message = message
        if fraction is not None:
            self.fraction = min(max(float(fraction), 0.0), 1.0)
        if self._abandoned or self._stop.is_set():
            raise JobCancelled

    # -- for pages ---------------------------------------------------------------------------------------------------

    @property
    def final(self) -> bool:
        return self.status.final

    @property
    def latest(self) -> Any:
        """The newest progress, or None before the first."""
        return self.progress[-1] if self.progress else None

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    @property
    def seconds(self) -> float:
        """How long it has been running, or ran; 0 while queued."""
        if self.started is None:
            return 0.0
        return (self._clock() if self.ended is None else self.ended) - self.started

    def wait(self, timeout: float) -> bool:
        """Wait until it is over, at most `timeout` seconds; whether it is."""
        return self._over.wait(timeout)

    # -- for the service ---------------------------------------------------------------------------------------------

    @property
    def _abandoned(self) -> bool:
        return self._clock() > self._until

    @property
    def _remaining(self) -> float | None:
        """Seconds a running job still needs, judged by its fraction, else by what was expected."""
        if self.fraction:
            return self.seconds * (1.0 - self.fraction) / self.fraction
        return max(self.expects - self.seconds, 0.0) if self.expects else None


class Jobs:
    """The service: submit work, watch it, stop it, fetch the result. All methods may be called from any thread.

    workers : computations at the same time
    queue_limit : how many may wait
    keep, keep_bytes : bounds of the result store; the newest result is kept even where it alone exceeds the bytes
    lease : seconds for which a look keeps a job alive
    blas_threads : for each BLAS call; with more, small problems lose by a factor of ten under contention
    """

    def __init__(
        self,
        *,
        workers: int = 2,
        queue_limit: int = 8,
        keep: int = 32,
        keep_bytes: int = 512 * 2**20,
        lease: float = 90.0,
        blas_threads: int = 1,
        clock: Clock = time.monotonic,
    ) -> None:
        self.workers, self.queue_limit, self.lease = workers, queue_limit, lease
        self._blas_threads, self._clock = blas_threads, clock
        self._lock = threading.RLock()
        self._ready = threading.Condition(self._lock)
        self._jobs: OrderedDict[Hashable, Job] = OrderedDict()  # the newest job of each key, least recently used first
        self._queue: deque[Job] = deque()
        self._results = _Results(keep, keep_bytes)
        self._threads: list[threading.Thread] = []
        self._closed = False

    # -- for pages ---------------------------------------------------------------------------------------------------

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
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and self._reusable(job):
                self._jobs.move_to_end(key)
                self._replace(session, lane, by=job)
                self._renew(job, session)
                return job
            self._drop_abandoned()
            self._check_room(session, lane)
            self._replace(session, lane)
            job = Job(key, label, lane, expects, created=self._clock(), _work=work, _clock=self._clock)
            self._renew(job, session)
            self._remember(job)
            self._queue.append(job)
            self._start_workers()
            self._ready.notify()
            return job

    def watch(self, key: Hashable, session: str) -> Job | None:
        """The newest job of this key, its lease renewed; None when it is not known."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and not job.final and not job._abandoned:
                self._renew(job, session)
            return job

    def heartbeat(self, session: str) -> list[Job]:
        """Renew all leases of a session; its unfinished jobs, oldest first."""
        with self._lock:
            jobs = [job for job in self._unfinished() if session in job._watchers and not job._abandoned]
            for job in jobs:
                self._renew(job, session)
            return sorted(jobs, key=lambda job: job.created)

    def stop(self, key: Hashable, session: str) -> bool:
        """This session pressed Stop: whether the job stops.

        It goes on, without this session, while another one is watching. A queued job is cancelled at once; a running one
        ends at its next report and keeps what it has.
        """
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.final:
                return False
            others = [w for w, seen in job._watchers.items() if w != session and seen + self.lease >= self._clock()]
            if others:
                self._leave(job, session)
                return False
            job._stop.set()
            if job.status is Status.QUEUED:
                self._cancel_queued(job)
            return True

    def leave(self, session: str) -> None:
        """A session ended: cancel what only it was waiting for."""
        with self._lock:
            for job in self._unfinished():
                self._leave(job, session)

    def result(self, key: Hashable) -> Any:
        """The stored result, complete or partial; None when there is none (never computed, or dropped for room)."""
        with self._lock:
            return self._results.get(key)

    def put(self, key: Hashable, result: Any, *, label: str = "") -> Job:
        """Store a result that was computed elsewhere, so that `submit` and `watch` find it done."""
        size, now = size_of(result), self._clock()
        job = Job(key, label, status=Status.DONE, fraction=1.0, created=now, started=now, ended=now, _clock=self._clock)
        job._over.set()
        with self._lock:
            self._results.put(key, result, size)
            self._remember(job)
        return job

    def place(self, job: Job) -> int:
        """1 for the next in the queue; 0 when it is not waiting."""
        with self._lock:
            return self._queue.index(job) + 1 if job in self._queue else 0

    def wait_seconds(self, job: Job) -> float | None:
        """About how long until a queued job starts; None when nobody can say."""
        with self._lock:
            if job not in self._queue:
                return 0.0
            running = [other._remaining for other in self._unfinished() if other.status is Status.RUNNING]
            ahead = [other.expects or None for other in list(self._queue)[: self.place(job) - 1]]
        free = [seconds for seconds in running if seconds is not None]  # when each worker is free
        if len(free) < len(running) or None in ahead:
            return None
        free += [0.0] * (self.workers - len(free))
        heapq.heapify(free)
        for seconds in ahead:  # the next job takes the worker that is free first
            heapq.heapreplace(free, free[0] + (seconds or 0.0))
        return free[0]

    def close(self, timeout: float = 5.0) -> None:
        """Cancel everything and wait for the workers, at most `timeout` seconds for each."""
        with self._lock:
            self._closed = True
            for job in self._unfinished():
                self._abandon(job)
            self._ready.notify_all()
        for thread in self._threads:
            thread.join(timeout)

    # -- bookkeeping; the lock is held -------------------------------------------------------------------------------

    def _unfinished(self) -> list[Job]:
        return [job for job in self._jobs.values() if not job.final]

    def _reusable(self, job: Job) -> bool:
        if job.stopped:
            return False
        if job.final:
            return job.status is Status.DONE and job.key in self._results
        return not job._abandoned

    def _renew(self, job: Job, session: str) -> None:
        job._watchers[session] = self._clock()
        job._until = max(job._watchers.values()) + self.lease

    def _leave(self, job: Job, session: str) -> None:
        if job._watchers.pop(session, None) is None:
            return
        if job._watchers:
            job._until = max(job._watchers.values()) + self.lease
        else:
            self._abandon(job)

    def _abandon(self, job: Job) -> None:
        """A running job notices at its next report."""
        job._until = -math.inf
        if job.status is Status.QUEUED:
            self._cancel_queued(job)

    def _cancel_queued(self, job: Job) -> None:
        self._queue.remove(job)
        self._end(job, Status.CANCELLED)

    def _drop_abandoned(self) -> None:
        for job in [job for job in self._queue if job._abandoned]:
            self._cancel_queued(job)

    def _older(self, session: str, lane: str) -> list[Job]:
        return [job for job in self._unfinished() if job.lane == lane and session in job._watchers]

    def _replace(self, session: str, lane: str, by: Job | None = None) -> None:
        for job in self._older(session, lane):
            if job is not by:
                self._leave(job, session)

    def _check_room(self, session: str, lane: str) -> None:
        replaced = sum(job in self._queue and len(job._watchers) == 1 for job in self._older(session, lane))
        if len(self._queue) - replaced >= self.queue_limit:
            raise JobsBusy(
                f"The queue is full ({len(self._queue)} waiting). Try again in a moment, or stop a computation of yours."
            )

    def _remember(self, job: Job) -> None:
        """Records are light (no data, no result), but not free: four times as many as results are kept."""
        self._jobs[job.key] = job
        self._jobs.move_to_end(job.key)
        over = [key for key, old in self._jobs.items() if old.final]
        for key in over[: max(len(self._jobs) - 4 * self._results.keep, 0)]:
            del self._jobs[key]

    def _end(self, job: Job, status: Status) -> None:
        """What a page reads after it has seen the final status is written before it."""
        job._work = None  # the closure holds the data
        job.ended = self._clock()
        job.status = status
        job._over.set()

    # -- worker threads ----------------------------------------------------------------------------------------------

    def _start_workers(self) -> None:
        while len(self._threads) < self.workers:
            name = f"nmf-worker-{len(self._threads) + 1}"
            self._threads.append(threading.Thread(target=self._serve, name=name, daemon=True))
            self._threads[-1].start()

    def _serve(self) -> None:
        bound_blas(self._blas_threads)
        while (job := self._next()) is not None:
            self._run(job)
            del job  # else the frame of an idle worker keeps the last job alive

    def _next(self) -> Job | None:
        with self._lock:
            while not self._closed:
                self._drop_abandoned()
                if self._queue:
                    job = self._queue.popleft()
                    job.started = self._clock()
                    job.status = Status.RUNNING
                    return job
                self._ready.wait()
            return None

    def _run(self, job: Job) -> None:
        assert job._work is not None
        try:
            result = job._work(job)
        except JobCancelled:
            status = Status.CANCELLED
        except BaseException as error:  # SystemExit too: a worker outlives every job
            job.failure, status = _failure(error, job.label), Status.FAILED
        else:
            if result is None and job.stopped:
                status = Status.CANCELLED  # stopped before there was anything to keep
            else:
                status = Status.DONE
                job.fraction = job.fraction if job.stopped else 1.0
                size = size_of(result)
                with self._lock:
                    if self._jobs.get(job.key, job) is job:  # else a stopped job would replace its successor's result
                        self._results.put(job.key, result, size)
        with self._lock:
            self._end(job, status)


@functools.cache
def service() -> Jobs:
    """The one job service of this process."""
    return Jobs()


def bound_blas(threads: int) -> None:
    """Bound BLAS (process-wide) and OpenMP (this thread) to `threads`; needs the libraries to be loaded already."""
    import numpy  # noqa: F401 - loads its BLAS
    import scipy.linalg  # noqa: F401 - brings a second copy of it
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=threads)


# -- failures --------------------------------------------------------------------------------------------------------


def _failure(error: BaseException, label: str) -> Failure:
    """Log it under an id, and let go of its frames."""
    name = uuid.uuid4().hex[:8]
    explained = is_explained(error)
    if explained:
        _log.info("Job %r was refused (%s): %s", label, name, error)
        message = str(error)
    else:
        _log.error("Job %r failed, error %s", label, name, exc_info=error)
        message = f"Something went wrong. The server's log has the details under error {name}."
    _drop_frames(error)
    return Failure(name, error, explained, message)


def is_explained(error: BaseException) -> bool:
    """Whether the message was written for a person: an error of a class that nmfcore or the dashboard defines.

    NumPy's own ValueErrors ("operands could not be broadcast ...") explain nothing to a person, so the class decides.
    """
    return isinstance(error, Exception) and type(error).__module__.partition(".")[0] in ("nmfcore", "dashboard")


def _drop_frames(error: BaseException | None) -> None:
    """Remove the tracebacks of an exception and of all that led to it: their frames hold the job's arrays."""
    left, seen = [error], set()
    while left:
        one = left.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = None
            left += [one.__cause__, one.__context__]


# -- results ---------------------------------------------------------------------------------------------------------


class _Results:
    """Results by key, the least recently used dropped first. Not locked: the service does that."""

    def __init__(self, keep: int, keep_bytes: int) -> None:
        self.keep, self.keep_bytes = keep, keep_bytes
        self._stored: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._stored

    def get(self, key: Hashable) -> Any:
        if key not in self._stored:
            return None
        self._stored.move_to_end(key)
        return self._stored[key][0]

    def put(self, key: Hashable, result: Any, size: int) -> None:
        self._stored[key] = (result, size)
        self._stored.move_to_end(key)
        total = sum(size for _, size in self._stored.values())
        while len(self._stored) > 1 and (len(self._stored) > self.keep or total > self.keep_bytes):
            _, (_, size) = self._stored.popitem(last=False)
            total -= size


def size_of(value: Any) -> int:
    """Bytes that a result keeps alive: arrays, tables and sparse matrices wherever they hide in it. Shared parts count once."""
    total, left, seen = 0, [value], set()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, (str, bytes, int, float)):  # first, for the 60,000 terms of a corpus
            total += sys.getsizeof(one)
        elif isinstance(getattr(one, "nbytes", None), int):
            owner = getattr(one, "base", None)  # a view keeps the whole array
            if isinstance(getattr(owner, "nbytes", None), int):
                left.append(owner)
            else:
                total += one.nbytes
        elif callable(getattr(one, "memory_usage", None)):  # a pandas table or column
            usage = one.memory_usage(deep=True)
            total += int(usage.sum() if hasattr(usage, "sum") else usage)
        else:
            total += sys.getsizeof(one, 0)
            left.extend(_parts(one))
    return total


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        return value
    if isinstance(value, (type, Enum, ModuleType)) or callable(value):
        return ()
    return getattr(value, "__dict__", {}).values()
