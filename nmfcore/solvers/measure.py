"""How good are these factors? The loss in the caller's units, the relative error, and the size that tol is measured on."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np

from nmfcore.core.factorization import Factors, Problem, Progress, beta_of
from nmfcore.core.losses import CANCELS, inner, loss, penalty, squared_error
from nmfcore.core.units import times_power_of_two
from nmfcore.kernels.engines import compiled, multiply

NOISE = 1e-4  # of the loss: what lies further below the exact one is no rounding of float32


def measured(
    problem: Problem, factors: Factors, known: float | None = None, cross: float | None = None
) -> tuple[float, float, float]:
    """The loss, in the caller's units, the relative error, and the size that tol is measured on, of some factors.

    The size is the relative error; for other losses and penalised ones the square root of the loss, which scales alike.

    known, cross : the loss and <X, WH>, where a step has them already
    """
    norm2 = problem.squared_norm
    with np.errstate(all="ignore"):
        if problem.loss == "frobenius":
            extra = penalty(problem, factors)
            half = None if known is None else known - extra
            if half is None or half < norm2 * 0.5 * CANCELS[factors.W.dtype] ** 2:
                half = 0.5 * squared_error(problem, factors, cross)
            value, square = half + extra, 2.0 * half
        else:
            square = squared_error(problem, factors, cross)
            value = loss(problem, factors) if known is None else known
        error = math.sqrt(square / norm2) if norm2 > 0 else float(square > 0)
    plain = problem.loss == "frobenius" and problem.plain_loss
    return in_units(problem.loss, problem.scale, value), error, error if plain else math.sqrt(max(value, 0.0))


def in_units(loss: str, scale: float, value: float) -> float:
    """A loss in the caller's units, D_beta(aX | aWH) = a^beta D_beta(X | WH).

    Where it leaves the floats, which no data that were let in and no sensible factors make it do, the nearest one.
    """
    if not math.isfinite(value) or scale == 1.0:
        return value
    return min(times_power_of_two(value, beta_of(loss) * math.log2(scale)), sys.float_info.max)


def exact_points(
    problem: Problem, factors: Factors, points: list[Progress], *, monotone: bool
) -> tuple[list[Progress], float | None]:
    """The points with the last one computed once more, in float64 from its factors, and its size; None where it is no number.

    On its way a run may work in float32, whose losses are off by about 1e-7 ||X||^2: enough to fall below the SVD's. Where
    the loss cannot have risen, what was recorded before and is lower than the last loss was too low, and is raised to it.
    """
    double = factors.in_double
    value, error, size = measured(problem, double, cross=_cross(problem, double))
    if not (math.isfinite(value) and math.isfinite(error)):
        return points, None
    points = [*points[:-1], replace(points[-1], loss=value, relative_error=error)]
    alike = problem.loss == "frobenius" and problem.plain_loss
    noise = NOISE * max(value, points[0].loss)
    for k in range(len(points) - 2, -1, -1):
        below = value - points[k].loss
        if monotone and abs(below) > noise:  # so far above the last one, none before it is below
            break
        if 0 < below <= noise:
            points[k] = replace(points[k], loss=value, relative_error=error if alike else points[k].relative_error)
    return points, size


def _cross(problem: Problem, factors: Factors) -> float | None:
    """<X, WH> in float64 where the compiled product computes it: in half the time, and leaving the interpreter to others."""
    p = problem
    if compiled() is None or not p.sparse or p.mask is not None or p.loss != "frobenius" or p.dtype != np.float64:
        return None
    return inner(multiply(p.X, np.ascontiguousarray(factors.H.T)), factors.W)
