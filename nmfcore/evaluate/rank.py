"""Which rank? No single curve answers that: the error falls with every component, and one run's elbow is luck.

A survey fits every rank from several starts and measures what does not fall by itself: held-out error (entries the model
has not seen), agreement of the starts, stability of the keyword lists, coherence, and the gain over shuffled data. The answer is
a range with reasons. `Survey` is an iterable like `Run`: leave it, look at what is there, iterate again to go on.

Sources: bi-cross-validation: Owen & Perry 2009; consensus: Brunet et al. 2004, Kim & Park 2007; keywords: Greene et al. 2014.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

from nmfcore.core.checks import ProblemError, as_matrix, check_rank
from nmfcore.core.factorization import Factorization, Factors, Matrix
from nmfcore.core.spec import StopRule
from nmfcore.evaluate.coherence import coherence
from nmfcore.evaluate.stability import consensus, keyword_stability
from nmfcore.evaluate.svd import SVD, spectrum
from nmfcore.evaluate.verdict import NAMES as NAMES
from nmfcore.evaluate.verdict import RankPoint as RankPoint
from nmfcore.evaluate.verdict import Reason as Reason
from nmfcore.evaluate.verdict import Verdict as Verdict
from nmfcore.evaluate.verdict import verdict as verdict
from nmfcore.kernels.engines import sweep_rows
from nmfcore.run import Together, planned
from nmfcore.topics import scale
from nmfcore.topics.clusters import assign
from nmfcore.topics.similarity import cosine_rows

MASKED_CELLS = 1_000_000  # held-out entries need a dense mask: up to this many cells
HELD_OUT = 0.1  # share of the entries that a masked fit does not see
PROJECTION_SWEEPS = 40  # passes of coordinate descent: held-out errors are then within 1e-4 of exact least squares


QUICK = StopRule(tol=1e-4, max_iter=200)  # many fits, compared with each other: the last digits don't matter


@dataclass(frozen=True)
class Plan:
    """What a survey measures.

    ranks : rising;  starts : random starts per rank;  solver : key;  stop : of every fit
    bicv : repetitions of 2 × 2 bi-cross-validation;  masked : fits with a tenth of the entries hidden (small data only)
    null : fits to shuffled data;  keywords : words per list;  seed : of everything random
    """

    ranks: tuple[int, ...]
    starts: int = 5
    solver: str = "hals"
    stop: StopRule = QUICK
    bicv: int = 1
    masked: int = 1
    null: int = 1
    keywords: int = 10
    seed: int = 0


@dataclass(frozen=True)
class Task:
    """One fit of a survey: what kind, at which rank, the how-many-th."""

    turn: int
    rank: int
    kind: str

    @property
    def sentence(self) -> str:
        names = {
            "start": "fit from start",
            "bicv": "bi-cross-validation",
            "masked": "fit with hidden entries",
            "null": "fit to shuffled data",
        }
        return f"Rank {self.rank}: {names[self.kind]} {self.turn + 1}"


@dataclass(frozen=True, eq=False)
class Step:
    """One finished task: how far the survey is, and what was done."""

    done: int
    total: int
    task: Task

    @property
    def sentence(self) -> str:
        return f"{self.task.sentence} ({self.done} of {self.total})"


@dataclass(frozen=True, eq=False)
class _Fitted:
    """What is kept of one start: its turn, its error, the items' clusters and the topics (r, n)."""

    turn: int
    error: float
    labels: np.ndarray
    topics: np.ndarray


@dataclass(eq=False)
class _Kept:
    """Results of finished tasks of one rank; `starts` by their turns. Another thread may read it at any time."""

    starts: tuple[_Fitted, ...] = ()
    best: Factors | None = None
    held: dict[str, list[float]] = field(default_factory=lambda: {"bicv": [], "masked": [], "null": []})


