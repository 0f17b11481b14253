"""What is recorded when somebody wants to watch a run: its iterates, and those of runs from other starts.

A run is repeated, step for step the same, and recorded this time; so nobody pays for a recording that nobody looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from dashboard.work.fitted import FittedRun
from dashboard.work.fitting import fraction, start
from dashboard.work.gate import fits
from dashboard.work.job import Job
from nmfcore.core.recording import Frame, Recording

FRAMES, SEVERAL_FRAMES = 60, 24  # iterates kept of one run, and of each of several
SEEDS = 8  # runs side by side, the one on screen among them
MOST_BYTES = 250_000_000  # of a recording; more than that is refused before it begins


def recording_bytes(run: FittedRun, several: bool) -> int:
    """The memory that watching takes beside the fits themselves."""
    frames, runs = (SEVERAL_FRAMES, SEEDS) if several else (FRAMES, 1)
    return runs * Recording.bytes_for(run.dataset.shape, run.rank, frames)


def refusal(run: FittedRun, several: bool) -> str:
    """Why this run cannot be watched; "" when it can."""
    needed = recording_bytes(run, several)
    if needed <= MOST_BYTES:
        return ""
    return (
        f"Recording this run would take {needed / 1e6:,.0f} MB; up to {MOST_BYTES / 1e6:,.0f} MB are recorded. "
        "A smaller rank, or a part of the data, can be watched."
    )


def recording_key(run: FittedRun, several: bool) -> Hashable:
    return ("recording", run.key, several)


def recording_work(run: FittedRun, several: bool) -> Callable[[Job], tuple[tuple[Frame, ...], ...]]:
    """The work of a job that gives the recorded iterates of the run; several: of runs from random starts as well."""

    def work(job: Job) -> tuple[tuple[Frame, ...], ...]:
        fits(job, run.dataset, run.rank, loss=run.spec.loss, extra=recording_bytes(run, several))
        others = [run.spec.replace(init="random", seed=run.spec.seed + 1 + turn) for turn in range(SEEDS - 1 if several else 0)]
        found = []
        for turn, spec in enumerate([run.spec, *others]):
            recording = Recording(SEVERAL_FRAMES if several else FRAMES)
            job.say(f"Run {turn + 1} of {1 + len(others)}" if others else "Recording", turn / (1 + len(others)))
            for progress in start(spec, run.dataset, recording=recording):
                job.say(job.message, (turn + fraction(progress, spec.stop)) / (1 + len(others)))  # leaves here when it is stopped
            found.append(tuple(recording.frames))
        return tuple(found)

    return work
