"""What does the page of data beyond memory compute? Everything there is a stated number of passes over a store's blocks.

Pure of Streamlit. A store lies in the folder that the server offers (nmfcore/data/blocks/discover.py) and is only read.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp

from dashboard.text.words import count, seconds
from dashboard.work.job import Job
from nmfcore.core.factorization import Axes, Axis, Factorization, Matrix, Penalty
from nmfcore.core.spec import StopRule
from nmfcore.data.blocks import Store, open_store
from nmfcore.data.model.dataset import Dataset
from nmfcore.evaluate import blocks as whole
from nmfcore.evaluate.svd import SVD
from nmfcore.run import prepare
from nmfcore.solvers.blocked_run import Within

SCHEDULER_VARIABLE = "NMF_DASK_SCHEDULER"  # the address of a Dask scheduler whose workers can read the folder
SCHEDULER_SECONDS = 5  # to wait for it
LOOK_EVERY = 10.0  # seconds between two questions to it
MOST_RANK = 100
FLOOR_BEYOND = 5  # singular values beyond the rank, for the curve
PICTURE_ROWS, PICTURE_COLUMNS = 120, 120  # cells of the picture of X, WH and the residual
SAMPLE_ROWS, SAMPLE_VALUES = 20_000, 4_000_000  # of a sample that is taken into memory, at most
PAGE_ROWS = 25  # items on one page


@dataclass(frozen=True)
class Choice:
    """All that determines a fit, besides the data.

    l1, l2 : weights of the penalties on W and H
    opened : whose file it was opened from, and which; "" for a fit that is made here
    """

    rank: int
    seed: int = 0
    tol: float = 3e-6
    max_iter: int = 200
    l1: float = 0.0
    l2: float = 0.0
    opened: str = ""

    @property
    def penalty(self) -> Penalty:
        return Penalty(l1_W=self.l1, l1_H=self.l1, l2_W=self.l2, l2_H=self.l2)


@dataclass(frozen=True, eq=False)
class StoreFit:
    """A fit of a store's blocks; H at unit height, so that W carries the size.

    passes : over the data, those of the start included; engine : who did them, "file" for a run that was opened
    owner : of a run that was opened: whose file it is, so that what is computed of it is shared with nobody
    share : (r,) of what is explained that each topic has: sum of W_ik times sum of H_kj, of all topics' sums
    """

    store: Store
    fit: Factorization
    passes: int
    engine: str
    share: np.ndarray = field(repr=False)
    owner: str = ""

    @property
    def key(self) -> Hashable:
        return run_key(self.store, self.fit, self.owner)


def run_key(store: Store, fit: Factorization, owner: str = "") -> Hashable:
    """Names a fit of a store, for what follows from it."""
    return store.fingerprint, fit.spec.key, owner


@dataclass(frozen=True)
class Cluster:
    """The Dask scheduler that is configured: its address, its workers and threads, or why it does not answer."""

    address: str
    workers: int = 0
    threads: int = 0
    trouble: str = ""


@dataclass(frozen=True, eq=False)
class Means:
    """Block means of X and WH (rows, columns) on one grid; the first row of each run (from 1), and each column group's topic."""

    X: np.ndarray
    WH: np.ndarray
    first_rows: list[int]
    topics: list[int]