class Survey:
    """A survey over ranks under way.

    Iterate over it to make it work; each item is a `Step`. The first start of every rank comes first, so a survey that is
    left early has something about all ranks. Fits of one kind go on together (nmfcore/solvers/together.py), with the bits that
    each has alone. `cancel()` from another thread ends it within one iteration of a fit; unfinished fits are dropped and done
    again when the survey is iterated again. `points()` and `verdict()` are valid at any time.

    Parameters
    ----------
    X : (m, n) array-like or sparse, >= 0
    plan : what to measure, or the ranks
    decomposition : an SVD of X, when there is one already; used if it knows enough singular values
    most : so many fits at one time, where memory is short; None for as many as pay

    Raises
    ------
    ProblemError
        If a rank does not fit X or there are no ranks.
    """

    def __init__(
        self, X: Any, plan: Plan | Sequence[int], *, decomposition: SVD | None = None, most: int | None = None
    ) -> None:  # fmt: skip
        self.most = most
        self._at_work: Together | None = None
        self.X: Matrix = as_matrix(X)
        self.plan = plan if isinstance(plan, Plan) else Plan(tuple(sorted({int(r) for r in plan})))
        if not self.plan.ranks:
            raise ProblemError("A survey needs at least one rank.")
        for rank in self.plan.ranks:
            check_rank(rank, self.X.shape)
        self.notes: list[str] = []
        self._kept = {rank: _Kept() for rank in self.plan.ranks}
        self._tasks = self._plan_tasks()
        self._done: set[Task] = set()
        self._cancelled = False
        known = decomposition is not None and len(decomposition.spectrum) >= max(self.plan.ranks)
        self._svd = decomposition if known else None
        self._shuffled: dict[int, Matrix] = {}
        self._points: dict[int, tuple[tuple[int, ...], RankPoint]] = {}

    @property
    def total(self) -> int:
        """How many fits it takes."""
        return len(self._tasks)

    @property
    def finished(self) -> bool:
        return len(self._done) == len(self._tasks)

    def cancel(self) -> None:
        """Ask it to stop; may be called from another thread."""
        self._cancelled = True
        if self._at_work is not None:
            self._at_work.cancel()

    def __iter__(self) -> Iterator[Step]:
        self._cancelled = False
        for kind, first in (("start", True), ("start", False), ("bicv", False), ("null", False), ("masked", False)):
            tasks = [t for t in self._tasks if t.kind == kind and t not in self._done and (not first or t.turn == 0)]
            for turn in sorted({t.turn for t in tasks}) if kind != "start" else [None]:
                those = [t for t in tasks if turn is None or t.turn == turn]
                for task in self._work(kind, those) if those else ():
                    self._done.add(task)
                    yield Step(len(self._done), len(self._tasks), task)
                if self._cancelled:
                    return

    # -- what is done --------------------------------------------------------------------------------------------------
    def _plan_tasks(self) -> list[Task]:
        plan, short = self.plan, min(self.X.shape)
        times = {"start": plan.starts, "bicv": plan.bicv, "null": plan.null, "masked": plan.masked}
        if plan.masked and self.X.shape[0] * self.X.shape[1] > MASKED_CELLS:
            times["masked"] = 0
            self.notes.append(
                f"Hidden entries were not used: they need a dense mask of {self.X.shape[0]:,} × {self.X.shape[1]:,}; "
                "bi-cross-validation measures the same on whole blocks."
            )
        tasks = [Task(turn, rank, kind) for kind, count in times.items() for turn in range(count) for rank in plan.ranks]
        small = sorted({t.rank for t in tasks if t.kind == "bicv" and t.rank > short // 2})
        if small:
            self.notes.append(f"Bi-cross-validation stops at rank {short // 2}: it fits a quarter of the data.")
        return [t for t in tasks if not (t.kind == "bicv" and t.rank in small)]

    def _work(self, kind: str, tasks: list[Task]) -> Iterator[Task]:
        """The tasks of one kind, each as it is finished; of all kinds but starts those of one turn."""
        if kind == "start":
            for task, fit in self._fits(self.X, sorted(tasks, key=lambda t: (t.rank, t.turn))):
                self._keep(task, fit)
                yield task
            return
        for task, value in {"bicv": self._bicv, "masked": self._masked, "null": self._null}[kind](tasks):
            self._kept[task.rank].held[kind].append(value)
            yield task

    def _keep(self, task: Task, fit: Factorization) -> None:
        """What is wanted of a fit from one start."""
        kept, scaled = self._kept[task.rank], scale.apply(fit.W, fit.H)
        new = _Fitted(task.turn, fit.relative_error, assign(scaled.W).labels, scaled.H)
        starts = sorted((*kept.starts, new), key=lambda fitted: fitted.turn)
        if min(starts, key=lambda fitted: fitted.error) is new:
            kept.best = scaled
        kept.starts = tuple(starts)

    def _fits(self, X: Matrix, tasks: Sequence[Task], **options: Any) -> Iterator[tuple[Task, Factorization]]:
        """One fit to X for each task, from a random start, several at a time; ends early when cancelled."""
        seeds = [self.plan.seed + (0 if task.kind == "null" else task.turn) for task in tasks]
        chosen: dict[str, Any] = {"solver": self.plan.solver, "init": "random", "stop": self.plan.stop, **options}
        runs = planned(X, [(task.rank, seed) for task, seed in zip(tasks, seeds, strict=True)], **chosen)
        together = self._at_work = Together(runs, most=self.most)
        for turn in together:
            for place in turn.ended:
                yield tasks[place], together.results[place]
                together.results[place] = None  # type: ignore[assignment]  # kept where it is wanted
            if self._cancelled:
                return

    def _bicv(self, tasks: list[Task]) -> Iterator[tuple[Task, float]]:
        """Relative error over all four blocks, each held out once; the fit sees the block that shares nothing with it."""
        rng = np.random.default_rng([self.plan.seed, tasks[0].turn, 1])  # the same split for every rank
        rows, columns = (_halves(size, rng) for size in self.X.shape)
        squares, norm = dict.fromkeys(tasks, 0.0), 0.0
        for i in (0, 1):
            for j in (0, 1):
                out = self.X[rows[i]][:, columns[j]]  # A, held out
                beside, below = self.X[rows[i]][:, columns[1 - j]], self.X[rows[1 - i]][:, columns[j]]  # B and C
                squared_norm = _squared(out)
                norm += squared_norm
                for task, fit in self._fits(self.X[rows[1 - i]][:, columns[1 - j]], tasks):  # D
                    W, H = _coefficients(beside, fit.H), _coefficients(below.T, fit.W.T).T
                    squares[task] += _squared_gap(out, W, H, squared_norm)
                if self._cancelled:
                    return
        for task in tasks:
            yield task, float(np.sqrt(squares[task] / norm)) if norm > 0 else 0.0

    def _masked(self, tasks: list[Task]) -> Iterator[tuple[Task, float]]:
        """Relative error over a random tenth of the entries that the fit has not seen."""
        rng = np.random.default_rng([self.plan.seed, tasks[0].turn, 2])
        X = self.X.toarray() if sp.issparse(self.X) else self.X
        mask = rng.random(X.shape) >= HELD_OUT
        hidden = ~mask
        norm = float(np.linalg.norm(X[hidden]))
        for task, fit in self._fits(X, tasks, mask=mask, solver="masked-hals"):
            yield task, float(np.linalg.norm((X - fit.W @ fit.H)[hidden])) / norm if norm > 0 else 0.0

    def _null(self, tasks: list[Task]) -> Iterator[tuple[Task, float]]:
        """Relative error on data whose columns were shuffled one by one: same values, no structure between columns."""
        turn = tasks[0].turn
        if turn not in self._shuffled:
            self._shuffled[turn] = shuffled(self.X, np.random.default_rng([self.plan.seed, turn, 3]))
        for task, fit in self._fits(self._shuffled[turn], tasks):
            yield task, fit.relative_error

    # -- what is known -------------------------------------------------------------------------------------------------
    def points(self) -> list[RankPoint]:
        """What is known about each rank that has at least one fit."""
        if self._svd is None and any(k.starts for k in self._kept.values()):
            self._svd = spectrum(self.X, max(self.plan.ranks))
        return [self._known_point(rank, kept) for rank, kept in self._kept.items() if kept.starts]

    def _known_point(self, rank: int, kept: _Kept) -> RankPoint:
        """The point of a rank, computed again only when a fit was added."""
        state = (len(kept.starts), *(len(values) for values in kept.held.values()))
        if rank not in self._points or self._points[rank][0] != state:
            self._points[rank] = (state, self._point(rank, kept))
        return self._points[rank][1]

    def _point(self, rank: int, kept: _Kept) -> RankPoint:
        cophenetic = dispersion = keywords = npmi = diversity = float("nan")
        starts = kept.starts
        if len(starts) > 1:
            labels = [fitted.labels for fitted in starts]
            if any((run >= 0).any() for run in labels):
                agreement = consensus(labels, seed=self.plan.seed)
                cophenetic, dispersion = agreement.cophenetic, agreement.dispersion
            best = min(starts, key=lambda fitted: fitted.error)
            others = [fitted.topics for fitted in starts if fitted is not best]
            keywords = keyword_stability(best.topics, others, count=self.plan.keywords)
        if kept.best is not None:
            scores = coherence(kept.best.H, self.X, count=self.plan.keywords)
            npmi, diversity = scores.mean_npmi, scores.diversity
        held = {kind: np.array(values) for kind, values in kept.held.items()}
        floor = float(self._svd.floor([rank])[0]) if self._svd is not None else float("nan")
        return RankPoint(
            rank, np.array([fitted.error for fitted in starts]), floor, held["bicv"], held["masked"], held["null"],
            cophenetic, dispersion, keywords, npmi, diversity, kept.best,
        )  # fmt: skip

    def verdict(self) -> Verdict:
        """The range of ranks that most criteria speak for, so far."""
        return verdict(self.points(), highest=min(self.X.shape))


# -- the river -------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Link:
    """Topic `topic` at one rank and a topic of the next rank that resembles it."""

    rank: int
    topic: int
    next_rank: int
    next_topic: int
    cosine: float


def river(points: Sequence[RankPoint], *, least: float = 0.5) -> list[Link]:
    """How topics split and persist from rank to rank: links by the cosine of the best starts' rows of H.

    Every topic is linked to the most similar one of the rank before; further links need a cosine of at least `least`.
    Topics that have nothing in common with the rank before have no link.
    """
    links = []
    with_topics = sorted((p for p in points if p.best is not None), key=lambda p: p.rank)
    for before, after in pairwise(with_topics):
        assert before.best is not None  # for the type checker: filtered above
        assert after.best is not None
        cosines = cosine_rows(before.best.H, after.best.H)
        parents = np.argmax(cosines, axis=0)
        for t, k in np.argwhere((cosines >= least) | (np.arange(len(cosines))[:, None] == parents[None])):
            if cosines[t, k] > 0:
                links.append(Link(before.rank, int(t), after.rank, int(k), float(cosines[t, k])))
    return links


# -- helpers ---------------------------------------------------------------------------------------------------------------
def shuffled(X: Matrix, rng: np.random.Generator) -> Matrix:
    """X with the entries of every column in random order, each column for itself; sparse X keeps its number of stored values.

    X : (m, n) array or CSR
    """
    if not sp.issparse(X):
        return np.ascontiguousarray(rng.permuted(X, axis=0))
    columns = sp.csc_array(X, copy=True)
    counts = np.diff(columns.indptr)
    rows = [rng.choice(X.shape[0], int(count), replace=False) for count in counts if count]
    columns.indices = np.concatenate([*rows, np.zeros(0, np.int64)]).astype(columns.indices.dtype)
    columns.has_sorted_indices = False
    return sp.csr_array(columns)


def _coefficients(X: Matrix, H: np.ndarray) -> np.ndarray:
    """W (m, r) >= 0 with X ~ W H, H fixed: coordinate descent to 4 digits, 20 times faster than exact least squares here."""
    P = np.ascontiguousarray(np.asarray(X @ H.T).T, np.float64)  # (r, m)
    G = H.astype(np.float64) @ H.T.astype(np.float64)
    W = np.zeros_like(P)
    sweep_rows(W, P, G, PROJECTION_SWEEPS)
    return W.T


def _halves(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two random halves of range(size), each rising."""
    order = rng.permutation(size)
    return np.sort(order[: size // 2]), np.sort(order[size // 2 :])


def _squared(X: Matrix) -> float:
    values = X.data if sp.issparse(X) else X.ravel()
    return float(np.einsum("i,i->", values, values, dtype=np.float64))


def _squared_gap(X: Matrix, W: np.ndarray, H: np.ndarray, squared_norm: float) -> float:
    """||X - WH||^2 in the Gram form, in float64."""
    W64, H64 = W.astype(np.float64), H.astype(np.float64)
    cross = float(np.einsum("ij,ij->", np.asarray(X @ H64.T), W64))
    return max(0.0, squared_norm - 2.0 * cross + float(np.einsum("ij,ij->", W64.T @ W64, H64 @ H64.T)))
