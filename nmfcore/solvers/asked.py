"""What was asked for? From a caller's arguments, or a specification, to the one that is in force and the solver that obeys it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nmfcore.core.errors import ProblemError
from nmfcore.core.factorization import Penalty, Problem, beta_of
from nmfcore.core.spec import RunSpec, StopRule, usual_start
from nmfcore.core.units import refuse_units
from nmfcore.solvers import SOLVERS, make_solver
from nmfcore.solvers.protocol import Solver


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller says about a run, as `solve` takes it; None where nothing was said.

    spec : a specification in place of the others, which may repeat what it says
    """

    rank: int | None = None
    solver: str | Solver | None = None
    solver_options: Mapping[str, Any] | None = None
    init: str | None = None
    seed: int | None = None
    loss: str | None = None
    stop: StopRule | None = None
    symmetric: bool | None = None
    penalty: Penalty | None = None
    spec: RunSpec | None = None

    def chosen(self) -> Solver:
        """The solver that the arguments and the specification name.

        Raises
        ------
        ProblemError
            If they contradict each other.
        """
        spec, solver, options = self.spec, self.solver, self.solver_options
        if isinstance(solver, Solver):
            if options:
                raise ProblemError("A solver object has its own parameters: give solver_options with a key, or neither.")
            chosen = solver
        elif spec is None:
            return make_solver(solver if solver is not None else RunSpec().solver, options)
        else:
            chosen = make_solver(
                solver if solver is not None else spec.solver, options if options is not None else spec.solver_options
            )
        if spec is not None:
            _agree("solver", chosen.key, spec.solver)
            _agree("solver_options", chosen.options(), {**type(chosen)().options(), **spec.solver_options})
        return chosen

    def specification(self, solver: Solver, *, given: bool = False) -> RunSpec:
        """The specification of a run: the one that is given, whole, or one made of the arguments.

        given : W or H is given as the start

        Raises
        ------
        ProblemError
            If the specification and an argument say different things.
        """
        if self.penalty is not None and not isinstance(self.penalty, Penalty):
            raise ProblemError(f"A penalty is written as Penalty(l1_H=0.1), not {self.penalty!r}.")
        said = {name: getattr(self, name) for name in ("rank", "init", "seed", "loss", "stop", "symmetric", "penalty")}
        if given:
            said["init"] = "given"
        if self.penalty is not None:
            said["penalty"] = dict(vars(self.penalty))
        named: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
        if self.spec is not None:
            asked = self.spec.replace(**named)  # makes both sides plain
            for name in named:
                _agree(name, getattr(asked, name), getattr(self.spec, name))
            return self.spec
        if self.rank is None:
            raise ProblemError("The rank is missing: say how many components W and H have, for example solve(X, 6).")
        named.setdefault("init", usual_start(self.loss or "frobenius", keeps_zeros=solver.locks_zeros))
        named.setdefault("stop", StopRule(tol=solver.tol))
        return RunSpec(solver=solver.key, solver_options=solver.options(), **named)


def refuse(problem: Problem, solver: Solver) -> None:
    """Raise the sentence that says why this solver cannot run this problem and which can, or why none can.

    Raises
    ------
    ProblemError
    """
    why = solver.refusal(problem)
    if why is None:
        if problem.scale != 1.0:  # one pass over X, which nearly no data need
            refuse_units(problem.loss, problem.scale, _of_nothing(problem))
        return
    able = [key for key, kind in SOLVERS.items() if kind().refusal(problem) is None]
    raise ProblemError(f"{why} Solvers that can: {', '.join(able) or 'none here'}.")


def _of_nothing(problem: Problem) -> float:
    """The size of the loss of knowing nothing: 1/2 ||X||^2 or the sum of x^beta, in the problem's units."""
    beta = beta_of(problem.loss)
    if beta == 2:
        return 0.5 * problem.squared_norm
    values = (problem.X.data if problem.sparse else problem.X).astype(np.float64)
    return float(np.sum(np.power(values, beta, where=values > 0, out=np.zeros_like(values))))


def _agree(name: str, argument: Any, specified: Any) -> None:
    if argument != specified:
        raise ProblemError(f"The specification says {name} = {specified!r}, the argument {argument!r}. Give one of the two.")
