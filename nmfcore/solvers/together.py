"""How do several runs go on together?

Runs of one problem take their steps side by side, so that X is read once for all of them (`Solver.steps`); on several processors
some go on here and some there. Each keeps its own start, history and stop rule, and has the bits that it has alone: so a
survey over ranks, a stability or a consensus is the same as one fit after the other, and sooner there. A run that has ended makes
room for the next, which is drawn only then.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nmfcore.core.checks import ProblemError, as_problem
from nmfcore.core.factorization import Factorization, Penalty, Problem, Progress
from nmfcore.core.guidance import Guidance
from nmfcore.core.spec import RunSpec
from nmfcore.core.threads import alone, one_blas_thread, processors, share
from nmfcore.kernels.engines import compiled
from nmfcore.solvers import starts
from nmfcore.solvers.asked import Asked, refuse
from nmfcore.solvers.loop import FINISHED, Run, Stepped, sent
from nmfcore.solvers.protocol import Solver

TURN = 0.02  # seconds after which whoever iterates is told, and may end it
COLUMNS = 64  # of all starts side by side: more no longer make a product cheaper ...
FACTORS = 10  # factor-sized arrays that a run holds at most, its start in float64 included
CACHE = 8_000_000  # ... nor do those whose factors, eight arrays, leave the cache; bytes


@dataclass(frozen=True, eq=False)
class Start:
    """A run that is to come: its start is drawn when its turn has come."""

    problem: Problem
    solver: Solver
    spec: RunSpec

    def run(self) -> Run:
        factors = starts.start(self.problem, self.spec.init, self.spec.seed)
        return Run(self.problem, self.solver, factors, self.spec, fresh=True)

    @property
    def kind(self) -> tuple[int, Solver]:
        """Starts of one kind can stand side by side: those of one problem object and one solver."""
        return id(self.problem), self.solver


def workers(runs: int) -> int:
    """How many processors have runs of their own: plain loops hold the interpreter, and share out only single products."""
    return max(1, min(processors() if compiled() is not None else 1, runs))


def beside(shape: tuple[int, int], rank: int, runs: int, most: int | None = None) -> int:
    """How many of so many runs of one kind stand side by side on one processor; at most `most` are at work on all of them."""
    on = workers(min(runs, most or runs))
    allowed = (most or runs) // on
    return max(1, min(COLUMNS // rank, CACHE // (32 * sum(shape) * rank), math.ceil(runs / on), allowed))


def at_once(shape: tuple[int, int], rank: int, runs: int, free: int) -> tuple[int, int]:
    """How many runs may be at work at one time where so many bytes are free beside X, and the bytes that they hold beside X."""
    each = FACTORS * 8 * sum(shape) * rank
    most = max(1, min(runs, free // each))
    most = min(most, workers(most) * beside(shape, rank, runs, most))
    return most, most * each


@dataclass(frozen=True)
class Turn:
    """How far all of them are: how many have ended, of how many, and the places of those that ended in this turn."""

    done: int
    total: int
    ended: tuple[int, ...]


class Together:
    """Several runs under way.

    Iterate over it to make them work: an item every few hundredths of a second. `cancel()` from another thread, or leaving the
    loop, ends it within a step; what has ended by then is in `results`, by place, and iterating again does the others.

    Parameters
    ----------
    starts : the runs; those of one problem object may take their steps together
    most : so many at one time, where memory is short; None for as many as pay

    Memory: the problem and, for each run at work, what it holds alone; `at_once` tells it before.
    """

    def __init__(self, starts: Sequence[Start], *, most: int | None = None) -> None:
        self.starts, self.most = tuple(starts), most
        self.results: dict[int, Factorization] = {}
        self._lock, self._waiting, self._ended = threading.Lock(), list[int](), list[int]()
        self._cancelled = False
        self._counts = Counter(start.kind for start in self.starts)

    @property
    def workers(self) -> int:
        """How many processors have runs of their own."""
        return workers(min(self.most or len(self.starts), len(self.starts)))

    def beside(self, start: Start) -> int:
        """How many of this kind stand side by side on one processor."""
        return beside(start.problem.shape, start.problem.rank, self._counts[start.kind], self.most)

    def cancel(self) -> None:
        """Ask it to end after the present step; may be called from another thread."""
        self._cancelled = True

    def __iter__(self) -> Iterator[Turn]:
        self._cancelled = False
        self._waiting = [place for place in range(len(self.starts)) if place not in self.results]
        groups = [_Group(self) for _ in range(self.workers)]
        while self._waiting or any(group.lanes for group in groups):
            busy = [i for i, group in enumerate(groups) if group.lanes or self._waiting]
            with one_blas_thread():
                if len(busy) == 1:  # its products are shared out
                    groups[busy[0]].turn(nullcontext())
                else:
                    share(lambda i, _: groups[i].turn(alone()), [(i, i + 1) for i in busy])
            ended, self._ended = tuple(self._ended), []
            yield Turn(len(self.results), len(self.starts), ended)
            if self._cancelled:
                return

    def take(self, kind: Any) -> int | None:
        """The next start that waits, of that kind if one is named; its place."""
        with self._lock:
            for i, place in enumerate(self._waiting):
                if kind is None or self.starts[place].kind == kind:
                    return self._waiting.pop(i)
        return None

    def end(self, place: int, run: Run) -> None:
        """Keep a run's result, in arrays of its own: others take its place in those it was computed in."""
        found = run.result()
        W, H = (F if F.base is None else F.copy() for F in (found.W, found.H))
        self.results[place] = replace(found, W=W, H=H)
        self._ended.append(place)

    @property
    def cancelled(self) -> bool:
        return self._cancelled


