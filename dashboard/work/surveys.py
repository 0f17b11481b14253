"""What does a survey over ranks compute in the background, and what names it?"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

from dashboard.work.fitted import FittedRun
from dashboard.work.gate import fits, starts_beside
from dashboard.work.job import Job
from dashboard.work.jobs import Jobs
from nmfcore.evaluate.rank import QUICK, Plan, Survey

MOST_BICV_CELLS = 50_000_000  # rows times columns up to which two repetitions of bi-cross-validation are quick


@dataclass(frozen=True, eq=False)
class Asked:
    """What a person asked for: these ranks of this run's data, with so many starts each."""

    run: FittedRun
    ranks: tuple[int, ...]
    starts: int

    @property
    def plan(self) -> Plan:
        m, n = self.run.dataset.shape
        return Plan(
            self.ranks,
            starts=self.starts,
            bicv=2 if m * n <= MOST_BICV_CELLS else 1,
            seed=self.run.spec.seed,
            stop=replace(QUICK, max_seconds=None),
        )

    @property
    def key(self) -> Hashable:
        return survey_key(self)


def survey_key(asked: Asked) -> Hashable:
    """Names a survey by the data's content, the ranks and the starts."""
    return ("survey", asked.run.dataset.identity, asked.ranks, asked.starts, asked.run.spec.seed)


def survey_work(asked: Asked, jobs: Jobs) -> Callable[[Job], Survey]:
    """The work of a job; a survey that was stopped goes on where it was."""

    def work(job: Job) -> Survey:
        data, highest = asked.run.dataset, max(asked.ranks)
        most, held = starts_beside(data, highest, len(asked.ranks) * asked.starts, extra=data.nbytes)
        fits(job, data, highest, extra=data.nbytes + held)  # beside a fit: others at work, and a part of X left out
        survey = jobs.result(asked.key) or Survey(data.X, asked.plan, most=most)
        for step in survey:
            job.message = step.sentence
            if not job.report(step, fraction=step.done / step.total):
                break
        survey.points()  # computed here, so that no page waits for it
        return survey

    return work
