"""How does extrapolated HALS go on with one pass over X per iteration?

The solver of solvers/hals.py cut into blocks of rows: per block P = X_b F_ahead, the sweeps for W_b and the step ahead to A_b;
summed over the blocks Q = X^T A and A^T A; then the sweeps for F = H^T in one place. The loss costs nothing:

    1/2 ||X||^2 - <Q, F> + 1/2 <A^T A, F^T F>

Where it rose the pass is dropped: each block still has its last good (W_b, A_b), and the next pass starts from W_b (and, if that
does not help, from A_b, from where a plain pass cannot rise). Nothing m long is ever in one place.

Source: Cichocki & Phan 2009, algorithm 2; Ang & Gillis 2019, algorithm 3; restart: O'Donoghue & Candes 2015.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from nmfcore.core.blocks import Facts, scale_of
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import SINGLE_SIZE, Penalty
from nmfcore.core.losses import inner
from nmfcore.core.threads import one_blas_thread
from nmfcore.core.units import refuse_units
from nmfcore.kernels.engines import compiled, engine, gram
from nmfcore.kernels.half import Half, Pace
from nmfcore.kernels.sketch import ROUNDING
from nmfcore.solvers.block_engines import Engine
from nmfcore.solvers.block_work import FITTED_SWEEPS, HALVES_SWEEPS, Order, State
from nmfcore.solvers.hals import DENSE_SHARE, SINGLE_LIMIT, SWEEPS_DENSE, SWEEPS_SPARSE

OVERSAMPLING = 10  # directions beyond the rank that a sketch carries
SKETCH_PASSES = 2  # over X before the pass that splits the singular vectors: a third gains less than a pass of the solver
FAINT = 0.01  # of the random level: what H gets in components for which X has no direction left


@dataclass(frozen=True)
class WholeProblem:
    """What is minimised, as `Problem` says it, without X: min 1/2 ||X - WH||^2 over W, H >= 0, X in blocks.

    squared_norm : ||X||^2 in the units of X / scale; mean : of all entries, in the same units
    """

    shape: tuple[int, int]
    rank: int
    dtype: np.dtype
    squared_norm: float
    mean: float
    stored: int
    scale: float = 1.0
    penalty: Penalty | None = None
    loss: str = "frobenius"
    symmetric: bool = False
    mask: None = None
    rules: None = None

    @property
    def plain_loss(self) -> bool:
        """Whether the loss is the error alone."""
        return not self.penalty

    @classmethod
    def of(cls, shape: tuple[int, int], rank: int, dtype: np.dtype, facts: Facts, penalty: Penalty | None) -> WholeProblem:
        """The problem of a matrix with these facts.

        Raises
        ------
        ProblemError
            If its squares are beyond what a float holds.
        """
        scale = scale_of(facts)
        squared = facts.squared_norm / scale**2
        if not math.isfinite(squared) or (facts.largest > 0 and not squared > 0):
            raise ProblemError(f"The largest entry of X is {facts.largest:g}; its square is beyond a float. Divide X first.")
        if scale != 1.0:
            refuse_units("frobenius", scale, 0.5 * squared)
        if penalty and scale != 1.0:
            raise ProblemError("X in blocks can have a penalty only where its largest entry is between 1e-6 and 1e6. Divide X.")
        mean = facts.total / scale / shape[0] / shape[1]
        return cls(shape, rank, np.dtype(dtype), squared, mean, facts.stored, scale, penalty)


class Descent:
    """The passes of one run; `loss` and F belong to the last pass that was kept, in the problem's (scaled) units.

    Iterating over `sketch_start` or `step` does the work and yields the number of each block that is done. Where the iteration is
    left early, the last kept state is what counts, and the pass can be made again.
    """

    def __init__(self, engine: Engine, problem: WholeProblem, *, extrapolate: bool = True, sweeps: int = 0) -> None:
        self.visitor, self.problem = engine, problem
        self.penalty = problem.penalty or Penalty()
        dense = problem.stored > DENSE_SHARE * problem.shape[0] * problem.shape[1]
        self.extrapolate = extrapolate
        self.sweeps = sweeps or (SWEEPS_DENSE if dense else SWEEPS_SPARSE)
        self.first_sweeps = sweeps or HALVES_SWEEPS
        self.plain = compiled() is None
        self.dtype = np.dtype(np.float32) if problem.stored >= SINGLE_SIZE else problem.dtype
        self.passes = 0  # over X, the start's included
        self.loss = self.start_loss = math.inf
        self.bar = math.inf  # what the loss of the next pass must not exceed
        self.first = ""
        self.penalty_of_start = self.penalty_of_kept = 0.0  # the part of the loss that is no error
        self._level, self._seed = 1.0, 0
        self._sides: np.ndarray | None = None
        self._levels: np.ndarray | None = None
        self.lock = threading.Lock()  # held while what was kept changes, and by whoever reads it
        self.t, self.fell_back, self.source, self.previous = 1.0, False, 0, 0
        self.F = self.F_ahead = self.Q = np.zeros((0, 0), self.dtype)
        self.G = self.G_W = np.zeros((0, 0))

    # -- starts -----------------------------------------------------------------------------------------------------------------
    def begin(self, H: np.ndarray, first: str, *, level: float = 1.0, seed: int = 0) -> None:
        """Begin with these topics (r, n), in the problem's units; first : how the weights begin, see `Order`."""
        self.first, self._level, self._seed = first, level, seed
        self._take(self._kernel().inside(H.T))
        self.t, self.fell_back = 1.0, False
        self.source = self.previous = 0

    def random_start(self, seed: int) -> None:
        """|normal| entries of W and H; of W by blocks, so that the start follows from seed and cut."""
        level = math.sqrt(self.problem.mean / self.problem.rank)
        H = level * np.abs(np.random.default_rng(seed).standard_normal((self.problem.rank, self.problem.shape[1])))
        self.begin(H, "random", level=level, seed=seed)

    def sketch_start(self, seed: int, passes: int = SKETCH_PASSES) -> Iterator[int]:
        """NNDSVD from a range finder: `passes` over X, and one half pass that splits the left singular vectors by sign.

        Source: Halko, Martinsson & Tropp 2011, algorithm 4.4; Boutsidis & Gallopoulos 2008, algorithm 1.
        """
        r, n = self.problem.rank, self.problem.shape[1]
        rng = np.random.default_rng(seed)
        V = rng.random((n, min(r + OVERSAMPLING, *self.problem.shape)), dtype=np.float32).astype(self.dtype) - self.dtype.type(
            0.5
        )
        for _ in range(passes):
            yield from self.visitor.go(self._order("sketch", V))
            self.passes += 1
            V, _ = directions(self.visitor.sums[0])
        V = V[:, :r]
        yield from self.visitor.go(self._order("halves", V))
        self.passes += 1
        self.visitor.keep()
        ends = np.stack([np.einsum("jk,jk->k", half, half, dtype=np.float64) for half in (np.maximum(V, 0), np.minimum(V, 0))])
        energy = self.visitor.sums[0]  # (2, k): squared norms of the halves of X v = s u
        weight = np.sqrt(energy * ends)
        below = weight[1] > weight[0]
        pick = below.astype(int), np.arange(V.shape[1])
        s = np.sqrt(energy.sum(axis=0))
        a, b = np.sqrt(energy[pick]), np.sqrt(ends[pick])  # norms of the halves of s u, and of v
        mass = np.divide(np.sqrt(a * b), a, out=np.zeros_like(a), where=a > 0)
        sides, levels = np.where(below, -1, 1).astype(self.dtype), mass.astype(self.dtype)
        H = np.maximum(V * sides, 0).T * np.divide(np.sqrt(a * b), b, out=np.zeros_like(b), where=b > 0)[:, None]
        if len(s) < r:  # X has a lower rank: a zero pair could never be brought to life
            extra = FAINT * math.sqrt(self.problem.mean / r) * np.abs(rng.standard_normal((r - len(s), n)))
            H = np.vstack([H, extra])
            pad = np.zeros(r - len(s), self.dtype)
            sides, levels = np.concatenate([sides, pad]), np.concatenate([levels, pad])
        self._sides, self._levels = sides, levels
        self.begin(H, "halves", seed=seed)

    def measure(self) -> Iterator[int]:
        """The loss of the start, in half a pass; without a penalty, WH is then multiplied by what fits X best, as in memory."""
        yield from self.visitor.go(
            self._order("measure", self.F, self.G, first=self.first, level=self._level, seed=self._seed)
        )  # fmt: skip
        self.passes += 1
        self._start_is(self.visitor.sums[0])
        cross, square = self.visitor.sums[0][:2]
        if self.extrapolate and not self.penalty and cross > 0 and square > 0:
            by = math.sqrt(cross / square)
            self._level *= by
            self._take(self.F * self.dtype.type(by))

    def _start_is(self, parts: np.ndarray) -> None:
        """The start's loss from <X F, W>, <W^T W, G>, |W|_1 and ||W||^2."""
        cross, square, total, norm = parts
        self.penalty_of_start = self._penalties(total, norm, self._kernel().outside(self.F))
        self.start_loss = 0.5 * self.problem.squared_norm - cross + 0.5 * square + self.penalty_of_start

    # -- passes -----------------------------------------------------------------------------------------------------------------
    def step(self, *, still: bool = False) -> Iterator[int]:
        """One iteration, which is one pass over X; still : in the first one, take the start for the result and move nothing."""
        p, kernel = self.penalty, self._kernel()
        t = (1 + math.sqrt(1 + 4 * self.t**2)) / 2
        beta = (self.t - 1) / t if self.extrapolate else 0.0
        order = self._order(
            "sweep", self.F_ahead, self.G, beta=beta, sweeps=self._sweeps(still), l1=p.l1_W, l2=p.l2_W, source=self.source,
            previous=self.previous, first=self.first, level=self._level, seed=self._seed, sides=self._sides, levels=self._levels,
        )  # fmt: skip
        yield from self.visitor.go(order)
        self.passes += 1
        Q, G_W, sums, measured = self.visitor.sums
        with one_blas_thread():
            sweeps = 0 if still else self.sweeps
            pace = Pace(np.array([beta]), sweeps, p.l1_H, p.l2_H)
            F, F_ahead, values = kernel.settle(Q, Half(G_W[None], self.F_ahead, self.F, pace, self.G[None]))
        half = 0.5 * self.problem.squared_norm
        extra = self._penalties(float(sums.sum()), float(np.trace(G_W)), kernel.outside(F))
        loss = half + float(values[0]) + extra
        if self.first:
            if self.first in ("halves", "zeros"):
                self._start_is(measured)
            self.first = ""
        elif loss > self.bar:  # dropped; t = 1 makes the next pass a plain one
            self._take(self.F)
            self.source = self.previous = 1 if self.fell_back else 0
            self.t, self.fell_back = 1.0, True
            return
        ahead = kernel.gram(F_ahead)
        with self.lock:
            self.visitor.keep()
            self.F, self.F_ahead, self.G, self.Q, self.G_W = F, F_ahead, ahead, Q, G_W
        self.source, self.previous, self.t, self.fell_back = 1, 0, t, False
        self.loss, self.bar, self.penalty_of_kept = loss, loss, extra
        if self.dtype == np.float32 and not loss > 0.5 * SINGLE_LIMIT**2 * self.problem.squared_norm:
            self._go_double()

    def exact(self) -> Iterator[int]:
        """The loss of the kept factors once more, in float64 throughout: half a pass. What was summed in float32 is off by 1e-7
        of ||X||^2, which is enough to seem better than the SVD."""
        if self.dtype == np.float64:
            return
        kernel = engine(self.problem.rank, np.dtype(np.float64), plain=self.plain)
        F = kernel.inside(self._kernel().outside(self.F))
        order = self._order("measure", F, kernel.gram(F), source=1)
        yield from self.visitor.go(replace(order, dtype="<f8"))
        self.passes += 1
        cross, square, total, norm = self.visitor.sums[0]
        self.penalty_of_kept = self._penalties(total, norm, kernel.outside(F))
        self.loss = 0.5 * self.problem.squared_norm - cross + 0.5 * square + self.penalty_of_kept

    def residual(self) -> Iterator[int]:
        """||min(W, dW)||^2 + ||min(H, dH)||^2 at the kept factors, as `kkt2`: half a pass; the part of H is known."""
        p, kernel = self.penalty, self._kernel()
        G = kernel.gram(self.F)
        yield from self.visitor.go(self._order("residual", self.F, G, l1=p.l1_W, l2=p.l2_W))
        F = kernel.outside(self.F).astype(np.float64)
        Q = self._outside(self.Q).astype(np.float64)
        least = np.minimum(F, F @ self.G_W - Q + p.l1_H + p.l2_H * F)
        self.kkt2 = float(self.visitor.sums[0][0]) + inner(least, least)

    @property
    def H(self) -> np.ndarray:
        """The kept topics (r, n), in the problem's units."""
        return np.ascontiguousarray(self._kernel().outside(self.F).T)

    def weights(self, state: State) -> np.ndarray:
        """The kept weights (rows, r) of one block's state, in the problem's units."""
        array = state[1]
        return engine(self.problem.rank, array.dtype, plain=self.plain).outside(array)

    # -- inside -----------------------------------------------------------------------------------------------------------------
    def _order(self, kind: str, F: np.ndarray, G: np.ndarray | None = None, **more: object) -> Order:
        return Order(kind, F, G, plain=self.plain, dtype=self.dtype.str, scale=self.problem.scale, **more)  # type: ignore[arg-type]

    def _kernel(self):  # type: ignore[no-untyped-def]
        return engine(self.problem.rank, self.dtype, plain=self.plain)

    def _outside(self, F: np.ndarray) -> np.ndarray:
        return engine(self.problem.rank, F.dtype, plain=self.plain).outside(F)

    def _sweeps(self, still: bool) -> int:
        if self.first == "zeros":
            return FITTED_SWEEPS
        if still:
            return 0
        return self.first_sweeps if self.first == "halves" else self.sweeps

    def _take(self, F: np.ndarray) -> None:
        """Go on from F without running ahead."""
        self.F = self.F_ahead = F
        self.G = self._kernel().gram(F)

    def _go_double(self) -> None:
        """From here on float32 products are too coarse: the next pass is a plain one in float64, and its loss is believed."""
        F = self._outside(self.F)
        with self.lock:
            self.dtype = np.dtype(np.float64)
            self._take(self._kernel().inside(F))
        self.source = self.previous = 1
        self.t, self.bar = 1.0, math.inf

    def _penalties(self, sum_W: float, norm2_W: float, F: np.ndarray) -> float:
        p = self.penalty
        if not p:
            return 0.0
        return p.l1_W * sum_W + 0.5 * p.l2_W * norm2_W + p.l1_H * float(F.sum(dtype=np.float64)) + 0.5 * p.l2_H * inner(F, F)


def directions(Z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left singular vectors (n, k) and values (k,) of Z (n, l) without those that are only rounding, through Z^T Z."""
    with one_blas_thread():
        values, vectors = np.linalg.eigh(gram(Z))
        order = np.argsort(values)[::-1]
        kept = order[values[order] > ROUNDING[Z.dtype] * max(values[-1], 0.0)]
        if not len(kept):
            return np.zeros((len(Z), 1), Z.dtype), np.zeros(1)
        roots = np.sqrt(values[kept])
        return Z @ (vectors[:, kept] / roots).astype(Z.dtype), roots
