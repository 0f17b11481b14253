"""What does the dashboard compute in the background, and what does it keep of it?

Loading a data set and fitting a factorization, as work for the job service. Pure of Streamlit, so that it is tested without one.
Every number that a page shows comes from a `FittedRun`; what is derived from it is computed once and lives as long as it does.
"""

from __future__ import annotations

import json
import logging
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from dashboard.links import solver_changes
from dashboard.work.job import Job
from dashboard.work.jobs import Jobs
from nmfcore import guide
from nmfcore.core.checks import as_problem
from nmfcore.core.factorization import Factorization, Penalty, Progress, StopReason
from nmfcore.core.guidance import Guidance
from nmfcore.core.recording import Recording
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.data import catalog, prepare
from nmfcore.data.model.dataset import Dataset
from nmfcore.data.model.errors import CONVERT
from nmfcore.data.model.limits import estimated_bytes, memory_budget
from nmfcore.evaluate.stability import Stability, stability
from nmfcore.evaluate.svd import SVD, attainable_share, svd
from nmfcore.run import Run, at_once, several
from nmfcore.run import prepare as prepare_run
from nmfcore.solvers import SOLVERS
from nmfcore.topics.scale import CONVENTIONS

T = TypeVar("T")

_log = logging.getLogger(__name__)

START = "nndsvda"  # the start that every solver of the panel can begin from: it has no zeros
FIRST = RunSpec(data="movies", rank=10, init=START)  # what a newcomer sees: embedded, small, fitted while the server warms up
SVD_TERMS = (30, 60, 110, 210)  # terms of the SVD behind the floor: a few sizes, so that runs of several ranks share one
EXTRA_RANKS = 10  # the floor is drawn this far beyond the rank that was fitted, at least
EXACT_SIDE = 500  # short side of X up to which the SVD behind the floor is exact; beyond, nobody should wait for it
LIVE_SECONDS = 0.5  # below this estimate a change of a control may fit at once
KKT_EVERY = 5  # iterations between two residuals; each costs about one iteration, off the solver's clock
MOST_DERIVED = 300  # of one run: the pictures of a page at about ten positions of its sliders (a card of a topic is 5 to 20 KB)
QUICK_FLOOR = 5e8  # multiply-adds of a floor that takes a tenth of a second at most
STOPPED = "You stopped before the floor was measured."
NO_MEMORY = "There was not enough memory to measure the floor."


