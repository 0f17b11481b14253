"""What do the lenses compute in the background: shares by group, topics through time, the map of the items?

Pure of Streamlit. Everything is named by the run it is of, so that sessions that look at one run share it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np

from dashboard.work.estimates import estimate
from dashboard.work.fitted import FittedRun
from dashboard.work.fitting import start
from dashboard.work.gate import fits
from dashboard.work.job import Job
from nmfcore.core.checks import ProblemError
from nmfcore.core.factorization import Factorization, Matrix
from nmfcore.core.guidance import Guidance
from nmfcore.core.wanted import asking
from nmfcore.data import prepare
from nmfcore.data.model.facts import Classes
from nmfcore.data.model.rows import as_text
from nmfcore.methods.corpora import Pair, matched
from nmfcore.methods.dynamic import Dynamic, dynamic_topics
from nmfcore.methods.groups import GroupShares, LogOdds, group_shares, log_odds, occurrences
from nmfcore.methods.maps import CELLS, ItemMap, directions, item_map, neighbourhoods
from nmfcore.methods.over_time import Bins, words_by_bin
from nmfcore.methods.subset import Contrast, contrast

MAP_SECONDS = 1.2e-3  # for each item, measured on two processors (18,846 items: 22 s)
AT_ONCE = 1_000  # items whose neighbours are looked for between two looks at Stop
HELD = 300  # numbers that a map holds for each item: its neighbours with their weights, its direction, its place
COPIES = 3  # of X that counting its words takes: as it is looked through, as counts, and the rows of one side
VECTORS = 12  # numbers that the log-odds hold for each word
TWO_LAYERS = 1.5  # times one fit of everything that dynamic topics take, measured with 20 windows


DRAWN = 2_000_000  # numbers that the bootstrap holds at one time, three times over


@dataclass(frozen=True)
class Place:
    """Which run, on which scale, with which topics shown as one: what every lens's key begins with."""

    run: str
    data: str
    scale: str
    merges: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, eq=False)
class Seen:
    """A run as it is looked at.

    W : (m, t) of the topics that are shown, on the scale in force;  place : names it
    """

    run: FittedRun
    W: np.ndarray
    place: Place


def shares_key(place: Place, name: str, rows: Hashable, seed: int) -> Hashable:
    """Names shares by group: the run, the grouping, the rows that are looked at, the seed."""
    return ("shares", place, name, rows, seed)


def shares_work(seen: Seen, groups: Classes, rows: np.ndarray | None, seed: int) -> Callable[[Job], GroupShares]:
    """The work of a job: mean shares with intervals and the test against chance, over some rows or all."""

    def work(job: Job) -> GroupShares:
        W = seen.W
        fits(job, seen.run.dataset, seen.run.rank, extra=8 * (3 * DRAWN + 4 * W.size))
        job.say("Drawing the items again and shuffling the groups")
        with asking(job.check):
            return group_shares(W if rows is None else W[rows], groups if rows is None else groups.take(rows), seed=seed)

    return work


def map_key(place: Place, of: str, seed: int) -> Hashable:
    """Names a map of the items: of W on a scale, or of X whatever the scale."""
    return ("item map", place if of == "W" else place.data, of, seed)


def map_work(seen: Seen, of: str, seed: int) -> Callable[[Job], ItemMap]:
    """The work of a job that draws the items in the plane."""

    def work(job: Job) -> ItemMap:
        data = seen.run.dataset
        fits(job, data, seen.run.rank, extra=8 * (3 * CELLS + HELD * data.shape[0]))
        A = seen.W if of == "W" else data.X

        def say(sentence: str, share: float) -> None:
            job.message, job.fraction = sentence, share
            job.check()

        with asking(job.check):
            return item_map(A, of=of, seed=seed, report=say)

    return work


def trust_key(place: Place, of: str, seed: int) -> Hashable:
    """Names how far each item's place on a map can be trusted."""
    return ("trusted", *map_key(place, of, seed))  # type: ignore[misc]


