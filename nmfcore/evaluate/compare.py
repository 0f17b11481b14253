"""What differs between two runs, and which solver is fastest from one and the same start?

Two runs are compared by their matched topics (Hungarian method on the cosines of the rows of H), never by component numbers.
The race gives every solver the same start and equal seconds: the solver that has used the least time makes the next step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nmfcore.core.checks import ProblemError, as_problem
from nmfcore.core.factorization import Axis, Factorization, Factors, Penalty, Progress
from nmfcore.core.spec import RunSpec, StopRule
from nmfcore.core.written import percent
from nmfcore.evaluate.coherence import top_words
from nmfcore.evaluate.stability import Matching, match_topics
from nmfcore.solvers import make_solver, starts
from nmfcore.solvers.loop import Run
from nmfcore.topics import scale
from nmfcore.topics.clusters import NONE, Agreement, agreement, assign
from nmfcore.topics.terms import COLUMNS


# -- two runs --------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class TopicChange:
    """A topic of the first run beside its partner in the second; either is None when the ranks differ.

    first, second : component numbers;  cosine : of their rows of H
    kept, lost, gained : top words in both, only in the first, only in the second, in the order of their weights
    items : items that both runs put into this topic;  left, joined : only the first does, only the second does
    """

    first: int | None
    second: int | None
    cosine: float
    kept: list[str]
    lost: list[str]
    gained: list[str]
    items: int
    left: int
    joined: int


@dataclass(frozen=True, eq=False)
class Move:
    """An item that is not in the partner of its topic: components of the first and the second run, -1 for none."""

    item: int
    first: int
    second: int


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two runs side by side.

    topics : by component of the first run, then the unmatched of the second
    moves : items whose cluster is not the partner of their cluster, in the order of the items
    items : number of items
    clusters : agreement of the two clusterings as groups (NMI, ARI, each beside chance); items in none of either are left out
    convention : scale on which clusters were taken
    """

    topics: list[TopicChange]
    moves: list[Move]
    items: int
    clusters: Agreement
    convention: str

    @property
    def mean_cosine(self) -> float:
        """Mean over the matched topics; NaN without any."""
        cosines = [t.cosine for t in self.topics if t.first is not None and t.second is not None]
        return float(np.mean(cosines)) if cosines else float("nan")

    @property
    def sentence(self) -> str:
        share = len(self.moves) / self.items if self.items else 0.0
        moves = f"{len(self.moves):,} of {self.items:,} items ({percent(share, 0)}) move"
        return f"Matched topics have a mean cosine of {self.mean_cosine:.2f}; {moves}."


def compare(
    first: Factors | Factorization,
    second: Factors | Factorization,
    axis: Axis | None = None,
    *,
    count: int = 10,
    convention: str = scale.DEFAULT,
    threshold: float = 0.0,
) -> Comparison:
    """Two runs on the same X, their topics matched; the ranks may differ.

    Parameters
    ----------
    first, second : W (m, r), H (r, n) and W (m, s), H (s, n)
    axis : labels of the columns
    count : top words per topic that are compared
    convention, threshold : scale and abstain threshold of the clusters

    Returns
    -------
    Comparison
        Pairs of topics with their cosines (0 to 1), common top words, and how far the clusters of the items agree.

    Raises
    ------
    ValueError
        If the shapes do not belong to the same X.
    """
    if len(first.W) != len(second.W) or first.H.shape[1] != second.H.shape[1]:
        raise ValueError(
            f"The runs are about different data: {len(first.W)} × {first.H.shape[1]} and {len(second.W)} × {second.H.shape[1]}."
        )
    axis = axis or COLUMNS
    a, b = (scale.apply(run.W, run.H, convention) for run in (first, second))
    here, there = (assign(run.W, threshold=threshold).labels for run in (a, b))
    matching = match_topics(a.H, b.H)
    views = _View(top_words(a.H, count), here), _View(top_words(b.H, count), there)
    topics = [_change(*views, pair, cosine, axis) for pair, cosine in _pairs(matching)]
    expected = np.where(here == NONE, NONE, matching.partner[here])
    moved = np.flatnonzero((there != expected) | ((here != NONE) & (expected == NONE)))  # a topic without partner loses its items
    moves = [Move(int(i), int(here[i]), int(there[i])) for i in moved]
    both = (here != NONE) & (there != NONE)
    clusters = replace(agreement(here[both], there[both]), left_out=int((~both).sum()))
    return Comparison(topics, moves, len(here), clusters, convention)


def _pairs(matching: Matching) -> list[tuple[tuple[int | None, int | None], float]]:
    """Components of the first run with their partners in the second, then the unmatched of the second; and their cosines."""
    matched = [((k, int(p) if p >= 0 else None), float(matching.cosines[k])) for k, p in enumerate(matching.partner)]
    return [*matched, *(((None, int(k)), 0.0) for k in matching.unmatched)]


@dataclass(frozen=True, eq=False)
class _View:
    """A run as it is compared: the best words of each topic, and the cluster of each item."""

    words: list[np.ndarray]
    labels: np.ndarray

    def topic(self, k: int | None) -> tuple[np.ndarray, np.ndarray]:
        """The words of a component, and whether each item is in it; nothing for None."""
        if k is None:
            return np.zeros(0, int), np.zeros(len(self.labels), bool)
        return self.words[k], self.labels == k


