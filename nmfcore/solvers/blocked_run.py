"""How is a factorization run on data that is visited block by block?

`BlockedRun` is a `Run` whose iteration is one pass over X: the same history, stop rules, cancelling, going on and result.
Beside the recorded points it yields a `Within` for each block that is done, so that whoever watches sees the pass go on, and
can leave it in the middle; what counts is then the last pass that was over.
"""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.blocks import Blocks, DaskBlocks, Facts, as_visited, facts_of, scale_of
from nmfcore.core.checks import ProblemError, check_rank
from nmfcore.core.factorization import Axes, Factorization, History, Matrix, Penalty, Progress, StopReason
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.solvers.block_dask import present_client
from nmfcore.solvers.block_engines import engine_for, mapped_array, own_folder
from nmfcore.solvers.block_work import Interrupted
from nmfcore.solvers.blocked import Descent, WholeProblem
from nmfcore.solvers.hals import HALS
from nmfcore.solvers.loop import WINDOW, Run, Since, chosen_solver, prepare, specified
from nmfcore.solvers.protocol import Solver

STATE_BYTES = (
    512 << 20
)  # of the states of all blocks: more than this is kept in files beside the run, and W in one file of its own
SAMPLE_VALUES = 1 << 24  # stored values of a sample to begin from: 0.3 GB with what its fit needs
SAMPLE_SHARE = 0.25  # of the rows, at most
SAMPLE_ROWS = 100  # of a sample, at least so many times the rank; with fewer, the start is a sketch
SAMPLE_RUNS = 16  # runs of neighbouring rows that a block gives to the sample: sorted rows are then not all alike
SAMPLE_STOP = StopRule(tol=3e-5, max_iter=100, max_seconds=None)  # of the sample's fit: the passes over all rows do the rest
STARTS = ("sample", "nndsvd", "random", "given")


@dataclass(frozen=True)
class Within(Progress):
    """A moment inside a pass; never part of the history. The loss is the last recorded one (NaN before the first pass is over).

    phase : what the pass is for ("Reading", "Sketch", "Sample", "Pass 3"); blocks, of : how many are done, of how many
    bytes : read in this pass; bytes_per_second : in this pass; seconds_left : until it is over, or None
    """

    phase: str = ""
    blocks: int = 0
    of: int = 0
    bytes: int = 0
    bytes_per_second: float = 0.0
    seconds_left: float | None = None


