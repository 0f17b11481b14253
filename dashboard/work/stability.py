"""What does a stability compute in the background: which topics come back from other starts?"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from dashboard.work.fitted import FittedRun
from dashboard.work.gate import fits, starts_beside
from dashboard.work.job import Job
from nmfcore.core.guidance import Guidance
from nmfcore.evaluate.stability import Stability, stability
from nmfcore.run import several
from nmfcore.topics.scale import CONVENTIONS

STARTS = 10  # random starts behind a stability


def stability_key(run: FittedRun) -> Hashable:
    """Names the stability of one run: the run, and how many starts it is compared with."""
    return ("stability", run.key, STARTS)


def stability_work(run: FittedRun) -> Callable[[Job], dict[str, Stability]]:
    """The work of a job that fits the same data from random starts and matches their topics with the run's, on every scale.

    Which topic an item belongs to depends on the scale, and so does whether it stays there.
    """

    def work(job: Job) -> dict[str, Stability]:
        m, n = run.dataset.shape
        kept = 8 * STARTS * (m + n) * run.rank
        most, held = starts_beside(run.dataset, run.rank, STARTS, loss=run.spec.loss, extra=kept)
        fits(job, run.dataset, run.rank, loss=run.spec.loss, extra=kept + held)
        job.say("Checking the data")
        free = run.spec.replace(init="random", rank=run.rank, guidance=Guidance(), fingerprint=run.dataset.fingerprint)
        seeds = range(run.spec.seed + 1, run.spec.seed + 1 + STARTS)
        starts = several(run.dataset.X, run.rank, seeds, spec=free, mask=run.dataset.mask, axes=run.dataset.axes, most=most)
        for turn in starts:  # leaves here when somebody presses Stop
            job.say(f"{turn.done} of {STARTS} starts", turn.done / STARTS)
        runs = [run.factorization.factors, *(starts.results[place].factors for place in range(STARTS))]
        return {convention: stability(runs, convention=convention) for convention in CONVENTIONS}

    return work
