"""What is computed when topics are divided, what names it, and where is it kept?

A division is an NMF of a topic's own part, or of a child's part of that. It follows from the run and the way down to it, and is
kept with the run, so that the page, the report and other sessions have the very same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from dashboard.work.fitted import FittedRun
from dashboard.work.gate import fits
from dashboard.work.job import Job
from nmfcore.core.factorization import Matrix
from nmfcore.core.wanted import asking
from nmfcore.data.model.limits import estimated_bytes, memory_budget
from nmfcore.methods.divide import Division, divide, own_part

Trail = tuple[tuple[int, int], ...]  # of each step down: into how many the topic is divided, and which child it is by size


@dataclass(frozen=True)
class Wanted:
    """One division: the components of the topic, the way down to the child that is divided, and into how many."""

    members: tuple[int, ...]
    trail: Trail
    into: int

    @property
    def above(self) -> Wanted:
        """The division that this one's parent is a child of."""
        return Wanted(self.members, self.trail[:-1], self.trail[-1][0])


def kept_as(wanted: Wanted) -> Hashable:
    """Names a division among what is kept with its run."""
    return ("division", wanted)


def division(run: FittedRun, wanted: Wanted) -> Division:
    """The division, computed where it is not kept."""
    return run.derived(kept_as(wanted), lambda: _divided(run, wanted))


def _divided(run: FittedRun, wanted: Wanted) -> Division:
    if not wanted.trail:
        return divide(run.dataset.X, run.factorization.W, run.factorization.H, wanted.members, wanted.into, seed=run.spec.seed)
    above = division(run, wanted.above)
    child = int(above.order[wanted.trail[-1][1]])
    return divide(part_of(run, wanted.above), above.fit.W, above.fit.H, child, wanted.into, seed=run.spec.seed)


def part_of(run: FittedRun, wanted: Wanted) -> Matrix:
    """What is divided: the topic's own part of X, or the child's part of that."""
    if not wanted.trail:
        return own_part(run.dataset.X, run.factorization.W, run.factorization.H, wanted.members)
    above = division(run, wanted.above)
    return own_part(part_of(run, wanted.above), above.fit.W, above.fit.H, int(above.order[wanted.trail[-1][1]]))


def divided_key(run: FittedRun, wanted: Sequence[Wanted]) -> Hashable:
    """Names the divisions of a view by the run and what is wanted."""
    return ("divided", run.key, run.dataset.identity, tuple(wanted))


def divided_work(run: FittedRun, wanted: Sequence[Wanted]) -> Callable[[Job], dict[Wanted, Division]]:
    """The work of a job: all divisions of a view, parents first; those that are kept are taken."""

    def work(job: Job) -> dict[Wanted, Division]:
        # a topic's part is a matrix of X's size; for a child's, its parent's part is held too
        deepest = max(len(one.trail) for one in wanted)
        fits(job, run.dataset, max(one.into for one in wanted), extra=(deepest + 1) * run.dataset.nbytes)
        found = {}
        with asking(job.check):
            for at, one in enumerate(sorted(wanted, key=lambda one: len(one.trail))):
                job.say(f"Division {at + 1} of {len(wanted)}", at / len(wanted))
                found[one] = division(run, one)
        return found

    return work


def at_once(run: FittedRun, wanted: Sequence[Wanted]) -> dict[Wanted, Division] | None:
    """The same without a job, for a file that is made; None where it does not fit into memory."""
    m, n = run.dataset.shape
    stored = int(run.dataset.X.nnz) if run.dataset.sparse else None
    most = max((one.into for one in wanted), default=0)
    if estimated_bytes(m, n, most, loss="frobenius", stored=stored) + 2 * run.dataset.nbytes > memory_budget():
        return None
    return {one: division(run, one) for one in wanted}
