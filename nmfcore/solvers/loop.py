"""How does the loop of a factorization go?

There is one loop for all solvers. `Run` is an iterable of `Progress`: it copies the start, times only the solver's steps,
evaluates the loss off the clock, applies one stop rule, and can be left at any time; `result()` is valid whenever the loop
has been left. Live curves, cancelling, the solver race, the estimator and the command line are all consumers of it.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nmfcore.core.checks import ProblemError, as_problem, check_start, times_power_of_two
from nmfcore.core.factorization import (
    Factorization,
    Factors,
    History,
    Penalty,
    Problem,
    Progress,
    StopReason,
    beta_of,
    stored_values,
)
from nmfcore.core.guidance import Guidance
from nmfcore.core.losses import CANCELS, inner, kkt_residual, loss, penalty, squared_error
from nmfcore.core.recording import Recording
from nmfcore.core.spec import RunSpec, StopRule, usual_start
from nmfcore.core.written import percent
from nmfcore.kernels.engines import compiled, multiply
from nmfcore.solvers import SOLVERS, make_solver, starts
from nmfcore.solvers.protocol import Solver

WINDOW = 5  # iterations over which tol is averaged: one slow step among fast ones does not end a run
NO_FLOAT = "The loss in the units of this data is no number that a float holds; the nearest is shown. Relative errors are right."
MEASURED_AT_ONCE = 4_000_000  # stored values of X on which a divergence takes a third of a second
RISEN = 100.0  # times its lowest, and worse than no model at all: an error up here does not come back
FINISHED = object()  # what the loop of a run says when it has ended
EXACT = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-14}  # relative errors at which only rounding is left


NOISE = 1e-4  # of the loss: what lies further below the exact one is no rounding of float32


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
    evaluate_every : evaluate the loss at every k-th iteration, and always at the last
    kkt_every : compute the KKT residual at every k-th iteration (each costs two products with X, off the clock);
        None: every fifth where the stop rule needs it, else never; 0: never
    history : the history of a run that is being continued; its last point must belong to `start`
    seams : the iterations at which the run that is being continued was continued itself
    fresh : the start was made and checked for this run alone, as `init.start` does, and need not be again
    recording : keeps iterates as the run goes, in the units of X; off the clock

    Raises
    ------
    ProblemError
        If the solver cannot run the problem; the message names those that can.

    Memory: the problem, the solver's own, two pairs of factors (the present one and the last recorded one), and
    `Recording.bytes_for` where iterates are kept.
    """

    def __init__(
        self,
        problem: Problem,
        solver: Solver,
        start: Factors,
        spec: RunSpec | None = None,
        *,
        evaluate_every: int = 1,
        kkt_every: int | None = None,
        history: History | None = None,
        fresh: bool = False,
        recording: Recording | None = None,
        seams: tuple[int, ...] = (),
    ) -> None:
        refuse(problem, solver)
        if evaluate_every < 1:
            raise ProblemError(f"evaluate_every must be at least 1, not {evaluate_every}.")
        self.problem, self.solver, self.recording = problem, solver, recording
        self.spec = spec or RunSpec(solver=solver.key, solver_options=solver.options(), rank=problem.rank, loss=problem.loss)
        self.stop = self.spec.stop
        self.evaluate_every = evaluate_every
        self.kkt_every = kkt_every if kkt_every is not None else WINDOW * (self.stop.kkt > 0)
        self.warnings: list[str] = []
        self._seams = list(seams)
        self.history = History(list(history.points)) if history else History()
        self._iteration = self.history[-1].iteration if len(self.history) else 0
        self._seconds = self.history[-1].seconds if len(self.history) else 0.0
        start = start if fresh else check_start(problem, start.W, start.H)
        self._factors = start.scaled(problem.scale**-0.5)
        if problem.rules:  # the loop begins where the rules hold already
            self._factors = Factors(*problem.rules.allowed(self._factors.W, self._factors.H))
        self._recorded: Factors = self._factors  # of the last recorded point: what result() returns
        self._settled: Factors | None = None  # those for which the last point is exact
        self._sizes = [math.nan] * len(self.history)  # of each point: what tol is measured on
        self._memory: Any = None
        self._rng = np.random.default_rng([self.spec.seed, self._iteration])
        self._first_kkt: float | None = None
        self._stopped = StopReason.UNFINISHED
        self._cancelled = False
        if solver.locks_zeros:
            locked = sum(int(np.count_nonzero(f == 0)) for f in (self._factors.W, self._factors.H))
            if locked:
                share = locked / (self._factors.W.size + self._factors.H.size)
                self.warnings.append(
                    f"{percent(share, 0)} of the start is zero, and {solver.title} can never change a zero: the loss stops "
                    "higher. Start from nndsvda or random instead."
                )

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
            self._sizes[-1] = self._measured(self._factors)[2]
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
                self._stopped = StopReason.DIVERGED
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
        """Compute the last point once more, in float64 from the factors that are returned.

        On its way a run may work in float32, whose losses are off by about 1e-7 ||X||^2: enough to fall below the SVD's. Where
        the loss cannot have risen, what was recorded before and is lower than the last loss was too low, and is raised to it.
        """
        if self._settled is self._recorded:
            return
        self._settled = self._recorded
        self.history.points[:], size = self._exact_points(self._recorded, self.history.points)
        if size is not None:
            self._sizes[-1] = size

    def _exact_points(self, factors: Factors, points: list[Progress]) -> tuple[list[Progress], float | None]:
        """The points with the last one exact, as `_settle` says, and its size; None where it is no number."""
        double = factors.in_double
        value, error, size = self._measured(double, cross=self._cross(double))
        if not (math.isfinite(value) and math.isfinite(error)):
            return points, None
        points = [*points[:-1], replace(points[-1], loss=value, relative_error=error)]
        alike = self.problem.loss == "frobenius" and self.problem.plain_loss
        noise = NOISE * max(value, points[0].loss)
        for k in range(len(points) - 2, -1, -1):
            below = value - points[k].loss
            if self.solver.monotone and abs(below) > noise:  # so far above the last one, none before it is below
                break
            if 0 < below <= noise:
                points[k] = replace(points[k], loss=value, relative_error=error if alike else points[k].relative_error)
        return points, size

    def _cross(self, factors: Factors) -> float | None:
        """<X, WH> in float64 where the compiled product computes it: in half the time, and leaving the interpreter to others."""
        p = self.problem
        if compiled() is None or not p.sparse or p.mask is not None or p.loss != "frobenius" or p.dtype != np.float64:
            return None
        return inner(multiply(p.X, np.ascontiguousarray(factors.H.T)), factors.W)

    def _evaluate(self) -> tuple[Progress, float]:
        """The loss and errors of the present factors; off the clock, and without a product where the step handed them over."""
        known, cross = (_finite(getattr(self._memory, name, None)) for name in ("loss", "cross"))
        value, error, size = self._measured(self._factors, known, cross)
        kkt = self._kkt() if self.kkt_every and self._iteration % self.kkt_every == 0 else None
        return Progress(self._iteration, self._seconds, value, error, kkt), size

    def _measured(self, factors: Factors, known: float | None = None, cross: float | None = None) -> tuple[float, float, float]:
        """The loss, in the caller's units, the relative error, and the size that tol is measured on, of some factors.

        The size is the relative error; for other losses and penalised ones the square root of the loss, which scales alike, in
        the problem's units: those of the caller may be no numbers.

        known, cross : the loss and <X, WH>, where a step has them already
        """
        problem = self.problem
        norm2 = problem.squared_norm
        with np.errstate(all="ignore"):
            if problem.loss == "frobenius":
                extra = penalty(problem, factors)
                half = None if known is None else known - extra
                if half is None or half < norm2 * 0.5 * CANCELS[factors.W.dtype] ** 2:
                    half = 0.5 * squared_error(problem, factors, cross)
                value, square = half + extra, 2.0 * half
            else:
                square = squared_error(problem, factors, cross)
                value = loss(problem, factors) if known is None else known
            error = math.sqrt(square / norm2) if norm2 > 0 else float(square > 0)
        plain = problem.loss == "frobenius" and problem.plain_loss
        return self._in_units(value), error, error if plain else math.sqrt(max(value, 0.0))

    def _in_units(self, value: float) -> float:
        """A loss in the caller's units, D_beta(aX | aWH) = a^beta D_beta(X | WH), or the float that is nearest to it."""
        if not math.isfinite(value):
            return value
        units = times_power_of_two(value, beta_of(self.problem.loss) * math.log2(self.problem.scale))
        if value and (not units or math.isinf(units)) and NO_FLOAT not in self.warnings:
            self.warnings.append(NO_FLOAT)
        return min(units, sys.float_info.max)  # data near 1e300: a loss that no float holds is not a run that diverged

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
        return self.problem.plain_loss and self.history[-1].relative_error <= EXACT[self.problem.dtype]

    def _converged(self, since: Since) -> StopReason | None:
        """The stop rule, the same for all solvers."""
        now = self.history[-1]
        if self._exact():
            return StopReason.EXACT
        if self.stop.kkt > 0 and now.kkt is not None and now.kkt <= self.stop.kkt:
            return StopReason.KKT
        if self.stop.tol > 0:
            points = self.history.points
            back = len(points) - 2
            while back > since.point and now.iteration - points[back].iteration < WINDOW:
                back -= 1
            steps = now.iteration - points[back].iteration if back >= since.point else 0
            if steps >= WINDOW:
                size = self._size_at(len(points) - 1)
                if abs(self._size_at(back) - size) <= self.stop.tol * steps * size:  # one that rises has not converged
                    return StopReason.CONVERGED
        return StopReason.DIVERGED if self._far_up(since) else None

    def _far_up(self, since: Since) -> bool:
        """Whether the run is far above what it has been and above no model at all; for other losses than Frobenius, where the
        relative error may rise while the loss falls: above its start."""
        if self.problem.loss == "frobenius":
            errors = [p.relative_error for p in self.history.points[since.point :]]
            return errors[-1] > max(1.0, RISEN * min(errors))
        return self._sizes[-1] > max(self._sizes[since.point], RISEN * min(self._sizes[since.point :]))

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
                points, _ = self._exact_points(factors, points)
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


