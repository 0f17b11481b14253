"""What is said about a start or a result beside its numbers?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nmfcore.core.factorization import Factors
from nmfcore.core.written import percent
from nmfcore.solvers.protocol import Solver


def locked_zeros(solver: Solver, start: Factors) -> list[str]:
    """One sentence about the zeros of a start that this solver can never change, or nothing."""
    locked = sum(int(np.count_nonzero(f == 0)) for f in (start.W, start.H)) if solver.locks_zeros else 0
    if not locked:
        return []
    share = locked / (start.W.size + start.H.size)
    return [
        f"{percent(share, 0)} of the start is zero, and {solver.title} can never change a zero: the loss stops higher. "
        "Start from nndsvda or random instead."
    ]


def dead_components(W: np.ndarray, H: np.ndarray) -> list[str]:
    """One sentence naming the components that are zero in W or H, or nothing.

    W : (m, r);  H : (r, n)
    """
    return nothing_explained([k for k in range(W.shape[1]) if not W[:, k].any() or not H[k].any()])


def nothing_explained(dead: Sequence[int]) -> list[str]:
    """The sentence about these components, by their places, or nothing."""
    if not dead:
        return []
    names = ", ".join(str(k + 1) for k in dead)
    claim = f"Components {names} became zero and explain" if len(dead) > 1 else f"Component {names} became zero and explains"
    return [f"{claim} nothing: a lower rank would do."]
