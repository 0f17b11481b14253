"""What does a race of solvers compute in the background, and what names it?"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from dashboard.work.fitted import FittedRun
from dashboard.work.fitting import KKT_EVERY
from dashboard.work.gate import fits
from dashboard.work.job import Job
from nmfcore.core.factorization import Penalty
from nmfcore.core.guidance import Guidance
from nmfcore.core.spec import StopRule
from nmfcore.evaluate.compare import Race

MOST_STEPS = 1_000  # of each solver: more points than a chart can show


def race_key(run: FittedRun, solvers: Sequence[str], seconds: float) -> Hashable:
    """Names a race by the data's content, the start, and who takes part for how long."""
    spec = run.spec
    asked = spec.replace(stop=StopRule(), fingerprint="", guidance=Guidance()).key  # rank, start, seed, loss, penalty, options
    return ("race", run.dataset.identity, asked, tuple(solvers), float(seconds))


def race_work(run: FittedRun, solvers: Sequence[str], seconds: float) -> Callable[[Job], Race]:
    """The work of a job: all solvers in turns; Stop keeps the curves so far."""

    def work(job: Job) -> Race:
        spec, data = run.spec, run.dataset
        fits(job, data, spec.rank, loss=spec.loss, runs=len(solvers))  # all of them are under way at one time
        entrants = {key: (key, spec.solver_options if key == spec.solver else {}) for key in solvers}
        race = Race(
            data.X, spec.rank, entrants, start=spec.init, seed=spec.seed, loss=spec.loss, mask=data.mask, axes=data.axes,
            stop=StopRule(tol=0.0, max_iter=MOST_STEPS, max_seconds=seconds), penalty=Penalty(**spec.penalty),
        )  # fmt: skip
        for entrant in race.runs.values():
            entrant.kkt_every = KKT_EVERY
        latest = dict.fromkeys(solvers, 0.0)
        for lap in race:
            latest[lap.name] = lap.progress.seconds
            job.message = f"{lap.name} at iteration {lap.progress.iteration:,}"
            if not job.report(None, fraction=sum(latest.values()) / (seconds * len(latest))):
                break
        return race

    return work