@dataclass(frozen=True)
class Since:
    """Where the present loop began: its iteration, its seconds and the index of its first point."""

    iteration: int
    seconds: float
    point: int


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def dead_components(W: np.ndarray, H: np.ndarray) -> list[str]:
    """One sentence naming the components that are zero in W or H, or nothing.

    W : (m, r);  H : (r, n)
    """
    dead = [k + 1 for k in range(W.shape[1]) if not W[:, k].any() or not H[k].any()]
    if not dead:
        return []
    names = ", ".join(map(str, dead))
    claim = f"Components {names} became zero and explain" if len(dead) > 1 else f"Component {names} became zero and explains"
    return [f"{claim} nothing: a lower rank would do."]


def refuse(problem: Problem, solver: Solver) -> None:
    """Raise the sentence that says why this solver cannot run this problem and which can.

    Raises
    ------
    ProblemError
    """
    why = solver.refusal(problem)
    if why is None:
        return
    able = [key for key, kind in SOLVERS.items() if kind().refusal(problem) is None]
    raise ProblemError(f"{why} Solvers that can: {', '.join(able) or 'none here'}.")


def prepare(
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
    axes: Any = None,
    spec: RunSpec | None = None,
    evaluate_every: int = 1,
    kkt_every: int | None = None,
    recording: Recording | None = None,
) -> Run:
    """The run of `solve`, not yet begun: iterate over it to watch it work. Parameters as in `solve`.

    X : (m, n) array or CSR, >= 0;  W : (m, r) and H : (r, n), a given start;  mask : (m, n), 1 = observed
    """
    chosen = chosen_solver(solver, solver_options, spec)
    spec = specified(chosen, spec, rank, init, seed, loss, stop, symmetric, penalty, given=W is not None or H is not None)
    problem = as_problem(
        X, spec.rank, loss=spec.loss, mask=mask, symmetric=spec.symmetric, penalty=Penalty(**spec.penalty), axes=axes
    )
    refuse(problem, chosen)
    spec = spec.replace(guidance=Guidance())  # a run is one fit; what was wished comes after it (nmfcore/run.py)
    start = starts.start(problem, spec.init, spec.seed, W=W, H=H)
    return Run(problem, chosen, start, spec, evaluate_every=evaluate_every, kkt_every=kkt_every, fresh=True, recording=recording)


