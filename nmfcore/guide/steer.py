"""How does a model follow a person's wishes, and did it?

Each edit (nmfcore/core/guidance.py) is one warm refit of the model before it under rules (nmfcore/core/rules.py). The rules of
earlier edits stay in force until they are lifted, or until their topic is split, merged or deleted. Other topics keep a cosine of
0.95 to what they were ("stay"), unless asked to be still or free. Nothing here draws a random number: the base fit's
specification and the edits determine the result.

    steer(X, previous, edit)            one refit
    begin(X, previous, edit)            the same, to be watched and stopped
    replay(X, base, guidance)           all refits of a guidance
    effects(X, previous, guided)        what the last edit cost and what else it moved

New topics get a start of their own and ten iterations alone, the others standing still; then all topics move.

Sources: the verbs, Choo, Lee, Reddy & Park 2013; seed words, Vendrow et al. 2020; whether refinements do what users expect, Kumar
et al. 2019 (their "control": the verdicts here are our own tests).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError, as_problem, check_rank
from nmfcore.core.factorization import Axes, Axis, Factorization, Factors, Penalty, Problem, Progress, StopReason
from nmfcore.core.guidance import Edit, Guidance
from nmfcore.core.keeping import Rules
from nmfcore.core.rules import Fixed, Rule, Zero
from nmfcore.core.spec import StopRule
from nmfcore.core.threads import one_blas_thread
from nmfcore.guide.contradictions import refuse_contradictions
from nmfcore.guide.plans import PLANS, Before, Plan
from nmfcore.guide.standing import named, own_rules, surviving, under
from nmfcore.guide.verdicts import verdict
from nmfcore.guide.wishes import Guided, Wish, first
from nmfcore.kernels.ruled import product, sweep_under
from nmfcore.solvers import make_solver
from nmfcore.solvers.asked import refuse as refuse_solver
from nmfcore.solvers.loop import Run
from nmfcore.solvers.protocol import Solver
from nmfcore.solvers.remarks import dead_components

ALONE = 10  # iterations of new topics before the others move

_PROBE = Rules(H={0: (Zero(np.zeros(0, np.intp)),)})  # the mildest rule: whether a solver keeps any


def refuse(problem: Problem, solver: Solver) -> None:
    """Raise the sentence that says why this solver cannot keep wishes on this problem, and which can.

    Raises
    ------
    ProblemError
    """
    refuse_solver(problem.under(_PROBE, problem.rank), solver)


def steer(
    X: Any,
    previous: Guided | Factorization,
    edit: Edit,
    *,
    others: str | None = None,
    stop: StopRule | None = None,
    axes: Axes | None = None,
) -> Guided:
    """One warm refit of a model under one more wish.

    Parameters
    ----------
    X : (m, n) the data of the previous model
    previous : the model before, or a base fit
    edit : the wish
    others : "stay", "still" or "free", see `Guidance`; chosen with the first edit and the same for all of a guidance
    stop : tol and max_iter of the refit, likewise; a clock cannot be repeated and is not kept
    axes : the labels that words and items are named by

    Raises
    ------
    ProblemError
        If the wish contradicts another one (the sentence names it), names what is not there, or the solver cannot keep wishes.
    """
    refit = begin(X, previous, edit, others=others, stop=stop, axes=axes)
    for _ in refit:
        pass
    return refit.result()


def replay(X: Any, base: Factorization, guidance: Guidance, *, axes: Axes | None = None) -> Guided:
    """All refits of a guidance, one after the other, from its base fit: equal to the chain of `steer` to the last bit.

    X : (m, n) array or CSR
    """
    guided = start_of(base, guidance)
    for edit in guidance:
        guided = steer(X, guided, edit, axes=axes)
    return guided


def start_of(base: Factorization, guidance: Guidance) -> Guided:
    """The base fit, with what a guidance says about all of its refits."""
    return replace(first(base), guidance=guidance.first(0))


class Refit:
    """A refit under way: iterate over it, leave or `cancel()` it as a `Run`; once it is over, `result()` is the new model."""

    def __init__(
        self, previous: Guided, guidance: Guidance, plan: Plan, run: Run, start: Factors, axes: Axes, warnings: tuple[str, ...]
    ) -> None:
        self.previous, self.guidance, self.plan, self.run, self.start = previous, guidance, plan, run, start
        self._axes, self._warnings = axes, warnings

    def __iter__(self) -> Iterator[Progress]:
        return iter(self.run)

    def cancel(self) -> None:
        self.run.cancel()

    def result(self) -> Guided:
        """The new model.

        Raises
        ------
        ProblemError
            If the refit was stopped half-way: nothing could repeat that.
        """
        fit = self.run.result()
        if fit.stopped is StopReason.CANCELLED:
            raise ProblemError("The refit was stopped half-way. The model before it stays as it is.")
        plan, previous = self.plan, self.previous
        W, H, ids = named(plan, fit)
        fit = replace(fit, W=W, H=H, warnings=(*self._warnings, *dead_components(W, H)))
        number = len(self.guidance) - 1
        gone = {wish.number for wish in previous.wishes} - {wish.number for wish in plan.wishes}
        ended = {**previous.ended, **dict.fromkeys(gone, number)}
        guided = Guided(fit, ids, self.guidance, (), tuple(plan.wishes), ended, previous.base)
        shown = [*plan.wishes] if plan.wish is None or plan.wish in plan.wishes else [*plan.wishes, plan.wish]
        verdicts = tuple(verdict(wish, guided, self.run.problem.X, self._axes) for wish in shown)
        return replace(guided, verdicts=verdicts)


def begin(
    X: Any,
    previous: Guided | Factorization,
    edit: Edit,
    *,
    others: str | None = None,
    stop: StopRule | None = None,
    axes: Axes | None = None,
) -> Refit:
    """The refit of `steer`, not yet begun; the parameters are those of `steer`.

    X : (m, n) array or CSR

    Raises
    ------
    ProblemError
        As `steer` does.
    """
    before = previous if isinstance(previous, Guided) else first(previous)
    guidance = _joined(before.guidance, edit, others, stop)
    axes = axes or Axes()
    spec, solver = before.result.spec, make_solver(before.result.spec.solver, before.result.spec.solver_options)
    whole = problem_of(X, before, axes)
    refuse(whole, solver)
    words = numbers(getattr(edit, "words", ()), axes.columns, whole.shape[1])
    items = numbers(getattr(edit, "items", ()), axes.rows, whole.shape[0])
    refuse_contradictions(before, edit, words, items, axes)
    scaled = before.result.factors.scaled(whole.scale**-0.5)
    at = Before(whole, scaled.W, scaled.H, before, edit, len(guidance) - 1, words, items, axes)
    plan = PLANS[type(edit)](at)
    plan.wishes = surviving(before.wishes, plan)
    if plan.wish is not None and (plan.wish.rows or plan.wish.columns or plan.wish.everywhere):
        plan.wishes.append(plan.wish)
    problem, warnings = without_forbidden(whole, plan.wishes, axes)
    rank = check_rank(len(plan.ids), problem.shape)
    if plan.new:
        with one_blas_thread():
            _alone(problem.under(None, rank), solver, plan, at)
    problem = under(problem, plan, at, guidance)
    refuse_solver(problem, solver)
    spec, start = spec.replace(guidance=guidance), Factors(plan.W, plan.H).scaled(problem.scale**0.5)
    run = Run(problem, solver, start, spec.replace(stop=stop_of(guidance)))
    run.spec = spec  # on the result stands the stop rule of the base fit
    return Refit(before, guidance, plan, run, start, axes, warnings)


def _joined(guidance: Guidance, edit: Edit, others: str | None, stop: StopRule | None) -> Guidance:
    """The guidance with one more edit; how refits go is decided once."""
    wanted = replace(
        guidance,
        others=guidance.others if others is None else others,
        tol=guidance.tol if stop is None else stop.tol,
        max_iter=guidance.max_iter if stop is None else stop.max_iter,
    )
    if guidance.edits and wanted != guidance:
        raise ProblemError(
            f"This guidance began with others='{guidance.others}' and its own stop rule; both hold for all its refits."
        )
    return wanted.plus(edit)


def stop_of(guidance: Guidance) -> StopRule:
    """The stop rule of its refits."""
    return StopRule(tol=guidance.tol, max_iter=guidance.max_iter, max_seconds=None)


def problem_of(X: Any, before: Guided, axes: Axes) -> Problem:
    """X (m, n), checked, as the base fit's problem.

    Raises
    ------
    ProblemError
        If X cannot be used, or the model is one of data of another shape.
    """
    spec = before.result.spec
    rank = min(before.result.rank, *np.shape(X))
    problem = as_problem(X, rank, loss=spec.loss, symmetric=spec.symmetric, penalty=Penalty(**spec.penalty), axes=axes)
    shape = (len(before.result.W), before.result.H.shape[1])
    if problem.shape != shape:
        raise ProblemError(f"The model belongs to data of {shape[0]} × {shape[1]}, not {problem.shape[0]} × {problem.shape[1]}.")
    return problem


def numbers(names: Iterable[int | str], axis: Axis, count: int) -> np.ndarray:
    """Words or items as columns or rows of X."""
    names = tuple(names)
    labels: dict[str, int] = {}
    if any(isinstance(name, str) for name in names):
        if axis.labels is None:
            raise ProblemError(f"The {axis.name} of this data have no labels; name a {axis.singular} by its number (from 0).")
        wanted = {name for name in names if isinstance(name, str)}
        for i in range(count - 1, -1, -1):  # of equal labels the first one counts
            if str(axis.labels[i]) in wanted:
                labels[str(axis.labels[i])] = i
    found = []
    for name in names:
        if isinstance(name, str) and name not in labels:
            raise ProblemError(f"There is no {axis.singular} '{name[:60]}' in this data.")
        if not isinstance(name, str) and name >= count:
            raise ProblemError(f"There is no {axis.singular} {name + 1}: the data has {count:,} {axis.name}.")
        found.append(labels[name] if isinstance(name, str) else int(name))
    return np.array(list(dict.fromkeys(found)), np.intp)


def without_forbidden(problem: Problem, wishes: list[Wish], axes: Axes) -> tuple[Problem, tuple[str, ...]]:
    """For Kullback-Leibler, X without the words forbidden everywhere: a word that no topic may have makes its loss infinite."""
    gone = [wish.words for wish in wishes if wish.everywhere]
    if problem.loss == "frobenius" or not gone:
        return problem, ()
    columns = np.unique(np.concatenate(gone))
    keep = np.ones(problem.shape[1], problem.dtype)
    keep[columns] = 0
    if problem.sparse:
        X = sp.csr_array(problem.X.multiply(keep[None, :]))
        X.eliminate_zeros()
        X.sort_indices()
    else:
        X = problem.X * keep
    named = ", ".join(f"'{label}'" for label in axes.columns.take(columns[:5]))
    told = f"Left out of the data, since no topic may have them and their loss would be infinite: {named}"
    return replace(problem, X=X), (told + (f" and {len(columns) - 5} more." if len(columns) > 5 else "."),)


def _alone(problem: Problem, solver: Solver, plan: Plan, at: Before) -> None:
    """Ten iterations of the new topics, the others standing still: plain HALS on what the others leave of X.

    P_new = X H_new^T - W_other (H_other H_new^T), so that the residual is never formed. Of a symmetric problem and under
    Kullback-Leibler the solver's own steps, with all others fixed.
    """
    rows, columns = own_rules(plan)
    new = [plan.ids.index(topic) for topic in plan.new]
    rest = [k for k in range(len(plan.ids)) if k not in new]
    if at.symmetric or not at.euclidean:
        held: dict[int, list[Rule]] = {k: [Fixed()] for k in rest}
        freed = {k: rows[plan.ids[k]] for k in new if rows[plan.ids[k]]}
        rules = Rules({**held, **freed}, held)
        _steps(problem.under(rules.mirrored if at.symmetric else rules, problem.rank), solver, plan)
        return
    rules = Rules(
        {i: rows[plan.ids[k]] for i, k in enumerate(new) if rows[plan.ids[k]]},
        {i: columns[plan.ids[k]] for i, k in enumerate(new) if columns[plan.ids[k]]},
    )
    X = problem.working
    W_rest, H_rest = plan.W[:, rest].astype(X.dtype), plan.H[rest].astype(X.dtype)
    W, H = rules.allowed(plan.W[:, new].astype(X.dtype), plan.H[new].astype(X.dtype))
    W, H = np.array(W.T, order="C"), np.array(H, order="C")  # (k, m), (k, n)
    for _ in range(ALONE):
        P = product(X.X, H) - (H @ H_rest.T) @ W_rest.T
        sweep_under(W, P, _gram(H), 1, rules.columns, W.copy())
        P = product(X.Xt, W) - (W @ W_rest) @ H_rest
        sweep_under(H, P, _gram(W), 1, rules.rows, H.copy())
    plan.W, plan.H = plan.W.copy(), plan.H.copy()
    plan.W[:, new], plan.H[new] = W.T, H


def _steps(problem: Problem, solver: Solver, plan: Plan) -> None:
    """Ten of the solver's own steps from the plan's start, moved to where the rules allow it."""
    refuse_solver(problem, solver)
    factors = Factors(*(problem.rules.allowed(plan.W, plan.H) if problem.rules else (plan.W, plan.H)))
    memory = solver.start(problem, factors, np.random.default_rng(0))
    for _ in range(ALONE):
        factors, memory = solver.step(problem, factors, memory)
    plan.W, plan.H = factors.W, factors.H


def _gram(F: np.ndarray) -> np.ndarray:
    wide = F.astype(np.float64)
    return wide @ wide.T