def trust_work(seen: Seen, made: ItemMap) -> Callable[[Job], np.ndarray]:
    """The work of a job: (m,) share of each item's true neighbours that are near it on the map; NaN where it has no place."""

    def work(job: Job) -> np.ndarray:
        data, live = seen.run.dataset, made.drawn
        fits(job, data, seen.run.rank, extra=8 * (3 * CELLS + HELD * data.shape[0]))
        kept = np.full(data.shape[0], np.nan)
        with asking(job.check):
            rows, _ = directions(seen.W if made.of == "W" else data.X, made.seed)
            for begin in range(0, len(live), AT_ONCE):
                job.say("Looking at the neighbours of each", begin / len(live))
                places = np.arange(begin, min(begin + AT_ONCE, len(live)))
                kept[live[places]] = neighbourhoods(rows, made.points[live], places)[1]
        return kept

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
    one = estimate(run.spec, run.dataset, [run])
    return None if one is None else TWO_LAYERS * one


def words_key(place: Place, found: Bins, fact: str, topic: int) -> Hashable:
    """Names the words of a topic in each bin."""
    return ("words by bin", place, fact, found.unit, topic)


def words_work(seen: Seen, found: Bins, topic: int, least: int) -> Callable[[Job], np.ndarray]:
    """The work of a job: a topic's row of H in each bin, with W held."""

    def work(job: Job) -> np.ndarray:
        data = seen.run.dataset
        fits(job, data, seen.run.rank, extra=8 * data.shape[1] * (len(found.names) + seen.W.shape[1]))
        job.say("Fitting the words of each bin")
        with asking(job.check):
            return words_by_bin(data.X, seen.W, found, topic, least=least)

    return work


def contrast_key(place: Place, rows: np.ndarray) -> Hashable:
    """Names what is different about some items."""
    return ("contrast", place, as_text(rows))


def contrast_work(seen: Seen, rows: np.ndarray) -> Callable[[Job], Contrast | ProblemError]:
    """The work of a job: what some items have more or less of than all; why there is nothing to say where there is not."""

    def work(job: Job) -> Contrast | ProblemError:
        data = seen.run.dataset
        fits(job, data, seen.run.rank, extra=COPIES * data.nbytes + 8 * (2 * seen.W.size + VECTORS * data.shape[1]))
        try:
            return contrast(data, seen.W, rows, counted(seen.run))
        except ProblemError as wrong:
            return wrong

    return work


def odds_key(place: Place, rows: np.ndarray, others: np.ndarray) -> Hashable:
    """Names the words of some items against those of others, whatever the topics are."""
    return ("log-odds", place.data, as_text(rows), as_text(others))


def odds_work(run: FittedRun, rows: np.ndarray, others: np.ndarray) -> Callable[[Job], LogOdds | ProblemError]:
    """The work of a job: log-odds of every word; why there are none where there are not."""

    def work(job: Job) -> LogOdds | ProblemError:
        data = run.dataset
        fits(job, data, run.rank, extra=COPIES * data.nbytes + 8 * VECTORS * data.shape[1])
        try:
            return log_odds(counted(run)[0], rows, others)
        except ProblemError as wrong:
            return wrong

    return work


def counted(run: FittedRun) -> tuple[Matrix, bool]:
    """What is counted of every word, kept with the run; see `occurrences`."""
    return run.derived("occurrences", lambda: occurrences(run.dataset.X))


@dataclass(frozen=True, eq=False)
class Corpus:
    """Some items of a run as a collection of their own."""

    name: str
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class Corpora:
    """Two collections, each factorized alone; the topics in pairs."""

    first: Factorization
    second: Factorization
    pairs: list[Pair]


def corpora_key(run: FittedRun, one: Corpus, other: Corpus) -> Hashable:
    """Names the two by the run whose specification they are fitted with, and their items."""
    return ("corpora", run.key, run.dataset.identity, as_text(one.rows), as_text(other.rows))


def corpora_work(run: FittedRun, one: Corpus, other: Corpus) -> Callable[[Job], Corpora]:
    """The work of a job: two fits as the run was fitted, without its wishes, on the items of each; and the matching."""

    def alone(job: Job, corpus: Corpus) -> Factorization:
        part = prepare.apply(run.dataset, [{"step": "items", "keep": as_text(corpus.rows), "called": corpus.name}])
        rank = min(run.spec.topics, *part.shape)
        fit = start(run.spec.replace(preparation=part.steps, rank=rank, guidance=Guidance()), part)
        for _ in fit:
            job.say(f"Fitting {corpus.name}")  # leaves here when somebody presses Stop
        return fit.result()

    def work(job: Job) -> Corpora:
        fits(job, run.dataset, run.rank, loss=run.spec.loss, extra=run.dataset.nbytes)
        first, second = alone(job, one), alone(job, other)
        return Corpora(first, second, matched(first.H, second.H, run.dataset.axes.columns))

    return work
