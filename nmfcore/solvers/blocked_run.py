"""How is a factorization run on data that is visited block by block?

`BlockedRun` is a `Run` whose iteration is one pass over X: the same history, stop rules, cancelling, going on and result.
Beside the recorded points it yields a `Within` for each block that is done, so that whoever watches sees the pass go on, and
can leave it in the middle; what counts is then the last pass that was over.
"""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nmfcore.core.blocks import Blocks, Facts
from nmfcore.core.checks import ProblemError, check_rank
from nmfcore.core.factorization import Factorization, History, Penalty, Progress, StopReason
from nmfcore.core.spec import RunSpec
from nmfcore.solvers.block_engines import Engine, engine_for, mapped_array, own_folder
from nmfcore.solvers.block_starts import Leg, checked_start, legs, looks
from nmfcore.solvers.block_work import Interrupted
from nmfcore.solvers.blocked import Descent, WholeProblem
from nmfcore.solvers.hals import HALS
from nmfcore.solvers.loop import Run
from nmfcore.solvers.measure import in_units
from nmfcore.solvers.remarks import nothing_explained
from nmfcore.solvers.stopping import WINDOW, Since

# Of the states of all blocks: more than this is kept in files beside the run, and W in one file of its own.
STATE_BYTES = 512 << 20


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


@dataclass(frozen=True, eq=False)
class Visit:
    """By whom blocks are visited, and where the files of a run may lie.

    client : a Dask client that does the work; None for threads of this process
    threads : of this process; the result does not depend on it
    folder : where files of this run may lie for as long as it lives; None for the system's place for temporary files
    """

    client: Any = None
    threads: int | None = None
    folder: str | Path | None = None

    def engine(self, blocks: Blocks, rank: int, files: Path) -> Engine:
        """Whoever visits; the states of the blocks lie in `files` where they are large, or could be lost with a worker."""
        large = 4 * blocks.shape[0] * (rank + 7) * blocks.dtype.itemsize > STATE_BYTES
        return engine_for(blocks, self.client, self.threads, files if large or self.client is not None else None)


HERE = Visit()


