"""What do the lenses compute in the background: shares by group, topics through time, the map of the items?

Pure of Streamlit. Everything is named by the run it is of, so that sessions that look at one run share it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np

from dashboard.work.fitting import FittedRun, estimate, fits
from dashboard.work.jobs import Job
from nmfcore.core.wanted import asking
from nmfcore.data.model.facts import Classes
from nmfcore.methods.dynamic import Dynamic, dynamic_topics
from nmfcore.methods.groups import GroupShares, group_shares
from nmfcore.methods.maps import ItemMap, item_map
from nmfcore.methods.over_time import Bins
from nmfcore.topics.scale import apply as rescale

MAP_SECONDS = 1.2e-3  # for each item, measured on two processors (18,846 items: 22 s)
TWO_LAYERS = 2.0  # times one fit of everything that dynamic topics take, measured with 20 windows


@dataclass(frozen=True)
class Place:
    """Which run, on which scale: what every lens's key begins with."""

    run: str
    data: str
    scale: str

    @classmethod
    def of(cls, run: FittedRun, scale: str) -> Place:
        return cls(run.key, run.dataset.identity, scale)


def shares_key(place: Place, name: str, rows: Hashable, seed: int) -> Hashable:
    """Names shares by group: the run, the grouping, the rows that are looked at, the seed."""
    return ("shares", place, name, rows, seed)


def shares_work(run: FittedRun, scale: str, groups: Classes, rows: np.ndarray | None, seed: int) -> Callable[[Job], GroupShares]:
    """The work of a job: mean shares with intervals and the test against chance, over some rows or all."""

    def work(job: Job) -> GroupShares:
        job.say("Drawing the items again and shuffling the groups")
        W = rescale(run.factorization.W, run.factorization.H, scale).W
        with asking(job.check):
            return group_shares(W if rows is None else W[rows], groups if rows is None else groups.take(rows), seed=seed)

    return work


def map_key(place: Place, of: str, seed: int) -> Hashable:
    """Names a map of the items: of W on a scale, or of X whatever the scale."""
    return ("item map", place if of == "W" else place.data, of, seed)


def map_work(run: FittedRun, scale: str, of: str, seed: int) -> Callable[[Job], ItemMap]:
    """The work of a job that draws the items in the plane."""

    def work(job: Job) -> ItemMap:
        fits(job, run.dataset, run.rank)
        A = rescale(run.factorization.W, run.factorization.H, scale).W if of == "W" else run.dataset.X

        def say(sentence: str, share: float) -> None:
            job.message, job.fraction = sentence, share
            job.check()

        with asking(job.check):
            return item_map(A, of=of, seed=seed, report=say)

    return work


def map_seconds(run: FittedRun) -> float:
    """About how long a map takes, in seconds."""
    return 1.0 + MAP_SECONDS * run.dataset.shape[0]


@dataclass(frozen=True)
class Windows:
    """What was asked for: so many topics in each window, so many dynamic ones over them."""

    fact: str
    unit: str
    window_rank: int
    rank: int


def dynamic_key(place: Place, asked: Windows, seed: int) -> Hashable:
    return ("dynamic topics", place.data, asked, seed)


def dynamic_work(run: FittedRun, found: Bins, asked: Windows, seed: int) -> Callable[[Job], Dynamic]:
    """The work of a job: topics of each window, and the dynamic topics over them."""

    def work(job: Job) -> Dynamic:
        fits(job, run.dataset, asked.window_rank)

        def report(done: int, of: int) -> None:
            job.message, job.fraction = f"Window {done + 1} of {of}", done / (of + 1)
            job.check()

        with asking(job.check):
            return dynamic_topics(
                run.dataset.X, found.index, found.names, window_rank=asked.window_rank, rank=asked.rank, seed=seed, report=report
            )

    return work


def dynamic_seconds(run: FittedRun) -> float | None:
    """About how long dynamic topics take, in seconds; None when nothing is known."""
    one = estimate(run.spec, run.dataset, run)
    return None if one is None else TWO_LAYERS * one
