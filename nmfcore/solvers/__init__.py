"""Which solvers are there? One line each; registering a solver here puts it into the contract tests, the picker,
the race and the benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from nmfcore.core.checks import ProblemError
from nmfcore.solvers.anls import BlockPivoting
from nmfcore.solvers.gd import GradientDescent
from nmfcore.solvers.hals import HALS
from nmfcore.solvers.kl import NewtonKL
from nmfcore.solvers.masked import MaskedHALS, MaskedUpdates
from nmfcore.solvers.minibatch import MiniBatch
from nmfcore.solvers.mu import MultiplicativeUpdates
from nmfcore.solvers.pg import ProjectedGradient
from nmfcore.solvers.protocol import Solver, Supports
from nmfcore.solvers.sgd import StochasticGradient
from nmfcore.solvers.symmetric import SymmetricDescent, SymmetricUpdates

SOLVERS: dict[str, type[Solver]] = {
    "hals": HALS,
    "kl-newton": NewtonKL,
    "mu": MultiplicativeUpdates,
    "anls-bpp": BlockPivoting,
    "pg": ProjectedGradient,
    "gd": GradientDescent,
    "sgd": StochasticGradient,
    "minibatch": MiniBatch,
    "masked": MaskedUpdates,
    "masked-hals": MaskedHALS,
    "symmetric": SymmetricUpdates,
    "symmetric-cd": SymmetricDescent,
}


def make_solver(key: str, options: Mapping[str, Any] | None = None) -> Solver:
    """The solver of that key with these parameters.

    Raises
    ------
    ProblemError
        If the key or a parameter is unknown (the message lists the known ones), or a value is not allowed.
    """
    if not isinstance(key, str) or key not in SOLVERS:
        raise ProblemError(f"Unknown solver {key!r}. Known: {', '.join(sorted(SOLVERS))}.")
    if not isinstance(options, (Mapping, type(None))):
        raise ProblemError(f"The options of a solver are a mapping of names to values, not {options!r}.")
    kind = SOLVERS[key]
    known = [f.name for f in fields(kind)]
    unknown = sorted(str(name) for name in set(options or {}) - set(known))
    if unknown:
        raise ProblemError(f"{kind.title} has no parameter {', '.join(unknown)}. It has: {', '.join(known) or 'none'}.")
    return kind(**(options or {}))


__all__ = ["SOLVERS", "Solver", "Supports", "make_solver"]