def chosen_solver(solver: str | Solver | None, options: Mapping[str, Any] | None, spec: RunSpec | None) -> Solver:
    """The solver that the arguments and the specification name, if they do not contradict each other."""
    if isinstance(solver, Solver):
        if options:
            raise ProblemError("A solver object has its own parameters: give solver_options with a key, or neither.")
        chosen = solver
    elif spec is None:
        return make_solver(solver if solver is not None else RunSpec().solver, options)
    else:
        chosen = make_solver(
            solver if solver is not None else spec.solver, options if options is not None else spec.solver_options
        )
    if spec is not None:
        _agree("solver", chosen.key, spec.solver)
        _agree("solver_options", chosen.options(), {**type(chosen)().options(), **spec.solver_options})
    return chosen


def specified(
    solver: Solver, spec: RunSpec | None, rank: int | None, init: str | None, seed: int | None, loss: str | None,
    stop: StopRule | None, symmetric: bool | None, penalty: Penalty | None, *, given: bool,
) -> RunSpec:  # fmt: skip
    """The specification of a run: the one that is given, whole, or one made of the arguments.

    Raises
    ------
    ProblemError
        If the specification and an argument say different things.
    """
    if penalty is not None and not isinstance(penalty, Penalty):
        raise ProblemError(f"A penalty is written as Penalty(l1_H=0.1), not {penalty!r}.")
    weights = None if penalty is None else dict(vars(penalty))
    init = "given" if given else init
    said = {"rank": rank, "init": init, "seed": seed, "loss": loss, "stop": stop, "symmetric": symmetric, "penalty": weights}
    named: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    if spec is not None:
        asked = spec.replace(**named)  # makes both sides plain
        for name in named:
            _agree(name, getattr(asked, name), getattr(spec, name))
        return spec
    if rank is None:
        raise ProblemError("The rank is missing: say how many components W and H have, for example solve(X, 6).")
    named.setdefault("init", usual_start(loss or "frobenius", keeps_zeros=solver.locks_zeros))
    named.setdefault("stop", StopRule(tol=solver.tol))
    return RunSpec(solver=solver.key, solver_options=solver.options(), **named)


