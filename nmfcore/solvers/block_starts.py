"""How does a factorization of blocks begin?

From a fit of a sample of the rows, from a sketch of all of them in two passes (an NNDSVD), from random numbers, or from given
factors. Whichever it is, `legs` is the way there; it can be left, and then begins again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.blocks import Blocks, Facts, facts_of
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Matrix
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.solvers.block_engines import Engine
from nmfcore.solvers.blocked import Descent
from nmfcore.solvers.hals import HALS
from nmfcore.solvers.loop import prepare

SAMPLE_VALUES = 1 << 24  # stored values of a sample to begin from: 0.3 GB with what its fit needs
SAMPLE_SHARE = 0.25  # of the rows, at most
SAMPLE_ROWS = 100  # of a sample, at least so many times the rank; with fewer, the start is a sketch
SAMPLE_RUNS = 16  # runs of neighbouring rows that a block gives to the sample: sorted rows are then not all alike
SAMPLE_STOP = StopRule(tol=3e-5, max_iter=100, max_seconds=None)  # of the sample's fit: the passes over all rows do the rest
STARTS = ("sample", "nndsvd", "random", "given")


@dataclass(frozen=True, eq=False)
class Leg:
    """A stretch of a run's way: a walk that gives a number whenever a part of it is done.

    phase : for people; of : how many parts there are at most, None for a pass over all blocks
    sizes : bytes that were read for a part, None for the block's; timed : whether a limit of seconds may end it
    """

    phase: str
    walk: Iterator[int]
    of: int | None = None
    sizes: Callable[[int], int] | None = None
    timed: bool = True


def looks(engine: Engine, found: list[Facts]) -> Iterator[int]:
    """The facts of every block, in order, into `found`."""
    for index, facts in enumerate(engine.map(_facts)):
        found.append(facts)
        yield index


def legs(engine: Engine, descent: Descent, spec: RunSpec, given: tuple[Any, np.ndarray] | None) -> Iterator[Leg]:
    """The way to a start; each leg has to be walked before the next is asked for.

    given : W (m, r), maybe a mapped file, and H (r, n), for the start "given"
    """
    problem, seed = descent.problem, spec.seed
    if spec.init == "given":
        assert given is not None
        (W, H), by = given, problem.scale**-0.5
        engine.place(lambda begin, end: np.asarray(W[begin:end], problem.dtype) * problem.dtype.type(by))
        descent.begin(H * by, "given")
    elif spec.init == "random":
        descent.random_start(seed)
    elif spec.init == "nndsvd":
        yield Leg("Sketch", descent.sketch_start(seed))
    else:
        pieces: list[Matrix] = []
        yield Leg("Sample", _samples(engine, problem.rank, seed, pieces), sizes=lambda index: _nbytes(pieces[-1]))
        yield Leg("Sample", _fit_of(pieces, descent, seed), of=SAMPLE_STOP.max_iter, sizes=lambda index: 0)
    if descent.first in ("given", "random"):
        yield Leg("Start", descent.measure())


def _samples(engine: Engine, rank: int, seed: int, pieces: list[Matrix]) -> Iterator[int]:
    """A share of the rows of every block, in order, into `pieces`."""
    share = sample_share(engine.blocks, rank) or SAMPLE_SHARE
    for index, piece in enumerate(engine.map(_sampled, share, seed)):
        pieces.append(piece)
        yield index


def _fit_of(pieces: list[Matrix], descent: Descent, seed: int) -> Iterator[int]:
    """Topics of the sample, by the solver in memory; the number of each iteration."""
    X = sp.csr_array(sp.vstack(pieces, format="csr")) if sp.issparse(pieces[0]) else np.vstack(pieces)
    pieces.clear()
    run = prepare(X, descent.problem.rank, solver=HALS(), seed=seed, stop=SAMPLE_STOP)
    for point in run:
        yield point.iteration
    descent.begin(run.result().H * descent.problem.scale**-0.5, "zeros")


def _facts(X: Matrix, index: int, first_row: int) -> Facts:
    return facts_of(X, first_row)


def _sampled(X: Matrix, index: int, first_row: int, share: float, seed: int) -> Matrix:
    """A share of a block's rows: SAMPLE_RUNS runs of neighbours, evenly spread, each at a random place of its stretch."""
    m = X.shape[0]
    rng = np.random.default_rng([seed, index])
    edges = np.linspace(0, m, min(SAMPLE_RUNS, m) + 1).astype(int)
    chosen = []
    for begin, end in pairwise(edges):
        length = min(end - begin, max(1, round((end - begin) * share)))
        at = begin + int(rng.integers(0, end - begin - length + 1))
        chosen.append(np.arange(at, at + length))
    rows = np.concatenate(chosen)
    return sp.csr_array(X[rows]) if sp.issparse(X) else np.array(X[rows])


def _nbytes(X: Matrix) -> int:
    return int(X.data.nbytes + X.indices.nbytes) if sp.issparse(X) else int(X.nbytes)


def sample_share(blocks: Blocks, rank: int) -> float | None:
    """The share of the rows that a sample to begin from holds, or None where there are too few rows for one."""
    assert blocks.facts is not None or not blocks.sparse
    m = blocks.shape[0]
    stored = blocks.facts.stored if blocks.facts is not None else m * blocks.columns
    share = min(SAMPLE_SHARE, SAMPLE_VALUES / max(1, stored))
    return share if m * share >= SAMPLE_ROWS * rank else None


def checked_start(blocks: Blocks, rank: int, W: Any, H: Any) -> tuple[np.ndarray, np.ndarray]:
    """The given factors W (m, r), as it is (it may be a file), and H (r, n), both looked through.

    Raises
    ------
    ProblemError
        If one is missing, does not fit or has an entry that is negative or not finite.
    """
    if W is None or H is None:
        raise ProblemError("The start 'given' needs both W and H.")
    (m, n), W, H = blocks.shape, np.asanyarray(W), np.asarray(H, blocks.dtype)
    for name, factor, shape in (("W", W, (m, rank)), ("H", H, (rank, n))):
        if factor.shape != shape:
            raise ProblemError(f"The given {name} has shape {factor.shape}; this problem needs {shape}.")
        height = max(1, (1 << 22) // rank)
        for begin in range(0, len(factor), height):
            part = np.asarray(factor[begin : begin + height], np.float64)
            if not (np.isfinite(part).all() and (part >= 0).all()):
                raise ProblemError(f"The given {name} has entries that are negative or not finite.")
    return W, H