class _Opened:
    """Stores that are open in this process, by folder and fingerprint of the header, so that their maps are shared."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: dict[tuple[str, str], Store] = {}

    def __call__(self, name: str) -> Store:
        store = open_store(name)
        with self.lock:
            return self.known.setdefault((name, store.fingerprint), store)


opened = _Opened()  # maps are the process's


def fit_key(store: Store, choice: Choice) -> Hashable:
    """Names a fit; one that was opened from a file names whose file it is."""
    return ("store", "fit", store.fingerprint, choice, choice.opened)


def fit_work(store: Store, choice: Choice) -> Callable[[Job], StoreFit]:
    """The work of a job that fits a store; it tells passes, bytes a second and the time left, and can be left inside a pass."""

    def work(job: Job) -> StoreFit:
        job.reserve(needed_bytes(store, choice.rank), "A lower rank needs less.")
        stop = StopRule(tol=choice.tol, max_iter=choice.max_iter, max_seconds=None)
        with client() as cluster:
            run = prepare(store, choice.rank, seed=choice.seed, stop=stop, penalty=choice.penalty, client=cluster)
            engine = run.engine.name  # type: ignore[attr-defined]

            def kept() -> StoreFit:
                return _finished(store, run, engine)

            going: Any = iter(run)
            with closing(going) as points:
                for point in points:
                    if isinstance(point, Within):
                        job.message, job.fraction = told(point), _fraction(run.history.points, point, choice)
                        if job.stopped:  # in the middle of a pass: the last whole one is kept
                            break
                        job.check()
                        continue
                    job.keep(kept)
                    if not job.report(point):
                        break
            if not run.history.points:
                job.check()
            return kept()

    return work


def _fraction(points: list[Any], point: Within, choice: Choice) -> float:
    """The share of the iterations at most; inside a pass it goes on."""
    done = max(0, len(points) - 1) + (point.blocks / max(1, point.of) if point.phase.startswith("Pass") else 0)
    return min(1.0, done / choice.max_iter)


def told(point: Within) -> str:
    """One line on a moment inside a pass."""
    said = [f"{point.phase}, block {point.blocks:,} of {point.of:,}"]
    if point.phase == "Sample" and not point.bytes:
        said = [f"Fitting a sample of the rows, iteration {point.blocks:,}"]
    if point.bytes_per_second:
        said.append(f"{point.bytes_per_second / 1e6:,.0f} MB/s")
    if point.seconds_left:
        said.append(f"{seconds(point.seconds_left)} left of this pass")
    return " · ".join(said)


def _finished(store: Store, run: Any, engine: str) -> StoreFit:
    fit = run.result()
    return StoreFit(store, fit, run.passes, engine, shares(fit))


def shares(fit: Factorization) -> np.ndarray:
    """The share (r,) of what is explained that each topic has; W may be a mapped file."""
    height = max(1, (1 << 22) // fit.rank)
    totals = np.zeros(fit.rank)
    for begin in range(0, len(fit.W), height):
        totals += fit.W[begin : begin + height].sum(axis=0, dtype=np.float64)
    totals *= fit.H.sum(axis=1, dtype=np.float64)
    return totals / max(totals.sum(), 1e-300)


def needed_bytes(store: Store, rank: int) -> int:
    """What a fit takes at most: per thread a block, its factors and the sums, the states kept in memory, and the sample."""
    largest = max(store.nbytes(i) for i in range(len(store)))
    tall = int(np.diff(store.edges).max())
    width = rank + 7
    states = min(512 << 20, 4 * store.shape[0] * width * store.dtype.itemsize)
    each = largest + 16 * tall * width + 12 * store.columns * width
    stored = store.facts.stored if store.facts else 0
    return (os.cpu_count() or 1) * each + states + min(stored // 4, 1 << 24) * 20


# -- what is said of a fit -----------------------------------------------------------------------------------------------------
def floor_key(store: Store, terms: int) -> Hashable:
    return ("store", "svd", store.fingerprint, terms)


def floor_work(store: Store, terms: int) -> Callable[[Job], SVD]:
    """The leading singular values, in a stated number of passes; no left vectors."""

    def work(job: Job) -> SVD:
        with client() as cluster:
            return whole.svd(store, terms, left=False, visit=whole.Visit(client=cluster, report=job.say))

    return work


def svd_passes(store: Store) -> str:
    """How many passes it takes, in words."""
    return "one pass" if store.columns <= whole.EXACT_COLUMNS else f"{whole.SVD_PASSES + 1} passes"


def means_key(found: StoreFit) -> Hashable:
    return ("store", "means", found.key)


def means_work(found: StoreFit) -> Callable[[Job], Means]:
    """Block means of X in one pass, of WH from the factors; columns lie by the topic in which they weigh most."""

    def work(job: Job) -> Means:
        store, fit = found.store, found.fit
        row_bins = min(PICTURE_ROWS, store.shape[0])
        column_of, topics = _column_bins(fit.H, min(PICTURE_COLUMNS, store.columns))
        with client() as cluster:
            visit = whole.Visit(client=cluster, report=job.say)
            X, counts = whole.block_means(store, row_bins, column_of, len(topics), visit=visit)
        tall = np.zeros((row_bins, fit.rank))
        height = max(1, (1 << 22) // fit.rank)
        for begin in range(0, len(fit.W), height):
            part = np.asarray(fit.W[begin : begin + height], np.float64)
            np.add.at(tall, whole.row_bin(begin + np.arange(len(part)), len(fit.W), row_bins), part)
        wide = np.zeros((len(topics), fit.rank))
        np.add.at(wide, column_of, fit.H.T.astype(np.float64))
        WH = np.divide(tall @ wide.T, counts, out=np.zeros(counts.shape), where=counts > 0)
        return Means(X, WH, [-(-b * len(fit.W) // row_bins) + 1 for b in range(row_bins)], topics)

    return work


def _column_bins(H: np.ndarray, bins: int) -> tuple[np.ndarray, list[int]]:
    """The group of each column, by leading topic and weight in it, and the topic of each group's first column (from 1)."""
    share = H / np.maximum(H.sum(axis=1, keepdims=True), 1e-300)
    leading = np.argmax(share, axis=0)
    order = np.lexsort((-share.max(axis=0), leading))
    column_of = np.empty(H.shape[1], np.int64)
    column_of[order] = whole.row_bin(np.arange(H.shape[1]), H.shape[1], bins)
    return column_of, [int(leading[order[np.argmax(column_of[order] == b)]]) + 1 for b in range(bins)]


