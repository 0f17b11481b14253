"""How is a factorization fitted in the background: from a start, from where a run ended, under a person's wishes?

Pure of Streamlit, so that it is tested without one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from dataclasses import replace

from dashboard.links import solver_changes
from dashboard.work.estimates import NOT_YET
from dashboard.work.fitted import FittedRun
from dashboard.work.floor import floor_of, known_floor, quick_floor
from dashboard.work.gate import fits
from dashboard.work.job import Job
from dashboard.work.jobs import Jobs
from dashboard.work.loading import data_key, load
from nmfcore import guide
from nmfcore.core.checks import as_problem
from nmfcore.core.factorization import Penalty, Progress, StopReason
from nmfcore.core.guidance import Guidance
from nmfcore.core.recording import Recording
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.data.model.dataset import Dataset
from nmfcore.evaluate.svd import SVD
from nmfcore.kernels import engines
from nmfcore.run import Run
from nmfcore.run import prepare as prepare_run
from nmfcore.solvers import SOLVERS

_log = logging.getLogger(__name__)

START = "nndsvda"  # the start that every solver of the panel can begin from: it has no zeros
FIRST = RunSpec(data="movies", rank=10, init=START)  # what a newcomer sees: embedded, small, fitted while the server warms up
LIVE_SECONDS = 0.5  # below this estimate a change of a control may fit at once
KKT_EVERY = 5  # iterations between two residuals; each costs about one iteration, off the solver's clock
STOPPED = "You stopped before the floor was measured."


def fit_key(spec: RunSpec, upload: Dataset | None = None) -> Hashable:
    """Names a fit by all that determines it; a catalog data set is named by how it is loaded, not by its content.

    upload : the data itself where it is somebody's own; the fit is then theirs alone
    """
    whose = (upload.owner,) if upload is not None and upload.owner else ()
    return ("fit", (spec if spec.data == "upload" else spec.replace(fingerprint="")).key, *whose)


def fit_work(spec: RunSpec, jobs: Jobs, upload: Dataset | None = None) -> Callable[[Job], FittedRun]:
    """The work of a job that fits what `spec` says; the data set is loaded first where it is not here yet."""

    def work(job: Job) -> FittedRun:
        dataset = upload
        if dataset is None:
            dataset = jobs.result(data_key(spec))
        if dataset is None:
            dataset = load(spec, job.say)
            jobs.put(data_key(spec), dataset, label=dataset.title)
        fits(job, dataset, max(spec.rank, spec.topics), loss=spec.loss)
        for count in range(len(spec.guidance) - 1, -1, -1):  # the longest part of its wishes that is here already
            earlier = known(spec.replace(guidance=spec.guidance.first(count)), jobs, dataset)
            if earlier is not None and (earlier.guided is not None or not count):
                return guided(earlier, spec.guidance, job, jobs)
        job.say("Finding a start")
        plain, run = engines.preparing(), start(spec, dataset)
        if quick_floor(dataset):  # first, so that a run that is stopped has it too
            floor_of(dataset, spec.rank, jobs)
        job.say(f"Fitting, {NOT_YET}" if plain else "Fitting")
        follow(run, job, spec.stop, lambda: finished(run, dataset, known_floor(dataset, spec.rank, jobs), STOPPED, left=True))
        if spec.guidance and not job.stopped:
            return guided(finished(run, dataset, None), spec.guidance, job, jobs)
        job.message = "Measuring the floor"
        ended = finished(run, dataset, *floor_of(dataset, spec.rank, jobs))
        ended.plain = plain
        return ended

    return work


def guided(earlier: FittedRun, guidance: Guidance, job: Job, jobs: Jobs) -> FittedRun:
    """A run refitted under every wish of a guidance that it has not followed yet, in turn."""
    data, run = earlier.dataset, earlier.run
    model = earlier.guided or guide.start_of(earlier.factorization, guidance)
    for number in range(len(model.guidance), len(guidance)):
        job.say(f"Wish {number + 1} of {len(guidance)}")
        refit = guide.begin(data.X, model, guidance.edits[number], axes=data.axes)
        for _ in refit:
            job.check()
        model, run = refit.result(), refit.run
    job.say("Measuring the floor")
    return wished(model, data, run, *floor_of(data, model.result.rank, jobs))


def known(spec: RunSpec, jobs: Jobs, dataset: Dataset) -> FittedRun | None:
    """The run of a spec, if it is here: whoever follows its wishes further then has the same bits, whatever loops made them."""
    for one in (spec, unsaid(spec)):
        found = jobs.result(fit_key(one, dataset))
        if found is not None and unsaid(found.spec).key == unsaid(spec.replace(fingerprint=found.spec.fingerprint)).key:
            run: FittedRun = found
            return run
    return None


def share(run: FittedRun, jobs: Jobs) -> None:
    """Let a link to this run find the very same model, as long as there is room for it."""
    for key in {fit_key(one, run.dataset) for one in (run.spec, unsaid(run.spec))}:
        jobs.put(key, run, label=run.dataset.title)


def unsaid(spec: RunSpec) -> RunSpec:
    """The spec as a link says it: without solver parameters that are as usual."""
    return spec.replace(solver_options=solver_changes(spec))


def wished(model: guide.Guided, dataset: Dataset, run: Run, values: SVD | None, unmeasured: str = "") -> FittedRun:
    """What is kept of a guided model; nobody goes on with its run, since only another wish could."""
    kept = FittedRun(model.result.spec, dataset, model.result, values, run, unmeasured, model)
    kept.take_run()
    run.release()
    return kept


def follow(run: Run, job: Job, stop: StopRule, kept: Callable[[], FittedRun]) -> bool:
    """Iterate until the run ends or somebody stops it; from its first point on there is something to keep. Whether it ended."""
    for progress in run:
        job.keep(kept)
        if not job.report(progress, fraction=fraction(progress, stop)):
            return False
    return True


def continue_work(fitted: FittedRun, stop: StopRule) -> Callable[[Job], FittedRun]:
    """The work of a job that goes on from where a run ended; the result's specification repeats both parts in one."""

    def work(job: Job) -> FittedRun:
        fits(job, fitted.dataset, fitted.rank, loss=fitted.spec.loss)
        taken, done = fitted.take_run(), fitted.factorization.history[-1].iteration
        values, why = fitted.decomposition, fitted.unmeasured
        run = taken or start(fitted.spec.replace(stop=replace(stop, tol=0.0, kkt=0.0, max_iter=done)), fitted.dataset)

        def so_far() -> FittedRun:
            return finished(run, fitted.dataset, values, why, rule=stop, left=True)

        # where somebody else has gone on from here already: first the same steps from the same start
        if taken is not None or follow(run, job, stop, so_far):
            run.stop = replace(stop, max_iter=max(1, stop.max_iter - done))
            follow(run, job, stop, so_far)
        return finished(run, fitted.dataset, values, why, rule=stop)

    return work