class Derived:
    """Quantities that follow from one object, computed when first asked for; those used last are kept, at most so many.

    A page asks for pictures at every position of its sliders, and a run is shared by all sessions that show it: what nobody has
    asked for lately is given up, and computed anew when somebody comes back to it.
    """

    def __init__(self, most: int = MOST_DERIVED) -> None:
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._latest: dict[str, tuple[Hashable, Any]] = {}
        self._most = most
        self._lock = threading.Lock()

    def __call__(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The value of that key; two sessions that ask at the same time may both compute it, and get the same."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                known: T = self._values[key]
                return known
        value = compute()
        with self._lock:
            value = self._values.setdefault(key, value)
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value

    def __len__(self) -> int:
        return len(self._values)

    def latest(self, name: str, key: Hashable, compute: Callable[[], T]) -> T:
        """The value of that key; of all keys under one name only the last is kept, for what is large."""
        held = self._latest.get(name)
        if held is None or held[0] != key:
            held = self._latest[name] = (key, compute())
        value: T = held[1]
        return value

    def forget(self) -> bool:
        """Let go of all of them, to be computed again when they are asked for; whether there were any."""
        with self._lock:
            had = bool(self._values or self._latest)
            self._values.clear()
            self._latest = {}
        return had


@dataclass(eq=False)
class FittedRun:
    """A factorization with the data it belongs to.

    spec : repeats exactly this result (a stopped run's iteration limit is where it stopped)
    decomposition : the truncated (small data: exact) SVD of X, for the floor under every NMF of a rank; None: not measured
    unmeasured : why it was not, as a sentence
    guided : the model with what its wishes ask; None without wishes, and for a run that came from a file
    """

    spec: RunSpec
    dataset: Dataset
    factorization: Factorization
    decomposition: SVD | None
    run: Run
    unmeasured: str = ""
    guided: guide.Guided | None = None
    derived: Derived = field(default_factory=Derived)
    _taken: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take_run(self) -> Run | None:
        """The run itself, for whoever goes on from here first; None for everybody else."""
        return self.run if self._taken.acquire(blocking=False) else None

    def forget_solver(self) -> bool:
        """Let go of what the solver needs to go on; going on then repeats the run from its start. Whether there was any."""
        if self.dataset.owner == "" or self.take_run() is None:  # others may go on from a run on the catalog's data
            return False
        self.run.release()
        return True

    @cached_property
    def key(self) -> str:
        """Names the run; a run on somebody's own data is named by whose it is, too."""
        return f"{self.spec.key}@{self.dataset.owner}" if self.dataset.owner else self.spec.key

    @property
    def rank(self) -> int:
        return self.factorization.rank

    @property
    def ids(self) -> tuple[int, ...]:
        """What gives each component its number and colour: their places, unless wishes have removed or added some."""
        return self.spec.guidance.ids(self.spec.rank)

    @property
    def measured(self) -> bool:
        """Whether the SVD is here."""
        return self.decomposition is not None

    @property
    def svd(self) -> SVD:
        """The SVD, of a run for which it is `measured`."""
        if self.decomposition is None:
            raise ValueError(self.no_floor)
        return self.decomposition

    @property
    def bounded(self) -> bool:
        """Whether the SVD is a floor under this run; `no_floor` says why not."""
        return not self.no_floor

    @cached_property
    def empty(self) -> bool:
        """Whether every given entry is 0: relative errors and shares of nothing have no meaning."""
        X, mask = self.dataset.X, self.dataset.mask
        values = X.data if self.dataset.sparse else X if mask is None else X[mask > 0]
        return not np.any(values)

    @property
    def error(self) -> float:
        """The relative error; NaN where it is undefined."""
        return math.nan if self.empty else self.factorization.relative_error

    @property
    def errors(self) -> np.ndarray:
        """The relative errors of the history (k,); NaN where they are undefined."""
        errors = self.factorization.history.relative_errors
        return np.full_like(errors, math.nan) if self.empty else errors

    @property
    def no_floor(self) -> str:
        """Why the SVD is no floor under this run, in a clause; "" where it is one."""
        if self.empty:
            return "every entry is 0, so there is nothing to explain"
        if self.dataset.mask is not None:
            return "the SVD takes missing entries for 0"
        if not self.measured:
            return (self.unmeasured[:1].lower() + self.unmeasured[1:].rstrip(".")) or "it was not measured"
        return ""

    @property
    def floor(self) -> float:
        """The relative error of the best rank-r matrix, which no NMF of this rank can fall below where it is `bounded`.

        NaN where it was not measured.
        """
        return float(self.svd.floor([self.rank])[0]) if self.measured else float("nan")

    @property
    def floor_line(self) -> float | None:
        """The floor to draw under the curve; None where the SVD is none."""
        return self.floor if self.bounded else None

    @property
    def baseline(self) -> float | None:
        """The error of rank 1, to draw beside the curve; None for rank 1 itself, and where the SVD is no floor."""
        return float(self.svd.floor([1])[0]) if self.rank > 1 and self.bounded else None

    @property
    def attainable(self) -> float:
        """The share of what any rank-r model can explain that this one explains."""
        return attainable_share(self.error, self.floor)


def data_key(spec: RunSpec) -> Hashable:
    """Names a prepared data set: what is loaded, how, and how it is prepared."""
    options, steps = (json.dumps(part, sort_keys=True) for part in (dict(spec.data_options), [dict(s) for s in spec.preparation]))
    return ("data", spec.data, options, steps, spec.fingerprint if spec.data == "upload" else "")


def fit_key(spec: RunSpec, upload: Dataset | None = None) -> Hashable:
    """Names a fit by all that determines it; a catalog data set is named by how it is loaded, not by its content.

    upload : the data itself where it is somebody's own; the fit is then theirs alone
    """
    whose = (upload.owner,) if upload is not None and upload.owner else ()
    return ("fit", (spec if spec.data == "upload" else spec.replace(fingerprint="")).key, *whose)


def fits(job: Job, dataset: Dataset, rank: int, *, loss: str = "frobenius", runs: int = 1, extra: int = 0) -> None:
    """`room` for a fit to a data set."""
    stored = int(dataset.X.nnz) if dataset.sparse else None
    room(job, dataset.shape, rank, stored=stored, loss=loss, runs=runs, extra=extra)


def room(
    job: Job,
    shape: tuple[int, int],
    rank: int,
    *,
    stored: int | None = None,
    loss: str = "frobenius",
    runs: int = 1,
    extra: int = 0,
) -> None:
    """Go on only if a fit of this size has room; the one gate that every computation passes before it takes memory.

    shape, stored : of X; stored values where it is sparse
    runs : how many are held at one time; extra : bytes beside what a fit takes

    Raises
    ------
    DoesNotFit
        With the rank, or the share of the data, that would fit.
    """
    m, n = shape
    factor = "frobenius" if loss == "frobenius" else "kl"
    needed = runs * estimated_bytes(m, n, rank, loss=factor, stored=stored) + extra
    each = 16 * (m + n) * runs
    budget = memory_budget()
    left = (budget - (needed - each * rank)) // each if each else 0
    if 1 <= left < rank:
        way_out = f"Rank {left} would fit."
    else:
        share = max(1, int(100 * budget / max(needed, 1)))
        way_out = f"About {share} % of it would fit: take fewer rows or columns on the Data page. {CONVERT}"
    job.reserve(needed, way_out)


class NotPrepared(ValueError):
    """A data set cannot be loaded or prepared as it was asked for; the message is nmfcore's sentence, for a person."""


def load(spec: RunSpec, report: Callable[[str, float | None], None] | None = None) -> Dataset:
    """The prepared data set of a spec, from the catalog.

    Raises
    ------
    NotPrepared
        If an option or a step is unknown, or a step leaves nothing.
    """
    try:
        raw = catalog.load(spec.data, dict(spec.data_options), report)
        return prepare.apply(raw, spec.preparation, report) if spec.preparation else raw
    except ValueError as impossible:
        raise NotPrepared(str(impossible)) from None


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


def starts_beside(dataset: Dataset, rank: int, runs: int, *, loss: str = "frobenius", extra: int = 0) -> tuple[int, int]:
    """How many of so many starts may be at work at one time, and the bytes that they take beside one fit; see `fits`."""
    factor, stored = "frobenius" if loss == "frobenius" else "kl", int(dataset.X.nnz) if dataset.sparse else None
    alone = estimated_bytes(*dataset.shape, rank, loss=factor, stored=stored) + extra
    return at_once(dataset.shape, rank, runs, memory_budget() - alone)


def load_work(spec: RunSpec) -> Callable[[Job], Dataset]:
    """The work of a job that loads and prepares a data set of the catalog."""

    def work(job: Job) -> Dataset:
        return load(spec, job.say)

    return work


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
        run = start(spec, dataset)
        if quick_floor(dataset):  # first, so that a run that is stopped has it too
            floor_of(dataset, spec.rank, jobs)
        job.say("Fitting")
        follow(run, job, spec.stop, lambda: finished(run, dataset, known_floor(dataset, spec.rank, jobs), STOPPED, left=True))
        if spec.guidance and not job.stopped:
            return guided(finished(run, dataset, None), spec.guidance, job, jobs)
        job.message = "Measuring the floor"
        return finished(run, dataset, *floor_of(dataset, spec.rank, jobs))

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


def follow(run: Run, job: Job, stop: StopRule, kept: Callable[[], FittedRun]) -> None:
    """Iterate until the run ends or somebody stops it; from its first point on there is something to keep."""
    for progress in run:
        job.keep(kept)
        if not job.report(progress, fraction=fraction(progress, stop)):
            break


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


def continue_work(fitted: FittedRun, stop: StopRule) -> Callable[[Job], FittedRun]:
    """The work of a job that goes on from where a run ended; the result's specification repeats both parts in one."""

    def work(job: Job) -> FittedRun:
        fits(job, fitted.dataset, fitted.rank, loss=fitted.spec.loss)
        run = fitted.take_run()
        if run is None:  # somebody else has gone on from here already: the same steps from the same start
            run = start(fitted.spec.replace(stop=replace(stop, tol=0.0)), fitted.dataset)
        else:
            done = fitted.factorization.history[-1].iteration
            run.stop = replace(stop, max_iter=max(1, stop.max_iter - done))
        ended, values, why = run, fitted.decomposition, fitted.unmeasured
        follow(ended, job, stop, lambda: finished(ended, fitted.dataset, values, why, counted=True, left=True))
        return finished(ended, fitted.dataset, values, why, counted=True)

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
    run: Run, dataset: Dataset, values: SVD | None, unmeasured: str = "", *, counted: bool = False, left: bool = False
) -> FittedRun:
    """What is kept of a run that has ended.

    values : the SVD behind the floor; unmeasured : why there is none
    counted : write the number of iterations as the stop rule, for a run that is not one stretch under one rule
    left : the run was left in the middle of a step, and another thread may still be in it: nobody goes on with it
    """
    result = run.result(as_recorded=left)
    spec = result.spec
    done = result.history[-1].iteration
    if counted:
        spec = spec.replace(stop=replace(spec.stop, tol=0.0, max_iter=done))
    elif result.stopped in (StopReason.CANCELLED, StopReason.SECONDS):  # a clock cannot be repeated, a count can
        spec = spec.replace(stop=replace(spec.stop, max_iter=done))
    kept = FittedRun(spec, dataset, result.with_spec(spec), values, run, "" if values is not None else unmeasured)
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
