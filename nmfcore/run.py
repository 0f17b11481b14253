"""How is a factorization run?

There is one loop for all solvers. `Run` is an iterable of `Progress`: it copies the start, times only the solver's steps,
evaluates the loss off the clock, applies one stop rule, and can be left at any time; `result()` is valid whenever the loop
has been left. Live curves, cancelling, the solver race, the estimator and the command line are all consumers of it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nmfcore import init as starts
from nmfcore.checks import ProblemError, as_problem, check_start
from nmfcore.factorization import Factorization, Factors, History, Penalty, Problem, Progress, StopReason
from nmfcore.losses import kkt_residual, loss, squared_error
from nmfcore.solvers import SOLVERS, make_solver
from nmfcore.solvers.protocol import Solver
from nmfcore.spec import RunSpec, StopRule

WINDOW = 5  # iterations over which tol is averaged: one slow step among fast ones does not end a run
EXACT = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-14}  # relative errors at which only rounding is left


class Run:
    """One factorization under way.

    Iterate over it to make it work: each item is a `Progress` of the history. Leave the loop, or call `cancel()` from
    another thread, to stop; then `result()` holds the best so far. Iterating again continues.

    Parameters
    ----------
    problem : the checked problem; `as_problem` makes it
    solver : a solver of SOLVERS
    start : W and H in the caller's units; they are copied
    spec : what to write on the result; its stop rule is the one in force
    evaluate_every : evaluate the loss at every k-th iteration, and always at the last
    history : the history of a run that is being continued

    Raises
    ------
    ProblemError
        If the solver cannot run the problem; the message names those that can.
    """

    def __init__(
        self,
        problem: Problem,
        solver: Solver,
        start: Factors,
        spec: RunSpec | None = None,
        *,
        evaluate_every: int = 1,
        history: History | None = None,
    ) -> None:
        refuse(problem, solver)
        if evaluate_every < 1:
            raise ProblemError(f"evaluate_every must be at least 1, not {evaluate_every}.")
        self.problem, self.solver = problem, solver
        self.spec = spec or RunSpec(solver=solver.key, solver_options=solver.options(), rank=problem.rank, loss=problem.loss)
        self.stop = self.spec.stop
        self.evaluate_every = evaluate_every
        self.warnings: list[str] = []
        self.history = History(list(history.points)) if history else History()
        self._factors = check_start(problem, start.W, start.H).scaled(problem.scale**-0.5)
        self._memory: Any = None
        self._rng = np.random.default_rng(self.spec.seed)
        self._first_kkt: float | None = None
        self._stopped = StopReason.UNFINISHED
        self._cancelled = False
        self._last: Factors = self._factors  # of the last recorded point: what result() returns
        if solver.locks_zeros:
            locked = sum(int(np.count_nonzero(f == 0)) for f in (self._factors.W, self._factors.H))
            if locked:
                share = locked / (self._factors.W.size + self._factors.H.size)
                self.warnings.append(
                    f"{share:.0%} of the start is zero, and {solver.title} can never change a zero: the loss stops higher. "
                    "Start from nndsvda or random instead."
                )

    # -- the loop ---------------------------------------------------------------------------------------------------
    def __iter__(self) -> Iterator[Progress]:
        self._stopped, self._cancelled = StopReason.UNFINISHED, False
        offset = self.history[-1] if len(self.history) else None
        iteration, seconds = (offset.iteration, offset.seconds) if offset else (0, 0.0)
        first_iteration, first_seconds, first_point = iteration, seconds, max(0, len(self.history) - 1)
        if offset is None:
            yield self._record(0, 0.0, None)
        began = time.perf_counter()
        with np.errstate(all="ignore"):  # a diverging run is a result here, not a warning
            if self._memory is None:
                self._memory = self.solver.start(self.problem, self._factors, self._rng)
        seconds += time.perf_counter() - began
        reason = self._reason(first_iteration, first_seconds, first_point) if self.history[-1].relative_error == 0 else None
        while reason is None:
            if self._cancelled:
                reason = StopReason.CANCELLED
            elif iteration - first_iteration >= self.stop.max_iter:
                reason = StopReason.ITERATIONS
            elif self.stop.max_seconds is not None and seconds - first_seconds >= self.stop.max_seconds:
                reason = StopReason.SECONDS
            if reason is not None:
                break
            began = time.perf_counter()
            with np.errstate(all="ignore"):
                factors, self._memory = self.solver.step(self.problem, self._factors, self._memory)
            seconds += time.perf_counter() - began
            iteration += 1
            self._factors = factors
            last = iteration - first_iteration >= self.stop.max_iter
            if iteration % self.evaluate_every and not last and not self._out_of_time(seconds - first_seconds):
                continue
            point = self._evaluate(iteration, seconds, getattr(self._memory, "loss", None))
            if not math.isfinite(point.loss) or not math.isfinite(point.relative_error):
                self.history.append(point)
                self._stopped = StopReason.DIVERGED
                yield point
                return
            self.history.append(point)
            self._last = factors
            yield point
            reason = self._reason(first_iteration, first_seconds, first_point)
        self._settle(iteration, seconds)
        self._stopped = reason

    def cancel(self) -> None:
        """Ask the loop to end after the present step; may be called from another thread."""
        self._cancelled = True

    def _record(self, iteration: int, seconds: float, known: float | None) -> Progress:
        point = self._evaluate(iteration, seconds, known)
        self.history.append(point)
        self._last = self._factors
        return point

    def _settle(self, iteration: int, seconds: float) -> None:
        """The last recorded loss belongs to the factors that are returned."""
        if self.history[-1].iteration != iteration:
            point = self._evaluate(iteration, seconds, getattr(self._memory, "loss", None))
            if math.isfinite(point.loss):
                self.history.append(point)
                self._last = self._factors

    def _out_of_time(self, seconds: float) -> bool:
        return self.stop.max_seconds is not None and seconds >= self.stop.max_seconds

    def _evaluate(self, iteration: int, seconds: float, known: float | None) -> Progress:
        """The loss and errors of the present factors; off the clock. `known` is the loss if the step handed it over."""
        problem, factors = self.problem, self._factors
        norm2 = problem.squared_norm
        with np.errstate(all="ignore"):
            plain = problem.loss == "frobenius" and not problem.penalty
            if plain and known is not None and math.isfinite(known) and known >= norm2 * 0.5 * _cancels(problem) ** 2:
                value, square = known, 2.0 * known
            elif plain:
                square = squared_error(problem, factors)
                value = 0.5 * square
            else:
                square = squared_error(problem, factors)
                value = known if known is not None else loss(problem, factors)
            error = math.sqrt(square / norm2) if norm2 > 0 else (0.0 if square == 0 else math.inf)
            kkt = None
            if self.stop.kkt > 0 or iteration < 10 or iteration % 10 == 0:  # a tenth of the products, at most
                kkt = self._kkt()
        return Progress(iteration, seconds, value * self._loss_unit, error, kkt)

    def _kkt(self) -> float | None:
        value = kkt_residual(self.problem, self._factors)
        if not math.isfinite(value):
            return None
        if self._first_kkt is None:
            self._first_kkt = value
        return value / self._first_kkt if self._first_kkt > 0 else 0.0

    @property
    def _loss_unit(self) -> float:
        """D_beta(aX | aWH) = a^beta D_beta(X | WH): the loss in the caller's units."""
        from nmfcore.losses import beta_of

        return self.problem.scale ** beta_of(self.problem.loss) if self.problem.scale != 1.0 else 1.0

    def _reason(self, first_iteration: int, first_seconds: float, first_point: int) -> StopReason | None:
        """The stop rule, the same for all solvers."""
        now = self.history[-1]
        if now.relative_error <= EXACT[self.problem.dtype]:
            return StopReason.EXACT
        if self.stop.kkt > 0 and now.kkt is not None and now.iteration > 0 and now.kkt <= self.stop.kkt:
            return StopReason.KKT
        if self.stop.tol > 0:
            points = self.history.points
            back = len(points) - 2
            while back > first_point and now.iteration - points[back].iteration < WINDOW:
                back -= 1
            before = points[back] if back >= first_point else now
            steps = now.iteration - before.iteration
            if steps >= WINDOW:
                fell = _size(self.problem, before) - _size(self.problem, now)
                if fell <= self.stop.tol * steps * _size(self.problem, now):
                    return StopReason.CONVERGED
        return None

    # -- the result -------------------------------------------------------------------------------------------------
    def result(self) -> Factorization:
        """The factors of the last finite recorded loss, in the caller's units; valid at any time."""
        if not len(self.history):
            self._record(0, 0.0, None)
        stopped = self._stopped
        if stopped is StopReason.UNFINISHED:
            stopped = StopReason.CANCELLED
        if self._last is not self._factors and stopped is StopReason.CANCELLED:
            self._settle(self.history[-1].iteration + 1, self.history[-1].seconds)
        factors = self._last.scaled(self.problem.scale**0.5)
        W, H = np.ascontiguousarray(factors.W), np.ascontiguousarray(factors.H)
        warnings = [*self.warnings, *dead_components(W, H)]
        history = History(list(self.history.points))
        if stopped is not StopReason.DIVERGED:
            history.points = [p for p in history.points if math.isfinite(p.loss)]
        return Factorization(W, H, history, stopped, self.spec, tuple(warnings))


