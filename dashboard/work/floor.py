"""How is the floor under every NMF of a rank measured: the SVD, once for all runs on the same data that it suffices for?"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from dashboard.work.fitted import FittedRun
from dashboard.work.gate import fits
from dashboard.work.job import Job
from dashboard.work.jobs import Jobs
from nmfcore.data.model.dataset import Dataset
from nmfcore.evaluate.svd import SVD, svd

SVD_TERMS = (30, 60, 110, 210)  # terms of the SVD behind the floor: a few sizes, so that runs of several ranks share one
EXTRA_RANKS = 10  # the floor is drawn this far beyond the rank that was fitted, at least
EXACT_SIDE = 500  # short side of X up to which the SVD behind the floor is exact; beyond, nobody should wait for it
QUICK_FLOOR = 5e8  # multiply-adds of a floor that takes a tenth of a second at most
NO_MEMORY = "There was not enough memory to measure the floor."


def floor_key(dataset: Dataset, rank: int) -> Hashable:
    """Names the SVD behind the floor at this rank and some beyond; one for all runs on the data that it suffices for."""
    count = next(step for step in SVD_TERMS if step >= min(rank + EXTRA_RANKS, SVD_TERMS[-1]))
    return ("svd", dataset.identity, min(count, *dataset.shape))


def known_floor(dataset: Dataset, rank: int, jobs: Jobs) -> SVD | None:
    """That SVD, if it is here."""
    found: SVD | None = jobs.result(floor_key(dataset, rank))
    return found


def floor_of(dataset: Dataset, rank: int, jobs: Jobs) -> tuple[SVD | None, str]:
    """That SVD, computed where it is not here; without the memory for it None, and the sentence that says so.

    A fit that is finished is not lost because its floor cannot be measured.
    """
    found = known_floor(dataset, rank, jobs)
    if found is None:
        key = floor_key(dataset, rank)
        try:
            found = svd(dataset.X, key[2], exact_side=EXACT_SIDE)  # type: ignore[index]
        except MemoryError:
            return None, NO_MEMORY
        jobs.put(key, found, label="SVD")
    return found, ""


def quick_floor(dataset: Dataset) -> bool:
    """Whether the SVD behind the floor takes so little that nobody notices it."""
    m, n = dataset.shape
    return m * n * min(m, n) <= QUICK_FLOOR


def floor_wanted(run: FittedRun) -> Hashable:
    """Names the measuring of a floor that a run came without."""
    return ("floor", run.key)


def floor_work(run: FittedRun, jobs: Jobs) -> Callable[[Job], SVD]:
    """The work of a job that measures the floor of a run that came without; the run has it from then on."""

    def work(job: Job) -> SVD:
        fits(job, run.dataset, run.rank)
        job.say("Measuring the floor")
        found, missing = floor_of(run.dataset, run.rank, jobs)
        if found is None:
            raise MemoryError(missing)
        run.decomposition, run.unmeasured = found, ""
        return found

    return work