# -- items ---------------------------------------------------------------------------------------------------------------------
def page_of(found: StoreFit, page: int) -> dict[str, list[Any]]:
    """The items of one page (counted from 1), read from disk: name, leading topic and its share, number and sum of entries."""
    store = found.store
    begin = (page - 1) * PAGE_ROWS
    end = min(begin + PAGE_ROWS, store.shape[0])
    X, W = store.rows(begin, end), np.asarray(found.fit.W[begin:end], np.float64)
    carried = W * found.fit.H.sum(axis=1, dtype=np.float64)
    total = carried.sum(axis=1)
    leading = np.argmax(carried, axis=1)
    part = np.divide(carried.max(axis=1), total, out=np.zeros(len(total)), where=total > 0)
    filled = np.diff(X.indptr) if sp.issparse(X) else np.count_nonzero(X, axis=1)
    return {
        store.axes.rows.singular: store.axes.rows.take(range(begin, end)),
        "topic": [int(k) + 1 if t > 0 else 0 for k, t in zip(leading, total, strict=True)],
        "share of it": [float(p) for p in part],
        "entries above 0": [int(n) for n in filled],
        "sum": [float(s) for s in np.asarray(X.sum(axis=1, dtype=np.float64)).ravel()],
    }


def item(found: StoreFit, index: int, most: int = 12) -> tuple[np.ndarray, list[tuple[str, float, float]]]:
    """One item: what each topic carries of it (r,), and its largest entries with the model's values."""
    store = found.store
    X = store.rows(index, index + 1)
    x = X.toarray()[0] if sp.issparse(X) else np.asarray(X)[0]
    w = np.asarray(found.fit.W[index], np.float64)
    front = np.argsort(-x, kind="stable")[:most]
    front = front[x[front] > 0]
    model = w @ found.fit.H[:, front].astype(np.float64)
    names = store.axes.columns.take(front)
    carried = w * found.fit.H.sum(axis=1, dtype=np.float64)
    return carried, [(name, float(x[j]), float(y)) for name, j, y in zip(names, front, model, strict=True)]


# -- a sample ------------------------------------------------------------------------------------------------------------------
def sample_size(store: Store) -> int:
    """How many rows a sample in memory has."""
    stored = store.facts.stored if store.facts else store.shape[0] * store.columns
    return max(1, min(SAMPLE_ROWS, store.shape[0], int(SAMPLE_VALUES * store.shape[0] / max(1, stored))))


def sample_key(store: Store, seed: int) -> Hashable:
    return ("store", "sample", store.fingerprint, seed)


def sample_work(store: Store, seed: int) -> Callable[[Job], Dataset]:
    """The work of a job that takes a random sample of the rows into memory, as a data set like any other."""

    def work(job: Job) -> Dataset:
        with client() as cluster:
            visit = whole.Visit(client=cluster, report=job.say)
            rows, X = whole.sample(store, sample_size(store), seed=seed, visit=visit)
        filled = np.asarray(X.sum(axis=0)).ravel() > 0
        X = _columns(X, filled)
        notes = [f"A random sample of {count(len(rows), 'row')} of {store.shape[0]:,} (seed {seed}) of {store.title}."]
        if not filled.all():
            notes.append(f"{int((~filled).sum()):,} columns hold nothing in the sample and are left out.")
        axes, kept = store.axes, np.flatnonzero(filled)
        return Dataset(
            key="upload",
            title=f"{store.title}, a sample",
            X=X,
            axes=Axes(
                Axis(axes.rows.name, axes.rows.singular, axes.rows.take(rows)),
                Axis(axes.columns.name, axes.columns.singular, axes.columns.take(kept)),
            ),
            notes=tuple(notes),
            source="a store of this server",
        )

    return work


def _columns(X: Matrix, filled: np.ndarray) -> Matrix:
    return sp.csr_array(X[:, filled]) if sp.issparse(X) else np.ascontiguousarray(X[:, filled])


# -- Dask ----------------------------------------------------------------------------------------------------------------------
class client:
    """The client of the scheduler that is configured, for the time of one job; None without one."""

    def __init__(self) -> None:
        self.held: Any = None

    def __enter__(self) -> Any:
        address = os.environ.get(SCHEDULER_VARIABLE, "").strip()
        if address:
            from distributed import Client

            self.held = Client(address, timeout=SCHEDULER_SECONDS, set_as_default=False)
        return self.held

    def __exit__(self, *_: object) -> None:
        if self.held is not None:
            self.held.close()


class _Looked:
    """The last answer of the scheduler, and when it was."""

    def __init__(self) -> None:
        self.at, self.found = -math.inf, Cluster("")


_looked = _Looked()  # one scheduler for the process


def cluster() -> Cluster | None:
    """The scheduler that is configured, as it answered in the last seconds; None without one."""
    address = os.environ.get(SCHEDULER_VARIABLE, "").strip()
    if not address:
        return None
    if _looked.found.address == address and time.monotonic() - _looked.at < LOOK_EVERY:
        return _looked.found
    try:
        with client() as at:
            workers = at.scheduler_info(n_workers=-1)["workers"]
        found = Cluster(address, len(workers), sum(int(w["nthreads"]) for w in workers.values()))
    except (ImportError, OSError, ValueError, TimeoutError) as wrong:
        found = Cluster(address, trouble=str(wrong) or type(wrong).__name__)
    _looked.at, _looked.found = time.monotonic(), found
    return found
