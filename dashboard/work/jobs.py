"""Which long computations are under way in this process, who waits for them, and what came out?

A job is identified by what it computes (its key), not by who asked: two sessions that want the same thing share it. A key that
names a session (its id stands somewhere in it) is that session's alone, and what it led to is forgotten when the session ends.
Sessions watch. Each time a session's page looks at its jobs it renews its lease, and a job that nobody has looked at for `lease`
seconds ends: as long as a session is kept whose tab is away. A few daemon threads work through a bounded queue, and finished
results are kept in a store that is bounded by count and by bytes. Short work has threads of its own, nobody's long work fills all
the others, and who has the least running comes first.

    def fit(job):                                   # runs on a worker thread
        run = Run(problem, solver)
        for progress in run:
            if not job.report(progress, fraction=progress.iteration / max_iter):
                break                               # the person pressed Stop: what there is, is the result
        return run.result()

    job = service().submit(spec.key, fit, session=session_id, label="HALS, rank 8", expects=12.0)
    ...                                             # later, on every poll of the page
    job = service().watch(spec.key, session_id)     # job.status, job.fraction, job.progress, job.message
    result = service().result(spec.key)             # once job.status is DONE

Two ways to end early are kept apart. A *stopped* job (a person pressed Stop) returns what it has and is DONE with
`stopped` set; it never passes for the complete result. A *cancelled* job (replaced by a newer one, or nobody watches)
is dropped, and `ended_because` says why. Pages hold keys, not results, so that the bounds of the store are the bounds of the
memory.

Stop is answered within a second whatever the work is doing. Long computations of nmfcore ask the job whether they are wanted
(core/wanted.py); where none asks in time, the service takes what `keep` gives, ends the job, and lets a fresh thread take the
place of the one that is still computing. Before a job takes memory it says how much (`reserve`), and is refused when that is not
there.

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
import traceback
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from nmfcore.core.wanted import asking
from nmfcore.data.model.limits import memory_budget

_log = logging.getLogger(__name__)

Clock = Callable[[], float]

LEASE = 900.0  # s; the same as server.disconnectedSessionTTL: what a session computes lives as long as the session
SHORT_SECONDS = 2.0  # work that expects to take no longer goes to the threads for short work
HEARD_WITHIN = 0.6  # s after Stop in which the work may answer itself
TEND_SECONDS = 0.2  # s between two looks at the jobs that were stopped
MOST_LEFT_BEHIND = 4  # threads that are still computing what was stopped already; then Stop waits for the work
UNSEEN = "nobody looked at it for {minutes:.0f} minutes"
REPLACED = "something newer took its place"
LEFT = "its session ended"


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


class DoesNotFit(RuntimeError):
    """A job would take more memory than there is; the message says how much, and what would fit."""


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
    session : who submitted it
    reserved : bytes it has been granted
    ended_because : why it was cancelled, when nobody pressed Stop
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
    session: str = ""
    reserved: int = 0
    ended_because: str = ""
    _kept: Callable[[], Any] | None = field(default=None, repr=False)
    _grant: Callable[[Job, int, str], None] | None = field(default=None, repr=False)
    _stopped_at: float = field(default=math.inf, repr=False)  # by the real clock
    _thread: str = field(default="long", repr=False)  # the kind of thread it runs on
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
        self.check()

    def check(self) -> None:
        """Go on only if the work is still wanted.

        Raises
        ------
        JobCancelled
            If a person pressed Stop, or nobody wants the result any more.
        """
        if self._abandoned or self._stop.is_set():
            raise JobCancelled

    def keep(self, make: Callable[[], Any]) -> None:
        """From here on there is something to keep: `make` gives it, on any thread, when the work is ended between two reports."""
        self._kept = make

    def reserve(self, needed: int, way_out: str = "") -> None:
        """Say how many bytes the work is going to take, before it takes them; a later, larger number replaces an earlier one.

        way_out : what would fit, as a sentence for a person

        Raises
        ------
        DoesNotFit
            If that is more than one piece of work may take, or than what the others who are at work leave.
        """
        if self._grant is not None:
            self._grant(self, int(needed), way_out)

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

    workers : long computations at the same time; one session has at most all but one of them
    quick : threads beside those, for work that expects to take SHORT_SECONDS at most
    queue_limit : how many may wait
    keep, keep_bytes : bounds of the result store; the newest result is kept even where it alone exceeds the bytes
    lease : seconds for which a look keeps a job alive
    blas_threads : for each BLAS call; with more, small problems lose by a factor of ten under contention
    budget : bytes that one piece of work may take just now
    """

    def __init__(
        self,
        *,
        workers: int = 3,
        quick: int = 1,
        queue_limit: int = 64,
        keep: int = 32,
        keep_bytes: int = 512 * 2**20,
        lease: float = LEASE,
        blas_threads: int = 1,
        clock: Clock = time.monotonic,
        budget: Callable[[], int] = memory_budget,
    ) -> None:
        self.workers, self.quick, self.queue_limit, self.lease = workers, quick, queue_limit, lease
        self._blas_threads, self._clock, self._budget = blas_threads, clock, budget
        self._lock = threading.RLock()
        self._ready = threading.Condition(self._lock)
        self._jobs: OrderedDict[Hashable, Job] = OrderedDict()  # the newest job of each key, least recently used first
        self._queue: deque[Job] = deque()
        self._results = _Results(keep, keep_bytes)
        self._threads: list[threading.Thread] = []
        self._left_behind: set[Job] = set()  # taken over from a thread that is still at it
        self._working: dict[str, int] = {"long": 0, "short": 0}  # threads of each kind
        self._tender: threading.Thread | None = None
        self._gone: deque[str] = deque()  # sessions that ended; appended to from any place, at any time
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
        self.tidy()
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
            job = Job(
                key,
                label,
                lane,
                expects,
                created=self._clock(),
                session=session,
                _work=work,
                _clock=self._clock,
                _grant=self._reserve,
            )
            self._renew(job, session)
            self._remember(job)
            self._queue.append(job)
            self._start_workers(job)
            self._ready.notify_all()  # not every thread may take every job
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
            job._stopped_at = time.monotonic()
            if job.status is Status.QUEUED:
                self._cancel_queued(job)
            self._start_tender()
            self._ready.notify_all()
            return True

    def leave(self, session: str) -> None:
        """A session ended: cancel what only it was waiting for, and forget all that its own keys led to."""
        with self._lock:
            for job in self._unfinished():
                self._leave(job, session, LEFT)
            self._forget(session)

    def gone(self, session: str) -> None:
        """Note that a session ended; `tidy` does the rest. May be called by the garbage collector, in the middle of anything."""
        self._gone.append(session)

    def tidy(self) -> None:
        """Leave the sessions that ended since the last time."""
        while self._gone:
            self.leave(self._gone.popleft())

    def held(self, session: str) -> int:
        """Bytes of the stored results that are this session's alone."""
        with self._lock:
            return self._results.held(lambda key: names(key, session))

    def result(self, key: Hashable) -> Any:
        """The stored result, complete or partial; None when there is none (never computed, or dropped for room)."""
        with self._lock:
            return self._results.get(key)

    def put(self, key: Hashable, result: Any, *, label: str = "") -> Job:
        """Store a result that was computed elsewhere, so that `submit` and `watch` find it done."""
        size, now = 0 if result is None else size_of(result), self._clock()
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
                self._abandon(job, LEFT)
            self._ready.notify_all()
        for thread in [*self._threads, *([self._tender] if self._tender else [])]:
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

    def _leave(self, job: Job, session: str, why: str = REPLACED) -> None:
        if job._watchers.pop(session, None) is None:
            return
        if job._watchers:
            job._until = max(job._watchers.values()) + self.lease
        else:
            self._abandon(job, why)

    def _abandon(self, job: Job, why: str) -> None:
        """A running job notices when it next asks or reports."""
        job._until, job.ended_because = -math.inf, why
        if job.status is Status.QUEUED:
            self._cancel_queued(job)

    def _cancel_queued(self, job: Job) -> None:
        self._queue.remove(job)
        self._end(job, Status.CANCELLED)

    def _forget(self, session: str) -> None:
        self._results.drop(lambda key: names(key, session))
        for key in [key for key, job in self._jobs.items() if job.final and names(key, session)]:
            del self._jobs[key]

    def _reserve(self, job: Job, needed: int, way_out: str) -> None:
        with self._lock:
            budget = self._budget()
            others = sum(other.reserved for other in {*self._unfinished(), *self._left_behind} if other is not job)
            if needed > budget - others:
                beside = f" beside the {_megabytes(others)} that others at work may take" if others and needed <= budget else ""
                raise DoesNotFit(
                    f"This would take about {_megabytes(needed)} of memory; {_megabytes(budget)} may be used{beside}. "
                    + (way_out if needed > budget or not others else "Try again when they are done.")
                )
            job.reserved = max(job.reserved, needed)

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
        job._work = job._kept = job._grant = None  # the closures hold the data
        job.ended = self._clock()
        if status is Status.CANCELLED and not job.stopped and not job.ended_because:
            job.ended_because = UNSEEN.format(minutes=self.lease / 60)
        job.status = status
        job._over.set()

    # -- worker threads ----------------------------------------------------------------------------------------------

    def _start_workers(self, job: Job) -> None:
        """Threads begin with the first job that they can take."""
        kinds = ("long", "short") if self._is_short(job) else ("long",)
        for kind in kinds:
            while self._working[kind] < (self.workers if kind == "long" else self.quick):
                self._working[kind] += 1
                thread = threading.Thread(
                    target=self._serve, args=(kind,), name=f"nmf-worker-{len(self._threads) + 1}", daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def _is_short(self, job: Job) -> bool:
        return 0.0 < job.expects <= SHORT_SECONDS

    def _serve(self, kind: str) -> None:
        bound_blas(self._blas_threads)
        while (job := self._next(kind)) is not None:
            self._run(job)
            with self._lock:
                behind = job in self._left_behind
                self._left_behind.discard(job)
                if job.ended_because == LEFT:  # what its work has put aside since then
                    self._forget(job.session)
            del job  # else the frame of an idle worker keeps the last job alive
            if behind:  # another thread has taken this one's place
                return

    def _next(self, kind: str) -> Job | None:
        with self._lock:
            while not self._closed:
                self._drop_abandoned()
                job = self._fairest(kind)
                if job is not None:
                    self._queue.remove(job)
                    job.started = self._clock()
                    job.status, job._thread = Status.RUNNING, kind
                    return job
                self._ready.wait()
            return None

    def _fairest(self, kind: str) -> Job | None:
        """The job that a thread of this kind takes next: of whoever has the least running, the one that came first."""
        running: dict[str, int] = {}
        for job in self._unfinished():
            if job.status is Status.RUNNING and not self._is_short(job):
                running[job.session] = running.get(job.session, 0) + 1
        most = max(1, self.workers - 1)
        may = [
            (0 if self._is_short(job) else running.get(job.session, 0), place)
            for place, job in enumerate(self._queue)
            if self._is_short(job) or (kind == "long" and running.get(job.session, 0) < most)
        ]
        return self._queue[min(may)[1]] if may else None

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
            if not self._closed:  # else what it needed was taken away while the server ended
                job.failure, status = _failure(error, job), Status.FAILED
        del work
        self._finish(job, status, result)

    def _leaves(self, job: Job, make: Callable[[], Any]) -> tuple[Status, Any]:
        """What a stopped job leaves."""
        try:
            return Status.DONE, make()
        except BaseException as error:
            job.failure = _failure(error, job)
            return Status.FAILED, None

    def _finish(self, job: Job, status: Status, result: Any) -> None:
        """Store the result and end the job, unless it was ended before."""
        if status is Status.DONE and result is None and job.stopped:
            status = Status.CANCELLED  # stopped before there was anything to keep
        size = size_of(result) if status is Status.DONE else 0
        with self._lock:
            if job.final:  # taken over: what comes late is dropped
                return
            if status is Status.DONE:
                job.fraction = job.fraction if job.stopped else 1.0
                if self._jobs.get(job.key, job) is job:  # else a stopped job would replace its successor's result
                    self._results.put(job.key, result, size)
            self._end(job, status)
            self._ready.notify_all()  # its session may have another one waiting for this

    # -- the thread that looks after stopped jobs ----------------------------------------------------------------------

    def _start_tender(self) -> None:
        if self._tender is None:
            self._tender = threading.Thread(target=self._tend, name="nmf-tender", daemon=True)
            self._tender.start()

    def _tend(self) -> None:
        """End the stopped jobs whose work does not hear it in time, with what they have kept."""
        while True:
            with self._lock:
                if self._closed:
                    return
                stopped = [job for job in self._unfinished() if job.stopped and job.status is Status.RUNNING]
                if not stopped:
                    self._ready.wait()
                    continue
                late = [job for job in stopped if time.monotonic() - job._stopped_at > HEARD_WITHIN]
                late = late[: max(0, MOST_LEFT_BEHIND - len(self._left_behind))]
            for job in late:
                self._take_over(job)
            del stopped, late
            time.sleep(TEND_SECONDS)

    def _take_over(self, job: Job) -> None:
        kept = job._kept
        status, result = self._leaves(job, kept) if kept is not None else (Status.CANCELLED, None)
        with self._lock:
            if job.final:
                return
            self._left_behind.add(job)
            self._working[job._thread] -= 1
            self._start_workers(job)
        self._finish(job, status, result)


@functools.cache
def service() -> Jobs:
    """The one job service of this process."""
    return Jobs()


def names(key: Hashable, session: str) -> bool:
    """Whether a key is a session's own: the session's id stands in it, or in a text or tuple inside it."""
    if isinstance(key, str):
        return session in key
    return isinstance(key, tuple) and any(names(part, session) for part in key)


def _megabytes(count: int) -> str:
    return f"{count / 2**20:,.0f} MB"


def bound_blas(threads: int) -> None:
    """Bound BLAS (process-wide) and OpenMP (this thread) to `threads`; needs the libraries to be loaded already."""
    import numpy  # noqa: F401 - loads its BLAS
    import scipy.linalg  # noqa: F401 - brings a second copy of it
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=threads)


