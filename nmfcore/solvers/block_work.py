"""What is done to one block in one pass over X?

An `Order` says it, `work` does it: block, state and order in; new state, what is summed over the blocks and what is noted out.
It is a pure function, so a block's state can be made again anywhere from its orders, and has the same bits there.

X_b are the rows of a block, W_b their weights; F = H^T (n, r). One pass of the solver, given F_ahead and G = F_ahead^T F_ahead:
P = X_b F_ahead, W_b' = sweeps on (P, G), A_b = max(0, W_b' + beta (W_b' - previous)); summed are X_b^T A_b and A_b^T A_b.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Matrix
from nmfcore.core.threads import one_blas_thread
from nmfcore.kernels.engines import Engine, Rows, Tiles, round_trip, wanted
from nmfcore.kernels.half import Half, Pace

State = tuple[np.ndarray, ...]  # (W, A) of a block in the engine's layout: the weights, and where they lead to
Sums = tuple[np.ndarray, ...]
Alive = Callable[[], None]

HALVES_SWEEPS = 4  # in the first pass from singular vectors: their halves find their scale in so many sweeps
FITTED_SWEEPS = 10  # ... where the weights begin at zero


@dataclass(frozen=True, eq=False)
class Order:
    """What one pass does with every block.

    kind : "sketch" (X_b F and back), "halves" (X_b F, and the norms of its two signs), "measure" (what the loss is made of),
        "sweep" (the solver's pass), "residual" (how far W_b is from stationary)
    F : (n, l); for "sweep" and "residual" in the engine's layout; G : (r, r) its Gram matrix
    plain : without compiled kernels; dtype : in which to work; scale : by which X is divided
    source, previous : 0 or 1, W or A of the state: where the sweeps start, and from where the step is extrapolated
    first : how the weights begin: "given", "random", "halves" or "zeros"; "" in every later pass
    level : by which weights that are given or drawn are multiplied; seed : of random weights; sides, levels : (r,) of "halves",
    the sign that is kept and its factor
    """

    kind: str
    F: np.ndarray
    G: np.ndarray | None = None
    plain: bool = True
    dtype: str = "<f4"
    scale: float = 1.0
    beta: float = 0.0
    sweeps: int = 1
    l1: float = 0.0
    l2: float = 0.0
    source: int = 0
    previous: int = 0
    first: str = ""
    level: float = 1.0
    seed: int = 0
    sides: np.ndarray | None = None
    levels: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Done:
    """What came of one block: its new state, or None where it has not changed, and what is summed over the blocks."""

    state: State | None
    sums: Sums


class Interrupted(Exception):
    """The pass was ended on request, in the middle of a block; nothing of it counts."""


def engine_of(order: Order, rank: int) -> Engine:
    """The engine in which this order's factors are laid out.

    Raises
    ------
    ProblemError
        If the order was made with compiled kernels and there are none here.
    """
    dtype = np.dtype(order.dtype)
    if order.plain:
        return Rows(rank, dtype)
    if not wanted():
        raise ProblemError(
            "This worker has no compiled kernels (numba), but the client has. Install the extra [fast] on both sides, "
            "or set NMF_KERNELS=off on both."
        )
    return Tiles(rank, dtype)


def alive_always() -> None:
    """Nobody interrupts."""


def work(X: Matrix, state: State | None, order: Order, index: int, alive: Alive = alive_always) -> Done:
    """Carry out an order on block X (rows, n) with number `index`."""
    with one_blas_thread():
        return WORK[order.kind](_units(X, order), state, order, index, alive)


def _units(X: Matrix, order: Order) -> Matrix:
    """The block in the order's precision and units; itself where it has them."""
    dtype = np.dtype(order.dtype)
    if X.dtype == dtype and order.scale == 1.0:
        return X
    exponent = -round(np.log2(order.scale))
    if sp.issparse(X):
        values = np.ldexp(X.data, exponent) if exponent else X.data
        return sp.csr_array((values.astype(dtype, copy=False), X.indices, X.indptr), shape=X.shape)
    return (np.ldexp(X, exponent) if exponent else X).astype(dtype, copy=False)


def _sketch(X: Matrix, state: State | None, order: Order, index: int, alive: Alive) -> Done:
    """Sums: X^T X F (n, l) and (X F)^T X F (l, l)."""
    P, back = round_trip(X, order.F, plain=order.plain, alive=alive)
    wide = P.astype(np.float64)
    return Done(None, (np.ascontiguousarray(back), wide.T @ wide))


def _halves(X: Matrix, state: State | None, order: Order, index: int, alive: Alive) -> Done:
    """State: X F (rows, r). Sums: per column the squared norms of its positive and of its negative half (2, r)."""
    P, _ = round_trip(X, order.F, back=False, plain=order.plain, alive=alive)
    above, below = (np.einsum("ik,ik->k", half, half, dtype=np.float64) for half in (np.maximum(P, 0), np.minimum(P, 0)))
    return Done((np.array(P, order="C"),), (np.stack([above, below]),))


def _sweep(X: Matrix, state: State | None, order: Order, index: int, alive: Alive) -> Done:
    """One half of an iteration, and the product for the other.

    Sums: X^T A (n, r) in the engine's layout, A^T A (r, r), column sums of A (r,), and in a first pass from "halves" or "zeros"
    the parts of the start's loss: of the halves, or of the new weights where they began at zero.
    """
    assert order.G is not None
    kernel = engine_of(order, len(order.G))
    start, previous = _starts(X.shape[0], kernel, state, order, index)
    measured = _parts_of_loss(X, kernel, order, start) if order.first == "halves" else np.zeros(4)
    task = Half(order.G[None], start, previous, Pace(np.array([order.beta]), order.sweeps, order.l1, order.l2))
    new, ahead, back = kernel.both(X, order.F, task, alive)
    if order.first == "zeros":
        measured = _parts_of_loss(X, kernel, order, new)
    sums = kernel.outside(ahead).sum(axis=0, dtype=np.float64)
    return Done((new, ahead), (back, kernel.gram(ahead), sums, measured))


def _parts_of_loss(X: Matrix, kernel: Engine, order: Order, W: np.ndarray) -> np.ndarray:
    """<X F, W>, <W^T W, G>, |W|_1 and ||W||^2 (4,): what the loss of W and F, with its penalty, is made of."""
    own = kernel.gram(W)
    square = float(np.sum(order.G * own))
    return np.array([kernel.cross(X, order.F, W), square, kernel.outside(W).sum(dtype=np.float64), np.trace(own)])


def _measure(X: Matrix, state: State | None, order: Order, index: int, alive: Alive) -> Done:
    """Sums: the parts of the loss of the weights with which the first pass will begin, or later of the weights A."""
    assert order.G is not None
    kernel = engine_of(order, len(order.G))
    alive()
    return Done(None, (_parts_of_loss(X, kernel, order, _starts(X.shape[0], kernel, state, order, index)[0]),))


def _residual(X: Matrix, state: State | None, order: Order, index: int, alive: Alive) -> Done:
    """Sums: ||min(A, dA)||^2, where dA = A G - X F + l1 + l2 A is the gradient at the weights A."""
    assert order.G is not None
    assert state is not None
    kernel = engine_of(order, len(order.G))
    A = kernel.outside(state[1].astype(np.dtype(order.dtype), copy=False))
    P, _ = round_trip(X, np.ascontiguousarray(kernel.outside(order.F)), back=False, plain=order.plain, alive=alive)
    slope = A @ order.G.astype(A.dtype) - P + A.dtype.type(order.l1) + A.dtype.type(order.l2) * A
    least = np.minimum(A, slope)
    return Done(None, (np.array([np.einsum("ik,ik->", least, least, dtype=np.float64)]),))


def _starts(rows: int, kernel: Engine, state: State | None, order: Order, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the sweeps start, and what the step is extrapolated from."""
    if not order.first:
        assert state is not None
        start, previous = (state[i].astype(kernel.dtype, copy=False) for i in (order.source, order.previous))
        return start, previous
    assert order.G is not None
    rank = len(order.G)
    if order.first == "zeros":
        W = np.zeros((rows, rank), kernel.dtype)
    elif order.first == "random":
        W = order.level * np.abs(np.random.default_rng([order.seed, index]).standard_normal((rows, rank)))
    elif order.first == "halves":
        assert state is not None
        assert order.sides is not None
        W = np.maximum(state[0] * order.sides, 0) * order.levels
    else:
        assert state is not None
        W = state[0] * kernel.dtype.type(order.level)
    start = kernel.inside(W)
    return start, start


WORK: dict[str, Callable[[Matrix, State | None, Order, int, Alive], Done]] = {
    "sketch": _sketch,
    "halves": _halves,
    "measure": _measure,
    "sweep": _sweep,
    "residual": _residual,
}


def add(one: Sums, two: Sums) -> Sums:
    """Two nodes of the tree of sums."""
    return tuple(a + b for a, b in zip(one, two, strict=True))


class Tree:
    """Sums over `count` blocks, added in pairs of neighbours, pairs of pairs and so on, in whatever order they arrive.

    Node (level, i) is the sum of (level - 1, 2i) and (level - 1, 2i + 1), or the first of them where the second does not exist:
    the shape, and so the rounding, follows from `count` alone.
    """

    def __init__(self, count: int) -> None:
        self.widths = [count]
        while self.widths[-1] > 1:
            self.widths.append(-(-self.widths[-1] // 2))
        self.waiting: dict[tuple[int, int], Any] = {}

    def put(self, index: int, value: Any, plus: Callable[[Any, Any], Any] = add) -> None:
        """A leaf; it is added to its neighbour at once if that one is there."""
        level = 0
        while level < len(self.widths) - 1:
            mate = index ^ 1
            if mate < self.widths[level]:
                if (level, mate) not in self.waiting:
                    break
                other = self.waiting.pop((level, mate))
                value = plus(value, other) if index < mate else plus(other, value)
            level, index = level + 1, index // 2
        self.waiting[level, index] = value

    @property
    def root(self) -> Any:
        """The sum of all; every leaf has to be there."""
        return self.waiting[len(self.widths) - 1, 0]