class BlockedRun(Run):
    """One factorization of blocks under way; see `Run`, whose loop and rules these are.

    Parameters
    ----------
    blocks : the data
    rank : 1 to min(m, n)
    solver : HALS; its `sketch` is for matrices in memory and changes nothing here
    spec : what to write on the result; its stop rule and start are the ones in force
    W, H : (m, r) and (r, n), for the start "given"; W may be a mapped file
    penalty : L1 and L2 weights
    client : a Dask client that does the work; None for threads of this process
    threads : of this process; the result does not depend on it
    folder : where files of this run may lie for as long as it lives; None for the system's place for temporary files
    history : of a run that is being continued

    Raises
    ------
    ProblemError
        If rank or start do not fit the data.
    """

    def __init__(
        self,
        blocks: Blocks,
        rank: int,
        solver: HALS,
        spec: RunSpec,
        *,
        W: Any = None,
        H: Any = None,
        penalty: Penalty | None = None,
        client: Any = None,
        threads: int | None = None,
        folder: str | Path | None = None,
        evaluate_every: int = 1,
        kkt_every: int | None = None,
        history: History | None = None,
    ) -> None:
        if evaluate_every < 1:
            raise ProblemError(f"evaluate_every must be at least 1, not {evaluate_every}.")
        self.blocks, self.solver, self.spec, self.stop = blocks, solver, spec, spec.stop
        self.hals = solver
        self.rank = check_rank(rank, blocks.shape)
        self.penalty = penalty
        self.evaluate_every = evaluate_every
        self.kkt_every = kkt_every if kkt_every is not None else WINDOW * (self.stop.kkt > 0)
        self.warnings: list[str] = []
        self.history = History(list(history.points)) if history else History()
        self._iteration = self.history[-1].iteration if len(self.history) else 0
        self._seconds = self.history[-1].seconds if len(self.history) else 0.0
        self._given = _checked_start(blocks, self.rank, W, H) if spec.init == "given" else None
        self._inside = None if folder is None else Path(folder)
        self._first_kkt: float | None = None
        self._stopped = StopReason.UNFINISHED
        self._cancelled = False
        self._descent: Descent | None = None
        self._begun = False
        self._latest: Within | None = None
        self.folder, self._remove = own_folder(self._inside)
        weakref.finalize(self, self._remove)
        large = 4 * blocks.shape[0] * (rank + 7) * blocks.dtype.itemsize > STATE_BYTES
        self.engine = engine_for(blocks, client, threads, self.folder if large or client is not None else None)

    # -- the loop ---------------------------------------------------------------------------------------------------------------
    def __iter__(self) -> Iterator[Progress]:
        self._stopped = StopReason.UNFINISHED
        since = Since(self._iteration, self._seconds, max(0, len(self.history) - 1))
        reason: StopReason | None = StopReason.CANCELLED if self._cancelled else None
        try:
            if reason is None and not self._begun:
                yield from self._prepared(since)
            while reason is None:
                descent = self._known()
                reason = self._limit(since) if self._cancelled or not descent.first else None  # one pass there must be
                if reason is not None:
                    break
                still = bool(descent.first) and self.stop.max_iter == 0
                yield from self._visits(descent.step(still=still), f"Pass {self._iteration + 1}", since)
                if not len(self.history):
                    self.history.append(self._point(0, descent.loss if still else descent.start_loss, 0.0))
                    yield self.history[-1]
                if still:
                    continue
                self._iteration += 1
                reason = self._limit(since)
                if reason is None and self._iteration % self.evaluate_every:
                    continue
                if not math.isfinite(descent.loss):
                    self._stopped = StopReason.DIVERGED
                    return
                kkt = None
                if self.kkt_every and self._iteration % self.kkt_every == 0 and reason is None:
                    yield from self._visits(descent.residual(), "Residual", since)
                    kkt = self._relative_kkt(descent)
                self.history.append(self._point(self._iteration, descent.loss, self._seconds, kkt))
                reason = self._converged(since) or reason
                if reason is not None:
                    self._stopped = reason
                    if reason is not StopReason.CANCELLED:  # whoever pressed Stop does not wait for another half pass
                        yield from self._made_exact(descent, since)
                yield self.history[-1]
        except Interrupted:
            reason = self._limit(since) or StopReason.CANCELLED
        self._stopped, self._cancelled = reason or StopReason.CANCELLED, False

    def _made_exact(self, descent: Descent, since: Any) -> Iterator[Within]:
        """Make the last point exact; what was recorded before and is lower was too low, for the loss never rises."""
        yield from self._visits(descent.exact(), "Exact loss", since, timed=False)
        points = self.history.points
        points[-1] = last = self._point(self._iteration, descent.loss, points[-1].seconds, points[-1].kkt)
        for k in range(len(points) - 2, -1, -1):
            if points[k].loss >= last.loss:
                break
            error = last.relative_error if self.problem.plain_loss else points[k].relative_error
            points[k] = replace(points[k], loss=last.loss, relative_error=error)

    def _size_at(self, point: int) -> float:
        now = self.history.points[point]
        return now.relative_error if self.problem.plain_loss else math.sqrt(max(now.loss, 0.0))

    def cancel(self) -> None:
        """Ask the loop to end, in the middle of a block where it is in one; from any thread, also before the loop has begun."""
        self._cancelled = True
        self.engine.interrupt()

    @property
    def passes(self) -> int:
        """Passes over X so far, those of the start and of residuals included."""
        return self._descent.passes if self._descent is not None else 0

    @property
    def within(self) -> Within | None:
        """The latest moment inside a pass; may be read from another thread."""
        return self._latest

    def _visits(
        self, visits: Iterator[int], phase: str, since: Any, sizes: Callable[[int], int] | None = None, *, timed: bool = True
    ) -> Iterator[Within]:
        """Carry out one pass on the clock, with a moment for every block; raises `Interrupted` when asked to end."""
        count, read, spent = len(self.blocks), 0, 0.0
        seen: set[int] = set()  # a pass that lost a worker begins again
        sizes = sizes or self.blocks.nbytes
        try:
            while True:
                began = time.perf_counter()
                try:
                    index = next(visits)
                except StopIteration:
                    self._seconds += time.perf_counter() - began
                    return
                took = time.perf_counter() - began
                self._seconds, spent = self._seconds + took, spent + took
                if self._cancelled or (timed and self._kept and self._out_of_time(since)):
                    raise Interrupted
                seen.add(index)
                done, read = len(seen), read + sizes(index)
                left = spent / done * (count - done) if done < count else 0.0
                loss, error = (
                    (self.history[-1].loss, self.history[-1].relative_error) if len(self.history) else (math.nan, math.nan)
                )
                self._latest = Within(
                    self._iteration, self._seconds, loss, error, None, phase, done, count, read, read / max(spent, 1e-9), left
                )
                yield self._latest
        finally:
            visits.close()  # type: ignore[attr-defined]

    @property
    def _kept(self) -> bool:
        """Whether a pass was over, so that there are weights."""
        return self._descent is not None and not self._descent.first

    def _out_of_time(self, since: Any) -> bool:
        return self.stop.max_seconds is not None and self._seconds - since.seconds >= self.stop.max_seconds

    # -- starts -----------------------------------------------------------------------------------------------------------------
    def _prepared(self, since: Any) -> Iterator[Within]:
        """What is known of all entries, and the start; may be left and taken up again."""
        if self.blocks.facts is None:
            found: list[Facts] = []
            yield from self._visits(self._looks(found), "Reading", since)
            total = Facts()
            for facts in found:
                total = total + facts
            self.blocks.facts = total
        facts = self.blocks.facts
        assert facts is not None
        problem = WholeProblem.of(self.blocks.shape, self.rank, self.blocks.dtype, facts, self.penalty)
        self.problem: Any = problem  # what the rules of `Run` read of it
        solver = self.hals
        descent = Descent(self.engine, problem, extrapolate=solver.extrapolate, sweeps=solver.sweeps)
        init, seed = self.spec.init, self.spec.seed
        if init == "given":
            assert self._given is not None
            W, H = self._given
            by = problem.scale**-0.5
            self.engine.place(lambda begin, end: np.asarray(W[begin:end], problem.dtype) * problem.dtype.type(by))
            descent.begin(H * by, "given")
        elif init == "random":
            descent.random_start(seed)
        elif init == "nndsvd":
            yield from self._visits(descent.sketch_start(seed), "Sketch", since)
        else:
            pieces: list[Matrix] = []
            yield from self._visits(self._samples(pieces), "Sample", since, lambda index: _nbytes(pieces[-1]))
            yield from self._fitted_sample(descent, pieces)
        if descent.first in ("given", "random"):
            yield from self._visits(descent.measure(), "Start", since)
        self._descent, self._begun = descent, True

    def _looks(self, found: list[Facts]) -> Iterator[int]:
        for index, facts in enumerate(self.engine.map(_facts)):
            found.append(facts)
            yield index

    def _samples(self, pieces: list[Matrix]) -> Iterator[int]:
        share = sample_share(self.blocks, self.rank) or SAMPLE_SHARE
        for index, piece in enumerate(self.engine.map(_sampled, share, self.spec.seed)):
            pieces.append(piece)
            yield index

    def _fitted_sample(self, descent: Descent, pieces: list[Matrix]) -> Iterator[Within]:
        """Topics of the sample, by the solver in memory."""
        X = sp.csr_array(sp.vstack(pieces, format="csr")) if sp.issparse(pieces[0]) else np.vstack(pieces)
        pieces.clear()
        by = scale_of(self.blocks.facts or Facts()) ** -0.5
        run = prepare(X, self.rank, solver=HALS(), seed=self.spec.seed, stop=SAMPLE_STOP)
        done = 0.0
        for point in run:
            self._seconds, done = self._seconds + point.seconds - done, point.seconds
            if self._cancelled:
                raise Interrupted
            self._latest = Within(0, self._seconds, math.nan, math.nan, None, "Sample", point.iteration, SAMPLE_STOP.max_iter)
            yield self._latest
        descent.begin(run.result().H * by, "zeros")

    # -- points -----------------------------------------------------------------------------------------------------------------
    def _known(self) -> Descent:
        assert self._descent is not None
        return self._descent

    def _point(self, iteration: int, loss: float, seconds: float, kkt: float | None = None) -> Progress:
        """A point in the caller's units; the relative error is that of X - WH without the penalty."""
        problem, descent = self.problem, self._known()
        extra = descent.penalty_of_kept if iteration else descent.penalty_of_start
        loss = max(loss, 0.0) if math.isfinite(loss) else loss
        square = max(2.0 * (loss - extra), 0.0)
        error = math.sqrt(square / problem.squared_norm) if problem.squared_norm > 0 else 0.0
        return Progress(iteration, seconds, self._in_units(loss), error, kkt)

    def _relative_kkt(self, descent: Descent) -> float | None:
        value = math.sqrt(descent.kkt2) if math.isfinite(descent.kkt2) else None
        if value is None:
            return None
        if self._first_kkt is None:
            self._first_kkt = value
        return value / self._first_kkt if self._first_kkt > 0 else 0.0

    # -- the result -------------------------------------------------------------------------------------------------------------
    def result(self, *, as_recorded: bool = False) -> Factorization:
        """The factors of the last pass that was over. W is a mapped file where it is large; it lives as long as the array.

        as_recorded : take the last point of the history as it is, while another thread may be iterating

        Raises
        ------
        ProblemError
            If the run was ended before its first pass over the data was over: there are no weights yet.
        """
        if not self._kept or self._descent is None:
            raise ProblemError("The run was stopped before its first pass over the data was over, so there is no result yet.")
        descent, dtype = self._descent, self.blocks.dtype
        if not as_recorded and self.history[-1].iteration < self._iteration:  # the loop was left between two recorded points
            self.history.append(self._point(self._iteration, descent.loss, self._seconds))
        stopped = StopReason.CANCELLED if self._stopped is StopReason.UNFINISHED else self._stopped
        by = dtype.type(self.problem.scale**0.5)
        W = mapped_array((self.blocks.shape[0], self.rank), dtype, self._inside)
        with descent.lock:  # a pass under way writes elsewhere until it is kept
            for index, state in enumerate(self.engine.states()):
                begin, end = self.blocks.span(index)
                np.multiply(descent.weights(state), by, out=W[begin:end], casting="same_kind")
            H = np.ascontiguousarray(descent.H * by, dtype)
        if isinstance(W, np.memmap):
            W.flush()
        dead = [k + 1 for k in range(self.rank) if not descent.G_W[k, k] > 0 or not H[k].any()]
        names = ", ".join(map(str, dead))
        said = [f"Components that became zero and explain nothing: {names}. A lower rank would do."] if dead else []
        return Factorization(W, H, History(list(self.history.points)), stopped, self.spec, (*self.warnings, *said))


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


