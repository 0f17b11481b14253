"""How does the loop of a factorization go?

There is one loop for all solvers. `Run` is an iterable of `Progress`: it copies the start, times only the solver's steps,
evaluates the loss off the clock, applies one stop rule, and can be left at any time; `result()` is valid whenever the loop
has been left. Live curves, cancelling, the solver race, the estimator and the command line are all consumers of it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nmfcore.core.checks import ProblemError, as_problem, check_start
from nmfcore.core.factorization import Factorization, Factors, History, Penalty, Problem, Progress, StopReason, stored_values
from nmfcore.core.guidance import Guidance
from nmfcore.core.losses import kkt_residual
from nmfcore.core.recording import Recording
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.solvers import make_solver, starts
from nmfcore.solvers.asked import Asked, refuse
from nmfcore.solvers.measure import exact_points, measured
from nmfcore.solvers.protocol import Solver
from nmfcore.solvers.remarks import dead_components, locked_zeros
from nmfcore.solvers.stopping import WINDOW, Since, has_settled, is_exact, is_far_up

MEASURED_AT_ONCE = 4_000_000  # stored values of X on which a divergence takes a third of a second
FINISHED = object()  # what the loop of a run says when it has ended


@dataclass(frozen=True, slots=True)
class Watch:
    """How closely a run is looked at.

    evaluate_every : evaluate the loss at every k-th iteration, and always at the last
    kkt_every : compute the KKT residual at every k-th iteration (each costs two products with X, off the clock);
        None: every fifth where the stop rule needs it, else never; 0: never
    recording : keeps iterates as the run goes, in the units of X; off the clock
    """

    evaluate_every: int = 1
    kkt_every: int | None = None
    recording: Recording | None = None

    def __post_init__(self) -> None:
        if self.evaluate_every < 1:
            raise ProblemError(f"evaluate_every must be at least 1, not {self.evaluate_every}.")


@dataclass(frozen=True, slots=True)
class Past:
    """What a run that goes on had before: its history, and the iterations at which it was continued itself."""

    history: History = field(default_factory=History)
    seams: tuple[int, ...] = ()


class Run:
    """One factorization under way.

    Iterate over it to make it work: each item is a `Progress` of the history. Leave the loop, or call `cancel()` from
    another thread, to stop; then `result()` holds the best so far. Iterating again goes on where it was left, exactly as if
    it had never been interrupted, with a fresh allowance of iterations and seconds. A step that ends in an exception leaves the
    run at the last recorded iteration; what the solver remembered is made anew.

    Parameters
    ----------
    problem : the checked problem; `as_problem` makes it
    solver : a solver of SOLVERS
    start : W and H in the caller's units; they are copied
    spec : what to write on the result; its stop rule is the one in force
    past : of the run that is being continued; the last point of its history must belong to `start`
    fresh : the start was made and checked for this run alone, as `init.start` does, and need not be again
    watched : the fields of `Watch`

    Raises
    ------
    ProblemError
        If the solver cannot run the problem; the message names those that can.

    Memory: the problem, the solver's own, two pairs of factors (the present one and the last recorded one), and
    `Recording.bytes_for` where iterates are kept.
    """

    def __init__(
        self, problem: Problem, solver: Solver, start: Factors, spec: RunSpec | None = None, *, past: Past | None = None,
        fresh: bool = False, **watched: Any,
    ) -> None:  # fmt: skip
        refuse(problem, solver)
        watch, past = Watch(**watched), past or Past()
        self.problem, self.solver, self.recording = problem, solver, watch.recording
        self.spec = spec or RunSpec(solver=solver.key, solver_options=solver.options(), rank=problem.rank, loss=problem.loss)
        self.stop = self.spec.stop
        self.evaluate_every = watch.evaluate_every
        self.kkt_every = watch.kkt_every if watch.kkt_every is not None else WINDOW * (self.stop.kkt > 0)
        self._seams = list(past.seams)
        self.history = History(list(past.history.points))
        self._iteration = self.history[-1].iteration if len(self.history) else 0
        self._seconds = self.history[-1].seconds if len(self.history) else 0.0
        start = start if fresh else check_start(problem, start.W, start.H)
        self._factors = start.scaled(problem.scale**-0.5)
        if problem.rules:  # the loop begins where the rules hold already
            self._factors = Factors(*problem.rules.allowed(self._factors.W, self._factors.H))
        self.warnings = locked_zeros(solver, self._factors)
        self._recorded: Factors = self._factors  # of the last recorded point: what result() returns
        self._settled: Factors | None = None  # those for which the last point is exact
        self._sizes = [math.nan] * len(self.history)  # of each point: what tol is measured on
        self._memory: Any = None
        self._rng = np.random.default_rng([self.spec.seed, self._iteration])
        self._first_kkt: float | None = None
        self._stopped = StopReason.UNFINISHED
        self._cancelled = False

    # -- the loop ---------------------------------------------------------------------------------------------------
    def __iter__(self) -> Iterator[Progress]:
        work = self.work()
        said = next(work, FINISHED)
        while said is not FINISHED:
            if isinstance(said, Progress):
                yield said
                said = next(work, FINISHED)
                continue
            began = time.perf_counter()
            try:
                with np.errstate(all="ignore"):
                    made = self.solver.step(self.problem, *self.standing)
            except BaseException as problem:  # not wanted any more (core/wanted.py), or out of memory
                work.throw(problem)
            said = sent(work, Stepped(*made, time.perf_counter() - began))

    def work(self) -> Generator[Progress | None, Stepped | None, None]:
        """The loop from inside: gives each new point of the history, and None where it wants a step, which is to be sent in.

        Whoever drives it makes the step from `standing`, alone or beside those of other runs (solvers/together.py). What went
        wrong there is thrown in: what was recorded last then still stands.
        """
        self._stopped = StopReason.UNFINISHED
        since = Since(self._iteration, self._seconds, max(0, len(self.history) - 1))
        if self._sizes and math.isnan(self._sizes[-1]):
            self._sizes[-1] = measured(self.problem, self._factors)[2]
        if self._memory is None and self._begin():
            yield self.history[-1]
        reason = StopReason.EXACT if self._exact() else self._limit(since)
        while reason is None:
            try:
                stepped = yield None
            except GeneratorExit:
                raise
            except BaseException:
                self._factors, self._memory = self._recorded, None
                self._iteration = self.history[-1].iteration
                raise
            assert stepped is not None  # for the type checker: whoever drives it sends what it made
            self._factors, self._memory = stepped.factors, stepped.memory
            self._seconds += stepped.seconds
            self._iteration += 1
            reason = self._limit(since)
            if reason is None and self._iteration % self.evaluate_every:
                continue
            if not self._record():
                self._stopped, self._cancelled = StopReason.DIVERGED, False
                self._factors, self._memory = self._recorded, None
                return
            reason = self._converged(since) or reason  # a run that has converged at its last iteration has converged
            if reason is not None:
                self._stopped = reason
                self._settle()
            yield self.history[-1]
            reason = reason or self._limit(since)  # a cancel that came while the consumer looked
        self._stopped, self._cancelled = reason, False

    def _begin(self) -> bool:
        """Make what the solver remembers; whether the start is a new point of the history, at 0 seconds."""
        if self._iteration:
            self._seams.append(self._iteration)
            self._rng = np.random.default_rng([self.spec.seed, self._iteration])  # as for a run that is continued there
        began = time.perf_counter()
        with np.errstate(all="ignore"):  # a diverging run is a result here, not a warning
            self._memory = self.solver.start(self.problem, self._factors, self._rng)
        prepared = time.perf_counter() - began
        new = not len(self.history)
        if new:
            self._record()
        self._seconds += prepared
        if not new and self.kkt_every and self.history[-1].kkt:  # goes on measuring against the first start
            self._first_kkt = kkt_residual(self.problem, self._factors) / self.history[-1].kkt
        return new

    @property
    def standing(self) -> tuple[Factors, Any]:
        """Where the next step begins: the present factors, and what the solver remembers."""
        return self._factors, self._memory

    def cancel(self) -> None:
        """Ask the loop to end after the present step; may be called from another thread, also before the loop has begun."""
        self._cancelled = True

    def _limit(self, since: Since) -> StopReason | None:
        """Whether the run was cancelled or has used up its iterations or seconds, counted since this loop began."""
        if self._cancelled:
            return StopReason.CANCELLED
        if self._iteration - since.iteration >= self.stop.max_iter:
            return StopReason.ITERATIONS
        if self.stop.max_seconds is not None and self._seconds - since.seconds >= self.stop.max_seconds:
            return StopReason.SECONDS
        return None

    def _record(self) -> bool:
        """Append the present factors' point to the history, unless it is not finite; the start is always recorded."""
        point, size = self._evaluate()
        if len(self.history) and not (math.isfinite(point.loss) and math.isfinite(point.relative_error)):
            return False
        self._sizes.append(size)
        self.history.append(point)
        self._recorded = self._factors
        if self.recording is not None:
            self.recording.take(point.iteration, point.relative_error, self._factors.scaled(self.problem.scale**0.5))
        return True

    def _settle(self) -> None:
        """Compute the last point once more, in float64 from the factors that are returned (`exact_points`)."""
        if self._settled is self._recorded:
            return
        self._settled = self._recorded
        self.history.points[:], size = exact_points(
            self.problem, self._recorded, self.history.points, monotone=self.solver.monotone
        )
        if size is not None:
            self._sizes[-1] = size

    def _evaluate(self) -> tuple[Progress, float]:
        """The loss and errors of the present factors; off the clock, and without a product where the step handed them over."""
        known, cross = (_finite(getattr(self._memory, name, None)) for name in ("loss", "cross"))
        value, error, size = measured(self.problem, self._factors, known, cross)
        kkt = self._kkt() if self.kkt_every and self._iteration % self.kkt_every == 0 else None
        return Progress(self._iteration, self._seconds, value, error, kkt), size

    def _kkt(self) -> float | None:
        value = kkt_residual(self.problem, self._factors)
        if not math.isfinite(value):
            return None
        if self._first_kkt is None:
            self._first_kkt = value
        return value / self._first_kkt if self._first_kkt > 0 else 0.0

    def _size_at(self, point: int) -> float:
        """What tol is measured on, at that point of the history."""
        return self._sizes[point]

    def _exact(self) -> bool:
        return is_exact(self.problem, self.history[-1])

    def _converged(self, since: Since) -> StopReason | None:
        """The stop rule, the same for all solvers; or that the run went the wrong way."""
        if self._exact():
            return StopReason.EXACT
        points = self.history.points
        reason = has_settled(self.stop, points, self._size_at, since)
        return reason or (StopReason.DIVERGED if is_far_up(self.problem, points, self._size_at, since) else None)

    def release(self) -> None:
        """Let go of what the solver remembers and of its copies of X; iterating again makes them anew."""
        self._memory = None
        for name in ("single", "Xt", "notes"):
            self.problem.__dict__.pop(name, None)

    # -- the result -------------------------------------------------------------------------------------------------
    def result(self, *, as_recorded: bool = False) -> Factorization:
        """The factors of the last recorded loss, in the caller's units; valid at any time.

        as_recorded : take the last point of the history as it is, while another thread may be iterating; there must be one. A
            divergence on large X is not measured again then (its loss has float32's seven digits): somebody is waiting

        The history holds finite losses only: a run that diverged keeps its curve up to the last finite factors, which are
        the ones returned.
        """
        between = self._recorded is not self._factors and self._stopped is StopReason.UNFINISHED
        if not as_recorded and (between or not len(self.history)):
            self._record()  # the loop was left between two evaluations, or never begun
        if as_recorded:  # the history is another thread's
            factors, points = self._recorded, list(self.history.points)
            if self.problem.loss == "frobenius" or stored_values(self.problem.X) <= MEASURED_AT_ONCE:
                points, _ = exact_points(self.problem, factors, points, monotone=self.solver.monotone)
        else:
            self._settle()
            factors, points = self._recorded, self.history.points
        stopped = StopReason.CANCELLED if self._stopped is StopReason.UNFINISHED else self._stopped
        factors = factors.scaled(self.problem.scale**0.5)
        W, H = (np.ascontiguousarray(F, dtype=self.problem.dtype) for F in (factors.W, factors.H))
        history = History([*(p for p in points[:-1] if math.isfinite(p.loss)), points[-1]])
        warnings = (*self.warnings, *dead_components(W, H))
        return Factorization(W, H, history, stopped, self.spec, warnings, tuple(dict.fromkeys(self._seams)))


