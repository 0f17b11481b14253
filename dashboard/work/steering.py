"""What does a wish do to the model on screen, before anybody keeps it?

The refit, its verdict and its price, as work for the job service; and what wishes are called. Pure of Streamlit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

import numpy as np

from dashboard.work.estimates import WISH
from dashboard.work.fitted import FittedRun
from dashboard.work.fitting import start, wished
from dashboard.work.floor import floor_of
from dashboard.work.gate import fits
from dashboard.work.job import Job
from dashboard.work.jobs import Jobs
from nmfcore import guide
from nmfcore.core.checks import ProblemError, as_problem
from nmfcore.core.factorization import Axes, Factorization, Penalty
from nmfcore.core.guidance import Guidance
from nmfcore.core.rules import cosine
from nmfcore.guide import Add, Delete, Edit, Forbid, Group, Guided, Lift, Merge, Move, Pin, Remove, Seed, Split, Verdict
from nmfcore.guide.contradictions import refuse_contradictions
from nmfcore.guide.steer import numbers
from nmfcore.solvers import make_solver

LEAST_SECONDS = 0.05  # of a refit, its verdict and its price
NAMED = 6  # words that a wish is called by; more are counted


@dataclass(frozen=True, eq=False)
class Preview:
    """A model under one more wish, beside the one before it.

    before, after : both runs; verdict : on the wish; effects : what it cost and what else it moved; seconds : the refit itself
    """

    before: FittedRun
    after: FittedRun
    verdict: Verdict
    effects: guide.Effects
    seconds: float


def takes(fit: Factorization, refits: int) -> float:
    """About how many seconds so many warm refits take. Work of unknown length would wait behind a survey of ranks.

    fit : what they start from
    """
    return max(LEAST_SECONDS, WISH * fit.history[-1].seconds * refits)


def refusal(run: FittedRun) -> str:
    """Why no wish about this run's topics can be kept; "" when they can."""

    def find() -> str:
        spec, data = run.spec, run.dataset
        if spec.symmetric:
            return "Topics of a similarity matrix are told on the page Symmetric topics, not here."
        if data.mask is not None:
            return "Wishes need every entry: a model of data with missing ones cannot keep them."
        try:
            problem = as_problem(data.X, 1, loss=spec.loss, penalty=Penalty(**spec.penalty))
            guide.refuse(problem, make_solver(spec.solver, spec.solver_options))
        except ProblemError as wrong:
            return str(wrong)
        return ""

    return run.derived("steerable", find)


def others_of(run: FittedRun) -> str:
    """What the topics that nobody asks to change do: as the first wish said; without projections they are free."""
    if run.spec.guidance:
        return run.spec.guidance.others
    return "stay" if run.spec.loss == "frobenius" else "free"


def contradiction(run: FittedRun, edit: Edit) -> str:
    """Why this wish cannot be kept beside those in force, or names what is not there; "" when it can. Nothing is fitted."""
    model = run.guided
    if model is None:
        model = guide.first(run.factorization) if not run.spec.guidance else None
    if model is None:  # from a file: the refit says it
        return ""
    return against(model, edit, run.dataset.axes)


def against(model: Guided, edit: Edit, axes: Axes) -> str:
    """Why a model cannot keep this wish beside those in force; "" when it can."""
    m, n = len(model.result.W), model.result.H.shape[1]
    try:
        words, items = numbers(getattr(edit, "words", ()), axes.columns, n), numbers(getattr(edit, "items", ()), axes.rows, m)
        refuse_contradictions(model, edit, words, items, axes)
    except ProblemError as wrong:
        return str(wrong)
    return ""


def preview_key(run: FittedRun, edit: Edit, others: str) -> Hashable:
    """Names a preview."""
    return ("wish", run.key, Guidance((edit,), others).to_json())


