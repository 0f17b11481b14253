"""Who comes next, and how long does one wait?

Short work has threads of its own, nobody's long work fills all the others, and who has the least running comes first. Pure
functions of what is running and of what is waiting.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from dashboard.work.job import Job, Status

SHORT_SECONDS = 2.0  # work that expects to take no longer goes to the threads for short work


def is_short(job: Job) -> bool:
    """Whether a thread for short work may take it; work of unknown length is long."""
    return 0.0 < job.expects <= SHORT_SECONDS


def fairest(kind: str, unfinished: Iterable[Job], queue: Sequence[Job], workers: int) -> Job | None:
    """The job that a thread of this kind takes next: of whoever has the least running, the one that came first.

    workers : threads for long work; one session has at most all but one of them
    """
    running: dict[str, int] = {}
    for job in unfinished:
        if job.status is Status.RUNNING and not is_short(job):
            running[job.session] = running.get(job.session, 0) + 1
    most = max(1, workers - 1)
    may = [
        (0 if is_short(job) else running.get(job.session, 0), place)
        for place, job in enumerate(queue)
        if is_short(job) or (kind == "long" and running.get(job.session, 0) < most)
    ]
    return queue[min(may)[1]] if may else None


def seconds_until(job: Job, unfinished: Iterable[Job], queue: Sequence[Job], workers: int) -> float | None:
    """About how long until a queued job starts, were the queue served in its order; None when nobody can say."""
    if job not in queue:
        return 0.0
    running = [other.remaining for other in unfinished if other.status is Status.RUNNING]
    ahead = [other.expects or None for other in queue[: queue.index(job)]]
    free = [seconds for seconds in running if seconds is not None]  # when each worker is free
    if len(free) < len(running) or None in ahead:
        return None
    free += [0.0] * (workers - len(free))
    heapq.heapify(free)
    for seconds in ahead:  # the next job takes the worker that is free first
        heapq.heapreplace(free, free[0] + (seconds or 0.0))
    return free[0]