def _cancels(problem: Problem) -> float:
    from nmfcore.losses import CANCELS

    return CANCELS[problem.dtype]


def _size(problem: Problem, point: Progress) -> float:
    """What tol is measured on: the relative error; for other losses the square root of the loss, which scales alike."""
    if problem.loss == "frobenius" and not problem.penalty:
        return point.relative_error
    return math.sqrt(max(point.loss, 0.0))


def dead_components(W: np.ndarray, H: np.ndarray) -> list[str]:
    """One sentence naming the components that are zero in W or H, or nothing."""
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
    rank: int,
    *,
    solver: str | Solver = "hals",
    solver_options: Mapping[str, Any] | None = None,
    init: str = "nndsvda",
    W: Any = None,
    H: Any = None,
    seed: int = 0,
    loss: str = "frobenius",
    stop: StopRule | None = None,
    mask: Any = None,
    symmetric: bool = False,
    penalty: Penalty | None = None,
    axes: Any = None,
    spec: RunSpec | None = None,
    evaluate_every: int = 1,
) -> Run:
    """The run of `solve`, not yet begun: iterate over it to watch it work. Parameters as in `solve`."""
    chosen = solver if isinstance(solver, Solver) else make_solver(solver, solver_options)
    problem = as_problem(X, rank, loss=loss, mask=mask, symmetric=symmetric, penalty=penalty, axes=axes)
    refuse(problem, chosen)
    if W is not None or H is not None:
        init = "given"
    start = starts.start(problem, init, seed, W=W, H=H)
    spec = spec or RunSpec(
        solver=chosen.key, solver_options=chosen.options(), loss=loss, rank=problem.rank, init=init, seed=seed,
        stop=stop or StopRule(tol=chosen.tol),
    )  # fmt: skip
    return Run(problem, chosen, start, spec, evaluate_every=evaluate_every)


def solve(X: Any, rank: int, **options: Any) -> Factorization:
    """Factorize X ~ WH with W, H >= 0.

    Parameters
    ----------
    X : (m, n) array-like or scipy sparse, >= 0; rows are items, columns features
    rank : 1 to min(m, n)
    solver : key in SOLVERS or a solver; solver_options : its parameters
    init : "nndsvda", "nndsvd", "random", "given", ...; W, H : the start for "given"
    seed : whole number; the same seed gives the same result
    loss : "frobenius", "kullback-leibler", "itakura-saito" or "beta=..."
    stop : `StopRule`
    mask : (m, n) of 0/1, 1 = observed
    symmetric : X = S S^T
    penalty : `Penalty`

    Returns
    -------
    Factorization

    Raises
    ------
    ProblemError
        If X, the rank or the combination cannot be factorized.
    """
    run = prepare(X, rank, **options)
    for _ in run:
        pass
    return run.result()