@dataclass(frozen=True, eq=False)
class Stepped:
    """A step that was made: the new factors, what the solver remembers, and the seconds it took."""

    factors: Factors
    memory: Any
    seconds: float


def sent(work: Generator[Progress | None, Stepped | None, None], step: Stepped) -> Progress | object | None:
    """What a run's loop says to a step: a point, None for the next step, or FINISHED."""
    try:
        return work.send(step)
    except StopIteration:
        return FINISHED


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def prepare(
    X: Any, rank: int | None = None, *, W: Any = None, H: Any = None, mask: Any = None, axes: Any = None, **options: Any
) -> Run:
    """The run of `solve`, not yet begun: iterate over it to watch it work. Parameters as in `solve`.

    X : (m, n) array or CSR, >= 0;  W : (m, r) and H : (r, n), a given start;  mask : (m, n), 1 = observed
    options : those of `Asked`, and of `Watch`: evaluate_every, kkt_every, recording
    """
    watched = {name: options.pop(name) for name in Watch.__slots__ if name in options}
    asked = Asked(rank, **options)
    chosen = asked.chosen()
    spec = asked.specification(chosen, given=W is not None or H is not None)
    problem = as_problem(
        X, spec.rank, loss=spec.loss, mask=mask, symmetric=spec.symmetric, penalty=Penalty(**spec.penalty), axes=axes
    )
    refuse(problem, chosen)
    spec = spec.replace(guidance=Guidance())  # a run is one fit; what was wished comes after it (nmfcore/run.py)
    start = starts.start(problem, spec.init, spec.seed, W=W, H=H)
    return Run(problem, chosen, start, spec, fresh=True, **watched)