# -- failures --------------------------------------------------------------------------------------------------------


def _failure(error: BaseException, job: Job) -> Failure:
    """Log it under an id, and let go of its frames. The log names the kind of work and of error, never what a file says."""
    name, kind = uuid.uuid4().hex[:8], type(error).__name__
    explained = is_explained(error)
    if explained:
        _log.info("refused lane=%s error=%s kind=%s", job.lane or "-", name, kind)
        message = str(error)
    elif isinstance(error, MemoryError):
        _log.warning("out-of-memory lane=%s error=%s reserved=%d", job.lane or "-", name, job.reserved)
        message = "The server's memory ran out before there was a result. Choose a smaller rank, or fewer rows or columns."
        explained = True
    else:
        frames = "".join(traceback.format_tb(error.__traceback__))
        _log.error("failed lane=%s error=%s kind=%s\n%s", job.lane or "-", name, kind, frames.rstrip())
        _log.debug("error %s said: %s", name, error)
        message = f"Something went wrong ({kind}). The server's log has the details under error {name}."
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

    def drop(self, unwanted: Callable[[Hashable], bool]) -> None:
        """Forget the results of these keys."""
        for key in [key for key in self._stored if unwanted(key)]:
            del self._stored[key]

    def held(self, counted: Callable[[Hashable], bool]) -> int:
        """Bytes of the results of these keys."""
        return sum(size for key, (_, size) in self._stored.items() if counted(key))

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


def size_of(value: Any, counted: dict[int, Any] | None = None) -> int:
    """Bytes that a result keeps alive: arrays, tables and sparse matrices wherever they hide in it. Shared parts count once.

    counted : what counts no more, by id; grows by what is found, so that several calls count shared parts once
    """
    total, left = 0, [value]
    seen: dict[int, Any] = {} if counted is None else counted  # holds the things, so that no id comes twice
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen[id(one)] = one
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
    if isinstance(value, (type, Enum, ModuleType, FunctionType, BuiltinFunctionType, MethodType)):
        return ()
    return getattr(value, "__dict__", {}).values()