class BlockedRun(Run):
    """One factorization of blocks under way; see `Run`, whose loop and rules these are.

    Parameters
    ----------
    blocks : the data
    solver : HALS; its `sketch` is for matrices in memory and changes nothing here
    spec : what to write on the result; its rank, start, penalty and stop rule are the ones in force
    given : W (m, r), maybe a mapped file, and H (r, n), for the start "given"
    visit : by whom the blocks are visited
    history : of a run that is being continued

    Raises
    ------
    ProblemError
        If rank or start do not fit the data.
    """

    def __init__(
        self,
        blocks: Blocks,
        solver: HALS,
        spec: RunSpec,
        *,
        given: tuple[Any, Any] = (None, None),
        visit: Visit = HERE,
        evaluate_every: int = 1,
        kkt_every: int | None = None,
        history: History | None = None,
    ) -> None:
        if evaluate_every < 1:
            raise ProblemError(f"evaluate_every must be at least 1, not {evaluate_every}.")
        self.blocks, self.solver, self.spec, self.stop = blocks, solver, spec, spec.stop
        self.hals = solver
        self.rank = check_rank(spec.rank, blocks.shape)
        self.penalty = Penalty(**spec.penalty) or None
        self.evaluate_every = evaluate_every
        self.kkt_every = kkt_every if kkt_every is not None else WINDOW * (self.stop.kkt > 0)
        self.warnings: list[str] = []
        self.history = History(list(history.points)) if history else History()
        self._iteration = self.history[-1].iteration if len(self.history) else 0
        self._seconds = self.history[-1].seconds if len(self.history) else 0.0
        self._given = checked_start(blocks, self.rank, *given) if spec.init == "given" else None
        self._first_kkt: float | None = None
        self._stopped, self._cancelled, self._begun = StopReason.UNFINISHED, False, False
        self._descent: Descent | None = None
        self._latest: Within | None = None
        self.visit, (self.folder, self._remove) = visit, own_folder(visit.folder)
        weakref.finalize(self, self._remove)
        self.engine = visit.engine(blocks, self.rank, self.folder)

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
                yield from self._walked(Leg(f"Pass {self._iteration + 1}", descent.step(still=still)), since)
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
                    yield from self._walked(Leg("Residual", descent.residual()), since)
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

    def _made_exact(self, descent: Descent, since: Since) -> Iterator[Within]:
        """Make the last point exact; what was recorded before and is lower was too low, for the loss never rises."""
        yield from self._walked(Leg("Exact loss", descent.exact(), timed=False), since)
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

    def _walked(self, leg: Leg, since: Since) -> Iterator[Within]:
        """Walk a leg on the clock, with a moment for every part; raises `Interrupted` when asked to end."""
        read, spent = 0, 0.0
        seen: set[int] = set()  # a pass that lost a worker begins again
        sizes = leg.sizes or self.blocks.nbytes
        try:
            while True:
                began = time.perf_counter()
                index = next(leg.walk, None)
                took = time.perf_counter() - began
                self._seconds, spent = self._seconds + took, spent + took
                if index is None:
                    return
                if self._cancelled or (leg.timed and self._kept and self._out_of_time(since)):
                    raise Interrupted
                seen.add(index)
                read += sizes(index)
                self._latest = self._moment(leg, len(seen), read, spent)
                yield self._latest
        finally:
            leg.walk.close()  # type: ignore[attr-defined]

    def _moment(self, leg: Leg, done: int, read: int, spent: float) -> Within:
        """What can be seen of a leg now, after so many parts, bytes and seconds of it."""
        loss, error = (self.history[-1].loss, self.history[-1].relative_error) if len(self.history) else (math.nan, math.nan)
        count = leg.of or len(self.blocks)
        left = None if leg.of is not None else spent / done * max(0, count - done)  # what has no fixed end may end at once
        speed = read / max(spent, 1e-9)
        return Within(self._iteration, self._seconds, loss, error, None, leg.phase, done, count, read, speed, left)

    @property
    def _kept(self) -> bool:
        """Whether a pass was over, so that there are weights."""
        return self._descent is not None and not self._descent.first

    def _out_of_time(self, since: Since) -> bool:
        return self.stop.max_seconds is not None and self._seconds - since.seconds >= self.stop.max_seconds

    # -- starts -----------------------------------------------------------------------------------------------------------------
    def _prepared(self, since: Since) -> Iterator[Within]:
        """What is known of all entries, and the start; may be left and taken up again."""
        if self.blocks.facts is None:
            found: list[Facts] = []
            yield from self._walked(Leg("Reading", looks(self.engine, found)), since)
            self.blocks.facts = sum(found, Facts())
        problem = WholeProblem.of(self.blocks.shape, self.rank, self.blocks.dtype, self.blocks.facts, self.penalty)
        self.problem: Any = problem  # what the rules of `Run` read of it
        descent = Descent(self.engine, problem, extrapolate=self.hals.extrapolate, sweeps=self.hals.sweeps)
        for leg in legs(self.engine, descent, self.spec, self._given):
            yield from self._walked(leg, since)
        self._descent, self._begun = descent, True

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
        return Progress(iteration, seconds, in_units("frobenius", problem.scale, loss), error, kkt)

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
        W = mapped_array((self.blocks.shape[0], self.rank), dtype, self.visit.folder)
        with descent.lock:  # a pass under way writes elsewhere until it is kept
            for index, state in enumerate(self.engine.states()):
                begin, end = self.blocks.span(index)
                np.multiply(descent.weights(state), by, out=W[begin:end], casting="same_kind")
            H = np.ascontiguousarray(descent.H * by, dtype)
        if isinstance(W, np.memmap):
            W.flush()
        said = nothing_explained([k for k in range(self.rank) if not descent.G_W[k, k] > 0 or not H[k].any()])
        return Factorization(W, H, History(list(self.history.points)), stopped, self.spec, (*self.warnings, *said))
