"""In which units is X worked on, and is its loss a number in its own?

Solvers get X / 4^p, whose largest entry is near 1, so that nothing over- or underflows, and W and H come back times 2^p, exactly.
D_beta(aX | aWH) = a^beta D_beta(X | WH): in extreme units that is no float, and a curve of it would show nothing.
"""

from __future__ import annotations

import math
import sys

import numpy as np
import scipy.sparse as sp

from nmfcore.core.errors import ProblemError
from nmfcore.core.factorization import Matrix, Penalty, beta_of

LARGEST, SMALLEST = 2.0**20, 2.0**-20  # inside this range nothing in the solvers over- or underflows: X is used as it is
LARGEST_WEIGHT = 2.0**100  # of a penalty on data whose largest entry is near 1: nothing is left of a factor far below it


def refuse_units(loss: str, scale: float, size: float) -> None:
    """Raise where a loss of this size, in the units of X / scale, is no float in those of X.

    loss : its name;  size : of the loss of knowing nothing, 1/2 ||X||^2 or the sum of x^beta

    Raises
    ------
    ProblemError
        If it is too large or too small; the way out are other units.
    """
    beta = beta_of(loss)
    value = times_power_of_two(size, beta * math.log2(scale))
    if size and not sys.float_info.min <= value < math.inf:
        how = "small" if value < 1 else "large"
        raise ProblemError(
            f"The entries of X are about {scale:.0e}, and their loss (beta = {beta:g}) in these units is too {how} for a "
            "floating-point number. Divide X by its largest entry first: the topics are the same."
        )


def in_range(matrix: Matrix) -> tuple[Matrix, int]:
    """X / 4^p and p, where 4^p is nearest to the largest entry of X when that is extreme: nothing over- or underflows then.

    X itself and 0 otherwise, which is nearly always; the division is exact, and makes a copy.
    """
    power = power_of_four(matrix)
    return (_matrix_times(matrix, -2 * power), power) if power else (matrix, 0)


def power_of_four(matrix: Matrix) -> int:
    """p of X (m, n) such that 4^p is nearest to the largest entry when that is extreme, else 0."""
    values = matrix.data if sp.issparse(matrix) else matrix
    top = float(values.max()) if values.size else 0.0
    if top == 0.0 or SMALLEST <= top <= LARGEST:
        return 0
    return min(round(np.log2(top) / 2), 511)  # 4^512 is no float


def _matrix_times(matrix: Matrix, exponent: int) -> Matrix:
    """matrix * 2^exponent, also where 2^exponent itself is no finite number of the dtype (subnormal data)."""
    with np.errstate(under="ignore"):
        if sp.issparse(matrix):
            return sp.csr_array((np.ldexp(matrix.data, exponent), matrix.indices, matrix.indptr), shape=matrix.shape)
        return np.ldexp(matrix, exponent)


def scaled_penalty(penalty: Penalty | None, beta: float, power: int) -> Penalty | None:
    """The penalty of the problem X / s with factors W / sqrt(s) and H / sqrt(s), s = 4^power; its loss is that of X / s^beta."""
    if not penalty or not power:
        return penalty
    l1, l2 = power * (1.0 - 2.0 * beta), power * (2.0 - 2.0 * beta)
    weights = ((penalty.l1_W, l1), (penalty.l1_H, l1), (penalty.l2_W, l2), (penalty.l2_H, l2))
    return Penalty(*(min(times_power_of_two(weight, exponent), LARGEST_WEIGHT) for weight, exponent in weights))


def times_power_of_two(value: float, exponent: float) -> float:
    """value * 2^exponent, also where 2^exponent itself is no float; infinite or 0 only where the product is."""
    whole = math.floor(exponent)
    try:
        return math.ldexp(value * 2.0 ** (exponent - whole), whole)
    except OverflowError:
        return math.copysign(math.inf, value)
