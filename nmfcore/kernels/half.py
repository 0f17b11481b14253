"""What is half an iteration of HALS, and what does whoever carries it out offer?

Notation: A is X or its transpose, (m, n); F (m, r) is the factor being updated, `other` (n, r) the fixed one, P = A other and
G = other^T other. Half an iteration is sweeps over the components of F, then one step ahead:

    new = argmin over F >= 0 of 1/2 <F, G F> - <P, F> + penalty, approached      ahead = max(0, new + beta (new - previous))

Source: Cichocki & Phan 2009, algorithm 2; the step ahead: Ang & Gillis 2019, algorithm 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nmfcore.core.factorization import Matrix


@dataclass(frozen=True, eq=False)
class LowRank:
    """Y B (m, n) as its two factors, Y (m, l) and B (l, n): what solvers multiply with in place of X."""

    Y: np.ndarray
    B: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return (self.Y.shape[0], self.B.shape[1])

    @property
    def T(self) -> LowRank:
        return LowRank(self.B.T, self.Y.T)

    def __matmul__(self, other: np.ndarray) -> np.ndarray:
        return self.Y @ (self.B @ other)


@dataclass(frozen=True, slots=True, eq=False)
class Pace:
    """How half an iteration of several starts goes: the step ahead of each (starts,), passes over the components, penalties."""

    betas: np.ndarray
    sweeps: int
    l1: float = 0.0
    l2: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """Half an iteration of one start, or of several whose factors stand side by side: what is moved, from where, and how.

    G : (starts, r, r), of the fixed factor of each
    start, previous : the factor where the sweeps begin, and the one from which the step ahead is measured; as the engine lays out
    grams : (starts, r, r) those of `start`, where the value is wanted (the compiled loop needs them); else None
    """

    G: np.ndarray
    start: np.ndarray
    previous: np.ndarray
    pace: Pace
    grams: np.ndarray | None = None

    def values(self, gained: np.ndarray) -> np.ndarray:
        """1/2 <new, G new> - <P, new> of every start (starts,), from its value before and what was gained; or NaN."""
        if self.grams is None:
            return np.full(len(self.G), np.nan)
        return np.array([0.5 * float(np.sum(a * b)) for a, b in zip(self.G, self.grams, strict=True)]) - gained


class Engine(Protocol):
    """Holds factors in the layout its loops want; `inside` and `outside` translate from and to (m, r)."""

    dtype: np.dtype

    def inside(self, F: np.ndarray) -> np.ndarray:
        """The factor (m, r) in the engine's own layout and dtype, always a copy."""
        ...

    def outside(self, F: np.ndarray) -> np.ndarray:
        """The factor as (m, r), a view where possible."""
        ...

    def gram(self, F: np.ndarray) -> np.ndarray:
        """F^T F (r, r) in float64; of float32 factors exact only if the engine is."""
        ...

    def grams(self, F: np.ndarray, places: Sequence[int]) -> np.ndarray:
        """`gram` of the starts at these places of those side by side, (places, r, r)."""
        ...

    def beside(self, factors: Sequence[np.ndarray]) -> np.ndarray:
        """The same factor of several starts side by side, a copy; each is in the engine's layout, or a part by `one`."""
        ...

    def one(self, F: np.ndarray, place: int) -> np.ndarray:
        """The factor of the start at that place among those side by side, a view; `gram` and `outside` take it."""
        ...

    def half(
        self, A: Matrix, other: np.ndarray, task: Half, At: Matrix | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Half an iteration; A is read once for all starts, and every start gets the bits that it gets alone.

        At : the transpose of A where it is at hand; an engine may make the product from it, with the same bits

        Returns new = sweeps(start; P - l1, G + l2 I), ahead = max(0, new + beta (new - previous)) (the same array when every beta
        is 0), and of each start the value 1/2 <new, G new> - <P, new> in float64, without the penalty (starts,): only if the
        task has `grams`, else NaN.
        """
        ...

    def settle(self, P: np.ndarray, task: Half) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`half` with the product P = A other given, in the engine's layout."""
        ...

    def both(
        self, A: Matrix, other: np.ndarray, task: Half, alive: Callable[[], None] = lambda: None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`half` of one start, and A^T ahead for the other half of the iteration while the rows of A are in the cache.

        Returns new, ahead and A^T ahead in the engine's layout. One thread: whoever has many blocks works on several at once.
        alive : called every few milliseconds; what it raises ends the work
        """
        ...

    def cross(self, A: Matrix, other: np.ndarray, F: np.ndarray) -> float:
        """<A other, F> in float64."""
        ...


def ahead(new: np.ndarray, previous: np.ndarray, beta: float, keep: float = 0.0) -> np.ndarray:
    """max(keep new, new + beta (new - previous)): one step on in the direction just moved; `new` itself when beta is 0."""
    if not beta:
        return new
    step = new - previous
    step *= new.dtype.type(beta)
    step += new
    return np.maximum(step, new * new.dtype.type(keep) if keep else 0, out=step)


def outer(A: Matrix, others: list[np.ndarray]) -> tuple[Matrix, list[np.ndarray]]:
    """The same products A other with a plain left side: for A = Y B that is Y (B other), whose rows can be taken apart.

    A : (m, n) array or `LowRank`;  others : (n, r) each
    """
    return (A.Y, [A.B @ other for other in others]) if isinstance(A, LowRank) else (A, others)