def start(spec: RunSpec, dataset: Dataset, *, recording: Recording | None = None) -> Run:
    """The run of a spec on a loaded data set, not yet begun."""
    full = spec.replace(fingerprint=dataset.fingerprint)
    return prepare_run(
        dataset.X,
        spec.rank,
        solver=spec.solver,
        solver_options=spec.solver_options,
        init=spec.init,
        seed=spec.seed,
        loss=spec.loss,
        mask=dataset.mask,
        symmetric=spec.symmetric,
        penalty=Penalty(**spec.penalty),
        axes=dataset.axes,
        spec=full,
        kkt_every=KKT_EVERY,
        recording=recording,
    )


def finished(
    run: Run, dataset: Dataset, values: SVD | None, unmeasured: str = "", *, rule: StopRule | None = None, left: bool = False
) -> FittedRun:
    """What is kept of a run that has ended.

    values : the SVD behind the floor; unmeasured : why there is none
    rule : the one under which a continued run ended; as it is not one stretch under one rule, its spec says the iterations
    left : the run was left in the middle of a step, and another thread may still be in it: nobody goes on with it
    """
    result = run.result(as_recorded=left)
    spec = result.spec
    done = result.history[-1].iteration
    if rule is not None:
        spec = spec.replace(stop=StopRule(tol=0.0, max_iter=done, max_seconds=None, kkt=0.0))
    elif result.stopped in (StopReason.CANCELLED, StopReason.SECONDS):  # a clock cannot be repeated, a count can
        spec = spec.replace(stop=replace(spec.stop, max_iter=done, max_seconds=None))
    kept = FittedRun(spec, dataset, result.with_spec(spec), values, run, "" if values is not None else unmeasured, rule=rule)
    if left:
        kept.take_run()
    m, n = dataset.shape
    last = result.history[-1]
    _log.info(
        "fit rows=%d columns=%d stored=%d solver=%s loss=%s rank=%d iterations=%d seconds=%.3f stopped=%s",
        m, n, dataset.X.nnz if dataset.sparse else m * n, spec.solver, spec.loss, spec.rank, last.iteration, last.seconds,
        result.stopped.name.lower(),
    )  # fmt: skip
    return kept


def fraction(progress: Progress, stop: StopRule) -> float:
    """The share of the limits that is used up; most runs converge before they reach 1."""
    used = progress.iteration / stop.max_iter if stop.max_iter else 0.0
    if stop.max_seconds:
        used = max(used, progress.seconds / stop.max_seconds)
    return min(used, 1.0)


def warm(jobs: Jobs, specs: tuple[RunSpec, ...] = (FIRST,)) -> None:
    """Fit what a newcomer sees first, before anyone asks."""
    for spec in specs:
        jobs.submit(fit_key(spec), fit_work(spec, jobs), session="warm-up", label="First screen", lane=spec.key).wait(30.0)


def solver_refusals(dataset: Dataset) -> dict[str, str]:
    """For each solver that cannot run on this data: why, in the sentence the loop would say."""
    probe = as_problem(dataset.X, 1, mask=dataset.mask)
    found = {}
    for key, kind in SOLVERS.items():
        solver = kind()
        reasons = [solver.refusal(replace(probe, loss=loss)) for loss in (*solver.supports.losses, probe.loss)]
        if all(reasons):
            found[key] = str(reasons[0])
    return found
