"""Which solvers are there? One line each; registering a solver here puts it into the contract tests, the picker,
the race and the benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from nmfcore.solvers.gd import GradientDescent
from nmfcore.solvers.hals import HALS
from nmfcore.solvers.mu import MultiplicativeUpdates
from nmfcore.solvers.pg import ProjectedGradient
from nmfcore.solvers.protocol import Solver, Supports

SOLVERS: dict[str, type[Solver]] = {
    "hals": HALS,
    "mu": MultiplicativeUpdates,
    "pg": ProjectedGradient,
    "gd": GradientDescent,
}


def make_solver(key: str, options: Mapping[str, Any] | None = None) -> Solver:
    """The solver of that key with these parameters.

    Raises
    ------
    ValueError
        If the key or a parameter is unknown; the message lists the known ones.
    """
    if key not in SOLVERS:
        raise ValueError(f"Unknown solver {key!r}. Known: {', '.join(sorted(SOLVERS))}.")
    kind = SOLVERS[key]
    known = [f.name for f in fields(kind)]
    unknown = sorted(set(options or {}) - set(known))
    if unknown:
        raise ValueError(f"{kind.title} has no parameter {', '.join(unknown)}. It has: {', '.join(known) or 'none'}.")
    return kind(**(options or {}))


__all__ = ["SOLVERS", "Solver", "Supports", "make_solver"]