def continue_(
    factorization: Factorization, X: Any, *, stop: StopRule | None = None, mask: Any = None, symmetric: bool | None = None,
    penalty: Penalty | None = None, axes: Any = None, **watched: Any,
) -> Run:  # fmt: skip
    """A run that goes on from a finished factorization: same solver, new allowance, one history.

    What a solver remembers between steps (momentum, step sizes) starts afresh; to go on without that seam, iterate over the
    same `Run` again.

    Parameters
    ----------
    factorization : the result to go on from; its spec names the solver
    X, mask : (m, n) the data, as they were given to `prepare`
    axes : their labels
    symmetric, penalty : as they were given to `prepare`, or None: the specification has them
    stop : the stop rule of the continuation; None for the same allowance again
    watched : evaluate_every and kkt_every, as in `Watch`

    Raises
    ------
    ProblemError
        If the run diverged (its factors are where a too large step began), was guided, X does not fit the factors, or an
        argument is not what the specification says.
    """
    if factorization.stopped is StopReason.DIVERGED:
        raise ProblemError("This run diverged, and going on would only diverge again. Choose a smaller step and start anew.")
    spec = factorization.spec
    if spec.guidance:
        raise ProblemError("A guided run is refitted until it converges: there is nothing to go on with. Steer it further.")
    solver = make_solver(spec.solver, spec.solver_options)
    spec = Asked(symmetric=symmetric, penalty=penalty, spec=spec).specification(solver)
    spec = spec if stop is None else spec.replace(stop=stop)
    problem = as_problem(
        X, factorization.rank, loss=spec.loss, mask=mask, symmetric=spec.symmetric, penalty=Penalty(**spec.penalty), axes=axes
    )
    return Run(problem, solver, factorization.factors, spec, past=Past(factorization.history, factorization.seams), **watched)
