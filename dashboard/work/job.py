"""What is one computation, to the work that does it and to the pages that wait for it?

    def fit(job):                                   # runs on a worker thread
        run = Run(problem, solver)
        for progress in run:
            if not job.report(progress, fraction=progress.iteration / max_iter):
                break                               # the person pressed Stop: what there is, is the result
        return run.result()

Two ways to end early are kept apart. A *stopped* job (a person pressed Stop) returns what it has and is DONE with
`stopped` set; it never passes for the complete result. A *cancelled* job (replaced by a newer one, or nobody watches)
is dropped, and `ended_because` says why.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from dashboard.work.failures import Failure

Clock = Callable[[], float]

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


@dataclass(eq=False)
class Job:
    """One computation. The worker writes, any number of pages read without a lock; `progress` only ever grows.

    What begins with an underscore is for the service alone (ledger.py, workers.py).

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
        if self.abandoned:
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
        if self.abandoned or self._stop.is_set():
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
    def abandoned(self) -> bool:
        """Whether nobody wants it any more."""
        return self._clock() > self._until

    @property
    def remaining(self) -> float | None:
        """Seconds a running job still needs, judged by its fraction, else by what was expected."""
        if self.fraction:
            return self.seconds * (1.0 - self.fraction) / self.fraction
        return max(self.expects - self.seconds, 0.0) if self.expects else None
