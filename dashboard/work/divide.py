"""What is computed when a topic is divided, and what names it?"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from dashboard.work.fitting import FittedRun, fits
from dashboard.work.jobs import Job
from nmfcore.core.wanted import asking
from nmfcore.methods.divide import Division, divide


def division_key(run: FittedRun, topic: int, children: int) -> Hashable:
    """Names a division by the run, the topic and the number of children."""
    return ("divided", run.key, run.dataset.identity, topic, children)


def division_work(run: FittedRun, topic: int, children: int) -> Callable[[Job], Division]:
    """The work of a job: an NMF of the topic's own part."""

    def work(job: Job) -> Division:
        fits(job, run.dataset, children, extra=run.dataset.nbytes)  # the topic's part is a matrix of X's size
        job.say(f"Dividing {topic + 1} into {children}")
        with asking(job.check):
            W, H = run.factorization.W, run.factorization.H
            return divide(run.dataset.X, W, H, topic, children, seed=run.spec.seed)

    return work
