"""Hierarchical alternating least squares: each component in turn is set to its exact optimum, the others held fixed.

Its fast form runs ahead: after each half of an iteration the factor goes on in the direction it has just moved (Nesterov), and
when the loss would rise it falls back to the last good pair and starts anew. So the loss never rises, with no parameter to tune.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.factorization import Factors, Matrix, Penalty, Problem, stored_values
from nmfcore.core.losses import inner, penalty
from nmfcore.core.threads import one_blas_thread
from nmfcore.kernels.engines import Engine, LowRank, Rows, engine
from nmfcore.kernels.half import Half, Pace
from nmfcore.kernels.ruled import half_under
from nmfcore.kernels.sketch import range_finder
from nmfcore.solvers.protocol import MOST_SWEEPS, Solver, Supports, parameter

SINGLE_LIMIT = 0.03  # relative error below which float32 products no longer tell one iterate from the next
SINGLE_NOISE = 1e-7  # of ||X||^2: what a squared error from float32 products is off by; smaller changes of it mean nothing
SWEEPS_SPARSE, SWEEPS_DENSE = 1, 4  # passes per product with X: the product is cheap when few of X's entries are not zero
DENSE_SHARE = 0.2  # share of non-zeros that counts as dense, looked at in the first rows; how X is stored must not matter
SAMPLE_ROWS = 500
SKETCH_EXTRA, SKETCH_FACTOR = 8, 4  # width of the sketch: rank + 8 where the singular values drop after the rank, else 4 rank
SKETCH_DROP = 0.25  # ... which they do when the next squared singular value is below this part of the last one
SKETCH_WORK = 100_000_000  # m n r from which sketching pays ...
SKETCH_GAIN = 4  # ... if a product with the sketch is so many times cheaper: the sweeps cost the same on both
SKETCH_WINDOW, SKETCH_TOL = 5, 1e-5  # on the sketch: stop when the loss falls by less than this per iteration, over five ...
SKETCH_STEPS = 100  # ... or after so many


@dataclass(frozen=True, eq=False)
class Side:
    """The factors of one start, or of several side by side, in the engine's layout.

    W, F : before extrapolation, F = H^T; W_ahead, F_ahead : after it
    """

    W: np.ndarray
    F: np.ndarray
    W_ahead: np.ndarray
    F_ahead: np.ndarray
    starts: int = 1

    @classmethod
    def of(cls, memories: Sequence[Memory]) -> tuple[Side, list[int]]:
        """The factors of these starts side by side, and the place of each.

        Where most stand so already, newcomers take the places of starts that have left; else all are copied.
        """
        engine, names = memories[0].engine, ("W", "F", "W_ahead", "F_ahead")
        side = max((m.side for m in memories), key=lambda side: sum(m.side is side for m in memories))
        free = sorted(set(range(side.starts)) - {m.place for m in memories if m.side is side})
        new = [m for m in memories if m.side is not side]
        fresh = all(m.side.W is m.side.W_ahead for m in new)  # a side may hold one array for both
        if len(new) > len(free) or not fresh or 2 * len(memories) < side.starts:
            W, F, W_ahead, F_ahead = (
                engine.beside([engine.one(getattr(m.side, name), m.place) for m in memories]) for name in names
            )
            return cls(W, F, W_ahead, F_ahead, len(memories)), list(range(len(memories)))
        taken = dict(zip(map(id, new), free, strict=False))
        for m in new:
            for name in names:
                engine.one(getattr(side, name), taken[id(m)])[:] = engine.one(getattr(m.side, name), m.place)
        return side, [taken.get(id(m), m.place) for m in memories]


@dataclass(frozen=True, eq=False)
class Memory:
    """What one start remembers; its factors are at a place of a side, where others may stand, too.

    G : Gram matrix of F_ahead; size : ||X||_F^2; t : Nesterov's counter; fell_back : whether the last step was dropped
    good : the side and the place of the pair (W_ahead, F) that was handed out as `factors`; loss : its loss
    fell : by how much the last step changed the loss
    """

    engine: Engine
    X: Matrix
    Xt: Matrix
    side: Side
    place: int
    G: np.ndarray
    size: float
    sweeps: int
    good: tuple[Side, int]
    loss: float
    factors: Factors
    t: float = 1.0
    fell_back: bool = False
    fell: float = math.inf

    @property
    def own_factors(self) -> Factors:
        """The factors; copies where others may soon stand at their place."""
        f = self.factors
        return f if self.good[0].starts == 1 else Factors(f.W.copy(), f.H.copy())

    @property
    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """W and F of the pair handed out."""
        side, place = self.good
        return self.engine.one(side.W_ahead, place), self.engine.one(side.F, place)


@dataclass(frozen=True)
class HALS(Solver):
    """w_k <- max(0, w_k + ((X H^T)_k - W (H H^T)_k) / (H H^T)_kk), then the same for the rows of H.

    With extrapolate: t' = (1 + sqrt(1 + 4 t^2)) / 2, beta = (t - 1) / t'; the sweeps for W start at the extrapolated W and give
    W', which becomes max(0, W' + beta (W' - W)); F = H^T likewise. The loss of (extrapolated W, F') costs nothing extra; where it
    rose, the step is dropped and t = 1.

    extrapolate : run ahead (fast), or plain HALS
    sweeps : passes over the components per product with X; 0 chooses 1 where X is mostly zeros, else 4
    sketch : begin large dense X on a low-rank sketch of it (running ahead only); the steps themselves always use X

    Large X is worked on in float32 until the relative error falls below 0.03, then in float64; sums are float64 throughout.
    Memory: float32 X and, for sparse X, its transpose in CSR (for float64 data these are copies), and eight factor-sized arrays.

    Under `Problem.rules` each row of H (and column of W) is set to the allowed one nearest to its optimum, in plain loops; the
    pair handed out is always allowed.

    Source: Cichocki & Phan 2009, algorithm 2; several sweeps: Gillis & Glineur 2012, algorithm 2; extrapolation: Ang & Gillis
    2019, algorithm 3, with the restart on the function value of O'Donoghue & Candes 2015.
    """

    key = "hals"
    title = "HALS (coordinate descent)"
    reference = "Cichocki & Phan 2009, alg. 2; Ang & Gillis 2019"
    supports = Supports(losses=("frobenius",), penalty=True, rules=True)
    monotone = True
    tol = 3e-6

    extrapolate: bool = True
    sweeps: int = parameter(0, least=0, most=MOST_SWEEPS)
    sketch: bool = True

    def share(self, problem: Problem) -> None:
        _ = problem.working.Xt, problem.squared_norm

    def start(self, problem: Problem, factors: Factors, rng: np.random.Generator) -> Memory:
        with one_blas_thread():
            free = self.extrapolate and not problem.penalty and not problem.rules
            memory = _remember(problem, factors, rescale=free)
            if self.sketch and free and _sketch_pays(problem):
                memory = self._on_sketch(problem, memory, rng)
        return memory

    def step(self, problem: Problem, factors: Factors, memory: Memory) -> tuple[Factors, Memory]:
        return self.steps(problem, [factors], [memory])[0]

    def steps(self, problem: Problem, factors: Sequence[Factors], memories: Sequence[Memory]) -> list[tuple[Factors, Memory]]:
        with one_blas_thread():
            told = zip(factors, memories, strict=True)
            now = [m if m.factors is mine else _remember(problem, mine) for mine, m in told]  # somebody may have moved them
            alike: dict[int, list[int]] = {}  # some may work in float64 already, and rules are kept one start at a time
            for i, m in enumerate(now):
                alike.setdefault(i if problem.rules else id(m.X), []).append(i)
            for those in alike.values():
                for i, m in zip(those, self._iterate(problem, [now[i] for i in those]), strict=True):
                    now[i] = _remember(problem, m.own_factors, problem.double) if _too_fine(problem, m) else m
        return [(m.factors, m) for m in now]

    def _iterate(self, problem: Problem, memories: Sequence[Memory]) -> list[Memory]:
        """One iteration of starts in one precision. Each half reads X once, for all of them."""
        p, first = problem.penalty or Penalty(), memories[0]
        side, places = Side.of(memories)
        sweeps, engine = self.sweeps or first.sweeps, first.engine
        ts = [(1 + math.sqrt(1 + 4 * m.t**2)) / 2 for m in memories]
        betas, G = np.zeros(side.starts), np.zeros((side.starts, *first.G.shape))  # a place nobody has is dead
        for place, m, t in zip(places, memories, ts, strict=True):
            betas[place], G[place] = (m.t - 1) / t if self.extrapolate else 0.0, m.G
        half_W, half_H = _halves(problem, first)
        task = Half(G, side.W_ahead, side.W, Pace(betas, sweeps, p.l1_W, p.l2_W))
        W, W_ahead, _ = half_W(first.X, side.F_ahead, task)
        G_W = np.zeros_like(G)
        G_W[places] = engine.grams(W_ahead, places)
        task = Half(G_W, side.F_ahead, side.F, Pace(betas, sweeps, p.l1_H, p.l2_H), G)
        F, F_ahead, values = half_H(first.Xt, W_ahead, task, At=first.X)
        made, G_ahead = Side(W, F, W_ahead, F_ahead, side.starts), engine.grams(F_ahead, places)
        steps = zip(memories, places, values[places], ts, G_ahead, strict=True)
        return [self._decided(problem, m, made, place, float(value), t, G) for m, place, value, t, G in steps]

    def _decided(self, problem: Problem, m: Memory, made: Side, place: int, value: float, t: float, G: np.ndarray) -> Memory:
        """The step of one start taken, or dropped where the loss rose."""
        W, F = m.engine.one(made.W_ahead, place), m.engine.one(made.F, place)
        loss = 0.5 * m.size + value + _penalty(problem, W, F)
        if loss > m.loss:  # dropped; t = 1 makes the next step a plain one
            side, G = _back(m, made, place)
            return replace(m, side=side, place=place, G=G, t=1.0, fell_back=True, fell=m.loss - loss)
        factors = _held(problem, _outside(problem, m.engine, W, F), m.factors)
        return replace(
            m,
            side=made,
            place=place,
            G=G,
            good=(made, place),
            loss=loss,
            factors=factors,
            t=t,
            fell_back=False,
            fell=m.loss - loss,
        )

    def _on_sketch(self, problem: Problem, memory: Memory, rng: np.random.Generator) -> Memory:
        """The same start, brought near the optimum on X ~ YB, where a product costs (m + n) l r instead of m n r.

        Kept only if it is better on X itself, on which the steps then go on: the result is always that of X.
        """
        Y, B = _sketch(problem, rng)
        low = LowRank(Y, B)
        size = inner(B, B)
        missed = max(0.0, 0.5 * (problem.squared_norm - size))  # the part of the loss that the sketch does not see
        m = replace(memory, X=low, Xt=low.T, size=size, loss=math.nan)
        before: list[float] = []
        for _ in range(SKETCH_STEPS):
            (m,) = self._iterate(problem, [m])
            before.append(m.loss + missed)
            if len(before) > SKETCH_WINDOW and before[-1 - SKETCH_WINDOW] - before[-1] <= SKETCH_WINDOW * SKETCH_TOL * before[-1]:
                break
        found = _remember(problem, _outside(problem, m.engine, *m.pair), problem.working, rescale=True)
        better = found.loss < memory.loss
        return replace(found, loss=memory.loss, factors=memory.factors) if better else memory


def _back(m: Memory, made: Side, place: int) -> tuple[Side, np.ndarray]:
    """The side with that start where it was before the step, at both ends of the extrapolation, and the Gram matrix of its F.

    After a step that was dropped already it is the good pair: from there a plain step cannot rise.
    """
    one = m.engine.one
    side, at = m.good if m.fell_back else (m.side, m.place)
    W, F = side.W_ahead if m.fell_back else side.W, side.F
    G = m.engine.grams(F, [at])[0]
    if made.starts == side.starts == 1:
        return Side(W, F, W, F), G
    for new, old in ((made.W, W), (made.W_ahead, W), (made.F, F), (made.F_ahead, F)):
        one(new, place)[:] = one(old, at)
    return made, G


def _halves(problem: Problem, m: Memory) -> tuple[Any, Any]:
    """`Engine.half` for W and for H, under the problem's rules where it has any (then of one start)."""
    rules, rows_engine = problem.rules, m.engine
    if not rules or not isinstance(rows_engine, Rows):
        return m.engine.half, m.engine.half
    half_W = partial(half_under, rows_engine, rules.columns, added=rules.weights(m.side.F_ahead))
    return half_W, partial(half_under, rows_engine, rules.rows)


