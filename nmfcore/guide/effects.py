"""What did one edit do beside what was asked: what did it cost, and what else did it move?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nmfcore.core.factorization import Axes, Factorization
from nmfcore.core.guidance import Delete, Edit, Guidance
from nmfcore.core.rules import cosine
from nmfcore.guide.plans import Before, Plan
from nmfcore.guide.standing import under
from nmfcore.guide.steer import Refit, begin, problem_of, stop_of, without_forbidden
from nmfcore.guide.verdicts import largest
from nmfcore.guide.wishes import Guided, first
from nmfcore.solvers import make_solver
from nmfcore.solvers.loop import Run
from nmfcore.solvers.protocol import Solver


@dataclass(frozen=True, eq=False)
class Effects:
    """What one edit did beside what was asked.

    before, now, unguided : relative errors of the model before, of the guided one, and of a refit from the same start at the same
        number of topics without the wish: under the earlier wishes only, the other topics free
    cost : (e^2 - e_unguided^2) / (1 - e_before^2): the part of what was explained that the wish costs; a share, no unit
    moved : 1 - cosine of every topic that nobody asked to change to what it was in the model before, by id
    drifted : the same against the first fit
    items : (i,) rows of X whose largest topic is another one than after a refit without the edit, rising
    left, joined : (i,) ids of those two topics, -1 for none
    """

    before: float
    now: float
    unguided: float
    cost: float
    moved: Mapping[int, float]
    drifted: Mapping[int, float]
    items: np.ndarray
    left: np.ndarray
    joined: np.ndarray


def effects(X: Any, guided: Guided, previous: Guided | Factorization, *, axes: Axes | None = None) -> Effects:
    """What the last edit of `guided` did to the model before it; two more refits.

    Parameters
    ----------
    X : (m, n) the data
    guided : the model after the edit
    previous : the model before it

    Largest topics are those with the largest energy, w_ik ||h_k||, which no scale convention changes.
    """
    axes = axes or Axes()
    before = previous if isinstance(previous, Guided) else first(previous)
    edit = guided.guidance.edits[-1]
    refit = begin(X, before, edit, others=guided.guidance.others, stop=stop_of(guided.guidance), axes=axes)
    free = _refitted(refit, guided.guidance)
    empty = _empty(X, before, guided.guidance, axes)
    e, e0, e1 = guided.result.relative_error, free.relative_error, before.result.relative_error
    touched = {*edit.topics_named, *_touched(guided, edit)}
    old = {t: before.result.H[before.at(t)] for t in before.ids}
    new = {t: guided.result.H[guided.at(t)] for t in guided.ids}
    base = guided.base or before.result
    return Effects(
        e1, e, e0, (e * e - e0 * e0) / max(1 - e1 * e1, np.finfo(float).tiny),
        {t: max(0.0, 1 - cosine(new[t], old[t])) for t in new if t in old and t not in touched},
        {t: max(0.0, 1 - cosine(new[t], base.H[t])) for t in new if t < base.rank},
        *_changed(guided, before.ids, empty),
    )  # fmt: skip


def _touched(guided: Guided, edit: Edit) -> Iterable[int]:
    """Ids of the topics that the last edit asks something of, beside those that it names."""
    last = guided.wishes[-1] if guided.wishes and guided.wishes[-1].edit is edit else None
    if last is None or isinstance(edit, Delete):
        return ()
    return tuple(last.facts["rest"]) if last.everywhere else last.topics


def _refitted(refit: Refit, guidance: Guidance) -> Factorization:
    """A refit from the same start under the earlier wishes alone."""
    run, plan = refit.run, refit.plan
    earlier = replace(
        plan, wishes=[wish for wish in plan.wishes if wish is not plan.wish], loose=tuple(plan.ids), held={}, kept=()
    )
    problem = under(run.problem, earlier, None, guidance)
    again = Run(problem, _plain(run.solver), refit.start, run.spec.replace(stop=stop_of(guidance)))
    for _ in again:
        pass
    return again.result()


def _plain(solver: Solver) -> Solver:
    """The solver without the sketch that only a cold start needs."""
    return replace(solver, sketch=False) if hasattr(solver, "sketch") else solver  # type: ignore[call-arg]


def _empty(X: Any, before: Guided, guidance: Guidance, axes: Axes) -> Factorization:
    """The model before, refitted under its own wishes and nothing new."""
    whole = problem_of(X, before, axes)
    scaled = before.result.factors.scaled(whole.scale**-0.5)
    none = np.zeros(0, np.intp)
    at = Before(whole, scaled.W, scaled.H, before, None, len(guidance), none, none, axes)
    plan = Plan(scaled.W, scaled.H, list(before.ids), wishes=list(before.wishes))
    problem, _ = without_forbidden(whole, plan.wishes, axes)
    spec = before.result.spec
    solver = _plain(make_solver(spec.solver, spec.solver_options))
    run = Run(
        under(problem, plan, at, guidance),
        solver,
        before.result.factors,
        spec.replace(stop=stop_of(guidance)),
    )
    for _ in run:
        pass
    return run.result()


def _changed(guided: Guided, ids: tuple[int, ...], empty: Factorization) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of X whose largest topic has another id than after the empty refit, and both ids; -1 for none."""
    after, without = (
        np.append(np.array(names), -1)[largest(fit.W, fit.H)] for fit, names in ((guided.result, guided.ids), (empty, ids))
    )
    items = np.flatnonzero(after != without)
    return items, without[items], after[items]