@dataclass(frozen=True, eq=False)
class _Lane:
    """One run at work in a group."""

    place: int
    run: Run
    work: Generator[Progress | None, Stepped | None, None]


class _Group:
    """The runs of one kind that one processor takes on step by step, side by side."""

    def __init__(self, together: Together) -> None:
        self.together, self.lanes = together, list[_Lane]()

    def turn(self, threads: AbstractContextManager[None]) -> None:
        """Steps for about TURN seconds; runs that end make room for others. threads : entered meanwhile"""
        until = time.perf_counter() + TURN
        with threads:
            while not self.together.cancelled:
                self._fill()
                if not self.lanes:
                    return
                self._step()
                if time.perf_counter() >= until:
                    return

    def _fill(self) -> None:
        room = self.together.beside(self.together.starts[self.lanes[0].place]) if self.lanes else 1
        while len(self.lanes) < room:
            place = self.together.take(self.together.starts[self.lanes[0].place].kind if self.lanes else None)
            if place is None:
                return
            run = self.together.starts[place].run()
            self._hear(lane := _Lane(place, run, run.work()), next(lane.work, FINISHED))
            room = self.together.beside(self.together.starts[place])

    def _hear(self, lane: _Lane, said: Any) -> None:
        """Take the lane on to its next step, or to its end."""
        while isinstance(said, Progress):
            said = next(lane.work, FINISHED)
        if said is FINISHED:
            self.together.end(lane.place, lane.run)
        else:
            self.lanes.append(lane)

    def _step(self) -> None:
        """One step of every run in the group; each is charged its part of the time."""
        lanes, self.lanes = self.lanes, []
        began = time.perf_counter()
        factors, memories = zip(*(lane.run.standing for lane in lanes), strict=True)
        with np.errstate(all="ignore"):
            made = lanes[0].run.solver.steps(lanes[0].run.problem, factors, memories)
        seconds = (time.perf_counter() - began) / len(lanes)
        for lane, stepped in zip(lanes, made, strict=True):
            self._hear(lane, sent(lane.work, Stepped(*stepped, seconds)))


def planned(
    X: Any,
    wanted: Sequence[tuple[int, int]],
    *,
    mask: Any = None,
    axes: Any = None,
    spec: RunSpec | None = None,
    **options: Any,
) -> list[Start]:
    """The runs of these ranks and seeds on one X, which is checked once; nothing is begun.

    Parameters
    ----------
    X : (m, n) array or CSR, >= 0;  mask : (m, n), 1 = observed
    wanted : a rank and a seed for each run
    spec : a `RunSpec` in place of the arguments, but for its rank, seed and guidance
    options : init, "random" where none is given; solver, solver_options, loss, stop and penalty, as in `solve`

    Raises
    ------
    ProblemError
        If nothing is wanted, or X, a rank or the combination cannot be factorized.
    """
    if not wanted:
        raise ProblemError("Several starts need at least one seed.")
    asked = Asked(spec=spec, **options)
    if spec is None and asked.init is None:
        asked = replace(asked, init="random")
    chosen = asked.chosen()
    kinds: dict[int, RunSpec] = {}
    for rank, seed in sorted(dict(wanted).items(), reverse=True):
        given = spec.replace(rank=rank, seed=seed, guidance=Guidance()) if spec is not None else None
        kinds[rank] = replace(asked, rank=rank, seed=seed, spec=given).specification(chosen)
    largest = next(iter(kinds.values()))  # where it is allowed, lower ranks are
    problem = as_problem(
        X, largest.rank, loss=largest.loss, mask=mask, symmetric=largest.symmetric, penalty=Penalty(**largest.penalty), axes=axes
    )
    refuse(problem, chosen)
    chosen.share(problem)
    problems = {rank: problem if rank == largest.rank else problem.under(None, rank) for rank in kinds}
    return [Start(problems[rank], chosen, kinds[rank].replace(rank=rank, seed=seed)) for rank, seed in wanted]


def several(X: Any, rank: int | None = None, seeds: Sequence[int] = (), *, most: int | None = None, **options: Any) -> Together:
    """`solve` from several starts at a time, one for each seed, not yet begun: iterate over it, then look at `results`.

    Parameters
    ----------
    X : (m, n) array or CSR, >= 0
    rank : 1 to min(m, n); None only with a spec
    seeds : whole numbers; the places of the results are theirs
    most : so many at one time, see `Together`
    options : as in `planned`

    Raises
    ------
    ProblemError
        If there is no seed, the rank is missing, or X, the rank or the combination cannot be factorized.
    """
    if rank is None and options.get("spec") is not None:
        rank = options["spec"].rank
    if rank is None:
        raise ProblemError("The rank is missing: say how many components W and H have, for example several(X, 6, range(20)).")
    return Together(planned(X, [(rank, int(seed)) for seed in seeds], **options), most=most)
