"""Where does a run start? Seed in, factors out; the global random state is never touched."""

from __future__ import annotations

from typing import Any

import numpy as np

from nmfcore.checks import ProblemError, check_start
from nmfcore.factorization import Factors, Problem


def random(problem: Problem, rng: np.random.Generator) -> Factors:
    """|normal| entries scaled by sqrt(mean(X) / r), so that WH has about the mean of X."""
    m, n = problem.shape
    mean = float(problem.X.sum(dtype=np.float64)) / (m * n)
    level = np.sqrt(mean / problem.rank)
    W = level * np.abs(rng.standard_normal((m, problem.rank)))
    H = level * np.abs(rng.standard_normal((problem.rank, n)))
    return Factors(W.astype(problem.dtype), H.astype(problem.dtype))


INITS = {"random": random, "nndsvda": random}


def start(problem: Problem, init: str, seed: int, *, W: Any = None, H: Any = None) -> Factors:
    """The start of that name for the problem, in the caller's units (X's own, before scaling).

    Raises
    ------
    ProblemError
        If the name is unknown, or "given" without W and H.
    """
    if init == "given":
        if W is None or H is None:
            raise ProblemError("The start 'given' needs both W and H.")
        return check_start(problem, W, H)
    if init not in INITS:
        raise ProblemError(f"Unknown start {init!r}. Known: {', '.join([*INITS, 'given'])}.")
    return INITS[init](problem, np.random.default_rng(seed)).scaled(problem.scale**0.5)