def _checked_start(blocks: Blocks, rank: int, W: Any, H: Any) -> tuple[np.ndarray, np.ndarray]:
    """Given factors, W as it is (it may be a file), both looked through.

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


def refuse_on_blocks(solver: Solver, mask: Any, symmetric: bool, loss: str | None) -> None:
    """Raise the sentence that says what blocks cannot do, and what can.

    mask : (m, n) or None

    Raises
    ------
    ProblemError
    """
    whole = "Take a part of the rows into memory (blocks.rows(0, 100_000)) for that."
    if not isinstance(solver, HALS):
        raise ProblemError(f"{solver.title} cannot visit data block by block. The solver that can: hals. {whole}")
    if mask is not None:
        raise ProblemError(f"Data in blocks cannot have missing entries (a mask was given). {whole}")
    if symmetric:
        raise ProblemError(f"Data in blocks cannot be factorized as X = S S^T. {whole}")
    if loss not in (None, "frobenius", "beta=2"):
        raise ProblemError(f"Data in blocks can have the Frobenius loss only, not {loss!r}. {whole}")


def refuse_guidance_on_blocks() -> None:
    """Raise the sentence that says what guided topics need.

    Raises
    ------
    ProblemError
    """
    raise ProblemError(
        "Guided topics are refitted on all of X in memory, which data in blocks is too large for. Guide a sample of its rows "
        "(nmfcore.evaluate.blocks.sample), then fit the weights of all rows to those topics (nmfcore.evaluate.blocks.transform)."
    )


def prepare_blocks(
    X: Any,
    rank: int | None = None,
    *,
    solver: str | Solver | None = None,
    solver_options: Mapping[str, Any] | None = None,
    init: str | None = None,
    W: Any = None,
    H: Any = None,
    seed: int | None = None,
    loss: str | None = None,
    stop: StopRule | None = None,
    mask: Any = None,
    symmetric: bool | None = None,
    penalty: Penalty | None = None,
    axes: Axes | None = None,
    spec: RunSpec | None = None,
    evaluate_every: int = 1,
    kkt_every: int | None = None,
    recording: Any = None,
    client: Any = None,
    threads: int | None = None,
    folder: str | Path | None = None,
    history: History | None = None,
) -> BlockedRun:
    """`prepare` for data in blocks: the same parameters, and those of `BlockedRun`.

    X : (m, n) blocks, or an array of Dask;  W : (m, r) and H : (r, n), a given start;  mask : (m, n), refused
    init : "sample" (a fit of a sample of the rows first), "nndsvd" (a sketch in two passes), "random" or "given"; None takes
        "sample" where there are many rows
    stop : as elsewhere, but without a limit of seconds when none is given
    client : a Dask client; for an array of Dask the present one is taken when there is one

    Raises
    ------
    ProblemError
        If the data, the rank or the combination cannot be factorized block by block; the message says what can.
    """
    chosen = chosen_solver(solver, solver_options, spec)
    refuse_on_blocks(chosen, mask, symmetric or (spec is not None and spec.symmetric), loss or (spec.loss if spec else None))
    assert isinstance(chosen, HALS)
    if recording is not None:
        raise ProblemError("A run on data in blocks keeps no iterates: each would be as long as the data. Record a sample's run.")
    blocks = as_visited(X, axes)
    if client is None and isinstance(blocks, DaskBlocks):
        client = present_client()
    if spec is None and init is None and W is None and H is None:
        init = usual_start_on(blocks, rank)
    if spec is None and stop is None:
        stop = StopRule(tol=chosen.tol, max_seconds=None)
    spec = specified(chosen, spec, rank, init, seed, loss, stop, symmetric, penalty, given=W is not None or H is not None)
    if spec.init not in STARTS:
        raise ProblemError(f"Data in blocks cannot begin from {spec.init!r}. Starts that can: {', '.join(STARTS)}.")
    if not spec.fingerprint and blocks.fingerprint:
        spec = spec.replace(fingerprint=blocks.fingerprint)
    if spec.guidance:
        refuse_guidance_on_blocks()
    return BlockedRun(
        blocks, spec.rank, chosen, spec, W=W, H=H, penalty=Penalty(**spec.penalty) or None, client=client, threads=threads,
        folder=folder, evaluate_every=evaluate_every, kkt_every=kkt_every, history=history,
    )  # fmt: skip


def usual_start_on(blocks: Blocks, rank: int | None) -> str:
    """The start where none is asked for: a sample where there is more than one, and rows enough for it; else a sketch."""
    stored = blocks.facts.stored if blocks.facts is not None else 0
    return "sample" if rank and stored >= SAMPLE_VALUES and sample_share(blocks, rank) is not None else "nndsvd"


def continue_blocks(
    factorization: Factorization,
    X: Any,
    *,
    stop: StopRule | None = None,
    penalty: Penalty | None = None,
    axes: Axes | None = None,
    **options: Any,
) -> BlockedRun:
    """A run on blocks that goes on from a finished factorization; parameters as in `continue_` and `prepare_blocks`.

    X : (m, n) blocks, or an array of Dask

    Raises
    ------
    ProblemError
        If the run diverged, or X does not fit the factors.
    """
    if factorization.stopped is StopReason.DIVERGED:
        raise ProblemError("This run diverged, and going on would only diverge again. Choose a smaller step and start anew.")
    spec = factorization.spec if stop is None else factorization.spec.replace(stop=stop)
    going_on = prepare_blocks(
        X, spec=spec.replace(init="given"), W=factorization.W, H=factorization.H, axes=axes, history=factorization.history,
        **options,
    )  # fmt: skip
    going_on.spec = spec
    if penalty is not None:
        going_on.penalty = penalty or None
    return going_on