def _held(problem: Problem, new: Factors, old: Factors) -> Factors:
    """The new factors with fixed rows and columns equal to the old ones in all digits, also where float32 worked in between."""
    rules = problem.rules
    if not rules or new.H.dtype == old.H.dtype:
        return new
    W, H = new.W, new.H
    for k in [k for k, row in rules.columns.items() if row.fixed]:
        W = W.astype(old.W.dtype, copy=W is new.W)
        W[:, k] = old.W[:, k]
    for k in [k for k, row in rules.rows.items() if row.fixed]:
        H = H.astype(old.H.dtype, copy=H is new.H)
        H[k] = old.H[k]
    return Factors(W, H)


def _sketch(problem: Problem, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Y, B with X ~ YB.

    Where the singular values drop after the rank, the start's own sketch is as good as X; where they do not, four times the rank
    is needed, and the sketch then leads part of the way.
    """
    rank = problem.rank
    Y, B = problem.notes["sketch"] if "sketch" in problem.notes else range_finder(problem.working, rank + SKETCH_EXTRA, 1, rng)
    values = np.linalg.eigvalsh(np.asarray(B @ B.T, np.float64))[::-1]  # squared singular values, descending
    if len(values) <= rank or values[rank] < SKETCH_DROP * values[rank - 1]:
        return Y, B
    return range_finder(problem.working, min(SKETCH_FACTOR * rank, *problem.shape), 1, rng)


def _sketch_pays(problem: Problem) -> bool:
    m, n = problem.shape
    width = min(SKETCH_FACTOR * problem.rank, m, n)
    return not problem.sparse and m * n * problem.rank >= SKETCH_WORK and m * n >= SKETCH_GAIN * (m + n) * width


def _remember(problem: Problem, factors: Factors, working: Problem | None = None, *, rescale: bool = False) -> Memory:
    """The memory of a start at these factors.

    working : the problem in the precision to iterate in; None chooses
    rescale : begin at the best multiple of WH, which a start whose scale is arbitrary needs
    """
    working = working or problem.working
    exact = stored_values(problem.X) >= 2 * problem.rank * sum(problem.shape)  # then Gram matrices cost little beside products
    kernel = Rows(problem.rank, working.dtype, exact) if problem.rules else engine(problem.rank, working.dtype, exact)
    W, F = kernel.inside(factors.W), kernel.inside(factors.H.T)
    G = kernel.gram(F)
    cross, square = kernel.cross(working.X, F, W), float(np.sum(G * kernel.gram(W)))
    loss = 0.5 * problem.squared_norm - cross + 0.5 * square + _penalty(problem, W, F)
    side = Side(W, F, W, F)
    memory = Memory(
        kernel, working.X, working.Xt, side, 0, G, problem.squared_norm, _sweeps(problem.X), (side, 0),
        loss if loss > 0 else math.nan, factors,
    )  # fmt: skip
    if working.dtype == np.float32 and _too_fine(problem, memory):
        return _remember(problem, factors, problem.double, rescale=rescale)
    if rescale and cross > 0 and square > 0:
        by = cross / square
        W, F = W * W.dtype.type(math.sqrt(by)), F * F.dtype.type(math.sqrt(by))
        side = Side(W, F, W, F)
        return replace(memory, side=side, G=G * by, good=(side, 0))
    return memory


def _sweeps(X: Matrix) -> int:
    rows = min(SAMPLE_ROWS, X.shape[0])
    filled = X.indptr[rows] if sp.issparse(X) else np.count_nonzero(X[:rows])
    return SWEEPS_DENSE if filled > DENSE_SHARE * rows * X.shape[1] else SWEEPS_SPARSE


def _too_fine(problem: Problem, memory: Memory) -> bool:
    """Whether float32 products are too coarse from here on: the error is small, or so is what a step changes of it."""
    size = 0.5 * problem.squared_norm
    coarse = not memory.loss > SINGLE_LIMIT**2 * size or abs(memory.fell) <= SINGLE_NOISE * size
    return memory.engine.dtype == np.float32 and coarse


def _outside(problem: Problem, kernel: Engine, W: np.ndarray, F: np.ndarray) -> Factors:
    """W (m, r) and H (r, n) as views; as copies only where float64 has taken over from a float32 problem."""
    W, H = kernel.outside(W), kernel.outside(F).T
    if problem.dtype == np.float32:
        W, H = W.astype(np.float32, copy=False), H.astype(np.float32, copy=False)
    return Factors(W, H)


def _penalty(problem: Problem, W: np.ndarray, F: np.ndarray) -> float:
    if problem.rules:  # plain loops: one component a row
        return penalty(problem, Factors(W.T, F))
    return penalty(problem, Factors(W, F)) if problem.penalty else 0.0  # sums over all entries: the layout does not matter