def _change(first: _View, second: _View, pair: tuple[int | None, int | None], cosine: float, axis: Axis) -> TopicChange:
    """A topic of the first run beside its partner in the second."""
    (mine, in_first), (theirs, in_second) = first.topic(pair[0]), second.topic(pair[1])
    return TopicChange(
        *pair,
        cosine=cosine,
        kept=axis.take(mine[np.isin(mine, theirs)]),
        lost=axis.take(mine[~np.isin(mine, theirs)]),
        gained=axis.take(theirs[~np.isin(theirs, mine)]),
        items=int((in_first & in_second).sum()),
        left=int((in_first & ~in_second).sum()),
        joined=int((in_second & ~in_first).sum()),
    )


@dataclass(frozen=True, eq=False)
class Curve:
    """One run's history as arrays of equal length: iterations, seconds, relative errors, KKT residuals (NaN where not known)."""

    name: str
    iterations: np.ndarray
    seconds: np.ndarray
    errors: np.ndarray
    kkt: np.ndarray


def curve(name: str, run: Factorization | Run) -> Curve:
    """The history of a run, finished or not, ready to be drawn over iterations or over seconds."""
    points = tuple(run.history.points)  # a copy: the run may be going on
    columns = [(p.iteration, p.seconds, p.relative_error, np.nan if p.kkt is None else p.kkt) for p in points]
    iterations, seconds, errors, kkt = np.array(columns, float).reshape(-1, 4).T
    return Curve(name, iterations, seconds, errors, kkt)


# -- the race --------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Lap:
    """One recorded point of one solver in a race."""

    name: str
    progress: Progress


class Race:
    """Several solvers from the same start, under way: an iterable of `Lap`, like `Run`.

    Turns go to the solver that has used the least seconds, so that all are equally far in time whenever one looks. Leave the
    loop or call `cancel()` to stop; `results()` and `curves()` are valid at any time, and iterating again goes on.

    Parameters
    ----------
    X, rank, options : the problem, as in `nmfcore.solve`: loss, mask, symmetric, penalty, axes
    solvers : keys, or names with (key, options) for the same solver with several settings
    start : name of the start all solvers get, or the factors themselves; seed : of the start and of the solvers
    stop : stop rule of each solver; None for tol = 0 and 100 iterations or 10 seconds, so that curves end together

    Raises
    ------
    ProblemError
        If one of the solvers cannot run the problem, with the reason; or there are none.
    """

    def __init__(
        self,
        X: Any,
        rank: int,
        solvers: Sequence[str] | Mapping[str, tuple[str, Mapping[str, Any]]],
        *,
        start: str | Factors = "nndsvda",
        seed: int = 0,
        stop: StopRule | None = None,
        **options: Any,
    ) -> None:
        entrants = dict(solvers) if isinstance(solvers, Mapping) else {key: (key, {}) for key in solvers}
        if not entrants:
            raise ProblemError("A race needs at least one solver.")
        problem = as_problem(X, rank, **options)
        penalty: Penalty | None = options.get("penalty")
        factors = start if isinstance(start, Factors) else starts.start(problem, start, seed)
        name = start if isinstance(start, str) else "given"
        stop = stop or StopRule(tol=0.0, max_iter=100, max_seconds=10.0)
        self.runs: dict[str, Run] = {}
        for entrant, (key, own) in entrants.items():
            solver = make_solver(key, own)
            spec = RunSpec(
                solver=key, solver_options=solver.options(), loss=problem.loss, rank=problem.rank, init=name, seed=seed,
                stop=stop, penalty=penalty.to_dict() if penalty is not None else {}, symmetric=problem.symmetric,
            )  # fmt: skip
            self.runs[entrant] = Run(problem, solver, factors, spec)
        self._cancelled = False

    def __iter__(self) -> Iterator[Lap]:
        self._cancelled = False
        running = {name: iter(run) for name, run in self.runs.items()}
        while running and not self._cancelled:
            name = min(running, key=self._seconds)  # of equals the first
            point = next(running[name], None)
            if point is None:
                del running[name]
            else:
                yield Lap(name, point)

    def _seconds(self, name: str) -> float:
        history = self.runs[name].history
        return history[-1].seconds if len(history) else -1.0

    def cancel(self) -> None:
        """Ask it to stop after the present step; may be called from another thread."""
        self._cancelled = True

    def results(self) -> dict[str, Factorization]:
        """The result of every solver so far."""
        return {name: run.result() for name, run in self.runs.items()}

    def curves(self) -> list[Curve]:
        """The history of every solver so far, in the order they were named."""
        return [curve(name, run) for name, run in self.runs.items()]


@dataclass(frozen=True)
class Arrival:
    """When a solver first reached a relative error; None where it did not."""

    name: str
    iterations: float | None
    seconds: float | None


def arrivals(curves: Sequence[Curve], error: float) -> list[Arrival]:
    """When each curve first was at or below a relative error: the fair way to rank solvers, instead of their last value."""
    found = []
    for c in curves:
        there = np.flatnonzero(c.errors <= error)
        place = (float(c.iterations[there[0]]), float(c.seconds[there[0]])) if len(there) else (None, None)
        found.append(Arrival(c.name, *place))
    return found
