"""When does a run end? One rule for all solvers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nmfcore.core.factorization import Problem, Progress, StopReason
from nmfcore.core.spec import StopRule

WINDOW = 5  # iterations over which tol is averaged: one slow step among fast ones does not end a run
RISEN = 100.0  # times its lowest, and worse than no model at all: an error up here does not come back
EXACT = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-14}  # relative errors at which only rounding is left


@dataclass(frozen=True)
class Since:
    """Where the present loop began: its iteration, its seconds and the index of its first point."""

    iteration: int
    seconds: float
    point: int


def is_exact(problem: Problem, point: Progress) -> bool:
    """Whether nothing but rounding is left of X at this point."""
    return problem.plain_loss and point.relative_error <= EXACT[problem.dtype]


def has_settled(stop: StopRule, points: Sequence[Progress], size_at: Callable[[int], float], since: Since) -> StopReason | None:
    """Whether the last point meets the rule: its KKT residual, or the fall of its size per iteration over the last WINDOW.

    size_at : what tol is measured on, at the point with that number
    """
    now = points[-1]
    if stop.kkt > 0 and now.kkt is not None and now.kkt <= stop.kkt:
        return StopReason.KKT
    if not stop.tol > 0:
        return None
    back = len(points) - 2
    while back > since.point and now.iteration - points[back].iteration < WINDOW:
        back -= 1
    steps = now.iteration - points[back].iteration if back >= since.point else 0
    if steps < WINDOW:
        return None
    size = size_at(len(points) - 1)
    return StopReason.CONVERGED if abs(size_at(back) - size) <= stop.tol * steps * size else None  # nor has one that rises


def is_far_up(problem: Problem, points: Sequence[Progress], size_at: Callable[[int], float], since: Since) -> bool:
    """Whether a run is far above what it has been and above no model at all; for other losses than Frobenius, where the
    relative error may rise while the loss falls: above its start. `size_at` as in `has_settled`."""
    here = range(since.point, len(points))
    if problem.loss == "frobenius":
        return points[-1].relative_error > max(1.0, RISEN * min(points[k].relative_error for k in here))
    sizes = [size_at(k) for k in here]
    return sizes[-1] > max(sizes[0], RISEN * min(sizes))
