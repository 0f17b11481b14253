"""How is a run's specification said to a person: every part of it, without the marks of a programming language?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.data.prepare import STEPS
from nmfcore.solvers import make_solver

NAMED = 6  # entries of a list that are written out


def of_data(spec: RunSpec) -> dict[str, str]:
    """How the data was loaded and prepared, part by part."""
    found = {words(name): said(value) for name, value in spec.data_options.items()}
    found["preparation"] = "; ".join(map(step, spec.preparation)) or "none"
    return found | ({"fingerprint": spec.fingerprint[:16]} if spec.fingerprint else {})


def of_solver(spec: RunSpec) -> dict[str, str]:
    """The solver's parameters, also those that are as usual."""
    options = make_solver(spec.solver, spec.solver_options).options()
    return {words(name): said(value) for name, value in options.items()}


def of_problem(spec: RunSpec) -> dict[str, str]:
    """What is asked for besides a small loss."""
    found = {words(name): said(value) for name, value in spec.penalty.items()}
    return found | ({"symmetric": "X = SSᵀ"} if spec.symmetric else {})


def of_stop(stop: StopRule) -> dict[str, str]:
    """When a run ends."""
    rules = [f"the error falls by less than {stop.tol:g} per iteration"] if stop.tol else []
    rules += [f"the KKT residual is below {stop.kkt:g} of the start's"] if stop.kkt else []
    return {
        "stops when": ", or ".join(rules) or "a limit is reached",
        "iterations at most": f"{stop.max_iter:,}",
        "seconds at most": "no limit" if stop.max_seconds is None else f"{stop.max_seconds:g}",
    }


def step(given: Mapping[str, Any]) -> str:
    """One step of the preparation with its parameters: "Scale rows (norm l2)"."""
    key = str(given.get("step", ""))
    more = ", ".join(f"{words(name)} {said(value)}" for name, value in given.items() if name != "step")
    title = STEPS[key].title if key in STEPS else key
    return f"{title} ({more})" if more else title


def said(value: Any) -> str:
    """A value of a specification without the marks of a programming language."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{words(name)} {said(one)}" for name, one in value.items()) or "none"
    if isinstance(value, Iterable) and not isinstance(value, str):
        entries = [said(one) for one in value]
        more = len(entries) - NAMED
        return ", ".join(entries[:NAMED]) + (f" and {more:,} more" if more > 0 else "") or "none"
    return str(value)


def words(name: str) -> str:
    """A name of a program as words: "data_options" as "data options"."""
    return name.replace("_", " ")