def preview_work(run: FittedRun, edit: Edit, others: str, jobs: Jobs) -> Callable[[Job], Preview]:
    """The work of a job that refits a run under one more wish, and measures what it did."""

    def work(job: Job) -> Preview:
        data = run.dataset
        fits(job, data, run.rank + 1, loss=run.spec.loss, runs=3)
        model = model_of(run, job)
        job.say("Refitting")
        began = time.perf_counter()
        refit = guide.begin(data.X, model, edit, others=others, axes=data.axes)
        for _ in refit:
            job.check()
        after, seconds = refit.result(), time.perf_counter() - began
        job.say("Measuring what it cost")
        done = guide.effects(data.X, after, model, axes=data.axes)
        job.say("Measuring the floor")
        kept = wished(after, data, refit.run, *floor_of(data, after.result.rank, jobs))
        verdict = next(v for v in after.verdicts if v.number == len(after.guidance) - 1)
        return Preview(run, kept, verdict, done, seconds)

    return work


def model_of(run: FittedRun, job: Job) -> Guided:
    """The run as a model that can be steered; one from a file is made again from its base fit, wish by wish."""
    if run.guided is not None:
        return run.guided
    if not run.spec.guidance:
        return guide.first(run.factorization)
    job.say("Repeating its wishes")
    base = start(run.spec, run.dataset)
    for _ in base:
        job.check()
    model = guide.start_of(base.result(), run.spec.guidance)
    for edit in run.spec.guidance:
        job.check()
        model = guide.steer(run.dataset.X, model, edit, axes=run.dataset.axes)
    if not np.allclose(model.result.H, run.factorization.H, rtol=1e-3, atol=1e-6 * float(run.factorization.H.max())):
        raise ProblemError("Its wishes lead to another model here than the one in the file. Fit it again instead.")
    run.guided = replace(model, result=run.factorization)
    return run.guided


def model_work(run: FittedRun) -> Callable[[Job], Guided]:
    """The work of a job that finds out what the wishes of a run from a file ask."""
    return lambda job: model_of(run, job)


def drift(model: Guided) -> dict[int, float]:
    """1 - cosine of every topic of the first fit that is still there to what it was then, by id."""
    base = model.base or model.result
    return {t: max(0.0, 1 - cosine(model.result.H[model.at(t)], base.H[t])) for t in model.ids if t < base.rank}


# -- what wishes are called ------------------------------------------------------------------------------------------------------


def said(edit: Edit, axes: Axes, noun: str) -> str:
    """A wish in a few words, plain text from outside in it: "a topic about gun, weapon"."""
    words = _named(getattr(edit, "words", ()), axes.columns.label)
    items = f"{len(getattr(edit, 'items', ()))} {axes.rows.name}"
    if getattr(edit, "items", ()) and len(edit.items) == 1:  # type: ignore[attr-defined]
        items = _named(edit.items, axes.rows.label)  # type: ignore[attr-defined]
    match edit:
        case Seed(topic=None):
            return f"a {noun} about {words}" + _firmly(edit.how)
        case Seed():
            return f"{words} in {noun} {edit.topic + 1}" + _firmly(edit.how)  # type: ignore[operator]
        case Forbid(topic=None):
            return f"never {words}"
        case Forbid():
            return f"no {words} in {noun} {edit.topic + 1}"  # type: ignore[operator]
        case Move():
            return f"{words} from {noun} {edit.source + 1} to {edit.target + 1}"
        case Group():
            return f"{items} together" + _firmly(edit.how)
        case Remove():
            return f"{items} not in {noun} {edit.topic + 1}"
        case Split():
            return f"{noun} {edit.topic + 1} split"
        case Merge():
            return f"{noun}s {' and '.join(str(t + 1) for t in edit.topics)} merged"
        case Delete():
            return f"{noun} {edit.topic + 1} deleted"
        case Add():
            return f"a {noun} for what is unexplained"
        case Pin():
            return f"{noun} {edit.topic + 1} pinned"
        case Lift():
            return f"wish {edit.edit + 1} lifted"
    raise TypeError(f"{edit!r} is no wish that has a name.")


def _firmly(how: str) -> str:
    return "" if how == "firmly" else f", {how}"


def _named(names: tuple[int | str, ...], label: Callable[[int], str]) -> str:
    shown = [name if isinstance(name, str) else label(name) for name in names[:NAMED]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