def _agree(name: str, argument: Any, specified: Any) -> None:
    if argument != specified:
        raise ProblemError(f"The specification says {name} = {specified!r}, the argument {argument!r}. Give one of the two.")


def continue_(
    factorization: Factorization,
    X: Any,
    *,
    stop: StopRule | None = None,
    mask: Any = None,
    symmetric: bool | None = None,
    penalty: Penalty | None = None,
    axes: Any = None,
    evaluate_every: int = 1,
    kkt_every: int | None = None,
) -> Run:
    """A run that goes on from a finished factorization: same solver, new allowance, one history.

    What a solver remembers between steps (momentum, step sizes) starts afresh; to go on without that seam, iterate over the
    same `Run` again.

    Parameters
    ----------
    factorization : the result to go on from; its spec names the solver
    X, mask : (m, n) the data, as they were given to `prepare`
    axes : their labels
    symmetric, penalty : as they were given to `prepare`; None for what the specification says
    stop : the stop rule of the continuation; None for the same allowance again

    Raises
    ------
    ProblemError
        If the run diverged (its factors are where a too large step began), was guided, or X does not fit the factors.
    """
    if factorization.stopped is StopReason.DIVERGED:
        raise ProblemError("This run diverged, and going on would only diverge again. Choose a smaller step and start anew.")
    spec = factorization.spec
    if spec.guidance:
        raise ProblemError("A guided run is refitted until it converges: there is nothing to go on with. Steer it further.")
    spec = spec if stop is None else spec.replace(stop=stop)
    penalty = Penalty(**spec.penalty) if penalty is None else penalty
    symmetric = spec.symmetric if symmetric is None else symmetric
    problem = as_problem(X, factorization.rank, loss=spec.loss, mask=mask, symmetric=symmetric, penalty=penalty, axes=axes)
    solver = make_solver(spec.solver, spec.solver_options)
    return Run(
        problem, solver, factorization.factors, spec,
        evaluate_every=evaluate_every, kkt_every=kkt_every, history=factorization.history, seams=factorization.seams,
    )  # fmt: skip
